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
from scanner.config import When
from scanner.drift import Drift, drift
from scanner.errors import ScannerError
from scanner.evidence import Evidence
from scanner.ledger import RunRow
from scanner.model import Decision
from scanner.output import read_evidence
from scanner.publish import publish
from scanner.reading import Observer
from scanner.reports.changes import md
from scanner.scan import Outcome, Request
from scanner.stores import Url

BROKEN = 4
INCOMPLETE = 3
GRAVITY = (BROKEN, 2, 75, INCOMPLETE, 1, 0)
"""Exit codes of datasets, the one that a whole night leaves with first."""

Send = Callable[[str, str], Sequence[int]]
"""Sends a title and a text, and gives the positions of the addresses that did not take it."""

WriteReports = Callable[[Evidence, Path], Sequence[Path]]
"""Writes the reports of evidence into an output folder, and gives their paths."""

Log = structlog.typing.FilteringBoundLogger


@dataclass(frozen=True, slots=True)
class Job:
    """One dataset of a night.

    Attributes:
        name: of the dataset.
        request: how it is scanned, told when its turn comes; raises `ScannerError` where its description is at fault.
        keep_gone_days: how long what was found in shards that are gone is kept.
        publish: where the output is put as well; None for nowhere.
    """

    name: str
    request: Callable[[], Request]
    keep_gone_days: int = 30
    publish: Url | None = None


@dataclass(frozen=True, slots=True)
class Night:
    """What came of one dataset.

    Attributes:
        name: of the dataset.
        exit_code: what its run alone would leave with.
        seconds: how long it took.
        run: what the ledger keeps of the run; None if it came to no verdict.
        drift: what changed since somebody was told; None if nothing did.
        late: whether an earlier night saw the change and could not tell of it.
        error: why there is no verdict; "" if there is one. It holds no text of the data.
        out: output folder; None if it came to no verdict.
    """

    name: str
    exit_code: int
    seconds: float
    run: RunRow | None = None
    drift: Drift | None = None
    late: bool = False
    error: str = ""
    out: Path | None = None

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


def pass_on(nights: Sequence[Night], when: When, send: Send, log: Log) -> bool:
    """Tell whoever is to know, and note of each dataset that its news are told; gives whether they are.

    What is not noted, since an address did not take it or the night was killed, is told again in the next night.

    Args:
        nights: the datasets, all of which came to an end.
        when: which nights are told of.
        send: sends a title and a text, and gives the positions of the addresses that did not take it.
        log: told of these positions alone, as an address may hold a password.
    """
    missed = send(*message(nights)) if _is_wanted(nights, when) else ()
    for number in missed:
        log.error("notification was not taken", address=number)
    if missed:
        return False
    noted = [_noted(night, log.bind(dataset=night.name)) for night in nights]
    return all(noted)


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
        request = job.request()
        outcome = scanning.scan_new(request, observer, budget.allows, lambda: budget.seconds_left)
        told = _told(outcome, request.out, write_reports)
        _forget(request.out, job.keep_gone_days)
        if job.publish is not None:
            publish(request.out, job.publish)
    except ScannerError as error:
        log.error("failed", exit_code=error.exit_code, error=str(error))
        return Night(job.name, error.exit_code, time.monotonic() - began, error=str(error))
    except Exception as error:  # noqa: BLE001 - one dataset must not end the night of the others
        kind, frames = type(error).__name__, traceback.extract_tb(error.__traceback__)
        log.error("broken", error=kind, places=[f"{frame.filename}:{frame.lineno}" for frame in frames])
        return Night(job.name, BROKEN, time.monotonic() - began, error=f"scanner is broken: {kind}")
    night = Night(
        name=job.name,
        exit_code=exit_code(outcome.run),
        seconds=time.monotonic() - began,
        run=outcome.run,
        drift=told,
        late=told is not None and outcome.evidence is None,
        out=request.out,
    )
    log.info("ended", **_fields(night, outcome.run))
    return night


def _told(outcome: Outcome, out: Path, write_reports: WriteReports) -> Drift | None:
    """Write the reports and tell what changed; a run that was killed before it wrote its reports has them now."""
    if outcome.evidence is not None:
        write_reports(outcome.evidence, out)
    elif not any(out.glob("report.*")):
        write_reports(read_evidence(out), out)
    return drift(outcome.before, outcome.approved, outcome.untold) if outcome.untold is not None else None


def _forget(out: Path, days: int) -> None:
    before = datetime.now(UTC) - timedelta(days=days)
    scanning.forget(out, before.isoformat(timespec="seconds"), units_alone=True)


def _is_wanted(nights: Sequence[Night], when: When) -> bool:
    return (
        when is When.ALWAYS
        or any(night.alert for night in nights)
        or (when is When.TROUBLE and any(night.trouble for night in nights))
    )


def _noted(night: Night, log: Log) -> bool:
    """Whether the ledger knows that the news of a verdict are told."""
    if night.out is None or night.run is None or night.drift is None:
        return True
    try:
        scanning.tell(night.out, night.run.id)
    except ScannerError as error:
        log.error("not noted that this was told, and will be told again", error=str(error))
        return False
    return True


def _fields(night: Night, run: RunRow) -> dict[str, object]:
    return {
        "exit_code": night.exit_code,
        "decision": run.decision,
        "tier": run.tier,
        "score": [run.p05, run.p50, run.p95],
        "share": run.share,
        "shards": dict(run.census),
        "units_left": run.left_units,
        "nothing_new": night.drift is None or night.late,
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
    if night.late:
        lines.append("This changed in an earlier night, which did not come to tell everybody of it.")
    if night.drift is not None and night.drift.since_last is not None:
        lines += ["Since the last run:", *md.body(night.drift.since_last, level=3)]
    if night.drift is not None and night.drift.since_approved is not None:
        lines += ["Since the approved verdict:", *md.body(night.drift.since_approved, level=3)]
    return "\n\n".join(lines)
