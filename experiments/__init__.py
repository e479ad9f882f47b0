"""What people run: the command line, runs, comparisons, reports.

From Python::

    from experiments import load_run, load_scenario, run

    finished = run(load_scenario("configs/toy.toml"), out="runs/toy")
    finished.links          # pandas
"""

from typing import Any

__all__ = ["load_run", "load_scenario", "run"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only now: the command line must answer ``--help`` at once."""
    import importlib

    home = {"run": "experiments.run", "load_run": "cosim.results", "load_scenario": "cosim.scenario"}.get(
        name
    )
    if home is None:
        raise AttributeError(name)
    return getattr(importlib.import_module(home), name)
