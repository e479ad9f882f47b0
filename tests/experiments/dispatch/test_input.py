"""What a dispatch is read from: networks, units, profiles, prices; and what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.errors import ConfigError
from experiments.dispatch.input import Options, read_dispatch_input
from tests.experiments.dispatch.command_line import EXPECTED, REFERENCE, ROOT, as_json, run


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


def test_json_and_pandapower_names_are_one_network(tmp_path: Path) -> None:
    import pandapower
    import pandapower.networks

    file = tmp_path / "net.json"
    pandapower.to_json(pandapower.networks.case33bw(), str(file))
    assert as_json(file)["cost_cny"] == pytest.approx(as_json("case33bw")["cost_cny"], rel=1e-9)


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
        "grid.storage.b.charge_max_kw is -10; it must be 0.001 or more",
        "storage b: there is no bus '99'",
        "renewable 'roofs' needs column sun",
        "pv roofs: there is no bus '77'",
    ):
        assert part in str(told.value)
    assert len(told.value.problems) == 4


def test_what_is_wrong_in_a_profile_is_told_with_its_line(tmp_path: Path) -> None:
    units, day = tmp_path / "units.toml", tmp_path / "day.csv"
    units.write_text(
        "load_profile = 'load'\n[[renewables]]\nname = 'roofs'\nkind = 'pv'\nbus = 7\ns_kva = 10\nprofile = 'sun'\n",
        encoding="utf-8",
    )
    given = Options(devices=units, profile=day)
    for text, told in (
        ("load,sun\n1,0\n1,-1\n", "day.csv, line 3: column sun is '-1'; it must be a number, 0 or more"),
        ("load,sum\n1,0\n", "day.csv: renewable 'roofs' needs column sun; its columns are load, sum"),
        ("laod,sun\n1,0\n", "day.csv: there is no column load; its columns are laod, sun"),
    ):
        day.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as refused:
            read_dispatch_input("case33bw", given)
        assert told in str(refused.value)


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
