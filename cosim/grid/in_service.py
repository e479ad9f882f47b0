"""What of a feeder is in service, period by period: the share of each device's power."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cosim.arrays import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InService:
    """What is in service in each period of a horizon, as the mean over the period."""

    power: Mapping[str, FloatArray] = field(default_factory=dict)
    """Share of a device's power, (periods,), by the name of the device; all of one that is not listed."""

    def shares(self, names: Sequence[str], periods: int) -> FloatArray:
        """Return the share of the power of each device, (periods, devices)."""
        shares = np.ones((periods, len(names)))
        for column, name in enumerate(names):
            if name in self.power:
                shares[:, column] = self.power[name]
        return shares

    def between(self, start: int, stop: int) -> "InService":
        """Return what is in service in the periods from *start* up to *stop*, counted from 0."""
        return InService(power={name: share[start:stop] for name, share in self.power.items()})

    def relative_to(self, expected: "InService") -> "InService":
        """Return the share that remains of what was *expected* in the same periods; all where there is as much."""
        remain = {}
        for name, share in self.power.items():
            planned = expected.power.get(name, np.ones_like(share))
            less = share < planned
            remain[name] = np.divide(share, planned, out=np.ones_like(share), where=less)
        return InService(power=remain)

    def followed_by(self, later: "InService") -> "InService":
        """Return what is in service in one horizon after the other; both list the same devices."""
        both = {name: np.concatenate([share, later.power[name]]) for name, share in self.power.items()}
        return InService(power=both)


ALL_IN_SERVICE = InService()
"""Every device with all its power."""
