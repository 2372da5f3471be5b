"""Stores: reading ranges of remote objects, listing them and writing them whole, one way for every scheme.

Nothing here is imported, and no network asked for, before a URL is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

from scanner.stores.urls import READ_ONLY, WEB, Place, Url, family, is_url, last_part, masked, place, scheme_of, whole

__all__ = [
    "READ_ONLY",
    "SHA256",
    "WEB",
    "Place",
    "RemoteObject",
    "Url",
    "blocks",
    "family",
    "get_file",
    "is_folder",
    "is_url",
    "last_part",
    "listing",
    "masked",
    "open_object",
    "place",
    "put_file",
    "read_bytes",
    "remove",
    "scheme_of",
    "sha256",
    "whole",
]

BLOCK_BYTES = 8 << 20

SHA256 = "sha256:"
"""What a version begins with that is the SHA-256 of all bytes, in hex."""


class RemoteObject(Protocol):
    """One object open for reading; every range is of the version that was opened, or raises `StoreFailed`."""

    size_bytes: int
    version: str

    def fetch(self, start: int, stop: int) -> bytes:
        """The bytes in `[start, stop)`, all of them."""
        ...

    def check(self) -> None:
        """Know that the object is still the one that was opened."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_object(url: str) -> RemoteObject:
    """The object behind a URL, open for reading ranges.

    Raises:
        BadUrl: the URL cannot be used.
        StoreFailed: it is not there, the store refuses, or fails too often.
    """
    if scheme_of(url) in WEB:
        from scanner.stores.web import WebFile

        return WebFile(url)
    from scanner.stores.objects import StoredObject

    return StoredObject(url)


def is_folder(url: str) -> bool | None:
    """Whether the URL names a folder; None if it names nothing. A file on a web server is never a folder."""
    if scheme_of(url) in WEB:
        return False
    from scanner.stores import objects

    return objects.is_folder(url)


def listing(url: str, starting: str = "") -> Iterator[str]:
    """Paths of all objects below the folder, relative to it, streamed; see `objects.listing`."""
    from scanner.stores import objects

    return objects.listing(url, starting)


def blocks(url: str, size_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The object's bytes in order, a block at a time, all of one version.

    Raises:
        BadUrl, StoreFailed: as `open_object`.
    """
    with closing(open_object(url)) as found:
        for start in range(0, found.size_bytes, size_bytes):
            yield found.fetch(start, min(start + size_bytes, found.size_bytes))
        found.check()


def read_bytes(url: str) -> bytes:
    """The whole object; for files of ours, which are small.

    Raises:
        BadUrl, StoreFailed: as `open_object`.
    """
    return b"".join(blocks(url))


def sha256(url: str) -> str:
    """SHA-256 of the whole object, in hex; moves every byte of it.

    Raises:
        BadUrl, StoreFailed: as `open_object`.
    """
    digest = hashlib.sha256()
    for block in blocks(url):
        digest.update(block)
    return digest.hexdigest()


def get_file(url: str, local: Path) -> None:
    """Copy the object into a file of this machine.

    Raises:
        BadUrl, StoreFailed: as `open_object`.
    """
    with local.open("wb") as handle:
        for block in blocks(url):
            handle.write(block)


def put_file(local: Path, url: str) -> None:
    """Write the file as one object: readers see the old object or the new one; see `objects.put_file`."""
    from scanner.stores import objects

    scheme_of(url)
    objects.put_file(local, url)


def remove(url: str) -> None:
    """Remove the object, if it is there."""
    from scanner.stores import objects

    objects.remove(url)
