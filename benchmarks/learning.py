"""Measure whether drivers find the equilibrium by themselves: ``python benchmarks/learning.py [EVS] [DAYS]``.

By default 100,000 EVs and 50 days at batch resolution, on the paper's roads with demand, capacities and chargers scaled
together. Drivers know the mean of the times of the days before (``information = "yesterday"``), never the equilibrium.
The distance of the EVs' flows to the equilibrium on the last days must be within 1.5 times the sampling floor, what
draws from the equilibrium itself would leave. The stations hang on a strong feeder without units: at the same price
everywhere the grid does not move the traffic, and its dispatch is another benchmark's. The equilibrium's demand is
estimated from 1,000,000 diaries, for with the usual 200,000 its own sampling error would be seen.
"""

import argparse
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import tomli_w
from population import scaled_scenario

ALLOWED = 1.5
"""Distance over sampling floor."""
LAST_DAYS = 5
SETTINGS = (
    "population.information=yesterday",
    "population.individual_tables=false",
    "population.estimate_diaries=1000000",
    "coupling.mode=one_pass",
)


def strong_feeder(folder: Path, file: Path) -> None:
    """Hang the stations of the scenario in *file* on one bus that hardly feels them."""
    tables = tomllib.loads(file.read_text())
    (folder / "strong_buses.csv").write_text("bus,p_kw,q_kvar\n1,0,0\n2,100,0\n")
    (folder / "strong_branches.csv").write_text(
        "branch,from_bus,to_bus,r_ohm,x_ohm,in_service\n1,1,2,0.001,0.001,True\n"
    )
    tables["grid"] = {
        "buses": str(folder / "strong_buses.csv"),
        "branches": str(folder / "strong_branches.csv"),
        "base_kv": 110.0,
        "load_profile": tables["grid"]["load_profile"],
    }
    tables["stations"] = [station | {"bus": 2} for station in tables["stations"]]
    tables["tariff"] = {"kind": "table", "column": "tou_cny_per_kwh"}
    file.write_text(tomli_w.dumps(tables))


def measure(evs: int, days: int) -> float:
    """Print the distance of each day, and return the mean of the last days' distances over the floor."""
    from agents.days import simulate_days
    from cosim.coupling import day_ahead, equilibrium_tables, solve_equilibrium_day
    from cosim.scenario import load_scenario
    from experiments.run.learning import learning_table

    ratios: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        file = scaled_scenario(Path(name), "paper", evs)
        strong_feeder(Path(name), file)
        scenario = load_scenario(file, [*SETTINGS, f"days={days}"])
        day = solve_equilibrium_day(scenario)
        expected, start = equilibrium_tables(scenario, day)["links"], time.process_time()
        print("day  EVs: distance  floor   ratio   all flows  stations (floor)   CPU s")
        for one in simulate_days(scenario, day_ahead(scenario, day), seed=1):
            if "links" not in one.tables:
                continue  # written down a day later
            learned = learning_table(one.tables["links"], expected, days=days, hours=scenario.periods.hours)
            for row in learned.itertuples():
                ratios.append(row.ev_ratio)
                print(
                    f"{row.day:3d}  {row.ev_distance:13.5f} {row.ev_floor:7.5f} {row.ev_ratio:6.2f}"
                    f"  {row.flow_distance:9.5f}  {row.station_distance:.4f} ({row.station_floor:.4f})"
                    f"  {time.process_time() - start:7.1f}",
                    flush=True,
                )
    last = ratios[-LAST_DAYS:]
    return sum(last) / len(last)


def main() -> None:
    """Print the figures and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evs", nargs="?", type=int, default=100_000)
    parser.add_argument("days", nargs="?", type=int, default=50)
    asked = parser.parse_args()
    ratio = measure(asked.evs, asked.days)
    print(f"the last days are {ratio:.2f} times the sampling floor from the equilibrium (allowed: {ALLOWED})")
    sys.exit(ratio > ALLOWED)


if __name__ == "__main__":
    main()
