"""Putting other text into some spans of a cell: nothing outside them changes, and JSON stays JSON."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scanner.views import is_json

Make = Callable[[str], str]
"""What stands for a text."""

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?', re.DOTALL)
_DIGITS = re.compile(r"[-+.\deE]*\d[-+.\deE]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Spliced:
    """A cell after replacement, and where in it the new texts stand, as half-open code points."""

    text: str
    places: tuple[tuple[int, int], ...]


def splice(text: str, spans: Sequence[tuple[int, int, Make]]) -> Spliced:
    """The text with each span made other.

    Args:
        text: of the cell.
        spans: start, end and what to make of it; ascending, without overlaps, within the text.

    In a cell that is JSON, a value is decoded before and escaped after; keys, quotes and braces that a span reaches
    over stay, and a number stays a number where that can be.

    Raises:
        ValueError: spans overlap or do not lie within the text.
    """
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    at = length = 0
    for start, end, new in _changes(text, spans):
        if not at <= start <= end <= len(text):
            raise ValueError("spans overlap or leave the cell")
        pieces += (text[at:start], new)
        length += start - at
        if new:
            places.append((length, length + len(new)))
        length += len(new)
        at = end
    return Spliced("".join([*pieces, text[at:]]), tuple(places))


def _changes(text: str, spans: Sequence[tuple[int, int, Make]]) -> Iterator[tuple[int, int, str]]:
    if not is_json(text):
        yield from ((start, end, make(text[start:end])) for start, end, make in spans)
        return
    strings = [(match.start(1), match.end(1), match[2] is not None) for match in _STRING.finditer(text)]
    starts = [start for start, _, _ in strings]
    for start, end, make in spans:
        yield from _in_json(text, strings[max(0, bisect_right(starts, start) - 1) :], start, end, make)


def _in_json(
    text: str, strings: Sequence[tuple[int, int, bool]], start: int, end: int, make: Make
) -> Iterator[tuple[int, int, str]]:
    """The parts of a span that are values, each made other."""
    at = start
    for first, last, is_key in strings:
        if first - 1 >= end:
            break
        low, high = max(start, first), min(end, last)
        yield from _numbers(text, at, min(end, first - 1), make)
        at = max(at, last + 1)
        # A key that the span lies within was found as a value of its own; one that it reaches over is structure.
        if low < high and (not is_key or (low, high) == (start, end)):
            yield low, high, _escaped(make(_decoded(text[low:high])), text)
    yield from _numbers(text, at, end, make)


def _numbers(text: str, start: int, end: int, make: Make) -> Iterator[tuple[int, int, str]]:
    """Each number, or part of one, that stands outside of strings."""
    if start < end:
        for match in _DIGITS.finditer(text, start, end):
            low, high = match.span()
            yield low, high, _as_number(make(match.group()), text, low, high)


def _decoded(part: str) -> str:
    try:
        decoded: str = json.loads(f'"{part}"')
    except ValueError:
        return part
    return decoded


def _escaped(made: str, text: str) -> str:
    return json.dumps(made, ensure_ascii=text.isascii())[1:-1]


def _as_number(made: str, text: str, start: int, end: int) -> str:
    """A JSON number in place of a part of one; null where it is the whole and the new text is no number."""
    number = _NUMBER.fullmatch(made)
    continues = text[start - 1 : start].isdigit() or text[start - 1 : start] == "."
    if number or (continues and made.isdecimal() and made.isascii()):
        return made
    is_whole = not (continues or text[end : end + 1].isdigit() or text[end : end + 1] in (".", "e", "E"))
    return "null" if is_whole and _NUMBER.fullmatch(text[start:end].strip()) else "1" * (end - start)
