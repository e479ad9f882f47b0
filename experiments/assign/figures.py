"""An assignment as figures: the network by v/c, the convergence of the methods, the shares of the paths."""

from math import atan2, ceil, degrees, hypot

import numpy as np
from plotly.colors import sample_colorscale
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from cosim.arrays import FloatArray, Frame
from cosim.road.network import Network
from experiments.figures.palette import INK, PAPER, colours_of, congestion
from experiments.figures.style import Figure, colourbar, figure
from experiments.figures.traces import Trace, bars, limit, line, points

LABELLED_NODES, ARROWED_LINKS = 80, 400
SHADES = 24
"""Colours of v/c in which the links are drawn, one trace each."""
SHOWN_ODS, SHOWN_PATHS = 12, 8
FLOOR = 1e-16


def network_by_saturation(network: Network, links: Frame) -> Figure:
    """Return the roads coloured by flow over capacity; the figures of a link show at its middle."""
    xy = positions(network)
    top = max(1.2, ceil(10 * float(links.saturation.max())) / 10)
    start, end = _lanes(xy, network)
    drawing = figure(640, margin={"l": 10, "r": 10, "t": 20, "b": 70})
    shade = np.minimum((links.saturation.to_numpy() / top * SHADES).astype(int), SHADES - 1)
    colours = sample_colorscale(congestion(top), ((np.arange(SHADES) + 0.5) / SHADES).tolist())
    for number in np.unique(shade):
        own = shade == number
        width = 1.5 + 4.5 * min(1.0, float(links.flow_veh_h[own].mean() / links.flow_veh_h.max()))
        drawing.add_trace(_lines(start[own], end[own], colours[number], width))
    drawing.add_trace(_middles(start, end, links, top))
    if len(network.nodes) <= LABELLED_NODES:
        drawing.add_trace(_nodes(xy, network))
    drawing.update_xaxes(visible=False)
    return drawing.update_yaxes(visible=False, scaleanchor="x", scaleratio=1)


def positions(network: Network) -> FloatArray:
    """Return where the nodes are: as given, else such that distances are like the number of links between."""
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
    values, vectors = np.linalg.eigh(-centre @ hops**2 @ centre / 2)  # classical scaling
    xy: FloatArray = vectors[:, -1:-3:-1] * np.sqrt(np.maximum(values[-1:-3:-1], 0))
    return xy


def _lanes(xy: FloatArray, network: Network) -> tuple[FloatArray, FloatArray]:
    """Return both ends of every link, shifted to the right: directions and parallel links don't hide each other."""
    start, end = xy[network.from_node], xy[network.to_node]
    seen: dict[tuple[int, int], int] = {}
    lane = np.empty(len(network.links))
    pairs = list(zip(network.from_node.tolist(), network.to_node.tolist(), strict=True))
    for link, (start_node, end_node) in enumerate(pairs):
        lane[link] = seen.get((start_node, end_node), 0)
        seen[start_node, end_node] = int(lane[link]) + 1
    two_way = np.array([(b, a) in seen for a, b in pairs])
    along = end - start
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-12)
    right = np.column_stack([along[:, 1], -along[:, 0]]) / length[:, None]
    typical = float(np.median(length))
    shift = (0.045 * typical * (two_way + 2 * lane))[:, None] * right
    return start + shift, end + shift


def _lines(start: FloatArray, end: FloatArray, colour: str, width: float) -> Trace:
    gap = np.full(len(start), np.nan)
    x, y = (np.column_stack([start[:, axis], end[:, axis], gap]).ravel() for axis in (0, 1))
    return line(x, y, None, colour, width=round(width, 2), hoverinfo="skip")


def _middles(start: FloatArray, end: FloatArray, links: Frame, top: float) -> Trace:
    """Return a mark at each link's middle: an arrow in small networks, and the figures when pointed at."""
    x, y = ((start + end) / 2).T
    arrows = len(links) <= ARROWED_LINKS
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
        "colorbar": {**colourbar("flow / capacity", 0, 0.4), "y": -0.02, "yanchor": "top"},
    }
    figures = [
        f"link {row.link}: {row.from_node}→{row.to_node}<br>{row.flow_veh_h:,.1f} veh/h, v/c {row.saturation:.3f}"
        f"<br>{row.time_min:.3f} min"
        for row in links.itertuples()
    ]
    return points(x, y, None, None, marker=marker, text=figures, hoverinfo="text")


def _nodes(xy: FloatArray, network: Network) -> Trace:
    look = {
        "mode": "markers+text",
        "text": list(network.nodes),
        "textfont": {"size": 10},
        "hoverinfo": "skip",
    }
    edge = {"line": {"color": INK, "width": 1.2}}
    return points(xy[:, 0], xy[:, 1], None, PAPER, size=19, marker=edge).update(look)


def convergence_of_methods(iterations: Frame, chosen: str, tolerance: float) -> Figure:
    """Return the residual of each method by iteration, both on log scales."""
    drawing = figure(420)
    methods = list(dict.fromkeys(iterations.method))
    for method, colour in colours_of(methods).items():
        own = iterations[iterations.method == method]
        hover = f"{method}, iteration %{{x}}<br>residual %{{y:.2e}}<extra></extra>"
        width, size = (3, 5) if method == chosen else (1.6, 3)
        look = {"width": width, "marker": {"size": size}, "hovertemplate": hover}
        drawing.add_trace(line(own.iteration, own.residual.clip(lower=FLOOR), method, colour, **look))
    limit(drawing, tolerance)
    drawing.update_xaxes(title_text="iteration", type="log", dtick=1)
    return drawing.update_yaxes(title_text="residual", type="log", exponentformat="power", dtick=2)


def path_shares(paths: Frame) -> Figure:
    """Return the shares of the paths of the ODs with the most trips off their main path; small ones as one."""
    named = paths.assign(od=paths.origin + "→" + paths.dest)
    flows = named.groupby("od", sort=False).flow_veh_h
    ods = (flows.sum() - flows.max()).nlargest(SHOWN_ODS).index
    drawing = figure(
        max(300, 38 * len(ods) + 120), barmode="stack", margin={"l": 90, "r": 24, "t": 30, "b": 56}
    )
    shown = named[named.od.isin(ods)].sort_values("share", ascending=False)
    rank = shown.groupby("od").cumcount()
    for place in range(int(rank.max()) + 1 if len(shown) else 0):
        if place < SHOWN_PATHS:
            own = shown[rank == place]
            text = [
                f"{row.nodes}<br>{row.flow_veh_h:.1f} veh/h, {row.cost_min:.2f} min"
                for row in own.itertuples()
            ]
        else:
            own = shown[rank >= place].groupby("od", as_index=False).share.sum()
            text = ["all other paths"] * len(own)
        shade = (np.arange(SHOWN_PATHS + 1) / (SHOWN_PATHS + 1)).tolist()
        colour = sample_colorscale("Viridis", shade)[min(place, SHOWN_PATHS)]
        told = {"text": text, "textposition": "none", "orientation": "h"}
        hover = "%{y}, share %{x:.3f}<br>%{text}<extra></extra>"
        drawn = bars(own.share, own.od, None, colour, hovertemplate=hover, **told)
        drawing.add_trace(drawn.update(marker_line={"color": PAPER, "width": 0.8}))
        if place == SHOWN_PATHS:
            break
    drawing.update_xaxes(title_text="share of the OD's trips", range=[0, 1])
    return drawing.update_yaxes(categoryorder="array", categoryarray=list(ods)[::-1], type="category")
