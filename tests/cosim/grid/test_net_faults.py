"""What no feeder can be read from is refused by name, and what is left out is told."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosim.errors import ConfigError
from cosim.grid.feeder import feeder_from_pandapower
from tests.cosim.grid.pandapower_nets import net_named, two_levels


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
        "line 32, 33, 34, 35, 36: each is out of service, and left out.",
        "bus 33: each is out of service, and left out.",
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


def test_texts_and_limits_of_nothing_are_no_numbers() -> None:
    net = net_named("case33bw")
    net.load["p_mw"] = net.load.p_mw.astype(object)
    net.load.loc[0, "p_mw"] = "0.5"
    net.line["max_loading_percent"] = 100.0
    net.line.loc[[3, 4], "max_loading_percent"] = 0.0, np.nan
    said = refused(net)
    assert "load 0 at bus 2: p_mw is '0.5'; it must be a number" in said
    assert "max_loading_percent is 0.0; it must be a number above 0" in said
    assert "line 4" not in said
