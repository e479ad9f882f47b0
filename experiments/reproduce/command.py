"""The command ``cosim reproduce``: the paper's case, every figure and every statement, with a verdict."""

import json
from pathlib import Path
from typing import Annotated

import typer


def reproduce_command(
    out: Annotated[Path | None, typer.Option(help="New directory for the page and the verdicts.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Change the case to see verdicts turn: road.theta_per_min=2, grid.demand_response.0.share_max=.6.",
        ),
    ] = None,
    warm_start: Annotated[
        bool,
        typer.Option("--warm-start/--cold-start", help="Start each period from the one before (Step 2)."),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Compute the paper's case and set what it says beside what comes out, statement by statement."""
    from cosim.results import RunDirectory
    from experiments.reproduce.cases import reproduce
    from experiments.reproduce.page import write_page
    from experiments.reproduce.report import as_text, report_on

    directory = None if out is None else RunDirectory(out)  # refuses one that exists before any work is done
    case = reproduce(settings or (), warm_start=warm_start)
    report = report_on(case)
    told = json.dumps(report.as_json(), ensure_ascii=False)
    if directory is not None:
        with directory as unfinished:
            (unfinished.path / "statements.json").write_text(told + "\n", encoding="utf-8")
            write_page(case, report, unfinished.path / "report.html")
    typer.echo(told if as_json else as_text(report) + (f"\nreport {out / 'report.html'}" if out else ""))
    if report.changed:
        names = ", ".join(dict.fromkeys(own.id for own in report.changed))
        typer.echo(f"cosim: not the recorded verdict: {names}.", err=True)
        raise typer.Exit(3)
