"""A known chain is found again from its own diaries; diaries are read, or refused with all that is wrong."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.errors import ConfigError
from cosim.ev.diary_table import COLUMNS, ObservedDays, as_observed, read_diaries, write_diaries
from cosim.ev.distributions import LogNormal, Normal
from cosim.ev.dwell import DwellModel
from cosim.ev.fitting import LOG_DEVIATION_BOUNDS, FittedChain, fit_lengths, fit_markov, parked_share
from cosim.ev.goodness import goodness_of_fit, ks_distance
from cosim.ev.markov import MarkovModel
from cosim.ev.mobility import sample_diaries
from cosim.ev.occupancy import count_places
from cosim.ev.transitions import HOME, OTHER, WORK
from cosim.randomness import stream

N_DAYS = 60_000


@pytest.fixture(scope="module")
def days(chain: MarkovModel) -> ObservedDays:
    """Return diaries of the chain, as if observed."""
    return as_observed(sample_diaries(chain, N_DAYS, seed=9, purpose="fit"))


@pytest.fixture(scope="module")
def fitted(days: ObservedDays) -> FittedChain:
    """Return what they are estimated to follow."""
    return fit_markov(days)


def test_a_known_chain_is_found_again_within_its_standard_errors(
    chain: MarkovModel, fitted: FittedChain
) -> None:
    """Where enough EVs were seen: 95 % within two standard errors, all within five."""
    expected = chain.departure * fitted.exposure[:, :, np.newaxis]
    seen = (expected > 20) & (fitted.exposure[:, :, np.newaxis] - expected > 20)
    error = np.sqrt(
        chain.departure * (1 - chain.departure) / np.maximum(fitted.exposure, 1)[:, :, np.newaxis]
    )
    z = ((fitted.model.departure - chain.departure)[seen]) / error[seen]
    assert seen.sum() > 500
    assert np.abs(z).max() < 5
    assert (np.abs(z) < 2).mean() == pytest.approx(0.954, abs=0.03)
    assert fitted.same_slot_share == 0.0


def test_lengths_share_of_travellers_and_speed_are_found_again(
    chain: MarkovModel, fitted: FittedChain
) -> None:
    """Four standard errors; the speed but for whole seconds."""
    trips = int(fitted.departures.sum())
    length = fitted.model.length_km
    assert isinstance(length, LogNormal)
    assert length.log_mean == pytest.approx(2.451, abs=4 * 0.75 / np.sqrt(trips))
    assert length.log_deviation == pytest.approx(0.75, abs=4 * 0.75 / np.sqrt(2 * trips))
    share = chain.travel_share
    assert fitted.model.travel_share == pytest.approx(share, abs=4 * np.sqrt(0.16 / N_DAYS))
    assert fitted.model.diary_speed_km_h == pytest.approx(35.0, abs=0.01)


def test_a_chain_fits_its_own_diaries_in_every_respect(days: ObservedDays, fitted: FittedChain) -> None:
    """All distances are of the size of the sampling error."""
    found = goodness_of_fit(fitted, days)
    assert found.places_largest_difference < 0.01
    assert found.trips_per_day_exact == pytest.approx(found.trips_per_day_observed, rel=0.01)
    assert found.trips_per_day_distance < 0.02
    assert found.length_ks < 0.01
    assert max(found.dwell_ks.values()) < 0.02
    assert found.duration_error < 0.01


def test_dwell_times_show_what_a_chain_forgets(model: DwellModel) -> None:
    """Stays of eight hours at work are no geometric stays; places and trips are right all the same."""
    days = as_observed(sample_diaries(model, 20_000, seed=4, purpose="dwell"))
    found = goodness_of_fit(fit_markov(days), days)
    assert found.dwell_ks["work"] > 0.1
    assert found.places_largest_difference < 0.01
    assert found.trips_per_day_exact == pytest.approx(found.trips_per_day_observed, rel=0.01)


def test_an_empty_cell_is_the_prior_and_a_thin_one_between() -> None:
    """Two EV-days by hand: out at 8:00 to work, one back at 17:00."""
    days = ObservedDays(
        n_days=2,
        day=np.array([0, 0, 1]),
        departure_s=np.array([8, 17, 8]) * 3600,
        arrival_s=np.array([9, 18, 9]) * 3600,
        from_activity=np.array([HOME, WORK, HOME], dtype=np.int8),
        to_activity=np.array([WORK, HOME, WORK], dtype=np.int8),
        length_km=np.array([10.0, 12.0, 14.0]),
    )
    fitted = fit_markov(days, prior_evs=4.0)
    slot = 8 * 4
    assert fitted.exposure[slot].tolist() == [2, 0, 0, 0]
    prior = 2 / (fitted.exposure[:, HOME].sum() + 1)
    assert fitted.model.departure[slot, HOME, WORK] == pytest.approx((2 + 4 * prior) / (2 + 4))
    at_five = fitted.exposure[17 * 4]
    assert at_five.tolist() == [0, 2, 0, 0]
    # nobody was ever seen at another place: one EV that goes home within a day
    assert fitted.model.departure[0, OTHER] == pytest.approx([1 / 96, 0, 0, 0])
    assert fitted.model.travel_share == 1.0
    assert fitted.model.diary_speed_km_h == pytest.approx(12.0)


def days_by_hand(*trips: tuple[int, float, float, int, int], n_days: int) -> ObservedDays:
    """Return days from trips of 10 km: the day, hours of departure and arrival, activities left and sought."""
    day, departure_h, arrival_h, left, sought = (np.array(column) for column in zip(*trips, strict=True))
    return ObservedDays(
        n_days=n_days,
        day=day,
        departure_s=np.rint(3600 * departure_h).astype(np.int64),
        arrival_s=np.rint(3600 * arrival_h).astype(np.int64),
        from_activity=left.astype(np.int8),
        to_activity=sought.astype(np.int8),
        length_km=np.full(day.size, 10.0),
    )


def test_who_leaves_in_the_slot_of_the_arrival_counts_as_parked_at_its_start() -> None:
    """Else more would leave work in that quarter of an hour than were ever there."""
    hasty = days_by_hand((0, 7.5, 8.02, HOME, WORK), (0, 8.2, 8.7, WORK, HOME), n_days=1)
    fitted = fit_markov(hasty)
    at_eight = 8 * 4
    assert fitted.departures[at_eight, WORK].tolist() == [1, 0, 0, 0]
    assert fitted.exposure[at_eight].tolist() == [0, 1, 0, 0]
    assert fitted.exposure[at_eight + 1 : at_eight + 3].tolist() == [[0, 0, 0, 0]] * 2
    assert (fitted.departures.sum(axis=2) <= fitted.exposure).all()


def test_the_fit_of_places_is_judged_where_it_is_worst() -> None:
    """Two of five leave two hours after all of the chain do: for two hours .4 of all are elsewhere, else none."""
    early, late = (8.0, 8.3, HOME, WORK), (10.0, 10.3, HOME, WORK)
    days = days_by_hand(*((day, *(early if day < 3 else late)) for day in range(5)), n_days=5)
    table = np.zeros_like(fit_markov(days).model.departure)
    table[8 * 4, HOME, WORK] = 1.0
    all_early = MarkovModel(
        departure=table, travel_share=1.0, length_km=Normal(15.0, 0.0), diary_speed_km_h=60.0
    )
    found = goodness_of_fit(replace(fit_markov(days), model=all_early), days)
    assert found.places_largest_difference == pytest.approx(0.4, abs=1e-3)


def test_departures_in_the_slot_of_the_arrival_are_told(model: DwellModel) -> None:
    """A chain cannot have them: they are counted, and the table still holds probabilities."""
    days = as_observed(sample_diaries(model, 2_000, seed=4, purpose="hurry"))
    row = np.flatnonzero((days.day[1:] == days.day[:-1]) & (days.arrival_s[:-1] % 900 < 800))[:50]
    departure_s = days.departure_s.copy()
    departure_s[row + 1] = days.arrival_s[row] + 60
    hurried = ObservedDays(
        **{f.name: getattr(days, f.name) for f in fields(days)} | {"departure_s": departure_s}
    )
    fitted = fit_markov(hurried)
    assert fitted.same_slot_share == pytest.approx(50 / days.day.size)
    assert (fitted.model.departure.sum(axis=2) <= 1).all()


def test_lengths_beyond_the_bounds_do_not_bend_the_curve() -> None:
    """A third of the trips is shorter than the bound; the curve is that of all."""
    drawn = np.exp(0.4 + 0.9 * stream(1, "lengths").standard_normal(40_000))
    found = fit_lengths(np.clip(drawn, 1.0, 100.0), 1.0, 100.0)
    assert (drawn < 1).mean() > 0.3
    assert (found.log_mean, found.log_deviation) == pytest.approx((0.4, 0.9), abs=0.02)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "length_km", [[12.0], [10.0] * 10, [1.0] * 10, [100.0] * 10, [0.4, 130.0], [5.0, 5.1]]
)
def test_lengths_that_are_few_or_alike_give_a_curve_that_has_them(length_km: list[float]) -> None:
    """No bound that nobody reached adds 0 x infinity, and no deviation becomes nothing, or boundless."""
    found = fit_lengths(np.array(length_km), 1.0, 100.0)
    narrowest, widest = LOG_DEVIATION_BOUNDS
    assert 0.999 * narrowest <= found.log_deviation <= 1.001 * widest
    quantiles = found.quantile(np.array([0.25, 0.5, 0.75]))
    inside = np.clip(length_km, 1.0, 100.0)
    assert quantiles[0] <= 1.01 * inside.max()
    assert quantiles[-1] >= 0.99 * inside.min()


def test_a_table_of_diaries_is_read_as_it_was_written(chain: MarkovModel, tmp_path: Path) -> None:
    """As CSV and as Parquet; days without trips count."""
    diaries = sample_diaries(chain, 300, seed=2, purpose="table")
    file = tmp_path / "diaries.csv"
    write_diaries(diaries, file)
    pd.read_csv(file).to_parquet(tmp_path / "diaries.parquet")
    known = as_observed(diaries)
    for one in (file, tmp_path / "diaries.parquet"):
        found = read_diaries(one)
        assert found.n_days == 300
        assert parked_share(found) == pytest.approx(count_places(diaries) / 300, abs=1e-12)
        for name in ("departure_s", "arrival_s", "from_activity", "length_km"):
            assert np.sort(getattr(found, name)) == pytest.approx(np.sort(getattr(known, name)), rel=1e-5)


def test_all_that_is_wrong_with_a_table_is_told_at_once(tmp_path: Path) -> None:
    """File, line, column, value, and what is allowed."""
    rows = (
        "a,mon,1,07:30,08:00,home,work,12",
        "a,mon,2,07:45,18:00,work,home,12",
        "a,tue,1,7.30,08:00,home,work,12",
        "a,wed,1,09:00,08:00,home,beach,0",
        "a,thu,2,07:30,08:00,home,work,12",
        "a,fri,0,07:30,,,,",
        "a,sat,1,07:30,08:00,home,work,12",
        "a,sat,2,17:30,18:00,leisure,home,12",
        "a,sun,0,,,,,",
        "a,sun,1,07:30,08:00,home,work,12",
        "b,mon,one,07:30,08:00,home,work,12",
        ",mon,1,25:30,26:00,home,work,12",
    )
    file = tmp_path / "diaries.csv"
    file.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        read_diaries(file)
    sentences = str(told.value)
    for part in (
        "line 3: departs at 07:45:00, before the trip before arrives at 08:00:00",
        "line 4: column departure is '7.30'; it must be a time as 07:45",
        "line 5: column to is 'beach'",
        "line 5: arrival is '08:00', before the departure",
        "line 5: column length_km is '0'; it must be a number above 0",
        "line 6: trip is 2; trip 1 of that EV and day is missing",
        "line 7: trip is 0, a day without trips",
        "line 9: leaves from 'leisure', but the trip before ended at 'work'",
        "line 11: EV 'a' has trips on day 'sun', and a row that says none",
        "line 12: column trip is 'one'",
        "line 13: column ev is empty",
        "line 13: departure is '25:30'; a trip belongs to the day on which it starts",
    ):
        assert part in sentences


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.csv", ",".join(COLUMNS) + "\na,mon,0,,,,,\n", "holds no trip"),
        ("bad.parquet", "no parquet", "cannot be read as Parquet"),
        ("short.csv", "ev,day\na,mon\n", "column trip is missing"),
    ],
)
def test_a_file_without_trips_is_refused(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    """With one sentence."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        read_diaries(tmp_path / name)


def test_the_distance_of_two_samples_by_hand() -> None:
    """Half of one lies below all of the other."""
    assert ks_distance(np.array([0.0, 2.0]), np.array([1.0, 3.0])) == 0.5
    assert ks_distance(np.array([]), np.array([1.0])) == 1.0


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["a,1,1,08:00,08:10,home,work,90000"], "line 2: length_km is '90000' in 10 min: 540,000 km/h"),
        (
            ["a,1,1,08:00,08:00,home,work,5"],
            "line 2: departure is '08:00' and arrival '08:00': a trip must last",
        ),
        (
            ["a,1,1,00:00,24:00,home,work,5"],
            "line 2: departure is '00:00' and arrival '24:00': the trip lasts 24.0 h",
        ),
        (
            ["a,1,1,08:00,08:30,home,work,5", "a,2,1,08:00,08:30,home,work,5"],
            "line 3: leaves from 'home', but the last trip of the day before ended at 'work'",
        ),
        (
            ["a,1,1,23:50,24:20,home,work,5", "a,2,1,00:10,00:30,work,home,5"],
            "line 3: departs at 00:10:00, before the last trip of the day before arrives at 00:20:00",
        ),
        (["a,1,1,08:00,08:30,home,work,5"], "fewer than two different lengths"),
    ],
)
def test_what_no_car_does_is_refused(rows: list[str], sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "diaries.csv"
    file.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        read_diaries(file)
    assert sentence in str(told.value)
    assert len(told.value.problems) == 1


def test_a_wrong_row_does_not_make_the_next_one_wrong(tmp_path: Path) -> None:
    file = tmp_path / "diaries.csv"
    rows = ("a,1,1,8h,08:30,home,wrk,5", "a,1,2,17:00,17:30,work,home,6")
    file.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        read_diaries(file)
    assert [str(problem).split(": ")[0][-6:] for problem in told.value.problems] == ["line 2", "line 2"]
