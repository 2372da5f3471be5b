"""How a value is written, and where a text has it again: by words, without knowing the value itself.

What is kept of a value is its form (how many words, and what stands around them), keyed hashes of its longest word and
of all of them, and its fingerprint. A text is searched for the word, then for all of them, and what stands there in the
form is fingerprinted.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from scanner.words import WORD

MOST_WORDS = 12
"""Values of more words are passages, and no names of anything that stands twice by chance."""

LEAST_CHARACTERS = 5
"""Letters and digits of a value with digits: shorter ones, such as the 1 of `Item 1`, stand anywhere."""

LONGEST_EDGE = 64
"""Characters before the first word or behind the last of a value that is looked for."""

LEAST_LETTERS = 2
"""Letters of a value of one word: initials stand anywhere."""

Span = tuple[int, int]

_DIGIT = re.compile(r"\d")
_WORDS_HELD = 1 << 16


@dataclass(frozen=True, slots=True, order=True)
class Form:
    """How a value is written.

    Attributes:
        words: runs of letters and digits in it.
        anchor: place among them of the one that it is searched by, the longest.
        lead: characters before the first word.
        tail: characters behind the last.
        capitals: bit i is set where word i begins with a capital letter.
    """

    words: int
    anchor: int
    lead: int
    tail: int
    capitals: int


def form_of(text: str) -> tuple[Form, list[str]] | None:
    """The form of a value and its words; None where the value is too little to be told by its text.

    A value is told by its text if it has digits and at least five letters and digits, or several words, or one word
    that begins with a capital letter: `mark` stands for too much, `Mark` is weighed by how often it was found.
    """
    words = WORD.findall(text)
    if not 0 < len(words) <= MOST_WORDS or not _is_telling(words):
        return None
    anchor = words.index(max(words, key=len))
    lead, tail = text.index(words[0]), len(text) - text.rindex(words[-1]) - len(words[-1])
    if max(lead, tail) > LONGEST_EDGE:
        return None
    return Form(len(words), anchor, lead, tail, capitals_of(words)), words


def capitals_of(words: Iterable[str]) -> int:
    """Bit i is set where word i begins with a capital letter."""
    return sum(1 << index for index, word in enumerate(words) if is_capital(word))


def is_capital(word: str) -> bool:
    """Whether it begins with a capital letter."""
    return word[:1].isupper() or word[:1].istitle()


@lru_cache(_WORDS_HELD)
def word_hash(word: str, key: bytes) -> int:
    """Keyed hash of a word, from 0 below 2⁶⁴; case and width (NFKC) aside, as fingerprints are."""
    folded = word if word.isascii() else unicodedata.normalize("NFKC", word)
    message = folded.casefold().encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(message, key=key, digest_size=8, person=b"word").digest(), "little")


FACTORS = tuple(pow(0x9E3779B97F4A7C15, 2 * place + 1, 1 << 64) for place in range(MOST_WORDS))
"""Odd numbers that set a word apart from the same word in another place; the first is the golden ratio's, as
Knuth's multiplicative hash takes it."""


def signature(hashes: Sequence[int]) -> int:
    """One number, below 2⁶⁴, of the hashes of some words in a row: the sum of each times the factor of its place."""
    return sum(one * factor for one, factor in zip(hashes, FACTORS, strict=False)) % (1 << 64)


class Occurrence(NamedTuple):
    """Where a value stands again, as half-open code points."""

    start: int
    end: int
    entity: str
    fingerprint: bytes
    rule: str


def apart(found: Iterable[Occurrence], taken: Sequence[Span]) -> list[Occurrence]:
    """Those of one text that are not taken and do not overlap with each other, the longest first to be kept.

    Args:
        found: occurrences, in any order.
        taken: spans that are found already, ascending, without overlaps.
    """
    held = _Held(taken)
    order = sorted(found, key=lambda one: (one.start - one.end, one.start, one.entity, one.fingerprint))
    return sorted((one for one in order if held.take(one.start, one.end)), key=lambda one: one.start)


class _Held:
    """Spans of a cell that do not overlap."""

    def __init__(self, taken: Sequence[Span]) -> None:
        self._starts = [start for start, _ in taken]
        self._ends = [end for _, end in taken]

    def leaves(self, start: int, end: int) -> bool:
        """Whether the span overlaps with none."""
        at = bisect_right(self._starts, start)
        before = at == 0 or self._ends[at - 1] <= start
        return before and (at == len(self._starts) or self._starts[at] >= end)

    def take(self, start: int, end: int) -> bool:
        """Hold the span too, if it overlaps with none."""
        if not self.leaves(start, end):
            return False
        at = bisect_right(self._starts, start)
        self._starts.insert(at, start)
        self._ends.insert(at, end)
        return True


def _is_telling(words: Sequence[str]) -> bool:
    joined = "".join(words)
    if _DIGIT.search(joined):
        return len(joined) >= LEAST_CHARACTERS
    return len(words) > 1 or (len(joined) >= LEAST_LETTERS and capitals_of(words) == 1)
