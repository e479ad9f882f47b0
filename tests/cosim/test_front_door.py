"""``import cosim``: which names are public, what they refuse, and how what they return is shown."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cosim

CONFIGS = Path(__file__).parents[2] / "configs"
TOY = CONFIGS / "toy"
PUBLIC = [
    "ConfigError",
    "CosimError",
    "DemandResponse",
    "Devices",
    "Horizon",
    "InfeasibleError",
    "Load",
    "ModelError",
    "Renewable",
    "Rules",
    "SolverError",
    "Storage",
    "Turbine",
    "V2GCharger",
    "assign",
    "compare",
    "copy_scenario",
    "feeder_from_pandapower",
    "load_run",
    "load_scenario",
    "build_problem",
    "read_feeder_csv",
    "read_roads",
    "run",
    "scenario_names",
    "solve_dispatch",
    "solve_equilibrium_day",
    "solve_so",
    "solve_sue",
    "solve_ue",
    "study_mobility",
    "sweep",
]


@pytest.fixture(scope="module")
def toy() -> Any:
    return cosim.load_scenario("toy")


@pytest.fixture(scope="module")
def roads() -> Any:
    return cosim.read_roads(str(TOY / "links.csv"), str(TOY / "od.csv"))


@pytest.fixture(scope="module")
def feeder() -> Any:
    return cosim.read_feeder_csv(str(TOY / "buses.csv"), str(TOY / "branches.csv"))


def test_the_public_names_are_these() -> None:
    assert sorted(cosim.__all__) == sorted(PUBLIC)
    assert dir(cosim) == sorted([*PUBLIC, "__version__"])


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_leads_to_something_documented(name: str) -> None:
    found = getattr(cosim, name)
    assert found.__name__ == name
    assert found.__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'cosim' has no attribute 'Run2'"):
        _ = cosim.Run2


def test_import_cosim_loads_no_library() -> None:
    heavy = "{'pandas', 'numpy', 'scipy', 'cvxpy', 'mesa', 'pydantic', 'typer', 'experiments', 'agents'}"
    code = f"import sys, cosim; print(sorted({heavy} & set(sys.modules)), cosim.__version__)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == f"[] {cosim.__version__}\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "frank"}, "method is 'frank'; it must be 'newton', 'sra', 'mswa' or 'msa'."),
        ({"tolerance": -1}, "tolerance is -1; it must be 0 or more and below 1."),
        ({"tolerance": "small"}, "tolerance is 'small'; it must be 0 or more and below 1."),
        ({"max_iterations": 1.5}, "max_iterations is 1.5; it must be a whole number, 1 or more."),
    ],
)
def test_solve_sue_refuses_in_a_sentence(roads: Any, options: dict[str, Any], said: str) -> None:
    problem = cosim.build_problem(roads.network, roads.od, 0.2)
    with pytest.raises(cosim.ConfigError) as refused:
        cosim.solve_sue(problem, **options)
    assert [str(problem) for problem in refused.value.problems] == [said]


@pytest.mark.parametrize("theta", [0, -1, float("nan"), [0.0]])
def test_a_theta_that_cannot_be_is_refused(roads: Any, theta: Any) -> None:
    with pytest.raises(
        cosim.ConfigError, match=r"theta_per_min is .*; it must be a number or numbers above 0"
    ):
        cosim.build_problem(roads.network, roads.od, theta)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "both of them"}, "model is 'both of them'; it must be 'agents', 'equilibrium' or 'both'."),
        ({"replications": 0}, "replications is 0; it must be a whole number, 1 or more."),
        ({"workers": True}, "workers is True; it must be a whole number, 1 or more."),
    ],
)
def test_run_refuses_in_a_sentence_and_leaves_nothing(
    toy: Any, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(cosim.ConfigError) as refused:
        cosim.run(toy, out=tmp_path / "run", **options)
    assert [str(problem) for problem in refused.value.problems] == [said]
    assert not list(tmp_path.iterdir())


def test_all_wrong_arguments_are_listed_at_once(toy: Any) -> None:
    with pytest.raises(cosim.ConfigError) as refused:
        cosim.run(toy, model="none", replications=0, workers=0)
    assert len(refused.value.problems) == 3


def test_a_seed_below_0_is_refused() -> None:
    with pytest.raises(cosim.ConfigError, match="seed is -1; it must be a whole number, 0 or more"):
        cosim.load_scenario("toy", seed=-1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cosim.assign("toy", method="frank"), "method is 'frank'"),
        (lambda: cosim.assign("toy", theta_per_min=0), "theta_per_min is 0; it must be above 0"),
        (cosim.compare, "no run is given"),
        (lambda: cosim.compare("none", seed=-1), "seed is -1"),
        (lambda: cosim.sweep("toy", {}), "nothing to vary"),
        (lambda: cosim.sweep("toy", {"seed": 3}), "seed is 3; it must be a list of values"),
        (lambda: cosim.sweep("toy", {"seed": [1]}, workers=0), "workers is 0"),
        (lambda: cosim.load_scenario("tyo"), "there is no such file"),
        (lambda: cosim.load_run("nowhere"), "not the directory of a finished run"),
    ],
)
def test_other_calls_refuse_in_a_sentence(call: Any, said: str) -> None:
    with pytest.raises(cosim.ConfigError, match=said):
        call()


def test_one_price_where_each_period_has_its_own_is_refused(feeder: Any) -> None:
    load = cosim.Load.scaled(feeder, np.ones(3))
    with pytest.raises(cosim.ConfigError, match="the price must be one number per period"):
        cosim.solve_dispatch(feeder, cosim.Devices(), load, 0.5)


@pytest.mark.parametrize("bus", ["18", 18])
def test_a_bus_that_the_feeder_does_not_have_is_refused(feeder: Any, bus: Any) -> None:
    load = cosim.Load.scaled(feeder, [1.0])
    with pytest.raises(cosim.ConfigError, match="18"):
        cosim.solve_dispatch(feeder, cosim.Devices(cosim.Storage(name="s", bus=bus)), load, [0.5])


def test_roads_of_files_and_of_a_scenario_are_assigned_alike(roads: Any) -> None:
    by_name, by_file = cosim.assign("toy", theta_per_min=0.5), cosim.assign(roads, theta_per_min=0.5)
    assert by_name.link_flow_veh_h == pytest.approx(by_file.link_flow_veh_h)


def test_a_dispatch_is_a_table_of_periods_and_shown_in_a_line(feeder: Any) -> None:
    load = cosim.Load.scaled(feeder, [0.5, 1.0])
    dispatch = cosim.solve_dispatch(feeder, cosim.Devices(), load, [0.5, 1.0])
    periods = dispatch.to_frame()
    assert list(periods.period) == [1, 2]
    assert periods.purchase_kw.to_numpy() == pytest.approx(load.base_kw.sum(axis=1) + dispatch.losses_kw)
    assert repr(dispatch).startswith("<Dispatch of feeder, periods 1 to 2: optimal, certified, ")


def test_an_equilibrium_is_a_table_of_links(roads: Any) -> None:
    problem = cosim.build_problem(roads.network, roads.od, 0.5)
    equilibrium = cosim.solve_sue(problem)
    links = equilibrium.to_frame()
    assert list(links.link) == list(roads.network.links)
    assert links.flow_veh_h.to_numpy() == pytest.approx(equilibrium.link_flow_veh_h)


def test_what_is_returned_is_shown_in_a_line(roads: Any) -> None:
    problem = cosim.build_problem(roads.network, roads.od, 0.5)
    equilibrium = cosim.solve_sue(problem, method="msa", tolerance=1e-3)
    shown = [repr(thing) for thing in (problem.paths, equilibrium, cosim.assign(roads))]
    assert shown[0] == "<PathSet: 2 paths of 1 ODs, 1 user classes>"
    assert shown[1].startswith("<Equilibrium by msa: converged, residual ")
    assert shown[2].startswith("<Assigned by newton to roads: converged, residual ")
