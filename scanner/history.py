"""What a run leaves for later ones, and what evidence tells of earlier ones: verdicts, changes, reviewed findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from scanner.approvals import evidence_sha256
from scanner.changes import compare
from scanner.errors import Incomparable
from scanner.evidence import AcceptedPart, Changes, Evidence, Interval, RunPart
from scanner.ledger import Acceptance, RunRow
from scanner.model import Decision, Tier

MOST_CHANGES = 200
"""Lines that each list of changes keeps in the evidence; it counts all."""

MOST_RUNS = 90
"""Earlier runs that evidence tells of."""

ID_DIGITS = 12
"""Hex digits of a fingerprint that evidence shows."""


def run_row(evidence: Evidence, text: str, inputs: str, census: Mapping[str, int], left_units: int) -> RunRow:
    """What the ledger keeps of a run that ended with this evidence, written as `text`."""
    scan_part, verdict, score = evidence.scan, evidence.verdict, evidence.risk.score
    return RunRow(
        scan=scan_part.id,
        started=scan_part.started,
        ended=scan_part.ended,
        inputs=inputs,
        policy_sha256=scan_part.policy_sha256,
        decision=verdict.decision,
        tier=verdict.tier,
        asked=verdict.asked,
        granted=verdict.granted,
        incomplete=verdict.incomplete,
        p05=score.p05,
        p50=score.p50,
        p95=score.p95,
        shards=len(evidence.shards),
        rows=sum(shard.rows for shard in evidence.shards),
        size_bytes=evidence.coverage.bytes,
        share=evidence.coverage.share,
        findings=sum(finding.count for finding in evidence.findings),
        census=census,
        left_units=left_units,
        evidence_sha256=evidence_sha256(text.encode()) or "",
        file_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def with_runs(evidence: Evidence, runs: Iterable[RunRow]) -> Evidence:
    """The evidence with the newest of the runs before it; a run whose evidence stood on is told once."""
    last = {run.scan: run for run in runs}
    return evidence.model_copy(update={"history": [_run_part(run) for run in list(last.values())[-MOST_RUNS:]]})


def with_accepted(evidence: Evidence, accepted: Iterable[Acceptance]) -> Evidence:
    """The evidence with the reviewed findings that count for nothing in it."""
    return evidence.model_copy(update={"accepted": [_accepted_part(one) for one in accepted]})


def after(before: Evidence | None, evidence: Evidence) -> Evidence:
    """The evidence with what changed since the one that it replaces, whose approval it makes stale."""
    if before is None:
        return evidence
    kept = {"changes": before.changes, "approval": before.approval}
    if evidence.model_copy(update=kept) == before:
        return before
    approval = before.approval and before.approval.model_copy(update={"stale": True})
    return evidence.model_copy(update={"changes": _changes(before, evidence), "approval": approval})


def _changes(before: Evidence, evidence: Evidence) -> Changes | None:
    """What changed, where the two are of one dataset and judge the same artefact."""
    if before.dataset.name != evidence.dataset.name:
        return None
    try:
        return compare(before, evidence, most=MOST_CHANGES)
    except Incomparable:
        return None


def _run_part(run: RunRow) -> RunPart:
    return RunPart(
        ended=run.ended,
        decision=Decision(run.decision),
        tier=Tier(run.tier),
        score=Interval(p05=run.p05, p50=run.p50, p95=run.p95),
        shards=run.shards,
        share=run.share,
        findings=run.findings,
    )


def _accepted_part(one: Acceptance) -> AcceptedPart:
    return AcceptedPart(
        id=one.fingerprint.hex()[:ID_DIGITS],
        rule=one.rule,
        entity=one.entity,
        by=one.by,
        why=one.why,
        until=one.until,
    )
