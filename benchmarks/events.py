"""Tiny days with random events, up to three at once: every one completes, its invariants hold, each event is told.

    python benchmarks/events.py --days 300 --first 0

A day runs at both resolutions, whose tables must be the same to the byte. Ends with code 1 if a claim fails.
"""

import argparse
import sys
import time
from typing import Any

import numpy as np

from agents.days import simulate_days
from cosim.arrays import Frame
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.scenario import Scenario, load_scenario

TWO_STATIONS = [
    {"name": "S", "road_node": "2", "bus": "4", "chargers": 2, "charger_kw": 60.0},
    {"name": "R", "road_node": "3", "bus": "4", "chargers": 2, "charger_kw": 60.0},
]
SECONDS_PER_DAY = 86_400


def time_of_day(second: int) -> str:
    """Return ``HH:MM:SS``."""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def random_event(rng: np.random.Generator, days: int) -> dict[str, Any]:
    """Return an event of a kind, thing, time and day drawn at random."""
    grid = int(rng.choice([1, 1_800, 10_800]))
    start_s = int(rng.integers(0, SECONDS_PER_DAY // grid - 1)) * grid
    end_s = min(SECONDS_PER_DAY, start_s + grid * int(rng.integers(1, 8)) + int(rng.choice([0, 7_200])))
    kind = str(rng.choice(["station", "station", "chargers", "operator", "coordinator", "meter", "mail"]))
    event: dict[str, Any] = {"kind": kind, "from": time_of_day(start_s), "until": time_of_day(end_s)}
    own: dict[str, dict[str, Any]] = {
        "station": {"name": str(rng.choice(["S", "R"]))},
        "chargers": {"name": str(rng.choice(["S", "R"])), "chargers": 1},
        "operator": {"name": "feeder"},
        "meter": {"name": "S", "reading": str(rng.choice(["missing", "frozen"]))},
        "mail": {"loss_probability": 0.5, "delay_s": 20, "duplicate_probability": 0.2},
    }
    day = {"day": int(rng.integers(1, days + 1))} if rng.random() < 0.5 else {}
    return event | own.get(kind, {}) | day


def random_settings(seed: int) -> dict[str, Any]:
    """Return the settings of a tiny study with random events."""
    rng = np.random.default_rng(seed)
    days = int(rng.integers(1, 3))
    return {
        "stations": TWO_STATIONS,
        "days": days,
        "events": [random_event(rng, days) for _ in range(int(rng.integers(1, 4)))],
        "population.evs": 60,
        "population.estimate_diaries": 1_000,
        "population.soc": str(rng.choice(["daily", "carried"])),
        "population.information": str(rng.choice(["equilibrium", "last_period"])),
        "mobility.battery_kwh": float(rng.choice([12.0, 50.0])),
        "messages.loss_probability": float(rng.choice([0.0, 0.3])),
    }


def failures(seed: int) -> list[str]:
    """Return what is wrong with the days of a seed."""
    settings = random_settings(seed)
    scenario = load_scenario("toy", settings)
    ahead = day_ahead(scenario, solve_equilibrium_day(scenario))
    found: list[str] = []
    tables: dict[str, list[dict[str, Frame]]] = {}
    for resolution in ("individual", "batch"):
        own = load_scenario("toy", settings | {"population.resolution": resolution})
        tables[resolution] = [dict(day.tables) for day in simulate_days(own, ahead, seed=seed)]
        found += _broken(own, tables[resolution])
    for one, many in zip(tables["individual"], tables["batch"], strict=True):
        differ = [name for name in one.keys() | many.keys() if not _same(name, one, many)]
        found += [f"tables differ between the resolutions: {', '.join(sorted(differ))}"] if differ else []
    return found


def _broken(scenario: Scenario, days: list[dict[str, Frame]]) -> list[str]:
    """Return the invariants that do not hold, and the events of a simulated day that are not told."""
    broken = [
        sentence
        for tables in days
        if "violations" in tables
        for kind, sentence in zip(tables["violations"].kind, tables["violations"].sentence, strict=True)
        if kind.startswith("invariant")
    ]
    told = {
        key
        for tables in days
        if "events" in tables
        for key in zip(tables["events"].day, tables["events"].event, strict=True)
    }
    happened = {
        (day, event.number)
        for day in range(1, scenario.config.days + 1)
        for event in scenario.events
        if event.interval_s(day) is not None
    }
    return broken + [f"event {event} of day {day} is not told" for day, event in sorted(happened - told)]


def _same(name: str, one: dict[str, Frame], many: dict[str, Frame]) -> bool:
    return name == "messages" or (name in one and name in many and one[name].equals(many[name]))


def main() -> int:
    """Judge the days, and print what is wrong with any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=100, help="number of seeds")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    options = parser.parse_args()
    start, wrong = time.process_time(), 0
    for seed in range(options.first, options.first + options.days):
        for sentence in (found := failures(seed)):
            print(f"seed {seed}: {sentence}", flush=True)
        wrong += bool(found)
    print(f"{options.days} seeds, {wrong} with failures, {time.process_time() - start:.0f} CPU s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
