"""Tiny days with random events, up to three at once: every one completes, its invariants hold, each event is told.

    python benchmarks/events.py --days 300 --first 0

A day runs at both resolutions, whose tables must be the same to the byte. Beside the events of the scenario, now and
then the solver does not come back, or the process of a run is killed, and the run goes on to the tables of one that
was never killed. Ends with code 1 if a claim fails.
"""

import argparse
import gc
import hashlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from agents.days import simulate_days
from cosim.arrays import Frame
from cosim.config.bundled import scenario_files
from cosim.coupling import day_ahead, solve_equilibrium_day
from cosim.grid import clarabel_engine
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.run.events_told import event_records, event_sentences
from experiments.run.runner import run

TWO_STATIONS = [
    {"name": "S", "road_node": "2", "bus": "4", "chargers": 2, "charger_kw": 60.0},
    {"name": "R", "road_node": "3", "bus": "2", "chargers": 2, "charger_kw": 60.0},
]
BETWEEN = "5,2,3,1,100,0.15,4\n6,3,2,1,100,0.15,4\n"
"""A road between the two paths of the toy, both ways."""
PROFILES = """period,load_pu,trip_share,price_cny_per_kwh,parked_pu,come_pu,go_pu
1,0.4,0.03,0.4,1.0,0.0,0.0
2,0.8,0.37,0.4,0.5,0.0,0.3
3,0.8,0.45,0.8,0.5,0.0,0.0
4,0.8,0.15,1.0,1.0,0.2,0.0
"""
"""Of four periods, for a day spends most of its time on checks of the power flow."""
BRANCHES = """branch,from_bus,to_bus,r_ohm,x_ohm,in_service
1,1,2,0.5,0.4,True
2,2,3,0.5,0.4,True
3,3,4,0.5,0.4,True
tie,1,4,1.5,1.2,False
"""
BUSES = """bus,p_kw,q_kvar
1,0,0
2,200,100
3,200,100
4,100,50
"""
ROOF = {"name": "roof", "kind": "pv", "bus": "4", "s_kva": 100.0, "profile": "load_pu"}
TURBINE = {
    "name": "turbine",
    "bus": "3",
    "p_max_kw": 100.0,
    "q_max_kvar": 50.0,
    "ramp_kw_per_h": 50.0,
    "cost_a_cny_per_mw2h": 10.0,
    "cost_b_cny_per_mwh": 500.0,
}
STREET = {
    "name": "street",
    "bus": "2",
    "charge_max_kw": 40.0,
    "discharge_max_kw": 40.0,
    "capacity_kwh": 200.0,
    "connected": "parked_pu",
    "arriving": "come_pu",
    "departing": "go_pu",
}
SCENARIO = """extends = "toy"
name = "events"
periods = 4
profiles = "four.csv"
[road]
links = "links.csv"
[grid]
buses = "buses.csv"
branches = "branches.csv"
"""
SECONDS_PER_DAY = 86_400
KILLED, HANGING = 0.03, 0.03
"""Shares of the seeds whose run is killed, and whose solver hangs."""
SOLVE_TIME_MAX_S = 0.5
Rng = np.random.Generator


def station(rng: Rng) -> dict[str, Any]:
    """Return the fields of a closed station."""
    return {"name": str(rng.choice(["S", "R"]))}


def chargers(rng: Rng) -> dict[str, Any]:
    """Return the fields of a station with one charger left."""
    return {"name": str(rng.choice(["S", "R"])), "chargers": 1}


def road(rng: Rng) -> dict[str, Any]:
    """Return the fields of roads that are closed, or have less capacity: by name, several at once, or by nodes."""
    place: dict[str, Any] = {"name": str(rng.integers(1, 7))}
    if rng.random() < 0.5:
        several = rng.choice(6, size=int(rng.integers(2, 4)), replace=False) + 1
        place = {"links": [str(link) for link in several]}
    elif rng.random() < 0.3:
        place = {"from_node": "1", "to_node": str(rng.choice([2, 3]))}
    return place | ({"capacity": 0.3} if rng.random() < 0.3 else {})


def meter(rng: Rng) -> dict[str, Any]:
    """Return the fields of a meter that does not read."""
    return {"name": "S", "reading": str(rng.choice(["missing", "frozen"]))}


def mail(_rng: Rng) -> dict[str, Any]:
    """Return the fields of disturbed mail."""
    return {"loss_probability": 0.5, "delay_s": 20, "duplicate_probability": 0.2}


def part_of(name: str) -> Callable[[Rng], dict[str, Any]]:
    """Return what gives the fields of a device that fails, or half of it."""
    return lambda rng: {"name": name, "power": float(rng.choice([0.0, 0.5]))}


def branch(rng: Rng) -> dict[str, Any]:
    """Return the fields of a branch that is open, what it fed cut off or fed over the tie."""
    return {"name": str(rng.integers(1, 4))} | ({"tie": "tie"} if rng.random() < 0.5 else {})


KINDS: dict[str, tuple[bool, Callable[[Rng], dict[str, Any]]]] = {
    "station": (True, station),
    "chargers": (True, chargers),
    "road": (True, road),
    "storage": (True, part_of("storage")),
    "pv": (True, part_of("roof")),
    "turbine": (True, part_of("turbine")),
    "v2g": (True, part_of("street")),
    "branch": (True, branch),
    "operator": (False, lambda _: {"name": "feeder"}),
    "coordinator": (False, lambda _: {}),
    "meter": (False, meter),
    "mail": (False, mail),
}
"""Whether an event of a kind may be planned, and the fields of its own. A new kind is a row here."""


@cache
def study() -> Path:
    """Return the file of the scenario, which lasts as long as this process."""
    folder = Path(tempfile.mkdtemp(prefix="events-"))
    links = scenario_files()["toy"].parent / "toy" / "links.csv"
    (folder / "links.csv").write_text(links.read_text(encoding="utf-8") + BETWEEN, encoding="utf-8")
    (folder / "four.csv").write_text(PROFILES, encoding="utf-8")
    (folder / "branches.csv").write_text(BRANCHES, encoding="utf-8")
    (folder / "buses.csv").write_text(BUSES, encoding="utf-8")
    (folder / "events.toml").write_text(SCENARIO, encoding="utf-8")
    return folder / "events.toml"


def time_of_day(second: int) -> str:
    """Return ``HH:MM:SS``."""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def random_event(rng: Rng, days: int) -> dict[str, Any]:
    """Return an event of a kind, thing, time and day drawn at random."""
    grid = int(rng.choice([1, 1_800, 10_800]))
    start_s = int(rng.integers(0, SECONDS_PER_DAY // grid - 1)) * grid
    end_s = min(SECONDS_PER_DAY, start_s + grid * int(rng.integers(1, 8)) + int(rng.choice([0, 7_200])))
    kind = str(rng.choice([*KINDS, "station", "road"]))
    can_be_planned, own = KINDS[kind]
    event = {"kind": kind, "from": time_of_day(start_s), "until": time_of_day(end_s), **own(rng)}
    if can_be_planned and rng.random() < 0.4:
        return event | {"planned": True}
    return event | ({"day": int(rng.integers(1, days + 1))} if rng.random() < 0.5 else {})


def random_settings(seed: int) -> dict[str, Any]:
    """Return the settings of a tiny study with random events."""
    rng = np.random.default_rng(seed)
    days = int(rng.integers(1, 3))
    events = [random_event(rng, days) for _ in range(int(rng.integers(1, 4)))]
    branches = [event for event in events if event["kind"] == "branch"]
    for event in branches[1:]:  # a tie beside another branch that is open may close a ring, which is refused
        event.pop("tie", None)
    for event in branches:  # so is a feeder without any bus
        event["name"] = event["name"] if "tie" in event else str(rng.integers(2, 4))
    return {
        "stations": TWO_STATIONS,
        "grid.renewables": [ROOF],
        "grid.turbines": [TURBINE],
        "grid.v2g": [STREET],
        "days": days,
        "events": events,
        "population.evs": 40,
        "population.estimate_diaries": 1_000,
        "population.soc": str(rng.choice(["daily", "carried"])),
        "population.information": str(rng.choice(["equilibrium", "last_period", "yesterday"])),
        "mobility.battery_kwh": float(rng.choice([12.0, 50.0])),
        "messages.loss_probability": float(rng.choice([0.0, 0.3])),
    }


def failures(seed: int) -> list[str]:
    """Return what is wrong with the days of a seed."""
    rng = np.random.default_rng([seed, 1])
    settings, chance = random_settings(seed), rng.random()
    if chance < HANGING:
        slow = load_scenario(study(), settings | {"grid.solve_time_max_s": SOLVE_TIME_MAX_S})
        ahead = _ahead(slow)
        with hanging_solver(rng):
            return _broken(slow, _simulated(slow, ahead, seed))
    found: list[str] = []
    ahead = _ahead(load_scenario(study(), settings))
    tables: dict[str, list[dict[str, Frame]]] = {}
    for resolution in ("individual", "batch"):
        own = load_scenario(study(), settings | {"population.resolution": resolution})
        tables[resolution] = _simulated(own, ahead, seed)
        found += _broken(own, tables[resolution])
    for one, many in zip(tables["individual"], tables["batch"], strict=True):
        differ = [name for name in one.keys() | many.keys() if not _same(name, one, many)]
        found += [f"tables differ between the resolutions: {', '.join(sorted(differ))}"] if differ else []
    return found + (_killed(own, rng) if chance > 1 - KILLED else [])


def _ahead(scenario: Scenario) -> DayAhead:
    """Return the day ahead; raise AssertionError where its equilibrium is not finite."""
    day = solve_equilibrium_day(scenario)
    times_min = [period.link_time_min for period in day.periods]
    if not (np.isfinite(times_min).all() and np.isfinite(day.link_flow_veh_h).all()):
        msg = "the equilibrium is not finite"
        raise AssertionError(msg)
    return day_ahead(scenario, day)


def _simulated(scenario: Scenario, ahead: DayAhead, seed: int) -> list[dict[str, Frame]]:
    """Return the tables of each day."""
    return [dict(one.tables) for one in simulate_days(scenario, ahead, seed=seed)]


def _broken(scenario: Scenario, days: list[dict[str, Frame]]) -> list[str]:
    """Return the invariants that do not hold, agents that failed, and the events of a day that are not told."""
    broken = [
        sentence
        for tables in days
        if "violations" in tables
        for kind, sentence in zip(tables["violations"].kind, tables["violations"].sentence, strict=True)
        if kind.startswith("invariant") or kind == "agent_failed"
    ]
    records = [record for tables in days for record in event_records(scenario, tables.get("events"))]
    told = {(record["day"], record["event"]) for record in records}
    happened = {
        (day, event.number)
        for day in range(1, scenario.config.days + 1)
        for event in scenario.events
        if event.interval_s(day) is not None
    }
    if len(event_sentences(scenario, records, of_agents=True)) < len(happened):
        broken.append("an event has no sentence")
    return broken + [f"event {event} of day {day} is not told" for day, event in sorted(happened - told)]


def _same(name: str, one: dict[str, Frame], many: dict[str, Frame]) -> bool:
    return name == "messages" or (name in one and name in many and one[name].equals(many[name]))


# faults of the program's surroundings


@contextmanager
def hanging_solver(rng: Rng) -> Iterator[None]:
    """Let one solve in ten not come back before this ends."""
    over, healthy = threading.Event(), clarabel_engine.bare_solver

    def hangs() -> Any:
        over.wait()
        return SimpleNamespace(status="MaxTime")

    def bare_solver(*problem: Any) -> Any:
        return (
            SimpleNamespace(solve=hangs, update=lambda **_: None) if rng.random() < 0.1 else healthy(*problem)
        )

    with mock.patch.object(clarabel_engine, "bare_solver", bare_solver):
        try:
            yield
        finally:
            over.set()


def _killed(scenario: Scenario, rng: Rng) -> list[str]:
    """Return what is wrong with a run whose process is killed, and that goes on."""
    with tempfile.TemporaryDirectory() as folder:
        whole, out = Path(folder, "whole"), Path(folder, "out")
        start = time.monotonic()
        run(scenario, "agents", whole)
        process = os.fork()
        if not process:
            run(scenario, "agents", out, note=lambda _: None)
            os._exit(0)
        time.sleep(float(rng.uniform(0, time.monotonic() - start)))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        if not out.exists():
            run(scenario, "agents", out, note=lambda _: None)
        return [] if _hashes(out) == _hashes(whole) else ["other tables after a kill"]


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.parquet"))
    return {str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def main() -> int:
    """Judge the days, and print what is wrong with any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=100, help="number of seeds")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    options = parser.parse_args()
    start, wrong = time.process_time(), 0
    for seed in range(options.first, options.first + options.days):
        try:
            found = failures(seed)
        except Exception as error:  # noqa: BLE001  (a day that does not complete is what is looked for)
            found = [f"{type(error).__name__}: {error}"]
        for sentence in found:
            print(f"seed {seed}: {sentence}", flush=True)
        wrong += bool(found)
        gc.freeze()  # what is loaded by now is not looked through after every day
    print(f"{options.days} seeds, {wrong} with failures, {time.process_time() - start:.0f} CPU s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
