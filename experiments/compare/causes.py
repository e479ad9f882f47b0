"""What separates two sides: for each cause a signature, measured in their tables and held against a threshold.

Times count if they would shift the odds between two routes by more than 5 % (ln 1.05 / theta), everything else
if it concerns more than 1 % of the drivers, of the price, or any cut of a station's power.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agents.plans import PURPOSE
from cosim.arrays import FloatArray, Frame
from cosim.scenario.inputs import battery_of_each
from experiments.compare.differences import mean
from experiments.compare.information import information
from experiments.compare.sides import Side, are_paired
from experiments.compare.signature import DEVIATES, MATERIAL_SHARE, TOLD_ONLY, Signature, material_min
from experiments.compare.totals import mean_wait_min

RANGE = "trips stranded or forced to charge [share]"
BEYOND_CAPACITY = ("overload", "station_shed", "on_the_way")
"""Kinds of violations that say that stations could not serve who came."""


def signatures(reference: Side, other: Side) -> list[Signature]:
    """Return the signatures of queueing, range, information, choice, capacity and price, in this order."""
    found: list[Signature] = []
    for look in _CAUSES:
        found += look(reference, other)
    return found


def queueing(reference: Side, other: Side) -> list[Signature]:
    """Compare the mean wait of a session: Davidson's of an equilibrium, the queue's of agents."""
    first, second = _wait(reference), _wait(other)
    difference = second.mean_min - first.mean_min
    chance = DEVIATES * _error_min(first, second, paired=are_paired(reference, other))
    return [
        Signature(
            cause="queueing",
            signature="mean wait of a session [min]",
            reference=first.mean_min,
            other=second.mean_min,
            effect=abs(difference),
            threshold=max(material_min(reference), chance),
            sentence=f"a session waits {second.mean_min:.2f} min ({_how_waited(other)}) against "
            f"{first.mean_min:.2f} min ({_how_waited(reference)})",
        )
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Wait:
    """The mean wait of each replicated day, and the standard error of their mean."""

    days_min: FloatArray
    error_min: float

    @property
    def mean_min(self) -> float:
        return float(self.days_min.mean())


def _error_min(first: _Wait, second: _Wait, *, paired: bool) -> float:
    """Return the standard error of the difference; paired days have most of their chance in common."""
    if paired and second.days_min.size > 1:
        return _of_mean(second.days_min - first.days_min)
    return math.hypot(first.error_min, second.error_min)


def _of_mean(days: FloatArray) -> float:
    return float(days.std(ddof=1) / math.sqrt(days.size))


def _wait(side: Side) -> _Wait:
    """Return the mean waits with their standard error: over replications, or of one day over its station-periods.

    The latter takes the daily course of waits for chance, too: it is too large rather than too small.
    """
    frames = side.tables("stations")
    means = np.array([mean_wait_min(frame, side.hours) for frame in frames])
    if not side.is_random:
        return _Wait(means, 0.0)
    if means.size > 1:
        return _Wait(means, _of_mean(means))
    (stations,) = frames
    waited = 60 * side.hours * stations.queue_mean - means[0] * stations.arrivals
    cells, arrivals = len(stations), max(float(stations.arrivals.sum()), 1.0)
    return _Wait(means, math.sqrt(cells / max(cells - 1, 1) * float((waited**2).sum())) / arrivals)


def _how_waited(side: Side) -> str:
    return "simulated queue" if side.is_random else "Davidson"


def driving_range(reference: Side, other: Side) -> list[Signature]:
    """Compare the share of trips that the battery forbade or forced to charge; an equilibrium knows no battery."""
    first, second = _range(reference), _range(other)
    if first is None or second is None:
        return [_range_not_known()]
    error = math.hypot(first.error, second.error)
    return [
        Signature(
            cause="range",
            signature=RANGE,
            reference=first.share,
            other=second.share,
            effect=abs(second.share - first.share),
            threshold=max(MATERIAL_SHARE, DEVIATES * error),
            sentence=f"the battery forbids {second.stranded:.1f} trips a day (stranded) and forces a charge on "
            f"{second.forced:.1f} of {second.trips:,.0f}: {second.share:.1%}, against {first.share:.1%}",
        )
    ]


def _range_not_known() -> Signature:
    return Signature(
        cause="range",
        signature=RANGE,
        reference=math.nan,
        other=math.nan,
        effect=math.nan,
        threshold=TOLD_ONLY,
        sentence="trips were not kept one by one, so nobody knows which were stranded or forced to charge",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    trips: float = 0.0
    stranded: float = 0.0
    forced: float = 0.0
    days: int = 1

    @property
    def share(self) -> float:
        return (self.stranded + self.forced) / self.trips if self.trips else 0.0

    @property
    def error(self) -> float:
        """Standard error of the share, by the binomial law."""
        return math.sqrt(self.share * (1 - self.share) / (self.trips * self.days)) if self.trips else 0.0


def _range(side: Side) -> _Range | None:
    """Return means over the replications; None where agents kept no table of their trips."""
    if not side.is_random:
        return _Range()
    frames = side.tables("trips")
    if any(frame.empty for frame in frames):
        return None
    days = len(frames)
    return _Range(
        trips=sum(map(len, frames)) / days,
        stranded=sum(int((frame.status == "stranded").sum()) for frame in frames) / days,
        forced=sum(_forced(side, *day) for day in zip(frames, side.seeds, strict=True)) / days,
        days=days,
    )


def _forced(side: Side, trips: Frame, seed: int) -> int:
    """Return the number of charges without which the trip would have ended below the reserve."""
    ev = trips.ev.to_numpy()
    battery = battery_of_each(side.config, int(ev.max()), seed, PURPOSE).of(ev - 1)
    trip_kwh = battery.trip_kwh(trips.length_km.to_numpy())
    soc_end = battery.soc_after_driving(trips.soc_departure.to_numpy(), trip_kwh)
    charges = (trips.user_class == "charging") & (trips.status != "stranded")
    return int((charges & (soc_end < side.config.mobility.soc_reserve)).sum())


def choice(reference: Side, other: Side) -> list[Signature]:
    """Compare how drivers weigh their alternatives: an equilibrium is that of logit, with path sizes if asked for."""
    first, second = (_strategy(side) for side in (reference, other))
    return [
        Signature(
            cause="choice",
            signature="drivers choose by another strategy [1: yes]",
            reference=0.0,
            other=float(first != second),
            effect=float(first != second),
            threshold=0.0,
            sentence=f"drivers choose by '{second}', against '{first}'",
        )
    ]


def _strategy(side: Side) -> str:
    chosen = side.config.population.choice
    return chosen if side.is_random or chosen == "path_size" else "logit"


def capacity(reference: Side, other: Side) -> list[Signature]:
    """Compare what stations could give: power cut by the feeder, vehicles beyond capacity, power installed."""
    (cut, kw), (other_cut, other_kw) = _power_cuts(reference), _power_cuts(other)
    beyond, other_beyond = (_beyond_capacity(side) for side in (reference, other))
    power, other_power = (_nominal_kw(side).sum() for side in (reference, other))
    return [
        Signature(
            cause="capacity",
            signature="station power cut by the feeder [station-periods a day]",
            reference=cut,
            other=other_cut,
            effect=abs(other_cut - cut),
            threshold=0.0,
            sentence=f"the feeder cuts stations in {other_cut:.1f} periods a day, by up to {other_kw:.0f} kW, "
            f"against {cut:.1f} ({kw:.0f} kW)",
        ),
        Signature(
            cause="capacity",
            signature="stations asked for more than they can serve [flags a day]",
            reference=beyond,
            other=other_beyond,
            effect=abs(other_beyond - beyond),
            threshold=0.0,
            sentence=f"who comes cannot be served in {other_beyond:.1f} cases a day, against {beyond:.1f}",
        ),
        Signature(
            cause="capacity",
            signature="power of all stations [kW]",
            reference=power,
            other=other_power,
            effect=abs(other_power - power) / power,
            threshold=MATERIAL_SHARE,
            sentence=f"stations have {other_power:,.0f} kW, against {power:,.0f} kW",
        ),
    ]


def _power_cuts(side: Side) -> tuple[float, float]:
    """Return how many station-periods in use were held below the station's own limit, a day, and by how much."""
    nominal_kw = dict(zip((s.name for s in side.config.stations), _nominal_kw(side), strict=True))
    counts, largest_kw = [], 0.0
    for stations in side.tables("stations"):
        missing_kw = stations.station.map(nominal_kw) - stations.limit_kw
        cut = (missing_kw > 1e-6) & ((stations.energy_kwh > 0) | (stations.arrivals > 0))
        counts.append(int(cut.sum()))
        largest_kw = max(largest_kw, float(missing_kw[cut].max()) if cut.any() else 0.0)
    return float(np.mean(counts)), largest_kw


def _nominal_kw(side: Side) -> FloatArray:
    return np.array(
        [min(s.chargers * s.charger_kw, s.site_limit_kw or math.inf) for s in side.config.stations]
    )


def _beyond_capacity(side: Side) -> float:
    found = [int(frame.kind.isin(BEYOND_CAPACITY).sum()) for frame in side.with_carry_over("violations")]
    return float(np.mean(found))


def price(reference: Side, other: Side) -> list[Signature]:
    """Compare the charging prices, station by station and period by period."""
    frames = [_prices(side) for side in (reference, other)]
    both = frames[0].join(frames[1], how="inner", lsuffix="_reference", rsuffix="_other")
    if both.empty:
        return []
    alone = sorted({station for _, station in frames[0].index.symmetric_difference(frames[1].index)})
    first, second = (both[f"price_{side}"].to_numpy() for side in ("reference", "other"))
    largest = float(np.abs(second - first).max())
    return [
        Signature(
            cause="price",
            signature="charging price, largest difference [CNY/kWh]",
            reference=float(first.mean()),
            other=float(second.mean()),
            effect=largest,
            threshold=MATERIAL_SHARE * float(np.abs(first).mean()),
            sentence=f"charging costs {second.mean():.3f} CNY/kWh on average against {first.mean():.3f}; "
            f"up to {largest:.3f} apart" + (f"; {', '.join(alone)}: on one side alone" if alone else ""),
        )
    ]


def _prices(side: Side) -> Frame:
    frames = [frame.set_index(["period", "station"]) for frame in side.tables("prices")]
    samples = np.array([frame.charging_price_cny_per_kwh.to_numpy() for frame in frames])
    return frames[0][[]].assign(price=mean(samples))


_CAUSES: tuple[Callable[[Side, Side], list[Signature]], ...] = (
    queueing,
    driving_range,
    information,
    choice,
    capacity,
    price,
)
