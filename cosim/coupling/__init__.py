"""The coupled equilibrium of a day: demand, stochastic user equilibrium, station load, tariff, dispatch."""

from cosim.coupling.equilibrium import EquilibriumDay, solve_equilibrium_day, solve_from
from cosim.coupling.handover import day_ahead
from cosim.coupling.methods import MethodDifference, method_differences
from cosim.coupling.tables import day_violations, equilibrium_tables

__all__ = [
    "EquilibriumDay",
    "MethodDifference",
    "day_ahead",
    "day_violations",
    "equilibrium_tables",
    "method_differences",
    "solve_equilibrium_day",
    "solve_from",
]
