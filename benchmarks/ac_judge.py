"""A local AC optimal power flow that shares nothing with the dispatch it judges: ``pip install 'cosim[judge]'``.

Currents and voltages are complex numbers, in rectangular coordinates; Kirchhoff's and Ohm's laws are the only
equations of the network, so that branches without impedance are no special case. IPOPT finds a local optimum, from
several starts.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.device import Devices, Renewable, Storage, Turbine
from cosim.grid.problem import Load, Rules
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import Dispatch

FEASIBLE_PU = 1e-7
"""A point that breaks no equation and no limit by more is feasible."""
SETTINGS = {
    "print_time": False,
    "ipopt.print_level": 0,
    "ipopt.sb": "yes",
    "ipopt.tol": 1e-9,
    "ipopt.constr_viol_tol": 1e-9,
    "ipopt.acceptable_tol": 1e-8,
    "ipopt.max_iter": 400,
    "ipopt.bound_relax_factor": 0.0,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """What is dispatched."""

    feeder: Feeder
    devices: Devices
    load: Load
    price_cny_per_kwh: FloatArray
    rules: Rules
    period_h: float = 1.0


@cache
def _casadi() -> Any:
    """Return the module, which only the extra ``judge`` brings."""
    return import_module("casadi")


class _Unknowns:
    """The variables of the program with their bounds and starts."""

    def __init__(self) -> None:
        self.symbols: list[Any] = []
        self.low: list[FloatArray] = []
        self.high: list[FloatArray] = []
        self.start: list[FloatArray] = []

    def add(self, low: Any, high: Any, start: Any, count: int) -> Any:
        """Return *count* new variables."""
        symbol = _casadi().SX.sym(f"x{len(self.symbols)}", count)
        self.symbols.append(symbol)
        for kept, value in ((self.low, low), (self.high, high), (self.start, start)):
            kept.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        return symbol


class _Program:
    """The nonlinear program of a case: unknowns, rows with their limits, cost."""

    def __init__(self, case: Case, start: Dispatch | None) -> None:
        self.case, self.begun = case, start
        self.unknowns, self.cost = _Unknowns(), 0.0
        self.rows: list[Any] = []
        self.low: list[FloatArray] = []
        self.high: list[FloatArray] = []
        groups = {kind: case.devices.of(kind) for kind in (Renewable, Turbine, Storage)}
        if sum(map(len, groups.values())) < len(case.devices.all):
            msg = "the judge knows renewables, turbines and storage only"
            raise TypeError(msg)
        self.before: dict[str, Any] = {d.name: None for d in case.devices.all}
        for t in range(len(case.price_cny_per_kwh)):
            self._period(t)

    def row(self, expression: Any, low: Any, high: Any) -> None:
        """Ask for low <= expression <= high."""
        self.rows.append(expression)
        for kept, value in ((self.low, low), (self.high, high)):
            kept.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (expression.numel(),)))

    def begin(self, name: str, t: int, device: Any, otherwise: float) -> float:
        """Return where a device starts [p.u.]."""
        if self.begun is None:
            return otherwise
        same = [d.name for d in self.case.devices.of(type(device))]
        return float(self.begun.setpoints[name][t, same.index(device.name)]) / BASE_KVA

    def _period(self, t: int) -> None:
        case, feeder, new = self.case, self.case.feeder, self.unknowns.add
        n, m, load = feeder.bus_count, feeder.branch_count, case.load
        flat = np.ones(n) if self.begun is None else self.begun.voltage_pu[t]
        e, f = new(-np.inf, np.inf, flat, n), new(-np.inf, np.inf, 0.0, n)
        a, b = new(-np.inf, np.inf, 0.0, m), new(-np.inf, np.inf, 0.0, m)
        slack = feeder.slack_buses
        grid_p, grid_q = (new(-np.inf, np.inf, 0.0, len(slack)) for _ in range(2))
        p = _casadi().SX(-(load.base_kw + load.station_kw)[t] / BASE_KVA)
        q = _casadi().SX(-load.base_kvar[t] / BASE_KVA)
        for device in case.devices.all:
            on = np.zeros(n)
            on[feeder.bus_index(device.bus)] = 1.0
            own_p, own_q = self._device(device, t)
            p, q = p + _casadi().DM(on) * own_p, q + _casadi().DM(on) * own_q
        put = np.zeros((n, len(slack)))
        put[slack, np.arange(len(slack))] = 1.0
        p, q = p + _casadi().DM(put) @ grid_p, q + _casadi().DM(put) @ grid_q
        leaves, arrives = np.zeros((m, n)), np.zeros((m, n))
        leaves[np.arange(m), feeder.from_bus] = 1.0 / feeder.ratio
        arrives[np.arange(m), feeder.to_bus] = 1.0
        near_e, near_f = _casadi().DM(leaves) @ e, _casadi().DM(leaves) @ f
        far_e, far_f = _casadi().DM(arrives) @ e, _casadi().DM(arrives) @ f
        r, x = _casadi().DM(feeder.r_pu), _casadi().DM(feeder.x_pu)
        self.row(near_e - far_e - (r * a - x * b), 0.0, 0.0)
        self.row(near_f - far_f - (r * b + x * a), 0.0, 0.0)
        enters = [
            a + _times(feeder.y_from_pu, near_e, near_f)[0],
            b + _times(feeder.y_from_pu, near_e, near_f)[1],
        ]
        comes = [a - _times(feeder.y_to_pu, far_e, far_f)[0], b - _times(feeder.y_to_pu, far_e, far_f)[1]]
        shunt = _times(feeder.shunt_pu, e, f)
        into = [
            _casadi().DM(leaves.T) @ enters[k] - _casadi().DM(arrives.T) @ comes[k] + shunt[k]
            for k in range(2)
        ]
        self.row(e * into[0] + f * into[1] - p, 0.0, 0.0)
        self.row(f * into[0] - e * into[1] - q, 0.0, 0.0)
        held = slack.tolist()
        self.row(e[held], feeder.slack_voltages_pu, feeder.slack_voltages_pu)
        self.row(f[held], 0.0, 0.0)
        fed = feeder.to_bus.tolist()
        self.row((e**2 + f**2)[fed], *(limit[feeder.to_bus] ** 2 for limit in feeder.voltage_limits_pu))
        for current, most in (
            (enters, feeder.current_max_pu * feeder.ratio),
            (comes, feeder.current_max_to_pu),
        ):
            if limited := np.flatnonzero(np.isfinite(most)).tolist():
                self.row((current[0] ** 2 + current[1] ** 2)[limited], 0.0, most[limited] ** 2)
        if not case.rules.export:
            self.row(grid_p, 0.0, np.inf)
        self.cost = self.cost + case.period_h * BASE_KVA * case.price_cny_per_kwh[t] * _casadi().sum1(grid_p)

    def _device(self, device: Any, t: int) -> tuple[Any, Any]:
        """Return what a device injects, and add its limits and its cost."""
        if isinstance(device, Renewable):
            return self._renewable(device, t)
        return self._turbine(device, t) if isinstance(device, Turbine) else self._storage(device, t)

    def _renewable(self, device: Renewable, t: int) -> tuple[Any, Any]:
        offered, s = device.available_kw[t] / BASE_KVA, device.s_kva / BASE_KVA
        most = {"disk": s, "available": np.sqrt(max(s**2 - offered**2, 0.0)), "none": 0.0}[
            device.q_capability
        ]
        low, q_low = (0.0 if device.curtailable else offered), (-most if device.q_absorption else 0.0)
        p = self.unknowns.add(low, offered, self.begin("renewable_kw", t, device, offered), 1)
        q = self.unknowns.add(q_low, most, self.begin("renewable_kvar", t, device, 0.0), 1)
        if device.q_capability == "disk":
            self.row(p**2 + q**2, 0.0, s**2)
        return p, q

    def _turbine(self, device: Turbine, t: int) -> tuple[Any, Any]:
        p_max, q_max = device.p_max_kw / BASE_KVA, device.q_max_kvar / BASE_KVA
        p = self.unknowns.add(0.0, p_max, self.begin("turbine_kw", t, device, p_max / 2), 1)
        q_min = -q_max * device.q_absorption
        q = self.unknowns.add(q_min, q_max, self.begin("turbine_kvar", t, device, 0.0), 1)
        before = self.before[device.name]
        if before is None and device.initial_kw is not None:
            before = device.initial_kw / BASE_KVA
        if before is not None:
            step = device.ramp_kw_per_h * self.case.period_h / BASE_KVA
            self.row(p - before, -step, step)
        self.before[device.name] = p
        a, b = device.cost_a_cny_per_mw2h, device.cost_b_cny_per_mwh
        self.cost = self.cost + self.case.period_h * (a * p**2 + b * p)
        return p, q

    def _storage(self, device: Storage, t: int) -> tuple[Any, Any]:
        h, size = self.case.period_h, device.capacity_kwh / BASE_KVA
        into = self.unknowns.add(
            0.0, device.charge_max_kw / BASE_KVA, self.begin("charge_kw", t, device, 0.01), 1
        )
        out = self.unknowns.add(
            0.0, device.discharge_max_kw / BASE_KVA, self.begin("discharge_kw", t, device, 0.01), 1
        )
        before = self.before[device.name]
        before = device.soc_initial * size if before is None else before
        energy = before + h * (device.charge_efficiency * into - out / device.discharge_efficiency)
        last = t == len(self.case.price_cny_per_kwh) - 1
        low, high = (device.soc_initial,) * 2 if last else (device.soc_min, device.soc_max)
        self.row(energy, low * size, high * size)
        self.row(into * out, 0.0, 0.0)
        self.before[device.name] = energy
        return out - into, 0.0

    def solve(self) -> float:
        """Return the cost of the local optimum, inf where no feasible point is found."""
        x, g = _casadi().vertcat(*self.unknowns.symbols), _casadi().vertcat(*self.rows)
        low, high = (np.concatenate(part) for part in (self.unknowns.low, self.unknowns.high))
        g_low, g_high = (np.concatenate(part) for part in (self.low, self.high))
        program: Any = {"x": x, "g": g, "f": self.cost}
        solver = _casadi().nlpsol("ac", "ipopt", program, SETTINGS)
        start = np.clip(np.concatenate(self.unknowns.start), low, high)
        found = solver(x0=start, lbx=low, ubx=high, lbg=g_low, ubg=g_high)
        at, value = np.asarray(found["g"]).ravel(), np.asarray(found["x"]).ravel()
        off = [g_low - at, at - g_high, low - value, value - high]
        feasible = max(float(part.max(initial=0.0)) for part in off) <= FEASIBLE_PU
        return float(found["f"]) if feasible else float("inf")


def _times(y: Any, e: Any, f: Any) -> tuple[Any, Any]:
    """Return the current y (e + jf), real and imaginary."""
    g, b = _casadi().DM(y.real), _casadi().DM(y.imag)
    return g * e - b * f, g * f + b * e


def least_cost_found(case: Case, *starts: Dispatch) -> float:
    """Return the cost of the best AC-feasible point found [CNY], inf where none is: from flat and from *starts*."""
    return min(_Program(case, start).solve() for start in (None, *starts))
