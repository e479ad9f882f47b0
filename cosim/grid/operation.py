"""One period of a feeder in operation: the dispatch, its AC check, and the realised load.

In the equilibrium, and where feeders are dispatched alone, the realised load is the planned one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.cost import running_cost
from cosim.grid.device import Devices
from cosim.grid.flow import PowerFlow, no_power_flow
from cosim.grid.given_network import check_against_given
from cosim.grid.power_flow import ac_power_flow, newton_power_flow
from cosim.grid.problem import Load
from cosim.grid.radial import Feeder
from cosim.grid.solution import Dispatch, rows_of
from cosim.periods import PeriodOfDay


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """A dispatch carried out in one period; *row* is the period's row in the dispatch."""

    feeder: Feeder
    devices: Devices
    dispatch: Dispatch
    load: Load
    """The load the dispatch planned with."""
    price_cny_per_kwh: float
    now: PeriodOfDay
    row: int
    planned: PowerFlow
    """AC power flow at the set-points and the planned load."""
    station_kw: FloatArray
    """Realised station load, per bus."""
    realised: PowerFlow
    """AC power flow with the realised load; the slack bus takes the difference."""
    export: bool
    """Whether power pushed back to the upper grid is paid for."""

    @property
    def voltage_mismatch_pu(self) -> float:
        """Largest |V_SOCP - V_AC| at the dispatch."""
        return largest(self.planned.voltage_pu - self.dispatch.voltage_pu[self.row])

    def cost_cny(self, purchase_kw: float) -> float:
        """Return the cost of the period (Eq. 21); where export is not allowed, a surplus earns nothing."""
        bought_kw = purchase_kw if self.export else max(purchase_kw, 0.0)
        return period_cost_cny(self.devices, self.dispatch, self.row, bought_kw, self.price_cny_per_kwh)


def period_cost_cny(
    devices: Devices, dispatch: Dispatch, row: int, bought_kw: float, price_cny_per_kwh: float
) -> float:
    """Return the cost of the period in *row* of a dispatch (Eq. 21) with a purchase of *bought_kw*."""
    cost = running_cost(
        devices,
        rows_of(dispatch.setpoints, slice(row, row + 1)),
        np.array([bought_kw]),
        np.array([price_cny_per_kwh]),
        dispatch.period_h,
    )
    return cost.total_cny


def planned_operation(
    feeder: Feeder,
    devices: Devices,
    dispatch: Dispatch,
    load: Load,
    price_cny_per_kwh: float,
    now: PeriodOfDay,
    *,
    export: bool = False,
) -> Operation:
    """Return the operation of period *now* of a dispatch before any load has differed.

    Its dispatch is certified only where the network as given has its voltages, within its limits, in this period.
    """
    row = dispatch.row(now.period)
    # pandapower's own Newton-Raphson checks every dispatch: in the network as given, or where there is none, here
    solve = newton_power_flow if feeder.given is None else ac_power_flow
    flow = _flow(solve, feeder, dispatch.injection_kw[row], dispatch.injection_kvar[row], str(now))
    return Operation(
        feeder=feeder,
        devices=devices,
        dispatch=check_against_given(feeder, dispatch, load, row),
        load=load,
        price_cny_per_kwh=price_cny_per_kwh,
        now=now,
        row=row,
        planned=flow,
        station_kw=load.station_kw[row] - dispatch.station_shed_kw[row],
        realised=flow,
        export=export,
    )


def _flow(
    solve: Callable[..., PowerFlow],
    feeder: Feeder,
    injection_kw: FloatArray,
    injection_kvar: FloatArray,
    where: str,
) -> PowerFlow:
    """Return the AC power flow; NaN where there is none, so that the day can go on and say so."""
    try:
        return solve(feeder, injection_kw, injection_kvar, where=where)
    except SolverError:
        return no_power_flow(feeder)


def with_realised_load(planned: Operation, station_kw: FloatArray) -> Operation:
    """Return the operation with the set-points held and *station_kw* (per bus) as the load."""
    row = planned.row
    injection_kw = planned.dispatch.injection_kw[row] + planned.station_kw - station_kw
    injection_kvar = planned.dispatch.injection_kvar[row]
    flow = _flow(ac_power_flow, planned.feeder, injection_kw, injection_kvar, f"{planned.now}, realised load")
    return replace(planned, station_kw=station_kw, realised=flow)


def setpoint_kw(op: Operation) -> dict[str, float]:
    """Return the active power each device is to inject."""
    return {
        device.name: float(p_kw)
        for group in op.devices.loads_last
        for device, p_kw in zip(group.devices, group.injection(op.dispatch.setpoints)[0][op.row], strict=True)
    }


def largest(values: FloatArray) -> float:
    """Return the largest absolute value, 0 where there is none."""
    return float(np.abs(values).max(initial=0.0))
