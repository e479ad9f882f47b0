"""The Markov model with batteries, without a random number: the chain over place and state of charge in bins.

Who charges depends on the state of charge, so the chain of ``cosim.ev.exact`` gets a second coordinate: the state
of charge in steps of half a per cent. A value between two bins is shared by them so that its mean stays.
Approximate, beside the bins, is one thing: how much of a slot a plugged EV charges before it leaves, or after it has
come, is taken as uniform.
"""

from dataclasses import dataclass
from functools import cached_property

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
NOT_PLUGGED, PLUGGED = 0, 1
SOC = np.linspace(0.0, 1.0, N_SOC_BINS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChargingDay:
    """Shares of all EVs, by boundary or slot of one day."""

    slow: FloatArray
    """Charging slowly at home and at work, (97 boundaries, 2)."""
    fast: FloatArray
    """At a fast charger, (97 boundaries)."""
    departures_per_ev: FloatArray
    """(96 slots)."""
    sessions_per_ev: FloatArray
    """Fast charges, by the slot in which the trip starts."""
    soc: FloatArray
    """Distribution over the bins of parked EVs at the end of the day."""


@dataclass(frozen=True, eq=False)
class SocChain:
    """The steps of one type of EV."""

    model: MarkovModel
    kind: EvType
    behaviour: ChargingBehaviour
    charger_kw: float

    @cached_property
    def classes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the share of EVs without and with chargers, and whether they have one at home and at work."""
        home, work = self.kind.home_charger_share, self.kind.work_charger_share
        share = np.array([(1 - home) * (1 - work), (1 - home) * work, home * (1 - work), home * work])
        return share, np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])

    @cached_property
    def slow_step(self) -> tuple[FloatArray, FloatArray]:
        """Return the matrices of a whole slot of slow charging, and of a uniform part of it."""
        battery, hours = self.kind.battery, SLOT_S / 3600
        parts = (np.arange(20) + 0.5) / 20
        whole = _spread(battery.soc_after_charging(SOC, self.kind.slow_charger_kw, hours))
        some = [
            _spread(battery.soc_after_charging(SOC, self.kind.slow_charger_kw, part * hours))
            for part in parts
        ]
        return whole, np.mean(some, axis=0)

    @cached_property
    def trips(self) -> tuple[csr_array, FloatArray, FloatArray]:
        """Return what a trip does, by the state of charge at departure.

        The distribution over crossed boundaries and bins on arrival (crossings * bins, bins), the chance to be at
        a fast charger at the boundaries after the departure (bins, boundaries), and to fast-charge at all (bins).
        """
        uniform, weight = quadrature(N_LENGTHS)
        length_km = self.model.length_km.quantile(uniform)
        slots = self.model.trip_s(length_km) / SLOT_S
        kwh, soc = self.kind.battery.trip_kwh(length_km)[:, np.newaxis], SOC[np.newaxis, :]
        chance = self._charges(soc, kwh)
        charged = drive(soc, kwh, fast_charge=True, battery=self.kind.battery, behaviour=self.behaviour)
        plain = drive(soc, kwh, fast_charge=False, battery=self.kind.battery, behaviour=self.behaviour)
        most = int(slots.max()) + 2
        arrives = np.zeros((most, N_SOC_BINS, N_SOC_BINS))
        for share, end in ((chance, charged.soc_arrival), (1 - chance, plain.soc_arrival)):
            _book(arrives, weight[:, np.newaxis] * share, end, slots)
        kw = min(self.charger_kw, self.kind.fast_kw)
        plug, unplug = (
            self.behaviour.charging_stop * slots[:, np.newaxis],
            charged.session_kwh / kw * 3600 / SLOT_S,
        )
        unplug = plug + unplug
        ahead = np.arange(1, int(unplug.max()) + 3)
        at_charger = [
            (weight @ (chance * (np.clip(j - plug, 0, 1) - np.clip(j - unplug, 0, 1)))) for j in ahead
        ]
        return csr_array(arrives.reshape(-1, N_SOC_BINS)), np.array(at_charger).T, weight @ chance

    def _charges(self, soc: FloatArray, kwh: FloatArray) -> FloatArray:
        """Return the chance to fast-charge: 1 where the least willing would, 0 where the most willing would not."""
        most, least = (
            wants_fast_charge(soc, kwh, draw, battery=self.kind.battery, behaviour=self.behaviour)
            for draw in (0.0, 1.0)
        )
        chance = fast_charge_probability(soc, self.behaviour)
        return np.where(least, 1.0, np.where(most, chance, 0.0))


def _spread(soc: FloatArray) -> FloatArray:
    """Return the matrix that moves each bin to the value *soc* of its own, (bins from, bins to)."""
    matrix = np.zeros((soc.size, N_SOC_BINS))
    low, part = _between(soc)
    rows = np.arange(soc.size)
    matrix[rows, low] += 1 - part
    matrix[rows, np.minimum(low + 1, N_SOC_BINS - 1)] += part
    return matrix


def _between(soc: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """Return the bin below and the share of the bin above; nobody is full who is not."""
    place = np.clip(soc, 0.0, 1.0) * (N_SOC_BINS - 1)
    low = np.floor(place).astype(np.int64)
    part = np.where(low == N_SOC_BINS - 2, 0.0, place - low)
    return low, part


def _book(arrives: FloatArray, mass: FloatArray, soc: FloatArray, slots: FloatArray) -> None:
    """Add trips with their *mass*, (lengths, bins), by the boundaries they cross and the bin they end in."""
    low, part = _between(soc)
    crossed = np.floor(slots).astype(np.int64)[:, np.newaxis]
    more = (slots - np.floor(slots))[:, np.newaxis]
    start = np.broadcast_to(np.arange(N_SOC_BINS), mass.shape)
    for number, chance in ((crossed, 1 - more), (crossed + 1, more)):
        for end, share in ((low, 1 - part), (np.minimum(low + 1, N_SOC_BINS - 1), part)):
            cell = np.ravel_multi_index((np.broadcast_to(number, mass.shape), end, start), arrives.shape)
            flow = np.bincount(cell.ravel(), weights=(mass * chance * share).ravel(), minlength=arrives.size)
            arrives += flow.reshape(arrives.shape)


@dataclass(slots=True)
class _Fleet:
    """Where the EVs of one type are: shares by class, activity, plugged or not, and bin."""

    parked: FloatArray
    resting: FloatArray
    """At home all day, (classes, plugged or not, bins)."""
    coming: FloatArray
    """On the way, by boundaries still to cross, (boundaries, classes, activities, bins)."""
    at_fast: FloatArray
    """At fast chargers at the boundaries to come."""


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

    By default that is the state of charge of the first departure: the single-day estimate. *plugged*: that of the
    first day boundary, as where days are carried on. After some eight the days are alike.
    """
    chain = SocChain(model, kind, behaviour, charger_kw)
    fleet = _initial_fleet(chain, plugged=plugged)
    course = []
    for _ in range(days):
        course.append(_day(chain, fleet))
        _begin_next_day(chain, fleet)
    return course


def _initial_fleet(chain: SocChain, *, plugged: bool) -> _Fleet:
    uniform, weight = quadrature(4 * N_SOC_BINS)
    first = weight @ _spread(chain.model.soc_first.quantile(uniform))
    share, has_charger, _ = chain.classes
    arrives, at_charger, _ = chain.trips
    plugs = plugged * has_charger[:, np.newaxis] * (chain.behaviour.soc_plug_at_home > SOC)
    at_home = np.stack([1 - plugs, plugs], axis=1) * (share[:, np.newaxis] * first)[:, np.newaxis]
    parked = np.zeros((4, 4, 2, N_SOC_BINS))
    parked[:, HOME] = at_home * chain.model.travel_share
    resting = at_home * (1 - chain.model.travel_share)
    coming = np.zeros((arrives.shape[0] // N_SOC_BINS + 1, 4, 4, N_SOC_BINS))
    return _Fleet(parked=parked, resting=resting, coming=coming, at_fast=np.zeros(at_charger.shape[1] + 1))


def _day(chain: SocChain, fleet: _Fleet) -> ChargingDay:
    """Return one day, slot by slot; the fleet ends it where the EVs are at its end."""
    slow, fast = np.zeros((BOUNDARIES, 2)), np.zeros(BOUNDARIES)
    departures, sessions = np.zeros(SLOTS), np.zeros(SLOTS)
    charges = chain.trips[2]
    for slot in range(BOUNDARIES):
        charging = fleet.parked[:, :, PLUGGED, :-1].sum(axis=(0, 2))
        slow[slot] = charging[HOME] + fleet.resting[:, PLUGGED, :-1].sum(), charging[WORK]
        fast[slot] = fleet.at_fast[0]
        if slot < SLOTS:
            leaving = _step(chain, fleet, slot)
            departures[slot], sessions[slot] = leaving.sum(), leaving @ charges
    soc = fleet.parked.sum(axis=(0, 1, 2)) + fleet.resting.sum(axis=(0, 1))
    return ChargingDay(slow=slow, fast=fast, departures_per_ev=departures, sessions_per_ev=sessions, soc=soc)


def _step(chain: SocChain, fleet: _Fleet, slot: int) -> FloatArray:
    """Move the fleet on by one slot; return the states of charge of those who leave in it."""
    whole, some = chain.slow_step
    arrives, at_charger, _ = chain.trips
    table = chain.model.departure[slot]
    leaving = np.einsum("cfs,ft->cts", fleet.parked[:, :, NOT_PLUGGED], table)
    leaving += np.einsum("cfs,ft->cts", fleet.parked[:, :, PLUGGED], table) @ some
    fleet.parked *= (1 - table.sum(axis=1))[:, np.newaxis, np.newaxis]
    fleet.parked[:, :, PLUGGED] = fleet.parked[:, :, PLUGGED] @ whole
    fleet.resting[:, PLUGGED] = fleet.resting[:, PLUGGED] @ whole
    trips = (arrives @ leaving.reshape(-1, N_SOC_BINS).T).reshape(-1, N_SOC_BINS, 4, 4)
    fleet.coming[: len(trips)] += trips.transpose(0, 2, 3, 1)
    left: FloatArray = leaving.sum(axis=(0, 1))
    fleet.at_fast[1:] += left @ at_charger
    _arrive(chain, fleet, fleet.coming[0])
    fleet.coming = np.roll(fleet.coming, -1, axis=0)
    fleet.at_fast = np.roll(fleet.at_fast, -1)
    fleet.coming[-1], fleet.at_fast[-1] = 0.0, 0.0
    return left


def _arrive(chain: SocChain, fleet: _Fleet, come: FloatArray) -> None:
    """Park those who have come, (classes, activities, bins): plugged in where they have a charger and want to."""
    _, at_home, at_work = chain.classes
    some = chain.slow_step[1]
    plugs = np.zeros_like(come)
    plugs[:, HOME] = at_home[:, np.newaxis] * (chain.behaviour.soc_plug_at_home > SOC)
    plugs[:, WORK] = at_work[:, np.newaxis]
    fleet.parked[:, :, NOT_PLUGGED] += come * (1 - plugs)
    fleet.parked[:, :, PLUGGED] += (come * plugs) @ some


def _begin_next_day(chain: SocChain, fleet: _Fleet) -> None:
    """Part those at home who travel on the next day from those who rest."""
    at_home = fleet.parked[:, HOME] + fleet.resting
    fleet.parked[:, HOME] = at_home * chain.model.travel_share
    fleet.resting = at_home * (1 - chain.model.travel_share)


def single_ev_type(model: MarkovModel, battery: Battery, behaviour: ChargingBehaviour) -> EvType:
    """Return the type that a model without types describes."""
    return EvType(
        battery=battery,
        slow_charger_kw=float(np.max(behaviour.slow_charger_kw)),
        home_charger_share=model.home_charger_share,
        work_charger_share=model.work_charger_share,
    )
