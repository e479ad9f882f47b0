"""Daily observations of links: counted flows, or flows derived from observed times."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.csv_tables import NOT_NEGATIVE, POSITIVE, read_table, refuse_faulty
from cosim.errors import refuse
from cosim.road.network import Network

TIME_TOLERANCE = 1e-9
"""Relative difference to the free-flow time below which a link is at free flow."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkCounts:
    """Counted flows of links on days, with the measurement noise."""

    link: IntArray
    """Indices of the counted links."""
    flow_veh_h: FloatArray
    """Counts: days x counted links."""
    noise_veh_h: FloatArray | None = None
    """Standard deviation of the measurement noise, per counted link. None: estimated, equal on all links."""
    noise_shape: FloatArray | None = None
    """Relative size of an estimated noise, per counted link. None: equal on all links."""

    def __post_init__(self) -> None:
        """Raise ValueError for arrays of wrong shape and values out of range."""
        days, links = self.flow_veh_h.shape
        if days == 0 or links == 0 or self.link.shape != (links,) or np.unique(self.link).size != links:
            msg = f"counts have shape {(days, links)}; there are {np.unique(self.link).size} different links"
            raise ValueError(msg)
        if not (np.isfinite(self.flow_veh_h).all() and np.all(self.flow_veh_h >= 0)):
            msg = "a count is negative or NaN"
            raise ValueError(msg)
        if self.noise_veh_h is not None and not (
            np.all(self.noise_veh_h > 0) or np.all(self.noise_veh_h == 0)
        ):
            msg = "the noise must be above 0 on every link, or 0 on every link"
            raise ValueError(msg)

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.flow_veh_h)


def flow_at_time_veh_h(network: Network, link: IntArray, time_min: FloatArray) -> FloatArray:
    """Return the flow of each link at this time, the inverse of BPR [veh/h]; zero for times below t0."""
    t0, alpha, beta = network.t0_min[link], network.alpha[link], network.beta[link]
    excess = np.maximum(time_min / t0 - 1, 0.0) / alpha
    flow: FloatArray = network.capacity_veh_h[link] * excess ** (1 / beta)
    return flow


def counts_from_times(
    network: Network, link: IntArray, time_min: FloatArray, *, noise_min: FloatArray | float | None = None
) -> LinkCounts:
    """Return the flows at the observed link times, with the noise propagated from the times (delta method).

    *time_min* is days x links, *noise_min* the standard deviation of a time (None: estimated with the trips). The noise
    of a flow is in proportion to dx/dt, which is unbounded near free flow: links whose mean time is not above the
    free-flow time are omitted, and so are links of constant time. Raises ConfigError if no link remains.
    """
    mean = time_min.mean(axis=0)
    usable = (network.t0_min[link] > 0) & (network.alpha[link] > 0) & ~network.is_charging[link]
    usable &= mean > network.t0_min[link] * (1 + TIME_TOLERANCE)
    if not usable.any():
        refuse(
            "link times", ["no link is slower than at free flow, so its flow cannot be derived from its time"]
        )
    link, time_min = link[usable], time_min[:, usable]
    flow = flow_at_time_veh_h(network, link, time_min)
    excess = mean[usable] - network.t0_min[link]
    slope = flow_at_time_veh_h(network, link, mean[usable]) / (network.beta[link] * excess)  # dx/dt
    return LinkCounts(
        link=link,
        flow_veh_h=flow,
        noise_veh_h=None if noise_min is None else slope * np.broadcast_to(noise_min, usable.shape)[usable],
        noise_shape=slope,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Observed values of links on days."""

    link: IntArray
    """Indices of the observed links."""
    values: FloatArray
    """Days x observed links."""


def read_observations(file: Path, network: Network, column: str) -> Observations:
    """Return the observations in a CSV file with the columns day, link and *column* (flow_veh_h or time_min).

    Every link must be observed on every day. Raises ConfigError with every defect.
    """
    table = read_table(file, ("day", "link", column))
    table.refuse_repeated("day", "link")
    values = table.numbers(column, NOT_NEGATIVE if column == "flow_veh_h" else POSITIVE)
    link = table.positions("link", network.links, "a link of the network")
    if not table.problems and not table.cells:
        table.report(0, "has no rows")
    refuse_faulty(table)
    days = list(dict.fromkeys(row["day"] for row in table.cells))
    observed, column_of_row = np.unique(link, return_inverse=True)
    grid = np.full((len(days), observed.size), np.nan)
    grid[table.positions("day", days), column_of_row] = values
    for day, column_index in np.argwhere(np.isnan(grid)):
        missing = f"link {network.links[observed[column_index]]!r} is not observed on day {days[day]!r}"
        table.report(0, f"{missing}; every link is needed every day")
    refuse_faulty(table)
    return Observations(observed, grid)
