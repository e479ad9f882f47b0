"""``cosim dispatch`` as a user calls it: scenarios, networks alone, exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cosim.config.bundled import find_scenario
from cosim.errors import ModelError
from cosim.grid import clarabel_engine
from cosim.scenario import load_scenario
from experiments.dispatch.input import Options, read_dispatch_input
from experiments.dispatch.study import dispatch_all
from experiments.scenarios.files import copy_scenario
from tests.experiments.dispatch.command_line import EXPECTED, KEYS, REFERENCE, ROOT, as_json, run


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
    assert answer["notes"][0] == "line 32, 33, 34, 35, 36: each is out of service, and left out."
    assert answer["cost_cny"] == pytest.approx(0.5 * (3715 + 202.6771265), rel=1e-6)
    assert as_json("case33bw", "--price", "1.0")["cost_cny"] == pytest.approx(
        2 * answer["cost_cny"], rel=1e-6
    )


def test_energy_counts_the_minutes_of_a_period() -> None:
    hour, quarter = as_json("case33bw"), as_json("case33bw", "--period-min", 15)
    assert quarter["purchase_kwh"] == pytest.approx(hour["purchase_kwh"] / 4, rel=1e-6)


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
    assert told["notes"][0] == "line 32, 33, 34, 35, 36: each is out of service, and left out."


def test_a_rolling_day_goes_on_where_no_solver_gets_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def breaks(*_: object) -> None:
        msg = "bad input"
        raise RuntimeError(msg)

    monkeypatch.setattr(clarabel_engine, "bare_solver", breaks)
    changes = ("--rolling", "shrinking", "--profile", tmp_path / "day.csv", "--out", tmp_path / "out")
    (tmp_path / "day.csv").write_text("load_pu\n0.5\n0.6\n")
    result = run("case33bw", *changes, "--json")
    assert result.exit_code == 3
    answer = json.loads(result.stdout)
    assert answer["status"] == "failed"
    assert answer["purchase_kwh"] > 1.1 * 3715
    assert set(pd.read_parquet(tmp_path / "out" / "violations.parquet").kind) == {"failed"}
    assert "Failed: fallback operation" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


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
    assert "(whose stores end as they began)" in page


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


def test_load_that_a_planned_event_cuts_off_is_told_with_exit_code_3(tmp_path: Path) -> None:
    file = tmp_path / "line_out.toml"
    event = 'kind = "branch"\nname = "3"\nfrom = "08:00"\nuntil = "10:00"\nplanned = true\n'
    file.write_text(f'extends = "toy"\n[[events]]\n{event}')
    answer = run(file)
    assert answer.exit_code == 3
    assert "load is cut off:" in answer.output
    assert (
        "period 3, bus 4: 23.3 kW cannot be served: the bus is cut off for 33% of the period."
        in answer.output
    )


def test_a_margin_that_is_not_kept_is_a_note_and_breaks_no_limit() -> None:
    answer = as_json("case33bw", "--set", "grid.voltage_margin_pu=0.02")
    assert answer["status"] == "optimal"
    assert (
        "period 1, bus 18: 0.9131 p.u. are planned, within the limits, but not by the margin"
        in answer["notes"][-1]
    )
