"""What the tests could have seen: the smallest shift of each figure that would have been found with power .8.

A test at the level alpha finds a shift of (z_{1 - alpha / 2} + z_.8) standard errors with probability .8, a chi-squared
one of r degrees of freedom the root of its noncentrality. Alpha is what Bonferroni leaves to one test of one family, so
the tests see rather more. Each figure also has its own test by itself, at the level as it is: what that one would
reject is not agreement, even if chance may well do it once among the many tests of a comparison.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cosim.arrays import Frame
from experiments.compare.day_choices import STATIONS, THETA
from experiments.compare.day_totals import ALL_TRIPS, CHARGING, LEVELS
from experiments.compare.families import Family
from experiments.compare.indicator import MEAN_WAIT, Indicator, material_min
from experiments.compare.sample import Sample
from experiments.compare.significance import LEVEL, POWER

STATED_TRIPS, STATED_CHARGING, STATED_THETA, STATED_WAIT = 0.05, 0.15, 0.2, 0.25
"""A verdict says "agrees" only where differences of these shares would have been found with power .8 ..."""
STATED_ODDS = 0.5
"""... and drivers who favour a station 1.5-fold."""
TIMES, MINUTES = "times", "min"
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
    p_value: float = math.nan
    """Of the figure's own test, by itself; NaN where none was made."""

    @property
    def is_doubtful(self) -> bool:
        """Whether this test by itself would reject."""
        return self.p_value <= LEVEL

    @property
    def doubt(self) -> str:
        """That it does, as part of a sentence."""
        return f"{self.figure} (p = {self.p_value:.2g})"

    @property
    def is_seen(self) -> bool:
        """Whether the stated difference would have been found."""
        return self.shift <= self.stated

    def __str__(self) -> str:
        """Return the smallest difference as part of a sentence."""
        return self._sized(self.shift)

    @property
    def missed(self) -> str:
        """What might have been missed, as part of a sentence."""
        return self._sized(self.stated)

    def _sized(self, value: float) -> str:
        return f"{_with_unit(value, self.unit)} {'' if self.unit == TIMES else 'of '}{self.figure}"


def _with_unit(value: float, unit: str) -> str:
    shown = {"%": 100 * value, TIMES: 1 + value}.get(unit, value)
    return f"{_two_digits(shown)} {unit}"


def _two_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


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
            for row in own[(own.item == item) & np.isfinite(own.error)].itertuples():
                shift = _errors(level[family] / len(own), row.freedom) * row.error
                unit = TIMES if family == STATIONS else "%"
                shift = math.expm1(shift) if family == STATIONS else shift
                if family != THETA or row.error * LEAST_KNOWN < 1:
                    p_value = float(row.p_value)
                    found.append(
                        Detectable(figure=name, shift=shift, stated=stated, unit=unit, p_value=p_value)
                    )
    for wait in indicators:
        if wait.indicator == MEAN_WAIT and math.isfinite(wait.detectable):
            least = max(STATED_WAIT * wait.reference, material_min(reference))
            found.append(
                Detectable(figure="the mean wait", shift=wait.detectable, stated=least, unit=MINUTES)
            )
    return tuple(found)


def _errors(level: float, freedom: float) -> float:
    """Return the shift in standard errors that a test of this level and degrees of freedom finds with power .8."""
    from scipy.special import chdtri, chndtrinc

    return math.sqrt(chndtrinc(chdtri(freedom, level), freedom, 1 - POWER))


_SHOWN = (
    (LEVELS, ALL_TRIPS, "EV trips", STATED_TRIPS),
    (LEVELS, CHARGING, "charging trips", STATED_CHARGING),
    (THETA, "theta", "theta", STATED_THETA),
    (STATIONS, "all", "the odds of a station", STATED_ODDS),
)
