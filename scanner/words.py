r"""Words of many texts at once, as arrays: where each stands, and which are spelt alike.

A word is a run of letters, digits and underscores, as `\w+` takes them. Texts are read in Arrow's own buffer, a piece
at a time, so that no text becomes an object of its own and memory is bounded by a piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

WORD = re.compile(r"\w+")

PIECE_BYTES = 4 << 20
"""Bytes of text looked at together: a word takes some 70 bytes of memory, and a text may have one in two bytes."""

_CODE_POINTS = 0x110000
_BLOCK_BITS = 12

Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Words:
    """Words of consecutive bytes of some texts, in order.

    Attributes:
        starts: first byte of each within the texts' buffer.
        stops: one past its last.
        cells: index of the text that it stands in.
        ids: its spelling, as an index of `spellings`.
        spellings: different spellings, case kept; what stands between words is among them.
        own: the first so many words; the others stand in the next piece again.
    """

    starts: Numbers
    stops: Numbers
    cells: Numbers
    ids: Numbers
    spellings: list[str]
    own: int
    _inner: Numbers
    _before: int

    def points(self, places: Numbers) -> Numbers:
        """Code points of all texts before some bytes of the piece."""
        return places - self._before - np.searchsorted(self._inner, places)


class Texts:
    """Texts as Arrow holds them, with the way from bytes to code points."""

    def __init__(self, values: pa.LargeStringArray) -> None:
        """Look at texts, none of them null."""
        _, offsets, data = values.buffers()
        ends = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1] if offsets else None
        self.offsets: Numbers = np.zeros(1, np.int64) if ends is None else ends
        self.data: Bytes = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
        lengths = pc.utf8_length(values).to_numpy(zero_copy_only=False)
        self.points: Numbers = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
        """Code points before each text."""

    def pieces(self, context: int) -> Iterator[Words]:
        """The words of all texts, in pieces; any so many words in a row stand in one piece, some in two.

        Args:
            context: words in a row, at least one. A run of so many begins among a piece's own words, or in the next.
        """
        at, end = int(self.offsets[0]), int(self.offsets[-1])
        size, continued = PIECE_BYTES, 0
        while at < end:
            stop = self._character(min(at + size, end))
            starts, stops = self._edges(at, stop)
            own, again = len(starts), stop
            if stop < end:
                whole = len(stops) - int((stops[-1:] == stop).sum())  # The last one may go on.
                own = whole - context + 1
                if own < 2:
                    size *= 2
                    continue
                starts, stops, again = starts[:whole], stops[:whole], int(starts[own])
            inner = np.flatnonzero(self.data[at:stop] & 0xC0 == 0x80) + at
            if len(starts):
                yield self._words(starts, stops, own, inner, continued)
            continued += int(np.searchsorted(inner, again))
            at, size = again, PIECE_BYTES

    def _character(self, at: int) -> int:
        """The first byte of the character that a byte belongs to."""
        while at < int(self.offsets[-1]) and self.data[at] & 0xC0 == 0x80:
            at -= 1
        return at

    def _edges(self, start: int, stop: int) -> tuple[Numbers, Numbers]:
        """Where words begin and end between two bytes; no word reaches over the end of its text."""
        wordy = _wordy(self.data[start:stop])
        follows = np.zeros(len(wordy), np.bool_)
        follows[1:] = wordy[:-1]
        leads = np.zeros(len(wordy), np.bool_)
        leads[:-1] = wordy[1:]
        low, high = np.searchsorted(self.offsets, (start, stop))
        borders = self.offsets[low:high] - start
        follows[borders] = False
        leads[borders[borders > 0] - 1] = False
        return np.flatnonzero(wordy & ~follows) + start, np.flatnonzero(wordy & ~leads) + start + 1

    def _words(self, starts: Numbers, stops: Numbers, own: int, inner: Numbers, continued: int) -> Words:
        edges = np.empty(2 * len(starts), np.int64)
        edges[::2], edges[1::2] = starts, stops
        runs = pa.LargeStringArray.from_buffers(len(edges) - 1, pa.py_buffer(edges), pa.py_buffer(self.data))
        encoded = runs.dictionary_encode()
        counts = np.diff(np.searchsorted(starts, self.offsets))
        return Words(
            starts=starts,
            stops=stops,
            cells=np.repeat(np.arange(len(counts)), counts),
            ids=encoded.indices.to_numpy()[::2].astype(np.int64),
            spellings=encoded.dictionary.to_pylist(),
            own=own,
            _inner=inner,
            _before=int(self.offsets[0]) + continued,
        )


def _wordy(data: Bytes) -> Mask:
    """Which bytes belong to characters of words."""
    wordy = _ASCII[data]
    leads = np.flatnonzero(data >= 0xC0)
    if len(leads):
        sizes = 2 + (data[leads] >= 0xE0).astype(np.int64) + (data[leads] >= 0xF0)
        told = _in_words(_points(data, leads, sizes))
        for more in range(4):
            wordy[(leads + more)[told & (sizes > more)]] = True
    return wordy


def _points(data: Bytes, leads: Numbers, sizes: Numbers) -> Numbers:
    """Code points of the characters of two to four bytes that begin there (RFC 3629)."""
    points = data[leads].astype(np.int64) & (0x7F >> sizes)
    for more in range(1, 4):
        longer = sizes > more
        points[longer] = points[longer] << 6 | (data[leads[longer] + more] & 0x3F)
    return np.asarray(np.minimum(points, _CODE_POINTS - 1))


def _in_words(points: Numbers) -> Mask:
    """Which code points belong to words."""
    told = np.zeros(len(points), np.bool_)
    blocks = points >> _BLOCK_BITS
    for block in np.flatnonzero(np.bincount(blocks)).tolist():
        here = blocks == block
        told[here] = _block(block)[points[here] & ((1 << _BLOCK_BITS) - 1)]
    return told


@cache
def _block(number: int) -> Mask:
    """Which code points of a block belong to words."""
    first = number << _BLOCK_BITS
    return np.array([WORD.match(chr(first + place)) is not None for place in range(1 << _BLOCK_BITS)])


_ASCII = np.zeros(256, np.bool_)
_ASCII[:128] = [WORD.match(chr(code)) is not None for code in range(128)]
