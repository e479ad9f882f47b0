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
    MEAN_WAIT,
    Cause,
    Indicator,
    material_min,
    strategy,
)
from experiments.compare.information import information
from experiments.compare.sample import Sample
from experiments.compare.scenario_causes import demand, grid, network, population
from experiments.compare.settings import BY_SETTINGS_ALONE, Setting, has_grounds
from experiments.compare.significance import Estimate, count_of, estimate, share_of
from experiments.compare.totals import mean_wait_min
from experiments.compare.two_samples import mean

RANGE = "trips stranded or forced to charge [share]"
CUTS = "station power cut by the feeder [station-periods a day]"
EXCESS = "stations asked for more than they can serve [flags a day]"
PRICE = "charging price, largest difference [CNY/kWh]"
SESSION_POWER = "mean power of a charging session [kW]"
POWER = "power of all stations [kW]"
ERRORS_OF_PRICES = 4.0
"""Standard errors by which the price of a period must differ: there are many of them."""
BEYOND_CAPACITY = ("overload", "station_shed", "on_the_way")
"""Kinds of violations that say that demand exceeded what stations can serve."""


def indicators(
    reference: Sample,
    other: Sample,
    settings: Sequence[Setting] = (),
    deviating: frozenset[str] = frozenset(),
) -> list[Indicator]:
    """Return the indicators of every cause, what the scenarios ask for first.

    *settings* are those that differ. Where they cannot bring about a cause, its indicators follow from something
    else: they are informational. *deviating* are those whose choices a test rejects.
    """
    found: list[Indicator] = []
    for name, look in _LOOKS:
        has_reason = has_grounds(name, reference, other, settings)
        if has_reason or name not in BY_SETTINGS_ALONE:
            own = look(Cause(name, reference, other, deviating))
            found += own if has_reason else [replace(one, threshold=INFORMATIONAL) for one in own]
    return found


def queueing(cause: Cause) -> list[Indicator]:
    """Compare the mean wait of a session: Davidson's of an equilibrium, the queue's of agents."""
    samples = cause.reference, cause.other
    first, second = ("simulated queue" if sample.is_random else "Davidson" for sample in samples)
    waits = f"{{other:.2f}} min ({second}) against {{reference:.2f}} min ({first})"
    sentence, least = f"the mean wait of a charging session is {waits}", material_min(cause.reference)
    return [cause.measured(MEAN_WAIT, _wait, sentence, material=least)]


def _wait(sample: Sample) -> Estimate:
    """Return the mean wait with its standard error: over replications, or of one day over its station-periods.

    The latter takes the daily course of waits for chance, too: it is too large rather than too small.
    """
    frames = sample.with_carry_over("stations")
    means = np.array([mean_wait_min(frame, sample.hours) for frame in frames])
    if not sample.is_random:
        return Estimate(value=float(means[0]))
    cells = min(map(len, frames))
    days = zip(frames, means.tolist(), strict=True)
    errors = np.array([_error_of_wait_min(stations, mean, sample.hours) for stations, mean in days])
    return estimate(means, errors, max(cells - 1, 1))


def _error_of_wait_min(stations: Frame, mean_min: float, hours: float) -> float:
    waited = 60 * hours * stations.queue_mean - mean_min * stations.arrivals
    cells, arrivals = len(stations), max(float(stations.arrivals.sum()), 1.0)
    return math.sqrt(cells / max(cells - 1, 1) * float((waited**2).sum())) / arrivals


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
    """Compare how drivers weigh their alternatives: what differs here counts where a test of choices rejects.

    An equilibrium's choice is logit, with path sizes if asked for. Value of time and the price of a session concern
    those who charge; that agents price it by their own energy explains nothing where others deviate, too.
    """
    first, second = strategy(cause.reference), strategy(cause.other)
    another, value, energy = (a != b for a, b in zip(first, second, strict=True))
    charging = "charging" in cause.deviating
    counts = (
        (another and bool(cause.deviating))
        or (value and charging)
        or (energy and (charging if not cause.is_across_models else cause.deviating == {"charging"}))
    )
    whose = (
        f"choices differ ({', '.join(sorted(cause.deviating))})" if cause.deviating else "no choices differ"
    )
    sentence = f"{_weighing(second)}, against {_weighing(first)}; {whose}"
    name = "drivers weigh costs otherwise, and choose otherwise [1: yes]"
    return [cause.apart(name, (0.0, float(counts)), 0.0, sentence)]


def _weighing(strategy: tuple[str, float, str]) -> str:
    name, value, energy = strategy
    return f"'{name}' at {value:g} CNY an hour, a session priced by {energy}"


def capacity(cause: Cause) -> list[Indicator]:
    """Compare what stations could give: power of a session and cut by the feeder; power installed is only told."""
    (cuts, kw), (other_cuts, other_kw) = _power_cuts(cause.reference), _power_cuts(cause.other)
    sentence = (
        f"the feeder cuts stations in {other_cuts.mean():.1f} periods a day, by up to {other_kw:.0f} kW, "
        f"against {cuts.mean():.1f} ({kw:.0f} kW)"
    )
    installed = "stations have {other:,.0f} kW, against {reference:,.0f} kW"
    told = "a charging session draws {other:.1f} kW on average, against {reference:.1f} kW"
    of_sessions = [] if cause.is_across_models else [
        cause.measured(SESSION_POWER, _session_kw, told, material_share=MATERIAL_SHARE)
    ]  # fmt: skip
    return [
        *of_sessions,
        cause.beyond_chance(CUTS, _counted(cause, cuts, other_cuts), 0.0, sentence),
        cause.measured(POWER, _installed_kw, installed, material=INFORMATIONAL),
    ]


def excess(cause: Cause) -> list[Indicator]:
    """Compare how often demand was beyond what stations can serve."""
    told = "demand exceeds what stations can serve in {other:.1f} cases a day, against {reference:.1f}"
    counts = first, second = _counted(cause, *map(_beyond_capacity, (cause.reference, cause.other)))
    sentence = told.format(reference=first.value, other=second.value)
    return [cause.beyond_chance(EXCESS, counts, 0.0, sentence)]


def _counted(cause: Cause, *days: FloatArray) -> tuple[Estimate, Estimate]:
    """Return the means of rare events on the days of both, counts of chance where both are agents'."""
    first, second = days
    if cause.is_across_models:
        return Estimate(value=float(first.mean())), Estimate(value=float(second.mean()))
    return count_of(first), count_of(second)


def _session_kw(sample: Sample) -> Estimate:
    """Return the mean power of a charging session [kW]; NaN where sessions were not kept one by one."""
    days = [frame[frame.end_s > frame.start_s] for frame in sample.with_carry_over("sessions")]
    if any(day.empty for day in days):
        return Estimate(value=math.nan)
    power = [3600 * day.energy_kwh / (day.end_s - day.start_s) for day in days]
    errors = [float(own.std(ddof=0)) / math.sqrt(len(own)) for own in power]
    return estimate(np.array([own.mean() for own in power]), np.array(errors))


def _power_cuts(sample: Sample) -> tuple[FloatArray, float]:
    """Return how many station-periods in use were held below the station's own limit on each day, and by how much."""
    nominal_kw = dict(zip((s.name for s in sample.config.stations), _nominal_kw(sample), strict=True))
    counts, largest_kw = [], 0.0
    for stations in sample.tables("stations"):
        missing_kw = stations.station.map(nominal_kw) - stations.limit_kw
        cut = (missing_kw > 1e-6) & ((stations.energy_kwh > 0) | (stations.arrivals > 0))
        counts.append(int(cut.sum()))
        largest_kw = max(largest_kw, float(missing_kw[cut].max()) if cut.any() else 0.0)
    return np.array(counts, dtype=np.float64), largest_kw


def _nominal_kw(sample: Sample) -> FloatArray:
    stations = sample.config.stations
    return np.array([min(s.chargers * s.charger_kw, s.site_limit_kw or math.inf) for s in stations])


def _installed_kw(sample: Sample) -> Estimate:
    return Estimate(value=float(_nominal_kw(sample).sum()))


def _beyond_capacity(sample: Sample) -> FloatArray:
    days = sample.with_carry_over("violations")
    return np.array([day.kind.isin(BEYOND_CAPACITY).sum() for day in days], dtype=np.float64)


def price(cause: Cause) -> list[Indicator]:
    """Compare the charging prices, station by station and period by period."""
    frames = _prices(cause.reference), _prices(cause.other)
    both = frames[0].join(frames[1], how="inner", lsuffix="_reference", rsuffix="_other")
    if both.empty:
        return []
    alone = sorted({station for _, station in frames[0].index.symmetric_difference(frames[1].index)})
    first, second = both.price_reference.to_numpy(), both.price_other.to_numpy()
    apart, error = np.abs(second - first), np.hypot(both.error_reference, both.error_other).to_numpy()
    largest, counted = float(apart.max()), float(np.maximum(apart - ERRORS_OF_PRICES * error, 0.0).max())
    sentence = (
        f"charging costs {second.mean():.3f} CNY/kWh on average against {first.mean():.3f}; "
        f"up to {largest:.3f} apart" + (f"; {', '.join(alone)}: in one of the two only" if alone else "")
    )
    means, threshold = (
        (float(first.mean()), float(second.mean())),
        MATERIAL_SHARE * float(np.abs(first).mean()),
    )
    return [replace(cause.apart(PRICE, means, threshold, sentence), effect=counted)]


def _prices(sample: Sample) -> Frame:
    frames = [frame.set_index(["period", "station"]) for frame in sample.tables("prices")]
    samples = np.array([frame.charging_price_cny_per_kwh.to_numpy() for frame in frames])
    error = samples.std(axis=0, ddof=1) / math.sqrt(len(samples)) if len(samples) > 1 else 0.0
    return frames[0][[]].assign(price=mean(samples), error=error)


_LOOKS: tuple[tuple[str, Callable[[Cause], list[Indicator]]], ...] = (
    ("demand", demand),
    ("network", network),
    ("range", driving_range),
    ("population", population),
    ("grid", grid),
    ("events", events),
    ("capacity", capacity),
    ("queueing", queueing),
    ("choice", choice),
    ("information", information),
    ("capacity", excess),
    ("price", price),
)
"""What the scenarios ask for, first; then what the models bring about: of two, the one that the other follows from."""
