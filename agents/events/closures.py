"""What drivers see to be closed before they set out: closed roads, and stations whose closing was announced beforehand.

A sudden closing of a station is learnt from the coordinator, as a period opens, or on the spot.
"""

import numpy as np

from agents.path_choice import PathChoice
from cosim.arrays import BoolArray


class Closures:
    """Links and charging arcs that no driver chooses, by whom they were closed."""

    def __init__(self, choice: PathChoice) -> None:
        """Start with everything open."""
        self.choice = choice
        self.closed: dict[str, BoolArray] = {}

    def set(self, by: str, closed: BoolArray) -> None:
        """Let those *closed*, (links,), be what events of one family close."""
        before = self.closed.get(by, np.zeros_like(closed))
        self.closed[by] = closed
        if (closed != before).any():
            self.choice.close(np.logical_or.reduce(list(self.closed.values())))
