"""The replay is what happened: every decision to the last bit, at both resolutions, over midnights, with lost mail."""

from collections.abc import Callable

import numpy as np
import pytest

from agents.plans import knowledge_of_each
from agents.replay import Decision
from agents.replay_days import ReplayedDay
from cosim.arrays import Frame
from cosim.config.travel import FREE_FLOW
from cosim.periods import SECONDS_PER_DAY
from cosim.results import Run
from tests.experiments.why.conftest import ONE_DAY, RECORDED

Decisions = Callable[[str], list[tuple[int, Decision]]]
MANY_DAYS = [case for case in RECORDED if case not in ONE_DAY]


def trips_of(run: Run) -> Frame:
    return run.agents.trips.sort_values(["ev", "departure_s"], ignore_index=True)


@pytest.mark.parametrize("case", RECORDED)
def test_every_decision_of_the_replay_is_that_of_the_table_of_trips(
    finished: Callable[[str], Run], replayed: Decisions, case: str
) -> None:
    trips, made = trips_of(finished(case)), [decision for _, decision in replayed(case)]
    assert [ev for ev, _ in replayed(case)] == trips.ev.tolist()
    assert [one.plan.trip for one in made] == trips.trip.tolist()
    assert [-1 if one.is_stranded else one.route.path for one in made] == trips.path.tolist()
    assert [one.departure_s for one in made] == trips.departure_s.tolist()
    assert [one.soc for one in made] == trips.soc_departure.tolist()
    assert [one.slow_kwh for one in made] == trips.slow_charge_kwh.tolist()
    assert [one.fast.chosen for one in made] == (trips.user_class == "charging").tolist()
    assert (trips.user_class == "charging").sum() > 15


@pytest.mark.parametrize("case", RECORDED)
def test_what_came_of_a_trip_is_that_of_the_tables(
    finished: Callable[[str], Run], replayed: Decisions, case: str
) -> None:
    """Driving times are worked out again, from the times in force; waits and bills are read."""
    trips = trips_of(finished(case))
    arrived = np.flatnonzero(trips.status == "arrived")
    made, trips = [replayed(case)[row][1] for row in arrived], trips.iloc[arrived]
    assert [one.outcome.arrival_s for one in made if one.outcome] == trips.arrival_s.tolist()
    assert [(one.route.before_s + one.route.after_s) / 60 for one in made] == trips.drive_min.tolist()
    assert [one.wait_s / 60 for one in made] == trips.wait_min.tolist()
    assert [one.outcome.charge_s / 60 for one in made if one.outcome] == trips.charge_min.tolist()
    assert [one.outcome.fast_kwh for one in made if one.outcome] == trips.fast_charge_kwh.tolist()
    assert [one.outcome.paid_cny for one in made if one.outcome] == trips.paid_cny.tolist()


def test_the_cases_are_what_they_are_called(finished: Callable[[str], Run], replayed: Decisions) -> None:
    deaf = [decision for _, decision in replayed("mail lost, prices nodal")]
    late = [one.knows.opened is None or one.knows.opened.sent_s + 3600 < one.departure_s for one in deaf]
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


def test_both_resolutions_replay_to_the_same_days(replayed: Decisions) -> None:
    individual, batch = (replayed(f"carried, mixed, {resolution}") for resolution in ("individual", "batch"))
    for (ev, one), (number, other) in zip(individual, batch, strict=True):
        assert (ev, one.plan, one.departure_s, one.soc) == (number, other.plan, other.departure_s, other.soc)
        assert one.choice.cost_min.tolist() == other.choice.cost_min.tolist()
        assert one.outcome == other.outcome


def test_drivers_believe_what_their_kind_was_told(
    finished: Callable[[str], Run], replayed: Decisions
) -> None:
    """Free flow for those who are told nothing; of the others nobody hears the news of another kind."""
    shares = {"equilibrium": 0.2, "last_period": 0.2, "yesterday": 0.5}
    kinds = [*shares, FREE_FLOW]
    number = knowledge_of_each(shares, 90, int(finished("carried, mixed, batch").manifest["seed"]))
    heard = dict.fromkeys(kinds, 0)
    for ev, one in replayed("carried, mixed, batch"):
        kind, opened = kinds[number[ev - 1]], one.knows.opened
        assert opened is None or opened.knowledge == kind
        heard[kind] += opened is not None
    assert heard.pop(FREE_FLOW) == 0
    assert min(heard.values()) > 50


def test_a_wait_of_more_than_a_day_ends_when_the_session_says(
    finished: Callable[[str], Run], lived: Callable[[str], list[ReplayedDay]]
) -> None:
    """The table of trips writes a day down when the next one ends; what ends later it calls on the way."""
    case = "drawn, some learn, queues of days"
    trips = trips_of(finished(case))
    found = 0
    for day in lived(case):
        under_way = day.night.under_way
        if under_way is None or under_way.outcome is None:
            continue
        arrival_s, soonest_s = under_way.outcome.arrival_s, (day.day - 1) * SECONDS_PER_DAY
        assert arrival_s == -1 or arrival_s >= soonest_s
        assert all(made.departure_s >= arrival_s >= 0 for made in day.decisions)
        row = trips[(trips.ev == day.plan.ev) & (trips.departure_s == under_way.departure_s)].iloc[0]
        if row.status == "on_the_way" and arrival_s >= 0:
            session = finished(case).agents.sessions.query(
                "ev == @row.ev and arrival_s == @under_way.station_s"
            )
            assert (
                arrival_s
                == session.end_s.item() + under_way.route.after_s
                > row.departure_s + SECONDS_PER_DAY
            )
            found += 1
    assert found > 2


def test_of_totals_alone_days_without_a_fast_charge_are_exact_and_the_others_say_they_are_not(
    replayed: Decisions,
) -> None:
    exact, guessed = "carried, mixed, batch", "carried, mixed, totals alone"
    known = {(ev, one.plan.departure_s): one for ev, one in replayed(exact)}
    sure = [(ev, one) for ev, one in replayed(guessed) if one.is_recorded]
    for ev, one in sure:
        assert one.route.path == known[ev, one.plan.departure_s].route.path
        assert one.soc == known[ev, one.plan.departure_s].soc
    assert 10 < len(replayed(guessed)) - len(sure) < 0.6 * len(replayed(guessed))


@pytest.mark.parametrize("case", RECORDED)
def test_the_probabilities_are_those_with_which_things_happen(replayed: Decisions, case: str) -> None:
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
