"""A list of branches as trees that grow from their slack buses; says what is wrong where they are none."""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cosim.grid.bus_words import at_bus

LOOPS_NAMED = 5
JOINS = "join the slack buses"


@dataclass(frozen=True, slots=True)
class Edge:
    """One branch in service, by its name and the names of its ends."""

    name: str
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step away from the slack: edge number *edge* leads from *from_bus* to *to_bus*."""

    edge: int
    from_bus: str
    to_bus: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The steps from the slacks outwards, and why the edges are no tree (empty where they are one)."""

    steps: tuple[Step, ...]
    problems: tuple[str, ...]


def grow_tree(buses: Sequence[str], edges: Sequence[Edge], slacks: Sequence[str]) -> Tree:
    """Return the trees over *edges*, one from each slack: a branch never comes before the branch that feeds it.

    Of the branches that could come next, the one listed first does; so a file in order keeps its order.
    """
    at_bus = defaultdict(list)
    for number, edge in enumerate(edges):
        for end in edge.ends:
            at_bus[end].append(number)
    feeds: dict[str, Step] = {}
    reached, used = set(slacks), set[int]()
    ready = [number for slack in slacks for number in at_bus[slack]]
    heapq.heapify(ready)
    loops = []
    while ready:
        number = heapq.heappop(ready)
        if number in used:
            continue
        used.add(number)
        near, far = edges[number].ends
        if near in reached and far in reached:
            loops.append(_loop(edges, feeds, number))
            continue
        if near not in reached:
            near, far = far, near
        feeds[far] = Step(number, near, far)
        reached.add(far)
        for onward in at_bus[far]:
            heapq.heappush(ready, onward)
    problems = _shortened(loops)
    if lost := [bus for bus in buses if bus not in reached]:
        problems.append(_lost(lost, slacks))
    return Tree(tuple(feeds.values()), tuple(problems))


def _shortened(loops: list[str]) -> list[str]:
    """Return a sentence for each loop; of a meshed net how many there are and a few, ways between trees first."""
    if len(loops) <= LOOPS_NAMED:
        return loops
    first = sorted(loops, key=lambda sentence: JOINS not in sentence)[:LOOPS_NAMED]
    return [f"the net has {len(loops)} loops; {LOOPS_NAMED} are named here.", *first]


def _loop(edges: Sequence[Edge], feeds: dict[str, Step], closing: int) -> str:
    """Name the branches of the loop that edge *closing* closes."""
    ways = [_way_to_slack(feeds, end) for end in edges[closing].ends]
    loop = sorted(set(ways[0]) ^ set(ways[1]) | {closing})
    names = ", ".join(edges[number].name for number in loop)
    roots = {_root(feeds, end) for end in edges[closing].ends}
    if len(roots) > 1:
        between = " and ".join(sorted(roots))
        return f"branches {names} {JOINS} {between}. A tree has one: take a branch out of service."
    return f"branches {names} form a loop. A feeder is a tree: take one of them out of service."


def _root(feeds: dict[str, Step], bus: str) -> str:
    while bus in feeds:
        bus = feeds[bus].from_bus
    return bus


def _way_to_slack(feeds: dict[str, Step], bus: str) -> list[int]:
    way = []
    while bus in feeds:
        way.append(feeds[bus].edge)
        bus = feeds[bus].from_bus
    return way


def _lost(buses: Sequence[str], slacks: Sequence[str]) -> str:
    some = ", ".join([at_bus(buses[0]), *buses[1:10]]) + (
        f" and {len(buses) - 10} more" if len(buses) > 10 else ""
    )
    slack = f"the slack {at_bus(slacks[0])}" if len(slacks) == 1 else "a slack bus"
    return f"no branch in service connects {some} to {slack}."
