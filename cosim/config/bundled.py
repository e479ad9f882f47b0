"""The scenarios that come along, in a clone and in an installed wheel alike: found by name."""

from collections.abc import Collection
from pathlib import Path

from cosim.errors import ConfigError
from cosim.files import Boundary, Permission

TUTORIALS = "tutorials"
"""Folder of the scenarios that change one thing of another, to show what it does."""


def scenarios_home() -> Path:
    """Return the folder of the scenarios: ``configs`` of a clone, or its copy inside the installed package."""
    root = Path(__file__).parents[2]
    in_package = root / "experiments" / "configs"
    return in_package if in_package.is_dir() else root / "configs"


def scenario_files() -> dict[str, Path]:
    """Return the file of each bundled scenario, by name: cases first, then tutorials."""
    home = scenarios_home()
    cases, tutorials = (sorted(folder.glob("*.toml")) for folder in (home, home / TUTORIALS))
    return {file.stem: file for file in (*cases, *tutorials)}


def scenario_names() -> tuple[str, ...]:
    """Return the names of the bundled scenarios, sorted."""
    return tuple(sorted(scenario_files()))


def scenario_boundary(folder: Path, allow: Collection[Permission] = ()) -> Boundary:
    """Return the boundary of what a scenario in *folder* may read: files there, and those of the bundled scenarios."""
    return Boundary.of((folder, scenarios_home()), allow)


def find_scenario(wanted: str | Path) -> Path:
    """Return the file of a scenario, given as a path or as the name of a bundled one.

    A folder of that name, such as that of a run, hides no scenario. Raises ConfigError if there is none.
    """
    path = Path(wanted)
    if path.is_file():
        return path
    shipped = scenario_files().get(path.stem)
    if shipped and path in {Path(path.stem), "configs" / shipped.relative_to(scenarios_home())}:
        return shipped
    if path.is_dir():
        raise ConfigError(str(wanted), ["is a directory; name the scenario file in it"])
    known = ", ".join(scenario_names())
    raise ConfigError(
        str(wanted), [f"there is no such file, and no scenario of that name (there are: {known})"]
    )
