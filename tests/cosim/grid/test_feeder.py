import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosim.errors import ConfigError
from cosim.grid.feeder import Feeder, VoltageRules, feeder_from_pandapower, read_feeder_csv
from cosim.grid.tree import Edge, grow_tree

BUSES = "# a comment\nbus,p_kw,q_kvar\n1,0,0\n2,100,50\n3,60,20\n"
BRANCHES = "branch,from_bus,to_bus,r_ohm,x_ohm,in_service\na,1,2,0.1,0.2,True\nb,3,2,0.3,0.4,True\n"


def read(folder: Path, buses: str = BUSES, branches: str = BRANCHES, **options: object) -> Feeder:
    (folder / "buses.csv").write_text(buses)
    (folder / "branches.csv").write_text(branches)
    return read_feeder_csv(folder / "buses.csv", folder / "branches.csv", **options)  # type: ignore[arg-type]


def problems(folder: Path, buses: str = BUSES, branches: str = BRANCHES, **options: object) -> str:
    with pytest.raises(ConfigError) as error:
        read(folder, buses, branches, **options)
    return "\n".join(map(str, error.value.problems))


def test_a_branch_written_towards_the_slack_is_turned_round(tmp_path: Path) -> None:
    feeder = read(tmp_path)
    assert feeder.from_bus.tolist() == [0, 1]
    assert feeder.to_bus.tolist() == [1, 2]


def test_switched_branches_make_another_tree_and_must_exist(tmp_path: Path) -> None:
    ring = BRANCHES + "tie,1,3,0.5,0.6,False\n"
    assert read(tmp_path, branches=ring).branch_names == ("a", "b")
    assert read(tmp_path, branches=ring, switched={"tie": True, "a": False}).branch_names == ("tie", "b")
    assert "loop" in problems(tmp_path, branches=ring, switched={"tie": True})
    assert "no branch 'x' to switch" in problems(tmp_path, branches=ring, switched={"x": True})


def test_per_unit_is_ohms_over_the_square_of_the_kilovolts(tmp_path: Path) -> None:
    feeder = read(tmp_path, v_base_kv=10.0)
    assert feeder.r_pu == pytest.approx([0.1 / 100, 0.3 / 100])
    assert feeder.current_base_a == pytest.approx(57.735, abs=1e-3)


def test_csv_feeder_is_pandapowers_case33bw(ieee33: Feeder) -> None:
    other = feeder_from_pandapower("case33bw")
    assert ieee33.bus_names == other.bus_names
    assert ieee33.branch_names == other.branch_names
    for name in ("from_bus", "to_bus", "r_pu", "x_pu", "current_max_pu", "load_kw", "load_kvar"):
        np.testing.assert_allclose(getattr(ieee33, name), getattr(other, name), rtol=1e-12, err_msg=name)


def test_a_pandapower_json_file_gives_the_same_feeder(tmp_path: Path, ieee33: Feeder) -> None:
    import pandapower
    import pandapower.networks

    pandapower.to_json(pandapower.networks.case33bw(), str(tmp_path / "net.json"))
    np.testing.assert_allclose(feeder_from_pandapower(tmp_path / "net.json").r_pu, ieee33.r_pu, rtol=1e-12)


def test_an_unknown_net_is_refused() -> None:
    with pytest.raises(ConfigError, match="network 'case34zz' is neither"):
        feeder_from_pandapower("case34zz")


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    said = problems(
        tmp_path,
        "bus,p_kw,q_kvar\n1,0,0\n2,ten,50\n2,60,20\n",
        "branch,from_bus,to_bus,r_ohm,x_ohm,in_service\na,1,2,-0.1,0.2,True\nb,2,9,0.3,0.4,perhaps\n",
        voltage=VoltageRules(min_pu=1.1),
    )
    for part in (
        "buses.csv, line 3: column p_kw is 'ten'; it must be a number",
        "line 4: bus '2' is given already in line 3",
        "branches.csv, line 2: column r_ohm is '-0.1'; it must be a number, 0 or more",
        "line 3: there is no bus '9'",
        "line 3: column in_service is 'perhaps'; it must be true or false",
        "the voltage band 1.1 to 1.05",
    ):
        assert part in said


def test_lines_are_counted_with_the_comments(tmp_path: Path) -> None:
    assert "line 4: column p_kw is 'much'" in problems(tmp_path, BUSES.replace("2,100,50", "2,much,50"))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    assert "column q_kvar is missing" in problems(tmp_path, "bus,p_kw\n1,0\n")


def test_a_loop_names_its_branches_and_no_other(tmp_path: Path) -> None:
    buses = "bus,p_kw,q_kvar\n" + "".join(f"{i},1,1\n" for i in range(1, 6))
    rows = ["a,1,2", "b,2,3", "c,3,4", "d,4,2", "e,4,5"]
    branches = BRANCHES.splitlines()[0] + "\n" + "".join(f"{row},0.1,0.1,True\n" for row in rows)
    assert problems(tmp_path, buses, branches).startswith("branches b, c, d form a loop")


def test_buses_without_the_slack_are_named(tmp_path: Path) -> None:
    branches = BRANCHES.replace("b,3,2,0.3,0.4,True", "b,3,2,0.3,0.4,False")
    assert "connects bus 3 to the slack bus 1" in problems(tmp_path, BUSES, branches)


def test_a_branch_out_of_service_closes_no_loop(tmp_path: Path) -> None:
    feeder = read(tmp_path, BUSES, BRANCHES + "c,1,3,0.1,0.1,False\n")
    assert feeder.branch_count == 2
    assert feeder.notes == ("branch c: each is out of service, and left out.",)


def test_an_unknown_bus_says_which_there_are(ieee33: Feeder) -> None:
    assert ieee33.bus_index("33") == 32
    with pytest.raises(ConfigError, match="there is no bus '34'; the buses are 1, 2, 3"):
        ieee33.bus_index("34")


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_any_tree_in_any_order_grows_from_the_slack(parents: list[int], shuffler: object) -> None:
    edges = [Edge(str(i), (str(p % (i + 1)), str(i + 1))) for i, p in enumerate(parents)]
    shuffler.shuffle(edges)  # type: ignore[attr-defined]
    tree = grow_tree([str(i) for i in range(len(parents) + 1)], edges, ["0"])
    seen = {"0"}
    for step in tree.steps:
        assert step.from_bus in seen
        seen.add(step.to_bus)
    assert len(seen) == len(parents) + 1
    assert not tree.problems


def test_reading_a_feeder_imports_no_solver() -> None:
    code = (
        "import sys, cosim.grid.device, cosim.grid.feeder, cosim.grid.problem, cosim.grid.tariff, cosim.config;"
        "from cosim.grid import feeder, power_flow, sweep;"
        "sys.exit(bool({'cvxpy', 'pandapower', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_limits_may_be_empty_and_slacks_several(tmp_path: Path) -> None:
    feeder = read(
        tmp_path,
        "bus,p_kw,q_kvar,voltage_min_pu,voltage_max_pu\n1,0,0,,\n2,50,20,0.92,\n8,0,0,,\n9,60,10,,1.08\n",
        "branch,from_bus,to_bus,r_ohm,x_ohm,in_service,current_max_a\na,1,2,2,1,true,100\nc,8,9,2,1,true,\n",
        slack_bus=("1", "8"),
        v_base_kv=10.0,
    )
    assert [feeder.bus_names[k] for k in feeder.slack_buses] == ["1", "8"]
    assert feeder.branch_names == ("a", "c")
    assert feeder.r_pu == pytest.approx([0.02, 0.02])
    assert feeder.current_max_pu == pytest.approx([100 * 3**0.5 * 10 / 1e3, np.inf])
    low, high = feeder.voltage_limits_pu
    assert low[[1, 3]] == pytest.approx([0.92, 0.95])
    assert high[[1, 3]] == pytest.approx([1.05, 1.08])
