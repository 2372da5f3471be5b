"""The review page's server: on loopback alone, opened by a token that works once, closed to every other page."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from scanner.errors import ScannerError
from scanner.review.desk import Desk, NotAsked
from scanner.review.page import page

HOST = "127.0.0.1"
COOKIE = "review"
MOST_BYTES = 1 << 20
"""Of a request's body."""


class Server(ThreadingHTTPServer):
    """Serves one desk until `finish` or an interrupt.

    Args:
        desk: whose page it is.
        finish: called once when the reviewer is done; gives the sentence that the page ends with.
        port: 0 for any that is free.
    """

    daemon_threads = True

    def __init__(self, desk: Desk, finish: Callable[[], str], port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.desk = desk
        self.finish = finish
        self.token = secrets.token_urlsafe(24)
        self.session = secrets.token_urlsafe(24)
        self.opened = False
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a trace may hold text of the data."""

    @property
    def url(self) -> str:
        """The address to open; it works once."""
        return f"http://{HOST}:{self.server_port}/?token={self.token}"


class _Refused(Exception):
    """A request that is answered by a status alone."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = "scanner"
    sys_version = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answered(self._get)

    def do_POST(self) -> None:
        self._answered(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that is called
        """Say nothing: a path may hold the token."""

    def _answered(self, handle: Callable[[], None]) -> None:
        """Whatever goes wrong is told by a status, or by a sentence of ours; never by text of the data."""
        try:
            if self.headers.get("Host") not in (
                f"{HOST}:{self.server.server_port}",
                f"localhost:{self.server.server_port}",
            ):
                raise _Refused(421)  # a name that leads here is not this page: DNS rebinding
            handle()
        except _Refused as refused:
            self._send(refused.status, "text/plain", b"")
        except ScannerError as error:
            self._json(409, {"error": str(error)})
        except (NotAsked, ValueError, TypeError, KeyError):
            self._send(400, "text/plain", b"")
        except Exception:  # noqa: BLE001 - the border: its message or trace may hold text of the data
            self._send(500, "text/plain", b"")

    def _get(self) -> None:
        address = urlsplit(self.path)
        given = parse_qs(address.query).get("token", [""])[0]
        if address.path == "/" and given:
            self._open(given)
            return
        self._check_session()
        match address.path:
            case "/":
                document, policy = page(self.server.desk.evidence.dataset.name, self.server.desk.session.reviewer)
                self._send(200, "text/html; charset=utf-8", document.encode(), {"Content-Security-Policy": policy})
            case "/next":
                self._json(200, self.server.desk.next())
            case "/status":
                self._json(200, self.server.desk.status())
            case _:
                raise _Refused(404)

    def _post(self) -> None:
        self._check_session()
        if self.headers.get("Content-Type") != "application/json":
            raise _Refused(415)  # what another site's form can send without asking
        body = self._body()
        match urlsplit(self.path).path:
            case "/judge":
                self.server.desk.judge(int(body["number"]), str(body["answer"]))
                self._json(200, {})
            case "/read":
                rejected = [int(index) for index in body["rejected"]]
                self.server.desk.read(int(body["number"]), rejected, list(body["missed"]))
                self._json(200, {})
            case "/finish":
                self._json(200, {"told": self.server.finish()})
                threading.Thread(target=self.server.shutdown, daemon=True).start()
            case _:
                raise _Refused(404)

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length", ""))
        if not 0 <= length <= MOST_BYTES:
            raise _Refused(413)
        body = json.loads(self.rfile.read(length))
        if not isinstance(body, dict):
            raise _Refused(400)
        return body

    def _open(self, given: str) -> None:
        """Exchange the token for a session, once."""
        with self.server.lock:
            if self.server.opened or not hmac.compare_digest(given, self.server.token):
                raise _Refused(403)
            self.server.opened = True
        cookie = f"{COOKIE}={self.server.session}; HttpOnly; SameSite=Strict; Path=/"
        self._send(303, "text/plain", b"", {"Location": "/", "Set-Cookie": cookie})

    def _check_session(self) -> None:
        cookies = (part.strip().partition("=") for part in self.headers.get("Cookie", "").split(";"))
        given = next((value for name, _, value in cookies if name == COOKIE), "")
        if not hmac.compare_digest(given, self.server.session):
            raise _Refused(403)

    def _json(self, status: int, value: Any) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        told = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            **(headers or {}),
        }
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
