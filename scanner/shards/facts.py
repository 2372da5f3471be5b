"""What a shard says of itself, and how it is split into units of work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner.errors import UnreadableShard
from scanner.model import Unscanned, UnscannedReason
from scanner.shards.find import MAGIC, Shard
from scanner.shards.leaves import leaf_types, tree
from scanner.shards.source import Stamp, glance, open_input, stamp

ENCRYPTED_MAGIC = b"PARE"
ARROW_ERRORS = (pa.ArrowException, OSError, ValueError, MemoryError, RecursionError, OverflowError)
"""What Arrow raises on a shard that lies or is broken; `ArrowInvalid` and `UnicodeDecodeError` are ValueErrors."""

LASTING = frozenset({UnscannedReason.CORRUPT, UnscannedReason.UNSUPPORTED})
"""Faults that stay for as long as the bytes do; any other may be gone at the next look."""

TARGET_BYTES = 256 << 20
SCHEMA_DEPTH = 120
_SMALLEST = 12
_HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """One row group as the footer describes it: rows, and bytes before compression."""

    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """A shard before its rows are read.

    Attributes:
        shard: which.
        sha256: of the whole file, hex; "" if it could not be read.
        size_bytes: size of the file; 0 if it could not be looked at.
        rows: rows as the footer claims; 0 without a footer.
        columns: leaf paths.
        groups: row groups.
        stamp: tells later whether the file changed.
        fault: why nothing of the shard can be read, if so.
        glance: tells a later run, without a read, that nothing changed; "" where it must look again.
    """

    shard: Shard
    sha256: str
    size_bytes: int
    rows: int
    columns: tuple[str, ...]
    groups: tuple[GroupFacts, ...]
    stamp: Stamp | None
    fault: Unscanned | None = None
    glance: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """A run of row groups of one shard: what one worker reads at a time.

    Attributes:
        shard: which.
        index: place among the shard's units, from 0.
        start: first row group.
        stop: one past the last row group.
        first_row: row within the shard that the first row group starts with.
        rows: rows claimed.
        size_bytes: bytes before compression, as claimed.
        stamp: the file as it was when it was inspected.
    """

    shard: Shard
    index: int
    start: int
    stop: int
    first_row: int
    rows: int
    size_bytes: int
    stamp: Stamp


def inspect(shard: Shard) -> ShardFacts:
    """Facts of the shard from its footer, and the hash of its bytes. Never raises for what the shard is."""
    digest, size, seen, glanced = "", 0, None, ""
    try:
        if shard.outside:
            raise UnreadableShard(UnscannedReason.UNREADABLE, "a symbolic link that leads out of the folder given")
        glanced = glance(shard.path)
        seen = stamp(shard.path)
        size = seen[0]
        digest = _sha256(shard.path)
        with opened(shard.path) as file:
            return replace(_facts(shard, digest, seen, file), glance=glanced)
    except UnreadableShard as error:
        fault = Unscanned(shard.name, "", 0, size, error.reason, str(error))
        return ShardFacts(shard, digest, size, 0, (), (), seen, fault, glanced if error.reason in LASTING else "")


def units(facts: ShardFacts, target_bytes: int = TARGET_BYTES) -> list[Unit]:
    """The shard as runs of row groups of about `target_bytes` before compression; none for an unreadable shard.

    The split depends on the footer alone, so it is the same for any number of workers. A row group is never split.
    """
    if facts.fault is not None or facts.stamp is None:
        return []
    runs: list[Unit] = []
    start = first_row = rows = size = 0
    for index, group in enumerate(facts.groups):
        rows, size = rows + group.rows, size + group.size_bytes
        if size >= target_bytes or index + 1 == len(facts.groups):
            runs.append(Unit(facts.shard, len(runs), start, index + 1, first_row, rows, size, facts.stamp))
            start, first_row, rows, size = index + 1, first_row + rows, 0, 0
    return runs


@contextmanager
def opened(path: str, **options: Any) -> Iterator[pq.ParquetFile]:
    """The file as Arrow reads it: streamed page by page when `buffer_size` is given.

    Raises:
        UnreadableShard: it is empty, no Parquet, encrypted, or its footer cannot be read.
    """
    with open_input(path) as source:
        _check_magic(source)
        try:
            file = pq.ParquetFile(source, pre_buffer=False, schema_depth_limit=SCHEMA_DEPTH, **options)
            schema, names = file.schema_arrow, len(file.schema)
        except NotImplementedError as error:
            raise UnreadableShard(UnscannedReason.UNSUPPORTED, "its schema has a type that cannot be read") from error
        except ARROW_ERRORS as error:
            raise UnreadableShard(UnscannedReason.CORRUPT, "its footer cannot be read") from error
        _check_signature(source, file.metadata)
        if sum(1 for _ in leaf_types(tree(schema))) != names:
            raise UnreadableShard(UnscannedReason.UNSUPPORTED, "its columns cannot be told apart")
        yield file


def _check_magic(source: Any) -> None:
    try:
        size = source.size()
        head, tail = source.read_at(4, 0), source.read_at(4, max(size - 4, 0))
    except OSError as error:
        raise UnreadableShard(UnscannedReason.UNREADABLE, "cannot be read") from error
    if not size:
        raise UnreadableShard(UnscannedReason.CORRUPT, "is empty")
    if ENCRYPTED_MAGIC in (head, tail):
        raise UnreadableShard(UnscannedReason.UNREADABLE, "is encrypted")
    if head != MAGIC:
        raise UnreadableShard(UnscannedReason.CORRUPT, "is not a Parquet file: it does not begin as one")
    if size < _SMALLEST or tail != MAGIC:
        raise UnreadableShard(UnscannedReason.CORRUPT, "is cut off: it has no footer")


def _check_signature(source: Any, metadata: Any) -> None:
    """Refuse a readable footer over encrypted columns: Arrow 26 ends the process when asked about such a column.

    The footer is then followed by its signature, so it is longer than what was parsed.
    """
    length = int.from_bytes(source.read_at(4, source.size() - 8), "little")
    if length != metadata.serialized_size:
        raise UnreadableShard(UnscannedReason.UNREADABLE, "is encrypted, or has a footer with something after it")


def _facts(shard: Shard, digest: str, seen: Stamp, file: pq.ParquetFile) -> ShardFacts:
    metadata = file.metadata
    groups = tuple(_group(metadata, index) for index in range(metadata.num_row_groups))
    return ShardFacts(
        shard=shard,
        sha256=digest,
        size_bytes=seen[0],
        rows=sum(group.rows for group in groups),
        columns=tuple(leaf.column for leaf in leaf_types(tree(file.schema_arrow))),
        groups=groups,
        stamp=seen,
    )


def _group(metadata: Any, index: int) -> GroupFacts:
    """One row group; numbers that cannot be are refused, as they would move the rows after it."""
    group = metadata.row_group(index)
    if group.num_rows < 0:
        raise UnreadableShard(UnscannedReason.CORRUPT, "its footer claims a negative number of rows")
    return GroupFacts(group.num_rows, max(group.total_byte_size, 0))


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as handle:
            while block := handle.read(_HASH_BYTES):
                digest.update(block)
    except OSError as error:
        raise UnreadableShard(UnscannedReason.UNREADABLE, "cannot be read") from error
    return digest.hexdigest()
