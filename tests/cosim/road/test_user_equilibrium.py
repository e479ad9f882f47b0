"""Wardrop's equilibrium and the system optimum, whatever finds their paths."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cosim.road.formats import read_roads
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
