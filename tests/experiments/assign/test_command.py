"""``cosim assign`` as a user calls it."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.errors import ConfigError
from cosim.road.assignment import solve_sue
from cosim.road.formats import RoadData, write_roads
from cosim.road.objective import fisk_objective
from experiments.assign.study import assign
from experiments.road_files import RoadInput, read_road_input
from tests.cosim.road.cases import cars_only, nguyen_dupuis, small_network, trips
from tests.cosim.road.writers import write_gmns, write_tntp
from tests.experiments.commands import as_json, run

ROOT = Path(__file__).parents[3]
KEYS = [
    "method",
    "iterations",
    "residual",
    "cpu_s",
    "beckmann_veh_min",
    "fisk_veh_min",
    "total_travel_time_veh_min",
    "links",
]


def two_links(folder: Path, name: str = "two") -> tuple[Path, Path]:
    """Two parallel links 10(1+.15(x/300)^4) and 12(1+.15(x/400)^4), 1000 veh/h."""
    net, demand = folder / f"{name}_net.tntp", folder / f"{name}_trips.tntp"
    network = small_network([("1", "1", "2", 10.0), ("2", "1", "2", 12.0)])
    network.capacity_veh_h[:] = [300, 400]
    write_tntp(RoadData(network, trips(network, ("1", "2", 1000.0))), net=net, trips=demand)
    return net, demand


def test_two_links_in_closed_form(tmp_path: Path) -> None:
    """x1 = 468.191 536 561 solves x1 = 1000 / (1 + exp(theta (t1 - t2))) at theta .1."""
    answer = as_json("assign", *two_links(tmp_path), "--theta", 0.1, "--tolerance", "1e-12")
    assert list(answer) == KEYS
    np.testing.assert_allclose(answer["links"][0]["flow_veh_h"], 468.191536561, rtol=1e-11)
    assert [list(link) for link in answer["links"]] == [["from", "to", "flow_veh_h", "time_min"]] * 2
    assert [link["from"] for link in answer["links"]] == ["1", "1"]


def test_paper_roads_have_the_known_total_travel_time() -> None:
    answer = as_json("assign", "paper", "--set", "road.demand_scale=1", "--paths", "all")
    np.testing.assert_allclose(answer["total_travel_time_veh_min"], 84901.9, atol=0.1)
    assert answer["residual"] <= 1e-6


@pytest.mark.parametrize("method", ["newton", "sra"])
def test_methods_agree_and_fisk_is_lowest_at_the_equilibrium(method: str) -> None:
    answer = as_json(
        "assign", "paper", "--set", "demand_scale=0.8", "--method", method, "--tolerance", "1e-9"
    )
    problem = cars_only()
    known = solve_sue(problem, tolerance=1e-11)
    assert answer["method"] == method
    scaled = as_json(
        "assign", "paper", "--set", "road.demand_scale=1", "--method", method, "--tolerance", "1e-9"
    )
    flows = [link["flow_veh_h"] for link in scaled["links"]]
    np.testing.assert_allclose(flows, known.link_flow_veh_h, rtol=1e-7)
    np.testing.assert_allclose(
        scaled["fisk_veh_min"], fisk_objective(problem, known.path_flow_veh_h), rtol=1e-10
    )
    assert answer["fisk_veh_min"] < scaled["fisk_veh_min"]


def test_bushes_report_the_fisk_objective_of_their_paths(tmp_path: Path) -> None:
    """On two parallel links the bush has the same paths as the list."""
    files = two_links(tmp_path)
    listed, bush = (
        as_json("assign", *files, "--paths", routes, "--tolerance", "1e-10") for routes in ("all", "bush")
    )
    np.testing.assert_allclose(bush["fisk_veh_min"], listed["fisk_veh_min"], rtol=1e-9)
    np.testing.assert_allclose(bush["beckmann_veh_min"], listed["beckmann_veh_min"], rtol=1e-7)


def test_wardrop_is_reported_by_its_relative_gap(tmp_path: Path) -> None:
    """At the user equilibrium both links take the same time; the optimum takes less in all."""
    files = two_links(tmp_path)
    user, optimum = (
        as_json("assign", *files, "--method", method, "--tolerance", "1e-9") for method in ("ue", "so")
    )
    first, second = (link["time_min"] for link in user["links"])
    np.testing.assert_allclose(first, second, rtol=1e-6)
    assert user["fisk_veh_min"] is None
    assert optimum["total_travel_time_veh_min"] < user["total_travel_time_veh_min"]


def test_all_formats_of_one_network_give_one_answer(tmp_path: Path) -> None:
    roads = nguyen_dupuis()
    write_gmns(roads, tmp_path / "gmns")
    files = {name: tmp_path / f"{name}.csv" for name in ("links", "od", "nodes")}
    write_roads(roads, **files)
    tntp = {name: tmp_path / f"nd_{name}.tntp" for name in ("net", "trips", "node")}
    write_tntp(roads, **tntp)
    inputs = (
        (tmp_path / "gmns",),
        (files["links"], files["od"], "--nodes", files["nodes"]),
        (tntp["net"], tntp["trips"]),
    )
    flows = [[link["flow_veh_h"] for link in as_json("assign", *given)["links"]] for given in inputs]
    np.testing.assert_allclose(flows[1], flows[0], rtol=1e-9)
    np.testing.assert_allclose(flows[2], flows[0], rtol=1e-9)


def test_positions_of_nodes_are_not_taken_beside_roads_that_have_their_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a scenario or GMNS folder has its own"):
        read_road_input("toy", None, tmp_path / "nodes.csv")


def test_nodes_beside_a_tntp_network_are_found(tmp_path: Path) -> None:
    roads = nguyen_dupuis()
    tntp = {name: tmp_path / f"nd_{name}.tntp" for name in ("net", "trips", "node")}
    write_tntp(roads, **tntp)
    read = read_road_input(str(tntp["net"]), tntp["trips"])
    np.testing.assert_array_equal(read.data.network.node_xy, roads.network.node_xy)


def test_length_weight_moves_traffic_off_long_links(tmp_path: Path) -> None:
    network = small_network([("1", "1", "2", 10.0), ("2", "1", "2", 10.0)])
    object.__setattr__(network, "length_km", np.array([50.0, 1.0]))
    net, demand = tmp_path / "l.tntp", tmp_path / "t.tntp"
    write_tntp(RoadData(network, trips(network, ("1", "2", 10.0))), net=net, trips=demand)
    equal = as_json("assign", net, demand)
    weighted = as_json("assign", net, demand, "--set", "length_weight=0.04")
    assert equal["links"][0]["flow_veh_h"] == pytest.approx(5)
    share = 1 / (1 + np.exp(0.2 * 0.04 * 49))
    assert weighted["links"][0]["flow_veh_h"] == pytest.approx(10 * share, rel=1e-3)


def test_the_directory_holds_tables_that_agree_and_a_page(tmp_path: Path) -> None:
    out = tmp_path / "new"
    assert run("assign", "paper", "--out", out).exit_code == 0
    links, paths, ods, convergence = (
        pd.read_parquet(out / f"{name}.parquet") for name in ("links", "paths", "ods", "convergence")
    )
    pd.testing.assert_frame_equal(pd.read_csv(out / "ods.csv", dtype={"origin": str, "dest": str}), ods)
    np.testing.assert_allclose(
        paths.groupby("origin").flow_veh_h.sum(), ods.groupby("origin").demand_veh_h.sum()
    )
    on_link_1 = paths[[("1" in row.split()) for row in paths.links]].flow_veh_h.sum()
    np.testing.assert_allclose(on_link_1, links[links.link == "1"].flow_veh_h.iloc[0])
    assert set(convergence.method) == {"newton", "sra", "mswa", "msa"}
    page = (out / "report.html").read_text(encoding="utf-8")
    for place in ("network-1", "convergence-1", "paths-1"):
        assert f'id="{place}"' in page
    assert not re.search(r'(src|href)="http', page)  # opens without a network


def test_an_existing_directory_is_refused(tmp_path: Path) -> None:
    result = run("assign", "paper", "--out", tmp_path)
    assert isinstance(result.exception, ConfigError)
    assert "exists already" in str(result.exception)


def test_no_convergence_is_an_answer_with_exit_code_3(tmp_path: Path) -> None:
    result = run("assign", *two_links(tmp_path), "--method", "msa", "--max-iterations", 3, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["iterations"] == 3
    assert "not an equilibrium yet" in result.stderr


def test_newtons_method_is_not_advised_to_who_uses_it() -> None:
    ended = run("assign", "paper", "--theta", "1e9")
    assert ended.exit_code == 3
    assert "use newton" not in ended.stderr
    assert "Lower theta, or the demand (--set demand_scale; the maximum v/c is" in ended.stderr
    assert "use newton" in run("assign", "paper", "--method", "msa", "--max-iterations", 3).stderr


@pytest.mark.parametrize("method", ["ue", "so"])
@pytest.mark.parametrize(
    "option",
    [("--theta", "0.3"), ("--paths", "k:3"), ("--path-size", "1"), ("--add-paths",)],
)
def test_what_a_user_equilibrium_does_not_have_is_refused(method: str, option: tuple[str, ...]) -> None:
    ended = run("assign", "toy", "--method", method, *option)
    assert isinstance(ended.exception, ConfigError)
    name = option[0].removeprefix("--").replace("-", "_")
    assert name in str(ended.exception)
    assert f"{method} uses shortest paths: leave it out" in str(ended.exception)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("paper", "--theta", "0"), "theta_per_min is 0; it must be above 0"),
        (("paper", "--tolerance", "-1"), "tolerance is -1; it must be above 0 and below 1"),
        (("paper", "--tolerance", "2"), "tolerance is 2; it must be above 0 and below 1"),
        (("paper", "--paths", "budget:0.5"), "'budget:0.5' is unknown"),
        (("paper", "--set", "length_weight=-1"), "length_weight is '-1'; it must be a number, 0 or more"),
        (("paper", "--set", "road.tetha=1"), "road.tetha is not a known key"),
        (("paper", "--set", "demand_scale=0"), "there are no trips to assign"),
        (("nowhere",), "there is no such file"),
        (("net.tntp",), "is a network; name the file of its trips after it"),
        (("net.tntp", "trips.tntp", "--set", "road.theta=1"), "'road.theta=1' is not known here"),
        (("paper", "--set", "toll_weight=1"), "toll_weight is given, but the network has no tolls"),
        (("no.tntp", "none.tntp"), "no such file"),
    ],
)
def test_wrong_input_is_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    result = run("assign", *arguments)
    assert isinstance(result.exception, ConfigError)
    assert sentence in str(result.exception)


def test_an_od_without_a_path_is_named(tmp_path: Path) -> None:
    network = small_network([("1", "1", "2", 10.0), ("2", "3", "2", 12.0)])
    write_gmns(RoadData(network, trips(network, ("1", "2", 5.0), ("1", "3", 5.0))), tmp_path)
    result = run("assign", tmp_path)
    assert isinstance(result.exception, ConfigError)
    assert "1-3" in str(result.exception)


def test_an_od_without_a_path_is_named_with_its_file(tmp_path: Path) -> None:
    """Whatever routes are asked for."""
    links = tmp_path / "links.csv"
    links.write_text("link,from,to,t0_min,capacity_veh_h,alpha,beta\na,1,2,6,100,0.15,4\n", encoding="utf-8")
    (tmp_path / "od.csv").write_text("origin,dest,demand_veh_h\n2,1,3\n", encoding="utf-8")
    for option in ((), ("--paths", "all"), ("--method", "ue")):
        ended = run("assign", links, tmp_path / "od.csv", *option)
        assert isinstance(ended.exception, ConfigError)
        assert f"{tmp_path / 'od.csv'}: OD 2-1" in str(ended.exception)


def test_a_node_that_is_not_given_is_told_beside_other_faults(tmp_path: Path) -> None:
    links = tmp_path / "links.csv"
    links.write_text("link,from,to,t0_min,capacity_veh_h,alpha,beta\na,,2,6,-1,0.15,4\n", encoding="utf-8")
    (tmp_path / "od.csv").write_text("origin,dest,demand_veh_h\n2,1,3\n", encoding="utf-8")
    said = str(run("assign", links, tmp_path / "od.csv").exception)
    assert "line 2: column from is empty; give a node" in said
    assert "line 2: column capacity_veh_h is '-1'" in said


def test_a_zone_without_demand_and_an_od_of_zero_are_nothing(tmp_path: Path) -> None:
    network = small_network([("1", "1", "2", 10.0), ("2", "3", "2", 12.0)])
    write_gmns(RoadData(network, trips(network, ("1", "2", 5.0), ("1", "3", 0.0))), tmp_path)
    assert [link["flow_veh_h"] for link in as_json("assign", tmp_path)["links"]] == [5, 0]


def test_nodes_without_positions_are_laid_out() -> None:
    from experiments.assign.figures import positions

    chain = small_network([(f"{n}", f"{n}", f"{n + 1}", 1.0) for n in range(1, 6)])
    xy = positions(chain)
    gaps = np.hypot(*(xy[1:] - xy[:-1]).T)
    np.testing.assert_allclose(gaps, 1, atol=1e-9)


def test_the_python_call_takes_what_the_command_takes() -> None:
    roads = nguyen_dupuis()
    answer = assign(RoadInput("nd", roads, 0.2), paths="k:3", tolerance=1e-8)
    assert answer.paths is not None
    assert answer.paths.count == 12
    assert answer.converged


def test_path_sizes_move_stochastic_traffic() -> None:
    """Bushes list no paths, and refuse."""

    def change(*options: object) -> float:
        plain, sized = (as_json("assign", "paper", *options, *more) for more in ((), ("--path-size", 1)))
        assert sized["residual"] <= 1e-6
        return max(
            abs(a["flow_veh_h"] - b["flow_veh_h"])
            for a, b in zip(sized["links"], plain["links"], strict=True)
        )

    assert change() > 5
    assert change("--system-optimum") > 5
    refused = run("assign", "paper", "--path-size", 1, "--paths", "bush")
    assert isinstance(refused.exception, ConfigError)
    assert "needs listed paths" in str(refused.exception)


@pytest.mark.parametrize("routes", ["all", "bush"])
def test_the_stochastic_optimum_costs_less_than_the_equilibrium(routes: str, tmp_path: Path) -> None:
    files = (*two_links(tmp_path), "--theta", 0.5, "--tolerance", "1e-9", "--paths", routes)
    user, optimum = as_json("assign", *files), as_json("assign", *files, "--system-optimum")
    assert optimum["total_travel_time_veh_min"] < 0.999 * user["total_travel_time_veh_min"]
    least = as_json("assign", *files[:2], "--method", "ue", "--system-optimum", "--tolerance", "1e-9")
    assert least["method"] == "so"
    assert least["total_travel_time_veh_min"] < optimum["total_travel_time_veh_min"]
    known = as_json("assign", *files[:6], "--paths", "all", "--system-optimum")
    np.testing.assert_allclose(optimum["fisk_veh_min"], known["fisk_veh_min"], rtol=1e-9)


def test_the_page_and_the_tables_tell_the_tolls_of_a_system_optimum(tmp_path: Path) -> None:
    out = tmp_path / "optimum"
    assert run("assign", "paper", "--system-optimum", "--out", out).exit_code == 0
    assert "stochastic system optimum" in (out / "report.html").read_text(encoding="utf-8")
    links = pd.read_csv(out / "links.csv")
    bpr = 4 * 0.15 * (links.flow_veh_h / links.capacity_veh_h) ** 4
    free = links.time_min / (1 + bpr / 4)
    np.testing.assert_allclose(links.toll_min, free * bpr, rtol=1e-9)


def test_paths_are_added_where_one_becomes_cheaper() -> None:
    """From one path per OD the peak grows to more; Wardrop's methods and bushes have no list to grow."""
    few = ("assign", "paper", "--set", "road.demand_scale=1", "--paths", "k:1", "--theta", 2)
    fixed, grown = as_json(*few), as_json(*few, "--add-paths")
    assert grown["total_travel_time_veh_min"] < 0.9 * fixed["total_travel_time_veh_min"]
    sized = as_json(*few, "--add-paths", "--path-size", 1)
    assert sized["total_travel_time_veh_min"] != pytest.approx(grown["total_travel_time_veh_min"], rel=1e-6)
    for options, told in (
        (("--method", "ue"), "add_paths is of stochastic methods"),
        (("--paths", "bush"), "bushes list no paths"),
    ):
        refused = run("assign", "paper", "--add-paths", *options)
        assert isinstance(refused.exception, ConfigError)
        assert told in str(refused.exception)


def test_the_user_equilibrium_stops_after_the_rounds_allowed() -> None:
    result = run("assign", "paper", "--method", "ue", "--tolerance", "1e-12", "--max-iterations", 2, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["iterations"] == 2
