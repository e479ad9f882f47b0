"""The feeders of a day as they are drawn: one-line diagrams with their buses by voltage."""

from collections.abc import Iterable
from typing import Any

from cosim.arrays import Frame
from cosim.grid.bus_words import at_bus
from experiments.figures.palette import INK, VOLTAGE
from experiments.figures.positions import Positions, feeder_positions
from experiments.figures.road_map import LABELLED, Point
from experiments.figures.style import colourbar
from experiments.figures.traces import Trace, coloured, line, marks

LONGEST_INSIDE = 3
"""Letters that a mark has room for."""
SIDE_BY_SIDE = 2
STACKED = 3
"""Feeders up to which one stands below the other; more stand in columns."""
BESIDE, BELOW = 5.0, 2.0
"""Buses to leave free between feeders."""


def bus_label(bus: str) -> str:
    """Return what is written at a bus; nothing at the open end of a line, which lies close to its bus."""
    return "" if bus.startswith("open end") else bus


def label_position(buses: Iterable[str]) -> str:
    """Return where labels stand: numbers inside their marks, names, which are longer, above."""
    inside = all(len(bus_label(bus)) <= LONGEST_INSIDE for bus in buses)
    return "middle center" if inside else "top center"


def bus_positions(branches: Frame) -> Positions:
    """Return the one-line diagrams of all feeders, one below the other, by 'feeder/bus'; many in two columns."""
    diagrams = [(name, feeder_positions(own)) for name, own in branches.groupby("feeder", sort=True)]
    width = max(x for _, placed in diagrams for x, _ in placed.values())
    columns = 1 if len(diagrams) <= STACKED else SIDE_BY_SIDE
    positions: Positions = {}
    floor = 0.0
    for start in range(0, len(diagrams), columns):
        row = diagrams[start : start + columns]
        for place, (feeder, placed) in enumerate(row):
            left = place * (width + BESIDE)
            top = max(y for _, y in placed.values())
            positions |= {f"{feeder}/{bus}": (left + x, y - top + floor) for bus, (x, y) in placed.items()}
        floor = min(y for _, y in positions.values()) - BELOW
    return positions


def _volts(voltage_pu: float) -> str:
    return f"{voltage_pu:.4f} p.u." if voltage_pu == voltage_pu else "no voltage"  # noqa: PLR0124  (NaN)


def bus_map(now: Frame, buses: Positions, limits: tuple[float, float]) -> dict[str, Any]:
    """Return the buses in one period, *now* their rows of the table ``buses``, coloured within the limits."""
    few = len(now) <= LABELLED
    bar = colourbar("voltage [p.u.]", 0.53, 0.47)
    look = {"size": 21 if few else 8, "line": {"color": INK, "width": 1}}
    colours = coloured(now.voltage_pu.round(5), VOLTAGE, limits, bar)
    labels = [bus_label(bus) for bus in now.bus] if few else None
    font = {"textposition": label_position(now.bus), "textfont": {"size": 10, "color": INK}}
    text = {"mode": "markers+text", "text": labels, **font}
    hover = [
        f"{row.feeder}, {at_bus(row.bus)}<br>{_volts(row.voltage_pu)}<br>{row.load_kw:.0f} kW base load"
        f"<br>{row.station_kw:.0f} kW station"
        for row in now.itertuples()
    ]
    places = [buses[key] for key in now.feeder + "/" + now.bus]
    return marks(places, {**look, **colours}, **text, hovertext=hover, hoverinfo="text")


def branch_lines(ends: Iterable[tuple[Point, Point]]) -> Trace:
    """Return the branches as one line with gaps; a lateral leaves its bus at a right angle."""
    x: list[float | None] = []
    y: list[float | None] = []
    for (x0, y0), (x1, y1) in ends:
        x += [x0, x0, x1, None]
        y += [y0, y1, y1, None]
    return line(x, y, None, "#9aa6b2", hoverinfo="skip")
