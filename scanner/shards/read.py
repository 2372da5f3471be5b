"""Reading a unit: row groups become batches of leaf columns as text, never more than a batch in memory.

What bounds memory: page headers are read before pages (`pages.py`), a column chunk with a page over
`max_page_bytes` is not read; text that is stored as a dictionary stays one until it is cut into batches; rows are
asked for in numbers that the costliest page allows; columns whose pages would not fit together are read in turn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scanner.errors import UnreadableShard
from scanner.model import Leaf, Unscanned, UnscannedReason
from scanner.shards.facts import ARROW_ERRORS, Unit, parquet, share
from scanner.shards.footer import Chunk, chunks
from scanner.shards.leaves import (
    LeafType,
    RawLeaf,
    Role,
    Rows,
    concatenated,
    entry_lengths,
    explode,
    leaf_types,
    pruned,
    text_sizes,
    to_leaf,
    tree,
    with_maps_whole,
)
from scanner.shards.pages import Profile, profile
from scanner.shards.source import Source, open_input
from scanner.shards.thrift import BadThrift

AsksNumbers = Callable[[str, str, float | None], bool]
"""Whether a column of numbers, dates or times is wanted as text: its path, its Arrow type by name, and the largest
absolute value of the row group where the footer tells it."""

MAX_ROWS_A_READ = 16_384
READ_BYTES = 48 << 20
BUFFER_BYTES = 1 << 20
BUFFERS_BYTES = 64 << 20
SMALLEST_BUFFER_BYTES = 16 << 10
NESTED_SKEW = 8
"""How many times the mean a row of a nested column may cost: its pages do not say where rows begin."""

FEW_ROWS = 256
"""Reads of fewer rows than this are gathered before they are looked at."""

_VALUE_BYTES = 16
"""What a value costs beside its text: its place, its row and its item."""


def no_numbers(column: str, native: str, largest: float | None) -> bool:
    """Asks for no column of numbers."""
    return False


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What of a shard is read, and how much at a time. Column patterns: `*` any run, `?` one character, and a
    pattern that names a struct or list takes all below it.

    Attributes:
        include: leaf paths to read; empty for all.
        exclude: leaf paths not to read; they are unscanned.
        dropped: leaf paths that are removed before training or release; not read, and not missed.
        numbers: which columns of numbers and dates are wanted as text.
        batch_bytes: most text in one batch, unless a single row has more.
        max_cell_bytes: a longer value is unscanned.
        max_row_bytes: a row whose values of one leaf column come to more is unscanned in that column.
        max_page_bytes: a column chunk with a larger page (stored and decompressed together) is unscanned.
        held_bytes: pages of several columns held at once.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    numbers: AsksNumbers = no_numbers
    batch_bytes: int = 6 << 20
    max_cell_bytes: int = 64 << 20
    max_row_bytes: int = 128 << 20
    max_page_bytes: int = 256 << 20
    held_bytes: int = 192 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a shard, as text.

    Attributes:
        first_row: row within the shard.
        rows: rows it covers; consecutive.
        leaves: columns with at least one value in these rows, in the order of the schema.
        unscanned: what was not read; only the last batch of a unit tells it, for the whole unit.
        again: other columns of rows that earlier batches covered; its rows are not to be counted again.
    """

    first_row: int
    rows: int
    leaves: list[Leaf]
    unscanned: list[Unscanned] = field(default_factory=list)
    again: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes of text in all leaves."""
        return sum(leaf_bytes(leaf) for leaf in self.leaves)


def leaf_bytes(leaf: Leaf) -> int:
    """UTF-8 bytes of the leaf's values together."""
    values = leaf.values
    if not len(values):
        return 0
    offsets = np.frombuffer(values.buffers()[1], np.int64, len(values) + 1, values.offset * 8)
    return int(offsets[-1] - offsets[0])


def read(unit: Unit, options: ReadOptions | None = None) -> Iterator[Batch]:
    """The unit's rows, batch by batch; the last batch has no rows and tells what was not read.

    Nothing that the shard is or does raises: it becomes `Unscanned`, and reading goes on with the next row group.
    Batches depend on the unit and the options alone.

    Raises:
        StoreFailed: a store lost, changed or refused the shard midway; what was read of the unit must not count.
        BadUrl: the library of its store is not installed here.
    """
    options = options or ReadOptions()
    lost = Losses(unit.shard.name)
    yield from _packed(_stream(unit, options, lost), options.batch_bytes)
    yield Batch(unit.first_row + unit.rows, 0, [], lost.entries(), again=True)


class Losses:
    """Adds up what was not read, by column and reason."""

    def __init__(self, shard: str) -> None:
        self._shard = shard
        self._sums: dict[tuple[str, UnscannedReason, str], tuple[int, int]] = {}

    def add(self, column: str, reason: UnscannedReason, detail: str, rows: int, size_bytes: int) -> None:
        """Rows and bytes that were not read; column "" stands for all."""
        key = (column, reason, detail)
        old_rows, old_bytes = self._sums.get(key, (0, 0))
        self._sums[key] = (old_rows + rows, old_bytes + size_bytes)

    def entries(self) -> list[Unscanned]:
        """One entry a column, reason and detail, sorted."""
        return sorted(
            Unscanned(self._shard, column, rows, size_bytes, reason, detail)
            for (column, reason, detail), (rows, size_bytes) in self._sums.items()
        )


def _stream(unit: Unit, options: ReadOptions, lost: Losses) -> Iterator[Batch]:
    """Batches of any size; faults of the whole shard go to `lost`."""
    try:
        with open_input(unit.shard.path) as source:
            _check_same(source.stamp == unit.stamp)
            file = parquet(source)
            reader = _Reader(file, source, options, lost)
            first_row = unit.first_row - unit.skipped
            groups = _placed(source, unit)
            for group, placed, then in zip(range(unit.start, unit.stop), groups, (*groups[1:], ()), strict=True):
                rows = file.metadata.row_group(group).num_rows
                yield from reader.group(group, placed, first_row, range(unit.skipped, rows - unit.left), then)
                first_row += rows
            _check_same(source.still())
    except UnreadableShard as error:
        lost.add("", error.reason, str(error), unit.rows, max(unit.size_bytes, 1))


def _check_same(same: bool) -> None:
    if not same:
        raise UnreadableShard(UnscannedReason.CHANGED, "the file is not the one that was inspected")


def _placed(source: Source, unit: Unit) -> list[tuple[Chunk, ...]]:
    try:
        return chunks(source, range(unit.start, unit.stop))
    except BadThrift as error:
        raise UnreadableShard(UnscannedReason.CORRUPT, "its footer cannot be read") from error


@dataclass(frozen=True, slots=True)
class _Column:
    """A column chunk that is to be read, with what it costs."""

    leaf: LeafType
    profile: Profile
    size_bytes: int
    per_row_bytes: float
    as_dictionary: bool


@dataclass(frozen=True, slots=True)
class _Span:
    """Rows asked for of a row group of so many."""

    asked: range
    of: int

    def part_of(self, size_bytes: int) -> int:
        """What the rows asked for are of a column chunk of that size, at least 1 of one that holds anything."""
        return max(share(size_bytes, self.asked.start, self.asked.stop, self.of), min(1, size_bytes))


class _Reader:
    """Reads row groups of one open shard."""

    def __init__(self, file: pq.ParquetFile, source: Source, options: ReadOptions, lost: Losses) -> None:
        self._metadata = file.metadata
        self._schema = file.schema
        self._source = source
        self._options = options
        self._lost = lost
        self._nodes = tree(file.schema_arrow)
        self._fields = {leaf.index: at for at, node in enumerate(self._nodes) for leaf in leaf_types((node,))}
        self._leaves = [leaf for leaf in leaf_types(self._nodes) if not _matches(leaf.column, options.dropped)]
        self._paths = Counter(self._schema.column(index).path for index in range(len(self._schema)))
        self._open_as: tuple[tuple[str, ...], pq.ParquetFile] | None = None

    def group(
        self, group: int, placed: Sequence[Chunk], first_row: int, asked: range, then: Sequence[Chunk] = ()
    ) -> Iterator[Batch]:
        """Batches of some rows of one row group.

        Args:
            group: its number.
            placed: its column chunks, where the footer placed them.
            first_row: row of the shard that it begins with.
            asked: which of its rows.
            then: column chunks of the row group that is read next; none for the last.
        """
        rows = _Span(asked, self._metadata.row_group(group).num_rows)
        if len(placed) != len(self._schema):
            raise UnreadableShard(UnscannedReason.CORRUPT, "a row group lacks columns")
        wanted = list(self._wanted(placed, rows))
        coming = self._extents(then, {leaf.index for leaf in self._read_of(then)})
        self._source.expect(self._extents(placed, {leaf.index for leaf, _ in wanted}), coming)
        columns = [column for leaf, chunk in wanted if (column := self._column(group, leaf, chunk, rows))]
        if not columns:
            yield Batch(first_row + asked.start, len(asked), [])
        again = False
        for together in _passes(columns, self._options.held_bytes):
            self._source.stream(self._extents(placed, {column.leaf.index for column in together}))
            for batch in self._rows(group, first_row, rows, together):
                yield replace(batch, again=again or batch.again)
            again = True

    def _extents(self, placed: Sequence[Chunk], wanted: set[int]) -> list[tuple[int, int]]:
        """Where the column chunks lie that Arrow reads for some leaves."""
        chunks = (placed[index] for index in with_maps_whole(self._nodes, wanted) if index < len(placed))
        return [(chunk.start, chunk.stop) for chunk in chunks if chunk.readable]

    def _file(self, dictionaries: Iterable[LeafType]) -> pq.ParquetFile:
        """The file, streamed page by page, with some leaves kept as dictionaries."""
        paths = tuple(sorted(self._schema.column(leaf.index).path for leaf in dictionaries))
        if self._open_as is None or self._open_as[0] != paths:
            share = BUFFERS_BYTES // max(len(self._leaves), 1)
            buffer = min(BUFFER_BYTES, max(SMALLEST_BUFFER_BYTES, share))
            self._open_as = (
                paths,
                pq.ParquetFile(
                    self._source.native,
                    metadata=self._metadata,
                    read_dictionary=list(paths),
                    buffer_size=buffer,
                    pre_buffer=False,
                ),
            )
        return self._open_as[1]

    def _wanted(self, placed: Sequence[Chunk], rows: _Span) -> Iterator[tuple[LeafType, Chunk]]:
        """Leaves whose values may identify someone and that the options leave in; those left out are unscanned."""
        for leaf in self._leaves:
            chunk = placed[leaf.index]
            if not self._identifies(leaf, chunk):
                continue
            if self._is_left_out(leaf):
                self._lose(leaf, UnscannedReason.EXCLUDED, "", rows, chunk.size_bytes)
                continue
            yield leaf, chunk

    def _read_of(self, placed: Sequence[Chunk]) -> list[LeafType]:
        """Leaves that are going to be read of a row group."""
        return [
            leaf
            for leaf in self._leaves
            if leaf.index < len(placed) and self._identifies(leaf, placed[leaf.index]) and not self._is_left_out(leaf)
        ]

    def _identifies(self, leaf: LeafType, chunk: Chunk) -> bool:
        return leaf.role is not Role.SILENT and self._asked(leaf, chunk)

    def _is_left_out(self, leaf: LeafType) -> bool:
        options = self._options
        only = bool(options.include) and not _matches(leaf.column, options.include)
        return only or _matches(leaf.column, options.exclude)

    def _asked(self, leaf: LeafType, chunk: Chunk) -> bool:
        if leaf.role in (Role.TEXT, Role.BINARY):
            return True
        return self._options.numbers(leaf.column, str(leaf.type), chunk.largest)

    def _lose(self, leaf: LeafType, reason: UnscannedReason, detail: str, rows: _Span, size_bytes: int) -> None:
        """None of the rows asked for was read of a column chunk of that size."""
        self._lost.add(leaf.column, reason, detail, len(rows.asked), rows.part_of(size_bytes))

    def _column(self, group: int, leaf: LeafType, chunk: Chunk, rows: _Span) -> _Column | None:
        """The column chunk with its cost; `None`, and unscanned, if it cannot be read or afforded."""
        if not chunk.readable:
            detail = "a column chunk is encrypted, or its place in the file is not told"
            self._lose(leaf, UnscannedReason.UNREADABLE, detail, rows, max(chunk.size_bytes, 1))
            return None
        found = profile(self._source, chunk.start, chunk.stop)
        if found.largest_bytes > self._options.max_page_bytes:
            detail = f"a page is larger than {self._options.max_page_bytes} bytes"
            size = max(chunk.size_bytes, found.largest_bytes)
            self._lose(leaf, UnscannedReason.TOO_LARGE, detail, rows, size)
            return None
        as_dictionary = found.all_encoded and self._can_be_dictionary(leaf)
        entry = 0 if as_dictionary else self._longest_entry(group, leaf, found)
        return _Column(
            leaf, found, max(chunk.size_bytes, 1), _per_row_bytes(leaf, found, entry, rows.of), as_dictionary
        )

    def _can_be_dictionary(self, leaf: LeafType) -> bool:
        column = self._schema.column(leaf.index)
        is_text = leaf.role in (Role.TEXT, Role.BINARY)
        # Arrow is told the columns by name, so one of several of the same name cannot be told.
        return is_text and column.physical_type == "BYTE_ARRAY" and self._paths[column.path] == 1

    def _longest_entry(self, group: int, leaf: LeafType, found: Profile) -> int:
        """Bytes of the dictionary's longest entry, which any number of rows may repeat; 0 without a dictionary."""
        if fixed := self._schema.column(leaf.index).length:
            return int(fixed)
        worst_reads = found.dictionary_bytes * MAX_ROWS_A_READ
        if worst_reads <= READ_BYTES or not found.starts_encoded or not self._can_be_dictionary(leaf):
            return found.dictionary_bytes
        physical = with_maps_whole(self._nodes, {leaf.index})
        try:
            reader = self._file([leaf]).reader
            record = next(iter(reader.iter_batches(1, [group], column_indices=sorted(physical), use_threads=False)))
            lengths = entry_lengths(explode(pruned(self._nodes, physical), record, 0), leaf)
        except (*ARROW_ERRORS, StopIteration):
            self._source.check()
            return found.dictionary_bytes
        known = len(lengths) >= max(found.dictionary_values, 1)
        return int(lengths.max()) if known else found.dictionary_bytes

    def _rows(self, group: int, first_row: int, rows: _Span, columns: Sequence[_Column]) -> Iterator[Batch]:
        """Batches of some columns of one row group; what stands after a broken page of its own is unscanned."""
        done = rows.asked.start
        detail = "the row group ends before its last row"
        try:
            for piece, raws in self._pieces(group, first_row, rows, columns):
                for batch in self._cut(raws, first_row + piece.start, len(piece)):
                    yield batch
                    done = batch.first_row + batch.rows - first_row
        except NotImplementedError:
            detail = "a type, codec or encoding that cannot be read"
        except ARROW_ERRORS:
            self._source.check()
            detail = "a page cannot be read"
        left = replace(rows, asked=range(done, rows.asked.stop))
        if left.asked and len(columns) == 1:
            self._lose_rest(columns, detail, left)
        elif left.asked:
            yield from self._apart(group, first_row, left, columns, detail)

    def _pieces(
        self, group: int, first_row: int, rows: _Span, columns: Sequence[_Column]
    ) -> Iterator[tuple[range, list[RawLeaf]]]:
        """Values of some columns as far as they can be read, and which rows of the row group they are of."""
        wanted = {column.leaf.index for column in columns}
        physical = with_maps_whole(self._nodes, wanted)
        nodes = pruned(self._nodes, physical)
        at = 0
        for record in self._records(group, physical, columns):
            start = min(max(at, rows.asked.start), at + record.num_rows)
            taken = record.slice(start - at, max(0, rows.asked.stop - start))
            at += record.num_rows
            if taken.num_rows:
                raws = [raw for raw in explode(nodes, taken, first_row + start) if raw.leaf.index in wanted]
                yield range(start, start + taken.num_rows), raws
            if at >= rows.asked.stop:
                return

    def _apart(
        self, group: int, first_row: int, rows: _Span, columns: Sequence[_Column], detail: str
    ) -> Iterator[Batch]:
        """Rows that several columns cannot be read in together: all sound ones, then each other as far as it goes.

        Columns that can be read alone and not together contradict each other, and none of them is read.
        """
        sound, broken = self._sorted_out(group, rows, columns)
        if len(sound) == len(columns):
            self._lose_rest(columns, detail, rows)
            return
        again = False
        for part in ([sound] if sound else []) + [[column] for column in broken]:
            for batch in self._rows(group, first_row, rows, part):
                yield replace(batch, again=again or batch.again)
            again = True
        contradicting = [column for column in columns if column not in sound and column not in broken]
        self._lose_rest(contradicting, "columns of one field contradict each other", rows)

    def _sorted_out(self, group: int, rows: _Span, columns: Sequence[_Column]) -> tuple[list[_Column], list[_Column]]:
        """Columns that can be read, each field as a whole, and those that cannot even alone."""
        sound: list[_Column] = []
        broken: list[_Column] = []
        for _, below in groupby(columns, lambda column: self._fields[column.leaf.index]):
            together = list(below)
            if not self._can_be_read(group, rows, together):
                lost = [column for column in together if not self._can_be_read(group, rows, [column])]
                broken += lost
                together = [column for column in together if column not in lost]
                if not lost or not self._can_be_read(group, rows, together):
                    continue
            sound += together
        return sound, broken

    def _can_be_read(self, group: int, rows: _Span, columns: Sequence[_Column]) -> bool:
        """Whether some columns can be read to the last row asked for."""
        done = rows.asked.start
        try:
            for piece, _ in self._pieces(group, 0, rows, columns):
                done = piece.stop
        except (NotImplementedError, *ARROW_ERRORS):
            self._source.check()
        return bool(columns) and done == rows.asked.stop

    def _records(self, group: int, physical: frozenset[int], columns: Sequence[_Column]) -> Iterator[pa.RecordBatch]:
        per_row = sum(column.per_row_bytes for column in columns)
        size = int(min(MAX_ROWS_A_READ, max(1, READ_BYTES / max(per_row, 1))))
        reader = self._file(column.leaf for column in columns if column.as_dictionary).reader
        records = reader.iter_batches(size, [group], column_indices=sorted(physical), use_threads=False)
        yield from records if size >= FEW_ROWS else gathered(records, self._options.batch_bytes)

    def _lose_rest(self, columns: Sequence[_Column], detail: str, rows: _Span) -> None:
        missing = len(rows.asked)
        for column in columns:
            size = max(1, column.size_bytes * missing // rows.of)
            self._lost.add(column.leaf.column, UnscannedReason.CORRUPT, detail, missing, size)

    def _cut(self, raws: Sequence[RawLeaf], first_row: int, rows: int) -> Iterator[Batch]:
        """The rows in pieces of at most `batch_bytes` of text and places."""
        weight = np.zeros(rows, np.float64)
        kept = []
        for raw in raws:
            raw, sizes = self._affordable(raw, text_sizes(raw), first_row, rows)
            kept.append(raw)
            weight += np.bincount(raw.rows - first_row, sizes + _VALUE_BYTES, rows)
        for start, stop in _runs(weight, self._options.batch_bytes):
            pieces = [raw.between(first_row + start, first_row + stop) for raw in kept]
            leaves = [self._text(piece) for piece in pieces if len(piece.values)]
            yield Batch(first_row + start, stop - start, [leaf for leaf in leaves if len(leaf.values)])

    def _affordable(self, raw: RawLeaf, sizes: Rows, first_row: int, rows: int) -> tuple[RawLeaf, Rows]:
        """The leaf without values, or rows, that are too long to hold."""
        if not len(sizes):
            return raw, sizes
        in_row = np.bincount(raw.rows - first_row, sizes, rows)[raw.rows - first_row]
        fits = (sizes <= self._options.max_cell_bytes) & (in_row <= self._options.max_row_bytes)
        if fits.all():
            return raw, sizes
        detail = f"a value over {self._options.max_cell_bytes} or a row over {self._options.max_row_bytes} bytes"
        touched = len(np.unique(raw.rows[~fits]))
        self._lost.add(raw.leaf.column, UnscannedReason.TOO_LARGE, detail, touched, int(sizes[~fits].sum()))
        kept = replace(raw, values=raw.values.filter(pa.array(fits)), rows=raw.rows[fits], items=raw.items[fits])
        return kept, sizes[fits]

    def _text(self, raw: RawLeaf) -> Leaf:
        """The leaf as text; bytes that are not UTF-8 are unscanned."""
        leaf, valid = to_leaf(raw)
        if not valid.all():
            binary = raw.leaf.role is Role.BINARY
            reason = UnscannedReason.BINARY if binary else UnscannedReason.CORRUPT
            detail = "bytes that are not UTF-8" if binary else "text that is not UTF-8"
            touched = len(np.unique(raw.rows[~valid]))
            self._lost.add(raw.leaf.column, reason, detail, touched, int(text_sizes(raw)[~valid].sum()))
        return leaf


def gathered(records: Iterable[pa.RecordBatch], target: int) -> Iterator[pa.RecordBatch]:
    """Consecutive records joined up to about `target` bytes; what was read before a fault is given before it."""
    held: list[pa.RecordBatch] = []
    size = 0
    try:
        for record in records:
            held.append(record)
            size += record.nbytes
            if size >= target:
                yield pa.concat_batches(held)
                held, size = [], 0
    except ARROW_ERRORS:
        if held:
            yield pa.concat_batches(held)
        raise
    if held:
        yield pa.concat_batches(held)


def _per_row_bytes(leaf: LeafType, found: Profile, entry_bytes: int, rows: int) -> float:
    """Most that one row of a column chunk takes in memory as Arrow gives it."""
    worst = max(found.worst_bytes, entry_bytes)
    if not leaf.nested:
        return worst + _VALUE_BYTES
    mean_values = found.values / max(rows, 1)
    mean = max(found.size_bytes / max(rows, 1), entry_bytes * mean_values)
    return max(worst, NESTED_SKEW * (mean + mean_values * _VALUE_BYTES))


def _passes(columns: Sequence[_Column], held_bytes: int) -> Iterator[list[_Column]]:
    """Columns that can be read side by side, in order: their largest pages fit together."""
    together: list[_Column] = []
    held = 0
    for column in columns:
        if together and held + column.profile.largest_bytes > held_bytes:
            yield together
            together, held = [], 0
        together.append(column)
        held += column.profile.largest_bytes
    if together:
        yield together


def _runs(weight: np.ndarray[tuple[int], np.dtype[np.float64]], target: int) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of rows of at most `target` bytes; a heavier row stands alone."""
    ends = np.cumsum(weight)
    start = 0
    while start < len(weight):
        before = ends[start - 1] if start else 0.0
        stop = max(start + 1, int(np.searchsorted(ends, before + target, side="right")))
        yield start, stop
        start = stop


def _packed(batches: Iterable[Batch], target: int) -> Iterator[Batch]:
    """Consecutive small batches joined up to `target` bytes."""
    held: list[Batch] = []
    size = 0
    for batch in batches:
        if held and (size + batch.size_bytes > target or not _follows(held[-1], batch)):
            yield _joined(held)
            held, size = [], 0
        held.append(batch)
        size += batch.size_bytes
    if held:
        yield _joined(held)


def _follows(before: Batch, after: Batch) -> bool:
    return before.first_row + before.rows == after.first_row and before.again == after.again


def _joined(batches: Sequence[Batch]) -> Batch:
    """One batch over the rows of all."""
    if len(batches) == 1:
        return batches[0]
    parts: dict[str, list[Leaf]] = {}
    for batch in batches:
        for leaf in batch.leaves:
            parts.setdefault(leaf.column, []).append(leaf)
    leaves = [concatenated(same) for same in parts.values()]
    return replace(batches[0], rows=sum(batch.rows for batch in batches), leaves=leaves)


def _matches(column: str, patterns: Iterable[str]) -> bool:
    return any(_pattern(pattern).match(column) for pattern in patterns)


def _pattern(pattern: str) -> re.Pattern[str]:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("(?s:" + "".join(parts) + r")(?=\Z|[.\[])")
