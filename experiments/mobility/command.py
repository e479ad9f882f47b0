"""The command ``cosim mobility``: a population of EVs without roads and grid."""

from typing import TYPE_CHECKING, Annotated

import typer

from experiments.options import AllowOutside, AsJson, Config, Out, Seed, Settings, permissions

if TYPE_CHECKING:
    from experiments.mobility.study import MobilityStudy

LABEL_WIDTH = 23
"""Characters before the columns."""


def mobility_command(
    config: Config,
    days: Annotated[
        int,
        typer.Option(
            min=1,
            help="More than one: also that many days in a row, each starting where the one before ended.",
        ),
    ] = 1,
    evs: Annotated[int, typer.Option(min=1, help="Number of EVs.")] = 50_000,
    seed: Seed = None,
    settings: Settings = None,
    allow_outside: AllowOutside = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Simulate the mobility of EVs alone: activity states against the exact distribution, SOC, and p_t."""
    from cosim.scenario import check_scenario
    from experiments.mobility.page import page
    from experiments.mobility.study import study_mobility
    from experiments.study import CommandResult, emit

    scenario = check_scenario(config, settings or (), seed=seed, allow=permissions(outside=allow_outside))
    result = study_mobility(scenario, evs, days, scenario.config.seed)
    study = CommandResult(
        command="mobility",
        facts=result.as_json(),
        lines=_lines(result),
        tables=lambda: result.tables,
        page=lambda tables: page(result, tables),
    )
    emit(study, out, as_json=as_json)


def _by_type(study: "MobilityStudy") -> dict[str, list[str]]:
    """Return a row for each EV type: the share of its trips with a fast charge."""
    frame = study.tables.get("by_type")
    if frame is None:
        return {}
    return {
        f"  {name}"[:LABEL_WIDTH]: [f"{share:.4f}" for share in rows.charging_share]
        for name, rows in frame.groupby("type", sort=False)
    }


def _lines(study: "MobilityStudy") -> list[str]:
    """Return a line for each figure, with a column for each part."""
    facts = study.as_json()
    parts = [facts[name] for name in study.parts]
    chain = {}
    if all("charging_share_chain" in part for part in parts):
        chain["  chain with batteries"] = [f"{part['charging_share_chain']:.4f}" for part in parts]
    rows = {
        "trips per EV and day": [f"{part['trips_per_ev']:.3f}" for part in parts],
        "  exact": [f"{part['trips_per_ev_exact']:.3f}" for part in parts],
        "fast-charging share": [f"{part['charging_share']:.4f}" for part in parts],
        **chain,
        **_by_type(study),
        "session, grid side": [f"{part['session_kwh']:.2f} kWh" for part in parts],
        "home at midnight": [f"{part['home_at_midnight_exact']:.3f}" for part in parts],
        "places inside band": [f"{part['places_inside_band']:.1%}" for part in parts],
        "stranded EV-days": [f"{part['stranded_ev_days']:,}" for part in parts],
    }
    names = [
        f"{name.replace('_', ' ')} ({part['days']})" for name, part in zip(study.parts, parts, strict=True)
    ]
    head = (
        f"{facts['name']}: mobility of kind {facts['kind']}, {facts['evs']:,} EVs, {facts['cpu_s']:.1f} s CPU"
    )
    lines = [head, f"{'':24}" + "".join(f"{name:>18}" for name in names)]
    lines += [f"{label:24}" + "".join(f"{value:>18}" for value in values) for label, values in rows.items()]
    return [*lines, *(f"note: {note}" for note in study.notes)]
