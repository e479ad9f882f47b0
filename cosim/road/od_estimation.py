"""OD trips estimated from link counts by maximum likelihood (Eq. 1 of Ma et al. 2024).

The likelihood of the counts is that of :mod:`cosim.road.count_model`. P in lambda = P' o are the logit
shares at the observed link times or, without these, at the times of the equilibrium of the estimated trips.
Eq. 1 as printed sums over paths in place of days.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.sparse.csgraph import connected_components
from scipy.stats import norm

from cosim.arrays import BoolArray, FloatArray
from cosim.blas import one_blas_thread
from cosim.errors import ModelError
from cosim.road.count_model import RANK_TOLERANCE, CountModel, LogPrior, OdTrips
from cosim.road.latency import link_time_min
from cosim.road.link_counts import LinkCounts
from cosim.road.network import Network, OdTable
from cosim.road.od_at_equilibrium import fisher_scoring
from cosim.road.path_search import od_name
from cosim.road.paths import PathSet

MIN_TRIPS = 1e-3
"""Lower bound of the trips of an OD."""
MAX_LOG = 50.0
"""Log of the most trips that the search tries: a first step into the void does not overflow."""
MAX_THETA_FACTOR = 1e3
"""Bound of theta over its start, and of its start over theta."""
START_THETA_GRID = np.geomspace(0.03, 30, 13)
"""Trial values for the start of theta, times the mean excess cost of paths."""
DECREMENT_TOLERANCE = 1e-4
"""Newton decrement g' I^-1 g of a converged search: a hundredth of a standard error."""
MAX_INTERVAL_RATIO = 100.0
"""Upper over lower bound of the confidence interval of theta above which theta is not identified."""


@dataclass(frozen=True, slots=True, eq=False)
class OdPrior:
    """Prior distribution of the trips: ln o ~ N(ln mean, variation^2)."""

    mean_veh_h: FloatArray
    variation: FloatArray | float
    """Coefficient of variation, one for all ODs or one for each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OdEstimate:
    """Maximum likelihood estimate of the OD trips, with standard errors and the ODs that are not identified."""

    od: OdTable
    standard_error_veh_h: FloatArray
    """From the expected information; infinite for ODs that neither counts nor prior identify."""
    theta_per_min: float
    theta_standard_error: float
    """0 where theta was given."""
    log_likelihood: float
    noise_veh_h: FloatArray
    """Standard deviation of the measurement noise, per counted link."""
    link_flow_veh_h: FloatArray
    """Estimated flow per link."""
    confounded: tuple[tuple[str, ...], ...]
    """Groups of ODs that the counts do not identify separately; a single OD has no path over a counted link."""
    converged: bool
    iterations: int

    def interval(self, level: float = 0.90) -> tuple[FloatArray, FloatArray]:
        """Return the confidence bounds of the trips at this level, symmetric in the logarithm [veh/h]."""
        o = self.od.demand_veh_h
        width = norm.ppf((1 + level) / 2) * self.standard_error_veh_h / o
        with np.errstate(over="ignore"):
            return o * np.exp(-width), o * np.exp(width)

    @property
    def theta_identified(self) -> bool:
        """Whether theta was given, or the bounds of its confidence interval are within a factor of 100."""
        low, high = self.theta_interval()
        return self.theta_standard_error == 0 or high < MAX_INTERVAL_RATIO * low

    def theta_interval(self, level: float = 0.90) -> tuple[float, float]:
        """Return the confidence bounds of theta at this level [1/min]."""
        width = norm.ppf((1 + level) / 2) * self.theta_standard_error / self.theta_per_min
        with np.errstate(over="ignore"):
            return self.theta_per_min * float(np.exp(-width)), self.theta_per_min * float(np.exp(width))


@one_blas_thread
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
    """Return the maximum likelihood estimate of the trips of every OD of *paths* (Eq. 1), and of theta unless given.

    The path shares are those at *observed_time_min*, the times of all links without error; by default those of the
    equilibrium of the estimated trips. *hours* is the duration of the counts of a day. Raises ModelError if theta is
    not identified by the counts, ConfigError if no path crosses a counted link.
    """
    network = paths.network
    with_theta = theta_per_min is None
    times = _time_of_mean_count(network, counts) if observed_time_min is None else observed_time_min
    model = CountModel.from_counts(paths, counts, network.cost_min(times), hours)
    log_prior = _log_prior(prior, paths.groups.count, hours)
    start = _start(model, theta_per_min, log_prior)
    result = _maximise(model, start, log_prior, max_iterations, with_theta=with_theta)
    if with_theta and prior is None:
        _refuse_unidentified_theta(result)
    if observed_time_min is None:
        point, steps = fisher_scoring(
            model, (result.parameters, start), log_prior, with_theta=with_theta, hours=hours
        )
        iterations = result.iterations + steps
        result = _Result(point.model, point.parameters, point.jacobian, point.gradient, iterations)
    return _estimate(result, log_prior, hours)


def _time_of_mean_count(network: Network, counts: LinkCounts) -> FloatArray:
    """Return the link times at the mean counts; at free flow on links without counts."""
    flow = np.zeros(len(network.links))
    flow[counts.link] = counts.flow_veh_h.mean(axis=0)
    return link_time_min(network, flow)


def _log_prior(prior: OdPrior | None, ods: int, hours: float) -> LogPrior:
    if prior is None:
        return LogPrior(np.zeros(ods), np.full(ods, np.inf))
    return LogPrior(np.log(prior.mean_veh_h * hours), np.full(ods, prior.variation, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """End of a search; the Jacobian and the gradient of all days are with respect to (ln o, ln theta)."""

    model: CountModel
    parameters: OdTrips
    jacobian: FloatArray
    gradient: FloatArray
    iterations: int

    @property
    def with_theta(self) -> bool:
        return self.gradient.size > self.parameters.trips.size


def _start(model: CountModel, theta: float | None, prior: LogPrior) -> OdTrips:
    """Return the non-negative least squares fit of the mean counts, with the most likely trial value of theta."""
    if theta is not None:
        return _least_squares(model, theta, prior)
    groups = model.paths.groups
    cost = model.path_cost_min - groups.expand(groups.minimum(model.path_cost_min))
    excess = float(cost[cost > 0].mean()) if (cost > 0).any() else 0.0
    if excess == 0:
        msg = "theta cannot be estimated: no OD has paths of different cost. Give theta"
        raise ModelError(msg)
    trials = [_least_squares(model, float(theta), prior) for theta in START_THETA_GRID / excess]
    return max(trials, key=lambda trial: _log_posterior(model, trial, prior, with_theta=False)[0])


def _least_squares(model: CountModel, theta: float, prior: LogPrior) -> OdTrips:
    by_od = np.add.reduceat(model.design * model.shares(theta), model.paths.groups.start[:-1], axis=1)
    # the prior counts as one more observation of each OD, with the Poisson variance of a day
    root = np.exp(prior.mean / 2)
    weight = 1 / np.sqrt(model.days) / prior.sd
    trips, _ = nnls(np.vstack([by_od, np.diag(weight / root)]), np.append(model.mean, weight * root))
    floor = max(MIN_TRIPS, 1e-3 * float(trips.mean()))
    return OdTrips(np.maximum(trips, floor), theta)


def _log_posterior(
    model: CountModel, parameters: OdTrips, prior: LogPrior, *, with_theta: bool
) -> tuple[float, FloatArray]:
    """Return the log-posterior of all days, and its gradient with respect to (ln o, ln theta)."""
    value, by_path = model.likelihood(parameters.path_flow(model))
    log_prior, by_trips = prior.log_density(parameters)
    gradient = model.days * parameters.gradient(model, by_path, with_theta=with_theta)
    gradient[: by_trips.size] += by_trips
    return model.days * value + log_prior, gradient


def _maximise(
    model: CountModel, start: OdTrips, prior: LogPrior, max_iterations: int, *, with_theta: bool
) -> _Result:
    """Return the maximum found by L-BFGS-B in ln o and ln theta, each in units of its standard error."""
    logs = np.append(np.log(start.trips), [np.log(start.theta)] * with_theta)
    information = model.information(start.path_flow(model), start.jacobian(model, with_theta=with_theta))
    unit = np.minimum(1 / np.sqrt(np.diag(prior.add_information(information)).clip(min=1e-12)), 1.0)

    def parameters(x: FloatArray) -> OdTrips:
        values = np.exp(np.minimum(logs + unit * x, MAX_LOG))
        return OdTrips(values[:-1], float(values[-1])) if with_theta else OdTrips(values, start.theta)

    def loss(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = _log_posterior(model, parameters(x), prior, with_theta=with_theta)
        return -value, -gradient * unit

    min_x = (np.log(MIN_TRIPS) - logs) / unit
    theta_range = np.log(MAX_THETA_FACTOR) / unit[-1]
    bounds = [
        *((low, None) for low in min_x[: start.trips.size]),
        *[(-theta_range, theta_range)] * with_theta,
    ]
    limits = {"maxiter": max_iterations, "maxfun": 2 * max_iterations}
    options = {**limits, "ftol": 1e-15, "gtol": 1e-7, "maxcor": 30}
    search = minimize(loss, np.zeros(logs.size), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    best = parameters(search.x)
    _, gradient = _log_posterior(model, best, prior, with_theta=with_theta)
    return _Result(model, best, best.jacobian(model, with_theta=with_theta), gradient, int(search.nit))


def _estimate(result: _Result, prior: LogPrior, hours: float) -> OdEstimate:
    """Return the estimate with its standard errors."""
    model, parameters, paths = result.model, result.parameters, result.model.paths
    path_flow = parameters.path_flow(model)
    information = prior.add_information(model.information(path_flow, result.jacobian))
    covariance = np.linalg.pinv(information, hermitian=True)
    error = np.sqrt(np.diag(covariance))
    gradient = result.gradient.copy()
    gradient[: parameters.trips.size][parameters.trips <= MIN_TRIPS * 1.01] = 0.0  # at the lower bound
    confounded = _confounded(result)
    unidentified = confounded.any(axis=1) & np.isinf(prior.sd)
    value, _ = model.likelihood(path_flow)
    return OdEstimate(
        od=OdTable(origin=paths.od.origin, dest=paths.od.dest, demand_veh_h=parameters.trips / hours),
        standard_error_veh_h=np.where(
            unidentified, np.inf, parameters.trips * error[: parameters.trips.size] / hours
        ),
        theta_per_min=parameters.theta,
        theta_standard_error=parameters.theta * float(error[-1]) if result.with_theta else 0.0,
        log_likelihood=value * model.days,
        noise_veh_h=model.noise / hours,
        link_flow_veh_h=paths.link_flow_veh_h(path_flow) / hours,
        confounded=_named_groups(paths, confounded),
        converged=float(gradient @ covariance @ gradient) <= DECREMENT_TOLERANCE,
        iterations=result.iterations,
    )


def _od_spaces(result: _Result) -> tuple[FloatArray, FloatArray]:
    """Return orthonormal bases of the range (columns) and of the null space (rows) of dE[z]/do."""
    trips = result.parameters.trips
    by_od = result.model.design @ (result.jacobian[:, : trips.size] / trips)
    left, size, right = np.linalg.svd(by_od, full_matrices=True)
    rank = int(np.count_nonzero(size > RANK_TOLERANCE * size[0]))
    return left[:, :rank], right[rank:]


def _confounded(result: _Result) -> BoolArray:
    """Return a mask (OD x OD) of ODs whose trips can be exchanged without a change of the mean counts.

    These are coupled by the projector on the null space of dE[z]/do.
    """
    _, null = _od_spaces(result)
    coupled: BoolArray = np.abs(null.T @ null) > np.sqrt(RANK_TOLERANCE)
    return coupled


def _refuse_unidentified_theta(result: _Result) -> None:
    """Raise ModelError if the change of the mean counts by theta is in the range of that by the trips."""
    od_range, _ = _od_spaces(result)
    by_theta = result.model.design @ result.jacobian[:, -1]
    outside = by_theta - od_range @ (od_range.T @ by_theta)
    if np.linalg.norm(outside) <= RANK_TOLERANCE * np.linalg.norm(by_theta):
        msg = (
            "theta cannot be estimated: a change of the OD trips has the same effect on the counts. "
            "Count more links, or give theta"
        )
        raise ModelError(msg)


def _named_groups(paths: PathSet, confounded: BoolArray) -> tuple[tuple[str, ...], ...]:
    count, label = connected_components(confounded, directed=False)
    members = [np.flatnonzero(label == group) for group in range(count)]
    return tuple(
        tuple(od_name(paths.network, paths.od, int(od)) for od in ods)
        for ods in members
        if confounded[ods[0], ods[0]]
    )
