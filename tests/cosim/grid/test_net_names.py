"""Buses answer to their names."""

import re

import pytest

from cosim.errors import ConfigError
from cosim.grid.device import Devices, Storage
from cosim.grid.feeder import feeder_from_pandapower
from tests.cosim.grid.pandapower_nets import two_levels


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
