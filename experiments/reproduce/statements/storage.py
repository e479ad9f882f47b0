"""Figure 11 of Ma et al. (2024): the measures of the statements in storage.toml."""

import numpy as np

from cosim.grid.device import Storage
from experiments.reproduce.grid_case import GridCase, ratio, weighted_mean
from experiments.reproduce.statement import Measure, of_the_feeder


def _price_charging_over_discharging(grid: GridCase) -> float:
    d, price = grid.dispatch, grid.price_cny_per_kwh
    return ratio(
        weighted_mean(price, d.setpoints["charge_kw"]), weighted_mean(price, d.setpoints["discharge_kw"])
    )


def _discharged_at_the_peak(grid: GridCase) -> float:
    discharge_kw = grid.set_kw("discharge_kw")
    return ratio(discharge_kw[grid.is_peak_load].sum(), discharge_kw.sum())


def _purchase_at_the_peak(grid: GridCase) -> float:
    bought_kw, without_kw = grid.dispatch.purchase_kw, grid.without_storage.purchase_kw
    return ratio(bought_kw[grid.is_peak_load].sum(), without_kw[grid.is_peak_load].sum())


def _outside_the_limits(grid: GridCase) -> float:
    """Return the maximum distance of the state of charge from the range 0.2 to 0.8."""
    soc = grid.dispatch.setpoints["storage_kwh"] / np.array(
        [unit.capacity_kwh for unit in grid.feeder.devices.of(Storage)]
    )
    return float(max(0.0, 0.2 - soc.min(), soc.max() - 0.8))


def _change_over_the_day_kwh(grid: GridCase) -> float:
    start_kwh = sum(unit.soc_initial * unit.capacity_kwh for unit in grid.feeder.devices.of(Storage))
    return float(grid.dispatch.setpoints["storage_kwh"][-1].sum() - start_kwh)


MEASURES: dict[str, Measure] = {
    "storage-fills-when-energy-is-cheap": of_the_feeder(_price_charging_over_discharging),
    "storage-empties-at-the-peak": of_the_feeder(_discharged_at_the_peak),
    "storage-lowers-the-purchase-at-the-peak": of_the_feeder(_purchase_at_the_peak),
    "storage-lowers-the-purchase-of-the-day": of_the_feeder(
        lambda grid: grid.hours * (grid.dispatch.purchase_kw.sum() - grid.without_storage.purchase_kw.sum())
    ),
    "storage-lowers-the-cost": of_the_feeder(
        lambda grid: grid.dispatch.cost_cny - grid.without_storage.cost_cny
    ),
    "storage-lifts-the-lowest-voltage": of_the_feeder(
        lambda grid: grid.dispatch.voltage_pu.min() - grid.without_storage.voltage_pu.min()
    ),
    "storage-keeps-its-limits": of_the_feeder(_outside_the_limits),
    "storage-ends-as-it-began": of_the_feeder(_change_over_the_day_kwh),
    "storage-never-does-both": of_the_feeder(
        lambda grid: np.minimum(
            grid.dispatch.setpoints["charge_kw"], grid.dispatch.setpoints["discharge_kw"]
        ).max()
    ),
}
