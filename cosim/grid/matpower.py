"""A feeder read from a MATPOWER case file (.m, version 2): its statements are carried out, its cells are taken.

The bus, branch and generator tables mean what MATPOWER's manual says (appendix B). ``rateA`` is the limit of the
current at either end, |I| <= rateA at 1 p.u., as under MATPOWER's option ``opf.flow_lim = 'I'``.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import Problem
from cosim.grid.branch import Branch, join_parallel
from cosim.grid.given_cells import GivenCells
from cosim.grid.given_network import Given
from cosim.grid.matpower_case import PQ, PV, REFERENCE, MatpowerCase, read_matpower
from cosim.grid.matpower_columns import (
    BASE_KV,
    BR_B,
    BR_R,
    BR_X,
    BS,
    BUS_I,
    BUS_TYPE,
    F_BUS,
    GEN_BUS,
    GS,
    PD,
    PG,
    PMAX,
    PMIN,
    QD,
    QG,
    QMAX,
    QMIN,
    RATE_A,
    SHIFT,
    T_BUS,
    TAP,
    VG,
    VM_MAX,
    VM_MIN,
    bus_label,
)
from cosim.grid.radial import BASE_KVA, ComplexArray, Feeder, Tables, build_feeder
from cosim.grid.sources import source_limits
from cosim.grid.tree import Edge
from cosim.grid.voltage_rules import VoltageRules


def feeder_from_matpower(path: Path, *, voltage: VoltageRules | None = None) -> Feeder:
    """Return the feeder of a MATPOWER file; buses are named by their numbers in the file.

    Raises ``ConfigError`` for a statement that is not understood, cells out of range, loops, and elements that the
    model has none for, each with its line or number.
    """
    case = read_matpower(path)
    generation = _generation(case)
    slacks, problems = _slacks(case)
    limits, odd = _source_limits(case, list(slacks))
    problems += odd
    branches, _ = join_parallel(_branches(case))
    bus = case.bus[case.alive]
    tables = Tables(
        name=path.stem,
        source=str(path),
        buses=_loads(case, generation),
        generation_kva=generation,
        branches=branches,
        slacks=slacks,
        v_base_kv=np.where(bus[:, BASE_KV] > 0, bus[:, BASE_KV], 1.0),
        shunt_pu=np.asarray(bus[:, GS] + 1j * bus[:, BS], dtype=np.complex128) * 1e3 / BASE_KVA,
        voltage_limits_pu=(bus[:, VM_MIN], bus[:, VM_MAX]),
        source_limits_kva=limits,
        notes=case.notes,
        bus_numbers="the numbers are those of the file",
    )
    feeder = build_feeder(tables, voltage, problems)
    return replace(feeder, given=Given.under(_given(case, generation), voltage))


def _given(case: MatpowerCase, generation: ComplexArray) -> GivenCells:
    """Return the cells of what is in service."""
    bus, branch = case.bus[case.alive], case.branch[case.conducts].copy()
    position = {number: float(k) for k, number in enumerate(bus[:, BUS_I])}
    ends = [F_BUS, T_BUS]
    branch[:, ends] = [[position[from_bus], position[to_bus]] for from_bus, to_bus in branch[:, ends]]
    return GivenCells(
        base_mva=case.base_mva,
        bus=bus,
        branch=branch,
        gen=case.gen[case.generates],
        generation_mva=generation / 1e3,
    )


def _generation(case: MatpowerCase) -> ComplexArray:
    """Return what is fed in at each bus, P + jQ [kW, kvar]: by generators at PQ buses, and by loads below 0."""
    bus = case.bus[case.alive]
    fed_in = np.where(bus[:, PD] < 0, -(bus[:, PD] + 1j * bus[:, QD]) * 1e3, 0.0)
    position = {number: k for k, number in enumerate(bus[:, BUS_I]) if bus[k, BUS_TYPE] == PQ}
    for row in case.gen[case.generates]:
        if row[GEN_BUS] in position:
            fed_in[position[row[GEN_BUS]]] += complex(row[PG], row[QG]) * 1e3
    return np.asarray(fed_in, dtype=np.complex128)


def _loads(case: MatpowerCase, generation: ComplexArray) -> dict[str, tuple[float, float]]:
    """Return the load of each bus (kW, kvar), less what is fed in there."""
    bus = case.bus[case.alive]
    net = np.where(bus[:, PD] < 0, 0.0, (bus[:, PD] + 1j * bus[:, QD]) * 1e3) - generation
    return {
        bus_label(number): (load.real, load.imag)
        for number, load in zip(bus[:, BUS_I], net.tolist(), strict=True)
    }


def _slacks(case: MatpowerCase) -> tuple[dict[str, float], list[Problem]]:
    """Return the voltage of each slack bus, and a problem for each bus that holds a voltage besides, or should."""
    kind = {bus_label(row[BUS_I]): int(row[BUS_TYPE]) for row in case.bus[case.alive]}
    slacks: dict[str, float] = {}
    problems = []
    for row in case.gen[case.generates]:
        name = bus_label(row[GEN_BUS])
        if kind.get(name) == REFERENCE:
            if slacks.setdefault(name, float(row[VG])) != row[VG]:
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


def _source_limits(case: MatpowerCase, slacks: list[str]) -> tuple[FloatArray | None, list[Problem]]:
    """Return the limits of the generators at each slack bus, and a problem for each that cannot be."""
    columns = [PMIN, PMAX, QMIN, QMAX]
    rows = [row for row in case.gen[case.generates] if bus_label(row[GEN_BUS]) in slacks]
    if not rows or len(rows[0]) <= PMIN:
        return None, []
    stated = np.array(rows)[:, columns]
    problems = [
        Problem(
            f"bus {bus_label(row[GEN_BUS])}: the limits of its generator are crossed or no numbers ({name})"
        )
        for row in rows
        for low, high, name in ((PMIN, PMAX, "Pmin, Pmax"), (QMIN, QMAX, "Qmin, Qmax"))
        if not row[low] <= row[high]
    ]
    at = [slacks.index(bus_label(row[GEN_BUS])) for row in rows]
    return source_limits(stated * 1e3, at, len(slacks)), problems


def _branches(case: MatpowerCase) -> list[Branch]:
    """Return the branches in service in per unit of 1 MVA; lines and transformers are counted from 0, each."""
    base_kv = dict(zip(case.bus[:, BUS_I], case.bus[:, BASE_KV], strict=True))
    to_base = BASE_KVA / (case.base_mva * 1e3)
    counts = {"line": 0, "trafo": 0}
    found = []
    for row, conducts in zip(case.branch, case.conducts, strict=True):
        is_line = row[TAP] in {0, 1} and row[SHIFT] == 0 and base_kv[row[F_BUS]] == base_kv[row[T_BUS]]
        kind = "line" if is_line else "trafo"
        counts[kind] += 1
        if conducts:
            limit_pu = float(row[RATE_A]) * 1e3 / BASE_KVA or np.inf
            charging = 0.5j * float(row[BR_B]) / to_base
            found.append(
                Branch(
                    edge=Edge(f"{kind} {counts[kind] - 1}", (bus_label(row[F_BUS]), bus_label(row[T_BUS]))),
                    z_pu=complex(row[BR_R], row[BR_X]) * to_base,
                    y_pu=(charging, charging),
                    taps=(float(row[TAP]) or 1.0, 1.0),
                    current_max_pu=(limit_pu, limit_pu),
                )
            )
    return found
