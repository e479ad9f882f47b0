"""What is read, and what is not: devices, pipes, files outside a boundary, large and deep ones."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cosim import files
from cosim.errors import ConfigError
from cosim.files import (
    MAX_DEPTH,
    Boundary,
    parsed_json,
    parsed_toml,
    read_bytes,
    read_parquet,
    read_text,
    read_toml,
)


def refusal(file: Path, boundary: Boundary | None = None) -> str:
    with pytest.raises(ConfigError) as caught, (boundary or Boundary(())).around():
        read_bytes(file)
    (problem,) = caught.value.problems
    return str(problem)


def test_what_lies_outside_is_refused_also_by_a_link_or_by_dots(tmp_path: Path) -> None:
    secret, study = tmp_path / "secret", tmp_path / "study"
    secret.write_text("key", encoding="utf-8")
    study.mkdir()
    (study / "link").symlink_to(secret)
    (study / "folder").symlink_to(tmp_path)
    for name in ("link", "folder/secret", "../secret", "../study/../secret"):
        told = refusal(study / name, Boundary.of([study]))
        assert "lies outside" in told
        assert "--allow-outside" in told
    for allowed in (Boundary.of([study], ["outside"]), Boundary.of([study, tmp_path])):
        with allowed.around():
            assert read_bytes(study / "link") == b"key"
    assert read_bytes(secret) == b"key"  # no boundary outside the ``with``


def test_a_link_within_is_followed_and_each_file_that_was_read_is_noted(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("1", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with Boundary.of([tmp_path]).around() as boundary:
        assert read_text(tmp_path / "link") == "1"
    assert list(boundary.read) == [(tmp_path / "data").resolve()]


def test_devices_pipes_folders_and_circles_of_links_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert "is a device or a pipe" in refusal(tmp_path / "pipe")
    assert "is a device or a pipe" in refusal(Path("/dev/zero"))
    assert "is a directory" in refusal(tmp_path)
    assert "cannot be read" in refusal(tmp_path / "round")
    assert "cannot be read" in refusal(Path("nul\0"))


def test_size_is_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_MIB_WITHIN", 0.5)
    (tmp_path / "large").write_bytes(bytes(2**20))
    assert "has 1 MiB; at most 0.5 MiB are read" in refusal(tmp_path / "large", Boundary.of([tmp_path]))
    assert len(read_bytes(tmp_path / "large")) == 2**20  # the user's own word


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 100_000])
def test_what_is_nested_too_deep_is_told_so(depth: int, tmp_path: Path) -> None:
    nested = "[" * depth + "]" * depth
    with pytest.raises(ValueError, match="nested more than 40 deep"):
        parsed_json(nested)
    with pytest.raises(ValueError, match="nested more than 40 deep"):
        parsed_toml(f"x = {nested}")
    with pytest.raises(ValueError, match="nested more than 40 deep"):
        parsed_toml(f"{'x.' * depth}x = 1")
    (tmp_path / "deep.toml").write_text(f"x = {nested}", encoding="utf-8")
    with pytest.raises(ConfigError, match="nested more than 40 deep"):
        read_toml(tmp_path / "deep.toml")


def test_what_is_nested_just_so_deep_is_read() -> None:
    depth = MAX_DEPTH - 1
    assert parsed_toml(f"x = {'[' * depth}{']' * depth}").keys() == {"x"}


def test_what_does_not_end_is_told_by_the_line_where_it_begins() -> None:
    with pytest.raises(ValueError, match=r"begun at line 2\)"):
        parsed_toml('seed = 1\nname = """toy\nperiods = 24\n')
    with pytest.raises(ValueError, match=r"begun at line 3\)"):
        parsed_toml("seed = 1\nname = 'toy'\nvary = [\n  1,\n")


def test_files_of_the_system_without_a_size_are_not_read() -> None:
    assert "grows while it is read" in refusal(Path("/proc/self/environ"))


def test_a_table_that_swells_in_memory_is_refused(tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([0.0]).take(pa.array(np.zeros(5_000_000, dtype=np.int8)))})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd", write_statistics=False)
    with pytest.raises(ConfigError, match="swells to 5,000,000 rows"):
        read_parquet(tmp_path / "bomb.parquet")


def test_a_damaged_table_is_a_sentence(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": list(range(100)), "name": ["a"] * 100}), tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    for place in range(0, len(content), 7):
        (tmp_path / "cut.parquet").write_bytes(content[:place])
        with pytest.raises(ConfigError, match="cannot be read as Parquet"):
            read_parquet(tmp_path / "cut.parquet")


def test_tables_are_read_within_a_boundary(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    (tmp_path / "run" / "links.parquet").symlink_to(tmp_path / "other.parquet")
    with pytest.raises(ConfigError, match="lies outside"), Boundary.of([tmp_path / "run"]).around():
        read_parquet(tmp_path / "run" / "links.parquet")


def test_a_number_of_5000_digits_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "long.toml").write_text(f"seed = {'1' * 5000}", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        read_toml(tmp_path / "long.toml")
