"""Packages of others that have the names of cosim's, in a folder that stands for site-packages."""

import os
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAIN = "from cosim.__main__ import main; main()"
FOUND = "from cosim.installation import conflict; print(conflict() or 'nothing')"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Cosim's packages as a wheel installs them, with their record."""
    site = tmp_path / "site"
    for package in ("cosim", "agents", "experiments"):
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    record(site, "cosim", ("agents/__init__.py", "experiments/__init__.py"))
    return site


def record(site: Path, name: str, files: tuple[str, ...]) -> None:
    """Write what pip notes of a distribution that it installed: each file with its hash."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    digests = {file: sha256((site / file).read_bytes()).digest() for file in files}
    lines = [
        f"{file},sha256={urlsafe_b64encode(digest).rstrip(b'=').decode()},1"
        for file, digest in digests.items()
    ]
    (info / "RECORD").write_text("\n".join(lines))


def package(folder: Path, name: str) -> None:
    """Write a package that must not be imported."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").write_text("raise RuntimeError('imported')\n")


def started(*path: Path, code: str = FOUND) -> subprocess.CompletedProcess[str]:
    """Run Python with these folders alone on its path, besides its own library."""
    return subprocess.run(
        [sys.executable, "-P", "-S", "-c", code],
        env={"PYTHONPATH": os.pathsep.join(str(place) for place in path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_is_in_the_way_of_a_whole_installation(site: Path) -> None:
    assert started(site).stdout == "nothing\n"


@pytest.mark.parametrize("name", ["agents", "experiments"])
def test_a_package_installed_over_ours_is_named_and_not_imported(site: Path, name: str) -> None:
    package(site, name)
    record(site, "someones-tools", (f"{name}/__init__.py",))
    assert started(site).stdout == (
        f"the package someones-tools is in the way, for its '{name}' takes the place of cosim's; "
        "install cosim in an environment of its own (python -m venv).\n"
    )


def test_a_package_that_ours_was_installed_over_is_not_in_the_way(site: Path) -> None:
    record(site, "someones-tools", ("agents/__init__.py",))
    assert started(site).stdout == "nothing\n"


@pytest.mark.parametrize("name", ["agents", "experiments"])
def test_a_folder_before_ours_on_the_path_is_named_and_not_imported(
    site: Path, tmp_path: Path, name: str
) -> None:
    package(tmp_path / "mine", name)
    record(site, "someones-tools", (f"{name}/__init__.py",))  # and was overwritten by ours
    assert started(tmp_path / "mine", site).stdout == (
        f"{tmp_path / 'mine' / name} is in the way, for cosim has a package '{name}' of its own; "
        "rename it, or start in another folder.\n"
    )


def test_a_folder_of_tables_is_not_in_the_way(site: Path, tmp_path: Path) -> None:
    """The directory of a run has a folder ``agents``."""
    (tmp_path / "run" / "agents").mkdir(parents=True)
    assert started(tmp_path / "run", site).stdout == "nothing\n"


def test_a_package_that_was_uninstalled_with_anothers_is_missed_by_name(site: Path) -> None:
    (site / "agents" / "__init__.py").unlink()
    assert "its package 'agents' is missing; install cosim again" in started(site).stdout


def test_the_command_says_it_in_one_sentence_with_code_2(site: Path, tmp_path: Path) -> None:
    package(tmp_path / "mine", "agents")
    result = started(tmp_path / "mine", site, code=MAIN)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"cosim: {tmp_path / 'mine' / 'agents'} is in the way")
    assert result.stderr.count("\n") == 1


def test_from_python_the_same_sentence_is_an_import_error(site: Path, tmp_path: Path) -> None:
    package(tmp_path / "mine", "agents")
    result = started(tmp_path / "mine", site, code="import cosim; cosim.run")
    assert f"ImportError: {tmp_path / 'mine' / 'agents'} is in the way" in result.stderr
