"""What is computed once in a session of tests, by whichever of its processes asks first.

`once` keeps any answer; `typed` keeps what a command of ``cosim`` printed and wrote, so that a command that stands in
two documents, or that a test asks about, runs once. An answer depends on the words of the command, and on the
files that they name. Of runs with the same tables the first has its page drawn.
"""

import pickle
import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from typer.testing import CliRunner

from cosim.results import Run
from experiments.cli import app
from experiments.reproduce import cases
from experiments.reproduce.cases import VARIANTS, Reproduction, reproduce
from experiments.reproduce.report import report_on
from experiments.run import runner
from experiments.run.report import write_report

BUNDLED = "configs"
"""The project's own files, the same for all commands of a session."""
ANYWHERE = "{out}"
"""Stands for the directory that a command writes to."""
LONGEST_S = 3600
"""To wait for another process that computes the same."""


def once(store: Path, name: str, compute: Callable[[], Any]) -> Any:
    """Return the answer of that *name* in the folder *store*; computed if it is not there yet."""
    file = store / sha256(name.encode()).hexdigest()
    # a database of its own for each answer: it is locked while one process computes, and free if that one dies
    with closing(sqlite3.connect(file, timeout=LONGEST_S, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        database.execute("CREATE TABLE IF NOT EXISTS answers (content BLOB)")
        found = database.execute("SELECT content FROM answers").fetchone()
        if found is None:
            found = (pickle.dumps(compute()),)
            database.execute("INSERT INTO answers VALUES (?)", found)
        database.execute("COMMIT")
    return pickle.loads(found[0])  # noqa: S301  (our own)


def case_of_the_paper(store: Path) -> Reproduction:
    """Return the paper's case, with all that its statements ask for."""

    def judged() -> Reproduction:
        case = reproduce()
        report_on(case)
        return case

    return once(store, "the paper's case", judged)  # type: ignore[no-any-return]


class Answer(NamedTuple):
    """What a command left: its exit code, what it printed, its error if it had one, and the files it wrote."""

    exit_code: int
    printed: str
    error: str
    files: dict[str, bytes]


def typed(command: str, store: Path) -> Answer:
    """Run a command of ``cosim`` in the working directory, or put there what it has written before."""
    words = shlex.split(command)
    out = words[words.index("--out") + 1] if "--out" in words else ""
    named = [ANYWHERE if out and word == out else word for word in words]
    answer: Answer = once(
        store, f"{shlex.join(named)} {_digest(words)}", lambda: _elsewhere(_run(words, store), out, ANYWHERE)
    )
    answer = _elsewhere(answer, ANYWHERE, out)
    for name, content in answer.files.items():
        file = Path(name)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    return answer


def _elsewhere(answer: Answer, out: str, other: str) -> Answer:
    """Return the answer as if the command had written to *other*: two documents may name one run differently."""
    if not out:
        return answer
    files = {
        re.sub(rf"^{re.escape(out)}(?=/)", other, name): content for name, content in answer.files.items()
    }
    return answer._replace(printed=answer.printed.replace(out, other), files=files)


def _run(words: Sequence[str], store: Path) -> Answer:
    before = set(_files(Path()))
    with (
        pages_drawn_once(store),
        patch.object(cases, "reproduce", lambda settings, warm_start: _case(store, settings, warm_start)),
    ):
        result = CliRunner().invoke(app, words)
    written = {str(file): file.read_bytes() for file in _files(Path()) if file not in before}
    return Answer(result.exit_code, result.output, repr(result.exception), written)


@contextmanager
def pages_drawn_once(store: Path) -> Iterator[None]:
    """Of the runs with the same tables let the first alone have its page drawn."""
    with patch.object(runner, "_write_report", lambda run: _draw_first_of_its_kind(run, store)):
        yield


def _draw_first_of_its_kind(run: Run, store: Path) -> None:
    tables = (str(file.relative_to(run.directory)) for file in run.directory.rglob("*.parquet"))
    page = run.directory / "report.html"
    once(store, f"page of {sorted(tables)}", lambda: write_report(run))
    if not page.exists():
        page.touch()


def _case(store: Path, settings: Sequence[str], warm_start: bool) -> Reproduction:
    """Return the paper's case; a changed one shares with it what the change leaves as it is."""
    known = case_of_the_paper(store)
    if not settings:
        return known if warm_start else replace(known, roads=replace(known.roads, warm_start=False))
    if not all(setting.startswith("grid.") for setting in settings):
        return reproduce(settings, warm_start=warm_start, variants=VARIANTS[:2])
    stored = any("storage" in setting for setting in settings)  # told apart in the last variants alone
    changed = reproduce(settings, warm_start=warm_start, variants=VARIANTS[: 4 if stored else 2])
    return replace(changed, trips=known.trips, roads=known.roads)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the reader's files in *folder* in order."""
    for file in sorted(folder.iterdir()):
        if file.is_dir() and file != Path(BUNDLED):
            yield from _files(file)
        elif file.is_file():
            yield file


def _digest(words: Sequence[str]) -> str:
    """Return a hash of the reader's files that a command names: beside a file in a folder, all that lies there."""
    named: set[Path] = set()
    for part in {part for word in words for part in re.split("[=:]", word)}:
        path = Path(part)
        if path.parts[:1] == (BUNDLED,) or path.is_absolute():
            continue
        if path.is_file():
            named |= {path} if path.parent == Path() else set(_files(path.parent))
        elif path.is_dir() and path != Path():
            named |= set(_files(path))
        elif path.with_suffix(".py").is_file():  # a module
            named.add(path.with_suffix(".py"))
    content = sha256()
    for file in sorted(named):
        content.update(f"{file} {file.stat().st_size} ".encode() + file.read_bytes())
    return content.hexdigest()
