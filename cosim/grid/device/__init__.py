"""The devices on a feeder: one file for each kind, and all devices together."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.errors import Problem, refuse, shown
from cosim.grid.device.base import Arrays, Device, Group
from cosim.grid.device.demand_response import DemandResponse
from cosim.grid.device.price_response import PriceResponse
from cosim.grid.device.renewable import Renewable
from cosim.grid.device.storage import Storage
from cosim.grid.device.turbine import Turbine
from cosim.grid.device.v2g import V2GCharger
from cosim.grid.problem import DispatchState
from cosim.grid.radial import Feeder

__all__ = [
    "DemandResponse",
    "Device",
    "Devices",
    "PriceResponse",
    "Renewable",
    "Storage",
    "Turbine",
    "V2GCharger",
]

D = TypeVar("D", bound=Device)
NO_DEVICE = (
    "{} is no device; give devices one by one: Devices(Turbine(...), Storage(...)), or Devices(*devices)"
)


class Devices:
    """All devices of one feeder: ``Devices(Turbine(...), Storage(...))``.

    Kinds come in the order in which they are first given, devices of a kind in theirs: so are the columns of results.
    """

    def __init__(self, *devices: Device) -> None:
        """Take the devices; ConfigError for what is none."""
        refuse("Devices", [NO_DEVICE.format(shown(d)) for d in devices if not hasattr(d, "group")])
        self.all = devices

    def __repr__(self) -> str:
        """Return the names of the devices."""
        return f"<Devices: {', '.join(str(device.label) for device in self.all) or 'none'}>"

    @cached_property
    def groups(self) -> tuple[Group[Any], ...]:
        """The devices kind by kind."""
        kinds: dict[type[Device], list[Device]] = {}
        for device in self.all:
            kinds.setdefault(type(device), []).append(device)
        return tuple(kind.group(tuple(devices)) for kind, devices in kinds.items())

    @property
    def loads_last(self) -> tuple[Group[Any], ...]:
        """The groups in the order of tables: what feeds or stores, then loads."""
        return tuple(sorted(self.groups, key=lambda group: group.is_load))

    def of(self, kind: type[D]) -> tuple[D, ...]:
        """Return the devices of one kind."""
        return tuple(device for device in self.all if isinstance(device, kind))

    def without(self, *kinds: type[Device]) -> "Devices":
        """Return the devices but those of some kinds."""
        return Devices(*(device for device in self.all if not isinstance(device, kinds)))

    def initial_state(self) -> DispatchState:
        """Return the state the devices start a day with."""
        return {name: values for group in self.groups for name, values in group.initial_state().items()}

    def check(self, feeder: Feeder) -> None:
        """Raise a ``ConfigError`` with every fault of the devices on *feeder*."""
        problems = [p.within(*d.label) for d in self.all if (p := feeder.bus_problem(d.bus))]
        problems += [problem for group in self.groups for problem in group.problems()]
        named = (device.name for device in self.all if not isinstance(device, DemandResponse))
        repeated = [name for name, count in Counter(named).items() if count > 1]
        problems += [
            Problem(f"the name {name!r} is given to several devices; names must differ", value=name)
            for name in repeated
        ]
        refuse(f"devices of {feeder.name}", problems)

    def profile_problems(self, last_period: int) -> list[str]:
        """Return a sentence for each device whose profiles end before *last_period*."""
        short = ((d, name) for d in self.all for name in d.profiles if len(getattr(d, name)) < last_period)
        return [
            f"{d.label}: {name} has {len(getattr(d, name))} periods, the horizon ends with {last_period}."
            for d, name in short
        ]

    def store_powers_kw(self, setpoints: Arrays) -> tuple[FloatArray, FloatArray]:
        """Return what goes into and out of all stores, group by group: (periods, stores) each."""
        powers = [group.powers_of_store(setpoints) for group in self.groups if group.store]
        none = np.zeros((len(next(iter(setpoints.values()), ())), 0))
        into, out = (np.hstack([none, *(power[end] for power in powers)]) for end in (0, 1))
        return into, out

    @property
    def stores(self) -> Sequence[Device]:
        """The devices that store energy, in the order of `store_powers_kw`."""
        return [device for group in self.groups if group.store for device in group.devices]

    def signs(self, setpoints: Arrays) -> dict[str, BoolArray]:
        """Return where stores charge more than they discharge, by kind: (periods, devices)."""
        stores = [group for group in self.groups if group.store]
        return {group.kind: np.greater_equal(*group.powers_of_store(setpoints)) for group in stores}
