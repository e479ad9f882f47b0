"""The decision of drivers who leave, by hand: two paths of two links, a station on each, batteries of 50 kWh.

The upper path 1-2-4 has station S, the lower one 1-3-4 station R. Each of its links takes 6 min at free flow; theta is
0.5/min, an hour is worth 40 CNY, charging at 60 kW loses 8 %.
"""

from collections.abc import Callable
from dataclasses import replace
from math import exp

import numpy as np
import pytest

from agents.decisions import Decision, DecisionContext, DepartingEVs, choice_set, decide, sessions
from agents.events.room import Effects
from agents.events.stations import StationsInService
from agents.information import InformationState, LastReceived
from agents.path_choice import PathChoice
from agents.plans import EVAttributes
from agents.price_list import PriceLists
from agents.rerouting import Drives
from agents.roads import Roads
from agents.trip_table import TripTable
from cosim.ev.transitions import HOME, LEISURE, WORK
from cosim.messages import PeriodOpened, TariffIssued
from cosim.periods import PeriodOfDay
from cosim.scenario import Scenario
from tests.agents.two_stations import plain_day_ahead, two_stations

NOON = PeriodOfDay(1, 5)
UPPER, LOWER, AT_S, AT_R = 2, 3, 4, 5
"""Numbers of the paths of EVs, and of their (path, station) pairs."""
EVS = 6
EFFECTIVE_MIN = np.array([7.0, 8.0, 9.5, 10.0, 99, 99])
World = Callable[..., DecisionContext]


def opened(*link_time_min: float) -> PeriodOpened:
    envelope = {"sender": "coordinator", "sent_s": 0, "day": 1, "period": 5}
    return PeriodOpened(**envelope, information_class="equilibrium", link_time_min=link_time_min)


def tariff(period: int, s: float, r: float) -> TariffIssued:
    prices = {"S": (s,), "R": (r,)}
    return TariffIssued(sender="coordinator", sent_s=0, day=1, period=period, price_cny_per_kwh=prices)


@pytest.fixture(scope="module")
def world(toy: Scenario) -> World:
    """Return what builds the world of six EVs, all on a trip of 20 km that takes 3.4 kWh."""

    def build(*settings: str, trip: int = 2, soc_is_drawn: bool = True, **columns: object) -> DecisionContext:
        scenario = two_stations(toy, *settings)
        ahead = plain_day_ahead(scenario, EVS)
        planned = {
            "ev": np.arange(1, EVS + 1),
            "trip": np.full(EVS, trip),
            "planned_s": np.full(EVS, 12 * 3600),
            "length_km": np.full(EVS, 20.0),
            "from_activity": np.full(EVS, LEISURE, dtype=np.int8),
            "to_activity": np.full(EVS, HOME, dtype=np.int8),
            "od": np.zeros(EVS, dtype=np.int64),
            "charge_uniform": np.full(EVS, 0.999),
            "route_uniform": np.full(EVS, 0.6),
            "report_uniform": np.ones(EVS),
        }
        evs = EVAttributes(
            ev_type=np.zeros(EVS, dtype=np.int8),
            battery=scenario.battery,
            behaviour=scenario.behaviour,
            max_power_kw=np.full(EVS, 40.0),
            has_home_charger=np.ones(EVS, dtype=np.bool_),
            has_work_charger=np.zeros(EVS, dtype=np.bool_),
            soc_first=np.full(EVS, 0.9),
            soc_is_drawn=soc_is_drawn,
        )
        trips, roads = TripTable.planned(**(planned | columns)), Roads(scenario, ahead)
        return DecisionContext(
            evs=evs,
            trips=trips,
            information=InformationState(LastReceived.none(EVS), LastReceived.none(EVS)),
            choice=PathChoice(scenario, ahead),
            prices=PriceLists(scenario.periods, ahead),
            roads=roads,
            drives=Drives(roads, trips),
            in_service=StationsInService(scenario.stations, (), Effects()),
        )

    return build


def departing(soc: float, *evs: int) -> DepartingEVs:
    """Return EVs that leave at 12:00:00 after two hours."""
    index = np.array(evs)
    return DepartingEVs(
        ev=index,
        trip_row=index,
        departure_s=np.full(index.size, 12 * 3600),
        soc=np.full(index.size, soc),
        parked_since_s=np.full(index.size, 10 * 3600),
    )


def test_each_driver_weighs_the_paths_at_the_times_it_was_told(world: World) -> None:
    """4 min apart at theta 0.5: the upper path has 1/(1 + exp(-2)) = 0.881; without a message it has a half."""
    context = world(route_uniform=np.array([0.6, 0.6, 0.880, 0.881, 0.499, 0.501]))
    context.information.opened.receive(opened(6, 6, 8, 8, 30, 30), np.array([1, 2, 3]))
    decision = decide(context, departing(0.7, 0, 1, 2, 3, 4, 5), NOON)
    assert 0.880 < 1 / (1 + exp(-2)) < 0.881
    assert decision.path.tolist() == [LOWER, UPPER, UPPER, LOWER, UPPER, LOWER]
    assert not decision.charging.charges.any()
    assert decision.not_charging.tolist() == [0, 1, 2, 3, 4, 5]
    assert decision.charging_en_route.tolist() == []


def test_trips_take_the_times_in_effect_and_not_those_that_were_told(world: World) -> None:
    context = world(route_uniform=np.array([0.4, 0.6] * 3))
    context.information.opened.receive(opened(6, 6, 6, 6, 30, 30), np.arange(EVS))
    context.roads.open(NOON, EFFECTIVE_MIN, {"equilibrium": EFFECTIVE_MIN}, np.ones(2))
    decision = decide(context, departing(0.7, 0, 1), NOON)
    assert decision.path.tolist() == [UPPER, LOWER]
    assert decision.drive_s.tolist() == [15 * 60, 19.5 * 60]
    assert decision.station_to_destination_s.tolist() == [0, 0]
    assert decision.departure_s.tolist() == [12 * 3600] * 2


def test_a_pair_costs_its_road_its_stay_and_its_price(world: World) -> None:
    """At SOC 0.15, 0.116 at the charger: (0.8 - 0.116) 50/0.92 = 37.174 kWh, which cost 55.76 min per CNY/kWh.

    S costs 12 + 33 + 55.76 min, R 16 + 30 + 0.95 x 55.76 min: 1.788 min less, so S has 1/(1 + exp(0.894)) = 0.290.
    """
    context = world(route_uniform=np.array([0.28, 0.30, 0.28, 0.30, 0.28, 0.30]))
    context.information.opened.receive(opened(6, 6, 8, 8, 33, 30), np.arange(EVS))
    context.information.tariff.receive(tariff(5, 1.0, 0.95), np.array([0, 1]))
    decision = decide(context, departing(0.15, 0, 1, 2, 3), NOON)
    wanted_kwh = (0.8 - 0.116) * 50 / 0.92
    gain_min = (12 + 33) - (16 + 30) + 60 / 40 * wanted_kwh * 0.05
    assert 0.28 < 1 / (1 + exp(0.5 * gain_min)) < 0.30
    assert decision.charging.energy_use.session_kwh == pytest.approx(wanted_kwh)
    assert decision.path.tolist() == [AT_S, AT_R, AT_S, AT_S], "published prices are alike: S has 0.62"
    assert decision.charging_en_route.tolist() == [0, 1, 2, 3]


def test_where_drivers_price_a_station_with_the_mean_session_its_energy_counts(world: World) -> None:
    """30 kWh cost 45 min per CNY/kWh: R gains 0.05 x 45 - 1 = 1.25 min, S has 1/(1 + exp(0.625)) = 0.349."""
    context = world("population.energy_in_choice=mean", route_uniform=np.array([0.34, 0.36] * 3))
    context.information.opened.receive(opened(6, 6, 8, 8, 33, 30), np.arange(EVS))
    context.information.tariff.receive(tariff(5, 1.0, 0.95), np.arange(EVS))
    assert decide(context, departing(0.15, 0, 1), NOON).path.tolist() == [AT_S, AT_R]


def test_a_driver_that_was_told_high_prices_charges_less_often(world: World) -> None:
    """At SOC 0.30 every second one; at 1.5 times the mean of the published prices 1/(1 + exp(0.5)) = 0.378."""
    context = world("mobility.price_sensitivity=1.0", charge_uniform=np.full(EVS, 0.4))
    context.information.tariff.receive(tariff(5, 1.2, 1.8), np.array([1]))
    charging = decide(context, departing(0.30, 0, 1), NOON).charging
    assert charging.price_ratio == pytest.approx([1.0, 1.5])
    assert charging.charges.tolist() == [True, False]


def test_the_price_is_that_of_the_period_of_departure(world: World) -> None:
    context = world()
    issued = tariff(1, 0.0, 0.0)
    prices = {name: tuple(float(period) for period in range(1, 9)) for name in ("S", "R")}
    context.information.tariff.receive(replace(issued, price_cny_per_kwh=prices), np.arange(EVS))
    for period in (1, 5, 8):
        decision = decide(context, departing(0.5, 0), PeriodOfDay(1, period))
        assert decision.charging.price_ratio == pytest.approx([period])


def test_the_stay_before_the_trip_charges_slowly(world: World) -> None:
    """Two hours at 7 kW: 14 kWh, of which 12.88 reach the battery."""
    context = world(from_activity=np.array([HOME, WORK, LEISURE] * 2, dtype=np.int8))
    charging = decide(context, departing(0.5, 0, 1, 2), NOON).charging
    assert charging.soc_departure == pytest.approx([0.5 + 12.88 / 50, 0.5, 0.5])
    assert charging.slow_kwh == pytest.approx([14.0, 0.0, 0.0])
    assert charging.drive_kwh == pytest.approx([3.4] * 3)
    assert charging.energy_use.soc_arrival == pytest.approx([0.5 + 12.88 / 50 - 0.068, 0.432, 0.432])


@pytest.mark.parametrize(
    ("trip", "is_drawn", "soc", "slow_kwh"),
    [(1, True, 0.9, 0.0), (1, False, 0.5 + 12.88 / 50, 14.0), (2, True, 0.5 + 12.88 / 50, 14.0)],
)
def test_only_a_first_trip_starts_as_drawn(
    world: World, trip: int, is_drawn: bool, soc: float, slow_kwh: float
) -> None:
    """And then what was charged before it is not told."""
    context = world(trip=trip, soc_is_drawn=is_drawn, from_activity=np.full(EVS, HOME, dtype=np.int8))
    charging = decide(context, departing(0.5, 3), NOON).charging
    assert charging.soc_departure == pytest.approx([soc])
    assert charging.slow_kwh == pytest.approx([slow_kwh])


def test_an_ev_that_is_stranded_has_no_path_and_no_session(world: World) -> None:
    """0.02 of the battery is 1 kWh, and the charger is 1.7 kWh away."""
    context = world()
    who = departing(0.02, 2, 4)
    decision = decide(context, who, NOON)
    assert decision.charging.energy_use.stranded.all()
    assert decision.charging.charges.all()
    assert decision.path.tolist() == [-1, -1]
    assert decision.charging.energy_use.soc_arrival.tolist() == [0.02, 0.02]
    assert decision.not_charging.size == decision.charging_en_route.size == 0
    assert sessions(context, who, decision) == []


def test_sessions_begin_when_the_station_is_reached(world: World) -> None:
    """Two EVs of six stop: the upper one reaches S after 7 min, the lower one R after 9.5."""
    context = world(
        length_km=np.array([20.0, 1.0, 20.0, 1.0, 1.0, 1.0]), route_uniform=np.array([0.1, 0, 0.9, 0, 0, 0])
    )
    context.roads.open(NOON, EFFECTIVE_MIN, {"equilibrium": EFFECTIVE_MIN}, np.ones(2))
    who = departing(0.16, 0, 1, 2)
    decision = decide(context, who, NOON)
    assert decision.path.tolist() == [AT_S, UPPER, AT_R]
    assert decision.drive_s.tolist() == [15 * 60, 15 * 60, 19.5 * 60]
    assert decision.station_to_destination_s.tolist() == [8 * 60, 0, 10 * 60]
    (first, one), (second, other) = sessions(context, who, decision)
    assert (first, second) == (0, 1)
    assert (one.ev, other.ev) == (1, 3)
    assert (one.trip, other.trip) == (2, 2)
    assert (one.arrival_s, other.arrival_s) == (12 * 3600 + 7 * 60, 12 * 3600 + 9.5 * 60)
    assert one.soc == pytest.approx(0.16 - 0.034)
    assert one.energy_kwh == pytest.approx((0.8 - 0.126) * 50 / 0.92)
    assert (one.soc_target, one.max_power_kw) == (0.8, 40.0)


def test_the_choice_set_is_what_was_chosen_from(world: World) -> None:
    context = world(route_uniform=np.full(EVS, 0.5))
    context.information.opened.receive(opened(6, 6, 8, 8, 33, 30), np.array([0, 1]))
    context.information.tariff.receive(tariff(5, 1.0, 0.95), np.array([1]))
    passing, charging = departing(0.7, 0), departing(0.15, 1)
    paths = choice_set(context, passing, decide(context, passing, NOON), NOON)
    assert paths.path.tolist() == [UPPER, LOWER]
    assert paths.time_min.tolist() == paths.cost_min.tolist() == [12, 16]
    assert paths.probability == pytest.approx([1 / (1 + exp(-2)), 1 / (1 + exp(2))])
    pairs = choice_set(context, charging, decide(context, charging, NOON), NOON)
    by_price_min = 60 / 40 * (0.8 - 0.116) * 50 / 0.92
    assert pairs.path.tolist() == [AT_S, AT_R]
    assert pairs.time_min == pytest.approx([45, 46])
    assert pairs.cost_min == pytest.approx([45 + by_price_min, 46 + 0.95 * by_price_min])
    assert pairs.cumulative[-1] == pytest.approx(1.0)
    uninformed = departing(0.15, 5)
    free = choice_set(context, uninformed, decide(context, uninformed, NOON), NOON)
    assert free.time_min == pytest.approx([42, 42]), "30 kWh take half an hour"


def values(decision: Decision, place: int) -> list[bytes]:
    charging, course = decision.charging, decision.charging.energy_use
    columns = [decision.path, decision.drive_s, charging.soc_departure, charging.slow_kwh, charging.charges]
    return [column[[place]].tobytes() for column in [*columns, course.soc_arrival, course.session_kwh]]


def test_no_driver_decides_otherwise_because_of_the_others(world: World) -> None:
    """To the last bit: alone, among six, and in another order."""
    rng = np.random.default_rng(1)
    context = world(
        "mobility.price_sensitivity=1.0",
        charge_uniform=rng.random(EVS),
        route_uniform=rng.random(EVS),
        length_km=rng.uniform(1, 60, EVS),
        from_activity=np.array([HOME, WORK, LEISURE] * 2, dtype=np.int8),
    )
    context.information.opened.receive(opened(6, 6, 8, 8, 33, 30), np.array([1, 2, 5]))
    context.information.tariff.receive(tariff(5, 1.1, 0.7), np.array([2, 3, 4]))
    together = decide(context, departing(0.31, 0, 1, 2, 3, 4, 5), NOON)
    reversed_order = decide(context, departing(0.31, 5, 4, 3, 2, 1, 0), NOON)
    assert 0 < together.charging.charges.sum() < EVS
    for place in range(EVS):
        alone = decide(context, departing(0.31, place), NOON)
        assert values(alone, 0) == values(together, place) == values(reversed_order, EVS - 1 - place)
