"""A sweep: the figures of a day, or of many, for each setting of some fields and each seed."""

import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from warnings import warn

from cosim.arguments import checked
from cosim.blas import one_blas_thread
from cosim.config.reading import Settings
from cosim.config.sweep import Kind, SweptModel
from cosim.errors import STORAGE, ConfigError, StorageError
from cosim.files import Permission
from cosim.sections import Count
from experiments.store.engines import MOST_DEATHS, EngineName, make_engine, work_off
from experiments.store.tasks import End
from experiments.sweep.answers.summary import Asked
from experiments.sweep.campaign import Campaign
from experiments.sweep.design import Values
from experiments.sweep.one_run import run_member
from experiments.sweep.plan import SweepRequest, make_plan, read_request
from experiments.sweep.sweep_result import Sweep, runs_frame, told_of_runs
from experiments.sweep.worklist import Shard, Worklist

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARD = "shard"
Tell = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is."""

    done: int
    runs: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a sweep is worked off; the table does not depend on it."""

    out: Path | None = None
    workers: int = 1
    engine: EngineName | None = None
    scheduler: str | None = None
    shard: Shard = (1, 1)
    fork: bool = False
    note: Tell = warn
    progress: Callable[[Progress], object] = lambda _: None


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
    keep: Sequence[str] | None = None,
    baseline: Mapping[str, Any] | None = None,
    thresholds: Mapping[str, float] | None = None,
    out: str | Path | None = None,
    workers: Count = 1,
    engine: EngineName | None = None,
    scheduler: str | None = None,
    shard: Sequence[int] = (1, 1),
    fork: bool = False,
    progress: Callable[[Progress], object] = lambda _: None,
    note: Tell = warn,
    allow: Collection[Permission] = (),
) -> Sweep:
    """Return the figures of each run: of each setting the equilibrium, the agents' days with each seed, or both.

    *vary* holds the values of fields, as in ``{"population.theta_per_min": [0.1, 0.2]}``: all combinations are run.
    *sample* holds ranges, ``{"population.ev_share": [0.1, 0.6]}``, of which *points* are drawn by a *design*; *seeds*
    repeat the agents' day, with the same random numbers in all settings. *keep* names tables to keep, *baseline* values
    to compare with, *thresholds* levels of figures. What is not given is in ``[sweep]``. The table does not depend on
    *workers*, *engine* ("in-process", "processes", "dask" with a *scheduler*) or *shard*.
    What is finished is kept in *out*. *allow*: ``"outside"`` (of its folder) files may be read, ``"import"`` code run.
    """
    options: dict[str, Any] = {
        "points": points,
        "design": design,
        "seeds": seeds,
        "model": model,
        "days": days,
    }
    options |= {"vary": vary, "sample": sample, "keep": keep, "baseline": baseline, "thresholds": thresholds}
    request = read_request(scenario, settings, allow=allow, **options)
    folder, part = None if out is None else Path(out), _shard(shard)
    how = How(out=folder, workers=workers, engine=engine, scheduler=scheduler, shard=part, fork=fork)
    return run_request(request, replace(how, note=note, progress=progress), allow)


def _shard(shard: Sequence[int]) -> Shard:
    if len(shard) != 2 or not 1 <= shard[0] <= shard[1]:
        raise ConfigError(SHARD, [f"{shard!r} is no part of a sweep; it must be two numbers, as 3 of 8"])
    return shard[0], shard[1]


def run_request(request: SweepRequest, how: How, allow: Collection[Permission] = ()) -> Sweep:
    """Return the runs of a sweep that is asked for."""
    plan = make_plan(request, allow)
    with (
        _directory(how.out) as folder,
        Campaign(folder, plan, how.note, fork=how.fork, stays=how.out is not None) as campaign,
    ):
        _work_off(campaign, how)
        failed = campaign.failed()
        frame = runs_frame(plan, campaign.results.frame(), failed)
    missing = len(plan.runs) - frame.run.nunique()
    found = Sweep(frame=frame, design=plan.design, missing=missing, asked=_asked(request))
    if request.model == "equilibrium":
        for field in fields_without_effect(found):
            how.note(
                f"{field} changes no figure of the equilibrium, which is all that is solved "
                "(for the agents: --model both)"
            )
    return found


def _asked(request: SweepRequest) -> Asked:
    return Asked(
        baseline=request.baseline,
        thresholds=request.thresholds,
        investments={remedy.name: remedy.investment for remedy in request.remedies},
        sampled=request.design == "saltelli" and bool(request.sample),
        broken_at_most=request.broken_at_most,
    )


@contextmanager
def _directory(out: Path | None) -> "Iterator[Path]":
    """Yield the directory of the sweep; one that is removed afterwards, if it is to have none."""
    if out is not None:
        yield out
        return
    with TemporaryDirectory(prefix="cosim-sweep-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _work_off(campaign: Campaign, how: How) -> None:
    """Do what is left of the plan."""
    work, plan, failed = Worklist(campaign, how.shard), campaign.plan, len(campaign.failed())
    done = len(plan.runs) - len(campaign.waiting())
    if done:
        how.note(f"goes on with {done} finished of {len(plan.runs)} runs in {campaign.folder}")
    if not work.runs:
        return
    about = told_of_runs(plan)
    engine = make_engine(how.engine, min(how.workers, work.runs), how.scheduler, how.note)
    with closing(work_off(engine, run_member, work, how.note)) as ends:
        for task, end in ends:
            if end.error is not None or end.died:
                _fail(campaign, task.key, end)
                failed += 1
            else:
                rows = [{**about[task.key], **row} for row in end.value.days]
                campaign.results.add(task.key, rows, end.value.tables)
            work.done(task.key)
            done += 1
            how.progress(Progress(done, len(plan.runs), failed))


def _fail(campaign: Campaign, run: str, end: End) -> None:
    """Keep why a run failed; raise what ends the whole sweep: a scenario that has changed, a disk that is full."""
    if isinstance(end.error, ConfigError | StorageError) or (
        isinstance(end.error, OSError) and end.error.errno in STORAGE
    ):
        raise end.error
    if end.error is None:
        reason = f"its process was ended from outside {MOST_DEATHS} times; is memory short?"
        campaign.fail(run, reason, reason)
    else:
        reason = f"{type(end.error).__name__}: {end.error}".partition("\n")[0]
        campaign.fail(run, reason, "".join(traceback.format_exception(end.error)))


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
