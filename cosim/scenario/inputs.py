"""Inputs of a scenario: profiles, mobility model, battery, charging behaviour and EV types."""

from itertools import islice
from math import inf, log
from pathlib import Path
from typing import Any

from cosim.arrays import FloatArray
from cosim.config import ScenarioConfig
from cosim.config.mobility import DwellConfig
from cosim.csv_tables import ANY, NOT_NEGATIVE, SHARE, Range, read_table, refuse_faulty
from cosim.errors import Problem
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour
from cosim.ev.distributions import LogNormal, Normal, ShiftedGamma
from cosim.ev.draws import Draws
from cosim.ev.dwell import DwellModel
from cosim.ev.ev_types import EvType, batteries
from cosim.ev.markov import MarkovModel, read_departures
from cosim.ev.mobility import MobilityModel, types_of_evs
from cosim.ev.transitions import read_transitions


def read_profiles(config: ScenarioConfig, folder: Path) -> dict[str, FloatArray]:
    """Return the profiles that the scenario uses, (periods,) each; raise ConfigError with all defects of the file."""
    ranges = profile_columns(config)
    table = read_table(folder / config.profiles, tuple(ranges), optional=None)
    profiles = {name: table.numbers(name, limits) for name, limits in ranges.items() if name in table.columns}
    if table.cells and len(table.cells) != config.periods:
        clause = f"is {config.periods}, but there are {len(table.cells)} rows; one row per period is needed"
        table.report(0, Problem(clause, field="periods"))
    if "period" in table.columns and not table.problems:
        faulty = ((line, row) for k, (line, row) in enumerate(table.rows(), 1) if row["period"] != str(k))
        for line, row in islice(faulty, 1):
            allowed = "the number of the row, from 1"
            table.report(line, Problem(column="period", value=row["period"], allowed=allowed))
    if not table.problems and not profiles[config.road.trip_profile].sum() > 0:
        table.report(0, f"column {config.road.trip_profile} is zero all day; nobody would travel")
    is_compared = config.tariff.kind == "table" and config.mobility.price_sensitivity > 0
    if is_compared and not table.problems and not profiles[config.tariff.column].mean() > 0:
        why = "for drivers compare prices with the mean (mobility.price_sensitivity above 0)"
        table.report(0, f"column {config.tariff.column} must be above 0 on average, {why}")
    refuse_faulty(table)
    return profiles


def profile_columns(config: ScenarioConfig) -> dict[str, Range]:
    """Return the profile columns that the scenario needs, with the range of each."""
    columns: dict[str, Range] = {config.road.trip_profile: NOT_NEGATIVE}
    columns |= {feeder.load_profile: NOT_NEGATIVE for feeder in config.grid.feeders}
    columns |= {column: SHARE for feeder in config.grid.feeders for _, column in feeder.device_profiles}
    if config.tariff.kind == "table":
        columns.setdefault(config.tariff.column, ANY)
    return columns


def check_station_load(config: ScenarioConfig, folder: Path) -> None:
    """Raise ConfigError unless the file of ``station_load``, if any, holds a load per period and station."""
    if config.station_load is None:
        return
    names = [station.name for station in config.stations]
    table = read_table(folder / config.station_load, (), ("period", *names))
    for name in table.columns:
        table.numbers(name, NOT_NEGATIVE)
    if table.cells and len(table.cells) != config.periods:
        found = f"has {len(table.cells)} rows; there are {config.periods} periods"
        table.report(0, f"{found}, so one row for each is needed")
    refuse_faulty(table)


def build_mobility(config: ScenarioConfig, folder: Path) -> MobilityModel:
    """Return the mobility model of the scenario."""
    mobility = config.mobility
    common: dict[str, Any] = {
        "travel_share": mobility.travel_share,
        "home_charger_share": mobility.home_charger_share,
        "work_charger_share": mobility.work_charger_share,
        "types": ev_types(config),
        "soc_first": Normal(
            mobility.soc_first_mean, mobility.soc_first_sd, mobility.soc_first_min, mobility.soc_first_max
        ),
        "length_km": LogNormal(
            mobility.trip_length_log_mean,
            mobility.trip_length_log_sd,
            mobility.trip_length_min_km,
            mobility.trip_length_max_km,
        ),
        "diary_speed_km_h": mobility.diary_speed_km_h,
    }
    if mobility.kind == "markov":
        return MarkovModel(departure=read_departures(folder / str(mobility.departures)), **common)
    first = ShiftedGamma(
        mobility.first_departure_shape, mobility.first_departure_scale_min, mobility.first_departure_shift_min
    )
    transition = read_transitions(folder / str(mobility.transitions))
    return DwellModel(
        transition=transition, first_departure_min=first, **_dwell_times(mobility.dwell), **common
    )


def _dwell_times(dwell: DwellConfig) -> dict[str, Any]:
    """Return the fields of `DwellModel` that `[mobility.dwell]` sets."""
    bounds = dwell.shortest_h, dwell.longest_h
    return {
        "home_dwell_h": LogNormal(log(dwell.home_median_h), dwell.home_log_sd, *bounds),
        "work_dwell_h": Normal(dwell.work_mean_h, dwell.work_sd_h, *bounds),
        "late_work_dwell_h": Normal(dwell.late_work_mean_h, dwell.late_work_sd_h, *bounds),
        "leisure_dwell_h": LogNormal(log(dwell.leisure_median_h), dwell.leisure_log_sd, *bounds),
        "other_dwell_h": LogNormal(log(dwell.other_median_h), dwell.other_log_sd, *bounds),
        "late_work_from_h": dwell.late_work_from_h,
        "evening_from_h": dwell.evening_from_h,
        "share_evening_at_home": dwell.evening_share,
        "shortest_stay_h": dwell.shortest_h,
    }


def build_battery(config: ScenarioConfig) -> Battery:
    """Return the battery of `[mobility]`."""
    mobility = config.mobility
    return Battery(
        battery_kwh=mobility.battery_kwh,
        consumption_kwh_per_km=mobility.consumption_kwh_per_km,
        charging_efficiency=mobility.charging_efficiency,
    )


def battery_of_each(config: ScenarioConfig, n_ev: int, seed: int, purpose: str) -> Battery:
    """Return the batteries of the EVs 1 to *n_ev*, one value for each where there are types of EVs."""
    types = ev_types(config)
    if not types:
        return build_battery(config)
    return batteries(types, types_of_evs(types, Draws(n_ev, seed, purpose)))


def build_behaviour(config: ScenarioConfig) -> ChargingBehaviour:
    """Return the charging behaviour of `[mobility]`."""
    mobility = config.mobility
    return ChargingBehaviour(
        soc_fast_charge=mobility.soc_fast_charge,
        soc_fast_charge_width=mobility.soc_fast_charge_width,
        price_sensitivity=mobility.price_sensitivity,
        soc_reserve=mobility.soc_reserve,
        soc_target=mobility.soc_target,
        charging_stop=mobility.charging_stop,
        slow_charger_kw=mobility.slow_charger_kw,
        soc_plug_at_home=mobility.soc_plug_at_home,
    )


def ev_types(config: ScenarioConfig) -> tuple[EvType, ...]:
    """Return the types of EVs; empty where `[mobility]` describes all EVs."""
    mobility = config.mobility

    def given(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else value

    return tuple(
        EvType(
            name=kind.name,
            share=kind.share,
            battery=Battery(
                battery_kwh=given(kind.battery_kwh, mobility.battery_kwh),
                consumption_kwh_per_km=given(kind.consumption_kwh_per_km, mobility.consumption_kwh_per_km),
                charging_efficiency=given(kind.charging_efficiency, mobility.charging_efficiency),
            ),
            slow_charger_kw=given(kind.slow_charger_kw, mobility.slow_charger_kw),
            fast_kw=given(kind.fast_kw, inf),
            home_charger_share=given(kind.home_charger_share, mobility.home_charger_share),
            work_charger_share=given(kind.work_charger_share, mobility.work_charger_share),
        )
        for kind in config.population.types
    )
