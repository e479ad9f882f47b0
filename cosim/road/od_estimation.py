"""Trips between origins and destinations from what was seen on the links, by maximum likelihood (Eq. 1).

The likelihood of the counts is that of :mod:`cosim.road.count_model`; P in lambda = P' o are the logit shares
at the observed link times. (Eq. 1 as printed sums over paths in place of days.)
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.sparse.csgraph import connected_components
from scipy.stats import norm

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import ModelError
from cosim.road.count_model import DEPENDENT, CountModel, Trips
from cosim.road.link_counts import LinkCounts
from cosim.road.network import OdTable
from cosim.road.paths import PathSet
from cosim.road.routes import od_name

LEAST_VEH = 1e-3
"""Trips of an OD below which the search does not look."""
THETA_GRID = np.geomspace(0.03, 30, 13)
"""Where theta is sought first, times the spread of the costs within an OD."""
SETTLED = 1e-4
"""Newton decrement g' I^-1 g at which the search has ended: a hundredth of a standard error."""


@dataclass(frozen=True, slots=True, eq=False)
class OdPrior:
    """What was believed of the trips before: ln o ~ N(ln mean, variation^2)."""

    mean_veh_h: FloatArray
    variation: FloatArray | float
    """Coefficient of variation, one for all ODs or one for each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OdEstimate:
    """The trips that make the counts most likely, how sure they are, and what the counts cannot tell."""

    od: OdTable
    standard_error_veh_h: FloatArray
    """From the expected information; infinite where the counts, and the prior if any, do not tell the OD."""
    theta_per_min: float
    theta_standard_error: float
    """0 where theta was given."""
    log_likelihood: float
    noise_veh_h: FloatArray
    """Standard deviation of the measurement, per counted link."""
    link_flow_veh_h: FloatArray
    """Flow that the estimate puts on each link."""
    confounded: tuple[tuple[str, ...], ...]
    """Groups of ODs that the counts cannot tell apart; an OD alone crosses no counted link."""
    converged: bool
    iterations: int

    def interval(self, level: float = 0.90) -> tuple[FloatArray, FloatArray]:
        """Return the bounds of the trips that hold with this probability, symmetric on a log scale [veh/h]."""
        o = self.od.demand_veh_h
        width = norm.ppf((1 + level) / 2) * self.standard_error_veh_h / o
        with np.errstate(over="ignore"):
            return o * np.exp(-width), o * np.exp(width)

    def theta_interval(self, level: float = 0.90) -> tuple[float, float]:
        """Return the bounds of theta [1/min]."""
        width = norm.ppf((1 + level) / 2) * self.theta_standard_error / self.theta_per_min
        return self.theta_per_min * float(np.exp(-width)), self.theta_per_min * float(np.exp(width))


def estimate_od(
    paths: PathSet,
    counts: LinkCounts,
    link_time_min: FloatArray,
    *,
    theta_per_min: float | None = None,
    prior: OdPrior | None = None,
    hours: float = 1.0,
    max_iterations: int = 2_000,
) -> OdEstimate:
    """Return the trips of every OD of *paths* that make the counts most likely (Eq. 1), and theta if not given.

    *link_time_min* are the observed times of all links, which set the shares of the paths; *hours* is how long
    the counts of a day lasted. Raises ModelError if theta is sought where the counts say nothing of it,
    ConfigError if no path crosses a counted link.
    """
    model = CountModel.of(paths, counts, paths.network.cost_min(link_time_min), hours)
    scaled_prior = None if prior is None else OdPrior(prior.mean_veh_h * hours, prior.variation)
    start = _start(model, theta_per_min, scaled_prior)
    found = _maximise(model, start, theta_per_min is None, scaled_prior, max_iterations)
    return _estimate(model, found, theta_per_min is None, scaled_prior, hours)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    point: Trips
    iterations: int


def _start(model: CountModel, theta: float | None, prior: OdPrior | None) -> Trips:
    """Return the non-negative least squares fit of the mean counts; theta by trial."""
    if theta is not None:
        return _least_squares(model, theta, prior)
    groups = model.paths.groups
    cost = model.path_cost_min - groups.spread(groups.minimum(model.path_cost_min))
    spread = float(cost[cost > 0].mean()) if (cost > 0).any() else 0.0
    if spread == 0:
        msg = "theta cannot be estimated: no OD has paths of different cost. Give theta"
        raise ModelError(msg)
    tried = [_least_squares(model, float(theta), prior) for theta in THETA_GRID / spread]
    return max(tried, key=lambda point: _log_posterior(model, point, prior, with_theta=False)[0])


def _least_squares(model: CountModel, theta: float, prior: OdPrior | None) -> Trips:
    groups = model.paths.groups
    by_od = np.add.reduceat(model.effect * model.shares(theta), groups.start[:-1], axis=1)
    matrix, target = by_od, model.mean
    if prior is not None:  # the prior weighs like one more count of each OD
        weight = np.broadcast_to(1 / np.sqrt(model.days) / np.asarray(prior.variation), groups.count)
        matrix = np.vstack([by_od, np.diag(weight / np.sqrt(prior.mean_veh_h))])
        target = np.append(target, weight * np.sqrt(prior.mean_veh_h))
    trips, _ = nnls(matrix, target)
    floor = max(LEAST_VEH, 1e-3 * float(trips.mean()))
    return Trips(np.maximum(trips, floor), theta)


def _log_posterior(
    model: CountModel, point: Trips, prior: OdPrior | None, *, with_theta: bool
) -> tuple[float, FloatArray]:
    """Return the log-likelihood per day (and the prior's), and its gradient by (ln o, ln theta)."""
    value, by_path = model.likelihood(point.path_flow(model))
    gradient = point.gradient(model, by_path, with_theta=with_theta)
    if prior is not None:
        off = (np.log(point.of_od) - np.log(prior.mean_veh_h)) / prior.variation
        value -= float(off @ off) / 2 / model.days
        gradient[: off.size] -= off / prior.variation / model.days
    return value, gradient


def _maximise(
    model: CountModel, start: Trips, with_theta: bool, prior: OdPrior | None, max_iterations: int
) -> _Found:
    """Return the best point that L-BFGS-B finds in ln o and ln theta, each in units of its standard error."""
    logs = np.append(np.log(start.of_od), [np.log(start.theta)] * with_theta)
    unit = 1 / np.sqrt(np.diag(_information(model, start, prior, with_theta=with_theta)).clip(min=1e-12))
    unit = np.minimum(unit, 1.0)

    def point(x: FloatArray) -> Trips:
        values = np.exp(logs + unit * x)
        return Trips(values[:-1], float(values[-1])) if with_theta else Trips(values, start.theta)

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = _log_posterior(model, point(x), prior, with_theta=with_theta)
        return -value * model.days, -gradient * unit * model.days

    lowest = (np.log(LEAST_VEH) - logs) / unit
    bounds = [(low, None) for low in lowest[: start.of_od.size]]
    bounds += [(-np.log(1e3) / unit[-1], np.log(1e3) / unit[-1])] * with_theta
    options = {
        "maxiter": max_iterations,
        "maxfun": 2 * max_iterations,
        "ftol": 1e-15,
        "gtol": 1e-7,
        "maxcor": 30,
    }
    search = minimize(loss, np.zeros(logs.size), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return _Found(point(search.x), int(search.nit))


def _information(model: CountModel, point: Trips, prior: OdPrior | None, *, with_theta: bool) -> FloatArray:
    """Return the expected information on (ln o, ln theta), the prior's included."""
    matrix = model.information(point.path_flow(model), point.jacobian(model, with_theta=with_theta))
    if prior is not None:
        own = np.arange(point.of_od.size)
        matrix[own, own] += 1 / np.broadcast_to(prior.variation, own.size) ** 2
    return matrix


def _estimate(
    model: CountModel, found: _Found, with_theta: bool, prior: OdPrior | None, hours: float
) -> OdEstimate:
    """Return the estimate with its errors; raises ModelError if theta was sought in vain."""
    point, paths = found.point, model.paths
    lost, theta_told = _not_told(model, point)
    if with_theta and not theta_told and prior is None:
        msg = (
            "theta cannot be estimated: other trips between the ODs change the counts just as another theta "
            "does. Count more links, or give theta"
        )
        raise ModelError(msg)
    covariance = np.linalg.pinv(_information(model, point, prior, with_theta=with_theta), hermitian=True)
    _, gradient = _log_posterior(model, point, prior, with_theta=with_theta)
    gradient[: -1 if with_theta else None][point.of_od <= LEAST_VEH * 1.01] = 0.0
    decrement = float(gradient @ covariance @ gradient) * model.days**2
    error = point.of_od * np.sqrt(np.diag(covariance)[: point.of_od.size])
    value, _ = model.likelihood(point.path_flow(model))
    return OdEstimate(
        od=OdTable(origin=paths.od.origin, dest=paths.od.dest, demand_veh_h=point.of_od / hours),
        standard_error_veh_h=np.where(lost.any(axis=1) & (prior is None), np.inf, error / hours),
        theta_per_min=point.theta,
        theta_standard_error=point.theta * float(np.sqrt(covariance[-1, -1])) if with_theta else 0.0,
        log_likelihood=value * model.days,
        noise_veh_h=model.noise / hours,
        link_flow_veh_h=paths.link_flow_veh_h(point.path_flow(model)) / hours,
        confounded=_named_groups(paths, lost),
        converged=decrement <= SETTLED,
        iterations=found.iterations,
    )


def _not_told(model: CountModel, point: Trips) -> tuple[BoolArray, bool]:
    """Return which ODs trade trips in a way that no mean count feels (OD x OD), and whether theta is felt.

    Two ODs belong together where the projector on the null space of dE[z]/do couples them.
    """
    groups, share = model.paths.groups, model.shares(point.theta)
    by_od = np.add.reduceat(model.effect * share, groups.start[:-1], axis=1)
    left, size, right = np.linalg.svd(by_od, full_matrices=True)
    rank = int(np.count_nonzero(size > DEPENDENT * size[0]))
    projector = right[rank:].T @ right[rank:]
    by_theta = model.effect @ (groups.spread(point.of_od) * model.share_slope(share))
    rest = by_theta - left[:, :rank] @ (left[:, :rank].T @ by_theta)
    told = bool(np.linalg.norm(rest) > DEPENDENT * float(np.linalg.norm(by_theta)))
    return np.abs(projector) > np.sqrt(DEPENDENT), told


def _named_groups(paths: PathSet, lost: BoolArray) -> tuple[tuple[str, ...], ...]:
    count, label = connected_components(lost, directed=False)
    members = [np.flatnonzero(label == group) for group in range(count)]
    return tuple(
        tuple(od_name(paths.network, paths.od, int(od)) for od in own)
        for own in members
        if lost[own[0], own[0]]
    )
