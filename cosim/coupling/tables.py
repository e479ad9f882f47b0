"""The result tables of the equilibrium: the same columns as those of the agents."""

import numpy as np

from cosim.arrays import Frame
from cosim.coupling.day import EquilibriumDay
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.operation import Operation, planned_operation, record_operation
from cosim.grid.schedule import Horizon
from cosim.periods import PeriodOfDay
from cosim.results import Recorder
from cosim.road.assignment import Equilibrium
from cosim.road.records import record_link_flows, record_path_flows
from cosim.scenario import CAR, CHARGING, PASSING, FeederCase, Scenario


def equilibrium_tables(scenario: Scenario, day: EquilibriumDay) -> dict[str, Frame]:
    """Return the tables of the day, with each feeder dispatched over the whole day at once and AC-checked."""
    recorder = Recorder()
    operations = [operation for case in scenario.feeders for operation in _operate(scenario, case, day)]
    for operation in operations:
        record_operation(recorder, operation)
    nodal = _nodal_prices(scenario, operations)
    for number, equilibrium in enumerate(day.periods):
        now = PeriodOfDay(1, number + 1)
        _record_roads(recorder, day, equilibrium, now)
        _record_stations(recorder, scenario, day, now)
        _record_prices(recorder, scenario, day, now, nodal[number])
        _record_convergence(recorder, equilibrium, now)
    _record_flags(recorder, day)
    return recorder.frames()


def day_violations(day: EquilibriumDay) -> Frame:
    """Return what kept the roads' side of the day from being an equilibrium within all limits."""
    recorder = Recorder()
    _record_flags(recorder, day)
    return recorder.frame("violations")


def _operate(scenario: Scenario, case: FeederCase, day: EquilibriumDay) -> list[Operation]:
    """Return the feeder's day, dispatched once with perfect foresight."""
    load = case.load(scenario.stations, day.load.load_kw)
    price = day.tariff_cny_per_kwh
    horizon = Horizon(period_h=scenario.periods.hours)
    dispatch = solve_dispatch(case.feeder, case.devices, load, price, horizon, case.rules)
    return [
        planned_operation(
            case.feeder,
            case.devices,
            dispatch,
            load,
            float(price[number]),
            PeriodOfDay(1, number + 1),
            export=case.rules.export,
        )
        for number in range(scenario.periods.count)
    ]


def _nodal_prices(scenario: Scenario, operations: list[Operation]) -> np.ndarray:
    """Return the nodal price at each station's bus, (periods, stations)."""
    nodal = np.full((scenario.periods.count, len(scenario.stations)), np.nan)
    for op in operations:
        for station in scenario.stations:
            if station.feeder == op.feeder.name:
                bus = op.feeder.bus_index(station.bus)
                nodal[op.row, station.number] = op.dispatch.price_cny_per_kwh[op.row, bus]
    return nodal


def _record_roads(recorder: Recorder, day: EquilibriumDay, period: Equilibrium, now: PeriodOfDay) -> None:
    paths = day.paths
    of_class = paths.class_of_group[paths.groups.of_path]
    by_class = [
        paths.link_flow_veh_h(np.where(of_class == number, period.path_flow_veh_h, 0.0))
        for number in (CAR, PASSING, CHARGING)
    ]
    record_link_flows(recorder, paths.network, now, *by_class, time_min=period.link_time_min)
    record_path_flows(
        recorder, paths, now, period.path_flow_veh_h, share=period.path_share, cost_min=period.path_cost_min
    )


def _record_stations(recorder: Recorder, scenario: Scenario, day: EquilibriumDay, now: PeriodOfDay) -> None:
    period, stations = day.periods[now.period - 1], scenario.stations
    network, arcs = day.paths.network, day.paths.network.charging_arcs
    load_kw = day.load.load_kw[now.period - 1]
    recorder.add(
        "stations",
        day=now.day,
        period=now.period,
        station=[station.name for station in stations],
        feeder=[station.feeder for station in stations],
        bus=[station.bus for station in stations],
        arrivals=period.link_flow_veh_h[arcs] * scenario.periods.hours,
        energy_kwh=load_kw * scenario.periods.hours,
        load_kw=load_kw,
        forecast_kw=load_kw,
        limit_kw=[station.limit_kw for station in stations],
        wait_min=period.link_time_min[arcs] - network.t0_min[arcs],
        backlog_kwh=day.load.backlog_kwh[now.period - 1],
        price_cny_per_kwh=day.tariff_cny_per_kwh[now.period - 1],
    )


def _record_prices(
    recorder: Recorder, scenario: Scenario, day: EquilibriumDay, now: PeriodOfDay, nodal: np.ndarray
) -> None:
    recorder.add(
        "prices",
        day=now.day,
        period=now.period,
        station=[station.name for station in scenario.stations],
        tariff_cny_per_kwh=day.tariff_cny_per_kwh[now.period - 1],
        nodal_price_cny_per_kwh=nodal,
        charging_price_cny_per_kwh=day.tariff_cny_per_kwh[now.period - 1],
    )


def _record_convergence(recorder: Recorder, period: Equilibrium, now: PeriodOfDay) -> None:
    iterations = period.iterations
    recorder.add(
        "convergence",
        day=now.day,
        period=now.period,
        iteration=np.arange(1, iterations + 1),
        residual=period.residuals,
        step=np.append(period.steps, np.nan)[:iterations],
    )


def _record_flags(recorder: Recorder, day: EquilibriumDay) -> None:
    """Write down what kept the day from being an equilibrium within all limits."""
    for number, period in enumerate(day.periods):
        if not period.converged:
            recorder.add_row(
                "violations",
                day=1,
                period=number + 1,
                place="roads",
                kind="not_converged",
                amount=period.residual,
                sentence=f"period {number + 1}: the equilibrium search stopped at a residual of "
                f"{period.residual:.2e} after {period.iterations} iterations. Use "
                "road.assignment.method = 'newton', or raise road.assignment.max_iterations.",
            )
        for link in np.flatnonzero(period.overloaded):
            network = day.paths.network
            flow, capacity = period.link_flow_veh_h[link], network.capacity_veh_h[link]
            recorder.add_row(
                "violations",
                day=1,
                period=number + 1,
                place=f"station {network.links[link]}",
                kind="overload",
                amount=flow - capacity,
                sentence=f"period {number + 1}, station {network.links[link]}: {flow:.1f} veh/h arrive where "
                f"{capacity:.1f} can be served; the queue is extended linearly. Add chargers.",
            )
    for number in day.flipping:
        held, wanted = (
            float(price[number - 1]) for price in (day.tariff_cny_per_kwh, day.led_to_cny_per_kwh)
        )
        recorder.add_row(
            "violations",
            day=1,
            period=number,
            place="tariff",
            kind="tariff_flips",
            amount=abs(wanted - held),
            sentence=f"period {number}: the dynamic tariff flips, for drivers react to it; it is held at {held:.2f} "
            f"CNY/kWh, where their charging asks for {wanted:.2f}. Lower mobility.price_sensitivity, change "
            "tariff.band, or use tariff.kind = 'table'.",
        )
