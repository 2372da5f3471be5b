"""Files on web servers: ranges over HTTP, each known to be of the same version of the file."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import urljoin

import requests

from scanner.errors import StoreFailed
from scanner.model import UnscannedReason
from scanner.stores.objects import CONNECT_SECONDS, READ_SECONDS
from scanner.stores.retries import Truncated, persistently
from scanner.stores.urls import masked, scheme_of

WHOLE_BYTES = 64 << 20
"""The largest file that is read whole from a server that gives no ranges or tells no version."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


class _Status(Exception):
    """An answer other than the one asked for."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__()


class WebFile:
    """One file of a web server, open for reading ranges of the bytes that it had when it was opened.

    The first request asks for a range, not for headers alone: signed URLs are often good for one method only.

    Attributes:
        size_bytes: its size.
        version: changes when the file does: its ETag, else its time of change, else the SHA-256 of its bytes.
    """

    def __init__(self, url: str) -> None:
        self._url, self._shown = url, masked(url)
        self._session = requests.Session()
        self._whole: bytes | None = None
        self.size_bytes, self.version = persistently(self._shown, self._look)
        if not self.version:
            self._hold(self.fetch(0, self._affordable(self.size_bytes)))

    def fetch(self, start: int, stop: int) -> bytes:
        """The bytes in `[start, stop)`, all of them.

        Raises:
            StoreFailed: the file changed or is gone, the server refuses, or fails too often.
        """
        if self._whole is not None:
            return self._whole[start:stop]
        if start >= stop:
            return b""
        return persistently(self._shown, lambda: self._range(start, stop))

    def check(self) -> None:
        """Know that the file is still the one that was opened.

        Raises:
            StoreFailed: it is another, or gone, or cannot be asked for.
        """
        # What is held whole cannot change, and each range was known to be of the same version.

    def close(self) -> None:
        """Let go of it."""
        self._session.close()

    def _look(self) -> tuple[int, str]:
        with self._answer({"Range": "bytes=0-3"}) as answer:
            if answer.status_code == 200:
                self._hold(_body(answer, self._affordable(int(answer.headers.get("Content-Length", WHOLE_BYTES)))))
                return self.size_bytes, self.version
            if answer.status_code == 416:
                self._hold(b"")
                return 0, self.version
            _, _, size = _placed(answer)
            return size, _version(answer)

    def _range(self, start: int, stop: int) -> bytes:
        with self._answer({"Range": f"bytes={start}-{stop - 1}"}) as answer:
            if answer.status_code != 206:
                raise _Status(answer.status_code)
            if _version(answer) != self.version or _placed(answer)[2] != self.size_bytes:
                raise StoreFailed(UnscannedReason.CHANGED, self._shown, "is not the one that was inspected")
            if _placed(answer)[:2] != (start, stop - 1):
                raise Truncated
            data = _body(answer, stop - start)
            if len(data) != stop - start:
                raise Truncated
            return data

    def _answer(self, headers: dict[str, str]) -> requests.Response:
        """The answer after redirects, each of which must be a URL that we would have read if given."""
        url = self._url
        for _ in range(_MOST_REDIRECTS):
            answer = self._session.get(
                url,
                headers={"Accept-Encoding": "identity", **headers},
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
            if answer.status_code not in _REDIRECTS:
                return self._good(answer)
            url = urljoin(url, answer.headers.get("Location", ""))
            answer.close()
            scheme_of(url)
        raise StoreFailed(UnscannedReason.UNREADABLE, self._shown, "the server redirects without end")

    def _good(self, answer: requests.Response) -> requests.Response:
        if answer.status_code not in (200, 206, 416):
            answer.close()
            raise _Status(answer.status_code)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            answer.close()
            raise StoreFailed(UnscannedReason.UNREADABLE, self._shown, "the server sends it in another encoding")
        return answer

    def _affordable(self, size_bytes: int) -> int:
        if size_bytes > WHOLE_BYTES:
            detail = (
                f"the server gives no ranges or tells no version, and it is over {WHOLE_BYTES} bytes: copy it first"
            )
            raise StoreFailed(UnscannedReason.UNREADABLE, self._shown, detail)
        return size_bytes

    def _hold(self, data: bytes) -> None:
        self._whole = data
        self.size_bytes, self.version = len(data), f"sha256:{hashlib.sha256(data).hexdigest()}"


def _body(answer: requests.Response, most_bytes: int) -> bytes:
    """The body, known to have at most so many bytes: a server may send more than it was asked for."""
    data: bytes = answer.raw.read(most_bytes + 1, decode_content=False)
    if len(data) > most_bytes:
        raise Truncated
    told = answer.headers.get("Content-Length")
    if told is not None and len(data) != int(told):
        raise Truncated
    return data


def _placed(answer: requests.Response) -> tuple[int, int, int]:
    """First byte, last byte and the file's size, as the answer tells them."""
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if answer.status_code != 206 or found is None:
        raise _Status(answer.status_code)
    first, last, size = map(int, found.groups())
    return first, last, size


def _version(answer: Any) -> str:
    for header in ("ETag", "Last-Modified"):
        if told := answer.headers.get(header):
            return f"{header.lower()}:{told}"
    return ""
