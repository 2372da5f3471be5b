"""Executors: each is a `map` that hands back results in any order.

An executor is a module of this folder with a class `Executor`; adding one is adding a module. Order never
matters, since tallies add up.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from scanner.model import UnscannedReason

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lost(Generic[Item]):
    """An item whose worker died or ran out of time; its work is not done."""

    item: Item
    reason: UnscannedReason


class Progress(Protocol):
    """Numbers that workers add to while they work: rows at index 0, bytes at index 1."""

    def __getitem__(self, index: int, /) -> int: ...

    def __setitem__(self, index: int, value: int, /) -> None: ...


Watch = Callable[[Progress], None]
"""Told, in each worker and before its first item, where to count what it has read."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run.

    Attributes:
        workers: how many items may be worked on at once.
        timeout_seconds: wall-clock limit of an item, by the item; None for no limit.
        watch: receives the numbers that `Executor.progress` shows.
        cluster: address of the cluster that an engine for clusters joins; None for this machine alone.
    """

    workers: int
    timeout_seconds: Callable[[Any], float | None]
    watch: Watch
    cluster: str | None = None


class Executor(Protocol):
    """What an executor offers; it is made from `Settings`."""

    def __init__(self, settings: Settings) -> None: ...

    @property
    def progress(self) -> tuple[int, int]:
        """Rows and bytes that workers have read so far, as well as they are known."""
        ...

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result | Lost[Item]]:
        """The result of every item, or `Lost` for an item whose worker did not live to give one.

        An exception that `function` raises is raised here. `function` and items must be picklable.
        """
        ...

    def close(self) -> None:
        """Let the workers go, which else wait for the next `map` with all that they have made ready."""
        ...


def engines() -> dict[str, type[Executor]]:
    """Executors by the name that `--engine` takes."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}").Executor for name in names}
