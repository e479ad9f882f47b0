"""The numbers behind the errata of the feeder: Eq. 9 to 23, at preset A and the dynamic tariff."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.device import DemandResponse, Storage
from cosim.grid.solution import REPORT_BASE_KVA
from cosim.grid.tariff import TABLE_1_CNY_PER_KWH
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.errata.numbers_of_roads import Numbers
from experiments.reproduce.grid_case import VARIANTS, GridCase

INTERNAL_KVA = 1000.0
"""Base of the per-unit values of a dispatch."""


def _grid(case: Reproduction) -> GridCase:
    return case.grid[VARIANTS[0]]


def use_of_the_chargers(case: Reproduction) -> Numbers:
    """Return the largest load of a station over what its chargers can give [%], and the growth that fills it."""
    limits = np.array([station.limit_kw for station in case.roads.scenario.stations])
    use = float((case.roads.day.load.load_kw / limits).max())
    return 100 * use, 1 / use


def share_of_the_stations(case: Reproduction) -> Numbers:
    """Return the stations' share of the day's energy [%]."""
    load = _grid(case).load
    return (100 * float(load.station_kw.sum() / (load.station_kw.sum() + load.base_kw.sum())),)


def ac_mismatch(case: Reproduction) -> Numbers:
    """Return the largest difference of a voltage to the AC power flow [p.u.]."""
    return (float(_grid(case).dispatch.ac_mismatch_pu.max()),)


def balance_with_both_signs(case: Reproduction) -> Numbers:
    """Return the largest gap of the balance of a bus: as printed, and with the injection fed in [kW]."""
    grid = _grid(case)
    d, feeder = grid.dispatch, grid.feeder.feeder
    received = d.branch_kw - feeder.r_pu * d.branch_current_pu**2 * INTERNAL_KVA
    through = np.zeros_like(d.injection_kw)
    for branch, (near, far) in enumerate(zip(feeder.from_bus, feeder.to_bus, strict=True)):
        through[:, far] += received[:, branch]
        through[:, near] -= d.branch_kw[:, branch]
    others = np.setdiff1d(np.arange(feeder.bus_count), feeder.slack_buses)
    printed, ours = through - d.injection_kw, through + d.injection_kw
    return float(np.abs(printed[:, others]).max()), float(np.abs(ours[:, others]).max())


def charging_that_cancels(case: Reproduction) -> Numbers:
    """Return the energy of the stations that Eq. 13 adds and takes away again [kWh]."""
    grid = _grid(case)
    return (grid.hours * float(grid.load.station_kw.sum()),)


def _branch_ends(grid: GridCase) -> tuple[FloatArray, FloatArray]:
    """Return the squared voltage at the sending and at the receiving end of each branch."""
    voltage2, feeder = grid.dispatch.voltage_pu**2, grid.feeder.feeder
    return voltage2[:, feeder.from_bus], voltage2[:, feeder.to_bus]


def voltage_drop_gap(case: Reproduction) -> Numbers:
    """Return the largest gap of Eq. 14 at the dispatch [p.u.]."""
    grid = _grid(case)
    d, feeder = grid.dispatch, grid.feeder.feeder
    near, far = _branch_ends(grid)
    p, q = d.branch_kw / INTERNAL_KVA, d.branch_kvar / INTERNAL_KVA
    z2 = feeder.r_pu**2 + feeder.x_pu**2
    drop = near - 2 * (feeder.r_pu * p + feeder.x_pu * q) + z2 * d.branch_current_pu**2
    return (float(np.abs(far - drop).max()),)


def voltage_and_its_square(case: Reproduction) -> Numbers:
    """Return the lowest voltage, and its square [p.u.]."""
    lowest = float(_grid(case).dispatch.voltage_pu.min())
    return lowest, lowest**2


def currents_and_limits(case: Reproduction) -> Numbers:
    """Return the largest current [A], and how many branches have a limit."""
    grid = _grid(case)
    feeder = grid.feeder.feeder
    current_a = grid.dispatch.branch_current_pu * feeder.current_base_a
    return float(current_a.max()), float(np.isfinite(feeder.current_max_pu).sum())


def reactive_power_of_the_turbine(case: Reproduction) -> Numbers:
    """Return the range of the turbine's reactive power [kvar]."""
    kvar = _grid(case).dispatch.setpoints["turbine_kvar"]
    return float(kvar.min()), float(kvar.max())


def store_with_printed_discharge(case: Reproduction) -> Numbers:
    """Return the store's energy after a day of the printed Eq. 18, and its capacity [kWh]."""
    grid = _grid(case)
    unit = grid.feeder.devices.of(Storage)[0]
    taken = grid.hours * unit.charge_efficiency * float(grid.dispatch.setpoints["charge_kw"][:, 0].sum())
    given = 24.0 * unit.discharge_max_kw / unit.discharge_efficiency
    return unit.soc_initial * unit.capacity_kwh + taken - given, unit.capacity_kwh


def reactive_power_of_sun_and_wind(case: Reproduction) -> Numbers:
    """Return the largest reactive power of PV and wind [kvar], and what the day costs more without any [CNY]."""
    grid = _grid(case)
    more = grid.at_unity_power_factor.cost_cny - grid.dispatch.cost_cny
    return float(np.abs(grid.dispatch.setpoints["renewable_kvar"]).max()), more


def payment_for_shifting(case: Reproduction) -> Numbers:
    """Return what is paid for load after less load before shifting, and for the energy shifted out [CNY]."""
    grid = _grid(case)
    d = grid.dispatch
    price = np.array([unit.price_cny_per_mwh for unit in grid.feeder.devices.of(DemandResponse)]) / 1e3
    net = grid.hours * float((d.setpoints["shift_out_kw"] - d.setpoints["shift_in_kw"]).sum(axis=0) @ price)
    return abs(net), grid.hours * float(d.setpoints["shift_out_kw"].sum(axis=0) @ price)


def losses_as_printed(case: Reproduction) -> Numbers:
    """Return sum r P on 1 and on 10 MVA, and the losses [kWh]."""
    grid = _grid(case)
    d, r_pu = grid.dispatch, grid.feeder.feeder.r_pu
    printed = grid.hours * float((d.branch_kw @ r_pu).sum())
    return printed, printed * REPORT_BASE_KVA / INTERNAL_KVA, grid.hours * float(d.losses_kw.sum())


def periods_off_the_flat_price(case: Reproduction) -> Numbers:
    """Return the periods that are not flat with P_h summed over the day, and with P_h = max - min.

    And the delta that the high and the low price of Table 1 would need.
    """
    grid = _grid(case)
    load, band = grid.equivalent_load_kw, grid.scenario.config.tariff.band
    flat = float(np.median(TABLE_1_CNY_PER_KWH))
    away, spread = np.abs(load - load.mean()), float(np.ptp(load))
    return (
        float(np.count_nonzero(away > band * spread * load.size)),
        float(np.count_nonzero(away > band * spread)),
        max(TABLE_1_CNY_PER_KWH) / flat - 1,
        1 - min(TABLE_1_CNY_PER_KWH) / flat,
    )


def relaxation_error_as_printed(case: Reproduction) -> Numbers:
    """Return the largest value of Eq. 23 as printed, in the squared variables of Eq. 15, and of ours [p.u.]."""
    grid = _grid(case)
    d, scale = grid.dispatch, INTERNAL_KVA / REPORT_BASE_KVA
    near, _ = _branch_ends(grid)
    power = np.hypot(d.branch_kw, d.branch_kvar) / REPORT_BASE_KVA
    printed = np.abs((d.branch_current_pu * scale) ** 2 - power / near)
    return float(printed.max()), float(d.relaxation_error.max())
