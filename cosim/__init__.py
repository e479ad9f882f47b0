"""Agent-based co-simulation of coupled power and transportation networks.

The built-in case and the numbered equations, steps and tables ("Eq. 7") are those of Ma et al. (2024), *Optimization
of the power-transportation coupled power distribution network based on stochastic user equilibrium*, Frontiers in
Energy Research, doi 10.3389/fenrg.2024.1444727.

All public names are imported lazily from their modules, so that ``import cosim`` is quick.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "ConfigError": "cosim.errors",
    "CosimError": "cosim.errors",
    "DemandResponse": "cosim.grid.device",
    "Devices": "cosim.grid.device",
    "Horizon": "cosim.grid.problem",
    "InfeasibleError": "cosim.errors",
    "Load": "cosim.grid.problem",
    "ModelError": "cosim.errors",
    "Renewable": "cosim.grid.device",
    "Rules": "cosim.grid.problem",
    "SolverError": "cosim.errors",
    "Storage": "cosim.grid.device",
    "Turbine": "cosim.grid.device",
    "V2GCharger": "cosim.grid.device",
    "assign": "experiments.assign.study",
    "build_problem": "cosim.road.build_problem",
    "compare": "experiments.compare.study",
    "copy_scenario": "experiments.scenarios.files",
    "feeder_from_pandapower": "cosim.grid.feeder",
    "load_run": "cosim.results",
    "load_scenario": "cosim.scenario",
    "read_feeder_csv": "cosim.grid.feeder",
    "read_roads": "cosim.road.formats",
    "run": "experiments.run.runner",
    "scenario_names": "cosim.config.bundled",
    "solve_dispatch": "cosim.grid.dispatch",
    "solve_equilibrium_day": "cosim.coupling",
    "solve_so": "cosim.road.user_equilibrium",
    "solve_sue": "cosim.road.assignment",
    "solve_ue": "cosim.road.user_equilibrium",
    "study_mobility": "experiments.mobility.study",
    "sweep": "experiments.sweep.study",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Import a public name from its module; raise ImportError if another package hides a package of cosim."""
    if name == "__version__":
        from importlib.metadata import version

        return version("cosim")
    if name not in _MODULES:
        message = f"module 'cosim' has no attribute '{name}'"
        raise AttributeError(message)
    from cosim.installation import conflict

    if problem := conflict():
        raise ImportError(problem)
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
