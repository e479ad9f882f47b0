"""Every sentence of a tutorial's ``what_to_look_at`` that has a number in it is measured here.

The days are those of the commands that the tutorials and documents say to type.
"""

import shlex
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from cosim.arrays import Frame
from cosim.config.bundled import TUTORIALS, find_scenario, scenario_files
from cosim.results import Run, load_run
from cosim.scenario import load_scenario
from experiments.sweep.design import read_vary
from experiments.sweep.one_run import day_figures
from tests.computed_once import typed

TUTORIAL_NAMES = [name for name, file in scenario_files().items() if file.parent.name == TUTORIALS]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def day(store: Path) -> Any:
    """Return what gives the figures, tables and flags of a scenario's equilibrium."""

    @cache
    def day(name: str, *settings: str) -> Any:
        changes = [word for setting in settings for word in ("--set", setting)]
        out = Path("runs") / "-".join((name, *settings[:1]))
        command = ["run", name, *changes, "--model", "equilibrium", "--out", str(out)]
        answer = typed(shlex.join(command), store)
        assert answer.exit_code in {0, 3}, answer.printed
        run = load_run(out)
        tables = {table: run.equilibrium.read(table) for table in run.equilibrium.names}
        scenario = load_scenario(out / "scenario.toml")
        return SimpleNamespace(
            **day_figures(scenario, tables),
            evs=run.summary["evs"],
            tables=tables,
            flags=run.manifest["flags"],
            settled=run.summary["settled"],
        )

    return day


@pytest.fixture
def days(store: Path) -> Any:
    """Return what gives the figures of a sweep's days, indexed by the values of its fields."""

    def days(name: str) -> Frame:
        fields = read_vary(load_scenario(find_scenario(name)).config.sweep.vary)
        answer = typed(f"sweep {name} --out runs/{name}", store)
        assert answer.exit_code in {0, 3}, answer.printed
        runs = pd.read_csv(f"runs/{name}/runs.csv", keep_default_na=False).set_index(list(fields))
        return runs.loc[:, "drive_min":"flagged"].drop(columns="limits_broken")

    return days


def voltage(solved: Any, bus: str) -> Any:
    """The voltage of a bus by period."""
    buses = solved.tables["buses"]
    return buses[buses.bus == bus].set_index("period").voltage_pu


def lowest(solved: Any) -> tuple[float, int]:
    """The lowest voltage of the day, and its period."""
    buses = solved.tables["buses"]
    row = buses.loc[buses.voltage_pu.idxmin()]
    return row.voltage_pu, int(row.period)


def energy_kwh(solved: Any, device: str) -> float:
    devices = solved.tables["devices"]
    return float(devices[devices.device == device].p_kw.sum())


def test_every_tutorial_says_what_to_look_at_and_has_its_test() -> None:
    for name in TUTORIAL_NAMES:
        config = load_scenario(find_scenario(name)).config
        assert config.name == name
        assert config.description
        assert len(config.what_to_look_at) > 300
        assert f"test_{name}" in globals()


def test_uncoordinated(day: Any) -> None:
    alone, paper = day("uncoordinated"), day("paper")
    assert alone.energy_kwh == pytest.approx(paper.energy_kwh, rel=1e-6)
    assert voltage(alone, "33")[20] == pytest.approx(0.911, abs=5e-4)
    assert lowest(paper)[0] == pytest.approx(0.968, abs=5e-4)
    buses = alone.tables["buses"]
    below = buses[buses.voltage_pu < 0.95].groupby("period").size()
    assert (below.index.tolist(), below.max()) == ([14, *range(18, 23)], 20)
    assert (alone.purchase_max_kw, paper.purchase_max_kw) == pytest.approx((3990, 2710), abs=10)
    assert (alone.losses_kwh, paper.losses_kwh) == pytest.approx((1490, 514), abs=10)
    assert (alone.cost_cny, paper.cost_cny) == pytest.approx((34_700, 26_000), abs=100)
    assert alone.flags == []
    assert any("cannot be served" in flag for flag in day("uncoordinated", "grid.voltage_min_pu=0.95").flags)


def test_price_feedback(days: Any) -> None:
    found = days("price_feedback")
    heeded, rest = found.loc[("nodal", True)], found.drop(("nodal", True))
    figures = rest.drop(columns="flagged").astype(float)
    assert (figures.max() / figures.min() - 1).max() < 1e-7  # the same traffic, to the last vehicle
    left = figures.iloc[0] - heeded.drop("flagged").astype(float)
    assert left.energy_CS6_kwh == pytest.approx(211, abs=3)
    assert -left.energy_CS9_kwh > 0.8 * left.energy_CS6_kwh
    assert left.losses_kwh == pytest.approx(10, abs=0.5)
    assert left.energy_kwh == pytest.approx(0, abs=0.1)


def test_nodal_prices(day: Any) -> None:
    uniform, nodal = day("nodal_prices", "tariff.charging_price=tariff"), day("nodal_prices")
    assert any("period 20, bus 31: no dispatch keeps 0.95" in flag for flag in uniform.flags)
    assert nodal.flags == []
    assert nodal.settled
    assert nodal.voltage_min_pu == pytest.approx(0.95, abs=1e-6)
    prices, loads = (
        solved.tables[table].query("period == 20").set_index("station")
        for solved, table in ((nodal, "prices"), (nodal, "stations"))
    )
    before = uniform.tables["stations"].query("period == 20").set_index("station").load_kw
    assert prices.nodal_price_cny_per_kwh["CS11"] == pytest.approx(1.27, abs=0.005)
    assert prices.nodal_price_cny_per_kwh["CS9"] == pytest.approx(1.11, abs=0.005)
    assert (before["CS11"], loads.load_kw["CS11"]) == pytest.approx((211, 126), abs=1)
    assert (before["CS9"], loads.load_kw["CS9"]) == pytest.approx((106, 186), abs=1)
    calm = nodal.tables["prices"].query("period == 4").charging_price_cny_per_kwh
    assert calm.max() - calm.min() < 0.01


def test_theta(days: Any) -> None:
    found = days("theta")
    assert found.index.tolist() == [0.05, 0.1, 0.2, 0.5, 1.0]
    assert found.drive_min.is_monotonic_decreasing
    assert (found.drive_min[0.05], found.drive_min[1.0]) == pytest.approx((37.4, 33.3), abs=0.05)
    assert found.flow_per_capacity_max.idxmin() == 0.1
    assert (found.flow_per_capacity_max[0.1], found.flow_per_capacity_max[1.0]) == pytest.approx(
        (1.20, 1.47), abs=0.005
    )
    assert (found.energy_CS6_kwh[0.05], found.energy_CS6_kwh[1.0]) == pytest.approx((3450, 4550), abs=50)
    assert (found.losses_kwh[0.05], found.losses_kwh[1.0]) == pytest.approx((507, 526), abs=1)


def test_ev_share(day: Any, days: Any) -> None:
    found = days("ev_share")
    few, many = found.iloc[0], found.iloc[-1]
    assert many.energy_kwh / few.energy_kwh == pytest.approx(6, rel=0.01)
    assert (few.energy_kwh, many.energy_kwh) == pytest.approx((1500, 9000), abs=50)
    assert many.wait_min / few.wait_min == pytest.approx(9, abs=0.5)
    assert (few.voltage_min_pu, many.voltage_min_pu) == pytest.approx((0.977, 0.968), abs=5e-4)
    assert many.cost_cny - few.cost_cny == pytest.approx(5900, abs=50)
    assert not found.flagged.any()
    dear = [
        solved.tables["prices"].query("tariff_cny_per_kwh > 1").period.unique().tolist()
        for solved in (day("paper", "population.ev_share=0.1"), day("paper"))
    ]
    assert dear == [[19, 20, 21, 22], [18, 19, 20, 21]]


def test_station_out(day: Any) -> None:
    out, paper = day("station_out"), day("paper")
    assert out.energy_kwh == pytest.approx(paper.energy_kwh, rel=1e-6)
    assert paper.energy_CS9_kwh == pytest.approx(1750, abs=50)
    assert out.energy_CS11_kwh - paper.energy_CS11_kwh == pytest.approx(945, abs=3)
    assert out.energy_CS6_kwh - paper.energy_CS6_kwh == pytest.approx(812, abs=3)
    assert (paper.wait_min, out.wait_min) == pytest.approx((1.2, 2.3), abs=0.05)
    assert (paper.drive_min, out.drive_min) == pytest.approx((35.4, 35.4), abs=0.05)
    assert out.losses_kwh - paper.losses_kwh == pytest.approx(53, abs=0.5)
    assert (lowest(paper)[0], lowest(out)[0]) == pytest.approx((0.968, 0.965), abs=5e-4)


def test_line_out(day: Any) -> None:
    out, paper = day("line_out"), day("paper")
    names = {
        solved: set(solved_.tables["branches"].branch) for solved, solved_ in (("out", out), ("in", paper))
    }
    assert names["in"] - names["out"] == {"7"}
    assert names["out"] - names["in"] == {"33"}
    flows = [
        solved.tables["branches"].query("branch == '18' and period == 20").p_kw.item()
        for solved in (paper, out)
    ]
    assert flows == pytest.approx([470, 820], abs=5)
    assert (voltage(paper, "18")[14], voltage(out, "18")[14]) == pytest.approx((0.973, 0.965), abs=5e-4)
    assert (voltage(paper, "33").min(), voltage(out, "33").min()) == pytest.approx((0.970, 0.974), abs=6e-4)
    assert [lowest(solved)[1] for solved in (paper, out)] == [20, 14]
    store = out.tables["devices"].query("device == 'storage'").set_index("period").p_kw
    assert store[20] > 200
    assert abs(store[14]) < 1


def test_cloudy_day(day: Any) -> None:
    clouds, paper = day("cloudy_day"), day("paper")
    assert (energy_kwh(clouds, "pv"), energy_kwh(paper, "pv")) == pytest.approx((1500, 6300), abs=50)
    assert clouds.wait_min == pytest.approx(paper.wait_min, rel=1e-6)
    bought = [solved.tables["dispatch"].purchase_kw.sum() for solved in (paper, clouds)]
    assert bought[1] - bought[0] == pytest.approx(4900, abs=50)
    assert clouds.cost_cny - paper.cost_cny == pytest.approx(3400, abs=50)
    assert lowest(paper) == (pytest.approx(0.968, abs=5e-4), 20)
    assert lowest(clouds) == (pytest.approx(0.964, abs=5e-4), 13)
    unity = day("cloudy_day", "grid.renewables.pv.q_capability=none")
    assert unity.voltage_min_pu < clouds.voltage_min_pu - 0.005


def test_storage_place(days: Any) -> None:
    found = days("storage_place")
    assert found.cost_cny.between(26_040, 26_090).all()
    assert (found.voltage_min_pu[18], found.voltage_min_pu[2]) == pytest.approx((0.968, 0.957), abs=6e-4)
    assert (found.losses_kwh[18], found.losses_kwh[2]) == pytest.approx((514, 558), abs=0.6)
    assert found.voltage_min_pu.idxmax() == found.losses_kwh.idxmin() == 18


def test_cars_give_back(day: Any) -> None:
    none, only_take, give = (
        day("paper"),
        *(day("cars_give_back", f"grid.v2g.street.discharge_max_kw={most}") for most in (0, 440)),
    )
    street = give.tables["devices"].query("device == 'street'").set_index("period").p_kw
    given = street.clip(lower=0)
    assert (given.loc[18:21].sum(), given.loc[7:8].sum(), given.sum()) == pytest.approx(
        (712, 285, 997), abs=1
    )
    before = only_take.tables["devices"].query("device == 'street'").set_index("period").p_kw
    assert before.loc[7:21].abs().max() < 1
    assert (only_take.cost_cny - none.cost_cny, only_take.cost_cny - give.cost_cny) == pytest.approx(
        (390, 316), abs=1
    )
    assert (only_take.purchase_max_kw, give.purchase_max_kw) == pytest.approx((2710, 2520), abs=5)
    assert -street.min() == pytest.approx(400, abs=2)
    assert lowest(only_take) == (pytest.approx(0.968, abs=5e-4), 20)
    assert lowest(give) == (pytest.approx(0.957, abs=5e-4), 22)
    assert (only_take.losses_kwh, give.losses_kwh) == pytest.approx((504, 528), abs=0.5)


def test_congested_roads(day: Any) -> None:
    full, paper = day("congested_roads"), day("paper")
    assert (full.evs, full.energy_kwh) == (2 * paper.evs, pytest.approx(17_900, abs=50))
    assert (paper.flow_per_capacity_max, full.flow_per_capacity_max) == pytest.approx((1.29, 1.69), abs=0.005)
    assert (paper.drive_min, full.drive_min) == pytest.approx((35.4, 37.9), abs=0.05)
    assert (paper.wait_min, full.wait_min) == pytest.approx((1.2, 7.7), abs=0.05)
    shares = [solved.energy_CS9_kwh / solved.energy_kwh for solved in (paper, full)]
    assert shares == pytest.approx([0.20, 0.28], abs=0.005)
    assert full.voltage_min_pu == pytest.approx(0.95, abs=5e-4)
    assert full.flags == []


def test_the_toy_says_what_is_to_be_seen(toy_run: Run) -> None:
    paths = toy_run.equilibrium.paths
    peak = paths[(paths.period == 6) & (paths.user_class != "charging")]
    share = peak.groupby("nodes").flow_veh_h.sum() / peak.flow_veh_h.sum()
    assert 0.5 < share["1-3-4"] < 0.6
    waits = [
        (tables.stations.wait_min * tables.stations.arrivals).sum() / tables.stations.arrivals.sum()
        for tables in (toy_run.agents, toy_run.equilibrium)
    ]
    assert waits[0] < 0.5 * waits[1]


def test_coupled_says_what_is_to_be_seen(day: Any) -> None:
    coupled = day("coupled", 'coupling.starts=["tariff"]')
    assert (coupled.tables["violations"].kind == "class_change").sum() == 2
    spread = (
        coupled.tables["prices"].groupby("period").charging_price_cny_per_kwh.agg(lambda p: p.max() - p.min())
    )
    base_kw = coupled.tables["buses"].groupby("period").load_kw.sum()
    assert spread.idxmax() == base_kw.idxmax() == 20
