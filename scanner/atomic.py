"""Whole files or none: written under a temporary name, forced to disk, then renamed; objects are put in one piece."""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scanner.stores import Place, Url, put_file

_NODE = hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()
"""Tells apart writers on several machines that share a folder."""


@contextmanager
def replacing(file: Place, scratch: Path | None = None) -> Iterator[Path]:
    """A temporary path to write; it becomes `file` when the block ends well and vanishes when it does not.

    A reader sees the old file or the new one, whenever the writer is killed. For a URL the draft lies in an owner-only
    folder of this machine, below `scratch` if it is given, and is put into the store in one piece.

    Raises:
        BadUrl, StoreFailed: the URL cannot be written.
    """
    if isinstance(file, Url):
        with tempfile.TemporaryDirectory(prefix="scanner-", dir=scratch) as folder:
            draft = Path(folder) / "draft"
            yield draft
            put_file(draft, file.full)
        return
    draft = file.with_name(f".{file.name}.{_NODE}-{os.getpid()}.tmp")
    try:
        yield draft
        with draft.open("rb+") as handle:
            os.fsync(handle.fileno())
        draft.replace(file)
        _sync_folder(file.parent)
    finally:
        draft.unlink(missing_ok=True)


def write_text(file: Place, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(file) as draft:
        draft.write_text(text, encoding="utf-8")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
