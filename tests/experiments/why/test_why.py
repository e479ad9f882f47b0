"""``cosim why``: what it says of a day is what happened, at both resolutions, with lost mail, with totals alone."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.plans import plan_day, plan_of
from agents.replay import Decision
from cosim.results import Run, load_run
from cosim.scenario import load_scenario
from experiments.cli import main
from experiments.runner import run
from experiments.why.command import second_of
from experiments.why.facts import facts_of
from experiments.why.mail import mail_of
from experiments.why.record import EvDay, charge_starts_s, find_ev_day, outcomes_of
from experiments.why.words import told

PAPER = Path(__file__).parents[3] / "configs" / "paper.toml"
FEW = ["population.evs=150", "population.estimate_diaries=3000", "mobility.soc_first_mean=0.4"]
DEAF = ["messages.delay_s=30", "messages.loss_probability=0.3", "population.information=last_period"]
PRICED = ["tariff.charging_price=nodal", 'coupling.starts=["tariff"]', "mobility.price_sensitivity=1.0"]
TYPES = (
    'population.types=[{name="small", share=0.5, battery_kwh=30.0, fast_kw=40.0}, '
    '{name="large", share=0.5, slow_kw=11.0}]'
)
CASES = {
    "told all": [*FEW, TYPES, "population.choice=path_size", "population.resolution=batch"],
    "mail lost, prices nodal": [*FEW, *DEAF, *PRICED, "stations.CS9.chargers=1"],
    "totals alone": [
        *FEW,
        TYPES,
        "population.choice=path_size",
        "population.resolution=batch",
        "population.individual_tables=false",
    ],
    "batteries too small": [*FEW, "mobility.battery_kwh=8.0", "mobility.soc_reserve=0.0"],
}
RECORDED = [case for case in CASES if case != "totals alone"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Return the finished run of a case; its page is not asked for."""

    @cache
    def run_of(case: str) -> Run:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("experiments.runner._write_report", lambda _: None)
            return run(load_scenario(PAPER, CASES[case]), "agents", tmp_path_factory.mktemp("why") / "run")

    return run_of


@pytest.fixture(scope="module")
def replayed(finished: Callable[[str], Run]) -> Callable[[str], list[tuple[int, Decision]]]:
    """Return all decisions of all EVs of a case."""

    @cache
    def decisions(case: str) -> list[tuple[int, Decision]]:
        found = finished(case)
        replay = find_ev_day(found.directory, 1).replay
        plans = plan_day(replay.world, 150, replay.world.config.seed)
        return [
            (ev, made)
            for ev in range(1, 151)
            for made in replay.day(plan_of(plans, ev), outcomes_of(found, ev))
        ]

    return decisions


@pytest.mark.parametrize("case", RECORDED)
def test_every_decision_of_the_replay_is_that_of_the_table_of_trips(
    finished: Callable[[str], Run], replayed: Callable[[str], list[tuple[int, Decision]]], case: str
) -> None:
    trips = finished(case).agents.trips
    made = [decision for _, decision in replayed(case)]
    assert [ev for ev, _ in replayed(case)] == trips.ev.tolist()
    assert [one.plan.trip for one in made] == trips.trip.tolist()
    assert [-1 if one.is_stranded else one.route.path for one in made] == trips.path.tolist()
    assert [one.departure_s for one in made] == trips.departure_s.tolist()
    assert [one.soc for one in made] == trips.soc_departure.tolist()
    assert [one.slow_kwh for one in made] == trips.slow_charge_kwh.tolist()
    assert [one.fast.chosen for one in made] == (trips.user_class == "charging").tolist()
    arrived = (trips.status == "arrived").to_numpy()
    drive_min = np.array([(one.route.before_s + one.route.after_s) / 60 for one in made])
    assert drive_min[arrived].tolist() == trips.drive_min[arrived].tolist()
    assert (trips.user_class == "charging").sum() > 25


def test_the_cases_are_what_they_are_called(
    finished: Callable[[str], Run], replayed: Callable[[str], list[tuple[int, Decision]]]
) -> None:
    deaf = [decision for _, decision in replayed("mail lost, prices nodal")]
    late = [one.knows.opened is None or one.knows.opened.sent_s + 3600 < one.departure_s for one in deaf]
    assert 0.1 < np.mean(late) < 0.5
    assert finished("mail lost, prices nodal").agents.trips.wait_min.max() > 5
    assert (finished("batteries too small").agents.trips.status == "stranded").sum() > 5
    assert "trips" not in finished("totals alone").agents.names


def test_of_totals_alone_days_without_a_fast_charge_are_exact_and_the_others_say_they_are_not(
    replayed: Callable[[str], list[tuple[int, Decision]]],
) -> None:
    exact = {(ev, one.plan.trip): one for ev, one in replayed("told all")}
    guessed = {(ev, one.plan.trip): one for ev, one in replayed("totals alone")}
    assert exact.keys() == guessed.keys()
    for key, one in guessed.items():
        if one.is_recorded:
            assert one.route.path == exact[key].route.path
            assert one.soc == exact[key].soc
    unsure = [one for one in guessed.values() if not one.is_recorded]
    assert 10 < len(unsure) < len(guessed) / 2


@pytest.mark.parametrize("case", RECORDED)
def test_the_probabilities_are_those_with_which_things_happen(
    replayed: Callable[[str], list[tuple[int, Decision]]], case: str
) -> None:
    """Of the likeliest alternative, and of a fast charge by chance: within 4 standard errors; the seed is fixed."""
    made = [decision for _, decision in replayed(case) if not decision.is_stranded]
    most = np.array([one.choice.chances.max() for one in made])
    taken = np.array([one.route.path == one.choice.path[one.choice.chances.argmax()] for one in made])
    free = [one for one in made if one.fast.soc_without >= 0.1 and one.course.soc_charge_point < 0.8]
    odds = np.array([one.fast.probability for one in free])
    charged = np.array([one.fast.chosen for one in free])
    for chance, happened in ((most, taken), (odds, charged)):
        assert abs(happened.sum() - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())
    assert all(one.choice.chances.sum() == pytest.approx(1) for one in made)


def test_the_mail_of_an_ev_is_that_of_the_ledger(finished: Callable[[str], Run]) -> None:
    """Where messages were kept one by one, the replayed ones are the same."""
    found = finished("mail lost, prices nodal")
    ledger, mine = (
        found.agents.messages,
        found.agents.trips.query("user_class == 'charging'").ev.unique()[:12],
    )
    first = find_ev_day(found.directory, 1)
    for ev in mine.tolist():
        day = _another(first, found, ev)
        said = [
            (letter["kind"], letter["sent_s"], letter["sender"], letter["receiver"], letter["delivered_s"])
            for made in day.decisions
            for letter in mail_of(day, made)
        ]
        name = f"ev {ev}"
        kept = ledger[(ledger.sender == name) | (ledger.receiver == name)]
        assert sorted(said) == sorted(
            kept[["kind", "sent_s", "sender", "receiver", "delivered_s"]].itertuples(index=False, name=None)
        )


def _another(day: EvDay, found: Run, ev: int) -> EvDay:
    """Return the day of another EV of the same run."""
    plan = plan_of(plan_day(day.scenario, ev, day.scenario.config.seed), ev)
    decisions = list(day.replay.day(plan, outcomes_of(found, ev)))
    return replace(
        day,
        plan=plan,
        decisions=decisions,
        news=day.replay.archive.news(ev),
        charge_start_s=charge_starts_s(found, ev),
    )


def test_the_words_name_the_draw_the_chance_and_the_bill(finished: Callable[[str], Run]) -> None:
    found = finished("told all")
    trip = found.agents.trips.query("user_class == 'charging'").iloc[0]
    day = find_ev_day(found.directory, int(trip.ev))
    words, (facts,) = told(day), [one for one in facts_of(day)["trips"] if one["trip"] == trip.trip]
    chosen = next(option for option in facts["choice_set"] if option["chosen"])
    assert chosen["from"] <= facts["uniform"] < chosen["to"]
    assert chosen["probability"] == pytest.approx(chosen["to"] - chosen["from"])
    for said in (
        f"The draw {facts['uniform']:.4f} falls between {chosen['from']:.4f} and {chosen['to']:.4f}",
        f"{chosen['probability']:.4f}",
        "by path_size, theta 0.2/min",
        f"for {trip.paid_cny:.2f} CNY",
        f"ChargeRequest: ev {trip.ev} -> {trip.station}",
    ):
        assert said in " ".join(words.split()), said
    assert max(map(len, words.splitlines())) <= 120
    parts = chosen["road_min"] + chosen["station_min"] + chosen["price_min"]
    assert chosen["cost_min"] == pytest.approx(parts)
    assert chosen["station_min"] > 60 * facts["fast_charge"]["wanted_kwh"] / 60 * 0.8, (
        "the charge, and a wait"
    )
    assert chosen["price_min"] > 0


def test_at_a_time_it_says_what_the_ev_does(finished: Callable[[str], Run]) -> None:
    found = finished("mail lost, prices nodal")
    trips = found.agents.trips
    leaves_at_once = trips.groupby("ev").departure_s.shift(-1) == trips.arrival_s
    row = trips[~leaves_at_once & (trips.wait_min > 1)].iloc[0]
    session = found.agents.sessions.query("ev == @row.ev and trip == @row.trip").iloc[0]
    day = find_ev_day(found.directory, int(row.ev))
    doing = {
        row.departure_s: "driving to station",
        session.arrival_s: "waiting for a charger",
        session.start_s: "charging at station",
        session.end_s: "driving on from station",
        row.arrival_s: "parked",
    }
    for second, said in doing.items():
        at = facts_of(day, int(second))["at"]
        assert at["doing"].startswith(said)
        assert 0 <= at["soc"] <= 1
    at_end = facts_of(day, int(session.end_s))["at"]["soc"]
    assert at_end == pytest.approx(session.soc_end)
    assert f"At {row.departure_s // 3600:02}:" in told(day, int(row.departure_s))


def cosim(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["cosim", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["151"], "there is no EV 151; the EVs are numbered 1 to 150"),
        (["0"], "there is no EV 0"),
        (["5", "--day", "2"], "there is no day 2"),
        (["5", "--at", "25:00"], "'25:00' is no time of a day"),
        (["5", "--at", "noon"], "'noon' is no time of a day"),
        (["five"], "valid integer"),
    ],
)
def test_what_is_not_there_is_a_sentence_and_code_2(
    finished: Callable[[str], Run],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    assert cosim(monkeypatch, "why", str(finished("told all").directory), *arguments) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_a_run_without_agents_has_nobody_to_ask(
    toy_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("manifest.json", "scenario.toml"):
        (tmp_path / file).write_text((toy_run.directory / file).read_text())
    assert cosim(monkeypatch, "why", str(tmp_path), "1") == 2
    assert "holds no agents" in capsys.readouterr().err


def test_the_command_prints_words_or_one_json_object(
    finished: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = str(finished("totals alone").directory)
    assert cosim(monkeypatch, "why", directory, "3", "--json", "--at", "18:05") == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert facts["at"]["second"] == second_of("18:05", 1) == 65_100
    assert "not known" in facts["not_known"][0]
    assert cosim(monkeypatch, "why", directory, "3") == 0
    assert "EV 3, day 1 of paper" in capsys.readouterr().out
    assert load_run(directory).summary["evs"] == 150
