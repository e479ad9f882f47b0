"""Drivers who are told nothing of the equilibrium of Ma et al. (2024) and learn day by day."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay, day_ahead
from cosim.scenario import Scenario
from experiments.run import learning_check
from experiments.run.learning_check import Finding, Learnt, check_tables, ev_path_veh_h, findings, learn


@dataclass(frozen=True, eq=False)
class LearningCase:
    """The check of the equilibrium by drivers who learn, as a run of the scenario makes it."""

    scenario: Scenario
    day: EquilibriumDay

    @property
    def is_made(self) -> bool:
        """Whether the scenario asks for the check."""
        return learning_check.is_made(self.scenario, self.day.demand.n_ev)

    @cached_property
    def learnt(self) -> Learnt:
        """The days of the learners."""
        return learn(self.scenario, day_ahead(self.scenario, self.day))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """How far they end from the equilibrium on roads and at stations; none where the check is not made."""
        return findings(self.learnt, ev_path_veh_h(self.day)) if self.is_made else ()

    def as_json(self) -> dict[str, Any]:
        """Return the findings as plain values."""
        return {
            "days": self.scenario.config.learning_check.days,
            **{found.links: _plain(found) for found in self.findings},
        }

    @cached_property
    def distances(self) -> Frame:
        """The distance of each day, the table ``learning_check_days``."""
        return check_tables(self.learnt, ev_path_veh_h(self.day))["learning_check_days"]


def _plain(found: Finding) -> dict[str, Any]:
    """Return a finding as plain values."""
    numbers = ("distance", "floor", "ratio", "ratio_max", "drift", "smallest_seen", "verdict")
    return {name: getattr(found, name) for name in numbers}
