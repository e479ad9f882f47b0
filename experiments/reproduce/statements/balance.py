"""Figure 9 of Ma et al. (2024): the measures of the statements in balance.toml."""

import numpy as np

from experiments.reproduce.grid_case import GridCase, ratio, weighted_mean
from experiments.reproduce.statement import Measure, of_the_case, of_the_feeder


def _unbalanced_kw(grid: GridCase) -> float:
    sources = ("turbine_kw", "renewable_kw", "discharge_kw", "shift_out_kw")
    supply_kw = grid.dispatch.purchase_kw + sum(map(grid.set_kw, sources))
    load_kw = grid.equivalent_load_kw + sum(map(grid.set_kw, ("charge_kw", "shift_in_kw")))
    return float(np.abs(supply_kw - (grid.dispatch.losses_kw + load_kw)).max())


def _available_while_charging(grid: GridCase) -> float:
    setpoints, available_kw = grid.dispatch.setpoints, grid.available_kw.sum(axis=1)
    charged_kw = np.hstack([setpoints["charge_kw"], setpoints["shift_in_kw"]])
    released_kw = np.hstack([setpoints["discharge_kw"], setpoints["shift_out_kw"]])
    return ratio(weighted_mean(available_kw, charged_kw), weighted_mean(available_kw, released_kw))


def _additional_use_percent(grid: GridCase) -> float:
    additional_kw = (
        grid.dispatch.setpoints["renewable_kw"].sum()
        - grid.without_flexibility.setpoints["renewable_kw"].sum()
    )
    return 100 * ratio(additional_kw, grid.available_kw.sum())


MEASURES: dict[str, Measure] = {
    "charging-stacks-on-the-peak": of_the_case(
        lambda case: case.preset_a.equivalent_load_kw.max() / case.preset_a.load.base_kw.sum(axis=1).max()
    ),
    "voltage-falls-too-low": of_the_case(lambda case: case.preset_a.bare.voltage_pu.min()),
    "charging-is-the-cause": of_the_case(lambda case: case.preset_a.bare_without_evs.voltage_pu.min()),
    "charging-raises-the-bill": of_the_feeder(
        lambda grid: ratio(grid.purchase_cny(grid.bare), grid.purchase_cny(grid.bare_without_evs))
    ),
    "power-is-balanced": of_the_feeder(_unbalanced_kw),
    "less-is-bought": of_the_feeder(
        lambda grid: ratio(grid.dispatch.purchase_kw.sum(), grid.bare.slack_kw.sum())
    ),
    "taken-in-when-pv-and-wind-are-strong": of_the_feeder(_available_while_charging),
    "more-pv-and-wind-is-used": of_the_feeder(_additional_use_percent),
}
