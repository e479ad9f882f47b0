"""A dispatch put back into the network as the user gave it: the check that no model of ours stands behind.

A pandapower net is run untouched, with its own loads, taps, switches and limits; CSV tables are read a second time into
lines of pandapower; the cells of a MATPOWER file become the admittance matrix of MATPOWER's manual. What is dispatched
comes on top as feed-in. The voltages must be those of the dispatch, and the limits those of that network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.errors import SolverError
from cosim.grid.bus_words import at_bus
from cosim.grid.net_sources import quiet
from cosim.grid.problem import Load
from cosim.grid.radial import BASE_KVA, ComplexArray, Feeder
from cosim.grid.solution import Dispatch
from cosim.grid.sweep import sweep_voltage
from cosim.grid.voltage_rules import VoltageRules

EXACT_PU = 1e-6
"""A voltage that differs by more is not that of the network; a limit may be missed by as much."""

GIVES_WAY = frozenset({"undervoltage", "overvoltage", "source_limit"})
"""Kinds of violations by which an elastic dispatch is outside limits that its network states."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Power:
    """Load and injection of each bus of a feeder in one period: P + jQ [kW, kvar]."""

    share: FloatArray
    """The load of the bus as a share of its nominal load."""
    fed_in: ComplexArray
    """Injection in addition to that load and to the network's own generators: devices, stations, load that is shed."""
    start_pu: ComplexArray
    """Voltages that a flow may start from: those of our own model. A start decides nothing but how long it takes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenFlow:
    """The power flow of the network as given: the voltage of each bus of the feeder, and what is outside its limits."""

    voltage_pu: FloatArray
    """NaN at the end of an open line, which is no bus of that network."""
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The user's settings that replace those of the network."""

    voltage: VoltageRules
    branch_limit_scale: float = 1.0
    source_limits: bool = True
    """Whether the limits of sources count."""


class GivenNetwork(Protocol):
    """A network as the user gave it."""

    def flow(self, feeder: Feeder, power: Power, overrides: Overrides) -> GivenFlow:
        """Return its power flow; raise ``SolverError`` where there is none."""

    def with_branches(self, in_service: Mapping[str, bool]) -> "GivenNetwork":
        """Return the network with branches, by their names, in service or not."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """The network that a feeder was read from, and the user's overrides."""

    network: GivenNetwork
    overrides: Overrides

    @classmethod
    def under(cls, network: GivenNetwork, voltage: VoltageRules | None) -> "Given":
        """Return the network with the user's limits, if any."""
        return cls(network=network, overrides=Overrides(voltage=voltage or VoltageRules()))

    def with_branches(self, in_service: Mapping[str, bool]) -> "Given":
        """Return the network with branches, by their names, in service or not."""
        return replace(self, network=self.network.with_branches(in_service))

    def under_settings(self, branch_limit_scale: float, *, source_limits: bool) -> "Given":
        """Return the network with all limits of branches times a factor, with or without those of its sources."""
        overrides = replace(
            self.overrides, branch_limit_scale=branch_limit_scale, source_limits=source_limits
        )
        return replace(self, overrides=overrides)


def check_against_given(feeder: Feeder, dispatch: Dispatch, load: Load, row: int) -> Dispatch:
    """Return the dispatch, no longer certified where the network as given has other voltages or breaks a limit.

    In a period of which the dispatch says itself that such a limit gives way, only the voltages are compared.
    """
    if feeder.given is None or dispatch.status == "failed":
        return dispatch
    number = dispatch.first_period + row
    period = f"period {number}"
    try:
        with quiet():
            flow = feeder.given.network.flow(
                feeder, _power(feeder, dispatch, load, row), feeder.given.overrides
            )
    except SolverError as error:
        return _not_certified(dispatch, f"{period}: {error}")
    apart = np.abs(flow.voltage_pu - dispatch.voltage_pu[row])
    if np.isfinite(apart[list(feeder.cut_off)]).any():
        return _not_certified(
            dispatch, f"{period}: the network as given supplies what the dispatch takes as cut off."
        )
    mismatch_pu = dispatch.ac_mismatch_pu.copy()
    mismatch_pu[row] = np.fmax(mismatch_pu[row], np.nanmax(apart))
    checked = replace(dispatch, ac_mismatch_pu=mismatch_pu)
    if not np.nanmax(apart) <= EXACT_PU:
        bus = at_bus(feeder.bus_names[int(np.nanargmax(apart))])
        sentence = (
            f"{period}, {bus}: the voltage in the network as given differs by {np.nanmax(apart):.1e} p.u."
        )
        return _not_certified(checked, sentence)
    gives_way = any(own.period == number and own.kind in GIVES_WAY for own in dispatch.violations)
    if flow.broken and not gives_way:
        return _not_certified(checked, f"{period}, {flow.broken[0]}")
    return checked


def _not_certified(dispatch: Dispatch, reason: str) -> Dispatch:
    """Return the dispatch with one more reason, unless it has another already."""
    first = dispatch.reason_not_certified or reason
    return replace(dispatch, status="not certified", reason_not_certified=first)


def _power(feeder: Feeder, dispatch: Dispatch, load: Load, row: int) -> Power:
    """Return what one period of a dispatch draws and feeds in; load that is no share of the nominal one is fed in."""
    base = load.base_kw[row] + 1j * load.base_kvar[row]
    nominal = feeder.load_kw + 1j * feeder.load_kvar + feeder.generation_kva
    demand = base + feeder.generation_kva
    reference = np.where(nominal.real != 0, nominal.real, nominal.imag)
    wanted = np.where(nominal.real != 0, demand.real, demand.imag)
    share = np.divide(wanted, reference, out=np.ones(feeder.bus_count), where=reference != 0)
    injection = dispatch.injection_kw[row] + 1j * dispatch.injection_kvar[row]
    fed_in = injection + share * nominal - feeder.generation_kva
    return Power(
        share=share,
        fed_in=np.asarray(fed_in, dtype=np.complex128),
        start_pu=_own_voltage(feeder, np.asarray(injection / BASE_KVA, dtype=np.complex128)),
    )


def _own_voltage(feeder: Feeder, injection_pu: ComplexArray) -> ComplexArray:
    """Return the voltages of our own model of the feeder; flat where it has none."""
    try:
        return sweep_voltage(feeder, injection_pu)
    except SolverError:
        return np.ones(feeder.bus_count, dtype=np.complex128)


def voltages_outside(
    names: list[str], voltage_pu: FloatArray, limits: tuple[FloatArray, FloatArray]
) -> Iterator[str]:
    """Yield a sentence for each voltage outside its limits (low, high) [p.u.]."""
    for name, voltage, low, high in zip(names, voltage_pu, *limits, strict=True):
        if not low - EXACT_PU <= voltage <= high + EXACT_PU:
            yield f"{at_bus(name)}: {voltage:.6f} p.u. in the network as given, which allows {low:g} to {high:g}."


def overload(name: str, loading: float) -> str:
    """Return the sentence on a branch at *loading*, a share of its limit."""
    return f"{name}: {loading:.4%} of its limit in the network as given."


def between_joined_buses(ends: IntArray, ratio: ComplexArray, surplus: ComplexArray) -> ComplexArray:
    """Return the current that enters each branch without impedance, by Kirchhoff's law at its (from, to) *ends*.

    *surplus* is what is left over at each bus; *ratio* is that of the ideal transformer in each branch.
    """
    buses, place = np.unique(ends, return_inverse=True)
    near, far = place.reshape(-1, 2).T
    leaving = np.zeros((buses.size, len(ends)), dtype=np.complex128)
    leaving[near, np.arange(len(ends))] += 1.0
    leaving[far, np.arange(len(ends))] -= np.conj(ratio)
    return np.asarray(np.linalg.lstsq(leaving, surplus[buses], rcond=None)[0], dtype=np.complex128)
