"""Judge of the store: kills at random points of days, replications and a sweep.

    python benchmarks/kills.py                       # 50 kills of each
    python benchmarks/kills.py --kills 10 --kinds days --seed 2

A kill is SIGKILL, SIGTERM or Ctrl-C of the command, or SIGKILL of one of its workers, after a random time. Then the
same command goes on until it is killed again. Asserted: the tables of whole runs are those of a run that was never
killed; no piece is made twice; signals are answered within five seconds with 143 and 130; no process and no folder is
left. (Processes are found in /proc: Linux.) The days are small, and commands begin with their libraries loaded
(`benchmarks/forked.py`): so most kills hit the agents, the store and the tables.
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import chdir, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
from forked import Forge, Forked

from experiments.store.journal import read_journal

PROFILES = "period,load_pu,trip_share,price_cny_per_kwh\n1,0.4,0.4,0.4\n2,0.9,0.6,1.0\n"
SCENARIO = """
extends = "toy"
periods = 2
profiles = "two.csv"
[population]
evs = 40
estimate_diaries = 2000
resolution = "batch"
"""
COMMANDS = {
    "days": "run two.toml --days 6 --model agents",
    "replications": "run two.toml --replications 8 --workers 2 --model agents",
    "sweep": "sweep two.toml --vary stations.S.chargers=2,3,4,5,6,7,8,9,10,11 --workers 2",
}
ANSWER_S = 5.0
HANG_S = 600.0
EXIT_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}
GOES_ON = re.compile(r"goes on with (\d+) finished")
RUNS = "runs.parquet"
FAULTS = ("Traceback", "fault of the program")


def tables_in(folder: Path) -> dict[str, str]:
    """Return the hash of each table in *folder*; of a sweep that of all runs, for segments hold them as they came."""
    files = [folder / RUNS] if (folder / RUNS).exists() else sorted(folder.rglob("*.parquet"))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def is_whole(folder: Path) -> bool:
    """Whether a run or a sweep is whole: the directory of a sweep is there from the beginning."""
    return (folder / RUNS).exists() or (folder.exists() and not (folder / ".cosim.lock").exists())


def finished_runs(folder: Path) -> dict[str, int]:
    """Return the runs of a sweep that are finished, each with the number of its rows."""
    found = Counter[str]()
    for file in folder.glob("results/[!.]*.parquet"):
        found.update(pq.read_table(file)["run"].to_pylist())
    for file in folder.glob("journal/*.jsonl"):
        records, _ = read_journal(file)
        found.update(record["run"] for record in records if record["run"] not in found)
    return dict(found)


def session(leader: int, *, workers: bool = False) -> list[int]:
    """Return the living processes of a session besides its leader, or its workers alone."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, _, number = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            is_worker = b"spawn_main" in (folder / "cmdline").read_bytes()
            if int(number) == leader != int(folder.name) and state != "Z" and (is_worker or not workers):
                found.append(int(folder.name))
    return found


@dataclass
class Kills:
    """The kills of one command in a folder of its own, the working directory."""

    words: list[str]
    forge: Forge
    draw: random.Random
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    whole_s: float = HANG_S
    """The shortest run from the beginning to the end."""

    def __post_init__(self) -> None:
        """Name the directory of its results."""
        self.out = Path("out").absolute()

    def judge(self, kills: int) -> None:
        """Kill the command so many times."""
        self.run_once(Path("never"), self.whole_s, {})
        expected = tables_in(Path("never"))
        if not expected:
            raise AssertionError(Path("said").read_text())
        made: dict[str, int] = {}
        while self.counts.total() - self.counts["whole runs"] < kills:
            self.run_once(self.out, self.draw.uniform(0, self.whole_s), made)
            if not is_whole(self.out):
                made = self.compare_pieces(made)
                continue
            self.compare_tables(expected)
            made = self.compare_pieces({})  # some, if it was killed while it cleared up
        self.run_once(self.out, HANG_S, made)  # what the last kill has stopped is kept until it is whole
        self.compare_tables(expected)
        self.run_once(Path("last"), HANG_S, {})
        if left := {path.name for path in Path().iterdir()} - {
            "never",
            "last",
            "said",
            "two.toml",
            "two.csv",
        }:
            self.faults.append(f"left: {sorted(left)}")

    def compare_tables(self, expected: dict[str, str]) -> None:
        """Compare the tables of a whole run with the *expected* ones, and remove it."""
        self.counts["whole runs"] += 1
        print(f"  {dict(self.counts)}, {len(self.faults)} faults", flush=True)
        if tables_in(self.out) != expected:
            self.faults.append("other tables")
        shutil.rmtree(self.out)

    def start(self, out: Path) -> Forked:
        """Start the command."""
        return self.forge.start([*self.words, "--out", str(out)], Path("said"))

    def run_once(self, out: Path, moment_s: float, made: dict[str, int]) -> None:
        """Run the command, and kill it or a worker at a moment, if it is not whole before."""
        start, process = time.monotonic(), self.start(out)
        if not process.is_over_within(moment_s):
            self.kill(process)
        elif code := process.exit_code():
            self.faults.append(f"exit code {code} by itself")
        elif not made:
            self.whole_s = min(self.whole_s, time.monotonic() - start)
        said = Path("said").read_text(encoding="utf-8")
        if any(word in said for word in FAULTS):
            self.faults.append(said)
        kept = {name for name in made if "boundary" not in name}
        if (found := GOES_ON.search(said)) and int(found[1]) != len(made):
            self.faults.append(f"goes on with {found[1]} of {len(made)} pieces: {said}")
        if kept and is_whole(out) and not found:
            self.faults.append(f"whole, without the {len(kept)} pieces that were there")
        end = time.monotonic() + ANSWER_S
        while left := session(process.pid):
            if time.monotonic() > end:
                self.faults.append(f"processes left: {left}")
                break
            time.sleep(0.02)

    def kill(self, process: Forked) -> None:
        """Kill a process, or one of its workers, and wait for its end."""
        kind = self.draw.choice([None, *EXIT_CODES])
        if kind is None:
            for worker in session(process.pid, workers=True)[:1]:
                self.counts["worker"] += 1
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
        else:
            self.counts[kind.name] += 1
            process.kill(kind)
        start = time.monotonic()
        if not process.is_over_within(HANG_S):
            self.faults.append("hangs")
            process.kill(signal.SIGKILL)
        code = process.exit_code()
        if kind is not None:
            self.slowest_s = max(self.slowest_s, time.monotonic() - start)
        # the last one before the program has begun
        expected = {0} if kind is None else {EXIT_CODES[kind], 0, -kind}
        if code not in expected:
            self.faults.append(f"exit code {code} after {kind.name if kind else 'the death of a worker'}")

    def compare_pieces(self, made: dict[str, int]) -> dict[str, int]:
        """Return when each finished piece was made, or how often a run; those that were there must be the same."""
        if runs := finished_runs(self.out):
            faults = [f"lost: {run}" for run in made.keys() - runs.keys()]
            self.faults += faults + [f"made again: {run}" for run, times in runs.items() if times > 1]
            return runs
        seals = self.out.with_name(f".{self.out.name}.pieces").glob("[!.]*-*/seal.json")
        found = {seal.parent.name: seal.stat().st_mtime_ns for seal in seals}
        for name, moment in made.items():
            if found.get(name, 0) != moment and "boundary" not in name:
                self.faults.append(f"made again, or lost: {name}")
        return found


def judge_kills(kind: str, kills: int, seed: int, forge: Forge) -> bool:
    """Return whether a command stands all kills."""
    with tempfile.TemporaryDirectory() as name, chdir(name):
        Path("two.toml").write_text(SCENARIO, encoding="utf-8")
        Path("two.csv").write_text(PROFILES, encoding="utf-8")
        case = Kills(COMMANDS[kind].split(), forge, random.Random(f"{seed} {kind}"))  # noqa: S311
        case.judge(kills)
    print(f"{kind}: {dict(case.counts)}, slowest end {case.slowest_s:.2f} s, {len(case.faults)} faults")
    for fault in case.faults[:5]:
        print(f"  {fault}")
    return not case.faults and case.slowest_s <= ANSWER_S


def main() -> None:
    """Judge, and exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description="Kills at random points.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kinds", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with Forge() as forge:
        good = [judge_kills(kind, given.kills, given.seed, forge) for kind in given.kinds]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
