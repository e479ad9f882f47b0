"""Time the dispatch against the bare solver: ``python benchmarks/dispatch.py [--small | --large]``.

Every figure is CPU time in one process, the median of several runs, and each ratio compares with
Clarabel on the very same cones: set-up and solve, nothing around it. Large feeders are copies of the 33-bus
feeder, with its devices, under one slack bus; with ``--large``, random trees of 4,000 and 8,500 buses whose branches
all have charging and limits, stations at every third bus, first without and then with devices at a tenth of the buses.
"""

import argparse
import math
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.clarabel_engine import bare_solver, engine
from cosim.grid.cones import Cones
from cosim.grid.device import DemandResponse, Devices, Renewable, Storage, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, read_feeder_csv
from cosim.grid.model import ProblemStructure
from cosim.grid.parameters import parameters
from cosim.grid.power_flow import ac_power_flow
from cosim.grid.problem import Horizon, Load, ProblemData
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_power_flow
from cosim.grid.tariff import time_of_use_tariff

IEEE33 = Path(__file__).parents[1] / "configs" / "ieee33"
HOUR = np.arange(24)
LOAD = 0.65 + 0.25 * np.sin((HOUR - 9) * math.pi / 12) + 0.1 * np.sin((HOUR - 3) * math.pi / 6)
SUN = np.maximum(0.0, np.sin((HOUR - 6) * math.pi / 12))
WIND = 0.45 + 0.25 * np.cos(HOUR * math.pi / 12)


class Case:
    """The 33-bus feeder, or copies of it under one slack bus, with devices, over some periods."""

    def __init__(self, copies: int, periods: int) -> None:
        """Put everything together."""
        one = read_feeder_csv(IEEE33 / "buses.csv", IEEE33 / "branches.csv", name="ieee33")
        self.feeder = copied(one, copies)
        self.devices = devices(copies, periods)
        self.load = Load.scaled(self.feeder, np.repeat(LOAD, periods // 24))
        self.price = time_of_use_tariff(periods)
        self.horizon = Horizon(period_h=24 / periods)

    def solve(self) -> Dispatch:
        """Solve the dispatch as a user does."""
        return solve_dispatch(self.feeder, self.devices, self.load, self.price, self.horizon)

    def bare(self) -> Callable[[], object]:
        """Return the bare set-up and solve of the same cones."""
        cones = self.cones()
        return lambda: bare_solver(cones).solve()

    def effort(self) -> tuple[int, int]:
        """Return the solver's iterations and the entries of its factor: what the problem asks of any machine."""
        solver = bare_solver(self.cones())
        iterations = int(solver.solve().iterations)
        return iterations, int(solver.get_info().linsolver.nnzL)

    def cones(self) -> Cones:
        """Return the cones that the dispatch solves."""
        structure = ProblemStructure(
            feeder=self.feeder,
            devices=self.devices,
            period_h=self.horizon.period_h,
            export=False,
            elastic=None,
        )
        state = self.devices.initial_state()
        data = ProblemData(load=self.load, price_cny_per_kwh=self.price, horizon=self.horizon, state=state)
        return engine(structure).chain(len(self.price)).cones(parameters(structure, data))

    def day(self) -> None:
        """Solve every period of the day anew, each over the rest of the day."""
        state = None
        for t in range(len(self.price)):
            horizon = replace(self.horizon, first_period=t + 1, state=state)
            plan = solve_dispatch(self.feeder, self.devices, self.load.since(t), self.price[t:], horizon)
            state = plan.state_after(t + 1)


def copied(one: Feeder, copies: int) -> Feeder:
    """Return *copies* of a feeder under its slack bus."""
    fed = one.bus_count - 1
    shift = np.repeat(np.arange(copies) * fed, one.branch_count)
    near, far = np.tile(one.from_bus, copies), np.tile(one.to_bus, copies)
    return replace(
        one,
        name=f"{copies} x {one.name}",
        bus_names=(
            "1",
            *(f"{n}" if c == 0 else f"{c}.{n}" for c in range(copies) for n in one.bus_names[1:]),
        ),
        branch_names=tuple(f"{c}.{n}" for c in range(copies) for n in one.branch_names),
        from_bus=np.where(near == 0, 0, near + shift),
        to_bus=far + shift,
        ratio=np.ones(copies * one.branch_count),
        y_from_pu=np.zeros(copies * one.branch_count, dtype=np.complex128),
        y_to_pu=np.zeros(copies * one.branch_count, dtype=np.complex128),
        shunt_pu=np.zeros(copies * fed + 1, dtype=np.complex128),
        generation_kva=np.zeros(copies * fed + 1, dtype=np.complex128),
        current_max_to_pu=np.tile(one.current_max_to_pu, copies),
        r_pu=np.tile(one.r_pu, copies),
        x_pu=np.tile(one.x_pu, copies),
        current_max_pu=np.tile(one.current_max_pu, copies),
        load_kw=np.r_[0.0, np.tile(one.load_kw[1:], copies)],
        load_kvar=np.r_[0.0, np.tile(one.load_kvar[1:], copies)],
        v_base_kv=12.66,
    )


def devices(copies: int, periods: int) -> Devices:
    """Return the devices of the paper's case on every copy."""
    sun, wind = np.repeat(SUN, periods // 24), np.repeat(WIND, periods // 24)
    plants: tuple[tuple[Literal["pv", "wind"], str, FloatArray], ...] = (
        ("pv", "28", sun),
        ("wind", "14", wind),
    )
    at = [("" if c == 0 else f"{c}.") for c in range(copies)]
    return Devices(
        *(Turbine(name=f"turbine {c}", bus=c + "33", cost_b_cny_per_mwh=612.0) for c in at),
        *(Storage(name=f"storage {c}", bus=c + "18") for c in at),
        *(DemandResponse(bus=c + bus) for c in at for bus in ("7", "8", "24", "25")),
        *(
            Renewable(name=f"{kind} {c}", bus=c + bus, kind=kind, profile_pu=profile)
            for c in at
            for kind, bus, profile in plants
        ),
    )


def town(buses: int, seed: int = 1) -> Feeder:
    """Return a random tree of *buses*: a hundredth of them at the slack bus, each branch with charging and a limit."""
    random, branches, lines = np.random.default_rng(seed), buses - 1, buses // 100
    to_bus = np.arange(1, buses)
    near = random.integers(np.maximum(1, to_bus - 3 * lines), np.maximum(2, to_bus))
    charging = np.asarray(5e-5j * random.uniform(0.2, 1.0, branches), dtype=np.complex128)
    load_kw = np.r_[0.0, random.uniform(0.4, 3.6, branches)]
    return Feeder(
        name=f"town of {buses}",
        bus_names=tuple(map(str, range(buses))),
        branch_names=tuple(map(str, range(branches))),
        slack_bus=0,
        from_bus=np.where(to_bus <= lines, 0, near),
        to_bus=to_bus,
        r_pu=random.uniform(1e-4, 3e-4, branches),
        x_pu=random.uniform(5e-5, 3e-4, branches),
        y_from_pu=charging,
        y_to_pu=charging,
        current_max_pu=np.full(branches, 20.0),
        v_base_kv=12.66,
        load_kw=load_kw,
        load_kvar=0.3 * load_kw,
        voltage_min_pu=0.9,
        voltage_max_pu=1.1,
    )


def first_of_town(buses: int, periods: int, *, with_devices: bool) -> None:
    """Print the time of the first dispatch of a town, and the memory so far."""
    feeder = town(buses)
    stations = np.zeros((periods, buses))
    stations[:, 1::3] = 1.0
    load = Load.scaled(feeder, np.linspace(0.6, 0.9, periods), stations)
    every, profile = [str(bus) for bus in range(1, buses, 30)], np.linspace(0.0, 0.9, periods)
    some = Devices(
        *(Storage(name=f"storage {bus}", bus=bus, capacity_kwh=20.0) for bus in every),
        *(DemandResponse(bus=bus) for bus in every),
        *(Renewable(name=f"pv {bus}", bus=bus, kind="pv", s_kva=3.0, profile_pu=profile) for bus in every),
    )
    asked = (feeder, some if with_devices else Devices(), load, np.linspace(0.4, 0.9, periods))
    dispatches: list[Dispatch] = []
    seconds = cpu_s(lambda: dispatches.append(solve_dispatch(*asked)), 1)
    named = (
        f"{buses} x {periods}{', devices' if with_devices else ''}: first dispatch, {dispatches[0].status}"
    )
    row(f"{named} (memory so far {peak_gb():.2f} GB)", seconds)


def peak_gb() -> float:
    """Return the largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def cpu_s(work: Callable[[], object], runs: int) -> float:
    """Return the median CPU time of *work* [s]."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def bare_power_flow(case: Case, dispatch: Dispatch) -> float:
    """Return the time of pandapower's own runpp on the net that is solved."""
    import pandapower

    from cosim.grid.pandapower_net import POWER_FLOW
    from cosim.grid.ready_net import ready_net

    ac_power_flow(case.feeder, dispatch.injection_kw[0], dispatch.injection_kvar[0])
    net = ready_net(case.feeder).net
    return cpu_s(lambda: pandapower.runpp(net, **POWER_FLOW, tolerance_mva=1e-10), 15)


def row(what: str, seconds: float, ratio: float | None = None, target: float | None = None) -> None:
    """Print one line."""
    shown = "" if ratio is None else f"{ratio:9.3f}x"
    verdict = "" if target is None or ratio is None else f"  (target {target:g}: {ratio <= target})"
    print(f"{what:<58}{1e3 * seconds:10.1f} ms{shown}{verdict}", flush=True)


def small(case: Case) -> float:
    """Print the figures of 33 buses x 24 periods; return the time of a re-solve."""
    row("33 x 24: first dispatch, compile and set-up included", cpu_s(case.solve, 1))
    dispatch = case.solve()
    ours, bare = cpu_s(case.solve, 15), cpu_s(case.bare(), 15)
    row("33 x 24: bare Clarabel, set-up and solve", bare)
    row("33 x 24: dispatch solved again", ours, ours / bare, 1.3)
    day = cpu_s(case.day, 1)
    row("33 x 24: a day of 24 re-solves, first", day, day / 2.0, 1.0)
    day = cpu_s(case.day, 1)
    row("33 x 24: a day of 24 re-solves, second", day, day / 2.0, 1.0)
    sweep = cpu_s(lambda: sweep_power_flow(case.feeder, dispatch.injection_kw, dispatch.injection_kvar), 50)
    row("batch sweep of all periods against one dispatch", sweep, sweep / ours, 0.02)
    bare_ac = bare_power_flow(case, dispatch)
    ac = cpu_s(lambda: ac_power_flow(case.feeder, dispatch.injection_kw[0], dispatch.injection_kvar[0]), 15)
    row("AC power flow of one period against a bare runpp", ac, ac / bare_ac, 1.2)
    return ours


def large(periods: int, first: float, runs: int) -> None:
    """Print the figures of 993 buses."""
    case = Case(31, periods)
    size = f"{case.feeder.bus_count} x {periods}"
    row(f"{size}: first dispatch, compile and set-up included", cpu_s(case.solve, 1))
    ours, bare = cpu_s(case.solve, runs), cpu_s(case.bare(), runs)
    row(f"{size}: dispatch solved again", ours, ours / bare, 1.3)
    larger = math.log(case.feeder.bus_count * periods / (33 * 24))
    growth = math.log(ours / first) / larger
    print(f"{size}: exponent of growth from 33 x 24: {growth:.3f} (target 1.1: {growth <= 1.1})", flush=True)
    (few, small_factor), (many, factor) = Case(1, 24).effort(), case.effort()
    print(
        f"{size}: of that, iterations ({few} to {many}) {math.log(many / few) / larger:.3f}, "
        f"entries of the factor {math.log(factor / small_factor) / larger:.3f}, the rest is the machine: "
        f"{1e9 * first / few / small_factor:.0f} ns per entry and iteration became {1e9 * ours / many / factor:.0f}",
        flush=True,
    )


def main() -> None:
    """Print all ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="33 buses only")
    parser.add_argument("--large", action="store_true", help="random trees of 4,000 and 8,500 buses only")
    asked = parser.parse_args()
    if asked.large:
        first_of_town(4000, 4, with_devices=False)
        first_of_town(4000, 4, with_devices=True)
        first_of_town(8500, 24, with_devices=False)
        first_of_town(8500, 24, with_devices=True)
        return
    first = small(Case(1, 24))
    if not asked.small:
        large(24, first, 3)
        large(96, first, 1)
    print(f"largest memory of this process: {peak_gb():.2f} GB (target 2.5: {peak_gb() <= 2.5})")


if __name__ == "__main__":
    main()
