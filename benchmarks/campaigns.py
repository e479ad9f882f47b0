"""Judge of campaigns: kills of workers, of the parent and of Dask's scheduler, and what the campaign costs.

    python benchmarks/campaigns.py kills --settings 100 --seeds 100 --kills 20     # 10,000 runs
    python benchmarks/campaigns.py dask --settings 20 --seeds 20 --kills 3
    python benchmarks/campaigns.py overhead --settings 10 --seeds 100

Asserted: the table is that of the serial campaign, byte for byte; no run that had finished is computed again (each is
in one segment, once); a campaign takes at most 1.15 times the CPU of its runs alone; the parent's memory is flat.
(Processes are found in /proc: Linux.)
"""

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import chdir, suppress
from pathlib import Path

import pyarrow.parquet as pq

PROFILES = "period,load_pu,trip_share,price_cny_per_kwh\n1,0.4,0.4,0.4\n2,0.9,0.6,1.0\n"
SCENARIO = """
extends = "toy"
periods = 2
profiles = "two.csv"
[population]
evs = 40
estimate_diaries = 2000
"""
OVERHEAD = 1.15
FLAT_MB = 50
ALONE = """
import sys
from experiments.sweep.one_run import run_member
from experiments.sweep.plan import make_plan, read_request
plan = make_plan(read_request(sys.argv[1], vary=sys.argv[2:3], seeds=int(sys.argv[3])))
for member in plan.members:
    run_member(plan.settings[member.setting - 1], member)
"""
PORT = 18786


def command(given: argparse.Namespace, out: str, *more: str) -> list[str]:
    """Return the words of the campaign."""
    chargers = f"stations.S.charger_kw={','.join(str(40 + n) for n in range(given.settings))}"
    words = ["sweep", given.scenario, "--vary", chargers, "--seeds", str(given.seeds), "--out", out, *more]
    return [sys.executable, "-m", "cosim", *words]


def begin(words: list[str], said: str) -> subprocess.Popen[bytes]:
    """Start a process that leads a session of its own, and says what it has to say into a file."""
    with Path(said).open("ab") as file:
        return subprocess.Popen(words, stdout=file, stderr=file, start_new_session=True)  # noqa: S603


def children(leader: int, mark: bytes = b"spawn_main") -> list[int]:
    """Return the workers of a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            if session == leader and mark in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def finished(out: str) -> int:
    """Return how many runs are finished, as the journals and the segments tell."""
    count = 0
    for file in (*Path(out).glob("journal/*.jsonl"), *Path(out).glob("results/[!.]*.parquet")):
        with suppress(OSError):
            is_journal = file.suffix == ".jsonl"
            count += file.read_bytes().count(b"\n") if is_journal else pq.ParquetFile(file).metadata.num_rows
    return count


def verdict(name: str, out: str, runs: int) -> bool:
    """Compare a campaign that was killed with the serial one."""
    rows = [
        run for file in Path(out).glob("results/*.parquet") for run in pq.read_table(file)["run"].to_pylist()
    ]
    same = (Path(out) / "runs.parquet").read_bytes() == Path("serial/runs.parquet").read_bytes()
    again = len(rows) - len(set(rows))
    print(
        f"{name}: {len(rows)} of {runs} runs, {again} computed again, table {'the same' if same else 'OTHER'}"
    )
    return same and not again and len(rows) == runs


def judge_kills(given: argparse.Namespace) -> bool:
    """Kill workers at random times, and the parent once."""
    runs, draw = given.settings * (given.seeds + 1), random.Random(given.seed)  # noqa: S311
    start = time.monotonic()
    subprocess.run(command(given, "serial"), check=False, capture_output=True)  # noqa: S603
    whole_s, words = time.monotonic() - start, command(given, "killed", "--workers", "2")
    process, killed, parents, before = begin(words, "said"), 0, 0, 0
    while (code := process.poll()) is None or code < 0:
        if code is not None:
            process = begin(words, "said")
        time.sleep(draw.uniform(0, whole_s / 2 / given.kills))
        if not parents and finished("killed") > runs / 2:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            parents = 1
        elif killed < given.kills and finished("killed") >= before + 2 and (workers := children(process.pid)):
            # a run that is hit three times, because workers are killed as they start, would have failed
            with suppress(ProcessLookupError):
                os.kill(draw.choice(workers), signal.SIGKILL)
                killed, before = killed + 1, finished("killed")
    print(f"{killed} workers and {parents} parents killed, exit code {code}, {finished('killed')} finished")
    print(Path("said").read_text()[-600:])
    return verdict("kills", "killed", runs) and parents == 1


def judge_dask(given: argparse.Namespace) -> bool:
    """Kill Dask's scheduler at random times; it and its workers are started anew, as a cluster's supervisor does."""
    runs, draw = given.settings * (given.seeds + 1), random.Random(given.seed)  # noqa: S311
    address = f"tcp://127.0.0.1:{PORT}"
    start = time.monotonic()
    subprocess.run(command(given, "serial"), check=False, capture_output=True)  # noqa: S603
    whole_s, cluster = time.monotonic() - start, start_cluster(address)
    process = begin(command(given, "dask", "--scheduler", address), "said")
    for _ in range(given.kills):
        before = finished("dask")
        while finished("dask") <= before and process.poll() is None:
            time.sleep(0.2)
        time.sleep(draw.uniform(0, whole_s / given.kills / 4))
        print(f"scheduler killed at {finished('dask')} of {runs} runs", flush=True)
        stop(cluster)
        cluster = start_cluster(address)
    process.wait()
    stop(cluster)
    print(Path("said").read_text()[-600:])
    return verdict("dask", "dask", runs)


def start_cluster(address: str) -> list[subprocess.Popen[bytes]]:
    """Start a scheduler and two workers."""
    python = [sys.executable, "-m", "distributed.cli"]
    scheduler = [f"{python[2]}.dask_scheduler", "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard"]
    worker = [
        f"{python[2]}.dask_worker",
        address,
        "--nthreads",
        "1",
        "--no-dashboard",
        "--death-timeout",
        "60",
    ]
    return [begin([*python[:2], *words], "cluster") for words in (scheduler, worker, worker)]


def stop(cluster: list[subprocess.Popen[bytes]]) -> None:
    """Kill all of a cluster at once."""
    for process in cluster:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def judge_overhead(given: argparse.Namespace) -> bool:
    """Compare the CPU of a campaign with that of its runs alone, and the parent's memory early and late."""
    vary = command(given, "")[5]
    own = [[sys.executable, "-c", ALONE, given.scenario, vary, str(given.seeds)], command(given, "own")]
    used = [cpu_s(words) for words in own]
    with_workers = begin(command(given, "two", "--workers", "2"), "said")
    memory = []
    while with_workers.poll() is None:
        with suppress(OSError):
            pages = int(Path(f"/proc/{with_workers.pid}/statm").read_text().split()[1])
            memory += [pages * os.sysconf("SC_PAGE_SIZE") / 1e6] if finished("two") else []
        time.sleep(0.5)
    middle = memory[: max(1, len(memory) * 9 // 10)]  # the table and the page come after the runs
    print(
        f"alone {used[0]:.1f} CPU s, campaign {used[1]:.1f} CPU s: {used[1] / used[0]:.3f} (at most {OVERHEAD})"
    )
    print(f"memory of the parent: first {middle[0]:.0f} MB, then at most {max(middle):.0f} MB")
    return used[1] <= OVERHEAD * used[0] and max(middle) - middle[0] <= FLAT_MB


def cpu_s(words: list[str]) -> float:
    """Return the CPU seconds of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=False, capture_output=True)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Judge, and exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description="Campaigns under fire.")
    parser.add_argument("kind", choices=["kills", "dask", "overhead"])
    parser.add_argument("--settings", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", default="two.toml", help="by default a small day; or toy")
    given = parser.parse_args()
    judges = {"kills": judge_kills, "dask": judge_dask, "overhead": judge_overhead}
    with tempfile.TemporaryDirectory() as name, chdir(name):
        Path("two.toml").write_text(SCENARIO, encoding="utf-8")
        Path("two.csv").write_text(PROFILES, encoding="utf-8")
        good = judges[given.kind](given)
        if not good:
            shutil.copytree(name, Path(tempfile.gettempdir()) / f"campaign-{os.getpid()}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
