"""Where nodes and buses stand on the page: from the scenario's file, else computed; the same each time."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from cosim.arrays import Frame
from cosim.csv_tables import read_table
from cosim.road.formats import NODE_COLUMNS

Positions = dict[str, tuple[float, float]]
LAID_OUT_WELL = 200
"""Nodes up to which the better layout, cubic in their number, is used."""


def road_positions(links: Frame, nodes_file: Path | None) -> Positions:
    """Return the position of each road node: from the file of nodes, else laid out by path length."""
    names = sorted({*links.from_node, *links.to_node})
    if nodes_file and nodes_file.is_file():
        table = read_table(nodes_file, NODE_COLUMNS, ("through",))
        xy = dict(
            zip(table.names("node"), zip(table.numbers("x"), table.numbers("y"), strict=True), strict=True)
        )
        if not table.problems and set(names) <= set(xy):
            return {name: (float(x), float(y)) for name, (x, y) in xy.items()}
    return _laid_out(names, zip(links.from_node, links.to_node, strict=True))


def _laid_out(names: list[str], links: Iterable[tuple[str, str]]) -> Positions:
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(names)
    graph.add_edges_from(sorted(links))
    small = len(names) <= LAID_OUT_WELL
    layout = nx.kamada_kawai_layout(graph) if small else nx.spring_layout(graph, seed=0)
    return {name: (float(x), float(y)) for name, (x, y) in layout.items()}


def feeder_positions(branches: Frame) -> Positions:
    """Return the one-line diagram of a radial feeder: x counts branches from the root, y is the lane.

    The longest way from a bus runs straight; every lateral takes the nearest lane that is free for it and
    for the vertical that leads there. The laterals farthest from the root choose first.
    """
    children: dict[str, list[str]] = {}
    for row in branches.drop_duplicates(
        "to_bus"
    ).itertuples():  # a tie that is closed later feeds a bus once more
        children.setdefault(row.from_bus, []).append(row.to_bus)
    root = next(bus for bus in children if bus not in {*branches.to_bus})
    depth = _depths(children, root)
    positions: Positions = {}
    taken: set[tuple[int, int]] = set()
    waiting = [(root, 0, 0)]
    while waiting:
        bus, x, parent_lane = waiting.pop()
        lane = parent_lane if bus == root else _free_lane(taken, parent_lane, x, depth[bus])
        taken |= {(place, lane) for place in range(x - 1, x + depth[bus] + 1)}
        taken |= {(x - 1, crossed) for crossed in _between(parent_lane, lane)}
        waiting += _walk(bus, (x, lane), children, depth, positions)
    return positions


def _walk(
    bus: str,
    place: tuple[int, int],
    children: Mapping[str, list[str]],
    depth: Mapping[str, int],
    positions: Positions,
) -> list[tuple[str, int, int]]:
    """Place the longest way from *bus* on its lane; return the laterals: first bus, x, lane they leave."""
    x, lane = place
    laterals: list[tuple[str, int, int]] = []
    while True:
        positions[bus] = (float(x), float(lane))
        below = sorted(children.get(bus, []), key=lambda child: -depth[child])
        if not below:
            return laterals
        x += 1
        laterals += [(child, x, lane) for child in below[1:]]
        bus = below[0]


def _free_lane(taken: set[tuple[int, int]], near: int, start: int, length: int) -> int:
    """Return the lane nearest to *near* that is free from *start* on and reached without a crossing.

    Where every way crosses something, the lane is one beyond all others.
    """
    reach = 1 + max(abs(lane - near) for _, lane in taken)
    lanes = [near + sign * distance for distance in range(1, reach + 1) for sign in (-1, 1)]
    free = (
        lane
        for lane in lanes
        if taken.isdisjoint((x, lane) for x in range(start - 1, start + length + 1))
        and taken.isdisjoint((start - 1, crossed) for crossed in _between(near, lane))
    )
    return next(free, near - reach)


def _between(lane: int, other: int) -> range:
    """Return the lanes that a vertical from one to the other crosses."""
    return range(min(lane, other) + 1, max(lane, other))


def _depths(children: Mapping[str, list[str]], root: str) -> dict[str, int]:
    """Return how many branches lie beyond each bus on its longest way down."""
    order = [root]
    for bus in order:
        order.extend(children.get(bus, []))
    depth: dict[str, int] = {}
    for bus in reversed(order):
        depth[bus] = 1 + max((depth[child] for child in children.get(bus, [])), default=-1)
    return depth
