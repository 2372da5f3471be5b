"""Budgets of a night: until when it may read, and how much."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Clock = Callable[[], float]
"""Seconds that only count up, whatever the wall clock does."""

_TIME = re.compile(r"(\d{1,2}):(\d{2})")


@dataclass(slots=True)
class Budget:
    """What is left of a night.

    Attributes:
        deadline: when the night ends, by `clock`; infinity for no end.
        size_bytes: bytes before compression that may still be read; None for any number.
        clock: counts seconds.
    """

    deadline: float = math.inf
    size_bytes: int | None = None
    clock: Clock = time.monotonic
    _begun: bool = field(default=False, init=False)

    def allows(self, size_bytes: int) -> bool:
        """Whether work of so many bytes may begin; it then counts as done. The first piece may be of any size."""
        if self.seconds_left <= 0:
            return False
        if self.size_bytes is not None:
            if size_bytes > self.size_bytes and self._begun:
                return False
            self.size_bytes = max(0, self.size_bytes - size_bytes)
        self._begun = self._begun or size_bytes > 0
        return True

    @property
    def seconds_left(self) -> float:
        """Seconds until the night ends; infinity for no end."""
        return self.deadline - self.clock()

    def part(self, share: float) -> Budget:
        """A budget of its own with this share, from 0 to 1, of what is left."""
        return Budget(
            self.clock() + max(0.0, self.seconds_left) * share,
            None if self.size_bytes is None else int(self.size_bytes * share),
            self.clock,
        )

    def spend(self, part: Budget, given: int | None) -> None:
        """Take from this budget what a part of it, that was given so many bytes, has used."""
        if self.size_bytes is not None and part.size_bytes is not None and given is not None:
            self.size_bytes = max(0, self.size_bytes - (given - part.size_bytes))


def seconds_until(stop_by: str, now: datetime) -> float:
    """Seconds from `now`, a local time, to the next time the clock shows `stop_by`, such as `06:00`.

    Raises:
        ValueError: `stop_by` is no time of day.
    """
    found = _TIME.fullmatch(stop_by)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError("must be a time of day such as 06:00")
    end = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    return ((end if end > now else end + timedelta(days=1)) - now).total_seconds()
