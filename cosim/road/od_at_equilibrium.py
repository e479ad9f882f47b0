"""Maximum likelihood estimation of OD trips with the path shares of their equilibrium, for days without observed times.

The path flows lambda(o, theta) are those of the SUE. With J the Jacobian at fixed costs, S the response matrix of the
loading and D the slope of the times, (I + S D) dx = Delta' J and dlambda = J - theta f (v - mean v), v = Delta D dx.
The likelihood is maximised by Fisher scoring.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ConfigError, ModelError
from cosim.road.assignment import solve_sue
from cosim.road.count_model import CountModel, LogPrior, OdTrips
from cosim.road.latency import link_time_slope
from cosim.road.problem import AssignmentProblem

MAX_STEPS = 50
"""Steps of Fisher scoring."""
MAX_LOG_CHANGE = 0.7
"""Maximum change of a logarithm per step: by a factor of about two."""
MIN_STEP_SIZE = 1e-3
"""Step size at which the line search ends."""
DECREMENT_TOLERANCE = 1e-8
"""Newton decrement at which the search ends: a ten thousandth of a standard error."""
SUE_TOLERANCE = 1e-9
"""Residual of the equilibrium at each step."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquilibriumPoint:
    """Parameters, their equilibrium, and the log-posterior of all days with its derivatives."""

    parameters: OdTrips
    model: CountModel
    """The count model at the path costs of the equilibrium."""
    jacobian: FloatArray
    """dlambda / d(ln o, ln theta)."""
    log_posterior: float
    gradient: FloatArray
    information: FloatArray
    """Information in the mean counts and the prior: slightly low, so that steps are slightly long."""
    path_flow_veh_h: FloatArray


def fisher_scoring(
    model: CountModel, starts: Sequence[OdTrips], prior: LogPrior, *, with_theta: bool, hours: float
) -> tuple[EquilibriumPoint, int]:
    """Return the maximum of the log-posterior, from the first of *starts* that has one, and the number of steps."""
    point = _first_point(model, starts, prior, with_theta=with_theta, hours=hours)
    for steps in range(MAX_STEPS):
        step = np.linalg.pinv(point.information, hermitian=True) @ point.gradient
        if point.gradient @ step <= DECREMENT_TOLERANCE:
            return point, steps
        size = min(1.0, MAX_LOG_CHANGE / float(np.abs(step).max()))
        while size > MIN_STEP_SIZE:
            trial = at_equilibrium(
                model,
                _after_step(point.parameters, size * step, with_theta=with_theta),
                prior,
                with_theta=with_theta,
                hours=hours,
                start_veh_h=point.path_flow_veh_h,
            )
            if trial.log_posterior > point.log_posterior:
                break
            size /= 2
        else:
            return point, steps
        point = trial
    return point, MAX_STEPS


def _first_point(
    model: CountModel, starts: Sequence[OdTrips], prior: LogPrior, *, with_theta: bool, hours: float
) -> EquilibriumPoint:
    """Return the equilibrium at the first of *starts* that has one; raise ModelError where none has.

    At fixed times a path that was counted may be one that nobody takes; then the search for trips runs away.
    """
    *others, last = starts
    for start in others:
        with suppress(ModelError, ConfigError):
            return at_equilibrium(model, start, prior, with_theta=with_theta, hours=hours)
    return at_equilibrium(model, last, prior, with_theta=with_theta, hours=hours)


def _after_step(parameters: OdTrips, step: FloatArray, *, with_theta: bool) -> OdTrips:
    """Return the parameters after a step in their logarithms."""
    trips = parameters.trips * np.exp(step[: parameters.trips.size])
    theta = parameters.theta * float(np.exp(step[-1])) if with_theta else parameters.theta
    return OdTrips(trips, theta)


def at_equilibrium(
    model: CountModel,
    parameters: OdTrips,
    prior: LogPrior,
    *,
    with_theta: bool,
    hours: float,
    start_veh_h: FloatArray | None = None,
) -> EquilibriumPoint:
    """Return the equilibrium of these parameters with the log-posterior of the counts."""
    groups = model.paths.groups
    problem = AssignmentProblem(
        paths=model.paths,
        demand_veh_h=parameters.trips / hours,
        theta_per_min=np.full(groups.count, parameters.theta),
    )
    solution = solve_sue(problem, start=start_veh_h, tolerance=SUE_TOLERANCE)
    model = replace(model, path_cost_min=solution.path_cost_min)
    jacobian = equilibrium_jacobian(
        problem, solution.link_flow_veh_h, parameters.jacobian(model, with_theta=with_theta)
    )
    path_flow = parameters.path_flow(model)
    value, by_path = model.likelihood(path_flow)
    log_prior, by_trips = prior.log_density(parameters)
    gradient = model.days * (jacobian.T @ by_path)
    gradient[: by_trips.size] += by_trips
    return EquilibriumPoint(
        parameters=parameters,
        model=model,
        jacobian=jacobian,
        log_posterior=model.days * value + log_prior,
        gradient=gradient,
        information=prior.add_information(model.information_of_mean(path_flow, jacobian)),
        path_flow_veh_h=solution.path_flow_veh_h,
    )


def equilibrium_jacobian(
    problem: AssignmentProblem, link_flow_veh_h: FloatArray, at_fixed_costs: FloatArray
) -> FloatArray:
    """Return the Jacobian of the equilibrium path flows from that at fixed costs: paths x parameters."""
    paths, groups = problem.paths, problem.paths.groups
    loading = problem.load(problem.link_time_min(link_flow_veh_h))
    slope = link_time_slope(problem.network, link_flow_veh_h)
    on_links = paths.link_loading @ at_fixed_costs
    matrix = np.eye(slope.size) + loading.response_matrix() * slope
    cost = paths.incidence @ (slope[:, None] * np.linalg.solve(matrix, on_links))
    mean = np.add.reduceat(loading.path_share[:, None] * cost, groups.start[:-1], axis=0)
    weight = groups.expand(problem.theta_per_min) * loading.path_flow_veh_h
    change: FloatArray = at_fixed_costs - weight[:, None] * (cost - mean[groups.group_of_path])
    return change
