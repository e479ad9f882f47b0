"""TNTP files: read as the repository publishes them, to the last bit, defects named by line."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosim.errors import ConfigError
from cosim.road.formats import RoadData, read_roads, with_generalised_cost, write_roads
from cosim.road.network import OdTable
from cosim.road.paths import UserClass, find_paths
from cosim.road.tntp import read_tntp
from tests.cosim.road.writers import write_tntp

NET = """<NUMBER OF ZONES> 2
<NUMBER OF NODES> 4
<FIRST THRU NODE> 3
<NUMBER OF LINKS> 6
<ORIGINAL HEADER>~ Init node Term node ;
<END OF METADATA>

~	init_node	term_node	capacity	length	free_flow_time	b	power	speed	toll	link_type	;
	1	3	900	2.5	1	0.15	4	0	0	1	;
	3	4	300.25	10	6	0.15	4	0	50	1	;
	3	4	800	12	9	0.2	1	0	0	1	;
	4	2	900	2.5	1	0	0	0	0	1	;
	1	2	100	4	30	0.15	4	0	0	1	;
	2	4	900	2.5	1	0.15	4	0	0	1	;
"""
TRIPS = """<NUMBER OF ZONES> 2
<TOTAL OD FLOW> 140.5
<END OF METADATA>


Origin 	1
    1 :     12.5;    2 :    128.0;
Origin  2
    1 :      0.0;
"""
NODES = "Node\tX\tY\t;\n1\t0\t0\t;\n2\t3\t0\t;\n3\t1\t-96.77041974\t;\n4\t2\t0\t;\n"


def read(folder: Path, *, net: str = NET, trips: str = TRIPS, node: str | None = NODES) -> RoadData:
    for name, text in (("net", net), ("trips", trips), ("node", node)):
        if text is not None:
            (folder / f"{name}.tntp").write_text(text, encoding="utf-8")
    node_file = folder / "node.tntp" if node else None
    return read_tntp(folder / "net.tntp", folder / "trips.tntp", node_file)


def problems(folder: Path, **texts: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, **texts)
    return [str(problem).removeprefix(f"{folder}/").rstrip(".") for problem in caught.value.problems]


def test_links_keep_the_order_and_the_numbers_of_the_file(tmp_path: Path) -> None:
    network = read(tmp_path).network
    assert network.nodes == ("1", "2", "3", "4")
    assert network.from_node.tolist() == [0, 2, 2, 3, 0, 1]
    assert network.capacity_veh_h.tolist() == [900, 300.25, 800, 900, 100, 900]
    assert network.node_xy is not None
    assert network.node_xy[2].tolist() == [1, -96.77041974]
    assert network.length_km is not None
    assert network.length_km[1] == 10


def test_a_link_of_constant_time_has_no_power(tmp_path: Path) -> None:
    network = read(tmp_path).network
    assert network.alpha[3] == 0
    assert network.beta[3] == 1


def test_trips_within_a_zone_are_left_out_with_a_note_and_empty_ods_without_one(tmp_path: Path) -> None:
    roads = read(tmp_path)
    assert roads.od.demand_veh_h.tolist() == [128]
    (note,) = roads.notes
    assert "12.5 veh/h begin and end in one zone" in note


def test_a_total_that_does_not_agree_is_a_note(tmp_path: Path) -> None:
    notes = read(tmp_path, trips=TRIPS.replace("140.5", "500")).notes
    assert "trips.tntp, line 2: says 500 trips in all; there are 140.5" in notes[-1]


def test_no_path_runs_through_a_zone_below_the_first_through_node(tmp_path: Path) -> None:
    net = NET.replace("1	2	100", "4	1	100").replace(
        "2	4	900	2.5	1", "1	2	900	2.5	.1"
    )
    roads = read(tmp_path, net=net)
    open_roads = read(tmp_path, net=net.replace("THRU NODE> 3", "THRU NODE> 1"))
    towards_1 = {"origin": np.array([2]), "dest": np.array([1]), "demand_veh_h": np.array([1.0])}
    for data, names in ((roads, {"3-4-2"}), (open_roads, {"3-4-2", "3-4-1-2"})):
        paths = find_paths(data.network, OdTable(**towards_1), (UserClass("cars"),))
        assert {paths.pair_name(path) for path in range(paths.count)} == names


def test_parallel_links_are_separate_ways(tmp_path: Path) -> None:
    roads = read(tmp_path)
    paths = find_paths(roads.network, roads.od, (UserClass("cars"),))
    assert [paths.links_of(path).tolist() for path in range(paths.count)] == [[0, 1, 3], [0, 2, 3], [4]]


def test_generalised_cost_adds_weighted_length_and_toll_to_the_time(tmp_path: Path) -> None:
    network = with_generalised_cost(read(tmp_path), length_weight=0.04, toll_weight=0.02).network
    np.testing.assert_allclose(network.free_flow_cost_min[1], 6 + 0.04 * 10 + 0.02 * 50, rtol=1e-15)
    assert read(tmp_path).network.fixed_cost_min is None


def test_a_cost_below_the_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="would cost less"):
        with_generalised_cost(read(tmp_path), length_weight=-1)


def test_what_is_written_reads_back_to_the_last_bit(tmp_path: Path) -> None:
    roads = read(tmp_path)
    roads.network.t0_min[0] = 1 / 3
    files = {name: tmp_path / f"again_{name}.tntp" for name in ("net", "trips", "node")}
    write_tntp(roads, **files)
    assert_same(read_tntp(**files), roads)


def test_a_tntp_network_survives_as_our_csv(tmp_path: Path) -> None:
    """Tolls, lengths and zones that trips may not pass are written too."""
    roads = read(tmp_path)
    files = {name: tmp_path / f"{name}.csv" for name in ("links", "od", "nodes")}
    write_roads(roads, **files)
    assert_same(read_roads(**files), roads)


def assert_same(again: RoadData, roads: RoadData) -> None:
    for column in (
        "from_node",
        "to_node",
        "t0_min",
        "capacity_veh_h",
        "alpha",
        "beta",
        "length_km",
        "node_xy",
    ):
        np.testing.assert_array_equal(getattr(again.network, column), getattr(roads.network, column))
    assert again.network.through is not None
    assert again.network.through.tolist() == [False, False, True, True]
    assert again.toll is not None
    assert again.toll.tolist() == [0, 50, 0, 0, 0, 0]
    np.testing.assert_array_equal(again.od.demand_veh_h, roads.od.demand_veh_h)
    np.testing.assert_array_equal(again.od.dest, roads.od.dest)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("300.25", "x", "line 10: column capacity is 'x'; it must be a number above 0"),
        ("300.25", "0", "line 10: column capacity is '0'; it must be a number above 0"),
        ("2	4	900", "2	7	900", "line 14: column term_node is '7'; it must be a node, 1 to 4"),
        ("2	4	900", "2	2	900", "line 14: the link begins and ends at node 2"),
        ("0.2	1", "0.2	.5", "line 11: column power is 0.5; it must be a number, 1 or more"),
        (
            "30	0.15	4	0	0	1	;",
            "30",
            "line 13: has 5 cells; needed are 7 to 10: init_node, ",
        ),
        ("<NUMBER OF NODES> 4\n", "", "<NUMBER OF NODES> is missing in the header"),
        (
            "NODES> 4",
            "NODES> 1000000",
            "line 2: <NUMBER OF NODES> is '1000000'; it must be a whole number with",
        ),
        ("NODES> 4", "NODES> four", "line 2: <NUMBER OF NODES> is 'four'; it must be a whole number"),
        ("LINKS> 6", "LINKS> 7", "line 4: says 7 links; there are 6"),
    ],
)
def test_each_defect_of_a_network_names_its_line(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    (found,) = problems(tmp_path, net=NET.replace(old, new))
    assert found.startswith("net.tntp")
    assert sentence in found


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "2 :    128.0",
            "2 :    much",
            "line 7: column demand is 'much'; it must be a number, 0 or more",
        ),
        ("2 :    128.0", "2 :    -1", "line 7: column demand is '-1'; it must be a number, 0 or more"),
        ("2 :    128.0", "3 :    128", "line 7: column dest is '3'; it must be a zone, 1 to 2"),
        ("2 :    128.0", "1 :    1", "line 7: origin '1', dest '1' is given already in line 7"),
        ("2 :    128.0", "2 128.0", "line 7: '2 128.0' is not of the form 'zone : demand;'"),
        ("Origin  2", "Origin  9", "line 8: origin is '9'; it must be a zone, 1 to 2"),
        ("Origin 	1\n", "", "line 6: there is no line 'Origin <zone>' before this entry"),
        ("ZONES> 2", "ZONES> 5", "line 1: says 5 zones; the network has 4 nodes"),
    ],
)
def test_each_defect_of_the_trips_names_its_line(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    found = problems(tmp_path, trips=TRIPS.replace(old, new))
    assert sentence in found[0]
    assert found[0].startswith("trips.tntp")


def test_defects_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        net=NET.replace("300.25", "none"),
        trips=TRIPS.replace("128.0", "none"),
        node=NODES.replace("2\t3\t0", "2\t3\tnone"),
    )
    assert [str(problem).split(":")[0] for problem in found][:3] == [
        "net.tntp, line 10",
        "trips.tntp, line 7",
        "node.tntp, line 3",
    ]


def test_a_missing_file_is_one_problem(tmp_path: Path) -> None:
    read(tmp_path)
    with pytest.raises(ConfigError, match="no such file") as caught:
        read_tntp(tmp_path / "net.tntp", tmp_path / "elsewhere.tntp")
    assert len(caught.value.problems) == 1


@given(text=st.text(alphabet="<>~:;.0123456789\n\tOrigin-x ", max_size=200))
@settings(max_examples=150)
def test_any_text_is_read_or_refused_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for spoilt in ({"net": text}, {"trips": text}, {"net": NET + text}, {"trips": TRIPS + text}):
        with suppress(ConfigError):  # any other error fails
            read(folder, **spoilt)  # type: ignore[arg-type]
