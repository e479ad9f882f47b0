"""Limits of the sources of a feeder: what each slack bus may take from the upper grid, P and Q, and give back.

Limits are (slack buses, 4): least and most P, least and most Q [kW, kvar]; infinite where there is none. That no P may
flow back at all is no limit of a source, but the rule `Rules.export`: so a least P of 0 is none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from cosim.arrays import FloatArray
from cosim.grid.builder import Constraints, ModelBuilder
from cosim.grid.bus_words import at_bus
from cosim.grid.radial import BASE_KVA, ComplexArray, Feeder

SIGN = np.array([-1.0, 1.0, -1.0, 1.0])
"""Each limit, as the most that P or Q times this may be."""
EQUAL_PU = 1e-9
"""Limits no farther apart are one number."""
UNITS = ("kW", "kW", "kvar", "kvar")
Row = tuple[int, int]
"""A slack bus, by its position among them, and one of its four limits."""


def source_limits(stated: FloatArray, slack: Sequence[int], count: int) -> FloatArray | None:
    """Return the limits of *count* slack buses whose sources, at *slack*, state (sources, 4); None where no limit is.

    Those of sources at one bus are added. NaN is no limit, nor is a least P of 0 where every source there states 0.
    """
    none = np.copysign(np.inf, SIGN)
    limits = np.zeros((count, 4))
    at = np.asarray(slack, dtype=np.int64)
    np.add.at(limits, at, np.where(np.isnan(stated), none, stated))
    says_more = np.isin(np.arange(count), at[stated[:, 0] != 0])
    limits[~says_more, 0] = -np.inf
    return limits if np.isfinite(limits).any() else None


def limits_pu(feeder: Feeder, *, export: bool) -> FloatArray:
    """Return the limits, with that of a forbidden *export*."""
    limits = np.asarray(feeder.source_limits_kva) / BASE_KVA
    if not export:
        limits[:, 0] = np.maximum(limits[:, 0], 0.0)
    return limits


def rows_that_can_bind(feeder: Feeder, most_pu: FloatArray, *, export: bool) -> tuple[Row, ...]:
    """Return the limits that *most_pu*, the largest power that each slack bus can pass, does not keep by itself.

    A forbidden export has a row of its own, and is one here only where nothing may be taken either.
    """
    limits = limits_pu(feeder, export=export)
    binding = limits * SIGN < most_pu[:, None]
    if not export:
        binding[:, 0] &= (limits[:, 0] > 0) | (binding[:, 1] & (limits[:, 1] <= EQUAL_PU))
    return tuple((int(slack), int(column)) for slack, column in np.argwhere(binding))


def supply_limits(p: Any, q: Any, model: ModelBuilder, rows: Sequence[Row], *, export: bool) -> Constraints:
    """Return the limits *rows* of what the sources give, *p* and *q*; in an elastic dispatch they give way at a price.

    Where the least is the most, the strict limit is an equation: two inequalities would leave a solver no room.
    """
    if not rows:
        return [] if export else [p >= 0]
    limits, elastic = limits_pu(model.feeder, export=export), model.elastic is not None
    equal = (
        []
        if elastic
        else [row for row in rows if row[1] % 2 == 0 and limits[row[0], row[1] + 1] - limits[row] <= EQUAL_PU]
    )
    others = [row for row in rows if row not in equal and (row[0], row[1] - 1) not in equal]
    free = [slack for slack in range(p.shape[1]) if (slack, 0) not in equal]
    over: Any = 0.0
    constraints = [] if export or not free else [p[:, free] >= 0]
    if elastic:
        over = model.slack("source_over", len(rows), model.energy_price("source_cny_per_kwh"))
        constraints.append(over >= 0)
    if others:
        constraints.append(_signed(p, q, others) - over <= _most(limits, others))
    if equal:
        constraints.append(_signed(p, q, equal) == _most(limits, equal))
    return constraints


def _signed(p: Any, q: Any, rows: Sequence[Row]) -> Any:
    """Return what each of *rows* limits from above: (periods, rows)."""
    slack, column = np.array(rows).T
    place, shape = (slack, np.arange(len(rows))), (p.shape[1], len(rows))
    of_p, of_q = (
        sparse.csr_array((np.where(column // 2 == part, SIGN[column], 0.0), place), shape=shape)
        for part in (0, 1)
    )
    return p @ of_p + q @ of_q


def _most(limits: FloatArray, rows: Sequence[Row]) -> FloatArray:
    slack, column = np.array(rows).T
    most: FloatArray = (limits * SIGN)[slack, column][None, :]
    return most


def beyond(supply_kva: ComplexArray, limits_kva: FloatArray) -> FloatArray:
    """Return by how much the supply (..., slack buses), P + jQ, is outside each limit: (..., slack buses, 4)."""
    parts = np.stack([supply_kva.real, supply_kva.real, supply_kva.imag, supply_kva.imag], axis=-1)
    outside: FloatArray = (parts - limits_kva) * SIGN
    return outside


def says(limit: float, column: int) -> str:
    """Return a limit in words."""
    return f"{('at least', 'at most')[column % 2]} {limit:,.5g} {UNITS[column]}"


def sources_outside(
    feeder: Feeder, supply_kva: ComplexArray, limits_kva: FloatArray, exact_pu: float
) -> Iterator[str]:
    """Yield a sentence for each source outside its limits in the network as given."""
    outside = beyond(supply_kva, limits_kva)
    kept = exact_pu * np.maximum(np.where(np.isfinite(limits_kva), np.abs(limits_kva), 0.0), BASE_KVA)
    for slack, column in np.argwhere(outside > kept):
        bus, amount = at_bus(feeder.bus_names[feeder.slack_buses[slack]]), outside[slack, column]
        yield (
            f"{bus}: the source is {amount:,.4g} {UNITS[column]} outside its limit in the network as given, "
            f"{says(limits_kva[slack, column], column)}."
        )
