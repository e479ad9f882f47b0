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


READING = {
    "open",
    "read_text",
    "read_bytes",
    "read_csv",
    "read_parquet",
    "read_excel",
    "read_pickle",
}
READING |= {"from_json", "loadtxt", "genfromtxt", "load_npz", "copyfile", "copy2", "copytree", "unpickle"}
OWN_READERS = {"cosim.files", "cosim.csv_tables", "cosim.grid.case_tokens"}
"""Where functions of these names come from: they are the mechanism, or go through it."""
OTHERS = {
    "agents.array_file": {"open"},
    "agents.roads": {"open"},
    "agents.coordinator": {"open"},
    "cosim.road.formats": {"open"},
    "experiments.store.commands": {"read_text"},
    "experiments.store.folders": {"open"},
    "experiments.store.identity": {"read_bytes"},
    "experiments.store.journal": {"open", "read_bytes"},
    "experiments.store.leases": {"open", "read_text"},
    "experiments.store.pieces": {"open", "copyfile"},
    "experiments.store.results": {"read_parquet"},
    "experiments.sweep.campaign": {"open", "read_text"},
    "experiments.sweep.progress": {"read_text"},
    "experiments.crash": {"open"},
    "cosim.files": {"open", "read_parquet", "read_text", "read_bytes"},
    "cosim.grid.given_csv": {"read_csv"},
}
"""Calls that read no file of the user's: what the program writes or wrote itself, a period opened, a text in memory."""


def calls_that_read(module: ast.Module) -> set[str]:
    """Return the calls that read a file, by name; functions of our own readers are none."""
    ours = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module in OWN_READERS
        for alias in node.names
    }
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            is_name = isinstance(node.func, ast.Name)
            name = node.func.id if is_name else getattr(node.func, "attr", "")
            from_numpy = (
                name == "load" and not is_name and ast.unparse(node.func.value) in {"np", "json", "pickle"}
            )
            if (name in READING and not (is_name and name in ours)) or from_numpy:
                names.add(name)
    return names


def test_files_are_read_in_one_place() -> None:
    """So that a new reader has the boundary of scenarios, and the caps, for free."""
    found = {name: calls_that_read(tree(file)) for name, file in modules().items()}
    others = {name: calls - OTHERS.get(name, set()) for name, calls in found.items()}
    assert {name: calls for name, calls in others.items() if calls} == {}


@pytest.mark.parametrize(
    "call",
    ["open('f')", "Path('f').read_text()", "pd.read_csv('f')", "np.load('f')", "shutil.copyfile('f', 'g')"],
)
def test_a_reader_beside_it_would_be_found(call: str) -> None:
    assert calls_that_read(ast.parse(call))
    assert not calls_that_read(ast.parse("from cosim.files import read_text\nread_text('f')"))
