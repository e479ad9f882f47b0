"""Normal model of daily link counts, with the mean and covariance of the path flows (Eq. 1 of Ma et al. 2024).

Path flows are Poisson with means lambda, so the counts of a day are y ~ N(A lambda, A diag(lambda) A' + s^2 I). As A
diag(lambda) A' is singular where links are linearly dependent, the likelihood is that of the coordinates z of y in
the range of A; the component outside it estimates the variance s^2 of the measurement noise. Counts are scaled first,
if the noise differs between links.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from cosim.arrays import FloatArray
from cosim.errors import ModelError, refuse
from cosim.road.choice import logit_shares
from cosim.road.link_counts import LinkCounts
from cosim.road.paths import PathSet

ROUNDING_TOLERANCE = 1e-8
"""Norm of the counts outside the range of A, over their norm, that is rounding error and not noise."""
RANK_TOLERANCE = 1e-8
"""Singular value, over the largest, that counts as zero."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountModel:
    """Coordinates z = U' W y of the counts in the range of A: mean and covariance over the days."""

    paths: PathSet
    path_cost_min: FloatArray
    design: FloatArray
    """Design matrix U' W A: coordinates x paths."""
    mean: FloatArray
    covariance: FloatArray
    days: int
    variance: float
    """Variance of the noise in every coordinate."""
    noise: FloatArray
    """Standard deviation of the noise of each counted link, in vehicles."""

    @classmethod
    def from_counts(
        cls, paths: PathSet, counts: LinkCounts, link_cost_min: FloatArray, hours: float
    ) -> "CountModel":
        """Scale the counts by their noise, and project them on the range of A."""
        if len(paths.classes) != 1:
            msg = f"the path set has {len(paths.classes)} classes; trips are estimated for one"
            raise ValueError(msg)
        noise = counts.noise_veh_h if counts.noise_veh_h is not None else counts.noise_shape
        known = counts.noise_veh_h is not None and bool(np.all(counts.noise_veh_h > 0))
        scale = np.ones(counts.link.size) if noise is None or not np.all(noise > 0) else hours * noise
        crossing = paths.link_loading[counts.link].toarray() / scale[:, None]
        if not crossing.any():
            refuse("counts", ["no path crosses a counted link; count others, or allow more paths"])
        basis, size, _ = np.linalg.svd(crossing, full_matrices=False)
        basis = basis[:, size > RANK_TOLERANCE * size[0]]
        scaled = hours * counts.flow_veh_h / scale
        z = scaled @ basis
        if known:
            variance = 1.0
        elif counts.noise_veh_h is not None:
            variance = 0.0
        else:
            variance = _noise_variance(scaled, z @ basis.T, basis.shape)
        centred = z - z.mean(axis=0)
        return cls(
            paths=paths,
            path_cost_min=paths.time_min(link_cost_min),
            design=basis.T @ crossing,
            mean=z.mean(axis=0),
            covariance=centred.T @ centred / counts.days,
            days=counts.days,
            variance=variance,
            noise=np.sqrt(variance) * scale,
        )

    def shares(self, theta: float) -> FloatArray:
        """Return the choice probabilities P at the path costs (Eq. 7)."""
        groups = self.paths.groups
        return logit_shares(self.path_cost_min, groups, np.full(groups.count, theta))

    def share_derivative(self, share: FloatArray) -> FloatArray:
        """Return dP/dtheta = -p (c - mean cost of the OD)."""
        groups = self.paths.groups
        excess = self.path_cost_min - groups.expand(groups.total(share * self.path_cost_min))
        slope: FloatArray = -share * excess
        return slope

    def likelihood(self, path_flow: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood of lambda per day, and its gradient with respect to lambda."""
        root, white = self._whitened(path_flow)
        error = solve_triangular(root, self.mean - self.design @ path_flow, lower=True)
        covariance = solve_triangular(root, solve_triangular(root, self.covariance, lower=True).T, lower=True)
        moment = covariance + np.outer(error, error)
        value = -np.log(np.diag(root)).sum() - np.trace(moment) / 2 - error.size * np.log(2 * np.pi) / 2
        of_variance = np.sum(white * (moment @ white), axis=0) - np.sum(white**2, axis=0)
        return float(value), error @ white + of_variance / 2

    def information_of_mean(self, path_flow: FloatArray, jacobian: FloatArray) -> FloatArray:
        """Return the expected information in the mean counts alone: close to all of it, and fast to compute."""
        _, white = self._whitened(path_flow)
        derivative = white @ jacobian
        return self.days * (derivative.T @ derivative)

    def information(self, path_flow: FloatArray, jacobian: FloatArray) -> FloatArray:
        """Return the expected information on the parameters, of which *jacobian* is dlambda/dparameters."""
        _, white = self._whitened(path_flow)
        derivative = np.stack([((white * change) @ white.T).ravel() for change in jacobian.T])
        of_variance = self.days * (derivative @ derivative.T / 2)
        information: FloatArray = self.information_of_mean(path_flow, jacobian) + of_variance
        return information

    def _whitened(self, path_flow: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the Cholesky factor L of the covariance of z, and L^-1 times the design matrix."""
        matrix = (self.design * path_flow) @ self.design.T
        matrix[np.diag_indices_from(matrix)] += self.variance
        try:
            root = cholesky(matrix, lower=True)
        except (np.linalg.LinAlgError, ValueError):  # not positive definite; infinite or NaN
            msg = (
                "the counts cannot be explained: at this theta hardly anyone takes a path that was counted. "
                "Give a smaller theta, or the noise of the counts"
            )
            raise ModelError(msg) from None
        return root, solve_triangular(root, self.design, lower=True)


def _noise_variance(counts: FloatArray, projected: FloatArray, shape: tuple[int, ...]) -> float:
    """Return the variance outside the range of A per degree of freedom; 0 where it is rounding error."""
    freedom = shape[0] - shape[1]
    outside = float(np.sum((counts - projected) ** 2))
    is_noise = outside > ROUNDING_TOLERANCE**2 * float(np.sum(counts**2))
    return outside / (counts.shape[0] * freedom) if freedom and is_noise else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class OdTrips:
    """Parameters of the estimation: trips of each OD over the counted hours, and theta."""

    trips: FloatArray
    theta: float

    def path_flow(self, model: CountModel) -> FloatArray:
        """Return lambda = P' o."""
        return model.paths.groups.expand(self.trips) * model.shares(self.theta)

    def gradient(self, model: CountModel, by_path: FloatArray, *, with_theta: bool) -> FloatArray:
        """Return the gradient with respect to (ln o, ln theta) from *by_path*, that with respect to lambda."""
        groups, share = model.paths.groups, model.shares(self.theta)
        trips = groups.expand(self.trips)
        by_od = groups.total(trips * share * by_path)
        by_theta = self.theta * float(trips * model.share_derivative(share) @ by_path)
        return np.append(by_od, by_theta) if with_theta else by_od

    def jacobian(self, model: CountModel, *, with_theta: bool) -> FloatArray:
        """Return dlambda / d(ln o, ln theta): paths x parameters."""
        groups, share = model.paths.groups, model.shares(self.theta)
        flow = groups.expand(self.trips) * share
        columns = np.zeros((flow.size, groups.count + with_theta))
        columns[np.arange(flow.size), groups.group_of_path] = flow
        if with_theta:
            columns[:, -1] = self.theta * groups.expand(self.trips) * model.share_derivative(share)
        return columns


@dataclass(frozen=True, slots=True, eq=False)
class LogPrior:
    """Prior distribution of the trips, ln o ~ N(mean, sd^2); an infinite sd is no prior."""

    mean: FloatArray
    sd: FloatArray

    def log_density(self, parameters: OdTrips) -> tuple[float, FloatArray]:
        """Return the logarithm of the density, up to a constant, and its gradient with respect to ln o."""
        deviation = (np.log(parameters.trips) - self.mean) / self.sd
        return -float(deviation @ deviation) / 2, -deviation / self.sd

    def add_information(self, information: FloatArray) -> FloatArray:
        """Add the prior to the information on (ln o, ln theta) in place, and return it."""
        ods = np.arange(self.sd.size)
        information[ods, ods] += 1 / self.sd**2
        return information
