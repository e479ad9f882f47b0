"""Dispatch at random: ``python benchmarks/dispatch_at_random.py [--cases 300] [--seed 20261122] [--ieee33]``.

Nets, load, renewables, slack voltage, prices (also negative), reactive capability and export vary. Every answer must
be certified, that is judged here anew, or say why it is not; one that is silently wrong ends the run with exit code 1.
Judged are the set-points by pandapower's power flow, what is called optimal or elastic by a local AC optimiser
(``pip install 'cosim[judge]'``), and prices by finite differences.
"""

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from cosim.errors import CosimError
from cosim.grid.device import DemandResponse, Devices, Renewable, Storage, Turbine
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, read_feeder_csv
from cosim.grid.power_flow import ac_power_flow
from cosim.grid.problem import Load, Rules
from cosim.grid.solution import OPTIMAL_GAP, Dispatch

IEEE33 = Path(__file__).parents[1] / "configs" / "ieee33"
EXACT_PU = 1e-6
PRICE_CNY_PER_KWH = 1e-4
"""What a nodal price may differ from a finite difference."""
CAPABILITIES: tuple[Literal["disk", "available", "none"], ...] = ("disk", "available", "none")


@dataclass(frozen=True, slots=True)
class RandomCase:
    """One drawn dispatch."""

    feeder: Feeder
    devices: Devices
    load: Load
    price: np.ndarray
    rules: Rules

    def solve(self) -> Dispatch:
        """Return its dispatch."""
        return solve_dispatch(self.feeder, self.devices, self.load, self.price, rules=self.rules)


def read_feeder() -> Feeder:
    """Return the 33-bus feeder."""
    return read_feeder_csv(IEEE33 / "buses.csv", IEEE33 / "branches.csv", name="ieee33")


def draw(base: Feeder, random: np.random.Generator) -> RandomCase:
    """Return a random case on the feeder *base*."""
    periods = int(random.choice([1, 3, 6, 24]))
    feeder = replace(base, slack_voltage_pu=float(random.uniform(0.97, 1.05)))
    price = random.uniform(0.2, 1.2, periods)
    sign = random.choice(["positive", "some negative", "zero", "negative"], p=[0.55, 0.2, 0.1, 0.15])
    if sign == "negative":
        price = -price / 2
    elif sign == "zero":
        price = np.where(random.random(periods) < 0.5, 0.0, price)
    elif sign == "some negative":
        price = np.where(random.random(periods) < 0.3, -price / 2, price)
    profile = random.uniform(0.1, 1.3) * random.uniform(0.6, 1.0, (periods, base.bus_count))
    station = np.zeros((periods, base.bus_count))
    station[:, [15, 19, 31]] = random.uniform(0, 600) * random.random((periods, 3))
    rules = Rules(export=bool(random.random() < 0.4), solver="clarabel")
    return RandomCase(feeder, _devices(random, periods), Load.scaled(base, profile, station), price, rules)


def draw_net(random: np.random.Generator) -> RandomCase:
    """Return a random case on a random radial net: taps, charging, shunts, lossless transformers, limits, any price."""
    feeder, periods = _net(random), int(random.choice([1, 1, 1, 2, 4]))
    names = feeder.bus_names[1:]
    size_kw = float(random.uniform(0.3, 3.0)) * 1e3
    plants = [
        Renewable(
            name=f"r{k}",
            bus=str(random.choice(names)),
            kind="pv",
            s_kva=float(size_kw * random.uniform(0.2, 2.0)),
            profile_pu=random.random(periods),
            q_capability=CAPABILITIES[random.integers(3)],
            q_absorption=bool(random.random() < 0.7),
            curtailable=bool(random.random() < 0.7),
        )
        for k in range(int(random.integers(0, 4)))
    ]
    others: list[Turbine | Storage] = [
        Turbine(name="t", bus=str(random.choice(names)), cost_a_cny_per_mw2h=float(random.uniform(0, 300)),
                cost_b_cny_per_mwh=float(random.uniform(-100, 800))),
        Storage(name="s", bus=str(random.choice(names))),
    ]  # fmt: skip
    devices = Devices(*plants, *(device for device in others if random.random() < 0.4))
    share = random.dirichlet(np.ones(len(names))) * random.uniform(0.1, 1.5) * size_kw
    base_kw = np.hstack([np.zeros((periods, 1)), share * random.uniform(0.5, 1.0, (periods, len(names)))])
    if random.random() < 0.2:
        base_kw[:, random.integers(1, len(names) + 1)] *= -1
    feeder = replace(feeder, load_kw=base_kw[0])
    load = Load(
        base_kw=base_kw, base_kvar=base_kw * random.uniform(-0.2, 0.5), station_kw=np.zeros_like(base_kw)
    )
    price = random.uniform(0.1, 1.2, periods) * random.choice([1, 1, 1, -0.5], periods)
    price = price * (random.random() > 0.05)
    return RandomCase(
        feeder, devices, load, price, Rules(export=bool(random.random() < 0.7), solver="clarabel")
    )


def _net(random: np.random.Generator) -> Feeder:
    """Return a random tree in per unit of 1 MVA; some branches are almost without losses, some without impedance."""
    branches = int(random.integers(2, 16))
    to_bus = np.arange(1, branches + 1)
    from_bus = np.array([random.integers(max(0, int(bus) - 4), int(bus)) for bus in to_bus])
    z = 10 ** random.uniform(-3.3, -1.6, branches)
    angle = random.uniform(0.2, 1.3, branches)
    r, x = z * np.cos(angle), z * np.sin(angle)
    transformer = random.random(branches) < random.choice([0.0, 0.15])
    r = np.where(transformer, x * random.choice([0.0, 1e-6, 1e-4, 1e-2], branches), r)
    tiny = random.random(branches) < random.choice([0.0, 0.0, 0.1])
    r, x = (np.where(tiny, value * 10 ** random.uniform(-4, -2, branches), value) for value in (r, x))
    joined = random.random(branches) < random.choice([0.0, 0.0, 0.15])
    r, x = (np.where(joined, 0.0, value) for value in (r, x))
    taps = np.where(transformer & (random.random(branches) < 0.7), random.uniform(0.95, 1.05, branches), 1.0)
    charging = 1j * np.where(
        random.random(branches) < random.choice([0.0, 0.4]), random.uniform(0, 0.05, branches), 0.0
    )
    shunt = np.where(
        random.random(branches + 1) < random.choice([0.0, 0.1]), random.uniform(-0.3, 0.3, branches + 1), 0.0
    )
    limits = np.where(
        random.random(branches) < random.choice([0.0, 0.3, 1.0]),
        10 ** random.uniform(0, 1.3, branches),
        np.inf,
    )
    band = float(random.choice([0.05, 0.1]))
    return Feeder(
        name="random",
        bus_names=tuple(map(str, range(branches + 1))),
        branch_names=tuple(f"b{k}" for k in to_bus),
        slack_bus=0,
        from_bus=from_bus,
        to_bus=to_bus,
        r_pu=r,
        x_pu=x,
        ratio=taps,
        y_from_pu=charging,
        y_to_pu=charging.copy(),
        shunt_pu=1j * shunt + np.abs(shunt) * float(random.choice([0.0, 0.05])),
        current_max_pu=limits,
        v_base_kv=20.0,
        load_kw=np.zeros(branches + 1),
        load_kvar=np.zeros(branches + 1),
        slack_voltage_pu=float(random.uniform(0.97, 1.04)),
        voltage_min_pu=1 - band,
        voltage_max_pu=1 + band,
    )


def _devices(random: np.random.Generator, periods: int) -> Devices:
    capability = CAPABILITIES[random.integers(3)]
    absorption, curtailable = bool(random.random() < 0.7), bool(random.random() < 0.8)
    units = [
        Renewable(
            name=f"r{k}",
            bus=str(random.integers(2, 34)),
            kind="pv" if k % 2 == 0 else "wind",
            s_kva=float(random.uniform(100, 3000)),
            profile_pu=random.random(periods),
            q_capability=capability,
            q_absorption=absorption,
            curtailable=curtailable,
        )
        for k in range(int(random.integers(0, 5)))
    ]
    before = None if random.random() < 0.5 else float(random.uniform(0, 500))
    turbine = Turbine(name="t", bus="33", initial_kw=before, q_absorption=bool(random.random() < 0.7))
    return Devices(
        *((turbine,) if random.random() < 0.7 else ()),
        *((Storage(name="s", bus="18"),) if random.random() < 0.7 else ()),
        *(DemandResponse(bus=b) for b in ("7", "24") if random.random() < 0.7),
        *units,
    )


def judge(case: RandomCase, dispatch: Dispatch) -> str:
    """Return what is wrong with a dispatch that calls itself certified, judged from its set-points; or ''."""
    d = dispatch
    bound = d.lower_bound_cny - 1e-4 * max(abs(d.lower_bound_cny), 1.0)
    wrong = [_wrong_in(case, d, t) for t in range(d.period_count)]
    wrong += [
        "" if d.relaxation_error.max() <= EXACT_PU else "the relaxation error is too large",
        ""
        if np.minimum(*case.devices.store_powers_kw(d.setpoints)).max(initial=0.0) <= 0.01
        else "storage does both at once",
        "" if d.cost_cny + d.cost.penalty_cny >= bound else f"{d.cost_cny} CNY is below {d.lower_bound_cny}",
    ]
    return ", ".join(filter(None, wrong))


def _wrong_in(case: RandomCase, d: Dispatch, t: int) -> str:
    """Return what pandapower's AC power flow of one period finds wrong."""
    ac = ac_power_flow(case.feeder, d.injection_kw[t], d.injection_kvar[t])
    bought_kw, (low, high) = float(ac.slack_kw), case.feeder.voltage_limits_pu
    outside_pu = np.maximum(low - ac.voltage_pu, ac.voltage_pu - high)[1:].max()
    wrong = {
        "the AC voltages differ": np.abs(ac.voltage_pu - d.voltage_pu[t]).max() <= EXACT_PU,
        "the AC purchase differs": abs(bought_kw - d.purchase_kw[t]) <= 0.05,
        "a voltage is outside its limits": d.status == "elastic" or outside_pu <= EXACT_PU,
        "energy is exported": case.rules.export or bought_kw >= -0.05,
    }
    return ", ".join(f"period {t + 1}: {what}" for what, right in wrong.items() if not right)


def judge_optimum(case: RandomCase, dispatch: Dispatch) -> str:
    """Return what a local AC optimiser finds wrong with the status of a dispatch; or ''."""
    from ac_judge import Case, least_cost_found

    asked = Case(
        feeder=case.feeder,
        devices=case.devices,
        load=case.load,
        price_cny_per_kwh=case.price,
        rules=case.rules,
    )
    least = least_cost_found(asked, dispatch)
    if dispatch.status == "elastic":
        return "" if np.isinf(least) else f"called elastic, but {least} CNY keep all limits"
    above = (dispatch.cost_cny - least) / max(dispatch.cost.absolute_cny, 0.01)
    return f"called optimal, but above {least} CNY by {above:.1e}" if above > OPTIMAL_GAP else ""


def judge_price(case: RandomCase, dispatch: Dispatch, random: np.random.Generator) -> str:
    """Return by how much a nodal price differs from the cost of one more kWh, where that is one number; or ''."""
    period, bus = random.integers(dispatch.period_count), random.integers(1, case.feeder.bus_count)
    slopes = []
    for step_kw in (0.5, -0.5):
        more = case.load.base_kw.copy()
        more[period, bus] += step_kw
        other = replace(case, load=replace(case.load, base_kw=more)).solve()
        if other.status != dispatch.status:
            return ""
        slopes.append((other.cost_cny - dispatch.cost_cny) / step_kw)
    price = dispatch.price_cny_per_kwh[period, bus]
    smooth = abs(slopes[0] - slopes[1]) <= PRICE_CNY_PER_KWH
    far = abs(price - np.mean(slopes)) > PRICE_CNY_PER_KWH
    return f"the price is {price}, one more kWh costs {slopes}" if smooth and far else ""


def main() -> None:
    """Solve and judge all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument(
        "--ieee33", action="store_true", help="only the 33-bus feeder, without the AC optimiser"
    )
    asked = parser.parse_args()
    base, found, wrong, start = read_feeder(), Counter[str](), 0, time.process_time()
    for number, seed in enumerate(np.random.SeedSequence(asked.seed).spawn(asked.cases)):
        random = np.random.default_rng(seed)
        case = draw(base, random) if asked.ieee33 else draw_net(random)
        try:
            dispatch = case.solve()
        except CosimError as error:
            found[f"refused with {type(error).__name__}"] += 1
            print(f"case {number}: {error}")
            continue
        if not dispatch.certified:
            found["says that it is not certified"] += 1
            print(f"case {number}: {dispatch.reason_not_certified}")
            continue
        complaints = [judge(case, dispatch)]
        if not asked.ieee33 and dispatch.status in {"optimal", "elastic"}:
            complaints.append(judge_optimum(case, dispatch))
        if not asked.ieee33 and dispatch.status != "elastic":
            complaints.append(judge_price(case, dispatch, random))
        recovery = "recovered" if dispatch.exactness_recovery != "none" else "as solved"
        found[f"certified, {dispatch.status}, {recovery}"] += 1
        if complaint := ", ".join(filter(None, complaints)):
            wrong += 1
            print(f"case {number} is silently wrong: {complaint}", flush=True)
    for kind, count in found.most_common():
        print(f"{count:5d} {kind}")
    print(f"{wrong:5d} silently wrong; {time.process_time() - start:.0f} CPU s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
