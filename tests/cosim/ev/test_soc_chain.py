"""Who charges, by a chain over place and state of charge: as counted, and conserving probability and energy."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.days import DayOfEVs, simulate_days
from cosim.ev.ev_types import EvType
from cosim.ev.exact import markov_day
from cosim.ev.markov import MarkovModel
from cosim.ev.occupancy import count_activity_states, inside_band, soc_at_boundaries
from cosim.ev.soc_chain import SOC, ChargingDay, charging_days, single_ev_type
from cosim.ev.timeline import Timeline, timeline

BATTERY, BEHAVIOUR, N_EV = Battery(), ChargingBehaviour(), 40_000
SETTLED = 8


@pytest.fixture(scope="module")
def course(chain: MarkovModel) -> list[ChargingDay]:
    """Return days until nothing changes."""
    return charging_days(chain, single_ev_type(chain, BATTERY, BEHAVIOUR), BEHAVIOUR, days=SETTLED)


@pytest.fixture(scope="module")
def sampled(chain: MarkovModel) -> list[tuple[DayOfEVs, Timeline]]:
    """Return as many days of EVs, each with its timeline."""
    found: list[tuple[DayOfEVs, Timeline]] = []
    yesterday = None
    for day in simulate_days(chain, BATTERY, BEHAVIOUR, N_EV, SETTLED, seed=2, purpose="soc chain"):
        yesterday = timeline(day.diaries, day.record, BATTERY, BEHAVIOUR, 60.0, day.start, yesterday)
        found.append((day, yesterday))
    return found


def chain_share(day: ChargingDay) -> np.ndarray:
    return np.stack([day.slow.sum(axis=1), day.fast], axis=1)


def test_a_single_day_charges_as_the_chain_says(chain: MarkovModel, course: list[ChargingDay]) -> None:
    """Slowly and fast, at every quarter of an hour; the morning's state of charge is drawn."""
    (day,) = simulate_days(chain, BATTERY, BEHAVIOUR, N_EV, 1, seed=4, purpose="single", carry_over=False)
    line = timeline(day.diaries, day.record, BATTERY, BEHAVIOUR, 60.0)
    assert inside_band(count_activity_states(line)[:, 5:], chain_share(course[0]), N_EV).all()


def test_after_many_days_too(course: list[ChargingDay], sampled: list[tuple[DayOfEVs, Timeline]]) -> None:
    """With batteries carried over midnight; and the share of trips that fast-charge."""
    day, line = sampled[-1]
    assert inside_band(count_activity_states(line)[:, 5:], chain_share(course[-1]), N_EV).all()
    chain_p = course[-1].sessions_per_ev.sum() / course[-1].departures_per_ev.sum()
    trips = day.diaries.ev.size
    assert chain_p == pytest.approx(0.0425, abs=0.0005)
    assert day.record.fast_charge.mean() == pytest.approx(chain_p, abs=4 * np.sqrt(chain_p / trips))


def test_the_second_of_two_days_too(chain: MarkovModel, sampled: list[tuple[DayOfEVs, Timeline]]) -> None:
    """Long before anything is periodic: the first night is that of the state of charge drawn for it."""
    kind = single_ev_type(chain, BATTERY, BEHAVIOUR)
    two = charging_days(chain, kind, BEHAVIOUR, days=2, plugged=True)
    for (_, line), day in zip(sampled, two, strict=False):
        assert inside_band(count_activity_states(line)[:, 5:], chain_share(day), N_EV).all()


def test_days_repeat_themselves_in_the_end(course: list[ChargingDay]) -> None:
    """To 1e-4 from the seventh day on."""
    change = np.abs(chain_share(course[-1]) - chain_share(course[-2])).max()
    assert change < 1e-4


def test_the_chain_leaves_as_the_chain_without_batteries_does(
    chain: MarkovModel, course: list[ChargingDay]
) -> None:
    """State of charge changes no departure; no probability is lost."""
    exact = markov_day(chain)
    first = exact.occupancy(exact.at_home())
    assert course[0].departures_per_ev == pytest.approx(first.departures_per_ev.sum(axis=1), abs=1e-6)
    driving = first.share[-1, 4]
    assert course[0].soc.sum() == pytest.approx(1 - driving, abs=1e-6)


def test_energy_driven_is_energy_charged_over_a_periodic_day(
    chain: MarkovModel, course: list[ChargingDay]
) -> None:
    """Every kWh that slow chargers do not give comes from fast ones: both are seen in their occupancy."""
    from cosim.ev.distributions import quadrature

    uniform, weight = quadrature(10_000)
    trip_kwh = 0.17 * weight @ chain.length_km.quantile(uniform)
    day = course[-1]
    # a share of EVs over 96 quarters of an hour, at 7 and 60 kW, of which .92 arrives
    charged = 0.92 * 0.25 * (7.0 * day.slow[1:].sum() + 60.0 * day.fast[1:].sum())
    assert charged == pytest.approx(trip_kwh * day.departures_per_ev.sum(), rel=0.01)


def test_everybody_does_one_thing_at_a_time(sampled: list[tuple[DayOfEVs, Timeline]]) -> None:
    """Seven shares sum to 1 at every boundary, state of charge is known and within [0, 1]."""
    for _, line in sampled:
        assert (count_activity_states(line).sum(axis=1) == N_EV).all()
        soc = soc_at_boundaries(line)
        assert not np.isnan(soc).any()
        assert soc.min() >= 0.0
        assert soc.max() <= 1.0 + 1e-12


def test_intervals_of_an_ev_follow_one_another(sampled: list[tuple[DayOfEVs, Timeline]]) -> None:
    """What ends at a time, another thing begins at; so does the state of charge, but for a few.

    The diaries know no delay by a fast charge: a stay that it shortens gives its slow charge, and ends, as planned.
    """
    line = sampled[-1][1]
    order = np.lexsort((line.start_s, line.ev))
    same = line.ev[order][1:] == line.ev[order][:-1]
    gap = (line.start_s[order][1:] - line.end_s[order][:-1])[same]
    assert np.abs(gap).max() < 1e-6
    step = (line.soc_start[order][1:] - line.soc_end[order][:-1])[same]
    assert (np.abs(step) > 1e-9).mean() < 0.02


def test_evs_without_chargers_never_charge_slowly(chain: MarkovModel) -> None:
    """And fast-charge nearly twice as often in one day."""
    bare = EvType(home_charger_share=0.0, work_charger_share=0.0)
    (day,) = charging_days(chain, bare, BEHAVIOUR)
    assert day.slow.sum() == 0.0
    share = day.sessions_per_ev.sum() / day.departures_per_ev.sum()
    assert share == pytest.approx(0.074, abs=0.003)


def test_a_price_blind_full_battery_does_not_charge(chain: MarkovModel) -> None:
    """The morning's distribution matters."""
    from cosim.ev.distributions import Normal

    full = replace(chain, soc_first=Normal(1.0, 0.0))
    (day,) = charging_days(full, EvType(home_charger_share=0.0), BEHAVIOUR)
    assert day.sessions_per_ev.sum() < 0.01
    assert SOC @ day.soc / day.soc.sum() > 0.7
