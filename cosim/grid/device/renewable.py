"""Photovoltaic and wind power: Eq. 19, corrected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from cosim.arguments import Numbers, checked
from cosim.arrays import FloatArray
from cosim.errors import Item, Problem
from cosim.grid.builder import Constraints, ModelBuilder, Parameters, Terms
from cosim.grid.bus_words import at_bus
from cosim.grid.device.base import POWER_NOTICED_KW, Arrays, DeviceSection, Group, not_negative
from cosim.grid.problem import ProblemData
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import Violation
from cosim.sections import Name, Place, PowerKw
from cosim.short_repr import short_repr


class RenewableConfig(DeviceSection):
    """``[[grid.renewables]]``: photovoltaic or wind power (Eq. 19, corrected)."""

    called: ClassVar[str] = "renewable"
    name: Name
    """Unique name."""
    kind: Literal["pv", "wind"]
    """Photovoltaic or wind power."""
    bus: Place
    """Bus of the feeder."""
    s_kva: PowerKw
    """Converter rating [kVA]."""
    profile: Name
    """Column of the profiles: available power per rating."""
    q_capability: Literal["disk", "available", "none"] = "disk"
    """P^2 + Q^2 <= S^2, or |Q| <= sqrt(S^2 - P_available^2), or Q = 0."""
    q_absorption: bool = True
    """Whether reactive power may be absorbed as well as supplied."""
    curtailable: bool = True
    """Whether less than the available power may be fed in."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of its profile."""
        return (self.profile,)

    def device(self, profiles: Mapping[str, FloatArray]) -> "Renewable":
        """Return the device with its profile."""
        return Renewable(profile_pu=profiles[self.profile], **self.model_dump(exclude={"profile"}))


@short_repr
@checked
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Renewable:
    """A PV or wind plant (Eq. 19, corrected) whose available power is ``p_rated * profile_pu * s_kva``."""

    profiles: ClassVar[tuple[str, ...]] = ("profile_pu",)
    name: str
    bus: str
    kind: Literal["pv", "wind"]
    s_kva: float = 1000.0
    profile_pu: Numbers
    """One value per period of the day."""
    p_rated: float = 1.0
    """Rated active power as a share of the apparent power."""
    q_capability: Literal["disk", "available", "none"] = "disk"
    """``disk``: P^2 + Q^2 <= S^2; ``available``: |Q| <= sqrt(S^2 - P_available^2); ``none``: Q = 0."""
    q_absorption: bool = True
    curtailable: bool = True

    @property
    def label(self) -> Item:
        """Name in sentences."""
        return Item(self.kind, self.name)

    @property
    def available_kw(self) -> FloatArray:
        """Power the sun or the wind offers in each period of the day."""
        return self.p_rated * self.s_kva * np.asarray(self.profile_pu, dtype=np.float64)

    def problems(self) -> list[Problem]:
        """Return what is wrong with its data."""
        problems = not_negative(self, "s_kva", "p_rated")
        profile = np.asarray(self.profile_pu, dtype=np.float64)
        if profile.ndim != 1 or not np.isfinite(profile).all() or (profile < 0).any():
            problems.append(Problem("profile_pu must be one finite number >= 0 per period"))
        elif (self.p_rated * profile > 1).any():
            period = int(np.argmax(profile)) + 1
            problems.append(Problem(f"p_rated * profile_pu is above 1 in period {period}"))
        return problems

    @classmethod
    def group(cls, devices: Any) -> "Renewables":
        """Return the plants of a feeder."""
        return Renewables(devices)


class Renewables(Group[Renewable]):
    """The photovoltaic and wind power of a feeder."""

    kind = "renewable"
    nonnegative = ("renewable_kw",)
    signed = ("renewable_kvar",)
    relief = "Allow curtailment or q absorption"

    def available_kw(self, data: ProblemData) -> FloatArray:
        """Return the power each offers: as the load data say, else by its profile; of what is in service."""
        if data.load.renewable_kw is None:
            offered = np.stack([d.available_kw[data.of_day] for d in self.devices], axis=1)
        else:
            offered = np.minimum(data.load.renewable_kw, self.of("s_kva", 1.0))
        return offered * self.in_service(data)

    def terms(self, model: ModelBuilder) -> Terms:
        """Eq. 19 with the chosen reactive capability."""
        count, on = self.count, self.at(model.feeder)
        p, q = model.variable("renewable_kw", count), model.variable("renewable_kvar", count)
        off: Any = 0.0
        if model.elastic:
            off = model.slack("renewable_off", count, model.energy_price("renewable_cny_per_kwh"))
        available, must_take = model.parameter("available", count), model.parameter("must_take", count)
        rules = renewable_power(p, available, must_take, off)
        range_of_q = ("q_min", "q_max") if model.elastic else ("q_min_strict", "q_max_strict")
        rules += reactive_range(q, *(model.parameter(name, count) for name in range_of_q))
        rules += [off >= 0] if model.elastic else []
        free = [d.curtailable or model.elastic is not None for d in self.devices]
        if disks := [i for i, d in enumerate(self.devices) if d.q_capability == "disk" and free[i]]:
            rating = model.parameter("disk_s", count)[:, disks]
            rules += reactive_disk(p[:, disks], q[:, disks], rating)
        return Terms(p @ on, q @ on, 0.0, rules)

    def parameters(self, data: ProblemData, feeder: Feeder) -> Parameters:  # noqa: ARG002
        """Return the power available, the part that must be taken, and the limits of reactive power.

        Where P is fixed, strict limits are those that the disk leaves at it: at full power the disk is but a point.
        """
        there = self.in_service(data)
        available, s = self.available_kw(data) / BASE_KVA, self.of("s_kva") * there
        left = np.sqrt(np.maximum(s**2 - available**2, 0.0))
        high = np.where([d.q_capability == "available" for d in self.devices], left, s)
        high = np.where([d.q_capability == "none" for d in self.devices], 0.0, high)
        strict = np.where([d.curtailable for d in self.devices], high, np.minimum(high, left))
        absorbs = [d.q_absorption for d in self.devices]
        return Parameters(
            by_period={
                "available": available,
                "must_take": np.where([d.curtailable for d in self.devices], 0.0, available),
                "q_max": high,
                "q_min": np.where(absorbs, -high, 0.0),
                "q_max_strict": strict,
                "q_min_strict": np.where(absorbs, -strict, 0.0),
                # a disk that is but a point leaves a solver no room: there, the other limits say 0
                "disk_s": np.where(there > 0, s, self.of("s_kva")),
            }
        )

    def read(self, variables: Arrays, data: ProblemData) -> dict[str, FloatArray]:
        """Return the set-points, and the power that was available."""
        return super().read(variables, data) | {"renewable_available_kw": self.available_kw(data)}

    def carried_out(
        self, setpoints: Arrays, kept: FloatArray, first_period: int, period_h: float
    ) -> dict[str, FloatArray]:
        """Return the part of the set-points, and of what was available, that remains."""
        own = super().carried_out(setpoints, kept, first_period, period_h)
        return own | {"renewable_available_kw": setpoints["renewable_available_kw"] * kept}

    def injection(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray | float]:
        """Return active and reactive power injected."""
        return setpoints["renewable_kw"], setpoints["renewable_kvar"]

    def rating_pu(self, data: ProblemData, feeder: Feeder) -> FloatArray:  # noqa: ARG002
        """Return the rating of the inverters."""
        return self.of("s_kva")

    def fallback(self, data: ProblemData) -> dict[str, FloatArray]:
        """Return all that is available, at unity power factor."""
        available_kw = self.available_kw(data)
        return super().fallback(data) | {
            "renewable_kw": available_kw,
            "renewable_available_kw": available_kw,
        }

    def violations(self, setpoints: Arrays, data: ProblemData) -> Iterator[Violation]:
        """Yield the power that is switched off though it is not curtailable."""
        off = self.available_kw(data) - setpoints["renewable_kw"]
        off[:, [d.curtailable for d in self.devices]] = 0.0
        for t, i in np.argwhere(off > POWER_NOTICED_KW):
            device, period, amount = self.devices[i], data.horizon.first_period + int(t), float(off[t, i])
            sentence = (
                f"period {period}, {at_bus(device.bus)}: {amount:.1f} kW of {device.label} must be "
                "switched off, though it is not curtailable. Allow export, or set curtailable."
            )
            yield Violation(
                period=period, bus=device.bus, kind="renewable_off", amount=amount, sentence=sentence
            )

    def columns(self, setpoints: Arrays, row: int, period: int) -> dict[str, Any]:  # noqa: ARG002
        """Return what the sun or the wind would give to what is in service."""
        return {"available_kw": setpoints["renewable_available_kw"][row]}


def renewable_power(p: Any, available: Any, must_take: Any, forced_off: Any) -> Constraints:
    """Eq. 19: 0 <= P <= available; what must not be curtailed is taken, all but what is *forced_off*."""
    return [p >= 0, p <= available, p >= must_take - forced_off]


def reactive_disk(p: Any, q: Any, s: Any) -> Constraints:
    """Eq. 19, corrected: P^2 + Q^2 <= S^2 of each inverter and period."""
    import cvxpy as cp

    rating, p, q = (cp.vec(part, order="C") for part in (s, p, q))
    return [cp.SOC(rating, cp.vstack([p, q]), axis=0)]


def reactive_range(q: Any, low: Any, high: Any) -> Constraints:
    """Bounds on the reactive power of each inverter and period."""
    return [q >= low, q <= high]
