"""The OD of every trip: a draw of its own, or where the last one ended, as the OD table allows."""

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
from cosim.ev.transitions import HOME
from cosim.ev.trip_chains import TripChains, build_trip_chains, chaining_obstacles
from cosim.road.choice import choose
from cosim.road.paths import PathSet

if TYPE_CHECKING:
    from cosim.scenario.build import Scenario


def trip_ods(
    scenario: "Scenario", diaries: Diaries, seed: int, purpose: str, state: EVState | None = None
) -> IntArray:
    """Return the OD number of every trip of the diaries, in their order.

    Independent trips are drawn from the OD table, each for itself. Where trips chain, EVs set out from home, or from
    the zones of *state*.
    """
    if scenario.chains is not None:
        return scenario.chains.ods(diaries, seed, purpose, None if state is None else state.zone)
    cumulative = np.cumsum(scenario.od_share)
    return choose(cumulative / cumulative[-1], trip_uniforms(diaries, seed, f"{purpose}/od"))


def first_state(scenario: "Scenario", soc: FloatArray, seed: int, purpose: str) -> EVState:
    """Return EVs that have just come home at the midnight before day 1, each in its home zone, with *soc*."""
    state = state_at_home(soc)
    if scenario.chains is None:
        return state
    return replace(state, zone=scenario.chains.homes(soc.size, seed, purpose))


def next_state(
    scenario: "Scenario", start: EVState, diaries: Diaries, record: SocRecord, od: IntArray
) -> EVState:
    """Return where EVs are, by activity and by zone, and what their batteries hold after the day's last arrival.

    *od* is what `trip_ods` gave for the same diaries from the same *start*.
    """
    state = state_after(start, diaries, record)
    if scenario.chains is None:
        return state
    return replace(state, zone=scenario.chains.zone_after(start.zone, diaries, od, record.cancelled))


def build_chains(config: ScenarioConfig, paths: PathSet | None) -> TripChains | None:
    """Return how trips chain, where the scenario asks for it or leaves it open and the OD table allows it."""
    asked = config.population.trips
    if paths is None or asked == "independent":
        return None
    od = paths.od
    reasons = chaining_obstacles(od.origin, od.dest, od.demand_veh_h, list(paths.network.nodes))
    if asked == "chained" and reasons:
        told = [f"population.trips is 'chained', but {reason}; choose 'independent'" for reason in reasons]
        raise ConfigError(config.name, told)
    return None if reasons else build_trip_chains(od.origin, od.dest, od.demand_veh_h)


def without_round_trips(model: MobilityModel) -> MobilityModel:
    """Return *model* in which nobody drives from home to home: on roads between zones there is no such trip.

    Who would have done so does one of the other things, in proportion.
    """
    if isinstance(model, DwellModel):
        return replace(model, transition=_without(model.transition, HOME))
    if isinstance(model, MarkovModel):
        leaves = model.departure.sum(axis=2, keepdims=True)
        return replace(
            model, departure=_without(model.departure.transpose(1, 0, 2), HOME).transpose(1, 0, 2) * leaves
        )
    return model


def _without(table: FloatArray, place: int) -> FloatArray:
    """Return shares (from, when, to) that sum to 1, those from *place* to itself set to 0."""
    rest = table.copy()
    rest[place, :, place] = 0.0
    total = rest.sum(axis=2, keepdims=True)
    # a row that held nothing else has nowhere to go: its EVs go to work
    rest[place, :, 1] = np.where(total[place, :, 0] > 0, rest[place, :, 1], 1.0)
    shares: FloatArray = rest / np.where(total > 0, total, 1.0)
    return shares
