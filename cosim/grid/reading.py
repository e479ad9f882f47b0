"""From a solution in per unit to arrays with units: set-points, flows, costs, nodal prices."""

from dataclasses import replace

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.cost import running_cost
from cosim.grid.feeder import BASE_KVA
from cosim.grid.model import Frame
from cosim.grid.numbers import Question
from cosim.grid.parts import place, place_at
from cosim.grid.schedule import Answer, BranchFlow, relaxation_error
from cosim.grid.solution import Solution

_NEVER_NEGATIVE = (
    "turbine_kw", "charge_kw", "discharge_kw", "storage_kwh", "renewable_kw",
    "shift_out_kw", "shift_in_kw", "v2g_charge_kw", "v2g_discharge_kw", "v2g_kwh",
    "station_shed_kw", "base_shed_kw",
)  # fmt: skip
_UNITS = ("turbine_kvar", "renewable_kvar", "owed_kwh", *_NEVER_NEGATIVE)


def read_answer(solution: Solution, frame: Frame, question: Question) -> Answer:
    """Return the solved unknowns with units, the costs, the nodal prices and the relaxation error."""
    feeder, solved = frame.feeder, solution.unknowns
    none = np.zeros((question.periods, 0))
    units = {name: BASE_KVA * solved.get(name, none) for name in _UNITS}
    for name in _NEVER_NEGATIVE:
        units[name] = np.maximum(units[name], 0.0)
    for name in ("station_shed_kw", "base_shed_kw"):
        units[name] = units[name] if frame.elastic else np.zeros((question.periods, feeder.bus_count))
    short, extra = solved.get("v2g_short", none), solved.get("v2g_extra", none)
    units["v2g_short_kwh"] = BASE_KVA * (short - extra) if short.size else np.zeros_like(units["v2g_kwh"])
    v, p, q = solved["voltage2"], solved["branch_p"], solved["branch_q"]
    current2 = np.maximum(solved["current2"], 0.0)
    behind_tap, arriving = v[:, feeder.from_bus] / feeder.ratio**2, v[:, feeder.to_bus]
    y, far = feeder.y_from_pu, feeder.y_to_pu
    entering2 = current2 + 2 * (p * y.real - q * y.imag) + np.abs(y) ** 2 * behind_tap
    lost = current2 * feeder.r_pu + behind_tap * y.real + arriving * far.real
    purchase_kw = BASE_KVA * solved["supply_p"].sum(axis=1)
    cost = running_cost(
        frame.devices,
        units["turbine_kw"],
        units["shift_out_kw"],
        purchase_kw,
        question.price_cny_per_kwh,
        frame.period_h,
    )
    response_kw = _response_kw(solved, question)
    injection = _injection(units, solved, frame, question)
    if frame.responding:
        injection -= response_kw @ place_at(frame.responding, feeder)
    return Answer(
        cost=replace(
            cost,
            penalty_cny=solution.penalty_cny if frame.elastic else 0.0,
            moving_cny=_moving_cny(solved, question),
        ),
        **units,
        response_kw=response_kw,
        purchase_kw=purchase_kw,
        purchase_kvar=BASE_KVA * solved["supply_q"].sum(axis=1),
        injection_kw=injection.real,
        injection_kvar=injection.imag,
        voltage_pu=np.sqrt(v),
        branch_kw=BASE_KVA * (p + y.real * behind_tap),
        branch_kvar=BASE_KVA * (q - y.imag * behind_tap),
        branch_current_pu=np.sqrt(np.maximum(entering2, 0.0)) / feeder.ratio,
        losses_kw=BASE_KVA * lost.sum(axis=1),
        price_cny_per_kwh=solution.price_of_load / (BASE_KVA * frame.period_h),
        relaxation_error=relaxation_error(BranchFlow(voltage2=behind_tap, current2=current2, p=p, q=q)),
    )


def _response_kw(solved: dict[str, FloatArray], question: Question) -> FloatArray:
    """Return R z, by how much load that answers prices has moved; no column where none does."""
    response = question.load.response
    if response is None:
        return np.zeros((question.periods, 0))
    moved: FloatArray = np.einsum("tbk,tk->tb", response.slope_root, solved["response"])
    return moved


def _moving_cny(solved: dict[str, FloatArray], question: Question) -> float:
    """Return z z / 2 - price (R z) over the horizon: what `parts.response` adds to the objective."""
    if question.load.response is None:
        return 0.0
    saved = question.load.response.price_cny_per_kwh * _response_kw(solved, question)
    return question.horizon.period_h * float(np.sum(solved["response"] ** 2) / 2 - saved.sum())


def _injection(
    units: dict[str, FloatArray], solved: dict[str, FloatArray], frame: Frame, question: Question
) -> np.ndarray:
    """Return what each bus injects, P + jQ [kW, kvar], without what is bought."""
    feeder, devices, load = frame.feeder, frame.devices, question.load
    p = -(load.base_kw + load.station_kw) + units["base_shed_kw"] + units["station_shed_kw"]
    q = -load.base_kvar.copy()
    if frame.elastic:
        base = np.where(load.base_kw > 0, load.base_kw, np.inf)
        q += units["base_shed_kw"] * load.base_kvar / base
    raw = {name: BASE_KVA * solved[name] for name in _UNITS if name in solved}
    if devices.turbines:
        on = place(devices.turbines, feeder)
        p, q = p + raw["turbine_kw"] @ on, q + raw["turbine_kvar"] @ on
    if devices.storages:
        p = p + (raw["discharge_kw"] - raw["charge_kw"]) @ place(devices.storages, feeder)
    if devices.renewables:
        on = place(devices.renewables, feeder)
        p, q = p + raw["renewable_kw"] @ on, q + raw["renewable_kvar"] @ on
    if devices.v2g_chargers:
        p = p + (raw["v2g_discharge_kw"] - raw["v2g_charge_kw"]) @ place(devices.v2g_chargers, feeder)
    if devices.demand_responses:
        p = p + (raw["shift_out_kw"] - raw["shift_in_kw"]) @ place(devices.demand_responses, feeder)
    return p + 1j * q
