"""The model builder: variables and parameters of a dispatch by name, and the terms that groups of devices add.

Everything is in per unit of 1 MVA. CVXPY is loaded where a symbol is made: reading a scenario needs none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from cosim.arrays import FloatArray, IntArray
from cosim.grid.problem import Elastic
from cosim.grid.radial import BASE_KVA, Feeder

Constraints = list[Any]
"""Constraints of CVXPY."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The injections (periods, buses), cost [CNY] and constraints of one group of devices."""

    p: Any = 0.0
    q: Any = 0.0
    cost: Any = 0.0
    constraints: Constraints = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Values of parameters by name: of each period, before the first, at the end of the last."""

    by_period: Mapping[str, FloatArray]
    before: Mapping[str, FloatArray] = field(default_factory=dict)
    ends: Mapping[str, FloatArray] = field(default_factory=dict)
    tilt: Mapping[str, FloatArray] = field(default_factory=dict)
    """Additional objective coefficients by variable name, per unit of each: (periods, items)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A parameter times a variable, thing by thing, and the symbol that stands for it: (1, things)."""

    parameter: str
    variable: str
    at: IntArray
    """Which things of the variable."""
    symbol: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelBuilder:
    """A dispatch being written down: what all terms need to know, and the symbols used so far.

    Where it is *linked*, one period is to be copied, and is compiled once for all values of its parameters: variables
    stand for what changes, for CVXPY's own parameters cost memory with the product of variables and parameters.
    """

    feeder: Feeder
    periods: int
    period_h: float
    elastic: Elastic | None
    """Penalties on broken limits; None while the limits are strict."""
    linked: bool = False
    """Whether variables stand for the period before, for parameters and for their products with variables."""
    variables: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    """The data that change from solve to solve, one row per period."""
    products: list[Product] = field(default_factory=list)
    """Of a linked dispatch."""
    before: dict[str, Any] = field(default_factory=dict)
    """State at the end of the period before the first, by the name of the variable that continues it."""
    ends: dict[str, Any] = field(default_factory=dict)
    """Values required of variables in the last period."""
    penalised: list[str] = field(default_factory=list)
    """The variables that say by how much limits are broken."""
    penalties: list[Any] = field(default_factory=list)
    """Their cost [CNY]."""

    def variable(self, name: str, count: int) -> Any:
        """Return a variable (periods, *count*)."""
        from cvxpy import Variable

        return self.variables.setdefault(name, Variable((self.periods, count), name=name))

    def slack(self, name: str, count: int, price_cny: float) -> Any:
        """Return a variable (periods, *count*) for breaking a limit, at a price per unit."""
        from cvxpy import sum as total

        variable = self.variable(name, count)
        self.penalised.append(name)
        self.penalties.append(price_cny * total(variable))
        return variable

    def parameter(self, name: str, count: int) -> Any:
        """Return a parameter (periods, *count*), to be added to other terms; see `times`."""
        return self.parameters.setdefault(name, self._given((self.periods, count), name))

    def times(self, name: str, variable: str, at: IntArray | None = None, *, count: int | None = None) -> Any:
        """Return the parameter *name* times a *variable* (its things *at*), thing by thing.

        The parameter has as many things as the product, or *count*: 1 if it is the same for all.
        """
        from cvxpy import Variable, multiply

        of = self.variables[variable]
        at = np.arange(of.shape[1]) if at is None else at
        parameter = self.parameter(name, at.size if count is None else count)
        if not self.linked:
            return multiply(parameter if count is None else parameter @ np.ones((1, at.size)), of[:, at])
        symbol = Variable((self.periods, at.size), name=f"{name} times {variable}")
        self.products.append(Product(parameter=name, variable=variable, at=at, symbol=symbol))
        return symbol

    def previous(self, name: str, count: int) -> Any:
        """Return what the variable *name* was before the first period, (1, *count*)."""
        return self.before.setdefault(name, self._given((1, count), f"{name} before"))

    def terminal_energy(self, name: str, count: int) -> Constraints:
        """Return that the variable *name* ends as it should, or misses that at a price where elastic."""
        end = self.ends.setdefault(name, self._given((1, count), f"{name} at the end"))
        short = self.variables[name][-1:] - end
        if self.elastic is None:
            return [short == 0]
        missed = self.slack(f"{name} missed", count, self.elastic.terminal_energy_cny_per_kwh * BASE_KVA)
        return [short <= missed[-1:], -short <= missed[-1:], missed >= 0]

    def _given(self, shape: tuple[int, int], name: str) -> Any:
        """Return the symbol of what is given to a solve: a variable where the dispatch is linked."""
        from cvxpy import Parameter, Variable

        return (Variable if self.linked else Parameter)(shape, name=name)

    def energy_price(self, name: str) -> float:
        """Return a penalty per p.u. of power held for one period."""
        return float(getattr(self.elastic, name)) * BASE_KVA * self.period_h


def at_buses(buses: Sequence[str], feeder: Feeder) -> Any:
    """Return the sparse (names, buses) matrix that marks each bus by its name."""
    return marks(np.array([feeder.bus_index(bus) for bus in buses], dtype=np.int64), feeder)


def marks(buses: IntArray, feeder: Feeder) -> Any:
    """Return the sparse (things, buses) matrix that marks the bus of each thing."""
    shape = (buses.size, feeder.bus_count)
    return sparse.csr_array((np.ones(buses.size), (np.arange(buses.size), buses)), shape=shape)


def earlier(value: Any, before: Any) -> Any:
    """Return each period's value one period earlier, *before* in the first."""
    from cvxpy import vstack

    return before if value.shape[0] == 1 else vstack([before, value[:-1]])


def rows(limit: Any, like: Any) -> Any:
    """Return one limit per thing, repeated for every period; an expression stays as it is."""
    if isinstance(limit, np.ndarray | float | int):
        return np.broadcast_to(np.asarray(limit, dtype=np.float64), like.shape)
    return limit
