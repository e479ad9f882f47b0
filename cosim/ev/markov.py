"""The mobility model of a Markov chain: in each quarter of an hour a parked EV leaves, or not, independent of the past.

The states are the activities (parked) and driving to one of them with a number of slot boundaries to cross. A parked
EV leaves in a slot with the probability of the departure table, at a second uniform in it. The duration of a drive
follows from the length drawn, and the EV may leave again from the next slot on. So the distribution at every slot
boundary can be computed exactly (``cosim.ev.exact``).
"""

from dataclasses import dataclass, field
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
"""Probability of a slot to which 1 is reduced, which would make the hazard infinite."""
ROW_SUM_TOLERANCE = 1e-9
"""Excess over 1 of the probabilities of a row that is rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MarkovModel(MobilityModel):
    """Departures and next activities by slot; the departure table has no default."""

    departure: FloatArray
    """Probability that an EV parked at the start of the slot leaves in it, (96 slots, 4 from, 4 to)."""
    cumulative_hazard: FloatArray = field(init=False, repr=False)
    """-ln P(no departure before each slot boundary | parked at 00:00), (4 activities, 97)."""

    def __post_init__(self) -> None:
        """Raise ValueError for a table that is not one of probabilities."""
        if self.departure.shape != (SLOTS, 4, 4):
            msg = f"the departure table has shape {self.departure.shape}, not ({SLOTS}, 4, 4)"
            raise ValueError(msg)
        if (self.departure < 0).any() or (self.departure.sum(axis=2) > 1 + ROW_SUM_TOLERANCE).any():
            msg = "every row of the departure table must hold probabilities that sum to 1 at most"
            raise ValueError(msg)
        departs = np.minimum(self.departure.sum(axis=2), MAX_DEPARTURE_PROBABILITY)
        hazard = np.vstack([np.zeros(4), -np.log1p(-departs).cumsum(axis=0)]).T
        object.__setattr__(self, "cumulative_hazard", hazard)

    def first_departure_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: Uniform) -> IntArray:
        """Return the first departures; EVs that arrived the day before may leave from the first slot on."""
        return self._departure_s(activity, np.maximum(arrival_s // SLOT_S + 1, 0), uniform("first departure"))

    def next_departure_s(self, activity: ActivityArray, arrival_s: IntArray, uniform: Uniform) -> IntArray:
        """Return the next departures, from the slot after the arrival on."""
        return self._departure_s(activity, arrival_s // SLOT_S + 1, uniform("dwell"))

    def weights_of_next(self, activity: ActivityArray, departure_s: IntArray) -> FloatArray:
        """Return the rows of the table for the slots of departure."""
        return self.departure[departure_s // SLOT_S, activity]

    def _departure_s(self, activity: ActivityArray, slot: IntArray, uniform: FloatArray) -> IntArray:
        """Return the departures of EVs that are parked at the start of *slot*, from one uniform number each.

        By inversion: P(still parked at boundary k) = exp(H_slot - H_k), H the cumulative hazard. The position of the
        number in the probability interval of its slot is uniform again, and gives the second.
        """
        departure_s = np.full(slot.size, SECONDS_PER_DAY)
        for parked_at in np.flatnonzero(np.bincount(activity, minlength=4)).tolist():
            hazard = self.cumulative_hazard[parked_at]
            row = np.flatnonzero((activity == parked_at) & (slot < SLOTS))
            start = hazard[slot[row]]
            slot_left = hazard.searchsorted(start - np.log1p(-uniform[row]), side="right") - 1
            today = slot_left < SLOTS
            row, start, slot_left = row[today], start[today], slot_left[today]
            # probabilities to have left by the start and by the end of the slot
            low, high = -np.expm1(start - hazard[slot_left]), -np.expm1(start - hazard[slot_left + 1])
            second = (SLOT_S * (uniform[row] - low) / (high - low)).astype(np.int64)
            departure_s[row] = slot_left * SLOT_S + np.minimum(np.maximum(second, 0), SLOT_S - 1)
        return departure_s


def read_departures(path: Path) -> FloatArray:
    """Return the probabilities to leave in each slot, (96 slots, 4 from, 4 to).

    The file is a table with the columns slot (1 begins at midnight, 96 in all), from, home, work, leisure and
    other, one row per slot and activity. Lines that begin with # are comments. The complement of a row's sum to 1 is
    the probability to stay parked.

    Raises ConfigError with all defects of the file.
    """
    table = read_table(path, COLUMNS)
    table.refuse_repeated("slot", "from")
    slot = table.positions("slot", SLOT_NAMES, f"a whole number from 1 to {SLOTS}")
    activity = table.positions("from", ACTIVITIES)
    departure = np.full((SLOTS, 4, 4), np.nan)
    for cell, (line, row) in zip(zip(slot, activity, strict=True), table.rows(), strict=True):
        shares = [table.number(line, row, name, SHARE) for name in ACTIVITIES]
        if all(map(SHARE.holds, shares)) and sum(shares) > 1 + ROW_SUM_TOLERANCE:
            table.report(line, f"the probabilities sum to {sum(shares):.6g}; they must sum to 1 at most")
        if min(cell) >= 0:
            departure[cell] = shares
    missing = np.argwhere(np.isnan(departure).any(axis=2))
    if table.columns and missing.size:
        first_slot, first_activity = missing[0]
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        name = ACTIVITIES[first_activity]
        table.report(0, f"no row for slot {first_slot + 1}, {name}{more}; every slot needs all four")
    refuse_faulty(table)
    return departure


def write_departures(departure: FloatArray, path: Path, comments: tuple[str, ...] = ()) -> None:
    """Write the table as CSV under its *comments*, which name its source."""
    rows = [
        ",".join([str(slot + 1), name, *(f"{share:.6g}" for share in departure[slot, activity])])
        for slot in range(SLOTS)
        for activity, name in enumerate(ACTIVITIES)
    ]
    text = [*(f"# {comment}" for comment in comments), ",".join(COLUMNS), *rows]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
