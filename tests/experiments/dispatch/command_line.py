"""``cosim dispatch`` as a user calls it."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from experiments.cli import app

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "configs" / "reference_dispatch.toml"
EXPECTED = json.loads((ROOT / "tests/data/reference_dispatch_case.json").read_text())["expected"]
KEYS = (
    "status", "exactness_recovery", "cost_cny", "lower_bound_cny", "optimality_gap", "purchase_kwh", "losses_kwh",
    "voltage_min_pu", "voltage_min_bus", "voltage_min_period", "relaxation_error_max", "ac_mismatch_max_pu", "solver",
    "cpu_s", "notes",
)  # fmt: skip
UNITS = """
[[grid.storage]]
name = "battery"
bus = 18
charge_max_kw = 100.0
discharge_max_kw = 100.0
capacity_kwh = 400.0

[[grid.renewables]]
name = "roofs"
kind = "pv"
bus = 30
s_kva = 500.0
profile = "sun"

[[grid.demand_response]]
bus = 24
share_max = 0.3
price_cny_per_mwh = 100.0
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["dispatch", *(str(argument) for argument in arguments)])


def as_json(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    assert tuple(answer) == KEYS
    return answer
