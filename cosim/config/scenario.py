"""A scenario file as a whole."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from cosim.config.coupling import CouplingConfig
from cosim.config.events import AnyEvent
from cosim.config.grid import GridConfig, TariffConfig
from cosim.config.mobility import MobilityConfig
from cosim.config.sweep import SweepConfig
from cosim.config.travel import PopulationConfig, RoadConfig, StationConfig
from cosim.sections import Entries, File, Name, Prose, Section, Seed, contradiction

MINUTES_PER_DAY = 1440
QUARTERS_PER_DAY = 96


class MessagesConfig(Section):
    """``[messages]``: delay and loss of information; physical acts are never late or lost."""

    delay_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    """Seconds between sending and delivery."""
    loss_probability: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of messages that never arrive."""
    patience_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Seconds an agent waits for an expected message before acting on its last information."""


class LearningCheckConfig(Section):
    """``[learning_check]``: drivers who are told nothing of the equilibrium and learn day by day."""

    enabled: bool | None = None
    """Whether a single run of both models makes this check; empty: up to 100,000 EVs."""
    days: Annotated[int, Field(ge=4, le=1_000)] = 20
    """Days that the drivers learn; the second half of them is compared with the equilibrium."""


class ScenarioConfig(Section):
    """A scenario file."""

    name: Name
    """Name of the scenario; run directories are called after it."""
    description: Prose = ""
    """One line for the report."""
    what_to_look_at: Prose = ""
    """Point of the scenario and where to see it, for `cosim scenarios` and the report."""
    seed: Seed = 1
    """Root of all randomness: the same scenario and seed give the same tables, byte by byte."""
    periods: Annotated[int, Field(ge=1, le=288)] = 24
    """Periods of the day; must cut it into whole seconds."""
    days: Annotated[int, Field(ge=1, le=1_000)] = 1
    """Number of days the agents simulate; the equilibrium is that of one day."""
    profiles: File
    """CSV with one row per period and one column per profile."""
    station_load: File | None = None
    """CSV of each station's load [kW] per period, for `cosim dispatch` alone; a run of the day finds its own."""
    road: RoadConfig
    stations: Annotated[Entries[StationConfig], Field(min_length=1)]
    population: PopulationConfig = PopulationConfig()
    mobility: MobilityConfig
    grid: GridConfig
    tariff: TariffConfig = TariffConfig()
    coupling: CouplingConfig = CouplingConfig()
    messages: MessagesConfig = MessagesConfig()
    learning_check: LearningCheckConfig = LearningCheckConfig()
    """Check of the equilibrium by drivers who are told nothing of it."""
    sweep: SweepConfig = SweepConfig()
    """What `cosim sweep` varies."""
    events: Entries[AnyEvent] = ()
    """Faults and closures: what fails, when, and when it is back."""

    @field_validator("periods")
    @classmethod
    def whole_seconds(cls, periods: int) -> int:
        """Require periods of whole seconds."""
        if 86_400 % periods:
            msg = "a number that cuts the day's 86400 s into whole seconds, such as 8, 24, 48 or 96"
            raise ValueError(msg)
        return periods

    @model_validator(mode="after")
    def profile_in_slots_of_a_chain(self) -> "ScenarioConfig":
        """Require for departures by the profile a Markov chain, and periods of whole quarters of an hour."""
        if self.population.timing == "profile" and self.mobility.kind != "markov":
            sentence = (
                "population.timing is 'profile', but mobility.kind is 'dwell': where stays have a length of their own, "
                "they say when an EV leaves; choose mobility.kind 'markov'"
            )
            raise contradiction(sentence, "population")
        if self.population.timing == "profile" and QUARTERS_PER_DAY % self.periods:
            minutes = MINUTES_PER_DAY / self.periods
            sentence = (
                f"population.timing is 'profile', but a period of {minutes:g} min is not whole quarter hours"
            )
            raise contradiction(sentence, "population")
        return self

    @model_validator(mode="after")
    def patience_within_a_period(self) -> "ScenarioConfig":
        """Require that waiting for messages ends within the period."""
        wait_s = 2 * (self.messages.delay_s + self.messages.patience_s)
        period_s = 86_400 // self.periods
        if wait_s >= period_s:
            sentence = (
                f"messages: 2 (delay_s + patience_s) is {wait_s} s; the coordinator waits so long, and it must "
                f"be below a period, {period_s} s"
            )
            raise contradiction(sentence, "messages")
        return self
