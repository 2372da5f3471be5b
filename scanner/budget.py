"""Budgets of a night: until when it may read, and how much."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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


def seconds_until(stop_by: str, now: float, time_zone: str | None = None) -> float:
    """Seconds to the next time that the clock shows `stop_by`, also where the clock is put forward or back meanwhile.

    Where a clock put forward leaves 02:30 out, half past the change counts; of a time that comes twice, the next.

    Args:
        stop_by: a time of day, such as `06:00`.
        now: seconds since 1970, UTC.
        time_zone: of the clock, such as `Europe/Paris`; None for that of this machine.

    Raises:
        ValueError: `stop_by` is no time of day, or the zone is not known here.
    """
    found = _TIME.fullmatch(stop_by)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError("must be a time of day such as 06:00")
    place = zone(time_zone) if time_zone else None
    shown = clock_time(int(found[1]), int(found[2]))
    today = datetime.combine(datetime.fromtimestamp(now, place), shown, place)
    ends = (end - now for days in (0, 1) for end in _moments(today + timedelta(days=days)))
    return min(seconds for seconds in ends if seconds > 0)


def _moments(shown: datetime) -> tuple[float, ...]:
    """When the clock shows this: twice in the hour that comes twice, and once in any other."""
    first, second = (shown.replace(fold=fold).timestamp() for fold in (0, 1))
    return (first, second) if second > first else (first,)


def zone(name: str) -> ZoneInfo:
    """The time zone of this name, such as `Europe/Paris`.

    Raises:
        ValueError: this machine knows none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError("must be a time zone that this machine knows, such as Europe/Paris") from None
