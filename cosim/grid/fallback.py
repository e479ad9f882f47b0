"""The fallback operation of a feeder without a dispatch: devices by their fallback, all load served, AC power flow."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.cost import running_cost
from cosim.grid.flow import PowerFlow, no_power_flow
from cosim.grid.model import ProblemStructure
from cosim.grid.problem import ProblemData
from cosim.grid.radial import Feeder
from cosim.grid.solution import Solution
from cosim.grid.sweep import sweep_power_flow


def fallback_solution(structure: ProblemStructure, data: ProblemData) -> Solution:
    """Return the set-points of the fallback and the AC power flow they lead to, NaN where there is none.

    The nodal price is the tariff, for nothing says what one more kWh would cost.
    """
    feeder, load = structure.feeder, data.load
    setpoints: dict[str, FloatArray] = {}
    for group in structure.groups:
        setpoints |= group.fallback(data)
    injection_kw = -(load.base_kw + load.station_kw)
    for group in structure.devices.loads_last:
        injection_kw = injection_kw + group.injection(setpoints)[0] @ group.at(feeder)
    injection_kvar = -load.base_kvar
    flows = [
        _flow(own.feeder, injection_kw[run], injection_kvar[run]) for run, own in structure.runs(data.periods)
    ]
    flow = PowerFlow(
        **{name: np.concatenate([getattr(f, name) for f in flows]) for name in PowerFlow.__slots__}
    )
    price = data.price_cny_per_kwh
    none = np.zeros((data.periods, feeder.bus_count))
    return Solution(
        cost=running_cost(structure.devices, setpoints, flow.slack_kw, price, structure.period_h),
        setpoints=setpoints,
        station_shed_kw=none,
        base_shed_kw=none,
        purchase_kw=flow.slack_kw,
        purchase_kvar=flow.slack_kvar,
        injection_kw=injection_kw,
        injection_kvar=injection_kvar,
        voltage_pu=flow.voltage_pu,
        branch_kw=flow.branch_kw,
        branch_kvar=flow.branch_kvar,
        branch_current_pu=flow.branch_current_pu,
        losses_kw=flow.losses_kw,
        price_cny_per_kwh=np.tile(price[:, None], (1, feeder.bus_count)),
        relaxation_error=np.zeros((data.periods, feeder.branch_count)),
    )


def _flow(feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray) -> PowerFlow:
    """Return the AC power flow of all periods, NaN in those without one."""
    try:
        return sweep_power_flow(feeder, injection_kw, injection_kvar)
    except SolverError:
        pass
    flows = [_of_one(feeder, *row) for row in zip(injection_kw, injection_kvar, strict=True)]
    return PowerFlow(**{name: np.array([getattr(f, name) for f in flows]) for name in PowerFlow.__slots__})


def _of_one(feeder: Feeder, injection_kw: FloatArray, injection_kvar: FloatArray) -> PowerFlow:
    try:
        return sweep_power_flow(feeder, injection_kw, injection_kvar)
    except SolverError:
        return no_power_flow(feeder)
