"""Both networks side by side, and the day below them, with one slider over the periods."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import Frame
from experiments.figures.feeder_map import bus_map, bus_positions
from experiments.figures.palette import STATIONS, SYMBOLS, Look
from experiments.figures.positions import Positions, road_positions
from experiments.figures.road_map import RoadMap, road_map, road_nodes
from experiments.figures.slider import with_period_slider
from experiments.figures.style import Figure, grid
from experiments.figures.traces import marks
from experiments.run.figures.day import Day
from experiments.run.figures.day_strips import Range, draw_strips, mark
from experiments.run.figures.still_life import draw_still_life

SMALLEST, LARGEST, LARGEST_OF_MANY = 24, 64, 42
"""Width of the halo of a station without load, and of that with the most."""
PER_LANE, LOWEST, HIGHEST = 20, 430, 900
"""Height of the maps in pixels: for each lane of the feeders, and its bounds."""
STRIP, BETWEEN, AROUND = 110, 40, 240


@dataclass(frozen=True, slots=True)
class Moving:
    """A trace that changes with the period: on which axes, and what of it changes, such as ``marker.color``."""

    axes: str
    trace: Mapping[str, Any]
    changing: tuple[str, ...]

    @property
    def changes(self) -> dict[str, Any]:
        """What a frame has to say of the trace."""
        said: dict[str, Any] = {"type": "scatter"}
        for name in self.changing:
            outer, _, inner = name.partition(".")
            said[outer] = {inner: self.trace[outer][inner]} if inner else self.trace[outer]
        return said


@dataclass(frozen=True, slots=True)
class Maps:
    """Where everything stands, and the height of the strips."""

    day: Day
    roads: RoadMap
    buses: Positions
    strips: tuple[Range, Range]


def networks(day: Day) -> Figure:
    """Return the roads by v/c and flow, and the feeders by voltage, with a slider over the periods."""
    links = day.main("links")
    road_links = links[links.kind == "road"]
    nodes_file = day.scenario["road"].get("nodes")
    nodes = road_positions(road_links, day.directory / Path(nodes_file) if nodes_file else None)
    roads, buses = road_map(road_links, nodes), bus_positions(day.main("branches"))
    drawing = _frame_of_maps(float(np.ptp([y for _, y in buses.values()])))
    draw_still_life(drawing, day, nodes, buses)
    maps = Maps(day, roads, buses, draw_strips(drawing, day))
    still = len(drawing.data)
    periods = sorted(links.period.unique())
    moving = [list(_moving(maps, place, period)) for place, period in enumerate(periods)]
    busiest = int(np.argmax(roads.flow_veh_h.sum(axis=1)))
    for own in moving[busiest]:
        drawing.add_trace({**own.trace, "xaxis": f"x{own.axes}", "yaxis": f"y{own.axes}"})
    traces = list(range(still, len(drawing.data)))
    drawing.frames = [
        {"name": str(period), "data": [own.changes for own in shown], "traces": traces}
        for period, shown in zip(periods, moving, strict=True)
    ]
    return with_period_slider(drawing, [str(period) for period in periods], busiest)


def _frame_of_maps(lanes: float) -> Figure:
    """Return the empty picture: two maps, higher the more lanes the feeders need, and two strips below them."""
    maps = int(np.clip(PER_LANE * lanes, LOWEST, HIGHEST))
    drawing = grid(
        maps + STRIP + AROUND, 2, 2, column_widths=[0.47, 0.53], horizontal_spacing=0.09,
        row_heights=[maps, STRIP], vertical_spacing=BETWEEN / (maps + STRIP),
    )  # fmt: skip
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    drawing.update_xaxes(**hidden, row=1)
    drawing.update_yaxes(**hidden, row=1)
    return drawing.update_yaxes(scaleanchor="x", scaleratio=1, row=1, col=1)


def _moving(maps: Maps, place: int, period: int) -> Iterator[Moving]:
    """Return what is drawn of one period: roads with stations, feeders with stations, marks on the strips."""
    day, nodes = maps.day, maps.roads.nodes
    stations, voltages = (
        table[table.period == period] for table in (day.main("stations"), day.main("buses"))
    )
    at_node, at_bus = _stations_at(day)
    yield Moving("", _halos(day, nodes, at_node, stations), ("marker.size",))
    for link in maps.roads.links(place):
        yield Moving("", link, ("line",))
    yield Moving("", maps.roads.arrows(place), ("marker.color", "text"))
    yield Moving("", road_nodes(nodes, at_node, stations, _looks(day)), ("hovertext",))
    yield Moving("2", _halos(day, maps.buses, at_bus, stations), ("marker.size",))
    yield Moving("2", bus_map(voltages, maps.buses, _range(day)), ("marker.color", "hovertext"))
    for axes, strip in zip("34", maps.strips, strict=True):
        yield Moving(axes, mark(period, strip), ("x",))


def _stations_at(day: Day) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the names of the stations at each road node, and at each 'feeder/bus'."""
    at_node: dict[str, list[str]] = {}
    at_bus: dict[str, list[str]] = {}
    for station in day.scenario["stations"]:
        name = station["name"]
        at_node.setdefault(str(station["road_node"]), []).append(name)
        at_bus.setdefault(f"{day.where.feeder[name]}/{day.where.bus[name]}", []).append(name)
    return at_node, at_bus


def _range(day: Day) -> tuple[float, float]:
    """Return the lowest and the highest voltage that some feeder allows, and that of the day where none says."""
    voltage_pu = day.main("buses").voltage_pu
    limits = day.voltage_limits_pu or [float(voltage_pu.min()), float(voltage_pu.max())]
    return limits[0], limits[-1]


def _looks(day: Day) -> dict[str, Look]:
    """Return the looks of the stations; many look the same, for a colour that returns would name the wrong one."""
    several = len(day.stations) <= len(STATIONS)
    return day.stations if several else dict.fromkeys(day.stations, Look(STATIONS[0], SYMBOLS[0]))


def _halos(day: Day, places: Positions, stations_at: Mapping[str, list[str]], now: Frame) -> dict[str, Any]:
    """Return a halo behind each place with stations, whose area grows with their load."""
    load_kw, looks = now.set_index("station").load_kw, _looks(day)
    largest = LARGEST if len(looks) <= len(STATIONS) else LARGEST_OF_MANY
    most_kw = max(1.0, float(day.main("stations").load_kw.max()))
    shares = [min(1.0, float(load_kw[names].sum()) / most_kw) for names in stations_at.values()]
    look = {
        "size": [round(SMALLEST + (largest - SMALLEST) * max(0.0, share) ** 0.5, 1) for share in shares],
        "color": [looks[names[0]].colour for names in stations_at.values()],
        "opacity": 0.35,
        "line": {"width": 0},
    }
    return marks([places[place] for place in stations_at], look, hoverinfo="skip")
