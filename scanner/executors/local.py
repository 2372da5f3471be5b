"""The local executor: processes of this machine, each holding one item."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool
from pebble.pool.process import PoolManager

from scanner.executors import Item, Lost, Result, Settings
from scanner.model import UnscannedReason

QUEUED_PER_WORKER = 2
"""Items handed over ahead of need, so that no worker waits and the list of items may be endless."""


ACKNOWLEDGED_WITHIN_SECONDS = 30.0
"""How long after its worker's death the word that it had begun an item may still be on its way, on a busy machine."""


class _Manager(PoolManager):
    """Looks again for the item of a worker that died, until its acknowledgement has been read.

    pebble looks once. Where the acknowledgement is still in the pipe, it then takes the pool for broken, or forgets the
    worker, and the item is never done.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._dead: list[tuple[tuple[int, int], float]] = []

    def handle_worker_expiration(self, expiration: tuple[int, int]) -> None:
        """Note a worker that died."""
        self._dead.append((expiration, time.monotonic() + ACKNOWLEDGED_WITHIN_SECONDS))

    def update_workers(self) -> None:
        """Note who died, start others in their place, and end the items of the dead."""
        super().update_workers()  # type: ignore[no-untyped-call]
        noted, self._dead = self._dead, []
        for expiration, deadline in noted:
            if time.monotonic() > deadline or self._began(expiration[0]):
                super().handle_worker_expiration(expiration)
            else:
                self._dead.append((expiration, deadline))

    def _began(self, worker: int) -> bool:
        return any(task.worker_id == worker for task in list(self.task_manager.tasks.values()))


class _Pool(ProcessPool):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pool_manager = _Manager(self._context, options["context"])


class Executor:
    """Spreads items over worker processes, which live until it is closed; one that dies loses its item alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # `spawn`: a fork would copy locks that Arrow's and DuckDB's threads may hold.
        self._context = multiprocessing.get_context("spawn")
        # Without a lock: two workers may now and then swallow each other's step, and only the display suffers.
        self._counts = self._context.RawArray("q", 2)
        self._pool: _Pool | None = None

    @property
    def progress(self) -> tuple[int, int]:
        """Rows and bytes read so far, nearly exact."""
        return self._counts[0], self._counts[1]

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result | Lost[Item]]:
        """Results as they come."""
        pool = self._pool = self._pool or self._started()
        try:
            yield from self._collect(pool, function, iter(items))
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            self.close()
            raise

    def close(self) -> None:
        """End the workers when they have done what they have begun."""
        if self._pool is not None:
            self._pool.close()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None

    def _started(self) -> _Pool:
        return _Pool(
            max_workers=self._settings.workers,
            context=self._context,
            initializer=self._settings.watch,
            initargs=(self._counts,),
        )

    def _collect(
        self, pool: ProcessPool, function: Callable[[Item], Result], items: Iterator[Item]
    ) -> Iterator[Result | Lost[Item]]:
        running: dict[ProcessFuture[Result], Item] = {}
        ahead = self._settings.workers * QUEUED_PER_WORKER
        while True:
            while len(running) < ahead and (item := next(items, None)) is not None:
                future = pool.schedule(function, args=(item,), timeout=self._settings.timeout_seconds(item))
                running[future] = item
            if not running:
                return
            wait(running, return_when=FIRST_COMPLETED)
            for future in [future for future in running if future.done()]:
                outcome = self._outcome(future, running.pop(future))
                yield outcome

    def _outcome(self, future: ProcessFuture[Result], item: Item) -> Result | Lost[Item]:
        try:
            return future.result()
        except ProcessExpired:
            return Lost(item, UnscannedReason.CRASHED)
        except TimeoutError:
            return Lost(item, UnscannedReason.TIMED_OUT)
