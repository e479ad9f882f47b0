"""The distribution of the Markov model with batteries: a chain over parking place and binned state of charge.

Charging depends on the state of charge, so the chain of ``cosim.ev.exact`` gets a second coordinate: the state of
charge in steps of 0.5 %. A value between two bins is shared by them so that the mean is kept. Apart from the bins
there is one approximation: the part of a slot that a plugged EV charges before its departure, or after its arrival,
is taken as uniform.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from cosim.arrays import FloatArray
from cosim.ev.battery import Battery
from cosim.ev.charging import ChargingBehaviour, drive, fast_charge_probability, wants_fast_charge
from cosim.ev.distributions import quadrature
from cosim.ev.ev_types import EvType
from cosim.ev.markov import SLOT_S, SLOTS, MarkovModel
from cosim.ev.occupancy import BOUNDARIES
from cosim.ev.transitions import HOME, WORK

N_SOC_BINS = 201
N_LENGTHS = 600
"""Trip lengths in the integral over their distribution."""
N_SLOT_PARTS = 20
"""Parts of a slot in the integral over the time charged in it."""
NOT_PLUGGED, PLUGGED = 0, 1
SOC = np.linspace(0.0, 1.0, N_SOC_BINS)
"""State of charge of each bin."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingDay:
    """Shares of all EVs, by boundary or slot of one day."""

    slow: FloatArray
    """(97 boundaries, 2): charging slowly at home and at work."""
    fast: FloatArray
    """(97 boundaries,): at a fast charger."""
    departures_per_ev: FloatArray
    """(96 slots,): departures."""
    sessions_per_ev: FloatArray
    """(96 slots,): fast charges, by the slot in which the trip starts."""
    soc: FloatArray
    """(bins,): parked EVs at the end of the day, by state of charge."""


class ChargerClasses(NamedTuple):
    """EVs by access to slow chargers: none, at work, at home, at both; (4,) each."""

    share: FloatArray
    at_home: FloatArray
    """1 with a charger at home, else 0."""
    at_work: FloatArray


class SlowCharging(NamedTuple):
    """Transition matrices of slow charging, (bins from, bins to)."""

    whole_slot: FloatArray
    part_of_slot: FloatArray
    """For a part of the slot that is uniform in [0, 1]."""


class TripOutcomes(NamedTuple):
    """Outcomes of a trip by the bin at departure."""

    arrival: csr_array
    """(crossings * bins, bins): distribution over crossed boundaries and the bin on arrival."""
    at_charger: FloatArray
    """(bins, boundaries): probability to be at a fast charger at the boundaries after the departure."""
    fast_charge: FloatArray
    """(bins,): probability of a fast charge."""


@dataclass(frozen=True, eq=False)
class SocChain:
    """Steps of the chain for one type of EV."""

    model: MarkovModel
    kind: EvType
    behaviour: ChargingBehaviour
    charger_kw: float

    @cached_property
    def classes(self) -> ChargerClasses:
        """Shares of EVs by access to slow chargers."""
        home, work = self.kind.home_charger_share, self.kind.work_charger_share
        share = np.array([(1 - home) * (1 - work), (1 - home) * work, home * (1 - work), home * work])
        return ChargerClasses(share, np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0]))

    @cached_property
    def slow_charging(self) -> SlowCharging:
        """Transition matrices of a slot of slow charging."""
        battery, slot_h = self.kind.battery, SLOT_S / 3600
        parts = (np.arange(N_SLOT_PARTS) + 0.5) / N_SLOT_PARTS
        whole_slot, *partial = (
            _transition(battery.soc_after_charging(SOC, self.kind.slow_charger_kw, part * slot_h))
            for part in (1.0, *parts)
        )
        return SlowCharging(whole_slot, np.mean(partial, axis=0))

    @cached_property
    def trips(self) -> TripOutcomes:
        """Outcomes of a trip over the distribution of lengths."""
        uniform, weight = quadrature(N_LENGTHS)
        length_km = self.model.length_km.quantile(uniform)
        slots = self.model.trip_s(length_km) / SLOT_S
        kwh, soc = self.kind.battery.trip_kwh(length_km)[:, np.newaxis], SOC[np.newaxis, :]
        probability = self._fast_charge_probability(soc, kwh)
        charging, not_charging = (
            drive(soc, kwh, fast_charge=fast_charge, battery=self.kind.battery, behaviour=self.behaviour)
            for fast_charge in (True, False)
        )
        arrival = np.zeros((int(slots.max()) + 2, N_SOC_BINS, N_SOC_BINS))
        for share, trip in ((probability, charging), (1 - probability, not_charging)):
            _add_trips(arrival, weight[:, np.newaxis] * share, trip.soc_arrival, slots)
        power_kw = min(self.charger_kw, self.kind.fast_kw)
        plug = self.behaviour.charging_stop * slots[:, np.newaxis]
        unplug = plug + charging.session_kwh / power_kw * 3600 / SLOT_S
        at_charger = [
            weight @ (probability * (np.clip(slot - plug, 0, 1) - np.clip(slot - unplug, 0, 1)))
            for slot in np.arange(1, int(unplug.max()) + 3)
        ]
        arrivals = csr_array(arrival.reshape(-1, N_SOC_BINS))
        return TripOutcomes(arrivals, np.array(at_charger).T, weight @ probability)

    def _fast_charge_probability(self, soc: FloatArray, kwh: FloatArray) -> FloatArray:
        """Return the probability to fast-charge: 1 where a draw of 1 charges, 0 where a draw of 0 does not."""
        can_charge, must_charge = (
            wants_fast_charge(soc, kwh, draw, battery=self.kind.battery, behaviour=self.behaviour)
            for draw in (0.0, 1.0)
        )
        probability = fast_charge_probability(soc, self.behaviour)
        return np.where(must_charge, 1.0, np.where(can_charge, probability, 0.0))


def _transition(soc: FloatArray) -> FloatArray:
    """Return the matrix that moves each bin to its value of *soc*, (bins from, bins to)."""
    matrix = np.zeros((soc.size, N_SOC_BINS))
    lower, upper_share = _bin(soc)
    rows = np.arange(soc.size)
    matrix[rows, lower] += 1 - upper_share
    matrix[rows, np.minimum(lower + 1, N_SOC_BINS - 1)] += upper_share
    return matrix


def _bin(soc: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """Return the bin below and the share of the bin above; only a full battery is in the last bin."""
    position = np.clip(soc, 0.0, 1.0) * (N_SOC_BINS - 1)
    lower = np.floor(position).astype(np.int64)
    upper_share = np.where(lower == N_SOC_BINS - 2, 0.0, position - lower)
    return lower, upper_share


def _add_trips(arrival: FloatArray, mass: FloatArray, soc: FloatArray, slots: FloatArray) -> None:
    """Add the *mass* of trips, (lengths, bins), by the boundaries they cross and the bin of *soc* on arrival."""
    lower, upper_share = _bin(soc)
    crossed = np.floor(slots).astype(np.int64)[:, np.newaxis]
    one_more = (slots - np.floor(slots))[:, np.newaxis]
    start = np.broadcast_to(np.arange(N_SOC_BINS), mass.shape)
    for crossings, probability in ((crossed, 1 - one_more), (crossed + 1, one_more)):
        for end, share in ((lower, 1 - upper_share), (np.minimum(lower + 1, N_SOC_BINS - 1), upper_share)):
            cell = np.ravel_multi_index((np.broadcast_to(crossings, mass.shape), end, start), arrival.shape)
            weights = (mass * probability * share).ravel()
            arrival += np.bincount(cell.ravel(), weights, arrival.size).reshape(arrival.shape)


@dataclass(slots=True)
class _Fleet:
    """Distribution of the EVs of one type."""

    parked: FloatArray
    """(charger classes, activities, plugged or not, bins)."""
    not_travelling: FloatArray
    """(charger classes, plugged or not, bins): at home all day."""
    driving: FloatArray
    """(boundaries still to cross, charger classes, activities, bins)."""
    at_fast_charger: FloatArray
    """(boundaries to come,): at fast chargers."""


def charging_days(
    model: MarkovModel,
    kind: EvType,
    behaviour: ChargingBehaviour,
    charger_kw: float = 60.0,
    days: int = 1,
    *,
    plugged: bool = False,
) -> list[ChargingDay]:
    """Return day after day of EVs of one type that begin at home with the initial state of charge.

    By default that is the state of charge of the first departure, as in the single-day estimate; with *plugged* that
    of the first day boundary, as where the state is carried over. The days are periodic after about eight.
    """
    chain = SocChain(model, kind, behaviour, charger_kw)
    fleet = _initial_fleet(chain, plugged=plugged)
    charging = []
    for _ in range(days):
        charging.append(_day(chain, fleet))
        _begin_next_day(chain, fleet)
    return charging


def _initial_fleet(chain: SocChain, *, plugged: bool) -> _Fleet:
    uniform, weight = quadrature(4 * N_SOC_BINS)
    first = weight @ _transition(chain.model.soc_first.quantile(uniform))
    classes, trips = chain.classes, chain.trips
    plugs = plugged * classes.at_home[:, np.newaxis] * (chain.behaviour.soc_plug_at_home > SOC)
    at_home = np.stack([1 - plugs, plugs], axis=1) * (classes.share[:, np.newaxis] * first)[:, np.newaxis]
    parked = np.zeros((4, 4, 2, N_SOC_BINS))
    parked[:, HOME] = at_home * chain.model.travel_share
    return _Fleet(
        parked=parked,
        not_travelling=at_home * (1 - chain.model.travel_share),
        driving=np.zeros((trips.arrival.shape[0] // N_SOC_BINS + 1, 4, 4, N_SOC_BINS)),
        at_fast_charger=np.zeros(trips.at_charger.shape[1] + 1),
    )


def _day(chain: SocChain, fleet: _Fleet) -> ChargingDay:
    """Advance the fleet by one day, slot by slot, and return the charging of the day."""
    slow, fast = np.zeros((BOUNDARIES, 2)), np.zeros(BOUNDARIES)
    departures, sessions = np.zeros(SLOTS), np.zeros(SLOTS)
    for slot in range(BOUNDARIES):
        charging = fleet.parked[:, :, PLUGGED, :-1].sum(axis=(0, 2))
        slow[slot] = charging[HOME] + fleet.not_travelling[:, PLUGGED, :-1].sum(), charging[WORK]
        fast[slot] = fleet.at_fast_charger[0]
        if slot < SLOTS:
            departing = _step(chain, fleet, slot)
            departures[slot], sessions[slot] = departing.sum(), departing @ chain.trips.fast_charge
    soc = fleet.parked.sum(axis=(0, 1, 2)) + fleet.not_travelling.sum(axis=(0, 1))
    return ChargingDay(slow=slow, fast=fast, departures_per_ev=departures, sessions_per_ev=sessions, soc=soc)


def _step(chain: SocChain, fleet: _Fleet, slot: int) -> FloatArray:
    """Advance the fleet by one slot and return the departing EVs, (bins,)."""
    slow_charging, trips, table = chain.slow_charging, chain.trips, chain.model.departure[slot]
    leaving = np.einsum("cfs,ft->cts", fleet.parked[:, :, NOT_PLUGGED], table)
    leaving += np.einsum("cfs,ft->cts", fleet.parked[:, :, PLUGGED], table) @ slow_charging.part_of_slot
    fleet.parked *= (1 - table.sum(axis=1))[:, np.newaxis, np.newaxis]
    fleet.parked[:, :, PLUGGED] = fleet.parked[:, :, PLUGGED] @ slow_charging.whole_slot
    fleet.not_travelling[:, PLUGGED] = fleet.not_travelling[:, PLUGGED] @ slow_charging.whole_slot
    arriving = (trips.arrival @ leaving.reshape(-1, N_SOC_BINS).T).reshape(-1, N_SOC_BINS, 4, 4)
    fleet.driving[: len(arriving)] += arriving.transpose(0, 2, 3, 1)
    departing: FloatArray = leaving.sum(axis=(0, 1))
    fleet.at_fast_charger[1:] += departing @ trips.at_charger
    _arrive(chain, fleet, fleet.driving[0])
    fleet.driving = np.roll(fleet.driving, -1, axis=0)
    fleet.at_fast_charger = np.roll(fleet.at_fast_charger, -1)
    fleet.driving[-1], fleet.at_fast_charger[-1] = 0.0, 0.0
    return departing


def _arrive(chain: SocChain, fleet: _Fleet, arriving: FloatArray) -> None:
    """Park EVs, (charger classes, activities, bins), plugged in where they have a charger and need it."""
    classes = chain.classes
    plugs = np.zeros_like(arriving)
    plugs[:, HOME] = classes.at_home[:, np.newaxis] * (chain.behaviour.soc_plug_at_home > SOC)
    plugs[:, WORK] = classes.at_work[:, np.newaxis]
    fleet.parked[:, :, NOT_PLUGGED] += arriving * (1 - plugs)
    fleet.parked[:, :, PLUGGED] += (arriving * plugs) @ chain.slow_charging.part_of_slot


def _begin_next_day(chain: SocChain, fleet: _Fleet) -> None:
    """Divide the EVs at home anew into those that travel on the next day and those that do not."""
    at_home = fleet.parked[:, HOME] + fleet.not_travelling
    fleet.parked[:, HOME] = at_home * chain.model.travel_share
    fleet.not_travelling = at_home * (1 - chain.model.travel_share)


def single_ev_type(model: MarkovModel, battery: Battery, behaviour: ChargingBehaviour) -> EvType:
    """Return the EV type of a model without types."""
    return EvType(
        battery=battery,
        slow_charger_kw=float(np.max(behaviour.slow_charger_kw)),
        home_charger_share=model.home_charger_share,
        work_charger_share=model.work_charger_share,
    )
