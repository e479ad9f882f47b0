"""Figure 9 of Ma et al. (2024): the measures of the statements in balance.toml."""

import numpy as np

from experiments.reproduce.grid_case import GridCase, mean_while, ratio
from experiments.reproduce.statement import Values, of_the_case, of_the_feeder


def _unbalanced_kw(grid: GridCase) -> float:
    fed = ("turbine_kw", "renewable_kw", "discharge_kw", "shift_out_kw")
    fed_kw = grid.dispatch.purchase_kw + sum(map(grid.set_kw, fed))
    taken_kw = grid.equivalent_load_kw + sum(map(grid.set_kw, ("charge_kw", "shift_in_kw")))
    drawn_kw = grid.dispatch.losses_kw + taken_kw
    return float(np.abs(fed_kw - drawn_kw).max())


def _offered_while_taken_in(grid: GridCase) -> float:
    d, offered_kw = grid.dispatch, grid.available_kw.sum(axis=1)
    taken_kw, released_kw = (
        np.hstack([d.setpoints["charge_kw"], d.setpoints["shift_in_kw"]]),
        np.hstack([d.setpoints["discharge_kw"], d.setpoints["shift_out_kw"]]),
    )
    return ratio(mean_while(offered_kw, taken_kw), mean_while(offered_kw, released_kw))


def _rise_of_use_percent(grid: GridCase) -> float:
    more_kw = (
        grid.dispatch.setpoints["renewable_kw"].sum()
        - grid.without_flexibility.setpoints["renewable_kw"].sum()
    )
    return 100 * ratio(more_kw, grid.available_kw.sum())


VALUES: dict[str, Values] = {
    "charging-stacks-on-the-peak": of_the_case(
        lambda case: case.preset_a.equivalent_load_kw.max() / case.preset_a.load.base_kw.sum(axis=1).max()
    ),
    "voltage-falls-too-low": of_the_case(lambda case: case.preset_a.bare.voltage_pu.min()),
    "charging-is-the-cause": of_the_case(lambda case: case.preset_a.bare_without_evs.voltage_pu.min()),
    "charging-raises-the-bill": of_the_feeder(
        lambda grid: ratio(grid.bought_cny(grid.bare), grid.bought_cny(grid.bare_without_evs))
    ),
    "power-is-balanced": of_the_feeder(_unbalanced_kw),
    "less-is-bought": of_the_feeder(
        lambda grid: ratio(grid.dispatch.purchase_kw.sum(), grid.bare.slack_kw.sum())
    ),
    "taken-in-when-pv-and-wind-are-strong": of_the_feeder(_offered_while_taken_in),
    "more-pv-and-wind-is-used": of_the_feeder(_rise_of_use_percent),
}
