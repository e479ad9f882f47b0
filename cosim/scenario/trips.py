"""OD pairs of the trips: drawn independently, or chained where the OD table allows it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.config import ScenarioConfig
from cosim.errors import ConfigError
from cosim.ev.days import state_after, state_at_home
from cosim.ev.dwell import DwellModel
from cosim.ev.markov import MarkovModel
from cosim.ev.mobility import Diaries, EVState, MobilityModel, trip_uniforms
from cosim.ev.soc import SocRecord
from cosim.ev.transitions import HOME, WORK
from cosim.ev.trip_chains import TripChains, build_trip_chains, chaining_obstacles
from cosim.road.choice import choose
from cosim.road.paths import PathSet

if TYPE_CHECKING:
    from cosim.scenario.build import Scenario


def trip_ods(
    scenario: "Scenario", diaries: Diaries, seed: int, purpose: str, state: EVState | None = None
) -> IntArray:
    """Return the OD number of every trip of the diaries, in their order.

    Independent trips are drawn from the OD table. Where trips chain, EVs start from home, or from the zones of
    *state*.
    """
    if scenario.chains is not None:
        return scenario.chains.ods(diaries, seed, purpose, None if state is None else state.zone)
    cumulative = np.cumsum(scenario.od_share)
    return choose(cumulative / cumulative[-1], trip_uniforms(diaries, seed, f"{purpose}/od"))


def first_state(scenario: "Scenario", soc: FloatArray, seed: int, purpose: str) -> EVState:
    """Return EVs that arrive at home with *soc* in the last second before day 1, each in its home zone."""
    state = state_at_home(soc)
    if scenario.chains is None:
        return state
    return replace(state, zone=scenario.chains.homes(soc.size, seed, purpose))


def next_state(
    scenario: "Scenario", start: EVState, diaries: Diaries, record: SocRecord, od: IntArray
) -> EVState:
    """Return the state of EVs after their last arrival of the day.

    *od* are the OD numbers of `trip_ods` for the same diaries from the same *start*.
    """
    state = state_after(start, diaries, record)
    if scenario.chains is None:
        return state
    return replace(state, zone=scenario.chains.zone_after(start.zone, diaries, od, record.cancelled))


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
