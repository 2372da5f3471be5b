"""When a night ends, and how much it may read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest

from scanner.budget import Budget, seconds_until

ZONE = "Europe/Paris"
if ZONE not in available_timezones():
    pytest.skip("this machine knows no time zones", allow_module_level=True)

HOUR = 3600.0
PARIS = ZoneInfo(ZONE)


@pytest.fixture
def clock_of_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def paris(*moment: int, fold: int = 0) -> float:
    return datetime(*moment, tzinfo=PARIS, fold=fold).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (paris(2026, 1, 10, 22, 30), 7.5),
        (paris(2026, 1, 11, 5, 59), 1 / 60),
        (paris(2026, 1, 11, 6, 0), 24),
        (paris(2026, 1, 11, 6, 10), 24 - 1 / 6),
        (paris(2026, 3, 28, 22, 30), 6.5),  # at two the clock is put to three
        (paris(2026, 10, 24, 22, 30), 8.5),  # at three the clock is put to two
        (paris(2026, 3, 28, 6, 30), 22.5),
    ],
)
def test_a_night_ends_when_the_clock_shows_the_time_also_where_it_is_put_forward_or_back(
    now: float, hours: float
) -> None:
    assert seconds_until("06:00", now, ZONE) == pytest.approx(hours * HOUR)


def test_the_clock_is_that_of_the_machine_unless_told(clock_of_new_york: None) -> None:
    before_the_change = datetime(2026, 3, 7, 22, 0, tzinfo=ZoneInfo("America/New_York")).timestamp()
    assert seconds_until("06:00", before_the_change) == 7 * HOUR
    assert seconds_until("06:00", before_the_change, "UTC") == 3 * HOUR


def test_a_time_that_comes_twice_is_the_next_and_one_that_is_left_out_comes_as_long_after_the_change() -> None:
    assert seconds_until("02:30", paris(2026, 10, 25, 1, 0), ZONE) == 1.5 * HOUR
    assert seconds_until("02:30", paris(2026, 10, 25, 2, 40), ZONE) == pytest.approx(50 * 60)
    assert seconds_until("02:30", paris(2026, 3, 29, 1, 0), ZONE) == 1.5 * HOUR


@pytest.mark.parametrize("time_of_day", ["24:00", "6", "06:60", "six", "06:00:00", " 06:00", ""])
def test_what_is_no_time_of_day_is_refused(time_of_day: str) -> None:
    with pytest.raises(ValueError, match="time of day"):
        seconds_until(time_of_day, 0.0)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", "/etc/passwd", "Europe"])
def test_a_zone_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        seconds_until("06:00", 0.0, name)


def test_the_first_piece_may_be_of_any_size_and_no_other_may_exceed_what_is_left() -> None:
    budget = Budget(size_bytes=10)
    assert [budget.allows(size) for size in (50, 1)] == [True, False]
    budget = Budget(size_bytes=10)
    assert [budget.allows(size) for size in (4, 6, 1)] == [True, True, False]


def test_nothing_begins_once_the_time_is_past() -> None:
    now = [0.0]
    budget = Budget(deadline=5.0, clock=lambda: now[0])
    assert budget.allows(1)
    now[0] = 5.0
    assert (budget.allows(1), budget.allows(0), budget.part(0.5).allows(1)) == (False, False, False)


def test_what_a_part_does_not_use_is_left_for_the_next() -> None:
    budget = Budget(deadline=10.0, size_bytes=100, clock=lambda: 0.0)
    part = budget.part(0.5)
    assert (part.seconds_left, part.size_bytes) == (5.0, 50)
    assert part.allows(20)
    budget.spend(part, 50)
    assert budget.size_bytes == 80
