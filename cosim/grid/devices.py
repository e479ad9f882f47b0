"""The units on a feeder, as plain values: turbines, storage, renewables, demand response, V2G chargers.

Powers are kW and kvar, energies kWh; ``bus`` is the name of a bus, resolved when a dispatch is built.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ConfigError, Problem
from cosim.grid.feeder import Feeder

ROUNDING_PU = 1e-9
"""Shares that differ by less are the same."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriceResponse:
    """Load that goes where energy is cheaper, to first order: L(p) = load - slope (p - price), nowhere below 0.

    It moves from bus to bus and is none the less for it: each row of the slope sums to 0.
    """

    buses: tuple[str, ...]
    load_kw: FloatArray
    """What is drawn at the price below, (periods, buses); a part of the load of stations."""
    price_cny_per_kwh: FloatArray
    slope_root: FloatArray
    """R with R R' = slope [kW per CNY/kWh], symmetric and positive semidefinite: (periods, buses, buses)."""

    def between(self, start: int, stop: int) -> "PriceResponse":
        """Return the response in the periods from *start* up to *stop*, counted from 0."""
        return PriceResponse(
            buses=self.buses,
            load_kw=self.load_kw[start:stop],
            price_cny_per_kwh=self.price_cny_per_kwh[start:stop],
            slope_root=self.slope_root[start:stop],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turbine:
    """A micro gas turbine (Eq. 17) with the running cost a P^2 + b P, P in MW (Eq. 21)."""

    name: str
    bus: str
    p_max_kw: float = 500.0
    q_max_kvar: float = 300.0
    ramp_kw_per_h: float = 200.0
    cost_a_cny_per_mw2h: float = 0.024
    cost_b_cny_per_mwh: float = 85.0
    q_absorption: bool = True
    p_before_kw: float | None = None
    """Output before period 1; None leaves period 1 free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A battery (Eq. 18) that ends the horizon with the energy ``soc_initial``."""

    name: str
    bus: str
    charge_max_kw: float = 300.0
    discharge_max_kw: float = 300.0
    capacity_kwh: float = 1200.0
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    soc_min: float = 0.2
    soc_max: float = 0.8
    soc_initial: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Renewable:
    """A PV or wind unit (Eq. 19, corrected) whose available power is ``p_rated * profile_pu * s_kva``."""

    name: str
    bus: str
    kind: Literal["pv", "wind"]
    s_kva: float = 1000.0
    profile_pu: FloatArray
    """One value per period of the day."""
    p_rated: float = 1.0
    """Rated active power as a share of the apparent power."""
    q_capability: Literal["disk", "available", "none"] = "disk"
    """``disk``: P^2 + Q^2 <= S^2; ``available``: |Q| <= sqrt(S^2 - P_available^2); ``none``: Q = 0."""
    q_absorption: bool = True
    curtailable: bool = True

    @property
    def available_kw(self) -> FloatArray:
        """Power the sun or the wind offers in each period of the day."""
        return self.p_rated * self.s_kva * np.asarray(self.profile_pu, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandResponse:
    """A bus that shifts up to ``share_max`` of its load in time (Eq. 20); shifting out is paid for."""

    bus: str
    share_max: float = 0.3
    price_cny_per_mwh: float = 105.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class V2GCharger:
    """Chargers that can also discharge the vehicles plugged in, seen as one store whose vehicles come and go.

    Each profile has one value per period of the day. Vehicles come and go at the start of a period, and the day
    is one of many alike: those of its last period are plugged in when it begins.
    """

    name: str
    bus: str
    charge_max_kw: float = 200.0
    """Of all chargers together, at the feeder's side; ``discharge_max_kw`` likewise."""
    discharge_max_kw: float = 200.0
    capacity_kwh: float = 1000.0
    """Batteries of all vehicles together."""
    connected_pu: FloatArray
    """Share of the vehicles that are plugged in: of the powers and of the capacity."""
    arriving_pu: FloatArray
    """Energy that vehicles bring as they plug in, as a share of the capacity."""
    departing_pu: FloatArray
    """Energy that vehicles take along as they leave, as a share of the capacity."""
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    soc_min: float = 0.2
    """Of the vehicles plugged in, at the end of a period; ``soc_max`` likewise."""
    soc_max: float = 0.9
    soc_initial: float = 0.5
    """SOC of the vehicles plugged in at the start of the day, and again at its end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Devices:
    """All units of one feeder; the order here is the order of the columns in every result."""

    turbines: tuple[Turbine, ...] = ()
    storages: tuple[Storage, ...] = ()
    renewables: tuple[Renewable, ...] = ()
    demand_responses: tuple[DemandResponse, ...] = ()
    v2g_chargers: tuple[V2GCharger, ...] = ()

    def available_kw(self, first_period: int, periods: int) -> FloatArray:
        """Return the power each renewable unit offers by its profile, (periods, units)."""
        rows = slice(first_period - 1, first_period - 1 + periods)
        offered = [unit.available_kw[rows] for unit in self.renewables]
        return np.stack(offered, axis=1) if offered else np.zeros((periods, 0))

    def check(self, feeder: Feeder) -> None:
        """Raise a ``ConfigError`` with every fault of the units on *feeder*."""
        named = [
            *(("turbine", u.name, u.bus) for u in self.turbines),
            *(("storage", u.name, u.bus) for u in self.storages),
            *((u.kind, u.name, u.bus) for u in self.renewables),
            *(("demand response at bus", u.bus, u.bus) for u in self.demand_responses),
            *(("V2G charger", u.name, u.bus) for u in self.v2g_chargers),
        ]
        problems: list[Problem | str] = [
            problem.within(kind, name) for kind, name, bus in named if (problem := feeder.bus_problem(bus))
        ]
        for turbine in self.turbines:
            problems += _turbine_problems(turbine)
        for storage in self.storages:
            problems += _storage_problems(storage)
        for unit in self.renewables:
            problems += _renewable_problems(unit)
        for shift in self.demand_responses:
            problems += _shift_problems(shift)
        for charger in self.v2g_chargers:
            problems += _v2g_problems(charger)
        shifting = [u.bus for u in self.demand_responses]
        if len(set(shifting)) < len(shifting):
            problems.append("demand response: a bus is listed twice.")
        if problems:
            source = f"devices of {feeder.name}"
            raise ConfigError(source, problems)


def _turbine_problems(unit: Turbine) -> list[str]:
    limits = {
        "p_max_kw": unit.p_max_kw,
        "q_max_kvar": unit.q_max_kvar,
        "ramp_kw_per_h": unit.ramp_kw_per_h,
        "cost_a_cny_per_mw2h": unit.cost_a_cny_per_mw2h,
    }
    return _negative(f"turbine {unit.name}", limits)


def _storage_problems(unit: Storage) -> list[str]:
    return _store_problems(f"storage {unit.name}", unit)


def _v2g_problems(unit: V2GCharger) -> list[str]:
    who = f"V2G charger {unit.name}"
    problems = _store_problems(who, unit)
    profiles = [
        np.asarray(p, dtype=np.float64) for p in (unit.connected_pu, unit.arriving_pu, unit.departing_pu)
    ]
    shares = [p.ndim == 1 and len(p) > 0 and bool(((p >= 0) & (p <= 1)).all()) for p in profiles]
    if not all(shares) or len({len(p) for p in profiles}) > 1:
        problems.append(
            f"{who}: connected_pu, arriving_pu and departing_pu must be shares, one per period each."
        )
    return problems or _turnover_problems(who, unit, *profiles)


def _turnover_problems(
    who: str, unit: V2GCharger, connected: FloatArray, arriving: FloatArray, departing: FloatArray
) -> list[str]:
    """Say where vehicles come or go with more or less energy than they can hold."""
    before = np.roll(connected, 1)
    faults = {
        "less energy arrives than soc_min of the vehicles that plug in": arriving
        < unit.soc_min * (connected - before) - ROUNDING_PU,
        "more energy arrives than soc_max of the vehicles plugged in": arriving
        > unit.soc_max * connected + ROUNDING_PU,
        "more energy departs than soc_max of the vehicles that were plugged in": departing
        > unit.soc_max * before + ROUNDING_PU,
    }
    return [
        f"{who}: in period {int(np.argmax(where)) + 1} {fault}."
        for fault, where in faults.items()
        if where.any()
    ]


def _store_problems(who: str, unit: Storage | V2GCharger) -> list[str]:
    limits = {
        "charge_max_kw": unit.charge_max_kw,
        "discharge_max_kw": unit.discharge_max_kw,
        "capacity_kwh": unit.capacity_kwh,
    }
    problems = _negative(who, limits)
    for label in ("charge_efficiency", "discharge_efficiency"):
        if not 0 < getattr(unit, label) <= 1:
            problems.append(f"{who}: {label} is {getattr(unit, label)}, allowed is above 0 up to 1.")
    if not 0 <= unit.soc_min <= unit.soc_initial <= unit.soc_max <= 1:
        problems.append(f"{who}: the order must be 0 <= soc_min <= soc_initial <= soc_max <= 1.")
    return problems


def _renewable_problems(unit: Renewable) -> list[str]:
    who = f"{unit.kind} {unit.name}"
    problems = _negative(who, {"s_kva": unit.s_kva, "p_rated": unit.p_rated})
    profile = np.asarray(unit.profile_pu, dtype=np.float64)
    if profile.ndim != 1 or not np.isfinite(profile).all() or (profile < 0).any():
        problems.append(f"{who}: profile_pu must be one finite number >= 0 per period.")
    elif (unit.p_rated * profile > 1).any():
        problems.append(f"{who}: p_rated * profile_pu is above 1 in period {int(np.argmax(profile)) + 1}.")
    return problems


def _shift_problems(unit: DemandResponse) -> list[str]:
    who = f"demand response at bus {unit.bus}"
    problems = _negative(who, {"price_cny_per_mwh": unit.price_cny_per_mwh})
    if not 0 <= unit.share_max <= 1:
        problems.append(f"{who}: share_max is {unit.share_max}, allowed is 0 to 1.")
    return problems


def _negative(who: str, numbers: dict[str, float]) -> list[str]:
    return [
        f"{who}: {label} is {number}, allowed is a number >= 0."
        for label, number in numbers.items()
        if not number >= 0 or not np.isfinite(number)
    ]
