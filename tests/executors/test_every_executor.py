"""Contract of every module in `scanner/executors/`: a new one is tested by being there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from scanner.executors import Executor, Lost, Progress, Settings, engines
from scanner.model import UnscannedReason

OUTLIVING = sorted(engines().keys() - {"inline"})
"""Executors whose workers are processes of their own."""

_progress: list[Progress] = []


def watch(progress: Progress) -> None:
    _progress.append(progress)


def unlimited(item: object) -> None:
    return None


def two_seconds(item: object) -> float:
    return 2.0


def double(number: int) -> int:
    _progress[-1][0] += 1
    return number * 2


def refuse(number: int) -> int:
    raise ValueError(f"cannot take {number}")


def die_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_of(_: int) -> int:
    return os.getpid()


def is_gone_soon(process: int) -> bool:
    """Whether a process ends within seconds."""
    until = time.monotonic() + 20
    while Path(f"/proc/{process}").exists() and time.monotonic() < until:
        time.sleep(0.02)
    return not Path(f"/proc/{process}").exists()


def sleep_at_three(number: int) -> int:
    if number == 3:
        time.sleep(60)
    return number


@contextmanager
def opened(engine: str, settings: Settings) -> Iterator[Executor]:
    """The executor, its workers gone afterwards."""
    with closing(engines()[engine](settings)) as executor:
        yield executor


@pytest.mark.parametrize("engine", sorted(engines()))
def test_every_item_gives_its_result_once(engine: str) -> None:
    with opened(engine, Settings(2, unlimited, watch)) as executor:
        assert sorted(executor.map(double, range(20))) == [2 * n for n in range(20)]  # type: ignore[type-var]


@pytest.mark.parametrize("engine", sorted(engines()))
def test_nothing_to_do_gives_nothing(engine: str) -> None:
    with opened(engine, Settings(2, unlimited, watch)) as executor:
        assert list(executor.map(double, [])) == []


@pytest.mark.parametrize("engine", sorted(engines()))
def test_items_may_be_endless(engine: str) -> None:
    def count() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    with opened(engine, Settings(1, unlimited, watch)) as executor:
        results = executor.map(double, count())
        assert {next(results) for _ in range(3)} <= {0, 2, 4, 6, 8}
        results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("engine", sorted(engines()))
def test_an_exception_of_the_function_reaches_the_caller_and_the_executor_goes_on(engine: str) -> None:
    with opened(engine, Settings(1, unlimited, watch)) as executor:
        with pytest.raises(ValueError, match="cannot take 7"):
            list(executor.map(refuse, [7]))
        assert list(executor.map(double, [7])) == [14]


@pytest.mark.parametrize("engine", sorted(engines()))
def test_progress_counts_what_workers_count(engine: str) -> None:
    with opened(engine, Settings(1, unlimited, watch)) as executor:
        list(executor.map(double, range(5)))
        assert executor.progress == (5, 0)


@pytest.mark.parametrize("engine", OUTLIVING)
def test_a_killed_worker_loses_its_item_alone(engine: str) -> None:
    with opened(engine, Settings(2, unlimited, watch)) as executor:
        results = list(executor.map(die_at_three, range(6)))
    assert sorted(r for r in results if isinstance(r, int)) == [0, 1, 2, 4, 5]
    assert [r for r in results if isinstance(r, Lost)] == [Lost(3, UnscannedReason.CRASHED)]


@pytest.mark.parametrize("engine", OUTLIVING)
def test_an_item_that_takes_too_long_is_given_up(engine: str) -> None:
    with opened(engine, Settings(1, two_seconds, watch)) as executor:
        results = list(executor.map(sleep_at_three, range(2, 5)))
    assert [r for r in results if isinstance(r, Lost)] == [Lost(3, UnscannedReason.TIMED_OUT)]
    assert sorted(r for r in results if isinstance(r, int)) == [2, 4]


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_workers_serve_map_after_map_and_go_when_it_is_closed(engine: str) -> None:
    with opened(engine, Settings(1, unlimited, watch)) as executor:
        (first,), (second,) = (list(executor.map(process_of, [0])) for _ in range(2))
        assert first == second
    assert isinstance(first, int)
    assert is_gone_soon(first)
