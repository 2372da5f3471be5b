"""The one way to open a shard's bytes; other file systems are added here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from scanner.errors import UnreadableShard
from scanner.model import UnscannedReason

SETTLED_NS = 2_000_000_000
"""Age from which a file's modification time tells it from any later state: the slowest file systems tick so."""

Stamp = tuple[int, int, int]
"""What tells that a file changed: size in bytes, modification time in ns, inode."""


@contextmanager
def open_input(path: str) -> Iterator[Any]:
    """A random-access `pyarrow.NativeFile` over the file, closed on leaving.

    Raises:
        UnreadableShard: the file cannot be opened.
    """
    try:
        handle = pa.OSFile(path, "rb")
    except OSError as error:
        raise UnreadableShard(UnscannedReason.UNREADABLE, f"cannot be opened: {_why(error)}") from error
    with handle:
        yield handle


def stamp(path: str) -> Stamp:
    """The file's stamp now.

    Raises:
        UnreadableShard: the file is gone or may not be looked at.
    """
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

    Raises:
        UnreadableShard: the file is gone or may not be looked at.
    """
    now = time.time_ns()
    try:
        found = os.stat(path)
    except OSError as error:
        raise UnreadableShard(UnscannedReason.UNREADABLE, f"cannot be looked at: {_why(error)}") from error
    if found.st_mtime_ns > now - SETTLED_NS:
        return ""
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino} {found.st_ctime_ns}"


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
