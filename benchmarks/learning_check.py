"""What the check by drivers who learn sees: ``python benchmarks/learning_check.py [SCENARIO] [SEEDS]``.

Faults are planted in the equilibrium, the drivers learn as they do in a run. For each fault the mean distance on roads
and at stations is printed, in sampling floors, and on how many seeds the check says that it differs.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from unittest.mock import patch

import numpy as np

from cosim.arrays import FloatArray
from cosim.coupling import EquilibriumDay, day_ahead, solve_equilibrium_day
from cosim.coupling.day import road_day
from cosim.road.paths import PathSet
from cosim.scenario import Scenario, load_scenario
from experiments.run.learning_check import Finding, ev_path_veh_h, findings, learn

Change = Callable[[PathSet], PathSet]


def slower_station(minutes: float) -> Change:
    """Return the fault of a first station whose time is wrong."""

    def change(paths: PathSet) -> PathSet:
        t0_min = paths.network.t0_min.copy()
        t0_min[paths.network.charging_arcs[0]] += minutes
        return replace(paths, network=replace(paths.network, t0_min=t0_min))

    return change


def other_capacity(factor: float) -> Change:
    """Return the fault of roads whose capacities are wrong."""

    def change(paths: PathSet) -> PathSet:
        network = paths.network
        capacity = np.where(network.is_charging, 1.0, factor) * network.capacity_veh_h
        return replace(paths, network=replace(network, capacity_veh_h=capacity))

    return change


def with_paths(scenario: Scenario, day: EquilibriumDay, change: Change) -> FloatArray:
    """Return the EV flows of an equilibrium whose path set is changed."""
    whole = Scenario.with_session_energy
    with patch.object(Scenario, "with_session_energy", lambda self, kwh: change(whole(self, kwh))):
        return ev_path_veh_h(road_day(scenario, day.charging_price_cny_per_kwh))


def with_theta(scenario: Scenario, day: EquilibriumDay, factor: float) -> FloatArray:
    """Return the EV flows of an equilibrium whose theta is changed."""
    road = scenario.config.road.model_copy(
        update={"theta_per_min": factor * scenario.config.road.theta_per_min}
    )
    other = replace(scenario, config=scenario.config.model_copy(update={"road": road}))
    return ev_path_veh_h(road_day(other, day.charging_price_cny_per_kwh))


def faults(scenario: Scenario) -> Iterator[tuple[str, FloatArray]]:
    """Yield each fault, and the EV path flows of the equilibrium that has it."""
    day = solve_equilibrium_day(scenario)
    right = ev_path_veh_h(day)
    yield "none", right
    for factor in (0.9, 0.95, 0.97, 1.03, 1.05, 1.1):
        yield f"EV demand x {factor}", factor * right
    for factor in (0.8, 0.9, 0.95, 1.05, 1.1, 1.25):
        yield f"theta x {factor}", with_theta(scenario, day, factor)
    for minutes in (1, 2, 3, 5):
        yield f"first station + {minutes} min", with_paths(scenario, day, slower_station(minutes))
    for factor in (0.8, 0.9, 1.1, 1.25):
        yield f"capacity of roads x {factor}", with_paths(scenario, day, other_capacity(factor))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", default="paper")
    parser.add_argument("seeds", nargs="?", type=int, default=10)
    asked = parser.parse_args()
    planted = dict(faults(load_scenario(asked.scenario)))
    found: dict[str, list[tuple[Finding, ...]]] = {name: [] for name in planted}
    for seed in range(1, asked.seeds + 1):
        scenario = load_scenario(asked.scenario, seed=seed)
        learnt = learn(scenario, day_ahead(scenario, solve_equilibrium_day(scenario)))
        for name, flows in planted.items():
            found[name].append(findings(learnt, flows))
    print(f"{'fault':26}{'roads':>8}{'differs':>9}{'stations':>10}{'differs':>9}{'either':>8}")
    for name, of_seeds in found.items():
        cells = [f"{name:26}"]
        for group, width in ((0, 8), (1, 10)):
            ratio = np.mean([finding[group].ratio for finding in of_seeds])
            cells.append(f"{ratio:{width}.2f}{sum(f[group].verdict == 'differs' for f in of_seeds):9}")
        either = sum(any(f.verdict == "differs" for f in finding) for finding in of_seeds)
        print("".join(cells) + f"{either:8}")


if __name__ == "__main__":
    main()
