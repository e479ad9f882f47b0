"""Commands as a user calls them."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from experiments.cli import app


def run(*arguments: object) -> Result:
    """Run a command of ``cosim`` in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def as_json(*arguments: object) -> dict[str, Any]:
    """Return what a command that ends well prints as JSON."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer
