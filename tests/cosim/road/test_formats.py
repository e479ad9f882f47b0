"""CSV files: read as published, written back to the last bit, and every defect named with its place."""

from pathlib import Path

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.road.formats import RoadData, read_roads, write_roads
from tests.cosim.road.cases import nguyen_dupuis, station

NODES = "node,x,y\n1,0,0\n2,1,0\n"
LINKS = "# a comment\n\nlink,from,to,t0_min,capacity_veh_h,alpha,beta\nmain,1,2,7,800,0.15,4\n"
OD = "origin,dest,demand_veh_h\n1,2,400\n"


def read(folder: Path, *, nodes: str | None = NODES, links: str = LINKS, od: str = OD) -> RoadData:
    for name, text in (("nodes", nodes), ("links", links), ("od", od)):
        if text is not None:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return read_roads(folder / "links.csv", folder / "od.csv", folder / "nodes.csv" if nodes else None)


def problems(folder: Path, **texts: str | None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, **texts)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_nguyen_dupuis_reads_as_published() -> None:
    roads = nguyen_dupuis()
    assert len(roads.network.nodes) == 13
    assert len(roads.network.links) == 19
    assert roads.od.demand_veh_h.tolist() == [400, 800, 600, 200]
    assert roads.network.capacity_veh_h[:3].tolist() == [800, 400, 200]


def test_nodes_are_found_in_the_links_when_no_file_names_them(tmp_path: Path) -> None:
    links = LINKS + "side,10,2,7,800,0.15,4\n"
    assert read(tmp_path, nodes=None, links=links).network.nodes == ("1", "2", "10")


def test_what_is_written_reads_back_to_the_last_bit(tmp_path: Path) -> None:
    roads = nguyen_dupuis()
    roads.network.t0_min[0] = 1 / 3
    with_station = RoadData(roads.network.with_charging_arcs([station("6")]), roads.od)
    files = {name: tmp_path / f"{name}.csv" for name in ("links", "od", "nodes")}
    write_roads(with_station, source="a test", **files)
    again = read_roads(**files)
    assert again.network.nodes == roads.network.nodes
    assert again.network.links == roads.network.links
    for column in ("from_node", "to_node", "t0_min", "capacity_veh_h", "alpha", "beta", "node_xy"):
        np.testing.assert_array_equal(getattr(again.network, column), getattr(roads.network, column))
    np.testing.assert_array_equal(again.od.demand_veh_h, roads.od.demand_veh_h)
    assert files["od"].read_text().startswith("# source: a test\n")


def test_lengths_are_optional_and_kept(tmp_path: Path) -> None:
    roads = read(tmp_path, links=LINKS.replace("beta", "beta,length_km").replace(",4\n", ",4,1.5\n"))
    assert roads.network.length_km is not None
    assert roads.network.length_km.tolist() == [1.5]
    write_roads(roads, links=tmp_path / "a.csv", od=tmp_path / "b.csv")
    again = read_roads(tmp_path / "a.csv", tmp_path / "b.csv").network.length_km
    assert again is not None
    assert again.tolist() == [1.5]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ("b,1,2,x,800,0.15,4", "column t0_min is 'x'; it must be a number, 0 or more"),
        ("b,1,2,-7,800,0.15,4", "column t0_min is '-7'; it must be a number, 0 or more"),
        ("b,1,2,nan,800,0.15,4", "column t0_min is 'nan'; it must be a number, 0 or more"),
        ("b,1,2,7,0,0.15,4", "column capacity_veh_h is '0'; it must be a number above 0"),
        ("b,1,2,7,inf,0.15,4", "column capacity_veh_h is 'inf'; it must be a number above 0"),
        ("b,1,2,7,800,-1,4", "column alpha is '-1'; it must be a number, 0 or more"),
        ("b,1,2,7,800,0.15,0.5", "column beta is '0.5'; it must be a number, 1 or more"),
        ("b,1,9,7,800,0.15,4", "column to is '9'; it must be a node of the network"),
        ("b,2,2,7,800,0.15,4", "from and to are both '2'; they must differ"),
        ("main,1,2,7,800,0.15,4", "link 'main' is given already in line 4; give it once"),
        (",1,2,7,800,0.15,4", "column link is empty; give a name"),
        ("b,1,2,7,1,000,0.15,4", "has 8 cells; the header has 7"),
    ],
)
def test_each_defect_of_a_link_names_its_place(tmp_path: Path, cells: str, sentence: str) -> None:
    assert problems(tmp_path, links=LINKS + cells + "\n") == [f"links.csv, line 5: {sentence}."]


def test_each_defect_of_the_trips_names_its_place(tmp_path: Path) -> None:
    od = OD + "1,7,10\n2,1,-5\n1,2,3\n"
    assert problems(tmp_path, od=od) == [
        "od.csv, line 3: column dest is '7'; it must be a node of the network.",
        "od.csv, line 4: column demand_veh_h is '-5'; it must be a number, 0 or more.",
        "od.csv, line 5: origin '1', dest '2' is given already in line 2; give it once.",
    ]


def test_defects_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, nodes=NODES + "2,0,0\n", links=LINKS.replace("7", "seven"), od=OD + "1,7,1\n")
    assert [str(problem).split(":")[0] for problem in found] == [
        "nodes.csv, line 4",
        "links.csv, line 4",
        "od.csv, line 3",
    ]


def test_a_missing_or_misspelt_column_is_told_with_what_is_needed(tmp_path: Path) -> None:
    found = problems(tmp_path, links=LINKS.replace("alpha", "alhpa"))
    assert "links.csv, line 3: column alpha is missing; needed are link, from, to" in found[0]
    assert "column alhpa is unknown or repeated" in found[1]


def test_a_missing_file_is_one_problem(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "od.csv").unlink()
    with pytest.raises(ConfigError, match="no such file") as caught:
        read_roads(tmp_path / "links.csv", tmp_path / "od.csv")
    assert len(caught.value.problems) == 1


def test_a_file_without_its_header_is_one_problem(tmp_path: Path) -> None:
    found = problems(tmp_path, nodes="# only a comment\n")
    assert found == ["nodes.csv: is empty; a header with columns node, x, y is needed."]  # no node is blamed


def test_bytes_that_are_not_text_are_one_problem(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "links.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not text"):
        read_roads(tmp_path / "links.csv", tmp_path / "od.csv", tmp_path / "nodes.csv")
