"""The dispatch of a feeder over a horizon: solve, certify, remedy, diagnose."""

from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import ConfigError, InfeasibleError, SolverError
from cosim.grid import model
from cosim.grid.devices import Devices
from cosim.grid.feeder import Feeder
from cosim.grid.parts import Setting
from cosim.grid.reading import Answer, read_answer, violations
from cosim.grid.schedule import Dispatch, DispatchState, Horizon, Load, Rules
from cosim.grid.solvers import available_solver, solve

SIMULTANEOUS_KW = 0.01
"""A store that charges and discharges more than this at once breaks Eq. 18."""


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
    Raises ``ConfigError`` for wrong input, ``SolverError`` when the solver breaks down.
    """
    case = _case(feeder, devices, load, price_cny_per_kwh, horizon or Horizon(), rules or Rules())
    strict = _climb(case)
    if strict is not None and strict.certified:
        return strict
    elastic = _climb(replace(case, at=replace(case.at, elastic=case.rules.elastic)))
    if elastic is not None and (strict is None or elastic.certified):
        return elastic
    if strict is None:
        msg = (
            f"{case.where}: no dispatch exists even with shedding and voltages down to "
            f"{case.rules.elastic.voltage_floor_pu} p.u. Check the ramps, the state and fixed injections."
        )
        raise InfeasibleError(msg)
    return strict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One dispatch to solve, strict or elastic."""

    at: Setting
    devices: Devices
    price_cny_per_kwh: FloatArray
    rules: Rules
    solver: str

    @property
    def where(self) -> str:
        """Name the feeder and the periods."""
        first = self.at.horizon.first_period
        return f"feeder {self.at.feeder.name}, periods {first} to {first + self.at.periods - 1}"

    def solve(self, question: model.Question) -> Answer | None:
        """Return the answer to one question; None where it has no feasible answer."""
        asked = model.build(self.at, self.devices, self.price_cny_per_kwh, question, export=self.rules.export)
        if not solve(asked.problem, self.solver, self.where):
            return None
        return read_answer(asked, self.at, self.devices, self.price_cny_per_kwh)


def _climb(case: _Case) -> Dispatch | None:
    """Return the first exact answer on the ladder of loss prices, else a doubtful one; None if infeasible."""
    try:
        bound = case.solve(model.Question())
    except SolverError:  # prices so low that losses pay: the rungs above are better conditioned
        bound = last = None
    else:
        if bound is None:
            return None
        last = bound
    mu_0 = case.rules.loss_price_cny_per_mwh
    for mu in (mu_0, *(rung for rung in case.rules.ladder_cny_per_mwh if rung > mu_0)):
        answer = _try(case, model.Question(loss_price_cny_per_mwh=mu)) if mu else bound
        remedy = [f"loss price {mu:g}"] if mu != mu_0 else []
        if answer is not None and _both_signs(answer).any():
            charging = answer.charge_kw >= answer.discharge_kw
            answer = _try(case, model.Question(loss_price_cny_per_mwh=mu, charging=charging))
            remedy.append("storage signs fixed")
        if answer is not None and not _doubt(case, answer):
            return _dispatch(case, answer, bound, remedy)
        last = last or answer
    if last is None:
        msg = f"{case.where}: {case.solver} gives no accurate answer at any loss price of the ladder."
        raise SolverError(msg)
    return _dispatch(case, last, bound, [])


def _try(case: _Case, question: model.Question) -> Answer | None:
    """Return the answer of one rung; a rung without an accurate one is passed over."""
    try:
        return case.solve(question)
    except SolverError:
        return None


def _both_signs(answer: Answer) -> BoolArray:
    """Mark the periods and stores that charge and discharge at once."""
    both: BoolArray = np.minimum(answer.charge_kw, answer.discharge_kw) > SIMULTANEOUS_KW
    return both


def _doubt(case: _Case, answer: Answer) -> str:
    """Return why an answer is not certified, naming the worst place; empty where it is."""
    error = answer.relaxation_error
    first = case.at.horizon.first_period
    if error.size and not error.max() <= case.rules.exact_pu:
        t, k = np.unravel_index(np.argmax(error), error.shape)
        branch = case.at.feeder.branch_names[k]
        return (
            f"period {first + t}, branch {branch}: the relaxation error is {error.max():.1e} p.u., and no "
            "loss price of the ladder closes it. The cost is a lower bound, the set-points are no dispatch."
        )
    if (both := _both_signs(answer)).any():
        t, s = np.argwhere(both)[0]
        name = case.devices.storages[s].name
        return f"period {first + t}, storage {name}: charges and discharges at once, and no signs are exact."
    return ""


def _dispatch(case: _Case, answer: Answer, bound: Answer | None, remedy: list[str]) -> Dispatch:
    """Join the answer and its certificate."""
    return Dispatch(
        feeder_name=case.at.feeder.name,
        first_period=case.at.horizon.first_period,
        period_h=case.at.dt,
        status="optimal" if case.at.elastic is None else "elastic",
        solver=case.solver,
        remedy=", ".join(remedy) or "none",
        doubt=_doubt(case, answer),
        lower_bound_cny=-np.inf if bound is None else bound.objective_cny,
        violations=() if case.at.elastic is None else violations(answer, case.at, case.devices),
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
    state = horizon.state or start_of_day(devices)
    at = Setting(feeder=feeder, load=load, horizon=horizon, state=state, elastic=None)
    return _Case(
        at=at,
        devices=devices,
        price_cny_per_kwh=price,
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
    )


def _shape_problems(
    feeder: Feeder, devices: Devices, load: Load, price: FloatArray, horizon: Horizon
) -> list[str]:
    periods = len(price)
    wanted = (periods, feeder.bus_count)
    problems = [] if price.ndim == 1 and periods else ["the price must be one number per period."]
    arrays = {"base_kw": load.base_kw, "base_kvar": load.base_kvar, "station_kw": load.station_kw}
    for name, array in arrays.items():
        if array.shape != wanted:
            problems.append(f"{name} has shape {array.shape}, expected (periods, buses) = {wanted}.")
        elif not np.isfinite(array).all():
            problems.append(f"{name} has a value that is not a finite number.")
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
    if not (horizon.period_h > 0 and horizon.first_period >= 1):
        problems.append("the horizon needs first_period >= 1 and period_h > 0.")
    return problems
