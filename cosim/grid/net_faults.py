"""Refusals of a pandapower net, and notes on it, by the list of `ELEMENTS`."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cosim.csv_tables import Range, is_quantity
from cosim.errors import Problem
from cosim.grid import bus_words
from cosim.grid.bus_words import at_bus
from cosim.grid.net_elements import ELEMENTS
from cosim.grid.net_zero import between_rated_voltages, charged_without_impedance

ENDS = ("bus", "from_bus", "to_bus", "hv_bus", "mv_bus", "lv_bus")


def table_faults(net: Any, names: Mapping[int, str]) -> list[Problem]:
    """Return a problem for each number of *net* that is none, or is outside its range; buses by their *names*."""
    if not names:
        return [Problem("it has no bus in service")]
    return [
        Problem(field=column, value=value, allowed=limits.allowed).within(
            table, f"{index}{_place(net[table], index, names)}"
        )
        for table, elements in ELEMENTS.items()
        for column, limits in {**elements.numbers, **elements.optional}.items()
        if table in net and column in net[table]
        for index, value in _odd_cells(_in_service(net, table)[column], limits, column in elements.optional)
    ]


def _odd_cells(cells: Any, limits: Range, may_be_empty: bool) -> list[tuple[Any, object]]:
    """Return the cells of a column that are wrong, with their index; most columns have few values, and none is."""
    if not any(_is_wrong(value, limits, may_be_empty=may_be_empty) for value in cells.unique()):
        return []
    return [pair for pair in cells.items() if _is_wrong(pair[1], limits, may_be_empty=may_be_empty)]


def _is_wrong(value: object, limits: Range, *, may_be_empty: bool) -> bool:
    """Tell whether a cell is no number within the limits; NaN is an empty one."""
    if not isinstance(value, int | float | np.number):
        return value is not None or not may_be_empty
    if np.isnan(value) or (np.isinf(value) and may_be_empty):
        return not may_be_empty
    return not (is_quantity(float(value)) and limits.holds(float(value)))


def beyond_the_model(net: Any) -> list[Problem]:
    """Name the elements in service that the model cannot carry."""
    problems = []
    for table, elements in ELEMENTS.items():
        alive = _in_service(net, table)
        if elements.refused and len(alive):
            problems.append(Problem(f"{some(table, alive.index)} in service: each {elements.refused}"))
        for column, why in elements.zero.items():
            odd = alive.index[alive[column].fillna(0.0) != 0] if column in alive else ()
            if len(odd):
                problems.append(Problem(f"{some(table, odd)}: each {why.format(column=column)}"))
    alive = _in_service(net, "impedance")
    lopsided = (
        alive.index[(alive.rft_pu != alive.rtf_pu) | (alive.xft_pu != alive.xtf_pu)] if len(alive) else ()
    )
    if len(lopsided):
        problems.append(
            Problem(f"{some('impedance', lopsided)}: each has another impedance from its other end")
        )
    problems += [
        Problem(f"{some(table, charged)}: each has an admittance to earth, but no impedance; give it one")
        for table, charged in charged_without_impedance(net).items()
        if len(charged)
    ]
    problems += [
        Problem(
            f"{some(table, apart)}: each joins two rated voltages (vn_kv), but has no impedance; give it one"
        )
        for table, apart in between_rated_voltages(net).items()
        if len(apart)
    ]
    return problems


def left_out(net: Any) -> list[str]:
    """Return what of the net is left out, or is not as it stands there."""
    notes = []
    for table in net:
        alive = _in_service(net, table)
        told = ELEMENTS[table].told if table in ELEMENTS else "is of no kind known here, and left out"
        if told and len(alive):
            notes.append(f"{some(table, alive.index)}: each {told}.")
        dead = [column for column in ENDS if column in alive and table in ELEMENTS]
        lost = alive.index[~alive[dead].isin(net.bus.index[net.bus.in_service]).all(axis=1)] if dead else ()
        if len(lost):
            notes.append(f"{some(table, lost)}: each is at a bus out of service, and left out.")
        if table in ELEMENTS and "in_service" in net[table]:
            idle = net[table].index[~net[table].in_service.astype(bool)]
            if len(idle):
                notes.append(f"{some(table, idle)}: each is out of service, and left out.")
    return [*notes, *_unused_limits(net), *_not_dispatched(net)]


def _unused_limits(net: Any) -> Iterator[str]:
    """Tell of the limits of closed switches: a switch is no branch of the model, or has no limit there."""
    if "in_ka" in net.switch:
        limited = net.switch.index[net.switch.closed.astype(bool) & (net.switch.in_ka > 0)]
        if len(limited):
            yield f"{some('switch', limited)}: each has a rated current, which is not kept."


def _not_dispatched(net: Any) -> Iterator[str]:
    """Tell of what an optimal power flow of pandapower would dispatch."""
    for table in ("load", "sgen"):
        alive = _in_service(net, table)
        if "controllable" in alive:
            free = alive.index[alive.controllable.fillna(False).astype(bool)]  # noqa: FBT003  (a value)
            if len(free):
                yield f"{some(table, free)}: each is controllable, but taken as fixed at the power of its table."


def some(table: str, index: Any) -> str:
    """Name the elements of a table by their numbers in it, the first few of many."""
    return f"{table} {bus_words.some([str(number) for number in index])}"


def _in_service(net: Any, table: str) -> Any:
    """Return the rows of a table that are in service; none where there is no such table."""
    rows = net.get(table)
    is_result = table.startswith(("_", "res_"))
    if is_result or not hasattr(rows, "columns") or "in_service" not in rows:
        return net.bus.iloc[:0]
    return rows[rows.in_service.astype(bool)]


def _place(table: Any, index: Any, names: Mapping[int, str]) -> str:
    """Return where an element stands: at a bus, or between two or three."""
    ends = [column for column in ENDS if column in table]
    buses = [at_bus(names.get(table[column].at[index], str(table[column].at[index]))) for column in ends]
    return "" if not buses else f" at {buses[0]}" if len(buses) == 1 else f" from {' to '.join(buses)}"
