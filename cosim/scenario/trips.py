"""OD pairs of the trips: drawn independently, or chained where the OD table allows it."""

from dataclasses import replace

import numpy as np

from cosim.arrays import FloatArray, IntArray
from cosim.ev.days import state_after, state_at_home
from cosim.ev.draws import Draws, Uniforms
from cosim.ev.mobility import Diaries, EVState, trip_draws
from cosim.ev.soc import SocRecord
from cosim.road.choice import choose
from cosim.scenario.build import Scenario


def trip_ods(
    scenario: Scenario, diaries: Diaries, seed: int, purpose: str, state: EVState | None = None
) -> IntArray:
    """Return the OD number of every trip of the diaries of all EVs, in their order; see ``draw_ods``."""
    return draw_ods(scenario, diaries, Draws(diaries.n_ev, seed, purpose), state)


def draw_ods(scenario: Scenario, diaries: Diaries, draws: Uniforms, state: EVState | None = None) -> IntArray:
    """Return the OD number of every trip of the diaries, in their order.

    Independent trips are drawn from the OD table. Where trips chain, EVs start from home, or from the zones of
    *state*.
    """
    if scenario.chains is not None:
        return scenario.chains.ods(diaries, draws, None if state is None else state.zone)
    cumulative = np.cumsum(scenario.od_share)
    return choose(cumulative / cumulative[-1], trip_draws(diaries, draws, "od"))


def first_state(scenario: Scenario, soc: FloatArray, seed: int, purpose: str) -> EVState:
    """Return EVs that arrive at home with *soc* in the last second before day 1, each in its home zone."""
    state = state_at_home(soc)
    if scenario.chains is None:
        return state
    return replace(state, zone=scenario.chains.homes(Draws(soc.size, seed, purpose)))


def next_state(
    scenario: Scenario, start: EVState, diaries: Diaries, record: SocRecord, od: IntArray
) -> EVState:
    """Return the state of EVs after their last arrival of the day.

    *od* are the OD numbers of `trip_ods` for the same diaries from the same *start*.
    """
    state = state_after(start, diaries, record)
    if scenario.chains is None:
        return state
    return replace(state, zone=scenario.chains.zone_after(start.zone, diaries, od, record.cancelled))
