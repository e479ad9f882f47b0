"""Watts for kilowatts."""

import pytest

from cosim.config.bundled import scenario_files
from cosim.config.plausibility import unit_questions
from cosim.config.reading import check
from cosim.errors import ConfigError
from cosim.scenario import load_scenario


@pytest.mark.parametrize(
    ("setting", "question"),
    [
        ("stations.S.charger_kw=60000", "stations.S.charger_kw is 60000; were W meant (60 here)?"),
        ("mobility.slow_charger_kw=7000", "mobility.slow_charger_kw is 7000; were W meant (7 here)?"),
        ("grid.base_kv=500", "grid.feeders.feeder.base_kv is 500; were V meant (0.5 here)?"),
    ],
)
def test_a_possible_value_that_looks_like_another_unit_is_asked_about(setting: str, question: str) -> None:
    assert list(unit_questions(load_scenario("toy", setting).config)) == [question]


@pytest.mark.parametrize(
    ("setting", "question"),
    [
        ("grid.base_kv=12660", "it must be 1000 or less; were V meant (12.66 here)?"),
        ("mobility.battery_kwh=50000", "it must be 10000 or less; were Wh meant (50 here)?"),
        ("mobility.consumption_kwh_per_km=170", "it must be 10 or less; were Wh/km meant (0.17 here)?"),
    ],
)
def test_a_refused_value_that_looks_like_another_unit_is_asked_about(setting: str, question: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_scenario("toy", setting)
    assert question in str(error.value)


@pytest.mark.parametrize("name", sorted(scenario_files()))
def test_no_bundled_scenario_is_asked_about(name: str) -> None:
    from cosim.config.extending import read_scenario_tables

    assert not list(unit_questions(check(read_scenario_tables(scenario_files()[name]), name)))
