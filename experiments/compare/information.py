"""What drivers knew on both sides: times told, news that reached them, and how sharply they choose."""

import math

import numpy as np

from cosim.arrays import Frame
from experiments.compare.perception import fitted_theta, misled_share
from experiments.compare.sides import Side
from experiments.compare.signature import (
    DEVIATES,
    MATERIAL_ODDS,
    MATERIAL_SHARE,
    TOLD_ONLY,
    Signature,
    material_min,
)


def information(reference: Side, other: Side) -> list[Signature]:
    """Compare what drivers knew: times told, messages that reached them, and how sharply they choose."""
    told = TOLD_ONLY if _told_alike(reference, other) else MATERIAL_SHARE
    station_told = TOLD_ONLY if _told_alike(reference, other) else material_min(reference)
    misled, apart = misled_share(reference, other), _station_times_apart(reference, other)
    return [
        Signature(
            cause="information",
            signature="drivers on another path by the times told [share]",
            reference=0.0,
            other=misled,
            effect=misled,
            threshold=told,
            sentence=f"the road times drivers were told put {misled:.1%} of them on another path",
        ),
        Signature(
            cause="information",
            signature="station times told apart [min]",
            reference=0.0,
            other=apart,
            effect=apart,
            threshold=station_told,
            sentence=f"the station times drivers were told are {apart:.2f} min apart",
        ),
        _experienced(reference, other),
        _uninformed(reference, other),
        _perception(reference, other),
    ]


def _told_alike(reference: Side, other: Side) -> bool:
    """Return whether both were informed in the same way: what differs in the times is then no cause."""

    def way(side: Side) -> tuple[object, ...]:
        return (side.is_random, side.config.population.information, side.config.messages)

    return way(reference) == way(other)


def _station_times_apart(reference: Side, other: Side) -> float:
    """Return the mean difference of the station times told, weighted with the charging EVs [min]."""
    told = [_told(side) for side in (reference, other)]
    both = told[0].join(told[1], how="inner", lsuffix="_reference", rsuffix="_other")
    weight = both.ev_charging_veh_h_other
    apart = (both.told_reference - both.told_other).abs() * weight
    return float(apart.sum() / weight.sum()) if weight.sum() else 0.0


def _told(side: Side) -> Frame:
    frames = [frame[frame.kind == "charging"].set_index(["period", "link"]) for frame in side.tables("links")]
    told = [frame.told_min if side.is_random else frame.time_min for frame in frames]
    flows = [frame.ev_charging_veh_h for frame in frames]
    return (
        (sum(told[1:], told[0]) / len(told))
        .to_frame("told")
        .assign(ev_charging_veh_h=sum(flows[1:], flows[0]) / len(flows))
    )


def _experienced(reference: Side, other: Side) -> Signature:
    first, second = (_surprise_min(side) for side in (reference, other))
    return Signature(
        cause="information",
        signature="road time told against experienced [min per link]",
        reference=first,
        other=second,
        effect=abs(second - first),
        threshold=TOLD_ONLY,
        sentence=f"road times were {second:.2f} min per link from what drivers were told, against {first:.2f}",
    )


def _surprise_min(side: Side) -> float:
    """Return |told - experienced| on the roads, weighted with flows; none in an equilibrium, by definition."""
    if not side.is_random:
        return 0.0
    errors = []
    for links in side.tables("links"):
        roads = links[links.kind == "road"]
        gap = (roads.told_min - roads.time_min).abs() * roads.flow_veh_h
        errors.append(float(gap.sum() / roads.flow_veh_h.sum()) if roads.flow_veh_h.sum() else 0.0)
    return float(np.mean(errors))


def _uninformed(reference: Side, other: Side) -> Signature:
    first, second = (_not_heard(side) for side in (reference, other))
    return Signature(
        cause="information",
        signature="period openings not heard or late [share]",
        reference=first,
        other=second,
        effect=abs(second - first),
        threshold=MATERIAL_SHARE,
        sentence=f"{second:.1%} of the news of a period were lost or late, against {first:.1%}",
    )


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
    first, second = fitted_theta(reference), fitted_theta(other)
    known = first.is_known or not reference.is_random
    error = math.hypot(first.error_per_min, second.error_per_min)
    material = (MATERIAL_ODDS - 1) * first.theta_per_min
    return Signature(
        cause="information",
        signature="theta that the routes fit [1/min]",
        reference=first.theta_per_min,
        other=second.theta_per_min if second.is_known else math.nan,
        effect=abs(second.theta_per_min - first.theta_per_min),
        threshold=max(material, DEVIATES * error) if known and second.is_known else TOLD_ONLY,
        sentence=f"routes fit a logit theta of {second.theta_per_min:.3f} +- {1.96 * second.error_per_min:.3f} per min "
        f"at the times in force, against {first.theta_per_min:.3f}",
    )
