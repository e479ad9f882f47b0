"""Causes that a scenario asks for itself: other trips, other roads, another population, another feeder.

They are looked for where a setting that brings them about differs, so they are not found between the two models of
one run. Trips and roads are read from the scenarios, where no chance is in them; the rest is measured in the tables.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pandas as pd

from cosim.arrays import FloatArray, Frame
from cosim.coupling.demand import expected_demand
from cosim.scenario import CAR, Scenario, check_scenario
from experiments.compare.indicator import MATERIAL_SHARE, Cause, Indicator
from experiments.compare.sample import Sample
from experiments.compare.significance import Estimate, estimate, share_of
from experiments.compare.totals import TOTALS, per_day

ELSEWHERE = "trips between other nodes or in other periods [share]"
Records = set[tuple[object, ...]]
SAME = 1e-4
"""Two equilibria whose figures differ by less than this share are the same."""
SPREAD_OF_ENERGY = 1.3
"""Mean square over squared mean of the energy of a session: its standard deviation is up to half its mean."""
GRID_FIGURES = ("cost of the day [CNY]", "losses [kWh]", "peak purchase [kW]", "lowest voltage [p.u.]")


def demand(cause: Cause) -> list[Indicator]:
    """Compare the trip demand: how many trips on a day, and between which nodes and when."""
    first, second = (trip_demand(_scenario(sample)) for sample in (cause.reference, cause.other))
    totals = total, other_total = float(first.sum()), float(second.sum())
    elsewhere = float((first / total).sub(second / other_total, fill_value=0.0).abs().sum()) / 2
    more = (
        f"the trip demand of all vehicles is {other_total:,.0f} a day, against {total:,.0f} "
        f"({other_total / total - 1:+.1%})"
    )
    shifted = f"{elsewhere:.1%} of the trips are between other nodes, or start in another period"
    return [
        cause.apart("trip demand of all vehicles [a day]", totals, MATERIAL_SHARE * total, more),
        cause.apart(ELSEWHERE, (0.0, elsewhere), MATERIAL_SHARE, shifted),
    ]


@lru_cache(maxsize=4)
def _scenario(sample: Sample) -> Scenario:
    """Return the scenario of a finished run, with the data it was run with."""
    assert sample.folder is not None  # noqa: S101  (settings differ between finished runs alone)
    return check_scenario(sample.folder / "scenario.toml")


def trip_demand(scenario: Scenario) -> Frame:
    """Return the expected trips of all vehicles by origin, destination and period, as cars and EVs make them."""
    od, nodes = scenario.paths.od, np.array(scenario.network.nodes)
    trips = _class_trips(scenario).sum(axis=1).T
    pair, period = np.indices(trips.shape).reshape(2, -1)
    places = pd.MultiIndex.from_arrays([nodes[od.origin[pair]], nodes[od.dest[pair]], period])
    return pd.Series(trips.ravel(), index=places)


@lru_cache(maxsize=4)
def _class_trips(scenario: Scenario) -> FloatArray:
    """Return the expected trips, (periods, user classes, ODs)."""
    periods = scenario.periods
    demand = expected_demand(scenario, np.ones(periods.count)).group_veh_h
    trips: FloatArray = demand.reshape(periods.count, -1, scenario.paths.od.origin.size) * periods.hours
    return trips


def network(cause: Cause) -> list[Indicator]:
    """Compare the roads and where the stations are, and the paths that drivers may take."""
    first, second = _scenario(cause.reference), _scenario(cause.other)
    roads = "roads and stations in one scenario only, or with other data"
    return [
        _changed(cause, roads, _roads(first), _roads(second)),
        _changed(cause, "paths in one scenario only", _paths(first), _paths(second)),
    ]


def _roads(scenario: Scenario) -> Records:
    """Return each link with its ends and what its time follows from; of a charging arc its node alone."""
    net = scenario.network
    ends = [net.nodes[node] for node in net.from_node], [net.nodes[node] for node in net.to_node]
    data = np.column_stack([net.t0_min, net.free_flow_cost_min, net.capacity_veh_h, net.alpha, net.beta])
    data[net.charging_arcs] = 0.0  # what a station can serve is its capacity
    return set(zip(net.links, *ends, *data.T.tolist(), strict=True))


def _paths(scenario: Scenario) -> Records:
    """Return each path as the names of its links."""
    paths, links = scenario.paths, scenario.network.links
    return {tuple(links[link] for link in paths.links_of(path)) for path in range(paths.count)}


def _changed(cause: Cause, what: str, first: Records, second: Records) -> Indicator:
    gone, come = len(first - second), len(second - first)
    share = max(gone, come) / max(len(first), len(second), 1)
    sentence = f"{what}: {gone} of {len(first)} in the reference, {come} of {len(second)} in the other"
    return cause.apart(f"{what} [share]", (0.0, share), 0.0, sentence)


def population(cause: Cause) -> list[Indicator]:
    """Compare who drives: the EVs' share of the trips, how many of these fast-charge, and what a session takes."""
    first, second = (_ev_share(_scenario(sample)) for sample in (cause.reference, cause.other))
    told = f"EVs among all trips: {second:.2%}, against {first:.2%}"
    return [
        cause.apart("EVs among all trips [share]", (first, second), MATERIAL_SHARE * first, told),
        *(cause.measured(name, *own, material_share=MATERIAL_SHARE) for name, own in _POPULATION.items()),
    ]


def _ev_share(scenario: Scenario) -> float:
    """Return the share of EVs in the trips that are expected: no chance is in it."""
    trips = _class_trips(scenario)
    return float(1 - trips[:, CAR].sum() / trips.sum())


def _charging_share(sample: Sample) -> Estimate:
    """Return the share of EV trips with a fast charge, without chance in an equilibrium."""
    days = [frame.groupby("user_class").flow_veh_h.sum() for frame in sample.with_carry_over("paths")]
    trips = sample.hours * np.array([day.reindex(EVS, fill_value=0.0).to_numpy() for day in days])
    found = share_of(trips[:, EVS.index("charging")], trips.sum(axis=1))
    return found if sample.is_random else Estimate(value=found.value)


def _session_kwh(sample: Sample) -> Estimate:
    """Return the mean energy of a session; the error of one day is that of its sessions, where they were kept."""
    frames = sample.with_carry_over("stations")
    means = np.array([frame.energy_kwh.sum() / max(frame.arrivals.sum(), 1.0) for frame in frames])
    kept = [frame.energy_kwh for frame in sample.with_carry_over("sessions")] if sample.is_random else []
    if any(len(energy) < 2 for energy in kept):
        return estimate(means)
    errors = [float(energy.std()) / math.sqrt(len(energy)) for energy in kept]
    return estimate(means, np.array(errors) if kept else None)


EVS = ("not_charging", "charging")
_POPULATION: dict[str, tuple[Callable[[Sample], Estimate], str]] = {
    "EV trips with a fast charge [share]": (
        _charging_share,
        "EV trips with a fast charge: {other:.2%}, against {reference:.2%}",
    ),
    "energy per charging session [kWh]": (
        _session_kwh,
        "energy per charging session: {other:.2f} kWh, against {reference:.2f} kWh",
    ),
}


def grid(cause: Cause) -> list[Indicator]:
    """Compare the feeders' day: its cost, its losses, its purchase and its lowest voltage."""
    reference, other = cause.reference, cause.other
    found = []
    for total in TOTALS:
        first, second = per_day(total, reference), per_day(total, other)
        if total.name in GRID_FIGURES and first is not None and second is not None:
            estimates = a, b = (
                _grid_figure(total.name, reference, first),
                _grid_figure(total.name, other, second),
            )
            sentence = f"{total.name}: {b.value:.6g}, against {a.value:.6g} ({b.value - a.value:+.3g})"
            least = SAME * abs(a.value)
            found.append(cause.beyond_chance(total.name, estimates, least, sentence))
    return found


def _grid_figure(name: str, sample: Sample, days: FloatArray) -> Estimate:
    """Return a figure of the feeders' day with the error that comes from the chance in the stations' load.

    The energy of n sessions has the relative error sqrt(sum e^2) / sum e. It moves a cost by its share of the
    purchase, losses by twice that, and a single period's peak or voltage drop by sqrt(T) times as much, of T periods.
    """
    if not sample.is_random:
        return estimate(days)
    factor = {"losses [kWh]": 2.0}.get(name, 1.0 if "cost" in name else math.sqrt(sample.config.periods))
    moved = np.abs(1 - days) if "voltage" in name else np.abs(days)
    return estimate(
        days, moved * factor * np.array([_load_error(sample, number) for number in range(days.size)])
    )


def _load_error(sample: Sample, number: int) -> float:
    """Return the relative error of a day's purchase that chance in its charging sessions makes."""
    stations, dispatch = (sample.tables(table)[number] for table in ("stations", "dispatch"))
    bought_kwh = float(dispatch.purchase_kw.abs().sum()) * sample.hours
    energy_kwh, arrivals = float(stations.energy_kwh.sum()), float(stations.arrivals.sum())
    return energy_kwh / max(bought_kwh, energy_kwh, 1e-9) * math.sqrt(SPREAD_OF_ENERGY / max(arrivals, 1.0))
