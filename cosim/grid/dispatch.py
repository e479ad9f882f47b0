"""The dispatch of a feeder over a horizon: solve, certify, remedy, diagnose."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ConfigError, InfeasibleError, SolverError
from cosim.grid.certificate import Certificate, both_signs, certify
from cosim.grid.devices import Devices
from cosim.grid.feeder import Feeder
from cosim.grid.idle import idle_answer
from cosim.grid.model import Frame
from cosim.grid.numbers import Question, numbers
from cosim.grid.reading import read_answer
from cosim.grid.schedule import Answer, Dispatch, DispatchState, Horizon, Load, Rules
from cosim.grid.solvers import available_solver, solve
from cosim.grid.violations import violations

NEARLY = 100.0
"""A relaxation error up to so many times what counts as exact may be rounding."""


def solve_dispatch(
    feeder: Feeder,
    devices: Devices,
    load: Load,
    price_cny_per_kwh: FloatArray,
    horizon: Horizon | None = None,
    rules: Rules | None = None,
) -> Dispatch:
    """Return the cheapest dispatch of a horizon (Eq. 12-21) with its certificate.

    *load* and *price_cny_per_kwh* cover the horizon's periods; renewable profiles cover the day. Where no
    dispatch keeps all limits the answer has status ``elastic`` and names what is broken. Where the relaxation
    is not exact, rising loss prices are tried, and the optimum without them stays as the lower bound.
    Raises ``ConfigError`` for wrong input, ``SolverError`` when the solver breaks down, ``InfeasibleError`` when
    not even broken limits help; the last two only where the rules do not say to stand idle then.
    """
    case = _case(feeder, devices, load, price_cny_per_kwh, horizon or Horizon(), rules or Rules())
    try:
        return _strict_or_elastic(case)
    except (SolverError, InfeasibleError) as error:
        if not case.rules.idle_without_answer:
            raise
        return _idle(case, str(error))


def _strict_or_elastic(case: "_Case") -> Dispatch:
    """Return the certified dispatch within the limits, else the elastic one."""
    try:
        strict = _climb(case)
    except SolverError:  # so far from feasible that the solver cannot tell; the elastic case is better posed
        strict = None
    if strict is not None and strict.certified:
        return strict
    elastic = _elastic(case)
    if elastic is not None and (strict is None or elastic.certified):
        return elastic
    if strict is None:
        msg = (
            f"{case.where}: no dispatch exists even with shedding and voltages down to "
            f"{case.rules.elastic.voltage_floor_pu} p.u. Check the ramps, the state and fixed injections."
        )
        raise InfeasibleError(msg)
    return strict


def _idle(case: "_Case", reason: str) -> Dispatch:
    """Return what happens without a dispatch, and why there is none."""
    answer = idle_answer(case.frame, case.question)
    mismatch = np.where(np.isnan(answer.purchase_kw), np.nan, 0.0)
    doubt = f"{reason} The units stand idle and all load is served."
    return replace(
        _dispatch(case, answer, Certificate(ac_mismatch_pu=mismatch, doubt=doubt), None, []),
        status="no answer",
    )


def _elastic(case: "_Case") -> Dispatch | None:
    """Return the dispatch with limits that can give way; None where even that is infeasible.

    Penalties many times the price of energy swamp the solver's precision: it breaks down on feeders far beyond
    their capacity, or leaves the currents of weakly loaded branches open. Then milder ones are tried.
    """
    full = case.rules.elastic
    try:
        firm = _climb(replace(case, frame=replace(case.frame, elastic=full)))
    except SolverError:
        return _with_milder_penalties(case)
    if firm is None or firm.certified:
        return firm
    try:
        mild = _with_milder_penalties(case)
    except SolverError:
        return firm
    return mild if mild is not None and mild.certified else firm


def _with_milder_penalties(case: "_Case") -> Dispatch | None:
    """Return the elastic dispatch at penalties above any price, in the same order: nothing is given up to save."""
    dearest = max(float(np.max(case.question.price_cny_per_kwh)), 0.1)
    full = case.rules.elastic
    mild = replace(
        full,
        station_cny_per_kwh=min(full.station_cny_per_kwh, 3 * dearest),
        promise_cny_per_kwh=min(full.promise_cny_per_kwh, 4 * dearest),
        base_cny_per_kwh=min(full.base_cny_per_kwh, 6 * dearest),
        voltage_cny_per_pu2_h=min(full.voltage_cny_per_pu2_h, 1e3),
    )
    dispatch = _climb(replace(case, frame=replace(case.frame, elastic=mild)))
    if dispatch is None:
        return None
    remedies = [] if dispatch.remedy == "none" else [dispatch.remedy]
    return replace(dispatch, remedy=", ".join([*remedies, "milder penalties"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One dispatch to solve, strict or elastic."""

    frame: Frame
    question: Question
    rules: Rules
    solver: str

    @property
    def where(self) -> str:
        """Name the feeder and the periods."""
        first = self.question.horizon.first_period
        return f"feeder {self.frame.feeder.name}, periods {first} to {first + self.question.periods - 1}"

    def solve(self, **asked: Any) -> Answer | None:
        """Return the answer to the question, changed as *asked*; None where it has no feasible answer.

        Where the relaxation is nearly exact, the rest may be the solver's rounding: it is asked for more digits.
        """
        question = replace(self.question, **asked)
        filled = numbers(self.frame, question)
        solution = solve(self.frame, filled, self.solver, self.where)
        if solution is None:
            return None
        answer = read_answer(solution, self.frame, question)
        if not self.rules.exact_pu < answer.relaxation_error.max(initial=0.0) <= NEARLY * self.rules.exact_pu:
            return answer
        refined = solve(self.frame, filled, self.solver, self.where, refined=True)
        return answer if refined is None else read_answer(refined, self.frame, question)


def _climb(case: _Case) -> Dispatch | None:
    """Return the first exact answer on the ladder of loss prices, else a doubtful one; None if infeasible."""
    try:
        bound = case.solve()
    except SolverError:
        if (feasible := _on_the_edge(case)) is not None:
            return feasible
        bound = last = None  # prices so low that losses pay: the rungs above are better conditioned
    else:
        if bound is None:
            return None
        last = bound
    mu_0 = case.rules.loss_price_cny_per_mwh
    for mu in (mu_0, *(rung for rung in case.rules.ladder_cny_per_mwh if rung > mu_0)):
        answer = _try(case, loss_price_cny_per_mwh=mu) if mu else bound
        remedy = [f"loss price {mu:g}"] if mu != mu_0 else []
        if answer is not None and both_signs(answer).any():
            charging = np.greater_equal(*answer.store_powers_kw)
            answer = _try(case, loss_price_cny_per_mwh=mu, charging=charging)
            remedy.append("storage signs fixed")
        if answer is not None:
            certificate = certify(answer, case.frame, case.question, case.rules.exact_pu)
            if not certificate.doubt:
                return _dispatch(case, answer, certificate, bound, remedy)
        last = last or answer
    if last is None:
        msg = f"{case.where}: {case.solver} gives no accurate answer at any loss price of the ladder."
        raise SolverError(msg)
    return _dispatch(case, last, certify(last, case.frame, case.question, case.rules.exact_pu), bound, [])


def _on_the_edge(case: _Case) -> Dispatch | None:
    """Return the dispatch where the load is just what the limits allow; None if that is not the case.

    With no room between the limits the strict problem is ill-posed; the elastic one is not, and breaks none.
    """
    soft = replace(case, frame=replace(case.frame, elastic=case.rules.elastic))
    if case.frame.elastic is not None or (answer := _try(soft)) is None:
        return None
    certificate = certify(answer, soft.frame, soft.question, soft.rules.exact_pu)
    dispatch = _dispatch(soft, answer, certificate, answer, [])
    return dispatch if dispatch.certified and dispatch.status == "optimal" else None


def _try(case: _Case, **asked: Any) -> Answer | None:
    """Return the answer of one rung; a rung without an accurate one is passed over."""
    try:
        return case.solve(**asked)
    except SolverError:
        return None


def _dispatch(
    case: _Case, answer: Answer, certificate: Certificate, bound: Answer | None, remedy: list[str]
) -> Dispatch:
    """Join the answer and its certificate."""
    broken = violations(answer, case.frame, case.question) if case.frame.elastic is not None else ()
    return Dispatch(
        feeder_name=case.frame.feeder.name,
        first_period=case.question.horizon.first_period,
        period_h=case.frame.period_h,
        status="elastic" if broken else "optimal",
        solver=case.solver,
        remedy=", ".join(remedy) or "none",
        doubt=certificate.doubt,
        lower_bound_cny=-np.inf if bound is None else bound.objective_cny,
        violations=broken,
        ac_mismatch_pu=certificate.ac_mismatch_pu,
        **{name: getattr(answer, name) for name in Answer.__dataclass_fields__},
    )


def _case(
    feeder: Feeder, devices: Devices, load: Load, price: FloatArray, horizon: Horizon, rules: Rules
) -> _Case:
    """Check everything that comes in and put it together."""
    devices.check(feeder)
    price = np.asarray(price, dtype=np.float64)
    problems = _shape_problems(feeder, devices, load, price, horizon)
    if problems:
        source = f"dispatch of {feeder.name}"
        raise ConfigError(source, problems)
    return _Case(
        frame=Frame(
            feeder=feeder,
            devices=devices,
            period_h=horizon.period_h,
            export=rules.export,
            elastic=None,
            responding=() if load.response is None else load.response.buses,
        ),
        question=Question(
            load=load,
            price_cny_per_kwh=price,
            horizon=horizon,
            state=horizon.state or start_of_day(devices),
        ),
        rules=rules,
        solver=available_solver(rules.solver).name,
    )


def start_of_day(devices: Devices) -> DispatchState:
    """Return the state the devices start a day with."""
    before = [np.nan if u.p_before_kw is None else u.p_before_kw for u in devices.turbines]
    return DispatchState(
        turbine_kw=np.array(before, dtype=np.float64),
        storage_kwh=np.array([u.soc_initial * u.capacity_kwh for u in devices.storages]),
        owed_kwh=np.zeros(len(devices.demand_responses)),
        v2g_kwh=np.array([u.soc_initial * u.capacity_kwh * u.connected_pu[-1] for u in devices.v2g_chargers]),
    )


def _shape_problems(
    feeder: Feeder, devices: Devices, load: Load, price: FloatArray, horizon: Horizon
) -> list[str]:
    periods = price.size
    wanted = (periods, feeder.bus_count)
    problems = [] if price.ndim == 1 and periods else ["the price must be one number per period."]
    arrays = {"base_kw": load.base_kw, "base_kvar": load.base_kvar, "station_kw": load.station_kw}
    for name, array in arrays.items():
        if array.shape != wanted:
            problems.append(f"{name} has shape {array.shape}, expected (periods, buses) = {wanted}.")
        elif not np.isfinite(array).all():
            problems.append(f"{name} has a value that is not a finite number.")
    offered, units = load.renewable_kw, len(devices.renewables)
    if offered is not None and (offered.shape != (periods, units) or not (offered >= 0).all()):
        problems.append(f"renewable_kw must be (periods, units) = {(periods, units)} numbers >= 0.")
    if load.station_kw.size and (load.station_kw < 0).any():
        problems.append("station_kw has a negative value; a station only charges.")
    if not np.isfinite(price).all():
        problems.append("the price has a value that is not a finite number.")
    last = horizon.first_period - 1 + periods
    problems += [
        f"{u.kind} {u.name}: profile_pu has {len(u.profile_pu)} periods, the horizon ends with {last}."
        for u in devices.renewables
        if len(u.profile_pu) < last
    ]
    problems += [
        f"V2G charger {u.name}: its profiles have {len(u.connected_pu)} periods, the horizon ends with {last}."
        for u in devices.v2g_chargers
        if len(u.connected_pu) < last
    ]
    if not (horizon.period_h > 0 and horizon.first_period >= 1):
        problems.append("the horizon needs first_period >= 1 and period_h > 0.")
    return problems
