"""The output folder of a scan: what lies in it, its lock, its ledger and its evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from scanner.errors import BadEvidence, BadOutput, Locked
from scanner.evidence import Evidence, from_json
from scanner.ledger import Ledger, RunRow, open_ledger
from scanner.stores import Place, Url, read_bytes
from scanner.values import Histogram

EVIDENCE = "evidence.json"
PREVIOUS = "evidence.previous.json"
LEDGER = "ledger.sqlite"
LOCK = ".lock"
SCRATCH = ".scratch"
RETIRED = "retired"
"""Files of units whose shard is gone."""

GONE = "gone.json"
"""Counts of the values that a redaction took out of the shards."""

OURS = frozenset(
    {LOCK, LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", EVIDENCE, PREVIOUS, SCRATCH, GONE, RETIRED, "spans", "values"}
)
"""What may lie in an output folder of ours before its ledger does."""


@contextmanager
def held(out: Path) -> Iterator[None]:
    """The output folder, made, known to be ours, and locked against other runs.

    Raises:
        BadOutput: it holds something else, or cannot be written.
        Locked: another run works there.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = {entry.name for entry in out.iterdir()} - OURS
        if foreign and not (out / LEDGER).exists():
            raise BadOutput(f"{out}: holds other things than a scan's output; name an empty folder with --out")
        with locked(out):
            (out / "spans").mkdir(exist_ok=True)
            (out / "values").mkdir(exist_ok=True)
            yield
    except OSError as error:
        raise BadOutput(f"{out}: cannot be written: {error.strerror or type(error).__name__}") from error


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """No other run works in the folder; a lock whose holder died is free."""
    try:
        with FileLock(out / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise Locked(f"{out}: another run works here; wait for it, or choose another --out") from error


@contextmanager
def ledger_of(out: Path) -> Iterator[Ledger]:
    """The ledger of a scan's output folder, which no run works in meanwhile.

    Raises:
        BadEvidence: there is none in `out`.
        Locked: a run works there.
    """
    _check_ledger(out)
    with locked(out), open_ledger(out / LEDGER) as ledger:
        yield ledger


def runs(out: Path, last: int | None = None) -> list[RunRow]:
    """The runs over an output folder, the oldest first, also while another is at work.

    Raises:
        BadEvidence: there is no ledger in `out`.
    """
    _check_ledger(out)
    with open_ledger(out / LEDGER) as ledger:
        return ledger.runs(last)


def read_evidence(out: Place) -> Evidence:
    """The evidence of a finished scan.

    Args:
        out: its output folder, or a file of evidence; or the URL of either.

    Raises:
        BadEvidence: there is none, or it is of another schema version.
        BadUrl, StoreFailed: it cannot be fetched from its store.
    """
    try:
        return from_json(evidence_bytes(out))
    except BadEvidence as error:
        raise BadEvidence(f"{_evidence_file(out)}: {error}") from error


def evidence_bytes(out: Place) -> bytes:
    """The evidence of a finished scan as it was written; arguments and errors are those of `read_evidence`."""
    file = _evidence_file(out)
    try:
        return read_bytes(file.full) if isinstance(file, Url) else file.read_bytes()
    except OSError as error:
        raise BadEvidence(f"{out}: holds no {EVIDENCE}; run `scanner scan PATH --out {out}` first") from error


def previous(out: Path) -> Evidence | None:
    """The evidence that a run set aside, if it can be read."""
    try:
        return read_evidence(out / PREVIOUS)
    except BadEvidence:
        return None


def set_aside(out: Path) -> None:
    """Set old evidence aside: a run that is killed after this must not leave it beside counts of another scan.

    Reports go first, so that none is ever without its evidence.
    """
    for stale in (*out.glob("report.*"), *out.glob(".*.tmp")):
        stale.unlink(missing_ok=True)
    if (out / EVIDENCE).exists():
        (out / EVIDENCE).replace(out / PREVIOUS)


def span_files(out: Path) -> list[Path]:
    """Spans of all live units, in order."""
    return sorted((out / "spans").glob("*.parquet"))


def value_tables(out: Path) -> list[Path]:
    """Value tables of all live units, in order."""
    return sorted((out / "values").glob("*.parquet"))


def read_gone(out: Path) -> Histogram:
    """The counts of values that a redaction took out, as they were kept in an output folder; none where none were."""
    file = out / GONE
    return Histogram.of([tuple(cell) for cell in json.loads(file.read_text())] if file.exists() else [])


def _check_ledger(out: Path) -> None:
    if not (out / LEDGER).exists():
        raise BadEvidence(f"{out}: holds no {LEDGER}; name the output folder of a scan")


def _evidence_file(out: Place) -> Place:
    if isinstance(out, Url):
        return out if out.name.endswith(".json") else out / EVIDENCE
    return out if out.is_file() else out / EVIDENCE
