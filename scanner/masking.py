"""Masked windows: a finding in the text around it, with all that is known to be somebody's replaced."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from scanner.evidence import PlacePart
from scanner.reviewing import Marked

MASK = "•"
KEPT = frozenset(" @.:/-+(),")
"""Characters of a value that stay, so that its form can be told; a password's other signs do not."""

BESIDE = 40
"""Code points shown before and after a finding."""

MARGIN = 200
"""Code points beyond the window that are looked at, so that a word cut off at its edge is known."""

MOST_SHOWN = 60
"""Code points of a value whose form is shown."""

_LOOSE = re.compile(r"\S*@\S*|\d")
"""What is masked in the text around findings even where no detector found it: digits, and words with an at-sign."""

_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class Window:
    """A finding in its context, every finding masked; what no detector found may stand in it.

    Attributes:
        place: the finding's.
        before: text before it; begins with an ellipsis where it was cut.
        value: the form of the value.
        after: text after it.
    """

    place: PlacePart
    before: str
    value: str
    after: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What a window is made from: the text about a finding, unmasked, and so never to be written.

    Attributes:
        place: the finding's.
        text: of the cell, from `first` on.
        first: offset within the cell.
        length: code points of the cell.
    """

    place: PlacePart
    text: str = field(repr=False)
    first: int
    length: int

    @property
    def last(self) -> int:
        """Offset within the cell, the first one that is not looked at."""
        return self.first + len(self.text)


def excerpt(cell: str, place: PlacePart) -> Excerpt:
    """The part of a cell that is looked at for the window of one finding."""
    first = max(0, place.start - BESIDE - MARGIN)
    return Excerpt(place, cell[first : place.end + BESIDE + MARGIN], first, len(cell))


def values_of(about: Excerpt, findings: Iterable[Marked]) -> set[str]:
    """Values found in an excerpt and their words, in lower case: what is masked wherever it stands again."""
    spans = ((max(0, one.start - about.first), max(0, one.end - about.first)) for one in findings)
    found = [about.text[start:end].casefold().strip() for start, end in spans]
    return {word for value in found for word in (value, *_WORD.findall(value)) if word}


def window(about: Excerpt, findings: Iterable[Marked], hidden: Collection[str]) -> Window:
    """The window of one finding.

    Args:
        about: the text about it.
        findings: all that touch the excerpt, by their offsets in the cell; the one at its place is masked in any case.
        hidden: values, in lower case, that are masked wherever they stand.
    """
    place, first = about.place, about.first
    spans = [(one.start - first, one.end - first) for one in findings]
    masked = _masked(about.text, [*spans, (place.start - first, place.end - first), *_loose(about.text, hidden)])
    low, high = max(first, place.start - BESIDE), min(about.last, place.end + BESIDE)
    value = masked[place.start - first : place.end - first]
    return Window(
        place=place,
        before=f"{'…' if low else ''}{masked[low - first : place.start - first]}",
        value=value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN]}…",
        after=f"{masked[place.end - first : high - first]}{'…' if high < about.length else ''}",
    )


def _loose(text: str, hidden: Collection[str]) -> Iterable[tuple[int, int]]:
    """What is masked although nothing was found there."""
    yield from (match.span() for match in _LOOSE.finditer(text))
    if hidden:
        longest_first = sorted(hidden, key=lambda value: (-len(value), value))
        again = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
        yield from (match.span() for match in again.finditer(text))


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    characters = list(text)
    for start, end in spans:
        for index in range(max(0, start), min(len(characters), end)):
            if characters[index] not in KEPT:
                characters[index] = MASK
    return "".join(characters)
