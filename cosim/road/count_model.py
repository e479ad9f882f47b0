"""Normal model of daily link counts, with the mean and covariance of the path flows (Eq. 1 of Ma et al. 2024).

The flows on paths are Poisson with means lambda, so that the counts of a day are y ~ N(A lambda, A diag(lambda)
A' + s^2 I). The links outnumber what path flows can do to them: A diag(lambda) A' is singular. So the counts are
looked at in the range of A, where the likelihood of y is that of its coordinates z; what lies outside no path
flow explains, and its size is the noise s of the measurement. Noise that differs between links is divided out.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from cosim.arrays import FloatArray
from cosim.errors import ConfigError
from cosim.road.choice import logit_shares
from cosim.road.link_counts import LinkCounts
from cosim.road.paths import PathSet

NO_NOISE = 1e-8
"""Relative size of what no path explains that is rounding."""
DEPENDENT = 1e-8
"""Relative singular value that counts as zero."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountModel:
    """The days' counts in the range of the path flows: z = U' W y, with mean and covariance over the days."""

    paths: PathSet
    path_cost_min: FloatArray
    effect: FloatArray
    """U' W A: coordinates x paths."""
    mean: FloatArray
    covariance: FloatArray
    days: int
    variance: float
    """Of the noise in every coordinate."""
    noise: FloatArray
    """Standard deviation of the noise of each counted link, in vehicles."""

    @classmethod
    def of(cls, paths: PathSet, counts: LinkCounts, link_cost_min: FloatArray, hours: float) -> "CountModel":
        """Divide the noise out, and split what path flows can do from what they cannot."""
        if len(paths.classes) != 1:
            msg = f"the path set has {len(paths.classes)} classes; trips are estimated for one"
            raise ValueError(msg)
        shape = counts.noise_veh_h if counts.noise_veh_h is not None else counts.noise_shape
        known = counts.noise_veh_h is not None and bool(np.all(counts.noise_veh_h > 0))
        scale = np.ones(counts.link.size) if shape is None or not np.all(shape > 0) else hours * shape
        crossing = paths.link_loading[counts.link].toarray() / scale[:, None]
        if not crossing.any():
            where = "counts"
            raise ConfigError(where, ["no path crosses a counted link; count others, or allow more paths"])
        basis, size, _ = np.linalg.svd(crossing, full_matrices=False)
        basis = basis[:, size > DEPENDENT * size[0]]
        seen = hours * counts.flow_veh_h / scale
        z = seen @ basis
        if known:
            variance = 1.0
        elif counts.noise_veh_h is not None:
            variance = 0.0
        else:
            variance = _unexplained_variance(seen, z @ basis.T, basis.shape)
        centred = z - z.mean(axis=0)
        return cls(
            paths=paths,
            path_cost_min=paths.time_min(link_cost_min),
            effect=basis.T @ crossing,
            mean=z.mean(axis=0),
            covariance=centred.T @ centred / counts.days,
            days=counts.days,
            variance=variance,
            noise=np.sqrt(variance) * scale,
        )

    def shares(self, theta: float) -> FloatArray:
        """Return P at the observed costs (Eq. 7)."""
        groups = self.paths.groups
        return logit_shares(self.path_cost_min, groups, np.full(groups.count, theta))

    def share_slope(self, share: FloatArray) -> FloatArray:
        """Return dP/dtheta = -p (c - mean cost of the OD)."""
        groups = self.paths.groups
        excess = self.path_cost_min - groups.expand(groups.total(share * self.path_cost_min))
        slope: FloatArray = -share * excess
        return slope

    def likelihood(self, path_flow: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood of lambda per day, and its gradient by lambda."""
        root, white = self._whitened(path_flow)
        off = solve_triangular(root, self.mean - self.effect @ path_flow, lower=True)
        spread = solve_triangular(root, solve_triangular(root, self.covariance, lower=True).T, lower=True)
        moment = spread + np.outer(off, off)
        value = -np.log(np.diag(root)).sum() - np.trace(moment) / 2 - off.size * np.log(2 * np.pi) / 2
        bend = np.sum(white * (moment @ white), axis=0) - np.sum(white**2, axis=0)
        return float(value), off @ white + bend / 2

    def information_of_mean(self, path_flow: FloatArray, jacobian: FloatArray) -> FloatArray:
        """Return the expected information in the mean counts alone: nearly all there is, and cheap."""
        _, white = self._whitened(path_flow)
        of_mean = white @ jacobian
        return self.days * (of_mean.T @ of_mean)

    def information(self, path_flow: FloatArray, jacobian: FloatArray) -> FloatArray:
        """Return the expected information on what *jacobian* = dlambda/dparameters are derivatives by."""
        _, white = self._whitened(path_flow)
        of_variance = np.stack([((white * change) @ white.T).ravel() for change in jacobian.T])
        more = self.days * (of_variance @ of_variance.T / 2)
        information: FloatArray = self.information_of_mean(path_flow, jacobian) + more
        return information

    def _whitened(self, path_flow: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the Cholesky root L of the covariance of z, and L^-1 times the effect of the paths."""
        matrix = (self.effect * path_flow) @ self.effect.T
        matrix[np.diag_indices_from(matrix)] += self.variance
        root = cholesky(matrix, lower=True)
        return root, solve_triangular(root, self.effect, lower=True)


def _unexplained_variance(seen: FloatArray, explained: FloatArray, shape: tuple[int, ...]) -> float:
    """Return the variance of what no path flow explains, per free coordinate; 0 where it is rounding."""
    free = shape[0] - shape[1]
    rest = float(np.sum((seen - explained) ** 2))
    return rest / (seen.shape[0] * free) if free and rest > NO_NOISE**2 * float(np.sum(seen**2)) else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class OdTrips:
    """Trips of every OD over the counted hours, and theta."""

    of_od: FloatArray
    theta: float

    def path_flow(self, model: CountModel) -> FloatArray:
        """Return lambda = P' o."""
        return model.paths.groups.expand(self.of_od) * model.shares(self.theta)

    def gradient(self, model: CountModel, by_path: FloatArray, *, with_theta: bool) -> FloatArray:
        """Return the derivatives by (ln o, ln theta) of what has the derivatives *by_path* by lambda."""
        groups, share = model.paths.groups, model.shares(self.theta)
        trips = groups.expand(self.of_od)
        by_od = groups.total(trips * share * by_path)
        by_theta = self.theta * float(trips * model.share_slope(share) @ by_path)
        return np.append(by_od, by_theta) if with_theta else by_od

    def jacobian(self, model: CountModel, *, with_theta: bool) -> FloatArray:
        """Return dlambda / d(ln o, ln theta): paths x parameters."""
        groups, share = model.paths.groups, model.shares(self.theta)
        flow = groups.expand(self.of_od) * share
        columns = np.zeros((flow.size, groups.count + with_theta))
        columns[np.arange(flow.size), groups.group_of_path] = flow
        if with_theta:
            columns[:, -1] = self.theta * groups.expand(self.of_od) * model.share_slope(share)
        return columns


@dataclass(frozen=True, slots=True, eq=False)
class LogPrior:
    """What was believed of the trips: ln o ~ N(mean, sd^2); an infinite sd is no belief."""

    mean: FloatArray
    sd: FloatArray

    def density(self, trips: OdTrips) -> tuple[float, FloatArray]:
        """Return the logarithm of the density, but for a constant, and its gradient by ln o."""
        off = (np.log(trips.of_od) - self.mean) / self.sd
        return -float(off @ off) / 2, -off / self.sd

    def added_to(self, information: FloatArray) -> FloatArray:
        """Return the information on (ln o, ln theta) with what was believed."""
        own = np.arange(self.sd.size)
        information[own, own] += 1 / self.sd**2
        return information
