"""The scenarios that come along, in a clone and in an installed wheel alike."""

import shutil
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cosim.errors import ConfigError

if TYPE_CHECKING:
    from cosim.scenario import Scenario


def scenarios_home() -> Path:
    """Return the folder of the scenarios: ``configs`` of a clone, or its copy inside the installed package."""
    in_package = Path(__file__).parent / "configs"
    return in_package if in_package.is_dir() else Path(__file__).parents[1] / "configs"


def scenario_names() -> tuple[str, ...]:
    """Return the names of the scenarios that come along."""
    return tuple(sorted(file.stem for file in scenarios_home().glob("*.toml")))


def find_scenario(wanted: str) -> Path:
    """Return the file of a scenario, given as a path or as the name of one that comes along."""
    path = Path(wanted)
    if path.is_dir():
        raise ConfigError(wanted, ["is a directory; name the scenario file in it"])
    if path.exists():
        return path
    name = path.stem
    bare = wanted == name or path == Path("configs") / f"{name}.toml"
    if bare and name in scenario_names():
        return scenarios_home() / f"{name}.toml"
    known = ", ".join(scenario_names())
    raise ConfigError(wanted, [f"there is no such file, and no scenario of that name (there are: {known})"])


def load_scenario(wanted: str | Path, settings: Iterable[str] = (), *, seed: int | None = None) -> "Scenario":
    """Return a scenario, given as a file or as the name of one that comes along, with *settings* laid over it."""
    from cosim import scenario

    return scenario.load_scenario(find_scenario(str(wanted)), settings, seed=seed)


def copy_scenario(name: str, directory: Path) -> Path:
    """Copy a scenario with the data it names to a new *directory*; return its file there."""
    if name not in scenario_names():
        raise ConfigError(name, [f"there is no such scenario; there are: {', '.join(scenario_names())}"])
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(str(directory), ["exists already and is not empty; name a new directory"])
    source = scenarios_home() / f"{name}.toml"
    target = directory / source.name
    for file in (source, *_data_files(source)):
        copy = directory / file.relative_to(source.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return target


def _data_files(scenario: Path) -> list[Path]:
    """Return the files named by the texts of a scenario."""
    texts: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, dict):
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)
        elif isinstance(value, str):
            texts.append(value)

    collect(tomllib.loads(scenario.read_text(encoding="utf-8")))
    return [scenario.parent / text for text in dict.fromkeys(texts) if (scenario.parent / text).is_file()]
