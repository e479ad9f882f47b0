"""The roads of a day as they are drawn: links by flow and v/c, nodes, and the load of their stations."""

from dataclasses import dataclass
from math import atan2, ceil, degrees, hypot
from typing import Any

import numpy as np
from plotly.colors import sample_colorscale

from cosim.arrays import FloatArray, Frame
from cosim.road.records import flow_per_capacity
from experiments.figures.palette import INK, PAPER, Look, congestion
from experiments.figures.positions import Positions
from experiments.figures.style import colourbar
from experiments.figures.traces import coloured, marks

THINNEST, WIDEST = 1.5, 9.0
LABELLED = 60
"""Nodes, or buses, up to which each has its name in it; more are drawn as dots."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class RoadMap:
    """The road links as they are drawn: ends, and flow and v/c with one row per period."""

    nodes: Positions
    names: list[str]
    ends: list[tuple[Point, Point]]
    flow_veh_h: FloatArray
    saturation: FloatArray
    time_min: FloatArray

    @property
    def saturation_max(self) -> float:
        """Upper end of the colour scale."""
        return max(1.2, ceil(float(self.saturation.max()) * 10) / 10)

    def links(self, place: int) -> list[dict[str, Any]]:
        """Return the links in a period: wide with much traffic, coloured by v/c."""
        saturation = self.saturation[place] / self.saturation_max
        colours = sample_colorscale(congestion(self.saturation_max), np.clip(saturation, 0, 1).tolist())
        widths = THINNEST + (WIDEST - THINNEST) * self.flow_veh_h[place] / max(1.0, self.flow_veh_h.max())
        lines = [{"color": c, "width": round(float(w), 2)} for c, w in zip(colours, widths, strict=True)]
        return [
            marks(ends, {}, mode="lines", line=line, hoverinfo="skip")
            for ends, line in zip(self.ends, lines, strict=True)
        ]

    def arrows(self, place: int) -> dict[str, Any]:
        """Return an arrow at each link's middle: it shows the direction, and the figures when pointed at."""
        middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in self.ends]
        angles = [90 - degrees(atan2(d - b, c - a)) for (a, b), (c, d) in self.ends]
        figures = zip(
            self.names, self.flow_veh_h[place], self.saturation[place], self.time_min[place], strict=True
        )
        text = [f"link {n}<br>{f:.0f} veh/h, v/c {s:.2f}<br>{t:.1f} min" for n, f, s, t in figures]
        top, size = self.saturation_max, 16 if len(self.names) <= 2 * LABELLED else 7
        look = {"symbol": "arrow", "angle": angles, "size": size, "line": {"color": PAPER, "width": 1.2}}
        bar = colourbar("flow / capacity", 0.0, 0.44)
        colours = coloured(self.saturation[place].round(3), congestion(top), (0, top), bar)
        return marks(middles, {**look, **colours}, text=text, hoverinfo="text")


def road_map(links: Frame, nodes: Positions) -> RoadMap:
    """Return the road links of the table ``links`` between the positions of the nodes."""
    roads = links.drop_duplicates("link")
    opposite = {(row.to_node, row.from_node) for row in roads.itertuples()}
    shift = 0.015 * max(np.ptp([x for x, _ in nodes.values()]), np.ptp([y for _, y in nodes.values()]))
    ends = [
        _beside(nodes[row.from_node], nodes[row.to_node], shift * ((row.from_node, row.to_node) in opposite))
        for row in roads.itertuples()
    ]
    names = roads.link.tolist()

    def by_period(column: str) -> FloatArray:
        table: FloatArray = links.pivot_table(index="period", columns="link", values=column)[names].to_numpy()
        return table

    flow = by_period("flow_veh_h")
    saturation = flow_per_capacity(flow, by_period("capacity_veh_h"))
    return RoadMap(nodes, names, ends, flow, saturation, by_period("time_min"))


def _beside(start: Point, end: Point, shift: float) -> tuple[Point, Point]:
    """Return the line from *start* to *end*, shifted to its right: the two directions do not hide each other."""
    (x0, y0), (x1, y1) = start, end
    length = hypot(x1 - x0, y1 - y0) or 1.0
    dx, dy = shift * (y1 - y0) / length, -shift * (x1 - x0) / length
    return (x0 + dx, y0 + dy), (x1 + dx, y1 + dy)


def road_nodes(nodes: Positions, station_at: dict[str, list[str]], now: Frame, looks: dict[str, Look]) -> Any:
    """Return the road nodes, those with a station in its colour; they tell load and arrivals when pointed at.

    *now* are the rows of the table ``stations`` of one period, *station_at* names the stations of a node.
    """
    told = now.set_index("station")
    few = len(nodes) <= LABELLED
    rings = [looks[station_at[name][0]].colour if name in station_at else INK for name in nodes]
    edge = {"color": rings, "width": [3 if name in station_at else 1.5 for name in nodes]}
    text = {"text": list(nodes) if few else None, "textfont": {"size": 11}, "mode": "markers+text"}
    hover = [
        "<br>".join([f"node {name}", *(_figures(own, told) for own in station_at.get(name, ()))])
        for name in nodes
    ]
    look = {"size": 22 if few else 7, "color": PAPER, "line": edge}
    return marks(nodes.values(), look, **text, hovertext=hover, hoverinfo="text")


def _figures(station: str, figures: Frame) -> str:
    row = figures.loc[station]
    queue = f", longest queue {row.queue_max:.0f}" if row.queue_max == row.queue_max else ""
    return f"{station}: {row.load_kw:.0f} kW, {row.arrivals:.3g} arrivals{queue}"
