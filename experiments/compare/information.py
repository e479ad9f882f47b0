"""What drivers knew on both sides: times told, news that reached them, and how sharply they choose."""

import math

import numpy as np

from cosim.arrays import Frame
from experiments.compare.perception import fitted_theta, misled_share
from experiments.compare.sides import Side
from experiments.compare.signature import (
    MATERIAL_ODDS,
    MATERIAL_SHARE,
    TOLD_ONLY,
    Signature,
    apart,
    material_min,
)
from experiments.compare.significance import Estimate, chance


def information(reference: Side, other: Side) -> list[Signature]:
    """Compare what drivers knew: times told, messages that reached them, and how sharply they choose."""
    alike = _told_alike(reference, other)
    return [
        _misled(reference, other, TOLD_ONLY if alike else MATERIAL_SHARE),
        _station_times(reference, other, TOLD_ONLY if alike else material_min(reference)),
        _experienced(reference, other),
        _uninformed(reference, other),
        _perception(reference, other),
    ]


def _known(signature: str, reference: float, other: float, threshold: float, sentence: str) -> Signature:
    return apart("information", signature, reference, other, threshold=threshold, sentence=sentence)


def _told_alike(reference: Side, other: Side) -> bool:
    """Return whether both were informed in the same way: what differs in the times is then no cause."""

    def way(side: Side) -> tuple[object, ...]:
        return (side.is_random, side.config.population.information, side.config.messages)

    return way(reference) == way(other)


def _misled(reference: Side, other: Side, threshold: float) -> Signature:
    misled = misled_share(reference, other)
    sentence = f"the road times drivers were told put {misled:.1%} of them on another path"
    return _known("drivers on another path by the times told [share]", 0.0, misled, threshold, sentence)


def _station_times(reference: Side, other: Side, threshold: float) -> Signature:
    """Compare the station times told, weighted with the charging EVs."""
    told = [_told(side) for side in (reference, other)]
    both = told[0].join(told[1], how="inner", lsuffix="_reference", rsuffix="_other")
    weight = both.ev_charging_veh_h_other
    gaps = (both.told_reference - both.told_other).abs() * weight
    gap_min = float(gaps.sum() / weight.sum()) if weight.sum() else 0.0
    sentence = f"the station times drivers were told are {gap_min:.2f} min apart"
    return _known("station times told apart [min]", 0.0, gap_min, threshold, sentence)


def _told(side: Side) -> Frame:
    frames = [frame[frame.kind == "charging"].set_index(["period", "link"]) for frame in side.tables("links")]
    told = [frame.announced_min if side.is_random else frame.time_min for frame in frames]
    flows = [frame.ev_charging_veh_h for frame in frames]
    return (
        (sum(told[1:], told[0]) / len(told))
        .to_frame("told")
        .assign(ev_charging_veh_h=sum(flows[1:], flows[0]) / len(flows))
    )


def _experienced(reference: Side, other: Side) -> Signature:
    first, second = (_surprise_min(side) for side in (reference, other))
    sentence = f"road times were {second:.2f} min per link from what drivers were told, against {first:.2f}"
    return _known("road time told against experienced [min per link]", first, second, TOLD_ONLY, sentence)


def _surprise_min(side: Side) -> float:
    """Return |told - experienced| on the roads, weighted with flows; none in an equilibrium, by definition."""
    if not side.is_random:
        return 0.0
    errors = []
    for links in side.tables("links"):
        roads = links[links.kind == "road"]
        gap = (roads.announced_min - roads.time_min).abs() * roads.flow_veh_h
        errors.append(float(gap.sum() / roads.flow_veh_h.sum()) if roads.flow_veh_h.sum() else 0.0)
    return float(np.mean(errors))


def _uninformed(reference: Side, other: Side) -> Signature:
    first, second = (_not_heard(side) for side in (reference, other))
    sentence = f"{second:.1%} of the news of a period were lost or late, against {first:.1%}"
    return _known("period openings not heard or late [share]", first, second, MATERIAL_SHARE, sentence)


def _not_heard(side: Side) -> float:
    """Return the share of receivers and of the period's time in which an opened period was not known."""
    if not side.is_random:
        return 0.0
    shares = []
    for messages in side.tables("messages"):
        news = messages[messages.kind == "PeriodOpened"]
        late = (
            ((news.delivered_s - news.sent_s) / (3600 * side.hours))
            .clip(0, 1)
            .where(news.delivered_s >= 0, 1)
        )
        lost = news.lost / news.receivers
        shares.append(float((lost + (1 - lost) * late).mean()) if len(news) else 0.0)
    return float(np.mean(shares))


def _perception(reference: Side, other: Side) -> Signature:
    """Compare the theta that routes fit: an estimate from thousands of choices, so its error is normal."""
    first, second = fitted_theta(reference), fitted_theta(other)
    by_chance = chance(
        *(Estimate(value=fit.theta_per_min, error=fit.error_per_min) for fit in (first, second)), paired=False
    )
    counts = second.is_known and (first.is_known or not reference.is_random)
    return _known(
        "theta that the routes fit [1/min]",
        first.theta_per_min,
        second.theta_per_min if second.is_known else math.nan,
        max((MATERIAL_ODDS - 1) * first.theta_per_min, by_chance) if counts else TOLD_ONLY,
        f"routes fit a logit theta of {second} per min at the times in force, against {first}",
    )
