"""What separates two samples: indicators of each cause, measured in their tables and held against a threshold.

Times count if they would shift the odds between two routes by more than 5 % (ln 1.05 / theta), everything else
if it concerns more than 1 % of the drivers, of the price, or any cut of a station's power.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents.plans import PURPOSE
from cosim.arrays import FloatArray, Frame
from cosim.scenario.inputs import battery_of_each
from experiments.compare.event_causes import events
from experiments.compare.indicator import (
    INFORMATIONAL,
    MATERIAL_SHARE,
    Cause,
    Indicator,
    daily_mean,
    material_min,
)
from experiments.compare.information import information
from experiments.compare.sample import Sample
from experiments.compare.scenario_causes import demand, grid, network, population
from experiments.compare.settings import BY_SETTINGS_ALONE, Setting, has_grounds
from experiments.compare.significance import Estimate, estimate, share_of
from experiments.compare.totals import mean_wait_min
from experiments.compare.two_samples import mean

RANGE = "trips stranded or forced to charge [share]"
CUTS = "station power cut by the feeder [station-periods a day]"
EXCESS = "stations asked for more than they can serve [flags a day]"
PRICE = "charging price, largest difference [CNY/kWh]"
POWER = "power of all stations [kW]"
BEYOND_CAPACITY = ("overload", "station_shed", "on_the_way")
"""Kinds of violations that say that demand exceeded what stations can serve."""


def indicators(reference: Sample, other: Sample, settings: Sequence[Setting] = ()) -> list[Indicator]:
    """Return the indicators of every cause, what the scenarios ask for first.

    *settings* are those that differ. Where they cannot bring about a cause, its indicators follow from something
    else: they are informational.
    """
    found: list[Indicator] = []
    for name, look in _LOOKS.items():
        has_reason = has_grounds(name, reference, other, settings)
        if has_reason or name not in BY_SETTINGS_ALONE:
            own = look(Cause(name, reference, other))
            found += own if has_reason else [replace(one, threshold=INFORMATIONAL) for one in own]
    return found


def queueing(cause: Cause) -> list[Indicator]:
    """Compare the mean wait of a session: Davidson's of an equilibrium, the queue's of agents."""
    samples = cause.reference, cause.other
    first, second = ("simulated queue" if sample.is_random else "Davidson" for sample in samples)
    waits = f"{{other:.2f}} min ({second}) against {{reference:.2f}} min ({first})"
    sentence, least = f"the mean wait of a charging session is {waits}", material_min(cause.reference)
    return [cause.measured("mean wait [min]", _wait, sentence, material=least)]


def _wait(sample: Sample) -> Estimate:
    """Return the mean wait with its standard error: over replications, or of one day over its station-periods.

    The latter takes the daily course of waits for chance, too: it is too large rather than too small.
    """
    frames = sample.with_carry_over("stations")
    means = np.array([mean_wait_min(frame, sample.hours) for frame in frames])
    if not sample.is_random or means.size > 1:
        return estimate(means)
    (stations,) = frames
    waited = 60 * sample.hours * stations.queue_mean - means[0] * stations.arrivals
    cells, arrivals = len(stations), max(float(stations.arrivals.sum()), 1.0)
    error = math.sqrt(cells / max(cells - 1, 1) * float((waited**2).sum())) / arrivals
    return estimate(means, error, max(cells - 1, 1))


def driving_range(cause: Cause) -> list[Indicator]:
    """Compare the share of trips that the battery forbade or forced to charge; an equilibrium has no battery."""
    first, second = _range(cause.reference), _range(cause.other)
    if first is None or second is None:
        sentence = "trips were not recorded one by one, so the stranded and the forced charges are unknown"
        return [cause.apart(RANGE, (math.nan, math.nan), INFORMATIONAL, sentence)]
    sentence = (
        f"the battery forbids {second.stranded:.1f} trips a day (stranded) and forces a charge on "
        f"{second.forced:.1f} of {second.trips:,.0f}: {second.share.value:.1%}, against {first.share.value:.1%}"
    )
    return [cause.beyond_chance(RANGE, (first.share, second.share), MATERIAL_SHARE, sentence)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """Trips a day, means over the replications, and the share of those that the battery forbade or forced."""

    trips: float = 0.0
    stranded: float = 0.0
    forced: float = 0.0
    share: Estimate


def _range(sample: Sample) -> _Range | None:
    """Return what the battery did to trips; None where agents kept no table of their trips."""
    if not sample.is_random:
        return _Range(share=Estimate(value=0.0))
    frames = sample.tables("trips")
    if any(frame.empty for frame in frames):
        return None
    trips = np.array([len(frame) for frame in frames])
    stranded = np.array([int((frame.status == "stranded").sum()) for frame in frames])
    forced = np.array([_forced(sample, *day) for day in zip(frames, sample.seeds, strict=True)])
    means = {"trips": trips, "stranded": stranded, "forced": forced}
    return _Range(
        **{name: float(n.mean()) for name, n in means.items()}, share=share_of(stranded + forced, trips)
    )


def _forced(sample: Sample, trips: Frame, seed: int) -> int:
    """Return the number of charges without which the trip would have ended below the reserve."""
    ev = trips.ev.to_numpy()
    battery = battery_of_each(sample.config, int(ev.max()), seed, PURPOSE).select(ev - 1)
    trip_kwh = battery.trip_kwh(trips.length_km.to_numpy())
    soc_end = battery.soc_after_driving(trips.soc_departure.to_numpy(), trip_kwh)
    charges = (trips.user_class == "charging") & (trips.status != "stranded")
    return int((charges & (soc_end < sample.config.mobility.soc_reserve)).sum())


def choice(cause: Cause) -> list[Indicator]:
    """Compare how drivers weigh their alternatives: an equilibrium is that of logit, with path sizes if asked for."""
    first, second = _strategy(cause.reference), _strategy(cause.other)
    another = "drivers choose by another strategy [1: yes]"
    sentence = f"drivers choose by '{second}', against '{first}'"
    return [cause.apart(another, (0.0, float(first != second)), 0.0, sentence)]


def _strategy(sample: Sample) -> str:
    chosen = sample.config.population.choice
    return chosen if sample.is_random or chosen == "path_size" else "logit"


def capacity(cause: Cause) -> list[Indicator]:
    """Compare what stations could give: power cut by the feeder, demand beyond capacity, power installed."""
    (cuts, kw), (other_cuts, other_kw) = _power_cuts(cause.reference), _power_cuts(cause.other)
    sentence = (
        f"the feeder cuts stations in {other_cuts:.1f} periods a day, by up to {other_kw:.0f} kW, "
        f"against {cuts:.1f} ({kw:.0f} kW)"
    )
    excess = "demand exceeds what stations can serve in {other:.1f} cases a day, against {reference:.1f}"
    installed = "stations have {other:,.0f} kW, against {reference:,.0f} kW"
    return [
        cause.apart(CUTS, (cuts, other_cuts), 0.0, sentence),
        cause.measured(EXCESS, _beyond_capacity, excess),
        cause.measured(POWER, _installed_kw, installed, material_share=MATERIAL_SHARE),
    ]


def _power_cuts(sample: Sample) -> tuple[float, float]:
    """Return how many station-periods in use were held below the station's own limit, a day, and by how much."""
    nominal_kw = dict(zip((s.name for s in sample.config.stations), _nominal_kw(sample), strict=True))
    counts, largest_kw = [], 0.0
    for stations in sample.tables("stations"):
        missing_kw = stations.station.map(nominal_kw) - stations.limit_kw
        cut = (missing_kw > 1e-6) & ((stations.energy_kwh > 0) | (stations.arrivals > 0))
        counts.append(int(cut.sum()))
        largest_kw = max(largest_kw, float(missing_kw[cut].max()) if cut.any() else 0.0)
    return float(np.mean(counts)), largest_kw


def _nominal_kw(sample: Sample) -> FloatArray:
    stations = sample.config.stations
    return np.array([min(s.chargers * s.charger_kw, s.site_limit_kw or math.inf) for s in stations])


def _installed_kw(sample: Sample) -> Estimate:
    return Estimate(value=float(_nominal_kw(sample).sum()))


def _beyond_capacity(sample: Sample) -> Estimate:
    days = sample.with_carry_over("violations")
    return daily_mean(days, lambda violations: violations.kind.isin(BEYOND_CAPACITY).sum())


def price(cause: Cause) -> list[Indicator]:
    """Compare the charging prices, station by station and period by period."""
    frames = _prices(cause.reference), _prices(cause.other)
    both = frames[0].join(frames[1], how="inner", lsuffix="_reference", rsuffix="_other")
    if both.empty:
        return []
    alone = sorted({station for _, station in frames[0].index.symmetric_difference(frames[1].index)})
    first, second = both.price_reference.to_numpy(), both.price_other.to_numpy()
    largest = float(np.abs(second - first).max())
    sentence = (
        f"charging costs {second.mean():.3f} CNY/kWh on average against {first.mean():.3f}; "
        f"up to {largest:.3f} apart" + (f"; {', '.join(alone)}: in one of the two only" if alone else "")
    )
    means, threshold = (
        (float(first.mean()), float(second.mean())),
        MATERIAL_SHARE * float(np.abs(first).mean()),
    )
    return [replace(cause.apart(PRICE, means, threshold, sentence), effect=largest)]


def _prices(sample: Sample) -> Frame:
    frames = [frame.set_index(["period", "station"]) for frame in sample.tables("prices")]
    samples = np.array([frame.charging_price_cny_per_kwh.to_numpy() for frame in frames])
    return frames[0][[]].assign(price=mean(samples))


_LOOKS: dict[str, Callable[[Cause], list[Indicator]]] = {
    "demand": demand,
    "network": network,
    "population": population,
    "grid": grid,
    "events": events,
    "queueing": queueing,
    "range": driving_range,
    "information": information,
    "choice": choice,
    "capacity": capacity,
    "price": price,
}
"""What the scenarios ask for, first; then what the models bring about."""
