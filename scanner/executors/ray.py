"""The Ray executor: worker processes of this machine or of a cluster, each holding one item.

An actor is a worker: it loads what it needs once and keeps it. Whatever ends a worker (the kernel, a lost node, a
reclaimed machine), its item is done again by another; an item that ends several workers is lost.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic

from scanner.errors import BadEngine
from scanner.executors import Item, Lost, Result, Settings, Watch
from scanner.model import UnscannedReason

ATTEMPTS = 3
"""Workers that may die over one item before it is given up."""

FAILED_STARTS = 3
"""Workers in a row that may die before their first item: then the cluster cannot run this program."""

ANSWER_SECONDS = 10.0
"""Time in which a cluster's head must take a connection."""

OBJECT_STORE_BYTES = 80 << 20
"""Ray's shared memory on this machine; items and results are small, and Ray would take a third of the memory."""

EVERYWHERE = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no report to Ray's makers
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # no upload of the folder that the program was started in
}
ALONE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # servers listen on loopback; what Ray does by default on a Mac
    "RAY_AUTH_MODE": "token",  # other users of this machine cannot send work
}


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[Result]):
    """What a worker sends back; an error travels as a value, so that Ray does not log its message."""

    result: Result | None
    error: Exception | None
    rows: int
    size_bytes: int


class _Worker:
    """What runs in each worker process."""

    def __init__(self, watch: Watch) -> None:
        self._counts = [0, 0]
        watch(self._counts)

    def ready(self) -> None:
        """Done once the process lives."""

    def run(self, function: Callable[[Any], Any], item: Any) -> _Outcome[Any]:
        """The function's result or error, and what it counted."""
        self._counts[:] = [0, 0]
        try:
            return _Outcome(function(item), None, *self._counts)
        except Exception as error:  # noqa: BLE001 - raised again where `map` was called
            return _Outcome(None, error, *self._counts)


@dataclass(frozen=True, slots=True)
class _Try(Generic[Item]):
    """An item and how many workers have died over it."""

    item: Item
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class _Running(Generic[Item]):
    """An item in the hands of a worker, until a time of the monotonic clock."""

    attempt: _Try[Item]
    worker: Any
    until: float


@dataclass(slots=True)
class _Crew(Generic[Item]):
    """Workers by what they do: `starting` and `running` by the reference that tells of their end."""

    idle: list[Any]
    starting: dict[Any, Any] = field(default_factory=dict)
    running: dict[Any, _Running[Item]] = field(default_factory=dict)
    backlog: deque[_Try[Item]] = field(default_factory=deque)
    failed_starts: int = 0


class Executor:
    """Spreads items over Ray's workers, one item each, as many items at once as there are to be workers.

    Workers live until the executor is closed, and Ray as long as this process. A Ray that runs already is used as it
    is.

    Raises:
        BadEngine: Ray is not installed, or its cluster cannot be reached.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counts = [0, 0]
        self._idle: list[Any] = []
        self._ray = _started(settings)
        self._hire = self._ray.remote(num_cpus=1, max_restarts=0)(_Worker)

    @property
    def progress(self) -> tuple[int, int]:
        """Rows and bytes of the items that are done."""
        return self._counts[0], self._counts[1]

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result | Lost[Item]]:
        """Results as they come."""
        crew: _Crew[Item] = _Crew(self._idle)
        try:
            yield from self._collect(crew, function, iter(items))
        finally:
            for worker in [*crew.starting.values(), *(one.worker for one in crew.running.values())]:
                self._ray.kill(worker)

    def close(self) -> None:
        """Let the idle workers go."""
        while self._idle:
            self._ray.kill(self._idle.pop())

    def _collect(
        self, crew: _Crew[Item], function: Callable[[Item], Result], items: Iterator[Item]
    ) -> Iterator[Result | Lost[Item]]:
        while True:
            self._hand_out(crew, function, items)
            if not crew.running and not crew.backlog:
                return
            for reference in self._ended(crew):
                if reference in crew.starting:
                    self._welcome(crew, reference)
                else:
                    yield from self._outcome(crew, reference)
            yield from self._overdue(crew)

    def _hand_out(self, crew: _Crew[Item], function: Callable[[Item], Result], items: Iterator[Item]) -> None:
        """Give every worker an item; no item is drawn for which there is no worker."""
        workers = self._settings.workers
        while len(crew.running) + len(crew.backlog) < workers and (item := next(items, None)) is not None:
            crew.backlog.append(_Try(item))
        while crew.backlog and crew.idle:
            attempt, worker = crew.backlog.popleft(), crew.idle.pop()
            limit = self._settings.timeout_seconds(attempt.item)
            until = float("inf") if limit is None else time.monotonic() + limit
            crew.running[worker.run.remote(function, attempt.item)] = _Running(attempt, worker, until)
        while len(crew.starting) < len(crew.backlog):
            worker = self._hire.remote(self._settings.watch)
            crew.starting[worker.ready.remote()] = worker

    def _ended(self, crew: _Crew[Item]) -> list[Any]:
        """References that are done, at the latest when the next item runs out of time."""
        until = min((one.until for one in crew.running.values()), default=float("inf"))
        timeout = None if until == float("inf") else max(0.0, until - time.monotonic())
        done, _ = self._ray.wait([*crew.running, *crew.starting], num_returns=1, timeout=timeout)
        return list(done)

    def _welcome(self, crew: _Crew[Item], reference: Any) -> None:
        worker = crew.starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            crew.failed_starts += 1
            if crew.failed_starts >= FAILED_STARTS:
                raise BadEngine(
                    f"Ray's workers do not start ({type(error).__name__}): "
                    "every node needs this program, of the same version"
                ) from None
        else:
            crew.failed_starts = 0
            crew.idle.append(worker)

    def _outcome(self, crew: _Crew[Item], reference: Any) -> Iterator[Any]:
        """The result of an item; nothing yet when its worker died and another is to try."""
        ended = crew.running.pop(reference)
        try:
            outcome: _Outcome[Any] = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError:
            raise  # the result did not survive its journey
        except self._ray.exceptions.RayError:
            self._ray.kill(ended.worker)  # it may live on behind a broken connection
            yield from self._again(crew, ended.attempt)
            return
        crew.idle.append(ended.worker)
        self._counts[0] += outcome.rows
        self._counts[1] += outcome.size_bytes
        if outcome.error is not None:
            raise outcome.error
        yield outcome.result

    def _again(self, crew: _Crew[Item], attempt: _Try[Item]) -> Iterator[Lost[Item]]:
        if attempt.deaths + 1 < ATTEMPTS:
            crew.backlog.append(_Try(attempt.item, attempt.deaths + 1))
        else:
            yield Lost(attempt.item, UnscannedReason.CRASHED)

    def _overdue(self, crew: _Crew[Item]) -> Iterator[Lost[Item]]:
        now = time.monotonic()
        for reference in [reference for reference, one in crew.running.items() if one.until <= now]:
            late = crew.running.pop(reference)
            self._ray.kill(late.worker)
            yield Lost(late.attempt.item, UnscannedReason.TIMED_OUT)


def _started(settings: Settings) -> Any:
    """Ray, connected to the cluster that the settings name, or started on this machine alone."""
    os.environ.update(EVERYWHERE)
    if settings.cluster is None:
        os.environ.update(ALONE)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError:
        raise BadEngine(
            "--engine ray needs Ray: pip install 'training-data-privacy-scanner[ray]', or choose --engine local"
        ) from None
    if not ray.is_initialized():
        _alone(ray, settings.workers) if settings.cluster is None else _joined(ray, settings.cluster)
    return ray


def _alone(ray: Any, workers: int) -> None:
    """Start Ray here. Its logs lie in an owner-only folder that goes when this process ends."""
    folder = tempfile.mkdtemp(prefix="scanner-ray-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(ray.shutdown)  # before the folder goes: the last registered runs first
    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False,
        configure_logging=False,
        _temp_dir=folder,
        _node_ip_address="127.0.0.1",
    )


def _joined(ray: Any, address: str) -> None:
    """Join a cluster; an address where nobody listens is told at once, where Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if port.isdecimal():
            socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except Exception as error:  # noqa: BLE001 - whatever Ray's connection raises
        raise BadEngine(f"{address}: no Ray cluster answers there ({type(error).__name__})") from None
