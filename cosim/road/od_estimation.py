"""OD trips estimated from link counts by maximum likelihood (Eq. 1 of Ma et al. 2024).

The likelihood of the counts is that of :mod:`cosim.road.count_model`. P in lambda = P' o are the logit shares at
the observed link times or, where nobody saw the times, at those of the equilibrium that the trips bring about.
Eq. 1 as printed sums over paths in place of days.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.sparse.csgraph import connected_components
from scipy.stats import norm

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import ModelError
from cosim.road.count_model import DEPENDENT, CountModel, LogPrior, OdTrips
from cosim.road.latency import link_time_min
from cosim.road.link_counts import LinkCounts
from cosim.road.network import Network, OdTable
from cosim.road.od_at_equilibrium import fisher_scoring
from cosim.road.path_search import od_name
from cosim.road.paths import PathSet

LEAST_VEH = 1e-3
"""Trips of an OD below which the search does not look."""
THETA_GRID = np.geomspace(0.03, 30, 13)
"""Where theta is sought first, times the spread of the costs within an OD."""
SETTLED = 1e-4
"""Newton decrement g' I^-1 g at which the search has ended: a hundredth of a standard error."""


WIDEST = 100.0
"""Upper over lower end of an interval of theta from which on the counts do not tell it."""


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

    @property
    def theta_identified(self) -> bool:
        """Whether theta was given, or the counts tell it: the ends of its interval within a factor of 100."""
        least, most = self.theta_interval()
        return self.theta_standard_error == 0 or most < WIDEST * least

    def theta_interval(self, level: float = 0.90) -> tuple[float, float]:
        """Return the bounds of theta [1/min]."""
        width = norm.ppf((1 + level) / 2) * self.theta_standard_error / self.theta_per_min
        with np.errstate(over="ignore"):
            return self.theta_per_min * float(np.exp(-width)), self.theta_per_min * float(np.exp(width))


def estimate_od(
    paths: PathSet,
    counts: LinkCounts,
    observed_time_min: FloatArray | None = None,
    *,
    theta_per_min: float | None = None,
    prior: OdPrior | None = None,
    hours: float = 1.0,
    max_iterations: int = 2_000,
) -> OdEstimate:
    """Return the trips of every OD of *paths* that make the counts most likely (Eq. 1), and theta if not given.

    *observed_time_min* are the times of all links, which set the shares of the paths, as if they were
    exact; without them the shares are those of the equilibrium that the trips bring about. *hours* is how long
    the counts of a day lasted. Raises ModelError if theta is sought where the counts say nothing of it,
    ConfigError if no path crosses a counted link.
    """
    network, with_theta = paths.network, theta_per_min is None
    times = _time_of_mean_count(network, counts) if observed_time_min is None else observed_time_min
    model = CountModel.of(paths, counts, network.cost_min(times), hours)
    believed = _log_prior(prior, paths.groups.count, hours)
    start = _start(model, theta_per_min, believed)
    found = _maximise(model, start, believed, max_iterations, with_theta=with_theta)
    _refuse_unidentified_theta(found, with_theta=with_theta and prior is None)
    if observed_time_min is None:
        point, steps = fisher_scoring(model, found.point, believed, with_theta=with_theta, hours=hours)
        found = _Found(point.model, point.trips, point.jacobian, point.gradient, found.iterations + steps)
    return _estimate(found, believed, hours)


def _time_of_mean_count(network: Network, counts: LinkCounts) -> FloatArray:
    """Return the times at the mean counts; at free flow where nobody counted."""
    flow = np.zeros(len(network.links))
    flow[counts.link] = counts.flow_veh_h.mean(axis=0)
    return link_time_min(network, flow)


def _log_prior(prior: OdPrior | None, ods: int, hours: float) -> LogPrior:
    if prior is None:
        return LogPrior(np.zeros(ods), np.full(ods, np.inf))
    return LogPrior(np.log(prior.mean_veh_h * hours), np.full(ods, prior.variation, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Where a search ended; the jacobian and the gradient of all days are by (ln o, ln theta)."""

    model: CountModel
    point: OdTrips
    jacobian: FloatArray
    gradient: FloatArray
    iterations: int

    @property
    def with_theta(self) -> bool:
        return self.gradient.size > self.point.of_od.size


def _start(model: CountModel, theta: float | None, prior: LogPrior) -> OdTrips:
    """Return the non-negative least squares fit of the mean counts; theta by trial."""
    if theta is not None:
        return _least_squares(model, theta, prior)
    groups = model.paths.groups
    cost = model.path_cost_min - groups.expand(groups.minimum(model.path_cost_min))
    spread = float(cost[cost > 0].mean()) if (cost > 0).any() else 0.0
    if spread == 0:
        msg = "theta cannot be estimated: no OD has paths of different cost. Give theta"
        raise ModelError(msg)
    tried = [_least_squares(model, float(theta), prior) for theta in THETA_GRID / spread]
    return max(tried, key=lambda point: _log_posterior(model, point, prior, with_theta=False)[0])


def _least_squares(model: CountModel, theta: float, prior: LogPrior) -> OdTrips:
    by_od = np.add.reduceat(model.effect * model.shares(theta), model.paths.groups.start[:-1], axis=1)
    # the prior weighs like one more count of each OD, with the Poisson variance of a day
    root = np.exp(prior.mean / 2)
    weight = 1 / np.sqrt(model.days) / prior.sd
    trips, _ = nnls(np.vstack([by_od, np.diag(weight / root)]), np.append(model.mean, weight * root))
    floor = max(LEAST_VEH, 1e-3 * float(trips.mean()))
    return OdTrips(np.maximum(trips, floor), theta)


def _log_posterior(
    model: CountModel, point: OdTrips, prior: LogPrior, *, with_theta: bool
) -> tuple[float, FloatArray]:
    """Return the log-likelihood of all days with the prior's, and its gradient by (ln o, ln theta)."""
    value, by_path = model.likelihood(point.path_flow(model))
    believed, by_trips = prior.density(point)
    gradient = model.days * point.gradient(model, by_path, with_theta=with_theta)
    gradient[: by_trips.size] += by_trips
    return model.days * value + believed, gradient


def _maximise(
    model: CountModel, start: OdTrips, prior: LogPrior, max_iterations: int, *, with_theta: bool
) -> _Found:
    """Return the best point that L-BFGS-B finds in ln o and ln theta, each in units of its standard error."""
    logs = np.append(np.log(start.of_od), [np.log(start.theta)] * with_theta)
    known = model.information(start.path_flow(model), start.jacobian(model, with_theta=with_theta))
    unit = np.minimum(1 / np.sqrt(np.diag(prior.added_to(known)).clip(min=1e-12)), 1.0)

    def point(x: FloatArray) -> OdTrips:
        values = np.exp(logs + unit * x)
        return OdTrips(values[:-1], float(values[-1])) if with_theta else OdTrips(values, start.theta)

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = _log_posterior(model, point(x), prior, with_theta=with_theta)
        return -value, -gradient * unit

    lowest = (np.log(LEAST_VEH) - logs) / unit
    bounds = [(low, None) for low in lowest[: start.of_od.size]]
    bounds += [(-np.log(1e3) / unit[-1], np.log(1e3) / unit[-1])] * with_theta
    limits = {"maxiter": max_iterations, "maxfun": 2 * max_iterations}
    options = {**limits, "ftol": 1e-15, "gtol": 1e-7, "maxcor": 30}
    search = minimize(loss, np.zeros(logs.size), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    best = point(search.x)
    _, gradient = _log_posterior(model, best, prior, with_theta=with_theta)
    return _Found(model, best, best.jacobian(model, with_theta=with_theta), gradient, int(search.nit))


def _estimate(found: _Found, prior: LogPrior, hours: float) -> OdEstimate:
    """Return the estimate with its errors."""
    model, point, paths = found.model, found.point, found.model.paths
    path_flow = point.path_flow(model)
    information = prior.added_to(model.information(path_flow, found.jacobian))
    covariance = np.linalg.pinv(information, hermitian=True)
    error = np.sqrt(np.diag(covariance))
    uphill = found.gradient.copy()
    uphill[: point.of_od.size][point.of_od <= LEAST_VEH * 1.01] = 0.0
    lost = _unidentified(found)
    unknown = lost.any(axis=1) & np.isinf(prior.sd)
    value, _ = model.likelihood(path_flow)
    return OdEstimate(
        od=OdTable(origin=paths.od.origin, dest=paths.od.dest, demand_veh_h=point.of_od / hours),
        standard_error_veh_h=np.where(unknown, np.inf, point.of_od * error[: point.of_od.size] / hours),
        theta_per_min=point.theta,
        theta_standard_error=point.theta * float(error[-1]) if found.with_theta else 0.0,
        log_likelihood=value * model.days,
        noise_veh_h=model.noise / hours,
        link_flow_veh_h=paths.link_flow_veh_h(path_flow) / hours,
        confounded=_named_groups(paths, lost),
        converged=float(uphill @ covariance @ uphill) <= SETTLED,
        iterations=found.iterations,
    )


def _by_od(found: _Found) -> tuple[FloatArray, FloatArray]:
    """Return of dE[z]/do the range and the null space, as orthonormal columns and rows."""
    by_od = found.model.effect @ (found.jacobian[:, : found.point.of_od.size] / found.point.of_od)
    left, size, right = np.linalg.svd(by_od, full_matrices=True)
    rank = int(np.count_nonzero(size > DEPENDENT * size[0]))
    return left[:, :rank], right[rank:]


def _unidentified(found: _Found) -> BoolArray:
    """Return which ODs trade trips in a way that no mean count feels, OD x OD.

    Two ODs belong together where the projector on the null space of dE[z]/do couples them.
    """
    _, null = _by_od(found)
    coupled: BoolArray = np.abs(null.T @ null) > np.sqrt(DEPENDENT)
    return coupled


def _refuse_unidentified_theta(found: _Found, *, with_theta: bool) -> None:
    """Raise ModelError if the trips can change the mean counts in every way that theta does."""
    if not with_theta:
        return
    left, _ = _by_od(found)
    by_theta = found.model.effect @ found.jacobian[:, -1]
    rest = by_theta - left @ (left.T @ by_theta)
    if np.linalg.norm(rest) <= DEPENDENT * np.linalg.norm(by_theta):
        msg = (
            "theta cannot be estimated: other trips between the ODs change the counts just as another theta "
            "does. Count more links, or give theta"
        )
        raise ModelError(msg)


def _named_groups(paths: PathSet, lost: BoolArray) -> tuple[tuple[str, ...], ...]:
    count, label = connected_components(lost, directed=False)
    members = [np.flatnonzero(label == group) for group in range(count)]
    return tuple(
        tuple(od_name(paths.network, paths.od, int(od)) for od in own)
        for own in members
        if lost[own[0], own[0]]
    )
