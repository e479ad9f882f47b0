"""The statements of a MATPOWER case file: carried out as MATLAB does, or refused with line and statement."""

import numpy as np
import pytest

from cosim.grid.case_language import run_case
from cosim.grid.case_tokens import statements


def said(text: str) -> dict[str, object]:
    case, problems = run_case(text)
    assert problems == []
    return case.fields | case.names


def refused(text: str) -> str:
    return "\n".join(map(str, run_case(text)[1]))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("50/5", 10.0),
        ("12/sqrt(3)", 12 / 3**0.5),
        ("-2^2", -4.0),
        ("2^-1", 0.5),
        ("1 + 2 * 3 - 4 / 2", 5.0),
        ("(1 + 2) * 3", 9.0),
        ("sin(acos(0.8))", 0.6),
        ("1.5e3 + 2d-1", 1500.2),
        ("3 ... the rest of the line is no part of it\n + 4", 7.0),
    ],
)
def test_a_number_is_what_matlab_makes_of_it(expression: str, value: float) -> None:
    assert said(f"x = {expression};")["x"] == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("[1 -2; 3 - 2, 4]", [[1, -2], [1, 4]]),
        ("[1, 2\n 3, 4 % last\n]", [[1, 2], [3, 4]]),
        ("[6/3 (1 + 1) sqrt(4)]", [[2, 2, 2]]),
        ("[1:3 5]", [[1, 2, 3, 5]]),
        ("[]", np.zeros((0, 0))),
        ("[[1 2; 3 4]]", [[1, 2], [3, 4]]),
        ("[[1; 2] [3; 4]]", [[1, 3], [2, 4]]),
        ("[[1 2; 3 4]; 5 6]", [[1, 2], [3, 4], [5, 6]]),
    ],
)
def test_blank_space_divides_the_elements_of_a_table(table: str, rows: list[list[float]]) -> None:
    np.testing.assert_array_equal(said(f"mpc.t = {table};")["t"], np.array(rows, dtype=float))


def test_comments_of_every_form_are_no_statements() -> None:
    text = (
        "a = 1; % b = 2\n%{\nb = 3;\n%{\nb = 4;\n%}\n%}\n"
        "t = '100 % of it'; # b = 5\n  % b = 6\nc = [1 ... b = 7\n 2];"
    )
    found = said(text)
    assert found["a"] == 1
    assert found["t"] == "100 % of it"
    assert "b" not in found
    np.testing.assert_array_equal(found["c"], [[1, 2]])


def test_cells_change_by_number_by_name_and_by_range() -> None:
    text = """
        [F_BUS, T_BUS, BR_R, BR_X] = idx_brch;
        define_constants
        mpc.bus = [1 1 100 60; 2 1 200 120; 3 1 300 180];
        mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD QD]) / 1e3;
        mpc.bus(2:3, PD) = [1; 2];
        k = 1; mpc.bus(k, 4) = mpc.bus(k, BR_R) .* 2;
    """
    expected = [[1, 1, 0.1, 0.2], [2, 1, 1, 0.12], [3, 1, 2, 0.18]]
    np.testing.assert_allclose(said(text)["bus"], expected, rtol=1e-15)


def test_a_table_that_is_copied_does_not_change_with_the_other() -> None:
    found = said("mpc.a = [1 2];\nmpc.b = mpc.a;\nmpc.a(1, 1) = 9;")
    np.testing.assert_array_equal(found["b"], [[1, 2]])


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("mpc = scale_load(0.5, mpc);", "mpc as a whole is not a number or a table"),
        ("k = find(mpc.t(:, 1));", "find is not known here"),
        ("if true", "it is no assignment"),
        ("mpc.t(3, 1) = 0;", "there is no row 3; it has 2"),
        ("mpc.t(:, 1) = [1 2 3];", "(1, 3) numbers do not fit into (2, 1)"),
        ("mpc.t = mpc.t * mpc.t;", "'*' of tables is a matrix operation; element by element it is '.*'"),
        ("mpc.t = mpc.t^2;", "'^' of tables is a matrix operation"),
        ("mpc.t = [1 2; 3];", "its row in line 2 has 1 numbers, the first has 2"),
        ("x = mpc.t';", '"\'" is not expected there'),
        ("x = 1 2;", "'2' is not expected there"),
        ("x = 1 +;", "a number is expected at its end"),
        ("x.y = 1;", "x is not the case, mpc"),
        ("function [baseMVA, bus] = old", "it returns several tables (version 1 of the case format)"),
        ("[A, B] = idx_mine;", "idx_mine is not known here"),
    ],
)
def test_what_is_not_understood_is_refused_with_line_and_statement(statement: str, sentence: str) -> None:
    told = refused(f"mpc.t = [1 2; 3 4];\n{statement}")
    assert told.startswith("line 2: cannot run") or ", line 2: cannot run" in told
    assert sentence in told
    assert "savecase" in told


def test_a_bracket_that_stays_open_is_told_with_its_line() -> None:
    assert "line 2: '[' is not closed" in refused("a = 1;\nmpc.t = [1 2;\n").replace(", line", "line")
    assert "']' closes no bracket" in refused("a = 1];")


def test_a_statement_is_shown_as_it_is_written() -> None:
    listed, _ = statements("x  =  [1, -2\n 3 4]; % why\n")
    assert [str(statement) for statement in listed] == ["x = [1, -2 3 4]"]


def test_tables_of_unlike_heights_do_not_stand_side_by_side() -> None:
    assert "puts tables of different heights side by side" in refused("t = [[1; 2] 3];")


@pytest.mark.parametrize("end", ["return", "end", "endfunction"])
def test_what_stands_after_the_end_is_refused_for_it_is_never_carried_out(end: str) -> None:
    told = refused(f"function mpc = x\na = 1;\n{end};\na = 2;\n")
    assert f"line 4: cannot run 'a = 2': it stands after '{end}'" in told
    assert refused(f"function mpc = x\na = 1;\n{end};\nend\n") == ""


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_the_end_of_a_line_ends_a_comment(mark: str) -> None:
    assert said(f"a = 1; % measured{mark} a = 2;\nb = 3;\r\nc = 4;") == {"a": 1, "b": 3, "c": 4}
