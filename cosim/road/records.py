"""Road tables of the results, written by the agent model and the equilibrium alike."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from cosim.arrays import FloatArray
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.road.network import Network
from cosim.road.paths import PathSet


def record_link_flows(
    recorder: Recorder,
    network: Network,
    period_of_day: PeriodOfDay,
    capacity_share: FloatArray | float,
    car_veh_h: FloatArray,
    not_charging_veh_h: FloatArray,
    charging_veh_h: FloatArray,
    **columns: FloatArray,
) -> None:
    """Record the links of one period: flows by class and in total, and further *columns* of the table.

    *capacity_share* is the share of its capacity that each link has, 0 where it is closed.
    """
    recorder.add(
        "links",
        day=period_of_day.day,
        period=period_of_day.period,
        link=list(network.links),
        from_node=[network.nodes[node] for node in network.from_node],
        to_node=[network.nodes[node] for node in network.to_node],
        kind=["charging" if charging else "road" for charging in network.is_charging],
        flow_veh_h=car_veh_h + not_charging_veh_h + charging_veh_h,
        car_veh_h=car_veh_h,
        ev_not_charging_veh_h=not_charging_veh_h,
        ev_charging_veh_h=charging_veh_h,
        capacity_veh_h=network.capacity_veh_h * capacity_share,
        **columns,
    )


def flow_per_capacity(flow_veh_h: FloatArray, capacity_veh_h: FloatArray) -> FloatArray:
    """Return flow over capacity; 0 where a link is closed."""
    is_open = capacity_veh_h > 0
    ratio: FloatArray = np.where(is_open, flow_veh_h, 0.0) / np.where(is_open, capacity_veh_h, 1.0)
    return ratio


def record_path_flows(
    recorder: Recorder,
    paths: PathSet,
    period_of_day: PeriodOfDay,
    flow_veh_h: FloatArray,
    **columns: FloatArray,
) -> None:
    """Record the paths of one period: their flow, and further *columns* of the table."""
    recorder.add(
        "paths",
        day=period_of_day.day,
        period=period_of_day.period,
        **_path_columns(paths),
        flow_veh_h=flow_veh_h,
        **columns,
    )


@lru_cache(maxsize=4)
def _path_columns(paths: PathSet) -> dict[str, np.ndarray]:
    """Return the columns that are the same in every period, computed once per path set."""
    group = paths.groups.group_of_path
    od, user_class = paths.od_of_group[group], paths.class_of_group[group]
    nodes, stations = _texts(paths.network.nodes), _texts((*paths.network.stations, ""))
    return {
        "user_class": _texts([user.name for user in paths.classes])[user_class],
        "origin": nodes[paths.od.origin[od]],
        "destination": nodes[paths.od.dest[od]],
        "path": np.arange(paths.count),
        "nodes": _texts([paths.path_name(path) for path in range(paths.count)]),
        "station": stations[paths.station],  # index -1, without charging: the empty text at the end
    }


def _texts(names: Sequence[str]) -> np.ndarray:
    return np.array(names, dtype=object)
