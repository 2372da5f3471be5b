"""Objects in S3, GCS, Azure and Hugging Face, through fsspec: ranges of their bytes, listings, whole writes.

Each store's library finds credentials by its own conventions (environment, profile, workload identity) and takes
options from fsspec's (`FSSPEC_S3_…`, `~/.config/fsspec/`); none pass through this program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from scanner.errors import BadUrl, StoreFailed
from scanner.model import UnscannedReason
from scanner.stores.retries import Truncated, persistently
from scanner.stores.urls import EXTRAS, READ_ONLY, masked, scheme_of

CONNECT_SECONDS, READ_SECONDS = 10, 60
"""Limits of a connection attempt, and of silence while an answer is read."""

PAGE_OBJECTS = 1000
"""Objects listed at once, as many as S3 gives."""

_VERSION_KEYS = ("VersionId", "ETag", "etag", "generation", "blob_id", "md5Hash", "LastModified", "last_modified")
"""What stores call that which changes when an object does, the surest first."""


class StoredObject:
    """One object, open for reading ranges of the bytes that it had when it was opened.

    Attributes:
        size_bytes: its size.
        version: changes when the object does; "" if its store tells nothing of the kind.
    """

    def __init__(self, url: str) -> None:
        self._shown = masked(url)
        self._fs, self._path = _located(url)
        self._file, info = persistently(self._shown, self._opened)
        self.size_bytes = int(info.get("size") or 0)
        self.version = _version(info)

    def fetch(self, start: int, stop: int) -> bytes:
        """The bytes in `[start, stop)`, all of them.

        Raises:
            StoreFailed: the object changed or is gone, the store refuses, or fails too often.
        """
        return persistently(self._shown, lambda: self._range(start, stop))

    def check(self) -> None:
        """Know that the object is still the one that was opened.

        Raises:
            StoreFailed: it is another, or gone, or cannot be asked for.
        """
        info = persistently(self._shown, lambda: self._fs.info(self._path))
        if (int(info.get("size") or 0), _version(info)) != (self.size_bytes, self.version):
            raise StoreFailed(UnscannedReason.CHANGED, self._shown, "is not the one that was inspected")

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def _opened(self) -> tuple[Any, Mapping[str, Any]]:
        # Without a cache of fsspec's: what is read ahead, and how much is held, is decided by `shards.ranges`.
        file = self._fs.open(self._path, "rb", cache_type="none")
        info: Mapping[str, Any] = getattr(file, "details", None) or self._fs.info(self._path)
        if info.get("type") == "directory":
            raise FileNotFoundError
        return file, info

    def _range(self, start: int, stop: int) -> bytes:
        self._file.seek(start)
        data = self._file.read(stop - start)
        if len(data) != stop - start:
            raise Truncated
        return bytes(data)


def is_folder(url: str) -> bool | None:
    """Whether the URL names a folder; None if it names nothing.

    Raises:
        BadUrl: the URL cannot be used.
        StoreFailed: the store refuses, or fails too often.
    """
    fs, path = _located(url)

    def look() -> bool | None:
        try:
            return bool(fs.info(path)["type"] == "directory")
        except FileNotFoundError:
            return None

    return persistently(masked(url), look)


def listing(url: str, starting: str = "") -> Iterator[str]:
    """Paths of all objects below the folder, relative to it, in any order and one page of the store at a time.

    Args:
        url: the folder.
        starting: only objects whose relative path begins so.

    Raises:
        BadUrl: the URL cannot be used.
        StoreFailed: a page cannot be had; what was listed before is then not the whole.
    """
    fs, path = _located(url)
    root = path.rstrip("/")
    names = _s3_keys(fs, root, starting, masked(url)) if hasattr(fs, "call_s3") else _walked(fs, root, masked(url))
    return (name for name in names if name.startswith(starting))


def put_file(local: Path, url: str) -> None:
    """Write the file's bytes as one object: readers see the old object or the new one, never a part.

    Raises:
        BadUrl: the URL cannot be written.
        StoreFailed: the store refuses, or fails too often.
    """
    if scheme_of(url) in READ_ONLY:
        raise BadUrl(f"{masked(url)}: can only be read; write to s3://, gs:// or az://")
    fs, path = _located(url)
    persistently(masked(url), lambda: fs.put_file(str(local), path))


def remove(url: str) -> None:
    """Remove the object, if it is there.

    Raises:
        BadUrl: the URL cannot be used.
        StoreFailed: the store refuses, or fails too often.
    """
    fs, path = _located(url)

    def attempt() -> None:
        with suppress(FileNotFoundError):
            fs.rm_file(path)

    persistently(masked(url), attempt)


def _located(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path within it."""
    scheme = scheme_of(url)
    extra = EXTRAS[scheme]
    try:
        import fsspec

        kind = fsspec.get_filesystem_class(scheme)
    except (ImportError, ValueError):
        raise BadUrl(
            f"{masked(url)}: the library for {scheme}:// is not installed; "
            f"run `pip install 'training-data-privacy-scanner[{extra}]'`"
        ) from None
    # Listings of a million objects are not to be kept, and a changed object is to be seen.
    options = {"use_listings_cache": False, **kind._get_kwargs_from_urls(url)}
    if extra == "s3":
        options["config_kwargs"] = _s3_config(fsspec.config.conf)
    fs = kind(**options)
    if extra == "s3":
        fs.retries = 1
    return fs, kind._strip_protocol(url)


def _s3_config(configured: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the S3 client: those configured, our limits, and no attempts beside ours."""
    ours = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "retries": {"total_max_attempts": 1, "mode": "standard"},
    }
    return {**ours, **configured.get("s3", {}).get("config_kwargs", {})}


def _version(info: Mapping[str, Any]) -> str:
    """What the store calls this state of the object; the name of the key is part of it."""
    for key in _VERSION_KEYS:
        if info.get(key) not in (None, "", "null"):
            return f"{key.lower()}:{info[key]}"
    return ""


def _s3_keys(fs: Any, root: str, starting: str, shown: str) -> Iterator[str]:
    bucket, _, folder = root.partition("/")
    prefix = f"{folder}/" if folder else ""
    asked = {"Bucket": bucket, "Prefix": prefix + starting, "MaxKeys": PAGE_OBJECTS}
    token = ""
    while True:
        page = persistently(shown, lambda: fs.call_s3("list_objects_v2", **asked))
        for entry in page.get("Contents", ()):
            if not entry["Key"].endswith("/"):
                yield entry["Key"][len(prefix) :]
        if not page.get("IsTruncated"):
            return
        if page.get("NextContinuationToken", "") in ("", token):
            raise StoreFailed(UnscannedReason.UNREADABLE, shown, "the store ends its listing half-way")
        token = page["NextContinuationToken"]
        asked["ContinuationToken"] = token


def _walked(fs: Any, root: str, shown: str) -> Iterator[str]:
    """Folder by folder: what is held at once is one folder's entries."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        for entry in persistently(shown, lambda: fs.ls(folder, detail=True)):  # noqa: B023 - called at once
            name = str(entry["name"])
            if name.rstrip("/") == folder:
                continue
            if entry["type"] == "directory":
                waiting.append(name.rstrip("/"))
            else:
                yield name[len(root) :].lstrip("/")
