"""Causes that a scenario asks for itself: other trips, other roads, another population, another feeder.

They are looked for where a setting that brings them about differs, so they are not found between the two models of
one run. Trips and roads are read from the scenarios, where no chance is in them; the rest is measured in the tables.
"""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.scenario import Scenario, load_scenario
from experiments.compare.sides import Side, are_paired
from experiments.compare.signature import MATERIAL_SHARE, Signature, apart
from experiments.compare.significance import Estimate, chance, estimate, share_of
from experiments.compare.totals import TOTALS, per_day

SAME = 1e-4
"""Two equilibria whose figures differ by less than this share are the same."""
GRID_FIGURES = ("cost of the day [CNY]", "losses [kWh]", "peak purchase [kW]", "lowest voltage [p.u.]")


def demand(reference: Side, other: Side) -> list[Signature]:
    """Compare the trips asked for: how many on a day, and between which nodes and when."""
    first, second = (_trips(_scenario(side)) for side in (reference, other))
    total, other_total = float(first.sum()), float(second.sum())
    elsewhere = float((first / total).sub(second / other_total, fill_value=0.0).abs().sum()) / 2
    return [
        apart(
            "demand",
            "trips of all vehicles asked for [a day]",
            total,
            other_total,
            threshold=MATERIAL_SHARE * total,
            sentence=f"{other_total:,.0f} trips of all vehicles are asked for, against {total:,.0f} "
            f"({other_total / total - 1:+.1%})",
        ),
        apart(
            "demand",
            "trips between other nodes or in other periods [share]",
            0.0,
            elsewhere,
            threshold=MATERIAL_SHARE,
            sentence=f"{elsewhere:.1%} of the trips are between other nodes, or start in another period",
        ),
    ]


def _scenario(side: Side) -> Scenario:
    """Return the scenario of a finished run, with the data it was run with."""
    assert side.folder is not None  # noqa: S101  (settings differ between finished runs alone)
    return load_scenario(side.folder / "scenario.toml")


def _trips(scenario: Scenario) -> Frame:
    """Return the trips of all vehicles by origin, destination and period."""
    od, nodes = scenario.paths.od, np.array(scenario.network.nodes)
    trips = np.outer(scenario.od_share, scenario.trips_veh_h * scenario.periods.hours)
    pair, period = np.indices(trips.shape).reshape(2, -1)
    places = pd.MultiIndex.from_arrays([nodes[od.origin[pair]], nodes[od.dest[pair]], period])
    return pd.Series(trips.ravel(), index=places)


def network(reference: Side, other: Side) -> list[Signature]:
    """Compare the roads and where the stations are, and the paths that drivers may take."""
    scenarios = [_scenario(side) for side in (reference, other)]
    roads, paths = [_roads(one) for one in scenarios], [_paths(one) for one in scenarios]
    return [
        _changed("roads and stations on one side only, or with other data", *roads),
        _changed("paths on one side only", *paths),
    ]


def _roads(scenario: Scenario) -> set[tuple[object, ...]]:
    """Return each link with its ends and what its time follows from; of a charging arc its node alone."""
    net = scenario.network
    ends = [net.nodes[node] for node in net.from_node], [net.nodes[node] for node in net.to_node]
    data = np.column_stack([net.t0_min, net.free_flow_cost_min, net.capacity_veh_h, net.alpha, net.beta])
    data[net.charging_arcs] = 0.0  # what a station can serve is its capacity
    return set(zip(net.links, *ends, *data.T.tolist(), strict=True))


def _paths(scenario: Scenario) -> set[tuple[object, ...]]:
    """Return each path as the names of its links."""
    paths, links = scenario.paths, scenario.network.links
    return {tuple(links[link] for link in paths.links_of(path)) for path in range(paths.count)}


def _changed(what: str, first: set[tuple[object, ...]], second: set[tuple[object, ...]]) -> Signature:
    gone, come = len(first - second), len(second - first)
    return apart(
        "network",
        f"{what} [share]",
        0.0,
        max(gone, come) / max(len(first), len(second), 1),
        threshold=0.0,
        sentence=f"{what}: {gone} of {len(first)} in the reference, {come} of {len(second)} in the other",
    )


def population(reference: Side, other: Side) -> list[Signature]:
    """Compare who drives: the EVs' share of the trips, how many of these fast-charge, and what a session takes."""
    return [
        _of_population(measured, unit, figure, reference, other)
        for (measured, unit), figure in _POPULATION.items()
    ]


def _of_population(
    measured: str, unit: str, figure: Callable[[Side], Estimate], reference: Side, other: Side
) -> Signature:
    first, second = figure(reference), figure(other)
    by_chance = chance(first, second, paired=are_paired(reference, other))
    values = [f"{one.value:.2%}" if unit == "share" else f"{one.value:.2f} {unit}" for one in (second, first)]
    return apart(
        "population",
        f"{measured} [{unit}]",
        first.value,
        second.value,
        threshold=max(MATERIAL_SHARE * first.value, by_chance),
        sentence=f"{measured}: {values[0]}, against {values[1]}",
    )


def _trips_of(side: Side, *classes: str) -> FloatArray:
    return np.array(
        [
            float(frame[frame.user_class.isin(classes)].flow_veh_h.sum()) * side.hours
            for frame in side.with_carry_over("paths")
        ]
    )


def _ev_share(side: Side) -> Estimate:
    evs = _trips_of(side, "passing", "charging")
    return _without_chance_if_fixed(side, share_of(evs, evs + _trips_of(side, "car")))


def _charging_share(side: Side) -> Estimate:
    charging = _trips_of(side, "charging")
    return _without_chance_if_fixed(side, share_of(charging, charging + _trips_of(side, "passing")))


def _without_chance_if_fixed(side: Side, share: Estimate) -> Estimate:
    return share if side.is_random else Estimate(value=share.value)


def _session_kwh(side: Side) -> Estimate:
    """Return the mean energy of who came; the error of one day is that of its sessions, where they were kept."""
    frames = side.with_carry_over("stations")
    means = np.array([frame.energy_kwh.sum() / max(frame.arrivals.sum(), 1.0) for frame in frames])
    sessions = side.with_carry_over("sessions")[0].energy_kwh if side.is_random else []
    error = float(np.std(sessions, ddof=1)) / math.sqrt(len(sessions)) if len(sessions) > 1 else 0.0
    return estimate(means, error)


_POPULATION: dict[tuple[str, str], Callable[[Side], Estimate]] = {
    ("EVs among all trips", "share"): _ev_share,
    ("EV trips with a fast charge", "share"): _charging_share,
    ("energy per EV that came to charge", "kWh"): _session_kwh,
}


def grid(reference: Side, other: Side) -> list[Signature]:
    """Compare the feeders' day: its cost, its losses, its purchase and its lowest voltage."""
    found = [_of_grid(name, reference, other) for name in GRID_FIGURES]
    return [one for one in found if one is not None]


def _of_grid(name: str, reference: Side, other: Side) -> Signature | None:
    total = next(one for one in TOTALS if one.name == name)
    days = [per_day(total, side) for side in (reference, other)]
    if days[0] is None or days[1] is None:
        return None
    first, second = (estimate(own) for own in days if own is not None)
    # one day alone shows no chance, unless both sides drew the same
    share = SAME if _chance_is_known(reference, other) else MATERIAL_SHARE
    by_chance = chance(first, second, paired=are_paired(reference, other))
    return apart(
        "grid",
        name,
        first.value,
        second.value,
        threshold=max(share * abs(first.value), by_chance),
        sentence=f"{name}: {second.value:.6g}, against {first.value:.6g} ({second.value - first.value:+.3g})",
    )


def _chance_is_known(reference: Side, other: Side) -> bool:
    random = [side for side in (reference, other) if side.is_random]
    return are_paired(reference, other) or all(len(side.days) > 1 for side in random)
