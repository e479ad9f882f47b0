from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cosim.arrays import Frame
from cosim.results import ModelTables, Recorder, Run, write_tables
from cosim.tables import TABLES


def test_a_block_takes_arrays_and_values_that_hold_for_all_its_rows() -> None:
    recorder = Recorder()
    recorder.add("prices", day=1, period=2, station=["A", "B"], tariff_cny_per_kwh=np.array([0.5, 0.6]))
    frame = recorder.frame("prices")
    assert frame.period.tolist() == [2, 2]
    assert frame.station.tolist() == ["A", "B"]
    assert frame.nodal_price_cny_per_kwh.isna().all()
    assert list(frame) == [column.name for column in TABLES["prices"]]


def test_rows_come_in_the_order_of_their_keys_then_of_writing() -> None:
    recorder = Recorder()
    for ev, trip in ((2, 1), (1, 2), (1, 1)):
        recorder.add_row("trips", day=1, ev=ev, trip=trip)
    trips = recorder.frame("trips")
    assert list(zip(trips.ev, trips.trip, strict=True)) == [(1, 1), (1, 2), (2, 1)]


@pytest.mark.parametrize("add", [Recorder.add, Recorder.add_row])
def test_a_column_that_is_not_in_the_dictionary_is_refused(add: object) -> None:
    with pytest.raises(KeyError, match="speed"):
        add(Recorder(), "links", speed=1.0)  # type: ignore[operator]


def test_rows_are_read_alone_that_fulfil_a_condition(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.add("ev_days", day=1, ev=[1, 2, 3])
    write_tables(tmp_path, recorder.frames())
    tables = ModelTables(tmp_path)
    assert tables.read("ev_days", [("ev", "==", 2)]).ev.tolist() == [2]
    assert tables.read("ev_days").ev.tolist() == [1, 2, 3]
    assert tables.read("sessions", [("ev", "==", 2)]).empty


def test_a_table_without_rows_still_has_its_columns() -> None:
    assert list(Recorder().frame("sessions")) == [column.name for column in TABLES["sessions"]]
    assert Recorder().frames() == {}


def test_what_is_written_is_what_is_read_and_the_bytes_do_not_change(tmp_path: Path) -> None:
    frame = pd.DataFrame({"day": [1, 1], "place": ["x", ""], "amount": [0.1, float("nan")]})
    for name in ("one", "two"):
        write_tables(tmp_path / name, {"violations": frame})
    files = [tmp_path / name / "violations.parquet" for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(files[0]), frame)


def test_a_part_of_a_table_is_the_same_as_that_part_of_the_whole(tmp_path: Path) -> None:
    recorder = Recorder()
    for day in (1, 2):
        recorder.add("prices", day=day, period=[1, 1, 2, 2], station=["A", "B"] * 2, tariff_cny_per_kwh=0.5)
    write_tables(tmp_path, recorder.frames())
    tables = ModelTables(tmp_path)
    where = [("day", "==", 2), ("station", "in", ["B", "C"])]
    part = tables.read("prices", where, ("period", "station"))
    whole = tables.prices
    kept = whole[(whole.day == 2) & (whole.station == "B")][["period", "station"]]
    pd.testing.assert_frame_equal(part, kept.reset_index(drop=True))
    assert list(tables.read("sessions", columns=["wait_min"])) == ["wait_min"]


def test_an_editor_is_offered_the_tables_that_were_written(
    tmp_path: Path, toy_tables: dict[str, Frame]
) -> None:
    write_tables(tmp_path / "agents", {name: toy_tables[name] for name in ("links", "sessions")})
    run = Run(tmp_path)
    assert {"links", "sessions", "read"} <= set(dir(run.agents))
    assert {"links", "sessions", "manifest", "agents"} <= set(dir(run))
