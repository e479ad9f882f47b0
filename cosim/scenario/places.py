"""The stations at the buses of their feeders, and the roads with a charging arc for each station."""

from collections import Counter
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
from cosim.scenario.road_closures import closed_together
from cosim.scenario.station import Station

TYPICAL_SESSION_KWH = 27.3
"""Session energy until it has been estimated from the diaries."""


def build_stations(config: ScenarioConfig, feeders: Sequence[Feeder | None]) -> tuple[Station, ...]:
    """Return the stations; ConfigError for a feeder or a bus that does not exist.

    The buses of a feeder that could not be read (None) are not checked.
    """
    by_name = {entry.name: feeder for entry, feeder in zip(config.grid.feeders, feeders, strict=True)}
    only = next(iter(by_name)) if len(by_name) == 1 else ""
    problems = repeated_name_problems("stations", [station.name for station in config.stations])
    stations = []
    for number, entry in enumerate(config.stations):
        name = entry.feeder or only
        connection_problems = _connection_problems(entry, name, by_name)
        problems += connection_problems
        feeder = None if connection_problems else by_name[name]
        bus = entry.bus if feeder is None else feeder.bus_names[feeder.bus_index(entry.bus)]
        values = entry.model_dump(exclude={"feeder", "bus"})
        stations.append(Station(number=number, feeder=name, bus=bus, **values))
    refuse("stations", problems)
    return tuple(stations)


def _connection_problems(
    station: StationConfig, name: str, feeders: dict[str, Feeder | None]
) -> list[Problem]:
    """Return the problems of a station's feeder *name* and bus."""
    field, advice = f"stations.{station.name}", f"the feeders are {', '.join(feeders)}"
    if not name:
        return [Problem("is missing, for there are several", field=f"{field}.feeder", advice=advice)]
    if name not in feeders:
        allowed = "one that exists"
        return [Problem(field=f"{field}.feeder", value=name, allowed=allowed, advice=advice)]
    feeder = feeders[name]
    problem = None if feeder is None else feeder.bus_problem(station.bus)
    if feeder is None or problem is None:
        return []
    if station.bus in feeder.unclear:
        return [problem.within("stations", station.name)]
    buses = feeder.bus_names
    allowed = f"one of the {len(buses)} buses of feeder '{name}', {buses[0]} to {buses[-1]}"
    return [Problem(field=f"{field}.bus", value=station.bus, allowed=allowed)]


def repeated_name_problems(field: str, names: Sequence[str]) -> list[Problem]:
    """Return a problem for each name that is given more than once."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    clause, advice = "has the name '{}' more than once", "names must differ"
    return [Problem(clause.format(name), field=field, value=name, advice=advice) for name in repeated]


def build_paths(config: ScenarioConfig, folder: Path, classes: Sequence[UserClass]) -> PathSet:
    """Return the paths of all classes on the roads with their charging arcs."""
    road = config.road
    demand = folder / road.demand
    data = read_roads(folder / road.links, demand, folder / road.nodes if road.nodes else None)
    network, problems = data.network, Problems(_station_problems(config, data.network))
    if data.intrazonal_veh_h:
        clause = f"{data.intrazonal_veh_h:g} veh/h begin and end in one zone"
        advice = "they use no link and must be left out of a scenario"
        problems.append(Problem(clause, file=str(demand), advice=advice))
    if not data.od.demand_veh_h.sum() > 0:
        problems.append(Problem("no OD pair has any demand", file=str(demand)))
    if problems:  # without its stations the network can still be checked
        classes = [user_class for user_class in classes if not user_class.charges]
    else:
        network = network.with_charging_arcs([_charging_arc(config, station) for station in config.stations])
    closed = closed_together(network, config.events, config.days)
    try:
        paths = find_paths(
            network,
            data.od,
            classes,
            k=road.paths_per_od,
            path_limit=road.path_limit,
            closed_together=closed,
        )
    except ConfigError as error:
        problems += [replace(problem, file=str(demand)) for problem in error.problems]
    refuse(str(demand), problems)
    return paths


def _station_problems(config: ScenarioConfig, network: Network) -> list[Problem]:
    """Return the problems of the stations' names and road nodes."""
    problems = repeated_name_problems("stations", [station.name for station in config.stations])
    nodes = network.nodes
    for station in config.stations:
        if station.name in network.links:
            clause = f"has the name '{station.name}', which is that of a link too"
            problems.append(Problem(clause, field="stations", value=station.name, advice="names must differ"))
        if station.road_node not in nodes:
            allowed = f"one of the {len(nodes)} road nodes, {nodes[0]} to {nodes[-1]}"
            field = f"stations.{station.name}.road_node"
            problems.append(Problem(field=field, value=station.road_node, allowed=allowed))
    return problems


def _charging_arc(config: ScenarioConfig, station: StationConfig) -> ChargingArc:
    return ChargingArc(
        name=station.name,
        node=station.road_node,
        t0_min=60 * TYPICAL_SESSION_KWH / station.charger_kw,
        capacity_veh_h=station.chargers * station.charger_kw / TYPICAL_SESSION_KWH,
        davidson_j=config.road.davidson_j or fit_davidson_j(station.chargers),
    )
