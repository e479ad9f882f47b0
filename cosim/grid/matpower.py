"""A feeder read from a MATPOWER case file (.m, version 2): its statements are carried out, its cells are taken.

The bus, branch and generator tables mean what MATPOWER's manual says (appendix B). ``rateA`` is the limit of the
current at either end, |I| <= rateA at 1 p.u., as under MATPOWER's option ``opf.flow_lim = 'I'``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.csv_tables import ANY, NOT_NEGATIVE, POSITIVE, Range
from cosim.errors import Problem, refuse
from cosim.grid.branch import Branch, join_parallel
from cosim.grid.bus_words import at_bus
from cosim.grid.case_language import run_case
from cosim.grid.case_tokens import read_text
from cosim.grid.given_network import Given, GivenCells
from cosim.grid.radial import BASE_KVA, ComplexArray, Feeder, Tables, build_feeder
from cosim.grid.tree import Edge
from cosim.grid.voltage_rules import VoltageRules

WHOLE = Range("a whole number above 0", lambda value: value > 0 and value == round(value))
BUS_TYPE = Range("1 (PQ), 2 (PV), 3 (reference) or 4 (isolated)", lambda value: value in {1, 2, 3, 4})
UNUSED = Range("", lambda _: True)
"""A column that no power flow and no limit of it rests on."""
COLUMNS: Mapping[str, Mapping[str, Range]] = {
    "bus": {
        "bus_i": WHOLE,
        "type": BUS_TYPE,
        "Pd": ANY,
        "Qd": ANY,
        "Gs": ANY,
        "Bs": ANY,
        "area": UNUSED,
        "Vm": UNUSED,
        "Va": UNUSED,
        "baseKV": NOT_NEGATIVE,
        "zone": UNUSED,
        "Vmax": NOT_NEGATIVE,
        "Vmin": NOT_NEGATIVE,
    },
    "branch": {
        "fbus": WHOLE,
        "tbus": WHOLE,
        "r": NOT_NEGATIVE,
        "x": ANY,
        "b": ANY,
        "rateA": NOT_NEGATIVE,
        "rateB": UNUSED,
        "rateC": UNUSED,
        "ratio": NOT_NEGATIVE,
        "angle": ANY,
        "status": UNUSED,
    },
    "gen": {
        "bus": WHOLE,
        "Pg": ANY,
        "Qg": ANY,
        "Qmax": UNUSED,
        "Qmin": UNUSED,
        "Vg": POSITIVE,
        "mBase": UNUSED,
        "status": UNUSED,
    },
}
"""The columns of each table, in order, and what the cells of a row in service may be."""
PQ, PV, REFERENCE, ISOLATED = 1, 2, 3, 4
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
        alive: BoolArray = self.bus[:, 1] != ISOLATED
        return alive

    @property
    def generates(self) -> BoolArray:
        """Marks the generators in service."""
        generates: BoolArray = self.gen[:, 7] > 0
        return generates

    @property
    def conducts(self) -> BoolArray:
        """Marks the branches in service, between buses that are not isolated."""
        ends = np.isin(self.branch[:, :2], self.bus[self.alive, 0])
        conducts: BoolArray = np.logical_and(ends.all(axis=1), self.branch[:, 10] != 0)
        return conducts


def feeder_from_matpower(path: Path, *, voltage: VoltageRules | None = None) -> Feeder:
    """Return the feeder of a MATPOWER file; buses are named by their numbers in the file.

    Raises ``ConfigError`` for a statement that is not understood, cells out of range, loops, and elements that the
    model has none for, each with its line or number.
    """
    case = read_matpower(path)
    generation = _generation(case)
    slacks, problems = _slacks(case)
    branches, _ = join_parallel(_branches(case))
    bus = case.bus[case.alive]
    tables = Tables(
        name=path.stem,
        source=str(path),
        buses=_loads(case, generation),
        generation_kva=generation,
        branches=branches,
        slacks=slacks,
        v_base_kv=np.where(bus[:, 9] > 0, bus[:, 9], 1.0),
        shunt_pu=np.asarray(bus[:, 4] + 1j * bus[:, 5], dtype=np.complex128) * 1e3 / BASE_KVA,
        voltage_limits_pu=(bus[:, 12], bus[:, 11]),
        notes=case.notes,
        bus_numbers="the numbers are those of the file",
    )
    feeder = build_feeder(tables, voltage, problems)
    return replace(feeder, given=Given.under(_given(case, generation), voltage))


def _given(case: MatpowerCase, generation: ComplexArray) -> GivenCells:
    """Return the cells of what is in service."""
    bus, branch = case.bus[case.alive], case.branch[case.conducts].copy()
    position = {number: float(k) for k, number in enumerate(bus[:, 0])}
    branch[:, :2] = [[position[near], position[far]] for near, far in branch[:, :2]]
    return GivenCells(base_mva=case.base_mva, bus=bus, branch=branch, generation_mva=generation / 1e3)


def read_matpower(path: Path) -> MatpowerCase:
    """Return the cells of a MATPOWER file; raise ``ConfigError`` with every fault of its statements and cells."""
    said, problems = run_case(read_text(path))
    fields = said.fields
    if not problems:
        problems = _missing(fields)
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


def _missing(fields: Mapping[str, Any]) -> list[Problem]:
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
    if not (np.isscalar(base) and not isinstance(base, str) and 0 < base < np.inf):  # type: ignore[operator]
        problems.append(Problem(field="mpc.baseMVA", value=base, allowed=POSITIVE.allowed))
    if str(fields.get("version", "2")).removesuffix(".0") != "2":
        problems.append(Problem(field="mpc.version", value=fields["version"], allowed="'2'"))
    return problems


def _odd_cells(name: str, table: FloatArray, lines: list[int]) -> list[Problem]:
    """Return a problem for each cell of a row in service that is no number, or out of its range."""
    status = {
        "bus": np.ones(len(table)),
        "branch": table[:, 10:11].sum(axis=1),
        "gen": table[:, 7:8].sum(axis=1),
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
    return limits is UNUSED or bool(np.isfinite(value) or (limits is NOT_NEGATIVE and value == np.inf))


def _at(lines: list[int], row: int, problem: Problem) -> Problem:
    """Return the problem with the line of its row, where the table is written row by row."""
    return replace(problem, line=lines[row] if row < len(lines) else 0)


def _odd_numbers(fields: Mapping[str, Any], lines: Mapping[str, list[int]]) -> list[Problem]:
    """Return a problem for each bus number given twice, and for each that no bus has."""
    numbers = fields["bus"][:, 0]
    first, repeated = set[float](), []
    for row, number in enumerate(numbers):
        if number in first:
            repeated.append(
                _at(lines["bus"], row, Problem(f"mpc.bus has bus {number:g} twice; numbers must differ"))
            )
        first.add(number)
    unknown = [
        _at(lines[name], row, Problem(f"mpc.{name} names bus {number:g}; mpc.bus has none of that number"))
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
    lost = bus[~case.alive & ((bus[:, 2] != 0) | (bus[:, 3] != 0))]
    notes += [f"bus {row[0]:g} is isolated (type 4): its load of {row[2]:g} MW is left out." for row in lost]
    without = bus[case.alive & (bus[:, 9] == 0), 0]
    if without.size:
        some = f"{at_bus(f'{without[0]:g}')}" + (f" and {without.size - 1} more" * (without.size > 1))
        notes.append(f"baseKV is 0 at {some}: amperes are those of 1 kV.")
    if branch.shape[1] >= ANGLE_LIMITS.stop:
        low, high = branch[:, ANGLE_LIMITS].T
        limited = branch[((low > -360) & (low != 0)) | ((high < 360) & (high != 0))]
        notes += [
            f"branch {row[0]:g}-{row[1]:g}: the limits of its angle difference are not kept."
            for row in limited
        ]
    return notes


def _generation(case: MatpowerCase) -> ComplexArray:
    """Return what is fed in at each bus, P + jQ [kW, kvar]: by generators at PQ buses, and by loads below 0."""
    bus = case.bus[case.alive]
    fed_in = np.where(bus[:, 2] < 0, -(bus[:, 2] + 1j * bus[:, 3]) * 1e3, 0.0)
    position = {number: k for k, number in enumerate(bus[:, 0]) if bus[k, 1] == PQ}
    for row in case.gen[case.generates]:
        if row[0] in position:
            fed_in[position[row[0]]] += complex(row[1], row[2]) * 1e3
    return np.asarray(fed_in, dtype=np.complex128)


def _loads(case: MatpowerCase, generation: ComplexArray) -> dict[str, tuple[float, float]]:
    """Return the load of each bus (kW, kvar), less what is fed in there."""
    bus = case.bus[case.alive]
    net = np.where(bus[:, 2] < 0, 0.0, (bus[:, 2] + 1j * bus[:, 3]) * 1e3) - generation
    return {
        f"{number:g}": (load.real, load.imag) for number, load in zip(bus[:, 0], net.tolist(), strict=True)
    }


def _slacks(case: MatpowerCase) -> tuple[dict[str, float], list[Problem]]:
    """Return the voltage of each slack bus, and a problem for each bus that holds a voltage besides, or should."""
    kind = {f"{row[0]:g}": int(row[1]) for row in case.bus[case.alive]}
    slacks: dict[str, float] = {}
    problems = []
    for row in case.gen[case.generates]:
        name = f"{row[0]:g}"
        if kind.get(name) == REFERENCE:
            if slacks.setdefault(name, float(row[5])) != row[5]:
                problems.append(Problem(f"bus {name}: its generators hold different voltages (Vg)"))
        elif kind.get(name) == PV:
            found = f"bus {name}: its generator holds a voltage (type 2)"
            advice = (
                "make the bus type 1, where it feeds in Pg and Qg, or a slack (type 3) of a tree of its own"
            )
            problems.append(Problem(found, advice=advice))
    for name, number in kind.items():
        if number == REFERENCE and name not in slacks:
            problems.append(
                Problem(f"bus {name} is a reference (type 3), but no generator is in service there")
            )
    if not slacks and not problems:
        problems.append(Problem("no bus is a reference (type 3); every part of a feeder has one"))
    return slacks, problems


def _branches(case: MatpowerCase) -> list[Branch]:
    """Return the branches in service in per unit of 1 MVA; lines and transformers are counted from 0, each."""
    base_kv = dict(zip(case.bus[:, 0], case.bus[:, 9], strict=True))
    to_base = BASE_KVA / (case.base_mva * 1e3)
    counts = {"line": 0, "trafo": 0}
    found = []
    for row, conducts in zip(case.branch, case.conducts, strict=True):
        is_line = row[8] in {0, 1} and row[9] == 0 and base_kv[row[0]] == base_kv[row[1]]
        kind = "line" if is_line else "trafo"
        counts[kind] += 1
        if conducts:
            limit_pu = float(row[5]) * 1e3 / BASE_KVA or np.inf
            charging = 0.5j * float(row[4]) / to_base
            found.append(
                Branch(
                    edge=Edge(f"{kind} {counts[kind] - 1}", (f"{row[0]:g}", f"{row[1]:g}")),
                    z_pu=complex(row[2], row[3]) * to_base,
                    y_pu=(charging, charging),
                    taps=(float(row[8]) or 1.0, 1.0),
                    current_max_pu=(limit_pu, limit_pu),
                )
            )
    return found
