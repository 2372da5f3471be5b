"""Encoding a column chunk anew: its pages with some values changed, some rows left out, and nothing else different.

Arrow decodes the chunk a few rows at a time and encodes each part as a small file of its own, of which the pages are
taken. Memory is bounded by a part, however large the row group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scanner.errors import UnreadableShard
from scanner.model import UnscannedReason
from scanner.shards.compact import BINARY, I32, I64, LIST, STRUCT, Items, Struct, parsed
from scanner.shards.facts import ARROW_ERRORS
from scanner.shards.footer import footer_bytes
from scanner.shards.leaves import (
    LeafType,
    Node,
    Role,
    Rows,
    check_indices,
    counts_of,
    entry_lengths,
    explode,
    leaf_types,
    pruned,
    sides_of,
    with_maps_whole,
)
from scanner.shards.pages import DATA_PAGE_V2, DICTIONARY_PAGE, Page
from scanner.shards.source import Source as Input

Edit = Callable[[LeafType, pa.Array, Rows], Mapping[int, str | None]]
"""New texts of some slots of a leaf: told its values, nulls included, and the row of each slot within the shard.
None empties the cell."""

PART_BYTES = 32 << 20
READ_BYTES = 16 << 20
BUFFER_BYTES = 1 << 20
MAX_ROWS_A_READ = 16_384
_NESTED_SKEW = 8
_CODECS = {0: "NONE", 1: "SNAPPY", 2: "GZIP", 4: "BROTLI", 5: "LZ4", 6: "ZSTD", 7: "LZ4"}
_EMPTY = {"large_string": "", "large_binary": "", "bool": "false", "date32[day]": "1970-01-01"}
"""What stands in an emptied cell that may not be null; numbers take zero."""

_BYTE_ARRAY = 6
_PLAIN_DICTIONARY, _DELTA_LENGTH, _DELTA, _RLE_DICTIONARY = 2, 6, 7, 8


@dataclass(frozen=True, slots=True)
class Source:
    """One leaf of one row group.

    Attributes:
        input: the shard, open.
        metadata: its footer, as Arrow reads it.
        nodes: all fields of its schema.
        leaf: which.
        group: index of the row group.
        first_row: row within the shard that the group begins with.
        rows: of the group.
        meta: the chunk's ColumnMetaData.
        pages: its pages, in order.
        parquet_path: the leaf's path as Parquet writes it, with dots.
        form: levels and physical type of the leaf, as `form_of` tells them.
    """

    input: Input
    metadata: pq.FileMetaData
    nodes: tuple[Node, ...]
    leaf: LeafType
    group: int
    first_row: int
    rows: int
    meta: Struct
    pages: tuple[Page, ...]
    parquet_path: str
    form: tuple[Any, ...]


def form_of(column: Any) -> tuple[Any, ...]:
    """What decides how the pages of a `pyarrow.parquet.ColumnSchema` are read."""
    return column.max_definition_level, column.max_repetition_level, column.physical_type, column.length


@dataclass(slots=True)
class Encoded:
    """What became of a chunk: its ColumnMetaData, whose offsets count from the chunk's first byte."""

    parts: list[Struct] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def meta(self, before: Struct) -> Struct:
        """ColumnMetaData of all parts together, with path and key-value metadata as before."""
        first = self.parts[0]
        meta = first.without(8, 14, 15, 16, 17).having(3, LIST, before.get(3))
        if 8 in before.fields:
            meta = meta.having(8, LIST, before.get(8))
        for number in (5, 6, 7):
            meta = meta.having(number, I64, sum(part.get(number) for part in self.parts))
        encodings = sorted({value for part in self.parts for value in part.listed(2)})
        meta = meta.relisted(2, tuple(encodings))
        meta = meta.without(10, 11, 12, 13).having(9, I64, first.get(9) - self.starts[0])
        if first.get(11):
            meta = meta.having(11, I64, first.get(11) - self.starts[0])
        if 12 in before.fields and (statistics := _statistics(self.parts)) is not None:
            meta = meta.having(12, STRUCT, statistics)
        if 13 in before.fields and (kinds := _page_kinds(self.parts)):
            meta = meta.having(13, LIST, Items(STRUCT, kinds))
        return meta


def encode(source: Source, edit: Edit, dropped: Rows, write: Callable[[bytes], object]) -> Struct:
    """Write the chunk's pages with the edits, part by part, and give its ColumnMetaData.

    Args:
        source: what to encode.
        edit: the new texts.
        dropped: rows of the shard that are left out, ascending.
        write: takes the bytes, in order.

    Raises:
        UnreadableShard: Arrow cannot read the chunk, or would write it in another form.
        StoreFailed: the store of the shard failed midway.
    """
    encoded = Encoded()
    tables = _parts(_tables(source, edit, dropped))
    first = next(tables)
    second = next(tables, None)
    several = second is not None
    for table in (table for table in (first, second) if table is not None):
        _append(encoded, source, table, write, several=several)
    for table in tables:
        _append(encoded, source, table, write, several=several)
    return encoded.meta(source.meta)


def rebuilt(node: Node, array: pa.Array, rows: Rows, edit: Edit) -> pa.Array:
    """The array with edited leaves, in types that Parquet stores alike: no dictionary, view or extension.

    Args:
        node: what the array is.
        array: of any nesting.
        rows: row of each slot of the array, ascending.
        edit: gives the new texts; an emptied cell that may not be null is empty text or zero.
    """
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if node.leaf is not None:
        plain = _plain(array, node.leaf)
        return _edited(plain, edit(node.leaf, plain, rows), nullable=node.nullable)
    mask = array.is_null() if array.null_count else None
    if pa.types.is_struct(array.type):
        children = [rebuilt(child, array.field(i), rows, edit) for i, child in enumerate(node.children)]
        fields = [
            pa.field(array.type.field(i).name, child.type, node.children[i].nullable)
            for i, child in enumerate(children)
        ]
        return pa.StructArray.from_arrays(children, fields=fields, mask=mask)
    if pa.types.is_map(array.type):
        keys, items, counts = sides_of(array)
        below = np.repeat(rows, counts)
        keys, items = (
            rebuilt(child, side, below, edit) for child, side in zip(node.children, (keys, items), strict=True)
        )
        kind = pa.map_(
            pa.field("key", keys.type, nullable=False), pa.field("value", items.type, node.children[1].nullable)
        )
        return pa.MapArray.from_arrays(_offsets(counts), keys, items, type=kind, mask=mask)
    counts = counts_of(array)
    values = rebuilt(node.children[0], array.flatten(), np.repeat(rows, counts), edit)
    kind = pa.list_(pa.field("element", values.type, node.children[0].nullable))
    return pa.ListArray.from_arrays(_offsets(counts), values, type=kind, mask=mask)


def _tables(source: Source, edit: Edit, dropped: Rows) -> Iterator[pa.Table]:
    """The leaf's column, edited, a few rows at a time; dropped rows are gone."""
    physical = with_maps_whole(source.nodes, {source.leaf.index})
    nodes = pruned(source.nodes, physical)

    def only(leaf: LeafType, values: pa.Array, rows: Rows) -> Mapping[int, str | None]:
        return edit(leaf, values, rows) if leaf.index == source.leaf.index else {}

    at = source.first_row
    try:
        records = _file(source).reader.iter_batches(
            _rows_a_read(source), [source.group], column_indices=sorted(physical), use_threads=False
        )
        for record in records:
            rows = np.arange(at, at + record.num_rows, dtype=np.int64)
            (node,), (column,) = nodes, record.columns
            kept = _kept(rebuilt(node, column, rows, only), rows, dropped)
            at += record.num_rows
            yield pa.table([kept], schema=pa.schema([pa.field("column", kept.type, node.nullable)]))
    except NotImplementedError as error:
        raise UnreadableShard(UnscannedReason.UNSUPPORTED, "a type, codec or encoding that cannot be read") from error
    except ARROW_ERRORS as error:
        source.input.check()
        raise UnreadableShard(UnscannedReason.CORRUPT, "a page cannot be read") from error
    if at != source.first_row + source.rows:
        raise UnreadableShard(UnscannedReason.CORRUPT, "a row group ends before its last row")


def _file(source: Source, **options: Any) -> pq.ParquetFile:
    """The shard, streamed page by page; the footer is not read again."""
    return pq.ParquetFile(
        source.input.native, metadata=source.metadata, buffer_size=BUFFER_BYTES, pre_buffer=False, **options
    )


def _kept(array: pa.Array, rows: Rows, dropped: Rows) -> pa.Array:
    low, high = np.searchsorted(dropped, (rows[0], rows[-1] + 1)) if len(rows) else (0, 0)
    if low == high:
        return array
    mask = np.ones(len(rows), np.bool_)
    mask[dropped[low:high] - rows[0]] = False
    return array.filter(pa.array(mask))


def _parts(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Tables joined up to `PART_BYTES`; at least one."""
    held: list[pa.Table] = []
    size = 0
    seen = False
    for table in tables:
        held.append(table)
        size += table.nbytes
        if size >= PART_BYTES:
            yield pa.concat_tables(held)
            held, size, seen = [], 0, True
    if held or not seen:
        yield pa.concat_tables(held)


def _append(
    encoded: Encoded, source: Source, table: pa.Table, write: Callable[[bytes], object], *, several: bool
) -> None:
    """Encode one part and write its pages."""
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(table, sink, row_group_size=max(table.num_rows, 1), **_options(source, table, several=several))
    except (NotImplementedError, *ARROW_ERRORS) as error:
        raise UnreadableShard(UnscannedReason.UNSUPPORTED, "a column that cannot be written anew") from error
    data = sink.getvalue()
    footer = parsed(footer_bytes(pa.BufferReader(data)))
    position = _position(source)
    _check_form(data, position, source)
    meta = footer.listed(4)[0].listed(1)[position].get(3)
    start = min(offset for offset in (meta.get(11), meta.get(9)) if offset)
    write(data.slice(start, meta.get(7)))
    encoded.parts.append(meta)
    encoded.starts.append(start)


def _position(source: Source) -> int:
    """Place of the leaf among those that are read with it."""
    physical = with_maps_whole(source.nodes, {source.leaf.index})
    return [leaf.index for leaf in leaf_types(pruned(source.nodes, physical))].index(source.leaf.index)


def _check_form(data: pa.Buffer, position: int, source: Source) -> None:
    """Refuse a part whose pages mean something else under the shard's own schema."""
    after = pq.ParquetFile(pa.BufferReader(data)).schema.column(position)
    if form_of(after) != source.form:
        raise UnreadableShard(UnscannedReason.UNSUPPORTED, "a column that would be stored in another form")


def _options(source: Source, table: pa.Table, *, several: bool) -> dict[str, Any]:
    encodings = set(source.meta.listed(2))
    dictionary = not several and bool(encodings & {_PLAIN_DICTIONARY, _RLE_DICTIONARY})
    options: dict[str, Any] = {
        "compression": _CODECS.get(source.meta.get(4, 0), "NONE"),
        "use_dictionary": dictionary,
        "data_page_version": "2.0" if any(page.kind == DATA_PAGE_V2 for page in source.pages) else "1.0",
        "write_statistics": 12 in source.meta.fields,
        "store_schema": False,
        "use_deprecated_int96_timestamps": source.meta.get(1) == 3,
        "store_decimal_as_integer": source.meta.get(1) in (1, 2) and pa.types.is_decimal(source.leaf.type),
    }
    if not dictionary and source.meta.get(1) == _BYTE_ARRAY and encodings & {_DELTA_LENGTH, _DELTA}:
        wanted = "DELTA_BYTE_ARRAY" if _DELTA in encodings else "DELTA_LENGTH_BYTE_ARRAY"
        options["column_encoding"] = {_written_path(table, _position(source)): wanted}
        options["use_dictionary"] = False
    return options


def _written_path(table: pa.Table, position: int) -> str:
    """The path that Arrow gives a leaf of a table when it writes it."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.slice(0, 0), sink)
    return str(pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema.column(position).path)


def _rows_a_read(source: Source) -> int:
    """Rows whose values of this leaf fit into `READ_BYTES`, as well as pages tell."""
    rows = max(source.rows, 1)
    data = [page for page in source.pages if page.kind != DICTIONARY_PAGE]
    values = max(sum(page.values for page in data), 1)
    dictionary = max((page.size_bytes for page in source.pages if page.kind == DICTIONARY_PAGE), default=0)
    worst = max((page.size_bytes / max(page.values, 1) for page in data), default=0.0)
    entry = _longest_entry(source) if dictionary * MAX_ROWS_A_READ > READ_BYTES else dictionary
    mean = (sum(page.size_bytes for page in data) + (entry if dictionary else 0) * values) / rows
    per_row = max(worst + (entry if dictionary else 0), mean * _NESTED_SKEW if source.leaf.nested else 0.0) + 16
    return int(min(MAX_ROWS_A_READ, max(1, READ_BYTES / per_row)))


def _longest_entry(source: Source) -> int:
    """Bytes of the dictionary's longest entry, which any number of rows may repeat."""
    total = max(page.size_bytes for page in source.pages if page.kind == DICTIONARY_PAGE)
    if source.leaf.role not in (Role.TEXT, Role.BINARY):
        return 16
    physical = with_maps_whole(source.nodes, {source.leaf.index})
    try:
        file = _file(source, read_dictionary=[source.parquet_path])
        records = file.reader.iter_batches(1, [source.group], column_indices=sorted(physical), use_threads=False)
        lengths = entry_lengths(explode(pruned(source.nodes, physical), next(iter(records)), 0), source.leaf)
    except (*ARROW_ERRORS, StopIteration):
        return total
    known = max(page.values for page in source.pages if page.kind == DICTIONARY_PAGE)
    return int(lengths.max()) if len(lengths) >= max(known, 1) else total


def _plain(array: pa.Array, leaf: LeafType) -> pa.Array:
    """The leaf's values without dictionary or view."""
    if isinstance(array, pa.DictionaryArray):
        check_indices(array)
        array = array.dictionary_decode()
    if leaf.role is Role.TEXT:
        return array.cast(pa.large_string()) if not pa.types.is_string_view(array.type) else _from_view(array)
    if leaf.role is Role.BINARY and not pa.types.is_fixed_size_binary(array.type):
        return array.cast(pa.large_binary())
    return array


def _from_view(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()).cast(pa.large_string())


def _edited(values: pa.Array, texts: Mapping[int, str | None], *, nullable: bool) -> pa.Array:
    if not texts:
        return values
    mask = np.zeros(len(values), np.bool_)
    order = sorted(texts)
    mask[order] = True
    new = as_type([texts[index] for index in order], values.type)
    if not nullable and new.null_count:
        new = new.fill_null(as_type([_EMPTY.get(str(values.type), "0")], values.type)[0])
    return pc.replace_with_mask(values, pa.array(mask), new)


def as_type(texts: Sequence[str | None], kind: pa.DataType) -> pa.Array:
    """Texts as values of a type; None, and what cannot be read as one, is null.

    A text for a fixed number of bytes is cut, or filled with blanks.
    """
    if pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        return pa.array([None if text is None else text.encode()[:width].ljust(width) for text in texts], kind)
    if pa.types.is_large_binary(kind):
        return pa.array([None if text is None else text.encode() for text in texts], kind)
    if pa.types.is_large_string(kind):
        return pa.array(texts, kind)
    return pa.concat_arrays([_number(text, kind) for text in texts])


def _number(text: str | None, kind: pa.DataType) -> pa.Array:
    try:
        return pa.array([text], pa.string()).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(1, kind)


def _offsets(counts: Rows) -> pa.Array:
    return pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32))


def _statistics(parts: Sequence[Struct]) -> Struct | None:
    """Statistics of all parts: ends of byte arrays compare as bytes; those of several parts of numbers are left out."""
    all_of: list[Struct] = [part.get(12) for part in parts if 12 in part.fields]
    if len(all_of) < len(parts):
        return None
    if len(all_of) == 1:
        return all_of[0]
    merged = Struct()
    if all(3 in one.fields for one in all_of):
        merged = merged.having(3, I64, sum(one.get(3) for one in all_of))
    filled = [one for one in all_of if 6 in one.fields]
    empty = all(one.get(3) == part.get(5) for one, part in zip(all_of, parts, strict=True) if 6 not in one.fields)
    if filled and empty and parts[0].get(1) == _BYTE_ARRAY:
        largest, smallest = max(one.get(5) for one in filled), min(one.get(6) for one in filled)
        merged = merged.having(5, BINARY, largest).having(6, BINARY, smallest)
    return merged


def _page_kinds(parts: Sequence[Struct]) -> tuple[Struct, ...]:
    """PageEncodingStats of all parts, added up."""
    counts: dict[tuple[int, int], int] = {}
    for part in parts:
        for entry in part.listed(13):
            key = (entry.get(1), entry.get(2))
            counts[key] = counts.get(key, 0) + entry.get(3)
    return tuple(
        Struct({1: (I32, kind), 2: (I32, encoding), 3: (I32, count)})
        for (kind, encoding), count in sorted(counts.items())
    )
