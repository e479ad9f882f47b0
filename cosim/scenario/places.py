"""The stations at the buses of their feeders, and the roads with a charging arc for each station."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cosim.config import ScenarioConfig
from cosim.config.travel import StationConfig
from cosim.errors import ConfigError, Problem, Problems, refuse
from cosim.grid.feeder import Feeder
from cosim.road.formats import read_roads
from cosim.road.latency import fit_davidson_j
from cosim.road.network import ChargingArc, Network
from cosim.road.paths import PathSet, UserClass, find_paths
from cosim.scenario.station import Station

TYPICAL_SESSION_KWH = 27.3
"""Until the diaries have said what a session takes."""


def build_stations(config: ScenarioConfig, feeders: Sequence[Feeder | None]) -> tuple[Station, ...]:
    """Return the stations, each at a feeder that exists and a bus of it; a feeder not read (None) is not judged."""
    named = {wanted.name: feeder for wanted, feeder in zip(config.grid.feeders, feeders, strict=True)}
    only = next(iter(named)) if len(named) == 1 else ""
    problems = repeated_name_problems("stations", [station.name for station in config.stations])
    stations = []
    for number, wanted in enumerate(config.stations):
        feeder = wanted.feeder or only
        faults = _connection_problems(wanted, feeder, named)
        problems += faults
        found = None if faults else named[feeder]
        bus = wanted.bus if found is None else found.bus_names[found.bus_index(wanted.bus)]
        place = wanted.model_dump(exclude={"feeder", "bus"})
        stations.append(Station(number=number, feeder=feeder, bus=bus, **place))
    refuse("stations", problems)
    return tuple(stations)


def _connection_problems(
    station: StationConfig, feeder: str, named: dict[str, Feeder | None]
) -> list[Problem]:
    place, feeders = f"stations.{station.name}", f"the feeders are {', '.join(named)}"
    if not feeder:
        return [Problem("is missing, for there are several", field=f"{place}.feeder", advice=feeders)]
    if feeder not in named:
        exists = "one that exists"
        return [Problem(field=f"{place}.feeder", value=feeder, allowed=exists, advice=feeders)]
    found = named[feeder]
    problem = None if found is None else found.bus_problem(station.bus)
    if found is None or problem is None:
        return []
    if station.bus in found.unclear:
        return [problem.within("stations", station.name)]
    buses = found.bus_names
    exist = f"one of the {len(buses)} buses of feeder '{feeder}', {buses[0]} to {buses[-1]}"
    return [Problem(field=f"{place}.bus", value=station.bus, allowed=exist)]


def repeated_name_problems(place: str, names: Sequence[str]) -> list[Problem]:
    """Return a problem for each name that is given more than once."""
    twice = dict.fromkeys(name for name in names if names.count(name) > 1)
    found, advice = "has the name '{}' more than once", "names must differ"
    return [Problem(found.format(name), field=place, value=name, advice=advice) for name in twice]


def build_paths(config: ScenarioConfig, folder: Path, classes: Sequence[UserClass]) -> PathSet:
    """Return the paths of all classes on the roads with their charging arcs."""
    road = config.road
    demand = folder / road.demand
    data = read_roads(folder / road.links, demand, folder / road.nodes if road.nodes else None)
    network, problems = data.network, Problems(_site_problems(config, data.network))
    if data.intrazonal_veh_h:
        found = f"{data.intrazonal_veh_h:g} veh/h begin and end in one zone"
        advice = "they use no link and must be left out of a scenario"
        problems.append(Problem(found, file=str(demand), advice=advice))
    if not data.od.demand_veh_h.sum() > 0:
        problems.append(Problem("no OD pair has any demand", file=str(demand)))
    if problems:  # without its stations the network can still be judged
        classes = [user_class for user_class in classes if not user_class.charges]
    else:
        network = network.with_charging_arcs([_charging_arc(config, station) for station in config.stations])
    try:
        paths = find_paths(network, data.od, classes, k=road.paths_per_od, path_limit=road.path_limit)
    except ConfigError as error:
        problems += [replace(problem, file=str(demand)) for problem in error.problems]
    refuse(str(demand), problems)
    return paths


def _site_problems(config: ScenarioConfig, network: Network) -> list[Problem]:
    """Say what is wrong with the stations' names and nodes."""
    problems = repeated_name_problems("stations", [station.name for station in config.stations])
    nodes = network.nodes
    for station in config.stations:
        if station.name in network.links:
            found = f"has the name '{station.name}', which is that of a link too"
            problems.append(Problem(found, field="stations", value=station.name, advice="names must differ"))
        if station.road_node not in nodes:
            exist = f"one of the {len(nodes)} road nodes, {nodes[0]} to {nodes[-1]}"
            field = f"stations.{station.name}.road_node"
            problems.append(Problem(field=field, value=station.road_node, allowed=exist))
    return problems


def _charging_arc(config: ScenarioConfig, station: StationConfig) -> ChargingArc:
    return ChargingArc(
        name=station.name,
        node=station.road_node,
        t0_min=60 * TYPICAL_SESSION_KWH / station.charger_kw,
        capacity_veh_h=station.chargers * station.charger_kw / TYPICAL_SESSION_KWH,
        davidson_j=config.road.davidson_j or fit_davidson_j(station.chargers),
    )
