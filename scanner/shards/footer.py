"""Column chunks as the footer places them, read without Arrow.

Arrow 26 ends the process when it is asked about a column chunk whose footer entry is inconsistent or encrypted
(`RowGroupMetaData.column`), so a hostile footer is read here. Format: Apache Parquet `parquet.thrift`, FileMetaData.
"""

from __future__ import annotations

import struct as binary
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scanner.shards.thrift import LIST, BadThrift, elements, fields, struct

TAIL_BYTES = 8
_NUMBERS = {1: "<i", 2: "<q", 4: "<f", 5: "<d"}
"""How statistics of INT32, INT64, FLOAT and DOUBLE are packed."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column of one row group.

    Attributes:
        start: offset of its first page.
        stop: one past its last byte.
        size_bytes: before compression, as claimed; at least 0.
        largest: largest absolute value of a column of numbers, if the footer tells it.
        readable: it is not encrypted and lies in this file.
    """

    start: int
    stop: int
    size_bytes: int
    largest: float | None
    readable: bool


def footer_bytes(source: Any) -> bytes:
    """The serialised FileMetaData; from the file's beginning if it claims to be longer than the file."""
    size = source.size()
    length = int.from_bytes(source.read_at(4, max(size - TAIL_BYTES, 0)), "little")
    start = max(size - TAIL_BYTES - length, 0)
    return bytes(source.read_at(max(size - TAIL_BYTES - start, 0), start))


def chunks(source: Any, groups: range) -> list[tuple[Chunk, ...]]:
    """Column chunks of some row groups, in order.

    Raises:
        BadThrift: the footer is malformed or has other row groups.
    """
    data = footer_bytes(source)
    try:
        found = [_group(data, at) for index, at in enumerate(_groups(data, groups.stop)) if index in groups]
    except (IndexError, binary.error) as error:
        raise BadThrift("the footer does not end where it says") from error
    if len(found) != len(groups):
        raise BadThrift("the footer lacks row groups")
    return found


def _groups(data: bytes, stop: int) -> Iterator[int]:
    """Places of the first `stop` row groups."""
    for _, at in zip(range(stop), elements(data, _field(data, 0, 4)), strict=False):
        yield at


def _group(data: bytes, at: int) -> tuple[Chunk, ...]:
    return tuple(_chunk(struct(data, place)[0]) for place in elements(data, _field(data, at, 1)))


def _field(data: bytes, at: int, wanted: int) -> int:
    """Place of the list that is field `wanted` of the struct at `at`."""
    for number, kind, place in fields(data, at):
        if number == wanted and kind == LIST:
            return place
    raise BadThrift("the footer lacks a list")


def _chunk(column: dict[int, Any]) -> Chunk:
    """A ColumnChunk: field 1 names another file, 3 is its ColumnMetaData, 8 tells how it is encrypted."""
    facts = column.get(3)
    if not isinstance(facts, dict):
        return Chunk(0, 0, 0, None, readable=False)
    sizes = [facts.get(number) for number in (6, 7, 9)]
    if not all(isinstance(size, int) and size >= 0 for size in sizes):
        return Chunk(0, 0, 0, None, readable=False)
    uncompressed, compressed, start = (int(size or 0) for size in sizes)
    dictionary = facts.get(11)
    if isinstance(dictionary, int) and 0 < dictionary < start:
        start = dictionary
    return Chunk(start, start + compressed, uncompressed, _largest(facts), readable=not {1, 8} & column.keys())


def _largest(facts: dict[int, Any]) -> float | None:
    """From Statistics: 1 and 2 are the older fields of the largest and smallest value, 5 and 6 the newer."""
    packed, statistics = _NUMBERS.get(facts.get(1, -1)), facts.get(12)
    if packed is None or not isinstance(statistics, dict):
        return None
    ends = [statistics.get(newer, statistics.get(older)) for newer, older in ((5, 1), (6, 2))]
    if not all(isinstance(end, bytes) and len(end) == binary.calcsize(packed) for end in ends):
        return None
    return max(abs(float(binary.unpack(packed, end)[0])) for end in ends if end)
