"""Findings and tripped gates as SARIF 2.1.0, for code hosts and review tools.

A result is a kind of value in a column, or a gate; what was not read stands among the notifications, so that no
reader takes the run for a complete one. SARIF: docs.oasis-open.org/sarif/sarif/v2.1.0.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from scanner.evidence import Evidence, FindingPart, GatePart, ShardPart, UnscannedPart
from scanner.model import ShardStatus
from scanner.reports import _summary as summary
from scanner.reports._words import CAPS, sentence, shorten, size
from scanner.wording import count

NAME = "sarif"
SUFFIX = ".sarif"
HELP = "SARIF 2.1.0, for code hosts and review tools"

MOST_RESULTS = 5_000
"""Results in one run: what GitHub shows of one (docs.github.com, "SARIF support for code scanning")."""

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def render(evidence: Evidence) -> str:
    """One SARIF log with one run."""
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [_run(evidence)],
    }
    return json.dumps(log, indent=1, sort_keys=True) + "\n"


def _run(evidence: Evidence) -> dict[str, Any]:
    findings = [part for part in summary.ranked_findings(evidence) if part.count]
    gates = summary.tripped(evidence.verdict)
    kept = findings[: MOST_RESULTS - len(gates)]
    rules = _rules(kept, gates)
    index = {rule["id"]: place for place, rule in enumerate(rules)}
    results = [_gate(gate) for gate in gates] + [_finding(part, evidence) for part in kept]
    return {
        "tool": {
            "driver": {
                "name": "training-data-privacy-scanner",
                "version": shorten(evidence.scan.scanner_version),
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"privacy/{quote(shorten(evidence.dataset.name), safe='')}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(evidence)],
        "artifacts": [_artifact(shard) for shard in evidence.shards],
        "results": [{**result, "ruleIndex": index[result["ruleId"]]} for result in results],
        "properties": {
            "decision": evidence.verdict.decision,
            "tier": evidence.verdict.tier,
            "score": evidence.risk.score.model_dump(),
            "resultsLeftOut": len(findings) - len(kept),
        },
    }


def _rules(findings: Iterable[FindingPart], gates: Iterable[GatePart]) -> list[dict[str, Any]]:
    titles = {part.entity: part.title for part in findings}
    help_ = "a kind of value that points at a person or opens a door"
    kinds = [_rule(entity, title, help_) for entity, title in sorted(titles.items())]
    return [_rule(f"gate/{gate.id}", gate.title, gate.clears) for gate in gates] + kinds


def _rule(id_: str, title: str, help_: str) -> dict[str, Any]:
    return {
        "id": shorten(id_),
        "shortDescription": {"text": sentence(shorten(title)) or shorten(id_)},
        "help": {"text": sentence(shorten(help_, 600)) or "No help."},
    }


def _finding(part: FindingPart, evidence: Evidence) -> dict[str, Any]:
    share = {driver.entity: driver.share for driver in evidence.risk.drivers}.get(part.entity, 0.0)
    numbers = f"{count(part.count)} findings, {count(part.distinct)} distinct"
    return {
        "ruleId": shorten(part.entity),
        "level": "warning" if share > 0 else "note",
        "message": _message(sentence(f"{shorten(part.title)} in column {shorten(part.column)}: {numbers}")),
        "rank": round(100 * min(1.0, share), 4),
        "locations": [
            {
                "physicalLocation": _evidence_file(),
                "logicalLocations": [{"fullyQualifiedName": shorten(part.column), "kind": "property"}],
            }
        ],
        "properties": {
            "count": part.count,
            "distinct": part.distinct,
            "rows": part.rows,
            "maxOccurrences": part.max_occurrences,
            "byConfidence": [entry.model_dump() for entry in part.by_confidence],
        },
    }


def _gate(gate: GatePart) -> dict[str, Any]:
    allowed = "no verdict" if gate.cap is None else CAPS[gate.cap]
    return {
        "ruleId": shorten(f"gate/{gate.id}"),
        "level": "error",
        "message": _message(f"{summary.gate_sentence(gate)} {sentence(allowed)}"),
        "locations": [{"physicalLocation": _evidence_file()}],
        "properties": {"counts": {shorten(name): number for name, number in gate.counts.items()}},
    }


def _message(text: str) -> dict[str, str]:
    """A plain message: braces are doubled and links broken, as both have a meaning there (SARIF 3.11.5, 3.11.6)."""
    return {"text": text.replace("{", "{{").replace("}", "}}").replace("](", r"\](")}


def _evidence_file() -> dict[str, Any]:
    """Where a result is shown: a finding belongs to the dataset, and its evidence is the one file it has."""
    return {"artifactLocation": {"uri": "evidence.json"}, "region": {"startLine": 1}}


def _invocation(evidence: Evidence) -> dict[str, Any]:
    read = not evidence.coverage.unscanned and all(s.status is ShardStatus.SCANNED for s in evidence.shards)
    told = evidence.scan.command
    command = {"commandLine": shlex.join(told), "arguments": told[1:]} if told else {}
    times = {"startTimeUtc": evidence.scan.started, "endTimeUtc": evidence.scan.ended}
    return {
        "executionSuccessful": read,
        **command,
        **{name: time for name, time in times.items() if _UTC.fullmatch(time)},
        "toolExecutionNotifications": [_unread(part) for part in evidence.coverage.unscanned],
    }


def _unread(part: UnscannedPart) -> dict[str, Any]:
    where = f"column {shorten(part.column)}" if part.column else "every column"
    detail = f" ({shorten(part.detail)})" if part.detail else ""
    return {
        "level": "error",
        "message": _message(f"Not read: {where}, {size(part.bytes)}, {part.reason}{detail}."),
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(part.shard)}}}],
    }


def _artifact(shard: ShardPart) -> dict[str, Any]:
    known = {"hashes": {"sha-256": shard.file_sha256}} if shard.file_sha256 else {}
    return {"location": {"uri": _uri(shard.path)}, "length": shard.bytes, "roles": ["analysisTarget"], **known}


def _uri(path: str) -> str:
    """A path or URL as a URI reference."""
    scheme, mark, rest = path.partition("://")
    if mark and re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        return f"{scheme}://{quote(rest, safe='/', errors='surrogatepass')}"
    return quote(path, safe="/", errors="surrogatepass")
