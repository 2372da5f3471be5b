r"""Views: what a person would read in a cell that is written otherwise, and the way back to the cell.

Names and patterns are made for running text. In `{"note": "call me\nat 5"}` quotes touch the words and a line break
is two letters; the view of a cell that holds JSON shows the decoded words with spaces where the structure stood.
Views of text that is encoded piece by piece are made in `encoded`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import Leaf

MAX_CHARACTERS = 8_000_000
"""Longer cells are read as they stand."""

_OPENING = np.frombuffer(b"{[", np.uint8)
_WHITESPACE = np.frombuffer(b" \t\r\n", np.uint8)
_PARTS = re.compile(r'"((?:[^"\\]|\\.)*)"|[^"]+', re.DOTALL)
_ESCAPES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_STRUCTURE = str.maketrans({"{": " ", "}": " ", "[": " ", "]": " ", ",": "\n"})
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Part:
    """A run of a view's text that follows the cell in a straight line.

    Attributes:
        text: the run.
        thirds: where it begins in the cell, in thirds of a code point: base64 writes three bytes as four characters.
        step: thirds of a code point that one character of the run stands for; `COPIED` where it stands as it is.
        rewritten: whether the characters stand otherwise in the cell although each is one code point there.
    """

    text: str
    thirds: int
    step: int
    rewritten: bool = False


COPIED = 3
"""The step of a character that stands in the cell as it is."""


@dataclass(frozen=True, slots=True)
class View:
    """Readable text of a cell.

    Attributes:
        text: what to search.
        at: where each part begins in `text`, ascending; the first at 0.
        thirds: where each part begins in the cell, in thirds of a code point.
        step: how far each character of the part leads in the cell, in thirds of a code point.
        rewritten: whether its characters stand otherwise in the cell although each is one code point there.
    """

    text: str
    at: tuple[int, ...] = (0,)
    thirds: tuple[int, ...] = (0,)
    step: tuple[int, ...] = (COPIED,)
    rewritten: tuple[bool, ...] = (False,)

    def to_cell(self, start: int, end: int) -> tuple[int, int]:
        """The code points of the cell that `text[start:end]` came from; an escape is taken whole."""
        low = self._place(bisect_right(self.at, start) - 1, start) // 3
        if start == end:
            return low, low
        return low, -(-self._place(bisect_left(self.at, end) - 1, end) // 3)

    def decodes(self, start: int, end: int) -> bool:
        """Whether `text[start:end]` stands otherwise in the cell: a character does, or one there is not shown."""
        first, last = bisect_right(self.at, start) - 1, bisect_left(self.at, end) - 1
        return any(self.step[part] != COPIED or self.rewritten[part] for part in range(first, last + 1)) or any(
            self._place(part, self.at[part + 1]) != self.thirds[part + 1] for part in range(first, last)
        )

    def _place(self, part: int, place: int) -> int:
        return self.thirds[part] + (place - self.at[part]) * self.step[part]


def joined(parts: Iterable[Part]) -> View:
    """The view that parts make, one after the other; parts that go on in the same straight line become one."""
    texts: list[str] = []
    at: list[int] = []
    thirds: list[int] = []
    step: list[int] = []
    rewritten: list[bool] = []
    place = 0
    for part in parts:
        texts.append(part.text)
        straight = at and (step[-1], rewritten[-1]) == (part.step, part.rewritten)
        if not straight or thirds[-1] + (place - at[-1]) * part.step != part.thirds:
            at.append(place)
            thirds.append(part.thirds)
            step.append(part.step)
            rewritten.append(part.rewritten)
        place += len(part.text)
    return View("".join(texts), tuple(at), tuple(thirds), tuple(step), tuple(rewritten)) if at else View("")


def json_candidates(leaf: Leaf) -> list[int]:
    """Cells whose first character, blanks aside, opens a JSON object or array; judged on the Arrow buffer."""
    values = leaf.values
    first = _first_bytes(values)
    opening = np.isin(first, _OPENING)
    blank = np.flatnonzero(np.isin(first, _WHITESPACE))
    if len(blank):
        inner = pc.match_substring_regex(values.take(pa.array(blank)), r"^\s*[\[{]")
        opening[blank] = inner.to_numpy(zero_copy_only=False)
    return [int(index) for index in np.flatnonzero(opening)]


def json_view(text: str) -> View | None:
    """The readable view of a cell that is one JSON object or array; None for any other text.

    Strings are decoded; quotes, braces and brackets become spaces, commas become line breaks. A lone surrogate, which
    is no character, becomes U+FFFD. Text that is too long, or nested too deep to parse, has no view.
    """
    if len(text) > MAX_CHARACTERS or not is_json(text):
        return None
    return joined(_parts(text))


def _first_bytes(values: pa.LargeStringArray) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """First byte of each value; 0 where it is empty."""
    if not len(values):
        return np.zeros(0, np.uint8)
    _, offsets_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64, len(values) + 1, values.offset * 8)
    first = np.zeros(len(values), np.uint8)
    filled = offsets[:-1] < offsets[1:]
    if filled.any():
        first[filled] = np.frombuffer(data_buffer, np.uint8)[offsets[:-1][filled]]
    return first


def is_json(text: str) -> bool:
    """Whether the text is one JSON object or array."""
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parts(text: str) -> Iterator[Part]:
    place = 0
    for shown, width in _readable(text):
        if shown:
            yield Part(shown, 3 * place, 3 * width // len(shown))
        place += width


def _readable(text: str) -> Iterator[tuple[str, int]]:
    """Runs of the view with the number of code points of the cell that each stands for."""
    for match in _PARTS.finditer(text):
        body = match.group(1)
        if body is None:
            yield match.group().translate(_STRUCTURE), len(match.group())
        elif "\\" not in body:
            yield f" {body} ", len(body) + 2
        else:
            yield " ", 1
            yield from _decoded(body)
            yield " ", 1


def _decoded(body: str) -> Iterator[tuple[str, int]]:
    """Runs between escapes, and each escape as the one character that it stands for."""
    at = 0
    for match in _ESCAPES.finditer(body):
        if match.start() > at:
            yield body[at : match.start()], match.start() - at
        yield _character(match.group()), len(match.group())
        at = match.end()
    if at < len(body):
        yield body[at:], len(body) - at


def _character(escape: str) -> str:
    if len(escape) == 2:
        return _LETTERS.get(escape[1], escape[1])
    decoded: str = json.loads(f'"{escape}"')
    return _REPLACEMENT if "\ud800" <= decoded <= "\udfff" else decoded
