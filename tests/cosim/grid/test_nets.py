"""Feeders read from pandapower nets and MATPOWER files, each against pandapower's own AC power flow."""

import re
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.grid.device import Devices, Storage
from cosim.grid.dispatch import solve_dispatch
from cosim.grid.feeder import VoltageRules, feeder_from_pandapower
from cosim.grid.power_flow import ac_power_flow, newton_power_flow, verify_with_ac_power_flow
from cosim.grid.problem import Load, Rules
from cosim.grid.sweep import sweep_power_flow

WIDE = VoltageRules(min_pu=0.9, max_pu=1.1)
NETS = ("case33bw", "create_cigre_network_mv", "mv_oberrhein", "create_cigre_network_lv")


def net_named(name: str) -> Any:
    import pandapower.networks

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(pandapower.networks, name)()


def two_levels() -> Any:
    """Make a tree fed through a tapped transformer from its far end, with cable, shunt, fused and open switches.

    Two unlike transformers stand in parallel.
    """
    import pandapower as pp

    net = pp.create_empty_network(sn_mva=3.0)
    buses = [
        pp.create_bus(net, vn_kv=kv, name=name)
        for name, kv in (("low", 20), ("high", 110), ("fused", 110), ("end", 110), ("beyond", 110))
    ]
    pp.create_ext_grid(net, buses[0], vm_pu=1.01)
    pp.create_transformer(net, buses[1], buses[0], "25 MVA 110/20 kV", tap_pos=-3)
    pp.create_switch(net, buses[1], buses[2], et="b")
    pp.create_transformer(net, buses[1], buses[0], "40 MVA 110/20 kV", tap_pos=-3)
    cable = pp.create_line(net, buses[2], buses[3], 20.0, "N2XS(FL)2Y 1x240 RM/35 64/110 kV")
    pp.create_switch(net, buses[3], cable, et="l", closed=True)
    spur = pp.create_line(net, buses[3], buses[4], 5.0, "N2XS(FL)2Y 1x240 RM/35 64/110 kV")
    pp.create_switch(net, buses[4], spur, et="l", closed=False)
    net.bus.loc[buses[4], "in_service"] = False
    pp.create_load(net, buses[3], p_mw=9.0, q_mvar=3.0, const_z_p_percent=0.0)
    pp.create_sgen(net, buses[2], p_mw=2.0, q_mvar=0.5, scaling=0.5)
    pp.create_shunt(net, buses[3], q_mvar=-1.5, p_mw=0.02)
    return net


@pytest.mark.parametrize("name", [*NETS, "two levels"])
def test_any_radial_net_has_pandapowers_power_flow(name: str) -> None:
    """Voltages of every bus in service to 1e-9 p.u., losses and purchase to a watt, by sweep and by Newton."""
    import pandapower as pp

    net = two_levels() if name == "two levels" else net_named(name)
    feeder = feeder_from_pandapower(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.runpp(net, numba=False, tolerance_mva=1e-10)
    alive = net.bus.index[net.bus.in_service]
    losses_kw = 1e3 * (net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())
    for flow in (
        sweep_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar),
        ac_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar),
        newton_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar),
    ):
        ours = [
            flow.voltage_pu[feeder.bus_index(str(bus + 1) if name == "case33bw" else net.bus.name.at[bus])]
            for bus in alive
        ]
        np.testing.assert_allclose(ours, net.res_bus.vm_pu[alive], atol=1e-9, rtol=0)
        assert float(flow.losses_kw) == pytest.approx(losses_kw, abs=1e-3)
        assert float(flow.slack_kw) == pytest.approx(1e3 * net.res_ext_grid.p_mw.sum(), abs=1e-3)
        assert float(flow.slack_kvar) == pytest.approx(1e3 * net.res_ext_grid.q_mvar.sum(), abs=1e-3)


@pytest.mark.parametrize("name", [*NETS[1:], "two levels"])
def test_dispatch_of_a_net_is_certified(name: str) -> None:
    feeder = feeder_from_pandapower(two_levels() if name == "two levels" else net_named(name), voltage=WIDE)
    devices = Devices(Storage(name="s", bus=feeder.bus_names[2]))
    load = Load.scaled(feeder, np.array([0.6, 0.8]))
    dispatch = solve_dispatch(feeder, devices, load, np.array([0.3, 0.9]), rules=Rules(export=True))
    assert dispatch.status == "optimal", dispatch.violations
    assert dispatch.certified, dispatch.reason_not_certified
    verdict = verify_with_ac_power_flow(feeder, dispatch, 2)
    assert verdict.voltage_mismatch_pu <= 1e-6
    assert verdict.current_mismatch_pu <= 1e-5
    assert verdict.losses_mismatch_kw <= 1e-2


def test_a_line_limit_is_obeyed_and_priced() -> None:
    """Line 2 of the CIGRE net carries all of one feeder: cut to 90 % of its flow, load is shed.

    At its receiving end, where its charging has not yet relieved it, the cable carries up to 1 % more.
    """
    free = feeder_from_pandapower("create_cigre_network_mv", voltage=WIDE)
    load, price = Load.scaled(free, np.array([0.5])), np.array([0.5])
    before = solve_dispatch(free, Devices(), load, price)
    line = free.branch_names.index("Line 2-3")
    net = net_named("create_cigre_network_mv")
    limit_pu = 0.9 * before.branch_current_pu[0, line]
    net.line.loc[1, "max_i_ka"] = limit_pu * free.current_base_a[line] / 1e3  # type: ignore[index]
    feeder = feeder_from_pandapower(net, voltage=WIDE)
    after = solve_dispatch(feeder, Devices(), load, price)
    assert after.status == "elastic"
    assert {v.kind for v in after.violations} == {"base_shed"}
    flow = sweep_power_flow(feeder, after.injection_kw, after.injection_kvar)
    assert 0.99 * limit_pu <= flow.branch_current_pu[0, line] <= limit_pu * (1 + 1e-6)


def test_several_trees_are_one_dispatch() -> None:
    feeder = feeder_from_pandapower("mv_oberrhein", voltage=WIDE)
    assert len(feeder.slack_buses) == 2
    assert feeder.branch_count == feeder.bus_count - 2
    dispatch = solve_dispatch(feeder, Devices(), Load.scaled(feeder, np.array([0.8])), np.array([0.5]))
    flow = sweep_power_flow(feeder, dispatch.injection_kw, dispatch.injection_kvar)
    assert dispatch.purchase_kw[0] == pytest.approx(float(flow.slack_kw[0]), abs=1e-2)


def refused(net: Any) -> str:
    with pytest.raises(ConfigError) as error:
        feeder_from_pandapower(net)
    return "\n".join(map(str, error.value.problems))


def test_numbers_that_cannot_be_are_refused_by_file_element_and_bus(tmp_path: Path) -> None:
    import pandapower as pp

    net = net_named("create_cigre_network_mv")
    net.load.loc[3, "p_mw"] = float("nan")
    net.line.loc[2, "r_ohm_per_km"] = -0.5
    pp.to_json(net, str(tmp_path / "net.json"))
    bus = net.bus.name.at[net.load.bus.at[3]]
    said = refused(str(tmp_path / "net.json"))
    assert f"net.json: load 3 at {bus}: p_mw is nan; it must be a number." in said
    assert (
        "net.json: line 2 from Bus 3 to Bus 4: r_ohm_per_km is -0.5; it must be a number, 0 or more." in said
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1}', "it holds JSON, but no net of pandapower. Write the net with pandapower.to_json."),
        ("", "it is not JSON (Expecting value: line 1 column 1 (char 0))."),
    ],
)
def test_a_file_that_holds_no_net_is_said_to_hold_none(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(text)
    assert sentence in refused(str(tmp_path / "net.json"))


def test_a_net_without_a_bus_is_refused() -> None:
    import pandapower as pp

    assert "it has no bus in service" in refused(pp.create_empty_network())


def joined_by_switches() -> Any:
    """Make a line of buses of which the last is joined, by a closed switch, to one that draws power as well."""
    import pandapower as pp

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, vn_kv=20, name=f"m{k}") for k in range(4)]
    joined = pp.create_bus(net, vn_kv=20, name="joined")
    beyond = pp.create_bus(net, vn_kv=20, name="beyond")
    pp.create_ext_grid(net, buses[0], vm_pu=1.01)
    for near, far in (*pairwise(buses), (joined, beyond)):
        pp.create_line(net, near, far, 3.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
    pp.create_switch(net, buses[3], joined, et="b")
    for bus, p_mw in ((buses[1], 0.8), (buses[3], 0.5), (joined, 0.7), (beyond, 0.9)):
        pp.create_load(net, bus, p_mw, 0.3 * p_mw)
    return net


def test_buses_joined_by_a_switch_are_one_whoever_draws_there() -> None:
    """With pandapower's own row of either bus, the check of a dispatch was 0.02 p.u. off."""
    import pandapower as pp

    net = joined_by_switches()
    feeder = feeder_from_pandapower(net)
    assert feeder.bus_index("joined") == feeder.bus_index("m3")
    dispatch = solve_dispatch(feeder, Devices(), Load.scaled(feeder, np.ones(1)), np.array([0.5]))
    pp.runpp(net, numba=False, tolerance_mva=1e-10)
    ours = dispatch.voltage_pu[0, [feeder.bus_index(name) for name in net.bus.name]]
    np.testing.assert_allclose(ours, net.res_bus.vm_pu, atol=1e-7, rtol=0)
    assert verify_with_ac_power_flow(feeder, dispatch, 1).voltage_mismatch_pu <= 1e-7


def test_a_profile_scales_loads_and_not_the_nets_own_generators() -> None:
    import pandapower as pp

    net = net_named("case33bw")
    pp.create_sgen(net, 17, p_mw=0.5, q_mvar=0.1, scaling=0.8)
    pp.create_storage(net, 17, p_mw=0.05, max_e_mwh=1.0)
    feeder = feeder_from_pandapower(net)
    load = Load.scaled(feeder, np.array([1.0, 0.5, 0.0]))
    at = feeder.bus_index("18")
    assert load.base_kw[:, at] == pytest.approx([90 - 350, 45 - 350, -350])
    assert load.base_kvar[:, at] == pytest.approx([40 - 80, 20 - 80, -80])
    assert feeder.notes == (
        "storage 0: each is taken as fixed at the power of its table; a store to dispatch is one of --devices.",
    )


def three_windings() -> Any:
    import pandapower as pp

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, vn_kv=kv, name=f"{kv} kV") for kv in (110, 20, 10)]
    pp.create_ext_grid(net, buses[0])
    pp.create_transformer3w(net, *buses, "63/25/38 MVA 110/20/10 kV")
    pp.create_load(net, buses[1], 12.0, 3.0)
    pp.create_load(net, buses[2], 20.0, 5.0)
    return net


def test_a_transformer_of_three_windings_keeps_the_limit_of_each() -> None:
    """Pandapower's loading is that of the fullest winding: here the one of 10 kV, of 38 MVA."""
    import pandapower as pp

    net = three_windings()
    feeder = feeder_from_pandapower(net)
    assert feeder.bus_names[3] == "star point 1"
    flow = sweep_power_flow(feeder, -feeder.load_kw, -feeder.load_kvar)
    onward_pu = np.abs((feeder.load_kw + 1j * feeder.load_kvar)[feeder.to_bus]) / 1e3
    onward_pu /= flow.voltage_pu[feeder.to_bus]
    loading = np.fmax(flow.branch_current_pu / feeder.current_max_pu, onward_pu / feeder.current_max_to_pu)
    pp.runpp(net, numba=False)
    assert loading.max() == pytest.approx(net.res_trafo3w.loading_percent[0] / 100, rel=1e-6)
    assert feeder.branch_names[int(np.argmax(loading))] == "trafo3w 0 lv"


def test_the_loading_that_is_allowed_is_part_of_a_limit() -> None:
    net = net_named("create_cigre_network_mv")
    whole = feeder_from_pandapower(net)
    net.line["max_loading_percent"], net.trafo["max_loading_percent"] = 60.0, 80.0
    part = feeder_from_pandapower(net)
    share = part.current_max_pu / whole.current_max_pu
    expected = [0.8 if name.startswith("Trafo") else 0.6 for name in part.branch_names]
    assert share[np.isfinite(share)] == pytest.approx(np.array(expected)[np.isfinite(share)])


def test_every_bus_keeps_its_own_limits_and_joined_ones_the_narrowest() -> None:
    net = joined_by_switches()
    net.bus["min_vm_pu"] = [0.9, 0.91, 0.92, 0.93, 0.94, 0.95]
    net.bus["max_vm_pu"] = [1.1, 1.09, 1.08, 1.07, float("nan"), 1.05]
    low, high = feeder_from_pandapower(net).voltage_limits_pu
    np.testing.assert_allclose(low[1:], [0.91, 0.92, 0.94, 0.95])
    np.testing.assert_allclose(high[1:], [1.09, 1.08, 1.07, 1.05])
    one, all_alike = feeder_from_pandapower(net, voltage=WIDE).voltage_limits_pu, (0.9, 1.1)
    assert all((limits == limit).all() for limits, limit in zip(one, all_alike, strict=True))


def test_what_the_model_cannot_carry_is_refused_by_element_and_column() -> None:
    import pandapower as pp

    net = net_named("case33bw")
    net.load.loc[3, "const_z_p_percent"] = 100.0
    net.load.loc[4, "const_i_q_percent"] = 30.0
    pp.create_impedance(net, 17, 32, rft_pu=0.01, xft_pu=0.01, rtf_pu=0.02, xtf_pu=0.01, sn_mva=1.0)
    said = refused(net)
    assert (
        "load 3: each is a constant impedance; the model carries constant power. Set const_z_p_percent to 0"
        in said
    )
    assert (
        "load 4: each draws a constant current; the model carries constant power. Set const_i_q_percent to 0"
        in said
    )
    assert "impedance 0: each has another impedance from its other end" in said


def test_what_is_left_out_or_changed_is_told() -> None:
    import pandapower as pp
    import pandas as pd

    net = net_named("case33bw")
    pp.create_asymmetric_load(net, 5, p_a_mw=0.01, p_b_mw=0.02, q_c_mvar=0.01)
    dead = pp.create_bus(net, vn_kv=12.66, in_service=False)
    pp.create_load(net, dead, p_mw=0.1)
    pp.create_sgen(net, 7, p_mw=0.1, controllable=True)
    pp.create_switch(net, 32, dead, et="b", in_ka=0.4)
    net["heat_pump"] = pd.DataFrame({"bus": [4], "in_service": [True]})
    feeder = feeder_from_pandapower(net)
    assert set(feeder.notes) == {
        "asymmetric_load 0: each is taken as balanced: a third of its power in each phase.",
        "load 32: each is at a bus out of service, and left out.",
        "sgen 0: each is controllable, but taken as fixed at the power of its table.",
        "switch 0: each has a rated current, which is not kept.",
        "heat_pump 0: each is of no kind known here, and left out.",
    }
    assert feeder.load_kw[5] == pytest.approx(60 + 30)


def test_hundreds_of_odd_numbers_are_a_few_lines() -> None:
    net = net_named("mv_oberrhein")
    net.load["p_mw"] = float("nan")
    with pytest.raises(ConfigError) as error:
        feeder_from_pandapower(net)
    told = str(error.value).splitlines()
    assert len(told) == 7
    assert told[-1].endswith(f"... and {len(net.load) - 5} more like these.")


def test_a_loop_is_refused_by_name() -> None:
    net = net_named("case33bw")
    net.line.loc[32, "in_service"] = True
    assert "branches 2, 3, 4, 5, 6, 7, 18, 19, 20, 33 form a loop" in refused(net)


def test_unlike_taps_in_parallel_are_refused_by_name() -> None:
    net = two_levels()
    net.trafo.loc[1, "tap_pos"] = 0
    assert "branches trafo 0, trafo 1 form a loop" in refused(net)


def test_two_trees_joined_are_refused_by_name() -> None:
    net = net_named("mv_oberrhein")
    net.switch["closed"] = True
    assert "join the slack buses Bus " in refused(net)


def test_a_part_without_a_slack_is_refused_by_name() -> None:
    net = net_named("case33bw")
    net.line.loc[16, "in_service"] = False
    assert "connects bus 18 to the slack bus 1" in refused(net)


def test_what_holds_a_voltage_is_refused_by_name() -> None:
    import pandapower as pp

    net = net_named("case33bw")
    pp.create_gen(net, 5, p_mw=0.1)
    pp.create_xward(net, 7, 0, 0, 0, 0, 0.1, 0.1, 1.0)
    pp.create_dcline(net, 3, 9, 0.1, 1, 1, 1.0, 1.0)
    net.line.loc[33, "in_service"] = True
    said = refused(net)
    assert "gen 0 in service: each holds a voltage; make it an sgen" in said
    assert "xward 0 in service: each holds a voltage; make it a ward" in said
    assert "dcline 0 in service: each holds voltages; make each end an sgen" in said
    assert "branches 9, 10, 11, 12, 13, 14, 34 form a loop" in said


def test_a_meshed_net_is_refused_in_a_few_sentences() -> None:
    said = refused(net_named("case118")).splitlines()
    assert said[0].startswith("gen 0, 1, 2, 3, 4 and 48 more in service")
    assert said[1] == "the net has 62 loops; 5 are named here."
    assert len(said) == 7


def test_a_simbench_code_asks_for_the_extra_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simbench", None)
    assert "pip install 'cosim[simbench]'" in refused("1-MV-rural--0-sw")


def test_nothing_is_said_on_the_terminal_but_what_is_asked() -> None:
    """Pandapower's Oberrhein net runs a power flow of its own, which remarks that numba is missing."""
    code = "from cosim.grid.feeder import feeder_from_pandapower as read; read('mv_oberrhein')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == ""


def test_a_cable_that_ends_open_is_certified_beyond_what_the_net_can_carry() -> None:
    """At full load the CIGRE net sheds; whatever the penalties, the charging currents of open cables are decided."""
    feeder = feeder_from_pandapower("create_cigre_network_mv")
    dispatch = solve_dispatch(feeder, Devices(), Load.scaled(feeder, np.ones(1)), np.array([0.68]))
    assert dispatch.status == "elastic"
    assert dispatch.exactness_recovery == "none"
    assert dispatch.certified, dispatch.reason_not_certified
    open_ends = [k for k, bus in enumerate(feeder.to_bus) if feeder.bus_names[bus].startswith("open end")]
    flow = sweep_power_flow(feeder, dispatch.injection_kw, dispatch.injection_kvar)
    assert dispatch.branch_current_pu[0, open_ends] == pytest.approx(
        flow.branch_current_pu[0, open_ends], rel=1e-3
    )


def test_a_named_bus_answers_to_its_name_and_to_pandapowers_index() -> None:
    feeder = feeder_from_pandapower("create_cigre_network_mv")
    assert feeder.bus_names[9] == "Bus 9"
    assert feeder.bus_index("Bus 9") == feeder.bus_index("9") == 9
    with pytest.raises(ConfigError, match="there is no bus 'Bus 99'"):
        feeder.bus_index("Bus 99")
    fused = feeder_from_pandapower(two_levels())
    assert fused.bus_index("fused") == fused.bus_index("high") == fused.bus_index("1")


def test_a_case_of_the_literature_counts_its_buses_from_1() -> None:
    feeder = feeder_from_pandapower("case33bw")
    assert feeder.bus_names == tuple(str(number) for number in range(1, 34))
    assert str(feeder.bus_problem("0")).startswith("there is no bus '0'")
    assert "index + 1" in feeder.bus_numbers


def test_a_number_that_could_mean_two_buses_is_refused_with_both() -> None:
    """Index 4 of the CIGRE net of low voltage is 'Bus R3'; a reader of its paper means 'Bus R4'."""
    feeder = feeder_from_pandapower("create_cigre_network_lv")
    said = "bus 4 could be 'Bus R3' (pandapower's index 4) or 'Bus R4'; give its name."
    with pytest.raises(ConfigError, match=re.escape(said)):
        feeder.bus_index("4")
    with pytest.raises(ConfigError, match=re.escape(f"storage s: {said}")):
        Devices(Storage(name="s", bus="4")).check(feeder)
    assert feeder.bus_names[feeder.bus_index("Bus R4")] == "Bus R4"


def test_names_that_do_not_tell_buses_apart_give_way_to_the_index() -> None:
    net = two_levels()
    net.bus.loc[4, "name"] = net.bus.loc[3, "name"] = None
    feeder = feeder_from_pandapower(net)
    assert feeder.bus_names[0] == "0"
    assert feeder.bus_index("low") == feeder.bus_index("0")


def test_nothing_stands_at_the_open_end_of_a_line() -> None:
    feeder = feeder_from_pandapower("mv_oberrhein")
    assert "open end 1" in feeder.bus_names
    with pytest.raises(ConfigError, match="there is no bus 'open end 1'"):
        Devices(Storage(name="s", bus="open end 1")).check(feeder)


def test_a_json_file_keeps_transformers(tmp_path: Path) -> None:
    import pandapower as pp

    pp.to_json(net_named("create_cigre_network_mv"), str(tmp_path / "net.json"))
    one = feeder_from_pandapower(tmp_path / "net.json")
    two = feeder_from_pandapower("create_cigre_network_mv")
    np.testing.assert_allclose(one.r_pu, two.r_pu)
    np.testing.assert_allclose(one.y_from_pu, two.y_from_pu)
