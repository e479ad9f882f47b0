"""V2G chargers: the vehicles plugged in as one store (Eq. 18) whose vehicles come and go."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from cosim.arguments import Numbers, checked
from cosim.arrays import FloatArray
from cosim.errors import Item, Problem
from cosim.grid.builder import Constraints, ModelBuilder, Parameters, Terms, earlier
from cosim.grid.bus_words import at_bus
from cosim.grid.device.base import POWER_NOTICED_KW, Arrays, DeviceSection, Group, energy_missed, rounded
from cosim.grid.device.storage import (
    StoreLimits,
    check_soc,
    follow_store,
    store,
    store_problems,
    stored_power_kw,
)
from cosim.grid.problem import DispatchState, ProblemData
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import Violation
from cosim.sections import Efficiency, EnergyKwh, Name, Place, PowerKw, PowerOrZeroKw, Share
from cosim.short_repr import short_repr

ROUNDING_PU = 1e-9
"""Shares that differ by less are the same."""


class V2GConfig(DeviceSection):
    """``[[grid.v2g]]``: chargers that can discharge the vehicles plugged in, as one store (Eq. 18).

    Vehicles come and go at the start of a period. Those of the last period are plugged in as the day begins.
    """

    called: ClassVar[str] = "V2G charger"
    name: Name
    """Unique name."""
    bus: Place
    """Bus of the feeder."""
    charge_max_kw: PowerKw
    """Largest charging power of all chargers together, at the feeder's side [kW]."""
    discharge_max_kw: PowerOrZeroKw
    """Largest discharging power, at the feeder's side [kW]."""
    capacity_kwh: EnergyKwh
    """Batteries of all vehicles together [kWh]."""
    connected: Name
    """Column of the profiles: share of the vehicles plugged in, of the powers and of the capacity."""
    arriving: Name
    """Column of the profiles: energy that vehicles bring as they plug in, as a share of capacity_kwh."""
    departing: Name
    """Column of the profiles: energy that vehicles take along as they leave, as a share of capacity_kwh."""
    charge_efficiency: Efficiency = 0.95
    """Energy stored per energy taken."""
    discharge_efficiency: Efficiency = 0.95
    """Energy given per energy stored."""
    soc_min: Share = 0.2
    """Lowest SOC of the vehicles plugged in, at the end of a period."""
    soc_max: Share = 0.9
    """Highest SOC of the vehicles plugged in, at the end of a period."""
    soc_initial: Share = 0.5
    """SOC at the start and at the end of each day."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its profiles."""
        return self.connected, self.arriving, self.departing

    @model_validator(mode="after")
    def initial_between_limits(self) -> "V2GConfig":
        """Ask for soc_min <= soc_initial <= soc_max."""
        check_soc(self)
        return self

    def device(self, profiles: Mapping[str, FloatArray]) -> "V2GCharger":
        """Return the chargers with their profiles."""
        return V2GCharger(
            connected_pu=profiles[self.connected],
            arriving_pu=profiles[self.arriving],
            departing_pu=profiles[self.departing],
            **self.model_dump(exclude={"connected", "arriving", "departing"}),
        )


@short_repr
@checked
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class V2GCharger:
    """Chargers that can also discharge the vehicles plugged in, seen as one store whose vehicles come and go.

    Each profile has one value per period of the day. Vehicles come and go at the start of a period, and the day
    is one of many alike: those of its last period are plugged in when it begins.
    """

    kind: ClassVar[str] = "v2g"
    profiles: ClassVar[tuple[str, ...]] = ("connected_pu", "arriving_pu", "departing_pu")
    name: str
    bus: str
    charge_max_kw: float = 200.0
    """Of all chargers together, at the feeder's side; ``discharge_max_kw`` likewise."""
    discharge_max_kw: float = 200.0
    capacity_kwh: float = 1000.0
    """Batteries of all vehicles together."""
    connected_pu: Numbers
    """Share of the vehicles that are plugged in: of the powers and of the capacity."""
    arriving_pu: Numbers
    """Energy that vehicles bring as they plug in, as a share of the capacity."""
    departing_pu: Numbers
    """Energy that vehicles take along as they leave, as a share of the capacity."""
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    soc_min: float = 0.2
    """Of the vehicles plugged in, at the end of a period; ``soc_max`` likewise."""
    soc_max: float = 0.9
    soc_initial: float = 0.5
    """SOC of the vehicles plugged in at the start of the day, and again at its end."""

    @property
    def label(self) -> Item:
        """Name in sentences."""
        return Item("V2G charger", self.name)

    @property
    def initial_kwh(self) -> float:
        """Energy of the vehicles plugged in as the day begins: those of its last period."""
        return float(self.soc_initial * self.capacity_kwh * self.connected_pu[-1])

    def energy_after_kwh(
        self, energy_kwh: float, p_kw: float, period_h: float, period: int
    ) -> tuple[float, float]:
        """Return the least and the most energy [kWh] that a *period* (1..T) with the injection *p_kw* can leave.

        Vehicles bring and take along what the profiles say; there is never less than none.
        """
        exchanged = self.capacity_kwh * float(self.arriving_pu[period - 1] - self.departing_pu[period - 1])
        least, most = stored_power_kw(self, p_kw)
        before_kwh = energy_kwh + exchanged
        return max(before_kwh + least * period_h, 0.0), max(before_kwh + most * period_h, 0.0)

    def problems(self) -> list[Problem]:
        """Return what is wrong with its data: first limits and profiles, then where vehicles come and go."""
        problems = store_problems(self)
        profiles = [np.asarray(getattr(self, name), dtype=np.float64) for name in self.profiles]
        shares = [p.ndim == 1 and len(p) > 0 and bool(((p >= 0) & (p <= 1)).all()) for p in profiles]
        if not all(shares) or len({len(p) for p in profiles}) > 1:
            found = "connected_pu, arriving_pu and departing_pu must be shares, one per period each"
            problems.append(Problem(found))
        return problems or self._turnover_problems(*profiles)

    def _turnover_problems(
        self, connected: FloatArray, arriving: FloatArray, departing: FloatArray
    ) -> list[Problem]:
        """Say where vehicles come or go with more or less energy than they can hold."""
        before = np.roll(connected, 1)
        faults = {
            "less energy arrives than soc_min of the vehicles that plug in": arriving
            < self.soc_min * (connected - before) - ROUNDING_PU,
            "more energy arrives than soc_max of the vehicles plugged in": arriving
            > self.soc_max * connected + ROUNDING_PU,
            "more energy departs than soc_max of the vehicles that were plugged in": departing
            > self.soc_max * before + ROUNDING_PU,
        }
        return [
            Problem(f"in period {int(np.argmax(where)) + 1} {fault}")
            for fault, where in faults.items()
            if where.any()
        ]

    @classmethod
    def group(cls, devices: Any) -> "V2GChargers":
        """Return the V2G chargers of a feeder."""
        return V2GChargers(devices)


class V2GChargers(Group[V2GCharger]):
    """The V2G chargers of a feeder."""

    kind = "v2g"
    nonnegative = ("v2g_charge_kw", "v2g_discharge_kw", "v2g_kwh")
    carried = ("v2g_kwh",)
    store = ("v2g_charge_kw", "v2g_discharge_kw")

    def initial_state(self) -> DispatchState:
        """Return the energy of the vehicles plugged in as the day begins: those of its last period."""
        return {
            "v2g_kwh": np.array([d.soc_initial * d.capacity_kwh * d.connected_pu[-1] for d in self.devices])
        }

    def terms(self, model: ModelBuilder) -> Terms:
        """Eq. 18 of vehicles that come and go; signs are fixed as those of a store."""
        count = self.count
        charge, discharge = model.variable("v2g_charge_kw", count), model.variable("v2g_discharge_kw", count)
        energy, before = model.variable("v2g_kwh", count), model.previous("v2g_kwh", count)
        limits = StoreLimits(
            charge_max=model.parameter("v2g_charge_max", count),
            discharge_max=model.parameter("v2g_discharge_max", count),
            charge_efficiency=self.of("charge_efficiency", 1.0),
            discharge_efficiency=self.of("discharge_efficiency", 1.0),
            energy_min=model.parameter("v2g_min", count),
            energy_max=model.parameter("v2g_max", count),
        )
        departing, rules = model.parameter("v2g_departing", count), []
        if model.elastic:
            price = model.elastic.terminal_energy_cny_per_kwh * BASE_KVA
            short, extra = model.slack("v2g_short", count, price), model.slack("v2g_extra", count, price)
            rules = [short >= 0, short <= departing, extra >= 0]
            departing = departing - short + extra
        arriving = model.parameter("v2g_arriving", count)
        rules += vehicle_store(charge, discharge, energy, before, limits, arriving, departing, model.period_h)
        rules += model.terminal_energy("v2g_kwh", count)
        return Terms((discharge - charge) @ self.at(model.feeder), 0.0, 0.0, rules)

    def _profile(self, name: str, data: ProblemData) -> FloatArray:
        return np.stack([np.asarray(getattr(d, name))[data.of_day] for d in self.devices], axis=1)

    def parameters(self, data: ProblemData, feeder: Feeder) -> Parameters:  # noqa: ARG002
        """Return the limits and the energy that comes and goes, and the energy before the first and at the end."""
        connected, arriving, departing = (self._profile(name, data) for name in V2GCharger.profiles)
        size, period_h = self.of("capacity_kwh"), data.horizon.period_h
        may_charge, may_discharge = self.may_charge(data)
        there = self.in_service(data)
        values = {
            "v2g_charge_max": may_charge * connected * self.of("charge_max_kw") * there,
            "v2g_discharge_max": may_discharge * connected * self.of("discharge_max_kw") * there,
            "v2g_min": connected * size * self.of("soc_min", 1.0),
            "v2g_max": connected * size * self.of("soc_max", 1.0),
            "v2g_arriving": arriving * size,
            "v2g_departing": departing * size,
        }
        end = self.of("soc_initial", 1.0) * size * connected[-1]
        needed = end - (values["v2g_arriving"] - values["v2g_departing"]).sum(axis=0)
        gain = period_h * self.of("charge_efficiency", 1.0) * values["v2g_charge_max"].sum(axis=0)
        loss = period_h / self.of("discharge_efficiency", 1.0) * values["v2g_discharge_max"].sum(axis=0)
        start = rounded(data.state["v2g_kwh"] / BASE_KVA, needed - gain, needed + loss)
        start = rounded(start, values["v2g_departing"][0], np.full(self.count, np.inf))
        return Parameters(by_period=values, before={"v2g_kwh": start}, ends={"v2g_kwh": end})

    def read(self, variables: Arrays, data: ProblemData) -> dict[str, FloatArray]:
        """Return powers and energy, and the energy that departing vehicles lack; negative where they take more."""
        setpoints = super().read(variables, data)
        short = np.zeros((data.periods, self.count))
        if "v2g_short" in variables:
            short = BASE_KVA * (variables["v2g_short"] - variables["v2g_extra"])
        return setpoints | {"v2g_short_kwh": short}

    def carried_out(
        self, setpoints: Arrays, kept: FloatArray, first_period: int, period_h: float
    ) -> dict[str, FloatArray]:
        """Return the part of the powers that remains and the energy of the vehicles plugged in."""
        periods = slice(first_period - 1, first_period - 1 + len(kept))
        connected = np.stack([np.asarray(d.connected_pu)[periods] for d in self.devices], axis=1)
        band = np.zeros_like(connected), connected * self.of("capacity_kwh", 1.0) * self.of("soc_max", 1.0)
        powers = setpoints["v2g_charge_kw"], setpoints["v2g_discharge_kw"]
        efficiency = self.of("charge_efficiency", 1.0), self.of("discharge_efficiency", 1.0)
        followed = follow_store(*powers, setpoints["v2g_kwh"], kept, efficiency, band, period_h)
        short = {"v2g_short_kwh": setpoints["v2g_short_kwh"]}
        return dict(zip(self.nonnegative, followed, strict=True)) | short

    def injection(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray | float]:
        """Return discharge less charge."""
        return setpoints["v2g_discharge_kw"] - setpoints["v2g_charge_kw"], 0.0

    def rating_pu(self, data: ProblemData, feeder: Feeder) -> FloatArray:  # noqa: ARG002
        """Return the larger power of all chargers together."""
        return np.maximum(self.of("charge_max_kw"), self.of("discharge_max_kw"))

    def fallback(self, data: ProblemData) -> dict[str, FloatArray]:
        """Return the energy of vehicles that come and go and are not charged."""
        arriving, departing = (self._profile(name, data) for name in ("arriving_pu", "departing_pu"))
        energy_kwh, kwh = data.state["v2g_kwh"], []
        for exchanged in self.of("capacity_kwh", 1.0) * (arriving - departing):
            energy_kwh = np.maximum(energy_kwh + exchanged, 0.0)
            kwh.append(energy_kwh)
        none = np.zeros((data.periods, self.count))
        return super().fallback(data) | {"v2g_kwh": np.array(kwh), "v2g_short_kwh": none}

    def violations(self, setpoints: Arrays, data: ProblemData) -> Iterator[Violation]:
        """Yield what is missing at the end of the horizon, and vehicles that leave with another energy."""
        connected = self._profile("connected_pu", data)[-1]
        end = [
            d.soc_initial * d.capacity_kwh * float(c) for d, c in zip(self.devices, connected, strict=True)
        ]
        wanted = [
            f"{d.label} should end with {kwh:.1f} kWh" for d, kwh in zip(self.devices, end, strict=True)
        ]
        yield from energy_missed(
            self.devices, wanted, np.array(end) - setpoints["v2g_kwh"][-1], data.last_period
        )
        short = setpoints["v2g_short_kwh"]
        for t, i in np.argwhere(np.abs(short) > POWER_NOTICED_KW):
            device, amount = self.devices[i], abs(float(short[t, i]))
            period = data.horizon.first_period + int(t)
            sentence = (
                f"period {period}, {at_bus(device.bus)}: vehicles leave {device.label} with {amount:.3g} kWh "
                f"{'less' if short[t, i] > 0 else 'more'} than they should take along."
            )
            yield Violation(
                period=period, bus=device.bus, kind="terminal_energy", amount=amount, sentence=sentence
            )

    def columns(self, setpoints: Arrays, row: int, period: int) -> dict[str, Any]:  # noqa: ARG002
        """Return the energy of the vehicles plugged in at the end of the period."""
        return {"stored_kwh": setpoints["v2g_kwh"][row]}


def vehicle_store(
    charge: Any,
    discharge: Any,
    energy: Any,
    before: Any,
    limits: StoreLimits,
    arriving: Any,
    departing: Any,
    period_h: float,
) -> Constraints:
    """Eq. 18 of vehicles that come and go: what *departing* ones take along is there before *arriving* ones come."""
    rules = store(charge, discharge, energy, before, limits, period_h, arriving - departing)
    return [*rules, earlier(energy, before) >= departing]
