"""Whether the packages installed beside ``cosim`` are its own: ``agents`` and ``experiments`` are common names."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution, distributions
from importlib.util import find_spec
from pathlib import Path

NEIGHBOURS = ("agents", "experiments")
_HOME = Path(__file__).resolve().parents[1]


def conflict() -> str:
    """Return a sentence that names what Python would import in place of a package of cosim; empty if nothing.

    Two things can happen: a folder earlier on Python's path hides ours, or another distribution, installed into the
    same folder later, has overwritten it. Nothing but ``cosim`` itself is imported to find out.
    """
    return next((sentence for package in NEIGHBOURS if (sentence := _conflict(package))), "")


def _conflict(package: str) -> str:
    spec = find_spec(package)
    found = None if spec is None or spec.origin is None else Path(spec.origin).resolve()
    if found is None:
        return (
            f"its package '{package}' is missing; install cosim again (pip install --force-reinstall cosim)."
        )
    if found == _HOME / package / "__init__.py" and _as_installed(package, found):
        return ""
    owner = _owner(package, found)
    if owner is None:
        return (
            f"{found.parent} is in the way, for cosim has a package '{package}' of its own; "
            "rename it, or start in another folder."
        )
    return (
        f"the package {owner} is in the way, for its '{package}' takes the place of cosim's; "
        "install cosim in an environment of its own (python -m venv)."
    )


def _as_installed(package: str, file: Path) -> bool:
    """Return whether the file is the one that the record of the installation describes, if there is a record."""
    try:
        recorded = _entry(distribution("cosim"), package)
    except PackageNotFoundError:
        return True
    if recorded is None or recorded.hash is None or Path(str(recorded.locate())).resolve() != file:
        return True  # a clone, installed as editable
    digest = sha256(file.read_bytes()).digest()
    return recorded.hash.value == urlsafe_b64encode(digest).rstrip(b"=").decode()


def _entry(installed: Distribution, package: str) -> PackagePath | None:
    """Return what the record of a distribution says of the package's first file."""
    wanted = f"{package}/__init__.py"
    return next((file for file in installed.files or () if str(file) == wanted), None)


def _owner(package: str, file: Path) -> str | None:
    """Return the name of another distribution that put this file there."""
    for other in distributions():
        entry = _entry(other, package)
        if (
            other.name.lower() != "cosim"
            and entry is not None
            and Path(str(entry.locate())).resolve() == file
        ):
            return other.name
    return None
