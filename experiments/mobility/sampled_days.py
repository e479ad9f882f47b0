"""The sampled days of a mobility study, and the exact distributions they are drawn from."""

from dataclasses import dataclass

from cosim.ev.charging_demand import ChargingDemand
from cosim.ev.days import DayOfEVs
from cosim.ev.occupancy import Occupancy
from cosim.ev.soc_chain import ChargingDay
from cosim.ev.timeline import Timeline
from cosim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledDays:
    """One part of a study: its sampled days, and the exact distributions of the last one."""

    scenario: Scenario
    n_ev: int
    days: list[DayOfEVs]
    last: Timeline
    demand: ChargingDemand
    """Of the single day, or of the second half of many."""
    exact: Occupancy
    charging: ChargingDay | None
    """Distribution of the chain with batteries; None without a Markov model."""

    @property
    def stranded(self) -> int:
        """Number of EV-days that ended with an EV stranded: its battery could not make the next trip."""
        return int(sum(day.record.stranded.sum() for day in self.days))

    @property
    def day(self) -> DayOfEVs:
        """The last day."""
        return self.days[-1]
