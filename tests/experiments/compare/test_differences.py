"""Items of either sample, and the correction for many tests."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from agents.model import CoSimModel
from cosim.arrays import Frame
from cosim.coupling import EquilibriumDay, equilibrium_tables
from cosim.scenario import DayAhead, Scenario, load_scenario
from experiments.compare.comparison import Comparison, compare_samples
from experiments.compare.page import comparison_page
from experiments.compare.sample import Sample
from experiments.compare.significance import ALONE, LEVEL
from experiments.run.many_days import recorded


@pytest.fixture(scope="module")
def equilibrium(paper: Scenario, paper_day: EquilibriumDay) -> Sample:
    tables = equilibrium_tables(paper, paper_day)
    return Sample(
        name="equilibrium", model="equilibrium", days=(recorded(tables),), seeds=(), config=paper.config
    )


@pytest.fixture(scope="module")
def agents(paper: Scenario, paper_ahead: DayAhead) -> Sample:
    batch = load_scenario(paper.folder / "paper.toml", ["population.resolution=batch"])
    tables = CoSimModel(replace(batch, feeders=()), paper_ahead, seed=1).simulate()
    return Sample(name="agents", model="agents", days=(recorded(tables),), seeds=(1,), config=paper.config)


def without_station(sample: Sample, name: str) -> Sample:
    """Return the sample as if the station had never been."""
    column = {"links": "link", "paths": "station", "stations": "station", "prices": "station"}

    def read(table: str) -> Frame:
        frame = sample.days[0](table)
        return frame[frame[column[table]] != name] if table in column else frame

    return replace(sample, days=(read,))


@pytest.fixture(scope="module")
def closed(equilibrium: Sample, agents: Sample) -> Comparison:
    """Agents without a station that the equilibrium has."""
    return compare_samples([equilibrium, without_station(agents, "CS11")], seed=1)


@pytest.fixture(scope="module")
def opened(equilibrium: Sample, agents: Sample) -> Comparison:
    """Agents with a station that the equilibrium has not."""
    return compare_samples([without_station(equilibrium, "CS11"), agents], seed=1)


def at_station(comparison: Comparison, quantity: str) -> Frame:
    differences = comparison.tables["differences"]
    return differences[(differences.item == "CS11") & (differences.quantity == quantity)]


def test_a_station_that_is_no_more_loses_all_its_flow_and_load(
    closed: Comparison, equilibrium: Sample
) -> None:
    (links,) = equilibrium.tables("links")
    flows, loads = at_station(closed, "ev_veh_h"), at_station(closed, "load_kw")
    assert len(flows) == len(loads) == 24
    assert flows.reference.sum() == pytest.approx(links[links.link == "CS11"].ev_charging_veh_h.sum())
    assert flows.reference.sum() > 0
    assert set(flows.other) == set(loads.other) == {0}
    assert (flows.p_adjusted <= LEVEL).any()
    assert not closed.verdicts[0].flows_agree


def test_what_is_not_there_has_no_wait_and_no_price(closed: Comparison) -> None:
    for quantity in ("wait_min", "price_cny_per_kwh"):
        assert at_station(closed, quantity).difference.isna().all()


def test_choices_of_a_station_the_reference_does_not_have_cannot_be(
    opened: Comparison, agents: Sample
) -> None:
    (paths,) = agents.tables("paths")
    chosen = paths[(paths.station == "CS11") & (paths.flow_veh_h > 0)]
    tests = opened.tables["g_tests"]
    impossible = tests[tests.p_value == 0]
    assert len(impossible) > 0
    assert set(zip(impossible.period, impossible.destination, strict=True)) <= set(
        zip(chosen.period, chosen.destination, strict=True)
    )
    assert np.isinf(impossible.g_statistic).all()
    assert not opened.verdicts[0].flows_agree


@pytest.mark.parametrize(("sample", "found_in"), [("closed", "reference"), ("opened", "other")])
def test_what_one_side_alone_has_is_listed_in_json_and_on_the_page(
    sample: str, found_in: str, request: pytest.FixtureRequest
) -> None:
    comparison = request.getfixturevalue(sample)
    (told,) = comparison.as_json()["comparisons"]
    assert {"kind": "station", "item": "CS11", "found_in": found_in} in told["in_one_only"]
    assert {row["kind"] for row in told["in_one_only"]} == {"station", "path"}
    assert all("CS11" in row["item"] for row in told["in_one_only"])
    assert f"station, {told[found_in]} alone" in comparison_page(comparison)


def test_nothing_is_one_sided_where_both_have_it(equilibrium: Sample, agents: Sample) -> None:
    comparison = compare_samples([equilibrium, agents], seed=1)
    assert set(comparison.tables["differences"].found_in) == {"both"}
    assert comparison.as_json()["comparisons"][0]["in_one_only"] == []


def test_g_tests_are_corrected_by_benjamini_and_hochberg(opened: Comparison) -> None:
    tests = opened.tables["g_tests"]
    expected = false_discovery_control(tests.p_value, method="bh")
    assert tests.p_adjusted.to_numpy() == pytest.approx(expected)
    assert (tests.p_adjusted > tests.p_value).sum() > 50
    (family,) = [found for found in opened.verdicts[0].families if found.name.startswith("G-tests")]
    assert family.rejected == (expected <= family.cut).sum() > 0
    assert family.cut <= LEVEL


@pytest.mark.parametrize("kind", ["link", "station", "path"])
def test_flows_are_corrected_by_benjamini_and_yekutieli_kind_by_kind(opened: Comparison, kind: str) -> None:
    differences, measures = opened.tables["differences"], opened.tables["measures"]
    own, told = (
        frame[(frame.kind == kind) & (frame.quantity == "ev_veh_h")] for frame in (differences, measures)
    )
    expected = false_discovery_control(own.p_value, method="by")
    assert own.p_adjusted.to_numpy() == pytest.approx(expected)
    assert (own.p_adjusted > own.p_value).any()
    assert told.rejected.item() == (expected <= ALONE).sum()
