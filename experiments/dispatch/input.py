"""The feeders, loads and prices that a command line names: of a scenario, or of a network alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.config.bundled import find_scenario, scenario_boundary, scenario_names
from cosim.config.extending import read_scenario_tables
from cosim.config.grid import FeederConfig, GridConfig
from cosim.config.placeholders import PLACEHOLDER, with_placeholders
from cosim.config.reading import GridFile, apply_settings, check, check_grid
from cosim.csv_tables import NOT_NEGATIVE
from cosim.errors import ConfigError, Problem, Problems, refuse
from cosim.files import Boundary, Permission, read_toml
from cosim.grid.feeder import Feeder
from cosim.grid.problem import Load
from cosim.grid.tariff import non_positive_prices
from cosim.scenario.feeder_case import FeederCase, build_feeder_case, network_notes, read_feeder
from cosim.scenario.station import Station
from experiments.dispatch.columns import (
    as_number,
    columns_of,
    not_negative,
    of_length,
    price_of_periods,
)

FLAT_CNY_PER_KWH = 0.68
"""The flat price of Table 1, where none is given."""
NOTES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says besides the network."""

    price: str | None = None
    profile: Path | None = None
    devices: Path | None = None
    stations: Path | None = None
    with_equilibrium: bool = False
    period_min: float = 60.0
    settings: Sequence[str] = ()
    allow: Collection[Permission] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DispatchInput:
    """The problem: feeders with their loads, and what energy costs."""

    name: str
    cases: tuple[FeederCase, ...]
    loads: tuple[Load, ...]
    """One of each feeder."""
    price_cny_per_kwh: FloatArray
    period_h: float
    notes: tuple[str, ...]
    """What the reader should know: flagged prices, stations without load."""


def read_dispatch_input(network: str, options: Options) -> DispatchInput:
    """Return what *network* and the options name; *network* is a scenario or a network alone.

    Raises ``ConfigError`` with every fault of the files and options.
    """
    path = Path(network)
    is_scenario = path.suffix == ".toml" or path.is_dir() or network in scenario_names()
    if not is_scenario and path.is_file() and path.suffix not in {".json", ".m"}:
        found = f"{network} is neither a scenario (.toml) nor a network (.json of pandapower, .m of MATPOWER)"
        refuse("options", [found])
    asked = _of_scenario(network, options) if is_scenario else _of_network(network, options)
    return replace(asked, notes=(*asked.notes, *_low_prices(asked.price_cny_per_kwh)))


def _low_prices(price_cny_per_kwh: FloatArray) -> list[str]:
    """Return a note on the first prices at or below zero, and how many more there are."""
    notes = non_positive_prices(price_cny_per_kwh)
    more = len(notes) - NOTES_SHOWN
    rest = (
        [f"{more} more periods have a price at or below zero; see the table violations."] if more > 0 else []
    )
    return [*notes[:NOTES_SHOWN], *rest]


def _of_scenario(name: str, options: Options) -> DispatchInput:
    """Return the feeders of a scenario; its roads are read only where the equilibrium is asked for."""
    from cosim.coupling.prices import tariff_at
    from cosim.scenario.branch_events import with_events
    from cosim.scenario.events import check_events, events_in
    from cosim.scenario.inputs import read_profiles
    from cosim.scenario.places import build_stations

    given = {"--profile": options.profile, "--devices": options.devices}
    refuse(
        "options",
        [f"{option} is for a network alone; {name} is a scenario" for option, v in given.items() if v],
    )
    if options.with_equilibrium:
        return _of_equilibrium(name, options)
    file = find_scenario(name)
    with scenario_boundary(file.parent, options.allow).around():
        config = check(apply_settings(read_scenario_tables(file), options.settings), str(file))
        profiles = read_profiles(config, file.parent)
        feeders = [read_feeder(feeder, file.parent) for feeder in config.grid.feeders]
        cases = tuple(
            build_feeder_case(wanted, feeder, profiles, config.periods)
            for wanted, feeder in zip(config.grid.feeders, feeders, strict=True)
        )
        events = events_in(config)
        check_events(events, config, None)
        cases = with_events(cases, feeders, events, config, file.parent)
        stations = build_stations(config, feeders)
        named = file.parent / config.station_load if config.station_load and not options.stations else None
        station_kw, notes = _station_load(named, stations, config.periods)
    if options.stations:
        station_kw, notes = _station_load(options.stations, stations, config.periods)
    load_kw = np.sum([case.base_kw for case in cases], axis=0) + station_kw.sum(axis=1)
    given_price = price_of_periods(options.price, config.periods)
    return DispatchInput(
        name=config.name,
        cases=cases,
        loads=tuple(case.load(stations, station_kw) for case in cases),
        price_cny_per_kwh=tariff_at(config.tariff, profiles, load_kw) if given_price is None else given_price,
        period_h=24 / config.periods,
        notes=(*notes, *network_notes(feeders)),
    )


def _of_equilibrium(name: str, options: Options) -> DispatchInput:
    """Return the feeders of a scenario with the station load and the tariff of its equilibrium."""
    from cosim.coupling import day_violations, solve_equilibrium_day
    from cosim.scenario import check_scenario

    if options.stations:
        refuse("options", ["give --stations or --with-equilibrium, not both"])
    scenario = check_scenario(name, options.settings, allow=options.allow)
    day = solve_equilibrium_day(scenario)
    price = price_of_periods(options.price, scenario.periods.count)
    return DispatchInput(
        name=scenario.config.name,
        cases=scenario.feeders,
        loads=tuple(case.load(scenario.stations, day.load.load_kw) for case in scenario.feeders),
        price_cny_per_kwh=day.tariff_cny_per_kwh if price is None else price,
        period_h=scenario.periods.hours,
        notes=(
            *day_violations(scenario, day).sentence,
            *network_notes([case.feeder for case in scenario.feeders]),
        ),
    )


def _of_network(name: str, options: Options) -> DispatchInput:
    """Return a network alone: by default one period at its own loads."""
    if options.with_equilibrium:
        refuse("options", [f"--with-equilibrium needs a scenario; {name} is a network alone"])
    if not options.period_min > 0:
        refuse("options", [f"--period-min is {options.period_min:g}; it must be above 0"])
    tables = _tables_of_network(name, options)
    source = str(options.devices or "--set")
    try:
        config = _only_feeder(check_grid(tables, source), source)
    except ConfigError as error:
        raise ConfigError(source, [*error.problems, *_further_problems(tables, name, options)]) from None
    return _case_of_network(config, name, options)


def _case_of_network(config: FeederConfig, name: str, options: Options) -> DispatchInput:
    """Return what is asked about a network; raise all problems of devices, profiles, loads and prices."""
    # a file of devices may name files too
    roots = (*([options.devices.parent] if options.devices else []), Path(name))
    with Boundary.of(roots, options.allow).around():
        feeder = read_feeder(config, Path())
    ranges = {config.load_profile: NOT_NEGATIVE} | {
        column: NOT_NEGATIVE for _, column in config.device_profiles
    }
    given = {} if options.profile is None else columns_of(options.profile, of=ranges)
    periods = _period_count(given, options)
    advice = f"its columns are {', '.join(given)}" if given else "give it in the file of --profile"
    problems = Problems(
        Problem(f"{who} needs column {column}", advice=advice, file=str(options.profile or ""))
        for who, column in config.device_profiles
        if column not in given
    )
    flat = {column: np.zeros(periods) for _, column in config.device_profiles}
    scale = problems.attempt(_load_profile, config, given, options, periods)
    profiles = {**flat, **given, config.load_profile: np.ones(periods) if scale is None else scale}
    case = problems.attempt(build_feeder_case, config, feeder, profiles, periods)
    at_bus = problems.attempt(_bus_load, options.stations, feeder, periods)
    price = problems.attempt(price_of_periods, options.price, periods)
    refuse("options", problems)
    assert case is not None  # noqa: S101  (no problems: it was built)
    return DispatchInput(
        name=feeder.name,
        cases=(case,),
        loads=(Load.scaled(feeder, case.load_pu, at_bus),),
        price_cny_per_kwh=np.full(periods, FLAT_CNY_PER_KWH) if price is None else price,
        period_h=options.period_min / 60,
        notes=feeder.notes,
    )


def _further_problems(tables: dict[str, Any], name: str, options: Options) -> list[Problem]:
    """Return what is wrong with places and profiles of devices some of whose values are wrong themselves."""
    rest = with_placeholders(tables, GridFile)
    found = Problems(rest.contradictions)
    if rest.config is None or len(rest.config.grid.feeders) != 1:
        return found
    found.attempt(_case_of_network, rest.config.grid.feeders[0], name, options)
    return [problem for problem in found if not problem.names(PLACEHOLDER)]


def _tables_of_network(network: str, options: Options) -> dict[str, Any]:
    """Return the description of a network and the devices of --devices, with --set laid over it."""
    tables = {} if options.devices is None else read_toml(options.devices)
    tables = tables if "grid" in tables else {"grid": tables}
    if isinstance(tables["grid"], dict):
        tables["grid"] = {"name": Path(network).stem, **tables["grid"], "network": network}
    return apply_settings(tables, options.settings)


def _only_feeder(grid: GridConfig, source: str) -> FeederConfig:
    if len(grid.feeders) > 1:
        raise ConfigError(source, ["grid.feeders: one network is one feeder"])
    return grid.feeders[0]


def _period_count(profiles: Mapping[str, FloatArray], options: Options) -> int:
    """Return the number of periods: the rows of the profile, of the prices or of the station load, else 1."""
    if profiles:
        return len(next(iter(profiles.values())))
    if options.price is not None and as_number(options.price) is None:
        return len(next(iter(columns_of(Path(options.price)).values())))
    return 1 if options.stations is None else len(next(iter(columns_of(options.stations).values())))


def _load_profile(
    config: FeederConfig, profiles: Mapping[str, FloatArray], options: Options, periods: int
) -> FloatArray:
    """Return the factor on the loads: the column asked for, load_pu, or the only one that no device uses."""
    used = {column for _, column in config.device_profiles}
    free = [name for name in profiles if name not in used]
    for name in (config.load_profile, "load_pu"):
        if name in profiles:
            return not_negative(profiles[name], name, options.profile)
    if "load_profile" in config.model_fields_set:
        advice = f"its columns are {', '.join(profiles)}"
        absent = Problem(
            f"there is no column {config.load_profile}", file=str(options.profile), advice=advice
        )
        refuse("options", [absent])
    if len(free) > 1:
        found, advice = "which column scales the loads? Call it load_pu", f"there are {', '.join(free)}"
        refuse("options", [Problem(found, file=str(options.profile), advice=advice)])
    return not_negative(profiles[free[0]], free[0], options.profile) if free else np.ones(periods)


def _station_load(
    file: Path | None, stations: Sequence[Station], periods: int
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return the load of each station, 0 where none is given, and a note for each station without one."""
    if file is None:
        return np.zeros((periods, len(stations))), ()
    columns = columns_of(file, NOT_NEGATIVE)
    names = [station.name for station in stations]
    unknown = [name for name in columns if name not in names]
    advice = f"the stations are {', '.join(names)}"
    refuse(
        "options",
        [
            Problem(f"there is no station {name!r}", file=str(file), value=name, advice=advice)
            for name in unknown
        ],
    )
    load = [of_length(columns.get(name, np.zeros(periods)), periods, file) for name in names]
    notes = [
        f"station {name} has no column in {file}; its load is 0." for name in names if name not in columns
    ]
    return np.array(load).T, tuple(notes)


def _bus_load(file: Path | None, feeder: Feeder, periods: int) -> FloatArray:
    """Return the station load at each bus of a network alone: the columns are its buses."""
    at_bus = np.zeros((periods, feeder.bus_count))
    columns = {} if file is None else columns_of(file, NOT_NEGATIVE)
    unknown = filter(None, map(feeder.bus_problem, columns))
    refuse("options", [replace(problem, file=str(file)) for problem in unknown])
    for name, load_kw in columns.items():
        at_bus[:, feeder.bus_index(name)] += of_length(load_kw, periods, file)
    return at_bus
