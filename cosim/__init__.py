"""Agent-based co-simulation of coupled power and transportation networks.

The front door: every public name, imported from its room when it is asked for, so that ``import cosim`` is quick.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "load_run": "cosim.results",
    "load_scenario": "experiments.scenarios",
    "run": "experiments.run.runner",
}
__all__ = ["load_run", "load_scenario", "run"]


def __getattr__(name: str) -> Any:
    """Return a public name from the module that holds it; an ImportError says what hides it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("cosim")
    if name not in _HOMES:
        message = f"module 'cosim' has no attribute '{name}'"
        raise AttributeError(message)
    from cosim.installation import conflict

    if problem := conflict():
        raise ImportError(problem)
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
