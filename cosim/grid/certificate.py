"""How far a solution can be trusted: relaxation error, complementarity of the stores, AC power flow."""

from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import SolverError
from cosim.grid.device import Devices
from cosim.grid.feeder import Feeder
from cosim.grid.model import ProblemStructure
from cosim.grid.problem import ProblemData
from cosim.grid.solution import Solution, rows
from cosim.grid.sweep import sweep_power_flow

SIMULTANEOUS_KW = 0.01
"""A store that charges and discharges more than this at once breaks Eq. 18."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificate:
    """The largest voltage mismatch of each period, and in words what is wrong; empty where nothing is."""

    ac_mismatch_pu: FloatArray
    reason_not_certified: str


def certify(
    solution: Solution, structure: ProblemStructure, data: ProblemData, exact_pu: float
) -> Certificate:
    """Return the certificate of *solution*; what counts as exact is at most *exact_pu*."""
    if structure.networks:
        parts = [
            certify(
                rows(solution, run), replace(own, networks=()), data.between(run.start, run.stop), exact_pu
            )
            for run, own in structure.runs(data.periods)
        ]
        return Certificate(
            ac_mismatch_pu=np.concatenate([part.ac_mismatch_pu for part in parts]),
            reason_not_certified=next(filter(None, (part.reason_not_certified for part in parts)), ""),
        )
    mismatch = ac_mismatch(solution, structure.feeder)
    first = data.horizon.first_period
    reason = (
        _inexact(solution, structure.feeder, first, exact_pu)
        or _at_once(solution, structure, first)
        or _ac_differs(mismatch, first, exact_pu)
    )
    return Certificate(ac_mismatch_pu=mismatch, reason_not_certified=reason)


def both_signs(solution: Solution, devices: Devices) -> BoolArray:
    """Mark the periods and stores (`Devices.stores`) that charge and discharge at once."""
    both: BoolArray = np.minimum(*devices.store_powers_kw(solution.setpoints)) > SIMULTANEOUS_KW
    return both


def ac_mismatch(solution: Solution, feeder: Feeder) -> FloatArray:
    """Return the largest |V_SOCP - V_AC| of each period at the set-points; NaN where no AC flow exists."""
    try:
        flow = sweep_power_flow(feeder, solution.injection_kw, solution.injection_kvar)
    except SolverError:
        return np.array([_of_one_period(solution, feeder, t) for t in range(len(solution.purchase_kw))])
    apart: FloatArray = np.abs(flow.voltage_pu - solution.voltage_pu).max(axis=1)
    return apart


def _of_one_period(solution: Solution, feeder: Feeder, t: int) -> float:
    try:
        flow = sweep_power_flow(feeder, solution.injection_kw[t], solution.injection_kvar[t])
    except SolverError:
        return float("nan")
    return float(np.abs(flow.voltage_pu - solution.voltage_pu[t]).max())


def _inexact(solution: Solution, feeder: Feeder, first: int, exact_pu: float) -> str:
    error = solution.relaxation_error
    if not error.size or error.max() <= exact_pu:
        return ""
    t, k = np.unravel_index(np.argmax(error), error.shape)
    return (
        f"period {first + t}, branch {feeder.branch_names[k]}: the relaxation error is {error.max():.1e} p.u., "
        "and the polish does not close it. The set-points are no dispatch."
    )


def _at_once(solution: Solution, structure: ProblemStructure, first: int) -> str:
    if not (both := both_signs(solution, structure.devices)).any():
        return ""
    t, s = np.argwhere(both)[0]
    name = structure.devices.stores[s].name
    return (
        f"period {first + t}, {name}: charges and discharges at once, and fixed signs are not exact either."
    )


def _ac_differs(mismatch: FloatArray, first: int, exact_pu: float) -> str:
    if (mismatch <= exact_pu).all():
        return ""
    t = int(np.argmax(np.where(np.isnan(mismatch), np.inf, mismatch)))
    if np.isnan(mismatch[t]):
        return f"period {first + t}: the AC power flow at the set-points has no solution."
    return f"period {first + t}: the voltages of the AC power flow differ by {mismatch[t]:.1e} p.u."
