"""Drift: what a night changed, against the run before it and against the verdict that was approved last."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.changes import compare
from scanner.errors import Incomparable
from scanner.evidence import Changes, Evidence

MOST = 20
"""Lines of each list of changes that are kept."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed, and whether somebody should be told.

    Attributes:
        since_last: since the run before; None where there is none to compare with.
        since_approved: since the verdict that was approved last; None where there is none to compare with.
        alert: a verdict, a tier, a gate or the score beyond its interval changed tonight, against either.
    """

    since_last: Changes | None
    since_approved: Changes | None
    alert: bool


def drift(before: Evidence | None, approved: Evidence | None, after: Evidence) -> Drift:
    """Compare tonight's evidence with that of the run before and with that of the last approved verdict.

    Small changes that add up are told once, in the night in which they lead beyond what was approved.
    """
    since_last, since_approved = _changes(before, after), _changes(approved, after)
    crossed = since_approved is not None and since_approved.alerting and not _alerting(approved, before)
    return Drift(since_last, since_approved, alert=crossed or (since_last is not None and since_last.alerting))


def _alerting(before: Evidence | None, after: Evidence | None) -> bool:
    changes = _changes(before, after)
    return changes is not None and changes.alerting


def _changes(before: Evidence | None, after: Evidence | None) -> Changes | None:
    if before is None or after is None:
        return None
    try:
        return compare(before, after, most=MOST)
    except Incomparable:
        return None
