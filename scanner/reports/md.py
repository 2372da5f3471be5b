"""The report for a pull request, in GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scanner.evidence import Evidence, GatePart
from scanner.model import Tier
from scanner.reports import _summary as summary
from scanner.reports._markdown import escape, table
from scanner.reports._words import (
    CAPS,
    PROVENANCES,
    TIERS,
    percent,
    readout_range,
    readout_title,
    readout_value,
    sentence,
    shorten,
    size,
)
from scanner.reports.changes import _sections as sections
from scanner.reports.changes.md import body
from scanner.wording import count

NAME = "md"
SUFFIX = ".md"
HELP = "GitHub-flavoured Markdown, for pull requests"

MOST_FINDINGS = 25
MOST_UNSCANNED = 50
MOST_REMEDIES = 10
MOST_SHARDS = 5


def render(evidence: Evidence) -> str:
    """The whole report; text from outside is escaped, so that no name becomes markup, a link or a mention."""
    return "\n\n".join(_parts(evidence)) + "\n"


def _parts(evidence: Evidence) -> Iterator[str]:
    yield from _head(evidence)
    yield from _answers(evidence)
    yield from _readouts(evidence)
    yield from _gates(evidence)
    yield from _changes(evidence)
    yield from _findings(evidence)
    yield from _riskiest(evidence)
    yield from _remedies(evidence)
    yield from _coverage(evidence)
    yield from _other(evidence)
    yield _provenance(evidence)


def _head(evidence: Evidence) -> Iterator[str]:
    verdict = evidence.verdict
    yield f"# {escape(shorten(evidence.dataset.name))}: {summary.headline(verdict).lower()}"
    yield f"**{escape(summary.lead(verdict))}** {summary.confidence(evidence)}"
    if asked := summary.outcome(evidence):
        yield asked
    if verdict.incomplete:
        yield "> [!WARNING]\n> The scan is incomplete, and the verdict is capped for it."
    if signed := summary.sign_off(evidence):
        yield f"> [!{'CAUTION' if summary.needs_care(evidence) else 'NOTE'}]\n> {escape(signed)}"


def _answers(evidence: Evidence) -> Iterator[str]:
    if evidence.verdict.tier is not Tier.OPEN:
        yield "## Why is it not open?"
        yield _list(summary.why_not_open(evidence))
        yield "## What is the smallest fix?"
        yield escape(summary.fix_sentence(evidence))
    yield "## What was not looked at?"
    yield _list(summary.not_looked_at(evidence))
    yield "## What to do next"
    yield _list(summary.next_steps(evidence))


def _readouts(evidence: Evidence) -> Iterator[str]:
    yield "## Read-outs of a public release"
    yield table(
        ("read-out", "at most", "limit", "nine draws of ten", "held"),
        [
            (
                readout_title(readout.name),
                readout_value(readout.name, readout.value),
                "none" if readout.limit is None else readout_value(readout.name, readout.limit),
                "" if readout.interval is None else readout_range(readout.name, readout.interval),
                readout.result,
            )
            for readout in summary.readouts(evidence.risk, evidence.verdict)
        ],
    )


def _gates(evidence: Evidence) -> Iterator[str]:
    tripped = summary.tripped(evidence.verdict)
    if not tripped:
        return
    yield "## Gates tripped"
    yield table(
        ("gate", "allows", "why", "what clears it"),
        [
            (
                gate.title,
                "no verdict" if gate.cap is None else CAPS[gate.cap],
                sentence(gate.reason),
                sentence(gate.clears),
            )
            for gate in tripped
        ],
    )


def _changes(evidence: Evidence) -> Iterator[str]:
    if evidence.changes is None:
        return
    yield f"## What changed since the last report: {sections.headline(evidence.changes).lower()}"
    yield from body(evidence.changes, level=3)


def _findings(evidence: Evidence) -> Iterator[str]:
    ranked = summary.ranked_findings(evidence)
    yield "## Findings"
    if not ranked:
        yield "None. Detectors miss some values, and the score counts with those that they missed."
        return
    yield table(
        ("what", "column", "count", "distinct", "most repeated", "rows"),
        [
            (
                part.title,
                shorten(part.column),
                *map(count, (part.count, part.distinct, part.max_occurrences, part.rows)),
            )
            for part in ranked[:MOST_FINDINGS]
        ],
    )
    yield from _rest(len(ranked), MOST_FINDINGS)


def _riskiest(evidence: Evidence) -> Iterator[str]:
    found = summary.riskiest_shards(evidence, MOST_SHARDS)
    if len(evidence.shards) > 1 and found:
        yield "## Shards by their part of the harm"
        yield table(
            ("shard", "part of the harm", "findings"),
            [(shorten(shard.path), percent(shard.share), count(shard.findings)) for shard in found],
        )
        yield from _rest(sum(1 for shard in evidence.shards if shard.findings), MOST_SHARDS)


def _remedies(evidence: Evidence) -> Iterator[str]:
    found = summary.remedies(evidence.verdict)
    if not found:
        return
    yield "## Remedies"
    yield table(
        ("reaches", "changes", "score at most", "text touched", "rows touched"),
        [
            (
                TIERS[remedy.tier],
                summary.actions(remedy),
                f"{remedy.score.p95:.1f}",
                percent(remedy.cost.characters),
                percent(remedy.cost.rows),
            )
            for remedy in found[:MOST_REMEDIES]
        ],
    )
    yield from _rest(len(found), MOST_REMEDIES)


def _coverage(evidence: Evidence) -> Iterator[str]:
    coverage = evidence.coverage
    yield "## Coverage"
    yield (
        f"{size(coverage.scanned)} of {size(coverage.bytes)} read ({percent(coverage.share)}), "
        f"{percent(coverage.names.share)} of it also for names, in {count(len(evidence.shards))} shards."
    )
    if not coverage.unscanned:
        return
    parts = sorted(coverage.unscanned, key=lambda part: (-part.bytes, part.shard, part.column, part.reason))
    yield table(
        ("shard", "column", "rows", "size", "reason", "detail"),
        [
            (
                shorten(part.shard),
                shorten(part.column) or "every column",
                count(part.rows),
                size(part.bytes),
                part.reason,
                shorten(part.detail),
            )
            for part in parts[:MOST_UNSCANNED]
        ],
    )
    yield from _rest(len(parts), MOST_UNSCANNED)


def _other(evidence: Evidence) -> Iterator[str]:
    if evidence.other is None:
        return
    verdict = evidence.other.verdict
    yield f"## Released as {summary.artefact_phrase(evidence.other.risk)}"
    yield f"**{summary.headline(verdict)}.** {escape(summary.lead(verdict))}"


def _provenance(evidence: Evidence) -> str:
    dataset, scan = evidence.dataset, evidence.scan
    lines = (
        f"Provenance: {PROVENANCES[dataset.provenance]}. Licence: {shorten(dataset.licence) or 'not stated'}.",
        f"Scan {scan.id} by version {scan.scanner_version}, {scan.started} to {scan.ended}; "
        f"policy {scan.policy_sha256[:12]}, rules {scan.rules_sha256[:12]}, key {scan.key_id}.",
        *(f"{label}: {words}" for label, words in summary.commands(evidence)),
        "This is an estimate of risk, made from counts; it holds no text of the dataset.",
    )
    return "---\n\n" + "\n".join(f"<sub>{escape(line)}</sub><br>" for line in lines).removesuffix("<br>")


def _allowed(gate: GatePart) -> str:
    return "no verdict" if gate.cap is None else CAPS[gate.cap]


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)


def _rest(total: int, shown: int) -> Iterator[str]:
    if total > shown:
        yield f"And {count(total - shown)} more, all in `evidence.json`."
