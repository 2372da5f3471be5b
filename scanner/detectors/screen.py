"""One Hyperscan automaton for every pattern: where in a block of UTF-8 a pattern could match at all.

A superset: what it does not report cannot match; what it reports is for `evaluate` to verify.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import hyperscan
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.detectors.automata import Expression, automaton
from scanner.detectors.digits import Bytes, Offsets, Spans, beginnings, clusters, joined
from scanner.detectors.evaluate import FOREIGN_DIGITS, MARGIN
from scanner.detectors.superset import Superset, superset
from scanner.rules import Rule, RuleSet

LONGEST_MATCH = 4096
"""Code points; a pattern that may match more is run over whole cells."""

Key = tuple[int, int]
"""A pattern: position of its rule in the rule set, position in the rule."""

SEPARATOR = b"\n"
_LONGEST_AROUND_DIGITS = 128
_PIECE_BYTES = 1 << 28
_OVERLAP_BYTES = 1 << 16
_STRIDE_BYTES = 1 << 10
_NEAR_BYTES = 200
"""Bytes of a cell between two hits that are verified as one: to read so few costs less than to begin anew."""


FOREIGN: Key = (-1, -1)
"""In place of a pattern: digits of another script, which patterns see as ASCII."""


class Hit(NamedTuple):
    """A run of places where a pattern may match.

    Attributes:
        cell: index of the cell.
        key: the pattern.
        first: offset of the first place in the cell, in bytes.
        last: offset of the last place.
    """

    cell: int
    key: Key
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a pattern's matches reach, in code points.

    Attributes:
        before: greatest distance from the start of a match to the place of its hit.
        longest: greatest length of a match, with what its assertions look at after it.
        holds: bytes of which a match is made up to the place of its hit, less the last; None where that tells
            little of where it begins.
    """

    before: int
    longest: int
    holds: bytes | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Cells joined into one buffer, each between separators, so that none can touch the next.

    Attributes:
        data: the UTF-8 bytes.
        starts: offset of each cell's first byte, shape (n,), int64.
        lengths: bytes of each cell, shape (n,), int64.
        is_ascii: whether every byte is below 128.
    """

    data: pa.Buffer
    starts: np.ndarray[tuple[int], np.dtype[np.int64]]
    lengths: np.ndarray[tuple[int], np.dtype[np.int64]]
    is_ascii: bool

    @classmethod
    def of(cls, values: pa.LargeStringArray) -> Block:
        """The cells of an array without nulls."""
        edges = [pa.scalar(edge, pa.large_binary()) for edge in (b"", SEPARATOR)]
        joined = pc.binary_join_element_wise(edges[0], values.cast(pa.large_binary()), *edges)
        offsets = np.frombuffer(joined.buffers()[1], dtype=np.int64, count=len(joined) + 1, offset=8 * joined.offset)
        data = joined.buffers()[2] or pa.py_buffer(b"")
        raw = np.frombuffer(data, dtype=np.uint8)
        return cls(data, offsets[:-1] + 1, np.diff(offsets) - 2, bool(raw.size == 0 or raw.max() < 0x80))

    def cell(self, index: int) -> memoryview:
        """The bytes of one cell, not copied."""
        start = int(self.starts[index])
        return memoryview(self.data)[start : start + int(self.lengths[index])]


class Screen:
    """The automaton of a rule set."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.supersets: dict[Key, Superset] = {}
        self.everywhere: list[Key] = []
        self._keys: list[list[Key]]
        self._gaps: list[int]
        self._around_digits: int
        expressions: dict[tuple[bytes, bool], list[Key]] = defaultdict(list)
        for rule_index, rule in enumerate(ruleset.rules):
            for index in range(len(rule.patterns)):
                key = (rule_index, index)
                self.supersets[key] = known = _screened(rule, index)
                if known.expression is None:
                    self.everywhere.append(key)
                else:
                    expressions[known.expression, known.caseless].append(key)
        self._databases = self._compiled(expressions)

    def bounds(self, key: Key) -> Bounds | None:
        """How far matches reach around a hit; None where only the whole cell is enough."""
        known = self.supersets[key]
        if known.longest is None or known.before is None or known.reach is None:
            return None
        if known.longest > LONGEST_MATCH or known.reach > MARGIN:
            return None
        return Bounds(known.before + 1, known.longest + known.reach + 1, known.holds)

    def hits(self, block: Block) -> Iterator[Hit]:
        """Where each pattern may match: one after the other in a cell, patterns in no particular order."""
        for cell in range(len(block.starts)):
            for key in self.everywhere:
                yield Hit(cell, key, 0, int(block.lengths[cell]))
        for number, cell, low, high in _in_cells(block, self._runs(block)):
            for key in self._keys[number]:
                yield Hit(cell, key, low, high)

    def _is_clustered(self, keys: list[Key]) -> bool:
        """Whether matches of the patterns lie around clusters of digits, and not far."""
        bounds = [self.bounds(key) for key in keys]
        return all(self.supersets[key].clustered for key in keys) and all(
            bound is not None and bound.longest <= _LONGEST_AROUND_DIGITS for bound in bounds
        )

    def _compiled(self, expressions: dict[tuple[bytes, bool], list[Key]]) -> tuple[hyperscan.Database, ...]:
        """The automaton of what is looked for in all text, and that of what is looked for around digits.

        An expression that Hyperscan refuses goes everywhere.
        """
        wanted: tuple[list[Expression], list[Expression]] = (
            [(_foreign_digits(), hyperscan.HS_FLAG_DOTALL)],
            [],
        )
        keys: tuple[list[list[Key]], list[list[Key]]] = ([[FOREIGN]], [])
        for (expression, caseless), known in sorted(expressions.items()):
            part = int(self._is_clustered(known))
            flags = hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_CASELESS if caseless else 0)
            wanted[part].append((expression, flags))
            keys[part].append(known)
        made = [automaton(part) for part in wanted if part]
        for one, parts in zip(made, keys, strict=False):
            self.everywhere.extend(key for number in sorted(one.refused) for key in parts[number])
        self._around_digits = len(keys[0])
        self._keys = [*keys[0], *keys[1]]
        self._gaps = [self._gap(known) for known in self._keys]
        return tuple(one.database for one in made)

    def _gap(self, keys: list[Key]) -> int:
        """Code points between two hits from which on they are two runs."""
        if keys == [FOREIGN]:
            return _OVERLAP_BYTES
        bounds = [self.bounds(key) for key in keys]
        return max(bound.before + 2 if bound else _OVERLAP_BYTES for bound in bounds)

    def _runs(self, block: Block) -> _Runs:
        """Reported end offsets of each expression, those that lie close together made one run."""
        width = 1 if block.is_ascii else 4
        gaps = [gap * width for gap in self._gaps]
        runs: list[list[int]] = [[] for _ in gaps]

        def seen(number: int, _start: int, end: int, _flags: int, low: Any) -> None:
            end += low
            known = runs[number]
            if known and 0 <= end - known[-1] <= gaps[number]:
                known[-1] = end
            else:
                known += (end, end)

        def seen_around(number: int, start: int, end: int, flags: int, low: Any) -> None:
            seen(number + self._around_digits, start, around.place(end + low), flags, 0)

        for low, piece in _pieces(block.data):
            self._databases[0].scan(piece, match_event_handler=seen, context=low)
        for database in self._databases[1:]:
            around = _Excerpts.of(block.data, _around_clusters(block))
            for low, piece in _pieces(around.data):
                database.scan(piece, match_event_handler=seen_around, context=low)
        return _Runs.of(runs).merged(np.array(gaps, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class _Excerpts:
    """Spans of a block as one buffer, a separator after each: one long scan costs less than thousands of short ones.

    Attributes:
        data: the bytes.
        firsts: offset in `data` of each span.
        places: its offset in the block.
    """

    data: pa.Buffer
    firsts: list[int]
    places: list[int]

    @classmethod
    def of(cls, data: pa.Buffer, spans: Spans) -> _Excerpts:
        """The bytes of spans, ascending and apart."""
        view = memoryview(data)
        lengths = spans[:, 1] - spans[:, 0] + len(SEPARATOR)
        joined = b"".join(part for first, last in spans.tolist() for part in (view[first:last], SEPARATOR))
        return cls(pa.py_buffer(joined), (np.cumsum(lengths) - lengths).tolist(), spans[:, 0].tolist())

    def place(self, end: int) -> int:
        """The offset in the block of an end offset in `data`; that of a separator is one beyond its span."""
        index = bisect_left(self.firsts, end) - 1
        return self.places[index] + end - self.firsts[index]


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of places, in the order of their expressions, each of shape (n,).

    Attributes:
        numbers: the expression.
        firsts: offset of the first place in the block, in bytes.
        lasts: offset of the last.
    """

    numbers: Offsets
    firsts: Offsets
    lasts: Offsets

    @classmethod
    def of(cls, runs: list[list[int]]) -> _Runs:
        """From the first and last place of run after run, by expression."""
        numbers = np.repeat(np.arange(len(runs)), [len(known) // 2 for known in runs])
        places = np.fromiter(itertools.chain.from_iterable(runs), dtype=np.int64, count=2 * numbers.size)
        return cls(numbers, places[::2], places[1::2])

    def merged(self, gaps: Offsets) -> _Runs:
        """Ascending runs, those of one expression that lie within its gap joined; the automaton keeps no order."""
        if not self.numbers.size:
            return self
        order = np.lexsort((self.firsts, self.numbers))
        numbers, firsts, lasts = self.numbers[order], self.firsts[order], self.lasts[order]
        further = numbers * (int(lasts.max()) + int(gaps.max()) + 1)  # so that no two expressions lie within a gap
        begins = beginnings(firsts + further, lasts + further, gaps[numbers[1:]])
        return _Runs(numbers[begins], firsts[begins], np.maximum.reduceat(lasts, begins))


def _in_cells(block: Block, runs: _Runs) -> Iterator[tuple[int, int, int, int]]:
    """Expression, cell, first and last place in it of each run; one that reaches over borders counts in every cell."""
    first_cells = np.maximum(np.searchsorted(block.starts, runs.firsts - 1, side="right") - 1, 0)
    touched = np.maximum(np.searchsorted(block.starts, runs.lasts, side="right") - 1, 0) - first_cells + 1
    run = np.repeat(np.arange(touched.size), touched)
    cells = first_cells[run] + np.arange(run.size) - np.repeat(np.cumsum(touched) - touched, touched)
    lengths = block.lengths[cells]
    lows = np.maximum(runs.firsts[run] - block.starts[cells], 0)
    highs = np.minimum(runs.lasts[run] - block.starts[cells], lengths + 1)
    within = (lows <= lengths + 1) & (highs >= 0)
    columns = (runs.numbers[run], cells, np.minimum(lows, lengths), np.minimum(highs, lengths))
    return _near_joined(*(column[within] for column in columns))


def _near_joined(
    numbers: Offsets, cells: Offsets, lows: Offsets, highs: Offsets
) -> Iterator[tuple[int, int, int, int]]:
    """The same, ascending by expression; runs of one expression and cell that lie near each other made one."""
    apart = (numbers[1:] != numbers[:-1]) | (cells[1:] != cells[:-1]) | (lows[1:] - highs[:-1] > _NEAR_BYTES)
    firsts = np.append(True, apart)[: cells.size]
    lasts = np.append(apart, True)[-cells.size :] if cells.size else firsts
    return zip(
        *(column.tolist() for column in (numbers[firsts], cells[firsts], lows[firsts], highs[lasts])), strict=True
    )


def _screened(rule: Rule, index: int) -> Superset:
    """What the screen looks for: the pattern's superset, or else the literals that its author promises."""
    pattern = rule.patterns[index]
    known = superset(pattern.regex, pattern.flags)
    if known.expression is None and rule.literals:
        expression = b"|".join(_literal(literal) for literal in rule.literals)
        return Superset(expression, True, known.longest, known.longest, known.reach)
    return known


def _foreign_digits() -> bytes:
    """Expression of every decimal digit beyond ASCII, by the bytes before its last."""
    lasts: dict[bytes, list[int]] = defaultdict(list)
    for code in FOREIGN_DIGITS:
        *before, last = chr(code).encode()
        lasts[bytes(before)].append(last)
    return b"|".join(
        b"".join(b"\\x%02x" % byte for byte in before) + b"[" + b"".join(b"\\x%02x" % byte for byte in known) + b"]"
        for before, known in sorted(lasts.items())
    )


def _literal(text: str) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in text.encode())


def _pieces(data: pa.Buffer) -> Iterator[tuple[int, pa.Buffer]]:
    """Slices that Hyperscan's 32-bit lengths can hold, overlapping, and where each begins."""
    for offset in range(0, max(len(data), 1), _PIECE_BYTES):
        low = max(0, offset - _OVERLAP_BYTES)
        yield low, data.slice(low, min(len(data), offset + _PIECE_BYTES) - low)


def _around_clusters(block: Block) -> Spans:
    """Bytes in which matches that hold a cluster of digits lie, with a byte at either end, ascending and apart."""
    raw = np.frombuffer(block.data, dtype=np.uint8)
    around = joined(clusters(raw), _LONGEST_AROUND_DIGITS)
    if not len(around):
        return around
    reach = _LONGEST_AROUND_DIGITS + 1
    widths = np.where(_all_ascii(raw, around, 4 * reach), reach, 4 * reach)
    return joined(np.column_stack((around[:, 0] - widths, around[:, 1] + widths)).clip(0, raw.size), 0)


def _all_ascii(raw: Bytes, spans: Spans, reach: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each span and `reach` bytes beside it are ASCII, told by the strides that they lie in."""
    strides = np.arange(0, raw.size, _STRIDE_BYTES)
    beyond = np.append(0, np.cumsum(np.maximum.reduceat(raw, strides) >= 0x80))
    firsts = (spans[:, 0] - reach).clip(0) // _STRIDE_BYTES
    lasts = (spans[:, 1] + reach).clip(0, raw.size - 1) // _STRIDE_BYTES
    clean: np.ndarray[tuple[int], np.dtype[np.bool_]] = beyond[lasts + 1] == beyond[firsts]
    return clean
