"""Trips whose equilibrium makes the counts most likely: for days on which nobody saw the link times.

The shares of the paths then follow from the trips themselves, lambda(o, theta) = the SUE's path flows. Their
derivatives are those of the equilibrium: with J what trips do at fixed costs and S the response of the loading,
(I + S D) dx = Delta' J and dlambda = J - theta f (v - mean v), v = Delta D dx. Fisher scoring goes uphill.
"""

from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.road.assignment import solve_sue
from cosim.road.count_model import CountModel, LogPrior, OdTrips
from cosim.road.latency import link_time_slope
from cosim.road.problem import AssignmentProblem

MOST_STEPS = 50
LONGEST_STEP = 0.7
"""Largest change of a logarithm in one step: to half, or to double."""
SHORTEST = 1e-3
"""Share of a step at which going uphill is given up."""
SETTLED = 1e-8
"""Newton decrement at which the search ends: a ten thousandth of a standard error."""
RESIDUAL = 1e-9
"""Of the equilibrium at every step."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquilibriumPoint:
    """OdTrips, their equilibrium, and the log-likelihood of all days."""

    trips: OdTrips
    model: CountModel
    """With the path costs of the equilibrium."""
    jacobian: FloatArray
    """dlambda / d(ln o, ln theta)."""
    value: float
    gradient: FloatArray
    information: FloatArray
    """Of the mean counts and the prior: a bit less than there is, so that steps are a bit long."""
    path_flow_veh_h: FloatArray


def fisher_scoring(
    model: CountModel, start: OdTrips, prior: LogPrior, *, with_theta: bool, hours: float
) -> tuple[EquilibriumPoint, int]:
    """Return the most likely point from *start*, and how many steps led there."""
    point = at_equilibrium(model, start, prior, with_theta=with_theta, hours=hours)
    for steps in range(MOST_STEPS):
        move = np.linalg.pinv(point.information, hermitian=True) @ point.gradient
        if point.gradient @ move <= SETTLED:
            return point, steps
        share = min(1.0, LONGEST_STEP / float(np.abs(move).max()))
        while share > SHORTEST:
            tried = at_equilibrium(
                model,
                _moved(point.trips, share * move, with_theta=with_theta),
                prior,
                with_theta=with_theta,
                hours=hours,
                start_veh_h=point.path_flow_veh_h,
            )
            if tried.value > point.value:
                break
            share /= 2
        else:
            return point, steps
        point = tried
    return point, MOST_STEPS


def _moved(trips: OdTrips, move: FloatArray, *, with_theta: bool) -> OdTrips:
    of_od = trips.of_od * np.exp(move[: trips.of_od.size])
    return OdTrips(of_od, trips.theta * float(np.exp(move[-1])) if with_theta else trips.theta)


def at_equilibrium(
    model: CountModel,
    trips: OdTrips,
    prior: LogPrior,
    *,
    with_theta: bool,
    hours: float,
    start_veh_h: FloatArray | None = None,
) -> EquilibriumPoint:
    """Return the equilibrium of these trips, and how likely it makes the counts."""
    groups = model.paths.groups
    problem = AssignmentProblem(
        paths=model.paths, demand_veh_h=trips.of_od / hours, theta_per_min=np.full(groups.count, trips.theta)
    )
    solution = solve_sue(problem, start=start_veh_h, tolerance=RESIDUAL)
    there = replace(model, path_cost_min=solution.path_cost_min)
    jacobian = equilibrium_jacobian(
        problem, solution.link_flow_veh_h, trips.jacobian(there, with_theta=with_theta)
    )
    path_flow = trips.path_flow(there)
    value, by_path = there.likelihood(path_flow)
    believed, by_trips = prior.density(trips)
    gradient = model.days * (jacobian.T @ by_path)
    gradient[: by_trips.size] += by_trips
    return EquilibriumPoint(
        trips=trips,
        model=there,
        jacobian=jacobian,
        value=model.days * value + believed,
        gradient=gradient,
        information=prior.added_to(there.information_of_mean(path_flow, jacobian)),
        path_flow_veh_h=solution.path_flow_veh_h,
    )


def equilibrium_jacobian(
    problem: AssignmentProblem, link_flow_veh_h: FloatArray, at_fixed_costs: FloatArray
) -> FloatArray:
    """Return how the path flows of the equilibrium change, from how they would change at fixed costs."""
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
