"""URLs: which paths are ones, how they are shown, and how they are put together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scanner.errors import BadUrl

WEB = frozenset({"http", "https"})
"""Schemes of single files on web servers: read with ranges, never listed, never written."""

EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "hf": "hf",
}
"""Schemes of object stores, and the extra of this package that brings each one's library."""


def family(scheme: str) -> str:
    """The same word for all schemes of one store."""
    return EXTRAS.get(scheme, scheme)


READ_ONLY = WEB | {"hf"}

ALLOW_HTTP = "SCANNER_ALLOW_HTTP"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, order=True)
class Url:
    """A place in a store, used as a `Path` is: `out / "spans"`, `file.name`, `file.stem`.

    `str()` and `repr()` are for people and logs: they leave out whatever may be a credential.

    Attributes:
        full: the URL as it was given.
    """

    full: str = field(repr=False)

    def __str__(self) -> str:
        return masked(self.full)

    def __truediv__(self, name: str) -> Url:
        return Url(f"{self.full.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """Its last part."""
        return last_part(self.full)

    @property
    def stem(self) -> str:
        """Its last part without the suffix."""
        return Path(self.name).stem


Place = Path | Url
"""Where something is read or written: on this machine or in a store."""


def is_url(path: str | os.PathLike[str] | Url) -> bool:
    """Whether the path names a place in a store or on a web server."""
    return isinstance(path, Url) or "://" in os.fspath(path)


def whole(place: Place) -> str:
    """The path, or the URL as it was given, for who opens it; `str` of a `Url` may leave credentials out."""
    return place.full if isinstance(place, Url) else str(place)


def place(path: str | os.PathLike[str] | Url) -> Place:
    """The path as a `Url` if it is one, else as a `Path`."""
    if isinstance(path, Url):
        return path
    return Url(os.fspath(path)) if is_url(path) else Path(path)


def masked(url: str) -> str:
    """The URL as it may be shown: without user, password, query and fragment, where signed URLs keep their secrets."""
    scheme, _, rest = url.partition("://")
    rest, query, _ = rest.partition("?")
    rest = rest.partition("#")[0] if scheme in WEB else rest
    host, slash, path = rest.partition("/")
    # abfs://container@account/path is the one scheme whose part before the `@` is no secret.
    host = host if scheme.startswith("abfs") and ":" not in host.partition("@")[0] else host.rpartition("@")[2]
    return f"{scheme}://{host}{slash}{path}{'?…' if query else ''}"


def last_part(url: str) -> str:
    """Name of the file or folder that the URL names, without a query."""
    scheme, _, rest = url.partition("://")
    if scheme in WEB:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]) or urlsplit(url).hostname or ""
    return rest.rstrip("/").rpartition("/")[2]


def scheme_of(url: str) -> str:
    """The URL's scheme, known to be one that can be read.

    Raises:
        BadUrl: another scheme, no host or bucket, or plain http to another machine without leave.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in WEB and scheme not in EXTRAS:
        known = ", ".join(f"{name}://" for name in sorted(WEB | EXTRAS.keys()))
        raise BadUrl(f"{masked(url)}: cannot be read; the schemes are {known}")
    if not rest.strip("/"):
        raise BadUrl(f"{masked(url)}: names no bucket or host")
    if scheme == "http" and urlsplit(url).hostname not in _LOOPBACK and os.environ.get(ALLOW_HTTP) != "1":
        raise BadUrl(f"{masked(url)}: plain http can be read and changed on its way; use https, or {ALLOW_HTTP}=1")
    return scheme
