"""How many digits every match of a pattern must hold close together, read off the parsed pattern.

Text holds few digits, and most patterns need several in a row: they are looked for only where digits stand.
"""

from __future__ import annotations

import math
import re._constants as op  # type: ignore[import-not-found]
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAST_DIGITS = 5
LARGEST_GAP = 3
"""A cluster is `LEAST_DIGITS` ASCII digits with at most `LARGEST_GAP` bytes between each and the next."""

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Offsets = np.ndarray[tuple[int], np.dtype[np.int64]]
Spans = np.ndarray[tuple[int, int], np.dtype[np.int64]]
"""Offsets `[first, last)`, shape (n, 2)."""

_LONGEST_LEAST_CLUSTER = LEAST_DIGITS + (LEAST_DIGITS - 1) * LARGEST_GAP
_PIECE_BYTES = 1 << 20
_DIGITS = frozenset(b"0123456789")
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_ASSERTIONS = (op.AT, op.ASSERT, op.ASSERT_NOT)

Charset = Callable[[tuple[Any, Any]], frozenset[int] | None]
"""First bytes of the one code point that an item takes; None if it takes another number of them."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A text with digits of which no two neighbours lie far apart.

    Attributes:
        digits: least number of digits.
        lead: greatest number of bytes before the first; all bytes if there need be none.
        tail: greatest number of bytes after the last; likewise.
    """

    digits: int
    lead: float
    tail: float

    def then(self, other: _Run) -> _Run | None:
        """Both in a row; None if the gap between them may be too large."""
        if not other.digits:
            return _Run(self.digits, self.lead if self.digits else self.lead + other.lead, self.tail + other.tail)
        if not self.digits:
            return _Run(other.digits, self.lead + other.lead, other.tail)
        return (
            _Run(self.digits + other.digits, self.lead, other.tail) if self.tail + other.lead <= LARGEST_GAP else None
        )

    def before_anything(self) -> _Run:
        """With a text after it of which nothing is known."""
        return _Run(self.digits, self.lead, math.inf)


def clusters(raw: Bytes) -> Spans:
    """The bytes of every cluster, ascending; one look for digits costs less than an automaton that reports each."""
    pieces = range(0, raw.size, _PIECE_BYTES)
    parts = [_clusters_of(raw, max(0, low - _LONGEST_LEAST_CLUSTER), low + _PIECE_BYTES) for low in pieces]
    return joined(np.concatenate([np.empty((0, 2), np.int64), *parts]), 0)


def joined(spans: Spans, gap: int) -> Spans:
    """Spans in ascending order, those that lie within `gap` of each other made one."""
    if not len(spans):
        return spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    begins = beginnings(spans[:, 0], spans[:, 1], gap)
    return np.column_stack((spans[begins, 0], np.maximum.reduceat(spans[:, 1], begins)))


def beginnings(firsts: Offsets, lasts: Offsets, gaps: int | Offsets) -> Offsets:
    """Which of some spans, ascending by their first, lie further than a gap behind all before them.

    Args:
        firsts: where they begin, shape (n,), n at least 1.
        lasts: where they end, shape (n,).
        gaps: the gap, or that of each span but the first, shape (n - 1,).
    """
    reached = np.maximum.accumulate(lasts)
    return np.flatnonzero(np.append(True, firsts[1:] - reached[:-1] > gaps))


def _clusters_of(raw: Bytes, low: int, high: int) -> Spans:
    digits = low + np.flatnonzero((raw[low:high] - np.uint8(ord("0"))) < len(_DIGITS))
    breaks = np.flatnonzero(np.diff(digits) > LARGEST_GAP + 1)
    firsts, lasts = np.append(0, breaks + 1), np.append(breaks, digits.size - 1)
    enough = lasts - firsts >= LEAST_DIGITS - 1
    return np.column_stack((digits[firsts[enough]], digits[lasts[enough]] + 1))


def needs_cluster(items: Iterable[tuple[Any, Any]], charset: Charset) -> bool:
    """Whether every match of the items in a row holds a cluster of digits."""
    run: _Run | None = None
    for item in items:
        if item[0] in _ASSERTIONS:
            continue
        part = _run_of(item, charset)
        joined = run.then(part) if run is not None and part is not None else None
        run = joined if joined is not None else part
        if run is not None and run.digits >= LEAST_DIGITS:
            return True
    return False


def _run_of_all(items: Iterable[tuple[Any, Any]], charset: Charset) -> _Run | None:
    run = _Run(0, 0, 0)
    for item in items:
        if item[0] not in _ASSERTIONS:
            part = _run_of(item, charset)
            longer = run.then(part) if part is not None else None
            if longer is None:
                return run.before_anything() if run.digits else None
            run = longer
    return run


def _run_of(item: tuple[Any, Any], charset: Charset) -> _Run | None:
    kind, argument = item
    if (bytes_ := charset(item)) is not None:
        width = _width(max(bytes_, default=0))
        return _Run(1, 0, 0) if bytes_ and bytes_ <= _DIGITS else _Run(0, width, width)
    if kind in _REPEATS:
        return _repeated(argument[0], argument[1], _run_of_all(argument[2], charset))
    if kind in (op.SUBPATTERN, op.ATOMIC_GROUP):
        return _run_of_all(argument[3] if kind is op.SUBPATTERN else argument, charset)
    if kind is op.BRANCH:
        return _either([_run_of_all(branch, charset) for branch in argument[1]])
    return None


def _width(first: int) -> int:
    """Bytes of a code point, by its first byte (RFC 3629)."""
    return 1 + (first >= 0xC2) + (first >= 0xE0) + (first >= 0xF0)


def _repeated(least: int, most: Any, inner: _Run | None) -> _Run | None:
    """A repeat that may be absent counts only if no digit is sure in it: its width is not known otherwise."""
    if inner is None or (least == 0 and inner.digits):
        return None
    if not inner.digits:
        width = math.inf if most is op.MAXREPEAT else inner.lead * most
        return _Run(0, width, width)
    if most != 1 and inner.tail + inner.lead > LARGEST_GAP:
        return None
    return _Run(inner.digits * least, inner.lead, inner.tail)


def _either(branches: list[_Run | None]) -> _Run | None:
    known = [branch for branch in branches if branch is not None]
    if len(known) < len(branches) or len({branch.digits > 0 for branch in known}) > 1:
        return None
    return _Run(
        min(branch.digits for branch in known),
        max(branch.lead for branch in known),
        max(branch.tail for branch in known),
    )
