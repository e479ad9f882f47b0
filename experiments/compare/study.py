"""Finished runs, compared."""

from pathlib import Path

from cosim.arguments import checked
from cosim.errors import refuse
from cosim.results import Run
from cosim.sections import Seed
from experiments.compare.comparison import Comparison, compare_samples
from experiments.compare.sample import Model, samples_of


@checked
def compare(*runs: Run | str | Path, model: Model | None = None, seed: Seed = 1) -> Comparison:
    """Return the comparison of every run with the first; of a single run, of its agents with its equilibrium.

    *runs* are run directories, or what :func:`cosim.run` and :func:`cosim.load_run` return. *model* is that of
    several runs, by default the agents where all have them; *seed* names the draws of Monte Carlo p-values.
    Raises ConfigError for an argument that cannot be, and for runs that do not have what is compared.
    """
    refuse("compare", [] if runs else ["no run is given; give one run directory or several"])
    if len(runs) == 1 and model is not None:
        refuse(
            "compare", ["model is for several runs; of one run, its agents and its equilibrium are compared"]
        )
    directories = [run.directory if isinstance(run, Run) else run for run in runs]
    return compare_samples(samples_of(directories, model), seed)
