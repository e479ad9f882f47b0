"""AC power flow of a feeder by pandapower's equations, and the check of a dispatch against it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.errors import SolverError
from cosim.grid.bus_words import at_bus
from cosim.grid.feeder import BASE_KVA, Feeder
from cosim.grid.flow import PowerFlow
from cosim.grid.pandapower_net import POWER_FLOW, rows_of
from cosim.grid.radial import ComplexArray
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_voltage

TOLERANCE_MVA = 1e-10
"""Power mismatch at which Newton-Raphson stops; voltages are then good to about 1e-12 p.u."""
ROUNDING = 5e-15
"""Of the difference of two voltages [p.u.], with a margin."""
SWEEP_TOLERANCE_PU = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How far the AC power flow of one period is from the dispatch."""

    period: int
    voltage_mismatch_pu: float
    current_mismatch_pu: float
    """p.u. of 1 MVA, the largest over the branches."""
    losses_mismatch_kw: float
    voltage_min_pu: float
    voltage_max_pu: float


def verify_with_ac_power_flow(feeder: Feeder, dispatch: Dispatch, period: int) -> Verdict:
    """Return how far the set-points of *period* (1..T) lead away from the dispatch in an AC power flow."""
    row = dispatch.row(period)
    where = f"period {period}"
    ac = newton_power_flow(feeder, dispatch.injection_kw[row], dispatch.injection_kvar[row], where=where)
    return Verdict(
        period=period,
        voltage_mismatch_pu=float(np.abs(ac.voltage_pu - dispatch.voltage_pu[row]).max()),
        current_mismatch_pu=float(
            np.abs(ac.branch_current_pu - dispatch.branch_current_pu[row]).max(initial=0.0)
        ),
        losses_mismatch_kw=float(abs(ac.losses_kw - dispatch.losses_kw[row])),
        voltage_min_pu=float(ac.voltage_pu.min()),
        voltage_max_pu=float(ac.voltage_pu.max()),
    )


def ac_power_flow(
    feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray, *, where: str = ""
) -> PowerFlow:
    """Return the AC power flow of one period that satisfies pandapower's equations.

    Injections are net per bus, positive for generation, without what the slack bus buys. Backward-forward sweeps
    propose the voltages, and pandapower's admittance matrix checks them by the rule at which its Newton-Raphson
    stops: a power mismatch within `TOLERANCE_MVA` at every bus. What does not pass is solved by Newton-Raphson
    itself. The same injections give the same bits. Raises ``SolverError`` naming *where* if there is no solution.
    """
    ready = _net(feeder)
    proposed = None if ready.admittances is None else _proposed(feeder, ready, injection_kw, injection_kvar)
    return proposed or newton_power_flow(feeder, injection_kw, injection_kvar, where=where)


def _proposed(
    feeder: Feeder, ready: "_Net", injection_kw: FloatArray, injection_kvar: FloatArray
) -> PowerFlow | None:
    """Return the flow at the sweep's voltages, in pandapower's admittances; None where they do not satisfy them."""
    power = np.asarray(injection_kw + 1j * injection_kvar, dtype=np.complex128) / BASE_KVA
    try:
        voltage = sweep_voltage(feeder, power, tolerance_pu=SWEEP_TOLERANCE_PU)
    except SolverError:
        return None
    admittances, voltage_at_bus = ready.admittances, np.empty(feeder.bus_count, dtype=np.complex128)
    voltage_at_bus[ready.bus_row] = voltage * ready.scale
    surplus = admittances.sent_kva(voltage_at_bus)[ready.bus_row] - power * BASE_KVA
    at_slack = complex(surplus[feeder.slack_buses].sum())
    surplus[feeder.slack_buses] = 0.0
    if not np.abs(surplus).max() <= _tolerance_mva(feeder) * 1e3:
        return None
    return _flow(feeder, ready, np.abs(voltage), admittances.ends_kva(voltage_at_bus), at_slack)


def _tolerance_mva(feeder: Feeder) -> float:
    """Return `TOLERANCE_MVA`, or more where an impedance is so small that its current is rounded by more."""
    impedance = np.hypot(feeder.r_pu, feeder.x_pu)
    rounded = ROUNDING / impedance[impedance > 0].min(initial=1.0)
    return float(max(TOLERANCE_MVA, rounded))


def newton_power_flow(
    feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray, *, where: str = ""
) -> PowerFlow:
    """Return the AC power flow of one period by pandapower's Newton-Raphson from a flat start."""
    import pandapower

    ready = _net(feeder)
    net = ready.net
    for column, injection in (("p_mw", injection_kw), ("q_mvar", injection_kvar)):
        drawn = np.zeros(len(net.load))
        drawn[ready.load_row] = -np.asarray(injection, dtype=np.float64)[ready.load_bus] / 1e3
        net.load[column] = drawn
    place = f"feeder {feeder.name}" + (f", {where}" if where else "")
    try:
        tolerance_mva = _tolerance_mva(feeder)
        pandapower.runpp(net, **POWER_FLOW, tolerance_mva=tolerance_mva, recycle=_from_flat_start(net))
    except pandapower.LoadflowNotConverged as error:
        net._ppc = None  # noqa: SLF001  nothing of a flow that failed is used again
        msg = f"{place}: the AC power flow does not converge. The load is beyond what the feeder carries."
        raise SolverError(msg) from error
    return _read(feeder, ready, place, np.asarray(injection_kw + 1j * injection_kvar))


def _from_flat_start(net: Any) -> dict[str, bool] | None:
    """Return what pandapower may keep of its model of *net*: all but the loads, a third less time; None at first.

    It would go on from the last answer, and the bits would depend on that; so the model is made flat again.
    """
    from pandapower.pypower.idx_bus import VA, VM

    if net._ppc is None:  # noqa: SLF001
        return None
    net._ppc["bus"][:, [VM, VA]] = 1.0, 0.0  # noqa: SLF001
    return {"bus_pq": True, "trafo": False, "gen": False}


@dataclass(frozen=True, slots=True)
class _Net:
    """A pandapower net with a load for each bus of ``load_bus``, and where a feeder's parts are in it."""

    net: Any
    load_bus: IntArray
    load_row: IntArray
    """Position in the table of loads; what else stands there draws nothing."""
    bus_row: IntArray
    branch_row: IntArray
    branch: IntArray
    reversed: BoolArray
    scale: FloatArray
    """Voltage in the net over voltage in the feeder [p.u.]."""
    admittances: Any = None
    """A `_Admittances`; None where the feeder's buses are not all of the net's, so that a sweep knows too little."""


@dataclass(frozen=True, slots=True, eq=False)
class _Admittances:
    """pandapower's admittance matrices of a net [p.u. of *base_kva*]: of the buses, and of the branches' two ends."""

    base_kva: float
    bus: Any
    from_row: IntArray
    to_row: IntArray
    admittance_from: Any
    admittance_to: Any

    def sent_kva(self, voltage: ComplexArray) -> ComplexArray:
        """Return what every bus sends into the net."""
        return self._power_kva(voltage, self.bus @ voltage)

    def ends_kva(self, voltage: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """Return what enters every branch at its two ends."""
        return (
            self._power_kva(voltage[self.from_row], self.admittance_from @ voltage),
            self._power_kva(voltage[self.to_row], self.admittance_to @ voltage),
        )

    def _power_kva(self, voltage: ComplexArray, current: ComplexArray) -> ComplexArray:
        power: ComplexArray = voltage * np.conj(current) * self.base_kva
        return power


def _read(feeder: Feeder, ready: _Net, place: str, injection_kva: ComplexArray) -> PowerFlow:
    """Return the flow that pandapower has just solved, from its bus-branch model."""
    from pandapower.pypower import idx_brch as at
    from pandapower.pypower.idx_bus import VM

    model = ready.net._ppc  # noqa: SLF001  the one place with every branch, of whatever kind, in one table
    voltage = model["bus"][ready.bus_row, VM].real / ready.scale
    if not np.isfinite(voltage).all():
        lost = ", ".join(at_bus(feeder.bus_names[i]) for i in np.flatnonzero(~np.isfinite(voltage)))
        msg = f"{place}: the AC power flow gives no voltage at {lost}."
        raise SolverError(msg)
    flows = model["branch"].real * 1e3
    ends = flows[:, at.PF] + 1j * flows[:, at.QF], flows[:, at.PT] + 1j * flows[:, at.QT]
    slack = ready.net.res_ext_grid
    flow = _flow(feeder, ready, voltage, ends, complex(slack.p_mw.sum(), slack.q_mvar.sum()) * 1e3)
    return _through_joined(feeder, flow, injection_kva)


def _through_joined(feeder: Feeder, flow: PowerFlow, injection_kva: ComplexArray) -> PowerFlow:
    """Return the flow with what passes the branches without impedance: what is drawn behind them."""
    joining = np.flatnonzero((feeder.r_pu == 0) & (feeder.x_pu == 0))
    if not joining.size:
        return flow
    sent, voltage2 = flow.branch_kw + 1j * flow.branch_kvar, flow.voltage_pu**2
    near, far, lost_kw = feeder.from_bus, feeder.to_bus, flow.losses_kw
    for k in joining[::-1]:
        own = np.conj(feeder.y_from_pu[k] + feeder.y_to_pu[k]) * voltage2[far[k]] * BASE_KVA
        drawn = np.conj(feeder.shunt_pu[far[k]]) * voltage2[far[k]] * BASE_KVA - injection_kva[far[k]]
        sent[k] = sent[near == far[k]].sum() + drawn + own
        lost_kw = lost_kw + own.real
    return replace(
        flow,
        branch_kw=sent.real.copy(),
        branch_kvar=sent.imag.copy(),
        branch_current_pu=np.abs(sent) / (BASE_KVA * flow.voltage_pu[near]),
        losses_kw=np.asarray(lost_kw),
    )


def _flow(
    feeder: Feeder,
    ready: _Net,
    voltage_pu: FloatArray,
    ends_kva: tuple[ComplexArray, ComplexArray],
    slack_kva: complex,
) -> PowerFlow:
    """Return the flow in the feeder's terms; *ends_kva* enter each branch of pandapower's model at either end."""
    entering, leaving = (end[ready.branch_row] for end in ends_kva)
    sent = np.where(ready.reversed, leaving, entering)
    near, near_q = (
        np.bincount(ready.branch, weights=part, minlength=feeder.branch_count).astype(np.float64)
        for part in (sent.real, sent.imag)
    )
    return PowerFlow(
        voltage_pu=voltage_pu,
        branch_current_pu=np.hypot(near, near_q) / (BASE_KVA * voltage_pu[feeder.from_bus]),
        branch_kw=near,
        branch_kvar=near_q,
        losses_kw=np.asarray((entering + leaving).real.sum()),
        slack_kw=np.asarray(slack_kva.real),
        slack_kvar=np.asarray(slack_kva.imag),
    )


@lru_cache(maxsize=32)
def _net(feeder: Feeder) -> _Net:
    """Return the net to solve: the one the feeder was read from, else one of lines. Built once, loads change."""
    joined = ((feeder.r_pu == 0) & (feeder.x_pu == 0)).any()
    ready = _net_of_lines(feeder) if feeder.origin is None or joined else _net_as_read(feeder)
    return replace(ready, admittances=_admittances(feeder, ready))


def _admittances(feeder: Feeder, ready: _Net) -> _Admittances | None:
    """Return pandapower's admittances of a net whose buses are the feeder's and where only slack buses generate."""
    import pandapower
    from pandapower.pypower import idx_brch as at
    from pandapower.pypower.makeYbus import makeYbus

    try:  # without load: the model is built on the way
        pandapower.runpp(ready.net, **POWER_FLOW, tolerance_mva=_tolerance_mva(feeder))
    except pandapower.LoadflowNotConverged:
        ready.net._ppc = None  # noqa: SLF001
        return None
    model = ready.net._ppc  # noqa: SLF001
    bus, branch = model["bus"], model["branch"]
    whole = np.array_equal(np.sort(ready.bus_row), np.arange(len(bus)))
    served = np.isin(np.arange(feeder.bus_count), ready.load_bus).all()
    if not (whole and served and len(model["gen"]) == feeder.slack_buses.size):
        return None
    at_buses, *at_ends = makeYbus(model["baseMVA"], bus, branch)
    rows = (branch[:, end].real.astype(np.int64) for end in (at.F_BUS, at.T_BUS))
    return _Admittances(float(model["baseMVA"]) * 1e3, at_buses, *rows, *at_ends)


def _net_as_read(feeder: Feeder) -> _Net:
    """Return the net the feeder was read from, with one load per bus in place of all that it serves."""
    import copy

    origin = feeder.origin
    net = copy.deepcopy(origin.net)
    held = dict(
        zip(origin.bus_row[feeder.slack_buses].tolist(), feeder.slack_voltages_pu.tolist(), strict=True)
    )
    alive = net.bus.index[net.bus.in_service.astype(bool)]
    grids = net.ext_grid.index[net.ext_grid.in_service.astype(bool) & net.ext_grid.bus.isin(alive)]
    net.ext_grid.loc[grids, "vm_pu"] = [held[int(rows_of(net, bus))] for bus in net.ext_grid.bus[grids]]
    net._ppc = None  # noqa: SLF001  the model it was read from has other slack voltages
    served = np.flatnonzero(origin.bus >= 0)
    load = net.load.reset_index().set_index("bus").index.get_indexer(origin.bus[served])
    ones = np.ones(feeder.bus_count)
    return _Net(net, served, load, origin.bus_row, origin.branch_row, origin.branch, origin.reversed, ones)


@cache
def _empty_net() -> Any:
    """Return a net without anything in it: half a second to make, and no time to copy."""
    import pandapower

    return pandapower.create_empty_network(sn_mva=1.0)


def _net_of_lines(feeder: Feeder) -> _Net:
    """Return the feeder as lines and shunts; taps are moved into the base voltages, see `ratio_to_slack`.

    A branch without impedance is a closed switch, its charging shunts.
    """
    import copy

    import pandapower

    scale, buses = feeder.ratio_to_slack, np.arange(feeder.bus_count)
    at_branch, shunt = scale[feeder.to_bus], feeder.shunt_pu / scale**2
    z_pu = (feeder.r_pu + 1j * feeder.x_pu) * at_branch**2
    near, far = feeder.y_from_pu / at_branch**2, feeder.y_to_pu / at_branch**2
    joined, branches = z_pu == 0, np.flatnonzero(z_pu)
    ends = feeder.from_bus, feeder.to_bus
    for end, admittance in zip(ends, (near, far), strict=True):
        np.add.at(shunt, end[joined], admittance[joined])
    net = copy.deepcopy(_empty_net())
    pandapower.create_buses(net, feeder.bus_count, vn_kv=1.0)
    pandapower.create_impedances(
        net, ends[0][branches], ends[1][branches], z_pu.real[branches], z_pu.imag[branches], 1.0,
        gf_pu=near.real[branches], bf_pu=near.imag[branches], gt_pu=far.real[branches], bt_pu=far.imag[branches],
    )  # fmt: skip
    for bus in np.flatnonzero(shunt).tolist():
        pandapower.create_shunt(net, bus, p_mw=shunt[bus].real, q_mvar=-shunt[bus].imag)
    pandapower.create_loads(net, buses=buses, p_mw=0.0, q_mvar=0.0)
    for bus, vm_pu in zip(feeder.slack_buses.tolist(), feeder.slack_voltages_pu.tolist(), strict=True):
        pandapower.create_ext_grid(net, bus, vm_pu=vm_pu)
    rows = buses
    if joined.any():
        pandapower.create_switches(net, ends[0][joined], ends[1][joined], et="b")
        with suppress(pandapower.LoadflowNotConverged):
            pandapower.runpp(net, **POWER_FLOW)
        rows = rows_of(net, buses)
    turned = np.zeros(branches.size, dtype=bool)
    return _Net(net, buses, buses, rows, np.arange(branches.size), branches, turned, scale)
