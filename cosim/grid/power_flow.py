"""AC power flow of a feeder by pandapower's equations, and the check of a dispatch against it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.bus_words import at_bus
from cosim.grid.feeder import BASE_KVA, Feeder
from cosim.grid.flow import PowerFlow
from cosim.grid.pandapower_net import POWER_FLOW
from cosim.grid.radial import ComplexArray
from cosim.grid.ready_net import ReadyNet, ready_net, tolerance_mva
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_voltage

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
    ready = ready_net(feeder)
    proposed = None if ready.admittances is None else _proposed(feeder, ready, injection_kw, injection_kvar)
    return proposed or newton_power_flow(feeder, injection_kw, injection_kvar, where=where)


def _proposed(
    feeder: Feeder, ready: "ReadyNet", injection_kw: FloatArray, injection_kvar: FloatArray
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
    if not np.abs(surplus).max() <= tolerance_mva(feeder) * 1e3:
        return None
    return _flow(feeder, ready, np.abs(voltage), admittances.ends_kva(voltage_at_bus), at_slack)


def newton_power_flow(
    feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray, *, where: str = ""
) -> PowerFlow:
    """Return the AC power flow of one period by pandapower's Newton-Raphson from a flat start."""
    import pandapower

    ready = ready_net(feeder)
    net = ready.net
    for column, injection in (("p_mw", injection_kw), ("q_mvar", injection_kvar)):
        drawn = np.zeros(len(net.load))
        drawn[ready.load_row] = -np.asarray(injection, dtype=np.float64)[ready.load_bus] / 1e3
        net.load[column] = drawn
    place = f"feeder {feeder.name}" + (f", {where}" if where else "")
    try:
        pandapower.runpp(
            net, **POWER_FLOW, tolerance_mva=tolerance_mva(feeder), recycle=_from_flat_start(net)
        )
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


def _read(feeder: Feeder, ready: ReadyNet, place: str, injection_kva: ComplexArray) -> PowerFlow:
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
    ready: ReadyNet,
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
