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
from cosim.grid.in_service import InService
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
    carried_out: Dispatch
    """The dispatch with the set-points and injections of this period as they were carried out."""
    network: Feeder
    """The network as it was in this period; *feeder* is that of the dispatch."""
    supplied: FloatArray
    """Share of the period in which each bus was supplied."""
    station_kw: FloatArray
    """Realised station load, per bus."""
    realised: PowerFlow
    """AC power flow with the realised load; the slack bus takes the difference."""
    export: bool
    """Whether power pushed back to the upper grid is paid for."""

    @property
    def cut_off_kw(self) -> FloatArray:
        """Planned load of stations that is cut off in the period, as the plan knows, per bus."""
        shape = self.load.station_kw.shape
        lost_kw = self.load.station_kw * (1.0 - self.load.in_service.supplied_at(shape))
        return np.asarray(lost_kw[self.row])

    @property
    def voltage_mismatch_pu(self) -> float:
        """Largest |V_SOCP - V_AC| at the dispatch."""
        return largest(self.planned.voltage_pu - self.dispatch.voltage_pu[self.row])

    @property
    def cost_planned_cny(self) -> float:
        """Cost of the period as planned (Eq. 21)."""
        return self._cost_cny(self.dispatch, float(self.dispatch.purchase_kw[self.row]))

    @property
    def cost_cny(self) -> float:
        """Cost of the period as it was carried out."""
        return self._cost_cny(self.carried_out, float(self.realised.slack_kw))

    def _cost_cny(self, dispatch: Dispatch, purchase_kw: float) -> float:
        """Return the cost of a purchase; where export is not allowed, a surplus earns nothing."""
        bought_kw = purchase_kw if self.export else max(purchase_kw, 0.0)
        return period_cost_cny(self.devices, dispatch, self.row, bought_kw, self.price_cny_per_kwh)


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
    feeder = load.in_service.network(row, feeder)
    # pandapower's own Newton-Raphson checks every dispatch: in the network as given, or where there is none, here
    solve = newton_power_flow if feeder.given is None else ac_power_flow
    flow = _flow(solve, feeder, dispatch.injection_kw[row], dispatch.injection_kvar[row], str(now))
    checked = check_against_given(feeder, dispatch, load, row)
    return Operation(
        feeder=feeder,
        devices=devices,
        dispatch=checked,
        carried_out=checked,
        network=feeder,
        supplied=load.in_service.supplied_at(load.base_kw.shape)[row],
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
    """Return the operation with the set-points carried out and *station_kw* (per bus) as the load."""
    row, done = planned.row, planned.carried_out
    injection_kw = done.injection_kw[row] + planned.station_kw - station_kw
    injection_kvar = done.injection_kvar[row]
    flow = _flow(
        ac_power_flow, planned.network, injection_kw, injection_kvar, f"{planned.now}, realised load"
    )
    return replace(planned, station_kw=station_kw, realised=flow)


def as_it_was(planned: Operation, feeder: Feeder, actual: InService) -> Operation:
    """Return the operation with what was really in service, *actual* of the periods of the dispatch."""
    done = carried_out(planned.feeder, planned.devices, planned.dispatch, planned.load, actual)
    return replace(
        planned,
        carried_out=done,
        network=actual.network(planned.row, feeder),
        supplied=actual.supplied_at(planned.load.base_kw.shape)[planned.row],
    )


def carried_out(
    feeder: Feeder, devices: Devices, dispatch: Dispatch, load: Load, actual: InService
) -> Dispatch:
    """Return the dispatch of *load* with set-points, injections and unserved load as *actual* in service leave them."""
    setpoints = dict(dispatch.setpoints)
    injection_kw, injection_kvar = dispatch.injection_kw, dispatch.injection_kvar
    kept = actual.relative_to(load.in_service)
    for group in devices.groups:
        shares = kept.shares([device.name for device in group.devices], dispatch.period_count)
        if (shares >= 1).all():
            continue
        before = group.injection(setpoints)
        setpoints |= group.carried_out(setpoints, shares, dispatch.first_period, dispatch.period_h)
        p_kw, q_kvar = (
            (now - then) @ group.at(feeder) if isinstance(now, np.ndarray) else 0.0
            for now, then in zip(group.injection(setpoints), before, strict=True)
        )
        injection_kw, injection_kvar = injection_kw + p_kw, injection_kvar + q_kvar
    lost = load.in_service.supplied_at(load.base_kw.shape) - actual.supplied_at(load.base_kw.shape)
    if not lost.any():
        return replace(
            dispatch, setpoints=setpoints, injection_kw=injection_kw, injection_kvar=injection_kvar
        )
    return replace(
        dispatch,
        setpoints=setpoints,
        injection_kw=injection_kw + load.base_kw * lost,
        injection_kvar=injection_kvar + load.base_kvar * lost,
        base_shed_kw=dispatch.base_shed_kw + load.base_kw * lost,
    )


def setpoint_kw(op: Operation, dispatch: Dispatch) -> dict[str, float]:
    """Return the active power that each device injects in the period by *dispatch*, planned or carried out."""
    return {
        device.name: float(p_kw)
        for group in op.devices.loads_last
        for device, p_kw in zip(group.devices, group.injection(dispatch.setpoints)[0][op.row], strict=True)
    }


def largest(values: FloatArray) -> float:
    """Return the largest absolute value, 0 where there is none."""
    return float(np.abs(values).max(initial=0.0))
