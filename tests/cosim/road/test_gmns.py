"""GMNS folders: read as specified, with zones of several nodes; written back to the last bit."""

from pathlib import Path

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.road.formats import RoadData, with_generalised_cost
from cosim.road.gmns import read_gmns
from cosim.road.network import OdTable
from cosim.road.paths import UserClass, find_paths
from tests.cosim.road.cases import nguyen_dupuis, small_network, trips
from tests.cosim.road.writers import write_gmns

NODE = "node_id,zone_id,x_coord,y_coord,name\n1,A,0,0,west\n2,,1,0,\n3,B,2,1,\n4,B,2,-1,\n"
LINK = (
    "link_id,from_node_id,to_node_id,directed,length,free_speed,capacity,lanes,toll\n"
    "west,1,2,1,3,60,900,2,\nnorth,2,3,0,1.5,30,600,,1\nsouth,2,4,1,2,60,700,1,0\n"
)
DEMAND = "o_zone_id,d_zone_id,volume\nA,B,250\nA,A,7\nB,A,0\n"


def read(folder: Path, *, node: str = NODE, link: str = LINK, demand: str = DEMAND) -> RoadData:
    for name, text in (("node", node), ("link", link), ("demand", demand)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return read_gmns(folder)


def problems(folder: Path, **texts: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, **texts)
    return [str(problem).removeprefix(f"{folder}/").rstrip(".") for problem in caught.value.problems]


def test_times_follow_from_length_and_speed_and_capacity_from_the_lanes(tmp_path: Path) -> None:
    network = read(tmp_path).network
    assert network.t0_min[:3].tolist() == [3, 3, 2]
    assert network.capacity_veh_h[:3].tolist() == [1800, 600, 700]
    assert network.alpha[0] == 0.15
    assert network.beta[0] == 4


@pytest.mark.parametrize(
    ("config", "factor"),
    [
        ("long_length,speed\nkm,mph\n", 1 / 1.609344),
        ("long_length,speed\nmiles,kph\n", 1.609344),
        ("long_length,speed\nmile,mph\n", 1.0),
        ("dataset_name,long_length\nnowhere,km\n", 1.0),
        ("long_length,speed\nmeters,km/h\n", 1e-3),
    ],
)
def test_units_of_lengths_and_speeds_that_differ_are_converted(
    tmp_path: Path, config: str, factor: float
) -> None:
    """Three kilometres at 60 miles per hour take 3 / 1.609 minutes."""
    (tmp_path / "config.csv").write_text(config, encoding="utf-8")
    network = read(tmp_path).network
    np.testing.assert_allclose(network.t0_min[:3], factor * np.array([3, 3, 2]))
    assert network.length_km is not None
    assert network.length_km[0] == 3


def test_an_unknown_unit_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.csv").write_text("long_length,speed\nleague,mph\n", encoding="utf-8")
    (problem,) = problems(tmp_path)
    assert problem.startswith("config.csv, line 2: column long_length is 'league'; known are km")


def test_columns_of_the_link_performance_function_come_first(tmp_path: Path) -> None:
    link = (
        "link_id,from_node_id,to_node_id,length,free_speed,capacity,lanes,vdf_fftt1,vdf_cap1,vdf_alpha1,vdf_beta1\n"
        "a,1,2,3,60,900,2,3.5,1000,0.2,1\nb,2,3,3,60,900,2,1,1000,0,0\nc,2,4,3,60,900,2,1,1000,,\n"
    )
    network = read(tmp_path, link=link).network
    assert network.t0_min[0] == 3.5
    assert network.capacity_veh_h[0] == 1000
    assert network.alpha[:3].tolist() == [0.2, 0, 0.15]
    assert network.beta[:3].tolist() == [1, 1, 4]


def test_a_link_that_is_not_directed_leads_both_ways(tmp_path: Path) -> None:
    roads = read(tmp_path)
    back = roads.network.links.index("north back")
    assert (roads.network.from_node[back], roads.network.to_node[back]) == (2, 1)
    assert roads.toll is not None
    assert roads.toll[[0, 1, back]].tolist() == [0, 1, 1]


def test_a_zone_of_several_nodes_is_reached_through_each_of_them(tmp_path: Path) -> None:
    roads = read(tmp_path)
    paths = find_paths(roads.network, roads.od, (UserClass("cars"),))
    assert [paths.pair_name(path) for path in range(paths.count)] == ["1-2-4-zone B", "1-2-3-zone B"]
    np.testing.assert_allclose(paths.time_min(roads.network.t0_min), [5, 6])


def test_no_path_runs_through_the_centroid_of_a_zone(tmp_path: Path) -> None:
    network = read(tmp_path).network
    across = OdTable(origin=np.array([2]), dest=np.array([3]), demand_veh_h=np.array([1.0]))
    paths = find_paths(network, across, (UserClass("cars"),))
    assert [paths.pair_name(path) for path in range(paths.count)] == ["3-2-4"]


def test_trips_within_a_zone_are_left_out_with_a_note(tmp_path: Path) -> None:
    roads = read(tmp_path)
    assert roads.od.demand_veh_h.tolist() == [250]
    assert "demand.csv: 7 veh/h begin and end in one zone" in roads.notes[0]


def test_without_zones_every_node_is_one(tmp_path: Path) -> None:
    node = "node_id\n1\n2\n3\n4\n"
    roads = read(tmp_path, node=node, demand="o_zone_id,d_zone_id,volume\n1,3,9\n")
    assert roads.od.dest.tolist() == [2]
    assert roads.network.node_xy is None


def test_what_is_written_reads_back_to_the_last_bit(tmp_path: Path) -> None:
    roads = nguyen_dupuis()
    roads.network.t0_min[0] = 1 / 3
    closed = np.arange(13) > 3
    object.__setattr__(roads.network, "through", closed)
    toll = np.arange(19) / 7
    write_gmns(RoadData(roads.network, roads.od, toll), tmp_path / "new")
    again = read_gmns(tmp_path / "new")
    assert again.network.nodes == roads.network.nodes
    assert again.network.links == roads.network.links
    for column in ("from_node", "to_node", "t0_min", "capacity_veh_h", "alpha", "beta", "node_xy", "through"):
        np.testing.assert_array_equal(getattr(again.network, column), getattr(roads.network, column))
    np.testing.assert_array_equal(again.od.demand_veh_h, roads.od.demand_veh_h)
    np.testing.assert_array_equal(again.toll, toll)


def test_names_with_commas_survive(tmp_path: Path) -> None:
    network = small_network([("a, the first", "1", 'the "end"', 1.0)])
    write_gmns(RoadData(network, trips(network, ("1", 'the "end"', 5.0))), tmp_path)
    assert read_gmns(tmp_path).network.links == ("a, the first",)
    assert read_gmns(tmp_path).network.nodes == ("1", 'the "end"')


def test_tolls_enter_the_generalised_cost(tmp_path: Path) -> None:
    roads = with_generalised_cost(read(tmp_path), toll_weight=2, length_weight=0.1)
    np.testing.assert_allclose(roads.network.free_flow_cost_min[:3], [3.3, 5.15, 2.2])


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (
            "link",
            "900,2",
            "none,2",
            "link.csv, line 2: column capacity is 'none'; it must be a number above 0",
        ),
        ("link", "3,60", "3,0", "link.csv, line 2: column free_speed is '0'; it must be a number above 0"),
        ("link", "2,4,1", "2,9,1", "link.csv, line 4: column to_node_id is '9'; it must be a node"),
        ("link", "2,4,1", "2,2,1", "link.csv, line 4: from_node_id and to_node_id are both '2'"),
        ("link", "free_speed", "speed", "link.csv: has no times; needed is a column vdf_fftt1, or both"),
        ("link", "capacity", "cap", "link.csv: has no capacities; needed is a column capacity (per lane)"),
        ("link", "south", "west", "link.csv, line 4: link_id 'west' is given already in line 2"),
        ("node", "2,,1,0", "1,,1,0", "node.csv, line 3: node_id '1' is given already in line 2"),
        ("node", "4,B,2", "4,B,x", "node.csv, line 5: column x_coord is 'x'"),
        (
            "demand",
            "A,B,250",
            "A,C,250",
            "demand.csv, line 2: column d_zone_id is 'C'; it must be a zone of node.csv",
        ),
        ("demand", "250", "-1", "demand.csv, line 2: column volume is '-1'; it must be a number, 0 or more"),
        (
            "demand",
            "B,A,0",
            "A,B,0",
            "demand.csv, line 4: o_zone_id 'A', d_zone_id 'B' is given already in line 2",
        ),
    ],
)
def test_each_defect_names_its_place(tmp_path: Path, file: str, old: str, new: str, sentence: str) -> None:
    texts = {"node": NODE, "link": LINK, "demand": DEMAND}
    texts[file] = texts[file].replace(old, new)
    assert sentence in problems(tmp_path, **texts)[0]


def test_columns_are_read_in_any_case(tmp_path: Path) -> None:
    header = "Link_ID,from_node_id,to_node_id,VDF_fftt1,VDF_cap1,VDF_alpha1,VDF_beta1"
    link = f"{header}\na,1,2,6,500,1,2\nb,2,3,30,500,1,1\n"
    network = read(tmp_path, link=link).network
    assert network.t0_min[:2].tolist() == [6, 30]
    assert network.beta[:2].tolist() == [2, 1]


def test_a_link_of_many_hours_asks_for_the_units(tmp_path: Path) -> None:
    metres = LINK.replace("west,1,2,1,3,", "west,1,2,1,15000,")
    (note, *_) = (note for note in read(tmp_path, link=metres).notes if "link west" in note)
    assert "link west takes 15,000 min; if its length is in metres, name the units in config.csv" in note
    assert not any("takes" in note for note in read(tmp_path).notes)


def test_infinite_lengths_and_speeds_are_told_without_a_word_of_python(tmp_path: Path) -> None:
    told = problems(tmp_path, link=LINK.replace("west,1,2,1,3,60,", "west,1,2,1,inf,inf,"))
    assert told == [
        "link.csv, line 2: column length is 'inf'; it must be a number, 0 or more",
        "link.csv, line 2: column free_speed is 'inf'; it must be a number above 0",
    ]
