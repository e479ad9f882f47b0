"""The data files of a scenario that belong to no wing alone: profiles, and the mobility model's table."""

from pathlib import Path

from cosim.arrays import FloatArray
from cosim.config import ScenarioConfig
from cosim.csv_tables import ANY, NOT_NEGATIVE, Range, read_table
from cosim.errors import ConfigError
from cosim.ev.distributions import LogNormal, Normal, ShiftedGamma
from cosim.ev.mobility import MobilityModel
from cosim.ev.transitions import read_transitions

SOC_FIRST_RANGE = (0.2, 0.9)
LENGTH_RANGE_KM = (1.0, 100.0)


def read_profiles(config: ScenarioConfig, folder: Path) -> dict[str, FloatArray]:
    """Return the profiles the scenario uses, one value per period; raise all problems of the file."""
    file = folder / config.profiles
    wanted = profile_columns(config)
    table = read_table(file, tuple(wanted), optional=None)
    problems = list(table.problems)
    if table.columns and len(table.cells) != config.periods:
        problems.append(
            f"{file}: has {len(table.cells)} rows; periods = {config.periods} needs one row per period"
        )
    if not table.columns:
        raise ConfigError(str(file), problems)
    profiles = {name: table.numbers(name, limits) for name, limits in wanted.items()}
    problems += [problem for problem in table.problems if problem not in problems]
    trips = profiles[config.road.trip_profile]
    if not problems and not trips.sum() > 0:
        problems.append(f"{file}: column {config.road.trip_profile} is zero all day; nobody would travel")
    if problems:
        raise ConfigError(str(file), problems)
    return profiles


def profile_columns(config: ScenarioConfig) -> dict[str, Range]:
    """Return the columns the scenario needs, and the values each may have."""
    columns: dict[str, Range] = {config.road.trip_profile: NOT_NEGATIVE}
    for feeder in config.grid.feeders:
        columns[feeder.load_profile] = NOT_NEGATIVE
        columns |= {unit.profile: NOT_NEGATIVE for unit in feeder.renewables}
    if config.tariff.kind == "table":
        columns[config.tariff.column] = ANY
    return columns


def build_mobility(config: ScenarioConfig, folder: Path) -> MobilityModel:
    """Return the mobility model of the scenario."""
    mobility = config.mobility
    return MobilityModel(
        transition=read_transitions(folder / mobility.transitions),
        share_travelling=mobility.travel_share,
        share_home_charger=mobility.home_charger_share,
        share_work_charger=mobility.work_charger_share,
        soc_first=Normal(mobility.soc_first_mean, mobility.soc_first_sd, *SOC_FIRST_RANGE),
        first_departure_min=ShiftedGamma(
            mobility.first_departure_shape,
            mobility.first_departure_scale_min,
            mobility.first_departure_shift_min,
        ),
        length_km=LogNormal(mobility.trip_length_log_mean, mobility.trip_length_log_sd, *LENGTH_RANGE_KM),
        speed_km_h=mobility.diary_speed_km_h,
    )
