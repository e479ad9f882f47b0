"""``cosim dispatch`` as a user calls it: scenarios, networks alone, tables, page, exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from cosim.config.bundled import find_scenario
from cosim.errors import ConfigError, ModelError
from cosim.scenario import load_scenario
from experiments.cli import app
from experiments.dispatch.input import Options, read_dispatch_input
from experiments.dispatch.study import dispatch_all
from experiments.scenarios.files import copy_scenario

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "configs" / "reference_dispatch.toml"
EXPECTED = json.loads((ROOT / "tests/data/reference_dispatch_case.json").read_text())["expected"]
KEYS = (
    "status", "exactness_recovery", "cost_cny", "lower_bound_cny", "optimality_gap", "purchase_kwh", "losses_kwh",
    "voltage_min_pu", "voltage_min_bus", "voltage_min_period", "relaxation_error_max", "ac_mismatch_max_pu", "solver",
    "cpu_s",
)  # fmt: skip
UNITS = """
[[grid.storage]]
name = "battery"
bus = 18
charge_max_kw = 100.0
discharge_max_kw = 100.0
capacity_kwh = 400.0

[[grid.renewables]]
name = "roofs"
kind = "pv"
bus = 30
s_kva = 500.0
profile = "sun"

[[grid.demand_response]]
bus = 24
share_max = 0.3
price_cny_per_mwh = 100.0
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["dispatch", *(str(argument) for argument in arguments)])


def as_json(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    assert tuple(answer) == KEYS
    return answer


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "units.toml").write_text(UNITS)
    (tmp_path / "bare.toml").write_text(UNITS.replace("[[grid.", "[["))
    (tmp_path / "day.csv").write_text("period,load_pu,sun\n1,0.4,0\n2,0.6,0.8\n3,0.8,0.5\n4,1,0\n")
    (tmp_path / "tariff.csv").write_text("period,price_cny_per_kwh\n1,0.35\n2,0.68\n3,0.68\n4,1.09\n")
    return tmp_path


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the reference case."""
    out = tmp_path_factory.mktemp("dispatch") / "reference"
    assert run(REFERENCE, "--out", out).exit_code == 0
    return out


def test_the_reference_case_costs_what_independent_solvers_found() -> None:
    answer = as_json(REFERENCE)
    assert answer["cost_cny"] == pytest.approx(EXPECTED["objective_CNY"], rel=1e-6)
    assert answer["lower_bound_cny"] == pytest.approx(EXPECTED["objective_CNY"], rel=1e-6)
    assert answer["purchase_kwh"] == pytest.approx(1e3 * EXPECTED["purchase_MWh"], rel=1e-6)
    assert answer["losses_kwh"] == pytest.approx(1e3 * EXPECTED["loss_MWh"], rel=1e-5)
    assert answer["voltage_min_pu"] == pytest.approx(EXPECTED["vmin"], abs=2e-6)
    assert (answer["voltage_min_bus"], answer["voltage_min_period"]) == ("18", 24)
    assert (answer["status"], answer["exactness_recovery"]) == ("optimal", "none")
    assert max(answer["relaxation_error_max"], answer["ac_mismatch_max_pu"]) <= 1e-6


def test_the_stations_file_is_that_of_the_scenario_unless_another_is_named(tmp_path: Path) -> None:
    own = ROOT / "configs" / "reference_dispatch" / "stations.csv"
    half = pd.read_csv(own, comment="#")
    half[["CS16", "CS20", "CS32"]] /= 2
    half.to_csv(tmp_path / "half.csv", index=False)
    named = as_json(REFERENCE, "--stations", own)
    assert named["cost_cny"] == pytest.approx(EXPECTED["objective_CNY"], rel=1e-6)
    saved = named["cost_cny"] - as_json(REFERENCE, "--stations", tmp_path / "half.csv")["cost_cny"]
    energy_kwh = half[["CS16", "CS20", "CS32"]].to_numpy().sum()
    assert 0.35 * energy_kwh < saved < 1.3 * energy_kwh


def test_the_reference_scenario_is_whole_when_copied(tmp_path: Path) -> None:
    assert load_scenario(REFERENCE).config.station_load == "reference_dispatch/stations.csv"
    copy = copy_scenario("reference_dispatch", tmp_path / "study")
    assert as_json(copy)["cost_cny"] == pytest.approx(EXPECTED["objective_CNY"], rel=1e-6)


def test_a_network_alone_is_one_period_at_its_own_loads() -> None:
    """Losses and voltage of the known power flow of case33bw; nothing there can be decided."""
    answer = as_json("case33bw", "--price", "0.5")
    assert answer["losses_kwh"] == pytest.approx(202.6771265, abs=1e-4)
    assert answer["voltage_min_pu"] == pytest.approx(0.9130904794, abs=1e-8)
    assert answer["voltage_min_bus"] == "18"
    assert answer["cost_cny"] == pytest.approx(0.5 * (3715 + 202.6771265), rel=1e-6)
    assert as_json("case33bw", "--price", "1.0")["cost_cny"] == pytest.approx(
        2 * answer["cost_cny"], rel=1e-6
    )


def test_json_and_pandapower_names_are_one_network(tmp_path: Path) -> None:
    import pandapower
    import pandapower.networks

    file = tmp_path / "net.json"
    pandapower.to_json(pandapower.networks.case33bw(), str(file))
    assert as_json(file)["cost_cny"] == pytest.approx(as_json("case33bw")["cost_cny"], rel=1e-9)


def test_a_matpower_file_is_a_network_too(tmp_path: Path) -> None:
    """Two buses: the current i of a load of 0.1 p.u. behind 0.01 p.u. solves i = 0.1 + 0.01 i^2."""
    file = tmp_path / "two.m"
    file.write_text(
        "function mpc = two\nmpc.version = '2';\nmpc.baseMVA = 1;\n"
        "mpc.bus = [1 3 0 0 0 0 1 1 0 10 1 1.1 0.9; 2 1 0.1 0 0 0 1 1 0 10 1 1.1 0.9];\n"
        "mpc.gen = [1 0 0 9 -9 1 1 1 9 0];\n"
        "mpc.branch = [1 2 0.01 0 0 0 0 0 0 0 1 -360 360];\n"
    )
    current = (1 - np.sqrt(1 - 4 * 0.01 * 0.1)) / (2 * 0.01)
    answer = as_json(file)
    assert answer["losses_kwh"] == pytest.approx(10 * current**2, rel=1e-5)
    assert answer["voltage_min_pu"] == pytest.approx(1 - 0.01 * current, abs=1e-8)


def test_units_profiles_and_prices_of_a_network(files: Path) -> None:
    given = ("--profile", files / "day.csv", "--price", files / "tariff.csv")
    plain = as_json("case33bw", "--profile", files / "day.csv", "--price", files / "tariff.csv")
    with_units = as_json("case33bw", *given, "--devices", files / "units.toml")
    assert with_units["cost_cny"] < plain["cost_cny"] - 0.68 * 500 * 1.3  # at the least the energy of the sun
    again = as_json("case33bw", *given, "--devices", files / "bare.toml")
    assert again["cost_cny"] == pytest.approx(with_units["cost_cny"], rel=1e-9)
    bigger = as_json(
        "case33bw",
        *given,
        "--devices",
        files / "units.toml",
        "--set",
        "grid.renewables.roofs.s_kva=800",
    )
    assert bigger["cost_cny"] < with_units["cost_cny"]


def test_energy_counts_the_minutes_of_a_period() -> None:
    hour, quarter = as_json("case33bw"), as_json("case33bw", "--period-min", 15)
    assert quarter["purchase_kwh"] == pytest.approx(hour["purchase_kwh"] / 4, rel=1e-6)


def test_tables_agree_with_each_other(reference: Path) -> None:
    """Purchase and devices cover loads, stations and losses, period by period."""
    names = ("devices", "buses", "branches", "injections", "dispatch")
    tables = {name: pd.read_parquet(reference / f"{name}.parquet") for name in names}
    assert [len(tables[name]) for name in names] == [24 * 8, 24 * 33, 24 * 32, 24 * 33, 24]
    fed = tables["dispatch"].purchase_planned_kw + tables["devices"].groupby("period").p_kw.sum().to_numpy()
    drawn = tables["buses"].groupby("period")[["load_kw", "station_kw"]].sum().sum(axis=1).to_numpy()
    np.testing.assert_allclose(fed, drawn + tables["dispatch"].losses_planned_kw, atol=1e-3)
    slack = tables["buses"][tables["buses"].bus == "1"]
    scenario = load_scenario(REFERENCE)
    tariff = scenario.profiles[scenario.config.tariff.column]
    np.testing.assert_allclose(slack.nodal_price_cny_per_kwh, tariff, atol=1e-6)
    np.testing.assert_allclose(
        tables["dispatch"].purchase_planned_kw / 1e3, EXPECTED["hourly_purchase_MW"], atol=1e-3
    )
    csv = pd.read_csv(reference / "buses.csv", dtype={"bus": str})
    pd.testing.assert_frame_equal(csv, tables["buses"])


def test_the_page_holds_every_figure_and_opens_without_a_network(reference: Path) -> None:
    page = (reference / "report.html").read_text(encoding="utf-8")
    figures = ("network", "voltages", "dispatch", "prices", "storage", "demand_response", "exactness")
    assert re.findall(r'class="figure" data-for="(\w+)-1-chart"', page) == list(figures)
    assert not re.search(r'(src|href)="http', page)
    network = re.search(r'data-for="network-1-chart">(.*?)</script>', page)
    assert network
    assert len(json.loads(network.group(1))["frames"]) == 24


def test_the_page_of_one_period_shows_it_bus_by_bus(tmp_path: Path) -> None:
    assert run("case33bw", "--out", tmp_path / "one").exit_code == 0
    page = (tmp_path / "one" / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'class="figure" data-for="(\w+)-1-chart"', page) == ["network", "buses"]


def test_several_trees_are_drawn_in_one_picture(tmp_path: Path) -> None:
    assert run("mv_oberrhein", "--out", tmp_path / "two").exit_code == 0
    page = (tmp_path / "two" / "report.html").read_text(encoding="utf-8")
    buses = pd.read_parquet(tmp_path / "two" / "buses.parquet")
    drawn = json.loads(re.findall(r'data-for="network-1-chart">(.*?)</script>', page)[0])["data"][-1]
    assert len(drawn["x"]) == len(buses)


def test_a_limit_that_cannot_be_kept_is_named_with_exit_code_3(tmp_path: Path) -> None:
    changes = ("--set", "grid.voltage_min_pu=0.95", "--out", tmp_path / "out")
    answer = as_json("case33bw", *changes, code=3)
    assert answer["status"] == "elastic"
    assert answer["lower_bound_cny"] > answer["cost_cny"]  # the bound counts the penalties
    said = run("case33bw", *changes[:2]).stderr
    assert re.search(r"period 1, bus 18: no dispatch keeps 0\.95 p\.u\. \(short by 0\.0[34]\d+\)", said)
    broken = pd.read_parquet(tmp_path / "out" / "violations.parquet")
    assert set(broken.kind) == {"undervoltage"}
    assert "Not every limit can be kept" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_net_with_named_buses_is_told_by_its_names(tmp_path: Path) -> None:
    """A battery at `bus = 9` is CIGRE's Bus 9, and the tables, the terminal and the page say so."""
    units = tmp_path / "units.toml"
    units.write_text(
        "branch_limit_scale = 2.0\nvoltage_min_pu = 0.9\n[[storage]]\nname = 'b'\nbus = 9\n"
        "charge_max_kw = 10\ndischarge_max_kw = 10\ncapacity_kwh = 20\n",
        encoding="utf-8",
    )
    ran = run("create_cigre_network_mv", "--devices", units, "--out", tmp_path / "out")
    assert "Bus 0 to Bus 14; a number is pandapower's index" in ran.stdout
    assert re.search(r"lowest voltage +0\.\d+ p\.u\., Bus 11, period 1", ran.stdout)
    assert set(pd.read_parquet(tmp_path / "out" / "devices.parquet").bus) == {"Bus 9"}
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    drawn = json.loads(re.findall(r'data-for="network-1-chart">(.*?)</script>', page)[0])["data"][-1]
    assert "Bus 9" in drawn["text"]
    assert not any(text.startswith("open end") for text in drawn["text"])


def test_a_price_that_is_neither_number_nor_file_is_said_to_be_neither() -> None:
    sentence = r"--price is 'abc'; it must be a number \[CNY/kWh\] or a CSV file that exists"
    with pytest.raises(ConfigError, match=sentence):
        read_dispatch_input("case33bw", Options(price="abc"))


def test_wrong_values_of_units_do_not_hide_their_buses_and_profiles(tmp_path: Path) -> None:
    units = tmp_path / "units.toml"
    units.write_text(
        "[[storage]]\nname = 'b'\nbus = 99\ncharge_max_kw = -10\ndischarge_max_kw = 10\ncapacity_kwh = 20\n"
        "[[renewables]]\nname = 'roofs'\nkind = 'pv'\nbus = 77\ns_kva = 10\nprofile = 'sun'\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as told:
        read_dispatch_input("case33bw", Options(devices=units))
    for part in (
        "grid.storage.b.charge_max_kw is -10; it must be above 0",
        "storage b: there is no bus '99'",
        "renewable 'roofs' needs column sun",
        "pv roofs: there is no bus '77'",
    ):
        assert part in str(told.value)
    assert len(told.value.problems) == 4


def test_a_failed_dispatch_is_said_with_every_key(files: Path) -> None:
    """A turbine that cannot come down in time has nowhere to send its power."""
    (files / "stuck.toml").write_text(
        "load_scale = 0.0\n[[turbines]]\nname = 't'\nbus = 33\np_max_kw = 500.0\nq_max_kvar = 0.0\n"
        "ramp_kw_per_h = 10.0\ncost_a_cny_per_mw2h = 0.0\ncost_b_cny_per_mwh = 85.0\ninitial_kw = 500.0\n"
    )
    result = run("case33bw", "--devices", files / "stuck.toml", "--json")
    assert isinstance(result.exception, ModelError)
    assert "no dispatch exists" in str(result.exception)
    told = json.loads(result.stdout)
    assert tuple(told) == KEYS
    assert told["status"] == "failed"
    assert told["cost_cny"] is None


def test_prices_that_are_not_above_zero_are_flagged(files: Path) -> None:
    (files / "low.csv").write_text("price_cny_per_kwh\n0.5\n-0.1\n")
    result = run("case33bw", "--price", files / "low.csv", "--json")
    assert "note: period 2: the price is -0.1 CNY/kWh" in result.stderr
    answer = json.loads(result.stdout)
    assert result.exit_code == (0 if answer["status"] in {"optimal", "locally optimal"} else 3)


def test_prices_that_are_not_above_zero_are_in_the_table_and_few_are_told(
    files: Path, tmp_path: Path
) -> None:
    (files / "low.csv").write_text("price_cny_per_kwh\n0.5\n" + "-0.001\n" * 5)
    result = run("case33bw", "--price", files / "low.csv", "--out", tmp_path / "low")
    assert "2 more periods have a price at or below zero" in result.stderr
    table = pd.read_parquet(tmp_path / "low" / "violations.parquet")
    low = table[table.kind == "price"]
    assert low.period.tolist() == [2, 3, 4, 5, 6]
    assert low.amount.tolist() == [0.001] * 5
    assert "period 2: the price is -0.001" in (tmp_path / "low" / "report.html").read_text(encoding="utf-8")


def test_a_rolling_day_with_a_perfect_forecast_is_the_day_itself() -> None:
    answer = json.loads(run(REFERENCE, "--rolling", "shrinking", "--json").stdout)
    assert tuple(answer) == (*KEYS, "planned_cost_cny", "foresight_cost_cny")
    assert answer["status"] == "optimal"
    for key in ("cost_cny", "planned_cost_cny", "foresight_cost_cny", "lower_bound_cny"):
        assert answer[key] == pytest.approx(EXPECTED["objective_CNY"], rel=1e-6), key


def test_forecast_errors_are_those_of_the_seed_and_on_the_page(files: Path, tmp_path: Path) -> None:
    given = ("case33bw", "--profile", files / "day.csv", "--price", files / "tariff.csv")
    given = (*given, "--devices", files / "units.toml", "--rolling", "receding", "--window", 3)
    one, again, other = (
        json.loads(run(*given, "--forecast-error", 0.1, "--seed", seed, "--json").stdout)["planned_cost_cny"]
        for seed in (7, 7, 8)
    )
    assert one == again != other
    assert run(*given, "--forecast-error", 0.1, "--out", tmp_path / "out").exit_code in {0, 3}
    table = pd.read_parquet(tmp_path / "out" / "rolling.parquet")
    assert table.period.tolist() == [1, 2, 3, 4]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "rolling-1-chart" in page
    assert "3 periods ahead" in page


def test_v2g_chargers_are_set_shown_and_named(files: Path, tmp_path: Path) -> None:
    """Two periods plugged in, then away with 80 of 100 kWh; they come back with 40 for the last period."""
    (files / "cars.csv").write_text("load_pu,here,come,go\n0.4,1,0,0\n0.4,1,0,0\n0.4,0,0,0.8\n0.4,1,0.4,0\n")
    (files / "cars.toml").write_text(
        "voltage_min_pu = 0.9\n[[v2g]]\nname = 'park'\nbus = 5\ncharge_max_kw = 50.0\n"
        "discharge_max_kw = 50.0\ncapacity_kwh = 100.0\nconnected = 'here'\narriving = 'come'\n"
        "departing = 'go'\n"
    )
    given = ("case33bw", "--profile", files / "cars.csv", "--price", files / "tariff.csv")
    assert run(*given, "--devices", files / "cars.toml", "--out", tmp_path / "out").exit_code == 0
    table = pd.read_parquet(tmp_path / "out" / "devices.parquet")
    assert set(table.kind) == {"v2g"}
    assert table.stored_kwh.to_numpy()[2:] == pytest.approx([0, 50], abs=1e-2)
    assert "park" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    unnamed = run("case33bw", "--devices", files / "cars.toml")
    assert "V2G charger 'park' needs column here" in str(unnamed.exception)


def test_the_equilibrium_feeds_the_stations() -> None:
    """The toy's station draws what its drivers charge, and that costs what it costs to bring it there."""
    idle, busy = as_json("toy"), as_json("toy", "--with-equilibrium")
    more_kwh = busy["purchase_kwh"] - idle["purchase_kwh"]
    assert more_kwh > 10
    assert busy["cost_cny"] - idle["cost_cny"] > 0.35 * more_kwh


def test_feeders_of_a_scenario_are_dispatched_one_by_one(tmp_path: Path) -> None:
    feeders = 'grid.feeders=[{name="north"},{name="south",slack_voltage_pu=1.02}]'
    given = ("toy", "--set", feeders, "--set", "stations.S.feeder=north")
    assert as_json(*given, "--out", tmp_path / "out")["cost_cny"] == pytest.approx(
        sum(
            as_json("toy", "--set", f"grid.slack_voltage_pu={voltage}")["cost_cny"] for voltage in (1.0, 1.02)
        ),
        rel=1e-6,
    )
    assert set(pd.read_parquet(tmp_path / "out" / "buses.parquet").feeder) == {"north", "south"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere",), "network 'nowhere' is neither a .json or .m file nor a net in pandapower.networks"),
        (("day.csv",), "day.csv is neither a scenario (.toml) nor a network"),
        (("none.m",), "none.m: there is no such file"),
        (("none.toml",), "there is no such file"),
        (("toy", "--profile", "p.csv"), "--profile is for a network alone; toy is a scenario"),
        (("case33bw", "--with-equilibrium"), "--with-equilibrium needs a scenario"),
        (("case33bw", "--price", "nan"), "--price is nan; it must be a finite number"),
        (
            ("case33bw", "--price", "p.csv"),
            "--price is 'p.csv'; it must be a number [CNY/kWh] or a CSV file that exists",
        ),
        (("case33bw", "--period-min", "0"), "--period-min is 0; it must be above 0"),
        (("case33bw", "--set", "grid.slak=1"), "grid.slak is not a known key"),
        (("case33bw", "--devices", "units.toml"), "renewable 'roofs' needs column sun"),
        (
            ("case33bw", "--devices", "units.toml", "--profile", "tariff.csv"),
            "renewable 'roofs' needs column sun",
        ),
        (
            ("case33bw", "--profile", "day.csv", "--price", "short.csv"),
            "short.csv: has 1 rows; there are 4 periods",
        ),
        (("toy", "--window", "3"), "--window needs --rolling receding"),
        (("toy", "--forecast-error", "0.1"), "--forecast-error needs --rolling"),
        (("toy", "--rolling", "receding", "--window", "99"), "--window is 99; there are"),
        (("case33bw", "--stations", "bus.csv"), "there is no bus '99'"),
        (("toy", "--stations", "bus.csv"), "there is no station '99'; the stations are S"),
        (("case33bw", "--set", "grid.turbines.0.bus=1"), "grid.turbines is a table; it must be a list"),
        (("case33bw", "--profile", "negative.csv"), "column load_pu has a negative value in period 2"),
    ],
)
def test_wrong_input_is_a_sentence(
    files: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(files)
    Path("short.csv").write_text("price_cny_per_kwh\n1\n")
    Path("bus.csv").write_text("99\n1\n")
    Path("negative.csv").write_text("load_pu\n1\n-1\n")
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError), result.output
    assert sentence in str(result.exception)


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from experiments.cli import app\n"
        "heavy = {'numpy', 'pandas', 'cvxpy', 'pandapower', 'plotly'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_python_call_takes_what_the_command_takes() -> None:
    answer = dispatch_all(read_dispatch_input(str(find_scenario("reference_dispatch")), Options()))
    assert answer.status == "optimal"
    assert not answer.flags
