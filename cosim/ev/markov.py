"""The mobility model of a Markov chain: in each quarter of an hour an EV leaves, or does not, whatever was before.

The chain's states are the activities (parked) and driving to one of them with a number of slot boundaries to go. A
parked EV leaves in a slot with the table's probability, at any second of it alike; the length of the trip is
drawn, so a drive lasts as long as its length takes, and the EV may leave again from the next slot on. Hence the
distribution at every slot boundary can be computed exactly (``cosim.ev.exact``).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.csv_tables import SHARE, read_table, refuse_faulty
from cosim.ev.mobility import MobilityModel, Uniform
from cosim.ev.transitions import ACTIVITIES, ActivityArray
from cosim.periods import SECONDS_PER_DAY

SLOTS = 96
SLOT_S = SECONDS_PER_DAY // SLOTS
SLOT_NAMES = tuple(str(slot) for slot in range(1, SLOTS + 1))
COLUMNS = ("slot", "from", *ACTIVITIES)
MAX_DEPARTURE_PROBABILITY = 1 - 1e-15
"""A probability of 1 would make the hazard infinite; nobody notices one EV in 1e15 who stays."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MarkovModel(MobilityModel):
    """When EVs leave, slot by slot, and for what; ``departure`` is all that has no default."""

    departure: FloatArray
    """Probability that an EV parked at the start of the slot leaves in it, (96 slots, 4 from, 4 to)."""

    def __post_init__(self) -> None:
        """Refuse a table that holds no probabilities."""
        if self.departure.shape != (SLOTS, 4, 4):
            msg = f"the departure table has shape {self.departure.shape}, not ({SLOTS}, 4, 4)"
            raise ValueError(msg)
        if (self.departure < 0).any() or (self.departure.sum(axis=2) > 1 + 1e-9).any():
            msg = "every row of the departure table must hold probabilities that sum to 1 at most"
            raise ValueError(msg)

    @property
    def cumulative_hazard(self) -> FloatArray:
        """Return -ln P(no departure before each slot boundary | parked at 00:00), (4 activities, 97)."""
        leaves = np.minimum(self.departure.sum(axis=2), MAX_DEPARTURE_PROBABILITY)
        return np.vstack([np.zeros(4), -np.log1p(-leaves).cumsum(axis=0)]).T

    def first_departure_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: Uniform) -> IntArray:
        """Return the first departures; EVs that arrived the day before may leave from the first slot on."""
        return self._leaves_s(activity, np.maximum(arrival_s // SLOT_S + 1, 0), uniform("first departure"))

    def next_departure_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: Uniform) -> IntArray:
        """Return when EVs leave again: from the slot after their arrival on."""
        return self._leaves_s(activity, arrival_s // SLOT_S + 1, uniform("dwell"))

    def weights_of_next(self, activity: ActivityArray, departure_s: IntArray) -> FloatArray:
        """Return the rows of the table for the slots of departure."""
        return self.departure[departure_s // SLOT_S, activity]

    def _leaves_s(self, activity: ActivityArray, slot: IntArray, uniform: FloatArray) -> IntArray:
        """Return the second at which EVs leave that are parked at the start of *slot*, by one number each.

        By inversion: P(still parked at boundary k) = exp(H_slot - H_k), H the cumulative hazard. Where in its slot the
        number falls is uniform again, and gives the second.
        """
        hazard = self.cumulative_hazard
        departure_s = np.full(slot.size, SECONDS_PER_DAY)
        for place in range(4):
            row = np.flatnonzero((activity == place) & (slot < SLOTS))
            start = hazard[place, slot[row]]
            leaves = np.searchsorted(hazard[place], start - np.log1p(-uniform[row]), side="right") - 1
            today = leaves < SLOTS
            row, start, leaves = row[today], start[today], leaves[today]
            # the shares of those who have left by the start and by the end of the slot
            low, high = (-np.expm1(start - hazard[place, leaves + end]) for end in (0, 1))
            second = (SLOT_S * (uniform[row] - low) / (high - low)).astype(np.int64)
            departure_s[row] = leaves * SLOT_S + np.clip(second, 0, SLOT_S - 1)
        return departure_s


def read_departures(path: Path) -> FloatArray:
    """Return the probabilities to leave in each slot, (96 slots, 4 activities left, 4 activities gone to).

    The file is a table with the columns slot (1 begins at midnight, 96 in all), from, home, work, leisure and
    other, one row per slot and activity. Lines that begin with # are comments. What is missing to 1 stays parked.

    Raises ConfigError with all problems found in the file.
    """
    table = read_table(path, COLUMNS)
    table.refuse_repeated("slot", "from")
    slot = table.positions("slot", SLOT_NAMES, f"a whole number from 1 to {SLOTS}")
    left = table.positions("from", ACTIVITIES)
    departure = np.full((SLOTS, 4, 4), np.nan)
    for place, (line, row) in zip(zip(slot, left, strict=True), table.rows(), strict=True):
        shares = [table.number(line, row, name, SHARE) for name in ACTIVITIES]
        if all(map(SHARE.holds, shares)) and sum(shares) > 1 + 1e-9:
            table.report(line, f"the probabilities sum to {sum(shares):.6g}; they must sum to 1 at most")
        if min(place) >= 0:
            departure[place] = shares
    missing = np.argwhere(np.isnan(departure).any(axis=2))
    if table.columns and missing.size:
        first, activity = missing[0]
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        table.report(
            0, f"no row for slot {first + 1}, {ACTIVITIES[activity]}{more}; every slot needs all four"
        )
    refuse_faulty(table)
    return departure


def write_departures(departure: FloatArray, path: Path, comments: tuple[str, ...] = ()) -> None:
    """Write the table as CSV under its *comments*, which name its source."""
    rows = [
        ",".join([str(slot + 1), ACTIVITIES[left], *(f"{share:.6g}" for share in departure[slot, left])])
        for slot in range(SLOTS)
        for left in range(4)
    ]
    text = [*(f"# {comment}" for comment in comments), ",".join(COLUMNS), *rows]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
