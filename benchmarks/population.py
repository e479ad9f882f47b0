"""Time a day of many EVs: ``python benchmarks/population.py [EVS ...] [--paper] [--individual]``.

The city (`configs/city.toml`), scaled down with its demand, road capacities, chargers, feeders and devices; with
``--paper`` the paper's networks, scaled up alike. Figures are CPU seconds of one process after imports, at batch
resolution and each in a process of its own; a reference kernel, timed in the same process, tells how fast the
machine was. Without arguments: 10,000, 100,000 and 1,000,000 EVs of the city.
``--individual`` times the individual resolution against a bare SimPy + Mesa loop with the same number of events.
"""

import argparse
import csv
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

CONFIGS = Path(__file__).parents[1] / "configs"
EVS = {"paper": 1675, "city": 1_000_000}
TIMES_FACTOR = {
    "p_max_kw",
    "q_max_kvar",
    "ramp_kw_per_h",
    "charge_max_kw",
    "discharge_max_kw",
    "capacity_kwh",
}
TIMES_FACTOR |= {"s_kva", "p_kw", "q_kvar", "capacity_veh_h", "current_max_a"}
OVER_FACTOR = {"cost_a_cny_per_mw2h", "r_ohm", "x_ohm"}


def scaled_scenario(folder: Path, name: str, evs: int) -> Path:
    """Write the scenario *name* for so many EVs into *folder*: everything that carries anything grows alike."""
    factor = evs / EVS[name]
    tables = tomllib.loads((CONFIGS / f"{name}.toml").read_text())
    tables["profiles"] = str(CONFIGS / tables["profiles"])
    for table in tables["mobility"].keys() & {"transitions", "departures"}:
        tables["mobility"][table] = str(CONFIGS / tables["mobility"][table])
    tables["population"] |= {"evs": evs, "resolution": "batch"}
    _scale_roads(tables["road"], folder, factor)
    _scale_grid(tables["grid"], folder, factor)
    for station in tables["stations"]:
        station["chargers"] = math.ceil(station["chargers"] * factor)
    file = folder / "scaled.toml"
    file.write_text(tomli_w.dumps(tables))
    return file


def _scale_roads(road: dict[str, Any], folder: Path, factor: float) -> None:
    road["links"] = _scaled_csv(CONFIGS / road["links"], folder / "links.csv", factor)
    road |= {name: str(CONFIGS / road[name]) for name in ("nodes", "demand")}
    road["demand_scale"] = road.get("demand_scale", 1.0) * factor
    road.setdefault("assignment", {})["method"] = "newton"


def _scale_grid(grid: dict[str, Any], folder: Path, factor: float) -> None:
    for number, feeder in enumerate([grid, *grid.get("feeders", ())]):
        for name in ("buses", "branches"):
            if name in feeder:
                target = folder / f"{name}_{number}.csv"
                feeder[name] = _scaled_csv(CONFIGS / feeder[name], target, factor)
    for unit in (unit for kind in ("turbines", "storage", "renewables") for unit in grid.get(kind, ())):
        unit |= {
            key: value * _growth(key, factor) for key, value in unit.items() if _growth(key, factor) != 1
        }


def _growth(key: str, factor: float) -> float:
    return factor if key in TIMES_FACTOR else 1 / factor if key in OVER_FACTOR else 1


def _scaled_csv(source: Path, target: Path, factor: float) -> str:
    with source.open() as read, target.open("w", newline="") as written:
        rows = list(csv.DictReader(line for line in read if not line.startswith("#")))
        writer = csv.DictWriter(written, rows[0])
        writer.writeheader()
        for row in rows:
            grown = {
                k: v if _growth(k, factor) == 1 else float(v) * _growth(k, factor) for k, v in row.items()
            }
            writer.writerow(grown)
    return str(target)


def reference_kernel_s() -> float:
    """Return the CPU time of a fixed piece of work: sort, exponentials and a loop of Python."""
    start = time.process_time()
    values = np.random.default_rng(1).random(2_000_000)
    np.sort(values)
    np.exp(values).cumsum()
    total = 0
    for number in range(2_000_000):
        total += number & 3
    return time.process_time() - start


class Stopwatch:
    """CPU seconds of named stages."""

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], Any]) -> Any:
        """Return what *work* returns, and keep how long it took."""
        start = time.process_time()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - start
        return result


def import_everything() -> None:
    """Import what a run needs, so that imports are not timed."""
    import cvxpy  # noqa: F401
    import pandapower  # noqa: F401
    import pandas as pd  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import agents.model  # noqa: F401
    import cosim.coupling  # noqa: F401


def measure_batch(name: str, evs: int) -> dict[str, Any]:
    """Return figures of a day of *evs* EVs at batch resolution: equilibrium, agents, tables on disk."""
    import_everything()
    from agents.model import CoSimModel
    from cosim.coupling import day_ahead, solve_equilibrium_day
    from cosim.results import write_tables
    from cosim.scenario import load_scenario

    imported_mb = memory_mb()
    reference = reference_kernel_s()
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        file = scaled_scenario(Path(folder), name, evs)
        scenario = watch.time("scenario", lambda: load_scenario(file))
        day = watch.time("equilibrium", lambda: solve_equilibrium_day(scenario))
        model = watch.time("agents", lambda: CoSimModel(scenario, day_ahead(scenario, day), seed=1))
        grid = GridTime(model)
        tables = watch.time("agents", model.simulate)
        watch.time("tables", lambda: write_tables(Path(folder) / "out", tables))
    stations = tables["stations"]
    return {
        "evs": evs,
        "trips": float(tables["paths"].query("user_class != 'car'").flow_veh_h.sum()),
        "sessions": float(stations.arrivals.sum()),
        "voltage_min": float(tables["dispatch"].voltage_min_pu.min()),
        "ac_mismatch": float(tables["dispatch"].ac_mismatch_max_pu.max()),
        "flags": len(tables.get("violations", ())),
        **watch.seconds,
        "of_agents_grid": grid.seconds,
        "total": sum(watch.seconds.values()),
        "reference": reference,
        "memory_mb": memory_mb(),
        "kb_per_ev": 1024 * (memory_mb() - imported_mb) / evs,
    }


class GridTime:
    """CPU time the grid operators spend on dispatch and power flow, out of that of the agents."""

    def __init__(self, model: Any) -> None:
        """Time the operators of a model."""
        self.seconds = 0.0
        for operator in model.operators:
            for name in ("dispatch", "close_period"):
                setattr(operator, name, self._timed(getattr(operator, name)))

    def _timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            start = time.process_time()
            result = work(*arguments)
            self.seconds += time.process_time() - start
            return result

        return timed


def measure_individual() -> dict[str, Any]:
    """Return figures of the paper's day with every EV an agent, against a bare loop with as many events.

    An event is a step of the clock or a message that reaches somebody. Without dispatch and power flow, which no
    bare loop has.
    """
    import_everything()
    from agents.model import CoSimModel
    from cosim.coupling import day_ahead, solve_equilibrium_day
    from cosim.scenario import load_scenario

    scenario = load_scenario(CONFIGS / "paper.toml")
    ahead = day_ahead(scenario, solve_equilibrium_day(scenario))
    ratios, watch = [], Stopwatch()
    for _ in range(5):
        start = time.process_time()
        model = CoSimModel(scenario, ahead, seed=1)
        grid, steps = GridTime(model), count_steps(model.clock.env)
        model.simulate()
        own_s = time.process_time() - start - grid.seconds
        messages = sum(entry.receivers - entry.lost for entry in model.post.ledger)
        start = time.process_time()
        bare_loop(ahead.n_ev, steps[0], messages)
        ratios.append((own_s / (time.process_time() - start), own_s))
    ratio, own_s = sorted(ratios)[2]
    watch.seconds = {"individual": own_s, "bare_loop": own_s / ratio, "ratio": ratio}
    return {"evs": ahead.n_ev, "steps": steps[0], "messages": messages, **watch.seconds}


def count_steps(env: Any) -> list[int]:
    """Count the events that SimPy processes, in a list of one number."""
    steps, step = [0], env.step

    def counted() -> None:
        steps[0] += 1
        step()

    env.step = counted
    return steps


def bare_loop(n_agents: int, timeouts: int, messages: int) -> None:
    """Let Mesa agents wait and read mail on SimPy's clock, and do nothing else."""
    import mesa
    import simpy

    env, model, rounds = simpy.Environment(), mesa.Model(rng=1), 24

    class Bare(mesa.Agent):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(model)
            self.inbox = simpy.Store(env)
            env.process(self.live())

        def live(self) -> Any:
            for _ in range(round(timeouts / n_agents)):
                yield env.timeout(10)
                self.inbox.items.clear()

    agents = [Bare() for _ in range(n_agents)]

    def post() -> Any:
        for _ in range(rounds):
            yield env.timeout(10)
            for number in range(messages // rounds):
                agents[number % n_agents].inbox.put("news")

    env.process(post())
    env.run()


def memory_mb() -> float:
    """Return the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process_of_its_own(name: str, evs: int) -> dict[str, Any]:
    """Return the figures measured by a fresh Python."""
    command = [sys.executable, __file__, "--one", name, str(evs)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    figures: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return figures


def exponent(found: list[dict[str, Any]], without_grid: float) -> float:
    """Return the power of the number of EVs with which CPU time grows from the first to the last figures."""
    first_s, last_s = (one["total"] - without_grid * one["of_agents_grid"] for one in (found[0], found[-1]))
    return math.log(last_s / first_s) / math.log(found[-1]["evs"] / found[0]["evs"])


def show(figures: dict[str, Any]) -> None:
    """Print one line."""
    print("  ".join(f"{key} {value:,.4g}" for key, value in figures.items()))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evs", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--paper", action="store_true", help="scale the paper's networks, not the city")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--individual", action="store_true", help="time single EVs against a bare loop")
    asked = parser.parse_args()
    if asked.individual:
        show(measure_individual())
        return
    if asked.one:
        name, evs = asked.one
        print(json.dumps(measure_batch(name, int(evs))))
        return
    name = "paper" if asked.paper else "city"
    found = [in_a_process_of_its_own(name, evs) for evs in asked.evs]
    for figures in found:
        show(figures)
    if len(found) > 1:
        print(
            f"CPU time grows with exponent {exponent(found, 0.0):.2f}, without the grid's {exponent(found, 1.0):.2f}"
        )


if __name__ == "__main__":
    main()
