"""The dispatch of a feeder over a horizon: solve the relaxation; if it is not exact, polish; say the gap."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from cosim.arguments import Numbers, checked
from cosim.arrays import BoolArray
from cosim.errors import InfeasibleError, SolverError
from cosim.grid.case import Case, case_of
from cosim.grid.certificate import Certificate, both_signs, certify
from cosim.grid.cut_off import served, with_unserved
from cosim.grid.device import Devices
from cosim.grid.fallback import fallback_solution
from cosim.grid.parameters import parameters
from cosim.grid.polish import LOCAL, Polished, Step, polish
from cosim.grid.problem import NO_MARGIN, Horizon, Load, Rules
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import OPTIMAL_GAP, Dispatch, Solution, Status, optimality_gap
from cosim.grid.solvers import least_penalty
from cosim.grid.violations import breaks_limits, violations

LEAST_CNY = 0.1
"""The price of energy [CNY/kWh] by which things are measured where it costs nothing."""
UNPROVEN = (
    "a dispatch within all limits was not found, and that there is none is not proven. This one breaks some."
)
PROVEN_CNY = 1e-3
"""Least penalty that proves that the limits cannot be kept."""


@checked
def solve_dispatch(
    feeder: Feeder,
    devices: Devices,
    load: Load,
    price_cny_per_kwh: Numbers,
    horizon: Horizon | None = None,
    rules: Rules | None = None,
) -> Dispatch:
    """Return the cheapest dispatch of a horizon (Eq. 12-21) with its certificate.

    *load* and *price_cny_per_kwh* cover the horizon's periods; renewable profiles cover the day. Where the
    relaxation is not exact, its solution is polished to a local optimum of the AC problem (``locally optimal``), and
    the optimality gap says how far from the bound that is. Where no dispatch keeps all limits the status is
    ``elastic`` and the violations name what is broken. What is cut off is shed, and told.

    Raises ``ConfigError`` for wrong input, ``SolverError`` when
    the solver breaks down, ``InfeasibleError`` when not even broken limits help; the last two only where the rules
    ask for no fallback.
    """
    case = case_of(feeder, devices, served(load), price_cny_per_kwh, horizon or Horizon(), rules or Rules())
    try:
        found = _clocked(case, _strict_or_elastic(case))
    except (SolverError, InfeasibleError) as error:
        if not case.rules.fallback:
            raise
        found = _clocked(case, _fallback(case, str(error)))
    return with_unserved(found, load, feeder)


def fallback_dispatch(
    feeder: Feeder, devices: Devices, load: Load, price_cny_per_kwh: Numbers, horizon: Horizon, reason: str
) -> Dispatch:
    """Return the fallback operation of a feeder that nobody dispatches, for a *reason*; its status is ``failed``."""
    case = case_of(feeder, devices, served(load), price_cny_per_kwh, horizon, Rules())
    return with_unserved(_fallback(case, reason), load, feeder)


def _strict_or_elastic(case: Case) -> Dispatch:
    """Return the dispatch within the limits; the elastic one only where the strict problem has none."""
    try:
        strict = _cheapest(case)
    except SolverError as error:
        if case.holds_margin:
            return _strict_or_elastic(case.without_held_margin)
        return _without_bound(case, error)
    if strict is None:
        return _strict_or_elastic(case.without_held_margin) if case.holds_margin else _elastic(case)
    if strict.certified:
        return strict
    soft = _softened(case, strict.lower_bound_cny)
    return soft if soft is not None and (soft.certified or not _is_exact(strict, case)) else strict


def _is_exact(dispatch: Dispatch, case: Case) -> bool:
    """Tell whether the set-points lead to the voltages of the AC power flow."""
    errors = dispatch.relaxation_error.max(initial=0.0), dispatch.ac_mismatch_pu.max()
    return bool(max(errors) <= case.rules.exact_pu)


def _cheapest(case: Case) -> Dispatch | None:
    """Return the dispatch by way of the relaxation; None where that is infeasible, so that no dispatch exists."""
    relaxed = case.solve()
    if relaxed is None:
        return None
    return _dispatch(case, _exact(case, relaxed), relaxed.solution.objective_cny)


def _elastic(case: Case) -> Dispatch:
    """Return the dispatch with limits that give way; ``InfeasibleError`` where even that is infeasible."""
    dispatch = _cheapest(case.softened)
    if dispatch is None:
        msg = (
            f"{case.where}: no dispatch exists even with shedding and voltages down to "
            f"{case.rules.elastic.voltage_floor_pu} p.u. Check the ramps, the state and fixed injections."
        )
        raise InfeasibleError(msg)
    return dispatch


def _without_bound(case: Case, error: SolverError) -> Dispatch:
    """Return the dispatch where the strict relaxation breaks down: its limits leave no room, or cannot be kept."""
    limits = case.softened.structure.with_all(margin=NO_MARGIN, margin_cny=None)
    if least_penalty(limits, parameters(limits, case.data), case.clock) > PROVEN_CNY:
        return _elastic(case)
    soft = _softened(case, -np.inf)
    if soft is None:
        raise error
    return soft


def _softened(case: Case, lower_bound_cny: float) -> Dispatch | None:
    """Return the exact dispatch of limits that give way, not certified if it breaks any; None where there is none."""
    soft = case.softened
    with suppress(SolverError):
        relaxed = soft.solve()
        if relaxed is None:
            return None
        bound = max(lower_bound_cny, relaxed.solution.objective_cny)
        dispatch = _dispatch(soft, _exact(soft, relaxed), bound, proven=False)
        return dispatch if _is_exact(dispatch, case) else None
    return None


def _fallback(case: Case, reason: str) -> Dispatch:
    """Return the fallback operation, and why there is no dispatch."""
    solution = fallback_solution(case.structure, case.data)
    mismatch = np.where(np.isnan(solution.purchase_kw), np.nan, 0.0)
    why = f"{reason} Fallback operation: devices are not dispatched and all load is served."
    return _joined(case, solution, "failed", Certificate(ac_mismatch_pu=mismatch, reason_not_certified=why))


def _clocked(case: Case, dispatch: Dispatch) -> Dispatch:
    """Return the dispatch, not certified where a clock had a part in it."""
    if not case.clock.ended:
        return dispatch
    status: Status = "failed" if dispatch.status == "failed" else "not certified"
    reason = f"{case.clock.says} {dispatch.reason_not_certified}".rstrip()
    return replace(dispatch, status=status, reason_not_certified=reason)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Exact:
    """Where the search for an exact solution ended."""

    polished: Polished
    signs_fixed: bool = False

    @property
    def recovery(self) -> str:
        """The steps taken beyond the relaxation."""
        signs = ["storage signs fixed"] if self.signs_fixed else []
        steps = self.polished.steps
        return ", ".join([*signs, *([f"{steps} steps of polish"] if steps else [])]) or "none"


def _exact(case: Case, relaxed: Step) -> _Exact:
    """Return the relaxed solution where it is exact, else its polish; stores that do both at once get a sign."""
    polished = Polished(step=relaxed, steps=0, residual=np.inf)
    if not _does_both(case, relaxed):
        polished = _polished(case, relaxed, None)
    if not _does_both(case, polished.step):
        return _Exact(polished=polished)
    charging = case.structure.devices.signs(polished.step.solution.setpoints)
    start = case.solve(charging=charging)
    if start is None:
        return _Exact(polished=polished)
    return _Exact(polished=_polished(case, start, charging), signs_fixed=True)


def _does_both(case: Case, step: Step) -> bool:
    return bool(both_signs(step.solution, case.structure.devices).any())


def _polished(case: Case, start: Step, charging: Mapping[str, BoolArray] | None) -> Polished:
    price = BASE_KVA * case.data.horizon.period_h * max(np.abs(case.data.price_cny_per_kwh).max(), LEAST_CNY)
    return polish(
        partial(case.solve, charging=charging),
        start,
        [(run, own.feeder) for run, own in case.structure.runs(case.data.periods)],
        price,
        exact_pu=case.rules.exact_pu,
        steps_max=case.rules.polish_steps_max,
    )


def _dispatch(case: Case, answer: _Exact, lower_bound_cny: float, *, proven: bool = True) -> Dispatch:
    """Return the dispatch with its certificate, and what it may be called; broken limits must be *proven* to be so."""
    solution = answer.polished.step.solution
    certificate = certify(solution, case.structure, case.data, case.rules.exact_pu)
    gap = optimality_gap(solution.cost, lower_bound_cny)
    if not certificate.reason_not_certified and gap > OPTIMAL_GAP and answer.polished.residual > LOCAL:
        reason = (
            f"{case.where}: the dispatch is feasible, but {answer.polished.steps} steps of polish did not come "
            f"to rest; a cheaper one may be near. The optimality gap is {gap:.1e}."
        )
        certificate = replace(certificate, reason_not_certified=reason)
    told = violations(solution, case.structure, case.data, proven=proven) if case.structure.gives_way else ()
    broken = breaks_limits(told)
    if broken and not proven and not certificate.reason_not_certified:
        certificate = replace(certificate, reason_not_certified=f"{case.where}: {UNPROVEN}")
    status: Status
    if certificate.reason_not_certified:
        status = "not certified"
    elif broken:
        status = "elastic"
    else:
        status = "optimal" if gap <= OPTIMAL_GAP else "locally optimal"
    return replace(
        _joined(case, solution, status, certificate),
        solver=answer.polished.step.solver,
        exactness_recovery=answer.recovery,
        lower_bound_cny=lower_bound_cny,
        violations=told,
    )


def _joined(case: Case, solution: Solution, status: Status, certificate: Certificate) -> Dispatch:
    """Join the solution and its certificate."""
    return Dispatch(
        feeder_name=case.structure.feeder.name,
        first_period=case.data.horizon.first_period,
        period_h=case.structure.period_h,
        status=status,
        solver=case.solver,
        exactness_recovery="none",
        reason_not_certified=certificate.reason_not_certified,
        lower_bound_cny=-np.inf,
        violations=(),
        ac_mismatch_pu=certificate.ac_mismatch_pu,
        carried=tuple(name for group in case.structure.devices.groups for name in group.carried),
        **{name: getattr(solution, name) for name in Solution.__dataclass_fields__},
    )
