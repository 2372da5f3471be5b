"""The inline executor: in this process, one item after the other; for debuggers and as the plain twin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from scanner.executors import Item, Lost, Result, Settings


class Executor:
    """Runs items where it stands. It cannot outlive its own death, and keeps no time limit."""

    def __init__(self, settings: Settings) -> None:
        self._counts = [0, 0]
        settings.watch(self._counts)

    @property
    def progress(self) -> tuple[int, int]:
        """Rows and bytes read so far."""
        return self._counts[0], self._counts[1]

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result | Lost[Item]]:
        """Results in the order of the items."""
        yield from map(function, items)

    def close(self) -> None:
        """There is no worker to let go."""
