"""``cosim columns``: the dictionary of columns as a user reads it."""

import json
from pathlib import Path

from typer.testing import CliRunner

from cosim.tables import TABLES
from experiments.cli import app


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, ["columns", *words])
    assert result.exit_code == 0
    return result.output


def test_every_column_of_every_table_is_printed() -> None:
    shown = json.loads(printed("--json"))
    assert shown.keys() == TABLES.keys()
    assert all(
        [row["column"] for row in rows] == [c.name for c in TABLES[name]] for name, rows in shown.items()
    )
    assert {row["type"] for rows in shown.values() for row in rows} == {"whole", "real", "text", "boolean"}
    text = printed()
    assert all(column.name in text for columns in TABLES.values() for column in columns)


def test_the_documentation_shows_every_table_as_the_command_prints_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page.endswith(printed("--markdown")), "cosim columns --markdown prints what stands there"


def test_one_table_is_printed_alone() -> None:
    text = printed("assign/links")
    assert "toll_min" in text
    assert "arrival_s" not in text


def test_an_unknown_table_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(app, ["columns", "links2"])
    assert "there is no such table; there are: links, " in str(result.exception)
