"""What the documentation says to type works, and prints what it shows.

A document is one test: its blocks run in order in an empty folder with the project's ``configs``. Blocks that name
themselves in their first line, ``# town/links.csv``, are files of the reader's, written there first; blocks without a
language are what one of the commands prints. Numbers of days and populations are smaller here, and a command that
stands in several documents is run once for all.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import plotly.graph_objects as go
import plotly.io
import pytest

from tests.computed_once import pages_drawn_once, typed
from tests.docs_samples import SAMPLES

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs" / "index.md"
"""Only gathers the pages for `make docs`."""
DOCUMENTS = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")} - {SITE})

FLAGGED = (
    "run coupled",  # the step tariff flips
    "grid.slack_voltage_pu=",  # a limit that cannot be kept
    "--forecast-error",  # what was not foreseen
    "--cold-start",
    "cosim reproduce --set",
)
"""Commands that end with code 3, for so the text around them says; all others end with 0."""
UNFLAGGED = "coupling.mode=one_pass"
"""Without feedback no tariff flips."""

SMALLER = {
    "--replications 20": "--replications 2",
    "--days 14": "--days 2 --evs 5000",
    "--days 5": "--days 2 --set population.resolution=batch",
    "run paper --out runs/paper$": "run paper --out runs/paper --set population.resolution=batch",
    "run paper --set": "run paper --no-learning-check --set population.resolution=batch --set",
    "run town/town.toml": "run town/town.toml --set population.resolution=batch",
    "converge paper": "converge paper --sizes 100,1000 --replications 3",
    "converge toy": "converge toy --sizes 100,1000 --replications 3",
}
"""Sizes that take long, and what is run instead."""

PRINTED = {
    "assignment.md": ("total travel time 84901.9 veh min", "90 % interval"),
    "coupling.md": ("CNY/kWh\n", "and 2 other starts, at most 0.00"),
    "dispatch.md": ("one more kWh at bus 18",),
    "drivers.md": ("against the logit equilibrium: differs ['choice']",),
    "mobility.md": ("inside the band: True", "p after eight days"),
}
"""What the Python of a document prints."""
DRAWN = {"architecture.md", "coupling.md"}
"""Documents whose blocks without a language are drawings."""
OF_MORE_DAYS = {"compare.md"}
"""Documents that show what is printed of more days than are run here."""


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


def blocks(document: Path) -> list[Block]:
    found = re.findall(
        r"^```(\w*)[^\n]*\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
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


def run_command(words: list[str], store: Path) -> str:
    """Run a command and return what it prints."""
    answer = typed(shlex.join(words), store)
    command = shlex.join(["cosim", *words])
    flagged = any(part in command for part in FLAGGED) and UNFLAGGED not in command
    wanted = 3 if flagged else 0
    assert answer.exit_code == wanted, f"{command}: {answer.error}\n{answer.printed}"
    return answer.printed


def shows(block: str, printed: str) -> bool:
    """Tell whether all lines of *block* stand in *printed* in this order, with others between them where it has `...`.

    The digits of numbers such as 3e-10, what is left of a search, are those of a machine.
    """
    parts = re.split(r"^ *\.\.\.\n", plain(block), flags=re.MULTILINE)
    return re.search(".*?".join(map(re.escape, parts)), plain(printed), re.DOTALL) is not None


def plain(text: str) -> str:
    return re.sub(r"\d\.\de[+-]\d\d", "#", text)


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
    document: Path,
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("configs").symlink_to(ROOT / "configs")
    for write in SAMPLES.get(document.name, ()):
        write()
    names: dict[str, object] = {"__name__": document.stem}
    found = blocks(document)
    write_files(found)
    answers = []
    for block in found:
        if block.language in {"sh", "bash"}:
            answers += [run_command(smaller(words), store) for words in commands(block.text)]
        elif block.language == "python" and not named_file(block):
            with pages_drawn_once(store):
                exec(compile(block.text, str(document), "exec"), names)  # noqa: S102
    printed = capsys.readouterr().out
    for words_ in PRINTED.get(document.name, ()):
        assert words_ in printed
    if document.name not in DRAWN | OF_MORE_DAYS:
        for block in found:
            if not block.language:
                assert any(shows(block.text, answer) for answer in answers), block.text


def test_a_block_is_shown_only_if_it_is_printed_line_by_line() -> None:
    printed = "losses 556 kWh\nresidual 3.0e-07\nverdict agrees\nseconds 3\n"
    assert shows("losses 556 kWh\nresidual 9.9e-08\n", printed)
    assert shows("losses 556 kWh\n...\nseconds 3\n", printed)
    for other in ("losses 557 kWh\n", "seconds 3\n...\nlosses 556 kWh\n", "losses 556 kWh\nverdict agrees\n"):
        assert not shows(other, printed)


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
def test_a_notebook_runs_from_top_to_bottom(
    notebook: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the shell that a kernel wraps, in this process: another one would load all libraries again."""
    reason = "IPython is needed; install the extra 'dev'"
    interactive = pytest.importorskip("IPython.core.interactiveshell", reason=reason)
    capture = pytest.importorskip("IPython.utils.capture", reason=reason)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plotly.io.renderers, "default", "plotly_mimetype")  # as in a notebook
    shell = interactive.InteractiveShell()
    results = []
    with capture.capture_output() as captured:
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                with pages_drawn_once(store):
                    results.append(shell.run_cell("".join(cell["source"])))
                results[-1].raise_error()
    assert "210 kWh leave CS6" in captured.stdout or "211 kWh leave CS6" in captured.stdout
    assert sum(isinstance(own.result, go.Figure) for own in results) == 2


def test_notebooks_are_kept_without_outputs() -> None:
    """They would differ with every run, and be most of the file."""
    for notebook in (ROOT / "docs").rglob("*.ipynb"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        assert all(not cell.get("outputs") for cell in cells), notebook.name
