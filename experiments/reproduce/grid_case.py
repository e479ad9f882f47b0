"""Dispatch of the feeder of Ma et al. (2024), and its reference cases: fewer devices, no devices, no EVs."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.coupling import EquilibriumDay
from cosim.grid.device import DemandResponse, Devices, Renewable, Storage
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.flow import PowerFlow
from cosim.grid.problem import Horizon, Load
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_power_flow
from cosim.grid.tariff import price_class
from cosim.scenario import FeederCase, Scenario

CNY_PER_USD = 7.2
"""Exchange rate of preset B."""
MIN_DENOMINATOR = 1e-3
"""Energy [kWh], power [kW] or money [CNY] below which a ratio to it is undefined."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Interpretation of the paper's costs, which have no units, and the tariff."""

    preset: Literal["A", "B"]
    """A: a, b and pi in CNY. B: in USD, at 7.2 CNY."""
    tariff: Literal["dynamic", "table"]
    """Eq. 22, or Table 1."""

    def __str__(self) -> str:
        """Return preset and tariff in words."""
        return f"{self.preset}, {'dynamic' if self.tariff == 'dynamic' else 'Table 1'}"

    def settings(self, scenario: Scenario) -> list[str]:
        """Return the settings that change *scenario*, in preset A, to this variant."""
        changes = [f"tariff.kind={self.tariff}"]
        if self.preset == "A":
            return changes
        grid = scenario.config.grid.feeders[0]
        for i, turbine in enumerate(grid.turbines):
            field = f"grid.turbines.{i}.cost"
            changes.append(f"{field}_a_cny_per_mw2h={CNY_PER_USD * turbine.cost_a_cny_per_mw2h}")
            changes.append(f"{field}_b_cny_per_mwh={CNY_PER_USD * turbine.cost_b_cny_per_mwh}")
        for i, shift in enumerate(grid.demand_response):
            price = CNY_PER_USD * shift.price_cny_per_mwh
            changes.append(f"grid.demand_response.{i}.price_cny_per_mwh={price}")
        return changes


VARIANTS = tuple(Variant(preset, tariff) for preset in ("A", "B") for tariff in ("dynamic", "table"))


@dataclass(frozen=True, eq=False)
class GridCase:
    """The day of the feeder in one variant; arrays have the periods as first axis."""

    variant: Variant
    scenario: Scenario
    day: EquilibriumDay

    @property
    def feeder(self) -> FeederCase:
        """The feeder with its devices."""
        return self.scenario.feeders[0]

    @property
    def hours(self) -> float:
        """Length of a period."""
        return self.scenario.periods.hours

    @property
    def price_cny_per_kwh(self) -> FloatArray:
        """The tariff."""
        return self.day.tariff_cny_per_kwh

    @cached_property
    def load(self) -> Load:
        """Base load and station load, per bus."""
        return self.feeder.load(self.scenario.stations, self.day.load.load_kw)

    @cached_property
    def dispatch(self) -> Dispatch:
        """The optimum with all devices (Eq. 21)."""
        return self.dispatched(self.feeder.devices)

    def set_kw(self, setpoint: str) -> FloatArray:
        """Return the sum of a set-point over all devices, per period: ``turbine_kw``, ``charge_kw``, ..."""
        total: FloatArray = self.dispatch.setpoints[setpoint].sum(axis=1)
        return total

    @cached_property
    def without_storage(self) -> Dispatch:
        """The optimum without the storage."""
        return self.dispatched(self.feeder.devices.without(Storage))

    @cached_property
    def without_flexibility(self) -> Dispatch:
        """The optimum without storage and demand response."""
        return self.dispatched(self.feeder.devices.without(Storage, DemandResponse))

    @cached_property
    def at_unity_power_factor(self) -> Dispatch:
        """The optimum without reactive power of PV and wind, as in Eq. 19 as printed."""
        devices = (
            replace(device, q_capability="none") if isinstance(device, Renewable) else device
            for device in self.feeder.devices.all
        )
        return self.dispatched(Devices(*devices))

    def dispatched(self, devices: Devices) -> Dispatch:
        """Return the optimum with other devices."""
        return solve_dispatch(
            self.feeder.feeder,
            devices,
            self.load,
            self.price_cny_per_kwh,
            Horizon(period_h=self.hours),
            self.feeder.rules,
        )

    @cached_property
    def bare(self) -> PowerFlow:
        """Power flow with base load and stations alone, without devices."""
        return self._flow(self.load.base_kw + self.load.station_kw)

    @cached_property
    def bare_without_evs(self) -> PowerFlow:
        """The same without the stations."""
        return self._flow(self.load.base_kw)

    def _flow(self, load_kw: FloatArray) -> PowerFlow:
        return sweep_power_flow(self.feeder.feeder, -load_kw, -self.load.base_kvar)

    def purchase_cny(self, flow: PowerFlow) -> float:
        """Return the cost of the energy purchased in a power flow."""
        return self.hours * float(self.price_cny_per_kwh @ flow.slack_kw)

    def shift_in_over_shift_out(self, values: FloatArray) -> float:
        """Return the mean of *values* (periods) weighted by shift-in over that weighted by shift-out."""
        d = self.dispatch
        return ratio(
            weighted_mean(values, d.setpoints["shift_in_kw"]),
            weighted_mean(values, d.setpoints["shift_out_kw"]),
        )

    @cached_property
    def available_kw(self) -> FloatArray:
        """Available power of PV and wind, (periods, units)."""
        return np.array([unit.available_kw for unit in self.feeder.devices.of(Renewable)]).T

    @cached_property
    def equivalent_load_kw(self) -> FloatArray:
        """P_eq of Eq. 22: base load and stations."""
        total: FloatArray = (self.load.base_kw + self.load.station_kw).sum(axis=1)
        return total

    @property
    def is_peak_load(self) -> BoolArray:
        """Periods in which the equivalent load is high by Eq. 22."""
        return price_class(self.equivalent_load_kw, self.scenario.config.tariff.band) > 0

    @property
    def is_high_price(self) -> BoolArray:
        """Periods of the highest price."""
        high: BoolArray = np.isclose(self.price_cny_per_kwh, self.price_cny_per_kwh.max())
        return high


def ratio(part: float, whole: float) -> float:
    """Return part / whole; NaN for a whole close to zero."""
    return float(part / whole) if abs(whole) > MIN_DENOMINATOR else float("nan")


def weighted_mean(values: FloatArray, power_kw: FloatArray) -> float:
    """Return the mean of *values* (periods) weighted by power; NaN without power."""
    weight = power_kw.sum(axis=1)
    return ratio(float(values @ weight), float(weight.sum()))
