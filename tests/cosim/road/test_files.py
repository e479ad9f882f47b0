"""Files of any known format, recognised by their names."""

from pathlib import Path

import numpy as np
import pytest

from cosim.road.files import read_road_files
from cosim.road.formats import write_roads
from tests.cosim.road.cases import nguyen_dupuis
from tests.cosim.road.writers import write_gmns, write_tntp


@pytest.mark.parametrize("kind", ["csv", "tntp", "gmns"])
def test_a_network_is_the_same_in_every_format(kind: str, tmp_path: Path) -> None:
    known = nguyen_dupuis()
    if kind == "gmns":
        write_gmns(known, tmp_path)
        read = read_road_files(tmp_path)
    elif kind == "tntp":
        net, trips = tmp_path / "nd_net.tntp", tmp_path / "nd_trips.tntp"
        write_tntp(known, net=net, trips=trips, node=tmp_path / "nd_node.tntp")
        read = read_road_files(net, trips)
        assert read.network.node_xy is not None  # of nd_node.tntp, which is found by itself
    else:
        links, od = tmp_path / "links.csv", tmp_path / "od.csv"
        write_roads(known, links=links, od=od)
        read = read_road_files(links, od)
    assert len(read.network.links) == len(known.network.links)
    np.testing.assert_allclose(np.sort(read.network.t0_min), np.sort(known.network.t0_min))
    assert read.od.demand_veh_h.sum() == pytest.approx(known.od.demand_veh_h.sum())
