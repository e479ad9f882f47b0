"""The Markov model without a random number: where EVs are at every slot boundary, from the table alone.

The chain has a state for each activity (parked), and for each activity sought and number of boundaries that the
drive will still cross. One slot is one step; a day is their product, and its fixed point the periodic
distribution.
"""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.ev.distributions import quadrature
from cosim.ev.markov import SLOT_S, SLOTS, MarkovModel
from cosim.ev.mobility import MobilityModel
from cosim.ev.occupancy import BOUNDARIES, PLACES, Occupancy
from cosim.ev.transitions import HOME

N_QUADRATURE_POINTS = 1 << 16


def crossings(model: MobilityModel) -> FloatArray:
    """Return P(a drive crosses n slot boundaries), n = 0, 1, ...; it starts at any second of its slot alike.

    With d the trip's time in slots and u uniform in [0, 1): n = floor(u + d), so P(n >= k) = E[clip(d - k + 1, 0, 1)].
    """
    uniform, weight = quadrature(N_QUADRATURE_POINTS)
    slots = model.trip_s(model.length_km.quantile(uniform)) / SLOT_S
    most = int(np.floor(slots.max())) + 1
    reaches = [float(weight @ np.clip(slots - n + 1, 0.0, 1.0)) for n in range(1, most + 2)]
    return -np.diff(np.array([1.0, *reaches]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkovDay:
    """The chain's steps over a day, applied to distributions; these are arrays of 4 (K + 1) rows, or columns of them.

    Row a is parked at activity a; row 4 n + a drives to a, and will do so at n boundaries, this one included.
    """

    model: MarkovModel
    crossing: FloatArray

    @property
    def size(self) -> int:
        """Number of states."""
        return 4 * self.crossing.size

    def at_home(self) -> FloatArray:
        """Return the distribution of a day that begins at home."""
        home: FloatArray = np.eye(self.size)[HOME]
        return home

    def step(self, now: FloatArray, slot: int) -> FloatArray:
        """Return the distribution one slot later."""
        leaving = self.model.departure[slot]
        starts = leaving.T @ now[:4]
        then = np.zeros_like(now)
        then[:-4] = now[4:]  # one boundary fewer to go; none: parked
        then[:4] += now[:4] * (1 - leaving.sum(axis=1)).reshape(4, *[1] * (now.ndim - 1))
        for n, share in enumerate(self.crossing):
            then[4 * n : 4 * n + 4] += share * starts
        return then

    def over_the_day(self, start: FloatArray) -> list[FloatArray]:
        """Return the distributions at the 97 boundaries; EVs at home that do not travel are left out."""
        course = [start]
        for slot in range(SLOTS):
            course.append(self.step(course[-1], slot))
        return course

    def travelling(self, initial: FloatArray) -> FloatArray:
        """Return the part of the initial state that travels on the day: of the EVs at home only a share."""
        part = initial.copy()
        part[HOME] *= self.model.travel_share
        return part

    def day_matrix(self) -> FloatArray:
        """Return the transition matrix from one day boundary to the next; columns sum to 1."""
        eye = np.eye(self.size)
        part = self.travelling(eye)
        return self.over_the_day(part)[-1] + (eye - part)

    def periodic_state(self) -> FloatArray:
        """Return the state at the day boundary that a day leaves unchanged: pi = M pi, sum pi = 1."""
        system = np.vstack([self.day_matrix() - np.eye(self.size), np.ones(self.size)])
        right = np.append(np.zeros(self.size), 1.0)
        state: FloatArray = np.linalg.lstsq(system, right, rcond=None)[0]
        return state

    def occupancy(self, initial: FloatArray) -> Occupancy:
        """Return where EVs are at every boundary of a day with this initial state, and when they leave."""
        part = self.travelling(initial)
        course = np.array(self.over_the_day(part))
        share = np.empty((BOUNDARIES, len(PLACES)))
        share[:, :4] = course[:, :4]
        share[:, 4] = course[:, 4:].sum(axis=1)
        share[:, HOME] += (initial - part)[HOME]
        leaves = self.model.departure.sum(axis=2) * course[:-1, :4]
        return Occupancy(share=share, departures_per_ev=leaves)


def markov_day(model: MarkovModel) -> MarkovDay:
    """Return the steps of a day."""
    return MarkovDay(model=model, crossing=crossings(model))
