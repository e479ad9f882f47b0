"""Judge of the trust boundary: attempts of a stranger's folder to read, write, run or disguise something.

Run: ``python benchmarks/hostile.py``. Each attempt is a copy of toy with a change, and a command. Asserted: what lies
outside the folder is neither told nor copied into a result, nothing outside is written, no code of the folder runs,
the terminal gets no escape sequence, a page no element of the stranger's, and the command ends in sentences.
"""

import os
import resource
import shutil
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path

from attempts import RUN, SECRET, Attempt
from hostile_disguised import disguised
from hostile_reading import reading
from hostile_running import running
from hostile_swelling import swelling
from typer.testing import CliRunner, Result

from cosim.errors import UNPRINTABLE, CosimError
from experiments.cli import app

MEMORY = 2**30
ROOT = Path(__file__).parents[1]


def verdict(attempt: Attempt, home: Path) -> str:
    """Return what is wrong with the answer to an attempt; empty if nothing."""
    before = {path: path.lstat().st_mtime_ns for path in home.rglob("*")}
    attempt.change()
    start = time.process_time()
    result = CliRunner().invoke(app, attempt.command.split())
    seconds = time.process_time() - start
    said = f"{result.output}{result.exception or ''}"
    faults = {
        "runs code": Path("sprung").exists(),
        "tells a secret": SECRET in said,
        "copies a secret": any(_holds(file, SECRET) for file in Path("out").rglob("*")),
        "writes outside": before != {path: path.lstat().st_mtime_ns for path in home.rglob("*")}
        or Path("../../evil").exists(),
        "obeys the terminal": bool(UNPRINTABLE.search(said.replace("\n", "").replace("\t", ""))),
        "puts elements on the page": any(_holds(file, "<img src=x") for file in Path("out").glob("*.html")),
        "computes in a table": any(
            _holds(file, "\n=cmd") or _holds(file, ",=cmd") for file in Path("out").rglob("*.csv")
        ),
        "ends in a traceback": _is_fault(result),
        f"takes {seconds:.0f} s of CPU": seconds > 10,
    }
    return ", ".join(name for name, is_so in faults.items() if is_so) + (
        f" ({type(result.exception).__name__}: {result.exception})"[:300] if _is_fault(result) else ""
    )


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and text.encode() in file.read_bytes()


def _is_fault(result: Result) -> bool:
    return result.exception is not None and not isinstance(
        result.exception, SystemExit | CosimError | OSError
    )


def main() -> None:
    """Judge all attempts, and exit with 1 if one of them succeeds."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    succeeded = 0
    attempts = [*reading(), *running(), *disguised(), *swelling()]
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    attempts = [attempt for attempt in attempts if wanted in attempt.name]
    with tempfile.TemporaryDirectory() as name, chdir(name):
        home = Path("home").absolute()
        home.mkdir()
        (home / "secret.csv").write_text(f"{SECRET},S\n1,{SECRET}\n", encoding="utf-8")
        (home / "other.toml").write_text(f'name = "{SECRET}"\n', encoding="utf-8")
        os.environ |= {"HOME": str(home), "KEY": SECRET}
        _folder("made")
        with chdir("made"):
            CliRunner().invoke(app, [*RUN.split()[:-1], "../run"])
        shutil.copy("run/agents/links.parquet", "home/links.parquet")
        for attempt in attempts:
            _folder("study")
            with chdir("study"):
                found = verdict(attempt, home)
            shutil.rmtree("study")
            succeeded += bool(found)
            if found:
                print(f"{attempt.name} ({attempt.command.split()[0]}): {found}", flush=True)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{len(attempts)} attempts, {succeeded} succeeded; at most {peak_mib} MiB")
    sys.exit(1 if succeeded else 0)


def _folder(name: str) -> None:
    """Copy toy into a new folder."""
    Path(name).mkdir()
    for part in ("toy", "mobility"):
        shutil.copytree(ROOT / "configs" / part, Path(name) / part)
    shutil.copy(ROOT / "configs" / "toy.toml", name)


if __name__ == "__main__":
    main()
