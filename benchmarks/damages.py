"""Judge of the store: damages of finished pieces.

    python benchmarks/damages.py                     # 2,000 damages
    python benchmarks/damages.py --damages 200 --seed 2

A damage is done to one file or piece of a store with three of four days: one of its tables, states at midnight, seals,
or of what was to be run. Asserted: it is told (or all is refused in a sentence), the tables of the four days are those
of days that were never written, and `cosim resume` would do what the run was asked to do, or nothing.
"""

import argparse
import filecmp
import gc
import os
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from kills import tables_in

from cosim.errors import ConfigError
from experiments.run.kept_days import KeptDays
from experiments.store.commands import RunCommand, keep_command, read_command
from experiments.store.pieces import Pieces, Store

TINY = ("population.resolution=batch", "population.evs=100", "population.estimate_diaries=2000")
COMMAND = RunCommand(model="agents", replications=1, workers=1)


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


def piece_of(file: Path) -> Path:
    """Return the piece that a file belongs to."""
    return next(folder for folder in file.parents if folder.parent.suffix == ".pieces")


def swap_file(file: Path, _: random.Random, other: Path) -> None:
    """Put the file of another run in place of one."""
    shutil.copyfile(other / file.relative_to(piece_of(file).parent), file)


def swap_piece(file: Path, _: random.Random, other: Path) -> None:
    """Put the piece of another run in place of one."""
    piece = piece_of(file)
    shutil.rmtree(piece)
    shutil.copytree(other / piece.name, piece)


def swap_all(file: Path, _: random.Random, other: Path) -> None:
    """Put the pieces of another run in place of all."""
    store = piece_of(file).parent
    shutil.rmtree(store)
    shutil.copytree(other, store)


def rename(file: Path, draw: random.Random, _: Path) -> None:
    """Put a copy of another piece in place of one."""
    piece = piece_of(file)
    source = draw.choice(sorted(path for path in piece.parent.glob("[!.]*") if path != piece))
    shutil.rmtree(piece)
    shutil.copytree(source, piece)


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

        self.scenario = scenario = load_scenario("toy", TINY)
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
            damage(self.draw.choice(_files(copy)), self.draw, other)
            if all(_same(file, copy / file.relative_to(whole)) for file in _files(whole)):
                self.counts["no change"] += 1
                continue
            try:
                outcome = self.go_on(final, expected)
            except ConfigError:
                outcome = "refused"
            except Exception as error:  # noqa: BLE001  (whatever it is, it is counted)
                outcome = f"{error!r} at {traceback.extract_tb(error.__traceback__)[-1]}"
            self.counts[outcome if outcome in GOOD else f"{damage.__name__}: {outcome}"] += 1
            shutil.rmtree(copy, ignore_errors=True)
            shutil.rmtree(final, ignore_errors=True)

    def stopped(self, run: str, seed: int) -> Path:
        """Leave the pieces of a run, and return their folder."""
        with suppress(KeyboardInterrupt), Store(self.folder / run, run, print) as pieces:
            keep_command(pieces, replace(COMMAND, replications=seed), self.scenario)
            self.days(KeptDays(pieces, 1, 4), seed=seed)
            raise KeyboardInterrupt
        return pieces.path

    def go_on(self, final: Path, expected: dict[str, str]) -> str:
        """Return what comes of a damaged store."""
        told: list[str] = []
        with suppress(ConfigError):
            if read_command(final)[0] != COMMAND:
                return "goes on with another command"
        with Store(final, "ours", told.append) as pieces:
            kept = KeptDays(pieces, 1, 4)
            self.days(kept, seed=1)
            kept.write(final)
        if tables_in(final) != expected:
            return "other tables"
        return "told" if told and told[0].endswith("computed again") else "not told"


def _files(store: Path) -> list[Path]:
    return sorted(file for piece in store.glob("[!.]*") for file in piece.rglob("*") if file.is_file())


def _same(file: Path, copy: Path) -> bool:
    return copy.is_file() and filecmp.cmp(file, copy, shallow=False)


GOOD = {"told", "refused", "no change"}


def judge_damages(number: int, seed: int) -> bool:
    """Return whether a store stands so many damages."""
    with tempfile.TemporaryDirectory() as name:
        case = Damages(Path(name), random.Random(seed))  # noqa: S311
        case.judge(number)
    print(f"damages: {dict(case.counts)}")
    return case.counts.keys() <= GOOD


def main() -> None:
    """Judge, and exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description="Damages of finished pieces.")
    parser.add_argument("--damages", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(0 if judge_damages(given.damages, given.seed) else 1)


if __name__ == "__main__":
    main()
