"""The number of threads of the linear algebra underneath changes no bit of the results."""

import os
import subprocess
import sys
from pathlib import Path

from agents.model import CoSimModel
from cosim.coupling import day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.results import write_tables
from cosim.scenario import load_scenario

ROOT = Path(__file__).parents[3]
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA")


def write_day(out: Path) -> None:
    """Write the tables of the toy's day."""
    scenario = load_scenario(ROOT / "configs" / "toy.toml", ["population.resolution=batch"])
    day = solve_equilibrium_day(scenario)
    write_tables(out / "equilibrium", equilibrium_tables(scenario, day))
    write_tables(out / "agents", CoSimModel(scenario, day_ahead(scenario, day), seed=1).simulate())


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.parquet")}


def test_one_thread_and_two_write_the_same_bytes(tmp_path: Path) -> None:
    """One in this process, as the tests' configuration sets it; two in a Python of its own."""
    limits = {f"{library}_NUM_THREADS": "2" for library in LIBRARIES}
    call = "from pathlib import Path; from tests.experiments.run.test_threads import write_day; write_day(Path({!r}))"
    command = [sys.executable, "-c", call.format(str(tmp_path / "two"))]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **limits})
    write_day(tmp_path / "one")
    one, two = bytes_of(tmp_path / "one"), bytes_of(tmp_path / "two")
    assert len(one) > 20
    assert one == two
