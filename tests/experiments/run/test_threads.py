"""The number of threads of the linear algebra underneath changes no bit of the results."""

import os
import subprocess
import sys
from pathlib import Path

TOY = Path(__file__).parents[3] / "configs" / "toy.toml"
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "NUMBA")
DAY = """
import sys
from pathlib import Path
from agents.model import CoSimModel
from cosim.coupling import day_ahead, equilibrium_tables, solve_equilibrium_day
from cosim.results import write_tables
from cosim.scenario import load_scenario

scenario = load_scenario(Path(sys.argv[1]), ["population.resolution=batch"])
day = solve_equilibrium_day(scenario)
write_tables(Path(sys.argv[2]) / "equilibrium", equilibrium_tables(scenario, day))
write_tables(Path(sys.argv[2]) / "agents", CoSimModel(scenario, day_ahead(scenario, day), seed=1).simulate())
"""


def bytes_of_a_day(folder: Path, threads: int) -> dict[str, bytes]:
    """Simulate the toy's day with so many threads, in a Python of its own."""
    out = folder / str(threads)
    limits = {f"{library}_NUM_THREADS": str(threads) for library in LIBRARIES}
    command = [sys.executable, "-c", DAY, str(TOY), str(out)]
    subprocess.run(command, check=True, env={**os.environ, **limits})
    return {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*.parquet")}


def test_one_thread_and_two_write_the_same_bytes(tmp_path: Path) -> None:
    one, two = (bytes_of_a_day(tmp_path, threads) for threads in (1, 2))
    assert len(one) > 20
    assert one == two
