"""What separates two sides: for each cause a signature, measured in their tables and held against a threshold.

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
from experiments.compare.differences import mean
from experiments.compare.information import information
from experiments.compare.scenario_causes import demand, grid, network, population
from experiments.compare.settings import Setting, has_grounds
from experiments.compare.sides import Side, are_paired
from experiments.compare.signature import MATERIAL_SHARE, TOLD_ONLY, Signature, apart, material_min
from experiments.compare.significance import Estimate, chance, estimate, share_of
from experiments.compare.totals import mean_wait_min

RANGE = "trips stranded or forced to charge [share]"
BEYOND_CAPACITY = ("overload", "station_shed", "on_the_way")
"""Kinds of violations that say that stations could not serve who came."""


def signatures(reference: Side, other: Side, settings: Sequence[Setting] = ()) -> list[Signature]:
    """Return the signatures of every cause, what the scenarios ask for first.

    *settings* are those that differ. Where they cannot bring about a cause, its signatures follow from something
    else: they are told, and do not count.
    """
    found: list[Signature] = []
    for cause, look in _BY_SETTINGS.items():
        found += look(reference, other) if has_grounds(cause, reference, other, settings) else []
    for look in _BY_MODEL:
        found += [
            one if has_grounds(one.cause, reference, other, settings) else replace(one, threshold=TOLD_ONLY)
            for one in look(reference, other)
        ]
    return found


def queueing(reference: Side, other: Side) -> list[Signature]:
    """Compare the mean wait of a session: Davidson's of an equilibrium, the queue's of agents."""
    first, second = _wait(reference), _wait(other)
    by_chance = chance(first, second, paired=are_paired(reference, other))
    return [
        apart(
            "queueing",
            "mean wait [min]",
            first.value,
            second.value,
            threshold=max(material_min(reference), by_chance),
            sentence=f"who comes to charge waits {second.value:.2f} min ({_how_waited(other)}) against "
            f"{first.value:.2f} min ({_how_waited(reference)})",
        )
    ]


def _wait(side: Side) -> Estimate:
    """Return the mean wait with its standard error: over replications, or of one day over its station-periods.

    The latter takes the daily course of waits for chance, too: it is too large rather than too small.
    """
    frames = side.with_carry_over("stations")
    means = np.array([mean_wait_min(frame, side.hours) for frame in frames])
    if not side.is_random or means.size > 1:
        return estimate(means)
    (stations,) = frames
    waited = 60 * side.hours * stations.queue_mean - means[0] * stations.arrivals
    cells, arrivals = len(stations), max(float(stations.arrivals.sum()), 1.0)
    error = math.sqrt(cells / max(cells - 1, 1) * float((waited**2).sum())) / arrivals
    return estimate(means, error, max(cells - 1, 1))


def _how_waited(side: Side) -> str:
    return "simulated queue" if side.is_random else "Davidson"


def driving_range(reference: Side, other: Side) -> list[Signature]:
    """Compare the share of trips that the battery forbade or forced to charge; an equilibrium knows no battery."""
    first, second = _range(reference), _range(other)
    if first is None or second is None:
        told = "trips were not kept one by one, so nobody knows which were stranded or forced to charge"
        return [apart("range", RANGE, math.nan, math.nan, threshold=TOLD_ONLY, sentence=told)]
    return [
        apart(
            "range",
            RANGE,
            first.share.value,
            second.share.value,
            threshold=max(
                MATERIAL_SHARE, chance(first.share, second.share, paired=are_paired(reference, other))
            ),
            sentence=f"the battery forbids {second.stranded:.1f} trips a day (stranded) and forces a charge on "
            f"{second.forced:.1f} of {second.trips:,.0f}: {second.share.value:.1%}, against {first.share.value:.1%}",
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """Trips a day, means over the replications, and the share of those that the battery forbade or forced."""

    trips: float = 0.0
    stranded: float = 0.0
    forced: float = 0.0
    share: Estimate


def _range(side: Side) -> _Range | None:
    """Return what the battery did to trips; None where agents kept no table of their trips."""
    if not side.is_random:
        return _Range(share=Estimate(value=0.0))
    frames = side.tables("trips")
    if any(frame.empty for frame in frames):
        return None
    trips = np.array([len(frame) for frame in frames])
    stranded = np.array([int((frame.status == "stranded").sum()) for frame in frames])
    forced = np.array([_forced(side, frame, seed) for frame, seed in zip(frames, side.seeds, strict=True)])
    return _Range(
        trips=float(trips.mean()),
        stranded=float(stranded.mean()),
        forced=float(forced.mean()),
        share=share_of(stranded + forced, trips),
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
    told = f"drivers choose by '{second}', against '{first}'"
    another = "drivers choose by another strategy [1: yes]"
    return [apart("choice", another, 0.0, float(first != second), threshold=0.0, sentence=told)]


def _strategy(side: Side) -> str:
    chosen = side.config.population.choice
    return chosen if side.is_random or chosen == "path_size" else "logit"


def capacity(reference: Side, other: Side) -> list[Signature]:
    """Compare what stations could give: power cut by the feeder, vehicles beyond capacity, power installed."""
    (cut, kw), (other_cut, other_kw) = _power_cuts(reference), _power_cuts(other)
    beyond, other_beyond = (_beyond_capacity(side) for side in (reference, other))
    power, other_power = (_nominal_kw(side).sum() for side in (reference, other))
    return [
        apart(
            "capacity",
            "station power cut by the feeder [station-periods a day]",
            cut,
            other_cut,
            threshold=0.0,
            sentence=f"the feeder cuts stations in {other_cut:.1f} periods a day, by up to {other_kw:.0f} kW, "
            f"against {cut:.1f} ({kw:.0f} kW)",
        ),
        apart(
            "capacity",
            "stations asked for more than they can serve [flags a day]",
            beyond,
            other_beyond,
            threshold=0.0,
            sentence=f"who comes cannot be served in {other_beyond:.1f} cases a day, against {beyond:.1f}",
        ),
        apart(
            "capacity",
            "power of all stations [kW]",
            power,
            other_power,
            threshold=MATERIAL_SHARE * power,
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


_Look = Callable[[Side, Side], list[Signature]]
_BY_SETTINGS: dict[str, _Look] = {
    "demand": demand,
    "network": network,
    "population": population,
    "grid": grid,
}
_BY_MODEL: tuple[_Look, ...] = (queueing, driving_range, information, choice, capacity, price)
