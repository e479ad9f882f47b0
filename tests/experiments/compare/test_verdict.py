"""What the figures come to in words."""

import math

import pytest

from experiments.compare.families import Family
from experiments.compare.indicator import Indicator
from experiments.compare.power import Detectable
from experiments.compare.verdict import Verdict


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


def verdict(*found: Indicator, rejected: int = 0, apart: int = 0, shift: float = 0.1) -> Verdict:
    return Verdict(
        reference="equilibrium",
        other="agents",
        families=(Family(name="link flows", tests=100, rejected=rejected),),
        certain=(Family(name="car totals of ODs", tests=4, rejected=apart),),
        flow_error=0.02,
        is_random=True,
        indicators=found,
        detectable=(Detectable(figure="EV trips", shift=shift, stated=0.25),),
    )


def test_agrees_if_nothing_rejects_and_nothing_separates() -> None:
    agreed = verdict(indicator("queueing", 0.1, 0.2))
    assert agreed.headline == "agrees within sampling error"
    assert "0 of 100 tests reject" in agreed.sentence


@pytest.mark.parametrize(("rejected", "apart"), [(1, 0), (0, 1)])
def test_flows_differ_if_a_test_rejects_or_what_has_no_chance_differs(rejected: int, apart: int) -> None:
    differing = verdict(rejected=rejected, apart=apart)
    assert not differing.flows_agree
    assert differing.headline == "differs, and none of the causes looked for explains it"


def test_what_could_not_have_been_seen_is_not_agreement_but_what_is_seen_differs() -> None:
    blind = verdict(shift=0.3)
    assert (blind.word, verdict(shift=0.3, rejected=1).word) == ("cannot tell", "differs")
    assert blind.headline == "cannot tell: a difference of 25 % of EV trips might be missed"
    assert "Found with power 0.8 would have been 30 % of EV trips" in blind.sentence


def test_each_cause_is_named_once_with_the_figures_that_show_it() -> None:
    found = [indicator("range", 3, 1), indicator("information", 4, 1), indicator("information", 5, 1)]
    differing = verdict(*found)
    assert differing.causes == ("range", "information")
    assert "range: it is 3; information: it is 4; information: it is 5" in differing.sentence
    assert "agree within sampling error" in differing.sentence


def test_what_has_no_threshold_is_told_but_never_counts() -> None:
    assert not indicator("information", 9, math.nan).present
