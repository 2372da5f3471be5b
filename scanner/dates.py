"""Dates as people write them: moved by some days, or told less exactly, in the form that they had."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

_MONTHS: tuple[tuple[str, ...], ...] = tuple(
    tuple(names.split())
    for names in (
        "January February March April May June July August September October November December",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    )
)
"""Names of the months; the first row that knows a name also gives the one that comes to stand for it."""

_NAMES = "|".join(sorted({name for row in _MONTHS for name in row}, key=len, reverse=True))
_YEAR_FIRST = re.compile(r"(?<!\d)(?P<year>\d{4})(?P<a>[-/.])(?P<month>\d{1,2})(?P=a)(?P<day>\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)(?P<first>\d{1,2})(?P<a>[-/. ])(?P<second>\d{1,2})(?P=a)(?P<year>\d{4}|\d{2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})(?!\d)")
_DAY_NAMED = re.compile(
    rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.)?(?: de| of)? (?P<name>{_NAMES})\b\.?"
    r"(?:,?(?: de)? (?P<year>\d{4}))?",
    re.IGNORECASE,
)
_NAMED_DAY = re.compile(
    rf"\b(?P<name>{_NAMES})\b\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,? (?P<year>\d{{4}}))?", re.IGNORECASE
)
_NAMED_YEAR = re.compile(rf"\b(?P<name>{_NAMES})\b\.?,?(?: de| of)? (?P<year>\d{{4}})(?!\d)", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(?P<year>1[89]\d\d|20\d\d)(?!\d)")
_PIVOT = 30
"""A year of two digits above it lies in the last century."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A date found in a text: its day, and the place of each part of it."""

    day: datetime.date
    places: dict[str, tuple[int, int]]


def shifted(text: str, days: int) -> str | None:
    """The text with its first date moved by `days`, written as before; None if there is none to be read.

    A year alone moves by a year, in the direction of `days`.
    """
    read = _read(text)
    if read is None:
        match = _YEAR.search(text)
        if match is None:
            return None
        year = str(int(match.group()) + (1 if days > 0 else -1))
        return text[: match.start()] + year + text[match.end() :]
    try:
        moved = read.day + datetime.timedelta(days=days)
    except OverflowError:
        return None
    return _rewritten(text, read, moved)


def generalised(text: str, to: str) -> str | None:
    """The date's year, or its year and month, alone; None if there is none to be read.

    Args:
        text: holds a date.
        to: `year` or `month`.
    """
    read = _read(text)
    if read is None or "year" not in read.places:
        match = _YEAR.search(text)
        return match.group() if match else None
    return f"{read.day.year:04}" if to == "year" else f"{read.day.year:04}-{read.day.month:02}"


def _read(text: str) -> _Read | None:
    for pattern in (_YEAR_FIRST, _YEAR_LAST, _COMPACT, _DAY_NAMED, _NAMED_DAY, _NAMED_YEAR):
        for match in pattern.finditer(text):
            if (read := _parts(match)) is not None:
                return read
    return None


def _parts(match: re.Match[str]) -> _Read | None:
    groups = match.groupdict()
    names = {name: name for name in ("day", "month", "name", "year") if groups.get(name)}
    if "first" in groups:
        month_first = int(groups["second"]) > 12 or (int(groups["first"]) <= 12 and groups["a"] == "/")
        names |= {"month": "first", "day": "second"} if month_first else {"month": "second", "day": "first"}
    year = _full_year(groups["year"]) if groups.get("year") else 2000
    month = int(match[names["month"]]) if "month" in names else _month_of(groups["name"])[1]
    day = int(match[names["day"]]) if "day" in names else 15
    try:
        return _Read(datetime.date(year, month, day), {part: match.span(name) for part, name in names.items()})
    except ValueError:
        return None


def _full_year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year > _PIVOT else 2000)


def _month_of(name: str) -> tuple[tuple[str, ...], int]:
    """The row that knows the name, and the month that it is."""
    for row in _MONTHS:
        folded = [one.casefold() for one in row]
        if name.casefold() in folded:
            return row, folded.index(name.casefold()) + 1
    raise ValueError("no month has this name")


def _rewritten(text: str, read: _Read, day: datetime.date) -> str:
    numbers = {"year": day.year, "month": day.month, "day": day.day}
    widths = [end - start for part, (start, end) in read.places.items() if part in ("day", "month")]
    padded = min(widths, default=0) == 2 and ("name" not in read.places or text[read.places["day"][0]] == "0")
    for part, (start, end) in sorted(read.places.items(), key=lambda item: -item[1][0]):
        before = text[start:end]
        if part == "name":
            new = _cased(before, _month_of(before)[0][day.month - 1])
        elif part == "year":
            new = f"{numbers[part]:04}"[-len(before) :]
        else:
            new = f"{numbers[part]:02}" if padded else str(numbers[part])
        text = text[:start] + new + text[end:]
    return text


def _cased(model: str, word: str) -> str:
    if model.isupper():
        return word.upper()
    return word.lower() if model.islower() else word
