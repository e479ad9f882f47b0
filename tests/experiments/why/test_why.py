"""``cosim why``: the words name what decided, on any day of a run, and what is not there is a sentence."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cosim.messages import ChargeEnded, ChargeRequest, ChargeStarted, TripReported
from cosim.periods import SECONDS_PER_DAY
from cosim.results import Run, load_run
from cosim.scenario import load_scenario
from experiments.cli import main
from experiments.run.runner import run
from experiments.why.command import second_of
from experiments.why.facts import ev_day_facts
from experiments.why.mail import messages_of_trip
from experiments.why.record import EvDay, Rerun, find_ev_day
from experiments.why.words import ev_day_text
from tests.experiments.why.conftest import CONFIGS

BY_EVS = (ChargeRequest, ChargeStarted, ChargeEnded, TripReported)


def in_one_line(words: str) -> str:
    return " ".join(words.split())


@pytest.mark.parametrize("case", ["mail lost, prices nodal", "carried, mixed, individual"])
def test_the_mail_of_an_ev_is_that_of_the_ledger(
    finished: Callable[[str], Run], again: Callable[[str], Rerun], case: str
) -> None:
    """Where messages were kept one by one, those told are the same, over midnights too."""
    found = finished(case)
    ledger = found.agents.messages
    ledger = ledger[ledger.kind.isin([kind.__name__ for kind in BY_EVS])]
    run_again = again(case)
    for ev in found.agents.trips.query("user_class == 'charging'").ev.unique()[:12].tolist():
        said = [
            (letter["kind"], letter["sent_s"], letter["sender"], letter["receiver"], letter["delivered_s"])
            for day in (run_again.ev_day(ev, number) for number in range(1, len(run_again.days) + 1))
            for trip in day.trips
            for letter in messages_of_trip(day, trip)
        ]
        name = f"ev {ev}"
        kept = ledger[(ledger.sender == name) | (ledger.receiver == name)]
        assert sorted(said) == sorted(
            kept[["kind", "sent_s", "sender", "receiver", "delivered_s"]].itertuples(index=False, name=None)
        )


def test_the_words_name_the_draw_the_chance_and_the_bill(
    finished: Callable[[str], Run], again: Callable[[str], Rerun]
) -> None:
    found = finished("told all")
    trip = found.agents.trips.query("user_class == 'charging'").iloc[0]
    day = again("told all").ev_day(int(trip.ev), 1)
    words, (facts,) = (
        ev_day_text(day),
        [one for one in ev_day_facts(day)["trips"] if one["trip"] == trip.trip],
    )
    chosen = next(option for option in facts["choice_set"] if option["chosen"])
    assert chosen["from"] <= facts["uniform"] < chosen["to"]
    assert chosen["probability"] == pytest.approx(chosen["to"] - chosen["from"])
    for said in (
        f"The draw {facts['uniform']:.4f} falls between {chosen['from']:.4f} and {chosen['to']:.4f}",
        f"{chosen['probability']:.4f}",
        "by path_size, theta 0.2/min",
        f"for {trip.paid_cny:.2f} CNY",
        f"ChargeRequest: ev {trip.ev} -> {trip.station}",
        "Like all drivers it is told the link times of the equilibrium.",
    ):
        assert said in in_one_line(words), said
    assert max(map(len, words.splitlines())) <= 120
    parts = chosen["road_min"] + chosen["station_min"] + chosen["charging_cost_min"]
    assert chosen["cost_min"] == pytest.approx(parts)
    the_charge_alone_min = facts["fast_charge"]["wanted_kwh"] / 60 * 60
    assert chosen["station_min"] > 0.8 * the_charge_alone_min
    assert chosen["charging_cost_min"] > 0


def test_the_words_name_the_type_of_the_car(
    finished: Callable[[str], Run], again: Callable[[str], Rerun]
) -> None:
    """Its power at the charger is what the session took, its consumption what the trip took."""
    found = finished("told all")
    trips = found.agents.trips.query("user_class == 'charging'")
    said = {}
    for ev in trips.ev.unique()[:8].tolist():
        day = again("told all").ev_day(ev, 1)
        car, words = ev_day_facts(day)["car"], in_one_line(ev_day_text(day))
        said[car["type"]] = words
        own = trips[trips.ev == ev].iloc[0]
        power_kw = own.fast_charge_kwh / (own.charge_min / 60)
        assert power_kw == pytest.approx(car["fast_kw"] or 60.0, rel=1e-3)
        assert own.drive_kwh == pytest.approx(own.length_km * car["consumption_kwh_per_km"])
    assert said.keys() == {"small", "large"}
    small = "It is of type small: battery 30 kWh, 0.17 kWh/km, charging slowly with 7 kW, fast with at most 40 kW."
    assert small in said["small"]
    assert "It is of type large: battery 50 kWh, 0.17 kWh/km, charging slowly with 11 kW." in said["large"]


def test_the_words_say_what_a_driver_is_told(again: Callable[[str], Rerun]) -> None:
    run_again = again("carried, mixed, batch")
    words: dict[str, str] = {}
    for ev in range(1, 91):
        day = run_again.ev_day(ev, 3)
        if day.trips:
            words.setdefault(ev_day_facts(day)["information_class"]["name"], in_one_line(ev_day_text(day)))
    assert "Like 20% of drivers it is told the link times of the equilibrium" in words["equilibrium"]
    assert "Like 20% of drivers it is told the link times measured in the last period" in words["last_period"]
    assert "Like 50% of drivers it is told the mean of the link times measured" in words["yesterday"]
    assert "of the 2 days before, sent at" in words["yesterday"]
    assert "Like 10% of drivers it is told no link times" in words["free_flow"]
    assert "perceives those of free flow" in words["free_flow"]


def test_at_a_time_it_says_what_the_ev_does(
    finished: Callable[[str], Run], again: Callable[[str], Rerun]
) -> None:
    found = finished("mail lost, prices nodal")
    trips = found.agents.trips
    leaves_at_once = trips.groupby("ev").departure_s.shift(-1) == trips.arrival_s
    row = trips[~leaves_at_once & (trips.wait_min > 1)].iloc[0]
    session = found.agents.sessions.query("ev == @row.ev and trip == @row.trip").iloc[0]
    day = again("mail lost, prices nodal").ev_day(int(row.ev), 1)
    activity_state = {
        row.departure_s: "driving to station",
        session.arrival_s: "waiting for a charger",
        session.start_s: "charging at station",
        session.end_s: "driving on from station",
        row.arrival_s: "parked",
    }
    for second, said in activity_state.items():
        at = ev_day_facts(day, int(second))["at"]
        assert at["activity_state"].startswith(said)
        assert at["trip"] == (row.trip if said != "parked" else None)
        assert 0 <= at["soc"] <= 1
    at_end = ev_day_facts(day, int(session.end_s))["at"]["soc"]
    assert at_end == pytest.approx(session.soc_end)
    assert f"At {row.departure_s // 3600:02}:" in ev_day_text(day, int(row.departure_s))


def test_a_trip_goes_on_after_midnight_and_the_battery_with_it(
    finished: Callable[[str], Run], again: Callable[[str], Rerun]
) -> None:
    """What is said of the end of a day and of the start of the next is the same; and so it is of parked EVs."""
    found, ev_day = finished("carried, mixed, batch"), again("carried, mixed, batch").ev_day
    trips = found.agents.trips.query("status == 'arrived' and day < 3")
    row = trips[trips.arrival_s > trips.day * SECONDS_PER_DAY].iloc[0]
    for ev in (int(row.ev), *range(1, 6)):
        evening, morning = (ev_day(ev, int(row.day) + later) for later in (0, 1))
        before, after = ev_day_facts(evening, SECONDS_PER_DAY)["at"], ev_day_facts(morning, 0)["at"]
        assert after == before
        assert ev_day_facts(morning)["soc_first"] == before["soc"]
    evening, morning = (ev_day(int(row.ev), int(row.day) + later) for later in (0, 1))
    second = int(row.arrival_s) - int(row.day) * SECONDS_PER_DAY
    assert ev_day_facts(morning, second - 1)["at"]["trip"] == row.trip
    assert ev_day_facts(morning, second)["at"]["activity_state"].startswith("parked")
    assert ev_day_facts(morning)["carried_over_trip"] == ev_day_facts(evening)["trips"][-1]
    assert f"Trip {row.trip} of day {row.day}, day {row.day}, " in ev_day_text(morning)
    assert f"arrives day {row.day + 1}, 00:" in in_one_line(ev_day_text(evening))


def test_parked_evs_charge_as_the_next_departure_finds_them(
    finished: Callable[[str], Run], again: Callable[[str], Rerun]
) -> None:
    """At the second before it leaves, an EV holds what the table of trips says it leaves with."""
    found = finished("carried, mixed, batch")
    trips = found.agents.trips
    slow = trips[(trips.slow_charge_kwh > 1) & (trips.day == 3) & (trips.departure_s < 3 * SECONDS_PER_DAY)]
    for row in slow.iloc[:10].itertuples():
        day = again("carried, mixed, batch").ev_day(row.ev, 3)
        at = ev_day_facts(day, row.departure_s - 2 * SECONDS_PER_DAY - 1)["at"]
        assert at["soc"] == pytest.approx(row.soc_departure, abs=1e-3)
        assert at["activity_state"].startswith("parked")
    assert len(slow) > 10


def cosim(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["cosim", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("case", "arguments", "said"),
    [
        ("told all", ["151"], "there is no EV 151; the EVs are numbered 1 to 150"),
        ("told all", ["0"], "there is no EV 0"),
        ("told all", ["-1"], "there is no EV -1"),
        ("told all", ["5", "--day", "2"], "there is no day 2; the run is of day 1 alone"),
        ("carried, mixed, batch", ["5", "--day", "4"], "there is no day 4; the days are numbered 1 to 3"),
        ("told all", ["5", "--at", "25:00"], "'25:00' is no time of a day"),
        ("told all", ["5", "--at", "noon"], "'noon' is no time of a day"),
        ("told all", ["five"], "'five' is no number of an EV; give one from 1 on"),
    ],
)
def test_what_is_not_there_is_a_sentence_and_code_2(
    finished: Callable[[str], Run],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: str,
    arguments: list[str],
    said: str,
) -> None:
    assert cosim(monkeypatch, "why", str(finished(case).directory), *arguments) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_where_no_driver_was_told_when_a_period_opened_and_mail_was_late_the_day_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.run.runner._write_report", lambda _: None)
    deaf = ["population.evs=20", "population.information={}", "messages.delay_s=30"]
    found = run(load_scenario(CONFIGS / "toy.toml", deaf), "agents", tmp_path / "run")
    ev = int(found.agents.trips.ev.iloc[0])
    assert "perceives those of free flow" in in_one_line(ev_day_text(find_ev_day(tmp_path / "run", ev)))


def test_a_run_without_agents_has_nobody_to_ask(
    toy_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("manifest.json", "scenario.toml"):
        (tmp_path / file).write_text((toy_run.directory / file).read_text())
    assert cosim(monkeypatch, "why", str(tmp_path), "1") == 2
    assert "holds no agents" in capsys.readouterr().err


def test_the_command_prints_words_or_one_json_object(
    finished: Callable[[str], Run],
    again: Callable[[str], Rerun],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = str(finished("carried, mixed, totals alone").directory)
    assert cosim(monkeypatch, "why", directory, "3", "--json", "--at", "18:05") == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert facts["at"]["second"] == 2 * SECONDS_PER_DAY + second_of("18:05") == 237_900
    exact: EvDay = again("carried, mixed, batch").ev_day(3, 3)
    assert facts["trips"] == json.loads(json.dumps(ev_day_facts(exact)))["trips"], "totals alone lose nothing"
    assert load_run(directory).summary["evs"] == 90
    assert cosim(monkeypatch, "why", str(finished("two days of few").directory), "3") == 0
    assert "EV 3, day 2 of 2 of toy" in capsys.readouterr().out


def test_of_many_days_the_last_one_is_told_unless_another_is_named(
    finished: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = partial(cosim, monkeypatch, "why", str(finished("two days of few").directory), "7", "--json")
    days = []
    for option in ([], ["--day", "1"]):
        assert ask(*option) == 0
        days.append(json.loads(capsys.readouterr().out))
    assert [day["day"] for day in days] == [2, 1]
    assert {day["days"] for day in days} == {2}


def test_an_ev_that_comes_too_late_for_the_rest_of_the_day_is_told_so(
    finished: Callable[[str], Run], again: Callable[[str], Rerun]
) -> None:
    """Its trip stands over midnight, in the words of both days."""
    found = finished("drawn, some learn, queues of days")
    trips = found.agents.trips.query("status == 'arrived' and wait_min > 600 and day == 1")
    late = trips[trips.arrival_s > SECONDS_PER_DAY]
    left = 0
    for row in late.iloc[:10].itertuples():
        evening, morning = (again("drawn, some learn, queues of days").ev_day(row.ev, day) for day in (1, 2))
        not_begun = evening.planned - len(evening.trips)
        assert ("The rest has not begun when the day ends." in in_one_line(ev_day_text(evening))) == (
            not_begun > 0
        )
        assert " at station S" in ev_day_facts(evening, SECONDS_PER_DAY)["at"]["activity_state"]
        assert ev_day_facts(evening, SECONDS_PER_DAY)["at"] == ev_day_facts(morning, 0)["at"]
        assert ev_day_facts(morning)["carried_over_trip"]["outcome"]["wait_min"] == row.wait_min
        left += not_begun
    assert left > 0
