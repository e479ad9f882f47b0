"""The interface of a kind of device: one file with a section, a device and a group.

The *section* is its table in a scenario file, the *device* its data and their checks, the *group* all devices of the
kind on one feeder: variables, equations, parameters, set-points, fallback, cost. A new kind is one such file, and a
line in `cosim.config.grid`. Powers are kW and kvar, energies kWh; in the equations all is per unit of 1 MVA.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import Item, Problem
from cosim.grid.builder import ModelBuilder, Parameters, Terms, at_buses
from cosim.grid.bus_words import at_bus
from cosim.grid.problem import DispatchState, ProblemData
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import Violation
from cosim.sections import Section

ROUNDING_KWH = 1e-3
"""A state this far beyond what the horizon can return is rounding of the period before: rounded back."""
POWER_NOTICED_KW = 1e-3
"""Broken limits below this are rounding; kWh of energies likewise."""
Arrays = Mapping[str, FloatArray]
"""Arrays by name, (periods, devices of the kind)."""


class Device(Protocol):
    """One device: frozen data."""

    @property
    def name(self) -> str:
        """Its name in the tables, unique on the feeder."""

    @property
    def bus(self) -> str:
        """Its bus, by name; resolved when a dispatch is built."""

    @property
    def kind(self) -> str:
        """Its kind in the tables."""

    @property
    def label(self) -> Item:
        """Name in sentences."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Its fields with one value per period of the day."""

    def problems(self) -> list[Problem]:
        """Return what is wrong with its data, without its label."""

    @classmethod
    def group(cls, devices: Any) -> "Group[Any]":
        """Return the devices of this kind on one feeder, as one."""


D = TypeVar("D", bound=Device)


class DeviceSection(Section):
    """One device in a scenario file."""

    called: ClassVar[str] = "device"
    """Name of the kind in sentences."""

    @property
    def label(self) -> str:
        """Name in sentences."""
        return f"{self.called} '{getattr(self, 'name', '')}'"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the profiles it needs; all are shares."""
        return ()

    @abstractmethod
    def device(self, profiles: Mapping[str, FloatArray]) -> Device:
        """Return the device, with its columns of *profiles*."""


class Group(ABC, Generic[D]):
    """All devices of one kind on a feeder; its arrays are (periods, devices)."""

    kind: ClassVar[str]
    nonnegative: ClassVar[tuple[str, ...]] = ()
    """Its variables that are reported, in kW or kWh, and cannot be negative."""
    signed: ClassVar[tuple[str, ...]] = ()
    """Those of either sign."""
    carried: ClassVar[tuple[str, ...]] = ()
    """Of these, what one period leaves to the next."""
    store: ClassVar[tuple[str, str] | None] = None
    """Of these, the charging and the discharging power, if it stores energy."""
    is_load: ClassVar[bool] = False
    """Loads are listed after what feeds or stores."""
    relief: ClassVar[str] = ""
    """Advice against high voltage, as the start of a sentence."""

    def __init__(self, devices: Sequence[D]) -> None:
        """Put devices of one kind together."""
        self.devices = tuple(devices)
        self.buses = tuple(device.bus for device in self.devices)

    @property
    def count(self) -> int:
        """Number of devices."""
        return len(self.buses)

    def at(self, feeder: Feeder) -> Any:
        """Return the sparse (devices, buses) matrix that puts each device on its bus."""
        return at_buses(self.buses, feeder)

    def of(self, attribute: str, scale: float = BASE_KVA) -> FloatArray:
        """Return an attribute of every device, in per unit."""
        return np.array([getattr(d, attribute) for d in self.devices], dtype=np.float64) / scale

    def in_service(self, data: ProblemData) -> FloatArray:
        """Return the share of the power of each that is in service, (periods, devices)."""
        return data.load.in_service.shares([device.name for device in self.devices], data.periods)

    def problems(self) -> list[Problem]:
        """Return what is wrong with the devices, apart from their buses."""
        return [p.within(*device.label) for device in self.devices for p in device.problems()]

    def initial_state(self) -> DispatchState:
        """Return what the group starts a day with."""
        return {}

    @abstractmethod
    def terms(self, model: ModelBuilder) -> Terms:
        """Return what the group adds to the problem."""

    def parameters(self, data: ProblemData, feeder: Feeder) -> Parameters:  # noqa: ARG002
        """Return the values of the parameters that the terms use."""
        return Parameters(by_period={})

    def read(self, variables: Arrays, data: ProblemData) -> dict[str, FloatArray]:  # noqa: ARG002
        """Return the set-points, from the solver's *variables* [p.u.]."""
        return {name: BASE_KVA * variables[name] for name in (*self.nonnegative, *self.signed)}

    def objective_cny(self, variables: Arrays, data: ProblemData) -> float:  # noqa: ARG002
        """Return what the objective holds of it besides `cost_cny`."""
        return 0.0

    @abstractmethod
    def injection(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray | float]:
        """Return active and reactive power injected [kW, kvar]."""

    @abstractmethod
    def rating_pu(self, data: ProblemData, feeder: Feeder) -> FloatArray:
        """Return the largest apparent power of each device, (devices,) or (periods, devices)."""

    def movable_kw(self, data: ProblemData) -> FloatArray | float:  # noqa: ARG002
        """Return the load that may move to any bus, (periods, 1)."""
        return 0.0

    def fallback(self, data: ProblemData) -> dict[str, FloatArray]:
        """Return the set-points where no dispatch exists: what is carried stays as it is, all else is 0."""
        shape = (data.periods, self.count)
        arrays = {name: np.zeros(shape) for name in (*self.nonnegative, *self.signed)}
        return arrays | {
            name: np.tile(np.nan_to_num(data.state[name]), (data.periods, 1)) for name in self.carried
        }

    def carried_out(
        self,
        setpoints: Arrays,
        kept: FloatArray,
        first_period: int,  # noqa: ARG002
        period_h: float,  # noqa: ARG002
    ) -> dict[str, FloatArray]:
        """Return the set-points as carried out where only the share *kept*, (periods, devices), of each remains.

        What fails takes its part of the set-point with it.
        """
        return {name: setpoints[name] * kept for name in (*self.nonnegative, *self.signed)}

    def cost_cny(self, setpoints: Arrays, period_h: float) -> float:  # noqa: ARG002
        """Return the running cost (Eq. 21)."""
        return 0.0

    def violations(self, setpoints: Arrays, data: ProblemData) -> Iterator[Violation]:  # noqa: ARG002
        """Yield the limits of the devices that an elastic dispatch breaks."""
        yield from ()

    def columns(self, setpoints: Arrays, row: int, period: int) -> dict[str, Any]:  # noqa: ARG002
        """Return what the table ``devices`` holds besides the powers, in one *row*, a *period* of the day."""
        return {}

    def powers_of_store(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray]:
        """Return the charging and the discharging power; of a kind that stores energy."""
        assert self.store is not None  # noqa: S101  (the caller asked for stores)
        charge, discharge = self.store
        return setpoints[charge], setpoints[discharge]

    def may_charge(self, data: ProblemData) -> tuple[BoolArray, BoolArray]:
        """Return where the stores may charge and where they may discharge, for the signs are fixed or open."""
        fixed = None if data.charging is None else data.charging[self.kind]
        both = np.ones((data.periods, self.count), dtype=bool)
        return (both, both) if fixed is None else (fixed, ~fixed)


def not_negative(device: Any, *labels: str) -> list[Problem]:
    """Return a problem for each field of *device* that is no number of at least 0."""
    return [
        Problem(field=label, value=number, allowed="a number, 0 or more")
        for label in labels
        if not (number := getattr(device, label)) >= 0 or not np.isfinite(number)
    ]


def rounded(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return *value* within [low, high] where it is out by no more than rounding; larger faults stay."""
    clipped = np.clip(value, low, high)
    return np.where(np.abs(clipped - value) <= ROUNDING_KWH / BASE_KVA, clipped, value)


def energy_missed(
    devices: Sequence[Device], wanted: Sequence[str], short_kwh: FloatArray, period: int
) -> Any:
    """Yield a violation for each device that ends with another energy than *wanted*, a sentence's end each."""
    for device, what, short in zip(devices, wanted, short_kwh, strict=True):
        if abs(short) > POWER_NOTICED_KW:
            yield Violation(
                period=period,
                bus=device.bus,
                kind="terminal_energy",
                amount=abs(float(short)),
                sentence=f"period {period}, {at_bus(device.bus)}: {what}; it misses that by {abs(short):.3g} kWh.",
            )
