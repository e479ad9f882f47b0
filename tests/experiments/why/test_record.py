"""A run simulated again is what happened: every decision to the last bit, at both resolutions, over days."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.plans import information_class_of_each
from cosim.arrays import Frame
from cosim.config.travel import FREE_FLOW
from cosim.errors import ConfigError
from cosim.ev.charging import fast_charge_probability
from cosim.periods import SECONDS_PER_DAY
from cosim.results import Run, load_run
from experiments.run.many_days import with_carry_over
from experiments.why.record import EvDay, Trip, find_ev_day, rerun
from tests.experiments.why.conftest import ONE_DAY, RECORDED

Trips = Callable[[str], list[tuple[int, Trip]]]
MANY_DAYS = [case for case in RECORDED if case not in ONE_DAY]


def trips_of(run: Run) -> Frame:
    trips = with_carry_over(run.agents.read, "trips")
    return trips.sort_values(["ev", "departure_s"], ignore_index=True)


@pytest.mark.parametrize("case", RECORDED)
def test_every_decision_is_that_of_the_table_of_trips(
    finished: Callable[[str], Run], told_trips: Trips, case: str
) -> None:
    trips, made = trips_of(finished(case)), [trip for _, trip in told_trips(case)]
    decisions = [trip.watched.decision for trip in made]
    assert [ev for ev, _ in told_trips(case)] == trips.ev.tolist()
    assert [trip["trip"] for trip in made] == trips.trip.tolist()
    assert [int(one.path[0]) for one in decisions] == trips.path.tolist()
    assert [int(one.departure_s[0]) for one in decisions] == trips.departure_s.tolist()
    assert [float(one.charging.soc_departure[0]) for one in decisions] == trips.soc_departure.tolist()
    assert [float(one.charging.slow_kwh[0]) for one in decisions] == trips.slow_charge_kwh.tolist()
    assert [bool(one.charging.charges[0]) for one in decisions] == (trips.user_class == "charging").tolist()
    assert (trips.user_class == "charging").sum() > 15


@pytest.mark.parametrize("case", RECORDED)
def test_the_draw_falls_on_what_was_chosen(told_trips: Trips, case: str) -> None:
    """In the choice set told, of the probabilities told."""
    for _, trip in told_trips(case):
        if not trip.is_stranded:
            choice, path = trip.watched.choice_set, trip["path"]
            place = int(np.searchsorted(choice.cumulative, trip["route_uniform"], side="right"))
            assert choice.path[place] == path


@pytest.mark.parametrize("case", RECORDED)
def test_the_outcome_of_a_trip_is_that_of_the_tables(
    finished: Callable[[str], Run], told_trips: Trips, case: str
) -> None:
    trips = trips_of(finished(case))
    arrived = np.flatnonzero(trips.status == "arrived")
    made, trips = [told_trips(case)[row][1] for row in arrived], trips.iloc[arrived]
    assert [trip["arrival_s"] for trip in made] == trips.arrival_s.tolist()
    assert [trip["drive_s"] / 60 for trip in made] == trips.drive_min.tolist()
    assert [trip["wait_s"] / 60 for trip in made] == trips.wait_min.tolist()
    assert [trip["charge_s"] / 60 for trip in made] == trips.charge_min.tolist()
    assert [trip["fast_kwh"] for trip in made] == trips.fast_charge_kwh.tolist()
    assert [trip["paid_cny"] for trip in made] == trips.paid_cny.tolist()


def test_the_cases_are_what_they_are_called(finished: Callable[[str], Run], told_trips: Trips) -> None:
    deaf = [trip for _, trip in told_trips("mail lost, prices nodal")]
    last = [trip.watched.opened for trip in deaf]
    departures = [trip["departure_s"] for trip in deaf]
    late = [one is None or one.sent_s + 3600 < s for one, s in zip(last, departures, strict=True)]
    assert 0.1 < np.mean(late) < 0.5
    assert finished("mail lost, prices nodal").agents.trips.wait_min.max() > 5
    assert (finished("batteries too small").agents.trips.status == "stranded").sum() > 5
    assert "trips" not in finished("carried, mixed, totals alone").agents.names
    for case in MANY_DAYS:
        trips = finished(case).agents.trips
        assert (trips.arrival_s // SECONDS_PER_DAY > trips.departure_s // SECONDS_PER_DAY).sum() > 3
    mixed = finished("carried, mixed, batch").agents
    assert mixed.prices.groupby(["day", "period"]).charging_price_cny_per_kwh.mean().nunique() > 3
    opened = finished("chained, periods opened late").agents.messages.query("kind == 'PeriodOpened'")
    assert (opened.sent_s % 3600 > 1800).sum() > 10


@pytest.mark.parametrize("other", ["carried, mixed, batch", "carried, mixed, totals alone"])
def test_both_resolutions_tell_the_same_days_and_so_do_totals_alone(told_trips: Trips, other: str) -> None:
    individual, batch = told_trips("carried, mixed, individual"), told_trips(other)
    for (ev, one), (number, two) in zip(individual, batch, strict=True):
        assert ev == number
        for column in ("departure_s", "soc_departure", "path", "arrival_s", "wait_s", "paid_cny"):
            assert one[column] == two[column]
        assert one.watched.choice_set.cost_min.tolist() == two.watched.choice_set.cost_min.tolist()


def test_broadcasts_are_lost_for_the_same_evs_at_both_resolutions(
    days: Callable[[str], list[EvDay]],
) -> None:
    individual, batch = (days(f"carried, mixed, {resolution}") for resolution in ("individual", "batch"))
    lost = [len(day.recording.lost) for day in individual]
    assert lost == [len(day.recording.lost) for day in batch]
    assert sum(lost) > 100


def test_drivers_perceive_what_their_class_was_told(
    finished: Callable[[str], Run], told_trips: Trips
) -> None:
    """Free flow for those that are told nothing; of the others none receives what another class is told."""
    shares = {"equilibrium": 0.2, "last_period": 0.2, "yesterday": 0.5}
    classes = [*shares, FREE_FLOW]
    seed = int(finished("carried, mixed, batch").manifest["seed"])
    number = information_class_of_each(shares, 90, seed)
    received = dict.fromkeys(classes, 0)
    for ev, trip in told_trips("carried, mixed, batch"):
        own, opened = classes[number[ev - 1]], trip.watched.opened
        assert opened is None or opened.information_class == own
        received[own] += opened is not None
    assert received.pop(FREE_FLOW) == 0
    assert min(received.values()) > 50


def test_a_wait_of_more_than_a_day_ends_when_the_session_says(
    finished: Callable[[str], Run], days: Callable[[str], list[EvDay]]
) -> None:
    """The table of trips records a day when the next one ends; what ends later it calls on the way."""
    case = "drawn, some learn, queues of days"
    trips, found = trips_of(finished(case)), 0
    for day in days(case):
        before = day.carried_over_trip
        if before is None:
            continue
        arrival_s, soonest_s = before["arrival_s"], (day.day - 1) * SECONDS_PER_DAY
        assert arrival_s == -1 or arrival_s >= soonest_s
        assert all(trip["departure_s"] >= arrival_s >= 0 for trip in day.trips)
        row = trips[(trips.ev == day.ev) & (trips.departure_s == before["departure_s"])].iloc[0]
        if row.status == "on_the_way" and arrival_s >= 0:
            session = finished(case).agents.sessions.query(
                "ev == @row.ev and arrival_s == @before.session.arrival_s"
            )
            assert (
                arrival_s
                == session.end_s.item() + before["station_to_destination_s"]
                > row.departure_s + SECONDS_PER_DAY
            )
            found += 1
    assert found > 2


@pytest.mark.parametrize("case", RECORDED)
def test_the_probabilities_are_those_with_which_things_happen(
    days: Callable[[str], list[EvDay]], case: str
) -> None:
    """Of the likeliest alternative, and of a fast charge by chance: within 4 standard errors; the seed is fixed."""
    made = [(day, trip) for day in days(case) for trip in day.trips if not trip.is_stranded]
    choices = [trip.watched.choice_set for _, trip in made]
    most = np.array([choice.probability.max() for choice in choices])
    likeliest = [choice.path[choice.probability.argmax()] for choice in choices]
    taken = np.array([trip["path"] == path for (_, trip), path in zip(made, likeliest, strict=True)])
    odds, charged = [], []
    for day, trip in made:
        charging, soc = trip.watched.decision.charging, trip["soc_departure"]
        soc_without = day.battery.soc_after_driving(soc, charging.drive_kwh[0])
        if soc_without >= 0.1 and charging.energy_use.soc_charging_stop[0] < 0.8:
            odds.append(float(fast_charge_probability(soc, day.behaviour, charging.price_ratio[0])))
            charged.append(trip["charges"])
    for chance, happened in ((most, taken), (np.array(odds), np.array(charged))):
        assert abs(happened.sum() - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())
    assert all(choice.probability.sum() == pytest.approx(1) for choice in choices)


@pytest.fixture
def copied(finished: Callable[[str], Run], tmp_path: Path) -> Path:
    """Return a copy of a run directory, to be edited."""
    return Path(shutil.copytree(finished("batteries too small").directory, tmp_path / "copy"))


def test_a_run_whose_tables_were_edited_is_refused(copied: Path) -> None:
    file = copied / "agents" / "trips.parquet"
    trips = pd.read_parquet(file)
    trips.loc[3, "soc_departure"] += 1e-15
    trips.to_parquet(file)
    with pytest.raises(ConfigError, match=r"agents/trips.parquet is not as the run wrote it"):
        find_ev_day(copied, 1)
    with pytest.raises(
        ConfigError, match=r"table 'trips' has other values of soc_departure \(the versions are"
    ):
        rerun(load_run(copied), [1])


@pytest.mark.parametrize("table", ["equilibrium/links", "comparison/totals"])
def test_a_run_with_another_edited_table_is_refused(toy_run: Run, tmp_path: Path, table: str) -> None:
    copied = Path(shutil.copytree(toy_run.directory, tmp_path / "copy"))
    file = copied / f"{table}.parquet"
    pd.read_parquet(file).iloc[1:].to_parquet(file)
    with pytest.raises(ConfigError, match=f"{table}.parquet is not as the run wrote it"):
        find_ev_day(copied, 1)


def test_other_versions_are_named_as_the_reason(copied: Path) -> None:
    file = copied / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["versions"]["numpy"] = "1.0"
    file.write_text(json.dumps(manifest))
    scenario = copied / "scenario.toml"
    scenario.write_text(scenario.read_text().replace("evs = 150", "evs = 149"))
    with pytest.raises(ConfigError, match=r"149 evs, and not 150 \(the run was made with numpy 1.0, here "):
        find_ev_day(copied, 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed = 1", "seed = 2", "other"),
        ("evs = 150", "evs = 149", "there are 149 evs, and not 150"),
        ("days = 1", "days = 2", "there are 2 days, and not 1"),
    ],
)
def test_a_run_whose_scenario_was_edited_is_refused(copied: Path, old: str, new: str, said: str) -> None:
    file = copied / "scenario.toml"
    text = file.read_text()
    assert text.count(old) >= 1
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said):
        find_ev_day(copied, 1)


def test_a_run_with_a_table_too_few_is_refused(copied: Path) -> None:
    (copied / "agents" / "sessions.parquet").unlink()
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["tables"].pop("agents/sessions.parquet")
    (copied / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="do not write the same tables \\(sessions\\)"):
        rerun(load_run(copied), [1])
