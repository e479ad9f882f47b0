"""Judge of the trust boundary: attempts of a stranger's folder to read, write, run or disguise something.

Run: ``python benchmarks/hostile.py``, in a namespace of its own (user namespaces of Linux: all is read-only but a
folder in memory, and there is no network), or with ``--here`` without. Each attempt is a copy of toy with a change, and
a command. Asserted: what lies outside the folder is neither told nor copied into a result, nothing outside is written
or tried to be, no code of the folder runs and no other program, no address is spoken to, the terminal gets no escape
sequence, a page no element of the stranger's, and the command ends in sentences.
"""

import argparse
import errno
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
from namespace import FOLDER, begin_again, is_inside, make_read_only
from typer.testing import CliRunner, Result

from cosim.errors import UNPRINTABLE, CosimError
from experiments.cli import app

MEMORY = 2**30
WATCHED = {
    *("socket.connect", "socket.getaddrinfo", "socket.sendto"),
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen"),
}
"""What Python tells of programs that are started and addresses that are spoken to."""
NOTICED: list[str] = []
ROOT = Path(__file__).parents[1]


def verdict(attempt: Attempt, home: Path) -> str:
    """Return what is wrong with the answer to an attempt; empty if nothing."""
    before = {path: path.lstat().st_mtime_ns for path in home.rglob("*")}
    attempt.change()
    NOTICED.clear()
    start = time.process_time()
    result = CliRunner().invoke(app, attempt.command.split())
    seconds = time.process_time() - start
    said = f"{result.output}{result.exception or ''}"
    faults = {
        "runs code": Path("sprung").exists(),
        "tells a secret": SECRET in said,
        "copies a secret": any(_holds(file, SECRET) for file in Path("out").rglob("*")),
        "tries to write outside": os.strerror(errno.EROFS) in said,
        f"reaches out ({NOTICED[:1]})": bool(NOTICED),
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


def judge(attempts: list[Attempt]) -> int:
    """Return how many attempts succeed; each is made in a copy of toy beside the folder with the secrets."""
    from agents.days import release_memory  # loads NumPy, once the command line has set its threads

    home = Path("home").absolute()
    home.mkdir()
    (home / "secret.csv").write_text(f"{SECRET},S\n1,{SECRET}\n", encoding="utf-8")
    (home / "other.toml").write_text(f'name = "{SECRET}"\n', encoding="utf-8")
    os.environ |= {"HOME": str(home), "KEY": SECRET}
    _folder("made")
    with chdir("made"):
        CliRunner().invoke(app, [*RUN.split()[:-1], "../run"])
    shutil.copy("run/agents/links.parquet", "home/links.parquet")
    succeeded = 0
    for attempt in attempts:
        _folder("study")
        with chdir("study"):
            found = verdict(attempt, home)
        shutil.rmtree("study")
        release_memory()  # the limit is that of each attempt
        succeeded += bool(found)
        if found:
            print(f"{attempt.name} ({attempt.command.split()[0]}): {found}", flush=True)
    return succeeded


def main() -> None:
    """Judge the attempts, and exit with 1 if one of them succeeds."""
    parser = argparse.ArgumentParser(description="Attempts of a stranger's folder.")
    parser.add_argument("--only", default="", help="a part of the names of attempts")
    parser.add_argument("--here", action="store_true", help="in this system, not in a namespace")
    given = parser.parse_args()
    if not given.here and not is_inside():
        sys.exit(begin_again())
    if is_inside():
        make_read_only()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    attempts = [
        attempt
        for kind in (reading, running, disguised, swelling)
        for attempt in kind()
        if given.only in attempt.name
    ]
    sys.addaudithook(_notice)
    with tempfile.TemporaryDirectory(dir=FOLDER if is_inside() else None) as name, chdir(name):
        tempfile.tempdir = name
        succeeded = judge(attempts)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    where = "in a namespace of its own" if is_inside() else "here"
    print(f"{len(attempts)} attempts {where}, {succeeded} succeeded; at most {peak_mib} MiB")
    sys.exit(1 if succeeded else 0)


def _notice(event: str, details: tuple[object, ...]) -> None:
    """Note what a program does that starts others, or speaks to them."""
    if event in WATCHED:
        NOTICED.append(f"{event} {details}"[:200])


def _folder(name: str) -> None:
    """Copy toy into a new folder."""
    Path(name).mkdir()
    for part in ("toy", "mobility"):
        shutil.copytree(ROOT / "configs" / part, Path(name) / part)
    shutil.copy(ROOT / "configs" / "toy.toml", name)


if __name__ == "__main__":
    main()
