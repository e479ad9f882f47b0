"""The tables of a dispatch of feeders alone."""

import numpy as np

from cosim.arrays import FloatArray, Frame
from cosim.grid.operation_tables import record_operation
from cosim.grid.problem import Load
from cosim.grid.rolling import cost_by_period
from cosim.grid.solution import Dispatch
from cosim.results import Recorder
from cosim.scenario.feeder_case import FeederCase
from experiments.dispatch.study import Dispatched


def tables_of(answer: Dispatched) -> dict[str, Frame]:
    """Return the tables that an operator writes, and the injections of all buses; of a rolling day ``rolling`` too."""
    recorder, price = Recorder(), answer.asked.price_cny_per_kwh
    for (case, load, dispatch), operations in zip(answer.parts, answer.operations, strict=True):
        for operation in operations:
            record_operation(recorder, operation)
        _record_injections(recorder, case, load, dispatch)
    if answer.plans:
        for case, planned, realised in zip(answer.asked.cases, answer.plans, answer.dispatches, strict=True):
            _record_rolling(recorder, case, planned, realised, price)
    return recorder.frames() | {"violations": recorder.frame("violations")}


def _record_injections(recorder: Recorder, case: FeederCase, load: Load, dispatch: Dispatch) -> None:
    for row in range(dispatch.period_count):
        recorder.add(
            "injections",
            day=1,
            period=dispatch.first_period + row,
            feeder=case.feeder.name,
            bus=list(case.feeder.bus_names),
            injection_kw=dispatch.injection_kw[row],
            injection_kvar=dispatch.injection_kvar[row],
            load_kvar=load.base_kvar[row],
            base_shed_kw=dispatch.base_shed_kw[row],
            station_shed_kw=dispatch.station_shed_kw[row],
        )


def _record_rolling(
    recorder: Recorder, case: FeederCase, planned: Dispatch, realised: Dispatch, price: FloatArray
) -> None:
    """Record purchase and cost of each period as first planned and as carried out."""
    recorder.add(
        "rolling",
        day=1,
        period=1 + np.arange(realised.period_count),
        feeder=case.feeder.name,
        purchase_planned_kw=planned.purchase_kw,
        purchase_kw=realised.purchase_kw,
        cost_planned_cny=cost_by_period(planned, case.devices, price),
        cost_cny=cost_by_period(realised, case.devices, price),
    )
