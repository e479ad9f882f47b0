"""The population model written anew from the docs against the program's estimate for the equilibrium.

Bound of every comparison: Hotelling's test over EVs (the trips of an EV depend on each other), with the sampling error
of the program's estimate added, does not reject at 0.001. 5,000 EVs against 30,000; seeds are fixed.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from cosim import load_scenario
from cosim.arrays import FloatArray
from cosim.ev.charging_demand import ChargingDemand, estimate_charging_demand
from tests.verification import population_from_the_docs as docs

CONFIGS = Path(__file__).parents[2] / "configs"
FIELDS = Path(__file__).parents[2] / "docs" / "fields.md"
N_EV, N_ESTIMATE, SEED = 5_000, 30_000, 3
LEVEL, SEEN = 1e-3, 1e-6
HOURS = [0, *range(7, 21)]
"""First hours of the cells; the few trips of the night are one cell, those of the late evening another."""

SCENARIOS = ("paper", "two_way", "dwell_times")
OTHER_STAYS = {
    "home_median_h": 1.5,
    "home_log_sd": 0.5,
    "work_mean_h": 6.0,
    "work_sd_h": 1.0,
    "late_work_from_h": 9.0,
    "late_work_mean_h": 4.0,
    "late_work_sd_h": 0.5,
    "leisure_median_h": 2.0,
    "leisure_log_sd": 0.4,
    "other_median_h": 0.5,
    "other_log_sd": 1.0,
    "shortest_h": 0.5,
    "longest_h": 7.0,
    "evening_from_h": 18.0,
    "evening_share": 0.5,
}
OTHER_TRIPS = {
    "trip_length_min_km": 8.0,
    "trip_length_max_km": 40.0,
    "soc_first_min": 0.4,
    "soc_first_max": 0.7,
    "charging_stop": 0.2,
}


@dataclass(frozen=True)
class Population:
    """Trips of the population from the docs, by EV."""

    departures: FloatArray
    """(EVs, 24)."""
    sessions: FloatArray
    """(EVs, 24), by the hour of departure."""
    session_kwh: FloatArray
    """(EVs,)."""
    ods: FloatArray
    """(EVs, 4 origins x 4 destinations)."""


@cache
def estimate(name: str, *settings: str, carry_over: bool = False) -> ChargingDemand:
    """Return the program's estimate."""
    scenario = load_scenario(name, settings)
    return estimate_charging_demand(
        scenario.mobility,
        scenario.battery,
        scenario.behaviour,
        scenario.periods,
        n_ev=N_ESTIMATE,
        carry_over=carry_over,
        chains=scenario.chains,
    )


def rebuild(name: str, **changes: float) -> Population:
    """Return the population from the docs, with other values of some fields of [mobility]."""
    path = CONFIGS / f"{name}.toml"
    return by_ev(docs.simulate(path, docs.read_mobility(path, FIELDS, **changes), N_EV, SEED), N_EV)


def rebuild_many_days(name: str) -> Population:
    """Return ten days after ten of a tenth of the EVs, as the program counts them; each EV's mean day."""
    path = CONFIGS / f"{name}.toml"
    trips = docs.simulate(path, docs.read_mobility(path, FIELDS), N_EV // 10, SEED, days=20)
    found = by_ev(trips[trips[:, 1] >= 10 * docs.DAY_S], N_EV // 10)
    return Population(found.departures / 10, found.sessions / 10, found.session_kwh / 10, found.ods / 10)


def by_ev(trips: FloatArray, n_ev: int) -> Population:
    """Return the trips counted by EV."""
    ev, second, _, _, origin, destination = trips.astype(int).T
    departures, sessions, ods = np.zeros((n_ev, 24)), np.zeros((n_ev, 24)), np.zeros((n_ev, 16))
    np.add.at(departures, (ev, second % docs.DAY_S // 3600), 1)
    np.add.at(sessions, (ev, second % docs.DAY_S // 3600), trips[:, 2])
    np.add.at(ods, (ev, 4 * origin + destination), 1)
    return Population(departures, sessions, np.bincount(ev, trips[:, 3], n_ev), ods)


rebuilt = cache(rebuild)


def p_value(difference: FloatArray) -> float:
    """Return how likely means so far from 0 are by chance; *difference* is (EVs, quantities)."""
    covariance = np.atleast_2d(np.cov(difference.T)) / len(difference) * (1 + N_EV / N_ESTIMATE)
    mean = difference.mean(axis=0)
    return float(chi2.sf(mean @ np.linalg.solve(covariance, mean), mean.size))


def p_departures(found: Population, expected: ChargingDemand) -> float:
    """Compare the trips per EV that start in each cell."""
    return p_value(np.add.reduceat(found.departures - expected.departures_per_ev, HOURS, axis=1))


def p_trips(found: Population, expected: ChargingDemand) -> float:
    """Compare the trips per EV and day."""
    return p_value(found.departures.sum(axis=1, keepdims=True) - expected.trips_per_ev)


def p_charging_share(found: Population, expected: ChargingDemand) -> float:
    """Compare p_t: sessions with those that the program's p_t makes of the trips."""
    excess = found.sessions - expected.charging_share * found.departures
    return p_value(np.add.reduceat(excess, HOURS, axis=1))


def p_session_kwh(found: Population, expected: ChargingDemand) -> float:
    """Compare the mean energy of a session."""
    excess = found.session_kwh - expected.mean_session_kwh * found.sessions.sum(axis=1)
    return p_value(excess[:, np.newaxis])


def p_ods(found: Population, expected: ChargingDemand) -> float:
    """Compare the shares of the ODs in the day's trips; one share follows from the others."""
    assert expected.od_departures_per_ev is not None
    number = load_scenario("two_way").chains.number.ravel()
    ods = expected.od_departures_per_ev.sum(axis=0)
    share = ods[number[number >= 0]] / ods.sum()
    excess = found.ods[:, number >= 0] - share * found.ods.sum(axis=1, keepdims=True)
    return p_value(excess[:, 1:])


COMPARISONS = (p_departures, p_trips, p_charging_share, p_session_kwh)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_population_written_from_the_docs_has_the_trips_p_t_and_sessions_of_the_program(name: str) -> None:
    found = {compare.__name__: compare(rebuilt(name), estimate(name)) for compare in COMPARISONS}
    assert min(found.values()) > LEVEL, found


def test_days_in_a_row_are_those_of_the_program() -> None:
    expected, changed = estimate("dwell_times", carry_over=True), rebuild_many_days("dwell_times")
    found = {compare.__name__: compare(changed, expected) for compare in COMPARISONS}
    assert min(found.values()) > LEVEL, found
    assert p_charging_share(changed, estimate("dwell_times")) < SEEN, "a single day is not told from many"


def test_its_chained_trips_have_the_od_shares_of_the_program() -> None:
    assert p_ods(rebuilt("two_way"), estimate("two_way")) > LEVEL
    assert (rebuilt("two_way").ods[:, ::5] == 0).all(), "a trip stays within its zone"


def test_every_field_of_the_dwell_times_and_the_bounds_means_what_the_docs_say() -> None:
    settings = [f"mobility.dwell.{name}={value}" for name, value in OTHER_STAYS.items()]
    settings += [f"mobility.{name}={value}" for name, value in OTHER_TRIPS.items()]
    expected, changed = (
        estimate("dwell_times", *settings),
        rebuild("dwell_times", **OTHER_STAYS, **OTHER_TRIPS),
    )
    found = {compare.__name__: compare(changed, expected) for compare in COMPARISONS}
    assert min(found.values()) > LEVEL, found


@pytest.mark.parametrize(
    ("change", "compare"),
    [
        ({"evening_share": 0.5}, p_departures),
        ({"late_work_mean_h": 8.0}, p_departures),
        ({"soc_fast_charge": 0.4}, p_charging_share),
        ({"charging_stop": 0.0}, p_session_kwh),
    ],
)
def test_another_number_than_the_programs_is_seen(change: dict[str, float], compare: Any) -> None:
    assert compare(rebuild("dwell_times", **change), estimate("dwell_times")) < SEEN


def test_a_visit_to_the_zone_of_work_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    draw_visits = docs.draw_visits
    monkeypatch.setattr(
        docs, "draw_visits", lambda rng, demand, zone, home, _=None: draw_visits(rng, demand, zone, home)
    )
    assert p_ods(rebuild("two_way"), estimate("two_way")) < SEEN


def test_it_imports_nothing_of_the_program() -> None:
    lines = Path(str(docs.__file__)).read_text(encoding="utf-8").splitlines()
    imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported == {"csv", "dataclasses", "numpy", "pathlib", "tomllib", "typing"}
