"""State of charge of a battery under driving and charging.

All functions take scalars and arrays alike. None clips a state of charge at zero: whether an EV can make a trip is
decided in ``cosim.ev.charging``. Powers and energies of charging are on the grid side of the charger.
"""

from dataclasses import dataclass, fields

import numpy as np

from cosim.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """Battery and consumption of one type of EV; or of many EVs, with one value for each."""

    battery_kwh: FloatArray | float = 50.0
    consumption_kwh_per_km: FloatArray | float = 0.17
    charging_efficiency: FloatArray | float = 0.92

    def __post_init__(self) -> None:
        """Raise ValueError for values that no battery has."""
        efficiency = np.asarray(self.charging_efficiency)
        possible = (
            np.greater(self.battery_kwh, 0).all() and np.greater_equal(self.consumption_kwh_per_km, 0).all()
        )
        if not (possible and ((efficiency > 0) & (efficiency <= 1)).all()):
            msg = f"{self}: capacity must be positive, consumption not negative, efficiency in (0, 1]"
            raise ValueError(msg)

    def select(self, ev: IntArray | np.int64) -> "Battery":
        """Return the batteries of the EVs with these indices; itself where all have the same."""
        if np.ndim(self.battery_kwh) == 0:
            return self
        return Battery(**{field.name: np.asarray(getattr(self, field.name))[ev] for field in fields(self)})

    def trip_kwh(self, length_km: FloatArray | float) -> FloatArray:
        """Return the energy a trip takes from the battery [kWh]."""
        return np.multiply(length_km, self.consumption_kwh_per_km)

    def soc_after_driving(self, soc: FloatArray | float, energy_kwh: FloatArray | float) -> FloatArray:
        """Return the state of charge after *energy_kwh* of driving; below 0 if the battery lacks it."""
        return np.subtract(soc, np.divide(energy_kwh, self.battery_kwh))

    def charging_kwh(self, soc: FloatArray | float, soc_target: FloatArray | float) -> FloatArray:
        """Return the grid-side energy from *soc* to *soc_target* [kWh]; zero if the target is not above *soc*."""
        soc_gain: FloatArray = np.maximum(np.subtract(soc_target, soc), 0.0)
        return soc_gain * self.battery_kwh / self.charging_efficiency

    def soc_after_charging(
        self, soc: FloatArray | float, power_kw: FloatArray | float, duration_h: FloatArray | float
    ) -> FloatArray:
        """Return the state of charge after *duration_h* at *power_kw*; 1 once the battery is full."""
        gain = np.multiply(power_kw, duration_h) * self.charging_efficiency / self.battery_kwh
        return np.minimum(np.add(soc, gain), 1.0)
