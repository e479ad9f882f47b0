"""A MATPOWER case file (.m, version 2) as a pandapower net.

The tables are read, code is not run. Two conversions that MATPOWER's own distribution cases end with are
understood: impedances from ohms and loads from kW. Any other statement that changes a table is refused.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cosim.arrays import FloatArray
from cosim.errors import ConfigError, Problem

_TABLE = re.compile(r"mpc\.(\w+)\s*=\s*\[(.*?)\]\s*;?", re.DOTALL)
_SCALAR = re.compile(r"mpc\.baseMVA\s*=\s*([0-9.eE+-]+)\s*;?")
_CHANGE = re.compile(r"^\s*mpc\.(\w+)\s*\(.*$", re.MULTILINE)
_OHMS = re.compile(
    r"mpc\.branch\(:,\s*\[BR_R,?\s+BR_X\]\)\s*=\s*mpc\.branch\(:,\s*\[BR_R,?\s+BR_X\]\)\s*/\s*"
    r"\(\s*Vbase\^2\s*/\s*Sbase\s*\)"
)
_KILOWATTS = re.compile(r"mpc\.bus\(:,\s*\[PD,?\s*QD\]\)\s*=\s*mpc\.bus\(:,\s*\[PD,?\s*QD\]\)\s*/\s*1e3")


def read_matpower(path: Path) -> Any:
    """Return the pandapower net of a MATPOWER file; buses are named by their numbers in the file.

    Raises ``ConfigError`` for a missing table, a cell that is no number, or code that cannot be understood.
    """
    text = re.sub(r"%.*", "", path.read_text())
    text = re.sub(r"\.\.\.[^\n]*\n", " ", text)
    problems: list[Problem] = []
    tables = {name: _numbers(name, body, problems) for name, body in _TABLE.findall(text)}
    base = _SCALAR.search(text)
    problems += [Problem(f"there is no table mpc.{t}") for t in ("bus", "branch", "gen") if t not in tables]
    if base is None:
        problems.append(Problem("there is no mpc.baseMVA"))
    in_ohms, in_kw = bool(_OHMS.search(text)), bool(_KILOWATTS.search(text))
    for change in _CHANGE.finditer(text):
        line = change.group(0).strip()
        if not (_OHMS.search(line) or _KILOWATTS.search(line)):
            problems.append(Problem(f"cannot run {line!r}. Save the case from MATPOWER with savecase"))
    if "bus" in tables and tables["bus"].size and len(set(tables["bus"][:, 0])) < len(tables["bus"]):
        problems.append(Problem("table mpc.bus has a bus number twice; numbers must differ"))
    if problems or base is None:
        raise ConfigError(str(path), [replace(problem, file=str(path)) for problem in problems])
    bus, branch = tables["bus"], tables["branch"]
    base_mva = float(base.group(1))
    if in_ohms:
        branch[:, 2:4] /= bus[0, 9] ** 2 / base_mva
    if in_kw:
        bus[:, 2:4] /= 1e3
    return _net(
        path, {"version": "2", "baseMVA": base_mva, "bus": bus, "branch": branch, "gen": tables["gen"]}
    )


def _numbers(name: str, body: str, problems: list[Problem]) -> FloatArray:
    """Return a table as numbers; an odd row is a problem."""
    rows = [re.split(r"[\s,]+", row.strip()) for row in re.split(r"[;\n]", body) if row.strip()]
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError:
        if name in {"bus", "branch", "gen"}:
            problems.append(Problem(f"table mpc.{name} has a row that is not like the others, or no numbers"))
        return np.zeros((0, 0))


def _net(path: Path, case: dict[str, Any]) -> Any:
    import warnings

    from pandapower.converter.pypower import from_ppc

    numbers = case["bus"][:, 0].astype(int)
    place = {number: k for k, number in enumerate(numbers.tolist())}
    case["bus"][:, 0] = np.arange(len(numbers))
    for table, columns in (("branch", (0, 1)), ("gen", (0,))):
        for column in columns:
            case[table][:, column] = [place[int(number)] for number in case[table][:, column]]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net = from_ppc.from_ppc(case) if hasattr(from_ppc, "from_ppc") else from_ppc(case)
    except Exception as reason:  # noqa: BLE001  the converter lets through whatever it meets
        raise ConfigError(
            str(path), [Problem(f"pandapower cannot read it ({reason})", file=str(path))]
        ) from None
    net.bus["name"] = [str(number) for number in numbers]
    net.name = path.stem
    return net
