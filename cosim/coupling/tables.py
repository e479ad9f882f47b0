"""The result tables of the equilibrium: the same columns as those of the agents."""

from dataclasses import fields

import numpy as np

from cosim.arrays import Frame
from cosim.coupling.equilibrium import EquilibriumDay
from cosim.coupling.flags import record_flags
from cosim.grid.operation import Operation, planned_operation
from cosim.grid.operation_tables import record_operation
from cosim.grid.solution import Dispatch
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.road.assignment import Equilibrium
from cosim.road.records import record_link_flows, record_path_flows
from cosim.scenario import CAR, CHARGING, NOT_CHARGING, FeederCase, Scenario


def equilibrium_tables(scenario: Scenario, day: EquilibriumDay) -> dict[str, Frame]:
    """Return the tables of the day, with each feeder dispatched over the whole day at once and AC-checked."""
    recorder = Recorder()
    for case, dispatch in zip(scenario.feeders, day.dispatches, strict=True):
        for operation in _operate(scenario, case, dispatch, day):
            record_operation(recorder, operation)
    for number, equilibrium in enumerate(day.periods, start=1):
        period = PeriodOfDay(1, number)
        _record_roads(recorder, day, period)
        _record_stations(recorder, scenario, day, period)
        _record_prices(recorder, scenario, day, period)
        _record_convergence(recorder, equilibrium, period)
    for searched in (day, *day.others):
        _record_coupling(recorder, scenario, searched)
    record_flags(recorder, scenario, day)
    return recorder.frames()


def day_violations(scenario: Scenario, day: EquilibriumDay) -> Frame:
    """Return the table of violations of the coupled day, without those of the feeders."""
    recorder = Recorder()
    record_flags(recorder, scenario, day)
    return recorder.frame("violations")


def _operate(
    scenario: Scenario, case: FeederCase, dispatch: Dispatch, day: EquilibriumDay
) -> list[Operation]:
    """Return the feeder's day as dispatched, AC-checked period by period."""
    load = case.load(scenario.stations, day.load.load_kw)
    return [
        planned_operation(
            case.feeder,
            case.devices,
            dispatch,
            load,
            float(tariff),
            PeriodOfDay(1, period),
            export=case.rules.export,
        )
        for period, tariff in enumerate(day.tariff_cny_per_kwh, start=1)
    ]


def _record_roads(recorder: Recorder, day: EquilibriumDay, period: PeriodOfDay) -> None:
    paths, sue = day.paths, day.periods[period.row]
    class_of_path = paths.class_of_group[paths.groups.group_of_path]
    by_class = [
        paths.link_flow_veh_h(np.where(class_of_path == user_class, sue.path_flow_veh_h, 0.0))
        for user_class in (CAR, NOT_CHARGING, CHARGING)
    ]
    share = day.open[period.row].capacity_share
    record_link_flows(recorder, paths.network, period, share, *by_class, time_min=sue.link_time_min)
    record_path_flows(
        recorder, paths, period, sue.path_flow_veh_h, share=sue.path_share, cost_min=sue.path_cost_min
    )


def _record_stations(
    recorder: Recorder, scenario: Scenario, day: EquilibriumDay, period: PeriodOfDay
) -> None:
    equilibrium, stations = day.periods[period.row], scenario.stations
    network, arcs = day.paths.network, day.paths.network.charging_arcs
    load_kw, price = day.load.load_kw[period.row], day.charging_price_cny_per_kwh[period.row]
    recorder.add(
        "stations",
        day=period.day,
        period=period.period,
        station=[station.name for station in stations],
        feeder=[station.feeder for station in stations],
        bus=[station.bus for station in stations],
        arrivals=equilibrium.link_flow_veh_h[arcs] * scenario.periods.hours,
        energy_kwh=load_kw * scenario.periods.hours,
        load_kw=load_kw,
        forecast_kw=load_kw,
        limit_kw=[station.limit_kw for station in stations],
        wait_min=equilibrium.link_time_min[arcs] - network.t0_min[arcs],
        backlog_kwh=day.load.backlog_kwh[period.row],
        unserved_kwh=day.load.backlog_kwh[period.row],
        energy_utilisation=load_kw / [station.limit_kw for station in stations],
        price_cny_per_kwh=price,
        revenue_cny=load_kw * scenario.periods.hours * price,
    )


def _record_prices(recorder: Recorder, scenario: Scenario, day: EquilibriumDay, period: PeriodOfDay) -> None:
    recorder.add(
        "prices",
        day=period.day,
        period=period.period,
        station=[station.name for station in scenario.stations],
        tariff_cny_per_kwh=day.tariff_cny_per_kwh[period.row],
        nodal_price_cny_per_kwh=day.nodal_price_cny_per_kwh[period.row],
        charging_price_cny_per_kwh=day.charging_price_cny_per_kwh[period.row],
        published_cny_per_kwh=day.charging_price_cny_per_kwh[period.row],
    )


def _record_convergence(recorder: Recorder, equilibrium: Equilibrium, period: PeriodOfDay) -> None:
    iterations = equilibrium.iterations
    recorder.add(
        "convergence",
        day=period.day,
        period=period.period,
        iteration=np.arange(1, iterations + 1),
        residual=equilibrium.residuals,
        step=np.append(equilibrium.steps, np.nan)[:iterations],
    )


def _record_coupling(recorder: Recorder, scenario: Scenario, day: EquilibriumDay) -> None:
    """Write the residuals of the search from one start, iteration by iteration."""
    for number, iteration in enumerate(day.iterations, start=1):
        station = scenario.stations[iteration.station].name
        row = {field.name: getattr(iteration, field.name) for field in fields(iteration)}
        recorder.add_row("coupling", **row | {"station": station}, day=1, start=day.start, iteration=number)
