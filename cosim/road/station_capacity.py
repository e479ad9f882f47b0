"""Feasibility of the charging demand for the capacity of the stations, tested before an assignment."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from cosim.arrays import FloatArray, IntArray
from cosim.errors import InfeasibleError
from cosim.road.problem import SueProblem

MAX_UTILISATION = 1 - 1e-6
"""Maximum utilisation of a station, because Davidson's time is infinite at capacity."""
FLOW_TOLERANCE_VEH_H = 1e-6
"""Flow that counts as zero, in the tolerance of the linear programme."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shortfall:
    """A set of stations without the capacity for the groups that can charge at no other station."""

    stations: IntArray
    groups: IntArray
    demand_veh_h: float
    capacity_veh_h: float

    @property
    def missing_veh_h(self) -> float:
        """Demand above the capacity."""
        return self.demand_veh_h - self.capacity_veh_h


def check_station_capacity(problem: SueProblem[Any]) -> None:
    """Raise InfeasibleError unless some path flow serves all demand below the capacity of every station.

    The message names the stations that are too small, the groups bound to them, and the missing capacity.
    """
    short = station_shortfall(problem)
    if short is None:
        return
    stations = ", ".join(problem.network.stations[station] for station in short.stations)
    groups = ", ".join(problem.alternatives.group_name(group) for group in short.groups)
    msg = (
        f"stations {stations} together take less than {short.capacity_veh_h:.6g} veh/h, but "
        f"{short.demand_veh_h:.6g} veh/h can charge nowhere else ({groups}): {short.missing_veh_h:.6g} veh/h "
        "too many. Add chargers, lower the charging demand, or set overload = 'extend' for a flagged answer."
    )
    raise InfeasibleError(msg)


def station_shortfall(problem: SueProblem[Any]) -> Shortfall | None:
    """Return the stations that cannot serve the groups bound to them, or None, by the minimum cut of a maximum flow.

    The flow is from charging groups to the stations on their paths. The test is necessary and sufficient.
    """
    arcs = problem.network.charging_arcs
    capacity = problem.network.capacity_veh_h[arcs]
    if not arcs.size:
        return None
    free_flow = problem.load(problem.network.t0_min).link_flow_veh_h[arcs]
    if np.all(free_flow <= MAX_UTILISATION * capacity):  # the usual case: these flows are feasible
        return None
    group, station = problem.charging_pairs()
    served = _max_service(group, station, problem.demand_veh_h, MAX_UTILISATION * capacity)
    charging = np.bincount(group, minlength=problem.demand_veh_h.size) > 0
    unserved = problem.demand_veh_h - np.bincount(group, served, minlength=charging.size)
    bound = charging & (unserved > FLOW_TOLERANCE_VEH_H)
    if not bound.any():
        return None
    full = np.zeros(capacity.size, dtype=bool)
    while True:  # groups served at a station that an unserved group could use belong to the cut, too
        full[station[bound[group]]] = True
        holders = group[full[station] & (served > FLOW_TOLERANCE_VEH_H)]
        if bound[holders].all():
            break
        bound[holders] = True
    return Shortfall(
        stations=np.flatnonzero(full),
        groups=np.flatnonzero(bound),
        demand_veh_h=float(problem.demand_veh_h[bound].sum()),
        capacity_veh_h=float(capacity[full].sum()),
    )


def _max_service(
    group: IntArray, station: IntArray, demand_veh_h: FloatArray, capacity_veh_h: FloatArray
) -> FloatArray:
    """Return the flow of each (group, station) combination at maximum total service [veh/h]."""
    pair, one = np.arange(group.size), np.ones(group.size)
    by_group = csr_array((one, (group, pair)), shape=(demand_veh_h.size, pair.size))
    by_station = csr_array((one, (station, pair)), shape=(capacity_veh_h.size, pair.size))
    limits = np.concatenate([demand_veh_h, capacity_veh_h])
    solution = linprog(-one, A_ub=vstack([by_group, by_station]), b_ub=limits, method="highs")
    served: FloatArray = solution.x
    return served
