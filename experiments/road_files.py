"""The roads and trips that a command line names: TNTP, GMNS, our CSV, or the roads of a scenario."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cosim.errors import ConfigError
from cosim.road.files import read_road_files
from cosim.road.formats import RoadData, read_roads, with_demand, with_generalised_cost

OWN_SETTINGS = ("length_weight", "toll_weight", "demand_scale")
DEFAULT_THETA_PER_MIN = 0.2


@dataclass(frozen=True, slots=True)
class RoadInput:
    """Roads and trips, and how well their drivers know the costs."""

    name: str
    data: RoadData
    theta_per_min: float
    trips: str = ""
    """The file of the trips."""

    def placed(self, error: ConfigError) -> ConfigError:
        """Return the error with the file of the trips before what is said of an OD."""
        problems = [replace(p, file=self.trips) if p.concerns("OD") else p for p in error.problems]
        return ConfigError(
            self.trips if any(p.concerns("OD") for p in error.problems) else error.source, problems
        )


def road_input(roads: RoadInput | RoadData | str | Path) -> RoadInput:
    """Return the roads and trips that are given as such, or by the file or name of a scenario."""
    if isinstance(roads, RoadInput):
        return roads
    if isinstance(roads, RoadData):
        return RoadInput("roads", replace(roads, od=with_demand(roads.od)), DEFAULT_THETA_PER_MIN)
    return read_road_input(str(roads), None)


def read_road_input(
    network: str, trips: Path | None, nodes: Path | None = None, settings: Sequence[str] = ()
) -> RoadInput:
    """Return what *network* and *trips* name, with ``name=value`` *settings* laid over it.

    Without *trips*, *network* is a GMNS folder, a scenario file or the name of a scenario. Settings of the
    assignment are length_weight, toll_weight and demand_scale; those of a scenario are its own fields.
    """
    own, rest = _split(settings)
    file = Path(network)
    if trips is None and not (file / "link.csv").is_file():
        found = _of_scenario(network, rest)
    else:
        if rest:
            where = "--set"
            known = ", ".join(OWN_SETTINGS)
            raise ConfigError(where, [f"{text!r} is not known here; there are {known}" for text in rest])
        found = RoadInput(
            file.stem, read_road_files(file, trips, nodes), DEFAULT_THETA_PER_MIN, str(trips or network)
        )
    scale = own.pop("demand_scale", 1.0)
    data = with_generalised_cost(found.data, **own)
    od = with_demand(replace(data.od, demand_veh_h=scale * data.od.demand_veh_h))
    if not od.demand_veh_h.size:
        raise ConfigError(network, ["there are no trips to assign"])
    return replace(found, data=replace(data, od=od))


def _split(settings: Sequence[str]) -> tuple[dict[str, float], list[str]]:
    """Return the settings of the assignment as numbers, and the others."""
    own: dict[str, float] = {}
    rest: list[str] = []
    problems = []
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if name not in OWN_SETTINGS or not equals:
            rest.append(setting)
            continue
        try:
            own[name] = float(text)
        except ValueError:
            own[name] = -1.0
        if not 0 <= own[name] < float("inf"):
            problems.append(f"{name} is {text!r}; it must be a number, 0 or more")
    if problems:
        where = "--set"
        raise ConfigError(where, problems)
    return own, rest


def _of_scenario(name: str, settings: Sequence[str]) -> RoadInput:
    """Return the roads and the peak hour of a scenario; its stations and feeders are left out."""
    from cosim.config.bundled import find_scenario
    from cosim.config.extending import read_scenario_tables
    from cosim.config.reading import apply_settings, check

    if Path(name).suffix in (".tntp", ".csv"):
        raise ConfigError(name, ["is a network; name the file of its trips after it"])
    file = find_scenario(name)
    road = check(apply_settings(read_scenario_tables(file), settings), str(file)).road
    nodes = None if road.nodes is None else file.parent / road.nodes
    data = read_roads(file.parent / road.links, file.parent / road.demand, nodes)
    demand = road.demand_scale * data.od.demand_veh_h
    data = replace(data, od=replace(data.od, demand_veh_h=demand))
    return RoadInput(file.stem, data, road.theta_per_min, str(file.parent / road.demand))
