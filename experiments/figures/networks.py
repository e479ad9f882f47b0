"""Both networks side by side, moved by one slider of periods."""

from dataclasses import dataclass
from math import atan2, ceil, degrees, hypot
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from cosim.arrays import FloatArray, Frame
from experiments.figures.day import Day
from experiments.figures.positions import Positions, feeder_positions, road_positions
from experiments.figures.style import INK, PAPER, VOLTAGE, Figure, colours_of, congestion, grid

THINNEST, WIDEST = 1.5, 9.0
LABELLED_BUSES = 60
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Roads:
    """The road links as they are drawn: ends, and flow and v/c with one row per period."""

    names: list[str]
    ends: list[tuple[Point, Point]]
    flow_veh_h: FloatArray
    saturation: FloatArray
    time_min: FloatArray

    @property
    def saturation_max(self) -> float:
        """Upper end of the colour scale."""
        return max(1.2, ceil(float(self.saturation.max()) * 10) / 10)


def networks(day: Day) -> Figure:
    """Return the roads by v/c and flow, and the feeders by voltage, with a slider over the periods."""
    links = day.main("links")
    roads_table = links[links.kind == "road"]
    nodes_file = day.scenario["road"].get("nodes")
    nodes = road_positions(roads_table, day.directory / Path(nodes_file) if nodes_file else None)
    roads = _roads(roads_table, nodes)
    buses = bus_positions(day.main("branches"))
    periods = sorted(links.period.unique())
    busiest = int(np.argmax(roads.flow_veh_h.sum(axis=1)))
    drawing = grid(560, 1, 2, column_widths=[0.47, 0.53], horizontal_spacing=0.03)
    _draw_still_life(drawing, day, nodes, buses)
    still = len(drawing.data)
    moving = [_moving(day, roads, nodes, buses, place, period) for place, period in enumerate(periods)]
    on_roads = len(roads.names) + 2
    for place, trace in enumerate(moving[busiest]):
        drawing.add_trace(trace, row=1, col=1 if place < on_roads else 2)
    traces = list(range(still, len(drawing.data)))
    drawing.frames = [
        go.Frame(name=str(period), data=[_changes(trace) for trace in data], traces=traces)
        for period, data in zip(periods, moving, strict=True)
    ]
    return _laid_out(drawing, [str(period) for period in periods], busiest)


def _roads(links: Frame, nodes: Positions) -> Roads:
    ways = links.drop_duplicates("link")
    both_ways = {(row.to_node, row.from_node) for row in ways.itertuples()}
    shift = 0.015 * max(np.ptp([x for x, _ in nodes.values()]), np.ptp([y for _, y in nodes.values()]))
    ends = [
        _beside(nodes[row.from_node], nodes[row.to_node], shift * ((row.from_node, row.to_node) in both_ways))
        for row in ways.itertuples()
    ]
    names = ways.link.tolist()

    def by_period(column: str) -> FloatArray:
        table: FloatArray = links.pivot_table(index="period", columns="link", values=column)[names].to_numpy()
        return table

    flow = by_period("flow_veh_h")
    return Roads(names, ends, flow, flow / by_period("capacity_veh_h"), by_period("time_min"))


def _beside(start: Point, end: Point, shift: float) -> tuple[Point, Point]:
    """Return the line from *start* to *end*, moved to its right: the two directions do not hide each other."""
    (x0, y0), (x1, y1) = start, end
    length = hypot(x1 - x0, y1 - y0) or 1.0
    dx, dy = shift * (y1 - y0) / length, -shift * (x1 - x0) / length
    return (x0 + dx, y0 + dy), (x1 + dx, y1 + dy)


def bus_positions(branches: Frame) -> Positions:
    """Return the one-line diagrams of all feeders, one below the other, by 'feeder/bus'."""
    positions: Positions = {}
    floor = 0.0
    for feeder, own in branches.groupby("feeder", sort=True):
        placed = feeder_positions(own)
        top = max(y for _, y in placed.values())
        positions |= {f"{feeder}/{bus}": (x, y - top + floor) for bus, (x, y) in placed.items()}
        floor = min(y for _, y in positions.values()) - 2
    return positions


def _draw_still_life(drawing: Figure, day: Day, nodes: Positions, buses: Positions) -> None:
    """Draw what does not change with the period."""
    drawing.add_trace(_branches(day.main("branches"), buses), row=1, col=2)
    _annotate_stations(drawing, day, nodes, buses)
    _annotate_devices(drawing, day.main("devices"), buses)


def _branches(branches: Frame, buses: Positions) -> Any:
    """Return the branches as one line with gaps; a lateral leaves its bus at a right angle."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row in branches.drop_duplicates(["feeder", "branch"]).itertuples():
        (x0, y0), (x1, y1) = buses[f"{row.feeder}/{row.from_bus}"], buses[f"{row.feeder}/{row.to_bus}"]
        x += [x0, x0, x1, None]
        y += [y0, y1, y1, None]
    return go.Scatter(
        x=x, y=y, mode="lines", line={"color": "#9aa6b2", "width": 2}, hoverinfo="skip", showlegend=False
    )


def _annotate_stations(drawing: Figure, day: Day, nodes: Positions, buses: Positions) -> None:
    """Name each station at its bus and its bus at the station, in the station's colour."""
    colours = colours_of([station["name"] for station in day.scenario["stations"]])
    where = day.main("stations").drop_duplicates("station").set_index("station")
    for name, colour in colours.items():
        x, y = buses[f"{where.feeder[name]}/{where.bus[name]}"]
        drawing.add_annotation(**_flag(f"<b>{name}</b>", colour), x=x, y=y, ax=0, ay=-34, row=1, col=2)
    for station in day.scenario["stations"]:
        x, y = nodes[str(station["road_node"])]
        text = f"<b>{station['name']}</b> → bus {station['bus']}"
        drawing.add_annotation(**_flag(text, colours[station["name"]]), x=x, y=y, ax=54, ay=-28, row=1, col=1)


def _flag(text: str, colour: str) -> dict[str, Any]:
    return {
        "text": text,
        "font": {"color": PAPER, "size": 12},
        "bgcolor": colour,
        "borderpad": 3,
        "arrowcolor": colour,
        "arrowwidth": 2,
        "arrowhead": 0,
        "standoff": 9,
    }


def _annotate_devices(drawing: Figure, devices: Frame, buses: Positions) -> None:
    """Name the units below their buses."""
    if devices.empty:
        return
    for row in devices.drop_duplicates(["feeder", "device"]).itertuples():
        x, y = buses[f"{row.feeder}/{row.bus}"]
        text = "DR" if row.kind == "demand_response" else row.kind
        style = {"text": f"<i>{text}</i>", "showarrow": False, "font": {"size": 11, "color": INK}}
        drawing.add_annotation(**style, x=x, y=y, yshift=-20, row=1, col=2)


def _moving(day: Day, roads: Roads, nodes: Positions, buses: Positions, place: int, period: int) -> list[Any]:
    """Return the traces of one period: links, their arrows, road nodes; then buses."""
    return [
        *_links(roads, place),
        _arrows(roads, place),
        _nodes(nodes, day.main("stations"), day, period),
        _buses(day, buses, period),
    ]


def _links(roads: Roads, place: int) -> list[Any]:
    saturation = roads.saturation[place] / roads.saturation_max
    colours = sample_colorscale(congestion(roads.saturation_max), np.clip(saturation, 0, 1).tolist())
    widths = THINNEST + (WIDEST - THINNEST) * roads.flow_veh_h[place] / max(1.0, roads.flow_veh_h.max())
    return [
        go.Scatter(
            x=[start[0], end[0]],
            y=[start[1], end[1]],
            mode="lines",
            line={"color": colour, "width": round(float(width), 2)},
            hoverinfo="skip",
            showlegend=False,
        )
        for (start, end), colour, width in zip(roads.ends, colours, widths, strict=True)
    ]


def _arrows(roads: Roads, place: int) -> Any:
    """Return an arrow at each link's middle: it shows the direction, and the figures when pointed at."""
    middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in roads.ends]
    angles = [90 - degrees(atan2(d - b, c - a)) for (a, b), (c, d) in roads.ends]
    figures = zip(
        roads.names, roads.flow_veh_h[place], roads.saturation[place], roads.time_min[place], strict=True
    )
    return go.Scatter(
        x=[x for x, _ in middles],
        y=[y for _, y in middles],
        mode="markers",
        marker={
            "symbol": "arrow",
            "angle": angles,
            "size": 16,
            "color": roads.saturation[place].round(3).tolist(),
            "colorscale": congestion(roads.saturation_max),
            "cmin": 0,
            "cmax": roads.saturation_max,
            "colorbar": _colourbar("flow / capacity", 0.0, 0.44),
            "line": {"color": PAPER, "width": 1.2},
        },
        text=[f"link {n}<br>{f:.0f} veh/h, v/c {s:.2f}<br>{t:.1f} min" for n, f, s, t in figures],
        hoverinfo="text",
        showlegend=False,
    )


def _nodes(nodes: Positions, stations: Frame, day: Day, period: int) -> Any:
    """Return the road nodes; those with a station tell its load and arrivals when pointed at."""
    now = stations[stations.period == period].set_index("station")
    told = {
        str(station["road_node"]): f"{station['name']}: {now.load_kw[station['name']]:.0f} kW, "
        f"{now.arrivals[station['name']]:.3g} arrivals"
        for station in day.scenario["stations"]
    }
    return go.Scatter(
        x=[x for x, _ in nodes.values()],
        y=[y for _, y in nodes.values()],
        mode="markers+text",
        marker={"size": 22, "color": PAPER, "line": {"color": INK, "width": 1.5}},
        text=list(nodes),
        textfont={"size": 11},
        hovertext=[f"node {name}<br>{told.get(name, '')}" for name in nodes],
        hoverinfo="text",
        showlegend=False,
    )


def _buses(day: Day, buses: Positions, period: int) -> Any:
    table = day.main("buses")
    now = table[table.period == period]
    keys = [f"{row.feeder}/{row.bus}" for row in now.itertuples()]
    low = min(feeder["voltage_min_pu"] for feeder in day.feeders)
    high = max(feeder["voltage_max_pu"] for feeder in day.feeders)
    voltage = now.voltage_pu.to_numpy()
    labels = now.bus.tolist() if len(keys) <= LABELLED_BUSES else [""] * len(keys)
    return go.Scatter(
        x=[buses[key][0] for key in keys],
        y=[buses[key][1] for key in keys],
        mode="markers+text",
        marker={
            "size": 21,
            "color": voltage.round(5).tolist(),
            "colorscale": VOLTAGE,
            "cmin": low,
            "cmax": high,
            "colorbar": _colourbar("voltage [p.u.]", 0.53, 0.47),
            "line": {"color": INK, "width": 1},
        },
        text=labels,
        textfont={"size": 10, "color": INK},
        hovertext=[
            f"bus {row.bus}<br>{row.voltage_pu:.4f} p.u.<br>{row.load_kw:.0f} kW base load"
            f"<br>{row.station_kw:.0f} kW station"
            for row in now.itertuples()
        ],
        hoverinfo="text",
        showlegend=False,
    )


def _colourbar(title: str, x: float, length: float) -> dict[str, Any]:
    return {
        "title": {"text": title, "side": "top", "font": {"size": 12}},
        "orientation": "h",
        "x": x,
        "xanchor": "left",
        "y": -0.02,
        "yanchor": "top",
        "len": length,
        "thickness": 10,
        "outlinewidth": 0,
    }


def _changes(trace: Any) -> dict[str, Any]:
    """Return what a frame has to say of a trace: all but where it is."""
    content = trace.to_plotly_json()
    marker, line = content.get("marker"), content.get("line")
    changes = {key: content[key] for key in ("text", "hovertext") if key in content}
    if line:
        changes["line"] = line
    if marker and "colorscale" in marker:
        changes["marker"] = {"color": marker["color"]}
    return {"type": "scatter", **changes}


def _laid_out(drawing: Figure, periods: list[str], active: int) -> Figure:
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    drawing.update_xaxes(**hidden)
    drawing.update_yaxes(**hidden)
    drawing.update_yaxes(scaleanchor="x", scaleratio=1, row=1, col=1)
    moment = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    running = {**moment, "frame": {"duration": 700, "redraw": True}, "fromcurrent": True}
    slider = {
        "active": active,
        "currentvalue": {"prefix": "period ", "font": {"size": 15}},
        "pad": {"t": 64},
        "x": 0.09,
        "len": 0.91,
        "steps": [{"label": p, "method": "animate", "args": [[p], moment]} for p in periods],
    }
    play = {
        "type": "buttons",
        "showactive": False,
        "direction": "left",
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 96},
        "buttons": [
            {"label": "▶", "method": "animate", "args": [None, running]},
            {"label": "❚❚", "method": "animate", "args": [[None], moment]},
        ],
    }
    return drawing.update_layout(
        sliders=[slider], updatemenus=[play], margin={"l": 10, "r": 10, "t": 10, "b": 150}
    )
