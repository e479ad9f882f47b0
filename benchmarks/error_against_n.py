"""The error of N agents up to a million, with the CPU time of one population: ``python benchmarks/error_against_n.py``.

The slope must be -1/2; at a million EVs the expectation, estimated from two million, has a part in the error.
"""

import argparse
import time

import numpy as np

from cosim.coupling import solve_equilibrium_day
from cosim.scenario import load_scenario
from experiments.compare.convergence import error_against_n, sampled_ev_flow_veh_h


def main() -> None:
    """Print errors, CPU seconds of one population of each size, and the slope."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", nargs="?", default="paper")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--replications", type=int, default=5)
    wanted = parser.parse_args()
    scenario = load_scenario(wanted.scenario)
    result = error_against_n(scenario, wanted.sizes, wanted.replications)
    day = solve_equilibrium_day(scenario)
    print(f"{'EVs':>10} {'error':>9} {'times sqrt N':>13} {'CPU s':>7}")
    for size, errors in zip(result.sizes.tolist(), result.error_veh_h, strict=True):
        start = time.process_time()
        sampled_ev_flow_veh_h(scenario, day, size, seed=1)
        seconds = time.process_time() - start
        relative = errors.mean() / result.reference_veh_h
        print(f"{size:>10,} {relative:9.4%} {relative * np.sqrt(size):13.3f} {seconds:7.2f}")
    print(result.sentence)


if __name__ == "__main__":
    main()
