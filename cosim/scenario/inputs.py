"""The data files of a scenario that belong to no wing alone: profiles, and the mobility model's table."""

from pathlib import Path

from cosim.arrays import FloatArray
from cosim.config import ScenarioConfig
from cosim.csv_tables import ANY, NOT_NEGATIVE, SHARE, Range, read_table
from cosim.errors import ConfigError
from cosim.ev.distributions import LogNormal, Normal, ShiftedGamma
from cosim.ev.mobility import MobilityModel
from cosim.ev.transitions import read_transitions

ROWS_NEEDED = "so one row per period is needed"
SOC_FIRST_RANGE = (0.2, 0.9)
LENGTH_RANGE_KM = (1.0, 100.0)


def read_profiles(config: ScenarioConfig, folder: Path) -> dict[str, FloatArray]:
    """Return the profiles the scenario uses, one value per period; raise all problems of the file."""
    wanted = profile_columns(config)
    table = read_table(folder / config.profiles, tuple(wanted), optional=None)
    known = {name: limits for name, limits in wanted.items() if name in table.columns}
    profiles = {name: table.numbers(name, limits) for name, limits in known.items()}
    if table.cells and len(table.cells) != config.periods:
        table.report(0, f"has {len(table.cells)} rows; periods is {config.periods}, {ROWS_NEEDED}")
    in_order = [str(number) for number in range(1, len(table.cells) + 1)]
    if "period" in table.columns and not table.problems and table.names("period") != in_order:
        table.report(0, "column period must count 1, 2, ... in the order of the rows")
    if not table.problems and not profiles[config.road.trip_profile].sum() > 0:
        table.report(0, f"column {config.road.trip_profile} is zero all day; nobody would travel")
    if config.tariff.kind == "table" and not table.problems and not profiles[config.tariff.column].mean() > 0:
        table.report(
            0, f"column {config.tariff.column} must be above 0 on average, for prices are compared with it"
        )
    if table.problems:
        raise ConfigError(str(table.file), table.problems)
    return profiles


def profile_columns(config: ScenarioConfig) -> dict[str, Range]:
    """Return the columns the scenario needs, and the values each may have."""
    columns: dict[str, Range] = {config.road.trip_profile: NOT_NEGATIVE}
    columns |= {feeder.load_profile: NOT_NEGATIVE for feeder in config.grid.feeders}
    columns |= {column: SHARE for feeder in config.grid.feeders for _, column in feeder.unit_profiles}
    if config.tariff.kind == "table":
        columns.setdefault(config.tariff.column, ANY)
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
