"""The page of a campaign and its explorer: what is drawn, and what is said."""

import json
from typing import Any

import numpy as np
import pytest

from experiments.sweep.answers import figures as draw
from experiments.sweep.answers.means import limits_broken, means
from experiments.sweep.answers.page import explorer, page
from experiments.sweep.answers.runs import Runs
from experiments.sweep.answers.summary import Asked, answer, told_settings
from tests.experiments.sweep.answers.made_up import CHARGERS, EV, noise, runs_of

ABOUT = {"description": "Made up", "what_to_look_at": ""}
DRAWN = dict.fromkeys(draw.LABELS, 1.0)


def two_fields(seeds: int = 6) -> Runs:
    def figures(ev: float, chargers: int, seed: int) -> dict[str, Any]:
        voltage = 1 - 0.1 * ev + 0.004 * noise(seed)
        return {
            **DRAWN,
            "voltage_min_pu": voltage,
            "wait_min": ev / chargers,
            "limits_broken": voltage < 0.95,
        }

    return runs_of({EV: [0.2, 0.4, 0.6], CHARGERS: [2, 4]}, figures, seeds)


@pytest.mark.parametrize(
    ("field", "values", "places"),
    [
        ("road.theta_per_min", [1.0, 0.1, 0.2], [0.1, 0.2, 1.0]),
        ("tariff.kind", ["table", "dynamic"], ["table", "dynamic"]),
        ("road.price_in_choice", [False, True], ["False", "True"]),
        ("grid.storage.0.bus", [18, 2], ["18", "2"]),
    ],
)
def test_numbers_stand_where_they_belong_on_the_axis_and_words_side_by_side(
    field: str, values: list[Any], places: list[Any]
) -> None:
    runs = runs_of({field: values}, lambda _value, _seed: DRAWN, 1)
    drawing = draw.figures_over(runs, means(runs), field)
    assert list(drawing.data[0].x) == places
    assert drawing.layout.xaxis.type == ("linear" if isinstance(places[0], float) else "category")


def test_bands_are_the_intervals_of_the_means() -> None:
    runs = two_fields()
    table = means(runs)
    drawing = draw.figures_over(runs, table, EV)
    own = table[(table.figure == "voltage_min_pu") & (table[CHARGERS] == 2)]
    assert any(np.array_equal(trace.y, own.high) for trace in drawing.data if trace.y is not None)


def test_whiskers_end_where_the_exact_interval_does() -> None:
    runs = two_fields()
    limits = limits_broken(runs)
    trace = draw.broken_over(runs, limits, EV).data[0]
    own = limits[limits[CHARGERS] == 2]
    assert np.asarray(trace.y) + np.asarray(trace.error_y.array) == pytest.approx(own.high.to_numpy())


def test_the_page_has_all_figures_and_each_table_as_csv() -> None:
    runs = two_fields()
    answers = answer(runs, Asked(baseline={EV: 0.2}, thresholds={"voltage_min_pu": 0.95}))
    text = page("made-up", ABOUT, runs, answers, ["a flag"] * 25)
    for key in ("over-1-1", "broken-1-1", "heat-1", "variance-1", "parallel"):
        assert f'id="{key}"' in text
    for table in ("runs", "means", "limits", "differences", "effects", "thresholds"):
        assert f'data-csv="{table}"' in text
    assert "cannot be drawn" not in text
    assert "5 more are in the table" in text
    assert "voltage_min_pu falls below 0.95 at population.ev_share" in text
    assert text == page("made-up", ABOUT, runs, answers, ["a flag"] * 25)


def test_parallel_coordinates_have_a_line_for_each_setting() -> None:
    runs = two_fields()
    content = draw.parallel_coordinates(runs, means(runs), limits_broken(runs), "agents")
    assert len(content["lines"]) == 6
    assert content["lines"][2][:2] == [0.4, 2.0]
    assert [axis["name"] for axis in content["axes"]] == [EV, CHARGERS, *draw.LABELS, "limits broken"]


def test_the_explorer_holds_the_figures_of_every_setting() -> None:
    runs = two_fields()
    text = explorer("made-up", ABOUT, runs, answer(runs, Asked()))
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert data["fields"] == [
        {"name": EV, "texts": ["0.2", "0.4", "0.6"]},
        {"name": CHARGERS, "texts": ["2", "4"]},
    ]
    assert data["points"][3] == [1, 1]
    (waits,) = (figure for figure in data["figures"] if "wait" in figure["label"])
    assert waits["values"][0][3][0] == pytest.approx(0.1)
    assert data["broken"][0][3][1] == 6


def test_printed_means_have_half_their_interval() -> None:
    runs = two_fields()
    table, row = told_settings(runs, answer(runs, Asked()), ["voltage_min_pu"]), means(runs)
    one = row[row.figure == "voltage_min_pu"].iloc[0]
    assert table.voltage_min_pu[0] == f"{one['mean']:.5g} \u00b1 {(one.high - one.low) / 2:.2g}"
    assert table["limits broken"][0] == "0 of 6 (0%-46%)"


def test_what_cannot_be_answered_is_said_in_the_notes() -> None:
    frame = two_fields().frame
    answers = answer(Runs(frame[frame.setting != 3], (EV, CHARGERS)), Asked())
    assert "effects" not in answers.tables
    assert any("effects need all combinations of the values, 6 of them" in note for note in answers.notes)
