"""Tables and page of a dispatch."""

import json
import re
from pathlib import Path

import numpy as np
import pandapower as pp
import pandas as pd

from cosim.scenario import load_scenario
from tests.experiments.dispatch.command_line import EXPECTED, REFERENCE, run


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


def test_the_page_of_a_net_whose_buses_have_limits_of_their_own_says_so(tmp_path: Path) -> None:
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 10.0, min_vm_pu=low, max_vm_pu=1.1) for low in (0.9, 0.9, 0.92)]
    pp.create_ext_grid(net, buses[0])
    for line in ((0, 1), (1, 2)):
        pp.create_line_from_parameters(net, *line, 1.0, 0.5, 0.5, 0.0, 1.0)
    pp.create_load(net, buses[2], 0.5)
    pp.to_json(net, str(tmp_path / "two.json"))
    assert run(tmp_path / "two.json", "--out", tmp_path / "out").exit_code == 0
    assert "between its own limits." in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_several_trees_are_drawn_in_one_picture(tmp_path: Path) -> None:
    assert run("mv_oberrhein", "--out", tmp_path / "two").exit_code == 0
    page = (tmp_path / "two" / "report.html").read_text(encoding="utf-8")
    buses = pd.read_parquet(tmp_path / "two" / "buses.parquet")
    drawn = json.loads(re.findall(r'data-for="network-1-chart">(.*?)</script>', page)[0])["data"][-1]
    assert len(drawn["x"]) == len(buses)


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
