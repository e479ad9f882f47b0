"""A dispatch is put back into the network as the user gave it: a model that reads it otherwise is found out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.grid.device import Devices, Storage
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import Feeder, VoltageRules, feeder_from_pandapower, read_feeder_csv
from cosim.grid.given_network import Power, check_against_given
from cosim.grid.given_pandapower import OPTIONS, _workbench
from cosim.grid.problem import Load, Rules
from cosim.grid.solution import Dispatch, Violation

MATPOWER = """
mpc.baseMVA = 10;
mpc.bus = [
 1 3 0 0 0 0 1 1 0 110 1 1 1;
 2 1 1 0.4 0.1 0.2 1 1 0 20 1 1.1 0.9;
 3 1 -1 0.2 0 0 1 1 0 20 1 1.1 0.9;
 4 1 2 0.5 0 0 1 1 0 20 1 1.1 0.9;
];
mpc.gen = [1 0 0 9 -9 1.01 10 1 9 -9; 4 0.3 0.1 1 -1 1 1 1 1 0];
mpc.branch = [
 2 1 0.005 0.04 0.01 0 0 0 0.98 30 1 -360 360;
 2 3 0.02 0.02 0.02 6 0 0 0 0 1 -360 360;
 2 4 0.02 0.03 0.02 6 0 0 0 0 1 -360 360;
 3 4 0.02 0.03 0 0 0 0 0 0 0 -360 360;
];
"""
BUSES = "bus,p_kw,q_kvar,voltage_min_pu\n# a comment\na,0,0,\nb,500,200,0.9\nc,300,100,\nd,400,100,0.9\n"
BRANCHES = (
    "branch,from_bus,to_bus,r_ohm,x_ohm,in_service,current_max_a\n"
    "1,a,b,1.0,0.8,true,\n2,b,c,2.0,1.6,1,300\n3,c,d,1,1,false,\n4,a,d,1.5,1,true,90\n"
)


def from_matpower(folder: Path) -> Feeder:
    (folder / "net.m").write_text(MATPOWER)
    return feeder_from_pandapower(folder / "net.m")


def from_csv(folder: Path) -> Feeder:
    (folder / "buses.csv").write_text(BUSES)
    (folder / "branches.csv").write_text(BRANCHES)
    return read_feeder_csv(folder / "buses.csv", folder / "branches.csv", slack_bus="a", v_base_kv=10.0)


def small_net() -> Any:
    """Make a line with a transformer, a cable that ends open, two buses joined by a switch, and a generator."""
    import pandapower as pp

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, kv) for kv in (110, 20, 20, 20, 20)]
    pp.create_ext_grid(net, buses[0], vm_pu=1.01)
    pp.create_transformer(net, buses[0], buses[1], "25 MVA 110/20 kV", tap_pos=-2)
    pp.create_line(net, buses[1], buses[2], 3.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
    spur = pp.create_line(net, buses[2], buses[4], 3.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
    pp.create_switch(net, buses[4], spur, et="l", closed=False)
    pp.create_line(net, buses[1], buses[4], 1.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
    pp.create_switch(net, buses[2], buses[3], et="b")
    for bus, p_mw in ((buses[2], 1.5), (buses[3], 1.0), (buses[4], 0.5)):
        pp.create_load(net, bus, p_mw, 0.3 * p_mw)
    pp.create_sgen(net, buses[3], 0.8, 0.1)
    return net


def from_pandapower(_: Path) -> Feeder:
    return feeder_from_pandapower(small_net())


Source = Callable[[Path], Feeder]
SOURCES = (from_matpower, from_csv, from_pandapower)


def planned(feeder: Feeder) -> tuple[Dispatch, Load]:
    """Return two periods with a store, in the second of which less is drawn and a station charges."""
    station_kw = np.zeros((2, feeder.bus_count))
    station_kw[1, feeder.to_bus[-1]] = 100.0
    load = Load.scaled(feeder, np.array([0.9, 0.5]), station_kw)
    store = Storage(name="s", bus=feeder.bus_names[feeder.to_bus[-1]], capacity_kwh=400)
    price = np.array([0.9, 0.3])
    return solve_dispatch(feeder, Devices(store), load, price, rules=Rules(export=True)), load


def checked(feeder: Feeder) -> Dispatch:
    dispatch, load = planned(feeder)
    assert dispatch.certified, dispatch.reason_not_certified
    for row in range(2):
        dispatch = check_against_given(feeder, dispatch, load, row)
    return dispatch


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_read_as_it_stands_stays_certified(source: Source, tmp_path: Path) -> None:
    dispatch = checked(source(tmp_path))
    assert dispatch.certified, dispatch.reason_not_certified
    assert dispatch.ac_mismatch_pu.max() < 1e-7


def test_what_one_feeder_is_told_of_its_slack_does_not_stay_with_another_of_the_same_file(
    tmp_path: Path,
) -> None:
    feeder = from_csv(tmp_path)
    low = read_feeder_csv(
        tmp_path / "buses.csv",
        tmp_path / "branches.csv",
        slack_bus="a",
        v_base_kv=10.0,
        voltage=VoltageRules(slack_pu=0.98),
    )
    assert [checked(one).certified for one in (feeder, low, feeder)] == [True] * 3


@pytest.mark.parametrize("source", SOURCES)
def test_a_misread_impedance_is_found_out(source: Source, tmp_path: Path) -> None:
    feeder = source(tmp_path)
    dispatch = checked(replace(feeder, r_pu=1.1 * feeder.r_pu))
    assert dispatch.status == "not certified"
    assert "the voltage in the network as given differs by" in dispatch.reason_not_certified


@pytest.mark.parametrize("source", SOURCES)
def test_a_misread_load_is_found_out(source: Source, tmp_path: Path) -> None:
    feeder = source(tmp_path)
    kvar = feeder.load_kvar.copy()
    kvar[feeder.to_bus[0]] += 50.0
    dispatch = checked(replace(feeder, load_kvar=kvar))
    assert dispatch.status == "not certified"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (from_matpower, "branch 2-3: "),
        (from_csv, "line 1: "),
        (from_pandapower, "line 0: "),
    ],
)
def test_the_limits_of_the_network_decide_and_not_those_of_the_model(
    source: Source, sentence: str, tmp_path: Path
) -> None:
    feeder = source(tmp_path)
    dispatch, load = planned(feeder)
    tight = replace(feeder, given=feeder.given.under_settings(0.05, source_limits=True))
    flagged = check_against_given(tight, dispatch, load, 0)
    assert flagged.status == "not certified"
    assert sentence in flagged.reason_not_certified
    assert "% of its limit in the network as given" in flagged.reason_not_certified


@pytest.mark.parametrize(
    ("period", "kind", "status"),
    [
        (1, "undervoltage", "elastic"),
        (2, "undervoltage", "not certified"),
        (1, "station_shed", "not certified"),
    ],
)
def test_only_the_period_in_which_a_limit_gives_way_may_break_one(
    period: int, kind: str, status: str, tmp_path: Path
) -> None:
    feeder = from_csv(tmp_path)
    dispatch, load = planned(feeder)
    told = Violation(period=period, bus="b", kind=kind, amount=1.0, sentence="It gives way.")
    elastic = replace(dispatch, status="elastic", violations=(told,))
    tight = replace(feeder, given=feeder.given.under_settings(0.05, source_limits=True))
    assert check_against_given(tight, elastic, load, 0).status == status


@pytest.mark.parametrize("source", SOURCES)
def test_voltage_limits_are_the_networks_own_or_the_users(source: Source, tmp_path: Path) -> None:
    feeder = source(tmp_path)
    dispatch, load = planned(feeder)
    overrides = replace(feeder.given.overrides, voltage=VoltageRules(min_pu=1.06))
    flagged = check_against_given(
        replace(feeder, given=replace(feeder.given, overrides=overrides)), dispatch, load, 0
    )
    assert "p.u. in the network as given, which allows 1.06 to" in flagged.reason_not_certified


def test_a_load_that_depends_on_the_voltage_is_found_out() -> None:
    """The check runs the net with its own kinds of load, whatever the reader has made of them."""
    feeder = from_pandapower(Path())
    feeder.given.network.net.load["const_z_p_percent"] = 100.0
    assert "differs by" in checked(feeder).reason_not_certified


def test_the_texts_of_csv_files_are_kept_for_the_check(tmp_path: Path) -> None:
    """A file that has changed or gone since is not the network that was given."""
    feeder = from_csv(tmp_path)
    for file in tmp_path.iterdir():
        file.unlink()
    assert checked(feeder).certified


def test_two_feeders_from_one_file_are_each_checked_against_what_it_said_then(tmp_path: Path) -> None:
    before = from_csv(tmp_path)
    file = tmp_path / "branches.csv"
    assert checked(before).certified
    head, *rows = file.read_text().splitlines()
    longer = [",".join([*row.split(",")[:3], "2.5", *row.split(",")[4:]]) for row in rows]
    file.write_text("\n".join([head, *longer]) + "\n")
    after = read_feeder_csv(tmp_path / "buses.csv", file, slack_bus="a", v_base_kv=10.0)
    assert not np.array_equal(after.r_pu, before.r_pu)
    assert checked(after).certified
    assert checked(before).certified


def test_branches_without_reactance_and_stored_options_do_not_stop_the_check(tmp_path: Path) -> None:
    feeder = from_pandapower(tmp_path)
    net = feeder.given.network.net
    net.user_pf_options = {"init": "results"}
    net.line["x_ohm_per_km"] = 0.0
    assert checked(feeder_from_pandapower(net)).certified


def test_the_flow_of_the_given_network_does_not_hang_on_where_it_starts() -> None:
    """From voltages at which Newton-Raphson diverges it begins again from a flat start."""
    feeder = feeder_from_pandapower("case33bw")
    assert feeder.given is not None
    zero = np.zeros(feeder.bus_count, dtype=np.complex128)
    flows = [
        feeder.given.network.flow(
            feeder, Power(share=zero.real + 1.0, fed_in=zero, start_pu=start), feeder.given.overrides
        )
        for start in (zero + 1.0, zero + 1e-3, -(zero + 1.0))
    ]
    for flow in flows[1:]:
        np.testing.assert_allclose(flow.voltage_pu, flows[0].voltage_pu, atol=1e-9)


def test_where_lines_alone_have_limits_their_loading_is_pandapowers_own() -> None:
    """Computed from the voltages; with two lines in parallel, one that ends open and one out of service."""
    import pandapower as pp

    net = small_net()
    net.trafo, net.bus = net.trafo.drop(0), net.bus.drop(0)
    net.ext_grid.loc[0, "bus"] = 1
    net.line.loc[0, "parallel"] = 2
    pp.create_line(net, 2, 4, 1.0, "NA2XS2Y 1x185 RM/25 12/20 kV", in_service=False)
    bench = _workbench(feeder_from_pandapower(net).given.network, None)
    assert bench.lines_alone
    loading, voltage_pu = bench.loading_percent("line"), bench.voltage_pu()
    pp.runpp(bench.net, **OPTIONS)
    assert loading == pytest.approx(bench.net.res_line.loading_percent.to_numpy(), rel=1e-12)
    assert np.array_equal(voltage_pu, bench.net.res_bus.vm_pu.to_numpy())
    assert (loading > 0).sum() == 3
