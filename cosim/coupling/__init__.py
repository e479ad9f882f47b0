"""The coupled equilibrium of a day: demand, stochastic user equilibrium, station load, tariff, dispatch."""

from cosim.coupling.day import EquilibriumDay, day_ahead, solve_equilibrium_day
from cosim.coupling.tables import equilibrium_tables

__all__ = ["EquilibriumDay", "day_ahead", "equilibrium_tables", "solve_equilibrium_day"]
