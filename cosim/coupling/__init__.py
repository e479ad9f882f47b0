"""The coupled equilibrium of a day: demand, stochastic user equilibrium, station load, tariff, dispatch."""

from cosim.coupling.day import EquilibriumDay, solve_equilibrium_day
from cosim.coupling.tables import equilibrium_tables

__all__ = ["EquilibriumDay", "equilibrium_tables", "solve_equilibrium_day"]
