"""The command ``cosim reproduce``: figures and statements of Ma et al. (2024), each with a verdict."""

from typing import Annotated

import typer

from experiments.options import AsJson, Out

CaseSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Change the case to see verdicts turn: road.theta_per_min=2, grid.demand_response.0.share_max=0.6.",
    ),
]
WarmStart = Annotated[
    bool, typer.Option("--warm-start/--cold-start", help="Start each period from the one before (Step 2).")
]


def reproduce_command(
    out: Out = None, settings: CaseSettings = None, warm_start: WarmStart = True, as_json: AsJson = False
) -> None:
    """Compute the paper's case and set what it says beside what comes out, statement by statement."""
    import json

    from experiments.reproduce.cases import reproduce
    from experiments.reproduce.page import page
    from experiments.reproduce.report import as_text, report_on
    from experiments.study import Study, finish

    case = reproduce(settings or (), warm_start=warm_start)
    report = report_on(case)
    facts = report.as_json()
    text = json.dumps(facts, ensure_ascii=False) + "\n"
    names = ", ".join(dict.fromkeys(own.id for own in report.changed))
    study = Study(
        command="reproduce",
        facts=facts,
        lines=[as_text(report)],
        flags=[f"not the recorded verdict: {names}."] if names else [],
        page=lambda _tables: page(case, report),
        files=lambda folder: (folder / "statements.json").write_text(text, encoding="utf-8"),
    )
    finish(study, out, as_json=as_json)
