"""The verdict in words: agrees within sampling error, or differs, because of what, with the figures that show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cosim.arrays import Frame
from experiments.compare.families import Family
from experiments.compare.indicator import Indicator
from experiments.compare.power import MINUTES, Detectable
from experiments.compare.scenario_causes import GRID_FIGURES, SAME
from experiments.compare.settings import Setting
from experiments.compare.significance import LEVEL, POWER


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a comparison comes to."""

    reference: str
    other: str
    families: tuple[Family, ...]
    certain: tuple[Family, ...] = ()
    """What is compared without chance."""
    flow_error: float
    """Weighted relative error of the link flows."""
    grid_error: float = 0.0
    """Largest relative difference of the feeders' cost, losses, peak purchase and lowest voltage."""
    is_random: bool
    indicators: tuple[Indicator, ...]
    settings: tuple[Setting, ...] = ()
    """The settings that differ."""
    detectable: tuple[Detectable, ...] = ()
    """The smallest shifts that the tests would have found."""

    @property
    def facts(self) -> dict[str, Any]:
        """The verdict in figures and words, as a table and JSON have it."""
        words = {"verdict": self.word, "causes": list(self.causes)}
        judged = {"flows_agree": self.flows_agree, "sentence": self.sentence}
        return {"reference": self.reference, "other": self.other, **words, **judged}

    @property
    def flows_agree(self) -> bool:
        """Whether no test of the day, its choices and its flows rejects; two equilibria: whether they are the same."""
        if not self.is_random:
            return self.flow_error <= SAME
        if not self.is_tested:
            return self.flow_error == 0
        return not any(family.rejected for family in (*self.families, *self.certain))

    @property
    def is_tested(self) -> bool:
        """Whether any test was made of choices or flows."""
        return any(family.tests for family in self.families)

    @property
    def missed(self) -> tuple[Detectable, ...]:
        """The figures of which a difference of the size stated might not have been found."""
        return tuple(own for own in self.detectable if not own.is_seen)

    @property
    def doubtful(self) -> tuple[Detectable, ...]:
        """The figures whose own test, by itself, would reject."""
        return tuple(own for own in self.detectable if own.is_doubtful)

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
        """Agrees, differs, or cannot tell."""
        if self.causes or (not self.is_same_day and (self.is_tested or not self.is_random)):
            return "differs"
        return "cannot tell" if self.missed or self.doubtful or not self.is_same_day else "agrees"

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        if self.word == "agrees" and self.is_random:
            return "agrees within sampling error" if self.is_tested else "agrees: the same flows"
        if self.word == "agrees":
            return "agrees: the same equilibrium"
        if self.word == "cannot tell":
            return f"cannot tell: {self._reasons or 'nothing was tested'}"
        if not self.causes:
            return "differs, and none of the causes looked for explains it"
        return f"differs because of {', '.join(self.causes)}"

    @property
    def _reasons(self) -> str:
        """Why it is not agreement: what might have been missed, and what is rare enough to doubt that it is chance."""
        might, rare = (
            ", ".join(own.missed for own in self.missed),
            ", ".join(own.doubt for own in self.doubtful),
        )
        told = (
            f"a difference of {might} might be missed" if might else "",
            f"taken alone, the test of {rare} rejects at {LEVEL:.0%}" if rare else "",
        )
        return "; ".join(filter(None, told))

    @property
    def evidence(self) -> str:
        """What the flows say, and what they could have said."""
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
        if not self.flows_agree:
            words = "differ by more than chance"
        elif self.doubtful or any(own.unit != MINUTES for own in self.missed):
            words = "show no difference beyond chance"
        else:
            words = "agree within sampling error"
        seen = ", ".join(str(own) for own in self.detectable if own.shift > 0)
        power = f" Found with power {POWER:g} would have been {seen}." if seen else ""
        return f"choices and flows {words}: {self._tests}.{power}"

    @property
    def _tests(self) -> str:
        """The tests that reject, or how many there are, and what differs without chance."""
        made = sum(family.tests for family in self.families)
        shown = [str(family) for family in self.families if family.rejected] or [f"0 of {made} tests"]
        known = [str(family) for family in self.certain if family.rejected]
        apart = f"; {', '.join(known)} differ" if known else ""
        return (
            f"{', '.join(shown)} reject at a false-discovery rate of {LEVEL:.0%} "
            f"over {len(self.families)} families of tests{apart}"
        )

    @property
    def sentence(self) -> str:
        """The verdict, the figures that show each cause, and what the flows say."""
        shown = "; ".join(f"{indicator.cause}: {indicator.sentence}" for indicator in self.present)
        parts = [self.headline + (f" ({shown})" if shown else ""), self.evidence]
        return ". ".join(part[0].upper() + part[1:] for part in parts)


def errors_of(tables: Mapping[str, Frame]) -> tuple[float, float]:
    """Return the weighted relative error of the link flows, and the largest one of the feeders' figures."""
    measures = tables["measures"]
    flows = measures[(measures.kind == "link") & (measures.quantity == "flow_veh_h")]
    return float(flows.weighted_error.iloc[0]) if len(flows) else float("nan"), _grid_error(tables)


def _grid_error(tables: Mapping[str, Frame]) -> float:
    """Return the largest relative difference of the feeders' figures; none where there is no feeder."""
    totals = tables["totals"]
    errors = totals[totals.quantity.isin(GRID_FIGURES)].relative_error.abs()
    return float(errors.max()) if len(errors) else 0.0
