"""Servers that the tests of stores talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scanner.stores import retries
from tests.stores.servers import Proxy, WebFiles, s3_server, web_server


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once, and not too often."""
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(retries, "ATTEMPTS", 4)


@pytest.fixture(scope="session")
def _running_s3() -> Iterator[Proxy]:
    with s3_server("lake") as proxy:
        yield proxy


@pytest.fixture
def s3(_running_s3: Proxy) -> Proxy:
    """An S3 server with the bucket `lake`, without faults and with nothing counted yet."""
    _running_s3.reset()
    return _running_s3


@pytest.fixture
def web() -> Iterator[tuple[WebFiles, str]]:
    """A web server and its address."""
    with web_server() as running:
        yield running
