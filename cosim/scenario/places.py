"""The stations at the buses of their feeders, and the roads with a charging arc for each station."""

from collections.abc import Sequence
from pathlib import Path

from cosim.config import ScenarioConfig
from cosim.config.travel import StationConfig
from cosim.errors import ConfigError
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
    problems = repeated("stations", [station.name for station in config.stations])
    stations = []
    for number, wanted in enumerate(config.stations):
        feeder = wanted.feeder or only
        faults = _connection_problems(wanted, feeder, named)
        problems += faults
        found = None if faults else named[feeder]
        bus = wanted.bus if found is None else found.bus_names[found.bus_index(wanted.bus)]
        place = wanted.model_dump(exclude={"feeder", "bus"})
        stations.append(Station(number=number, feeder=feeder, bus=bus, **place))
    if problems:
        source = "stations"
        raise ConfigError(source, problems)
    return tuple(stations)


def _connection_problems(station: StationConfig, feeder: str, named: dict[str, Feeder | None]) -> list[str]:
    place, feeders = f"stations.{station.name}", f"the feeders are {', '.join(named)}"
    if not feeder:
        return [f"{place}.feeder is missing, for there are several; {feeders}"]
    if feeder not in named:
        return [f"{place}.feeder is '{feeder}'; it must be one that exists; {feeders}"]
    found = named[feeder]
    if found is None or not found.bus_problem(station.bus):
        return []
    if station.bus in found.unclear:
        return [f"{place}.bus: {found.unclear[station.bus]}"]
    buses = found.bus_names
    exist = f"{len(buses)} buses of feeder '{feeder}', {buses[0]} to {buses[-1]}"
    return [f"{place}.bus is '{station.bus}'; it must be one of the {exist}"]


def repeated(place: str, names: Sequence[str]) -> list[str]:
    """Return a sentence for each name that is given more than once."""
    twice = dict.fromkeys(name for name in names if names.count(name) > 1)
    return [f"{place}: the name '{name}' is given more than once; names must differ" for name in twice]


def build_paths(config: ScenarioConfig, folder: Path, classes: Sequence[UserClass]) -> PathSet:
    """Return the paths of all classes on the roads with their charging arcs."""
    road = config.road
    demand = folder / road.demand
    data = read_roads(folder / road.links, demand, folder / road.nodes if road.nodes else None)
    network, problems = data.network, _site_problems(config, data.network)
    problems += [note.replace("are left out", "must be left out of a scenario") for note in data.notes]
    if not data.od.demand_veh_h.sum() > 0:
        problems.append(f"{demand}: no OD pair has any demand")
    if problems:  # without its stations the network can still be judged
        classes = [user_class for user_class in classes if not user_class.charges]
    else:
        network = network.with_charging_arcs([_charging_arc(config, station) for station in config.stations])
    try:
        paths = find_paths(network, data.od, classes, k=road.paths_per_od, max_paths=road.path_limit)
    except ConfigError as error:
        problems += [f"{demand}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(str(demand), problems)
    return paths


def _site_problems(config: ScenarioConfig, network: Network) -> list[str]:
    """Say what is wrong with the stations' names and nodes."""
    problems = repeated("stations", [station.name for station in config.stations])
    nodes = network.nodes
    for station in config.stations:
        if station.name in network.links:
            problems.append(f"stations: the name '{station.name}' is that of a link too; names must differ")
        if station.road_node not in nodes:
            problems.append(
                f"stations.{station.name}.road_node is '{station.road_node}'; it must be one of the {len(nodes)} "
                f"road nodes, {nodes[0]} to {nodes[-1]}"
            )
    return problems


def _charging_arc(config: ScenarioConfig, station: StationConfig) -> ChargingArc:
    return ChargingArc(
        name=station.name,
        node=station.road_node,
        t0_min=60 * TYPICAL_SESSION_KWH / station.charger_kw,
        capacity_veh_h=station.chargers * station.charger_kw / TYPICAL_SESSION_KWH,
        davidson_j=config.road.davidson_j or fit_davidson_j(station.chargers),
    )
