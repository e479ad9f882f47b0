"""A list of branches as trees that grow from their slack buses; says what is wrong where they are none."""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cosim.errors import Problem
from cosim.grid.bus_words import at_bus

LOOPS_NAMED = 5
BUSES_NAMED = 10


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
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """The branches that close a loop, or join trees: then the slack buses of several."""

    branches: tuple[str, ...]
    slacks: tuple[str, ...]

    @property
    def problem(self) -> Problem:
        """Advice."""
        names = f"branches {', '.join(self.branches)}"
        if len(self.slacks) > 1:
            found = f"{names} join the slack buses {' and '.join(self.slacks)}"
            return Problem(f"{found}. A tree has one: take a branch out of service")
        return Problem(f"{names} form a loop. A feeder is a tree: take one of them out of service")


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
    lost = [bus for bus in buses if bus not in reached]
    return Tree(tuple(feeds.values()), (*_shortened(loops), *_unreached(lost, slacks)))


def _shortened(loops: list[Loop]) -> list[Problem]:
    """Return a problem for each loop; of a meshed net how many there are and a few, those between trees first."""
    if len(loops) <= LOOPS_NAMED:
        return [loop.problem for loop in loops]
    first = sorted(loops, key=lambda loop: len(loop.slacks) == 1)[:LOOPS_NAMED]
    count = Problem(f"the net has {len(loops)} loops; {LOOPS_NAMED} are named here")
    return [count, *(loop.problem for loop in first)]


def _loop(edges: Sequence[Edge], feeds: dict[str, Step], closing: int) -> Loop:
    """Return the loop that edge *closing* closes."""
    near, far = (_path_to_slack(feeds, end) for end in edges[closing].ends)
    loop = sorted(set(near) ^ set(far) | {closing})
    slacks = sorted({_slack(feeds, end) for end in edges[closing].ends})
    return Loop(tuple(edges[number].name for number in loop), tuple(slacks))


def _slack(feeds: dict[str, Step], bus: str) -> str:
    while bus in feeds:
        bus = feeds[bus].from_bus
    return bus


def _path_to_slack(feeds: dict[str, Step], bus: str) -> list[int]:
    path = []
    while bus in feeds:
        path.append(feeds[bus].edge)
        bus = feeds[bus].from_bus
    return path


def _unreached(buses: Sequence[str], slacks: Sequence[str]) -> list[Problem]:
    """Return the problem of buses that no branch connects to a slack bus; none without such buses."""
    if not buses:
        return []
    more = f" and {len(buses) - BUSES_NAMED} more" if len(buses) > BUSES_NAMED else ""
    some = ", ".join([at_bus(buses[0]), *buses[1:BUSES_NAMED]]) + more
    slack = f"the slack {at_bus(slacks[0])}" if len(slacks) == 1 else "a slack bus"
    return [Problem(f"no branch in service connects {some} to {slack}")]
