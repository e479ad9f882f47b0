"""Scenario files as words: what each slip of the pen is answered with."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cosim.config.placeholders import PLACEHOLDER, with_placeholders
from cosim.config.reading import apply_settings, check, parse_value
from cosim.config.scenario import ScenarioConfig
from cosim.errors import ConfigError
from cosim.files import read_toml

CONFIGS = Path(__file__).parents[3] / "configs"


def tables(scenario: str = "toy") -> dict[str, Any]:
    return tomllib.loads((CONFIGS / f"{scenario}.toml").read_text(encoding="utf-8"))


def problems(*settings: str, scenario: str = "toy") -> list[str]:
    """What is said of a scenario that is good but for the *settings*."""
    with pytest.raises(ConfigError) as caught:
        check(apply_settings(tables(scenario), settings), "s.toml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("sede=1", "sede is not a known key; do you mean 'seed'?"),
        (
            "grid.slak_voltage_pu=1",
            "grid.slak_voltage_pu is not a known key; do you mean 'slack_voltage_pu'?",
        ),
        ("ev_share=1", "ev_share is not a known key; do you mean 'population.ev_share'?"),
        ("road.charger_kw=1", "road.charger_kw is not a known key; do you mean 'stations.charger_kw'?"),
        ("road.theta=1", "road.theta is not a known key; do you mean 'theta_per_min'?"),
        ("grid.feeder=1", "grid.feeder is not a known key; do you mean 'feeders'?"),
        ("messages.zz=1", "messages.zz is not a known key; known are delay_s, loss_probability, patience_s."),
        ("stations.S.chargers='2'", "stations.S.chargers is '2'; it must be a whole number without quotes."),
        (
            "stations.S.chargers=true",
            "stations.S.chargers is true; it must be a whole number without quotes.",
        ),
        ("stations.S.chargers=2.5", "stations.S.chargers is 2.5; it must be a whole number without quotes."),
        ("stations.S.chargers=0", "stations.S.chargers is 0; it must be 1 or more."),
        (
            "stations.S.site_limit_kw='5'",
            "stations.S.site_limit_kw is '5'; it must be a number without quotes.",
        ),
        ("stations.S.charger_kw=nan", "stations.S.charger_kw is nan; it must be a finite number."),
        ("stations.S.name=''", "stations.0.name is ''; it must be a text that is not empty."),
        ("stations.S=4", "stations.0 is 4; it must be a table."),
        ("stations=[]", "stations is an empty list; it must be a list with at least one entry."),
        ("road=[]", "road is an empty list; it must be a table."),
        ("road.theta_per_min=inf", "road.theta_per_min is inf; it must be a finite number."),
        ("road.links=3", "road.links is 3; it must be a text in quotes."),
        (
            "grid.storage.storage.capacity_kwh=-2",
            "grid.storage.storage.capacity_kwh is -2; it must be 0.001 or more.",
        ),
        ("grid.export='yes'", "grid.export is 'yes'; it must be true or false."),
        ("grid.solver=cplex", "grid.solver is 'cplex'; it must be 'auto', 'clarabel' or 'mosek'."),
        ("grid.feeders=3", "grid.feeders is 3; it must be a list of tables."),
        ("grid.feeders=[1]", "grid.feeders.0 is 1; it must be a table."),
        ("grid.network=case33bw", "table grid: give either network, or both buses and branches."),
        (
            "grid.voltage_max_pu=0.9",
            "table grid: voltage_min_pu is 0.95; it must be below voltage_max_pu (0.9).",
        ),
        (
            "grid.elastic.voltage_floor_pu=1.2",
            "table grid: elastic.voltage_floor_pu is 1.2; it must not be above voltage_min_pu (0.95).",
        ),
        (
            "grid.storage.storage.soc_min=0.9",
            "table grid.storage.storage: soc_initial is 0.5; it must lie between soc_min (0.9) and soc_max (0.8).",
        ),
        ("mobility.soc_target=0.1", "table mobility: soc_reserve is 0.1; it must be below soc_target (0.1)."),
        (
            "mobility.dwell.longest_h=0.1",
            "table mobility.dwell: shortest_h is 0.25; it must be below longest_h (0.1).",
        ),
        ("messages.loss_probability=1", "messages.loss_probability is 1; it must be below 1."),
        ("periods=1000", "periods is 1000; it must be 288 or less."),
        (
            "periods=7",
            (
                "periods is 7; it must be a number that cuts the day's 86400 s into whole seconds, "
                "such as 8, 24, 48 or 96."
            ),
        ),
    ],
)
def test_one_slip_is_one_sentence_with_field_value_and_what_is_allowed(setting: str, sentence: str) -> None:
    assert problems(setting) == [sentence]


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        check({"stations": [{"name": "S", "bus": 1}]}, "s.toml")
    said = [str(problem) for problem in caught.value.problems]
    assert "road is missing." in said
    assert "stations.S.road_node is missing." in said


def test_all_slips_are_told_at_once_and_each_once() -> None:
    said = problems(
        "seed=-1", "stations.S.chargers=x", "grid.base_kv=0", 'grid.feeders=[{name="a"},{name="b"}]'
    )
    assert said == [
        "seed is -1; it must be 0 or more.",
        "stations.S.chargers is 'x'; it must be a whole number without quotes.",
        "grid.base_kv is 0; it must be 0.1 or more.",  # one default, two feeders
    ]


def test_a_slip_in_a_feeder_is_told_apart_from_one_in_the_defaults() -> None:
    said = problems("grid.base_kv=0", 'grid.feeders=[{name="a"},{name="b",load_scale=-1}]')
    assert said == [
        "grid.base_kv is 0; it must be 0.1 or more.",
        "grid.feeders.b.load_scale is -1; it must be 0 or more.",
    ]


def test_a_feeder_overrides_the_defaults_field_by_field() -> None:
    feeders = '[{name="a"},{name="b",slack_voltage_pu=1.02,elastic={voltage_floor_pu=0.7},storage=[]}]'
    settings = ["grid.elastic.base_cny_per_kwh=7", f"grid.feeders={feeders}"]
    first, second = check(apply_settings(tables(), settings), "s.toml").grid.feeders
    assert (first.slack_voltage_pu, second.slack_voltage_pu) == (None, 1.02)
    assert (second.elastic.base_cny_per_kwh, second.elastic.voltage_floor_pu) == (7, 0.7)
    assert (len(first.storage), len(second.storage)) == (1, 0)
    assert first.base_kv == second.base_kv == 10


def test_a_feeder_may_come_from_elsewhere_than_the_default_one() -> None:
    settings = ['grid.feeders=[{name="a"},{name="b",network="case33bw"}]']
    second = check(apply_settings(tables(), settings), "s.toml").grid.feeders[1]
    assert (second.network, second.buses) == ("case33bw", None)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("foo", "'foo' is not of the form field=value, as in grid.slack_voltage_pu=1.02."),
        ("=3", "'=3' is not of the form field=value, as in grid.slack_voltage_pu=1.02."),
        ("grid..x=3", "'grid..x=3' is not of the form field=value, as in grid.slack_voltage_pu=1.02."),
        ("stations.9.chargers=1", "'stations.9.chargers': the list has no entry '9'; it has S."),
        ("stations.5=1", "'stations.5': the list has no entry '5'; it has S."),
        ("name.x=3", "'name.x': there is no table that could hold 'x'."),
    ],
)
def test_a_setting_that_leads_nowhere_says_so(setting: str, sentence: str) -> None:
    assert problems(setting) == [sentence]


def test_settings_reach_tables_and_entries_by_position_and_by_name() -> None:
    settings = (
        "stations.0.chargers=3",
        "stations.S.charger_kw = 50",
        "messages.delay_s=2",
        "description=two words",
    )
    config = check(apply_settings(tables(), settings), "s.toml")
    assert (config.stations[0].chargers, config.stations[0].charger_kw) == (3, 50)
    assert (config.messages.delay_s, config.description) == (2, "two words")


def test_settings_leave_the_tables_they_are_laid_over_alone() -> None:
    before = tables()
    apply_settings(before, ["stations.S.chargers=9"])
    assert before == tables()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"seed = ", "is not valid TOML: Invalid value"),
        (b"seed = 1\nseed = 2", "is not valid TOML: Cannot overwrite a value"),
        (b'name = "\xff"', "is not text in UTF-8 (byte 8)."),
    ],
)
def test_a_file_that_is_no_toml_says_why(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "s.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_toml(file)
    (said,) = map(str, caught.value.problems)
    assert said.startswith(sentence)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_bytes(b"\xef\xbb\xbfseed = 3")
    assert read_toml(file) == {"seed": 3}


@pytest.mark.parametrize("scenario", ["toy", "paper"])
def test_without_any_one_field_the_rest_can_still_be_judged(scenario: str) -> None:
    """Every field of the file in turn is left out, or made a text: a whole configuration comes back."""
    for path in _paths(tables(scenario)):
        for value in (None, PLACEHOLDER):
            broken: Any = tables(scenario)
            place = broken
            for step in path[:-1]:
                place = place[step]
            if value is None:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            assert with_placeholders(broken, ScenarioConfig).config is not None, path


def _paths(place: Any, *way: Any) -> list[tuple[Any, ...]]:
    items = place.items() if isinstance(place, dict) else enumerate(place) if isinstance(place, list) else ()
    return [path for step, inner in items for path in [(*way, step), *_paths(inner, *way, step)]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".2", 0.2),
        ("-2.", -2.0),
        ("[.1, 2.]", [0.1, 2.0]),
        ("'.2'", ".2"),
        ("a.2", "a.2"),
        ("1.2.3", "1.2.3"),
        ("./x.csv", "./x.csv"),
        ("..", ".."),
    ],
)
def test_a_number_may_lack_a_digit_beside_its_point(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize("field", ["description", "what_to_look_at"])
@pytest.mark.parametrize("mark", ["\x1b[2J", "\a", "\u202e"])
def test_a_text_for_people_holds_no_control_characters(field: str, mark: str) -> None:
    with pytest.raises(ConfigError, match=f"{field} is .* it must be a text without control characters"):
        check(apply_settings(read_toml(CONFIGS / "toy.toml"), {field: f"fine {mark}"}), "toy")
