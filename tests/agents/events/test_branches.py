"""A branch opens: what is cut off is shed and its stations close, or a tie feeds it; each result is of that network."""

from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pytest

from agents.invariants import KIND
from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.coupling.prices import dispatch_feeders
from cosim.errors import ConfigError
from cosim.scenario import Scenario, load_scenario
from tests.agents.two_stations import plain_day_ahead
from tests.conftest import CONFIGS

BRANCHES = """branch,from_bus,to_bus,r_ohm,x_ohm,in_service
1,1,2,0.5,0.4,True
2,2,3,0.5,0.4,True
3,3,4,0.5,0.4,True
tie,1,3,1.5,1.2,False
loop,1,4,1.5,1.2,False
"""
OHM = {"1": (0.5, 0.4), "2": (0.5, 0.4), "3": (0.5, 0.4), "tie": (1.5, 1.2)}
STATIONS = [
    {"name": name, "road_node": node, "bus": bus, "chargers": 2, "charger_kw": 60.0}
    for name, node, bus in (("S", 2, 4), ("R", 3, 2))
]
CUT = {"kind": "branch", "name": "3", "from": "06:00", "until": "13:30"}
FED = {"kind": "branch", "name": "2", "tie": "tie", "from": "14:00", "until": "20:00"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a toy with two ties."""
    own = tmp_path_factory.mktemp("ties")
    (own / "branches.csv").write_text(BRANCHES)
    (own / "buses.csv").write_text((CONFIGS / "toy" / "buses.csv").read_text())
    (own / "ties.toml").write_text(
        'extends = "toy"\nname = "ties"\n[grid]\nbuses = "buses.csv"\nbranches = "branches.csv"\n'
    )
    return own


def scenario_with(folder: Path, *events: dict[str, Any], **settings: Any) -> Scenario:
    return load_scenario(
        folder / "ties.toml",
        {"stations": STATIONS, "population.evs": 300, "events": list(events), **settings},
    )


def simulate(scenario: Scenario, n_ev: int = 300) -> dict[str, Frame]:
    return CoSimModel(scenario, plain_day_ahead(scenario, n_ev), seed=1).simulate()


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[str, Frame]:
    """Return the agents' tables of a day on which bus 4 is cut off, and later fed over a tie."""
    return simulate(scenario_with(folder, CUT, FED))


def of_day(tables: dict[str, Frame], name: str) -> Frame:
    return tables[name].query("day == 1")


def newton_voltages(
    lines: dict[str, tuple[str, str]], drawn_kw: np.ndarray, drawn_kvar: np.ndarray
) -> list[float]:
    """Return the voltages of buses 1 to 4 by pandapower, of lines that are written down here."""
    net = pandapower.create_empty_network()
    for _ in range(4):
        pandapower.create_bus(net, vn_kv=10.0)
    pandapower.create_ext_grid(net, 0)
    for name, (near, far) in lines.items():
        r_ohm, x_ohm = OHM[name]
        pandapower.create_line_from_parameters(net, int(near) - 1, int(far) - 1, 1.0, r_ohm, x_ohm, 0.0, 1.0)
    for bus in range(4):
        pandapower.create_load(net, bus, drawn_kw[bus] / 1e3, drawn_kvar[bus] / 1e3)
    pandapower.runpp(net, numba=False)
    return net.res_bus.vm_pu.tolist()


@pytest.mark.parametrize(
    ("period", "lines"),
    [
        (4, {"1": ("1", "2"), "2": ("2", "3")}),
        (5, {"1": ("1", "2"), "2": ("2", "3"), "3": ("3", "4")}),
        (6, {"1": ("1", "2"), "tie": ("1", "3"), "3": ("3", "4")}),
    ],
)
def test_the_voltages_are_those_of_the_lines_that_are_closed(
    tables: dict[str, Frame], period: int, lines: dict[str, tuple[str, str]]
) -> None:
    """Bus 4 is without supply in period 4, and fed the long way in period 6."""
    buses = of_day(tables, "buses").query(f"period == {period}")
    store = of_day(tables, "devices").query(f"period == {period}")
    drawn_kw = (buses.load_kw + buses.station_kw).to_numpy()
    drawn_kw[2] -= store.p_kw.sum()
    voltage = newton_voltages(lines, drawn_kw, buses.load_kw.to_numpy() / 2)  # the toy's loads draw Q = P / 2
    assert buses.voltage_pu.to_numpy() == pytest.approx(voltage, abs=1e-8, nan_ok=True)
    assert np.isnan(voltage[3]) == (period == 4)
    rows = of_day(tables, "branches").query(f"period == {period} and current_a > 0.01")
    assert set(rows.branch) == set(lines)


def test_what_is_cut_off_is_not_served_and_told_bus_by_bus(tables: dict[str, Frame]) -> None:
    """Bus 4 draws 100 kW times the profile: 0.7, 0.8, and 0.8 of which half of period 5 is lost."""
    load_kw = of_day(tables, "buses").query("bus == '4'").load_kw.tolist()
    assert load_kw[2:6] == pytest.approx([0, 0, 40, 90])
    told = of_day(tables, "events").query("event == 1").set_index("effect").amount
    assert told["kWh of load not served"] == pytest.approx(3 * (70 + 80 + 40))
    assert told["buses without supply"] == 1
    cut = of_day(tables, "violations").query("kind == 'cut_off'")
    assert cut.amount.tolist() == pytest.approx(
        [70, 80, 40], abs=60
    )  # and what stations were expected to draw
    assert set(cut.place) == {"feeder feeder, bus 4"}
    assert (
        of_day(tables, "events").query("event == 2").set_index("effect").amount["periods fed over the tie"]
        == 2
    )


def test_every_dispatch_is_certified_in_the_network_of_its_periods(tables: dict[str, Frame]) -> None:
    dispatch = of_day(tables, "dispatch")
    assert set(dispatch.status) <= {"optimal", "locally optimal"}
    assert dispatch.ac_mismatch_max_pu.max() < 1e-6


def test_a_station_without_supply_is_closed_while_it_is(tables: dict[str, Frame]) -> None:
    sessions = of_day(tables, "sessions").query("station == 'S'")
    assert ((sessions.end_s <= 6 * 3600) | (sessions.start_s >= 13.5 * 3600)).all()
    assert len(sessions)
    reported = tables["messages"].query("day == 1 and kind == 'FaultReported' and sender == 'station S'")
    assert reported.sent_s.tolist() == [6 * 3600, 9 * 3600, 12 * 3600]
    assert not tables["violations"].kind.str.startswith(KIND).any()


def test_the_fleet_has_the_same_day_to_the_byte(folder: Path, tables: dict[str, Frame]) -> None:
    batch = simulate(scenario_with(folder, CUT, FED, **{"population.resolution": "batch"}))
    differ = [name for name in tables if name != "messages" and not batch[name].equals(tables[name])]
    assert not differ


def test_an_operator_that_does_not_know_plans_for_what_is_not_there_and_the_source_gives_less(
    folder: Path,
) -> None:
    """The branch opens within period 3: its load is lost for two of three hours, and nobody knew."""
    tables = simulate(scenario_with(folder, {**CUT, "from": "07:00", "until": "09:00"}), n_ev=6)
    row = of_day(tables, "dispatch").query("period == 3").iloc[0]
    assert row.purchase_planned_kw - row.purchase_kw == pytest.approx(70 * 2 / 3, rel=0.02)
    (cut,) = of_day(tables, "violations").query("kind == 'cut_off'").sentence
    assert "46.7 kW are not served" in cut


def test_the_dispatch_of_a_day_whose_network_changes_is_that_of_its_parts(folder: Path) -> None:
    """A store of no power couples nothing: then each period is dispatched as if its network were always there."""
    without = {"grid.storage": []}
    load_kw, price = np.full((8, 2), 5.0), np.full(8, 0.5)
    planned = [{**event, "planned": True} for event in (CUT, FED)]
    (mixed,) = dispatch_feeders(scenario_with(folder, *planned, **without), load_kw, price)
    always = {"from": "00:00", "until": "24:00"}
    for event, rows in ((planned[0], [2, 3]), (planned[1], [5, 6])):
        (alone,) = dispatch_feeders(scenario_with(folder, {**event, **always}, **without), load_kw, price)
        for name in ("purchase_kw", "losses_kw"):
            assert getattr(mixed, name)[rows] == pytest.approx(getattr(alone, name)[rows], abs=1e-4)
        assert mixed.price_cny_per_kwh[rows] == pytest.approx(alone.price_cny_per_kwh[rows], abs=1e-6)
    assert mixed.certified


def test_two_branches_that_one_tie_replaces_leave_the_bus_between_them_without_supply(folder: Path) -> None:
    """1 - 2 and 2 - 3 are open: bus 3 is fed over the tie, and nobody feeds bus 2."""
    two = [{"kind": "branch", "name": name, "tie": "tie", "from": "06:00", "until": "12:00"} for name in "12"]
    (case,) = scenario_with(folder, *two).feeders
    networks = case.outages.actual().networks
    assert [network is None for network in networks] == [True, True, False, False, *[True] * 4]
    assert {networks[2].bus_names[bus] for bus in networks[2].cut_off} == {"2"}


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"name": "9"}, "events.9.name is '9'; it must be one of the 3 branches in service, 1 to 3."),
        ({"name": "tie"}, "events.tie.name is 'tie'; it must be one of the 3 branches in service, 1 to 3."),
        ({"name": "1"}, "with it open every bus of feeder feeder is cut off"),
        ({"name": "3", "tie": "tie"}, "it cannot be closed while 3 is open: branches 1, 2, tie form a loop."),
        ({"name": "3", "tie": "2"}, "it cannot be closed while 3 is open: branch 2 is in service already."),
        ({"name": "3", "tie": "Q"}, "it cannot be closed while 3 is open: there is no branch 'Q' to switch."),
    ],
)
def test_what_cannot_be_opened_or_closed_is_refused_in_one_sentence(
    folder: Path, event: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario_with(folder, {"kind": "branch", "from": "08:00", **event})
    (problem,) = caught.value.problems
    assert says in str(problem)
