"""Section 3 of Ma et al. (2024), from speeds to an assignment: the measures of the statements in chain.toml."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ModelError
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.chain_case import BUSY, ChainCase
from experiments.reproduce.statement import Measure, of_the_case


def _root_mean_square(error: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(error))))


def _error_of_flows(chain: ChainCase) -> float:
    """Return the relative error of the flows read from speeds, on busy roads."""
    true = chain.true_flow_veh_h
    busy = true > BUSY * chain.network.capacity_veh_h[chain.roads]
    return _root_mean_square(chain.read_flow_veh_h[:, busy] / true[busy] - 1)


def _error_of_trips(chain: ChainCase) -> float:
    return chain.trips.relative_error(np.array([own.od.demand_veh_h for own in chain.estimates]))


def _error_of_theta(chain: ChainCase) -> float:
    theta = np.array([estimate.theta_per_min for estimate in chain.estimates])
    return _root_mean_square(theta / chain.trips.scenario.config.road.theta_per_min - 1)


def _estimated_over_true_noise(chain: ChainCase) -> float:
    return _root_mean_square(chain.speed_errors) / chain.speed_error


def _error_of_assigned_flows(chain: ChainCase) -> float:
    true = chain.true_flow_veh_h
    return _root_mean_square(chain.assigned_flow_veh_h - true) / float(true.mean())


def _error_of_assigned_speeds(chain: ChainCase) -> float:
    """Return the relative difference of the assigned flows' times to the mean times of the told speeds."""
    times = np.array([solution.link_time_min[chain.roads] for solution in chain.assigned])
    return _root_mean_square(times / chain.times_min.mean(axis=1) - 1)


def _of_the_chain(value: Callable[[ChainCase], float]) -> Measure:
    """Return the measure of a statement about the chain; NaN where its trips, or theta, cannot be estimated."""

    def measured(case: Reproduction) -> float:
        try:
            return value(case.chain)
        except ModelError:
            return float("nan")

    return of_the_case(measured)


MEASURES: dict[str, Measure] = {
    "flows-follow-from-speeds": _of_the_chain(_error_of_flows),
    "noise-of-the-speeds-is-found": _of_the_chain(_estimated_over_true_noise),
    "theta-is-found": _of_the_chain(_error_of_theta),
    "trips-follow-from-flows": _of_the_chain(_error_of_trips),
    "assignment-has-the-flows": _of_the_chain(_error_of_assigned_flows),
    "assignment-has-the-speeds": _of_the_chain(_error_of_assigned_speeds),
    "whole-km-h-are-enough": _of_the_chain(
        lambda chain: _error_of_trips(replace(chain, whole_km_h=True, speed_error=0.0))
    ),
}
