"""Which voltages a bus may have: what the user says, else what the network says of it, else a default."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import Problem
from cosim.grid.bus_words import at_bus

DEFAULT_BAND_PU = (0.95, 1.05)
"""The voltage limits of a bus of which neither the user nor the network says any."""
NO_LIMIT_PU = (0.0, 2.0)
"""Values that networks write where a bus has no limit."""


@dataclass(frozen=True, slots=True)
class VoltageRules:
    """The voltage held at the slack buses and the band every bus must keep [p.u.]."""

    slack_pu: float | None = None
    """None takes the voltage the network says, else 1.0."""
    min_pu: float | None = None
    """None takes what the network says of each bus, else `DEFAULT_BAND_PU`; ``max_pu`` likewise."""
    max_pu: float | None = None

    def limits(self, low_pu: FloatArray, high_pu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the limits of each bus of which the network says *low_pu* and *high_pu*, NaN where it says none."""
        low, high = (
            np.where(np.isnan(said) | (said == none), default, said)
            if rule is None
            else np.full(said.size, rule)
            for rule, said, none, default in zip(
                (self.min_pu, self.max_pu), (low_pu, high_pu), NO_LIMIT_PU, DEFAULT_BAND_PU, strict=True
            )
        )
        return low, high


def told_of_no_limits(
    names: Sequence[str], stated: tuple[FloatArray, FloatArray], rules: VoltageRules
) -> list[str]:
    """Return what is told where a network writes that a bus has no limit and the user says none."""
    odd = [
        name
        for name, low, high in zip(names, *stated, strict=True)
        if (rules.min_pu is None and low == NO_LIMIT_PU[0])
        or (rules.max_pu is None and high == NO_LIMIT_PU[1])
    ]
    if not odd:
        return []
    more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
    low_pu, high_pu = DEFAULT_BAND_PU
    default = f"the default holds there, {low_pu:g} to {high_pu:g} p.u."
    return [f"{at_bus(odd[0])}{more}: a voltage limit of 0 or 2 p.u. is none; {default}"]


def band_problems(names: Sequence[str], band: tuple[FloatArray, FloatArray]) -> list[Problem]:
    """Return the problem of limits that leave no voltage between them: the same at all buses, or of each."""
    wrong = [(name, low, high) for name, low, high in zip(names, *band, strict=True) if not 0 < low <= high]
    if len({(low, high) for _, low, high in wrong}) == 1 and len(wrong) == len(names):
        return [Problem(f"the voltage band {wrong[0][1]:g} to {wrong[0][2]:g} p.u. is empty or not positive")]
    return [
        Problem(f"{at_bus(name)}: the voltage limits {low:g} to {high:g} p.u. are crossed or not positive")
        for name, low, high in wrong
    ]
