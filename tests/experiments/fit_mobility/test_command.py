"""``cosim fit-mobility``: a chain that a scenario can name, and how well it fits."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.ev.diary_table import write_diaries
from cosim.ev.markov import read_departures
from cosim.ev.mobility import sample_diaries
from cosim.ev.transitions import read_transitions
from cosim.scenario import load_scenario
from cosim.tables import TABLES
from tests.experiments.commands import as_json, run

ROOT = Path(__file__).parents[3]


def test_a_fitted_chain_is_a_scenario(tmp_path: Path) -> None:
    """Diaries of the paper's population, fitted, and named by a setting: the same trips per EV and day."""
    diaries = sample_diaries(load_scenario(ROOT / "configs" / "paper.toml").mobility, 5_000, 1, "survey")
    write_diaries(diaries, tmp_path / "survey.csv")
    out = tmp_path / "fit"
    told = as_json("fit-mobility", tmp_path / "survey.csv", "--out", out)
    assert told["ev_days"] == 5_000
    assert told["trips"] == diaries.ev.size
    assert told == told | json.loads((out / "goodness.json").read_text(encoding="utf-8"))
    assert read_departures(out / "departures_by_slot.csv").shape == (96, 4, 4)
    assert read_transitions(out / "activity_transitions.csv").shape == (4, 24, 4)
    for table in ("departures_by_slot", "activity_transitions"):
        header = pd.read_csv(out / f"{table}.csv", comment="#", nrows=0)
        assert header.columns.tolist() == [column.name for column in TABLES[f"fit-mobility/{table}"]]
    settings = ["mobility.kind=markov", f"mobility.departures={out / 'departures_by_slot.csv'}"]
    settings.append(f"mobility.travel_share={told['travel_share']}")
    options = [part for setting in settings for part in ("--set", setting)]
    day = as_json("mobility", "paper", "--evs", 1_000, "--allow-outside", *options)["single_day"]
    assert day["trips_per_ev_exact"] == pytest.approx(told["trips_per_day_observed"], rel=0.01)
    assert "to the fitted" not in run("fit-mobility", tmp_path / "survey.csv", "--out", tmp_path / "b").stdout


def test_lengths_are_cut_where_the_scenario_cuts_them(tmp_path: Path) -> None:
    """The curve of trips that are cut at 5 and 15 km is that of all, and its scenario cuts them there."""
    drawn = sample_diaries(load_scenario(ROOT / "configs" / "paper.toml").mobility, 1_000, 1, "survey")
    write_diaries(replace(drawn, length_km=np.clip(drawn.length_km, 5.0, 15.0)), tmp_path / "survey.csv")
    fit = ("fit-mobility", tmp_path / "survey.csv", "--out")
    told = as_json(*fit, tmp_path / "fit", "--length-min", 5, "--length-max", 15)
    fields = tomllib.loads((tmp_path / "fit" / "mobility.toml").read_text(encoding="utf-8"))["mobility"]
    assert (fields["trip_length_min_km"], fields["trip_length_max_km"]) == (5.0, 15.0)
    assert told["trip_length_log_mean"] == pytest.approx(2.451, abs=0.06)
    assert told["trip_length_log_sd"] == pytest.approx(0.75, abs=0.06)
    assert run(*fit, tmp_path / "none", "--length-min", 15, "--length-max", 5).exit_code == 2


def test_without_days_without_trips_the_share_that_travels_is_said_not_to_be_known(tmp_path: Path) -> None:
    """The same survey with and without its rows of trip 0."""
    diaries = sample_diaries(load_scenario(ROOT / "configs" / "paper.toml").mobility, 1_000, 1, "survey")
    write_diaries(diaries, tmp_path / "whole.csv")
    lines = (tmp_path / "whole.csv").read_text(encoding="utf-8").splitlines()
    made = [line for line in lines if line.split(",")[2] != "0"]
    (tmp_path / "made.csv").write_text("\n".join(made) + "\n", encoding="utf-8")
    whole, known = (
        as_json("fit-mobility", tmp_path / f"{name}.csv", "--out", tmp_path / name)
        for name in ("whole", "made")
    )
    assert whole["days_without_trips"] == len(lines) - len(made)
    assert whole["travel_share"] == pytest.approx(0.8, abs=0.04)
    assert (known["days_without_trips"], known["travel_share"]) == (0, None)
    assert "travel_share: not identified" in (tmp_path / "made" / "mobility.toml").read_text(encoding="utf-8")
    said = run("fit-mobility", tmp_path / "made.csv", "--out", tmp_path / "said").stdout
    assert "travel share   not identified" in said
