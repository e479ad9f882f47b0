"""``cosim mobility`` and ``cosim fit-mobility``: tables, page, JSON, and the documented example."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from cosim.errors import ConfigError
from cosim.ev.diary_table import write_diaries
from cosim.ev.markov import read_departures
from cosim.ev.mobility import sample_diaries
from cosim.ev.transitions import read_transitions
from cosim.scenario import load_scenario
from experiments.cli import app

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def as_json(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_the_paper_population_is_told_in_figures() -> None:
    """One day of stays of random length, against the renewal densities."""
    answer = as_json("mobility", "paper", "--evs", 20_000, "--seed", 3)
    assert (answer["kind"], answer["evs"], answer["seed"]) == ("dwell", 20_000, 3)
    day = answer["single_day"]
    assert day["trips_per_ev_exact"] == pytest.approx(3.363, abs=0.002)
    assert day["trips_per_ev"] == pytest.approx(day["trips_per_ev_exact"], abs=0.06)
    assert day["places_inside_band"] == day["departures_inside_band"] == 1.0
    assert len(day["charging_share_by_period"]) == 24
    assert "many_days" not in answer


def test_many_days_of_a_chain_leave_tables_and_a_page(tmp_path: Path) -> None:
    """Sampled and exact side by side; the page opens without a network."""
    out = tmp_path / "new"
    answer = as_json("mobility", "two_way", "--evs", 4_000, "--days", 6, "--out", out)
    many = answer["many_days"]
    assert many["charging_share"] == pytest.approx(many["charging_share_chain"], abs=0.004)
    assert many["charging_inside_band"] > 0.97
    tables = {file.stem: pd.read_parquet(file) for file in out.glob("*.parquet")}
    assert set(tables) == {
        "places", "doings", "charging", "departures", "soc_quantiles", "charging_share", "by_day",
    }  # fmt: skip
    for name, frame in tables.items():
        assert set(frame.days) == {"single_day", "many_days"}, name
        assert len(pd.read_csv(out / f"{name}.csv")) == len(frame)
    doings = tables["doings"].drop(columns=["days", "time_min"])
    assert doings.sum(axis=1).to_numpy() == pytest.approx(1.0)
    shares = tables["charging_share"]
    assert (shares.low <= shares.charging_share).all()
    assert (shares.charging_share <= shares.high).all()
    assert len(tables["by_day"]) == 7
    page = (out / "report.html").read_text(encoding="utf-8")
    for place in ("charging_share-1", "single_day-doings-1", "many_days-soc-1", "many_days-charging-1"):
        assert f'id="{place}"' in page
    assert not re.search(r'(src|href)="http', page)


SMALL = 'population.types=[{name="tiny", share=0.5, battery_kwh=5.0}, {name="big", share=0.5}]'


def test_stranded_evs_are_counted_and_the_exact_figures_are_said_not_to_know_them() -> None:
    """Of 2,000 EVs, half with 5 kWh, many cannot make their day; with 50 kWh all of them do."""
    arguments = ("mobility", "two_way", "--evs", 2_000, "--days", 3, "--set", SMALL)
    answer = as_json(*arguments)
    many = answer["many_days"]
    assert many["stranded_ev_days"] > 300
    assert many["trips_per_ev"] < 0.9 * many["trips_per_ev_exact"]
    assert not many["exact_holds"]
    said = run(*arguments).stdout
    assert re.search(rf"note: many days: {many['stranded_ev_days']:,} of 6,000 EV-days ended stranded", said)
    enough = run("mobility", "two_way", "--evs", 2_000)
    assert "note" not in enough.stdout
    assert as_json("mobility", "two_way", "--evs", 2_000)["single_day"]["exact_holds"]


def test_types_have_totals_of_their_own_that_make_up_the_whole(tmp_path: Path) -> None:
    out = tmp_path / "typed"
    answer = as_json("mobility", "toy", "--evs", 2_000, "--set", SMALL, "--out", out)
    types = pd.read_parquet(out / "by_type.parquet").set_index("type")
    assert types.evs.sum() == 2_000
    assert types.charging_share["tiny"] > 2 * types.charging_share["big"]
    trips = (types.evs * types.trips_per_ev).sum() / 2_000
    assert trips == pytest.approx(answer["single_day"]["trips_per_ev"], rel=1e-12)
    assert types.stranded.sum() == answer["single_day"]["stranded_ev_days"]


def test_what_a_kind_of_model_has_not_is_left_out_of_its_table() -> None:
    assert "chain with batteries" not in run("mobility", "paper", "--evs", 500).stdout


def test_more_evs_than_memory_holds_are_refused() -> None:
    with pytest.raises(ConfigError, match="it must be 5,000,000 or less"):
        raise run("mobility", "toy", "--evs", 10**11).exception  # type: ignore[misc]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Tables and page."""
    for name in ("one", "two"):
        assert run("mobility", "toy", "--evs", 500, "--out", tmp_path / name).exit_code == 0
    for file in (tmp_path / "one").glob("*.csv"):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    assert "trips per EV and day" in run("mobility", "toy", "--evs", 500).stdout


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
    settings = ["mobility.kind=markov", f"mobility.departures={out / 'departures_by_slot.csv'}"]
    settings.append(f"mobility.travel_share={told['travel_share']}")
    options = [part for setting in settings for part in ("--set", setting)]
    day = as_json("mobility", "paper", "--evs", 1_000, *options)["single_day"]
    assert day["trips_per_ev_exact"] == pytest.approx(told["trips_per_day_observed"], rel=0.01)
    assert "to the fitted" not in run("fit-mobility", tmp_path / "survey.csv", "--out", tmp_path / "b").stdout


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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("mobility", "nowhere"), "there is no such file"),
        (("mobility", "paper", "--set", "mobility.kind=markov"), "departures is missing"),
        (("fit-mobility", "none.csv", "--out", "fitted"), "cannot be read"),
    ],
)
def test_wrong_input_is_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError)
    assert sentence in str(result.exception)
    assert not Path("fitted").exists()


def test_an_existing_directory_is_refused(tmp_path: Path) -> None:
    for arguments in (("mobility", "toy"), ("fit-mobility", "diaries.csv")):
        result = run(*arguments, "--out", tmp_path)
        assert "exists already" in str(result.exception)
