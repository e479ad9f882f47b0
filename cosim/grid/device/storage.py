"""Batteries on the feeder: Eq. 18; they end the horizon with the energy they begin the day with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator
from scipy import sparse

from cosim.arguments import checked
from cosim.arrays import FloatArray
from cosim.errors import Item, Problem
from cosim.grid.builder import Constraints, ModelBuilder, Parameters, Terms, earlier, rows
from cosim.grid.device.base import Arrays, DeviceSection, Group, energy_missed, not_negative, rounded
from cosim.grid.problem import DispatchState, ProblemData
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import Violation
from cosim.sections import Efficiency, EnergyKwh, Name, Place, PowerKw, Share, contradiction


class StorageConfig(DeviceSection):
    """``[[grid.storage]]``: a battery (Eq. 18)."""

    called: ClassVar[str] = "storage"
    name: Name
    """Unique name."""
    bus: Place
    """Bus of the feeder."""
    charge_max_kw: PowerKw
    """Largest charging power, at the feeder's side [kW]."""
    discharge_max_kw: PowerKw
    """Largest discharging power, at the feeder's side [kW]."""
    capacity_kwh: EnergyKwh
    """Energy of SOC 1 [kWh]."""
    charge_efficiency: Efficiency = 0.95
    """Energy stored per energy taken."""
    discharge_efficiency: Efficiency = 0.95
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
        check_soc(self)
        return self

    def device(self, profiles: Mapping[str, FloatArray]) -> "Storage":  # noqa: ARG002
        """Return the storage."""
        return Storage(**self.model_dump())


def check_soc(section: Any) -> None:
    """Ask for soc_min <= soc_initial <= soc_max."""
    if not section.soc_min <= section.soc_initial <= section.soc_max:
        sentence = (
            f"soc_initial is {section.soc_initial:g}; it must lie between "
            f"soc_min ({section.soc_min:g}) and soc_max ({section.soc_max:g})"
        )
        raise contradiction(sentence, "soc_min", "soc_max", "soc_initial")


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A battery (Eq. 18) that ends the horizon with the energy ``soc_initial``."""

    kind: ClassVar[str] = "storage"
    profiles: ClassVar[tuple[str, ...]] = ()
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

    @property
    def label(self) -> Item:
        """Name in sentences."""
        return Item("storage", self.name)

    def problems(self) -> list[Problem]:
        """Return what is wrong with its data."""
        return store_problems(self)

    @property
    def initial_kwh(self) -> float:
        """Energy at the start of the day."""
        return self.soc_initial * self.capacity_kwh

    def energy_after_kwh(
        self,
        energy_kwh: float,
        p_kw: float,
        period_h: float,
        period: int = 1,  # noqa: ARG002  (all are alike)
    ) -> tuple[float, float]:
        """Return the least and the most energy [kWh] that a period with the injection *p_kw* can leave (Eq. 18).

        Most, where it only charges or only discharges; less, where it does both at once and wastes some.
        """
        least, most = stored_power_kw(self, p_kw)
        return energy_kwh + least * period_h, energy_kwh + most * period_h

    @classmethod
    def group(cls, devices: Any) -> "Storages":
        """Return the storage of a feeder."""
        return Storages(devices)


def stored_power_kw(device: Any, p_kw: float) -> tuple[float, float]:
    """Return the least and the most power that a store can take in at the injection *p_kw*."""
    charge_kw, discharge_kw = max(-p_kw, 0.0), max(p_kw, 0.0)
    most = charge_kw * device.charge_efficiency - discharge_kw / device.discharge_efficiency
    both_kw = max(min(device.charge_max_kw - charge_kw, device.discharge_max_kw - discharge_kw), 0.0)
    return most - both_kw * (1 / device.discharge_efficiency - device.charge_efficiency), most


def store_problems(device: Any) -> list[Problem]:
    """Return what is wrong with powers, capacity, efficiencies and SOC limits."""
    problems = not_negative(device, "charge_max_kw", "discharge_max_kw", "capacity_kwh")
    for label in ("charge_efficiency", "discharge_efficiency"):
        if not 0 < getattr(device, label) <= 1:
            problems.append(Problem(field=label, value=getattr(device, label), allowed="above 0, up to 1"))
    if not 0 <= device.soc_min <= device.soc_initial <= device.soc_max <= 1:
        problems.append(Problem("the order must be 0 <= soc_min <= soc_initial <= soc_max <= 1"))
    return problems


class Storages(Group[Storage]):
    """The storage of a feeder."""

    kind = "storage"
    nonnegative = ("charge_kw", "discharge_kw", "storage_kwh")
    carried = ("storage_kwh",)
    store = ("charge_kw", "discharge_kw")

    @property
    def _initial_kwh(self) -> FloatArray:
        return np.array([d.soc_initial * d.capacity_kwh for d in self.devices])

    def initial_state(self) -> DispatchState:
        """Return the energy at the start of the day."""
        return {"storage_kwh": self._initial_kwh}

    def terms(self, model: ModelBuilder) -> Terms:
        """Eq. 18; where the limit of one direction is set to 0 in a period, the sign is fixed."""
        count, size = self.count, self.of("capacity_kwh")
        charge, discharge = model.variable("charge_kw", count), model.variable("discharge_kw", count)
        energy = model.variable("storage_kwh", count)
        limits = StoreLimits(
            charge_max=model.parameter("charge_max", count),
            discharge_max=model.parameter("discharge_max", count),
            charge_efficiency=self.of("charge_efficiency", 1.0),
            discharge_efficiency=self.of("discharge_efficiency", 1.0),
            energy_min=size * self.of("soc_min", 1.0),
            energy_max=size * self.of("soc_max", 1.0),
        )
        before = model.previous("storage_kwh", count)
        rules = store(charge, discharge, energy, before, limits, model.period_h)
        rules += model.terminal_energy("storage_kwh", count)
        return Terms((discharge - charge) @ self.at(model.feeder), 0.0, 0.0, rules)

    def parameters(self, data: ProblemData, feeder: Feeder) -> Parameters:  # noqa: ARG002
        """Return the largest powers, and the energy before the first period and at the end of the last."""
        may_charge, may_discharge = self.may_charge(data)
        there = self.in_service(data)
        hours, end = (
            data.periods * data.horizon.period_h * there.mean(axis=0),
            self.of("capacity_kwh") * self.of("soc_initial", 1.0),
        )
        gain = self.of("charge_efficiency", 1.0) * self.of("charge_max_kw")
        loss = self.of("discharge_max_kw") / self.of("discharge_efficiency", 1.0)
        start = rounded(data.state["storage_kwh"] / BASE_KVA, end - hours * gain, end + hours * loss)
        return Parameters(
            by_period={
                "charge_max": may_charge * self.of("charge_max_kw") * there,
                "discharge_max": may_discharge * self.of("discharge_max_kw") * there,
            },
            before={"storage_kwh": start},
            ends={"storage_kwh": end},
        )

    def carried_out(
        self,
        setpoints: Arrays,
        kept: FloatArray,
        first_period: int,  # noqa: ARG002
        period_h: float,
    ) -> dict[str, FloatArray]:
        """Return the part of the powers that remains and the energy they lead to, within its limits."""
        shape, size = kept.shape, self.of("capacity_kwh", 1.0)
        band = (np.broadcast_to(size * self.of(name, 1.0), shape) for name in ("soc_min", "soc_max"))
        powers = setpoints["charge_kw"], setpoints["discharge_kw"]
        efficiency = self.of("charge_efficiency", 1.0), self.of("discharge_efficiency", 1.0)
        followed = follow_store(*powers, setpoints["storage_kwh"], kept, efficiency, (*band,), period_h)
        return dict(zip(self.nonnegative, followed, strict=True))

    def injection(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray | float]:
        """Return discharge less charge."""
        return setpoints["discharge_kw"] - setpoints["charge_kw"], 0.0

    def rating_pu(self, data: ProblemData, feeder: Feeder) -> FloatArray:  # noqa: ARG002
        """Return the larger power."""
        return np.maximum(self.of("charge_max_kw"), self.of("discharge_max_kw"))

    def violations(self, setpoints: Arrays, data: ProblemData) -> Iterator[Violation]:
        """Yield the storage that ends with another energy than it should."""
        end = self._initial_kwh
        wanted = [
            f"{d.label} should end with {kwh:.1f} kWh" for d, kwh in zip(self.devices, end, strict=True)
        ]
        yield from energy_missed(self.devices, wanted, end - setpoints["storage_kwh"][-1], data.last_period)

    def columns(self, setpoints: Arrays, row: int, period: int) -> dict[str, Any]:  # noqa: ARG002
        """Return the energy at the end of the period."""
        return {"stored_kwh": setpoints["storage_kwh"][row]}


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """The limits [MW, MWh] and efficiencies of a group of stores."""

    charge_max: Any
    discharge_max: Any
    charge_efficiency: FloatArray
    discharge_efficiency: FloatArray
    energy_min: Any
    energy_max: Any


def store(
    charge: Any,
    discharge: Any,
    energy: Any,
    before: Any,
    limits: StoreLimits,
    period_h: float,
    exchanged: Any = 0.0,
) -> Constraints:
    """Eq. 18: E_t = E_t-1 + eta_c P_ch dt - P_dis dt / eta_d within the limits of energy and power.

    Energy *exchanged* some other way comes on top: of arriving vehicles, less that of departing ones.
    """
    gained = charge @ sparse.diags_array(limits.charge_efficiency * period_h)
    spent = discharge @ sparse.diags_array(period_h / limits.discharge_efficiency)
    return [
        energy - earlier(energy, before) - exchanged - gained + spent == 0,
        energy >= rows(limits.energy_min, energy),
        energy <= rows(limits.energy_max, energy),
        charge >= 0,
        charge <= rows(limits.charge_max, charge),
        discharge >= 0,
        discharge <= rows(limits.discharge_max, discharge),
    ]


def follow_store(
    charge_kw: FloatArray,
    discharge_kw: FloatArray,
    energy_kwh: FloatArray,
    kept: FloatArray,
    efficiency: tuple[FloatArray, FloatArray],
    band_kwh: tuple[FloatArray, ...],
    period_h: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return charge, discharge and energy of a plan of which the share *kept* of the powers remains.

    All but *efficiency*, (stores,) into and out, is (periods, stores). Energy that was not stored before is missing
    later: where the plan would leave *band_kwh*, its lowest and highest energy, the powers are cut further.
    """
    into, out = period_h * efficiency[0], period_h / efficiency[1]
    charged, discharged, stored = charge_kw.copy(), discharge_kw.copy(), energy_kwh.copy()
    off_kwh = np.zeros(charge_kw.shape[1])
    for t in np.flatnonzero(np.logical_or.accumulate((kept < 1).any(axis=1))):
        before = energy_kwh[t] - into * charge_kw[t] + out * discharge_kw[t] + off_kwh
        room, held = np.maximum(band_kwh[1][t] - before, 0.0), np.maximum(before - band_kwh[0][t], 0.0)
        charged[t] = np.minimum(kept[t] * charge_kw[t], room / into)
        discharged[t] = np.minimum(kept[t] * discharge_kw[t], held / out)
        stored[t] = before + into * charged[t] - out * discharged[t]
        off_kwh = stored[t] - energy_kwh[t]
    return charged, discharged, stored
