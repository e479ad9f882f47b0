"""A figure of the day has one value wherever it has one name."""

import html
import re
from pathlib import Path

import pytest

from cosim.results import Run
from cosim.scenario import load_scenario
from experiments.compare.comparison import compare_samples
from experiments.compare.sample import samples_of
from experiments.run.runner import run

TOY = Path(__file__).parents[3] / "configs" / "toy.toml"


@pytest.fixture(scope="module")
def starved(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a day at whose end most charging sessions still wait for the one charger of 5 kW."""
    settings = ["stations.S.chargers=1", "stations.S.charger_kw=5"]
    return run(load_scenario(TOY, settings), out=tmp_path_factory.mktemp("starved") / "run")


def test_waits_energy_and_who_came_are_the_same_in_summary_comparison_verdict_and_page(starved: Run) -> None:
    comparison = compare_samples(samples_of([starved.directory]), seed=1)
    totals, summary = comparison.tables["totals"].set_index("quantity").other, starved.summary
    assert totals["mean wait [min]"] == pytest.approx(summary["wait_min"])
    assert totals["energy charged [kWh]"] == pytest.approx(summary["energy_kwh"])
    assert totals["charging sessions"] == summary["sessions"]
    page = html.unescape((starved.directory / "report.html").read_text(encoding="utf-8"))
    told = re.findall(r"(?:Mean wait:|mean wait of a charging session is) ([\d.]+) min", page)
    assert {round(float(wait_min)) for wait_min in told} == {round(summary["wait_min"])}
    assert len(told) >= 2


def test_who_never_got_a_charger_has_waited_until_the_clock_stopped(starved: Run) -> None:
    """Little's law over queues, against the wait of each EV from its request at the station."""
    tables = starved.agents
    arrived_s = tables.messages[tables.messages.kind == "ChargeRequest"].sent_s
    assert len(arrived_s) == starved.summary["sessions"] > len(tables.sessions)
    waited_s = 2 * 86_400 * len(arrived_s) - arrived_s.sum()
    waited_s -= (2 * 86_400 - tables.sessions.start_s).sum()
    assert starved.summary["wait_min"] == pytest.approx(waited_s / len(arrived_s) / 60)
