"""Wardrop's equilibrium and the system optimum, whatever finds their paths."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cosim.road.formats import read_roads
from cosim.road.network import Network, OdTable
from cosim.road.user_equilibrium import UserEquilibrium, solve_so, solve_ue
from tests.cosim.road.cases import nguyen_dupuis

ROADS = nguyen_dupuis()


@pytest.mark.parametrize("solve", [solve_ue, solve_so])
def test_path_sizes_leave_the_flows_of_links_alone(solve: Callable[..., UserEquilibrium]) -> None:
    plain, sized = (solve(ROADS.network, ROADS.od, path_size=size, tolerance=1e-10) for size in (0.0, 1.0))
    assert sized.relative_gap <= 1e-10
    assert sized.link_flow_veh_h == pytest.approx(plain.link_flow_veh_h, abs=0.05)


def test_a_jammed_network_has_its_equilibrium_too() -> None:
    """Links at a hundred times their capacity: plain Frank-Wolfe comes down to 1.1066e8 at a gap of 0.4 %."""
    data = Path(__file__).parents[2] / "data"
    roads = read_roads(data / "jammed_links.csv", data / "jammed_od.csv")
    jammed = solve_ue(roads.network, roads.od, tolerance=1e-3)
    assert jammed.converged
    assert jammed.beckmann <= 1.1066e8


def test_a_jammed_network_too_large_to_factorise_at_once_has_its_equilibrium() -> None:
    """360 links; with conjugate gradients to .01 the gap stays above 1e-3 for 60 rounds."""
    rng, side = np.random.default_rng(5), 10
    network = _two_way_grid(rng, side)
    ends = np.unique([rng.choice(side**2, 2, replace=False) for _ in range(40)], axis=0)
    od = OdTable(origin=ends[:, 0], dest=ends[:, 1], demand_veh_h=rng.uniform(500, 5000, len(ends)))
    jammed = solve_ue(network, od, tolerance=1e-4)
    assert jammed.link_flow_veh_h.max() > 10 * network.capacity_veh_h.min()
    assert jammed.relative_gap <= 1e-4


def _two_way_grid(rng: np.random.Generator, side: int) -> Network:
    node = np.arange(side**2).reshape(side, side)
    there = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    back = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    count = 2 * there.size
    return Network(
        nodes=tuple(map(str, range(side**2))),
        links=tuple(f"L{link}" for link in range(count)),
        from_node=np.concatenate([there, back]),
        to_node=np.concatenate([back, there]),
        t0_min=rng.uniform(1, 5, count),
        capacity_veh_h=rng.uniform(500, 3000, count),
        alpha=np.full(count, 0.15),
        beta=np.full(count, 4.0),
        davidson_j=np.zeros(count),
    )
