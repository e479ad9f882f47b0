"""From configuration to models: the one place that builds roads, stations, feeders and population.

Here the references are checked: a station's road node and bus exist, profiles cover the day, OD pairs are
connected, feeders are radial. All problems are collected and raised together.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cosim.arrays import FloatArray
from cosim.config import ScenarioConfig
from cosim.config.extending import read_scenario_tables
from cosim.config.placeholders import PLACEHOLDER, with_placeholders
from cosim.config.reading import apply_settings, check
from cosim.config.travel import MAX_EVS
from cosim.errors import ConfigError, Problem, Problems, refuse
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.mobility import MobilityModel
from cosim.ev.trip_chains import TripChains
from cosim.periods import Periods
from cosim.road.network import Network
from cosim.road.path_size import path_size_cost_min
from cosim.road.paths import PathSet, UserClass
from cosim.road.route_choice import RouteChoice
from cosim.scenario.choice import build_choice
from cosim.scenario.feeder_case import FeederCase, build_feeder_case, buses_only, read_feeder
from cosim.scenario.inputs import (
    build_battery,
    build_behaviour,
    build_mobility,
    read_profiles,
)
from cosim.scenario.places import build_paths, build_stations, repeated_name_problems
from cosim.scenario.station import Station
from cosim.scenario.trips import build_chains, without_round_trips

T = TypeVar("T")

CAR, NOT_CHARGING, CHARGING = 0, 1, 2
USER_CLASSES = (UserClass("car"), UserClass("not_charging"), UserClass("charging", charges=True))
"""Conventional cars, EVs that do not charge on this trip, EVs that fast-charge on the way."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """Everything a model of the day needs, built and checked."""

    config: ScenarioConfig
    folder: Path
    """Where the scenario file lies; its data files are named relative to it."""
    periods: Periods
    profiles: dict[str, FloatArray]
    paths: PathSet
    """Paths of the three user classes; its charging arcs are typical ones (see `with_session_energy`)."""
    od_share: FloatArray
    """Share of the trips of each OD."""
    stations: tuple[Station, ...]
    feeders: tuple[FeederCase, ...]
    mobility: MobilityModel
    battery: Battery
    behaviour: ChargingBehaviour
    chains: TripChains | None
    """How trips chain; None where each is an OD draw of its own."""
    choice: RouteChoice
    """How EVs choose among paths, and (path, station) pairs."""

    @property
    def network(self) -> Network:
        """The roads, with a charging arc for each station."""
        return self.paths.network

    @property
    def peak_veh_h(self) -> float:
        """Trips of all ODs in the busiest period [veh/h]."""
        return float(self.paths.od.demand_veh_h.sum()) * self.config.road.demand_scale

    @property
    def trips_veh_h(self) -> FloatArray:
        """Trips of all vehicles that start in each period [veh/h]."""
        shape = self.profiles[self.config.road.trip_profile]
        trips: FloatArray = self.peak_veh_h * shape / shape.max()
        return trips

    @property
    def daily_trips(self) -> float:
        """Trips of all vehicles on a day."""
        return float(self.trips_veh_h.sum()) * self.periods.hours

    def n_ev(self, trips_per_ev: float) -> int:
        """Return the number of EVs that make the EVs' share of the trips; ConfigError if no EV makes any."""
        if trips_per_ev <= 0:
            problem = "mobility: no EV makes a trip; raise travel_share, or let first departures be earlier"
            raise ConfigError(self.config.name, [problem])
        wanted = self.config.population.evs
        n_ev = wanted or max(1, round(self.config.population.ev_share * self.daily_trips / trips_per_ev))
        if n_ev > MAX_EVS:
            problem = f"these trips take {n_ev:,} EVs; at most {MAX_EVS:,} can be. Lower road.demand_scale"
            raise ConfigError(self.config.name, [problem])
        return n_ev

    def group(self, user_class: int, od: int) -> int:
        """Return the number of a class and OD in the path set."""
        return user_class * self.paths.od.origin.size + od

    def with_session_energy(self, session_kwh: float) -> PathSet:
        """Return the path set with charging arcs that follow from the mean energy of a session."""
        network = self.network
        arcs = network.charging_arcs
        t0, capacity = network.t0_min.copy(), network.capacity_veh_h.copy()
        t0[arcs] = [60 * session_kwh / station.charger_power_kw for station in self.stations]
        capacity[arcs] = [station.limit_kw / session_kwh for station in self.stations]
        return replace(self.paths, network=replace(network, t0_min=t0, capacity_veh_h=capacity))

    def path_size_cost_min(self, paths: PathSet) -> FloatArray | float:
        """Return what the overlap of each path adds to its cost, -ln PS / theta, if drivers mind it; else 0.

        Conventional cars and the equilibrium follow where `population.choice` is 'path_size'. Strategies of another
        form than logit have no equilibrium here: theirs is compared with the logit's.
        """
        if self.config.population.choice != "path_size":
            return 0.0
        return path_size_cost_min(paths, np.full(paths.groups.count, self.config.road.theta_per_min))

    def charging_cost_min(self, price_cny_per_kwh: FloatArray, energy_kwh: FloatArray | float) -> FloatArray:
        """Return what a charge costs, in minutes: 60 price energy / value of time; zero if switched off."""
        road = self.config.road
        weight = 60 * energy_kwh / road.value_of_time_cny_per_h * road.price_in_choice
        cost: FloatArray = weight * price_cny_per_kwh
        return cost


def load_scenario(file: str | Path, settings: Iterable[str] = (), *, seed: int | None = None) -> Scenario:
    """Return the scenario in *file*, with ``field=value`` *settings* laid over it.

    Raises ConfigError with one sentence for every problem of the file and of the data it names.
    """
    path = Path(file)
    changes = list(settings) if seed is None else [*settings, f"seed={seed}"]
    tables = apply_settings(read_scenario_tables(path), changes)
    try:
        config = check(tables, str(path))
    except ConfigError as error:
        raise ConfigError(str(path), [*error.problems, *_further_problems(tables, path)]) from None
    return build_scenario(config, path.parent, str(path))


def _further_problems(tables: dict[str, Any], path: Path) -> list[Problem]:
    """Return what is wrong with the references of a file some of whose values are wrong themselves."""
    config, found = with_placeholders(tables, ScenarioConfig), Problems()
    if config is None:
        return []
    found.attempt(build_scenario, config, path.parent, str(path))
    stand_ins = [PLACEHOLDER, *_columns_by_default(config, tables)]
    if config.periods != tables.get("periods", config.periods):
        stand_ins.append("periods")
    return [problem for problem in found if not any(map(problem.names, stand_ins))]


def _columns_by_default(config: ScenarioConfig, tables: dict[str, Any]) -> list[str]:
    """Return the columns that nobody named: those of a table that stands in for a wrong one."""
    columns = {
        "grid": [feeder.load_profile for feeder in config.grid.feeders],
        "road": [config.road.trip_profile],
        "tariff": [config.tariff.column],
    }
    return [
        column
        for section, names in columns.items()
        if not isinstance(tables.get(section, {}), dict)
        for column in names
    ]


def build_scenario(config: ScenarioConfig, folder: Path, source: str) -> Scenario:
    """Return the models of a configuration whose data files lie in *folder*; raise all problems at once."""
    problems = Problems()
    periods = Periods(count=config.periods)
    profiles = problems.attempt(read_profiles, config, folder)
    mobility = problems.attempt(build_mobility, config, folder)
    feeders = [
        problems.attempt(read_feeder, feeder, folder) or buses_only(feeder, folder)
        for feeder in config.grid.feeders
    ]
    cases = [
        feeder and problems.attempt(build_feeder_case, wanted, feeder, profiles, periods.count)
        for wanted, feeder in zip(config.grid.feeders, feeders, strict=True)
    ]
    problems += repeated_name_problems("grid.feeders", [feeder.name for feeder in config.grid.feeders])
    for feeder in config.grid.feeders:
        problems += repeated_name_problems(f"devices of feeder '{feeder.name}'", feeder.device_names)
    stations = problems.attempt(build_stations, config, feeders)
    paths = problems.attempt(build_paths, config, folder, USER_CLASSES)
    problems += repeated_name_problems("population.types", [kind.name for kind in config.population.types])
    chains = problems.attempt(build_chains, config, paths)
    choice = problems.attempt(build_choice, config, paths)
    refuse(source, problems)
    assert profiles and mobility and stations and paths and choice  # noqa: S101, PT018  (no problems: all were built)
    od = paths.od.demand_veh_h
    return Scenario(
        config=config,
        folder=folder,
        periods=periods,
        profiles=profiles,
        paths=paths,
        od_share=od / od.sum(),
        stations=stations,
        feeders=tuple(case for case in cases if case),
        mobility=mobility if chains is None else without_round_trips(mobility),
        battery=build_battery(config),
        behaviour=build_behaviour(config),
        chains=chains,
        choice=choice,
    )
