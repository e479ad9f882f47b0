"""What the figures come to in words."""

import math

import pytest

from experiments.compare.indicator import Indicator
from experiments.compare.verdict import Family, Verdict


def indicator(cause: str, effect: float, threshold: float) -> Indicator:
    return Indicator(
        cause=cause,
        indicator="measured",
        reference=0,
        other=effect,
        effect=effect,
        threshold=threshold,
        sentence=f"it is {effect:g}",
    )


def verdict(*found: Indicator, rejected: int = 0, pooled: float = 0.5) -> Verdict:
    return Verdict(
        reference="equilibrium",
        other="agents",
        families=(Family(name="link flows", tests=100, rejected=rejected),),
        pooled={"not_charging": pooled},
        flow_error=0.02,
        is_random=True,
        indicators=found,
    )


def test_agrees_if_nothing_rejects_and_nothing_separates() -> None:
    agreed = verdict(indicator("queueing", 0.1, 0.2))
    assert agreed.headline == "agrees within sampling error"
    assert "0 of 100 link flows reject" in agreed.sentence


@pytest.mark.parametrize(("rejected", "pooled"), [(1, 0.5), (0, 1e-6)])
def test_flows_differ_if_one_of_them_or_all_together_do(rejected: int, pooled: float) -> None:
    differing = verdict(rejected=rejected, pooled=pooled)
    assert not differing.flows_agree
    assert differing.headline == "differs, and none of the causes looked for explains it"


def test_each_cause_is_named_once_with_the_figures_that_show_it() -> None:
    found = [indicator("range", 3, 1), indicator("information", 4, 1), indicator("information", 5, 1)]
    differing = verdict(*found)
    assert differing.causes == ("range", "information")
    assert "range: it is 3; information: it is 4; information: it is 5" in differing.sentence
    assert "agree within sampling error" in differing.sentence


def test_what_has_no_threshold_is_told_but_never_counts() -> None:
    assert not indicator("information", 9, math.nan).present
