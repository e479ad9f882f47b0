"""The charging decisions of drivers, as functions of arrays or scalars.

``decide_charging`` is the whole decision at departure, for one EV of the agents or for all EVs of the charging demand
estimate. No value of an EV depends on those of the others, so the results are bit-identical.
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from cosim.arrays import BoolArray, FloatArray, IntArray
from cosim.ev.battery import Battery
from cosim.ev.transitions import HOME, WORK, ActivityArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingBehaviour:
    """Parameters of the decisions to fast-charge on the way and to charge slowly while parked."""

    soc_fast_charge: float = 0.30
    """State of charge at which the probability to fast-charge is 0.5."""
    soc_fast_charge_width: float = 0.05
    """Width of the logistic curve around it."""
    price_sensitivity: float = 0.0
    """Weight k of the relative price; 0: drivers ignore the price when they decide whether to charge."""
    soc_reserve: float = 0.10
    """State of charge below which the end of a trip forces a fast charge."""
    soc_target: float = 0.80
    charging_stop: float = 0.5
    """Position of the charging stop: share of the trip's energy used up when the charger is reached."""
    slow_charger_kw: FloatArray | float = 7.0
    """One power for all EVs, or one for each [kW]."""
    soc_plug_at_home: float = 0.70
    """State of charge below which an EV is plugged in at home; at work it is if the driver has a charger."""

    def __post_init__(self) -> None:
        """Refuse shares outside [0, 1] and a spread or power that is not positive."""
        levels = (self.soc_fast_charge, self.soc_reserve, self.soc_target, self.soc_plug_at_home)
        if not all(0 <= share <= 1 for share in (*levels, self.charging_stop)):
            msg = f"{self}: states of charge and the charging stop must be in [0, 1]"
            raise ValueError(msg)
        if self.soc_fast_charge_width <= 0 or np.less(self.slow_charger_kw, 0).any():
            msg = f"{self}: the spread must be positive and the power not negative"
            raise ValueError(msg)

    def select(self, ev: IntArray | np.int64) -> "ChargingBehaviour":
        """Return the behaviour of the EVs with these indices; itself where all have the same."""
        return (
            self
            if np.ndim(self.slow_charger_kw) == 0
            else replace(self, slow_charger_kw=np.asarray(self.slow_charger_kw)[ev])
        )


def fast_charge_probability(
    soc: FloatArray | float, behaviour: ChargingBehaviour, price_ratio: FloatArray | float = 1.0
) -> FloatArray:
    """Return 1 / (1 + exp((SOC - 0.30)/0.05 + k (price / mean price - 1))), for trips that do not force a charge."""
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
    """Return whether drivers fast-charge on the trip: if *uniform* is below the probability, or the reserve forces it.

    They do not where the state of charge at the charging stop is not below the target: nothing could be charged.
    """
    is_drawn = np.less(uniform, fast_charge_probability(soc, behaviour, price_ratio))
    is_forced = battery.soc_after_driving(soc, trip_kwh) < behaviour.soc_reserve
    soc_charging_stop = battery.soc_after_driving(soc, behaviour.charging_stop * trip_kwh)
    fast_charges: BoolArray = (is_drawn | is_forced) & (soc_charging_stop < behaviour.soc_target)
    return fast_charges


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
    """Return the state of charge at the end of a stay: unchanged, or charged slowly up to 1 where *plugged*."""
    return _where(plugged, battery.soc_after_charging(soc, behaviour.slow_charger_kw, parked_h), soc)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripSoc:
    """States of charge and energy of a trip, in the shape of the state of charge put in."""

    soc_charging_stop: FloatArray
    """State of charge on reaching the charging stop, before any charging."""
    soc_arrival: FloatArray
    session_kwh: FloatArray
    """Energy of the fast charge at the grid side, 0 without one."""
    stranded: BoolArray
    """Whether the EV cannot make the trip: the battery would be empty before the charging stop or the end."""


def drive(
    soc: FloatArray | float,
    trip_kwh: FloatArray | float,
    fast_charge: BoolArray | bool,
    battery: Battery,
    behaviour: ChargingBehaviour,
) -> TripSoc:
    """Return the energy use of a trip, with a charge to the target at the charging stop where *fast_charge*.

    A stranded EV does not depart: its states of charge are unchanged, and it has no session.
    """
    to_stop_kwh = behaviour.charging_stop * trip_kwh
    soc_reached = battery.soc_after_driving(soc, to_stop_kwh)
    soc_charged = np.maximum(soc_reached, behaviour.soc_target)
    soc_onward = _where(fast_charge, soc_charged, soc_reached)
    soc_end = battery.soc_after_driving(soc_onward, trip_kwh - to_stop_kwh)
    stranded = (soc_reached < 0) | (soc_end < 0)
    charged_kwh = battery.charging_kwh(soc_reached, behaviour.soc_target)
    return TripSoc(
        soc_charging_stop=_where(stranded, soc, soc_reached),
        soc_arrival=_where(stranded, soc, soc_end),
        session_kwh=_where(fast_charge & ~stranded, charged_kwh, 0.0),
        stranded=stranded,
    )


def _where(
    condition: BoolArray | bool, then: FloatArray | float, otherwise: FloatArray | float
) -> FloatArray:
    """Return ``np.where``, but quickly for a single EV."""
    if np.ndim(condition) == 0:
        return cast("FloatArray", then if condition else otherwise)
    return np.where(condition, then, otherwise)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingInputs:
    """Inputs of the charging decision of departing EVs: one value for each."""

    soc: FloatArray
    """State of charge on arrival at the parking place, or at departure where it is drawn."""
    soc_is_drawn: BoolArray
    """Whether the state of charge is the one drawn for the first departure of the day."""
    parked_s: IntArray
    """Duration of the stay."""
    from_activity: ActivityArray
    has_home_charger: BoolArray
    has_work_charger: BoolArray
    length_km: FloatArray
    """Length of the trip."""
    charge_uniform: FloatArray
    """Uniform number in [0, 1): a fast charge is chosen where it is below the probability."""
    battery: Battery
    behaviour: ChargingBehaviour


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingDecision:
    """Slow charge before the trip, choice of a fast charge, and energy use of departing EVs: one value for each."""

    soc_departure: FloatArray
    slow_kwh: FloatArray
    """Energy charged while parked, on the grid side."""
    drive_kwh: FloatArray
    """Battery energy of the trip."""
    price_ratio: FloatArray
    """Expected price over the mean price of the day."""
    charges: BoolArray
    """Whether the EV fast-charges on the trip."""
    energy_use: TripSoc


def decide_charging(inputs: ChargingInputs, price_ratio: FloatArray) -> ChargingDecision:
    """Return the slow charge before a trip, the choice of a fast charge on it, and its energy use."""
    battery, behaviour, soc_arrival = inputs.battery, inputs.behaviour, inputs.soc
    plugged = plugs_in(
        inputs.from_activity, soc_arrival, inputs.has_home_charger, inputs.has_work_charger, behaviour
    )
    charges_slowly = plugged & ~inputs.soc_is_drawn
    soc = soc_after_parking(soc_arrival, charges_slowly, inputs.parked_s / 3600, battery, behaviour)
    drive_kwh = battery.trip_kwh(inputs.length_km)
    charges = wants_fast_charge(
        soc, drive_kwh, inputs.charge_uniform, battery=battery, behaviour=behaviour, price_ratio=price_ratio
    )
    return ChargingDecision(
        soc_departure=soc,
        slow_kwh=battery.charging_kwh(soc_arrival, soc),
        drive_kwh=drive_kwh,
        price_ratio=price_ratio,
        charges=charges,
        energy_use=drive(soc, drive_kwh, charges, battery, behaviour),
    )
