"""Both networks side by side, moved by one slider of periods."""

from collections.abc import Mapping
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
from experiments.figures.slider import with_period_slider
from experiments.figures.still_life import draw_still_life
from experiments.figures.style import INK, PAPER, VOLTAGE, Figure, congestion, grid

THINNEST, WIDEST = 1.5, 9.0
LABELLED = 60
"""Nodes, or buses, up to which each has its name in it; more are drawn as dots."""
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
    draw_still_life(drawing, day, nodes, buses)
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
        _scatter(
            x=[start[0], end[0]],
            y=[start[1], end[1]],
            mode="lines",
            line={"color": colour, "width": round(float(width), 2)},
            hoverinfo="skip",
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
    return _scatter(
        x=[x for x, _ in middles],
        y=[y for _, y in middles],
        mode="markers",
        marker={
            "symbol": "arrow",
            "angle": angles,
            "size": 16 if len(roads.names) <= 2 * LABELLED else 7,
            "color": roads.saturation[place].round(3).tolist(),
            "colorscale": congestion(roads.saturation_max),
            "cmin": 0,
            "cmax": roads.saturation_max,
            "colorbar": _colourbar("flow / capacity", 0.0, 0.44),
            "line": {"color": PAPER, "width": 1.2},
        },
        text=[f"link {n}<br>{f:.0f} veh/h, v/c {s:.2f}<br>{t:.1f} min" for n, f, s, t in figures],
        hoverinfo="text",
    )


def _nodes(nodes: Positions, stations: Frame, day: Day, period: int) -> Any:
    """Return the road nodes; those with a station tell its load and arrivals when pointed at."""
    now = stations[stations.period == period].set_index("station")
    few = len(nodes) <= LABELLED
    told: dict[str, str] = {}
    for station in day.scenario["stations"]:
        name, node = station["name"], str(station["road_node"])
        figures = f"{name}: {now.load_kw[name]:.0f} kW, {now.arrivals[name]:.3g} arrivals"
        told[node] = f"{told.get(node, '')}<br>{figures}"
    return _scatter(
        x=[x for x, _ in nodes.values()],
        y=[y for _, y in nodes.values()],
        mode="markers+text",
        marker={"size": 22 if few else 7, "color": PAPER, "line": {"color": INK, "width": 1.5}},
        text=list(nodes) if few else None,
        textfont={"size": 11},
        hovertext=[f"node {name}{told.get(name, '')}" for name in nodes],
        hoverinfo="text",
    )


def _buses(day: Day, buses: Positions, period: int) -> Any:
    table = day.main("buses")
    now = table[table.period == period]
    keys = [f"{row.feeder}/{row.bus}" for row in now.itertuples()]
    low = min(feeder["voltage_min_pu"] for feeder in day.feeders)
    high = max(feeder["voltage_max_pu"] for feeder in day.feeders)
    voltage = now.voltage_pu.to_numpy()
    few = len(keys) <= LABELLED
    return _scatter(
        x=[buses[key][0] for key in keys],
        y=[buses[key][1] for key in keys],
        mode="markers+text",
        marker={
            "size": 21 if few else 8,
            "color": voltage.round(5).tolist(),
            "colorscale": VOLTAGE,
            "cmin": low,
            "cmax": high,
            "colorbar": _colourbar("voltage [p.u.]", 0.53, 0.47),
            "line": {"color": INK, "width": 1},
        },
        text=now.bus.tolist() if few else None,
        textfont={"size": 10, "color": INK},
        hovertext=[
            f"bus {row.bus}<br>{row.voltage_pu:.4f} p.u.<br>{row.load_kw:.0f} kW base load"
            f"<br>{row.station_kw:.0f} kW station"
            for row in now.itertuples()
        ],
        hoverinfo="text",
    )


def _scatter(**content: Any) -> dict[str, Any]:
    """Return a trace in plain words: thousands of plotly's own objects would take seconds to check."""
    return {"type": "scatter", "showlegend": False, **content}


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


def _changes(trace: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a frame has to say of a trace: all but where it is."""
    changes = {key: trace[key] for key in ("type", "text", "hovertext", "line") if key in trace}
    if "colorscale" in trace.get("marker", {}):
        changes["marker"] = {"color": trace["marker"]["color"]}
    return changes


def _laid_out(drawing: Figure, periods: list[str], active: int) -> Figure:
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    drawing.update_xaxes(**hidden)
    drawing.update_yaxes(**hidden)
    drawing.update_yaxes(scaleanchor="x", scaleratio=1, row=1, col=1)
    return with_period_slider(drawing, periods, active)
