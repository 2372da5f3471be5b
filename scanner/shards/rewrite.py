"""Rewriting a shard: some cells changed, some rows or columns left out, every other byte as it was.

A column chunk that no change touches is copied as bytes. One that is touched is encoded anew (`encode.py`). The footer
is written anew with the fields that it had, known to us or not: schema with field ids, key-value metadata, sizes of
row groups, encodings. What would still tell of a changed value goes: statistics are computed anew, bloom filters and
page indexes of a touched chunk are left out, and a claim of sortedness ends before the first column that is touched.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scanner.errors import UnreadableShard
from scanner.model import UnscannedReason
from scanner.shards.compact import BINARY, I32, I64, Struct, parsed, written
from scanner.shards.encode import Edit, Source, encode, form_of
from scanner.shards.facts import parquet
from scanner.shards.find import MAGIC
from scanner.shards.footer import footer_bytes
from scanner.shards.leaves import LeafType, Node, Rows, leaf_types, tree
from scanner.shards.pages import pages
from scanner.shards.ranges import HELD_BYTES, Extent
from scanner.shards.source import Source as Input
from scanner.shards.source import open_input
from scanner.shards.thrift import BadThrift

_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of a shard.

    Attributes:
        touches: whether an edit may change values of a leaf in a run of rows: column, first row, rows.
        edit: the new texts.
        dropped_columns: leaf paths that are left out.
        dropped_rows: rows that are left out, ascending.
    """

    touches: Callable[[str, int, int], bool]
    edit: Edit
    dropped_columns: frozenset[str] = frozenset()
    dropped_rows: Rows = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Kept:
    """A run of bytes of the shard that stands in the new file: offset there, offset here, length."""

    before: int
    after: int
    length: int


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was written.

    Attributes:
        rows: of the new shard.
        kept: runs of bytes that both files share, by their offset in the shard.
        touched: column chunks that were encoded anew.
        copied: column chunks that were copied.
    """

    rows: int
    kept: tuple[Kept, ...]
    touched: int
    copied: int


def rewrite(path: str, draft: Path, changes: Changes) -> Rewritten:
    """Write the shard at `path`, a file or a URL, with the changes, to `draft`; every byte read is of one version.

    Raises:
        UnreadableShard: the shard cannot be read, or a column that is touched cannot be written as it was stored.
        BadUrl, StoreFailed: as `open_input`, or its store failed midway.
    """
    try:
        with open_input(path) as source, draft.open("wb") as sink:
            return _Rewriter(parquet(source), source, sink, changes).run()
    except BadThrift as error:
        raise UnreadableShard(UnscannedReason.CORRUPT, "its footer cannot be read") from error


class _Rewriter:
    """Writes one shard."""

    def __init__(self, file: pq.ParquetFile, source: Input, sink: BinaryIO, changes: Changes) -> None:
        self._source, self._sink, self._changes = source, sink, changes
        self._size, self._metadata = source.size(), file.metadata
        self._footer = parsed(footer_bytes(source))
        self._nodes: tuple[Node, ...] = tree(file.schema_arrow)
        self._leaves: list[LeafType] = list(leaf_types(self._nodes))
        self._forms = [form_of(file.schema.column(leaf.index)) for leaf in self._leaves]
        self._names = [file.schema.column(leaf.index).path for leaf in self._leaves]
        self._gone = {leaf.index for leaf in self._leaves if leaf.column in changes.dropped_columns}
        self._kept: list[Kept] = []
        self._indexes: list[tuple[int, int, Struct]] = []
        self._at = 0
        self._touched = self._copied = 0

    def run(self) -> Rewritten:
        """Write everything."""
        self._write(MAGIC)
        first_row, groups = 0, []
        for index, group in enumerate(self._footer.listed(4)):
            rows = group.get(3)
            if (new := self._group(index, group, first_row)) is not None:
                groups.append(new)
            first_row += rows
        groups = self._with_indexes(groups)
        rows = sum(group.get(3) for group in groups)
        footer = written(self._new_footer(groups, rows))
        self._write(footer + len(footer).to_bytes(4, "little") + MAGIC)
        self._kept.sort(key=lambda run: run.before)
        return Rewritten(rows, tuple(self._kept), self._touched, self._copied)

    def _write(self, data: Any) -> None:
        self._sink.write(data)
        self._at += len(data)

    def _group(self, index: int, group: Struct, first_row: int) -> Struct | None:
        """One row group, written; None when none of its rows stays."""
        rows = group.get(3)
        low, high = np.searchsorted(self._changes.dropped_rows, (first_row, first_row + rows))
        fewer = int(high - low)
        if rows and fewer == rows:
            return None
        edited = {leaf.index for leaf in self._leaves if rows and self._touches(leaf, first_row, rows)}
        chunks = []
        kept = [
            (leaf, chunk)
            for leaf, chunk in zip(self._leaves, group.listed(1), strict=True)
            if leaf.index not in self._gone
        ]
        told = self._told([self._bounds(chunk) for _, chunk in kept])
        for leaf, chunk in kept:
            next(told)
            if fewer or leaf.index in edited:
                chunks.append(self._encoded(self._source_of(leaf, chunk, index, first_row, rows), chunk))
            else:
                chunks.append(self._copy(chunk))
        return self._new_group(group, chunks, rows - fewer, edited | self._gone)

    def _told(self, extents: Sequence[Extent]) -> Iterator[None]:
        """Before each chunk: tell the source what is read next, as many chunks at once as it can hold."""
        runs = list(_runs(extents))
        for run, then in zip(runs, [*runs[1:], []], strict=True):
            self._source.expect(run, then)
            yield from (None for _ in run)

    def _touches(self, leaf: LeafType, first_row: int, rows: int) -> bool:
        return self._changes.touches(leaf.column, first_row, rows)

    def _source_of(self, leaf: LeafType, chunk: Struct, group: int, first_row: int, rows: int) -> Source:
        extent = self._bounds(chunk)
        walked = tuple(pages(self._source, *extent))
        self._source.stream([extent])
        return Source(
            input=self._source,
            metadata=self._metadata,
            nodes=self._nodes,
            leaf=leaf,
            group=group,
            first_row=first_row,
            rows=rows,
            meta=_meta(chunk),
            pages=walked,
            parquet_path=self._names[leaf.index],
            form=self._forms[leaf.index],
        )

    def _bounds(self, chunk: Struct) -> tuple[int, int]:
        """First byte of the chunk and one past its last."""
        meta = _meta(chunk)
        start, length = _start(meta), meta.get(7)
        if not length:
            return start, start
        if chunk.get(1) is not None or start < len(MAGIC) or length < 0 or start + length > self._size:
            raise BadThrift("a column chunk does not lie within its file")
        return start, start + length

    def _copy(self, chunk: Struct) -> Struct:
        """The chunk's bytes as they are, at another offset."""
        start, stop = self._bounds(chunk)
        self._source.stream([(start, stop)])
        moved = self._at - start
        self._transfer(start, stop)
        self._copied += 1
        meta = _meta(chunk)
        for number in (9, 10, 11):
            if meta.get(number):
                meta = meta.having(number, I64, meta.get(number) + moved)
        place = len(self._indexes)
        self._indexes.append((place, moved, chunk))
        return _placed(chunk, meta).having(-1, I64, place)

    def _transfer(self, start: int, stop: int) -> int:
        """Copy a run of bytes; where it went."""
        began = self._at
        self._kept.append(Kept(start, began, stop - start))
        for offset in range(start, stop, _COPY_BYTES):
            self._write(self._source.read_at(min(_COPY_BYTES, stop - offset), offset))
        return began

    def _encoded(self, source: Source, chunk: Struct) -> Struct:
        """The chunk with its edits; its page indexes and bloom filter, which tell of values, are gone."""
        began = self._at
        self._touched += 1
        try:
            meta = encode(source, self._changes.edit, self._changes.dropped_rows, self._write)
        except UnreadableShard as error:
            raise UnreadableShard(error.reason, f"column {source.leaf.column}: {error}") from error
        for number in (9, 11):
            if number in meta.fields:
                meta = meta.having(number, I64, meta.get(number) + began)
        return _placed(chunk, meta).without(4, 5, 6, 7)

    def _new_group(self, group: Struct, chunks: Sequence[Struct], rows: int, reordered: set[int]) -> Struct:
        metas = [_meta(chunk) for chunk in chunks]
        new = group.relisted(1, tuple(chunks)).having(3, I64, rows)
        new = new.having(2, I64, sum(meta.get(6) for meta in metas))
        if 6 in new.fields:
            new = new.having(6, I64, sum(meta.get(7) for meta in metas))
        if 5 in new.fields and metas:
            new = new.having(5, I64, _start(metas[0]))
        return self._sorted_by(new, reordered) if 4 in new.fields else new

    def _sorted_by(self, group: Struct, reordered: set[int]) -> Struct:
        """The claim of sortedness as far as it still holds: leaving out rows keeps an order, new values do not."""
        kept = []
        for column in group.listed(4):
            if column.get(1) in reordered:
                break
            kept.append(column.having(1, I32, column.get(1) - sum(gone < column.get(1) for gone in self._gone)))
        return group.relisted(4, tuple(kept)) if kept else group.without(4)

    def _with_indexes(self, groups: Sequence[Struct]) -> list[Struct]:
        """Page indexes and bloom filters of copied chunks, written where such stand: between data and footer."""
        return [group.relisted(1, tuple(self._indexed(chunk) for chunk in group.listed(1))) for group in groups]

    def _indexed(self, chunk: Struct) -> Struct:
        place = chunk.get(-1)
        chunk = chunk.without(-1)
        if place is None:
            return chunk
        _, moved, before = self._indexes[place]
        chunk = self._with_bloom(chunk, before)
        if (span := self._span(before, 6, 7)) is not None:
            chunk = chunk.having(6, I64, self._transfer(*span))
        if (span := self._span(before, 4, 5)) is not None:
            data = written(_moved_offsets(parsed(bytes(self._source.read_at(span[1] - span[0], span[0]))), moved))
            chunk = chunk.having(4, I64, self._at).having(5, I32, len(data))
            self._write(data)
        return chunk

    def _with_bloom(self, chunk: Struct, before: Struct) -> Struct:
        """The chunk with its bloom filter; one whose length is not told is left out."""
        meta = _meta(chunk)
        span = self._span(_meta(before), 14, 15)
        if span is None:
            return _placed(chunk, meta.without(14, 15))
        return _placed(chunk, meta.having(14, I64, self._transfer(*span)))

    def _span(self, fields: Struct, offset: int, length: int) -> tuple[int, int] | None:
        start, size = fields.get(offset), fields.get(length)
        if not start or not size or start < len(MAGIC) or size < 0 or start + size > self._size:
            return None
        return start, start + size

    def _new_footer(self, groups: Sequence[Struct], rows: int) -> Struct:
        footer = self._footer.relisted(4, tuple(groups)).having(3, I64, rows)
        if not self._gone:
            return footer
        footer = footer.relisted(2, _without_leaves(footer.listed(2), self._gone))
        if 7 in footer.fields:
            orders = tuple(order for index, order in enumerate(footer.listed(7)) if index not in self._gone)
            footer = footer.relisted(7, orders)
        if 5 in footer.fields:
            told = tuple(_without_columns(entry, self._nodes, self._gone) for entry in footer.listed(5))
            footer = footer.relisted(5, told)
        return footer


def _runs(extents: Sequence[Extent]) -> Iterator[list[Extent]]:
    """Extents in order, as many at once as a source in a store holds; a larger one stands alone."""
    run: list[Extent] = []
    size = 0
    for start, stop in extents:
        if run and size + stop - start > HELD_BYTES:
            yield run
            run, size = [], 0
        run.append((start, stop))
        size += stop - start
    if run:
        yield run


def _meta(chunk: Struct) -> Struct:
    meta = chunk.get(3)
    if not isinstance(meta, Struct) or {8, 9} & chunk.fields.keys():
        raise BadThrift("a column chunk is encrypted or has no metadata")
    return meta


def _placed(chunk: Struct, meta: Struct) -> Struct:
    """The chunk with other metadata; `file_offset`, which writers fill in in two ways, follows the pages."""
    kind, before = chunk.fields.get(2, (I64, 0))
    return chunk.having(2, kind, _start(meta) if before else 0).having(3, chunk.fields[3][0], meta)


def _start(meta: Struct) -> int:
    """Offset of the chunk's first page; 0 for a chunk without pages."""
    return min((offset for offset in (meta.get(11), meta.get(9)) if offset), default=0)


def _moved_offsets(index: Struct, by: int) -> Struct:
    """An OffsetIndex whose pages lie elsewhere."""
    return index.relisted(1, tuple(page.having(1, I64, page.get(1) + by) for page in index.listed(1)))


def _without_leaves(schema: Sequence[Struct], gone: set[int]) -> tuple[Struct, ...]:
    """The schema's elements without some leaves, and without groups that lose their last.

    Raises:
        UnreadableShard: nothing would be left, or half of a map.
    """
    counter = iter(range(len(schema)))

    def pruned(at: int, *, in_map: bool) -> tuple[list[Struct], int]:
        element, at = schema[at], at + 1
        children = element.get(5) or 0
        if not children:
            return ([] if next(counter) in gone else [element]), at
        is_map = element.get(6) in (1, 2)
        kept: list[Struct] = []
        left = 0
        for _ in range(children):
            below, at = pruned(at, in_map=is_map)
            left += bool(below)
            kept += below
        if in_map and 0 < left < children:
            raise UnreadableShard(UnscannedReason.UNSUPPORTED, "one side of a map cannot be dropped; redact it instead")
        return ([element.having(5, I32, left), *kept] if left else []), at

    found, _ = pruned(0, in_map=False)
    if not found:
        raise UnreadableShard(UnscannedReason.UNSUPPORTED, "no column would be left")
    return tuple(found)


def _without_columns(entry: Struct, nodes: Sequence[Node], gone: set[int]) -> Struct:
    """Key-value metadata that describes columns, without those that are gone."""
    key, value = entry.get(1), entry.get(2)
    with suppress(ValueError, TypeError, pa.ArrowInvalid, KeyError):
        if key == b"ARROW:schema":
            schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(value)))
            kept = list(_kept_fields([schema.field(i) for i in range(len(schema))], nodes, gone))
            told = pa.schema(kept, metadata=schema.metadata).serialize().to_pybytes()
            return entry.having(2, BINARY, base64.b64encode(told))
        if key == b"pandas":
            names = {node.leaf.column for node in nodes if node.leaf is not None and node.leaf.index in gone}
            told = json.loads(value)
            told["columns"] = [column for column in told["columns"] if column.get("field_name") not in names]
            told["index_columns"] = [name for name in told["index_columns"] if name not in names]
            return entry.having(2, BINARY, json.dumps(told).encode())
    return entry


def _kept_fields(fields: Sequence[pa.Field], nodes: Sequence[Node], gone: set[int]) -> Iterator[pa.Field]:
    for entry, node in zip(fields, nodes, strict=True):
        below = {leaf.index for leaf in leaf_types((node,))}
        if below <= gone:
            continue
        yield entry if not below & gone else entry.with_type(_kept_type(entry.type, node, gone))


def _kept_type(kind: pa.DataType, node: Node, gone: set[int]) -> pa.DataType:
    """The type without some leaves below it."""
    if pa.types.is_struct(kind):
        return pa.struct(list(_kept_fields([kind.field(i) for i in range(kind.num_fields)], node.children, gone)))
    inner = kind.value_field.with_type(_kept_type(kind.value_type, node.children[0], gone))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(inner, kind.list_size)
    return pa.large_list(inner) if pa.types.is_large_list(kind) else pa.list_(inner)
