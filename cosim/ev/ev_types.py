"""Types of EVs: battery, charging powers and access to chargers, as one value per EV."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from cosim.arrays import FloatArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour

TypeArray = NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvType:
    """Type of EV: battery, charging powers, and shares of drivers with a charger at home and at work."""

    name: str = "EV"
    share: float = 1.0
    """Share of all EVs; the shares of several types are scaled to sum to 1."""
    battery: Battery = field(default_factory=Battery)
    slow_charger_kw: float = 7.0
    """Power of slow charging on the grid side [kW]."""
    fast_kw: float = inf
    """Power limit of fast charging on the grid side [kW]."""
    home_charger_share: float = 0.5
    work_charger_share: float = 0.2


def draw_types(types: Sequence[EvType], uniform: FloatArray) -> TypeArray:
    """Return the index of the type of each EV; all 0 for at most one type."""
    if len(types) <= 1:
        return np.zeros(uniform.size, dtype=np.int8)
    cumulative = np.cumsum([kind.share for kind in types])
    return np.searchsorted(cumulative[:-1] / cumulative[-1], uniform, side="right").astype(np.int8)


def batteries(types: Sequence[EvType], ev_type: TypeArray) -> Battery:
    """Return the batteries of all EVs: fields with one value per EV, or numbers for one type."""
    if len(types) == 1:
        return types[0].battery
    columns = {
        column.name: np.array([getattr(kind.battery, column.name) for kind in types])
        for column in fields(Battery)
    }
    return Battery(**columns).select(ev_type.astype(np.int64))


def behaviours(
    types: Sequence[EvType], ev_type: TypeArray, behaviour: ChargingBehaviour
) -> ChargingBehaviour:
    """Return *behaviour* with the slow charging power of each EV's type."""
    slow_charger_kw = np.array([kind.slow_charger_kw for kind in types])
    return replace(
        behaviour, slow_charger_kw=float(slow_charger_kw[0]) if len(types) == 1 else slow_charger_kw[ev_type]
    )


def fast_charging_kw(types: Sequence[EvType], ev_type: TypeArray, charger_kw: float) -> FloatArray:
    """Return the power of each EV at a fast charger of *charger_kw*, on the grid side [kW]."""
    limits: FloatArray = np.minimum([kind.fast_kw for kind in types], charger_kw)[ev_type]
    return limits
