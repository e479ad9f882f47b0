"""The diaries: equal to a plain loop, distributed as promised, and no EV's day depends on the others'."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy import stats

from cosim.arrays import FloatArray
from cosim.ev.draws import Draws
from cosim.ev.mobility import (
    Diaries,
    EVState,
    MobilityModel,
    draw_diaries,
    join_diaries,
    sample_diaries,
    trip_uniforms,
)
from cosim.ev.transitions import HOME, LEISURE, OTHER, WORK
from cosim.periods import SECONDS_PER_DAY
from tests.cosim.ev.plain_day import PlainPopulation

N_EV = 50_000
PER_TRIP = ("ev", "trip", "departure_s", "arrival_s", "length_km", "from_activity", "to_activity")
PER_EV = ("travels", "soc_first", "has_home_charger", "has_work_charger")


@pytest.fixture(scope="module")
def diaries(model: MobilityModel) -> Diaries:
    """Return one day of many EVs."""
    return sample_diaries(model, N_EV, seed=3, purpose="test")


def ks_p_value(sample: FloatArray, distribution: object) -> float:
    """Return the p-value of a Kolmogorov-Smirnov test."""
    return float(stats.kstest(sample, distribution).pvalue)


def test_diaries_equal_a_plain_loop_over_each_ev(model: MobilityModel) -> None:
    """The same uniform numbers give the same trips to the second."""
    diaries = sample_diaries(model, 300, seed=11, purpose="twin")
    plain = PlainPopulation(model.transition, 300, 11, "twin")
    trips = [trip for ev in range(300) for trip in plain.diary(ev)]
    for name in PER_TRIP:
        expected = np.array([getattr(trip, name) for trip in trips])
        if name == "length_km":
            np.testing.assert_allclose(diaries.length_km, expected, rtol=1e-13)
        else:
            np.testing.assert_array_equal(getattr(diaries, name), expected, err_msg=name)


def test_more_evs_leave_the_days_of_the_first_ones_unchanged(model: MobilityModel) -> None:
    """To the bit, so that populations of any size can be compared."""
    few = sample_diaries(model, 101, seed=5, purpose="test")
    many = sample_diaries(model, 237, seed=5, purpose="test")
    for name in PER_EV:
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:101])
    for name in PER_TRIP:
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[: few.ev.size])


@pytest.mark.parametrize("other", [{"seed": 6}, {"purpose": "another"}, {"day": 2}])
def test_another_seed_purpose_or_day_is_another_plan(model: MobilityModel, other: dict[str, object]) -> None:
    """Each part of a stream's name matters."""
    name = {"seed": 5, "purpose": "test", "day": 1}
    one, two = (sample_diaries(model, 100, **asked) for asked in (name, name | other))
    assert not np.array_equal(one.soc_first, two.soc_first)
    assert not np.array_equal(one.departure_s % SECONDS_PER_DAY, two.departure_s % SECONDS_PER_DAY)


def test_a_charger_is_there_on_every_day_and_times_count_on(model: MobilityModel) -> None:
    """Times are seconds from midnight before day 1."""
    monday, tuesday = (sample_diaries(model, 500, seed=5, purpose="test", day=day) for day in (1, 2))
    np.testing.assert_array_equal(monday.has_home_charger, tuesday.has_home_charger)
    np.testing.assert_array_equal(monday.has_work_charger, tuesday.has_work_charger)
    assert monday.departure_s.max() < SECONDS_PER_DAY <= tuesday.departure_s.min()


def test_rows_are_in_ev_and_trip_order_and_found_by_number(diaries: Diaries) -> None:
    """Both the agents and the estimate rely on this order."""
    order = np.lexsort((diaries.trip, diaries.ev))
    assert np.array_equal(order, np.arange(diaries.ev.size))
    second = diaries.rows_of_trip(2)
    assert (diaries.trip[second] == 2).all()
    assert second.size == (diaries.trip == 2).sum()


def test_each_trip_starts_where_and_after_the_last_one_ended(diaries: Diaries) -> None:
    """No EV is in two places."""
    later = np.flatnonzero(diaries.trip > 1)
    assert np.array_equal(diaries.from_activity[later], diaries.to_activity[later - 1])
    # 15 min is the shortest stay
    assert (diaries.departure_s[later] - diaries.arrival_s[later - 1] >= 900).all()
    assert (diaries.from_activity[diaries.rows_of_trip(1)] == HOME).all()
    assert diaries.departure_s.max() < SECONDS_PER_DAY


def test_trips_take_their_length_at_35_km_per_hour(diaries: Diaries) -> None:
    """Rounded to whole seconds."""
    duration_s = diaries.arrival_s - diaries.departure_s
    assert np.abs(duration_s - diaries.length_km / 35 * 3600).max() <= 0.5


def test_shares_and_first_departures_follow_the_model(diaries: Diaries) -> None:
    """Shares within four standard errors, departures by Kolmogorov-Smirnov."""
    bound = 4 * np.sqrt(0.25 / N_EV)  # four standard errors of a share
    assert diaries.travels.mean() == pytest.approx(0.8, abs=bound)
    assert diaries.has_home_charger.mean() == pytest.approx(0.5, abs=bound)
    assert diaries.has_work_charger.mean() == pytest.approx(0.2, abs=bound)
    first_min = diaries.departure_s[diaries.rows_of_trip(1)] / 60
    promised = stats.gamma(6.63, loc=114.54, scale=65.76)
    truncated = stats.uniform.ppf(promised.cdf(first_min) / promised.cdf(1440))  # after midnight is dropped
    assert ks_p_value(truncated, "uniform") > 1e-3


def test_lengths_and_first_soc_follow_the_model_inside_their_bounds(diaries: Diaries) -> None:
    """And what lies outside is moved to the bounds."""
    first = diaries.length_km[diaries.rows_of_trip(1)]
    inside = first[(first > 1) & (first < 100)]
    lognormal = stats.lognorm(0.75, scale=np.exp(2.451))
    low, high = lognormal.cdf([1.0, 100.0])
    assert ks_p_value((lognormal.cdf(inside) - low) / (high - low), "uniform") > 1e-3
    assert (first.min(), first.max()) == (1.0, 100.0)
    assert diaries.soc_first.min() == 0.2
    assert (diaries.soc_first == 0.9).mean() == pytest.approx(stats.norm.sf(2), abs=4 * np.sqrt(0.023 / N_EV))


@pytest.mark.parametrize(
    ("activity", "morning", "cdf"),
    [
        (WORK, True, stats.norm(8.0, 1.5).cdf),
        (LEISURE, True, stats.lognorm(0.7, scale=1.1).cdf),
        (OTHER, True, stats.lognorm(0.7, scale=1.1).cdf),
        (HOME, True, stats.lognorm(0.8, scale=2.2).cdf),
        (WORK, False, stats.norm(3.0, 1.0).cdf),
    ],
)
def test_stays_have_their_median_length(diaries: Diaries, activity: int, morning: bool, cdf: object) -> None:
    """For each activity, morning and late work apart."""
    # arrivals early enough that no stay of median length runs into midnight
    hour = diaries.arrival_s / 3600
    window = hour < 11 if morning else (hour >= 11) & (hour < 15)
    arrived = (diaries.to_activity == activity) & window
    row = np.flatnonzero(arrived[:-1] & (diaries.trip[1:] > 1))
    dwell_h = (diaries.departure_s[row + 1] - diaries.arrival_s[row]) / 3600
    below = (cdf(dwell_h) < 0.5).sum()
    # the few who stay past midnight leave no next trip, but belong to the longer half
    assert below / arrived.sum() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / arrived.sum()))


def test_next_activities_follow_the_table_in_every_hour(diaries: Diaries, model: MobilityModel) -> None:
    """A chi-square test per row, Bonferroni over the rows."""
    hour = diaries.departure_s // 3600
    p_values = []
    for activity, probabilities in enumerate(model.transition):
        for when, expected in enumerate(probabilities):
            gone_to = diaries.to_activity[(diaries.from_activity == activity) & (hour == when)]
            counts, possible = np.bincount(gone_to, minlength=4), expected > 0
            assert counts[~possible].sum() == 0
            if gone_to.size > 500 and (expected[possible] * gone_to.size > 5).all():
                p_values.append(stats.chisquare(counts[possible], expected[possible] * gone_to.size).pvalue)
    assert len(p_values) > 30
    assert min(p_values) > 0.001 / len(p_values)


def test_three_quarters_of_those_home_in_the_evening_stay(diaries: Diaries) -> None:
    """A quarter leave again, unless midnight comes first."""
    window = (diaries.arrival_s >= 16 * 3600) & (diaries.arrival_s < 17 * 3600)
    home = (diaries.to_activity == HOME) & window
    goes_on = np.append(diaries.trip[1:] > 1, False)[home].mean()
    next_is_today = stats.lognorm(0.8, scale=2.2).cdf(7.5)  # leaves again before midnight
    assert goes_on == pytest.approx(0.25 * next_is_today, abs=4 * np.sqrt(0.25 * 0.75 / home.sum()))


def test_a_population_at_home_has_no_trips(model: MobilityModel) -> None:
    """Empty arrays, not an error."""
    diaries = sample_diaries(replace(model, travel_share=0.0), 10, seed=1, purpose="test")
    assert diaries.ev.size == 0
    assert diaries.first_row.tolist() == [0] * 11


def test_draws_of_different_things_differ() -> None:
    """A long stay must not mean a long trip."""
    draws = Draws(8, 1, "test")
    assert not np.array_equal(draws.uniform("dwell", 1, 1), draws.uniform("length", 1, 1))


@pytest.mark.parametrize("kind", ["dwell", "markov"])
def test_an_ev_that_draws_its_own_day_draws_what_it_does_among_all(
    kind: str, model: MobilityModel, chain: MobilityModel
) -> None:
    """From its row of the streams, to the bit; the day after, from where it stood the evening before, too."""
    chosen, draws = {"dwell": model, "markov": chain}[kind], Draws(60, 1, "own")
    together = draw_diaries(chosen, draws)
    assert_same(join_diaries([draw_diaries(chosen, row) for row in draws.rows()]), together)
    rng = np.random.default_rng(1)
    state = EVState(
        activity=rng.integers(0, 4, 60).astype(np.int8),
        parked_since_s=rng.integers(60_000, 90_000, 60),
        soc=rng.random(60),
        zone=np.zeros(60, dtype=np.int64),
    )
    own = [draw_diaries(chosen, row, 2, state.of_ev(row.ev)) for row in draws.rows()]
    assert_same(join_diaries(own), draw_diaries(chosen, draws, 2, state))


def assert_same(one: Diaries, other: Diaries) -> None:
    for name in (column.name for column in fields(Diaries)):
        values = [np.asarray(getattr(diaries, name)) for diaries in (one, other)]
        assert values[0].tobytes() == values[1].tobytes(), name


def assert_unrelated(one: FloatArray, other: FloatArray) -> None:
    """Not one number again, nor any that goes along with it (five standard errors)."""
    assert (one == other).mean() < 1e-4
    assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(one.size)


def test_what_decides_on_a_trip_is_drawn_anew_for_each_seed_purpose_day_and_trip(diaries: Diaries) -> None:
    """With the same numbers every day, an EV would take the same chances day after day."""
    route = trip_uniforms(diaries, 3, "route")
    assert_unrelated(route, trip_uniforms(diaries, 4, "route"))
    assert_unrelated(route, trip_uniforms(diaries, 3, "fast charge"))
    assert_unrelated(route, trip_uniforms(replace(diaries, day=2), 3, "route"))
    second = diaries.rows_of_trip(2)
    assert_unrelated(route[second - 1], route[second])


def test_what_decides_on_a_trip_is_the_same_among_more_evs(model: MobilityModel) -> None:
    """And uniform: the mean within five standard errors of a half."""
    few, many = (sample_diaries(model, n_ev, seed=5, purpose="test") for n_ev in (2_000, 3_000))
    uniform = trip_uniforms(many, 5, "route")
    np.testing.assert_array_equal(trip_uniforms(few, 5, "route"), uniform[: few.ev.size])
    assert uniform.mean() == pytest.approx(0.5, abs=5 / np.sqrt(12 * uniform.size))


def test_a_table_that_holds_no_probabilities_is_refused(model: MobilityModel) -> None:
    """Wrong sums and wrong shape."""
    with pytest.raises(ValueError, match="sum to 1"):
        replace(model, transition=model.transition * 0.9)
    with pytest.raises(ValueError, match="shape"):
        replace(model, transition=model.transition[:, :12])


def test_no_evs_have_no_trips_and_fewer_are_refused(model: MobilityModel) -> None:
    assert sample_diaries(model, 0, seed=1, purpose="test").ev.size == 0
    with pytest.raises(ValueError, match="fewer than none"):
        sample_diaries(model, -1, seed=1, purpose="test")


def test_every_column_has_one_value_per_trip_or_per_ev(diaries: Diaries) -> None:
    """The two lengths of columns, and no other."""
    sizes = {f.name: np.size(getattr(diaries, f.name)) for f in fields(diaries)}
    assert {sizes[name] for name in PER_TRIP} == {diaries.first_row[-1]}
    assert {sizes[name] for name in PER_EV} == {diaries.n_ev}
