"""Random problems, each of which must converge or be refused: ``python benchmarks/robustness.py [N N N]``.

Two-way and one-way grids of 6 to 16 nodes, up to five ODs. Roads: theta from .01 to 10 per minute, links up to
seven times their capacity at free flow. Stations: one to three of 1 to 30 chargers, of whose best use the
charging demand takes 50 to 99.8 %; every group has a theta of its own, and up to 2,000 cars share the roads.
Optima: problems with stations, of which the stochastic system optimum is asked, Wardrop's two principles, and the
equilibrium on a path set that grows from one pair per group. The numbers are how many of each kind.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from time import process_time
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ConfigError, InfeasibleError
from cosim.road.assignment import solve_sue
from cosim.road.columns import shortest_paths, solve_sue_adding_paths
from cosim.road.latency import fit_davidson_j
from cosim.road.network import ChargingArc, Network, OdTable
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from cosim.road.station_capacity import station_shortfall
from cosim.road.user_equilibrium import solve_so, solve_ue

TOLERANCE = 1e-6


def random_network(rng: np.random.Generator) -> Network:
    """Return a grid with diagonals, some of its roads two-way."""
    rows, columns = int(rng.integers(3, 5)), int(rng.integers(2, 5))
    ends = []
    for row in range(rows):
        for column in range(columns):
            for down, right in ((0, 1), (1, 0), (1, 1)):
                if row + down < rows and column + right < columns and rng.random() < 0.9:
                    here, there = row * columns + column, (row + down) * columns + column + right
                    ends += [(here, there), (there, here)] if rng.random() < 0.2 else [(here, there)]
    count = len(ends)
    tail, head = np.array(ends).T
    exponents = rng.choice([1.0, 2.0, 4.0, 5.5, 10.0], count) if rng.random() < 0.3 else np.full(count, 4.0)
    return Network(
        nodes=tuple(str(node) for node in range(rows * columns)),
        links=tuple(f"L{link}" for link in range(count)),
        from_node=tail,
        to_node=head,
        t0_min=rng.uniform(1, 15, count),
        capacity_veh_h=rng.uniform(100, 1500, count),
        alpha=np.full(count, 0.15) if rng.random() < 0.7 else rng.uniform(0, 2, count),
        beta=exponents,
        davidson_j=np.zeros(count),
    )


def random_station(rng: np.random.Generator, name: str, node: str) -> ChargingArc:
    """Return a station of 1 to 30 chargers."""
    chargers, session_min = int(rng.choice([1, 2, 4, 6, 10, 20, 30])), rng.uniform(10, 40)
    return ChargingArc(
        name=name,
        node=node,
        t0_min=session_min,
        capacity_veh_h=chargers * 60 / session_min,
        davidson_j=fit_davidson_j(chargers),
    )


def random_problem(rng: np.random.Generator, *, stations: bool) -> AssignmentProblem | None:
    """Return a problem, or None where some OD has no path or passes no station."""
    network = random_network(rng)
    nodes = len(network.nodes)
    if stations:
        at = rng.choice(np.arange(1, nodes), size=rng.integers(1, 4), replace=False)
        network = network.with_charging_arcs([random_station(rng, f"S{k}", str(n)) for k, n in enumerate(at)])
    others = rng.integers([0, nodes // 2], [nodes // 2, nodes], size=(rng.integers(0, 4), 2))
    ods = np.unique(np.vstack([[0, nodes - 1], others]), axis=0)
    demand = 10 ** rng.uniform(1, 3.3, len(ods))
    od = OdTable(origin=ods[:, 0], dest=ods[:, 1], demand_veh_h=demand)
    classes = [UserClass("cars"), UserClass("EVs", charges=True)] if stations else [UserClass("cars")]
    try:
        paths = find_paths(network, od, classes)
    except ConfigError:
        return None
    theta = 10 ** rng.uniform(-2, 1, paths.groups.count if stations else 1)
    problem = AssignmentProblem(
        paths=paths,
        demand_veh_h=np.tile(demand, len(classes)),
        theta_per_min=theta * np.ones(paths.groups.count),
    )
    if stations:
        return replace(problem, demand_veh_h=used(problem, rng.uniform(0.5, 0.998)))
    load = problem.load(network.t0_min).link_flow_veh_h / network.capacity_veh_h
    return replace(problem, demand_veh_h=problem.demand_veh_h * rng.uniform(0.1, 7) / load.max())


def used(problem: AssignmentProblem, use: float) -> FloatArray:
    """Return the demand with a charging class that takes the share *use* of what it could at most."""
    charges = problem.paths.class_of_group == 1
    low, high = 1e-6, 1e3
    for _ in range(40):
        middle = np.sqrt(low * high)
        demand = np.where(charges, middle * problem.demand_veh_h, problem.demand_veh_h)
        fits = station_shortfall(replace(problem, demand_veh_h=demand)) is None
        low, high = (middle, high) if fits else (low, middle)
    return np.where(charges, use * low * problem.demand_veh_h, problem.demand_veh_h)


def equilibrium(problem: AssignmentProblem) -> str:
    """Return how the search for the stochastic equilibrium ended."""
    return ended(problem, lambda: solve_sue(problem, tolerance=TOLERANCE))


def optima(problem: AssignmentProblem) -> str:
    """Return how the searches for the optima, and on a growing path set, ended; of the worst one."""
    network, paths = problem.network, problem.paths
    marginal = replace(problem, paths=replace(paths, network=replace(network, marginal=True)))
    few = replace(problem, paths=shortest_paths(network, paths.od, paths.classes))
    demand: dict[str, Any] = {"classes": paths.classes, "demand_veh_h": problem.demand_veh_h}
    searches: list[Callable[[], Any]] = [
        lambda: solve_sue(marginal, tolerance=TOLERANCE),
        lambda: solve_ue(network, paths.od, **demand),
        lambda: solve_so(network, paths.od, **demand),
        lambda: solve_sue_adding_paths(few, tolerance=TOLERANCE).equilibrium,
    ]
    return min(ended(problem, search) for search in searches)  # capitals come first


def ended(problem: AssignmentProblem, search: Callable[[], Any]) -> str:
    """Return how a search ended."""
    try:
        answer = search()
    except InfeasibleError:
        return "refused"
    arcs = problem.network.charging_arcs
    if np.any(answer.link_flow_veh_h[arcs] >= problem.network.capacity_veh_h[arcs]):
        return "BEYOND CAPACITY"
    return "converged" if answer.converged else "NOT CONVERGED"


def main() -> None:
    """Solve all, and count how they ended."""
    counts = [int(argument) for argument in sys.argv[1:]] or [2000, 1000, 500]
    kinds = (("roads", False, equilibrium), ("stations", True, equilibrium), ("optima", True, optima))
    for (kind, stations, verdict), count in zip(kinds, counts, strict=False):
        ends: Counter[str] = Counter()
        seconds, seed = 0.0, 0
        while ends.total() < count:
            seed += 1
            problem = random_problem(np.random.default_rng([11, stations, seed]), stations=stations)
            if problem is None:
                continue
            begin = process_time()
            end = verdict(problem)
            seconds += process_time() - begin
            ends[end] += 1
            if end.isupper():
                print(f"  seed {seed}: {end}")
        print(f"{kind}: {dict(ends)}, {1000 * seconds / count:.1f} ms each", flush=True)


if __name__ == "__main__":
    main()
