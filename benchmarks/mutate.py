"""Seeded mutations of scenario, network and data files: every one is read, or refused in a sentence that names it.

Run: ``python benchmarks/mutate.py --cases 2000 [--seed 1] [--kind KIND,KIND] [--run]``.
Each case runs in this process; it is found at fault where an exception other than ours escapes, a Python warning leaks,
it takes longer than ``--seconds`` of CPU, or the refusal of a mutated value names neither key nor line. With ``--run``
a scenario that is read is run as well (the equilibrium of toy). Memory is limited to ``--gib`` by the system; the most
that was in use is told, and the share of the refusals that name the place, where the mutation has one.
"""

import argparse
import json
import random
import re
import resource
import shutil
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cosim.errors import CosimError

ROOT = Path(__file__).parents[1]
ODD = (
    "", "nan", "inf", "-inf", "0", "-1", "1e-320", "1e308", "-1e308", "1e999", "1_000", "0x10", "9" * 400, "true", "''",
    "[]", "{}", "[[1]]", "1979-05-27", "é", "\u202eabc", "a\nb", "../../etc/passwd", "/dev/zero", "-rf", "NaN", "1,5",
    "%", "'", '"', "\\", "\t", "\0", "x" * 300, "[" * 50 + "]" * 50, "1;2", "=",
)  # fmt: skip
"""Values in place of another."""


class OutOfTimeError(Exception):
    """A case took longer than it may."""


@dataclass(frozen=True)
class Case:
    """A mutated file, and what a good refusal names."""

    file: str
    text: bytes
    names: tuple[str, ...]
    """Any one of these, as in a sentence; empty: the mutation has no place of its own."""


NAMED, UNNAMED = "refused, place named", "refused, place not named"

Mutation = Callable[[random.Random, str, bytes], Case]


def value_of_line(chance: random.Random, file: str, text: bytes) -> Case:
    """Replace one value of one line: after ``=``, or between the separators of a table."""
    lines = text.decode("utf-8").split("\n")
    candidates = [n for n, line in enumerate(lines) if line.strip() and line.lstrip()[0] not in "#%~"]
    number = chance.choice(candidates)
    line, odd = lines[number], chance.choice(ODD)
    if "=" in line and file.endswith(".toml"):
        key, _, _ = line.partition("=")
        lines[number] = f"{key}= {odd}"
        names: tuple[str, ...] = (key.strip().strip('"'), f"line {number + 1}")
    else:
        cells = re.split(r"([,\t; ]+)", line)
        place = chance.choice(range(0, len(cells), 2))
        # a name that is gone is missed where it is used, or as a column
        gone = [
            f"'{cells[place]}'",
            f"column {cells[place]}",
            *([cells[place]] if len(cells[place]) > 3 else []),
        ]
        gone += re.findall(r"<[^>]+>", line)
        cells[place] = odd
        lines[number] = "".join(cells)
        names = (f"line {number + 1}", f"line {number + 2}", *([odd] if 0 < len(odd) < 60 else []), *gone)
    return Case(file, "\n".join(lines).encode("utf-8", "surrogatepass"), names)


def scaled_number(chance: random.Random, file: str, text: bytes) -> Case:
    """Multiply one number by a power of ten, or turn its sign."""
    found = list(re.finditer(rb"(?<![\w.])-?\d+\.?\d*(?:[eE][+-]?\d+)?(?![\w.])", text))
    if not found:
        return flipped_byte(chance, file, text)
    spot = chance.choice(found)
    factor = chance.choice((1e-300, 1e-9, 1e-3, 1e3, 1e9, 1e300, -1.0, 0.0))
    value = repr(float(spot[0]) * factor).encode()
    line = text.count(b"\n", 0, spot.start()) + 1
    start = text.rfind(b"\n", 0, spot.start()) + 1
    key = re.match(rb"\s*([\w.]+)\s*=", text[start : spot.start()])
    # a number may be a name, which is missed where it is used
    gone = spot[0].decode()
    names = (
        f"line {line}",
        f"line {line + 1}",
        f"'{gone}'",
        f"bus {gone};",
        *([key[1].decode()] if key else []),
    )
    return Case(file, text[: spot.start()] + value + text[spot.end() :], names)


def flipped_byte(chance: random.Random, file: str, text: bytes) -> Case:
    """Change, drop or add one byte."""
    place = chance.randrange(len(text))
    new = chance.choice(
        (b"", bytes([chance.randrange(256)]), text[place : place + 1] + bytes([chance.randrange(256)]))
    )
    return Case(file, text[:place] + new + text[place + 1 :], ())


def moved_lines(chance: random.Random, file: str, text: bytes) -> Case:
    """Drop, repeat or swap lines; or cut the file."""
    lines = text.split(b"\n")
    first, second = (chance.randrange(len(lines)) for _ in range(2))
    kind = chance.randrange(4)
    if kind == 0:
        del lines[first]
    elif kind == 1:
        lines.insert(second, lines[first])
    elif kind == 2:
        lines[first], lines[second] = lines[second], lines[first]
    else:
        lines = lines[:first]
    return Case(file, b"\n".join(lines), ())


def whole_file(chance: random.Random, file: str, _: bytes) -> Case:
    """Replace the file as a whole: empty, one row, deep, wide, other encodings, no text at all."""
    texts = (
        b"", b"\n", b"\xff\xfe", b"\0" * 100, b"," * 40_000, b"[" * 10_000, b"{" * 10_000, b"a = " + b"[" * 900,
        b"x." * 5_000 + b"x = 1", b"\x1f\x8b\x08", "é".encode("latin-1") * 100, b"a,b\n1,2\n", b"[a]\n" * 3_000,
        chance.randbytes(500), b"1 " * 20_000, b"link,from,to\n" + b"a,1,2\n" * 5,
    )  # fmt: skip
    return Case(file, chance.choice(texts), (file,))


MUTATIONS: tuple[Mutation, ...] = (
    value_of_line, value_of_line, value_of_line, scaled_number, scaled_number, flipped_byte, moved_lines, whole_file,
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """Files to mutate, and what reads them, all beside each other in the working directory."""

    files: tuple[str, ...]
    read: Callable[[], object]
    mutations: tuple[Mutation, ...] = MUTATIONS


def targets(folder: Path) -> dict[str, Target]:
    """Write the originals into *folder*; return what reads them, by kind."""
    from cosim.grid.pandapower_net import feeder_from_pandapower
    from cosim.road.files import read_road_files
    from cosim.scenario import check_scenario
    from experiments.compare.study import compare
    from experiments.dispatch.input import Options, read_dispatch_input
    from experiments.run.runner import run

    for name in ("toy", "mobility", "ieee33", "nguyen_dupuis"):
        shutil.copytree(ROOT / "configs" / name, folder / name)
    for name in ("toy.toml", "paper.toml", "two_way.toml", "profiles.csv"):
        shutil.copy(ROOT / "configs" / name, folder)
    _write_networks(folder)
    csv = tuple(
        str(file.relative_to(folder))
        for name in ("toy", "mobility")
        for file in (folder / name).glob("*.csv")
    )

    run("toy.toml", out="run")
    tables = tuple(
        f"run/{model}/{name}.parquet"
        for model in ("agents", "equilibrium")
        for name in ("links", "paths", "stations", "buses", "branches", "dispatch", "prices")
    )

    def scenario(name: str) -> Callable[[], object]:
        return lambda: check_scenario(name)

    return {
        "run": Target(("run/manifest.json", "run/scenario.toml"), lambda: compare("run")),
        "tables": Target(
            tables, lambda: compare("run"), (flipped_byte, flipped_byte, moved_lines, whole_file)
        ),
        "scenario": Target(("toy.toml",), scenario("toy.toml")),
        "paper": Target(("paper.toml",), scenario("paper.toml")),
        "csv": Target(csv, scenario("toy.toml")),
        "matpower": Target(("case.m",), lambda: feeder_from_pandapower("case.m")),
        "pandapower": Target(("net.json",), lambda: feeder_from_pandapower("net.json")),
        "tntp": Target(
            ("net.tntp", "trips.tntp"), lambda: read_road_files(Path("net.tntp"), Path("trips.tntp"))
        ),
        "gmns": Target(
            ("gmns/node.csv", "gmns/link.csv", "gmns/demand.csv"), lambda: read_road_files(Path("gmns"))
        ),
        "devices": Target(
            ("units.toml", "day.csv"),
            lambda: read_dispatch_input(
                "case.m", Options(devices=Path("units.toml"), profile=Path("day.csv"))
            ),
        ),
    }


def _write_networks(folder: Path) -> None:
    """Write a small network in each foreign format."""
    import pandapower
    import pandapower.networks

    pandapower.to_json(pandapower.networks.create_cigre_network_lv(), str(folder / "net.json"))
    (folder / "case.m").write_text(
        "function mpc = case\n% a feeder of three buses\nmpc.version = '2';\nmpc.baseMVA = 10;\n"
        "mpc.bus = [\n1 3 0 0 0 0 1 1 0 12.66 1 1.05 0.95;\n2 1 0.1 0.06 0 0 1 1 0 12.66 1 1.05 0.95;\n"
        "3 1 0.09 0.04 0 0 1 1 0 12.66 1 1.05 0.95;\n];\n"
        "mpc.gen = [\n1 0 0 10 -10 1 100 1 10 0 0 0 0 0 0 0 0 0 0 0 0;\n];\n"
        "mpc.branch = [\n1 2 0.0058 0.0029 0 0 0 0 0 0 1 -360 360;\n2 3 0.0308 0.0157 0 0 0 0 0 0 1 -360 360;\n];\n",
        encoding="utf-8",
    )
    (folder / "net.tntp").write_text(
        "<NUMBER OF ZONES> 2\n<NUMBER OF NODES> 3\n<FIRST THRU NODE> 1\n<NUMBER OF LINKS> 3\n<END OF METADATA>\n\n"
        "~ init term capacity length fft b power speed toll type ;\n"
        "1 3 2000 1 6 0.15 4 0 0 1 ;\n3 2 2000 1 6 0.15 4 0 0 1 ;\n"
        "1 2 1000 2 15 0.15 4 0 0 1 ;\n",
        encoding="utf-8",
    )
    (folder / "trips.tntp").write_text(
        "<NUMBER OF ZONES> 2\n<TOTAL OD FLOW> 1500\n<END OF METADATA>\n\nOrigin 1\n2 : 1500.0;\n",
        encoding="utf-8",
    )
    (folder / "gmns").mkdir()
    for name, text in {
        "node": "node_id,x_coord,y_coord,zone_id\n1,0,0,1\n2,1,0,2\n3,0,1,\n",
        "link": "link_id,from_node_id,to_node_id,directed,length,lanes,free_speed,capacity\na,1,3,1,3,2,60,900\n"
        "b,3,2,1,3,1,60,900\nc,1,2,0,9,1,60,900\n",
        "demand": "o_zone_id,d_zone_id,volume\n1,2,1500\n2,1,10\n",
    }.items():
        (folder / "gmns" / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "units.toml").write_text(
        "load_profile = 'load'\nexport = true\n[[renewables]]\nname = 'roofs'\nkind = 'pv'\nbus = 3\ns_kva = 50.0\n"
        "profile = 'sun'\n[[storage]]\nname = 'b'\nbus = 2\n"
        "charge_max_kw = 10\ndischarge_max_kw = 10\ncapacity_kwh = 20.0\n",
        encoding="utf-8",
    )
    (folder / "day.csv").write_text("load,sun\n1,0\n0.8,0.5\n", encoding="utf-8")


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise OutOfTimeError after *seconds* of CPU."""

    def stop(_: int, __: FrameType | None) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def verdict_on(case: Case, read: Callable[[], object], seconds: float) -> tuple[str, str]:
    """Return what came of a case in a word, and the details of a fault."""
    try:
        with warnings.catch_warnings(), at_most(seconds):
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            warnings.filterwarnings("ignore", category=FutureWarning)
            read()
    except CosimError as refused:
        told = str(refused)
        if not case.names:
            return "refused", ""
        if any(name in told for name in case.names):
            return NAMED, ""
        return UNNAMED, f"{case.names}: {told[:400]}"
    except OutOfTimeError:
        return "FAULT: too long", case.text[:200].decode("latin-1")
    except BaseException as fault:  # noqa: BLE001  (whatever escapes is what is looked for)
        where = traceback.extract_tb(fault.__traceback__)
        ours = [frame for frame in where if str(ROOT) in frame.filename] or where
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
        return f"FAULT: {type(fault).__name__} at {place}", f"{fault}"[:300]
    return "read", ""


def main() -> None:
    """Mutate, read, count; print every kind of fault with a seed that brings it about."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", default="")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--unnamed", action="store_true", help="show refusals that do not name the place")
    options = parser.parse_args()
    limit = int(options.gib * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with tempfile.TemporaryDirectory() as name, chdir(name):
        known = targets(Path(name))
        kinds = options.kind.split(",") if options.kind else list(known)
        for kind in kinds:
            target = known[kind]
            read = _and_run(target.read) if options.run else target.read
            counts, examples = _campaign(kind, target, read, options.seed, options.cases, options.seconds)
            shown = {
                word: example for word, example in examples.items() if "FAULT" in word or options.unnamed
            }
            told = counts[NAMED] + counts[UNNAMED]
            facts = {
                "kind": kind,
                "seed": options.seed,
                **dict(counts.most_common()),
                "share named": round(counts[NAMED] / max(told, 1), 3),
                "most MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
            print(json.dumps(facts), flush=True)
            for word, example in shown.items():
                print(f"  {word}: {example}")


def _campaign(
    kind: str, target: Target, read: Callable[[], object], seed: int, cases: int, seconds: float
) -> tuple[Counter[str], dict[str, list[str]]]:
    """Return how often each verdict came, and some examples of each."""
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    originals = {file: Path(file).read_bytes() for file in target.files}
    for number in range(cases):
        chance = random.Random(f"{kind} {seed} {number}")  # noqa: S311  (no secret)
        file = chance.choice(target.files)
        case = chance.choice(target.mutations)(chance, file, originals[file])
        Path(file).write_bytes(case.text)
        word, details = verdict_on(case, read, seconds)
        Path(file).write_bytes(originals[file])
        counts[word] += 1
        examples.setdefault(word, [])
        if details and len(examples[word]) < 4:
            examples[word].append(f"case {number} ({file}): {details}")
    return counts, examples


def _and_run(read: Callable[[], object]) -> Callable[[], object]:
    """Return what reads a scenario and solves the equilibrium of its day."""

    def both() -> object:
        from cosim.coupling import solve_equilibrium_day
        from cosim.scenario import Scenario

        scenario = read()
        return solve_equilibrium_day(scenario) if isinstance(scenario, Scenario) else scenario

    return both


if __name__ == "__main__":
    main()
