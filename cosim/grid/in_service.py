"""What of a feeder is in service, period by period: its network, who is supplied, the share of each device's power."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cosim.arrays import FloatArray

if TYPE_CHECKING:
    from cosim.grid.radial import Feeder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InService:
    """What is in service in each period of a horizon, as the mean over the period."""

    power: Mapping[str, FloatArray] = field(default_factory=dict)
    """Share of a device's power, (periods,), by the name of the device; all of one that is not listed."""
    networks: tuple["Feeder | None", ...] = ()
    """The network of each period where it is not the feeder itself; empty: it is, in all periods."""
    supplied: FloatArray | None = None
    """Share of each period in which each bus is supplied, (periods, buses); None: all buses, always."""

    def shares(self, names: Sequence[str], periods: int) -> FloatArray:
        """Return the share of the power of each device, (periods, devices)."""
        shares = np.ones((periods, len(names)))
        for column, name in enumerate(names):
            if name in self.power:
                shares[:, column] = self.power[name]
        return shares

    def between(self, start: int, stop: int) -> "InService":
        """Return what is in service in the periods from *start* up to *stop*, counted from 0."""
        return InService(
            power={name: share[start:stop] for name, share in self.power.items()},
            networks=self.networks[start:stop],
            supplied=None if self.supplied is None else self.supplied[start:stop],
        )

    def supplied_at(self, shape: tuple[int, ...]) -> FloatArray:
        """Return the share of each period in which each bus is supplied, (periods, buses) = *shape*."""
        return np.ones(shape) if self.supplied is None else self.supplied

    def network(self, row: int, feeder: "Feeder") -> "Feeder":
        """Return the network in a period, counted from 0: *feeder* itself, or what stands in for it."""
        return (self.networks[row] if self.networks else None) or feeder

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
        networks = self.networks + later.networks
        if self.supplied is None or later.supplied is None:
            return InService(power=both, networks=networks)
        return InService(
            power=both, networks=networks, supplied=np.concatenate([self.supplied, later.supplied])
        )


ALL_IN_SERVICE = InService()
"""Every device with all its power."""
