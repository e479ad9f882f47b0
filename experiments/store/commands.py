"""What an unfinished run was asked to do, kept with its finished pieces, so that `cosim resume` can go on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cosim.errors import ConfigError
from cosim.scenario import Scenario
from cosim.sections import Count
from experiments.manifest import write_scenario
from experiments.store.pieces import COMMAND, SCENARIO, Pieces, folder_of

CONTENT = "command.json"
SCENARIO_FILE = "scenario.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """A run, besides its scenario."""

    model: str
    replications: Count
    workers: Count


def keep_command(pieces: Pieces, command: RunCommand, scenario: Scenario) -> None:
    """Keep a command, and the scenario with its data."""
    pieces.put(SCENARIO, lambda folder: write_scenario(scenario, folder))
    text = json.dumps({"of": pieces.path.name, "command": asdict(command)}, default=str)
    pieces.drop(COMMAND)
    pieces.put(COMMAND, lambda folder: (folder / CONTENT).write_text(text, encoding="utf-8"))


def read_command(final: Path) -> tuple[RunCommand, Path]:
    """Return what the unfinished run *final* was asked to do, and the folder of its scenario; ConfigError for none."""
    pieces = Pieces(folder_of(final), "")
    if not pieces.path.is_dir():
        raise ConfigError(str(final), ["there is no unfinished run of this name"])
    command = _recorded(pieces)
    if isinstance(command, str):
        problem = f"its record {command}; go on with the command that began it"
        raise ConfigError(str(pieces.path), [problem])
    return command, pieces.path / SCENARIO


def _recorded(pieces: Pieces) -> RunCommand | str:
    """Return the command that is kept among the pieces, or what is wrong with it, as a clause."""
    from pydantic import TypeAdapter, ValidationError

    if fault := pieces.fault(COMMAND):
        return fault
    record = json.loads((pieces.path / COMMAND / CONTENT).read_text(encoding="utf-8"))
    try:
        command = TypeAdapter(RunCommand).validate_python(record["command"])
    except (ValidationError, KeyError):
        return "is of another version of the program"
    if record["of"] != pieces.path.name:
        return f"is that of {record['of']}"
    if fault := Pieces(pieces.path, pieces.identity_of(COMMAND)).fault(SCENARIO):
        return f"holds a scenario that {fault}"
    return command
