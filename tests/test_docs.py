"""What the documentation says to type works: its commands and its Python run, in order, in an empty folder.

A document is one test: its blocks share a folder with the project's ``configs``. Blocks that name themselves
in their first line, ``# town/links.csv``, are files of the reader's, written there first. Numbers of days and
populations are smaller here, a page is drawn once for all runs with the same scenario and tables, and a paper's case
that several commands ask about is computed once.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from cosim.results import Run
from experiments.cli import app
from experiments.reproduce import cases
from experiments.run import runner
from tests.docs_samples import SAMPLES

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs" / "index.md"
"""Only gathers the pages for `make docs`."""
DOCUMENTS = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")} - {SITE})

FLAGGED = (
    "run coupled",  # the step tariff flips
    "grid.slack_voltage_pu=0.96",
    "--forecast-error",  # what was not foreseen
    "--cold-start",
    "cosim reproduce --set",
)
"""Commands that end with code 3, for so the text around them says; all others end with 0."""
UNFLAGGED = "coupling.mode=one_pass"
"""Without feedback no tariff flips."""

SMALLER = {
    "--replications 20": "--replications 3",
    "--days 14": "--days 2",
    "--days 5": "--days 3",
    "converge paper": "converge paper --sizes 100,1000 --replications 3",
    "converge toy": "converge toy --sizes 100,1000 --replications 3",
}
"""Sizes that take long, and what is run instead."""

PRINTED = {
    "assignment.md": ("total travel time 84901.9 veh min", "90 % interval"),
    "coupling.md": ("CNY/kWh\n", "and 2 other starts, at most 0.00"),
    "dispatch.md": ("one more kWh at bus 18",),
    "mobility.md": ("inside the band: True", "p after eight days"),
}
"""What the Python of a document prints."""


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


def blocks(document: Path) -> list[Block]:
    found = re.findall(
        r"^```(\w+)[^\n]*\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [Block(language, text) for language, text in found]


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each ``cosim`` command of a shell block."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["cosim"]:
            yield words[1:]


def smaller(words: list[str]) -> list[str]:
    """Return a command with fewer days or populations."""
    command = shlex.join(words)
    for size, less in SMALLER.items():
        command = re.sub(rf"{size}(?!\S)", less, command)
    return shlex.split(command)


@cache
def case_of_the_paper(settings: tuple[str, ...], warm_start: bool) -> cases.Reproduction:
    return reproduce(settings, warm_start=warm_start)


reproduce, write_report = cases.reproduce, runner._write_report
pages_drawn: set[tuple[str, ...]] = set()


def write_first_page_of_its_kind(run: Run) -> None:
    """Write the page of a run, but for one whose scenario and tables have had theirs."""
    tables = (str(file.relative_to(run.directory)) for file in run.directory.rglob("*.parquet"))
    kind = (run.manifest["name"], *sorted(tables))
    if kind in pages_drawn:
        (run.directory / "report.html").touch()
    else:
        write_report(run)
        pages_drawn.add(kind)


def run_command(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    command = shlex.join(["cosim", *words])
    flagged = any(part in command for part in FLAGGED) and UNFLAGGED not in command
    wanted = 3 if flagged else 0
    assert result.exit_code == wanted, f"{command}: {result.exception or result.output}"


def named_file(block: Block) -> Path | None:
    """Return the file that a block says it is, in its first line; None where it is none."""
    name = re.match(r"# ([\w./-]+\.(?:csv|py|toml))\n", block.text)
    return Path(name[1]) if name else None


def write_files(found: list[Block]) -> None:
    for block in found:
        if file := named_file(block):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
            sys.modules.pop(file.stem, None)


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_document_says_to_type_works(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "_write_report", write_first_page_of_its_kind)
    monkeypatch.setattr(
        cases,
        "reproduce",
        lambda settings=(), warm_start=True: case_of_the_paper(tuple(settings), warm_start),
    )
    Path("configs").symlink_to(ROOT / "configs")
    for write in SAMPLES.get(document.name, ()):
        write()
    names: dict[str, object] = {"__name__": document.stem}
    found = blocks(document)
    write_files(found)
    for block in found:
        if block.language in {"sh", "bash"}:
            for words in commands(block.text):
                run_command(smaller(words))
        elif block.language == "python" and not named_file(block):
            exec(compile(block.text, str(document), "exec"), names)  # noqa: S102
    printed = capsys.readouterr().out
    for words_ in PRINTED.get(document.name, ()):
        assert words_ in printed


def test_every_link_to_a_file_leads_to_one() -> None:
    for document in DOCUMENTS:
        text = re.sub(
            r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
        )
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for document in DOCUMENTS[1:]:
        place = document.relative_to(ROOT / "docs")
        assert place == Path("README.md") or f"({place})" in index


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the kernel's own libraries
@pytest.mark.parametrize("notebook", sorted((ROOT / "docs").rglob("*.ipynb")), ids=lambda file: file.name)
def test_a_notebook_runs_from_top_to_bottom(notebook: Path, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is needed; install the extra 'dev'")
    nbformat = pytest.importorskip("nbformat")
    content = nbformat.read(notebook, as_version=4)
    nbclient.NotebookClient(content, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in content.cells for output in cell.get("outputs", ())]
    assert any("205" in str(output) or "204 kWh" in str(output) for output in shown)
    assert sum("application/vnd.plotly.v1+json" in output.get("data", {}) for output in shown) == 2


def test_notebooks_are_kept_without_outputs() -> None:
    """They would differ with every run, and be most of the file."""
    for notebook in (ROOT / "docs").rglob("*.ipynb"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        assert all(not cell.get("outputs") for cell in cells), notebook.name
