"""What drivers knew: announced times, broadcasts that reached them, and how sharply they choose."""

import math

from cosim.arrays import Frame
from experiments.compare.indicator import (
    INFORMATIONAL,
    MATERIAL_ODDS,
    MATERIAL_SHARE,
    Cause,
    Indicator,
    daily_mean,
    material_min,
    strategy,
)
from experiments.compare.perception import Misled, fitted_theta, misled
from experiments.compare.sample import Sample
from experiments.compare.significance import CHANCE, Estimate, chance, normal_quantile

SURPRISE = "announced against experienced road time [min per link]"
SURPRISED = "road times differ from the announced ones by {other:.2f} min per link, against {reference:.2f}"
THETA = "theta estimated from path choices [1/min]"
LOST = "period broadcasts lost or late [share]"
NOT_RECEIVED = "{other:.1%} of the broadcasts of a period were lost or late, against {reference:.1%}"


def information(cause: Cause) -> list[Indicator]:
    """Compare what drivers knew: announced times, broadcasts that reached them, and how sharply they choose."""
    return [
        _misled(cause),
        _station_times(cause),
        cause.measured(SURPRISE, _surprise_min, SURPRISED, material=INFORMATIONAL),
        cause.measured(LOST, _not_received, NOT_RECEIVED, material=MATERIAL_SHARE),
        _perception(cause),
    ]


def _class_of(sample: Sample) -> tuple[object, ...]:
    """Return how drivers were informed; where two samples are alike, their times are no cause."""
    return sample.is_random, sample.config.population.information, sample.config.messages


def _threshold(cause: Cause, found: Misled, least: float) -> float:
    """Return what announced times count from: *least*, where choices followed them beyond chance, at 1 %."""
    followed = found.deviate > normal_quantile(1 - CHANCE / 2)
    return least if followed and _class_of(cause.reference) != _class_of(cause.other) else INFORMATIONAL


def _misled(cause: Cause) -> Indicator:
    """Compare the announced road times: times learnt from counts always differ, and count where drivers followed."""
    found = misled(cause.reference, cause.other)
    sentence = f"the announced road times put {found.share:.1%} of the drivers on another path"
    name = "drivers on another path by the announced times [share]"
    return cause.apart(name, (0.0, found.share), _threshold(cause, found, MATERIAL_SHARE), sentence)


def _station_times(cause: Cause) -> Indicator:
    """Compare the announced station times, weighted with the charging EVs; they count where these followed them."""
    first, second = _announced(cause.reference), _announced(cause.other)
    both = first.join(second, how="inner", lsuffix="_reference", rsuffix="_other")
    weight = both.ev_charging_veh_h_other
    gaps = (both.time_min_reference - both.time_min_other).abs() * weight
    gap_min = float(gaps.sum() / weight.sum()) if weight.sum() else 0.0
    found = misled(cause.reference, cause.other, "charging")
    threshold = _threshold(cause, found, material_min(cause.reference))
    sentence = f"the announced station times differ by {gap_min:.2f} min on average"
    return cause.apart("announced station times, mean difference [min]", (0.0, gap_min), threshold, sentence)


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

    def of_day(links: Frame) -> float:
        roads = links[links.kind == "road"]
        gap = (roads.announced_min - roads.time_min).abs() * roads.flow_veh_h
        return float(gap.sum() / roads.flow_veh_h.sum()) if roads.flow_veh_h.sum() else 0.0

    return daily_mean(sample.tables("links"), of_day) if sample.is_random else Estimate(value=0.0)


def _not_received(sample: Sample) -> Estimate:
    """Return the share of receivers and of the period's time in which an opened period was not known."""

    def of_day(messages: Frame) -> float:
        opened = messages[messages.kind == "PeriodOpened"]
        late = ((opened.delivered_s - opened.sent_s) / (3600 * sample.hours)).clip(0, 1)
        late, lost = late.where(opened.delivered_s >= 0, 1), opened.lost / opened.receivers
        return float((lost + (1 - lost) * late).mean()) if len(opened) else 0.0

    return daily_mean(sample.tables("messages"), of_day) if sample.is_random else Estimate(value=0.0)


def _perception(cause: Cause) -> Indicator:
    """Compare the theta of path choices: an estimate from thousands of choices, so its error is normal."""
    fits = first, second = fitted_theta(cause.reference), fitted_theta(cause.other)
    estimates = (Estimate(value=fit.theta_per_min, error=fit.error_per_min) for fit in fits)
    beyond = max((MATERIAL_ODDS - 1) * first.theta_per_min, chance(*estimates, paired=False).beyond)
    another = strategy(cause.reference)[0] != strategy(cause.other)[0]  # of which theta says nothing
    counts = not another and second.is_known and (first.is_known or not cause.reference.is_random)
    values = first.theta_per_min, second.theta_per_min if second.is_known else math.nan
    sentence = f"path choices at the effective times give a logit theta of {second} per min, against {first}"
    return cause.apart(THETA, values, beyond if counts else INFORMATIONAL, sentence)
