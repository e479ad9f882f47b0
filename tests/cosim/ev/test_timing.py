"""Departures by a profile: exact in the chain, drawn alike, and refused where nobody could leave."""

import numpy as np
import pytest

from cosim.arrays import FloatArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.charging_demand import estimate_charging_demand
from cosim.ev.exact import markov_day
from cosim.ev.markov import SLOTS, MarkovModel
from cosim.ev.mobility import sample_diaries
from cosim.ev.occupancy import count_departures, inside_band
from cosim.ev.soc_chain import charging_days, single_ev_type
from cosim.ev.timing import UnreachableProfileError, follow_profile
from cosim.ev.transitions import HOME, WORK
from cosim.periods import Periods

PROFILE = np.array([1.0, 8.0, 3.0, 5.0, 6.0, 2.0])
"""Six periods of four hours: nights, too."""
SHARE = PROFILE / PROFILE.sum()
N_EV = 60_000


@pytest.fixture(scope="module")
def profiled(chain: MarkovModel) -> MarkovModel:
    return follow_profile(chain, PROFILE, carried=False)


def departures(model: MarkovModel, *, periodic: bool = False) -> FloatArray:
    """Return the expected departures per EV of each period."""
    day = markov_day(model)
    found = day.occupancy(day.periodic_state() if periodic else day.at_home()).departures_per_ev
    by_period: FloatArray = found.reshape(SHARE.size, -1).sum(axis=1)
    return by_period


def test_each_period_has_its_share_of_as_many_trips(chain: MarkovModel, profiled: MarkovModel) -> None:
    trips = departures(chain).sum()
    assert departures(profiled) == pytest.approx(trips * SHARE, rel=1e-12)


def test_days_in_a_row_too_once_they_repeat_themselves(chain: MarkovModel) -> None:
    model = follow_profile(chain, PROFILE, carried=True)
    assert departures(model, periodic=True) / departures(model, periodic=True).sum() == pytest.approx(
        SHARE, rel=1e-9
    )


def test_where_to_stays_as_it_was(chain: MarkovModel, profiled: MarkovModel) -> None:
    """A factor on the hazard moves departures in time alone."""
    before, after = (model.departure[40, WORK] for model in (chain, profiled))
    assert after / after.sum() == pytest.approx(before / before.sum())


def test_its_own_profile_leaves_a_chain_unchanged(chain: MarkovModel) -> None:
    same = follow_profile(chain, departures(chain), carried=False)
    assert same.departure == pytest.approx(chain.departure, rel=1e-9, abs=1e-15)


def test_diaries_follow_the_profile_as_drawn(profiled: MarkovModel) -> None:
    """Each quarter of an hour and activity inside the band of the exact departures, at 95 %."""
    diaries = sample_diaries(profiled, N_EV, 3, "profile")
    day = markov_day(profiled)
    exact = day.occupancy(day.at_home()).departures_per_ev
    assert inside_band(count_departures(diaries), exact, N_EV).all()


def test_who_charges_is_what_the_chain_with_batteries_says(profiled: MarkovModel) -> None:
    """p_t of the new times of departure, period by period, within five standard errors of the diaries."""
    battery, behaviour = Battery(), ChargingBehaviour()
    estimate = estimate_charging_demand(profiled, battery, behaviour, Periods(count=SHARE.size), n_ev=N_EV)
    (day,) = charging_days(profiled, single_ev_type(profiled, battery, behaviour), behaviour)
    sessions, trips = (
        values.reshape(SHARE.size, -1).sum(axis=1) for values in (day.sessions_per_ev, day.departures_per_ev)
    )
    error = np.sqrt(sessions / trips / (trips * N_EV))
    assert estimate.charging_share == pytest.approx(sessions / trips, abs=5 * float(error.max()))
    assert (np.abs(estimate.charging_share - sessions / trips) < 5 * error).all()


def test_a_period_in_which_nobody_can_leave_is_named() -> None:
    """All are at home, and nobody leaves in the first quarter of the day."""
    table = np.zeros((SLOTS, 4, 4))
    table[48:, HOME, WORK] = 0.1
    with pytest.raises(UnreachableProfileError, match=r"in period 1 .* should start, but at most 0 can"):
        follow_profile(MarkovModel(departure=table), np.ones(4), carried=False)


def test_no_departure_in_a_period_of_no_trips(chain: MarkovModel) -> None:
    profile = np.array([0.0, 1.0, 1.0, 0.0])
    assert not follow_profile(chain, profile, carried=False).departure[:24].any()
