"""The command ``cosim fit-mobility``: a Markov chain of activities, estimated from travel diaries."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.options import AsJson, new_directory

if TYPE_CHECKING:
    from cosim.arrays import FloatArray
    from cosim.ev.diary_table import ObservedDays
    from cosim.ev.fitting import FittedChain
    from cosim.ev.goodness import Goodness


NOT_IDENTIFIED = "not identified: no row is of an EV-day without trips (trip = 0); set it in the scenario"
"""Text in place of the travel share."""


def fit_mobility_command(
    diaries: Annotated[
        Path,
        typer.Argument(
            help="CSV or Parquet of trips: ev, day, trip, departure, arrival, from, to, length_km."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(callback=new_directory, help="New directory for tables to use in a scenario."),
    ],
    prior: Annotated[
        float, typer.Option(min=0.001, help="Weight of the prior of each cell, in parked EVs.")
    ] = 5.0,
    length_min: Annotated[
        float, typer.Option(min=0.1, max=1_000, help="The scenario's mobility.trip_length_min_km.")
    ] = 1.0,
    length_max: Annotated[
        float, typer.Option(min=0.1, max=1_000, help="The scenario's mobility.trip_length_max_km.")
    ] = 100.0,
    as_json: AsJson = False,
) -> None:
    """Estimate transitions and trip lengths from diaries, with the goodness of fit of the chain.

    Lengths at or beyond the shortest and the longest trip are taken as set to it.
    """
    from cosim.ev.diary_table import read_diaries
    from cosim.ev.fitting import fit_markov
    from cosim.ev.goodness import goodness_of_fit
    from experiments.study import CommandResult, emit

    if length_min >= length_max:
        msg = f"--length-min {length_min:g} is not below --length-max {length_max:g}"
        raise typer.BadParameter(msg)
    days = read_diaries(diaries)
    fitted = fit_markov(days, prior, (length_min, length_max))
    goodness = goodness_of_fit(fitted, days)
    facts, identified = _facts(days, fitted, goodness), days.days_without_trips > 0
    study = CommandResult(
        command="fit-mobility",
        facts=facts,
        lines=_lines(facts),
        files=lambda folder: write_fit(fitted, goodness, diaries.name, folder, identified=identified),
    )
    emit(study, out, as_json=as_json)


def write_fit(
    fitted: "FittedChain", goodness: "Goodness", source: str, folder: Path, *, identified: bool = True
) -> None:
    """Write the tables of the chain and of the dwell model, a scenario section, and the goodness of fit.

    A travel share that is not *identified* is omitted.
    """
    import tomli_w

    from cosim.ev.markov import write_departures

    prior = f"prior: {fitted.prior_evs:g} EVs per slot and activity with the mean transitions of the day"
    columns = "probability that an EV parked at the start of the slot (15 min) departs in it, by destination"
    write_departures(
        fitted.model.departure, folder / "departures_by_slot.csv", (f"fitted to {source}; {prior}", columns)
    )
    _write_hourly(fitted.hourly, folder / "activity_transitions.csv", f"fitted to {source}; {prior}")
    length: Any = fitted.model.length_km
    mobility = {
        "kind": "markov",
        "departures": "departures_by_slot.csv",
        "travel_share": fitted.model.travel_share,
        "trip_length_log_mean": length.log_mean,
        "trip_length_log_sd": length.log_deviation,
        "trip_length_min_km": length.low,
        "trip_length_max_km": length.high,
        "diary_speed_km_h": fitted.model.diary_speed_km_h,
    }
    comment = ""
    if not identified:
        del mobility["travel_share"]
        comment = f"# travel_share: {NOT_IDENTIFIED}\n"
    (folder / "mobility.toml").write_text(comment + tomli_w.dumps({"mobility": mobility}), encoding="utf-8")
    (folder / "goodness.json").write_text(json.dumps(asdict(goodness), indent=2) + "\n", encoding="utf-8")


def _write_hourly(hourly: "FloatArray", file: Path, comment: str) -> None:
    """Write the transition matrix of the dwell model, by hour of departure."""
    from cosim.ev.transitions import ACTIVITIES, COLUMNS

    lines = [f"# {comment}", ",".join(COLUMNS)]
    for name, rows in zip(ACTIVITIES, hourly, strict=True):
        for hour, row in enumerate(rows, start=1):
            lines.append(",".join([name, str(hour), *(f"{share:.6f}" for share in row)]))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _facts(days: "ObservedDays", fitted: "FittedChain", goodness: "Goodness") -> dict[str, Any]:
    from cosim.ev.transitions import HOME

    length: Any = fitted.model.length_km
    return {
        "ev_days": days.n_days,
        "days_without_trips": days.days_without_trips,
        "days_begun_away_from_home": int((days.from_activity[days.first_rows] != HOME).sum()),
        "round_trips_from_home": int(((days.from_activity == HOME) & (days.to_activity == HOME)).sum()),
        "trips": int(days.day.size),
        "travel_share": fitted.model.travel_share if days.days_without_trips else None,
        "trip_length_log_mean": length.log_mean,
        "trip_length_log_sd": length.log_deviation,
        "diary_speed_km_h": fitted.model.diary_speed_km_h,
        **asdict(goodness),
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    from experiments.study import aligned

    dwell = ", ".join(f"{name} {distance:.3f}" for name, distance in facts["dwell_ks"].items())
    share = facts["travel_share"]
    unusual = {}
    if away := facts["days_begun_away_from_home"]:
        unusual["away at dawn"] = f"{away:,} EV-days start away from home"
    if round_trips := facts["round_trips_from_home"]:
        unusual["round trips"] = (
            f"{round_trips:,} from home to home; with trips chained over zones, EVs do not make these"
        )
    facts = {
        "observed": f"{facts['ev_days']:,} EV-days, {facts['trips']:,} trips",
        "no trips": f"{facts['days_without_trips']:,} EV-days",
        **unusual,
        "travel share": NOT_IDENTIFIED if share is None else f"{share:.4f}",
        "trip length": f"ln km ~ N({facts['trip_length_log_mean']:.3f}, {facts['trip_length_log_sd']:.3f}), "
        f"at {facts['diary_speed_km_h']:.1f} km/h",
        "trips per day": f"{facts['trips_per_day_observed']:.3f} observed, {facts['trips_per_day_exact']:.3f} chain",
        "places": f"{facts['places_largest_difference']:.4f} maximum difference of shares",
        "lengths": f"{facts['length_ks']:.4f} Kolmogorov-Smirnov distance",
        **(
            {"stays": f"{dwell} Kolmogorov-Smirnov distance (a Markov chain has no memory of the arrival)"}
            if dwell
            else {}
        ),
        "thin cells": f"{facts['thin_cells']:.1%} of (slot, activity) are dominated by the prior",
    }
    return aligned(facts, 14)
