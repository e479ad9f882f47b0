"""How far an answer can be trusted: relaxation error, complementarity of the stores, AC power flow."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import SolverError
from cosim.grid.feeder import Feeder
from cosim.grid.model import Frame
from cosim.grid.numbers import Question
from cosim.grid.schedule import Answer
from cosim.grid.sweep import sweep_power_flow

SIMULTANEOUS_KW = 0.01
"""A store that charges and discharges more than this at once breaks Eq. 18."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificate:
    """The largest voltage mismatch of each period, and in words what is wrong; empty where nothing is."""

    ac_mismatch_pu: FloatArray
    doubt: str


def certify(answer: Answer, frame: Frame, question: Question, exact_pu: float) -> Certificate:
    """Return the certificate of *answer*; what counts as exact is at most *exact_pu*."""
    mismatch = ac_mismatch(answer, frame.feeder)
    first = question.horizon.first_period
    doubt = (
        _inexact(answer, frame.feeder, first, exact_pu)
        or _at_once(answer, frame, first)
        or _ac_differs(mismatch, first, exact_pu)
    )
    return Certificate(ac_mismatch_pu=mismatch, doubt=doubt)


def both_signs(answer: Answer) -> BoolArray:
    """Mark the periods and stores (storage, then V2G chargers) that charge and discharge at once."""
    both: BoolArray = np.minimum(*answer.store_powers_kw) > SIMULTANEOUS_KW
    return both


def ac_mismatch(answer: Answer, feeder: Feeder) -> FloatArray:
    """Return the largest |V_SOCP - V_AC| of each period at the set-points; NaN where no AC flow exists."""
    try:
        flow = sweep_power_flow(feeder, answer.injection_kw, answer.injection_kvar)
    except SolverError:
        return np.array([_of_one_period(answer, feeder, t) for t in range(len(answer.purchase_kw))])
    apart: FloatArray = np.abs(flow.voltage_pu - answer.voltage_pu).max(axis=1)
    return apart


def _of_one_period(answer: Answer, feeder: Feeder, t: int) -> float:
    try:
        flow = sweep_power_flow(feeder, answer.injection_kw[t], answer.injection_kvar[t])
    except SolverError:
        return float("nan")
    return float(np.abs(flow.voltage_pu - answer.voltage_pu[t]).max())


def _inexact(answer: Answer, feeder: Feeder, first: int, exact_pu: float) -> str:
    error = answer.relaxation_error
    if not error.size or error.max() <= exact_pu:
        return ""
    t, k = np.unravel_index(np.argmax(error), error.shape)
    return (
        f"period {first + t}, branch {feeder.branch_names[k]}: the relaxation error is {error.max():.1e} p.u., "
        "and no loss price of the ladder closes it. The cost is a lower bound, the set-points are no dispatch."
    )


def _at_once(answer: Answer, frame: Frame, first: int) -> str:
    if not (both := both_signs(answer)).any():
        return ""
    t, s = np.argwhere(both)[0]
    name = (*frame.devices.storages, *frame.devices.v2g_chargers)[s].name
    return f"period {first + t}, {name}: charges and discharges at once, and no signs are exact."


def _ac_differs(mismatch: FloatArray, first: int, exact_pu: float) -> str:
    if (mismatch <= exact_pu).all():
        return ""
    t = int(np.argmax(np.where(np.isnan(mismatch), np.inf, mismatch)))
    if np.isnan(mismatch[t]):
        return f"period {first + t}: the AC power flow at the set-points has no solution."
    return f"period {first + t}: the voltages of the AC power flow differ by {mismatch[t]:.1e} p.u."
