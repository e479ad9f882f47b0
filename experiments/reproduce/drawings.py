"""The figures of the page, after those of Ma et al. (2024)."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from cosim.grid.device import Storage
from cosim.grid.tariff import TABLE_1_CNY_PER_KWH
from experiments.dispatch.figures import demand_response
from experiments.dispatch.input import DispatchInput
from experiments.dispatch.study import Dispatched, checked
from experiments.dispatch.tables import tables_of
from experiments.figures import feeder
from experiments.figures.style import Figure
from experiments.page import drawn_by_name
from experiments.reproduce import diagrams
from experiments.reproduce import figures as paper
from experiments.reproduce.cases import Reproduction
from experiments.reproduce.chain_case import ChainCase
from experiments.reproduce.grid_case import VARIANTS, GridCase, Variant
from experiments.reproduce.road_case import FIRST_PERIOD, SECOND_PERIOD, RoadCase, even_split_veh_h
from experiments.run.figures.learning import learning_check

Builder = Callable[[], Figure]
DRAWN_VARIANTS = (Variant("A", "dynamic"), Variant("B", "dynamic"))
"""Variants with figures; the others are in the tables."""
DRAWN_ITERATIONS = (10, 60)
"""Minimum and maximum of the iterations drawn of a search."""


def drawings(case: Reproduction) -> dict[str, Figure]:
    """Return the figures of the page by name."""
    builders = {**_coupling(case), **_roads(case.roads), **_feeder(case)}
    for variant in DRAWN_VARIANTS:
        for name, build in _of_variant(case.grid[variant]).items():
            builders[f"{name}-{variant.preset}"] = build
    return drawn_by_name(builders)


def _coupling(case: Reproduction) -> dict[str, Builder]:
    """Return what comes first: drivers who learn, Figures 1, 2 and 4, and the chain from speeds to an assignment."""
    builders: dict[str, Builder] = {
        "architecture": lambda: diagrams.architecture(case),
        "load_process": lambda: diagrams.load_process(case),
        "coupling": lambda: diagrams.coupling(case.topology),
        "chain": lambda: _chain(case.chain),
    }
    if case.learners.findings:
        builders["learners"] = lambda: learning_check(case.learners.distances)
    return builders


def _chain(chain: ChainCase) -> Figure:
    """Return the flows of the first repeat of the chain."""
    flows = {
        "true": chain.true_flow_veh_h,
        "read from speeds": chain.read_flow_veh_h[0],
        "assigned": chain.assigned_flow_veh_h[0],
    }
    used = chain.true_flow_veh_h / chain.network.capacity_veh_h[chain.roads]
    return paper.chain_flows(paper.road_names(chain.network), flows, used)


def _roads(roads: RoadCase) -> dict[str, Builder]:
    day, search = roads.day, roads.search
    network = day.paths.network
    flow = np.array([period.link_flow_veh_h for period in day.periods])
    return {
        "link_flows": lambda: paper.link_flows(network, flow),
        "stations": lambda: paper.vehicles_at_stations(
            network.stations, flow[:, network.charging_arcs], day.load.load_kw, day.demand.charging
        ),
        "path_flows": lambda: _path_flows(roads),
        "iterations": lambda: paper.iterations_of_the_day(
            [period.iterations for period in search.cold], [period.iterations for period in search.warm]
        ),
    }


def _path_flows(roads: RoadCase) -> Figure:
    """Return OD 1's path flows: t = 1 cold, t = 2 cold, t = 2 warm, each until the residual is 1e-3."""
    search = roads.search
    first, second = roads.problems[FIRST_PERIOD - 1], roads.problems[SECOND_PERIOD - 1]
    starts = (
        ("t = 1", "cold", FIRST_PERIOD, even_split_veh_h(first), search.cold),
        ("t = 2", "cold", SECOND_PERIOD, even_split_veh_h(second), search.cold),
        ("t = 2", "from t = 1", SECOND_PERIOD, roads.start_of_second_veh_h(), search.warm),
    )
    panels = {}
    for t, kind, period, start, equilibria in starts:
        iterations = int(np.clip(equilibria[period - 1].iterations, *DRAWN_ITERATIONS))
        flows = roads.path_flows_of_od_1(period, start, iterations)
        panels[f"{t} (period {period}), {kind}"] = flows
    return paper.path_flows(roads.path_names, panels)


def _feeder(case: Reproduction) -> dict[str, Builder]:
    """Return the figures that compare variants."""
    first = case.grid[VARIANTS[0]]
    load = first.equivalent_load_kw
    lowest = {
        "without devices and stations": first.bare_without_evs.voltage_pu.min(axis=1),
        "without devices": first.bare.voltage_pu.min(axis=1),
        **{
            f"dispatched, preset {v.preset}": case.grid[v].dispatch.voltage_pu.min(axis=1)
            for v in DRAWN_VARIANTS
        },
    }
    return {
        "tariffs": lambda: paper.tariffs(
            load,
            first.scenario.config.tariff.band * float(np.ptp(load)),
            first.price_cny_per_kwh,
            np.array(TABLE_1_CNY_PER_KWH),
        ),
        "voltages": lambda: paper.lowest_voltages(
            lowest, float(first.feeder.feeder.voltage_limits_pu[0].max())
        ),
        "errors": lambda: paper.relaxation_errors(
            first.feeder.feeder.branch_names,
            {f"preset {v.preset}": case.grid[v].dispatch.relaxation_error for v in DRAWN_VARIANTS},
        ),
    }


def _of_variant(grid: GridCase) -> dict[str, Builder]:
    """Return Figures 9 to 11 of one variant, with the periods of the highest price shaded."""
    dispatch_input = DispatchInput(
        name=str(grid.variant),
        cases=(grid.feeder,),
        loads=(grid.load,),
        price_cny_per_kwh=grid.price_cny_per_kwh,
        period_h=grid.hours,
        notes=(),
    )
    tables = tables_of(checked(Dispatched(asked=dispatch_input, dispatches=(grid.dispatch,), cpu_s=0.0)))
    devices, minutes = tables["devices"], 60 * grid.hours
    storages = [asdict(unit) for unit in grid.feeder.devices.of(Storage)]

    def balance() -> Figure:
        figure = feeder.dispatch(devices, tables["dispatch"], tables["buses"], minutes)
        return paper.with_purchase(figure, grid.bare.slack_kw, "purchase without any device")

    builders: dict[str, Builder] = {
        "balance": balance,
        "shifting": lambda: demand_response(devices, minutes),
        "storage": lambda: feeder.storage(devices, storages, minutes),
    }
    return {name: _shaded(build, grid) for name, build in builders.items()}


def _shaded(build: Builder, grid: GridCase) -> Builder:
    return lambda: paper.shaded(build(), grid.is_high_price)
