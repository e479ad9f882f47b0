"""A scenario: the configuration built into models, with every reference checked."""

from cosim.scenario.build import (
    CAR,
    CHARGING,
    NOT_CHARGING,
    Scenario,
    as_scenario,
    build_scenario,
    check_scenario,
    load_scenario,
    with_imported_choice,
)
from cosim.scenario.charging_price import charging_price_cny_per_kwh
from cosim.scenario.day_ahead import DayAhead
from cosim.scenario.events import Event
from cosim.scenario.feeder_case import FeederCase
from cosim.scenario.station import Station

__all__ = [
    "CAR",
    "CHARGING",
    "NOT_CHARGING",
    "DayAhead",
    "Event",
    "FeederCase",
    "Scenario",
    "Station",
    "as_scenario",
    "build_scenario",
    "charging_price_cny_per_kwh",
    "check_scenario",
    "load_scenario",
    "with_imported_choice",
]
