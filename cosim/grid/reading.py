"""From a solver's result in per unit to a solution with units: set-points, flows, costs, nodal prices."""

from dataclasses import replace
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.cost import running_cost
from cosim.grid.model import ProblemStructure
from cosim.grid.problem import ProblemData
from cosim.grid.radial import BASE_KVA, Feeder
from cosim.grid.solution import BranchFlow, Solution, relaxation_error
from cosim.grid.solver_result import SolverResult

Arrays = dict[str, FloatArray]
UNFELT_PU = 1e-9
"""Power and squared voltage [p.u. of 1 MVA, 1] that make no difference."""
INEXACT_PU = 1e-6
"""From this relaxation error on, it is asked whether the excess of a current is felt."""


def read_solution(result: SolverResult, structure: ProblemStructure, data: ProblemData) -> Solution:
    """Return the variables with units, the costs, the nodal prices and the relaxation error."""
    variables = result.variables
    shed = _shed(variables, structure, data)
    raw = {group.kind: group.read(variables, data) for group in structure.groups}
    setpoints = {
        name: np.maximum(values, 0.0) if name in group.nonnegative else values
        for group in structure.groups
        for name, values in raw[group.kind].items()
    }
    injection = _injection(raw, shed, structure, data)
    purchase_kw = BASE_KVA * variables["supply_p"].sum(axis=1)
    cost = running_cost(structure.devices, setpoints, purchase_kw, data.price_cny_per_kwh, structure.period_h)
    moving_cny = sum(group.objective_cny(variables, data) for group in structure.groups)
    penalty_cny = result.penalty_cny if structure.gives_way else 0.0
    runs = structure.runs(data.periods)
    current2 = np.maximum(variables["current2"], 0.0)
    lost_pu = sum(float((current2[run] @ own.feeder.r_pu).sum()) for run, own in runs)
    loss_cny = data.loss_price_cny_per_mwh * structure.period_h * lost_pu
    return Solution(
        cost=replace(cost, penalty_cny=penalty_cny, moving_cny=moving_cny, loss_cny=loss_cny),
        setpoints=setpoints,
        **shed,
        purchase_kw=purchase_kw,
        purchase_kvar=BASE_KVA * variables["supply_q"].sum(axis=1),
        injection_kw=injection.real,
        injection_kvar=injection.imag,
        price_cny_per_kwh=result.price_of_load / (BASE_KVA * structure.period_h),
        **_networks(variables, runs),
    )


def _shed(variables: Arrays, structure: ProblemStructure, data: ProblemData) -> Arrays:
    """Return the load that is not served, feed-in that is not taken below 0; 0 where the limits are strict."""
    none = np.zeros((data.periods, structure.feeder.bus_count))
    shed = {
        name: np.maximum(BASE_KVA * variables[name], 0.0) if structure.elastic else none.copy()
        for name in ("station_shed_kw", "base_shed_kw")
    }
    if "feed_in_off" in variables:
        shed["base_shed_kw"] -= np.maximum(BASE_KVA * variables["feed_in_off"], 0.0)
    return shed


def _networks(variables: Arrays, runs: list[tuple[slice, ProblemStructure]]) -> dict[str, Any]:
    """Return `_network` of all periods."""
    parts = [
        _network({name: values[run] for name, values in variables.items()}, own.feeder) for run, own in runs
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _network(variables: Arrays, feeder: Feeder) -> dict[str, Any]:
    """Return voltages, and of each branch what enters it, its losses and its relaxation error."""
    v, p, q = variables["voltage2"], variables["branch_p"], variables["branch_q"]
    behind_tap, arriving = v[:, feeder.from_bus] / feeder.ratio**2, v[:, feeder.to_bus]
    flow = _felt(
        BranchFlow(voltage2=behind_tap, current2=np.maximum(variables["current2"], 0.0), p=p, q=q), feeder
    )
    current2 = flow.current2
    y, far = feeder.y_from_pu, feeder.y_to_pu
    entering2 = current2 + 2 * (p * y.real - q * y.imag) + np.abs(y) ** 2 * behind_tap
    lost = current2 * feeder.r_pu + behind_tap * y.real + arriving * far.real
    return {
        "voltage_pu": np.sqrt(v),
        "branch_kw": BASE_KVA * (p + y.real * behind_tap),
        "branch_kvar": BASE_KVA * (q - y.imag * behind_tap),
        "branch_current_pu": np.sqrt(np.maximum(entering2, 0.0)) / feeder.ratio,
        "losses_kw": BASE_KVA * lost.sum(axis=1),
        "relaxation_error": relaxation_error(flow),
    }


def _felt(flow: BranchFlow, feeder: Feeder) -> BranchFlow:
    """Return the flow with the currents that P and Q say, where an excess changes nothing in the network.

    Behind an impedance of almost nothing, or of a branch almost without load, the problem leaves the current open.
    """
    implied = (flow.p**2 + flow.q**2) / flow.voltage2
    excess = np.abs(flow.current2 - implied) * np.hypot(feeder.r_pu, feeder.x_pu)
    unfelt = (excess <= UNFELT_PU) & (relaxation_error(flow) > INEXACT_PU)
    return replace(flow, current2=np.where(unfelt, implied, flow.current2))


def _injection(
    raw: dict[str, Arrays], shed: Arrays, structure: ProblemStructure, data: ProblemData
) -> np.ndarray:
    """Return what each bus injects, P + jQ [kW, kvar], without what is bought; rounding of set-points is kept."""
    load = data.load
    p = -(load.base_kw + load.station_kw) + shed["base_shed_kw"] + shed["station_shed_kw"]
    q = -load.base_kvar.copy()
    if structure.elastic:
        sheds = load.base_kw != 0 if structure.feeder.feeds_in else load.base_kw > 0
        q += shed["base_shed_kw"] * load.base_kvar / np.where(sheds, load.base_kw, np.inf)
    for group in (*structure.devices.loads_last, *structure.responses):
        on = group.at(structure.feeder)
        active, reactive = group.injection(raw[group.kind])
        p = p + active @ on
        q = q if isinstance(reactive, float) else q + reactive @ on
    return p + 1j * q
