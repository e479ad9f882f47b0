"""Roads and trips of a command line: TNTP, GMNS or CSV files, or the roads of a scenario."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cosim.errors import ConfigError, refuse
from cosim.files import Permission
from cosim.road.files import read_road_files
from cosim.road.formats import RoadData, read_roads, with_demand, with_generalised_cost

ASSIGNMENT_SETTINGS = ("length_weight", "toll_weight", "demand_scale")
"""Settings of an assignment, which are no fields of a scenario."""
DEFAULT_THETA_PER_MIN = 0.2
"""Logit scale of roads without a scenario."""


@dataclass(frozen=True, slots=True)
class RoadInput:
    """Roads, trips and the logit scale of the drivers."""

    name: str
    data: RoadData
    theta_per_min: float
    trips: str = ""
    """The file of the trips; empty if there is none."""

    def locate(self, error: ConfigError) -> ConfigError:
        """Return the error with the file of the trips in problems about ODs."""
        problems = [replace(p, file=self.trips) if p.concerns("OD") else p for p in error.problems]
        about_ods = any(p.concerns("OD") for p in error.problems)
        return ConfigError(self.trips if about_ods else error.source, problems)


def road_input(roads: RoadInput | RoadData | str | Path) -> RoadInput:
    """Return the roads and trips given as data, or by the file or name of a scenario."""
    if isinstance(roads, RoadInput):
        return roads
    if isinstance(roads, RoadData):
        return RoadInput("roads", replace(roads, od=with_demand(roads.od)), DEFAULT_THETA_PER_MIN)
    return read_road_input(str(roads), None)


def read_road_input(
    network: str,
    trips: Path | None,
    nodes: Path | None = None,
    settings: Sequence[str] = (),
    allow: Collection[Permission] = (),
) -> RoadInput:
    """Return the roads of *network* and *trips*, changed by ``name=value`` *settings*.

    Without *trips*, *network* is a GMNS folder, a scenario file or the name of a scenario. Settings of the
    assignment are length_weight, toll_weight and demand_scale; those of a scenario are its own fields.
    """
    own_settings, scenario_settings = _split(settings)
    file = Path(network)
    if nodes is not None and trips is None:
        refuse(
            "--nodes",
            ["goes with a file of links and a file of trips; a scenario or GMNS folder has its own"],
        )
    if trips is None and not (file / "link.csv").is_file():
        roads = _scenario_roads(network, scenario_settings, allow)
    else:
        known = ", ".join(ASSIGNMENT_SETTINGS)
        refuse("--set", [f"{text!r} is not known here; there are {known}" for text in scenario_settings])
        roads = RoadInput(
            file.stem, read_road_files(file, trips, nodes), DEFAULT_THETA_PER_MIN, str(trips or network)
        )
    scale = own_settings.pop("demand_scale", 1.0)
    data = with_generalised_cost(roads.data, **own_settings)
    od = with_demand(replace(data.od, demand_veh_h=scale * data.od.demand_veh_h))
    if not od.demand_veh_h.size:
        raise ConfigError(network, ["there are no trips to assign"])
    return replace(roads, data=replace(data, od=od))


def _split(settings: Sequence[str]) -> tuple[dict[str, float], list[str]]:
    """Return the settings of the assignment as numbers, and those of the scenario as texts."""
    numbers: dict[str, float] = {}
    others: list[str] = []
    problems = []
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if name not in ASSIGNMENT_SETTINGS or not equals:
            others.append(setting)
            continue
        try:
            numbers[name] = float(text)
        except ValueError:
            numbers[name] = -1.0
        if not 0 <= numbers[name] < float("inf"):
            problems.append(f"{name} is {text!r}; it must be a number, 0 or more")
    refuse("--set", problems)
    return numbers, others


def _scenario_roads(name: str, settings: Sequence[str], allow: Collection[Permission]) -> RoadInput:
    """Return the roads and the peak hour demand of a scenario, without stations and feeders."""
    from cosim.config.bundled import find_scenario, scenario_boundary
    from cosim.config.extending import read_scenario_tables
    from cosim.config.reading import apply_settings, check

    if Path(name).suffix in (".tntp", ".csv"):
        raise ConfigError(name, ["is a network; name the file of its trips after it"])
    file = find_scenario(name)
    with scenario_boundary(file.parent, allow).around():
        road = check(apply_settings(read_scenario_tables(file), settings), str(file)).road
        nodes = None if road.nodes is None else file.parent / road.nodes
        data = read_roads(file.parent / road.links, file.parent / road.demand, nodes)
    demand = road.demand_scale * data.od.demand_veh_h
    data = replace(data, od=replace(data.od, demand_veh_h=demand))
    return RoadInput(file.stem, data, road.theta_per_min, str(file.parent / road.demand))
