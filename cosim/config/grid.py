"""The feeders, their devices and the tariff of a scenario file."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cosim.sections import (
    Entries,
    File,
    Name,
    NonNegative,
    PerUnitVoltage,
    Place,
    Positive,
    Section,
    Share,
    contradiction,
)


class TurbineConfig(Section):
    """``[[grid.turbines]]``: a gas turbine (Eq. 17)."""

    name: Name
    """Unique name."""
    bus: Place
    """Bus of the feeder."""
    p_max_kw: Positive
    """Largest active power [kW]."""
    q_max_kvar: NonNegative
    """Largest reactive power [kvar]."""
    ramp_kw_per_h: Positive
    """Largest change of active power [kW/h]."""
    cost_a_cny_per_mw2h: NonNegative
    """a of Eq. 21: running cost a P^2 + b P, P in MW."""
    cost_b_cny_per_mwh: float
    """b of Eq. 21."""
    q_absorption: bool = True
    """Whether reactive power may be absorbed as well as supplied."""
    initial_kw: NonNegative | None = None
    """Output before period 1 [kW]; empty: free."""


class StorageConfig(Section):
    """``[[grid.storage]]``: a storage unit (Eq. 18)."""

    name: Name
    """Unique name."""
    bus: Place
    """Bus of the feeder."""
    charge_max_kw: Positive
    """Largest charging power, at the feeder's side [kW]."""
    discharge_max_kw: Positive
    """Largest discharging power, at the feeder's side [kW]."""
    capacity_kwh: Positive
    """Energy of SOC 1 [kWh]."""
    charge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Energy stored per energy taken."""
    discharge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Energy given per energy stored."""
    soc_min: Share = 0.2
    """Lowest SOC."""
    soc_max: Share = 0.8
    """Highest SOC."""
    soc_initial: Share = 0.5
    """SOC at the start and at the end of each day."""

    @model_validator(mode="after")
    def initial_between_limits(self) -> "StorageConfig":
        """Ask for soc_min <= soc_initial <= soc_max."""
        _check_soc(self)
        return self


class RenewableConfig(Section):
    """``[[grid.renewables]]``: photovoltaic or wind power (Eq. 19, corrected)."""

    name: Name
    """Unique name."""
    kind: Literal["pv", "wind"]
    """Photovoltaic or wind power."""
    bus: Place
    """Bus of the feeder."""
    s_kva: Positive
    """Converter rating [kVA]."""
    profile: Name
    """Column of the profiles: available power per rating."""
    q_capability: Literal["disk", "available", "none"] = "disk"
    """P^2 + Q^2 <= S^2, or |Q| <= sqrt(S^2 - P_available^2), or Q = 0."""
    q_absorption: bool = True
    """Whether reactive power may be absorbed as well as supplied."""
    curtailable: bool = True
    """Whether less than the available power may be fed in."""


class DemandResponseConfig(Section):
    """``[[grid.demand_response]]``: a load that can be shifted within the day (Eq. 20)."""

    bus: Place
    """Bus whose load can be shifted."""
    share_max: Share = 0.3
    """Largest share of the bus load that can be moved in or out in one period."""
    price_cny_per_mwh: NonNegative
    """Paid for energy moved out."""


class V2GConfig(Section):
    """``[[grid.v2g]]``: chargers that can discharge the vehicles plugged in, as one store (Eq. 18).

    Vehicles come and go at the start of a period. Those of the last period are plugged in as the day begins.
    """

    name: Name
    """Unique name."""
    bus: Place
    """Bus of the feeder."""
    charge_max_kw: Positive
    """Largest charging power of all chargers together, at the feeder's side [kW]."""
    discharge_max_kw: NonNegative
    """Largest discharging power, at the feeder's side [kW]."""
    capacity_kwh: Positive
    """Batteries of all vehicles together [kWh]."""
    connected: Name
    """Column of the profiles: share of the vehicles plugged in, of the powers and of the capacity."""
    arriving: Name
    """Column of the profiles: energy that vehicles bring as they plug in, as a share of capacity_kwh."""
    departing: Name
    """Column of the profiles: energy that vehicles take along as they leave, as a share of capacity_kwh."""
    charge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Energy stored per energy taken."""
    discharge_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Energy given per energy stored."""
    soc_min: Share = 0.2
    """Lowest SOC of the vehicles plugged in, at the end of a period."""
    soc_max: Share = 0.9
    """Highest SOC of the vehicles plugged in, at the end of a period."""
    soc_initial: Share = 0.5
    """SOC at the start and at the end of each day."""

    @property
    def profiles(self) -> tuple[str, str, str]:
        """Return the columns of the profiles."""
        return self.connected, self.arriving, self.departing

    @model_validator(mode="after")
    def initial_between_limits(self) -> "V2GConfig":
        """Ask for soc_min <= soc_initial <= soc_max."""
        _check_soc(self)
        return self


def _check_soc(unit: StorageConfig | V2GConfig) -> None:
    """Ask for soc_min <= soc_initial <= soc_max."""
    if not unit.soc_min <= unit.soc_initial <= unit.soc_max:
        sentence = (
            f"soc_initial is {unit.soc_initial:g}; it must lie between "
            f"soc_min ({unit.soc_min:g}) and soc_max ({unit.soc_max:g})"
        )
        raise contradiction(sentence, "soc_min", "soc_max", "soc_initial")


class ElasticConfig(Section):
    """``[grid.elastic]``: what is given up, and at what penalty, when no dispatch meets the limits."""

    voltage_cny_per_pu2_h: Positive = 1e4
    """Penalty per unit of squared voltage outside the band, bus and hour."""
    voltage_floor_pu: PerUnitVoltage = 0.80
    """Voltage is never allowed below this."""
    station_cny_per_kwh: Positive = 10.0
    """Penalty on station load not served."""
    base_cny_per_kwh: Positive = 100.0
    """Penalty on base load not served."""
    promise_cny_per_kwh: Positive = 50.0
    """Penalty on energy a store or a shifted load should have back at the end of the day."""


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
    """Branches of that CSV that are out of service, whatever it says."""
    closed_branches: Entries[Place] = ()
    """Branches of that CSV that are in service, whatever it says: tie lines."""
    slack_bus: Place = "1"
    """Bus where a feeder read from CSV hangs on the upper grid."""
    base_kv: Positive = 12.66
    """Rated voltage of a feeder read from CSV [kV]."""
    load_profile: Name = "residential_load_pu"
    """Column of the profiles that scales every bus load."""
    load_scale: NonNegative = 1.0
    """Factor on every bus load."""
    slack_voltage_pu: PerUnitVoltage | None = None
    """Voltage held at the slack bus; empty: what the network says, else 1."""
    voltage_min_pu: PerUnitVoltage = 0.95
    """Lowest voltage allowed at any other bus."""
    voltage_max_pu: PerUnitVoltage = 1.05
    """Highest voltage allowed at any other bus."""
    branch_limit_scale: Positive = 1.0
    """Factor on the current limit of every line and transformer; a large one, such as 1000, lifts them all."""
    export: bool = False
    """Whether power may flow back to the upper grid."""
    loss_price_cny_per_mwh: NonNegative = 0.0
    """mu of Eq. 21; bought energy already pays for losses, so 0 unless you know why."""
    solver: Literal["auto", "clarabel", "mosek"] = "auto"
    """auto: MOSEK where a licence is found, else Clarabel."""
    turbines: Entries[TurbineConfig] = ()
    """Gas turbines."""
    storage: Entries[StorageConfig] = ()
    """Storage units."""
    renewables: Entries[RenewableConfig] = ()
    """Photovoltaic and wind power."""
    demand_response: Entries[DemandResponseConfig] = ()
    """Buses whose load can be shifted."""
    v2g: Entries[V2GConfig] = ()
    """Chargers that can discharge the vehicles plugged in."""
    elastic: ElasticConfig = ElasticConfig()
    """What is given up where no dispatch meets the limits."""

    @property
    def unit_names(self) -> list[str]:
        """Names of the units that have one; each stands for its unit in the result tables."""
        generators = [unit.name for unit in self.turbines] + [unit.name for unit in self.renewables]
        return generators + [unit.name for unit in self.storage] + [unit.name for unit in self.v2g]

    @property
    def unit_profiles(self) -> list[tuple[str, str]]:
        """Each unit with each column of the profiles it needs: shares, all of them."""
        columns = [(f"renewable '{unit.name}'", unit.profile) for unit in self.renewables]
        return columns + [
            (f"V2G charger '{unit.name}'", column) for unit in self.v2g for column in unit.profiles
        ]

    @model_validator(mode="after")
    def limits_in_order(self) -> "FeederConfig":
        """Ask for one source of the network, and for voltage limits in order."""
        tables = [file for file in (self.buses, self.branches) if file]
        if len(tables) != (0 if self.network else 2):
            sentence = "give either network, or both buses and branches"
            raise contradiction(sentence, "buses", "branches")
        if self.network and (self.open_branches or self.closed_branches):
            sentence = "open_branches and closed_branches are of branches read from CSV; switch those of network there"
            raise contradiction(sentence, "open_branches", "closed_branches")
        if not self.voltage_min_pu < self.voltage_max_pu:
            sentence = (
                f"voltage_min_pu is {self.voltage_min_pu:g}; "
                f"it must be below voltage_max_pu ({self.voltage_max_pu:g})"
            )
            raise contradiction(sentence, "voltage_min_pu", "voltage_max_pu")
        if not self.elastic.voltage_floor_pu <= self.voltage_min_pu:
            sentence = (
                f"elastic.voltage_floor_pu is {self.elastic.voltage_floor_pu:g}; "
                f"it must not be above voltage_min_pu ({self.voltage_min_pu:g})"
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
        """Lay each ``[[grid.feeders]]`` over the defaults in ``[grid]``; lists are replaced, not joined."""
        if not isinstance(grid, dict):
            return grid
        defaults = {key: value for key, value in grid.items() if key != "feeders"}
        feeders = grid.get("feeders", [{}])
        if not isinstance(feeders, list):
            return {"feeders": feeders}
        return {"feeders": [_overlay(without_rival(defaults, feeder), feeder) for feeder in feeders]}


class TariffConfig(Section):
    """``[tariff]``: the price of energy from the upper grid, and what follows from it at the stations."""

    kind: Literal["table", "dynamic"] = "dynamic"
    """Table 1 of the paper, or the dynamic tariff (Eq. 22)."""
    column: Name = "tou_cny_per_kwh"
    """Column of the profiles that holds the table."""
    base_cny_per_kwh: Positive = 0.68
    """rho0 of Eq. 22."""
    band: NonNegative = 0.20
    """sigma of Eq. 22: width of the flat band, as a share of peak minus valley."""
    rise: NonNegative = 0.603
    """delta of the high price."""
    fall: Share = 0.485
    """delta of the low price."""
    charging_price: Literal["tariff", "nodal"] = "tariff"
    """What stations ask: the tariff, or the tariff + nodal price - its mean over the feeder's stations."""


def without_rival(defaults: dict[str, Any], feeder: Any) -> dict[str, Any]:
    """Leave out the default source of the network where a feeder names another one."""
    given = feeder if isinstance(feeder, dict) else {}
    rivals = {"buses", "branches"} if "network" in given else {"network"} if "buses" in given else set()
    return {key: value for key, value in defaults.items() if key not in rivals}


def _overlay(defaults: dict[str, Any], changes: Any) -> Any:
    if not isinstance(changes, dict):
        return changes
    merged = dict(defaults)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _overlay(merged[key], value) if both else value
    return merged
