"""The table of activities: what it holds, how blanks are filled, and that every fault is named at once."""

from pathlib import Path

import numpy as np
import pytest

from cosim.arrays import FloatArray
from cosim.errors import ConfigError
from cosim.ev.transitions import ACTIVITIES, HOME, OTHER, WORK, read_transitions

HEADER = "from,hour,home,work,leisure,other"


def table(**changed: str) -> list[str]:
    """Return a table of blank rows; a change is given as home_7=',,,'."""
    rows = {f"{activity}_{hour}": ",,," for activity in ACTIVITIES for hour in range(1, 25)} | changed
    return [HEADER, *(f"{key.replace('_', ',')},{cells}" for key, cells in rows.items())]


def write(folder: Path, lines: list[str]) -> Path:
    """Write the lines to a file."""
    path = folder / "transitions.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_shipped_table_holds_the_published_figures(transition: FloatArray) -> None:
    """Spot checks against V2Sim's table, rows scaled to sum to 1."""
    assert transition[HOME, 6] == pytest.approx([0.0, 0.8, 0.1706, 0.0294])
    assert transition[WORK, 16] == pytest.approx(np.array([0.6085, 0.0886, 0.2892, 0.0137]), rel=2e-4)
    assert np.allclose(transition.sum(axis=2), 1.0, atol=1e-15)


def test_blank_rows_lead_to_work_or_back_home(transition: FloatArray) -> None:
    """From home .78/.20/.02, from elsewhere home."""
    assert transition[HOME, 0] == pytest.approx([0.0, 0.78, 0.20, 0.02])
    assert transition[OTHER, 0].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_rounded_rows_are_scaled_to_one(tmp_path: Path) -> None:
    """Published tables sum to .9999 or 1.0001."""
    matrix = read_transitions(write(tmp_path, table(home_7="0.3333,0.3333,0.3333,0")))
    assert matrix[HOME, 6, :3] == pytest.approx([1 / 3] * 3)


def test_comments_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    """Wherever they stand."""
    lines = table()
    matrix = read_transitions(write(tmp_path, ["# source: nobody", "", *lines[:3], "# half-way", *lines[3:]]))
    assert matrix.shape == (4, 24, 4)


def test_every_fault_is_named_with_line_column_value_and_what_is_allowed(tmp_path: Path) -> None:
    """All at once, comments counted as lines."""
    lines = ["# comment", *table(home_1="0.5,0.4,0,0", home_2="1.5,-1,x,", home_3="nan,1,0,0")]
    lines[5] = "home,4,1,0"
    lines[6] = "shop,25,,,,"
    lines[8] = "home,6,,,,"
    file = write(tmp_path, lines)
    with pytest.raises(ConfigError) as caught:
        read_transitions(file)
    assert tuple(map(str, caught.value.problems)) == tuple(
        f"{file}{fault}."
        for fault in (
            ": no row for home, hour 4, 5, 7; every activity needs all 24",
            ", line 3: the probabilities sum to 0.9; they must sum to 1 within 0.001",
            ", line 4: column home is '1.5'; it must be a number from 0 to 1",
            ", line 4: column work is '-1'; it must be a number from 0 to 1",
            ", line 4: column leisure is 'x'; it must be a number from 0 to 1",
            ", line 4: column other is ''; it must be a number from 0 to 1",
            ", line 5: column home is 'nan'; it must be a number from 0 to 1",
            ", line 6: has 4 cells; the header has 6",
            ", line 7: column from is 'shop'; it must be one of home, work, leisure, other",
            ", line 7: column hour is '25'; it must be a whole number from 1 to 24",
            ", line 9: from 'home', hour '6' is given already in line 8; give it once",
        )
    )


def test_wrong_header_names_what_is_missing(tmp_path: Path) -> None:
    """Without it no row can be read."""
    with pytest.raises(ConfigError, match=r"line 1: column from is missing; needed are from, hour, home"):
        read_transitions(write(tmp_path, ["a,b", "1,2"]))


def test_missing_file_is_a_config_error(tmp_path: Path) -> None:
    """The user gets a sentence, not a traceback."""
    with pytest.raises(ConfigError, match="there is no such file"):
        read_transitions(tmp_path / "absent.csv")
