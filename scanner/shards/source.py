"""The one way to open a shard's bytes, on this machine or in a store."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol

import pyarrow as pa

from scanner import stores
from scanner.errors import UnreadableShard
from scanner.model import UnscannedReason
from scanner.shards.ranges import Extent, RangeFile, Ranges

SETTLED_NS = 2_000_000_000
"""Age from which a file's modification time tells it from any later state: the slowest file systems tick so."""

Stamp = tuple[int | str, ...]
"""What tells that a file changed: size in bytes, modification time in ns, inode; in a store size and version."""

_TAILS_BYTES = 32 << 20
_tails: OrderedDict[tuple[str, Stamp], bytes] = OrderedDict()
"""Footers of the remote shards that this process read last, so that each unit of a shard does not fetch it again."""


class Source(Protocol):
    """A shard's bytes, open for reading at any place.

    Attributes:
        native: the same as a `pyarrow.NativeFile`.
        stamp: the file's stamp when it was opened.
    """

    native: Any
    stamp: Stamp

    def size(self) -> int:
        """Bytes of the file."""
        ...

    def read_at(self, count: int, at: int) -> bytes:
        """At most `count` bytes from `at`, fewer only at the end of the file."""
        ...

    def expect(self, extents: Iterable[Extent], then: Iterable[Extent] = ()) -> None:
        """Tell which parts are going to be looked at and read next, and which `then`."""
        ...

    def stream(self, extents: Iterable[Extent]) -> None:
        """Tell which of them are read from beginning to end now, side by side."""
        ...

    def check(self) -> None:
        """Raise what made a read of `native` fail, if a store did; Arrow does not pass it on."""
        ...

    def still(self) -> bool:
        """Whether the file is the one that was opened, asked anew."""
        ...


@contextmanager
def open_input(path: str) -> Iterator[Source]:
    """The file, open until the block ends.

    Args:
        path: on this machine, or a URL.

    Raises:
        UnreadableShard: the file cannot be opened.
        BadUrl: the URL cannot be used.
        StoreFailed: the store lost the file, refuses it or fails too often.
    """
    if stores.is_url(path):
        with closing(stores.open_object(path)) as found, closing(_Remote(path, found)) as remote:
            yield remote
        return
    seen = stamp(path)
    try:
        handle = pa.OSFile(path, "rb")
    except OSError as error:
        raise UnreadableShard(UnscannedReason.UNREADABLE, f"cannot be opened: {_why(error)}") from error
    with handle:
        yield _Local(path, handle, seen)


def stamp(path: str) -> Stamp:
    """The stamp now of a file or an object.

    Raises:
        UnreadableShard: the file is gone or may not be looked at.
        BadUrl, StoreFailed: as `open_input`.
    """
    if stores.is_url(path):
        with closing(stores.open_object(path)) as seen:
            return seen.size_bytes, seen.version
    try:
        found = os.stat(path)
    except OSError as error:
        raise UnreadableShard(UnscannedReason.UNREADABLE, f"cannot be looked at: {_why(error)}") from error
    return found.st_size, found.st_mtime_ns, found.st_ino


def glance(path: str) -> str:
    """What tells between runs, without a read, that the file is still the same; "" where nothing does.

    To size, modification time and inode comes the time of the last change of any of these: unlike the modification
    time it cannot be set back by a program. A file that was modified within the last two seconds may change once
    more without any of this changing, as clocks of file systems tick slowly; nor is one trusted whose time lies ahead.

    For a URL it is the object's size and version.

    Raises:
        UnreadableShard: the file is gone or may not be looked at.
        BadUrl, StoreFailed: as `open_input`.
    """
    if stores.is_url(path):
        return told(*stamp(path))
    now = time.time_ns()
    try:
        found = os.stat(path)
    except OSError as error:
        raise UnreadableShard(UnscannedReason.UNREADABLE, f"cannot be looked at: {_why(error)}") from error
    if found.st_mtime_ns > now - SETTLED_NS:
        return ""
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino} {found.st_ctime_ns}"


def told(*stamp: int | str) -> str:
    """The stamp of an object in a store as a glance at it gives it."""
    return " ".join(map(str, stamp))


class _Local:
    """A file of this machine; the system reads ahead by itself."""

    def __init__(self, path: str, handle: Any, seen: Stamp) -> None:
        self.native, self.stamp = handle, seen
        self._path = path

    def size(self) -> int:
        return int(self.native.size())

    def read_at(self, count: int, at: int) -> bytes:
        return bytes(self.native.read_at(count, at))

    def expect(self, extents: Iterable[Extent], then: Iterable[Extent] = ()) -> None:
        pass

    def stream(self, extents: Iterable[Extent]) -> None:
        pass

    def check(self) -> None:
        pass

    def still(self) -> bool:
        return stamp(self._path) == self.stamp


class _Remote:
    """An object in a store; what is fetched, and when, is decided by `Ranges`."""

    def __init__(self, url: str, found: stores.RemoteObject) -> None:
        self._object = found
        self.stamp: Stamp = (found.size_bytes, found.version)
        self._key = (url, self.stamp)
        self._ranges = Ranges(found.size_bytes, found.fetch, _tails.get(self._key, b""))
        self._file = RangeFile(self._ranges)
        self.native = pa.PythonFile(self._file, mode="r")

    def size(self) -> int:
        return self._object.size_bytes

    def read_at(self, count: int, at: int) -> bytes:
        data = self._ranges.read_at(count, at)
        _remember(self._key, self._ranges.tail)
        return data

    def close(self) -> None:
        """Fetch nothing more."""
        self._ranges.close()

    def expect(self, extents: Iterable[Extent], then: Iterable[Extent] = ()) -> None:
        self._ranges.expect(extents, then)

    def stream(self, extents: Iterable[Extent]) -> None:
        self._ranges.stream(extents)

    def check(self) -> None:
        if self._file.fault is not None:
            raise self._file.fault

    def still(self) -> bool:
        self._object.check()
        return True


def _remember(key: tuple[str, Stamp], tail: bytes) -> None:
    if len(tail) > _TAILS_BYTES or len(_tails.get(key, b"")) == len(tail):
        return
    _tails[key] = tail
    _tails.move_to_end(key)
    while sum(map(len, _tails.values())) > _TAILS_BYTES:
        _tails.popitem(last=False)


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
