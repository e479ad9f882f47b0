"""The directory of a sweep: what is finished in it is never done again, whoever did it, and however that ended."""

import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cosim.errors import ConfigError, StorageError
from experiments.store.journal import read_journal
from experiments.store.leases import Writer
from experiments.sweep import study
from experiments.sweep.campaign import Campaign
from experiments.sweep.one_run import FIGURES, RunResult
from experiments.sweep.plan import Member, Setting, make_plan, read_request
from experiments.sweep.study import sweep
from experiments.sweep.sweep_result import Sweep
from tests.experiments.commands import run

PLAN: dict[str, Any] = {"vary": {"stations.S.chargers": [2, 4]}, "seeds": 12, "model": "both"}


class Quick:
    """Stands for `run_member`: quick, and notes what it is asked."""

    def __init__(self, most: int = 1_000) -> None:
        self.most, self.asked = most, list[str]()

    def __call__(self, setting: Setting, member: Member, _keep: tuple[str, ...] = ()) -> RunResult:
        if len(self.asked) == self.most:
            raise KeyboardInterrupt
        self.asked.append(member.run)
        figures = dict.fromkeys(FIGURES, setting.settings["stations.S.chargers"] / 3 + member.seed_number / 7)
        return RunResult(
            [
                {
                    "day": 1,
                    **figures,
                    "energy_S_kwh": float("nan"),
                    "evs": 7,
                    "limits_broken": False,
                    "flagged": "",
                }
            ]
        )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace the simulation; return what does it."""

    def replace(most: int = 1_000) -> Quick:
        monkeypatch.setattr(study, "run_member", solver := Quick(most))
        return solver

    return replace


def done(out: Path | None, **changes: Any) -> Sweep:
    given = {**PLAN, **changes}
    return sweep("toy", given.pop("vary"), out=out, note=lambda _: None, **given)


def test_more_levels_and_seeds_compute_only_what_is_new(tmp_path: Path, quick: Any) -> None:
    first = quick()
    done(tmp_path / "out")
    assert len(first.asked) == 2 * 13
    second = quick()
    grown = done(tmp_path / "out", vary={"stations.S.chargers": [4, 2, 6]}, seeds=14)
    assert len(second.asked) == 2 * 2 + 15
    assert not set(first.asked) & set(second.asked)
    quick()
    pd.testing.assert_frame_equal(
        grown.frame, done(None, vary={"stations.S.chargers": [4, 2, 6]}, seeds=14).frame, check_exact=True
    )


def test_results_read_as_one_table_while_it_grows(tmp_path: Path, quick: Any) -> None:
    import duckdb

    quick(most=9)
    with pytest.raises(KeyboardInterrupt) as stopped:
        done(tmp_path / "out")
    assert "cosim resume" in stopped.value.__notes__[0]
    files = tmp_path / "out" / "results" / "*.parquet"
    query = f"""select "stations.S.chargers", count(*), avg(wait_min) from '{files}' group by 1"""  # noqa: S608
    assert duckdb.sql(query).fetchall() == [(2, 9, pytest.approx(2 / 3 + 4 / 7))]
    assert len(pd.read_parquet(tmp_path / "out" / "results")) == 9


def test_a_torn_line_is_dropped_and_told(tmp_path: Path, quick: Any) -> None:
    out, told = tmp_path / "out", list[str]()
    plan = make_plan(read_request("toy", **PLAN))
    quick(most=0)
    with pytest.raises(KeyboardInterrupt):
        done(out)
    journal = out / "journal" / "dead-1-0001.jsonl"
    with Campaign(out, plan, told.append) as campaign:
        campaign.results.add(plan.members[0].run, [{"day": 1}], {})
        (own,) = (out / "journal").iterdir()
        journal.write_bytes(own.read_bytes() + own.read_bytes()[:-9])
        own.write_bytes(b"")
    assert len(read_journal(journal)[0]) == 1
    with Campaign(out, plan, told.append) as campaign:
        assert campaign.results.finished() == {plan.members[0].run}
    assert told == [f"{journal} holds an unfinished line; what is not in it is computed again"]


def test_a_damaged_segment_is_told_and_computed_again(tmp_path: Path, quick: Any) -> None:
    quick()
    whole = done(tmp_path / "out").frame
    (segment,) = (tmp_path / "out" / "results").iterdir()
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    again = quick()
    pd.testing.assert_frame_equal(done(tmp_path / "out").frame, whole, check_exact=True)
    assert len(again.asked) == 26


def test_two_processes_share_the_runs_of_one_plan_and_refuse_another(tmp_path: Path, quick: Any) -> None:
    plan, out = make_plan(read_request("toy", **PLAN)), tmp_path / "out"
    with Campaign(out, plan, print) as theirs:
        assert theirs.writer.claim("0000001-0001")
        with pytest.raises(ConfigError, match="another sweep with other runs is at work here"):
            done(out, seeds=3)
        ours = quick()
        with Campaign(out, plan, print) as mine:
            assert mine.writer.others() == [theirs.writer.name]
            work = study.Worklist(mine)
            given = [task for _ in range(26) if (task := work.next("lane"))]
            assert {task.key for task in given} == plan.runs - {m.run for m in plan.members[:10]}
            assert not ours.asked
    quick()
    assert len(done(out).frame) == 26


def test_what_a_dead_writer_had_is_taken_over(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        dead = Writer(tmp_path)
        dead.__enter__()
        dead.claim("piece")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with Writer(tmp_path) as writer:
        assert not writer.claim("piece")
        assert writer.others() == []
        assert len(writer.bury()) == 1
        assert writer.claim("piece")


def test_shards_are_put_together_by_the_last(tmp_path: Path, quick: Any) -> None:
    out = tmp_path / "out"
    half = quick()
    first = done(out, shard=(1, 2))
    assert first.missing == 26 - len(half.asked) > 0
    second = quick()
    whole = done(out, shard=(2, 2))
    assert whole.missing == 0
    assert not set(second.asked) & set(half.asked)
    quick()
    pd.testing.assert_frame_equal(whole.frame, done(None).frame, check_exact=True)


def test_a_run_that_fails_is_told_with_its_log_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(setting: Setting, member: Member, _: object) -> RunResult:
        if member.seed_number == 2:
            raise ZeroDivisionError(member.seed)
        return Quick()(setting, member)

    monkeypatch.setattr(study, "run_member", fail)
    words = ("sweep", "toy", "--vary", "stations.S.chargers=2", "--seeds", "3", "--model", "agents", "--out")
    result = run(*words, tmp_path / "out")
    assert result.exit_code == 3
    assert "1 run of 3 failed; their logs are in" in result.stderr.replace("\n", " ")
    frame = pd.read_parquet(tmp_path / "out" / "runs.parquet")
    assert frame.failed.str.startswith("ZeroDivisionError: ").tolist() == [False, True, False]
    (log,) = (tmp_path / "out" / "failed").glob("*.log")
    assert "Traceback" in log.read_text(encoding="utf-8")
    monkeypatch.setattr(study, "run_member", Quick())
    log.with_suffix(".txt").unlink()
    assert run(*words, tmp_path / "out").exit_code == 0


def test_another_scenario_is_refused_or_put_aside(tmp_path: Path, quick: Any) -> None:
    quick()
    done(tmp_path / "out")
    with pytest.raises(
        ConfigError, match="holds runs of another scenario; name another directory, or put them"
    ):
        done(tmp_path / "out", settings="seed=7")
    again = quick()
    done(tmp_path / "out", settings="seed=7", fork=True)
    assert len(again.asked) == 26
    assert (tmp_path / "out" / "before-1" / "results").is_dir()


def test_a_directory_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").touch()
    with pytest.raises(ConfigError, match="exists already and holds no sweep"):
        done(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.txt"]


def test_a_full_disk_is_a_sentence_and_nothing_finished_is_lost(
    tmp_path: Path, quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = os.fsync, iter(range(1_000))

    def fsync(descriptor: int) -> None:
        if next(count) > 12:
            raise OSError(28, "No space left on device")
        real(descriptor)

    quick()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises((OSError, StorageError)) as full:
            done(tmp_path / "out")
    assert getattr(full.value, "errno", 28) == 28
    (journal,) = (tmp_path / "out" / "journal").iterdir()
    kept = {record["run"] for record in read_journal(journal)[0]}
    again = quick()
    assert done(tmp_path / "out").missing == 0
    assert kept
    assert not kept & set(again.asked)
