"""The cells of a MATPOWER file as admittances of MATPOWER's manual: a reading apart from the feeder's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from cosim.arrays import FloatArray, IntArray
from cosim.errors import ConfigError, SolverError
from cosim.grid.given_network import (
    EXACT_PU,
    GivenFlow,
    Overrides,
    Power,
    between_joined_buses,
    overload,
    voltages_outside,
)
from cosim.grid.matpower_columns import (
    BR_B,
    BR_R,
    BR_X,
    BS,
    BUS_I,
    F_BUS,
    GEN_BUS,
    GS,
    PD,
    PMAX,
    PMIN,
    QD,
    QMAX,
    QMIN,
    RATE_A,
    SHIFT,
    T_BUS,
    TAP,
    VM_MAX,
    VM_MIN,
    bus_label,
)
from cosim.grid.radial import ComplexArray, Feeder
from cosim.grid.sources import sources_outside

STEPS_MAX = 1000
"""Of the fixed point, whose error shrinks by a factor in each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenCells:
    """The cells of a MATPOWER file, isolated buses left out; buses are in the order of the feeder."""

    base_mva: float
    bus: FloatArray
    branch: FloatArray
    """Of those in service, with positions of buses for their numbers."""
    gen: FloatArray
    """Of those in service."""
    generation_mva: ComplexArray
    """Injection of generators at PQ buses and of negative loads."""

    def with_branches(self, in_service: Mapping[str, bool]) -> "GivenCells":
        """Raise ConfigError: which cells a branch is, its name does not say."""
        source = "MATPOWER"
        raise ConfigError(
            source, [f"branches of a MATPOWER file cannot be switched, {', '.join(in_service)} neither"]
        )

    def flow(self, feeder: Feeder, power: Power, overrides: Overrides) -> GivenFlow:
        """Return the power flow in MATPOWER's admittances (manual, Eq. 3.2), by fixed-point steps."""
        model = _admittances(self, tuple(feeder.slack_buses.tolist()))
        demand = np.where(self.bus[:, PD] < 0, 0.0, self.bus[:, PD] + 1j * self.bus[:, QD])
        sent = (power.fed_in / 1e3 - power.share * demand + self.generation_mva) / self.base_mva
        at_node = np.zeros(model.share.shape[1], dtype=np.complex128)
        loads, slacks = model.loads, model.slacks
        at_node[slacks] = feeder.slack_voltages_pu / model.slack_share
        drive = model.at_nodes[loads][:, slacks] @ at_node[slacks]
        at_node[loads] = -model.factor.solve(drive)
        to_nodes = model.share.conj().T
        for _ in range(STEPS_MAX):
            with np.errstate(all="ignore"):
                current = to_nodes @ np.conj(sent / (model.share @ at_node))
                updated = model.factor.solve(current[loads] - drive)
            moved = np.abs(updated - at_node[loads]).max(initial=0.0)
            at_node[loads] = updated
            if not moved > EXACT_PU * 1e-4:
                break
        if not moved <= EXACT_PU * 1e-4:
            msg = "the power flow of the network as given does not converge."
            raise SolverError(msg)
        voltage = model.share @ at_node
        broken = [
            *self._broken_voltages(feeder, np.abs(voltage), overrides),
            *self._overloads(model.entering(voltage, sent), overrides),
        ]
        if overrides.source_limits and self.gen.shape[1] > PMIN:
            broken += self._sources(feeder, model.supply(voltage, sent))
        return GivenFlow(voltage_pu=np.abs(voltage), broken=tuple(broken))

    def _broken_voltages(self, feeder: Feeder, voltage_pu: FloatArray, overrides: Overrides) -> Iterator[str]:
        low, high = overrides.voltage.limits(self.bus[:, VM_MIN], self.bus[:, VM_MAX])
        fed = np.setdiff1d(np.arange(feeder.bus_count), feeder.slack_buses)
        names = [feeder.bus_names[k] for k in fed]
        yield from voltages_outside(names, voltage_pu[fed], (low[fed], high[fed]))

    def _sources(self, feeder: Feeder, supply: ComplexArray) -> Iterator[str]:
        numbers = self.bus[feeder.slack_buses, BUS_I]
        own = [self.gen[self.gen[:, GEN_BUS] == number] for number in numbers]
        limits = np.array([rows[:, [PMIN, PMAX, QMIN, QMAX]].sum(axis=0) for rows in own]) * 1e3
        limits[
            [not rows[:, PMIN].any() for rows in own], 0
        ] = -np.inf  # whether power may flow back is the user's word
        yield from sources_outside(feeder, supply * self.base_mva * 1e3, limits, EXACT_PU)

    def _overloads(self, entering: tuple[ComplexArray, ComplexArray], overrides: Overrides) -> Iterator[str]:
        limit_pu = self.branch[:, RATE_A] / self.base_mva * overrides.branch_limit_scale
        limit_pu = np.where(limit_pu > 0, limit_pu, np.inf)
        loading = np.maximum(*(np.abs(current) for current in entering)) / limit_pu
        for k in np.flatnonzero(loading > 1 + EXACT_PU):
            from_bus, to_bus = self.bus[self.branch[k, [F_BUS, T_BUS]].astype(int), BUS_I]
            yield overload(f"branch {bus_label(from_bus)}-{bus_label(to_bus)}", loading[k])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Model:
    """The admittances of a case; buses that branches without impedance join are one node."""

    ends: tuple[Any, Any]
    """Of the branches' two ends: (branches, buses); of one without impedance, its charging."""
    node: IntArray
    """The node of each bus."""
    share: Any
    """Voltage of each bus over that of its node: (buses, nodes)."""
    at_nodes: Any
    factor: Any
    """Factors of those among the nodes *loads*."""
    loads: IntArray
    slacks: IntArray
    """The nodes of the slack buses, ..."""
    slack_buses: IntArray
    """... and these themselves."""
    slack_share: ComplexArray
    """Voltage of each slack bus over that of its node."""
    at_buses: Any
    joining: IntArray
    """The branches without impedance, ..."""
    tap: ComplexArray
    """... and the ratio of every branch."""
    bus_of_end: IntArray
    """The buses of each branch: (branches, 2)."""

    def entering(self, voltage: ComplexArray, sent: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """Return the current that enters each branch at its two ends."""
        near, far = (end @ voltage for end in self.ends)
        if self.joining.size:
            surplus = np.conj(sent / voltage) - self.at_buses @ voltage
            surplus[self.slack_buses] += np.conj(self.supply(voltage, sent) / voltage[self.slack_buses])
            tap = self.tap[self.joining]
            through = between_joined_buses(self.bus_of_end[self.joining], tap, surplus)
            near[self.joining] += through
            far[self.joining] -= np.conj(tap) * through
        return near, far

    def supply(self, voltage: ComplexArray, sent: ComplexArray) -> ComplexArray:
        """Return what each slack bus takes from the upper grid."""
        at_node = np.zeros(self.share.shape[1], dtype=np.complex128)
        np.add.at(at_node, self.node, voltage * np.conj(self.at_buses @ voltage) - sent)
        return at_node[self.slacks]


@lru_cache(maxsize=16)
def _admittances(given: GivenCells, slacks: tuple[int, ...]) -> _Model:
    """Return the admittances of the branches' two ends and of the nodes, and their factors."""
    branch, count = given.branch, len(given.bus)
    bus_of_end = branch[:, [F_BUS, T_BUS]].astype(int)
    z = branch[:, BR_R] + 1j * branch[:, BR_X]
    series = np.divide(1.0, z, out=np.zeros_like(z), where=z != 0)
    tap = np.where(branch[:, TAP] == 0, 1.0, branch[:, TAP]) * np.exp(1j * np.deg2rad(branch[:, SHIFT]))
    own = series + 0.5j * branch[:, BR_B]
    lines = np.arange(len(branch))
    at, shape = (np.tile(lines, 2), bus_of_end.T.ravel()), (len(branch), count)
    first = sparse.csr_array(
        (np.concatenate([own / np.abs(tap) ** 2, -series / np.conj(tap)]), at), shape=shape
    )
    second = sparse.csr_array((np.concatenate([-series / tap, own]), at), shape=shape)
    begins, ends = (
        sparse.csr_array((np.ones(len(branch)), (lines, end)), shape=shape) for end in bus_of_end.T
    )
    shunt = sparse.diags_array((given.bus[:, GS] + 1j * given.bus[:, BS]) / given.base_mva)
    at_buses = sparse.csr_array(begins.T @ first + ends.T @ second + shunt)
    joining = np.flatnonzero(z == 0)
    node, ratio = _nodes(bus_of_end[joining], tap[joining], count)
    share = sparse.csr_array((ratio, (np.arange(count), node)))
    at_nodes = sparse.csr_array(share.conj().T @ at_buses @ share)
    held = node[list(slacks)]
    loads = np.setdiff1d(np.arange(share.shape[1]), held)
    return _Model(
        ends=(first, second),
        node=node,
        share=share,
        at_nodes=at_nodes,
        factor=splu(sparse.csc_array(at_nodes[loads][:, loads])),
        loads=loads,
        slacks=held,
        slack_buses=np.array(slacks, dtype=np.int64),
        slack_share=ratio[list(slacks)],
        at_buses=at_buses,
        joining=joining,
        tap=tap,
        bus_of_end=bus_of_end,
    )


def _nodes(joined: IntArray, tap: ComplexArray, count: int) -> tuple[IntArray, ComplexArray]:
    """Return the node of each bus, counted from 0, and its voltage over that of the node."""
    node, ratio = np.arange(count), np.ones(count, dtype=np.complex128)
    for (near, far), across in zip(joined, tap, strict=True):
        moved = node == node[far]
        ratio[moved] *= ratio[near] / across / ratio[far]
        node[moved] = node[near]
    return np.unique(node, return_inverse=True)[1].astype(np.int64), ratio
