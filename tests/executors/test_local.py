"""What only the local executor has: worker processes that a busy machine keeps waiting."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from pebble.pool.process import PoolManager, WorkerManager

from scanner.executors import Lost, Settings
from scanner.executors.local import Executor
from scanner.model import UnscannedReason
from tests.executors.test_every_executor import die_at_three, unlimited, watch


@pytest.mark.parametrize("items", [[3], [0, 1, 2, 3, 4, 5]])
def test_a_worker_that_dies_before_its_word_is_read_loses_its_item_alone(
    monkeypatch: pytest.MonkeyPatch, items: list[int]
) -> None:
    """pebble's own reading of messages, a second late: a worker's death is seen before what it had begun is known."""
    receive = WorkerManager.receive

    def late(self: WorkerManager, timeout: float) -> object:
        message = receive(self, timeout)
        if type(message).__name__ == "Acknowledgement":
            time.sleep(1.0)
        return message

    monkeypatch.setattr(WorkerManager, "receive", late)
    with closing(Executor(Settings(1, unlimited, watch))) as executor:
        results = list(executor.map(die_at_three, items))
    assert sorted(r for r in results if isinstance(r, int)) == [item for item in items if item != 3]
    assert [r for r in results if isinstance(r, Lost)] == [Lost(3, UnscannedReason.CRASHED)]


def test_pebble_still_has_what_is_mended_here() -> None:
    assert {"handle_worker_expiration", "update_workers"} <= vars(PoolManager).keys()
