"""The one place where files are read: regular ones, of bounded size and nesting, within a boundary where there is one.

What a scenario file names is read within the folder of that file (:class:`Boundary`), whoever reads it: every reader
of this package gets its bytes and texts here. What the user names on the command line has no boundary.
"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cosim.errors import ConfigError, Problem

if TYPE_CHECKING:  # what checks an installation runs without libraries
    from cosim.arrays import Frame

Permission = Literal["outside", "import"]
"""What a scenario may do beyond its boundary: read files outside its folder, import a class of Python code."""
MIB = 2**20
MAX_MIB = 1024
"""Size of a file that the user names."""
MAX_MIB_WITHIN = 64
"""Size of a file that a scenario names."""
MAX_MIB_TOML = 1
"""Size of a scenario file."""
MAX_CELLS_A_BYTE = 200
"""Cells of a Parquet file for each of its bytes: the tables of runs have about one."""
MAX_DEPTH = 40
"""Tables and lists within each other, in TOML and JSON."""
LONG_KEY = re.compile(
    rf"""(?<![\w"'.-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_DEPTH + 1}}}"""
)
AT_THE_END, LINES_TRIED = " (at end of document)", 300
ENCODINGS = ("utf-8-sig",)
TOO_DEEP = f"is nested more than {MAX_DEPTH} deep"


@dataclass(frozen=True, slots=True)
class Boundary:
    """Folders whose files may be read, and a record of the files that were."""

    roots: tuple[Path, ...]
    """Resolved; empty: no boundary."""
    read: dict[Path, str] = field(default_factory=dict)
    """SHA-256 of each file that was read, by its resolved path."""

    @classmethod
    def of(cls, roots: Iterable[Path], allow: Collection[Permission] = ()) -> "Boundary":
        """Return the boundary around *roots*; none where ``"outside"`` is allowed."""
        return cls(() if "outside" in allow else tuple(root.resolve() for root in roots))

    def holds(self, file: Path) -> bool:
        """Whether a resolved file is within."""
        return not self.roots or any(file.is_relative_to(root) for root in self.roots)

    @contextmanager
    def around(self) -> Iterator["Boundary"]:
        """Hold the boundary for all that is read inside the ``with``."""
        token = _BOUNDARY.set(self)
        try:
            yield self
        finally:
            _BOUNDARY.reset(token)


_BOUNDARY: ContextVar[Boundary | None] = ContextVar("boundary", default=None)


def read_bytes(file: str | Path, max_mib: float | None = None) -> bytes:
    """Return the content of a regular file; raise ConfigError for any other, outside the boundary, or too large."""
    boundary, path = _BOUNDARY.get(), Path(file)
    with _readable(path):
        resolved, before = _regular(path)
        is_within = boundary and boundary.roots and resolved not in boundary.roots
        content = _content(path, resolved, before, max_mib or (MAX_MIB_WITHIN if is_within else MAX_MIB))
    if boundary is not None:
        boundary.read[resolved] = sha256(content).hexdigest()
    return content


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into a ConfigError."""
    try:
        yield
    except OSError as error:
        words = {FileNotFoundError: "there is no such file", IsADirectoryError: "is a directory"}
        clause = words.get(type(error), f"cannot be read ({error.strerror or error})")
        raise _refusal(path, clause) from None
    except (ValueError, RuntimeError) as error:  # a NUL in the name; links in a circle
        raise _refusal(path, f"cannot be read ({error})") from None


def _regular(path: Path) -> tuple[Path, os.stat_result]:
    """Return the resolved path of a regular file within the boundary, and what it was when it was looked at.

    It is looked at before it is opened, as opening a device or a pipe may act or wait.
    """
    boundary, resolved = _BOUNDARY.get(), path.resolve()
    if boundary is not None and not boundary.holds(resolved):
        clause = f"lies outside, at {resolved}" if resolved != path else "lies outside"
        advice = (
            f"a scenario reads files of its folder, {boundary.roots[0]}; --allow-outside lets it read others"
        )
        raise _refusal(path, clause, advice)
    before = resolved.stat()
    if stat.S_ISDIR(before.st_mode):
        raise IsADirectoryError
    if not stat.S_ISREG(before.st_mode):
        raise _refusal(path, "is a device or a pipe", "name a regular file")
    return resolved, before


def _content(path: Path, resolved: Path, before: os.stat_result, limit_mib: float) -> bytes:
    if before.st_size > limit_mib * MIB:
        raise _refusal(path, f"has {before.st_size / MIB:,.0f} MiB", f"at most {limit_mib:,g} MiB are read")
    with os.fdopen(os.open(resolved, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
        if not os.path.samestat(before, os.fstat(opened.fileno())):
            raise _refusal(path, "was replaced while it was read", "run again")
        content = opened.read(before.st_size + 1)
    if len(content) > before.st_size:  # files of the system, such as /proc/self/environ, have no size at all
        raise _refusal(path, "grows while it is read", "name a file that is finished")
    return content


def _refusal(file: Path, clause: str, advice: str = "") -> ConfigError:
    return ConfigError(str(file), [Problem(clause, file=str(file), advice=advice)])


def read_text(file: str | Path, encodings: Sequence[str] = ENCODINGS, max_mib: float | None = None) -> str:
    """Return the text of a file in the first of the *encodings* that it is in; ConfigError where there is none."""
    content = read_bytes(file, max_mib)
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as reason:
            start = reason.start
    raise _refusal(Path(file), f"is not text in UTF-8 (byte {start})")


def read_toml(file: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML file; raise ConfigError if it cannot be read, or is nested too deep."""
    try:
        return parsed_toml(read_text(file, max_mib=MAX_MIB_TOML))
    except ConfigError as error:
        raise ConfigError(str(file), [replace(problem, file="") for problem in error.problems]) from None
    except ValueError as reason:
        raise ConfigError(str(file), [f"is not valid TOML: {reason}"]) from None


def parsed_toml(text: str) -> dict[str, Any]:
    """Return the tables of a text in TOML; raise ValueError for any other, and for one that is nested too deep."""
    if found := LONG_KEY.search(text):  # the parser takes memory with the square of a key's length
        line = text.count("\n", 0, found.start()) + 1
        msg = f"{TOO_DEEP} (at line {line})"
        raise ValueError(msg)
    try:
        return dict(_not_too_deep(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as reason:
        if not str(reason).endswith(AT_THE_END):
            raise
        begun = f"{str(reason).removesuffix(AT_THE_END)} (begun at line {_last_begun(text)})"
        raise ValueError(begun) from None
    except RecursionError:
        depth = [line.count("[") + line.count("{") + line.count(".") for line in text.splitlines()]
        msg = f"{TOO_DEEP} (at line {depth.index(max(depth)) + 1})"
        raise ValueError(msg) from None


def _last_begun(text: str) -> int:
    """Return the line where the statement begins that does not end; 1 where a long text does not tell it soon."""
    lines = text.split("\n")
    for count in range(len(lines) - 1, max(0, len(lines) - LINES_TRIED), -1):
        with suppress(ValueError, RecursionError):
            tomllib.loads("\n".join(lines[:count]))
            return count + 1
    return 1


def parsed_json(text: str) -> Any:
    """Return what a text in JSON says; raise ValueError for any other, and for one that is nested too deep."""
    try:
        return _not_too_deep(json.loads(text))
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def _not_too_deep(content: Any) -> Any:
    """Return the content; raise RecursionError where tables and lists are too deep within each other."""
    level, depth = [content], 0
    while level:
        containers = [value for value in level if isinstance(value, dict | list)]
        if containers and depth == MAX_DEPTH:
            raise RecursionError
        level = [
            item for value in containers for item in (value.values() if isinstance(value, dict) else value)
        ]
        depth += 1
    return content


def read_parquet(
    file: str | Path,
    columns: Sequence[str] | None = None,
    where: Sequence[tuple[str, str, Any]] | None = None,
    advice: str = "",
) -> "Frame":
    """Return a Parquet file, or its *columns* and the rows that meet the conditions; ConfigError if it is damaged.

    Only the row groups asked for are read, so its size has no limit; but no file swells in memory beyond measure.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(file)
    with _readable(path):
        resolved, before = _regular(path)
        filters = None if where is None else list(where)
        try:
            said = pq.read_metadata(resolved)
            if said.num_rows * said.num_columns > MAX_CELLS_A_BYTE * before.st_size:
                raise _refusal(path, f"swells to {said.num_rows:,} rows in memory", advice)
            return pd.read_parquet(resolved, columns=columns and list(columns), filters=filters)
        except ConfigError:
            raise
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as reason:
            raise _refusal(path, f"cannot be read as Parquet ({_first_line(reason)})", advice) from None


def _first_line(reason: Exception) -> str:
    return str(reason).partition("\n")[0].rstrip(".")


def file_hash(file: str | Path) -> str:
    """Return the SHA-256 of a file."""
    return sha256(read_bytes(file)).hexdigest()


def packaged_text(package: str, name: str) -> str:
    """Return the text of a file that comes with a package of this program."""
    return files(package).joinpath(name).read_text(encoding="utf-8")
