"""Colours that colour-blind readers tell apart, and what they stand for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

INK, MUTED, LINE, PAPER = "#1d2733", "#66727f", "#dfe4e9", "#ffffff"

# the palette of Okabe and Ito, made in 2008 for colour-blind readers
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)

AGENTS, EQUILIBRIUM, LIMIT = VERMILION, BLUE, "#a50026"
STATIONS = ("#332288", "#CC6677", "#117733", "#AA4499", "#44AA99", "#999933", "#882255")
"""The muted palette of Paul Tol without its two palest; none is a colour of a model."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")
DEVICES = {
    "purchase": "#5b6b7b",
    "turbine": VERMILION,
    "pv": YELLOW,
    "wind": SKY,
    "storage": GREEN,
    "v2g": "#66c2a5",
    "demand_response": PURPLE,
}

VOLTAGE = [[0, "#c9463d"], [0.25, "#f4a582"], [0.5, "#f1ede2"], [0.75, "#92c5de"], [1, "#4393c3"]]
PERIODS = "Cividis"


def congestion(top: float) -> list[list[Any]]:
    """Return the colour scale of v/c from 0 to *top* (> 1): blue is free, orange near capacity, red above."""
    stops = ((0, "#c3ced8"), (0.4, "#6fa8cf"), (0.7, "#f3d17c"), (0.9, ORANGE), (1, VERMILION))
    return [*([ratio / top, colour] for ratio, colour in stops), [1.0, "#7a0019"]]


@dataclass(frozen=True, slots=True)
class Look:
    """How a station is drawn, the same in every figure; the symbol tells it apart without colours."""

    colour: str
    symbol: str


def looks_of(stations: Iterable[str]) -> dict[str, Look]:
    """Return the look of each station: up to seven differ, and so do neighbours in a longer list."""
    looks = [Look(*pair) for pair in zip(STATIONS, SYMBOLS, strict=True)]
    return {name: looks[place % len(looks)] for place, name in enumerate(stations)}


def readable_on(colour: str) -> str:
    """Return the colour of text that can be read on *colour*: dark on a light one."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else PAPER


def colours_of(names: list[str]) -> dict[str, str]:
    """Return a colour for each name."""
    return {name: CYCLE[place % len(CYCLE)] for place, name in enumerate(names)}
