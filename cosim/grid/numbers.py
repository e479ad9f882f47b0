"""The numbers that one solve puts into the compiled dispatch, one row per period, in per unit of 1 MVA."""

from dataclasses import dataclass

import numpy as np

from cosim.arrays import BoolArray, FloatArray
from cosim.grid.devices import Devices, PriceResponse
from cosim.grid.feeder import BASE_KVA
from cosim.grid.model import Frame
from cosim.grid.parts import of_units, place
from cosim.grid.schedule import DispatchState, Horizon, Load

ROUNDING_KWH = 1e-3
"""A state this far beyond what the horizon can return is rounding of the period before: rounded back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Values of the numbers of a `model.Draft`: by period, before the first, at the end of the last."""

    by_period: dict[str, FloatArray]
    before: dict[str, FloatArray]
    ends: dict[str, FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one solve is asked."""

    load: Load
    price_cny_per_kwh: FloatArray
    horizon: Horizon
    state: DispatchState
    loss_price_cny_per_mwh: float = 0.0
    charging: BoolArray | None = None
    """Fixed signs of storage and V2G chargers, True where one may only charge; None leaves them to the optimum."""

    @property
    def periods(self) -> int:
        """Number of periods."""
        return len(self.price_cny_per_kwh)


def numbers(frame: Frame, question: Question) -> Numbers:
    """Return every number of the dispatch of *frame* that *question* asks for."""
    load, periods = question.load, question.periods
    by_period = {
        "price": question.price_cny_per_kwh[:, None],
        "loss_price": np.full((periods, 1), question.loss_price_cny_per_mwh),
        "load_p": (load.base_kw + load.station_kw) / BASE_KVA,
        "load_q": load.base_kvar / BASE_KVA,
        "current2_max": _current2_max(frame, question),
    }
    before: dict[str, FloatArray] = {}
    ends: dict[str, FloatArray] = {}
    devices = frame.devices
    if devices.turbines:
        by_period["ramp"], before["turbine_kw"] = _ramp(frame, question)
    if devices.storages:
        by_period |= _store_limits(devices, question)
        before["storage_kwh"], ends["storage_kwh"] = _store_energy(frame, question)
    if devices.v2g_chargers:
        v2g, before["v2g_kwh"], ends["v2g_kwh"] = _v2g(frame, question)
        by_period |= v2g
    if devices.demand_responses:
        by_period["shift_max"] = most = _shift_max(frame, load)
        reach = frame.period_h * most.sum(axis=0)
        before["owed_kwh"] = _rounded(question.state.owed_kwh / BASE_KVA, -reach, reach)
        ends["owed_kwh"] = np.zeros(len(devices.demand_responses))
    if devices.renewables:
        by_period |= _renewables(devices, question)
    if load.response is not None:
        by_period |= _response(load.response)
    if frame.elastic:
        by_period |= _sheddable(load)
    return Numbers(by_period=by_period, before=before, ends=ends)


def _ramp(frame: Frame, question: Question) -> tuple[FloatArray, FloatArray]:
    """Return the largest step of each period, and the output before; a free first output may step anywhere."""
    units = frame.devices.turbines
    step = np.tile(of_units(units, "ramp_kw_per_h") * frame.period_h, (question.periods, 1))
    p_max = of_units(units, "p_max_kw")
    free = ~np.isfinite(question.state.turbine_kw)
    step[0, free] = p_max[free]
    return step, np.where(free, p_max / 2, question.state.turbine_kw / BASE_KVA)


def _store_limits(devices: Devices, question: Question) -> dict[str, FloatArray]:
    may_charge, may_discharge = _signs(question, slice(0, len(devices.storages)))
    return {
        "charge_max": may_charge * of_units(devices.storages, "charge_max_kw"),
        "discharge_max": may_discharge * of_units(devices.storages, "discharge_max_kw"),
    }


def _signs(question: Question, own: slice) -> tuple[BoolArray, BoolArray]:
    """Return where the stores *own* may charge and where they may discharge."""
    if question.charging is None:
        both = np.ones((question.periods, own.stop - own.start), dtype=bool)
        return both, both
    return question.charging[:, own], ~question.charging[:, own]


def _store_energy(frame: Frame, question: Question) -> tuple[FloatArray, FloatArray]:
    """Return the energy before the first period and at the end of the last."""
    units, hours = frame.devices.storages, question.periods * frame.period_h
    end = of_units(units, "capacity_kwh") * of_units(units, "soc_initial", 1.0)
    gain = of_units(units, "charge_efficiency", 1.0) * of_units(units, "charge_max_kw")
    loss = of_units(units, "discharge_max_kw") / of_units(units, "discharge_efficiency", 1.0)
    start = _rounded(question.state.storage_kwh / BASE_KVA, end - hours * gain, end + hours * loss)
    return start, end


def _v2g(frame: Frame, question: Question) -> tuple[dict[str, FloatArray], FloatArray, FloatArray]:
    """Return the numbers of each period, and the energy before the first and at the end of the last."""
    units, stores = frame.devices.v2g_chargers, len(frame.devices.storages)
    first = question.horizon.first_period - 1
    connected, arriving, departing = (
        np.stack([np.asarray(getattr(u, name))[first : first + question.periods] for u in units], axis=1)
        for name in ("connected_pu", "arriving_pu", "departing_pu")
    )
    size, soc = of_units(units, "capacity_kwh"), of_units(units, "soc_initial", 1.0)
    may_charge, may_discharge = _signs(question, slice(stores, stores + len(units)))
    numbers = {
        "v2g_charge_max": may_charge * connected * of_units(units, "charge_max_kw"),
        "v2g_discharge_max": may_discharge * connected * of_units(units, "discharge_max_kw"),
        "v2g_min": connected * size * of_units(units, "soc_min", 1.0),
        "v2g_max": connected * size * of_units(units, "soc_max", 1.0),
        "v2g_arriving": arriving * size,
        "v2g_departing": departing * size,
    }
    end = soc * size * connected[-1]
    owed = end - (numbers["v2g_arriving"] - numbers["v2g_departing"]).sum(axis=0)
    gain = frame.period_h * of_units(units, "charge_efficiency", 1.0) * numbers["v2g_charge_max"].sum(axis=0)
    loss = frame.period_h / of_units(units, "discharge_efficiency", 1.0)
    loss = loss * numbers["v2g_discharge_max"].sum(axis=0)
    start = _rounded(question.state.v2g_kwh / BASE_KVA, owed - gain, owed + loss)
    return numbers, _rounded(start, numbers["v2g_departing"][0], np.full(len(units), np.inf)), end


def _shift_max(frame: Frame, load: Load) -> FloatArray:
    units = frame.devices.demand_responses
    base = np.maximum(load.base_kw / BASE_KVA, 0.0) @ place(units, frame.feeder).T
    most: FloatArray = base * of_units(units, "share_max", 1.0)
    return most


def available_kw(devices: Devices, question: Question) -> FloatArray:
    """Return the power each renewable unit offers: as the question says, else by its profile."""
    if question.load.renewable_kw is None:
        return devices.available_kw(question.horizon.first_period, question.periods)
    return np.minimum(question.load.renewable_kw, of_units(devices.renewables, "s_kva", 1.0))


def _renewables(devices: Devices, question: Question) -> dict[str, FloatArray]:
    units = devices.renewables
    available = available_kw(devices, question) / BASE_KVA
    s = of_units(units, "s_kva")
    left = np.sqrt(np.maximum(s**2 - available**2, 0.0))
    high = np.where([u.q_capability == "available" for u in units], left, s)
    high = np.where([u.q_capability == "none" for u in units], 0.0, high)
    return {
        "available": available,
        "must_take": np.where([u.curtailable for u in units], 0.0, available),
        "q_max": high,
        "q_min": np.where([u.q_absorption for u in units], -high, 0.0),
    }


def _response(response: PriceResponse) -> dict[str, FloatArray]:
    root = response.slope_root
    columns = {f"response_root_{k}": root[:, :, k] / BASE_KVA for k in range(root.shape[2])}
    worth = np.einsum("tb,tbk->tk", response.price_cny_per_kwh, root)
    return {**columns, "response_worth": worth, "response_load": response.load_kw / BASE_KVA}


def _sheddable(load: Load) -> dict[str, FloatArray]:
    base = np.maximum(load.base_kw, 0.0)
    ratio = np.divide(load.base_kvar, base, out=np.zeros_like(base), where=base > 0)
    return {
        "base_shed_max": base / BASE_KVA,
        "base_q_per_p": ratio,
        "station_shed_max": np.maximum(load.station_kw, 0.0) / BASE_KVA,
    }


def _current2_max(frame: Frame, question: Question) -> FloatArray:
    """Return the square of a current no branch can exceed in any AC power flow within the limits.

    By Kirchhoff's law it carries the sum of the currents below it, each at most S_max / v_min. The cones
    alone allow any current, so where losses pay (prices below zero) the relaxation would run away. Where a
    branch has a limit and no charging of its own, the limit holds here.
    """
    feeder, load = frame.feeder, question.load
    lowest = feeder.voltage_min_pu
    highest = feeder.voltage_max_pu
    if frame.elastic is not None:
        lowest, highest = min(lowest, frame.elastic.voltage_floor_pu), max(highest, 2.0)
    load_kw = np.abs(load.base_kw) + load.station_kw
    if load.response is not None:  # all that moves may meet at one bus
        load_kw = load_kw + load.response.load_kw.sum(axis=1, keepdims=True)
    largest = np.hypot(load_kw, load.base_kvar) / BASE_KVA
    largest = largest + _ratings(frame, question) + np.abs(feeder.admittance_at_bus) * highest**2
    scale = feeder.ratio_to_slack
    reach = feeder.sum_below(largest / scale) / lowest * scale[feeder.to_bus]
    own = np.where(feeder.y_from_pu == 0, feeder.current_max_pu * feeder.ratio, np.inf)
    own = np.minimum(own, np.where(feeder.y_to_pu == 0, feeder.current_max_to_pu, np.inf))
    most: FloatArray = np.minimum(reach, own) ** 2
    return most


def _ratings(frame: Frame, question: Question) -> FloatArray:
    """Return the largest apparent power of the devices at each bus."""
    feeder, devices = frame.feeder, frame.devices
    turbines = np.hypot(of_units(devices.turbines, "p_max_kw"), of_units(devices.turbines, "q_max_kvar"))
    stores = np.maximum(
        of_units(devices.storages, "charge_max_kw"), of_units(devices.storages, "discharge_max_kw")
    )
    vehicles = np.maximum(
        of_units(devices.v2g_chargers, "charge_max_kw"), of_units(devices.v2g_chargers, "discharge_max_kw")
    )
    most: FloatArray = (
        turbines @ place(devices.turbines, feeder)
        + stores @ place(devices.storages, feeder)
        + vehicles @ place(devices.v2g_chargers, feeder)
        + of_units(devices.renewables, "s_kva") @ place(devices.renewables, feeder)
        + _shift_max(frame, question.load) @ place(devices.demand_responses, feeder)
    )
    return most


def _rounded(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return *value* within [low, high] where it is out by no more than rounding; larger faults stay."""
    clipped = np.clip(value, low, high)
    return np.where(np.abs(clipped - value) <= ROUNDING_KWH / BASE_KVA, clipped, value)
