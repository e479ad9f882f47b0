"""Judge of the store: kills at random points, and damages of finished pieces.

    python benchmarks/kills.py                       # 50 kills each of days, replications and a sweep; 2,000 damages
    python benchmarks/kills.py --kills 10 --damages 200 --seed 2

A kill is SIGKILL, SIGTERM or Ctrl-C of the command, or SIGKILL of one of its workers, after a random time. Then the same command goes on
until it is killed again. Asserted: the tables of whole runs are those of a run that was never killed; no piece is made twice; signals are
answered within five seconds with 143 and 130; no process and no folder is left. (Processes are found in /proc: Linux.)

A damage is done to one file or piece of a store with three of four days. Asserted: it is told (or all is refused in a sentence), and the
tables of the four days are those of days that were never written.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

SMALL = "--set population.resolution=batch --set population.evs=100 --set population.estimate_diaries=2000"
COMMANDS = {
    "days": f"run toy --days 4 --model agents {SMALL}",
    "replications": f"run toy --replications 5 --workers 2 --model agents {SMALL}",
    "sweep": f"sweep toy --vary stations.S.chargers=2,3,4,5,6,7 --workers 2 {SMALL}",
}
ANSWER_S = 5.0
EXIT_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}


def command(words: str, out: Path) -> list[str]:
    """Return a command of the program."""
    return [sys.executable, "-m", "cosim", *words.split(), "--out", str(out)]


def tables_in(folder: Path) -> dict[str, str]:
    """Return the hash of each table in *folder*."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.parquet"))
    }


def session(leader: int) -> list[int]:
    """Return the living processes of a session but its leader."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name, _, rest = (folder / "stat").read_text().rpartition(")")
            state, _, _, number = rest.split()[:4]
            if int(number) == leader and state != "Z" and int(folder.name) != leader:
                found.append(int(folder.name))
            del name
    return found


@dataclass
class Kills:
    """The kills of one command."""

    words: str
    folder: Path
    draw: random.Random
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def judge(self, kills: int) -> None:
        """Kill the command so many times."""
        start = time.monotonic()
        subprocess.run(command(self.words, self.folder / "never"), check=False, capture_output=True)
        whole_s, expected = time.monotonic() - start, tables_in(self.folder / "never")
        made: dict[str, int] = {}
        while self.counts["kills"] < kills:
            out = self.folder / "out"
            if not self.run_once(out, whole_s):
                seals = self.seals(out)
                again = [name for name, moment in seals.items() if made.get(name, moment) != moment]
                lost = [name for name in made if "boundary" not in name and name not in seals]
                self.faults += [f"made twice, or lost: {name}" for name in (*again, *lost)]
                made |= seals
                continue
            made = {}
            self.counts["whole runs"] += 1
            if tables_in(out) != expected:
                self.faults.append("other tables")
            shutil.rmtree(out, ignore_errors=True)
            if left := [path.name for path in self.folder.iterdir() if path.name != "never"]:
                self.faults.append(f"left: {left}")

    def run_once(self, out: Path, whole_s: float) -> bool:
        """Run the command and kill it, if it is not whole before; return whether it is whole."""
        moment, kind = self.draw.uniform(0, 1.1 * whole_s), self.draw.choice(["worker", *EXIT_CODES])
        process = subprocess.Popen(
            command(self.words, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        with process, suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        if process.returncode is None and kind == "worker":
            kind = self.kill_worker(process)
        return self.end(process, kind, out)

    def seals(self, out: Path) -> dict[str, int]:
        """Return when each finished piece was made."""
        seals = out.with_name(f".{out.name}.pieces").glob("[a-z]*-*/seal.json")
        return {seal.parent.name: seal.stat().st_mtime_ns for seal in seals}
