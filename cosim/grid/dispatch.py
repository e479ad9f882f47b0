"""The dispatch of a feeder over a horizon: solve, certify, recover exactness, diagnose."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ConfigError, InfeasibleError, SolverError
from cosim.grid.certificate import Certificate, both_signs, certify
from cosim.grid.device import Devices, Renewable
from cosim.grid.fallback import fallback_solution
from cosim.grid.model import ProblemStructure
from cosim.grid.parameters import parameters
from cosim.grid.problem import Horizon, Load, ProblemData, Rules
from cosim.grid.radial import Feeder
from cosim.grid.reading import read_solution
from cosim.grid.solution import Dispatch, Solution
from cosim.grid.solvers import available_solver, solve
from cosim.grid.violations import violations

NEARLY = 100.0
"""A relaxation error up to this multiple of what counts as exact may be rounding."""


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
    dispatch keeps all limits the status is ``elastic`` and the violations name what is broken. Where the
    relaxation is not exact, rising loss prices are tried (penalty continuation), and the optimum without them
    stays as the lower bound. Raises ``ConfigError`` for wrong input, ``SolverError`` when the solver breaks down,
    ``InfeasibleError`` when not even broken limits help; the last two only where the rules ask for no fallback.
    """
    case = _case(feeder, devices, load, price_cny_per_kwh, horizon or Horizon(), rules or Rules())
    try:
        return _strict_or_elastic(case)
    except (SolverError, InfeasibleError) as error:
        if not case.rules.fallback:
            raise
        return _fallback(case, str(error))


def _strict_or_elastic(case: "_Case") -> Dispatch:
    """Return the certified dispatch within the limits, else the elastic one."""
    try:
        strict = _continued(case)
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


def _fallback(case: "_Case", reason: str) -> Dispatch:
    """Return the fallback operation, and why there is no dispatch."""
    solution = fallback_solution(case.structure, case.data)
    certificate = Certificate(
        ac_mismatch_pu=np.where(np.isnan(solution.purchase_kw), np.nan, 0.0),
        reason_not_certified=f"{reason} Fallback operation: devices are not dispatched and all load is served.",
    )
    return replace(_dispatch(case, solution, certificate, None, []), status="failed")


def _elastic(case: "_Case") -> Dispatch | None:
    """Return the dispatch with limits that can give way; None where even that is infeasible.

    Penalties many times the price of energy swamp the solver's precision: it breaks down on feeders far beyond
    their capacity, or leaves the currents of weakly loaded branches open. Then reduced ones are tried.
    """
    full = case.rules.elastic
    try:
        firm = _continued(replace(case, structure=replace(case.structure, elastic=full)))
    except SolverError:
        return _with_reduced_penalties(case)
    if firm is None or firm.certified:
        return firm
    try:
        mild = _with_reduced_penalties(case)
    except SolverError:
        return firm
    return mild if mild is not None and mild.certified else firm


def _with_reduced_penalties(case: "_Case") -> Dispatch | None:
    """Return the elastic dispatch at penalties above any price, in the same order: nothing is given up to save."""
    highest = max(float(np.max(case.data.price_cny_per_kwh)), 0.1)
    full = case.rules.elastic
    mild = replace(
        full,
        station_cny_per_kwh=min(full.station_cny_per_kwh, 3 * highest),
        terminal_energy_cny_per_kwh=min(full.terminal_energy_cny_per_kwh, 4 * highest),
        base_cny_per_kwh=min(full.base_cny_per_kwh, 6 * highest),
        voltage_cny_per_pu2_h=min(full.voltage_cny_per_pu2_h, 1e3),
    )
    dispatch = _continued(replace(case, structure=replace(case.structure, elastic=mild)))
    if dispatch is None:
        return None
    steps = [] if dispatch.exactness_recovery == "none" else [dispatch.exactness_recovery]
    return replace(dispatch, exactness_recovery=", ".join([*steps, "reduced penalties"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One dispatch to solve, strict or elastic."""

    structure: ProblemStructure
    data: ProblemData
    rules: Rules
    solver: str

    @property
    def where(self) -> str:
        """Name the feeder and the periods."""
        first = self.data.horizon.first_period
        return f"feeder {self.structure.feeder.name}, periods {first} to {first + self.data.periods - 1}"

    def solve(self, **asked: Any) -> Solution | None:
        """Return the solution of the data, changed as *asked*; None where there is no feasible one.

        Where the relaxation is nearly exact, the rest may be the solver's rounding: it is asked for more digits.
        """
        data = replace(self.data, **asked)
        values = parameters(self.structure, data)
        result = solve(self.structure, values, self.solver, self.where)
        if result is None:
            return None
        solution = read_solution(result, self.structure, data)
        error, exact_pu = solution.relaxation_error.max(initial=0.0), self.rules.exact_pu
        if not exact_pu < error <= NEARLY * exact_pu:
            return solution
        refined = solve(self.structure, values, self.solver, self.where, refined=True)
        return solution if refined is None else read_solution(refined, self.structure, data)


def _continued(case: _Case) -> Dispatch | None:
    """Return the first exact dispatch at rising loss prices, else one not certified; None if infeasible.

    Where stores charge and discharge at once, their signs are fixed.
    """
    try:
        bound = case.solve()
    except SolverError:
        if (feasible := _on_the_edge(case)) is not None:
            return feasible
        bound = last = None  # prices so low that losses pay: the steps above are better conditioned
    else:
        if bound is None:
            return None
        last = bound
    mu_0 = case.rules.loss_price_cny_per_mwh
    for mu in (mu_0, *(step for step in case.rules.continuation_cny_per_mwh if step > mu_0)):
        solution, recovery = _at_loss_price(case, mu, bound)
        if solution is not None:
            certificate = certify(solution, case.structure, case.data, case.rules.exact_pu)
            if not certificate.reason_not_certified:
                return _dispatch(case, solution, certificate, bound, recovery)
            if solution is bound and _is_exact(bound, case) and (feasible := _on_the_edge(case)) is not None:
                return feasible
        last = last or solution
    if last is None:
        msg = f"{case.where}: {case.solver} gives no accurate result at any loss price of the continuation."
        raise SolverError(msg)
    return _dispatch(case, last, certify(last, case.structure, case.data, case.rules.exact_pu), bound, [])


def _at_loss_price(case: _Case, mu: float, bound: Solution | None) -> tuple[Solution | None, list[str]]:
    """Return the solution at a loss price of *mu*, and by what it differs from the *bound*, which has none."""
    solution = _try(case, loss_price_cny_per_mwh=mu) if mu else bound
    recovery = [f"loss price {mu:g}"] if mu != case.rules.loss_price_cny_per_mwh else []
    if solution is not None and both_signs(solution, case.structure.devices).any():
        charging = case.structure.devices.signs(solution.setpoints)
        solution = _try(case, loss_price_cny_per_mwh=mu, charging=charging)
        recovery.append("storage signs fixed")
    return solution, recovery


def _is_exact(solution: Solution, case: _Case) -> bool:
    """Tell whether the relaxation is tight: what is wrong then is the solver's accuracy, and no loss price helps."""
    return bool(solution.relaxation_error.max(initial=0.0) <= case.rules.exact_pu)


def _on_the_edge(case: _Case) -> Dispatch | None:
    """Return the dispatch where the load is just what the limits allow; None if that is not the case.

    With no room between the limits the strict problem is ill-posed: the solver gives up, or stops at voltages that
    no AC power flow has. The elastic problem is well posed, and its solution breaks no limit.
    """
    soft = replace(case, structure=replace(case.structure, elastic=case.rules.elastic))
    if case.structure.elastic is not None or (solution := _try(soft)) is None:
        return None
    certificate = certify(solution, soft.structure, soft.data, soft.rules.exact_pu)
    dispatch = _dispatch(soft, solution, certificate, solution, [])
    return dispatch if dispatch.certified and dispatch.status == "optimal" else None


def _try(case: _Case, **asked: Any) -> Solution | None:
    """Return the solution of one step; a step without an accurate one is passed over."""
    try:
        return case.solve(**asked)
    except SolverError:
        return None


def _dispatch(
    case: _Case, solution: Solution, certificate: Certificate, bound: Solution | None, recovery: list[str]
) -> Dispatch:
    """Join the solution and its certificate."""
    broken = violations(solution, case.structure, case.data) if case.structure.elastic is not None else ()
    return Dispatch(
        feeder_name=case.structure.feeder.name,
        first_period=case.data.horizon.first_period,
        period_h=case.structure.period_h,
        status="elastic" if broken else "optimal",
        solver=case.solver,
        exactness_recovery=", ".join(recovery) or "none",
        reason_not_certified=certificate.reason_not_certified,
        lower_bound_cny=-np.inf if bound is None else bound.objective_cny,
        violations=broken,
        ac_mismatch_pu=certificate.ac_mismatch_pu,
        carried=tuple(name for group in case.structure.devices.groups for name in group.carried),
        **{name: getattr(solution, name) for name in Solution.__dataclass_fields__},
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
        structure=ProblemStructure(
            feeder=feeder,
            devices=devices,
            period_h=horizon.period_h,
            export=rules.export,
            elastic=None,
            responding=() if load.response is None else load.response.buses,
        ),
        data=ProblemData(
            load=load,
            price_cny_per_kwh=price,
            horizon=horizon,
            state=horizon.state or devices.initial_state(),
        ),
        rules=rules,
        solver=available_solver(rules.solver).name,
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
    offered, plants = load.renewable_kw, len(devices.of(Renewable))
    if offered is not None and (offered.shape != (periods, plants) or not (offered >= 0).all()):
        problems.append(f"renewable_kw must be (periods, devices) = {(periods, plants)} numbers >= 0.")
    if load.station_kw.size and (load.station_kw < 0).any():
        problems.append("station_kw has a negative value; a station only charges.")
    if not np.isfinite(price).all():
        problems.append("the price has a value that is not a finite number.")
    problems += devices.profile_problems(horizon.first_period - 1 + periods)
    if not (horizon.period_h > 0 and horizon.first_period >= 1):
        problems.append("the horizon needs first_period >= 1 and period_h > 0.")
    return problems
