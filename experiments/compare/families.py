"""Families of tests, and how few false discoveries they make together: of the day, and of its periods.

The first level asks which families see anything: the p-value of a family is the smallest adjusted one of its tests
(Simes' under Benjamini and Hochberg's correction), and families are selected by Benjamini and Hochberg at the level,
with weights (Genovese et al. 2006) that give most of it to the two simple tests of a shift of the whole day.
In the S selected of K families tests reject at S / K of the level times the weight (Benjamini and Bogomolov 2014,
Selective inference on multiple families of hypotheses). Where nothing differs, one is selected with that probability.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray, Frame
from experiments.compare.choices import pooled_p_values
from experiments.compare.day_choices import ROUTES, STATIONS, THETA
from experiments.compare.day_totals import LEVELS
from experiments.compare.significance import LEVEL, adjusted

LEADING = {STATIONS: 0.55, LEVELS: 0.3}
"""Shares of the level, of the families that a shift of the day shows in first. All others share the rest.

Drivers who favour a station have no other test, while more trips also show in the cars, which know no chance.
"""
CHOICES, SWITCHING = "G-tests of route choice", "Stuart-Maxwell tests of route switching"
POOLED = "pooled p-values of choices"
FLOWS = ("link", "station")
FIGURES, CELLS = "figures of the day", "figures by period"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Tests of one kind, and how many reject."""

    name: str
    tests: int
    p_value: float = 1.0
    """That nothing in the family differs."""
    rejected: int = 0
    cut: float = 0.0
    """Adjusted p-value up to which a test rejects."""
    alone: float = LEVEL
    """What it is where no other family is selected."""

    def __str__(self) -> str:
        """Return it as part of a sentence."""
        return f"{self.rejected} of {self.tests} {self.name}"


def families_of(tables: Mapping[str, Frame]) -> tuple[Family, ...]:
    """Return the families of all tests that were made, with how many reject."""
    found = {name: p[np.isfinite(p)] for name, p in _adjusted(tables).items()}
    return selected({name: p for name, p in found.items() if p.size})


def selected(p_adjusted: Mapping[str, FloatArray], level: float = LEVEL) -> tuple[Family, ...]:
    """Return the families of tests with these adjusted p-values, selected at *level*."""
    smallest = np.array([own.min() for own in p_adjusted.values()])
    weight = _weights(tuple(p_adjusted))
    count = int((adjusted(np.minimum(smallest / weight, 1.0), "none") <= level).sum()) if smallest.size else 0
    found = []
    for (name, own), alone in zip(
        p_adjusted.items(), (level * weight / max(weight.size, 1)).tolist(), strict=True
    ):
        cut = min(count * alone, level)
        rejected, p_value = int((own <= cut).sum()), float(own.min())
        found.append(
            Family(name=name, tests=own.size, p_value=p_value, rejected=rejected, cut=cut, alone=alone)
        )
    return tuple(found)


def _weights(names: Sequence[str]) -> FloatArray:
    """Return the weight of each family, 1 in the mean: those that lead have most of the whole."""
    others = sum(name not in LEADING for name in names)
    shares = np.array([LEADING.get(name, (1 - sum(LEADING.values())) / max(others, 1)) for name in names])
    weights: FloatArray = shares * shares.size / shares.sum()
    return weights


def _adjusted(tables: Mapping[str, Frame]) -> dict[str, FloatArray]:
    """Return the adjusted p-values of each family."""
    found: dict[str, FloatArray] = {}
    for name, table in ((CHOICES, "g_tests"), (SWITCHING, "route_switchers")):
        if table in tables:
            found[name] = tables[table].p_adjusted.to_numpy()
            found[POOLED] = adjusted(np.array(list(pooled_p_values(tables[table]).values())), "none")
    if "day_tests" in tables:
        of_day = tables["day_tests"].groupby("family", sort=False).p_adjusted
        found |= {str(name): own.to_numpy() for name, own in of_day}
    cells = tables["differences"]
    is_count = cells.quantity == "ev_veh_h"
    found |= {f"{kind} flows": cells[is_count & (cells.kind == kind)].p_adjusted.to_numpy() for kind in FLOWS}
    if "totals" in tables:
        found[FIGURES] = adjusted(tables["totals"].p_value.to_numpy(), "none")
    others = cells[~is_count & cells.p_adjusted.notna()]
    quantities = others.groupby(["kind", "quantity"]).ngroups
    found[CELLS] = np.minimum(1.0, quantities * others.p_adjusted.to_numpy())
    return found


def deviating_choices(tables: Mapping[str, Frame], families: Sequence[Family]) -> frozenset[str]:
    """Return whose choices a test rejects: not_charging, charging, and theta where it is that of path choices."""
    cut = {family.name: family.cut for family in families}
    found = {
        whose
        for family, whose in ((THETA, "theta"), (STATIONS, "charging"))
        if any(own.rejected for own in families if own.name == family)
    }
    for name, table in ((CHOICES, "g_tests"), (SWITCHING, "route_switchers")):
        if name in cut:
            tests = tables[table]
            found |= set(tests.user_class[tests.p_adjusted <= cut[name]])
            pooled = pooled_p_values(tests)
            found |= {user_class for user_class, p_value in pooled.items() if 2 * p_value <= cut[POOLED]}
    if "day_tests" in tables:
        tests = tables["day_tests"]
        routes = tests[(tests.family == ROUTES) & (tests.p_adjusted <= cut.get(ROUTES, 0.0))]
        found |= set(routes["item"].str.split().str[0])
    return frozenset(found)
