"""Notifications by mail, chat or webhook, through apprise; their text holds counts and names, never a value."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Mapping, Sequence


def resolved(urls: Sequence[str], environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Addresses with `$NAME` in place of secrets filled in from the environment; "" where it is not set."""
    return tuple(environment.get(url[1:], "") if url.startswith("$") else url for url in urls)


def fault(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """What is wrong with an address, or "": told before a night is spent on what nobody will hear of.

    The address is not quoted, as it may hold a password.
    """
    (address,) = resolved([url], environment)
    if not address:
        return f"the variable {url[1:]} is not set" if url else "must be an address"
    if not _service(address):
        return "is no address that apprise knows (such as mailtos://, slack://, json://)"
    return ""


def send(urls: Sequence[str], title: str, body: str) -> list[int]:
    """Send one message to every address; gives the positions of those that did not take it.

    What a service answers is not passed on: it may quote the address, which may hold a password.
    """
    return [number for number, url in enumerate(urls) if not _sent(url, title, body)]


def _sent(url: str, title: str, body: str) -> bool:
    service = _service(url)
    if service is None:
        return False
    with _hushed():
        try:
            return bool(service.notify(title=title, body=body))
        except Exception:  # noqa: BLE001 - a service that fails must not end the night
            return False


def _service(url: str):  # type: ignore[no-untyped-def]
    import apprise

    with _hushed():
        service = apprise.Apprise()
        return service if service.add(url) else None


@contextlib.contextmanager
def _hushed():  # type: ignore[no-untyped-def]
    """Without apprise's own log, which quotes addresses."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
