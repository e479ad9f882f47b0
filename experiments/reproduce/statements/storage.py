"""Figure 11: the store at bus 18."""

import numpy as np

from cosim.grid.device import Storage
from experiments.reproduce.grid_case import GridCase, mean_while, ratio
from experiments.reproduce.statement import Statement, of_each_variant


@of_each_variant(
    figure="Figure 11",
    says="“… energy storage is charged when the price of electricity is low …”",
    measure="mean price while charging over that while discharging",
    relation="at most",
    expected=0.7,
)
def store_fills_when_energy_is_cheap(grid: GridCase) -> float:
    """Return the price paid relative to the price avoided; no number where the store does nothing."""
    d, price = grid.dispatch, grid.price_cny_per_kwh
    return ratio(mean_while(price, d.setpoints["charge_kw"]), mean_while(price, d.setpoints["discharge_kw"]))


@of_each_variant(
    figure="Figure 11",
    says="“… and discharged at the peak load …”",
    measure="share of the discharged energy that is given in the periods of high load by Eq. 22",
    relation="at least",
    expected=0.5,
)
def store_empties_at_the_peak(grid: GridCase) -> float:
    """Return the share of the discharge in the periods of high load."""
    given = grid.dispatch.setpoints["discharge_kw"].sum(axis=1)
    return ratio(given[grid.is_peak_load].sum(), given.sum())


@of_each_variant(
    figure="Figure 11",
    says="“… to reduce the amount of power purchased from the upper level …”, at the peak.",
    measure="energy bought in the periods of high load, with the store over without",
    relation="at most",
    expected=0.99,
)
def store_lowers_the_purchase_at_the_peak(grid: GridCase) -> float:
    """Return the purchase at high load relative to that without a store."""
    peak = grid.is_peak_load
    bought, without = grid.dispatch.purchase_kw[peak].sum(), grid.without_storage.purchase_kw[peak].sum()
    return ratio(bought, without)


@of_each_variant(
    figure="Figure 11",
    says="The same, over the whole day.",
    measure="energy bought with the store less without",
    unit="kWh",
    relation="at most",
    expected=0.0,
    differs={
        "B": "A store gives back less than it takes: over the day more is bought, only at other times. (At preset A it "
        "saves purchase because it takes in the turbine's cheap energy at night.)"
    },
)
def store_lowers_the_purchase_of_the_day(grid: GridCase) -> float:
    """Return the change of the day's purchase."""
    return grid.hours * float(grid.dispatch.purchase_kw.sum() - grid.without_storage.purchase_kw.sum())


@of_each_variant(
    figure="Figure 11",
    says="“… reduce the cost of power purchase …”",
    measure="cost of the day (Eq. 21) with the store less without",
    unit="CNY",
    relation="at most",
    expected=-1.0,
)
def store_lowers_the_cost(grid: GridCase) -> float:
    """Return the change of the day's cost."""
    return grid.dispatch.cost_cny - grid.without_storage.cost_cny


@of_each_variant(
    figure="Figure 11",
    says="“… and voltage decrease …”",
    measure="lowest voltage with the store less without",
    unit="p.u.",
    relation="at least",
    expected=0.001,
)
def store_lifts_the_lowest_voltage(grid: GridCase) -> float:
    """Return the change of the lowest voltage."""
    return float(grid.dispatch.voltage_pu.min() - grid.without_storage.voltage_pu.min())


@of_each_variant(
    figure="Section 5.1",
    says="“… the upper and lower limits of the energy storage loading state are set to 0.2 and 0.8 …”",
    measure="how far the state of charge is ever outside 0.2 to 0.8",
    relation="at most",
    expected=0.0,
    tolerance=1e-6,
)
def store_keeps_its_limits(grid: GridCase) -> float:
    """Return the largest violation of the limits, 0 if there is none."""
    capacity = np.array([unit.capacity_kwh for unit in grid.feeder.devices.of(Storage)])
    soc = grid.dispatch.setpoints["storage_kwh"] / capacity
    return float(max(0.0, 0.2 - soc.min(), soc.max() - 0.8))


@of_each_variant(
    figure="Eq. 18",
    says="We read Eq. 18 so that the store ends the day as it began.",
    measure="change of its energy over the day",
    unit="kWh",
    relation="equal to",
    expected=0.0,
    tolerance=1e-3,
)
def store_ends_as_it_began(grid: GridCase) -> float:
    """Return the energy at the end less that at the start."""
    start = sum(unit.soc_initial * unit.capacity_kwh for unit in grid.feeder.devices.of(Storage))
    return float(grid.dispatch.setpoints["storage_kwh"][-1].sum() - start)


@of_each_variant(
    figure="Eq. 18",
    says="“… logic variables to ensure that the energy storage cannot be charged and discharged at the "
    "same time …”",
    measure="largest power that it takes and gives at once; solved without such variables",
    unit="kW",
    relation="at most",
    expected=1e-3,
)
def store_never_does_both(grid: GridCase) -> float:
    """Return the largest power taken and given in one period."""
    return float(
        np.minimum(grid.dispatch.setpoints["charge_kw"], grid.dispatch.setpoints["discharge_kw"]).max()
    )


STATEMENTS: tuple[Statement, ...] = (
    store_fills_when_energy_is_cheap,
    store_empties_at_the_peak,
    store_lowers_the_purchase_at_the_peak,
    store_lowers_the_purchase_of_the_day,
    store_lowers_the_cost,
    store_lifts_the_lowest_voltage,
    store_keeps_its_limits,
    store_ends_as_it_began,
    store_never_does_both,
)
