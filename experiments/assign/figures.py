"""An assignment as figures: the network by v/c, the convergence of the methods, the shares of the paths."""

from math import atan2, ceil, degrees, hypot
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from cosim.arrays import FloatArray, Frame
from cosim.road.network import Network
from experiments.figures.palette import INK, PAPER, colours_of, congestion
from experiments.figures.style import Figure, figure
from experiments.figures.traces import bars, limit, line

MAX_LABELLED_NODES = 80
"""Nodes up to which their names are drawn."""
MAX_ARROWS = 400
"""Links up to which arrows are drawn."""
COLOUR_COUNT = 24
"""Colours of v/c in which links are drawn, one trace each."""
MAX_ODS = 12
"""ODs in the figure of path shares."""
MAX_PATHS = 8
"""Paths per OD in this figure; further ones are aggregated."""
MIN_RESIDUAL = 1e-16
"""Lower end of the logarithmic axis of residuals."""
MAX_FLOW_WIDTH = 4.5
"""Width of a link with the maximum flow, above that of one without flow."""


def network_by_saturation(network: Network, links: Frame) -> Figure:
    """Return a map of the links coloured by v/c, with a hover text at the middle of each."""
    xy = positions(network)
    top = max(1.2, ceil(10 * float(links.saturation.max())) / 10)
    start, end = _lanes(xy, network)
    drawing = figure(640, margin={"l": 10, "r": 10, "t": 20, "b": 70})
    colour_index = np.minimum(
        (links.saturation.to_numpy() / top * COLOUR_COUNT).astype(int), COLOUR_COUNT - 1
    )
    colours = sample_colorscale(congestion(top), ((np.arange(COLOUR_COUNT) + 0.5) / COLOUR_COUNT).tolist())
    for index in np.unique(colour_index):
        drawn = colour_index == index
        relative_flow = float(links.flow_veh_h[drawn].mean() / links.flow_veh_h.max())
        width = 1.5 + MAX_FLOW_WIDTH * min(1.0, relative_flow)
        drawing.add_trace(_lines(start[drawn], end[drawn], colours[index], width))
    drawing.add_trace(_middles(start, end, links, top))
    if len(network.nodes) <= MAX_LABELLED_NODES:
        drawing.add_trace(_nodes(xy, network))
    drawing.update_xaxes(visible=False)
    return drawing.update_yaxes(visible=False, scaleanchor="x", scaleratio=1)


def positions(network: Network) -> FloatArray:
    """Return the positions of the nodes as given, else by classical scaling of the numbers of links between them."""
    given = network.node_xy
    if given is not None and np.ptp(given, axis=0).max() > 0:
        return given
    count = len(network.nodes)
    ends = (network.from_node, network.to_node)
    hops = shortest_path(
        csr_array((np.ones(ends[0].size), ends), shape=(count, count)), directed=False, unweighted=True
    )
    hops[~np.isfinite(hops)] = 1.5 * hops[np.isfinite(hops)].max()
    centre = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-centre @ hops**2 @ centre / 2)
    xy: FloatArray = vectors[:, -1:-3:-1] * np.sqrt(np.maximum(values[-1:-3:-1], 0))
    return xy


def _lanes(xy: FloatArray, network: Network) -> tuple[FloatArray, FloatArray]:
    """Return both ends of every link, shifted to the right so that directions and parallel links do not overlap."""
    start, end = xy[network.from_node], xy[network.to_node]
    link_count: dict[tuple[int, int], int] = {}
    lane = np.empty(len(network.links))
    pairs = list(zip(network.from_node.tolist(), network.to_node.tolist(), strict=True))
    for link, (start_node, end_node) in enumerate(pairs):
        lane[link] = link_count.get((start_node, end_node), 0)
        link_count[start_node, end_node] = int(lane[link]) + 1
    two_way = np.array([(b, a) in link_count for a, b in pairs])
    along = end - start
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-12)
    right = np.column_stack([along[:, 1], -along[:, 0]]) / length[:, None]
    typical = float(np.median(length))
    shift = (0.045 * typical * (two_way + 2 * lane))[:, None] * right
    return start + shift, end + shift


def _lines(start: FloatArray, end: FloatArray, colour: str, width: float) -> Any:
    gap = np.full(len(start), np.nan)
    x, y = (np.column_stack([start[:, axis], end[:, axis], gap]).ravel() for axis in (0, 1))
    line = {"color": colour, "width": round(width, 2)}
    return go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False)


def _middles(start: FloatArray, end: FloatArray, links: Frame, top: float) -> Any:
    """Return a marker at the middle of each link: an arrow in small networks, with the figures as hover text."""
    x, y = ((start + end) / 2).T
    arrows = len(links) <= MAX_ARROWS
    angles = [90 - degrees(atan2(dy, dx)) if hypot(dx, dy) else 0.0 for dx, dy in end - start]
    marker = {
        "symbol": "arrow" if arrows else "circle",
        "angle": angles if arrows else 0,
        "size": 11 if arrows else 5,
        "opacity": 1 if arrows else 0.35,
        "color": links.saturation.round(4).tolist(),
        "colorscale": congestion(top),
        "cmin": 0,
        "cmax": top,
        "line": {"color": PAPER, "width": 0.8 if arrows else 0},
        "colorbar": {
            "title": {"text": "flow / capacity", "side": "top", "font": {"size": 12}},
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": -0.02,
            "yanchor": "top",
            "len": 0.4,
            "thickness": 10,
            "outlinewidth": 0,
        },
    }
    figures = [
        f"link {row.link}: {row.from_node}→{row.to_node}<br>{row.flow_veh_h:,.1f} veh/h, v/c {row.saturation:.3f}"
        f"<br>{row.time_min:.3f} min"
        for row in links.itertuples()
    ]
    return go.Scatter(
        x=x, y=y, mode="markers", marker=marker, text=figures, hoverinfo="text", showlegend=False
    )


def _nodes(xy: FloatArray, network: Network) -> Any:
    marker = {"size": 19, "color": PAPER, "line": {"color": INK, "width": 1.2}}
    return go.Scatter(
        x=xy[:, 0],
        y=xy[:, 1],
        mode="markers+text",
        marker=marker,
        text=list(network.nodes),
        textfont={"size": 10},
        hoverinfo="skip",
        showlegend=False,
    )


def convergence_of_methods(iterations: Frame, chosen: str, tolerance: float) -> Figure:
    """Return the residual of each method by iteration, both on log scales."""
    drawing = figure(420)
    methods = list(dict.fromkeys(iterations.method))
    for method, colour in colours_of(methods).items():
        rows = iterations[iterations.method == method]
        width, size = (3, 5) if method == chosen else (1.6, 3)
        hover = f"{method}, iteration %{{x}}<br>residual %{{y:.2e}}<extra></extra>"
        look = {"width": width, "marker": {"size": size}, "hovertemplate": hover}
        residual = rows.residual.clip(lower=MIN_RESIDUAL)
        drawing.add_trace(line(rows.iteration, residual, method, colour, **look))
    limit(drawing, tolerance)
    drawing.update_xaxes(title_text="iteration", type="log", dtick=1)
    return drawing.update_yaxes(title_text="residual", type="log", exponentformat="power", dtick=2)


def path_shares(paths: Frame) -> Figure:
    """Return the path shares of the ODs with the most trips off their main path; small shares are aggregated."""
    named = paths.assign(od=paths.origin + "→" + paths.dest)
    flows = named.groupby("od", sort=False).flow_veh_h
    ods = (flows.sum() - flows.max()).nlargest(MAX_ODS).index
    drawing = figure(
        max(300, 38 * len(ods) + 120), barmode="stack", margin={"l": 90, "r": 24, "t": 30, "b": 56}
    )
    selected = named[named.od.isin(ods)].sort_values("share", ascending=False)
    rank = selected.groupby("od").cumcount()
    colours = sample_colorscale("Viridis", (np.arange(MAX_PATHS + 1) / (MAX_PATHS + 1)).tolist())
    for index in range(min(int(rank.max()), MAX_PATHS) + 1 if len(selected) else 0):
        if index < MAX_PATHS:
            rows = selected[rank == index]
            text = [
                f"{row.nodes}<br>{row.flow_veh_h:.1f} veh/h, {row.cost_min:.2f} min"
                for row in rows.itertuples()
            ]
        else:
            rows = selected[rank >= index].groupby("od", as_index=False).share.sum()
            text = ["all other paths"] * len(rows)
        hover = "%{y}, share %{x:.3f}<br>%{text}<extra></extra>"
        look = {"orientation": "h", "text": text, "textposition": "none", "hovertemplate": hover}
        trace = bars(rows.share, rows.od, None, colours[index], **look)
        drawing.add_trace(trace | {"marker_line": {"color": PAPER, "width": 0.8}})
    drawing.update_xaxes(title_text="share of the OD's trips", range=[0, 1])
    return drawing.update_yaxes(categoryorder="array", categoryarray=list(ods)[::-1], type="category")
