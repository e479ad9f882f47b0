"""``cosim mobility``: tables, page, JSON, and the documented example."""

import re
from pathlib import Path

import pandas as pd
import pytest

from cosim.errors import ConfigError
from tests.experiments.commands import as_json, run

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "kind", "trips"), [("paper", "markov", 3.423), ("dwell_times", "dwell", 3.363)]
)
def test_the_paper_population_is_told_in_figures(name: str, kind: str, trips: float) -> None:
    """One day of the chain against its exact distribution, and of stays of random length against renewal densities."""
    answer = as_json("mobility", name, "--evs", 20_000, "--seed", 3)
    assert (answer["kind"], answer["evs"], answer["seed"]) == (kind, 20_000, 3)
    day = answer["single_day"]
    assert day["trips_per_ev_exact"] == pytest.approx(trips, abs=0.002)
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
        "places", "activity_states", "charging", "departures", "soc_quantiles", "charging_share", "by_day",
    }  # fmt: skip
    for name, frame in tables.items():
        assert set(frame.days) == {"single_day", "many_days"}, name
        assert len(pd.read_csv(out / f"{name}.csv")) == len(frame)
    activity_states = tables["activity_states"].drop(columns=["days", "time_min"])
    assert activity_states.sum(axis=1).to_numpy() == pytest.approx(1.0)
    shares = tables["charging_share"]
    assert (shares.low <= shares.charging_share).all()
    assert (shares.charging_share <= shares.high).all()
    assert len(tables["by_day"]) == 7
    page = (out / "report.html").read_text(encoding="utf-8")
    for place in (
        "charging_share-1",
        "single_day-activity_states-1",
        "many_days-soc-1",
        "many_days-charging-1",
    ):
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
    assert "chain with batteries" not in run("mobility", "dwell_times", "--evs", 500).stdout


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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("mobility", "nowhere"), "there is no such file"),
        (("mobility", "toy", "--set", "mobility.kind=markov"), "departures is missing"),
        (("fit-mobility", "none.csv", "--out", "fitted"), "there is no such file"),
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
