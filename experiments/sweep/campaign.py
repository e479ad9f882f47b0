"""The directory of a sweep: its plan, what is finished of it, who works on it. It stays, and grows with the plan."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cosim.errors import ConfigError
from cosim.results import write_tables
from experiments.store.folders import cannot_be_created, hold, is_ours, sync_names
from experiments.store.identity import program
from experiments.store.leases import Writer
from experiments.store.pieces import Tell
from experiments.store.results import PARTS, RESULTS, TABLES, Results
from experiments.sweep.plan import Plan, SweepRequest
from experiments.sweep.sweep_result import plan_frame, result_columns

PATIENCE = 2_400
"""Attempts to hold the directory, for two minutes: each process of many that begin together looks through it."""
PLAN, PLAN_TABLE, FAILED, JOURNAL = "plan.json", "plan.parquet", "failed", "journal"


class Campaign:
    """The directory as a context manager, in which this process works on a plan; others may at the same time."""

    def __init__(
        self, folder: Path, plan: Plan, tell: Tell, *, fork: bool = False, stays: bool = True
    ) -> None:
        """Name it; *tell* is called with what there is to say. With *fork* what is of another scenario is put aside."""
        self.folder, self.plan, self.tell = folder, plan, tell
        self._fork, self._stays = fork, stays

    def __enter__(self) -> Self:
        """Take part; ConfigError where the directory is of another scenario or version, or of others."""
        stack = ExitStack()
        try:
            with held(self.folder):
                self.writer = Writer(self.folder)
                stack.enter_context(self.writer)
                self._take_part()
        except BaseException:
            stack.close()
            raise
        self._stack = stack
        return self

    def _take_part(self) -> None:
        self.writer.bury()
        others, known = self.writer.others(), read_plan(self.folder)
        own = self._record()
        if known is not None and (known["program"], known["base"]) != (own["program"], own["base"]):
            self._refuse_or_fork(known, others)
        elif known is not None and others and known["plan"] != own["plan"]:
            problem = (
                "another sweep with other runs is at work here; wait until it ends, or name another directory"
            )
            raise ConfigError(str(self.folder), [problem])
        self.results = Results(self.folder, self.writer.name, result_columns(self.plan))
        if known != own:
            self._write_plan(own)
        if not others:
            self.results.check(self.tell)
        self.results.absorb([self.writer.name, *others], self.tell)

    def _record(self) -> dict[str, Any]:
        request = json.loads(json.dumps(asdict(self.plan.request), default=str))
        return {"program": program(), "base": self.plan.base, "plan": self.plan.identity, "request": request}

    def _refuse_or_fork(self, known: dict[str, Any], others: list[str]) -> None:
        other = "version of the program" if known["program"] != program() else "scenario"
        if others or not self._fork:
            advice = (
                "name another directory"
                if others
                else "name another directory, or put them aside with --fork"
            )
            raise ConfigError(str(self.folder), [f"holds runs of another {other}; {advice}"])
        number = next(n for n in range(1, 10_000) if not (self.folder / f"before-{n}").exists())
        aside = self.folder / f"before-{number}"
        aside.mkdir()
        for path in sorted(self.folder.iterdir()):
            if path.name in {PLAN, PLAN_TABLE, FAILED, JOURNAL, RESULTS, TABLES, PARTS, *WRITTEN}:
                path.rename(aside / path.name)
        self.tell(f"runs of another {other} are put aside in {aside}")

    def _write_plan(self, record: dict[str, Any]) -> None:
        unfinished = self.folder / f".plan-{os.getpid()}"
        write_tables(unfinished, {"plan": plan_frame(self.plan)})
        (unfinished / PLAN_TABLE).replace(self.folder / PLAN_TABLE)
        write_durably(unfinished / PLAN, json.dumps(record))
        (unfinished / PLAN).replace(self.folder / PLAN)
        unfinished.rmdir()
        sync_names(self.folder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Seal what this process has finished, and leave; an error under way is told how to go on."""
        with self._stack:
            if error is not None and self._stays and not isinstance(error, ConfigError):
                error.add_note(
                    f"what is finished is kept; the same command goes on, or: cosim resume {self.folder}"
                )
            if not isinstance(error, OSError):
                self.results.seal()

    def fail(self, run: str, reason: str, log: str) -> None:
        """Keep why a run gave nothing, with its log; until that is removed it is not tried again."""
        folder = self.folder / FAILED
        folder.mkdir(exist_ok=True)
        write_durably(folder / f"{run}.log", log)
        write_durably(folder / f"{run}.txt", reason)

    def failed(self) -> dict[str, str]:
        """Return why runs of the plan gave nothing, by their ids."""
        found = {
            file.stem: file.read_text(encoding="utf-8")
            for file in sorted((self.folder / FAILED).glob("*.txt"))
        }
        return {m.run: found[m.run] for m in self.plan.members if m.run in found}

    def bury(self) -> None:
        """Free what writers have claimed that have died."""
        with held(self.folder):
            self.writer.bury()
            self.results.absorb([self.writer.name, *self.writer.others()], self.tell)

    def waiting(self) -> set[str]:
        """Return the ids of the runs of the plan that nobody has finished, nor failed at."""
        return self.plan.runs - self.results.finished() - self.failed().keys()


WRITTEN = ("runs.parquet", "runs.csv", "report.html", "manifest.json")
"""Files that a finished sweep has."""


def write_durably(file: Path, text: str) -> None:
    """Write a text, all of it or nothing, onto the disk."""
    unfinished = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8") as content:
            content.write(text)
            content.flush()
            os.fsync(content.fileno())
        unfinished.replace(file)
        sync_names(file.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the directory of a sweep for a moment; ConfigError if it is no such directory."""
    if folder.exists() and not (folder.is_dir() and is_ours(folder)):
        raise ConfigError(str(folder), ["exists already and holds no sweep; name another directory"])
    try:
        descriptor = hold(folder, PATIENCE)
    except OSError as reason:
        raise cannot_be_created(folder, reason) from None
    try:
        yield
    finally:
        os.close(descriptor)


def read_plan(folder: Path) -> dict[str, Any] | None:
    """Return the record of the plan in a directory; None without one."""
    file = folder / PLAN
    if not file.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise ConfigError(str(file), ["is damaged; remove it, and give the command again"]) from None
    return record


def read_request_of(folder: Path) -> SweepRequest:
    """Return what the sweep in a directory was asked to do."""
    from pydantic import TypeAdapter, ValidationError

    record = read_plan(folder) or {}
    try:
        return TypeAdapter(SweepRequest).validate_python(record["request"])
    except (KeyError, ValidationError):
        problem = "its plan is of another version of the program; go on with the command that began it"
        raise ConfigError(str(folder), [problem]) from None
