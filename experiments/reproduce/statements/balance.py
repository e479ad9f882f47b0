"""Figure 9: what measures the statements of balance.toml."""

import numpy as np

from experiments.reproduce.grid_case import GridCase, mean_while, ratio
from experiments.reproduce.statement import Values, of_the_case, of_the_feeder


def _unbalanced_kw(grid: GridCase) -> float:
    d, power = grid.dispatch, grid.dispatch.setpoints
    fed = [power[name] for name in ("turbine_kw", "renewable_kw", "discharge_kw", "shift_out_kw")]
    drawn = [power[name] for name in ("charge_kw", "shift_in_kw")]
    fed_kw = d.purchase_kw + sum(own.sum(axis=1) for own in fed)
    drawn_kw = d.losses_kw + grid.equivalent_load_kw + sum(own.sum(axis=1) for own in drawn)
    return float(np.abs(fed_kw - drawn_kw).max())


def _offered_while_taken_in(grid: GridCase) -> float:
    power, offered_kw = grid.dispatch.setpoints, grid.available_kw.sum(axis=1)
    taken_kw = np.hstack([power["charge_kw"], power["shift_in_kw"]])
    released_kw = np.hstack([power["discharge_kw"], power["shift_out_kw"]])
    return ratio(mean_while(offered_kw, taken_kw), mean_while(offered_kw, released_kw))


def _rise_of_use_percent(grid: GridCase) -> float:
    used_kw, without_kw = (d.setpoints["renewable_kw"] for d in (grid.dispatch, grid.without_flexibility))
    return 100 * ratio(used_kw.sum() - without_kw.sum(), grid.available_kw.sum())


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
    "taken-in-when-sun-and-wind-are-strong": of_the_feeder(_offered_while_taken_in),
    "more-sun-and-wind-is-used": of_the_feeder(_rise_of_use_percent),
}
