"""Values of a dataset by keyed hashes of their words, and where texts have them.

Texts are screened as arrays of words: a window of words is looked at more closely where its hashes are a value's. Few
windows are, and only these become text that is fingerprinted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scanner.spans import FINGERPRINT_BYTES
from scanner.surfaces import (
    FACTORS,
    MOST_WORDS,
    Occurrence,
    apart,
    form_of,
    is_capital,
    signature,
    word_hash,
)
from scanner.words import WORD, Mask, Numbers, Texts, Words

Hashes = npt.NDArray[np.uint64]
Fingerprint = Callable[[str, str], bytes]
"""Of an entity and a value."""

SCHEMA = pa.schema(
    [
        pa.field("words", pa.int16(), nullable=False),
        pa.field("place", pa.int16(), nullable=False),
        pa.field("signature", pa.uint64(), nullable=False),
        pa.field("anchor", pa.uint64(), nullable=False),
        pa.field("entity", pa.string(), nullable=False),
        pa.field("lead", pa.int16(), nullable=False),
        pa.field("tail", pa.int16(), nullable=False),
        pa.field("capitals", pa.int16(), nullable=False),
        pa.field("fingerprint", pa.binary(FINGERPRINT_BYTES), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("findings", pa.int64(), nullable=False),
    ]
)
"""One way to write a value a row: its form, the signature of its words and the hash of its anchor."""

_SIGNATURES_HELD = 1 << 14
_WINDOWS_HELD = 1 << 16

_Values = list[tuple[tuple[str, int, int], list[tuple[bytes, int, str]]]]
"""Ways to write values, by entity, lead and tail: fingerprint, capitals, rule."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Spans of texts that are found already, ascending, without overlaps within a text.

    Attributes:
        cells: index of the text of each.
        starts: first code point within it.
        ends: one past its last.
    """

    cells: Numbers
    starts: Numbers
    ends: Numbers


def entry(entity: str, text: str, fingerprint: bytes, rule: str, findings: int, key: bytes) -> tuple[Any, ...] | None:
    """A way to write a value as a row of `SCHEMA`; None where the text is too little to tell the value.

    Args:
        entity: what it is.
        text: as it stands in a cell.
        fingerprint: of the value.
        rule: that found it.
        findings: how often.
        key: of the hashes of words.
    """
    if (told := form_of(text)) is None:
        return None
    form, words = told
    hashes = [word_hash(word, key) for word in words]
    place = (form.words, form.anchor, signature(hashes), hashes[form.anchor])
    return (*place, entity, form.lead, form.tail, form.capitals, fingerprint, rule, findings)


class _Hit(NamedTuple):
    """A window of words that are a value's, in code points of its text."""

    cell: int
    start: int
    end: int
    capitals: int
    shape: _Shape
    signature: int


class Lexicon:
    """Values that texts are searched for."""

    def __init__(self, table: pa.Table, key: bytes, fingerprint: Fingerprint) -> None:
        """Take the values of a table of `SCHEMA`, in order; `key` is that of its hashes."""
        self._key, self._fingerprint = key, lru_cache(_WINDOWS_HELD)(fingerprint)
        self._columns = _Columns(table)
        shapes = np.stack([table["words"].to_numpy(), table["place"].to_numpy()], axis=1).astype(np.int64)
        told = np.unique(shapes, axis=0)
        self._shapes = [_Shape(table, np.flatnonzero((shapes == one).all(axis=1)), *one.tolist()) for one in told]
        self._anchors: Hashes = np.unique(table["anchor"].to_numpy())
        self._held: dict[tuple[_Shape, int], _Values] = {}

    def occurrences(self, values: pa.LargeStringArray, taken: Taken) -> Iterator[tuple[int, list[Occurrence]]]:
        """Where the values stand in texts, apart from what is taken and from each other: the longest count.

        Words stand whole, and no less capital: a word that begins with a capital in every place where the value was
        found does not stand for it without. `will rose` is not `Will Rose`, and `WILL ROSE` is.

        Args:
            values: the texts, none of them null.
            taken: spans that are found already.

        Yields:
            The index of each text that has any, ascending, and its occurrences.
        """
        if not len(self._anchors) or not len(values):
            return
        texts = Texts(values)
        free = _Free(texts, taken)
        hits = (hit for piece in texts.pieces(MOST_WORDS) for hit in self._hits(piece, texts, free))
        for cell, here in groupby(hits, key=lambda hit: hit.cell):
            text = values[cell].as_py()
            found = [one for hit in here for one in self._at(text, hit)]
            if kept := apart(found, free.within(cell)) if found else []:
                yield cell, kept

    def _hits(self, words: Words, texts: Texts, free: _Free) -> list[_Hit]:
        """Windows of a piece whose words are those of a value, and whose anchor is not taken; by text."""
        hashes, capitals = _facts(words.spellings, self._key)
        known = np.flatnonzero(_among(hashes, self._anchors))
        hot = np.zeros(len(hashes), np.bool_)
        hot[known] = True
        anchors = np.flatnonzero(hot[words.ids])
        anchors = anchors[free.of(words.points(words.starts[anchors]), words.points(words.stops[anchors]))]
        hits: list[_Hit] = []
        for shape in self._shapes:
            first, signatures, here = shape.windows(words, anchors, known, hashes, capitals)
            cells = words.cells[first]
            begin = words.points(words.starts[first]) - texts.points[cells]
            end = words.points(words.stops[first + shape.words - 1]) - texts.points[cells]
            columns = (cells.tolist(), begin.tolist(), end.tolist(), here.tolist(), signatures.tolist())
            hits += (
                _Hit(cell, start, stop, shown, shape, told)
                for cell, start, stop, shown, told in zip(*columns, strict=True)
            )
        return sorted(hits, key=lambda hit: hit.cell)

    def _at(self, text: str, hit: _Hit) -> Iterator[Occurrence]:
        """The values of the lexicon that stand there."""
        for (entity, lead, tail), values in self._values(hit):
            start, end = hit.start - lead, hit.end + tail
            if start < 0 or end > len(text) or WORD.search(text, start, hit.start) or WORD.search(text, hit.end, end):
                continue
            found = self._fingerprint(entity, text[start:end])
            same = [(capitals, rule) for fingerprint, capitals, rule in values if fingerprint == found]
            if any(asked & ~hit.capitals == 0 for asked, _ in same):
                yield Occurrence(start, end, entity, found, same[0][1])

    def _values(self, hit: _Hit) -> _Values:
        """Values of the lexicon whose words stand in the window."""
        key = (hit.shape, hit.signature)
        if (known := self._held.get(key)) is not None:
            return known
        if len(self._held) >= _SIGNATURES_HELD:
            self._held.clear()
        rows = sorted(map(self._columns.row, hit.shape.rows(hit.signature).tolist()))
        groups = groupby(rows, key=lambda row: row[:3])
        self._held[key] = told = [(form, [row[3:] for row in same]) for form, same in groups]
        return told


class _Columns:
    """The columns of a lexicon that tell a value from others with its words, as arrays."""

    def __init__(self, table: pa.Table) -> None:
        self._texts = [_encoded(table[name]) for name in ("entity", "rule")]
        self._numbers = [table[name].to_numpy() for name in ("lead", "tail", "capitals")]
        self._fingerprints = table["fingerprint"].combine_chunks()

    def row(self, index: int) -> tuple[str, int, int, bytes, int, str]:
        """Entity, lead, tail, fingerprint, capitals, rule."""
        entity, rule = (texts[codes[index]] for texts, codes in self._texts)
        lead, tail, capitals = (int(numbers[index]) for numbers in self._numbers)
        return entity, lead, tail, self._fingerprints[index].as_py(), capitals, rule


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Different texts of a column, and which stands in each row."""
    told = column.combine_chunks().dictionary_encode()
    return told.dictionary.to_pylist(), told.indices.to_numpy()


class _Shape:
    """Values of so many words that are searched by the one in the same place."""

    def __init__(self, table: pa.Table, rows: Numbers, words: int, place: int) -> None:
        self.words, self._place = words, place
        signatures = table["signature"].to_numpy()[rows]
        order = np.argsort(signatures, kind="stable")
        self._rows, self._signatures = rows[order], signatures[order]
        self._anchors: Hashes = np.unique(table["anchor"].to_numpy()[rows])
        self._different, starts = np.unique(self._signatures, return_index=True)
        capitals = table["capitals"].to_numpy()[self._rows]
        self._capitals = np.bitwise_and.reduceat(capitals, starts).astype(np.int64)

    def rows(self, signature: int) -> Numbers:
        """Rows of the table that have the signature."""
        low, high = (np.searchsorted(self._signatures, np.uint64(signature), side) for side in ("left", "right"))
        return self._rows[low:high]

    def windows(
        self, words: Words, anchors: Numbers, known: Numbers, hashes: Hashes, capitals: Numbers
    ) -> tuple[Numbers, Hashes, Numbers]:
        """Windows that have the words of a value and the capitals that all ways to write it have.

        Args:
            words: to look at.
            anchors: those that are an anchor of any value.
            known: spellings that are one.
            hashes: of the spellings.
            capitals: 1 for spellings with a capital.

        Returns:
            First word, signature and capitals of each.
        """
        here = np.zeros(len(hashes), np.bool_)
        here[known[_among(hashes[known], self._anchors)]] = True
        first = anchors[here[words.ids[anchors]]] - self._place
        first = first[(first >= 0) & (first < words.own) & (first + self.words <= len(words.ids))]
        first = first[words.cells[first] == words.cells[first + self.words - 1]]
        told = np.zeros(len(first), np.uint64)
        shown = np.zeros(len(first), np.int64)
        for place in range(self.words):
            ids = words.ids[first + place]
            told += hashes[ids] * np.uint64(FACTORS[place])
            shown |= capitals[ids] << place
        at = np.minimum(np.searchsorted(self._different, told), len(self._different) - 1)
        found = (self._different[at] == told) & (self._capitals[at] & ~shown == 0)
        return first[found], told[found], shown[found]


class _Free:
    """What of some texts is not taken, by code points of all of them in a row."""

    def __init__(self, texts: Texts, taken: Taken) -> None:
        self._taken = taken
        before = texts.points[taken.cells]
        self._starts, self._ends = before + taken.starts, before + taken.ends
        self._borders = np.searchsorted(taken.cells, np.arange(len(texts.offsets))).tolist()

    def of(self, starts: Numbers, ends: Numbers) -> Mask:
        """Which spans overlap with nothing that is taken."""
        if not len(self._starts):
            return np.ones(len(starts), np.bool_)
        after = np.searchsorted(self._starts, starts, "right")
        last = len(self._starts) - 1
        begins_free = (after == 0) | (self._ends[after - 1] <= starts)
        ends_free = (after > last) | (self._starts[np.minimum(after, last)] >= ends)
        return np.asarray(begins_free & ends_free)

    def within(self, cell: int) -> list[tuple[int, int]]:
        """Taken spans of one text."""
        low, high = self._borders[cell], self._borders[cell + 1]
        return list(zip(self._taken.starts[low:high].tolist(), self._taken.ends[low:high].tolist(), strict=True))


def _facts(spellings: Sequence[str], key: bytes) -> tuple[Hashes, Numbers]:
    """Hash of each spelling, and 1 for those with a capital."""
    hashes = np.fromiter((word_hash(word, key) for word in spellings), np.uint64, len(spellings))
    return hashes, np.fromiter(map(is_capital, spellings), np.int64, len(spellings))


def _among(wanted: Hashes, ordered: Hashes) -> Mask:
    """Which numbers are among others that ascend, at least one."""
    return np.asarray(ordered[np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)] == wanted)
