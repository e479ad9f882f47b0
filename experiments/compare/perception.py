"""How well drivers know the costs: the logit theta that their choices fit, and the announced times."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.road.choice import Groups, logit_shares
from experiments.compare.choices import GROUP
from experiments.compare.quantities import path_names
from experiments.compare.sample import Sample

MAX_STEPS = 50
PASSING = "not_charging"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTheta:
    """The maximum-likelihood estimate of theta and its standard error."""

    theta_per_min: float
    error_per_min: float

    @property
    def is_known(self) -> bool:
        """Whether the choices say anything on theta: costs differ, and theta is not lost in its error."""
        return np.isfinite(self.error_per_min) and self.error_per_min < self.theta_per_min / 4

    def __str__(self) -> str:
        """Return the estimate with its 95 % interval."""
        if not self.is_known:
            return "(not known from these choices)"
        return f"{self.theta_per_min:.3f}" + (
            f" +- {1.96 * self.error_per_min:.3f}" if self.error_per_min else ""
        )


def fit_theta(count: FloatArray, cost_min: FloatArray, groups: Groups, start_per_min: float) -> FittedTheta:
    """Return the theta of Eq. 7 that makes the *count* of choices likeliest, by Newton's method.

    The log-likelihood is concave, with slope sum_g (N_g E[c] - sum_k n_k c_k) and curvature -sum_g N_g Var[c].
    *start_per_min* is where the search starts.
    """
    theta, total = start_per_min, groups.total(count)
    spent = float((count * cost_min).sum())
    for _ in range(MAX_STEPS):
        share = logit_shares(cost_min, groups, np.full(groups.count, theta))
        mean_min = groups.total(share * cost_min)
        spread = groups.total(share * (cost_min - groups.expand(mean_min)) ** 2)
        information = float((total * spread).sum())
        if information <= 0:
            return FittedTheta(theta_per_min=float("nan"), error_per_min=float("nan"))
        step = (float((total * mean_min).sum()) - spent) / information
        theta += float(np.clip(step, -theta / 2, max(theta, start_per_min)))
        if abs(step) < 1e-9 * theta:
            break
    return FittedTheta(theta_per_min=theta, error_per_min=information**-0.5)


def fitted_theta(sample: Sample) -> FittedTheta:
    """Return the theta that the routes of passing EVs fit at the times in force; an equilibrium's is its own.

    Who charges is left out: prices enter that choice, by an energy that differs between drivers.
    """
    own = sample.config.road.theta_per_min
    if not sample.is_random:
        return FittedTheta(theta_per_min=own, error_per_min=0.0)
    frames = [
        _passing(frame).assign(replication=number) for number, frame in enumerate(sample.tables("paths"))
    ]
    paths = pd.concat(frames).sort_values(["replication", *GROUP], kind="stable")
    counts = np.rint(paths.flow_veh_h.to_numpy() * sample.hours)
    return fit_theta(counts, paths.cost_min.to_numpy(), _groups(paths, ["replication", *GROUP]), own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misled:
    """What the costs announced in one sample do to drivers who would have the reference's."""

    share: float
    """Of the drivers who would be on another path: total variation of the logit shares at both costs."""
    deviate: float
    """How far choices are from those at the reference's costs towards those at the announced, in standard errors."""


def misled(reference: Sample, other: Sample, user_class: str = PASSING) -> Misled:
    """Return how the costs announced to a class of EVs would move them, and whether their choices followed.

    The deviate is that of the score test of l = 0 where drivers perceive c + l (c' - c), with c of the reference and c'
    announced: theta sum n (E[d] - d) over theta (sum n Var[d])^1/2, d = c' - c.
    """
    first, second = _mean_costs(reference, user_class), _mean_costs(other, user_class)
    both = first.join(second, how="inner", lsuffix="_reference", rsuffix="_other").reset_index()
    groups, theta = _groups(both, GROUP), reference.config.road.theta_per_min
    before, after = (
        logit_shares(both[f"cost_min_{sample}"].to_numpy(), groups, np.full(groups.count, theta))
        for sample in ("reference", "other")
    )
    evs = both.flow_veh_h_other.to_numpy() * other.hours * len(other.days)
    trips, apart = groups.total(evs), (both.cost_min_other - both.cost_min_reference).to_numpy()
    if not trips.sum():
        return Misled(share=0.0, deviate=0.0)
    middle = groups.total(before * apart)
    spread = float((trips * groups.total(before * (apart - groups.expand(middle)) ** 2)).sum())
    followed = float((trips * middle).sum() - (evs * apart).sum())
    return Misled(
        share=float((groups.total(np.abs(after - before)) / 2 * trips).sum() / trips.sum()),
        deviate=followed / math.sqrt(spread) if spread > 0 else 0.0,
    )


def _mean_costs(sample: Sample, user_class: str) -> Frame:
    """Return flow and believed cost of each path of a class, means over the replications."""
    days = [frame[frame.user_class == user_class] for frame in sample.tables("paths")]
    own = pd.concat([day.assign(path=path_names(day)) for day in days])  # numbers are those of a path set
    return own.groupby([*GROUP, "path"])[["flow_veh_h", "cost_min"]].mean().sort_index()


def _passing(paths: Frame) -> Frame:
    return paths[paths.user_class == PASSING]


def _groups(paths: Frame, keys: list[str]) -> Groups:
    """Return the groups of rows that are in order of *keys*."""
    number = paths.groupby(keys, sort=True).ngroup().to_numpy()
    start = np.flatnonzero(np.diff(number, prepend=-1))
    return Groups(np.append(start, number.size))
