"""Servers on loopback: S3 by its real protocol behind a proxy that fails on demand, and a web server with ranges."""

from __future__ import annotations

import hashlib
import http.client
import http.server
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

LOOPBACK = "127.0.0.1"
_HOP = frozenset({"connection", "transfer-encoding", "content-length", "date", "server"})


@dataclass(frozen=True)
class Seen:
    """One request: what was asked, and bytes of body that were sent back."""

    method: str
    path: str
    range: str | None
    sent_bytes: int


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of the plain answer.

    Attributes:
        status: answer this at once, with `code` as S3's error code.
        keep: send this share of the body under the length of the whole, then hang up.
        wait_seconds: wait before the body is sent.
    """

    status: int = 0
    code: str = ""
    keep: float = 1.0
    wait_seconds: float = 0.0


Plan = Callable[[str, str, int], "Fault | None"]
"""Which fault meets a request, by its method, its path and how often this path was asked for before."""


def no_fault(method: str, path: str, before: int) -> Fault | None:
    return None


@dataclass
class Proxy:
    """Relays requests to a server of loopback, counts them, and lets them fail as `plan` says."""

    upstream: int
    plan: Plan = no_fault
    seen: list[Seen] = field(default_factory=list)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self, plan: Plan = no_fault) -> None:
        with self._lock:
            self.plan, self.seen = plan, []
            self._counts.clear()

    def before(self, method: str, path: str) -> int:
        """How often the path was asked for before this time."""
        with self._lock:
            count = self._counts.get((method, path), 0)
            self._counts[method, path] = count + 1
            return count

    def sent_bytes(self, suffix: str = "") -> int:
        """Bytes of bodies sent for GETs of paths that end so."""
        return sum(one.sent_bytes for one in self.seen if one.method == "GET" and one.path.endswith(suffix))


class _Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _relay(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self._body()
        fault = self.proxy.plan(self.command, path, self.proxy.before(self.command, path))
        if fault and fault.status:
            self._refuse(path, fault)
            return
        upstream = http.client.HTTPConnection(LOOPBACK, self.proxy.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        self._send(path, answer, data, fault or Fault())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _refuse(self, path: str, fault: Fault) -> None:
        text = f"<?xml version='1.0'?><Error><Code>{fault.code}</Code><Message>no</Message></Error>".encode()
        data = b"" if self.command == "HEAD" else text
        self.send_response(fault.status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/xml")
        self._note(path, 0)
        self.end_headers()
        self.wfile.write(data)

    def _send(self, path: str, answer: http.client.HTTPResponse, data: bytes, fault: Fault) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length or "0")
        kept = data[: int(len(data) * fault.keep)]
        self._note(path, len(kept))
        self.end_headers()
        time.sleep(fault.wait_seconds)
        self.wfile.write(kept)
        if len(kept) < len(data):
            self.close_connection = True

    def _note(self, path: str, sent: int) -> None:
        with self.proxy._lock:
            self.proxy.seen.append(Seen(self.command, path, self.headers.get("Range"), sent))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _relay  # noqa: N815 - http.server's names

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port of a server on loopback that runs until the block ends."""
    server = _Server((LOOPBACK, 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def s3_server(bucket: str) -> Iterator[Proxy]:
    """A moto server with one bucket, reached through a proxy; the environment points the AWS libraries at it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        proxy = Proxy(port)
        with serving(type("Relay", (_Relay,), {"proxy": proxy})) as front, patch.dict(os.environ, _aws(front)):
            _call(front, "PUT", f"/{bucket}")
            proxy.reset()
            yield proxy
    finally:
        server.stop()


def upload(folder: Path, prefix: str) -> None:
    """Put every file below the folder under `BUCKET/PREFIX` of the server that the environment names."""
    port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port
    assert port is not None
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            _call(port, "PUT", f"/{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())


def call(method: str, path: str, body: bytes = b"") -> bytes:
    """One plain request to the S3 server that the environment names."""
    port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port
    assert port is not None
    return _call(port, method, path, body)


def _call(port: int, method: str, path: str, body: bytes = b"") -> bytes:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/s3/aws4_request"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    assert answer.status < 300, (method, path, answer.status)
    return data


def _aws(port: int) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test-secret-that-must-not-be-shown",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@dataclass
class WebFiles:
    """Files that a web server gives, and how it behaves.

    Attributes:
        files: bodies by path.
        ranges: it answers ranges.
        tells: headers that tell a version: `ETag`, `Last-Modified`.
        redirects: paths it sends elsewhere.
        seen: ranges asked for, by path.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    tells: tuple[str, ...] = ("ETag",)
    redirects: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str | None]] = field(default_factory=list)


class _Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: WebFiles

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.web.seen.append((path, self.headers.get("Range")))
        if path in self.web.redirects:
            self._answer(302, b"", {"Location": self.web.redirects[path]})
        elif path not in self.web.files:
            self._answer(404, b"", {})
        else:
            self._file(self.web.files[path], self.headers.get("Range"))

    def _file(self, data: bytes, asked: str | None) -> None:
        told = {
            "ETag": f'"{hashlib.sha256(data).hexdigest()[:16]}"',
            "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT",
        }
        headers = {name: told[name] for name in self.web.tells}
        if not asked or not self.web.ranges:
            self._answer(200, data, headers)
            return
        first, last = (int(number) for number in asked.removeprefix("bytes=").split("-"))
        part = data[first : last + 1]
        placed = f"bytes {first}-{first + len(part) - 1}/{len(data)}"
        self._answer(206, part, {**headers, "Content-Range": placed})

    def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def web_server() -> Iterator[tuple[WebFiles, str]]:
    """A web server on loopback: its files and its address."""
    web = WebFiles()
    with serving(type("Web", (_Web,), {"web": web})) as port:
        yield web, f"http://{LOOPBACK}:{port}"
