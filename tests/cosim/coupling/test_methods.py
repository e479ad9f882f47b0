"""Other methods of assignment find the same day, as far as they get."""

from cosim.coupling import EquilibriumDay, method_differences
from cosim.coupling.methods import MAX_MSA_ITERATIONS
from cosim.scenario import Scenario, load_scenario


def test_plain_averages_and_newton_find_the_flows_of_the_paper(
    paper: Scenario, paper_day: EquilibriumDay
) -> None:
    """Newton to what the tolerance leaves; 1/n to a thousand times that, from free flow and in few steps."""
    msa, newton = method_differences(paper, paper_day)
    assert (msa.method, newton.method) == ("msa", "newton")
    assert newton.residual <= 1e-6
    assert newton.link_flow_veh_h < 2e-3
    assert newton.iterations < msa.iterations <= 24 * MAX_MSA_ITERATIONS
    assert newton.link_flow_veh_h < msa.link_flow_veh_h < 0.2
    assert msa.residual < 2e-3


def test_another_demand_is_seen_as_a_difference(paper: Scenario, paper_day: EquilibriumDay) -> None:
    """The check can fail: of a day with another theta the same methods are far from these flows."""
    other = load_scenario(paper.folder / "paper.toml", ["road.theta_per_min=0.1"])
    assert min(found.link_flow_veh_h for found in method_differences(other, paper_day)) > 10


def test_the_method_in_use_is_not_compared_with_itself(toy: Scenario, toy_day: EquilibriumDay) -> None:
    assert [found.method for found in method_differences(toy, toy_day)] == ["msa"]
