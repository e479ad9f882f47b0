"""What people run: the command line, runs, comparisons, reports.

From Python::

    from experiments import load_run, load_scenario, run

    finished = run(load_scenario("toy"), out="runs/toy")
    finished.links          # pandas
"""

from typing import Any

__all__ = ["load_run", "load_scenario", "run"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only now: the command line must answer ``--help`` at once."""
    if name == "run":
        from experiments.runner import run

        return run
    if name == "load_scenario":
        from experiments.scenarios import load_scenario

        return load_scenario
    if name == "load_run":
        from cosim.results import load_run

        return load_run
    raise AttributeError(name)
