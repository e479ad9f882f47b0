"""What drivers knew: announced times, broadcasts that reached them, and how sharply they choose."""

import math

import numpy as np

from cosim.arrays import Frame
from experiments.compare.indicator import (
    INFORMATIONAL,
    MATERIAL_ODDS,
    MATERIAL_SHARE,
    Indicator,
    apart,
    material_min,
    measured,
)
from experiments.compare.perception import fitted_theta, misled_share
from experiments.compare.sample import Sample
from experiments.compare.significance import Estimate, chance

CAUSE = "information"
SURPRISE = "announced against experienced road time [min per link]"
SURPRISED = "road times differ from the announced ones by {other:.2f} min per link, against {reference:.2f}"
LOST = "period broadcasts lost or late [share]"
NOT_RECEIVED = "{other:.1%} of the broadcasts of a period were lost or late, against {reference:.1%}"


def information(reference: Sample, other: Sample) -> list[Indicator]:
    """Compare what drivers knew: announced times, broadcasts that reached them, and how sharply they choose."""
    samples, alike = (reference, other), _class_of(reference) == _class_of(other)
    return [
        _misled(reference, other, INFORMATIONAL if alike else MATERIAL_SHARE),
        _station_times(reference, other, INFORMATIONAL if alike else material_min(reference)),
        measured(CAUSE, SURPRISE, samples, _surprise_min, SURPRISED, material=INFORMATIONAL),
        measured(CAUSE, LOST, samples, _not_received, NOT_RECEIVED, material=MATERIAL_SHARE),
        _perception(reference, other),
    ]


def _class_of(sample: Sample) -> tuple[object, ...]:
    """Return how drivers were informed; where two samples are alike, their times are no cause."""
    return sample.is_random, sample.config.population.information, sample.config.messages


def _misled(reference: Sample, other: Sample, threshold: float) -> Indicator:
    misled = misled_share(reference, other)
    sentence = f"the announced road times put {misled:.1%} of the drivers on another path"
    name = "drivers on another path by the announced times [share]"
    return apart(CAUSE, name, (0.0, misled), threshold, sentence)


def _station_times(reference: Sample, other: Sample, threshold: float) -> Indicator:
    """Compare the announced station times, weighted with the charging EVs."""
    both = _announced(reference).join(_announced(other), how="inner", lsuffix="_reference", rsuffix="_other")
    weight = both.ev_charging_veh_h_other
    gaps = (both.time_min_reference - both.time_min_other).abs() * weight
    gap_min = float(gaps.sum() / weight.sum()) if weight.sum() else 0.0
    sentence = f"the announced station times differ by {gap_min:.2f} min on average"
    return apart(CAUSE, "announced station times, mean difference [min]", (0.0, gap_min), threshold, sentence)


def _announced(sample: Sample) -> Frame:
    """Return time and charging EVs of each station in each period, means over the replications."""
    column = "announced_min" if sample.is_random else "time_min"
    frames = [
        links[links.kind == "charging"]
        .set_index(["period", "link"])[[column, "ev_charging_veh_h"]]
        .set_axis(["time_min", "ev_charging_veh_h"], axis=1)
        for links in sample.tables("links")
    ]
    return sum(frames[1:], frames[0]) / len(frames)


def _surprise_min(sample: Sample) -> Estimate:
    """Return |announced - experienced| on the roads, weighted with flows; 0 in an equilibrium, by definition."""
    if not sample.is_random:
        return Estimate(value=0.0)
    errors = []
    for links in sample.tables("links"):
        roads = links[links.kind == "road"]
        gap = (roads.announced_min - roads.time_min).abs() * roads.flow_veh_h
        errors.append(float(gap.sum() / roads.flow_veh_h.sum()) if roads.flow_veh_h.sum() else 0.0)
    return Estimate(value=float(np.mean(errors)))


def _not_received(sample: Sample) -> Estimate:
    """Return the share of receivers and of the period's time in which an opened period was not known."""
    if not sample.is_random:
        return Estimate(value=0.0)
    shares = []
    for messages in sample.tables("messages"):
        opened = messages[messages.kind == "PeriodOpened"]
        late = ((opened.delivered_s - opened.sent_s) / (3600 * sample.hours)).clip(0, 1)
        late, lost = late.where(opened.delivered_s >= 0, 1), opened.lost / opened.receivers
        shares.append(float((lost + (1 - lost) * late).mean()) if len(opened) else 0.0)
    return Estimate(value=float(np.mean(shares)))


def _perception(reference: Sample, other: Sample) -> Indicator:
    """Compare the theta of path choices: an estimate from thousands of choices, so its error is normal."""
    first, second = fitted_theta(reference), fitted_theta(other)
    by_chance = chance(
        *(Estimate(value=fit.theta_per_min, error=fit.error_per_min) for fit in (first, second)), paired=False
    )
    counts = second.is_known and (first.is_known or not reference.is_random)
    return apart(
        CAUSE,
        "theta estimated from path choices [1/min]",
        (first.theta_per_min, second.theta_per_min if second.is_known else math.nan),
        max((MATERIAL_ODDS - 1) * first.theta_per_min, by_chance) if counts else INFORMATIONAL,
        f"path choices at the effective times give a logit theta of {second} per min, against {first}",
    )
