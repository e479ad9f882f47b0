"""The command ``cosim reproduce``: figures and statements of Ma et al. (2024), each with a verdict."""

from typing import Annotated

import typer

from experiments.options import AsJson, Out

CaseSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change the case, as a negative control: road.theta_per_min=2, grid.demand_response.0.share_max=0.6.",
    ),
]
WarmStart = Annotated[
    bool,
    typer.Option(
        "--warm-start/--cold-start",
        help="Start each period from the flows of the one before (Step 2).",
    ),
]


def reproduce_command(
    out: Out = None, settings: CaseSettings = None, warm_start: WarmStart = True, as_json: AsJson = False
) -> None:
    """Compute the case of the paper and compare its statements with the results, one by one."""
    import json

    from experiments.reproduce.cases import reproduce
    from experiments.reproduce.page import page
    from experiments.reproduce.report import as_text, report_on
    from experiments.study import CommandResult, emit

    case = reproduce(settings or (), warm_start=warm_start)
    report = report_on(case)
    facts = report.as_json()
    text = json.dumps(facts, ensure_ascii=False) + "\n"
    names = ", ".join(dict.fromkeys(judgement.id for judgement in report.changed))
    study = CommandResult(
        command="reproduce",
        facts=facts,
        lines=[as_text(report)],
        flags=[f"verdicts that differ from the recorded ones: {names}."] if names else [],
        page=lambda _tables: page(case, report),
        files=lambda folder: (folder / "statements.json").write_text(text, encoding="utf-8"),
    )
    emit(study, out, as_json=as_json)
