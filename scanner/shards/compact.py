"""Thrift's compact protocol, read and written without loss: fields that are not known to us stay as they were.

`thrift.py` looks at headers and keeps nothing; this keeps everything, so that a footer can be written anew with some
of its fields changed. Format: Apache Thrift, `thrift-compact-protocol.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from scanner.shards.thrift import BadThrift, varint, zigzag

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

_MAX_DEPTH = 32
_DOUBLE_BYTES = 8
_SHORT = 15
"""From so many elements on, or so large a step between field numbers, a number of its own is written."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list or a set: the kind of its elements, and these."""

    kind: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """A map: the kinds of its keys and values, and these."""

    key_kind: int
    value_kind: int
    values: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct: kind and value by field number, in the order read."""

    fields: dict[int, tuple[int, Any]] = field(default_factory=dict)

    def get(self, number: int, default: Any = None) -> Any:
        """Value of a field, or the default."""
        return self.fields[number][1] if number in self.fields else default

    def having(self, number: int, kind: int, value: Any) -> Struct:
        """The struct with one field set."""
        return Struct(dict(sorted({**self.fields, number: (kind, value)}.items())))

    def without(self, *numbers: int) -> Struct:
        """The struct without some fields."""
        return Struct({number: entry for number, entry in self.fields.items() if number not in numbers})

    def listed(self, number: int) -> tuple[Any, ...]:
        """Elements of a list field; none where it is absent."""
        items = self.get(number)
        return items.values if isinstance(items, Items) else ()

    def relisted(self, number: int, values: tuple[Any, ...]) -> Struct:
        """The struct with other elements in a list field that it has."""
        kind, items = self.fields[number]
        return self.having(number, kind, replace(items, values=values))


def parsed(data: bytes) -> Struct:
    """The struct that the bytes are.

    Raises:
        BadThrift: they are none.
    """
    try:
        return _struct(data, 0, 0)[0]
    except (IndexError, UnicodeDecodeError, MemoryError) as error:
        raise BadThrift("a structure does not end within its bytes") from error


def written(value: Struct) -> bytes:
    """The struct as bytes."""
    out = bytearray()
    _write_struct(out, value)
    return bytes(out)


def _struct(data: bytes, at: int, depth: int) -> tuple[Struct, int]:
    if depth > _MAX_DEPTH:
        raise BadThrift("a structure is nested too deep")
    fields: dict[int, tuple[int, Any]] = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        kind = head & 0x0F
        if kind == 0:
            return Struct(fields), at
        if head >> 4:
            number += head >> 4
        else:
            number, at = zigzag(data, at)
        if kind in (TRUE, FALSE):
            fields[number] = (TRUE, kind == TRUE)
            continue
        value, at = _value(data, at, kind, depth)
        fields[number] = (kind, value)


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    match kind:
        case 1 | 2:
            return data[at] == TRUE, at + 1
        case 3:
            return data[at], at + 1
        case 4 | 5 | 6:
            return zigzag(data, at)
        case 7:
            return _taken(data, at, _DOUBLE_BYTES)
        case 8:
            length, at = varint(data, at)
            return _taken(data, at, length)
        case 9 | 10:
            return _items(data, at, depth + 1)
        case 11:
            return _pairs(data, at, depth + 1)
        case 12:
            return _struct(data, at, depth + 1)
        case _:
            raise BadThrift("a structure has a field of unknown type")


def _taken(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(data):
        raise BadThrift("a text does not end within its bytes")
    return bytes(data[at : at + length]), at + length


def _items(data: bytes, at: int, depth: int) -> tuple[Items, int]:
    head = data[at]
    at += 1
    count, kind = head >> 4, head & 0x0F
    if count == _SHORT:
        count, at = varint(data, at)
    if count > len(data) - at:
        raise BadThrift("a list claims more elements than there are bytes")
    values = []
    for _ in range(count):
        value, at = _value(data, at, kind, depth)
        values.append(value)
    return Items(kind, tuple(values)), at


def _pairs(data: bytes, at: int, depth: int) -> tuple[Pairs, int]:
    count, at = varint(data, at)
    if not count:
        return Pairs(0, 0, ()), at
    if count > len(data) - at:
        raise BadThrift("a map claims more entries than there are bytes")
    kinds = data[at]
    at += 1
    pairs = []
    for _ in range(count):
        key, at = _value(data, at, kinds >> 4, depth)
        value, at = _value(data, at, kinds & 0x0F, depth)
        pairs.append((key, value))
    return Pairs(kinds >> 4, kinds & 0x0F, tuple(pairs)), at


def _write_struct(out: bytearray, value: Struct) -> None:
    last = 0
    for number, (kind, content) in value.fields.items():
        told = (TRUE if content else FALSE) if kind == TRUE else kind
        step = number - last
        if 0 < step <= _SHORT:
            out.append(step << 4 | told)
        else:
            out.append(told)
            _write_zigzag(out, number)
        if kind != TRUE:
            _write_value(out, kind, content)
        last = number
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    match kind:
        case 1 | 2:
            out.append(TRUE if value else FALSE)
        case 3:
            out.append(value)
        case 4 | 5 | 6:
            _write_zigzag(out, value)
        case 7:
            out += value
        case 8:
            _write_varint(out, len(value))
            out += value
        case 9 | 10:
            _write_items(out, value)
        case 11:
            _write_pairs(out, value)
        case _:
            _write_struct(out, value)


def _write_items(out: bytearray, items: Items) -> None:
    count = len(items.values)
    if count < _SHORT:
        out.append(count << 4 | items.kind)
    else:
        out.append(_SHORT << 4 | items.kind)
        _write_varint(out, count)
    for value in items.values:
        _write_value(out, items.kind, value)


def _write_pairs(out: bytearray, pairs: Pairs) -> None:
    _write_varint(out, len(pairs.values))
    if pairs.values:
        out.append(pairs.key_kind << 4 | pairs.value_kind)
    for key, value in pairs.values:
        _write_value(out, pairs.key_kind, key)
        _write_value(out, pairs.value_kind, value)


def _write_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _write_zigzag(out: bytearray, value: int) -> None:
    _write_varint(out, value * 2 if value >= 0 else -value * 2 - 1)
