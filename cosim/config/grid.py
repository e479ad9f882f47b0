"""The feeders, their devices and the tariff of a scenario file."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cosim.grid.device.base import DeviceSection
from cosim.grid.device.demand_response import DemandResponseConfig
from cosim.grid.device.renewable import RenewableConfig
from cosim.grid.device.storage import StorageConfig
from cosim.grid.device.turbine import TurbineConfig
from cosim.grid.device.v2g import V2GConfig
from cosim.sections import (
    Entries,
    File,
    Name,
    Penalty,
    PerUnitVoltage,
    Place,
    PositivePrice,
    Price,
    RatedKv,
    Scale,
    Seconds,
    Section,
    Share,
    contradiction,
)


class ElasticConfig(Section):
    """``[grid.elastic]``: limits that are relaxed, and their penalties, when no dispatch meets the limits."""

    voltage_cny_per_pu2_h: Penalty = 1e4
    """Penalty per unit of squared voltage outside the band, bus and hour."""
    voltage_floor_pu: PerUnitVoltage = 0.80
    """Voltage is never allowed below this."""
    station_cny_per_kwh: Penalty = 10.0
    """Penalty on station load not served."""
    base_cny_per_kwh: Penalty = 100.0
    """Penalty on base load not served."""
    source_cny_per_kwh: Penalty = 20.0
    """Penalty on power, active or reactive, beyond the limits that the network states for its source."""
    terminal_energy_cny_per_kwh: Penalty = 50.0
    """Penalty on the missing terminal energy of a storage unit, departing vehicles or a shifted load."""


class FeederConfig(Section):
    """``[grid]`` holds these for every feeder; ``[[grid.feeders]]`` overrides them for one."""

    name: Name = "feeder"
    network: File | None = None
    """Network of pandapower by name (``case33bw``), a JSON file of it or a MATPOWER file; else buses and branches."""
    buses: File | None = None
    """CSV of buses (bus, p_kw, q_kvar)."""
    branches: File | None = None
    """CSV of branches (branch, from_bus, to_bus, r_ohm, x_ohm, in_service)."""
    open_branches: Entries[Place] = ()
    """Branches of that CSV that are out of service, regardless of its column."""
    closed_branches: Entries[Place] = ()
    """Branches of that CSV that are in service, regardless of its column: tie lines."""
    slack_bus: Place | Annotated[Entries[Place], Field(min_length=1)] = "1"
    """Bus where a feeder read from CSV is connected to the upper grid."""
    base_kv: RatedKv = 12.66
    """Rated voltage of a feeder read from CSV [kV]."""
    load_profile: Name = "residential_load_pu"
    """Column of the profiles that scales every bus load."""
    load_scale: Annotated[float, Field(ge=0, le=1e9)] = 1.0
    """Factor on every bus load."""
    slack_voltage_pu: PerUnitVoltage | None = None
    """Voltage at the slack bus; empty: that of the network, else 1."""
    voltage_min_pu: PerUnitVoltage | None = None
    """Lowest voltage allowed at any other bus; empty: what the network says of each bus, else 0.95."""
    voltage_max_pu: PerUnitVoltage | None = None
    """Highest voltage allowed at any other bus; empty: what the network says of each bus, else 1.05."""
    voltage_margin_pu: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Distance to both voltage limits that the dispatch plans with, for the realised load differs from the forecast;
    flags and violations judge by the limits themselves."""
    current_margin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of every current limit that the dispatch leaves free, likewise."""
    branch_limit_scale: Scale = 1.0
    """Factor on the current limit of every line and transformer; a large one, such as 1000, lifts them all."""
    source_limits: bool = True
    """Whether the limits that the network states for its sources hold (Pmin to Qmax of MATPOWER, min_p_mw and so on of
    pandapower)."""
    export: bool = False
    """Whether power may flow back to the upper grid."""
    loss_price_cny_per_mwh: Price = 0.0
    """mu of Eq. 21; the purchase of energy already includes that of the losses, so normally 0."""
    solver: Literal["auto", "clarabel", "mosek"] = "auto"
    """auto: MOSEK where a licence is found, else Clarabel."""
    solve_time_max_s: Seconds | None = None
    """Seconds after which a solver is given up; what follows is flagged as not reproducible. Empty: 60, and 0.05 for
    each bus and period of the dispatch, a hundred times and more of what a solve takes."""
    turbines: Entries[TurbineConfig] = ()
    """Gas turbines."""
    storage: Entries[StorageConfig] = ()
    """Storage."""
    demand_response: Entries[DemandResponseConfig] = ()
    """Buses whose load can be shifted."""
    renewables: Entries[RenewableConfig] = ()
    """Photovoltaic and wind power."""
    v2g: Entries[V2GConfig] = ()
    """Chargers that can discharge the vehicles plugged in."""
    elastic: ElasticConfig = ElasticConfig()
    """Penalties where no dispatch meets the limits."""

    @property
    def devices(self) -> list[DeviceSection]:
        """Devices of all kinds; kinds in the order of their fields, which is that of the problem's variables."""
        values = (getattr(self, name) for name in type(self).model_fields)
        entries = (entry for value in values if isinstance(value, tuple) for entry in value)
        return [entry for entry in entries if isinstance(entry, DeviceSection)]

    @property
    def device_profiles(self) -> list[tuple[str, str]]:
        """Label of each device with each column of the profiles that it needs; all are shares."""
        return [(entry.label, column) for entry in self.devices for column in entry.columns]

    @model_validator(mode="after")
    def limits_in_order(self) -> "FeederConfig":
        """Require one source of the network, and voltage limits in order."""
        tables = [file for file in (self.buses, self.branches) if file]
        if len(tables) != (0 if self.network else 2):
            sentence = "give either network, or both buses and branches"
            raise contradiction(sentence, "buses", "branches")
        if self.network and (self.open_branches or self.closed_branches):
            sentence = "open_branches and closed_branches are of branches read from CSV; switch those of network there"
            raise contradiction(sentence, "open_branches", "closed_branches")
        low = 0.95 if self.voltage_min_pu is None else self.voltage_min_pu
        high = 1.05 if self.voltage_max_pu is None else self.voltage_max_pu
        both = self.voltage_min_pu is not None and self.voltage_max_pu is not None
        if not low < high and (both or not self.network):
            sentence = f"voltage_min_pu is {low:g}; it must be below voltage_max_pu ({high:g})"
            raise contradiction(sentence, "voltage_min_pu", "voltage_max_pu")
        if not self.elastic.voltage_floor_pu <= low:
            sentence = (
                f"elastic.voltage_floor_pu is {self.elastic.voltage_floor_pu:g}; "
                f"it must not be above voltage_min_pu ({low:g})"
            )
            raise contradiction(sentence, "elastic", "voltage_min_pu")
        if self.slack_voltage_pu is not None and not self.elastic.voltage_floor_pu < self.slack_voltage_pu:
            sentence = (
                f"slack_voltage_pu is {self.slack_voltage_pu:g}; "
                f"it must be above elastic.voltage_floor_pu ({self.elastic.voltage_floor_pu:g})"
            )
            raise contradiction(sentence, "elastic", "slack_voltage_pu")
        return self


class GridConfig(Section):
    """``[grid]``: one or more feeders, each with its own operator."""

    feeders: Annotated[Entries[FeederConfig], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def defaults_into_feeders(cls, grid: Any) -> Any:
        """Merge each ``[[grid.feeders]]`` into the defaults in ``[grid]``; lists are replaced, not concatenated."""
        if not isinstance(grid, dict):
            return grid
        defaults = {key: value for key, value in grid.items() if key != "feeders"}
        feeders = grid.get("feeders", [{}])
        if not isinstance(feeders, list):
            return {"feeders": feeders}
        return {"feeders": [_merged(without_other_source(defaults, feeder), feeder) for feeder in feeders]}


class TariffConfig(Section):
    """``[tariff]``: the price of energy from the upper grid, and the charging price derived from it."""

    kind: Literal["table", "dynamic"] = "dynamic"
    """Time-of-use table (Table 1 of Ma et al. 2024), or the dynamic tariff (Eq. 22)."""
    column: Name = "tou_cny_per_kwh"
    """Column of the profiles that holds the table."""
    base_cny_per_kwh: PositivePrice = 0.68
    """rho0 of Eq. 22."""
    band: Annotated[float, Field(ge=0, le=1)] = 0.20
    """sigma of Eq. 22: width of the flat band, as a share of peak minus valley."""
    rise: Annotated[float, Field(ge=0, le=100)] = 0.603
    """delta of the high price."""
    fall: Share = 0.485
    """delta of the low price."""
    charging_price: Literal["tariff", "nodal"] = "tariff"
    """Charging price: the tariff, or the tariff + nodal price - its mean over the feeder's stations."""


def without_other_source(defaults: dict[str, Any], feeder: Any) -> dict[str, Any]:
    """Return *defaults* without their source of the network where *feeder* names another kind of source."""
    given = feeder if isinstance(feeder, dict) else {}
    replaced = {"buses", "branches"} if "network" in given else {"network"} if "buses" in given else set()
    return {key: value for key, value in defaults.items() if key not in replaced}


def _merged(defaults: dict[str, Any], changes: Any) -> Any:
    if not isinstance(changes, dict):
        return changes
    merged = dict(defaults)
    for key, value in changes.items():
        are_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if are_tables else value
    return merged
