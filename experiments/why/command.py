"""The command ``cosim why``: the day of one EV in words."""

import re
from pathlib import Path
from typing import Annotated

import typer

from cosim.errors import ConfigError
from cosim.periods import SECONDS_PER_DAY
from experiments.options import AllowImport, AsJson, permissions


def why_command(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    ev: Annotated[str, typer.Argument(help="Number of the EV, from 1.")],
    at: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="Only what it does at this time, and why.")
    ] = None,
    day: Annotated[
        int | None, typer.Option(help="Day, from 1; by default the last one, as in the report.")
    ] = None,
    allow_import: AllowImport = False,
    as_json: AsJson = False,
) -> None:
    """Tell the day of one EV: its battery, information, choice sets, random draws and the outcome of its trips."""
    from experiments.study import CommandResult, emit
    from experiments.why.facts import ev_day_facts
    from experiments.why.record import find_ev_day
    from experiments.why.words import ev_day_text

    at_s = None if at is None else second_of(at)
    ev_day = find_ev_day(run, ev_number(ev), day, allow=permissions(code=allow_import))
    facts, text = ev_day_facts(ev_day, at_s), ev_day_text(ev_day, at_s)
    emit(CommandResult(command="why", facts=facts, lines=[text]), as_json=as_json)


def ev_number(text: str) -> int:
    """Return the number of an EV; a ConfigError for what is none."""
    try:
        return int(text)
    except ValueError:
        raise ConfigError("EV", [f"{text!r} is no number of an EV; give one from 1 on"]) from None  # noqa: EM101


def second_of(time: str) -> int:
    """Return the second of the day of a time, HH:MM or HH:MM:SS; 24:00 is the end of the day."""
    parts = re.fullmatch(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?", time)
    hours, minutes, seconds = (int(part or 0) for part in parts.groups()) if parts else (99, 0, 0)
    second = 3600 * hours + 60 * minutes + seconds
    if second > SECONDS_PER_DAY:
        option = "--at"
        raise ConfigError(option, [f"'{time}' is no time of a day; give HH:MM, as in 18:05"])
    return second
