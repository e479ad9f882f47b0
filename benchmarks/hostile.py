"""Judge of the trust boundary: attempts of a stranger's folder to read, write, run or disguise something.

Run: ``python benchmarks/hostile.py``. Each attempt is a copy of toy with a change, and a command. Asserted: what lies
outside the folder is neither told nor copied into a result, nothing outside is written, no code of the folder runs,
the terminal gets no escape sequence, a page no element of the stranger's, and the command ends in sentences.
"""

# ruff: noqa: E501  (an attempt is a line)

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner, Result

from cosim.errors import UNPRINTABLE, CosimError
from experiments.cli import app

MEMORY = 2**30
ROOT = Path(__file__).parents[1]
SECRET = "SECRET-4711"  # noqa: S105
HTML = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
TRAP = "open('sprung', 'w').close()\nclass Choice:\n    def weights(self, a): return a.cost_min * 0 + 1\n"
RUN = "run toy.toml --set population.estimate_diaries=1000 --out out"
VALIDATE = "validate toy.toml"
SWEEP = "sweep toy.toml --vary road.theta_per_min=0.4,0.5 --out out"


@dataclass(frozen=True)
class Attempt:
    """What is changed in the folder, and the command its user types there."""

    name: str
    change: Callable[[], object]
    command: str = VALIDATE


def replaced(old: str, new: str, file: str = "toy.toml") -> Callable[[], object]:
    """Return a change of one text in a file."""

    def change() -> None:
        before = Path(file).read_text(encoding="utf-8")
        if old not in before:
            raise AssertionError(file, old)
        Path(file).write_text(before.replace(old, new, 1), encoding="utf-8")

    return change


def written(file: str, text: str | bytes) -> Callable[[], object]:
    """Return a change that writes a file."""
    content = text.encode() if isinstance(text, str) else text
    return lambda: Path(file).write_bytes(content)


def all_of(*changes: Callable[[], object]) -> Callable[[], object]:
    """Return several changes."""
    return lambda: [change() for change in changes]


def linked(file: str, target: str) -> Callable[[], object]:
    """Return a change that puts a link in place of a file or folder."""

    def change() -> None:
        path = Path(file)
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return change


def a_pipe(file: str) -> Callable[[], object]:
    """Return a change that puts a pipe in place of a file."""

    def change() -> None:
        Path(file).unlink()
        os.mkfifo(file)

    return change


LOAD = 'station_load = "{}"\nseed = 1'


def reading() -> list[Attempt]:
    """Return attempts to read what lies outside."""
    fields = {
        "an absolute path": "../home/secret.csv",
        "dots": "toy/../../home/secret.csv",
        "a device": "/dev/zero",
        "a terminal": "/dev/tty",
        "the environment": "/proc/self/environ",
        "memory": "/proc/self/mem",
        "an address": "https://example.org/data.csv",
        "a shell": "$(cat ../home/secret.csv)",
        "a home": "~/secret.csv",
        "a wildcard": "../home/*",
        "a NUL": "a\\u0000b",
    }
    return [
        *(
            Attempt(f"station_load: {name}", replaced("seed = 1", LOAD.format(path)), RUN)
            for name, path in fields.items()
        ),
        Attempt("a link in place of a file", linked("toy/od.csv", "../../home/secret.csv"), RUN),
        Attempt("a link in place of a folder", linked("toy", "../home"), RUN),
        Attempt(
            "a link to a link", all_of(linked("l", "../home"), linked("toy/od.csv", "../l/secret.csv")), RUN
        ),
        Attempt("a link to the environment", linked("toy/od.csv", "/proc/self/environ"), RUN),
        Attempt("a pipe", a_pipe("toy/od.csv")),
        Attempt("the scenario is a link", linked("toy.toml", "../home/secret.csv")),
        Attempt("extends outside", written("toy.toml", 'extends = "../home/other.toml"\n'), RUN),
        Attempt(
            "extends a chain",
            all_of(written("b.toml", 'extends = "toy.toml"\n'), written("toy.toml", 'extends = "b.toml"\n')),
        ),
        Attempt("extends a device", written("toy.toml", 'extends = "/dev/zero"\n')),
        Attempt("a feeder outside", replaced('buses = "toy/buses.csv"', 'buses = "../home/secret.csv"'), RUN),
        Attempt(
            "a network outside",
            all_of(
                replaced('buses = "toy/buses.csv"', 'network = "../home/net.json"'),
                replaced('branches = "toy/branches.csv"', ""),
            ),
            RUN,
        ),
        Attempt(
            "devices that name files",
            written(
                "d.toml",
                '[[feeders]]\nname = "x"\nbuses = "../home/secret.csv"\nbranches = "../home/secret.csv"\nbase_kv = 10.0\n',
            ),
            "dispatch case33bw --devices d.toml",
        ),
        Attempt(
            "a sweep over files",
            replaced("seed = 1", "vary = [\"station_load='../home/secret.csv','/etc/passwd'\"]\nseed = 1"),
            "sweep toy.toml --out out",
        ),
        Attempt(
            "roads for assign",
            replaced('demand = "toy/od.csv"', 'demand = "../home/secret.csv"'),
            "assign toy.toml --out out",
        ),
        Attempt(
            "mobility",
            replaced(
                'transitions = "mobility/activity_transitions.csv"', 'transitions = "../home/secret.csv"'
            ),
            "mobility toy.toml",
        ),
        Attempt(
            "a run with a linked table",
            _a_run(linked("run/agents/links.parquet", "../../../home/links.parquet")),
            "compare run --out out",
        ),
        Attempt(
            "a run with a linked manifest",
            _a_run(linked("run/manifest.json", "../../home/secret.csv")),
            "compare run",
        ),
        Attempt("a run with a linked folder", _a_run(linked("run/agents", "../../home")), "compare run"),
        Attempt(
            "a run that names files",
            _a_run(replaced("seed = 1", LOAD.format("../../home/secret.csv"), "run/scenario.toml")),
            "why run 1",
        ),
    ]


def _a_run(change: Callable[[], object]) -> Callable[[], object]:
    """Return a change that makes a run, and changes it."""
    return lambda: (shutil.copytree("../run", "run"), change())


def running() -> list[Attempt]:
    """Return attempts to run code."""
    choice = all_of(
        written("trap.py", TRAP), replaced("[population]", '[population]\nchoice = "trap:Choice"')
    )
    commands = (
        VALIDATE,
        RUN,
        SWEEP,
        "assign toy.toml",
        "dispatch toy.toml",
        "mobility toy.toml",
        "converge toy.toml --sizes 10,20 --replications 2",
    )
    network = all_of(
        replaced('buses = "toy/buses.csv"', 'network = "net.json"'),
        replaced('branches = "toy/branches.csv"', ""),
    )
    trap = '{"_module":"trap","_class":"T","_object":"{}"}'
    nets = {
        "an object": trap,
        "a table with an object": json.dumps(
            {
                "_module": "pandas.core.frame",
                "_class": "DataFrame",
                "_object": '{"columns":["a"],"index":[0],"data":[[' + trap + "]]}",
                "orient": "split",
            }
        ),
        "a table that Python's JSON does not read": json.dumps(
            {
                "_module": "pandas.core.frame",
                "_class": "DataFrame",
                "_object": '{"columns":["a"],"index":[0],"data":[[{"_module":"trap","_class":"T","x":"\t"}]]}',
                "orient": "split",
            }
        ),
        "lines": json.dumps(
            {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": "1\n" + trap, "lines": True}
        ),
        "a function": '{"_module":"builtins","_class":"function","_object":"eval"}',
        "a pickle": '{"_module":"pandas","_class":"read_pickle","_object":"trap.p"}',
        "a controller": '{"_module":"pandapower.control","_class":"Controller","_object":"{\\"x\\":'
        + trap.replace('"', '\\"')
        + '}"}',
    }
    return [
        *(Attempt(f"a choice model: {command.split()[0]}", choice, command) for command in commands),
        Attempt(
            "a choice model in a run",
            _a_run(
                lambda: (
                    written("trap.py", TRAP)(),
                    replaced("[population]", '[population]\nchoice = "trap:Choice"', "run/scenario.toml")(),
                )
            ),
            "why run 1",
        ),
        *(
            Attempt(
                f"a net: {name}",
                all_of(
                    network,
                    written("trap.py", TRAP),
                    written(
                        "net.json",
                        f'{{"_module":"pandapower.auxiliary","_class":"pandapowerNet","_object":{{"user":{net}}}}}',
                    ),
                ),
            )
            for name, net in nets.items()
        ),
        Attempt(
            "a MATPOWER file with a call",
            all_of(
                replaced('buses = "toy/buses.csv"', 'network = "case.m"'),
                replaced('branches = "toy/branches.csv"', ""),
                written(
                    "case.m",
                    "function mpc = case\nsystem('touch sprung');\nmpc.baseMVA = eval('1');\nmpc.version='2';\n",
                ),
            ),
        ),
        Attempt(
            "a pickle as a network",
            all_of(
                replaced('buses = "toy/buses.csv"', 'network = "net.p"'),
                replaced('branches = "toy/branches.csv"', ""),
                written("net.p", b"cos\nsystem\n(S'touch sprung'\ntR."),
            ),
        ),
        Attempt(
            "modules beside the scenario",
            all_of(
                *(written(f"{name}.py", TRAP) for name in ("numpy", "simbench", "mosek", "pandas", "cosim"))
            ),
            RUN,
        ),
    ]


def disguised() -> list[Attempt]:
    """Return names that mislead, write elsewhere, or become code for a page, a table or a terminal."""
    named = {
        "a path": "../../home/evil",
        "an absolute path": "/var/tmp/evil",  # noqa: S108
        "an option": "--out=x",
        "an end of line": "a\\nb",
        "a turn of the text": "a\\u202egnp",
        "an escape of the terminal": "\\u001b[2J\\u001b]0;evil\\u0007",
        "an escape of one byte": "\\u009b31mred",
    }
    rename = {
        "the scenario": 'name = "toy"',
        "a station": 'name = "S"',
        "a store": 'name = "storage"',
    }
    words = 'description = "Two paths, one station and a feeder of four buses"'
    return [
        *(
            Attempt(f"{what} is called {kind}", replaced(old, f'name = "{name}"'), RUN)
            for what, old in rename.items()
            for kind, name in named.items()
        ),
        *(
            Attempt(f"{what} is HTML", replaced(old, f"name = '{HTML.replace('/', '')}'"), RUN)
            for what, old in rename.items()
        ),
        Attempt("the description is HTML", replaced(words, f"description = '{HTML}'"), RUN),
        Attempt(
            "what to look at is HTML", replaced('what_to_look_at = """', f'what_to_look_at = """{HTML}'), RUN
        ),
        Attempt(
            "what to look at is HTML, in a sweep",
            all_of(
                replaced('what_to_look_at = """', f'what_to_look_at = """{HTML}'),
                replaced("seed = 1", 'vary = ["road.theta_per_min=0.4,0.5"]\nseed = 1'),
            ),
            "sweep toy.toml --out out",
        ),
        Attempt("a link is HTML", all_of(replaced("\n1,", f"\n{HTML},", "toy/links.csv")), RUN),
        Attempt(
            "a link is HTML, in assign",
            all_of(replaced("\n1,", f"\n{HTML},", "toy/links.csv")),
            "assign toy.toml --out out",
        ),
        Attempt(
            "a node is HTML",
            all_of(
                *(replaced(old, old.replace("3", HTML), file) for file, old in (("toy/nodes.csv", "\n3,"),)),
                lambda: Path("toy/links.csv").write_text(
                    Path("toy/links.csv").read_text().replace(",3,", f",{HTML},")
                ),
            ),
            RUN,
        ),
        Attempt(
            "a bus is HTML",
            lambda: [
                Path(f"toy/{name}.csv").write_text(
                    Path(f"toy/{name}.csv")
                    .read_text()
                    .replace("\n2,", f"\n{HTML},")
                    .replace(",2,", f",{HTML},")
                )
                for name in ("buses", "branches")
            ],
            RUN,
        ),
        Attempt(
            "a link is a formula",
            replaced("\n1,", "\n=cmd|' /C calc'!A0,", "toy/links.csv"),
            "assign toy.toml --out out",
        ),
        Attempt("a station is a formula", replaced('name = "S"', "name = \"=cmd|' \\C calc'!A0\""), SWEEP),
        Attempt(
            "the words obey the terminal",
            replaced(words, 'description = "\\u001b[2Jgone\\u009b31m"'),
            "scenarios toy.toml",
        ),
        Attempt("a column obeys the terminal", replaced("period", "\x1b[2J", "toy/profiles.csv")),
        Attempt(
            "a manifest obeys the terminal",
            _a_run(replaced('"name": "toy"', '"name": "\\u001b[2J"', "run/manifest.json")),
            "compare run run",
        ),
    ]


def swelling() -> list[Attempt]:
    """Return files that swell in memory or hold a reader for long."""
    return [
        Attempt("100,000 lists", written("toy.toml", "x = " + "[" * 100_000)),
        Attempt("100,000 tables", written("toy.toml", "x." * 100_000 + "x = 1")),
        Attempt(
            "a cell of 60 MB",
            written("toy/od.csv", b"origin,destination,demand_veh_h\n" + b"1" * 60_000_000 + b",4,1\n"),
        ),
        Attempt("60 MB of commas", written("toy/od.csv", b"," * 60_000_000)),
        Attempt(
            "60 MB of lines",
            written("toy/od.csv", b"origin,destination,demand_veh_h\n" + b"1,4,1\n" * 10_000_000),
        ),
        Attempt("a hole of 10 GB", lambda: os.truncate("toy/od.csv", 10**10)),
        Attempt("a number of a million digits", replaced("periods = 8", f"periods = {'9' * 500_000}")),
        Attempt("a million stations", written("toy.toml", '[[stations]]\nname="S"\n' * 40_000)),
        Attempt("a billion periods", replaced("periods = 8", "periods = 1000000000")),
        Attempt("a billion EVs", replaced("[population]", "[population]\nevs = 1000000000"), RUN),
    ]


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
