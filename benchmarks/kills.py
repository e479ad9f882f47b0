"""Judge of the store: kills at random points, and damages of finished pieces.

    python benchmarks/kills.py                       # 50 kills each of days, replications and a sweep; 2,000 damages
    python benchmarks/kills.py --kills 10 --damages 200 --seed 2

A kill is SIGKILL, SIGTERM or Ctrl-C of the command, or SIGKILL of one of its workers, after a random time. Then the
same command goes on until it is killed again. Asserted: the tables of whole runs are those of a run that was never
killed; no piece is made twice; signals are answered within five seconds with 143 and 130; no process and no folder is
left. (Processes are found in /proc: Linux.)

A damage is done to one file or piece of a store with three of four days. Asserted: it is told (or all is refused in a
sentence), and the tables of the four days are those of days that were never written.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import filecmp
import gc
import hashlib
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
from functools import partial
from pathlib import Path

from cosim.errors import ConfigError
from experiments.run.kept_days import KeptDays
from experiments.store.pieces import Pieces, Store

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
        subprocess.run(command(self.words, self.folder / "never"), check=False, capture_output=True)  # noqa: S603
        whole_s, expected = time.monotonic() - start, tables_in(self.folder / "never")
        out = self.folder / "out"
        made: dict[str, int] = {}
        while self.counts.total() - self.counts["whole runs"] < kills:
            self.run_once(out, self.draw.uniform(0, 1.1 * whole_s))
            if not out.exists():
                made = self.compare_pieces(out, made)
                continue
            made = {}
            self.counts["whole runs"] += 1
            print(f"  {dict(self.counts)}, {len(self.faults)} faults", flush=True)
            if tables_in(out) != expected:
                self.faults.append("other tables")
            shutil.rmtree(out)
            if left := [path.name for path in self.folder.iterdir() if path.name != "never"]:
                self.faults.append(f"left: {left}")

    def run_once(self, out: Path, moment_s: float) -> None:
        """Run the command, and kill it or a worker at a moment, if it is not whole before."""
        said = self.folder / "said"
        with said.open("w") as errors:
            process = subprocess.Popen(  # noqa: S603
                command(self.words, out), stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
            )
            try:
                process.wait(moment_s)
            except subprocess.TimeoutExpired:
                self.kill(process)
        if "Traceback" in (text := said.read_text()):
            self.faults.append(text)
        said.unlink()
        end = time.monotonic() + ANSWER_S
        while left := session(process.pid):
            if time.monotonic() > end:
                self.faults.append(f"processes left: {left}")
                break
            time.sleep(0.02)

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill a process, or one of its workers, and wait for its end."""
        kind = self.draw.choice([None, *EXIT_CODES])
        if kind is None:
            for worker in session(process.pid, workers=True)[:1]:
                self.counts["worker"] += 1
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            process.wait(600)
            return
        self.counts[kind.name] += 1
        start = time.monotonic()
        process.send_signal(kind)
        code = process.wait(60)
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)
        if code not in {EXIT_CODES[kind], 0, -kind}:  # the last one before the program has begun
            self.faults.append(f"exit code {code} after {kind.name}")

    def compare_pieces(self, out: Path, made: dict[str, int]) -> dict[str, int]:
        """Return when each finished piece was made; those that were there before must be the same."""
        seals = out.with_name(f".{out.name}.pieces").glob("*-*/seal.json")
        found = {seal.parent.name: seal.stat().st_mtime_ns for seal in seals}
        for name, moment in made.items():
            if found.get(name, 0) != moment and "boundary" not in name:
                self.faults.append(f"made again, or lost: {name}")
        return found


def judge_kills(kind: str, kills: int, seed: int) -> bool:
    """Return whether a command stands all kills."""
    with tempfile.TemporaryDirectory() as name:
        case = Kills(COMMANDS[kind], Path(name), random.Random(f"{seed} {kind}"))  # noqa: S311
        case.judge(kills)
    print(f"{kind}: {dict(case.counts)}, slowest end {case.slowest_s:.2f} s, {len(case.faults)} faults")
    for fault in case.faults[:5]:
        print(f"  {fault}")
    return not case.faults and case.slowest_s <= ANSWER_S


def cut(file: Path, draw: random.Random, _: Path) -> None:
    """Keep the beginning of a file."""
    os.truncate(file, draw.randrange(max(file.stat().st_size, 1)))


def lose(file: Path, _: random.Random, __: Path) -> None:
    """Lose a file."""
    file.unlink()


def flip(file: Path, draw: random.Random, _: Path) -> None:
    """Flip a bit."""
    content = bytearray(file.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(content)


def blank(file: Path, draw: random.Random, _: Path) -> None:
    """Write zeros over a page, as a file system may after a power cut."""
    content = bytearray(file.read_bytes())
    start = draw.randrange(len(content))
    content[start : start + 4096] = bytes(len(content[start : start + 4096])) or b"0"
    file.write_bytes(content)


def swap_file(file: Path, _: random.Random, other: Path) -> None:
    """Put the file of another run in place of one."""
    shutil.copyfile(other / file.relative_to(file.parents[1]), file)


def swap_piece(file: Path, _: random.Random, other: Path) -> None:
    """Put the piece of another run in place of one."""
    shutil.rmtree(file.parent)
    shutil.copytree(other / file.parent.name, file.parent)


def swap_all(file: Path, _: random.Random, other: Path) -> None:
    """Put the pieces of another run in place of all."""
    shutil.rmtree(file.parents[1])
    shutil.copytree(other, file.parents[1])


def rename(file: Path, draw: random.Random, _: Path) -> None:
    """Put a copy of another piece in place of one."""
    source = draw.choice(sorted(path for path in file.parents[1].glob("*-*") if path != file.parent))
    shutil.rmtree(file.parent)
    shutil.copytree(source, file.parent)


def replace_by_folder(file: Path, _: random.Random, __: Path) -> None:
    """Put a folder in place of a file."""
    file.unlink()
    file.mkdir()


def replace_by_pipe(file: Path, _: random.Random, __: Path) -> None:
    """Put a pipe in place of a file, which hangs whoever reads it."""
    file.unlink()
    os.mkfifo(file)


DAMAGES: tuple[Callable[[Path, random.Random, Path], None], ...] = (
    *(
        cut,
        lose,
        flip,
        flip,
        blank,
        swap_file,
        swap_piece,
        swap_all,
        rename,
        replace_by_folder,
        replace_by_pipe,
    ),
)


@dataclass
class Damages:
    """Damages of a store with three of four days."""

    folder: Path
    draw: random.Random
    counts: Counter[str] = field(default_factory=Counter)

    def judge(self, number: int) -> None:
        """Damage the store so many times, and let the days go on."""
        from cosim.coupling import day_ahead, solve_equilibrium_day
        from cosim.scenario import load_scenario

        scenario = load_scenario("toy", [word for word in SMALL.split() if "=" in word])
        ahead = replace(day_ahead(scenario, solve_equilibrium_day(scenario)), days=4, n_ev=20)
        self.days = partial(KeptDays.simulate, scenario=replace(scenario, feeders=()), ahead=ahead)
        whole, other = (self.stopped(run, seed) for run, seed in (("ours", 1), ("theirs", 2)))
        KeptDays(Pieces(whole, "ours"), 1, 4).write(self.folder / "expected")
        expected = tables_in(self.folder / "expected")
        gc.collect()
        gc.freeze()  # each day ends with a garbage collection, of all that was ever imported
        shutil.rmtree(whole / "replication-0001-day-0004")
        for count in range(number):
            final, damage = self.folder / f"run-{count}", self.draw.choice(DAMAGES)
            copy = shutil.copytree(whole, self.folder / f".{final.name}.pieces")
            damage(self.draw.choice(sorted(copy.glob("*-*/*"))), self.draw, other)
            if all(filecmp.cmp(file, copy / file.relative_to(whole)) for file in whole.glob("*-*/*")):
                self.counts["no change"] += 1
                continue
            try:
                outcome = self.go_on(final, expected)
            except ConfigError:
                outcome = "refused"
            except Exception as error:  # noqa: BLE001  (whatever it is, it is counted)
                outcome = repr(error)
            self.counts[outcome if outcome in GOOD else f"{damage.__name__}: {outcome}"] += 1
            shutil.rmtree(copy, ignore_errors=True)
            shutil.rmtree(final, ignore_errors=True)

    def stopped(self, run: str, seed: int) -> Path:
        """Leave the pieces of a run, and return their folder."""
        with suppress(KeyboardInterrupt), Store(self.folder / run, run, print) as pieces:
            self.days(KeptDays(pieces, 1, 4), seed=seed)
            raise KeyboardInterrupt
        return pieces.path

    def go_on(self, final: Path, expected: dict[str, str]) -> str:
        """Return what comes of a damaged store."""
        told: list[str] = []
        with Store(final, "ours", told.append) as pieces:
            kept = KeptDays(pieces, 1, 4)
            self.days(kept, seed=1)
            kept.write(final)
        if tables_in(final) != expected:
            return "other tables"
        return "told" if told and told[0].endswith("computed again") else "not told"


GOOD = {"told", "refused"}


def judge_damages(number: int, seed: int) -> bool:
    """Return whether a store stands so many damages."""
    with tempfile.TemporaryDirectory() as name:
        case = Damages(Path(name), random.Random(seed))  # noqa: S311
        case.judge(number)
    print(f"damages: {dict(case.counts)}")
    return case.counts.keys() <= GOOD


def main() -> None:
    """Judge, and exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description="Kills at random points, and damages of finished pieces.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kinds", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--damages", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # ignored in the background, also by those it starts
    good = [judge_kills(kind, given.kills, given.seed) for kind in given.kinds if given.kills]
    if given.damages:
        good.append(judge_damages(given.damages, given.seed))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
