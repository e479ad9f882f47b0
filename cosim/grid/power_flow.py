"""AC power flow of a feeder: pandapower's Newton-Raphson, and the check of a dispatch against it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.feeder import Feeder
from cosim.grid.schedule import Dispatch

TOLERANCE_MVA = 1e-10
"""Power mismatch at which Newton-Raphson stops; voltages are then good to about 1e-12 p.u."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerFlow:
    """One AC power flow, or one per row; branch powers are those entering at the sending end."""

    voltage_pu: FloatArray
    branch_current_pu: FloatArray
    """p.u. of 1 MVA, as in a `Dispatch`."""
    branch_kw: FloatArray
    branch_kvar: FloatArray
    losses_kw: FloatArray
    slack_kw: FloatArray
    """What the slack bus takes from the grid above; ``slack_kvar`` likewise."""
    slack_kvar: FloatArray


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
    ac = ac_power_flow(feeder, dispatch.injection_kw[row], dispatch.injection_kvar[row], where=where)
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
    """Return the AC power flow of one period by pandapower.

    Injections are net per bus, positive for generation, without what the slack bus buys. Every flow
    starts flat, so the same injections give the same bits. Raises ``SolverError`` naming *where* if
    there is no solution.
    """
    import pandapower

    net = _net(feeder)
    net.load["p_mw"] = -np.asarray(injection_kw, dtype=np.float64) / 1e3
    net.load["q_mvar"] = -np.asarray(injection_kvar, dtype=np.float64) / 1e3
    place = f"feeder {feeder.name}" + (f", {where}" if where else "")
    try:
        pandapower.runpp(
            net, init="flat", calculate_voltage_angles=False, numba=False, tolerance_mva=TOLERANCE_MVA
        )
    except pandapower.LoadflowNotConverged as error:
        msg = f"{place}: the AC power flow does not converge. The load is beyond what the feeder carries."
        raise SolverError(msg) from error
    voltage = net.res_bus.vm_pu.to_numpy().copy()
    if not np.isfinite(voltage).all():
        lost = ", ".join(feeder.bus_names[i] for i in np.flatnonzero(~np.isfinite(voltage)))
        msg = f"{place}: the AC power flow gives no voltage at bus {lost}."
        raise SolverError(msg)
    slack, line = net.res_ext_grid.iloc[0], net.res_line
    return PowerFlow(
        voltage_pu=voltage,
        branch_current_pu=line.i_from_ka.to_numpy() * 1e3 / feeder.current_base_a,
        branch_kw=line.p_from_mw.to_numpy() * 1e3,
        branch_kvar=line.q_from_mvar.to_numpy() * 1e3,
        losses_kw=np.asarray(line.pl_mw.sum() * 1e3),
        slack_kw=np.asarray(slack.p_mw * 1e3),
        slack_kvar=np.asarray(slack.q_mvar * 1e3),
    )


@lru_cache(maxsize=8)
def _net(feeder: Feeder) -> Any:
    """Return the feeder as a pandapower net with one load per bus; built once, its loads are overwritten."""
    import pandapower

    z_base_ohm = feeder.v_base_kv**2
    net = pandapower.create_empty_network(name=feeder.name, sn_mva=1.0)
    pandapower.create_buses(net, feeder.bus_count, vn_kv=feeder.v_base_kv)
    pandapower.create_lines_from_parameters(
        net,
        from_buses=feeder.from_bus,
        to_buses=feeder.to_bus,
        length_km=1.0,
        r_ohm_per_km=feeder.r_pu * z_base_ohm,
        x_ohm_per_km=feeder.x_pu * z_base_ohm,
        c_nf_per_km=0.0,
        max_i_ka=np.inf,
    )
    pandapower.create_loads(net, buses=np.arange(feeder.bus_count), p_mw=0.0, q_mvar=0.0)
    pandapower.create_ext_grid(net, feeder.slack_bus, vm_pu=feeder.slack_voltage_pu)
    return net
