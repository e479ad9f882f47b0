"""A choice model of the user's that does not come back: drivers choose by the logit, and it is told."""

from collections.abc import Generator
from typing import Any

import simpy

from agents.clock import Clock, Phase
from cosim.grid.last_resort import NOT_REPRODUCIBLE
from cosim.results import Recorder
from cosim.scenario.choice import FIELD, CheckedChoice


def watch_choice(
    choice: CheckedChoice, clock: Clock, recorder: Recorder
) -> Generator[simpy.Event, Any, None]:
    """After each period see whether the model was given up, and record it once."""
    ended = clock.period
    while not choice.is_given_up:
        ended = clock.period
        yield clock.end_of_period(Phase.CHECK)
    when = f"period {ended.period}" if ended.day == 1 else str(ended)
    recorder.add_row(
        "violations",
        day=ended.day,
        period=ended.period,
        place="drivers",
        kind="out_of_time",
        amount=choice.limit_s,
        sentence=f"{when}: {FIELD} is '{choice.name}', and its {choice.found}; from then on drivers choose by the "
        f"logit. {NOT_REPRODUCIBLE}",
    )
