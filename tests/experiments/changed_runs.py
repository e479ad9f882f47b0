"""Runs made from others: with parts left out, more stations, a second feeder, a second day."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd

from cosim.coupling import equilibrium_tables, solve_equilibrium_day
from cosim.results import Run, load_run, write_tables
from cosim.scenario import Scenario
from experiments.manifest import write_manifest, write_scenario
from experiments.run.report import write_report


def copy_of(run: Run, directory: Path, *without: str) -> Run:
    """Return a copy of *run* that lacks some of its tables, or their folders, as if they were never written."""
    shutil.copytree(run.directory, directory, ignore=shutil.ignore_patterns(*without, "report.html"))
    written = {
        name: digest for name, digest in run.manifest["tables"].items() if (directory / name).is_file()
    }
    content = json.dumps({**run.manifest, "tables": written})
    (directory / "manifest.json").write_text(content, encoding="utf-8")
    return load_run(directory)


def with_more_stations(run: Run, directory: Path) -> Run:
    """Return a copy of *run* in which its station S has six doubles."""
    names = [f"S{number}" for number in range(2, 8)]
    more = copy_of(run, directory)
    for model in ("agents", "equilibrium"):
        frames = {
            name: pd.read_parquet(more.directory / model / f"{name}.parquet")
            for name in ("stations", "prices")
        }
        tables = {
            name: pd.concat([frame, *(frame.assign(station=double) for double in names)], ignore_index=True)
            for name, frame in frames.items()
        }
        write_tables(more.directory / model, tables)
    scenario = (more.directory / "scenario.toml").read_text(encoding="utf-8")
    (line,) = re.findall(r'^ +\{ name = "S".*\},\n', scenario, re.MULTILINE)
    doubles = [line.replace('name = "S"', f'name = "{name}"') for name in names]
    text = scenario.replace(line, "".join([line, *doubles]))
    (more.directory / "scenario.toml").write_text(text, encoding="utf-8")
    return more


def with_second_feeder(run: Run, directory: Path) -> Run:
    """Return a copy of *run* with a second feeder like the first, and its page."""
    twin = copy_of(run, directory)
    for model in ("agents", "equilibrium"):
        tables = {}
        for name in ("buses", "branches", "devices", "dispatch"):
            frame = pd.read_parquet(twin.directory / model / f"{name}.parquet")
            tables[name] = pd.concat([frame, frame.assign(feeder="second")], ignore_index=True)
        write_tables(twin.directory / model, tables)
    scenario = (twin.directory / "scenario.toml").read_text(encoding="utf-8")
    head, rest = scenario.split("[[grid.feeders]]\n")
    feeder, tail = rest.split("[tariff]")
    second = feeder.replace('name = "feeder"', 'name = "second"')
    text = f"{head}[[grid.feeders]]\n{feeder}[[grid.feeders]]\n{second}[tariff]{tail}"
    (twin.directory / "scenario.toml").write_text(text, encoding="utf-8")
    write_report(twin)
    return twin


def with_second_day(run: Run, directory: Path) -> Run:
    """Return a copy of *run* with a second day, like the first but for voltages that are lower by 0.01 p.u."""
    two = copy_of(run, directory)
    tables = {
        name: pd.read_parquet(two.directory / "agents" / f"{name}.parquet") for name in two.agents.names
    }
    for name, first in tables.items():
        second = first[first.day == 1].assign(day=2)
        if name == "buses":
            second = second.assign(voltage_pu=second.voltage_pu - 0.01)
        tables[name] = pd.concat([first[first.day == 1], second], ignore_index=True)
    write_tables(two.directory / "agents", tables)
    say_days(two, 2)
    write_report(two)
    return two


def say_days(run: Run, days: int) -> None:
    """Write into the scenario of *run* that it has so many days."""
    scenario = run.directory / "scenario.toml"
    text = scenario.read_text(encoding="utf-8")
    assert "\ndays = 1\n" in text
    scenario.write_text(text.replace("\ndays = 1\n", f"\ndays = {days}\n"), encoding="utf-8")


def equilibrium_run(scenario: Scenario, directory: Path) -> Run:
    """Return a finished run of the equilibrium alone, without a page."""
    write_tables(directory / "equilibrium", equilibrium_tables(scenario, solve_equilibrium_day(scenario)))
    write_scenario(scenario, directory)
    name, seed = scenario.config.name, scenario.config.seed
    write_manifest(directory, {"name": name, "seed": seed, "seeds": [seed], "summary": {"evs": 0, "days": 1}})
    return load_run(directory)
