"""What a shard says of itself, and how it is split into units of work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner import stores
from scanner.errors import StoreFailed, UnreadableShard
from scanner.model import Identity, Unscanned, UnscannedReason
from scanner.shards.footer import TAIL_BYTES, footer_bytes
from scanner.shards.leaves import leaf_types, tree
from scanner.shards.naming import MAGIC, Shard
from scanner.shards.source import Source, Stamp, glance, open_input, told

ENCRYPTED_MAGIC = b"PARE"
ARROW_ERRORS = (pa.ArrowException, OSError, ValueError, MemoryError, RecursionError, OverflowError)
"""What Arrow raises on a shard that lies or is broken; `ArrowInvalid` and `UnicodeDecodeError` are ValueErrors."""

LASTING = frozenset({UnscannedReason.CORRUPT, UnscannedReason.UNSUPPORTED})
"""Faults that stay for as long as the bytes do; any other may be gone at the next look."""

TARGET_BYTES = 256 << 20
MOST_SLICES = 64
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
        sha256: of the whole file, hex, or as `identity` says; "" if it could not be read.
        size_bytes: size of the file; 0 if it could not be looked at.
        rows: rows as the footer claims; 0 without a footer.
        columns: leaf paths.
        groups: row groups.
        stamp: tells later whether the file changed.
        fault: why nothing of the shard can be read, if so.
        glance: tells a later run, without a read, that nothing changed; "" where it must look again.
        identity: what `sha256` is a hash of.
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
    identity: Identity = Identity.SHA256


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """A run of row groups of one shard, or some rows of one row group: what one worker reads at a time.

    Attributes:
        shard: which.
        index: place among the shard's units, from 0.
        start: first row group.
        stop: one past the last row group.
        first_row: row within the shard that the unit starts with.
        rows: rows claimed.
        size_bytes: bytes before compression, as claimed.
        stamp: the file as it was when it was inspected.
        skipped: rows of its row group that stand before it.
        left: rows of its row group that stand after it.
    """

    shard: Shard
    index: int
    start: int
    stop: int
    first_row: int
    rows: int
    size_bytes: int
    stamp: Stamp
    skipped: int = 0
    left: int = 0


def inspect(shard: Shard, *, whole: bool = False) -> ShardFacts:
    """Facts of the shard from its footer, and what identifies its bytes. Never raises for what the shard is.

    Args:
        shard: which.
        whole: hash all bytes of a remote shard too, which moves them all.

    Raises:
        BadUrl: the library of its store is not installed here.
    """
    known = ShardFacts(shard, "", 0, 0, (), (), None)
    try:
        if shard.outside:
            raise UnreadableShard(UnscannedReason.UNREADABLE, "leads out of the folder given")
        if not stores.is_url(shard.path):
            known = replace(known, glance=glance(shard.path))
        with open_input(shard.path) as source:
            known = replace(known, size_bytes=source.size(), stamp=source.stamp)
            if stores.is_url(shard.path):
                known = replace(known, glance=told(*source.stamp))
            known = _identified(known, source, whole=whole)
            return _facts(known, parquet(source))
    except (UnreadableShard, StoreFailed) as error:
        what = error.what if isinstance(error, StoreFailed) else str(error)
        fault = Unscanned(shard.name, "", 0, known.size_bytes, error.reason, what)
        return replace(known, fault=fault, glance=known.glance if error.reason in LASTING else "")


def units(facts: ShardFacts, target_bytes: int = TARGET_BYTES, *, slices: bool = False) -> list[Unit]:
    """The shard as runs of row groups of about `target_bytes` before compression; none for an unreadable shard.

    The split depends on the footer alone, so it is the same for any number of workers.

    Args:
        facts: of the shard.
        target_bytes: what a unit aims at.
        slices: whether row groups are split too, into `MOST_SLICES` at most, as each slice reads what stands before
            it. Those of a remote shard never are: each slice would move the row group again.
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
    if not slices or stores.is_url(facts.shard.path):
        return runs
    sliced = (part for run in runs for part in _slices(run, target_bytes))
    return [replace(unit, index=index) for index, unit in enumerate(sliced)]


def _slices(unit: Unit, target_bytes: int) -> Iterator[Unit]:
    """A row group of more than `target_bytes` in slices of as many rows each; a run of several as it is."""
    count = min(MOST_SLICES, unit.rows, -(-unit.size_bytes // target_bytes)) if unit.stop - unit.start == 1 else 1
    if count <= 1:
        yield unit
        return
    for part in range(count):
        start, stop = (unit.rows * edge // count for edge in (part, part + 1))
        yield replace(
            unit,
            first_row=unit.first_row + start,
            rows=stop - start,
            size_bytes=share(unit.size_bytes, start, stop, unit.rows),
            skipped=start,
            left=unit.rows - stop,
        )


def share(size: int, start: int, stop: int, of: int) -> int:
    """What rows `start` to `stop` are of a size of so many rows; the shares of slices add up to the size."""
    return size * stop // of - size * start // of if of else size


@contextmanager
def opened(path: str, **options: Any) -> Iterator[pq.ParquetFile]:
    """The file as Arrow reads it: streamed page by page when `buffer_size` is given.

    Raises:
        UnreadableShard: it is empty, no Parquet, encrypted, or its footer cannot be read.
        BadUrl, StoreFailed: as `open_input`.
    """
    with open_input(path) as source:
        yield parquet(source, **options)


def parquet(source: Source, **options: Any) -> pq.ParquetFile:
    """`opened` over an open source. The footer is read here: Arrow would fetch far more than it.

    Raises:
        UnreadableShard: it is empty, no Parquet, encrypted, or its footer cannot be read.
        StoreFailed: the store lost it, refuses it or fails too often.
    """
    _check_magic(source)
    try:
        footer = footer_bytes(source)
        tail = pa.BufferReader(b"".join((MAGIC, footer, len(footer).to_bytes(4, "little"), MAGIC)))
        metadata = pq.ParquetFile(tail, pre_buffer=False, schema_depth_limit=SCHEMA_DEPTH).metadata
        file = pq.ParquetFile(
            source.native, metadata=metadata, pre_buffer=False, schema_depth_limit=SCHEMA_DEPTH, **options
        )
        schema, names = file.schema_arrow, len(file.schema)
    except NotImplementedError as error:
        raise UnreadableShard(UnscannedReason.UNSUPPORTED, "its schema has a type that cannot be read") from error
    except ARROW_ERRORS as error:
        source.check()
        raise UnreadableShard(UnscannedReason.CORRUPT, "its footer cannot be read") from error
    _check_signature(footer, metadata)
    if sum(1 for _ in leaf_types(tree(schema))) != names:
        raise UnreadableShard(UnscannedReason.UNSUPPORTED, "its columns cannot be told apart")
    return file


def _check_magic(source: Source) -> None:
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


def _check_signature(footer: bytes, metadata: Any) -> None:
    """Refuse a readable footer over encrypted columns: Arrow 26 ends the process when asked about such a column.

    The footer is then followed by its signature, so it is longer than what was parsed.
    """
    if len(footer) != metadata.serialized_size:
        raise UnreadableShard(UnscannedReason.UNREADABLE, "is encrypted, or has a footer with something after it")


def _identified(known: ShardFacts, source: Source, *, whole: bool) -> ShardFacts:
    """What identifies the shard's bytes; of a remote one that is not read whole, what its store and its footer say."""
    path = known.shard.path
    if not stores.is_url(path):
        return replace(known, sha256=_sha256(path))
    version = str(source.stamp[1])
    if version.startswith(stores.SHA256):
        return replace(known, sha256=version.removeprefix(stores.SHA256))
    if whole:
        return replace(known, sha256=stores.sha256(path))
    digest = hashlib.sha256(f"{known.size_bytes} {version} ".encode())
    if source.read_at(4, max(source.size() - 4, 0)) == MAGIC:
        digest.update(source.read_at(TAIL_BYTES, max(source.size() - TAIL_BYTES, 0)))
        digest.update(footer_bytes(source))
    return replace(known, sha256=digest.hexdigest(), identity=Identity.ETAG)


def _facts(known: ShardFacts, file: pq.ParquetFile) -> ShardFacts:
    metadata = file.metadata
    groups = tuple(_group(metadata, index) for index in range(metadata.num_row_groups))
    return replace(
        known,
        rows=sum(group.rows for group in groups),
        columns=tuple(leaf.column for leaf in leaf_types(tree(file.schema_arrow))),
        groups=groups,
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
