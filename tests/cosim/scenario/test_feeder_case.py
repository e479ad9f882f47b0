"""A feeder of a scenario: the network it names, with the limits of that network unless the scenario gives others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cosim.config.grid import FeederConfig
from cosim.scenario import Scenario, load_scenario
from cosim.scenario.feeder_case import network_notes, read_feeder

NETWORK = """
mpc.baseMVA = 10;
mpc.bus = [
 1 3 0 0 0 0 1 1 0 12 1 1 1;
 2 1 0.2 0.1 0 0 1 1 0 12 1 1.1 0.9;
 3 1 0.1 0.1 0 0 1 1 0 12 1 1.1 {low};
];
mpc.gen = [1 0 0 9 -9 1 10 1 9 0];
mpc.branch = [1 2 0.05 0.05 0 3 0 0 0 0 1; 2 3 0.05 0.05 0 3 0 0 0 0 1];
mpc.dcline = [1 2 1];
"""


def config(folder: Path, low: float = 0.9, **given: object) -> FeederConfig:
    (folder / "net.m").write_text(NETWORK.format(low=low))
    return FeederConfig(name="north", network="net.m", **given)  # type: ignore[arg-type]


def test_a_scenario_keeps_the_limits_of_the_net_it_names(tmp_path: Path) -> None:
    feeder = read_feeder(config(tmp_path), tmp_path)
    assert (feeder.voltage_min_pu, feeder.voltage_max_pu) == (0.9, 1.1)


def test_what_the_scenario_says_goes_before_the_net(tmp_path: Path) -> None:
    told = config(tmp_path, voltage_min_pu=0.96, slack_voltage_pu=1.02, branch_limit_scale=0.5)
    feeder = read_feeder(told, tmp_path)
    assert (feeder.voltage_min_pu, feeder.voltage_max_pu) == (0.96, 1.1)
    assert feeder.slack_voltages_pu == pytest.approx([1.02])
    assert feeder.current_max_pu == pytest.approx([1.5, 1.5])
    assert feeder.given.overrides.branch_limit_scale == 0.5


def test_the_scenario_that_is_kept_has_the_limits_where_all_buses_have_the_same(study: Path) -> None:
    path = study.parent / "net.m"
    path.write_text(NETWORK.format(low=0.9))
    tables = 'buses = "toy/buses.csv"\nbranches = "toy/branches.csv"'
    study.write_text(study.read_text().replace(tables, 'network = "net.m"'))
    settings = ["stations.S.bus=3"]
    assert limits(load_scenario(study, settings)) == (0.9, 1.1)
    path.write_text(NETWORK.format(low=0.92))
    scenario = load_scenario(study, settings)
    assert limits(scenario) == (None, 1.1)
    np.testing.assert_allclose(scenario.feeders[0].feeder.voltage_limits_pu[0], [0.9, 0.9, 0.92])


def limits(scenario: Scenario) -> tuple[float | None, float | None]:
    (kept,) = scenario.config.grid.feeders
    return kept.voltage_min_pu, kept.voltage_max_pu


def test_a_run_tells_what_its_networks_leave_out(toy: Scenario) -> None:
    (case,) = toy.feeders
    told = replace(case.feeder, notes=("mpc.dcline is not used.",))
    assert network_notes([told]) == ["mpc.dcline is not used."]
    assert network_notes([told, case.feeder]) == [f"feeder {case.feeder.name}, mpc.dcline is not used."]


def test_a_feeder_of_csv_tables_may_have_several_slack_buses(toy: Scenario) -> None:
    (kept,) = toy.config.grid.feeders
    several = FeederConfig(
        name="two trees", buses=kept.buses, branches=kept.branches, slack_bus=("1", 4), open_branches=("3",)
    )
    feeder = read_feeder(several, toy.folder)
    assert [feeder.bus_names[k] for k in feeder.slack_buses] == ["1", "4"]


def test_the_clock_of_last_resort_is_set_in_the_scenario(toy: Scenario) -> None:
    assert toy.feeders[0].rules.solve_time_max_s is None
    (case,) = load_scenario(toy.folder / "toy.toml", ["grid.solve_time_max_s=5.0"]).feeders
    assert case.rules.solve_time_max_s == 5
