"""Check that the packages ``agents`` and ``experiments``, which are common names, are those of cosim."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution, distributions
from importlib.util import find_spec
from pathlib import Path

from cosim.files import read_bytes

NEIGHBOURS = ("agents", "experiments")
_HOME = Path(__file__).resolve().parents[1]


def conflict() -> str:
    """Return a sentence if Python would import another package in place of one of cosim's, else nothing.

    Either a folder earlier on Python's path hides it, or another distribution, installed later into the same folder,
    has overwritten it. Neither package is imported for the check.
    """
    return next((sentence for package in NEIGHBOURS if (sentence := _conflict(package))), "")


def _conflict(package: str) -> str:
    spec = find_spec(package)
    file = None if spec is None or spec.origin is None else Path(spec.origin).resolve()
    if file is None:
        return (
            f"its package '{package}' is missing; install cosim again (pip install --force-reinstall cosim)."
        )
    if file == _HOME / package / "__init__.py" and _as_installed(package, file):
        return ""
    owner = _owner(package, file)
    if owner is None:
        return (
            f"{file.parent} is in the way, for cosim has a package '{package}' of its own; "
            "rename it, or start in another folder."
        )
    return (
        f"the package {owner} is in the way, for its '{package}' takes the place of cosim's; "
        "install cosim in an environment of its own (python -m venv)."
    )


def _as_installed(package: str, file: Path) -> bool:
    """Return whether the file is that of the record of the installation, or there is no record."""
    try:
        recorded = _entry(distribution("cosim"), package)
    except PackageNotFoundError:
        return True
    if recorded is None or recorded.hash is None or Path(str(recorded.locate())).resolve() != file:
        return True  # an editable installation
    digest = sha256(read_bytes(file)).digest()
    return recorded.hash.value == urlsafe_b64encode(digest).rstrip(b"=").decode()


def _entry(installed: Distribution, package: str) -> PackagePath | None:
    """Return the entry of the package's ``__init__.py`` in the record of a distribution."""
    path = f"{package}/__init__.py"
    return next((file for file in installed.files or () if str(file) == path), None)


def _owner(package: str, file: Path) -> str | None:
    """Return the name of another distribution that installed this file."""
    for other in distributions():
        entry = _entry(other, package)
        if (
            other.name.lower() != "cosim"
            and entry is not None
            and Path(str(entry.locate())).resolve() == file
        ):
            return other.name
    return None
