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


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda r: cosim.build_problem(*r, 0.2, path_size=-1), "path_size is -1; it must be 0 or more"),
        (
            lambda r: cosim.build_problem(*r, 0.2, overload="z"),
            "overload is 'z'; it must be 'refuse' or 'extend'",
        ),
        (lambda r: cosim.build_problem(*r, "0.2"), "theta_per_min is '0.2'"),
        (lambda r: cosim.build_problem(*r, theta_per_min=True), "theta_per_min is True"),
        (
            lambda r: cosim.build_problem(*r, [0.1, 0.2]),
            "theta_per_min has 2 values; give one, or one per class",
        ),
        (lambda r: cosim.build_problem(*r, 0.2, paths=5), "paths is 5; it must be a text"),
        (lambda r: cosim.build_problem(*r, 0.2, classes=()), "a list of user classes, at least one"),
        (lambda r: cosim.build_problem(*r, 0.2, demand_veh_h=[1, 2]), "demand_veh_h has shape"),
        (lambda r: cosim.build_problem(*r, 0.2, demand_veh_h=[-1]), "numbers of 0 or more"),
        (lambda r: cosim.build_problem(*r, 0.2, demand_veh_h=[float("nan")]), "numbers of 0 or more"),
        (
            lambda r: cosim.build_problem("toy", r[1], 0.2),
            "network is 'toy'; it must be a Network; cosim.read_roads",
        ),
        (lambda r: cosim.solve_ue(*r, path_size=-2), "solve_ue:\n  - path_size is -2"),
        (lambda r: cosim.solve_so(*r, path_size=-2), "solve_so:\n  - path_size is -2"),
        (lambda r: cosim.solve_ue(*r, demand_veh_h=[0]), "there are no trips to assign"),
        (lambda r: cosim.solve_so(*r, demand_veh_h=[0]), "solve_so:\n  - there are no trips"),
        (lambda r: cosim.solve_sue(cosim.build_problem(*r, 0.2), start=[1]), "start has shape"),
    ],
)
def test_roads_are_not_assigned_with_what_means_nothing(roads: Any, call: Any, said: str) -> None:
    with pytest.raises(cosim.ConfigError) as refused:
        call((roads.network, roads.od))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda r: cosim.solve_ue(r.network, r.od, tolerance=2),
        lambda r: cosim.solve_so(r.network, r.od, tolerance=1),
        lambda r: cosim.solve_sue(cosim.build_problem(r.network, r.od, 0.2), tolerance=1),
        lambda r: cosim.assign(r, tolerance=2),
        lambda _: cosim.load_scenario("toy", {"coupling.tolerance": 2}),
        lambda _: cosim.load_scenario("toy", {"road.assignment.tolerance": 1}),
    ],
)
def test_a_tolerance_that_anything_would_meet_is_refused(roads: Any, call: Any) -> None:
    with pytest.raises(cosim.ConfigError, match=r"tolerance is [12]; it must be .*below 1"):
        call(roads)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        (cosim.Rules, {"solver": "x"}, "'auto', 'clarabel' or 'mosek'"),
        (cosim.Rules, {"loss_price_cny_per_mwh": -5}, "0 or more"),
        (cosim.Rules, {"elastic": None}, "elastic is None; it must be an Elastic"),
        (cosim.Rules, {"export": "yes"}, "True or False"),
        (cosim.Rules, {"exact_pu": float("nan")}, "above 0"),
        (cosim.Rules, {"exact_pu": -1}, "above 0"),
        (cosim.Renewable, {"kind": "sun"}, "'pv' or 'wind'"),
        (cosim.Renewable, {"kind": "pv", "q_capability": "x"}, "'disk', 'available' or 'none'"),
        (cosim.Horizon, {"first_period": 1.5}, "a whole number, 1 or more"),
        (cosim.Horizon, {"period_h": 0}, "above 0"),
        (cosim.Storage, {"charge_max_kw": "x"}, "a number"),
    ],
)
def test_what_a_dispatch_is_asked_is_in_range_when_it_is_said(
    kind: Any, options: dict[str, Any], said: str
) -> None:
    where = {} if kind in {cosim.Rules, cosim.Horizon} else {"name": "a", "bus": "2"}
    profile = {"profile_pu": [1.0]} if kind is cosim.Renewable else {}
    with pytest.raises(cosim.ConfigError) as refused:
        kind(**where, **profile, **options)
    assert said in str(refused.value)
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize("given", ["x", [cosim.Storage(name="a", bus="2")], None])
def test_devices_are_given_one_by_one(given: Any) -> None:
    with pytest.raises(cosim.ConfigError, match="is no device; give devices one by one"):
        cosim.Devices(given)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"devices": []}, "devices is .*; it must be a Devices"),
        ({"rules": 5, "horizon": 5}, r"(?s)horizon is 5.*rules is 5"),
        ({"load": None}, "load is None; it must be a Load; cosim.Load.scaled returns one"),
        ({"feeder": "toy"}, "it must be a Feeder; cosim.read_feeder_csv returns one"),
        ({"price_cny_per_kwh": "x"}, "price_cny_per_kwh is 'x'; it must be numbers"),
        ({"horizon": cosim.Horizon(state={"zzz": np.ones(1)})}, "the state of the horizon has .*zzz"),
        (
            {"devices": cosim.Devices(*(cosim.Storage(name="a", bus=bus) for bus in "23"))},
            "the name 'a' is given to several devices",
        ),
    ],
)
def test_a_dispatch_is_not_solved_for_what_is_none(feeder: Any, changes: dict[str, Any], said: str) -> None:
    asked = {
        "feeder": feeder,
        "devices": cosim.Devices(),
        "load": cosim.Load.scaled(feeder, [1.0]),
        "price_cny_per_kwh": [0.5],
    }
    with pytest.raises(cosim.ConfigError, match=said):
        cosim.solve_dispatch(**(asked | changes))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda s: cosim.study_mobility(s, 5, 0), "days is 0"),
        (lambda s: cosim.study_mobility(s, 0), "n_ev is 0"),
        (lambda s: cosim.study_mobility(s, 1.5), "n_ev is 1.5"),
        (lambda s: cosim.study_mobility(s, 5, seed=-1), "seed is -1"),
        (lambda s: cosim.run(s, out=5), "out is 5"),
        (lambda s: cosim.run(s, out=""), "exists already"),
        (cosim.load_scenario, "scenario is .*; it must be a text or a Path"),
        (lambda s: cosim.sweep(s, {"seed": [1]}), "scenario is .*; it must be a text or a Path"),
        (lambda _: cosim.sweep("toy", None), "nothing to vary"),
        (lambda _: cosim.load_run(5), "directory is 5"),
        (lambda _: cosim.compare(["a"]), "runs is .*; it must be a Run or a text or a Path"),
        (lambda _: cosim.compare("a", model="agents"), "model is for several runs"),
        (lambda _: cosim.read_roads(None, None), r"(?s)links is None.*od is None"),
        (lambda _: cosim.feeder_from_pandapower(5), "is neither a .json or .m file nor a net"),
        (lambda _: cosim.read_feeder_csv("b", "b", name=5, slack_bus=1), r"(?s)name is 5.*slack_bus is 1"),
        (
            lambda _: cosim.read_feeder_csv("b", "b", switched={"1": "x"}),
            "each with True .in service. or False",
        ),
    ],
)
def test_no_argument_ends_in_an_error_of_python(toy: Any, call: Any, said: str) -> None:
    with pytest.raises(cosim.ConfigError, match=said):
        call(toy)


def test_sentences_of_python_name_no_option_of_the_command_line(toy: Any, tmp_path: Path) -> None:
    for call in (
        lambda: cosim.assign("toy", method="ue", theta_per_min=0.3, paths="k:3", path_size=1, add_paths=True),
        lambda: cosim.study_mobility(toy, 5_000_001),
        lambda: cosim.run(toy, out=tmp_path),
        lambda: cosim.load_scenario("toy", "seed"),
        lambda: cosim.compare("a", model="agents"),
    ):
        with pytest.raises(cosim.ConfigError) as refused:
            call()
        assert "--" not in str(refused.value)


@pytest.mark.parametrize("settings", ["population.evs=5", ["population.evs=5"], {"population.evs": 5}])
def test_settings_are_read_alike_however_they_are_given(settings: Any) -> None:
    assert cosim.load_scenario("toy", settings).config.population.evs == 5


def test_a_scenario_is_taken_as_such_or_by_its_name(toy: Any) -> None:
    one, other = (cosim.study_mobility(scenario, 50) for scenario in (toy, "toy"))
    assert one.tables["places"].equals(other.tables["places"])


def test_a_folder_named_like_a_bundled_scenario_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy").mkdir()
    monkeypatch.chdir(tmp_path)
    assert cosim.load_scenario("toy").config.name == "toy"


def test_every_equilibrium_of_the_roads_is_a_table_with_the_same_columns(roads: Any) -> None:
    given = (roads.network, roads.od)
    found = [cosim.solve_sue(cosim.build_problem(*given, 0.5)), cosim.solve_ue(*given), cosim.assign(roads)]
    assert len({tuple(one.to_frame().columns) for one in found}) == 1
    assert all((one.to_frame().flow_veh_h == one.link_flow_veh_h).all() for one in found)


def test_the_equilibrium_of_a_day_is_a_table_of_periods_and_stations(toy: Any, toy_day: Any) -> None:
    table = toy_day.to_frame()
    assert len(table) == toy.periods.count * len(toy.stations)
    assert table.load_kw.sum() == pytest.approx(toy_day.load.load_kw.sum())


def test_whatever_is_returned_is_shown_in_a_short_line(
    toy: Any, toy_day: Any, roads: Any, feeder: Any
) -> None:
    problem = cosim.build_problem(roads.network, roads.od, 0.5)
    shown = [
        *(toy, toy_day, roads, roads.network, roads.od, feeder, problem, cosim.Devices()),
        *(cosim.Load.scaled(feeder, [1.0]), cosim.solve_ue(roads.network, roads.od)),
        *(cosim.study_mobility(toy, 50), cosim.build_problem(roads.network, roads.od, 0.5, paths="bush")),
        cosim.Renewable(name="r", bus="2", kind="pv", profile_pu=np.ones(500)),
    ]
    long = [repr(one) for one in shown if len(repr(one)) > 250 or "\n" in repr(one) or " at 0x" in repr(one)]
    assert long == []
