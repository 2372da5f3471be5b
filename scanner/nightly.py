"""A night: every dataset in turn, within one budget, whatever becomes of the others."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from scanner import scan as scanning
from scanner.budget import Budget
from scanner.drift import Drift, drift
from scanner.errors import ScannerError
from scanner.evidence import Evidence
from scanner.ledger import RunRow
from scanner.model import Decision
from scanner.output import read_evidence
from scanner.reading import Observer
from scanner.reports.changes import md
from scanner.scan import Outcome, Request

BROKEN = 4
INCOMPLETE = 3
GRAVITY = (BROKEN, 2, 75, INCOMPLETE, 1, 0)
"""Exit codes of datasets, the one that a whole night leaves with first."""

WriteReports = Callable[[Evidence, Path], Sequence[Path]]
"""Writes the reports of evidence into an output folder, and gives their paths."""

Log = structlog.typing.FilteringBoundLogger


@dataclass(frozen=True, slots=True)
class Job:
    """One dataset of a night.

    Attributes:
        name: of the dataset.
        request: how it is scanned.
        keep_gone_days: how long what was found in shards that are gone is kept.
    """

    name: str
    request: Request
    keep_gone_days: int = 30


@dataclass(frozen=True, slots=True)
class Night:
    """What came of one dataset.

    Attributes:
        name: of the dataset.
        exit_code: what its run alone would leave with.
        run: what the ledger keeps of the run; None if it came to no verdict.
        drift: what changed; None if nothing was new.
        error: why there is no verdict; "" if there is one. It holds no text of the data.
        seconds: how long it took.
    """

    name: str
    exit_code: int
    run: RunRow | None
    drift: Drift | None
    error: str
    seconds: float

    @property
    def alert(self) -> bool:
        """Whether a verdict, a tier, a gate or the score beyond its interval changed."""
        return self.drift is not None and self.drift.alert

    @property
    def trouble(self) -> bool:
        """Whether the dataset came to no verdict."""
        return self.run is None


def run_night(
    jobs: Sequence[Job],
    budget: Budget,
    log: Log,
    observer: Observer,
    write_reports: WriteReports,
) -> Iterator[Night]:
    """Run one dataset after the other; each has an equal share of what is then left of the night.

    Args:
        jobs: the datasets.
        budget: of the night.
        log: told what happens.
        observer: watches the scans.
        write_reports: called with new evidence.
    """
    for index, job in enumerate(jobs):
        part = budget.part(1 / (len(jobs) - index))
        given = part.size_bytes
        night = _night(job, part, log.bind(dataset=job.name), observer, write_reports)
        budget.spend(part, given)
        yield night


def exit_code(run: RunRow) -> int:
    """The contract's exit code for a run; incomplete wins over keep internal."""
    if run.incomplete:
        return INCOMPLETE
    return int(run.decision == Decision.KEEP_INTERNAL or not run.granted)


def worst(codes: Sequence[int]) -> int:
    """The exit code of a night from those of its datasets."""
    return min(codes, key=GRAVITY.index, default=0)


def message(nights: Sequence[Night]) -> tuple[str, str]:
    """Title and text of a notification, in Markdown; counts and names, never a value."""
    told = [night for night in nights if night.alert or night.trouble]
    title = "; ".join(f"{night.name}: {_short(night)}" for night in told or nights)
    return f"scanner: {title}", "\n\n".join(_paragraph(night) for night in nights)


def _night(
    job: Job,
    budget: Budget,
    log: Log,
    observer: Observer,
    write_reports: WriteReports,
) -> Night:
    began = time.monotonic()
    log.info("begins", until_seconds=None if budget.seconds_left == float("inf") else round(budget.seconds_left))
    try:
        outcome = scanning.scan_new(job.request, observer, budget.allows, lambda: budget.seconds_left)
        told = _told(outcome, job.request.out, write_reports)
        _forget(job)
    except ScannerError as error:
        log.error("failed", exit_code=error.exit_code, error=str(error))
        return Night(job.name, error.exit_code, None, None, str(error), time.monotonic() - began)
    except Exception as error:  # noqa: BLE001 - one dataset must not end the night of the others
        kind, places = (
            type(error).__name__,
            [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)],
        )
        log.error("broken", error=kind, places=places)
        return Night(job.name, BROKEN, None, None, f"scanner is broken: {kind}", time.monotonic() - began)
    night = Night(job.name, exit_code(outcome.run), outcome.run, told, "", time.monotonic() - began)
    log.info("ended", **_fields(night, outcome.run))
    return night


def _told(outcome: Outcome, out: Path, write_reports: WriteReports) -> Drift | None:
    """Write the reports and tell what changed; a run that was killed before it wrote its reports has them now."""
    if outcome.evidence is None:
        if not any(out.glob("report.*")):
            write_reports(read_evidence(out), out)
        return None
    write_reports(outcome.evidence, out)
    return drift(outcome.before, outcome.approved, outcome.evidence)


def _forget(job: Job) -> None:
    before = datetime.now(UTC) - timedelta(days=job.keep_gone_days)
    scanning.forget(job.request.out, before.isoformat(timespec="seconds"), units_alone=True)


def _fields(night: Night, run: RunRow) -> dict[str, object]:
    return {
        "exit_code": night.exit_code,
        "decision": run.decision,
        "tier": run.tier,
        "score": [run.p05, run.p50, run.p95],
        "share": run.share,
        "shards": dict(run.census),
        "units_left": run.left_units,
        "nothing_new": night.drift is None,
        "alert": night.alert,
        "seconds": round(night.seconds, 1),
    }


def _short(night: Night) -> str:
    if night.run is None:
        return f"no verdict (exit {night.exit_code})"
    verdict = "keep internal" if night.run.decision == Decision.KEEP_INTERNAL else f"releasable ({night.run.tier})"
    return f"{verdict}{', incomplete' if night.run.incomplete else ''}"


def _paragraph(night: Night) -> str:
    lines = [f"## {night.name}: {_short(night)}"]
    if night.error:
        lines.append(night.error)
    if night.run is not None:
        counts = ", ".join(f"{count} {change}" for change, count in night.run.census.items() if count)
        lines.append(f"Score {night.run.p50:.3g} [{night.run.p05:.3g}, {night.run.p95:.3g}]. Shards: {counts}.")
    if night.drift is not None and night.drift.since_last is not None:
        lines += ["Since the last run:", *md.body(night.drift.since_last, level=3)]
    if night.drift is not None and night.drift.since_approved is not None:
        lines += ["Since the approved verdict:", *md.body(night.drift.since_approved, level=3)]
    return "\n\n".join(lines)
