"""The JSON Schema accepts what the reader accepts, and refuses unknown keys."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cosim.config.schema import fields_table, json_schema

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def tables(scenario: str) -> dict[str, Any]:
    return tomllib.loads((CONFIGS / f"{scenario}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("scenario", ["paper", "reference_dispatch", "toy", "two_way", "tutorials/theta"])
def test_the_scenarios_that_come_along_fit_the_schema(validator: Any, scenario: str) -> None:
    assert list(validator.iter_errors(tables(scenario))) == []


@pytest.mark.parametrize("section", ["road", "mobility", "grid", "tariff"])
def test_an_unknown_key_does_not_fit(validator: Any, section: str) -> None:
    wrong = tables("toy")
    wrong[section]["nope"] = 1
    (error,) = validator.iter_errors(wrong)
    assert "'nope' was unexpected" in error.message


def test_a_file_that_extends_another_one_needs_no_more_than_its_changes(validator: Any) -> None:
    changes = {"extends": "paper.toml", "grid": {"storage": {"storage": {"bus": 2}}}}
    assert list(validator.iter_errors(changes)) == []
    assert len(list(validator.iter_errors({**changes, "grids": {}}))) == 1


def test_feeders_take_the_fields_of_the_defaults(validator: Any) -> None:
    two = tables("toy")
    two["grid"]["feeders"] = [{"name": "a"}, {"name": "b", "slack_voltage_pu": 1.02}]
    assert list(validator.iter_errors(two)) == []
    two["grid"]["feeders"][0]["slack_voltage_pu"] = "high"
    assert len(list(validator.iter_errors(two))) == 1


def test_the_documentation_shows_every_field_with_its_bounds() -> None:
    """`cosim schema --table` prints what stands there."""
    page = (CONFIGS.parent / "docs" / "fields.md").read_text(encoding="utf-8")
    assert page.endswith(fields_table())
    assert "| `battery_kwh` | number, 0.1 to 10000 | `50.0` | Battery capacity [kWh]. |" in page


def test_every_number_of_a_scenario_is_bounded_from_both_sides(validator: Any) -> None:
    """So that no product or quotient of two overflows."""
    open_ended = [
        f"{section}.{name}"
        for section, content in validator.schema["$defs"].items()
        for name, field in content.get("properties", {}).items()
        for kind in field.get("anyOf", [field])
        if kind.get("type") in {"number", "integer"}
        and name
        not in {
            "bus",
            "name",
            "road_node",
            "from_node",
            "to_node",
            "slack_bus",
            "tie",
        }  # names, though written as numbers
        and not (
            {"minimum", "exclusiveMinimum"} & kind.keys() and {"maximum", "exclusiveMaximum"} & kind.keys()
        )
    ]
    assert open_ended == []
