"""Leaf columns: any nesting of Arrow types becomes flat values with the row and item each stands in.

Everything is done on whole arrays: lists are flattened and parents repeated, never walked value by value.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scanner.model import Leaf

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]
Items = np.ndarray[tuple[int], np.dtype[np.int32]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

MAX_DEPTH = 200
_LONGEST_NAME = 200
_PLAIN_NAME = re.compile(r"[^.\[\]\"\x00-\x1f\x7f]+\Z")
_DEFAULT_LIST_ITEM = "[]"


class Role(Enum):
    """What a leaf's values are to a scanner."""

    TEXT = "text"
    BINARY = "binary"
    NUMBER = "number"
    MOMENT = "moment"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class LeafType:
    """A leaf column of a schema.

    Attributes:
        index: its place among the Parquet columns.
        column: its path, such as `messages[].content` or `attrs.key`.
        type: the Arrow type of its values, dictionaries and extensions taken off.
        nested: whether a row may hold several values, or several levels, of it.
    """

    index: int
    column: str
    type: pa.DataType
    nested: bool

    @property
    def role(self) -> Role:
        """What its values are to a scanner."""
        return role_of(self.type)


@dataclass(frozen=True, slots=True)
class Node:
    """A field of a schema: a leaf, or the nodes below it.

    `nullable` is what the whole schema says: Arrow forgets it where it reads some of a list's columns.
    """

    leaf: LeafType | None
    children: tuple[Node, ...] = ()
    is_map: bool = False
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class RawLeaf:
    """Values of one leaf column as Arrow has them, nulls left out, with where each stands."""

    leaf: LeafType
    values: pa.Array
    rows: Rows
    items: Items

    def between(self, start: int, stop: int) -> RawLeaf:
        """The values of rows from `start` until `stop`."""
        low, high = np.searchsorted(self.rows, (start, stop))
        return replace(
            self, values=self.values.slice(low, high - low), rows=self.rows[low:high], items=self.items[low:high]
        )


def role_of(kind: pa.DataType) -> Role:
    """Whether values of the type are text, bytes, numbers, dates and times, or nothing that can identify."""
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return Role.TEXT
    if (
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    ):
        return Role.BINARY
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Role.NUMBER
    if types.is_date(kind) or types.is_timestamp(kind):
        return Role.MOMENT
    return Role.SILENT


def tree(schema: pa.Schema) -> tuple[Node, ...]:
    """The schema's fields as nodes; leaves are numbered as Parquet numbers its columns.

    A name that could be mistaken for a path is written in double quotes, a repeated name gets `#2`, and one of more
    than 200 characters is cut and ends in a hash of itself.

    Raises:
        RecursionError: the schema is nested deeper than `MAX_DEPTH`.
    """
    counter = iter(range(1 << 62))
    return _nodes("", [schema.field(index) for index in range(len(schema))], counter, 0, nested=False)


def leaf_types(nodes: Sequence[Node]) -> Iterator[LeafType]:
    """Every leaf, in the order of the Parquet columns."""
    for node in nodes:
        if node.leaf is not None:
            yield node.leaf
        yield from leaf_types(node.children)


def with_maps_whole(nodes: Sequence[Node], wanted: Collection[int]) -> frozenset[int]:
    """The wanted leaves, and the other side of every map that holds one: Arrow reads no half of a map."""
    whole = set(wanted)
    for node in nodes:
        below = {leaf.index for leaf in leaf_types((node,))}
        if node.is_map and below & whole:
            whole |= below
        whole |= with_maps_whole(node.children, whole & below)
    return frozenset(whole)


def pruned(nodes: Sequence[Node], wanted: Collection[int]) -> tuple[Node, ...]:
    """The nodes that lead to the leaves whose index is wanted: what Arrow gives for those columns."""
    kept = []
    for node in nodes:
        if node.leaf is not None:
            if node.leaf.index in wanted:
                kept.append(node)
        elif children := pruned(node.children, wanted):
            kept.append(replace(node, children=children))
    return tuple(kept)


def explode(nodes: Sequence[Node], batch: pa.RecordBatch, first_row: int) -> list[RawLeaf]:
    """Values of every leaf under the nodes.

    Args:
        nodes: one for each column of the batch, as `pruned` gives them.
        batch: rows as Arrow read them; dictionaries stay dictionaries.
        first_row: row of the batch's first row within the shard.

    Raises:
        pa.ArrowInvalid: the batch contradicts itself.
    """
    rows = np.arange(first_row, first_row + batch.num_rows, dtype=np.int64)
    return [raw for node, column in zip(nodes, batch.columns, strict=True) for raw in _walk(node, column, rows)]


def text_sizes(raw: RawLeaf) -> Rows:
    """UTF-8 bytes of each value once it is text; a number counts as 16."""
    values = raw.values
    if isinstance(values, pa.DictionaryArray):
        sizes = _lengths(values.dictionary)
        return sizes[values.indices.to_numpy(zero_copy_only=False)] if len(sizes) else np.zeros(len(values), np.int64)
    return _lengths(values)


def entry_lengths(raws: Sequence[RawLeaf], leaf: LeafType) -> Rows:
    """UTF-8 bytes of each entry of the leaf's dictionary; empty if it is none."""
    for raw in raws:
        if raw.leaf == leaf and isinstance(raw.values, pa.DictionaryArray):
            return _lengths(raw.values.dictionary)
    return np.zeros(0, np.int64)


def to_leaf(raw: RawLeaf) -> tuple[Leaf, Mask]:
    """The leaf as text, and which of its values are that; the others are bytes that are no UTF-8.

    The leaf holds only the values that are text.
    """
    texts = as_text(raw.values)
    valid = _valid_utf8(texts)
    rows, items = raw.rows, raw.items
    if not valid.all():
        texts, rows, items = texts.filter(pa.array(valid)), rows[valid], items[valid]
    return Leaf(raw.leaf.column, texts, rows, items, str(raw.leaf.type)), valid


def concatenated(parts: Sequence[Leaf]) -> Leaf:
    """Leaves of one column, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        values=pa.concat_arrays([part.values for part in parts]),
        rows=np.concatenate([part.rows for part in parts]),
        items=np.concatenate([part.items for part in parts]),
    )


def _nodes(path: str, fields: Sequence[pa.Field], counter: Iterator[int], depth: int, nested: bool) -> tuple[Node, ...]:
    seen: set[str] = set()
    nodes = []
    for field in fields:
        name = _unused(_segment(field.name), seen)
        nodes.append(_node(f"{path}.{name}" if path else name, field, counter, depth, nested))
    return tuple(nodes)


def _node(path: str, field: pa.Field, counter: Iterator[int], depth: int, nested: bool) -> Node:
    node = _of_type(path, field.type, counter, depth, nested)
    return node if field.nullable else replace(node, nullable=False)


def _of_type(path: str, kind: pa.DataType, counter: Iterator[int], depth: int, nested: bool) -> Node:
    if depth > MAX_DEPTH:
        raise RecursionError("the schema is nested too deep")
    kind = _plain(kind)
    if pa.types.is_struct(kind):
        return Node(None, _nodes(path, [kind.field(i) for i in range(kind.num_fields)], counter, depth + 1, nested))
    if pa.types.is_map(kind):
        pair = (("key", kind.key_field), ("value", kind.item_field))
        sides = tuple(_node(f"{path}.{name}", inner, counter, depth + 1, True) for name, inner in pair)
        return Node(None, sides, is_map=True)
    if _is_list(kind):
        return Node(None, (_node(path + _DEFAULT_LIST_ITEM, kind.value_field, counter, depth + 1, True),))
    return Node(LeafType(next(counter), path, kind, nested))


def _segment(name: str) -> str:
    shown = name
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        shown = f"{name[: _LONGEST_NAME - 20]}…{digest[:12]}"
    return shown if _PLAIN_NAME.match(shown) else json.dumps(shown, ensure_ascii=False)


def _unused(name: str, seen: set[str]) -> str:
    fresh, count = name, 1
    while fresh in seen:
        count += 1
        fresh = f"{name}#{count}"
    seen.add(fresh)
    return fresh


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without extension and dictionary."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_dictionary(kind):
            kind = kind.value_type
        else:
            return kind


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def _walk(node: Node, array: pa.Array, rows: Rows) -> Iterator[RawLeaf]:
    """Leaves under one node; `rows` holds the row of each slot of the array, ascending."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if node.leaf is not None:
        yield _raw(node.leaf, array, rows)
    elif pa.types.is_struct(array.type):
        # flatten, not field: a null struct makes its children null.
        for child, inner in zip(node.children, array.flatten(), strict=True):
            yield from _walk(child, inner, rows)
    elif pa.types.is_map(array.type):
        keys, items, counts = sides_of(array)
        for child, side in zip(node.children, (keys, items), strict=True):
            yield from _walk(child, side, np.repeat(rows, counts))
    else:
        # flatten, not values: what a null list still owns is no one's.
        yield from _walk(node.children[0], array.flatten(), np.repeat(rows, counts_of(array)))


def sides_of(array: pa.MapArray) -> tuple[pa.Array, pa.Array, Rows]:
    """Keys and values of the maps, and how many pairs each map has."""
    counts = counts_of(array)
    if counts.sum() != _spans(array).sum():
        array = array.filter(array.is_valid())
    start, stop = (array.offsets[0].as_py(), array.offsets[-1].as_py()) if len(array) else (0, 0)
    return array.keys.slice(start, stop - start), array.items.slice(start, stop - start), counts


def counts_of(array: pa.Array) -> Rows:
    """Items of each list; none for a null."""
    return np.where(array.is_valid().to_numpy(zero_copy_only=False), _spans(array), 0)


def _spans(array: pa.Array) -> Rows:
    """Items that each list owns, be it null or not."""
    if not len(array):
        return np.zeros(0, np.int64)
    if pa.types.is_fixed_size_list(array.type):
        return np.full(len(array), array.type.list_size, np.int64)
    if hasattr(array, "sizes"):
        return np.asarray(array.sizes.to_numpy(), dtype=np.int64)
    offsets: Rows = np.asarray(array.offsets.to_numpy(), dtype=np.int64)
    return offsets[1:] - offsets[:-1]


def _raw(leaf: LeafType, array: pa.Array, rows: Rows) -> RawLeaf:
    if pa.types.is_string_view(array.type) or pa.types.is_binary_view(array.type):
        array = _binary(array).cast(pa.large_binary())  # Views have too few kernels.
    if isinstance(array, pa.DictionaryArray):
        check_indices(array)
    items = _places(rows) if leaf.nested else np.zeros(len(rows), np.int32)
    # A dictionary's own entries may be null, so nulls are asked of the values, not of the indices.
    valid = pc.is_valid(array) if not isinstance(array, pa.DictionaryArray) else _valid_entries(array)
    mask = valid.to_numpy(zero_copy_only=False)
    if not mask.all():
        array, rows, items = array.filter(valid), rows[mask], items[mask]
    return RawLeaf(leaf, array, rows, items)


def check_indices(array: pa.DictionaryArray) -> None:
    """Arrow keeps a page's places in the dictionary as they are, even those beyond its end."""
    ends = pc.min_max(array.indices)
    if ends["max"].is_valid and not 0 <= ends["min"].as_py() <= ends["max"].as_py() < len(array.dictionary):
        raise pa.ArrowInvalid("a place beyond the end of a dictionary")


def _valid_entries(array: pa.DictionaryArray) -> pa.BooleanArray:
    if not array.dictionary.null_count:
        return array.is_valid()
    return pc.fill_null(pc.take(array.dictionary.is_valid(), array.indices), False)


def _places(rows: Rows) -> Items:
    """Place of each slot among the slots of its row."""
    starts = np.searchsorted(rows, rows)
    return (np.arange(len(rows)) - starts).astype(np.int32)


def _lengths(values: pa.Array) -> Rows:
    kind = values.type
    if pa.types.is_fixed_size_binary(kind):
        return np.full(len(values), kind.byte_width, np.int64)
    if role_of(kind) in (Role.TEXT, Role.BINARY):
        lengths = pc.binary_length(_binary(values))
        return np.asarray(lengths.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
    return np.full(len(values), 16, np.int64)


def _binary(values: pa.Array) -> pa.Array:
    """Text or bytes as a binary type that every kernel knows, without looking into the bytes."""
    kind = values.type
    if pa.types.is_string_view(kind):
        return values.view(pa.binary_view())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return values.view(pa.binary() if pa.types.is_string(kind) else pa.large_binary())
    return values if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) else values.cast(pa.large_binary())


def as_text(values: pa.Array) -> pa.LargeStringArray:
    """Values as LargeStringArray whose bytes nobody has looked at yet."""
    if isinstance(values, pa.DictionaryArray):
        # Entries are widened first: 32-bit offsets would overflow where one long entry is repeated.
        values = pc.take(as_text(values.dictionary), values.indices)
    if pa.types.is_large_string(values.type):
        return values
    if role_of(values.type) in (Role.TEXT, Role.BINARY):
        return _binary(values).cast(pa.large_binary()).view(pa.large_string())
    return number_text(values)


def number_text(values: pa.Array) -> pa.LargeStringArray:
    """Numbers, dates and times as people write them: `5551234567` for 5551234567.0, dates in ISO 8601."""
    if pa.types.is_floating(values.type):
        return _float_text(values.cast(pa.float64()))
    if pa.types.is_decimal(values.type):
        texts = values.cast(pa.string())
        return pc.replace_substring_regex(texts, r"\.0+$", "").cast(pa.large_string())
    return values.cast(pa.string()).cast(pa.large_string())


def _float_text(values: pa.DoubleArray) -> pa.LargeStringArray:
    numbers = values.to_numpy(zero_copy_only=False)
    whole = np.isfinite(numbers) & (np.abs(np.where(np.isfinite(numbers), numbers, 0)) < 2**53)
    whole &= np.floor(np.where(whole, numbers, 0)) == np.where(whole, numbers, 0)
    as_whole = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
    return pc.if_else(pa.array(whole), as_whole, values.cast(pa.string())).cast(pa.large_string())


def _valid_utf8(texts: pa.LargeStringArray) -> Mask:
    """Which values are UTF-8; halves are looked into only where a whole is not."""
    valid = np.ones(len(texts), np.bool_)
    ranges = [(0, len(texts))]
    while ranges:
        start, stop = ranges.pop()
        if start == stop or _is_valid(texts.slice(start, stop - start)):
            continue
        if stop - start == 1:
            valid[start] = False
            continue
        middle = (start + stop) // 2
        ranges += [(start, middle), (middle, stop)]
    return valid


def _is_valid(texts: pa.LargeStringArray) -> bool:
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
