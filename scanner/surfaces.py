"""How a value is written, and where a text has it again: by words, without knowing the value itself.

What is kept of a value is its form (how many words, and what stands around them), a keyed hash of its longest word and
its fingerprint. A text is searched for the word, and what stands in the form around it is fingerprinted.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

WORD = re.compile(r"\w+")
MOST_WORDS = 12
"""Values of more words are passages, and no names of anything that stands twice by chance."""

LEAST_CHARACTERS = 5
"""Letters and digits of a value with digits: shorter ones, such as the 1 of `Item 1`, stand anywhere."""

LEAST_LETTERS = 2
"""Letters of a value of one word: initials stand anywhere."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, order=True)
class Form:
    """How a value is written.

    Attributes:
        words: runs of letters and digits in it.
        anchor: place among them of the one that it is searched by.
        lead: characters before the first word.
        tail: characters behind the last.
        capitals: bit i is set where word i begins with a capital letter.
    """

    words: int
    anchor: int
    lead: int
    tail: int
    capitals: int


def form_of(text: str) -> tuple[Form, str] | None:
    """The form of a value and its anchor, its longest word; None where the value is too little to be told by its text.

    A value is told by its text if it has digits and at least five letters and digits, or several words, or one word
    that begins with a capital letter: `mark` stands for too much, `Mark` is weighed by how often it was found.
    """
    spans = [match.span() for match in WORD.finditer(text)]
    words = [text[start:end] for start, end in spans]
    if not 0 < len(words) <= MOST_WORDS or not _is_telling(words):
        return None
    anchor = max(range(len(words)), key=lambda index: (len(words[index]), -index))
    lead, tail = spans[0][0], len(text) - spans[-1][1]
    return Form(len(words), anchor, lead, tail, capitals_of(words)), words[anchor]


def capitals_of(words: Iterable[str]) -> int:
    """Bit i is set where word i begins with a capital letter."""
    return sum(1 << index for index, word in enumerate(words) if word[0].isupper() or word[0].istitle())


def anchor_hash(word: str, key: bytes) -> int:
    """Keyed hash of a word, from 0 below 2⁶⁴; case and width (NFKC) aside, as fingerprints are."""
    folded = word if word.isascii() else unicodedata.normalize("NFKC", word)
    message = b"anchor|" + folded.casefold().encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(message, key=key, digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class Group:
    """Values of one entity, form and anchor, capitals aside.

    Attributes:
        entity: theirs.
        form: theirs; its capitals say nothing.
        values: capitals that each was found with, and the rule that found it, by fingerprint.
    """

    entity: str
    form: Form
    values: dict[bytes, tuple[list[int], str]]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Where a value stands again, as half-open code points."""

    start: int
    end: int
    entity: str
    fingerprint: bytes
    rule: str


def occurrences(
    text: str,
    groups: Mapping[str, Sequence[Group]],
    taken: Sequence[Span],
    fingerprint: Callable[[str, str], bytes],
) -> list[Occurrence]:
    """Where known values stand, words whole, apart from what is taken and from each other; the longest first.

    A word that begins with a capital in every place where the value was found does not stand for it without:
    `will rose` is not `Will Rose`, and `WILL ROSE` is.

    Args:
        text: to search.
        groups: values by the words of the text that may be their anchor.
        taken: spans that are found already, ascending, without overlaps.
        fingerprint: of an entity and a value.
    """
    matches = list(WORD.finditer(text))
    anchors = [(index, groups[match[0]]) for index, match in enumerate(matches) if match[0] in groups]
    spans = [match.span() for match in matches]
    held = _Held(taken)
    found = [
        one
        for index, known in anchors
        if held.leaves(*spans[index])
        for group in known
        if (one := _occurrence(text, spans, index, group, fingerprint)) is not None
    ]
    found.sort(key=lambda one: (one.start - one.end, one.start, one.entity, one.fingerprint))
    return sorted((one for one in found if held.take(one.start, one.end)), key=lambda one: one.start)


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
    if any(char.isdecimal() for char in joined):
        return len(joined) >= LEAST_CHARACTERS
    return len(words) > 1 or (len(joined) >= LEAST_LETTERS and capitals_of(words) == 1)


def _occurrence(
    text: str, spans: Sequence[Span], index: int, group: Group, fingerprint: Callable[[str, str], bytes]
) -> Occurrence | None:
    """The value of the group whose anchor is the word at `index`, if it stands there."""
    form = group.form
    first = index - form.anchor
    last = first + form.words - 1
    if first < 0 or last >= len(spans):
        return None
    start, end = spans[first][0] - form.lead, spans[last][1] + form.tail
    if start < (spans[first - 1][1] if first else 0):
        return None
    if end > (spans[last + 1][0] if last + 1 < len(spans) else len(text)):
        return None
    found = fingerprint(group.entity, text[start:end])
    if found not in group.values:
        return None
    capitals, rule = group.values[found]
    here = capitals_of(text[start:end] for start, end in spans[first : last + 1])
    return Occurrence(start, end, group.entity, found, rule) if any(asked & ~here == 0 for asked in capitals) else None
