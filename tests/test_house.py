"""The house rules that no other tool checks: sizes, import circles, and who may knock at the front door."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("cosim", "agents", "experiments")
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 320, 45


@cache
def modules() -> dict[str, Path]:
    """Return the file of each module by its dotted name; a package is its ``__init__``."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    named = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return dict(zip((name.removesuffix(".__init__") for name in named), files, strict=True))


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(module: ast.Module) -> set[str]:
    """Return the modules of ours that a module imports, also within functions; for type checkers alone is not."""
    found: set[str] = set()
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in modules() else node.module for name in names}
        waiting += ast.iter_child_nodes(node)
    return found & modules().keys()


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """Return the modules of a circle; none is an empty list."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_files_are_short(package: str) -> None:
    lines = {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8").count("\n")
        for file in (ROOT / package).rglob("*.py")
    }
    assert {file: count for file, count in lines.items() if count > MOST_LINES_OF_A_FILE} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_short(package: str) -> None:
    lines = {
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    assert {place: count for place, count in lines.items() if count > MOST_LINES_OF_A_FUNCTION} == {}


def test_no_imports_run_in_a_circle_hidden_in_functions_or_not() -> None:
    assert circle_in({name: imported(tree(file)) - {name} for name, file in modules().items()}) == []


def test_a_circle_hidden_in_a_function_would_be_found() -> None:
    hidden = ast.parse("def f():\n    from cosim.road import newton\n")
    assert imported(hidden) == {"cosim.road.newton"}
    assert set(circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_nothing_within_imports_from_the_front_door() -> None:
    """``cosim`` names the modules above; one of them that asked it for a name would close a circle."""
    guests = [name for name, file in modules().items() if "cosim" in imported(tree(file))]
    assert guests == []
