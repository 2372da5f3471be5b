"""The Spark executor: every item is a Spark job of one task, which `mapInArrow` runs in a Python worker.

Spark does a task again whose worker died, up to `spark.task.maxFailures`; what fails even so is lost.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic

import pyarrow as pa

from scanner.errors import BadEngine
from scanner.executors import Item, Lost, Result, Settings, Watch
from scanner.model import UnscannedReason

ATTEMPTS = 3
"""Workers that may die over one item before it is given up, where Spark is started here."""

WAITING_SECONDS = 900.0
"""Time, beside an item's limit, that its job may wait for a worker."""

ABORTED = "Job aborted due to stage failure"
"""What Spark's message says when it has tried a task often enough."""

OUTCOME = "outcome binary, rows long, size_bytes long"

ALONE = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
"""Spark on this machine alone: its servers listen on loopback."""

SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""Set by spark-submit: then Spark is configured already."""


@dataclass(frozen=True, slots=True)
class _Running(Generic[Item]):
    """An item that is a job, until a time of the monotonic clock."""

    item: Item
    group: str
    until: float


class Executor:
    """Spreads items over Spark's workers, as many at once as there are to be workers.

    The session that is active is used; else one is made, on this machine alone unless spark-submit
    says otherwise. A worker keeps the time limit itself; one that hangs beyond it is ended from here.

    Raises:
        BadEngine: PySpark is not installed, or has no Java.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counts = [0, 0]
        self._session = _session(settings.workers)

    @property
    def progress(self) -> tuple[int, int]:
        """Rows and bytes of the items that are done."""
        return self._counts[0], self._counts[1]

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result | Lost[Item]]:
        """Results as they come."""
        running: dict[Future[Any], _Running[Item]] = {}
        with ThreadPoolExecutor(self._settings.workers) as pool:
            try:
                yield from self._collect(pool, running, function, iter(items))
            finally:
                for one in running.values():
                    self._session.sparkContext.cancelJobGroup(one.group)

    def close(self) -> None:
        """Spark's workers are the session's, which may be somebody else's."""

    def _collect(
        self,
        pool: ThreadPoolExecutor,
        running: dict[Future[Any], _Running[Item]],
        function: Callable[[Item], Result],
        items: Iterator[Item],
    ) -> Iterator[Result | Lost[Item]]:
        while True:
            while len(running) < self._settings.workers and (item := next(items, None)) is not None:
                limit, group = self._settings.timeout_seconds(item), f"scanner-{uuid.uuid4()}"
                until = float("inf") if limit is None else time.monotonic() + limit + WAITING_SECONDS
                task = _task(function, item, self._settings.watch, limit)
                running[pool.submit(_run, self._session, task, group)] = _Running(item, group, until)
            if not running:
                return
            for future in _ended(running):
                yield self._outcome(future, running.pop(future))

    def _outcome(self, future: Future[Any], ended: _Running[Item]) -> Any:
        if not future.done():
            self._session.sparkContext.cancelJobGroup(ended.group)
            return Lost(ended.item, UnscannedReason.TIMED_OUT)
        if (failure := future.exception()) is not None:
            return _lost(ended.item, failure)
        outcome, rows, size_bytes = future.result()
        self._counts[0] += rows
        self._counts[1] += size_bytes
        result, error = _unpickled(outcome)
        if isinstance(error, _Late):
            return Lost(ended.item, UnscannedReason.TIMED_OUT)
        if error is not None:
            raise error
        return result


def _lost(item: Item, failure: BaseException) -> Lost[Item]:
    """The item whose workers died.

    Raises:
        BadEngine: it is not that workers died, but that they cannot run this program at all.
    """
    if type(failure).__name__ != "PythonException" and ABORTED in str(failure):
        return Lost(item, UnscannedReason.CRASHED)
    raise BadEngine(
        f"Spark cannot run the work ({type(failure).__name__}): every node needs this program, of the same version"
    ) from None


def _ended(running: dict[Future[Any], _Running[Any]]) -> list[Future[Any]]:
    """Jobs that are done, or whose time is over."""
    until = min(one.until for one in running.values())
    timeout = None if until == float("inf") else max(0.0, until - time.monotonic())
    done, _ = wait(running, timeout=timeout, return_when=FIRST_COMPLETED)
    now = time.monotonic()
    return [future for future, one in running.items() if future in done or one.until <= now]


def _run(session: Any, task: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]], group: str) -> Any:
    """Run one item as a job; called on a thread of its own, whose job group is its own."""
    session.sparkContext.setJobGroup(group, "scanner", interruptOnCancel=True)
    ((outcome, rows, size_bytes),) = session.range(0, 1, 1, 1).mapInArrow(task, OUTCOME).collect()
    return bytes(outcome), rows, size_bytes


class _Late(BaseException):
    """Raised in a worker whose item has run out of time; no handler of errors takes it for one."""


@contextmanager
def _alarm(limit: float | None) -> Iterator[None]:
    """Raise `_Late` in the block once `limit` seconds are over."""

    def raise_late(_signal: int, _frame: object) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, raise_late)
    signal.setitimer(signal.ITIMER_REAL, limit or 0.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _task(
    function: Callable[[Any], Any], item: Any, watch: Watch, limit: float | None
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a worker runs: the function on the item, with its result or error as bytes, and what it counted.

    An error travels as a value: Spark would log its message and try again.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import cloudpickle

        for _ in batches:
            counts = [0, 0]
            watch(counts)
            try:
                with _alarm(limit):
                    outcome: tuple[Any, BaseException | None] = (function(item), None)
            except (Exception, _Late) as error:  # noqa: BLE001 - raised again where `map` was called
                outcome = (None, error)
            row = {"outcome": [cloudpickle.dumps(outcome)], "rows": [counts[0]], "size_bytes": [counts[1]]}
            yield pa.RecordBatch.from_pydict(row)

    return run


def _unpickled(outcome: bytes) -> tuple[Any, BaseException | None]:
    """What a worker sent: this program's own result, or its error."""
    from pyspark import cloudpickle

    result, error = cloudpickle.loads(outcome)
    return result, error


def _session(workers: int) -> Any:
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise BadEngine(
            "--engine spark needs PySpark: pip install 'training-data-privacy-scanner[spark]', or choose --engine local"
        ) from None
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    try:
        if SUBMITTED in os.environ:
            return SparkSession.builder.getOrCreate()
        return _alone(SparkSession.builder, workers)
    except (PySparkException, OSError) as error:
        raise BadEngine(f"Spark cannot be started ({type(error).__name__}): it needs Java 17 or newer") from None


def _alone(builder: Any, workers: int) -> Any:
    """Spark here, with its temporary files in an owner-only folder that goes when this process ends."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    folder = tempfile.mkdtemp(prefix="scanner-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    builder = builder.master(f"local[{workers},{ATTEMPTS}]").appName("scanner")
    for name, value in {**ALONE, "spark.local.dir": folder, "spark.sql.warehouse.dir": folder}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session
