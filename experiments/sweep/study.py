"""A sweep: the figures of a day, or of many, for each setting of some fields and each seed."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from warnings import warn

from cosim.arguments import checked
from cosim.blas import one_blas_thread
from cosim.config.reading import Settings
from cosim.config.sweep import Kind, SweptModel
from cosim.files import Permission
from cosim.sections import Count
from experiments.store.pieces import Pieces
from experiments.store.workers import in_processes
from experiments.sweep.answers.summary import Asked
from experiments.sweep.design import Values
from experiments.sweep.one_run import RunResult, run_member
from experiments.sweep.plan import Member, Plan, Setting, SweepRequest, make_plan, read_request
from experiments.sweep.sweep_result import Rows, Sweep, runs_frame

FIGURES = "figures.json"
"""File of a piece with the figures of a run."""


@checked
@one_blas_thread
def sweep(  # noqa: PLR0913  (an option each)
    scenario: str | Path,
    vary: Values | Sequence[str] | None = None,
    settings: Settings = (),
    *,
    sample: Values | Sequence[str] | None = None,
    points: Count | None = None,
    design: Kind | None = None,
    seeds: Count | None = None,
    model: SweptModel | None = None,
    days: Count | None = None,
    baseline: Mapping[str, Any] | None = None,
    thresholds: Mapping[str, float] | None = None,
    workers: Count = 1,
    done: Callable[[float], None] = lambda _share: None,
    note: Callable[[str], object] = warn,
    pieces: Pieces | None = None,
    allow: Collection[Permission] = (),
) -> Sweep:
    """Return the figures of each run: of each setting the equilibrium, the agents' days with each seed, or both.

    *vary* holds the values of fields, as in ``{"population.theta_per_min": [0.1, 0.2]}``: all combinations are run.
    *sample* holds ranges, ``{"population.ev_share": [0.1, 0.6]}``, of which *points* are drawn as *design* says.
    *seeds* repeats the agents' day; seed number k has the same random numbers in all settings. *model* is by default
    the equilibrium, and with several seeds both. *baseline* are values of fields to compare with, *thresholds* levels
    of figures. What is not given is taken from the scenario's table ``[sweep]``; *settings* hold for all runs.
    All settings are checked before the first run; the table does not depend on the number of *workers* (processes).
    *note* is called with what there is to tell: by default a Python warning. *allow*: ``"outside"`` lets the scenario
    read files outside its folder, ``"import"`` run Python code.
    """
    options: dict[str, Any] = {
        "points": points,
        "design": design,
        "seeds": seeds,
        "model": model,
        "days": days,
    }
    options |= {"baseline": baseline, "thresholds": thresholds}
    request = read_request(scenario, settings, vary=vary, sample=sample, allow=allow, **options)
    plan = make_plan(request, allow)
    results = _run_all(plan, workers, done, note, pieces)
    found = Sweep(frame=runs_frame(plan, results, {}), design=plan.design, asked=_asked(request))
    if request.model == "equilibrium":
        _tell_fields_without_effect(found, note)
    return found


def _tell_fields_without_effect(found: Sweep, note: Callable[[str], object]) -> None:
    for field in fields_without_effect(found):
        note(
            f"{field} changes no figure of the equilibrium, which is all that is solved "
            "(for the agents: --model both)"
        )


def _asked(request: SweepRequest) -> Asked:
    return Asked(
        baseline=request.baseline,
        thresholds=request.thresholds,
        investments={remedy.name: remedy.investment for remedy in request.remedies},
        sampled=request.design == "saltelli" and bool(request.sample),
        broken_at_most=request.broken_at_most,
    )


def fields_without_effect(found: Sweep) -> list[str]:
    """Return the fields with several values whose runs differ in nothing else than the value."""
    texts = found.frame.drop(columns=["run", "setting"]).astype(str)
    values = texts.nunique()
    return [
        field
        for field in found.fields
        if values[field] > 1
        and len(texts.drop(columns=field).drop_duplicates()) * values[field] == len(texts)
    ]


def _run_all(
    plan: Plan,
    workers: int,
    done: Callable[[float], None],
    note: Callable[[str], object],
    pieces: Pieces | None,
) -> dict[str, Rows]:
    """Return the figures of each run, by its id."""
    members = list({member.run: member for member in plan.members}.values())
    results = {
        m.run: _kept(pieces, m.run) for m in members if pieces is not None and f"run-{m.run}" in pieces
    }
    missing = [member for member in members if member.run not in results]
    tasks = [(plan.settings[member.setting - 1], member, pieces) for member in missing]
    with closing(in_processes(run_and_keep, tasks, workers, note)) as finished:
        for task, result in finished:
            results[missing[task].run] = result.days
            done(len(results) / len(members))
    return results


def run_and_keep(setting: Setting, member: Member, pieces: Pieces | None) -> RunResult:
    """Return the figures of a run, and keep them."""
    result = run_member(setting, member)
    if pieces is not None:
        text = json.dumps(result.days)
        pieces.put(f"run-{member.run}", lambda folder: (folder / FIGURES).write_text(text, encoding="utf-8"))
    return result


def _kept(pieces: Pieces, run: str) -> Rows:
    rows: list[dict[str, Any]] = json.loads(
        (pieces.path / f"run-{run}" / FIGURES).read_text(encoding="utf-8")
    )
    return rows
