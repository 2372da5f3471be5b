"""Charts as inline SVG: made of numbers alone, coloured by the page's style, the same bytes for the same numbers.

Each chart is a string that is safe to stand in HTML: the only text in it is a label that is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from scanner.evidence import Interval, OccurrenceBucket


def bullet(interval: Interval, limit: float | None, top: float, label: str, width: int = 260) -> Markup:
    """A quantity from 0 to `top`: its 5 % to 95 % range, its median, and the limit it is held against."""
    scale = width / top
    left, right = _within(interval.p05 * scale, width), _within(interval.p95 * scale, width)
    marks = [
        f'<rect class="track" x="0" y="8" width="{width}" height="8" rx="2"/>',
        f'<rect class="band" x="{_n(left)}" y="8" width="{_n(max(right - left, 2))}" height="8" rx="2"/>',
        f'<rect class="median" x="{_n(_within(interval.p50 * scale, width) - 1.5)}" y="5" width="3" height="14"/>',
    ]
    if limit is not None:
        x = _n(_within(limit * scale, width))
        marks.append(f'<path class="limit" d="M{x} 1V23"/>')
    return _svg(width, 24, label, marks)


def bar(share: float, label: str, width: int = 160) -> Markup:
    """A share from 0 to 1 as a bar; anything above 0 is at least a hair wide."""
    length = 0.0 if share <= 0 else max(1.5, min(1.0, share) * width)
    return _svg(
        width,
        12,
        label,
        [
            f'<rect class="track" x="0" y="2" width="{width}" height="8" rx="2"/>',
            f'<rect class="bar" x="0" y="2" width="{_n(length)}" height="8" rx="2"/>',
        ],
    )


def histogram(buckets: Sequence[OccurrenceBucket], most: int, highest: int, label: str) -> Markup:
    """How many distinct values occur how often, both axes by powers of ten.

    Args:
        buckets: of one entity.
        most: right end of the axis of occurrences, so that several charts share one scale; at least 1.
        highest: top of the axis of distinct values; at least 1.
        label: what the chart shows, for those who do not see it.
    """
    left, bottom, width, height = 34, 96, 236, 84
    across = width / math.log10(max(most + 1, 10))
    up = height / math.log10(max(highest, 1) * 10)
    marks = [_gridline(left, bottom - up * (power + 1), width, 10**power) for power in _powers(highest)]
    marks += [_number_below(left + across * power, bottom + 13, 10**power) for power in _powers(most)]
    for bucket in buckets:
        start = left + across * math.log10(max(bucket.at_least, 1))
        end = left + across * math.log10(max(bucket.at_most, 1) + 1)
        tall = up * math.log10(max(bucket.distinct, 1) * 10)
        place = f'x="{_n(start)}" y="{_n(bottom - tall)}" width="{_n(max(end - start - 1, 1))}" height="{_n(tall)}"'
        marks.append(f'<rect class="bar" {place}/>')
    marks.append(f'<path class="axis" d="M{left} {bottom}H{left + width}"/>')
    return _svg(left + width + 8, bottom + 18, label, marks)


def span(interval: Interval, base: float, low: float, high: float, label: str, width: int = 260) -> Markup:
    """A range with its median on an axis from `low` to `high`, beside the line of the unchanged case at `base`."""
    scale = width / max(high - low, 1e-9)
    left, middle, right, now = ((x - low) * scale for x in (interval.p05, interval.p50, interval.p95, base))
    return _svg(
        width,
        20,
        label,
        [
            f'<path class="base" d="M{_n(now)} 0V20"/>',
            f'<rect class="band" x="{_n(left)}" y="6" width="{_n(max(right - left, 2))}" height="8" rx="2"/>',
            f'<rect class="median" x="{_n(middle - 1.5)}" y="4" width="3" height="12"/>',
        ],
    )


def trend(intervals: Sequence[Interval], label: str, width: int = 640) -> Markup:
    """Ranges with their medians one after the other, the oldest first, on an axis from 0 to the next ten above all."""
    left, top, height = 34, 8, 112
    highest = 10 * max(1, math.ceil(max(one.p95 for one in intervals) / 10))
    step = width / max(len(intervals), 2)
    xs = [left + step * (number + 0.5) for number in range(len(intervals))]

    def y(value: float) -> float:
        return top + height * (1 - _within(value, highest) / highest)

    upper = [f"{_n(x)} {_n(y(one.p95))}" for x, one in zip(xs, intervals, strict=True)]
    lower = [f"{_n(x)} {_n(y(one.p05))}" for x, one in zip(xs, intervals, strict=True)]
    middle = [f"{_n(x)} {_n(y(one.p50))}" for x, one in zip(xs, intervals, strict=True)]
    marks = [_gridline(left, y(value), width, value) for value in (0, highest // 2, highest)]
    marks.append(f'<path class="area" d="M{"L".join(upper)}L{"L".join(reversed(lower))}Z"/>')
    marks.append(f'<path class="line" d="M{"L".join(middle)}"/>')
    marks += [
        f'<rect class="median" x="{_n(x - 1.5)}" y="{_n(y(one.p50) - 1.5)}" width="3" height="3"/>'
        for x, one in zip(xs, intervals, strict=True)
    ]
    return _svg(left + width + 8, top + height + 8, label, marks)


def _svg(width: int, height: int, label: str, marks: Sequence[str]) -> Markup:
    box = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return Markup(f'<svg {box} role="img" aria-label="{escape(label)}">{"".join(marks)}</svg>')  # noqa: S704 - the label is escaped, all else is numbers


def _gridline(left: float, y: float, width: float, value: int) -> str:
    return (
        f'<path class="grid" d="M{left} {_n(y)}H{left + width}"/>'
        f'<text class="tick" x="{left - 4}" y="{_n(y + 3)}" text-anchor="end">{_tick(value)}</text>'
    )


def _number_below(x: float, y: float, value: int) -> str:
    return f'<text class="tick" x="{_n(x)}" y="{_n(y)}" text-anchor="middle">{_tick(value)}</text>'


def _powers(most: int) -> range:
    """Powers of ten up to `most`, every second one when there would be more than five."""
    top = int(math.log10(max(most, 1)))
    return range(0, top + 1, 1 if top < 5 else 2)


def _tick(value: int) -> str:
    for step, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= step:
            return f"{value // step}{letter}"
    return str(value)


def _within(value: float, top: float) -> float:
    return min(max(value, 0.0), top)


def _n(number: float) -> str:
    """A coordinate with at most one decimal, the same on every machine."""
    return f"{number:.1f}".removesuffix(".0")
