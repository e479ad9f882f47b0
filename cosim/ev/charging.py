"""When a driver charges: the decisions, as kernels over arrays that take scalars too.

``decide_charging`` is the whole decision of EVs that leave: of one EV among the agents, of all at once in the estimate
of the charging demand. No value of an EV depends on those of the others, so both decide alike to the last bit.
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.transitions import HOME, WORK, ActivityArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingBehaviour:
    """What makes a driver charge, fast on the way or slowly while parked."""

    soc_fast_charge: float = 0.30
    """State of charge at which a driver fast-charges on every second trip."""
    soc_fast_charge_width: float = 0.05
    price_sensitivity: float = 0.0
    """Weight k of the relative price; 0: drivers ignore the price when they decide whether to charge."""
    soc_reserve: float = 0.10
    """A trip that would end below this forces a fast charge."""
    soc_target: float = 0.80
    charge_point: float = 0.5
    """Share of the trip's energy used up when the charger is reached."""
    slow_charger_kw: FloatArray | float = 7.0
    """One power, or that of each EV [kW]."""
    soc_plug_at_home: float = 0.70
    """At home; at work every driver who has a charger plugs in."""

    def __post_init__(self) -> None:
        """Refuse shares outside [0, 1] and a spread or power that is not positive."""
        levels = (self.soc_fast_charge, self.soc_reserve, self.soc_target, self.soc_plug_at_home)
        if not all(0 <= share <= 1 for share in (*levels, self.charge_point)):
            msg = f"{self}: states of charge and the charge point must be in [0, 1]"
            raise ValueError(msg)
        if self.soc_fast_charge_width <= 0 or np.less(self.slow_charger_kw, 0).any():
            msg = f"{self}: the spread must be positive and the power not negative"
            raise ValueError(msg)

    def select(self, ev: IntArray | np.int64) -> "ChargingBehaviour":
        """Return the behaviour of the EVs in the rows *ev*; itself where all have the same."""
        return (
            self
            if np.ndim(self.slow_charger_kw) == 0
            else replace(self, slow_charger_kw=np.asarray(self.slow_charger_kw)[ev])
        )


def fast_charge_probability(
    soc: FloatArray | float, behaviour: ChargingBehaviour, price_ratio: FloatArray | float = 1.0
) -> FloatArray:
    """Return 1 / (1 + exp((SOC - 0.30)/0.05 + k (price / mean price - 1))), before any trip forces a charge."""
    reluctance = (soc - behaviour.soc_fast_charge) / behaviour.soc_fast_charge_width
    reluctance = reluctance + behaviour.price_sensitivity * (price_ratio - 1.0)
    probability: FloatArray = 1.0 / (1.0 + np.exp(np.minimum(reluctance, 700.0)))  # exp(710) overflows
    return probability


def wants_fast_charge(
    soc: FloatArray | float,
    trip_kwh: FloatArray | float,
    uniform: FloatArray | float,
    *,
    battery: Battery,
    behaviour: ChargingBehaviour,
    price_ratio: FloatArray | float = 1.0,
) -> BoolArray:
    """Return whether a driver fast-charges on the trip about to start: by chance, or forced by its end.

    Never where the battery still holds the target when the charge point is reached: nothing could be charged.
    """
    by_chance = np.less(uniform, fast_charge_probability(soc, behaviour, price_ratio))
    forced = battery.soc_after_driving(soc, trip_kwh) < behaviour.soc_reserve
    soc_charge_point = battery.soc_after_driving(soc, behaviour.charge_point * trip_kwh)
    wants: BoolArray = (by_chance | forced) & (soc_charge_point < behaviour.soc_target)
    return wants


def plugs_in(
    activity: ActivityArray | int,
    soc: FloatArray | float,
    has_home_charger: BoolArray | bool,
    has_work_charger: BoolArray | bool,
    behaviour: ChargingBehaviour,
) -> BoolArray:
    """Return whether a parked EV charges slowly: given a charger, at home below SOC 0.7, at work always."""
    at_home = (activity == HOME) & has_home_charger & (soc < behaviour.soc_plug_at_home)
    return cast("BoolArray", at_home | ((activity == WORK) & has_work_charger))


def soc_after_parking(
    soc: FloatArray | float,
    plugged: BoolArray | bool,
    parked_h: FloatArray | float,
    battery: Battery,
    behaviour: ChargingBehaviour,
) -> FloatArray:
    """Return the state of charge when a parked EV leaves: as it came, or slowly charged, up to SOC 1."""
    return _either(plugged, battery.soc_after_charging(soc, behaviour.slow_charger_kw, parked_h), soc)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripSoc:
    """What a trip does to the battery; the arrays have the shape of the state of charge put in."""

    soc_charge_point: FloatArray
    """On reaching the charge point, before any charging."""
    soc_arrival: FloatArray
    session_kwh: FloatArray
    """Energy of the fast charge at the grid side, 0 without one."""
    stranded: BoolArray
    """Whether the EV cannot make the trip: the battery would be empty before the charge point or the end."""


def drive(
    soc: FloatArray | float,
    trip_kwh: FloatArray | float,
    fast_charge: BoolArray | bool,
    battery: Battery,
    behaviour: ChargingBehaviour,
) -> TripSoc:
    """Return the battery's course over a trip, with a charge to the target at the charge point where chosen.

    A stranded EV does not depart: its states of charge stay as they are, and it has no session.
    """
    to_charge_point = behaviour.charge_point * trip_kwh
    soc_reached = battery.soc_after_driving(soc, to_charge_point)
    soc_charged = np.maximum(soc_reached, behaviour.soc_target)
    soc_left_with = _either(fast_charge, soc_charged, soc_reached)
    soc_end = battery.soc_after_driving(soc_left_with, trip_kwh - to_charge_point)
    stranded = (soc_reached < 0) | (soc_end < 0)
    charged_kwh = battery.charging_kwh(soc_reached, behaviour.soc_target)
    return TripSoc(
        soc_charge_point=_either(stranded, soc, soc_reached),
        soc_arrival=_either(stranded, soc, soc_end),
        session_kwh=_either(fast_charge & ~stranded, charged_kwh, 0.0),
        stranded=stranded,
    )


def _either(
    condition: BoolArray | bool, then: FloatArray | float, otherwise: FloatArray | float
) -> FloatArray:
    """Return ``np.where``, which takes long for a single EV."""
    if np.ndim(condition) == 0:
        return cast("FloatArray", then if condition else otherwise)
    return np.where(condition, then, otherwise)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Departures:
    """EVs about to leave on a trip: one value for each."""

    soc: FloatArray
    """On arrival at the parking place; where it *is_drawn*, at departure."""
    soc_is_drawn: BoolArray
    """Whether the state of charge is the one drawn for the first departure of the day."""
    parked_s: IntArray
    """Duration of the stay."""
    from_activity: ActivityArray
    has_home_charger: BoolArray
    has_work_charger: BoolArray
    length_km: FloatArray
    """Of the trip."""
    charge_uniform: FloatArray
    """In [0, 1): a fast charge is chosen where it is below its probability."""
    battery: Battery
    behaviour: ChargingBehaviour


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingDecision:
    """What EVs that leave have charged while parked, and whether they fast-charge on the way: one value for each."""

    soc_departure: FloatArray
    slow_kwh: FloatArray
    """Charged while parked, on the grid side."""
    drive_kwh: FloatArray
    """What the trip takes from the battery."""
    price_ratio: FloatArray
    """Expected price over the mean price of the day."""
    charges: BoolArray
    course: TripSoc
    """The battery along the trip."""


def decide_charging(at: Departures, price_ratio: FloatArray) -> ChargingDecision:
    """Return the slow charge before a trip, the choice of a fast charge on it, and the battery along it."""
    battery, behaviour = at.battery, at.behaviour
    plugged = plugs_in(at.from_activity, at.soc, at.has_home_charger, at.has_work_charger, behaviour)
    soc = soc_after_parking(at.soc, plugged & ~at.soc_is_drawn, at.parked_s / 3600, battery, behaviour)
    drive_kwh = battery.trip_kwh(at.length_km)
    charges = wants_fast_charge(
        soc, drive_kwh, at.charge_uniform, battery=battery, behaviour=behaviour, price_ratio=price_ratio
    )
    return ChargingDecision(
        soc_departure=soc,
        slow_kwh=battery.charging_kwh(at.soc, soc),
        drive_kwh=drive_kwh,
        price_ratio=price_ratio,
        charges=charges,
        course=drive(soc, drive_kwh, charges, battery, behaviour),
    )
