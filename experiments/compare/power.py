"""What the tests could have seen: the smallest shift of each figure that would have been found with power .8.

A test at the level alpha finds a shift of (z_{1 - alpha / 2} + z_.8) standard errors with probability .8. Alpha is what
Bonferroni leaves to one test of one family, so the tests see rather more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cosim.arrays import Frame
from experiments.compare.day_choices import STATIONS, THETA
from experiments.compare.day_totals import ALL_TRIPS, CHARGING, LEVELS
from experiments.compare.families import Family
from experiments.compare.indicator import MEAN_WAIT, Indicator, material_min
from experiments.compare.sample import Sample
from experiments.compare.significance import POWER, normal_quantile

STATED_SHIFT = 0.25
"""A verdict says "agrees" only where a difference of this share would have been found with power .8 ..."""
STATED_BIAS = 1.0
"""... and drivers who favour a station twofold."""
LEAST_KNOWN = 4.0
"""Standard errors that theta must be from 0: where paths cost the same, it has no consequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """The smallest difference of one figure that would have been found with power .8, and the one stated."""

    figure: str
    shift: float
    stated: float
    unit: str = "%"
    """Of both; % of shares."""

    @property
    def is_seen(self) -> bool:
        """Whether the stated difference would have been found."""
        return self.shift <= self.stated

    def __str__(self) -> str:
        """Return the smallest difference as part of a sentence."""
        return f"{_with_unit(self.shift, self.unit)} of {self.figure}"

    @property
    def missed(self) -> str:
        """What might have been missed, as part of a sentence."""
        return f"{_with_unit(self.stated, self.unit)} of {self.figure}"


def _with_unit(value: float, unit: str) -> str:
    return f"{100 * value:.2g} %" if unit == "%" else f"{value:.2g} {unit}"


def detectable(
    tables: Mapping[str, Frame],
    families: Sequence[Family],
    indicators: Sequence[Indicator],
    reference: Sample,
) -> tuple[Detectable, ...]:
    """Return what the tests of the day and of the mean wait could have seen; nothing where there was no test."""
    found = []
    if "day_tests" in tables:
        level = {family.name: family.alone for family in families}
        tests = tables["day_tests"]
        for family, item, name, stated in _SHOWN:
            own = tests[(tests.family == family) & tests.p_value.notna()]
            errors = own[own.item == item].error
            if len(errors) and math.isfinite(error := float(errors.iloc[0])):
                shift = _errors(level[family] / len(own)) * error
                shift = math.expm1(shift) if family == STATIONS else shift
                if family != THETA or error * LEAST_KNOWN < 1:
                    found.append(Detectable(figure=name, shift=shift, stated=stated))
    for wait in indicators:
        if wait.indicator == MEAN_WAIT and math.isfinite(wait.detectable):
            least = max(STATED_SHIFT * wait.reference, material_min(reference))
            found.append(Detectable(figure="the mean wait", shift=wait.detectable, stated=least, unit="min"))
    return tuple(found)


def _errors(level: float) -> float:
    return normal_quantile(1 - level / 2) + normal_quantile(POWER)


_SHOWN = (
    (LEVELS, ALL_TRIPS, "EV trips", STATED_SHIFT),
    (LEVELS, CHARGING, "charging trips", STATED_SHIFT),
    (THETA, "theta", "theta", STATED_SHIFT),
    (STATIONS, "all", "the odds of a station", STATED_BIAS),
)
