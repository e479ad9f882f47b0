"""How the trips of an EV follow each other, and when they start."""

from dataclasses import replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.config import ScenarioConfig
from cosim.errors import ConfigError
from cosim.ev.dwell import DwellModel
from cosim.ev.markov import MarkovModel
from cosim.ev.mobility import MobilityModel
from cosim.ev.timing import UnreachableProfileError, follow_profile
from cosim.ev.transitions import HOME, WORK
from cosim.ev.trip_chains import TripChains, build_trip_chains, chaining_obstacles
from cosim.road.paths import PathSet


def build_chains(config: ScenarioConfig, paths: PathSet | None) -> TripChains | None:
    """Return the trip chains, unless trips are independent or the OD table does not allow chains."""
    mode = config.population.trips
    if paths is None or mode == "independent":
        return None
    od = paths.od
    obstacles = chaining_obstacles(od.origin, od.dest, od.demand_veh_h, list(paths.network.nodes))
    if mode == "chained" and obstacles:
        problems = [
            f"population.trips is 'chained', but {obstacle}; choose 'independent'" for obstacle in obstacles
        ]
        raise ConfigError(config.name, problems)
    return None if obstacles else build_trip_chains(od.origin, od.dest, od.demand_veh_h)


def with_timing(
    config: ScenarioConfig, model: MobilityModel | None, trip_profile: FloatArray
) -> MobilityModel | None:
    """Return *model*, with departures by the trip profile, (periods,), where ``population.timing`` asks for them.

    Raises ConfigError where the chain cannot follow the profile.
    """
    population = config.population
    if population.timing == "chain" or not isinstance(model, MarkovModel):
        return model
    try:
        return follow_profile(model, trip_profile, carried=population.soc == "carried")
    except UnreachableProfileError as error:
        problem = f"population.timing is 'profile', but {error}; choose 'chain', or another road.trip_profile"
        raise ConfigError(config.name, [problem]) from None


def without_round_trips(model: MobilityModel) -> MobilityModel:
    """Return *model* without trips from home to home, which do not exist on roads between zones.

    Their probability is divided among the other activities in proportion.
    """
    if isinstance(model, DwellModel):
        return replace(model, transition=_without_round_trips(model.transition))
    if isinstance(model, MarkovModel):
        departs = model.departure.sum(axis=2, keepdims=True)
        shares = _without_round_trips(model.departure.transpose(1, 0, 2)).transpose(1, 0, 2)
        return replace(model, departure=shares * departs)
    return model


def _without_round_trips(table: FloatArray) -> FloatArray:
    """Return shares (from, time, to) that sum to 1, those from home to home set to 0."""
    weight = table.copy()
    weight[HOME, :, HOME] = 0.0
    total = weight.sum(axis=2, keepdims=True)
    # a row without any other destination leads to work
    weight[HOME, :, WORK] = np.where(total[HOME, :, 0] > 0, weight[HOME, :, WORK], 1.0)
    shares: FloatArray = weight / np.where(total > 0, total, 1.0)
    return shares
