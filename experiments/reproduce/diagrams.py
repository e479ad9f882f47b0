"""Figures 1, 2 and 4 of Ma et al. (2024), drawn anew: architecture, computation of the load, coupled networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.figures.feeder_map import branch_lines
from experiments.figures.palette import BLUE, GREEN, INK, MUTED, ORANGE, PAPER, looks_of, readable_on
from experiments.figures.positions import Positions
from experiments.figures.style import Figure, figure
from experiments.figures.traces import line, marks
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.road_case import FIRST_PERIOD
from experiments.reproduce.topology_case import TopologyCase

WIDE, HIGH = 2.6, 1.0
"""Size of a box; the centres of two boxes of a row are 4 apart."""
ROADS_ABOVE, ROAD_WIDTH, ROAD_HEIGHT = 3.0, 3.9, 1.5
"""Where the roads stand above the feeder, and the size of their grid in that of the buses."""
DEVICES = {"turbines": "turbine", "storage": "storage", "demand_response": "DR", "pv": "PV", "wind": "wind"}
BETWEEN, ROOM = 1.5, 3.0
"""Where labels stand above the feeder, and the width of one."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box of a diagram: its centre, what stands in it, and its colour."""

    x: float
    y: float
    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow from one box to another, and what is written at it."""

    start: str
    end: str
    text: str = ""
    shift: float = 0.0
    """How far beside the line between the centres it is, up or right."""


def diagram(height: int, boxes: Mapping[str, Box], arrows: Sequence[Arrow]) -> Figure:
    """Return boxes with arrows between them."""
    drawing = figure(height, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    for box in boxes.values():
        left, low = box.x - WIDE / 2, box.y - HIGH / 2
        look = {"fillcolor": box.colour, "opacity": 0.14, "line": {"color": box.colour, "width": 2}}
        drawing.add_shape(type="rect", x0=left, y0=low, x1=left + WIDE, y1=low + HIGH, **look)
        edge = {"line": {"color": box.colour, "width": 1.5}, "fillcolor": "rgba(0,0,0,0)"}
        drawing.add_shape(type="rect", x0=left, y0=low, x1=left + WIDE, y1=low + HIGH, **edge)
        drawing.add_annotation(x=box.x, y=box.y, text=box.text, showarrow=False, font={"size": 12})
    for arrow in arrows:
        _draw_arrow(drawing, boxes[arrow.start], boxes[arrow.end], arrow)
    x, y = [box.x for box in boxes.values()], [box.y for box in boxes.values()]
    hidden = {"visible": False, "fixedrange": True}
    drawing.update_xaxes(range=[min(x) - WIDE / 2 - 0.1, max(x) + WIDE / 2 + 0.1], **hidden)
    return drawing.update_yaxes(range=[min(y) - HIGH / 2 - 0.15, max(y) + HIGH / 2 + 0.15], **hidden)


def _draw_arrow(drawing: Figure, start: Box, end: Box, arrow: Arrow) -> None:
    """Draw an arrow between the sides of two boxes that face each other, with its text in the middle."""
    level = abs(end.x - start.x) >= abs(end.y - start.y)
    towards = np.sign(end.x - start.x) if level else np.sign(end.y - start.y)
    if level:
        x0, x1 = start.x + towards * WIDE / 2, end.x - towards * WIDE / 2
        y0, y1 = start.y + arrow.shift, end.y + arrow.shift
    else:
        y0, y1 = start.y + towards * HIGH / 2, end.y - towards * HIGH / 2
        x0, x1 = start.x + arrow.shift, end.x + arrow.shift
    axes = {"xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
    head = {"showarrow": True, "arrowhead": 2, "arrowwidth": 1.6, "arrowcolor": MUTED, "text": ""}
    drawing.add_annotation(x=x1, y=y1, ax=x0, ay=y0, **axes, **head)
    if not arrow.text:
        return
    place = {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2, "showarrow": False, "font": {"size": 11, "color": INK}}
    drawing.add_annotation(text=arrow.text, bgcolor=PAPER, borderpad=1, **place)


def architecture(case: Reproduction) -> Figure:
    """Return who decides what, and what passes between them (Figure 1)."""
    scenario = case.topology.scenario
    roads, buses = len(case.topology.links), len(case.topology.buses)
    boxes = {
        "drivers": Box(0, 2, f"<b>drivers</b><br>{case.roads.day.demand.n_ev:,} EVs, and other cars", ORANGE),
        "roads": Box(0, 0, f"<b>roads</b><br>{roads} links, {len(scenario.od_share)} OD pairs<br>equilibrium", ORANGE),
        "stations": Box(5, 0, f"<b>{len(scenario.stations)} stations</b><br>each with "
                        f"{scenario.stations[0].chargers} chargers", GREEN),
        "feeder": Box(10, 0, f"<b>feeder</b><br>{buses} buses<br>dispatch of devices", BLUE),
        "coordinator": Box(10, 2, "<b>coordinator</b><br>the paper’s non-profit<br>organization", MUTED),
    }  # fmt: skip
    arrows = (
        Arrow("drivers", "roads", "paths", -0.7),
        Arrow("roads", "drivers", "times", 0.7),
        Arrow("roads", "stations", "vehicles [veh/h]", 0.25),
        Arrow("stations", "roads", "wait [min]", -0.25),
        Arrow("stations", "feeder", "load [kW]", 0.0),
        Arrow("feeder", "coordinator", "load", -0.7),
        Arrow("coordinator", "feeder", "set-points", 0.7),
        Arrow("coordinator", "drivers", "tariff ρ(t) of Eq. 22, the same at every station", 0.0),
    )
    return diagram(330, boxes, arrows)


def load_process(case: Reproduction) -> Figure:
    """Return how the charging load of the period of highest demand follows from trips (Figure 2), with its numbers."""
    day, period = case.roads.day, FIRST_PERIOD - 1
    charging = day.demand.charging
    ods = len(case.topology.scenario.od_share)
    by_class = case.roads.problems[period].demand_veh_h.reshape(-1, ods).sum(axis=1)
    evs, asking = float(by_class[1:].sum()), float(by_class[2])
    stations = case.topology.scenario.stations
    flow = day.periods[period].link_flow_veh_h[day.paths.network.charging_arcs]
    flows = "<br>".join(f"{s.name}: {own:.1f} veh/h" for s, own in zip(stations, flow, strict=True))
    loads = "<br>".join(
        f"bus {s.bus}: {own:.0f} kW" for s, own in zip(stations, day.load.load_kw[period], strict=True)
    )
    boxes = {
        "trips": Box(0, 2, f"<b>trips of EVs</b>, N<sub>od,t</sub><br>{evs:.0f} veh/h", ORANGE),
        "diaries": Box(0, 0, "<b>Markov chain</b><br>200,000 diaries", ORANGE),
        "asking": Box(4.4, 2, f"<b>q = N p</b>, Eq. 2<br>{asking:.1f} veh/h fast-charge", ORANGE),
        "cars": Box(4.4, 0, f"<b>all others</b><br>{by_class[:2].sum():.0f} veh/h", MUTED),
        "sue": Box(
            8.8, 2, f"<b>equilibrium</b>, Eqs. 3–8<br>residual {day.periods[period].residual:.0e}", BLUE
        ),
        "flow": Box(13.2, 2, flows, GREEN),
        "load": Box(13.2, 0, loads, GREEN),
        "feeder": Box(8.8, 0, "<b>feeder</b><br>Eqs. 10–21", BLUE),
    }
    arrows = (
        Arrow("diaries", "asking", f"p<sub>t</sub> = {charging.charging_share[period]:.3f}"),
        Arrow("trips", "asking"),
        Arrow("asking", "sue"),
        Arrow("cars", "sue", "load the roads"),
        Arrow("sue", "flow"),
        Arrow("flow", "load", f"Eq. 9: × {day.demand.session_kwh:.1f} kWh"),
        Arrow("load", "feeder"),
    )
    return diagram(330, boxes, arrows)


def coupling(topology: TopologyCase) -> Figure:
    """Return the roads above the feeder, and the stations that couple them (Figure 4)."""
    buses = topology.buses
    top = max(y for _, y in buses.values()) + ROADS_ABOVE
    nodes = {name: (ROAD_WIDTH * x, top + ROAD_HEIGHT * y) for name, (x, y) in topology.nodes.items()}
    drawing = figure(620, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    drawing.add_trace(branch_lines((buses[start], buses[end]) for start, end in topology.branches))
    for tail, head in topology.links:
        _draw_road(drawing, nodes[tail], nodes[head])
    looks = {name: look.colour for name, look in looks_of(s.name for s in topology.scenario.stations).items()}
    ends = {s.name: (nodes[s.road_node], buses[s.bus]) for s in topology.scenario.stations}
    height = top - ROADS_ABOVE + BETWEEN
    across = {n: x0 + (x1 - x0) * (height - y0) / (y1 - y0) for n, ((x0, y0), (x1, y1)) in ends.items()}
    for station in topology.scenario.stations:
        (start, end), x, colour = ends[station.name], across[station.name], looks[station.name]
        drawing.add_trace(
            line(
                [start[0], end[0]], [start[1], end[1]], None, colour, dash="dot", width=2.4, hoverinfo="skip"
            )
        )
        side = "right" if any(0 < other - x < ROOM for other in across.values()) else "left"
        label = {"font": {"color": readable_on(colour), "size": 12}, "bgcolor": colour, "borderpad": 3}
        text = f"{station.name}: node {station.road_node}, bus {station.bus}"
        drawing.add_annotation(x=x, y=height, xanchor=side, text=text, showarrow=False, **label)
    served = {s.road_node: s.name for s in topology.scenario.stations}
    fed = {s.bus: s.name for s in topology.scenario.stations}
    for places, at, size in ((nodes, served, 24), (buses, fed, 20)):
        drawing.add_trace(_named(places, {place: looks[name] for place, name in at.items()}, size))
    _name_devices(drawing, topology, buses)
    drawing.update_xaxes(visible=False)
    return drawing.update_yaxes(visible=False)


def _draw_road(drawing: Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a one-way road, its arrow three fifths of the way."""
    (x0, y0), (x1, y1) = start, end
    drawing.add_trace(line([x0, x1], [y0, y1], None, "#b9a98c", width=3, hoverinfo="skip"))
    axes = {"xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
    place = {
        "x": x0 + 0.6 * (x1 - x0),
        "y": y0 + 0.6 * (y1 - y0),
        "ax": x0 + 0.5 * (x1 - x0),
        "ay": y0 + 0.5 * (y1 - y0),
    }
    drawing.add_annotation(
        **place, **axes, text="", showarrow=True, arrowhead=2, arrowwidth=2, arrowcolor="#8f7c58"
    )


def _named(places: Positions, colours: Mapping[str, str], size: int) -> dict[str, Any]:
    """Return marks with their names in them; those with a station are ringed in its colour."""
    rings = {
        "color": [colours.get(name, INK) for name in places],
        "width": [3.5 if name in colours else 1.2 for name in places],
    }
    text = {"mode": "markers+text", "text": list(places), "textfont": {"size": 10, "color": INK}}
    return marks(places.values(), {"size": size, "color": PAPER, "line": rings}, hoverinfo="skip", **text)


def _name_devices(drawing: Figure, topology: TopologyCase, buses: Positions) -> None:
    """Write below each bus which device it has."""
    grid = topology.scenario.config.grid.feeders[0]
    kinds = ("turbines", "storage", "demand_response")
    units = [(unit.bus, DEVICES[kind]) for kind in kinds for unit in getattr(grid, kind)]
    for bus, name in [*units, *((unit.bus, DEVICES[unit.kind]) for unit in grid.renewables)]:
        x, y = buses[str(bus)]
        font = {"size": 11, "color": MUTED}
        drawing.add_annotation(x=x, y=y, yshift=-19, text=name, showarrow=False, font=font)
