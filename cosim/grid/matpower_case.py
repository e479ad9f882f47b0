"""The cells of a MATPOWER case file (.m, version 2), checked: its statements are carried out, its cells are taken."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.csv_tables import ANY, NOT_NEGATIVE, POSITIVE, Range, is_quantity
from cosim.errors import Problem, refuse
from cosim.grid.bus_words import at_bus, some
from cosim.grid.case_language import run_case
from cosim.grid.case_tokens import read_text
from cosim.grid.matpower_columns import (
    BASE_KV,
    BR_STATUS,
    BUS_I,
    BUS_TYPE,
    F_BUS,
    GEN_BUS,
    GEN_STATUS,
    ISOLATED,
    PD,
    QD,
    T_BUS,
    bus_label,
)

WHOLE = Range("a whole number above 0", lambda value: value > 0 and value == round(value))


TYPE_OF_BUS = Range("1 (PQ), 2 (PV), 3 (reference) or 4 (isolated)", lambda value: value in {1, 2, 3, 4})


UNBOUNDED = Range("0 or more, or Inf for no limit", lambda value: value >= 0)
UNUSED = Range("", lambda _: True)
"""A column that no power flow and no limit of it rests on."""


COLUMNS: Mapping[str, Mapping[str, Range]] = {
    "bus": {
        "bus_i": WHOLE,
        "type": TYPE_OF_BUS,
        "Pd": ANY,
        "Qd": ANY,
        "Gs": ANY,
        "Bs": ANY,
        "area": UNUSED,
        "Vm": UNUSED,
        "Va": UNUSED,
        "baseKV": NOT_NEGATIVE,
        "zone": UNUSED,
        "Vmax": UNBOUNDED,
        "Vmin": NOT_NEGATIVE,
    },
    "branch": {
        "fbus": WHOLE,
        "tbus": WHOLE,
        "r": NOT_NEGATIVE,
        "x": ANY,
        "b": ANY,
        "rateA": UNBOUNDED,
        "rateB": UNUSED,
        "rateC": UNUSED,
        "ratio": NOT_NEGATIVE,
        "angle": ANY,
        "status": ANY,
    },
    "gen": {
        "bus": WHOLE,
        "Pg": ANY,
        "Qg": ANY,
        "Qmax": UNUSED,
        "Qmin": UNUSED,
        "Vg": POSITIVE,
        "mBase": UNUSED,
        "status": ANY,
    },
}
"""The columns of each table, in order, and what the cells of a row in service may be."""


PQ, PV, REFERENCE = 1, 2, 3


ANGLE_LIMITS = slice(11, 13)


NEUTRAL = {"version", "baseMVA", "bus", "branch", "gen", "gencost", "areas", "bus_name", "gentype", "genfuel"}
"""Fields of a case that are read, or say nothing about its power flow."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatpowerCase:
    """The cells of a case file, checked; powers in MW and Mvar, impedances in per unit of ``base_mva``."""

    path: Path
    base_mva: float
    bus: FloatArray
    branch: FloatArray
    gen: FloatArray
    notes: tuple[str, ...] = ()

    @property
    def alive(self) -> BoolArray:
        """Marks the buses that are not isolated."""
        alive: BoolArray = self.bus[:, BUS_TYPE] != ISOLATED
        return alive

    @property
    def generates(self) -> BoolArray:
        """Marks the generators in service."""
        generates: BoolArray = self.gen[:, GEN_STATUS] > 0
        return generates

    @property
    def conducts(self) -> BoolArray:
        """Marks the branches in service, between buses that are not isolated."""
        ends = np.isin(self.branch[:, [F_BUS, T_BUS]], self.bus[self.alive, BUS_I])
        conducts: BoolArray = np.logical_and(ends.all(axis=1), self.branch[:, BR_STATUS] != 0)
        return conducts


def read_matpower(path: Path) -> MatpowerCase:
    """Return the cells of a MATPOWER file; raise ``ConfigError`` with every fault of its statements and cells."""
    said, problems = run_case(read_text(path))
    fields = said.fields
    if not problems:
        problems = _missing(fields, said.lines)
    if not problems:
        problems = [
            problem for name in COLUMNS for problem in _odd_cells(name, fields[name], said.lines[name])
        ]
    if not problems:
        problems = _odd_numbers(fields, said.lines)
    refuse(str(path), [replace(problem, file=str(path)) for problem in problems])
    case = MatpowerCase(
        path=path, base_mva=float(fields["baseMVA"]), **{name: fields[name] for name in COLUMNS}
    )
    return replace(case, notes=tuple(_notes(case, fields)))


def _missing(fields: Mapping[str, Any], lines: Mapping[str, list[int]]) -> list[Problem]:
    """Return a problem for each table that is not there, or has too few columns, and for the base power."""
    problems = []
    for name, columns in COLUMNS.items():
        table = fields.get(name)
        if not isinstance(table, np.ndarray):
            problems.append(Problem(f"there is no table mpc.{name}"))
        elif not table.size:
            problems.append(Problem(f"table mpc.{name} has no rows"))
        elif table.shape[1] < len(columns):
            found = f"table mpc.{name} has {table.shape[1]} columns; it must have {', '.join(columns)}"
            problems.append(Problem(found))
    base = fields.get("baseMVA")
    if base is None:
        problems.append(Problem("is missing", field="mpc.baseMVA", allowed=POSITIVE.allowed))
    elif not (isinstance(base, int | float) and is_quantity(base) and POSITIVE.holds(base)):
        wrong = Problem(field="mpc.baseMVA", value=base, allowed=POSITIVE.allowed)
        problems.append(_at(lines.get("baseMVA", []), 0, wrong))
    if str(fields.get("version", "2")).removesuffix(".0") != "2":
        wrong = Problem(field="mpc.version", value=fields["version"], allowed="'2'")
        problems.append(_at(lines.get("version", []), 0, wrong))
    return problems


def _odd_cells(name: str, table: FloatArray, lines: list[int]) -> list[Problem]:
    """Return a problem for each cell of a row in service that is no number, or out of its range."""
    status = {
        "bus": np.ones(len(table)),
        "branch": table[:, BR_STATUS : BR_STATUS + 1].sum(axis=1),
        "gen": table[:, GEN_STATUS : GEN_STATUS + 1].sum(axis=1),
    }
    return [
        _at(
            lines,
            row,
            Problem(column=column, value=float(value), allowed=limits.allowed).within("table", f"mpc.{name}"),
        )
        for place, (column, limits) in enumerate(COLUMNS[name].items())
        for row, value in enumerate(table[:, place])
        if status[name][row] != 0 and not (_is_number(value, limits) and limits.holds(value))
    ]


def _is_number(value: float, limits: Range) -> bool:
    """Tell whether a cell is a number; no limit may be written as infinity."""
    return limits is UNUSED or bool(is_quantity(value) or (limits is UNBOUNDED and value == np.inf))


def _at(lines: list[int], row: int, problem: Problem) -> Problem:
    """Return the problem with the line of its row, where the table is written row by row."""
    return replace(problem, line=lines[row] if row < len(lines) else 0)


def _odd_numbers(fields: Mapping[str, Any], lines: Mapping[str, list[int]]) -> list[Problem]:
    """Return a problem for each bus number given twice, and for each that no bus has."""
    numbers = fields["bus"][:, BUS_I]
    first, repeated = set[float](), []
    for row, number in enumerate(numbers):
        if number in first:
            repeated.append(
                _at(
                    lines["bus"],
                    row,
                    Problem(f"mpc.bus has bus {bus_label(number)} twice; numbers must differ"),
                )
            )
        first.add(number)
    unknown = [
        _at(lines[name], row, Problem(f"mpc.{name} names bus {number:.12g}; mpc.bus has none of that number"))
        for name, columns in (("branch", 2), ("gen", 1))
        for row, ends in enumerate(fields[name][:, :columns])
        for number in ends
        if number not in first
    ]
    return [*repeated, *unknown]


def _notes(case: MatpowerCase, fields: Mapping[str, Any]) -> list[str]:
    """Return what of the file is left out or is not as it stands there."""
    notes = [f"mpc.{name} is not used." for name in fields if name not in NEUTRAL and np.size(fields[name])]
    bus, branch = case.bus, case.branch[case.conducts]
    lost = bus[~case.alive & ((bus[:, PD] != 0) | (bus[:, QD] != 0))]
    notes += [
        f"bus {bus_label(row[BUS_I])} is isolated (type 4): its load of {row[PD]:g} MW is left out."
        for row in lost
    ]
    idle = [f"branch {bus_label(row[F_BUS])}-{bus_label(row[T_BUS])}" for row in case.branch[~case.conducts]]
    idle += [f"the generator at bus {bus_label(row[GEN_BUS])}" for row in case.gen[~case.generates]]
    if idle:
        notes.append(f"{some(idle)}: each is out of service, or at a bus that is, and left out.")
    without = bus[case.alive & (bus[:, BASE_KV] == 0), BUS_I]
    if without.size:
        these = f"{at_bus(bus_label(without[0]))}" + (f" and {without.size - 1} more" * (without.size > 1))
        notes.append(f"baseKV is 0 at {these}: amperes are those of 1 kV.")
    if branch.shape[1] >= ANGLE_LIMITS.stop:
        low, high = branch[:, ANGLE_LIMITS].T
        limited = branch[((low > -360) & (low != 0)) | ((high < 360) & (high != 0))]
        notes += [
            f"branch {bus_label(row[F_BUS])}-{bus_label(row[T_BUS])}: the limits of its angle difference are not kept."
            for row in limited
        ]
    return notes
