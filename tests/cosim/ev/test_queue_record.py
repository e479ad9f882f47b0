"""The record of a station's queue, by hand."""

import pytest

from cosim.ev.queue_record import QueueRecord


def test_the_mean_length_is_the_same_however_often_it_is_read() -> None:
    queue = QueueRecord()
    queue.join(100)
    queue.join(150)
    queue.leave(180)
    assert [queue.mean_length(200, 100) for _ in range(2)] == pytest.approx([(50 + 2 * 30 + 20) / 100] * 2)


def test_a_period_closed_without_reading_the_mean_leaves_no_wait_to_the_next() -> None:
    """One vehicle waits from second 40 on; the period that begins at 100 has it waiting all the time."""
    queue = QueueRecord()
    queue.join(40)
    queue.close(100)
    assert queue.mean_length(200, 100) == 1.0
    assert (queue.arrivals, queue.starts, queue.max_length) == (0, 0, 1)
