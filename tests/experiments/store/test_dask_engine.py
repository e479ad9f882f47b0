"""Dask as an engine: tasks are done on a cluster that exists, and their errors come back."""

from contextlib import closing

import pytest

from cosim.errors import ConfigError
from experiments.store.dask_engine import DaskEngine
from experiments.store.engines import Listed, work_off


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_exists_does_the_tasks_and_gives_their_errors_back() -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        engine = DaskEngine(1, cluster.scheduler_address, pytest.fail)
        with closing(work_off(engine, int, Listed([("1",), ("2",), ("three",)]), pytest.fail)) as ends:
            found = {task.key: end for task, end in ends}
    assert (found[0].value, found[1].value) == (1, 2)
    assert isinstance(found[2].error, ValueError)


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.store.dask_engine.CONNECT_S", 0.1)
    with pytest.raises(ConfigError, match="cannot be reached"):
        DaskEngine(1, "tcp://127.0.0.1:9", print)
