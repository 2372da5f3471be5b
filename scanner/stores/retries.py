"""Trying again: one policy for all stores, and what each of their errors means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from scanner.errors import ScannerError, StoreFailed
from scanner.model import UnscannedReason

ATTEMPTS = 6
LONGEST_SECONDS = 300.0
"""After this long nothing is tried again."""

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 20.0
"""Back-off doubles from the first to the longest, and is drawn at random below that: workers must not come in step."""

REFUSED = frozenset({400, 401, 403, 407})
GONE = frozenset({404, 410})
CHANGED = frozenset({412, 416})
_WORTH_ANOTHER_TRY = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"})
"""Codes of S3 that come with status 400 and pass."""

_REFUSALS = frozenset({"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "ProfileNotFound"})
"""Errors of botocore, by name, as it is not always installed."""

_CUT_SHORT = frozenset({"Truncated", "ClientPayloadError", "IncompleteReadError", "IncompleteRead", "ProtocolError"})
"""Errors of aiohttp, botocore and urllib3 over a body that ends too soon."""

Result = TypeVar("Result")


class Truncated(Exception):
    """A body that is shorter or longer than what was asked for."""


def persistently(shown: str, attempt: Callable[[], Result]) -> Result:
    """The result of `attempt`, tried again while it fails for reasons that may pass.

    Args:
        shown: what it is about, as it may be shown.
        attempt: does one request.

    Raises:
        ScannerError: `attempt` raised it.
        StoreFailed: it failed for good, or too often. What the store answered is not quoted: it may hold credentials.
    """
    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(LONGEST_SECONDS),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except ScannerError:
        raise
    except Exception as error:  # noqa: BLE001 - each library of a store raises errors of its own
        raise meaning(shown, error) from None


def meaning(shown: str, error: Exception) -> StoreFailed:
    """What the error of a store's library says of the object, in our words."""
    status = _status(error)
    if isinstance(error, FileNotFoundError) or status in GONE:
        return StoreFailed(UnscannedReason.UNREADABLE, shown, "is not there, or not any more")
    if type(error).__name__ == "FileExpired" or status in CHANGED:
        return StoreFailed(UnscannedReason.CHANGED, shown, "is not the one that was inspected")
    if _refused(error, status):
        what = "the store refuses: credentials are missing, wrong or expired"
        return StoreFailed(UnscannedReason.UNREADABLE, shown, what)
    if type(error).__name__ in _CUT_SHORT:
        return StoreFailed(UnscannedReason.UNREADABLE, shown, f"the store cuts answers short, {ATTEMPTS} times")
    told = f"status {status}" if status else type(error).__name__
    return StoreFailed(UnscannedReason.UNREADABLE, shown, f"the store failed {ATTEMPTS} times, last with {told}")


def _may_pass(error: BaseException) -> bool:
    if not isinstance(error, Exception) or isinstance(error, ScannerError | FileNotFoundError):
        return False
    status = _status(error)
    if status in GONE | CHANGED or type(error).__name__ == "FileExpired":
        return False
    return not _refused(error, status)


def _refused(error: Exception, status: int | None) -> bool:
    if any(code in _WORTH_ANOTHER_TRY for code in map(_code, _chain(error))):
        return False
    names = {type(one).__name__ for one in _chain(error)}
    return isinstance(error, PermissionError) or status in REFUSED or bool(names & _REFUSALS)


def _status(error: BaseException) -> int | None:
    """The HTTP status behind an error, wherever its library keeps it."""
    for one in _chain(error):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        else:
            status = getattr(response, "status_code", None)
        # `code` is gcsfs's name for it; in aiohttp's parser a `code` of 400 stands for a body that was cut short.
        code = getattr(one, "code", None) if type(one).__module__.startswith("gcsfs") else None
        for found in (status, getattr(one, "status", None), getattr(one, "status_code", None), code):
            if isinstance(found, int) and 100 <= found < 600:
                return found
    return None


def _code(error: BaseException) -> str:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__
