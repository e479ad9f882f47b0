"""CSV files as tables: what is too wide, too long or too large is a sentence, at once."""

from pathlib import Path

import pytest

from cosim import csv_tables
from cosim.csv_tables import ANY, POSITIVE, read_table


def told(table: csv_tables.Table) -> list[str]:
    return [str(problem).partition(".csv")[2] for problem in table.problems]


def test_a_header_of_40000_commas_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("a" + "," * 40_000, encoding="utf-8")
    assert told(read_table(tmp_path / "wide.csv", ("a", "b"))) == [
        ", line 1: has 40,001 cells; at most 2,000 are read."
    ]


def test_a_file_of_more_cells_than_fit_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_tables, "MAX_CELLS", 5)
    (tmp_path / "long.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    assert told(read_table(tmp_path / "long.csv", ("a", "b"))) == [": has 6 cells; at most 5 are read."]


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e16", "1e999", "1_000", "", "one"])
def test_what_is_no_quantity_is_named(tmp_path: Path, cell: str) -> None:
    (tmp_path / "odd.csv").write_text(f"a,b\n1,{cell}\n", encoding="utf-8")
    table = read_table(tmp_path / "odd.csv", ("a", "b"))
    table.numbers("b", ANY)
    assert told(table) == [f", line 2: column b is {cell!r}; it must be a number."]


def test_what_is_above_zero_but_smaller_than_any_quantity_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a\n1e-320\n", encoding="utf-8")
    table = read_table(tmp_path / "odd.csv", ("a",))
    table.numbers("a", POSITIVE)
    assert told(table) == [", line 2: column a is '1e-320'; it must be a number above 0."]
