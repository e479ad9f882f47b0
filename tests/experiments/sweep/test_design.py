"""The settings of a sweep: grids, ranges, sampled points."""

from typing import Any

import numpy as np
import pytest

from cosim.errors import ConfigError
from experiments.sweep.design import make_design, read_sample, read_vary


def test_a_sweep_is_all_combinations_and_the_last_field_runs_fastest() -> None:
    design = make_design(read_vary(["a.b=1,2.5", "c=x,true", 'd=["7"],[]']), {}, 1, "latin", 1)
    assert design.points[:3] == ((1, "x", ["7"]), (1, "x", []), (1, "true", ["7"]))
    assert len(design.points) == 8
    assert design.named(1) == 'a.b = 1, c = "x", d = []'


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1:0.5:0.1", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("1:7:2", [1, 3, 5, 7]),
        ("-.5:.5:.5", [-0.5, 0.0, 0.5]),
        (".2,1.", [0.2, 1.0]),
        ("08:00", ["08:00"]),
    ],
)
def test_a_range_is_all_its_values_without_rounding(text: str, values: list[object]) -> None:
    found = read_vary([f"a.b={text}"])["a.b"]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("variations", "sentence"),
    [
        (["a=1:0:1"], "a: '1:0:1' has no values"),
        (["a=0:1:0"], "a: '0:1:0' has no values"),
        (["a=0:1:.00001"], "more than 10,000 values"),
        (["road.theta_per_min"], "is not of the form field=value,value"),
        (["=1,2"], "is not of the form field=value,value"),
        (["a=1", "a=2"], "a is given twice"),
    ],
)
def test_a_variation_without_values_is_refused_in_a_sentence(variations: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read_vary(variations)


@pytest.mark.parametrize("text", ["a=1", "a=1,2", "a=2:1", "a=0:1:.1"])
def test_a_range_that_cannot_be_sampled_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no range|is empty"):
        read_sample([text])


@pytest.mark.parametrize(
    ("vary", "sample", "points", "sentence"),
    [
        ({"a": "12"}, {}, 1, "a is '12'; it must be a list of values"),
        ({}, {"a": [1, 0]}, 1, "two numbers, the lower one first"),
        ({"a": [1]}, {"a": [0, 1]}, 1, "varied and sampled"),
        ({}, {"a": [0, 1]}, 12, "a power of 2"),
        ({"a": range(2000)}, {"b": [0, 1]}, 1024, "2,048,000 settings"),
    ],
)
def test_what_is_no_design_is_refused(vary: Any, sample: Any, points: int, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        make_design(vary, sample, points, "sobol", 1)


@pytest.mark.parametrize("kind", ["latin", "sobol"])
def test_each_part_of_a_sampled_range_has_one_point_and_the_seed_decides_which(kind: Any) -> None:
    ranges = {"a": [2.0, 4.0], "b": [1, 64]}
    designs = [make_design({"c": [1, 2]}, ranges, 64, kind, seed) for seed in (1, 1, 2)]
    assert designs[0] == designs[1] != designs[2]
    grid, first, second = map(np.array, zip(*designs[0].points, strict=True))
    assert grid.tolist() == [1] * 64 + [2] * 64
    assert sorted(np.floor((first[:64] - 2) * 32).tolist()) == list(range(64))
    assert sorted(second[64:].tolist()) == list(range(1, 65))


def test_saltellis_scheme_exchanges_one_field_at_a_time() -> None:
    points = np.array(make_design({}, {"a": [0.0, 1.0], "b": [0.0, 1.0]}, 2, "saltelli", 1).points).reshape(
        2, 4, 2
    )
    first, mixed_a, mixed_b, second = points.transpose(1, 0, 2)
    np.testing.assert_array_equal(mixed_a, np.stack([second[:, 0], first[:, 1]], axis=1))
    np.testing.assert_array_equal(mixed_b, np.stack([first[:, 0], second[:, 1]], axis=1))
    assert (first != second).all()
