"""The dwell model without random numbers agrees with its diaries, and with stays of known length."""

from dataclasses import replace

import numpy as np
import pytest

from cosim.ev.distributions import LogNormal, Normal, quadrature
from cosim.ev.dwell import DwellModel
from cosim.ev.mobility import sample_diaries
from cosim.ev.occupancy import count_departures, count_places, inside_band
from cosim.ev.renewal import all_at_home, renewal_day, renewal_days

N_EV = 100_000


def test_sampled_places_and_departures_lie_inside_the_band_of_the_renewal_densities(
    model: DwellModel,
) -> None:
    """Convolutions on a grid of 15 s against diaries to the second."""
    exact, midnight = renewal_day(model, all_at_home())
    diaries = sample_diaries(model, N_EV, seed=6, purpose="renewal")
    assert inside_band(count_places(diaries), exact.share, N_EV).all()
    assert inside_band(count_departures(diaries), exact.departures_per_ev, N_EV).all()
    assert midnight.parked.sum() + midnight.arriving.sum() == pytest.approx(1.0, abs=1e-9)
    assert exact.departures_per_ev.sum() == pytest.approx(3.363, abs=0.002)


def test_a_day_of_known_times_is_told_to_the_slot(model: DwellModel) -> None:
    """Leave at 8, an hour's drive, eight hours at work, an hour's drive home, where the evening ends the day."""
    transition = np.zeros((4, 24, 4))
    transition[0, :, 1] = 1.0
    transition[1:, :, 0] = 1.0
    certain = replace(
        model,
        transition=transition,
        travel_share=1.0,
        first_departure_min=Normal(480.0, 0.0),
        length_km=Normal(35.0, 0.0),
        work_dwell_h=Normal(8.0, 0.0),
        share_evening_at_home=1.0,
    )
    share = renewal_day(certain, all_at_home())[0].share
    assert share[[30, 34, 40, 69, 74], [0, 4, 1, 4, 0]] == pytest.approx(np.ones(5), abs=1e-12)


def test_the_periodic_day_ends_as_it_began(model: DwellModel) -> None:
    """And has more trips than a day begun at home, for who is away travels for certain."""
    periodic = renewal_days(model, 1_000)
    # two days in a row differ by what the tolerance and the cells at midnight leave
    assert periodic.share[0] == pytest.approx(periodic.share[-1], abs=2e-4)
    assert periodic.departures_per_ev.sum() == pytest.approx(3.453, abs=0.002)


def test_the_quadrature_knows_the_mean_of_a_lognormal() -> None:
    """exp(mu + sigma^2 / 2), tails and all."""
    uniform, weight = quadrature(4_000)
    assert weight.sum() == pytest.approx(1.0, abs=1e-12)
    assert weight @ LogNormal(0.3, 0.8).quantile(uniform) == pytest.approx(np.exp(0.3 + 0.32), rel=1e-4)
