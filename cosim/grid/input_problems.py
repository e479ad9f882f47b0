"""Faults of the load, the prices and the initial state of a dispatch."""

import numpy as np

from cosim.arrays import FloatArray
from cosim.grid.device import Devices, Renewable
from cosim.grid.problem import DispatchState, Horizon, Load
from cosim.grid.radial import Feeder


def shape_problems(
    feeder: Feeder, devices: Devices, load: Load, price: FloatArray, horizon: Horizon
) -> list[str]:
    """Return a sentence for each array that does not fit the feeder, the devices and the horizon."""
    periods = price.size
    wanted = (periods, feeder.bus_count)
    problems = [] if price.ndim == 1 and periods else ["the price must be one number per period."]
    arrays = {"base_kw": load.base_kw, "base_kvar": load.base_kvar, "station_kw": load.station_kw}
    for name, array in arrays.items():
        if array.shape != wanted:
            problems.append(f"{name} has shape {array.shape}, expected (periods, buses) = {wanted}.")
        elif not np.isfinite(array).all():
            problems.append(f"{name} has a value that is not a finite number.")
    offered, plants = load.renewable_kw, len(devices.of(Renewable))
    if offered is not None and (offered.shape != (periods, plants) or not (offered >= 0).all()):
        problems.append(f"renewable_kw must be (periods, devices) = {(periods, plants)} numbers >= 0.")
    if load.station_kw.size and (load.station_kw < 0).any():
        problems.append("station_kw has a negative value; a station only charges.")
    if not np.isfinite(price).all():
        problems.append("the price has a value that is not a finite number.")
    problems += devices.profile_problems(horizon.first_period - 1 + periods)
    return problems + _state_problems(horizon.state, devices)


def _state_problems(state: DispatchState | None, devices: Devices) -> list[str]:
    if state is None:
        return []
    wanted = {name: values.shape for name, values in devices.initial_state().items()}
    given = {name: np.shape(values) for name, values in state.items()}
    found = f"the state of the horizon has {given or 'nothing'}; it must have {wanted or 'nothing'} (names, shapes)"
    return [] if given == wanted else [found]
