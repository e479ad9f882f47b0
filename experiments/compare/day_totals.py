"""Tests of the day: whether as many EVs are on the roads, between two nodes, at a station or on a path.

A total counts the trips of N independent EVs, each of which makes several: T = sum_i x_i. Its variance is N Var(x), not
the Poisson's N E(x); the ratio of the two, the dispersion, is estimated over the EVs of the day. A count divided by its
dispersion is then tested as one of independent events: exactly where it is small, like a normal where it is large.
An equilibrium's expectation comes from M diaries, so it is known as well as the mean of M / N days.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.results import Recorder
from experiments.compare.quantities import path_names
from experiments.compare.route_switchers import items_of_trips, keeps_trips, links_by_nodes, trips_of
from experiments.compare.sample import Sample, are_paired
from experiments.compare.significance import adjusted_by_family, two_counts_p_value

LEVELS, ITEMS, PATHS = "EV trips", "OD, station and link totals", "path totals"
"""The families of these tests."""
FAMILY_OF_KIND = {"class": LEVELS, "od": ITEMS, "station": ITEMS, "link": ITEMS, "path": PATHS}
ALL_TRIPS, CHARGING = "EV trips", "charging"
UNKNOWN_DISPERSION = 2.0
"""Where single trips were not kept: more than any of the bundled populations has (1.5 to 1.7 of all their trips)."""
MOST_ROWS = 400_000
"""Rows of items of trips from which the dispersion is estimated."""
KEY = ["kind", "item"]


def compare_day_totals(recorder: Recorder, pair: int, reference: Sample, other: Sample) -> None:
    """Write ``day_tests``: the EV trips of the day by class, OD, station, path and link, with a test of each.

    Runs with the same draws are tested by the trips that each EV has in one of the two only; where these were not kept,
    they are not tested.
    """
    if not other.is_random:
        return
    counts = pd.concat([day_counts(reference), day_counts(other)], axis=1, keys=["reference", "other"])
    counts = counts.fillna(0.0).sort_index()
    exposure, other_exposure = _exposure(reference, other), float(len(other.days))
    mean = counts.reference.to_numpy() / len(reference.days)
    other_mean = counts.other.to_numpy() / other_exposure
    if are_paired(reference, other):
        p_value, error = _paired(reference, other, counts.index)
    else:
        spread = _dispersion(reference, other).reindex(counts.index).fillna(1.0).to_numpy()
        events = mean * exposure / spread, other_mean * other_exposure / spread
        p_value = two_counts_p_value(*events, exposure, other_exposure)
        error = np.sqrt(spread * np.maximum(mean, other_mean) * (1 / exposure + 1 / other_exposure))
    rows = counts.index.to_frame(index=False)
    relative = np.divide(error, mean, out=np.full(mean.size, np.inf), where=mean > 0)
    family = rows.kind.map(FAMILY_OF_KIND).to_numpy()
    columns = {"family": family, "kind": rows.kind.to_numpy(), "item": rows.item.to_numpy()}
    figures = {"reference": mean, "other": other_mean, "error": relative, "freedom": 1}
    tests = {"p_value": p_value, "p_adjusted": adjusted_by_family(p_value, family)}
    recorder.add("day_tests", pair=pair, day=other.day, **columns, **figures, **tests)


def day_counts(sample: Sample) -> Frame:
    """Return the EV trips of all replications by kind and item, those that begin after midnight with them."""
    paths = pd.concat([_evs_by_path(frame, sample.hours) for frame in sample.with_carry_over("paths")])
    links = pd.concat(sample.with_carry_over("links"))
    roads = links[links.kind == "road"]
    flow = (roads.ev_not_charging_veh_h + roads.ev_charging_veh_h) * sample.hours
    parts = {
        "class": pd.concat([paths.groupby("user_class").evs.sum(), pd.Series({ALL_TRIPS: paths.evs.sum()})]),
        "od": paths.groupby("od").evs.sum(),
        "station": paths[paths.station != ""].groupby("station").evs.sum(),
        "path": paths.groupby("route").evs.sum(),
        "link": flow.groupby(roads.link).sum(),
    }
    return pd.concat(parts, names=KEY)


def _evs_by_path(paths: Frame, hours: float) -> Frame:
    evs = paths[paths.user_class != "car"]
    return evs[["user_class", "station"]].assign(
        od=_od(evs), route=evs.user_class + " " + path_names(evs), evs=evs.flow_veh_h * hours
    )


def _od(trips: Frame) -> Frame:
    return trips.origin.astype(str) + " to " + trips.destination.astype(str)


def _exposure(reference: Sample, other: Sample) -> float:
    """Return how many days the reference's totals are the mean of: an equilibrium's, of its diaries."""
    if reference.is_random:
        return float(len(reference.days))
    return reference.config.population.estimate_diaries / _evs(other)


def _evs(sample: Sample) -> float:
    """Return the number of EVs; where nobody wrote it down, the highest number of one, or as many as trips."""
    if sample.evs is not None:
        return float(sample.evs)
    highest = [frame.ev.max() for frame in sample.tables("trips") if len(frame)]
    return float(max(highest) if highest else day_counts(sample)["class", ALL_TRIPS] / len(sample.days))


def _dispersion(reference: Sample, other: Sample) -> Frame:
    """Return N Var(x) / sum x of each kind and item, over the EVs of the samples that kept their trips."""
    kept = [sample for sample in (reference, other) if sample.is_random and keeps_trips(sample)]
    if not kept:
        return pd.Series(UNKNOWN_DISPERSION, index=day_counts(other).index)
    sums = []
    for sample in kept:
        trips, evs = _few_of(trips_of(sample, outlasting=True), sample)
        by_ev = pd.concat(_counts_by_ev(trips, sample))
        sums.append(_sums(by_ev).assign(evs=evs))
    both = pd.concat(sums).groupby(level=KEY).sum()
    return (both.squares - both.total**2 / both.evs) / both.total * both.evs / np.maximum(both.evs - 1, 1)


def _sums(counts: Frame) -> Frame:
    """Return sum, sum of magnitudes and sum of squares of each kind and item."""
    parts = {"total": counts, "magnitude": counts.abs(), "squares": counts**2}
    return pd.DataFrame({name: part.groupby(level=KEY).sum() for name, part in parts.items()})


def _few_of(trips: Frame, sample: Sample) -> tuple[Frame, float]:
    """Return the trips of the first EVs, as many as memory is for, and how many EV-days these are."""
    evs = _evs(sample)
    limit = max(1.0, min(evs, MOST_ROWS * evs / max(len(trips) * 8, 1)))
    return trips[trips.ev <= limit], np.floor(limit) * len(sample.days)


def _counts_by_ev(trips: Frame, sample: Sample) -> Iterator[Frame]:
    """Yield the trips of each EV by kind, item, replication and EV."""
    ev = ["replication", "ev"]
    named = trips.assign(od=_od(trips), whole=ALL_TRIPS)
    columns = {"class": ("whole", "user_class"), "od": ("od",)}
    frames = [(kind, named.rename(columns={own: "item"})) for kind, names in columns.items() for own in names]
    links = links_by_nodes(sample)
    frames += [(kind, items_of_trips(trips, kind, links)) for kind in ("station", "path", "link")]
    for kind, frame in frames:
        rows = frame[[*ev, "item"]].assign(kind=kind)
        yield rows.groupby([*KEY, *ev]).size()


def _paired(reference: Sample, other: Sample, index: Frame) -> tuple[FloatArray, FloatArray]:
    """Return p-value and standard error of each difference, by what each EV did otherwise with the same draws."""
    if not (keeps_trips(reference) and keeps_trips(other)):
        return np.full(len(index), np.nan), np.full(len(index), np.nan)
    parts = [
        pd.concat(_counts_by_ev(trips_of(sample, outlasting=True), sample)) for sample in (reference, other)
    ]
    sums = _sums(parts[1].sub(parts[0], fill_value=0.0)).reindex(index).fillna(0.0)
    total, both, squares = (sums[name].to_numpy() for name in ("total", "magnitude", "squares"))
    spread = np.divide(squares, both, out=np.ones(both.size), where=both > 0)
    left, joined = (both - total) / 2, (both + total) / 2
    p_value = two_counts_p_value(left / spread, joined / spread, 1, 1)
    return p_value, np.sqrt(squares) / len(other.days)
