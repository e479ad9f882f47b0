"""What the documentation says to type works, and prints what it shows.

A document is one test. They run in reading order and in one folder, where nothing is prepared, and their blocks
from top to bottom. Blocks that name themselves in their first line, ``# town/links.csv``, are files that the
reader saves there; blocks without a language are what one of the commands prints. Numbers of days and
populations are smaller here, and a command that stands in several documents is run once for all.
"""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import plotly.graph_objects as go
import plotly.io
import pytest

from cosim.errors import ConfigError
from experiments.scenarios.files import copy_samples
from tests.computed_once import pages_drawn_once, typed
from tests.make_samples import SAMPLES, main

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs" / "index.md"
"""Only gathers the pages for `make docs`."""
INDEX = ROOT / "docs" / "README.md"
READ = re.findall(r"\]\(([\w/]+\.md)\)", INDEX.read_text(encoding="utf-8"))
DOCUMENTS = [ROOT / "README.md", INDEX, *(ROOT / "docs" / name for name in READ)]
"""In the order in which they are read."""

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
    """Yield the words of each ``cosim`` command of a shell block, and carry out each ``cp``."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["cp"]:
            shutil.copy(*words[1:])
        if words[:1] == ["cosim"]:
            yield words[1:]


def smaller(words: list[str]) -> list[str]:
    """Return a command with fewer days or populations."""
    command = shlex.join(words)
    for size, less in SMALLER.items():
        command = re.sub(rf"{size}(?!\S)", less, command)
    return shlex.split(command)


def run_command(words: list[str], store: Path) -> str:
    """Run a command and return what it prints; what it writes was not there."""
    if "--out" in words and words[0] != "sweep":  # the directory of a sweep grows
        out = words[words.index("--out") + 1]
        assert not Path(out).exists(), f"{out} is written by two commands"
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


def write_file(block: Block) -> None:
    file = named_file(block)
    assert file is not None
    assert not file.exists(), f"{file} stands in two documents"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block.text, encoding="utf-8")
    sys.modules.pop(file.stem, None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the one folder that all documents are read in."""
    return tmp_path_factory.mktemp("reader")


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_document_says_to_type_works(
    document: Path,
    store: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {"__name__": document.stem}
    found = blocks(document)
    answers = []
    for block in found:
        if named_file(block):
            write_file(block)
        elif block.language in {"sh", "bash"}:
            answers += [run_command(smaller(words), store) for words in commands(block.text)]
        elif block.language == "python":
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
    assert len(set(DOCUMENTS)) == len(DOCUMENTS)
    assert set(DOCUMENTS) == {ROOT / "README.md", *(ROOT / "docs").rglob("*.md")} - {SITE}


def test_the_samples_are_those_that_are_made_and_are_written_once(tmp_path: Path) -> None:
    main(tmp_path / "made")
    made = {file.relative_to(tmp_path / "made"): file for file in (tmp_path / "made").rglob("*.*")}
    assert {file.relative_to(SAMPLES) for file in SAMPLES.rglob("*.*")} == set(made)
    for name, file in made.items():
        assert file.read_bytes() == (SAMPLES / name).read_bytes(), name
    copied = tmp_path / "samples"
    copy_samples(copied)
    copy_samples(copied)  # those that are there are left
    assert all((copied / name).read_bytes() == file.read_bytes() for name, file in made.items())
    (copied / "mine.csv").write_text("mine")
    with pytest.raises(ConfigError, match="exists already with other files"):
        copy_samples(copied)


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
