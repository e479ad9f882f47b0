"""Numbers that show the errata of the feeder: Eq. 9 to 23 of Ma et al. (2024), at preset A and the dynamic tariff."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.device import DemandResponse, Storage
from cosim.grid.solution import REPORT_BASE_KVA
from cosim.grid.tariff import TABLE_1_CNY_PER_KWH
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.errata.erratum import Numbers
from experiments.reproduce.grid_case import GridCase

MODEL_BASE_KVA = 1000.0
"""Base power of the per-unit values of a dispatch."""


def _station_utilisation(case: Reproduction) -> tuple[float, ...]:
    """Return the maximum load of a station over its limit [%], and the growth of the load that reaches the limit."""
    limits = np.array([station.limit_kw for station in case.roads.scenario.stations])
    utilisation = float((case.roads.day.load.load_kw / limits).max())
    return 100 * utilisation, 1 / utilisation


def _share_of_the_stations(grid: GridCase) -> tuple[float, ...]:
    """Return the stations' share of the day's energy [%]."""
    load = grid.load
    return (100 * float(load.station_kw.sum() / (load.station_kw.sum() + load.base_kw.sum())),)


def _balance_with_both_signs(grid: GridCase) -> tuple[float, ...]:
    """Return the maximum imbalance of a bus: as printed, and with the opposite sign of the injection [kW]."""
    d, feeder = grid.dispatch, grid.feeder.feeder
    received = d.branch_kw - feeder.r_pu * d.branch_current_pu**2 * MODEL_BASE_KVA
    through = np.zeros_like(d.injection_kw)
    for branch, (from_bus, to_bus) in enumerate(zip(feeder.from_bus, feeder.to_bus, strict=True)):
        through[:, to_bus] += received[:, branch]
        through[:, from_bus] -= d.branch_kw[:, branch]
    others = np.setdiff1d(np.arange(feeder.bus_count), feeder.slack_buses)
    printed, ours = through - d.injection_kw, through + d.injection_kw
    return float(np.abs(printed[:, others]).max()), float(np.abs(ours[:, others]).max())


def _branch_ends(grid: GridCase) -> tuple[FloatArray, FloatArray]:
    """Return the squared voltage at the sending and at the receiving end of each branch."""
    voltage2, feeder = grid.dispatch.voltage_pu**2, grid.feeder.feeder
    return voltage2[:, feeder.from_bus], voltage2[:, feeder.to_bus]


def _voltage_drop_gap(grid: GridCase) -> tuple[float, ...]:
    """Return the maximum residual of Eq. 14 at the dispatch [p.u.]."""
    d, feeder = grid.dispatch, grid.feeder.feeder
    sending, receiving = _branch_ends(grid)
    p, q = d.branch_kw / MODEL_BASE_KVA, d.branch_kvar / MODEL_BASE_KVA
    z2 = feeder.r_pu**2 + feeder.x_pu**2
    drop = sending - 2 * (feeder.r_pu * p + feeder.x_pu * q) + z2 * d.branch_current_pu**2
    return (float(np.abs(receiving - drop).max()),)


def _voltage_and_its_square(grid: GridCase) -> tuple[float, ...]:
    """Return the lowest voltage, and its square [p.u.]."""
    lowest = float(grid.dispatch.voltage_pu.min())
    return lowest, lowest**2


def _currents_and_limits(grid: GridCase) -> tuple[float, ...]:
    """Return the maximum current [A], and the number of branches with a limit."""
    feeder = grid.feeder.feeder
    current_a = grid.dispatch.branch_current_pu * feeder.current_base_a
    return float(current_a.max()), float(np.isfinite(feeder.current_max_pu).sum())


def _storage_with_printed_discharge(grid: GridCase) -> tuple[float, ...]:
    """Return the energy of the storage after a day by Eq. 18 as printed, and its capacity [kWh]."""
    unit = grid.feeder.devices.of(Storage)[0]
    charged = grid.hours * unit.charge_efficiency * float(grid.dispatch.setpoints["charge_kw"][:, 0].sum())
    discharged = 24.0 * unit.discharge_max_kw / unit.discharge_efficiency
    return unit.soc_initial * unit.capacity_kwh + charged - discharged, unit.capacity_kwh


def _reactive_power_of_sun_and_wind(grid: GridCase) -> tuple[float, ...]:
    """Return the maximum reactive power of PV and wind [kvar], and the extra cost of the day without it [CNY]."""
    extra_cny = grid.at_unity_power_factor.cost_cny - grid.dispatch.cost_cny
    return float(np.abs(grid.dispatch.setpoints["renewable_kvar"]).max()), extra_cny


def _payment_for_shifting(grid: GridCase) -> tuple[float, ...]:
    """Return the payment for the net load change by shifting, and for the energy shifted out [CNY]."""
    d = grid.dispatch
    price = np.array([unit.price_cny_per_mwh for unit in grid.feeder.devices.of(DemandResponse)]) / 1e3
    net = grid.hours * float((d.setpoints["shift_out_kw"] - d.setpoints["shift_in_kw"]).sum(axis=0) @ price)
    return abs(net), grid.hours * float(d.setpoints["shift_out_kw"].sum(axis=0) @ price)


def _losses_as_printed(grid: GridCase) -> tuple[float, ...]:
    """Return sum r P on 1 and on 10 MVA, and the losses [kWh]."""
    d = grid.dispatch
    printed = grid.hours * float((d.branch_kw @ grid.feeder.feeder.r_pu).sum())
    return printed, printed * REPORT_BASE_KVA / MODEL_BASE_KVA, grid.hours * float(d.losses_kw.sum())


def _periods_off_the_flat_price(grid: GridCase) -> tuple[float, ...]:
    """Return four numbers about Eq. 22.

    The number of periods off the flat price with P_h the sum over the day, and with P_h = max - min; the delta of the
    high and of the low price of Table 1.
    """
    load, band = grid.equivalent_load_kw, grid.scenario.config.tariff.band
    flat = float(np.median(TABLE_1_CNY_PER_KWH))
    deviation, load_range = np.abs(load - load.mean()), float(np.ptp(load))
    return (
        float(np.count_nonzero(deviation > band * load_range * load.size)),
        float(np.count_nonzero(deviation > band * load_range)),
        max(TABLE_1_CNY_PER_KWH) / flat - 1,
        1 - min(TABLE_1_CNY_PER_KWH) / flat,
    )


def _relaxation_error_as_printed(grid: GridCase) -> tuple[float, ...]:
    """Return the maximum of Eq. 23 as printed, in the squared variables of Eq. 15, and as used here [p.u.]."""
    d, scale = grid.dispatch, MODEL_BASE_KVA / REPORT_BASE_KVA
    sending, _ = _branch_ends(grid)
    power = np.hypot(d.branch_kw, d.branch_kvar) / REPORT_BASE_KVA
    printed = np.abs((d.branch_current_pu * scale) ** 2 - power / sending)
    return float(printed.max()), float(d.relaxation_error.max())


NUMBERS: dict[str, Numbers] = {
    "Eq. 9": _station_utilisation,
    "Eq. 10": lambda case: _share_of_the_stations(case.preset_a),
    "Eq. 11": lambda case: (float(case.preset_a.dispatch.ac_mismatch_pu.max()),),
    "Eq. 12": lambda case: _balance_with_both_signs(case.preset_a),
    "Eq. 13": lambda case: (case.preset_a.hours * float(case.preset_a.load.station_kw.sum()),),
    "Eq. 14": lambda case: _voltage_drop_gap(case.preset_a),
    "Eq. 15": lambda case: _voltage_and_its_square(case.preset_a),
    "Eq. 16": lambda case: _currents_and_limits(case.preset_a),
    "Eq. 17": lambda case: (
        float(case.preset_a.dispatch.setpoints["turbine_kvar"].min()),
        float(case.preset_a.dispatch.setpoints["turbine_kvar"].max()),
    ),
    "Eq. 18": lambda case: _storage_with_printed_discharge(case.preset_a),
    "Eq. 19": lambda case: _reactive_power_of_sun_and_wind(case.preset_a),
    "Eq. 20": lambda case: _payment_for_shifting(case.preset_a),
    "Eq. 21": lambda case: _losses_as_printed(case.preset_a),
    "Eq. 22": lambda case: _periods_off_the_flat_price(case.preset_a),
    "Eq. 23": lambda case: _relaxation_error_as_printed(case.preset_a),
}
