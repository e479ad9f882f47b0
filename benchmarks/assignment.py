"""CPU times of the assignment, one thread: ``python benchmarks/assignment.py [--tntp DIR]``.

A reference kernel is timed beside everything, so that figures of two machines, or of one at two times, can be
compared. pytraf and AequilibraE solve the same user equilibria in the same run where they are installed
(``pip install pytraf aequilibrae``). Without --tntp a seeded network of 24 nodes and 76 links stands in for
Sioux Falls. The TNTP files (Transportation Networks for Research, academic use) are not part of the project.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMEXPR_NUM_THREADS", "1")

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import TypeVar

import numpy as np
from peers import installed_peers

from cosim.road.assignment import solve_sue
from cosim.road.build_problem import build_problem
from cosim.road.bush_problem import BushProblem
from cosim.road.formats import read_roads, with_generalised_cost
from cosim.road.network import Network, OdTable
from cosim.road.objective import beckmann_objective
from cosim.road.paths import UserClass, find_paths
from cosim.road.problem import AssignmentProblem
from cosim.road.semi_dynamic import warm_started_day
from cosim.road.steps import Method
from cosim.road.tntp import read_tntp
from cosim.road.user_equilibrium import solve_ue

T = TypeVar("T")
CARS = (UserClass("cars"),)
CONFIGS = Path(__file__).parents[1] / "configs" / "nguyen_dupuis"
MSA_TO_A_THOUSANDTH = 118_839
"""Iterations of 1/n after which no path at the peak is off by more than .001 veh/h."""
HOURS = np.concatenate([np.linspace(0.01, 1, 8), np.full(8, 0.4), np.linspace(1, 0.01, 8)])
"""Demand of the day's periods as a share of the peak."""


def timed(question: Callable[[], T], repeats: int = 3) -> tuple[float, T]:
    """Return the least CPU seconds of some repeats, and the answer."""
    seconds = np.inf
    for _ in range(repeats):
        begin = process_time()
        answer = question()
        seconds = min(seconds, process_time() - begin)
    return seconds, answer


def say(what: str, seconds: float, more: str = "") -> None:
    """Print one line."""
    print(f"{what:<58}{1000 * seconds:>10.1f} ms  {more}", flush=True)


def kernel() -> float:
    """Return a sum that takes about as long as the numerics of an assignment: gathers, exponentials, products."""
    rng = np.random.default_rng(0)
    values, order = rng.random(200_000), rng.permutation(200_000)
    matrix = rng.random((200, 200))
    return float(sum(np.exp(-values[order]).sum() + (matrix @ matrix).sum() for _ in range(10)))


def nguyen_dupuis() -> None:
    """Time the paper's network: a day, and the paper's method beside Newton's."""
    roads = read_roads(CONFIGS / "links.csv", CONFIGS / "od.csv")
    paths = find_paths(roads.network, roads.od, CARS)

    def hour(share: float, theta: float) -> AssignmentProblem:
        return AssignmentProblem(
            paths=paths, demand_veh_h=share * roads.od.demand_veh_h, theta_per_min=np.full(4, theta)
        )

    day = [hour(share, 0.2) for share in HOURS]
    seconds, answers = timed(lambda: warm_started_day(day, tolerance=1e-9))
    say("Nguyen-Dupuis, 24 periods to 1e-9", seconds, f"{sum(a.iterations for a in answers)} iterations")
    peak = hour(1, 0.1)
    taken = {}
    methods: dict[Method, float] = {"msa": 1e-3, "mswa": 1e-6, "sra": 1e-9, "newton": 1e-9}
    for method, tolerance in methods.items():
        taken[method], answer = timed(lambda: solve_sue(peak, method=method, tolerance=tolerance))  # noqa: B023
        reached = f"{answer.iterations} iterations, residual {answer.residual:.1e}"
        say(f"Nguyen-Dupuis peak, theta .1, {method} to {tolerance:.0e}", taken[method], reached)
    seconds, answer = timed(
        lambda: solve_sue(peak, method="msa", tolerance=1e-300, max_iterations=MSA_TO_A_THOUSANDTH), 1
    )
    off = np.abs(peak.path_demand_veh_h * answer.path_share - answer.path_flow_veh_h).max()
    times = f"off by {off:.2e} veh/h, {seconds / taken['newton']:.0f} times Newton to 1e-9"
    say(f"Nguyen-Dupuis peak, theta .1, {answer.iterations} iterations of msa", seconds, times)


def listed(name: str, network: Network, od: OdTable) -> None:
    """Time path generation and the equilibrium on listed paths, and on bushes."""
    seconds, paths = timed(lambda: find_paths(network, od, CARS, budget=1.5))
    say(f"{name}, paths within 1.5 times the cheapest", seconds, f"{paths.count} paths")
    problem = AssignmentProblem(
        paths=paths, demand_veh_h=od.demand_veh_h, theta_per_min=np.full(od.origin.size, 0.5)
    )
    methods: dict[Method, float] = {"newton": 1e-9, "sra": 1e-6}
    for method, tolerance in methods.items():
        seconds, answer = timed(lambda: solve_sue(problem, method=method, tolerance=tolerance))  # noqa: B023
        say(
            f"{name}, SUE on these, theta .5, {method} to {tolerance:.0e}",
            seconds,
            f"{answer.iterations} iterations",
        )


def on_bushes(name: str, network: Network, od: OdTable, theta: float) -> None:
    """Time bushes: building them, and the equilibrium."""
    seconds, problem = timed(lambda: build_problem(network, od, theta, paths="bush"))
    assert isinstance(problem, BushProblem)  # noqa: S101
    say(f"{name}, bushes", seconds, f"{od.origin.size} ODs, {problem.bushes.link.size} arcs")
    seconds, answer = timed(lambda: solve_sue(problem))
    reached = f"{answer.iterations} iterations, residual at most {answer.residual:.1e}"
    say(f"{name}, SUE on bushes, theta {theta:g}, to 1e-6", seconds, reached)


def deterministic(name: str, network: Network, od: OdTable, tolerance: float) -> None:
    """Time the user equilibrium, ours and the peers'; every answer's objective is computed by the same code."""
    seconds, answer = timed(lambda: solve_ue(network, od, tolerance=tolerance), 1)
    what = f"{name}, UE to gap {tolerance:.0e}"
    say(f"{what}, cosim", seconds, f"gap {answer.relative_gap:.1e}, Beckmann {answer.beckmann:.9g}")
    for peer, solve in installed_peers(network, od).items():
        seconds, (flow, gap) = timed(lambda: solve(tolerance), 1)  # noqa: B023
        reached = "" if gap <= tolerance else ", NOT REACHED"
        beckmann = beckmann_objective(network, flow)
        say(f"{what}, {peer}", seconds, f"gap {gap:.1e}, Beckmann {beckmann:.9g}{reached}")


def synthetic() -> tuple[Network, OdTable]:
    """Return 24 nodes in a two-way grid of 4 x 6, and 76 links: Sioux Falls in size."""
    rng = np.random.default_rng(24)
    rows = [(a, b) for a in range(24) for b in range(24) if b - a == 6 or (b - a == 1 and b % 6)]
    ends = np.array([*rows, *(row[::-1] for row in rows)])
    count = len(ends)
    network = Network(
        nodes=tuple(str(node + 1) for node in range(24)),
        links=tuple(str(link + 1) for link in range(count)),
        from_node=ends[:, 0],
        to_node=ends[:, 1],
        t0_min=rng.uniform(2, 10, count),
        capacity_veh_h=rng.uniform(4_000, 25_000, count),
        alpha=np.full(count, 0.15),
        beta=np.full(count, 4.0),
        davidson_j=np.zeros(count),
    )
    origin, dest = np.nonzero(~np.eye(24, dtype=bool))
    return network, OdTable(origin=origin, dest=dest, demand_veh_h=rng.uniform(100, 1_200, origin.size))


def main() -> None:
    """Time everything."""
    parser = ArgumentParser(description="CPU times of the assignment")
    parser.add_argument("--tntp", type=Path, help="folder with TNTP networks")
    folder = parser.parse_args().tntp
    say("reference kernel", timed(kernel)[0])
    nguyen_dupuis()
    listed("24 nodes", *synthetic())
    on_bushes("24 nodes", *synthetic(), theta=0.5)
    deterministic("24 nodes", *synthetic(), tolerance=1e-4)
    if folder is None:
        return
    for name, weights, lists in (
        ("SiouxFalls", (0.0, 0.0), True),
        ("Anaheim", (0.0, 0.0), False),
        ("ChicagoSketch", (0.04, 0.02), False),
    ):
        files = folder / f"{name}_net.tntp", folder / f"{name}_trips.tntp"
        roads = with_generalised_cost(read_tntp(*files), length_weight=weights[0], toll_weight=weights[1])
        if lists:
            listed(name, roads.network, roads.od)
        on_bushes(name, roads.network, roads.od, theta=0.5)
        for tolerance in (1e-4, 1e-6):
            deterministic(name, roads.network, roads.od, tolerance)
    say("reference kernel, again", timed(kernel)[0])


if __name__ == "__main__":
    main()
