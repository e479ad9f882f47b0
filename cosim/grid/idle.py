"""What a feeder does when no dispatch can be found: units stand still, load comes, the AC power flow decides."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import SolverError
from cosim.grid.cost import running_cost
from cosim.grid.flow import PowerFlow, no_power_flow
from cosim.grid.model import Frame
from cosim.grid.numbers import Question, available_kw
from cosim.grid.parts import place
from cosim.grid.schedule import Answer
from cosim.grid.sweep import sweep_power_flow


def idle_answer(frame: Frame, question: Question) -> Answer:
    """Return turbines at their last output, renewables in full, stores and loads untouched; NaN without AC flow.

    The nodal price is the tariff, for nothing says what one more kWh would cost.
    """
    feeder, devices, state = frame.feeder, frame.devices, question.state
    periods, buses = question.periods, feeder.bus_count
    turbine_kw = np.tile(np.nan_to_num(state.turbine_kw), (periods, 1))
    renewable_kw = available_kw(devices, question)
    injection_kw = -(question.load.base_kw + question.load.station_kw)
    injection_kw = injection_kw + turbine_kw @ place(devices.turbines, feeder)
    injection_kw = injection_kw + renewable_kw @ place(devices.renewables, feeder)
    injection_kvar = -question.load.base_kvar
    flow = _flow(frame, injection_kw, injection_kvar)
    none = {
        name: np.zeros((periods, count))
        for count, names in (
            (len(devices.turbines), ("turbine_kvar",)),
            (len(devices.storages), ("charge_kw", "discharge_kw")),
            (len(devices.renewables), ("renewable_kvar",)),
            (len(devices.demand_responses), ("shift_out_kw", "shift_in_kw")),
            (len(devices.v2g_chargers), ("v2g_charge_kw", "v2g_discharge_kw", "v2g_short_kwh")),
            (len(frame.responding), ("response_kw",)),
            (buses, ("station_shed_kw", "base_shed_kw")),
            (feeder.branch_count, ("relaxation_error",)),
        )
        for name in names
    }
    return Answer(
        cost=running_cost(
            devices,
            turbine_kw,
            none["shift_out_kw"],
            flow.slack_kw,
            question.price_cny_per_kwh,
            frame.period_h,
        ),
        **none,
        turbine_kw=turbine_kw,
        storage_kwh=np.tile(state.storage_kwh, (periods, 1)),
        renewable_kw=renewable_kw,
        owed_kwh=np.tile(state.owed_kwh, (periods, 1)),
        v2g_kwh=_vehicles(frame, question),
        purchase_kw=flow.slack_kw,
        purchase_kvar=flow.slack_kvar,
        injection_kw=injection_kw,
        injection_kvar=injection_kvar,
        voltage_pu=flow.voltage_pu,
        branch_kw=flow.branch_kw,
        branch_kvar=flow.branch_kvar,
        branch_current_pu=flow.branch_current_pu,
        losses_kw=flow.losses_kw,
        price_cny_per_kwh=np.tile(question.price_cny_per_kwh[:, None], (1, buses)),
    )


def _vehicles(frame: Frame, question: Question) -> FloatArray:
    """Return the energy in vehicles that come and go and are not charged."""
    energy_kwh, first = question.state.v2g_kwh, question.horizon.first_period - 1
    rows = []
    for t in range(first, first + question.periods):
        brought = [
            u.capacity_kwh * (u.arriving_pu[t] - u.departing_pu[t]) for u in frame.devices.v2g_chargers
        ]
        energy_kwh = np.maximum(energy_kwh + np.array(brought), 0.0)
        rows.append(energy_kwh)
    return np.array(rows)


def _flow(frame: Frame, injection_kw: FloatArray, injection_kvar: FloatArray) -> PowerFlow:
    """Return the AC power flow of all periods, NaN in those without one."""
    try:
        return sweep_power_flow(frame.feeder, injection_kw, injection_kvar)
    except SolverError:
        pass
    flows = [_of_one(frame, *row) for row in zip(injection_kw, injection_kvar, strict=True)]
    return PowerFlow(**{name: np.array([getattr(f, name) for f in flows]) for name in PowerFlow.__slots__})


def _of_one(frame: Frame, injection_kw: FloatArray, injection_kvar: FloatArray) -> PowerFlow:
    try:
        return sweep_power_flow(frame.feeder, injection_kw, injection_kvar)
    except SolverError:
        return no_power_flow(frame.feeder)
