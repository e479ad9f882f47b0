"""From configuration to models: builds roads, stations, feeders and population of a scenario.

The references are checked: a station's road node and bus exist, profiles cover the day, OD pairs are connected,
feeders are radial. All problems are collected and raised together.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cosim.arguments import checked
from cosim.arrays import FloatArray
from cosim.config import ScenarioConfig
from cosim.config.bundled import find_scenario, scenario_boundary
from cosim.config.extending import read_scenario_tables
from cosim.config.placeholders import PLACEHOLDER, with_placeholders
from cosim.config.reading import Settings, apply_settings, check, read_settings
from cosim.config.travel import MAX_EVS
from cosim.errors import ConfigError, Problem, Problems, refuse
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.mobility import MobilityModel
from cosim.ev.trip_chains import TripChains
from cosim.files import Permission
from cosim.grid.radial import Feeder
from cosim.periods import Periods
from cosim.road.network import Network
from cosim.road.path_size import path_size_cost_min
from cosim.road.paths import PathSet, UserClass
from cosim.road.route_choice import RouteChoice
from cosim.scenario.branch_events import with_events
from cosim.scenario.chains import build_chains, with_timing, without_round_trips
from cosim.scenario.choice import FIELD as CHOICE
from cosim.scenario.choice import build_choice, import_choice
from cosim.scenario.cut_off_stations import cut_off_stations
from cosim.scenario.events import Event, check_events, events_in
from cosim.scenario.feeder_case import (
    FeederCase,
    build_feeder_case,
    buses_only,
    read_feeder,
    with_voltage_limits,
)
from cosim.scenario.inputs import (
    build_battery,
    build_behaviour,
    build_mobility,
    check_station_load,
    read_profiles,
)
from cosim.scenario.places import build_paths, build_stations, repeated_name_problems
from cosim.scenario.station import Station
from cosim.sections import Seed
from cosim.short_repr import short_repr

T = TypeVar("T")

CAR, NOT_CHARGING, CHARGING = 0, 1, 2
USER_CLASSES = (UserClass("car"), UserClass("not_charging"), UserClass("charging", charges=True))
"""Conventional cars, EVs that do not charge on this trip, EVs that fast-charge on the way."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """The inputs of both models of the day, built and checked."""

    config: ScenarioConfig
    folder: Path
    """Folder of the scenario file; its data files are named relative to it."""
    periods: Periods
    profiles: dict[str, FloatArray]
    paths: PathSet
    """Paths of the three user classes; its charging arcs are for a typical session (see `with_session_energy`)."""
    od_share: FloatArray
    """Share of the trips on each OD pair, (ODs,)."""
    stations: tuple[Station, ...]
    feeders: tuple[FeederCase, ...]
    mobility: MobilityModel
    battery: Battery
    behaviour: ChargingBehaviour
    chains: TripChains | None
    """Trip chains over the OD table; None where the OD pair of each trip is drawn independently."""
    choice: RouteChoice
    """Choice model of EVs among paths, and (path, station) pairs."""
    events: tuple[Event, ...] = ()
    """Faults and closures, in the order of the file."""
    files: Mapping[Path, str] = field(default_factory=dict)
    """SHA-256 of each data file as it was read, by its resolved path."""

    @property
    def network(self) -> Network:
        """Road network with a charging arc for each station."""
        return self.paths.network

    @property
    def all_events(self) -> tuple[Event, ...]:
        """The events of the file, and the stations that those of branches leave without supply."""
        return (*self.events, *cut_off_stations(self.stations, self.feeders))

    @property
    def peak_veh_h(self) -> float:
        """Trips of all ODs in the busiest period [veh/h]."""
        return float(self.paths.od.demand_veh_h.sum()) * self.config.road.demand_scale

    @property
    def trips_veh_h(self) -> FloatArray:
        """Trips of all vehicles that start in each period [veh/h], if EVs leave by the profile as cars do."""
        shape = self.profiles[self.config.road.trip_profile]
        trips: FloatArray = self.peak_veh_h * shape / shape.max()
        return trips

    @property
    def trip_share(self) -> FloatArray:
        """Share of the trips of a day that start in each period, of all that leave by the profile."""
        shape = self.profiles[self.config.road.trip_profile]
        share: FloatArray = shape / shape.sum()
        return share

    @property
    def daily_trips(self) -> float:
        """Trips of all vehicles on a day."""
        return float(self.trips_veh_h.sum()) * self.periods.hours

    def n_ev(self, trips_per_ev: float) -> int:
        """Return the number of EVs that make the EVs' share of the trips; ConfigError if EVs make no trips."""
        if trips_per_ev <= 0:
            problem = "mobility: no EV makes a trip; raise travel_share, or let first departures be earlier"
            raise ConfigError(self.config.name, [problem])
        configured, ev_share = self.config.population.evs, self.config.population.ev_share
        asked = round(ev_share * self.daily_trips / trips_per_ev)
        n_ev = configured or max(asked, 1 if ev_share else 0)
        if n_ev > MAX_EVS:
            problem = f"these trips take {n_ev:,} EVs; at most {MAX_EVS:,} can be. Lower road.demand_scale"
            raise ConfigError(self.config.name, [problem])
        return n_ev

    def group(self, user_class: int, od: int) -> int:
        """Return the group of the path set for a user class and an OD pair."""
        return user_class * self.paths.od.origin.size + od

    def with_session_energy(self, session_kwh: float) -> PathSet:
        """Return the path set with the charging arcs for a mean session energy."""
        network = self.network
        arcs = network.charging_arcs
        t0, capacity = network.t0_min.copy(), network.capacity_veh_h.copy()
        t0[arcs] = [60 * session_kwh / station.charger_power_kw for station in self.stations]
        capacity[arcs] = [station.limit_kw / session_kwh for station in self.stations]
        return replace(self.paths, network=replace(network, t0_min=t0, capacity_veh_h=capacity))

    def path_size_cost_min(self, paths: PathSet) -> FloatArray | float:
        """Return the path-size term of each path's cost, -ln PS / theta, for the choice 'path_size'; else 0.

        It applies to EVs, conventional cars and the equilibrium. Choice models other than logit have no equilibrium
        here: they are compared with that of the logit.
        """
        if self.config.population.choice != "path_size":
            return 0.0
        return path_size_cost_min(paths, np.full(paths.groups.count, self.config.road.theta_per_min))

    def charging_cost_min(self, price_cny_per_kwh: FloatArray, energy_kwh: FloatArray | float) -> FloatArray:
        """Return the cost of a charge in minutes: 60 price energy / value of time; 0 without ``price_in_choice``."""
        road = self.config.road
        weight = 60 * energy_kwh / road.value_of_time_cny_per_h * road.price_in_choice
        cost: FloatArray = weight * price_cny_per_kwh
        return cost


@checked
def load_scenario(
    scenario: str | Path,
    settings: Settings = (),
    *,
    seed: Seed | None = None,
    allow: Collection[Permission] = (),
) -> Scenario:
    """Return a scenario, given as a file or as the name of a bundled one, with *settings* laid over it.

    *settings* are ``{"grid.slack_voltage_pu": 1.02}`` or texts ``"grid.slack_voltage_pu=1.02"``; *seed* is by default
    the scenario's. Raises ConfigError with one sentence for every problem of the file and of the data it names.

    The files that it names are read within its folder; *allow* ``"outside"`` lifts that. A choice model of Python code
    is imported with ``"import"``, or where *settings* name it.
    """
    given = read_settings(settings)
    read = check_scenario(scenario, given, seed=seed, allow=allow)
    return with_imported_choice(read) if "import" in allow or CHOICE in given else read


def with_imported_choice(scenario: Scenario) -> Scenario:
    """Return the scenario with the choice model of Python code that it names, imported; raises ConfigError."""
    choice = import_choice(scenario.choice, scenario.paths, scenario.config.road.theta_per_min)
    return replace(scenario, choice=choice)


def check_scenario(
    scenario: str | Path,
    settings: Settings = (),
    *,
    seed: int | None = None,
    allow: Collection[Permission] = (),
) -> Scenario:
    """Return a scenario likewise, but import nothing that it names: for all but the agents."""
    path = find_scenario(scenario)
    changes = read_settings(settings) | ({} if seed is None else {"seed": seed})
    with scenario_boundary(path.parent, allow).around():
        tables = apply_settings(read_scenario_tables(path), changes)
    try:
        config = check(tables, str(path))
    except ConfigError as error:
        raise ConfigError(str(path), [*error.problems, *_further_problems(tables, path, allow)]) from None
    return build_scenario(config, path.parent, str(path), allow)


def as_scenario(scenario: Scenario | str | Path) -> Scenario:
    """Return a scenario that is given as such, as a file or as the name of a bundled one."""
    return scenario if isinstance(scenario, Scenario) else load_scenario(scenario)


def _further_problems(tables: dict[str, Any], path: Path, allow: Collection[Permission]) -> list[Problem]:
    """Return the problems of the references in a file that has invalid values, too."""
    rest = with_placeholders(tables, ScenarioConfig)
    config, problems = rest.config, Problems(rest.contradictions)
    if config is None:
        return problems
    problems.attempt(build_scenario, config, path.parent, str(path), allow)
    placeholders = [PLACEHOLDER, *_columns_by_default(config, tables)]
    if config.periods != tables.get("periods", config.periods):
        placeholders.append("periods")
    return [problem for problem in problems if not any(map(problem.names, placeholders))]


def _columns_by_default(config: ScenarioConfig, tables: dict[str, Any]) -> list[str]:
    """Return the profile columns named by the placeholder of an invalid table, and not by the user."""
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


def build_scenario(
    config: ScenarioConfig, folder: Path, source: str, allow: Collection[Permission] = ()
) -> Scenario:
    """Return the models of a configuration whose data files lie in *folder*; raise all problems at once."""
    with scenario_boundary(folder, allow).around() as boundary:
        scenario = _build(config, folder, source)
        return replace(scenario, files=boundary.read)


def _build_feeders(
    config: ScenarioConfig, folder: Path, profiles: dict[str, FloatArray] | None, problems: Problems
) -> tuple[list[Feeder | None], list[FeederCase]]:
    """Return the feeders, and those that could be built with their devices."""
    feeders = [
        problems.attempt(read_feeder, feeder, folder) or buses_only(feeder, folder)
        for feeder in config.grid.feeders
    ]
    cases = [
        feeder and problems.attempt(build_feeder_case, feeder_config, feeder, profiles, config.periods)
        for feeder_config, feeder in zip(config.grid.feeders, feeders, strict=True)
    ]
    problems += repeated_name_problems("grid.feeders", [feeder.name for feeder in config.grid.feeders])
    return feeders, [case for case in cases if case]


def _build(config: ScenarioConfig, folder: Path, source: str) -> Scenario:
    """Return the scenario, whose files are read within the boundary that is held."""
    problems = Problems()
    periods = Periods(count=config.periods)
    profiles = problems.attempt(read_profiles, config, folder)
    mobility = problems.attempt(build_mobility, config, folder)
    feeders, cases = _build_feeders(config, folder, profiles, problems)
    stations = problems.attempt(build_stations, config, feeders)
    paths = problems.attempt(build_paths, config, folder, USER_CLASSES)
    problems += repeated_name_problems("population.types", [kind.name for kind in config.population.types])
    chains = problems.attempt(build_chains, config, paths)
    if mobility is not None and chains is not None:
        mobility = without_round_trips(mobility)
    if profiles is not None:
        mobility = problems.attempt(with_timing, config, mobility, profiles[config.road.trip_profile])
    choice = problems.attempt(build_choice, config)
    events = events_in(config)
    problems.attempt(check_events, events, config, paths)
    built = problems.attempt(with_events, cases, feeders, events, config, folder)
    problems.attempt(check_station_load, config, folder)
    refuse(source, problems)
    assert profiles and mobility and stations and paths and choice  # noqa: S101, PT018  (no problems: all were built)
    od = paths.od.demand_veh_h
    return Scenario(
        config=with_voltage_limits(config, [case.feeder for case in cases]),
        folder=folder,
        periods=periods,
        profiles=profiles,
        paths=paths,
        od_share=od / od.sum(),
        stations=stations,
        feeders=built or (),
        mobility=mobility,
        battery=build_battery(config),
        behaviour=build_behaviour(config),
        chains=chains,
        choice=choice,
        events=events,
    )
