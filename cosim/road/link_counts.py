"""What was seen on the links, day by day: flows that were counted, or times that say what the flow was."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.csv_tables import NOT_NEGATIVE, POSITIVE, Table, read_table, refuse_faulty
from cosim.errors import ConfigError
from cosim.road.network import Network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkCounts:
    """The flows of some links on some days, and how well each was measured."""

    link: IntArray
    """Links that were counted."""
    flow_veh_h: FloatArray
    """Days x counted links."""
    noise_veh_h: FloatArray | None = None
    """Standard deviation of the measurement, per counted link. None: estimated, the same on every link."""
    noise_shape: FloatArray | None = None
    """Where the noise is estimated: its relative size, per counted link. None: the same on every link."""

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other, and flows and noise that cannot be."""
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
    """Return the flow at which each link takes this time: BPR inverted, times below t0 taken as t0 [veh/h]."""
    t0, alpha, beta = network.t0_min[link], network.alpha[link], network.beta[link]
    excess = np.maximum(time_min / t0 - 1, 0.0) / alpha
    flow: FloatArray = network.capacity_veh_h[link] * excess ** (1 / beta)
    return flow


def counts_from_times(
    network: Network, link: IntArray, time_min: FloatArray, *, noise_min: FloatArray | float | None = None
) -> LinkCounts:
    """Return the flows that link times stand for, with the noise of the times carried over (delta method).

    *time_min* is days x links, *noise_min* the standard deviation of a time (None: estimated with the trips).
    A flow is as uncertain as dx/dt is large, and near free flow it is without bound: links that are never seen
    slower than at free flow are left out, as are those of constant time. Raises ConfigError if none is left.
    """
    mean = time_min.mean(axis=0)
    told = (network.t0_min[link] > 0) & (network.alpha[link] > 0) & ~network.is_charging[link]
    told &= mean > network.t0_min[link] * (1 + 1e-9)
    if not told.any():
        where = "link times"
        raise ConfigError(
            where, ["no link is slower than at free flow; its time then says nothing of its flow"]
        )
    link, time_min = link[told], time_min[:, told]
    flow = flow_at_time_veh_h(network, link, time_min)
    excess = mean[told] - network.t0_min[link]
    slope = flow_at_time_veh_h(network, link, mean[told]) / (network.beta[link] * excess)  # dx/dt
    return LinkCounts(
        link=link,
        flow_veh_h=flow,
        noise_veh_h=None if noise_min is None else slope * np.broadcast_to(noise_min, told.shape)[told],
        noise_shape=slope,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """One number per day and link."""

    link: IntArray
    values: FloatArray
    """Days x links."""


def read_observations(file: Path, network: Network, column: str) -> Observations:
    """Return a CSV file with columns day, link and *column* (flow_veh_h or time_min).

    Every link must be seen on every day. Raises ConfigError naming every defect.
    """
    table = read_table(file, ("day", "link", column))
    table.refuse_repeated("day", "link")
    values = table.numbers(column, NOT_NEGATIVE if column == "flow_veh_h" else POSITIVE)
    number = {name: link for link, name in enumerate(network.links)}
    for line, row in zip(table.lines, table.cells, strict=True):
        if row["link"] not in number:
            table.report(line, f"column link is {row['link']!r}; it must be a link of the network")
    if not table.problems and not table.cells:
        table.report(0, "has no rows")
    if not table.problems:
        seen = _in_a_grid(table, values, number)
    refuse_faulty(table)
    return seen


def _in_a_grid(table: Table, values: FloatArray, number: dict[str, int]) -> Observations:
    """Return the rows as days x links; a day that misses a link is a defect."""
    days = list(dict.fromkeys(row["day"] for row in table.cells))
    names = sorted({row["link"] for row in table.cells}, key=number.__getitem__)
    day_of, place_of = ({name: place for place, name in enumerate(keys)} for keys in (days, names))
    grid = np.full((len(days), len(names)), np.nan)
    for row, value in zip(table.cells, values, strict=True):
        grid[day_of[row["day"]], place_of[row["link"]]] = value
    for day, place in np.argwhere(np.isnan(grid)):
        table.report(
            0, f"link {names[place]!r} is not seen on day {days[day]!r}; every link is needed every day"
        )
    return Observations(np.array([number[name] for name in names], dtype=np.int64), grid)
