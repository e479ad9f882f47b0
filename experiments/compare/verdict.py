"""The verdict in words: agrees within sampling error, or differs, because of what, with the figures that show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cosim.arrays import Frame
from experiments.compare.choices import pooled_p_values
from experiments.compare.indicator import Indicator
from experiments.compare.sample import Sample
from experiments.compare.scenario_causes import GRID_FIGURES, SAME
from experiments.compare.settings import Setting
from experiments.compare.significance import LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Tests of one kind, and how many reject at a false-discovery rate of 1 %."""

    name: str
    tests: int
    rejected: int

    def __str__(self) -> str:
        """Return it as part of a sentence."""
        return f"{self.rejected} of {self.tests} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a comparison comes to."""

    reference: str
    other: str
    families: tuple[Family, ...]
    pooled: Mapping[str, float]
    """Fisher's combined p-value of the tests of choices of each class."""
    flow_error: float
    """Weighted relative error of the link flows."""
    grid_error: float = 0.0
    """Largest relative difference of the feeders' cost, losses, peak purchase and lowest voltage."""
    is_random: bool
    indicators: tuple[Indicator, ...]
    settings: tuple[Setting, ...] = ()
    """The settings that differ."""

    @property
    def facts(self) -> dict[str, Any]:
        """The verdict in figures and words, as a table and JSON have it."""
        words = {"verdict": self.word, "causes": list(self.causes)}
        judged = {"flows_agree": self.flows_agree, "sentence": self.sentence}
        return {"reference": self.reference, "other": self.other, **words, **judged}

    @property
    def flows_agree(self) -> bool:
        """Whether choices, link flows and stations agree within sampling error; two equilibria: are the same."""
        if not self.is_random:
            return self.flow_error <= SAME
        if not self.is_tested:
            return self.flow_error == 0
        pooled = min(self.pooled.values(), default=1.0)
        return not any(family.rejected for family in self.families) and pooled >= LEVEL

    @property
    def is_tested(self) -> bool:
        """Whether any test was made of choices or flows."""
        return any(family.tests for family in self.families)

    @property
    def is_same_day(self) -> bool:
        """Whether nothing that was looked at differs: flows, and of two equilibria the feeders' day as well.

        Loads of agents follow from their arrivals, so their feeders never have the equilibrium's day.
        """
        return self.flows_agree and (self.is_random or self.grid_error <= SAME)

    @property
    def present(self) -> tuple[Indicator, ...]:
        """The indicators that separate the two."""
        return tuple(indicator for indicator in self.indicators if indicator.present)

    @property
    def causes(self) -> tuple[str, ...]:
        """What separates the two."""
        return tuple(dict.fromkeys(indicator.cause for indicator in self.present))

    @property
    def word(self) -> str:
        """Agrees or differs."""
        return "agrees" if self.is_same_day and not self.causes else "differs"

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        if self.word == "agrees" and self.is_random:
            return "agrees within sampling error" if self.is_tested else "agrees: the same flows"
        if self.word == "agrees":
            return "agrees: the same equilibrium"
        if not self.causes:
            return "differs, and none of the causes looked for explains it"
        return f"differs because of {', '.join(self.causes)}"

    @property
    def evidence(self) -> str:
        """What the flows say."""
        if not self.is_random:
            return (
                f"link flows are {self.flow_error:.2%} apart, in the weighted mean; "
                f"the feeders' figures by up to {self.grid_error:.2%}."
            )
        if not self.is_tested:
            return (
                f"choices and flows were not tested: both runs drew the same random numbers, and a run recorded no "
                f"single trips that would show who switched; link flows are {self.flow_error:.2%} apart, in the "
                f"weighted mean."
            )
        tested = ", ".join(map(str, self.families))
        pooled = ", ".join(f"{name} {p_value:.2g}" for name, p_value in self.pooled.items())
        words = "agree within sampling error" if self.flows_agree else "differ by more than chance"
        shown = f"; pooled p-values of choices: {pooled}" if pooled else ""
        return f"choices and flows {words}: {tested} reject at a false-discovery rate of {LEVEL:.0%}{shown}."

    @property
    def sentence(self) -> str:
        """The verdict, the figures that show each cause, and what the flows say."""
        shown = "; ".join(f"{indicator.cause}: {indicator.sentence}" for indicator in self.present)
        parts = [self.headline + (f" ({shown})" if shown else ""), self.evidence]
        return ". ".join(part[0].upper() + part[1:] for part in parts)


def judge(
    reference: Sample,
    other: Sample,
    tables: Mapping[str, Frame],
    found: Sequence[Indicator],
    settings: Sequence[Setting],
) -> Verdict:
    """Return the verdict of one comparison from its tables, its indicators and the settings that differ."""
    tests, measures = tables.get("g_tests"), tables["measures"]
    flows = measures[(measures.kind == "link") & (measures.quantity == "flow_veh_h")]
    counted = measures[
        (measures.quantity == "ev_veh_h") & (measures.tests > 0) & measures.kind.isin(["link", "station"])
    ]
    name = "G-tests of route choice"
    if tests is None and (tests := tables.get("route_switchers")) is not None:
        name = "Stuart-Maxwell tests of route switching"
    families = [] if tests is None else [
        Family(name=name, tests=len(tests), rejected=int((tests.p_adjusted <= LEVEL).sum()))
    ]  # fmt: skip
    families += [
        Family(name=f"{row.kind} flows", tests=int(row.tests), rejected=int(row.rejected))
        for row in counted.itertuples()
    ]
    return Verdict(
        reference=reference.name,
        other=other.name,
        families=tuple(families),
        pooled={} if tests is None else pooled_p_values(tests),
        flow_error=float(flows.weighted_error.iloc[0]) if len(flows) else float("nan"),
        grid_error=_grid_error(tables),
        is_random=other.is_random,
        indicators=tuple(found),
        settings=tuple(settings),
    )


def _grid_error(tables: Mapping[str, Frame]) -> float:
    """Return the largest relative difference of the feeders' figures; none where there is no feeder."""
    totals = tables["totals"]
    errors = totals[totals.quantity.isin(GRID_FIGURES)].relative_error.abs()
    return float(errors.max()) if len(errors) else 0.0
