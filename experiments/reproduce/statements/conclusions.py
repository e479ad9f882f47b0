"""Section 6: what the paper concludes."""

import numpy as np

from experiments.reproduce.cases import Reproduction
from experiments.reproduce.grid_case import GridCase, Variant, ratio
from experiments.reproduce.statement import EVERYWHERE, Statement, of_each_variant, of_the_case


@of_each_variant(
    figure="Section 6",
    says="The strategy “effectively reduces the peak-to-valley difference of the grid load curve …”",
    measure="highest less lowest purchase, over that of the feeder without units",
    relation="at most",
    expected=0.95,
)
def peak_to_valley_is_less(grid: GridCase) -> float:
    """Return the range of the purchase relative to that of the bare feeder."""
    return ratio(np.ptp(grid.dispatch.purchase_kw), np.ptp(grid.bare.slack_kw))


@of_each_variant(
    figure="Section 6",
    says="The same, for the peak alone, and by coordination alone.",
    measure="highest purchase over that with turbine, sun and wind but without store and demand response",
    relation="at most",
    expected=0.95,
)
def coordination_lowers_the_peak(grid: GridCase) -> float:
    """Return the peak relative to that without flexible units."""
    return ratio(grid.dispatch.purchase_kw.max(), grid.without_flexibility.purchase_kw.max())


@of_each_variant(
    figure="Section 6",
    says="“… reduces the operating cost of the system …”",
    measure="cost of the day (Eq. 21) over that of the feeder without units",
    relation="at most",
    expected=0.95,
)
def operation_costs_less(grid: GridCase) -> float:
    """Return the cost relative to that of the bare feeder."""
    return ratio(grid.dispatch.cost_cny, grid.bought_cny(grid.bare))


@of_each_variant(
    figure="Section 6",
    says="The same, by store and demand response alone.",
    measure="cost of the day over that without store and demand response",
    relation="at most",
    expected=0.99,
)
def coordination_costs_less(grid: GridCase) -> float:
    """Return the cost relative to that without flexible units."""
    return ratio(grid.dispatch.cost_cny, grid.without_flexibility.cost_cny)


@of_the_case(
    figure="Section 6",
    says="“… the mutual benefits of the grid and transportation network through … the balanced allocation of traffic "
    "flows in the transportation network”; the networks are coupled “by proposing the interaction of charging costs "
    "and path costs”. (Section 1)",
    measure="largest change of a road's or a station's flow when Table 1 takes the place of the dynamic tariff",
    unit="veh/h",
    relation="at least",
    expected=0.01,
    differs={
        EVERYWHERE: "A price that is the same at every station is the same for every choice and cancels: with the "
        "paper's tariffs the grid does not move the traffic at all. Nodal prices would."
    },
)
def tariff_moves_the_traffic(case: Reproduction) -> float:
    """Return the largest difference of link flows between the two tariffs."""
    flows = [
        np.array([period.link_flow_veh_h for period in case.grid[Variant("A", tariff)].day.periods])
        for tariff in ("dynamic", "table")
    ]
    return float(np.abs(flows[0] - flows[1]).max())


STATEMENTS: tuple[Statement, ...] = (
    peak_to_valley_is_less,
    coordination_lowers_the_peak,
    operation_costs_less,
    coordination_costs_less,
    tariff_moves_the_traffic,
)
