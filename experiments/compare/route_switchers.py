"""Runs that drew the same random numbers, trip by trip: who changed path, and whether changes cancel out.

With common random numbers a trip takes another path only if something changed its costs: counts of the two runs are no
independent draws, and tests that take them for such see nothing. What can be tested is whether as many left each
path as joined it: then the runs' expected counts are the same (marginal homogeneity; McNemar 1947, Stuart 1955,
Maxwell 1970).
"""

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame, IntArray
from cosim.randomness import stream
from cosim.results import Recorder
from experiments.compare.monte_carlo import sequential_p_values
from experiments.compare.quantities import path_names
from experiments.compare.sample import Sample, are_paired
from experiments.compare.significance import adjusted, two_counts_p_value

TRIP = ["replication", "ev", "trip"]
CHOICE = ["user_class", "origin", "destination"]
"""What a trip must have in common in both runs for its path to be a choice from the same paths."""


def compare_route_switchers(
    recorder: Recorder, pair: int, reference: Sample, other: Sample, seed: int
) -> None:
    """Write ``route_switchers``: of each class and OD, the trips that changed path between runs with the same draws."""
    if not (are_paired(reference, other) and keeps_trips(reference) and keeps_trips(other)):
        return
    first, second = (trips_of(sample).set_index([*TRIP, *CHOICE]).route for sample in (reference, other))
    both = pd.concat([first, second], axis=1, join="inner", keys=["reference", "other"])
    rng, rows = stream(seed, "moved", pair), []
    for key, trips in both.groupby(level=CHOICE, sort=True):
        table = crosstab(trips)
        rows.append(
            (*key, len(trips), int(table.sum()), stuart_maxwell(table), switching_p_value(table, rng))
        )
    found = pd.DataFrame(rows, columns=[*CHOICE, "trips", "switched", "statistic", "p_value"])
    if rows:
        columns = {name: found[name].to_numpy() for name in found}
        recorder.add("route_switchers", pair=pair, **columns, p_adjusted=adjusted(columns["p_value"], "none"))


def keeps_trips(sample: Sample) -> bool:
    """Return whether the runs of *sample* kept their trips one by one."""
    return not any(frame.empty for frame in sample.tables("trips"))


def trips_of(sample: Sample, *, outlasting: bool = False) -> Frame:
    """Return the trips that were made, with the name of their path, its nodes, and their replication.

    With *outlasting* also those that begin after midnight.
    """
    read = sample.with_carry_over if outlasting else sample.tables
    days = zip(read("trips"), read("paths"), strict=True)
    return pd.concat(
        [_with_paths(*day).assign(replication=number) for number, day in enumerate(days)], ignore_index=True
    )


def _with_paths(trips: Frame, paths: Frame) -> Frame:
    """Return the trips with the names of their paths: their numbers are those of one run's path set."""
    keys = ["day", "period", "user_class", "path"]
    named = paths[[*keys, "nodes"]].assign(route=path_names(paths))
    return trips[["ev", "trip", *CHOICE, "day", "period", "path", "station"]].merge(named, on=keys)


def crosstab(trips: Frame) -> IntArray:
    """Return how many trips took one path in the reference (rows) and another in the other (columns)."""
    away = trips[trips.reference != trips.other]
    code, routes = pd.factorize(np.concatenate([away.reference, away.other]), sort=True)
    table = np.zeros((len(routes), len(routes)), dtype=np.int64)
    np.add.at(table, (code[: len(away)], code[len(away) :]), 1)
    return table


def stuart_maxwell(table: IntArray) -> float:
    """Return d' V^-1 d from the switches: d = joined - left by path, V its covariance if switches cancel out."""
    difference = table.sum(axis=0) - table.sum(axis=1)
    return float(difference @ _precision(table) @ difference)


def _precision(table: IntArray) -> FloatArray:
    """Return V^-1, the pseudoinverse where paths without a switch between them leave V singular."""
    both_ways = table + table.T
    inverse: FloatArray = np.linalg.pinv(np.diag(both_ways.sum(axis=0)) - both_ways, hermitian=True)
    return inverse


def switching_p_value(table: IntArray, rng: np.random.Generator) -> float:
    """Return the p-value that of the trips between two paths each is as likely to switch one way as the other.

    Simulated with the trips between each two paths given; 1 where nobody switched. Sums of signs are sub-Gaussian,
    so where no sample lies above, the p-value is Chernoff's bound of the chi-squared law, which then holds for any
    number of trips: P(Q >= q) <= (e q / r)^(r/2) exp(-q/2).
    """
    if not table.sum():
        return 1.0
    statistic, precision = stuart_maxwell(table), _precision(table)
    rank = np.linalg.matrix_rank(precision, hermitian=True)
    here, there = np.nonzero(np.triu(table + table.T))
    trips = (table + table.T)[here, there]
    lead = np.eye(len(table))[there] - np.eye(len(table))[here]

    def draw(_: IntArray, samples: int) -> FloatArray:
        difference = (2 * rng.binomial(trips, 0.5, size=(samples, trips.size)) - trips) @ lead
        quadratic: FloatArray = np.einsum("si,ij,sj->s", difference, precision, difference)
        return quadratic[:, np.newaxis]

    def tail(_: IntArray) -> FloatArray:
        ratio = max(statistic / rank, 1.0)
        return np.array([(ratio * np.exp(1 - ratio)) ** (rank / 2)])

    return float(sequential_p_values(np.array([statistic]), draw, tail, rng)[0])


def joined_and_left(kind: str, reference: Sample, other: Sample) -> Frame:
    """Return how many trips are on each item in each period in one sample only: columns left and joined."""
    first, second = (
        items_of_trips(trips_of(sample), kind, links_by_nodes(sample)) for sample in (reference, other)
    )
    keys = [*TRIP, "period", "item"]
    both = first.merge(second, on=keys, how="outer", indicator=True)
    both = both.assign(left=both["_merge"] == "left_only", joined=both["_merge"] == "right_only")
    return both.groupby(["period", "item"])[["left", "joined"]].sum()


def items_of_trips(trips: Frame, kind: str, links: Frame) -> Frame:
    """Return the items of each trip, one a row: its path, its station, or the links between its nodes."""
    if kind == "path":
        return trips.assign(item=trips.user_class + " " + trips.route)
    if kind == "station":
        return trips[trips.station != ""].assign(item=trips.station)
    nodes = trips.nodes.drop_duplicates()
    steps = nodes.to_frame().assign(node=nodes.str.split("-")).explode("node")
    steps["to_node"] = steps.groupby("nodes").node.shift(-1)
    items = steps.merge(links, left_on=["node", "to_node"], right_on=["from_node", "to_node"])
    return trips.merge(items[["nodes", "link"]].rename(columns={"link": "item"}), on="nodes")


def links_by_nodes(sample: Sample) -> Frame:
    """Return the road links by their nodes."""
    links = sample.tables("links")[0]
    return links[links.kind == "road"][["link", "from_node", "to_node"]].drop_duplicates()


def mcnemar_p_values(
    kind: str, reference: Sample, other: Sample, index: Frame, difference: IntArray
) -> FloatArray:
    """Return McNemar's mid-p-value for each period and item: as many trips left it as joined.

    *difference* is other minus reference. NaN where single trips do not account for it: they were not
    kept, or the path's nodes do not tell its links.
    """
    if not (keeps_trips(reference) and keeps_trips(other)):
        return np.full(difference.size, np.nan)
    switched = joined_and_left(kind, reference, other).reindex(index, fill_value=0)
    left, joined = switched.left.to_numpy(), switched.joined.to_numpy()
    return np.where(joined - left == difference, two_counts_p_value(left, joined, 1, 1), np.nan)
