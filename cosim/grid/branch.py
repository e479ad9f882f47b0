"""A branch in service as any source gives it, and branches in parallel as one."""

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from cosim.grid.tree import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch in service as read from any source, in per unit, from its first end to its second."""

    edge: Edge
    z_pu: complex
    y_pu: tuple[complex, complex] = (0j, 0j)
    """Admittance to earth at either end, inside the taps."""
    taps: tuple[float, float] = (1.0, 1.0)
    """Voltage of either bus over the voltage behind its tap."""
    current_max_pu: tuple[float, float] = (math.inf, math.inf)
    """At either bus."""

    def outwards(self, from_bus: str) -> "Branch":
        """Return the branch with *from_bus* as its first end."""
        if self.edge.ends[0] == from_bus:
            return self
        return Branch(
            edge=Edge(self.edge.name, self.edge.ends[::-1]),
            z_pu=self.z_pu,
            y_pu=self.y_pu[::-1],
            taps=self.taps[::-1],
            current_max_pu=self.current_max_pu[::-1],
        )


def in_parallel(one: Branch, other: Branch) -> Branch | None:
    """Return two branches between the same buses as one; None where their taps differ, so that current circles.

    The current divides by the series admittances; the one that reaches its limit first sets the limit. How it divides
    between two without impedance nothing says: None.
    """
    other = other.outwards(one.edge.ends[0])
    if not (one.z_pu + other.z_pu and np.allclose(one.taps, other.taps, rtol=1e-12, atol=0.0)):
        return None
    z_pu = one.z_pu * other.z_pu / (one.z_pu + other.z_pu)
    shares = (abs(part.z_pu / (one.z_pu + other.z_pu)) for part in (other, one))
    at_full = [
        [limit / share if share else math.inf for limit in part.current_max_pu]
        for part, share in zip((one, other), shares, strict=True)
    ]
    limits = [min(pair) for pair in zip(*at_full, strict=True)]
    return Branch(
        edge=Edge(f"{one.edge.name} + {other.edge.name}", one.edge.ends),
        z_pu=z_pu,
        y_pu=(one.y_pu[0] + other.y_pu[0], one.y_pu[1] + other.y_pu[1]),
        taps=one.taps,
        current_max_pu=(limits[0], limits[1]),
    )


def join_parallel(branches: list[Branch]) -> tuple[list[Branch], list[list[int]]]:
    """Return the branches, those in parallel as one, and the positions in *branches* of the parts of each."""
    joined: list[Branch] = []
    parts: list[list[int]] = []
    between: defaultdict[frozenset[str], list[int]] = defaultdict(list)
    for position, branch in enumerate(branches):
        alike = between[frozenset(branch.edge.ends)]
        for k in alike:
            if one := in_parallel(joined[k], branch):
                joined[k] = one
                parts[k].append(position)
                break
        else:
            alike.append(len(joined))
            joined.append(branch)
            parts.append([position])
    return joined, parts
