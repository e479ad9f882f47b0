"""What stays the same on the picture of the networks: branches, and the names of stations and units."""

from typing import Any

from cosim.arrays import Frame
from cosim.grid.bus_words import at_bus
from experiments.figures.feeder_map import branch_lines
from experiments.figures.palette import INK, readable_on
from experiments.figures.positions import Positions
from experiments.figures.style import Figure
from experiments.run.figures.day import Day

SHORT = {"demand_response": "DR", "pv": "PV", "v2g": "V2G"}
FEW_STATIONS, FEW_BUSES = 12, 60
"""Stations, and buses with devices, up to which there is room for their names; more show theirs on hover."""


def draw_still_life(drawing: Figure, day: Day, nodes: Positions, buses: Positions) -> None:
    """Draw what does not change with the period."""
    branches = day.main("branches").drop_duplicates(["feeder", "branch"])
    from_bus, to_bus = (branches.feeder + "/" + branches[end] for end in ("from_bus", "to_bus"))
    ends = zip(from_bus.map(buses), to_bus.map(buses), strict=True)
    drawing.add_trace(branch_lines(ends), row=1, col=2)
    if len(day.scenario["stations"]) <= FEW_STATIONS:
        _annotate_stations(drawing, day, nodes, buses)
    if len(buses) <= FEW_BUSES:
        _annotate_devices(drawing, day.main("devices"), buses)
    _annotate_feeders(drawing, day, buses)


def _annotate_stations(drawing: Figure, day: Day, nodes: Positions, buses: Positions) -> None:
    """Name each station at its bus and its bus at the station, in the station's colour."""
    several = len(day.feeders) > 1
    for station in day.scenario["stations"]:
        name = station["name"]
        (feeder, bus), colour = day.where.loc[name], day.stations[name].colour
        x, y = buses[f"{feeder}/{bus}"]
        drawing.add_annotation(**_flag(f"<b>{name}</b>", colour), x=x, y=y, ax=0, ay=-34, row=1, col=2)
        x, y = nodes[str(station["road_node"])]
        text = f"<b>{name}</b> → {f'{feeder}, ' if several else ''}{at_bus(bus)}"
        drawing.add_annotation(**_flag(text, colour), x=x, y=y, ax=54, ay=-28, row=1, col=1)


def _flag(text: str, colour: str) -> dict[str, Any]:
    label = {
        "text": text,
        "font": {"color": readable_on(colour), "size": 12},
        "bgcolor": colour,
        "borderpad": 3,
    }
    return {**label, "arrowcolor": colour, "arrowwidth": 2, "arrowhead": 0, "standoff": 9}


def _annotate_feeders(drawing: Figure, day: Day, buses: Positions) -> None:
    """Name each feeder above its diagram; of one alone, say where it hangs on the upper grid."""
    several = len(day.feeders) > 1
    for feeder in day.feeders:
        own = [place for bus, place in buses.items() if bus.startswith(f"{feeder['name']}/")]
        x, y = (min(own)[0], max(y for _, y in own)) if several else min(own)
        text = f"<b>{feeder['name']}</b>" if several else "upper grid"
        style = {"showarrow": False, "font": {"size": 11, "color": INK}, "xanchor": "left", "xshift": -10}
        drawing.add_annotation(text=text, **style, x=x, y=y, yshift=20, row=1, col=2)


def _annotate_devices(drawing: Figure, devices: Frame, buses: Positions) -> None:
    """Name the units below their buses."""
    if devices.empty:
        return
    for row in devices.drop_duplicates(["feeder", "device"]).itertuples():
        x, y = buses[f"{row.feeder}/{row.bus}"]
        text = SHORT.get(row.kind, row.kind)
        style = {"text": f"<i>{text}</i>", "showarrow": False, "font": {"size": 11, "color": INK}}
        drawing.add_annotation(**style, x=x, y=y, yshift=-20, row=1, col=2)
