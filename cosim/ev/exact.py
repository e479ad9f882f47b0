"""The exact distribution of the Markov model: shares of EVs at every slot boundary, from the departure table alone.

The chain has a state for each activity (parked), and for each destination activity and number of boundaries that the
drive will still cross. One slot is one step; a day is the product of its steps, and the fixed point of the day the
periodic distribution.
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
"""Trip lengths in the integral over their distribution."""


def crossings(model: MobilityModel) -> FloatArray:
    """Return P(a drive crosses n slot boundaries), n = 0, 1, ..., for a start uniform in its slot.

    With d the trip's time in slots and u uniform in [0, 1): n = floor(u + d), so P(n >= k) = E[clip(d - k + 1, 0, 1)].
    """
    uniform, weight = quadrature(N_QUADRATURE_POINTS)
    slots = model.trip_s(model.length_km.quantile(uniform)) / SLOT_S
    max_crossings = int(np.floor(slots.max())) + 1
    at_least = [float(weight @ np.clip(slots - n + 1, 0.0, 1.0)) for n in range(1, max_crossings + 2)]
    return -np.diff(np.array([1.0, *at_least]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkovDay:
    """Steps of the chain over a day, applied to distributions: arrays of 4 (K + 1) rows, with columns or not.

    Row a is parked at activity a; row 4 n + a drives to a, and does so at n boundaries, this one included.
    """

    model: MarkovModel
    crossing: FloatArray

    @property
    def size(self) -> int:
        """Number of states."""
        return 4 * self.crossing.size

    def at_home(self) -> FloatArray:
        """Return the initial distribution with all EVs at home."""
        home: FloatArray = np.eye(self.size)[HOME]
        return home

    def step(self, distribution: FloatArray, slot: int) -> FloatArray:
        """Return the distribution one slot later."""
        return self.after(distribution, self.model.departure[slot])

    def after(self, distribution: FloatArray, leaving: FloatArray) -> FloatArray:
        """Return the distribution after a slot with the departure probabilities *leaving*, (4 from, 4 to)."""
        starts = leaving.T @ distribution[:4]
        stays = (1 - leaving.sum(axis=1)).reshape(4, *[1] * (distribution.ndim - 1))
        following = np.zeros_like(distribution)
        following[:-4] = distribution[4:]  # one boundary fewer to cross; with none left, parked
        following[:4] += distribution[:4] * stays
        following += np.multiply.outer(self.crossing, starts).reshape(following.shape)
        return following

    def over_the_day(self, start: FloatArray) -> list[FloatArray]:
        """Return the distributions at the 97 boundaries; EVs at home that do not travel are left out."""
        distributions = [start]
        for slot in range(SLOTS):
            distributions.append(self.step(distributions[-1], slot))
        return distributions

    def travelling(self, initial: FloatArray) -> FloatArray:
        """Return the part of the initial distribution that travels on the day: of the EVs at home a share."""
        travelling = initial.copy()
        travelling[HOME] *= self.model.travel_share
        return travelling

    def day_matrix(self) -> FloatArray:
        """Return the transition matrix from one day boundary to the next; columns sum to 1."""
        identity = np.eye(self.size)
        travelling = self.travelling(identity)
        return self.over_the_day(travelling)[-1] + (identity - travelling)

    def periodic_state(self) -> FloatArray:
        """Return the distribution at the day boundary that a day leaves unchanged: pi = M pi, sum pi = 1."""
        matrix = np.vstack([self.day_matrix() - np.eye(self.size), np.ones(self.size)])
        right_hand_side = np.append(np.zeros(self.size), 1.0)
        distribution: FloatArray = np.linalg.lstsq(matrix, right_hand_side, rcond=None)[0]
        return distribution

    def occupancy(self, initial: FloatArray) -> Occupancy:
        """Return the occupancy of a day with this initial distribution."""
        travelling = self.travelling(initial)
        distributions = np.array(self.over_the_day(travelling))
        share = np.empty((BOUNDARIES, len(PLACES)))
        share[:, :4] = distributions[:, :4]
        share[:, 4] = distributions[:, 4:].sum(axis=1)
        share[:, HOME] += (initial - travelling)[HOME]
        departures = self.model.departure.sum(axis=2) * distributions[:-1, :4]
        return Occupancy(share=share, departures_per_ev=departures)


def markov_day(model: MarkovModel) -> MarkovDay:
    """Return the chain of a model."""
    return MarkovDay(model=model, crossing=crossings(model))
