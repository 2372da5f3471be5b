"""The report that a release reviewer reads: one self-contained page that asks nothing of the network."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from scanner.evidence import (
    Evidence,
    FindingPart,
    Interval,
    Margin,
    OccurrenceBucket,
    RiskPart,
    RunPart,
    Sensitivity,
    ShardPart,
    UnscannedPart,
    to_json,
)
from scanner.masking import Window
from scanner.model import ShardStatus, Tier
from scanner.reports import _summary as summary
from scanner.reports import _svg as svg
from scanner.reports import _words as words
from scanner.reports._page import environment
from scanner.reports.changes import _sections as sections
from scanner.wording import count

NAME = "html"
SUFFIX = ".html"
HELP = "one self-contained page, for release reviewers"

MOST_LINES = 500
"""Lines of the longest tables; the page says what it leaves out, and the evidence has all."""

MOST_SHARDS = 300
MOST_REPEATED = 20
MOST_HISTOGRAMS = 6


@dataclass(frozen=True, slots=True)
class Panel:
    """The histogram of one entity's occurrences."""

    title: str
    distinct: int
    most: int
    chart: Markup


@dataclass(frozen=True, slots=True)
class Range:
    """One line of the sensitivity and its chart."""

    part: Sensitivity
    chart: Markup

    @property
    def change(self) -> str:
        """What is changed, in words."""
        size = self.part.parameters
        return self.part.change if size is None else f"a model of {words.large(size)} parameters"


@dataclass(frozen=True, slots=True)
class Language:
    """Text in one language; `read` tells whether the names stage read it."""

    language: str
    size_bytes: int
    share: float
    read: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """The runs over a dataset, this one last, and the chart of their scores."""

    runs: Sequence[RunPart]
    chart: Markup


def render(evidence: Evidence, samples: Sequence[Window] = ()) -> str:
    """The page. Text from outside stands in it as text; styles and scripts run by their hash alone.

    Args:
        evidence: what it is made from.
        samples: masked windows to show; without any, the page holds no text of the dataset.
    """
    template = environment().get_template("report.html.j2", globals=_vocabulary())
    return template.render(_context(evidence), samples=samples)


def _vocabulary() -> dict[str, Any]:
    """Words, numbers and charts that the template asks for by name."""
    return {
        "TIERS": words.TIERS,
        "CAPS": words.CAPS,
        "READOUTS": words.READOUTS,
        "PROVENANCES": words.PROVENANCES,
        "tiers": tuple(Tier),
        "headline": summary.headline,
        "lead": summary.lead,
        "artefact": summary.artefact_phrase,
        "confidence": summary.confidence,
        "fix_sentence": summary.fix_sentence,
        "NO_REMEDY": summary.NO_REMEDY,
        "bar": svg.bar,
        "bullet": _bullet,
        "sure": _sure,
        "level": _level,
        "signed": _signed,
        "open_value": _open_value,
        "sizes": _sizes,
    }


def _trend(evidence: Evidence) -> Trend | None:
    """None for a dataset that was scanned once."""
    if not evidence.history:
        return None
    now = RunPart(
        ended=evidence.scan.ended,
        decision=evidence.verdict.decision,
        tier=evidence.verdict.tier,
        score=evidence.risk.score,
        shards=len(evidence.shards),
        share=evidence.coverage.share,
        findings=sum(finding.count for finding in evidence.findings),
    )
    runs = [*evidence.history, now]
    first, last = runs[0].score.p50, now.score.p50
    label = f"Score over {len(runs)} runs, from {first:.1f} to {last:.1f}"
    return Trend(runs, svg.trend([run.score for run in runs], label))


def _context(evidence: Evidence) -> dict[str, Any]:
    verdict, risk = evidence.verdict, evidence.risk
    tripped = summary.tripped(verdict)
    return {
        "e": evidence,
        "verdict": verdict,
        "sign_off": summary.sign_off(evidence),
        "care": summary.needs_care(evidence),
        "changed": sections,
        "asked": summary.outcome(evidence),
        "why": summary.why_not_open(evidence),
        "fix": summary.smallest_fix(evidence),
        "clearing": summary.clearing(verdict),
        "unlooked": summary.not_looked_at(evidence),
        "readouts": summary.readouts(risk, verdict),
        "trend": _trend(evidence),
        "readouts_at": lambda tier: summary.readouts(risk, verdict, tier),
        "gates": tripped,
        "passed": [gate for gate in verdict.gates if not gate.tripped],
        "barred": lambda tier: any(gate.cap is not None and gate.cap.openness < tier.openness for gate in tripped),
        "drivers": sorted(risk.drivers, key=lambda driver: (-driver.share, driver.entity)),
        "map": summary.heat_map(evidence),
        "histograms": _histograms(evidence),
        "findings": summary.ranked_findings(evidence)[:MOST_LINES],
        "repeated": evidence.repeated[:MOST_REPEATED],
        "riskiest": summary.riskiest_shards(evidence),
        "with_findings": sum(1 for shard in evidence.shards if shard.findings),
        "places": summary.ranked_places(evidence)[:MOST_LINES],
        "titles": {part.entity: part.title for part in evidence.findings},
        "tables": sorted(risk.tables, key=lambda table: (-table.max_risk, table.columns)),
        "remedies": summary.remedies(verdict)[:MOST_LINES],
        "unread": summary.unread(evidence),
        "unscanned": sorted(evidence.coverage.unscanned, key=_unscanned_order)[:MOST_LINES],
        "languages": _languages(evidence),
        "shards": sorted(evidence.shards, key=_shard_order)[:MOST_SHARDS],
        "shard_status": _shard_status(evidence.shards),
        "sensitivity": _sensitivity(risk),
        "ladder": sorted((part for part in risk.sensitivity if part.parameters), key=lambda part: part.parameters or 0),
        "variance": sorted(risk.variance.items(), key=lambda item: (-item[1], item[0])),
        "flips": [flip for flip in verdict.flips if flip.at is not None],
        "steady": [words.shorten(flip.input) for flip in verdict.flips if flip.at is None],
        "margins": verdict.margins,
        "other_gates": summary.tripped(evidence.other.verdict) if evidence.other else [],
        "commands": summary.commands(evidence),
        "evidence_sha256": hashlib.sha256(to_json(evidence).encode("utf-8", "surrogatepass")).hexdigest(),
    }


def _bullet(readout: summary.Readout) -> Markup:
    interval = readout.interval or Interval(p05=readout.value, p50=readout.value, p95=readout.value)
    value = words.readout_range(readout.name, interval)
    limit = "no limit" if readout.limit is None else f"limit {words.readout_value(readout.name, readout.limit)}"
    return svg.bullet(interval, readout.limit, 100.0 if readout.name == "score" else 1.0, f"{value}, {limit}")


def _histograms(evidence: Evidence) -> list[Panel]:
    """Charts of the kinds with the most harm, all on the same axes."""
    groups: dict[str, list[OccurrenceBucket]] = {}
    for bucket in evidence.occurrences:
        groups.setdefault(bucket.entity, []).append(bucket)
    titles = {part.entity: part.title for part in summary.ranked_findings(evidence)}
    chosen = [entity for entity in titles if entity in groups][:MOST_HISTOGRAMS]
    buckets = [bucket for entity in chosen for bucket in groups[entity]]
    most = max((bucket.at_most for bucket in buckets), default=1)
    highest = max((bucket.distinct for bucket in buckets), default=1)
    return [_panel(titles[entity], groups[entity], most, highest, evidence) for entity in chosen]


def _panel(title: str, buckets: list[OccurrenceBucket], most: int, highest: int, evidence: Evidence) -> Panel:
    told = "; ".join(f"{b.at_least} to {b.at_most} times: {b.distinct}" for b in buckets)
    repeated = [part.max_occurrences for part in evidence.findings if part.entity == buckets[0].entity]
    return Panel(
        title=title,
        distinct=sum(bucket.distinct for bucket in buckets),
        most=max(repeated, default=max(bucket.at_least for bucket in buckets)),
        chart=svg.histogram(buckets, most, highest, f"Distinct values by occurrences. {told}"),
    )


def _sensitivity(risk: RiskPart) -> list[Range]:
    """Sizes of the model first, the smallest ahead, then all else."""
    parts = sorted(risk.sensitivity, key=lambda part: (part.parameters or math.inf, part.change))
    points = [x for part in parts for x in (part.score.p05, part.score.p95)] + [risk.score.p50]
    low, high = min(points), max(points)
    return [
        Range(part, svg.span(part.score, risk.score.p50, low, high, words.readout_range("score", part.score)))
        for part in parts
    ]


def _sizes(ladder: Sequence[Sensitivity]) -> str:
    """What the slider reads: the assessed sizes, smallest first, each with its score and tier."""
    points = [[p.parameters, p.score.p05, p.score.p50, p.score.p95, words.TIERS[p.tier]] for p in ladder]
    return json.dumps(points, separators=(",", ":"))


def _languages(evidence: Evidence) -> list[Language]:
    names = evidence.coverage.names
    total = sum(names.read.values()) + sum(names.unread.values())
    found = [
        Language(summary.visible_language(code), number, number / total if total else 0.0, read)
        for languages, read in ((names.read, True), (names.unread, False))
        for code, number in languages.items()
    ]
    return sorted(found, key=lambda entry: (-entry.size_bytes, entry.language, entry.read))


def _unscanned_order(part: UnscannedPart) -> tuple[int, str, str, str]:
    return (-part.bytes, part.shard, part.column, part.reason)


def _shard_order(shard: ShardPart) -> tuple[int, str]:
    """Failed shards first, then partial ones, then the rest by path."""
    order = (ShardStatus.FAILED, ShardStatus.PARTIAL, ShardStatus.SCANNED)
    return (order.index(shard.status), shard.path)


def _shard_status(shards: Sequence[ShardPart]) -> str:
    counts = Counter(shard.status for shard in shards)
    return ", ".join(f"{count(counts[status])} {status}" for status in ShardStatus if counts[status])


def _sure(part: FindingPart) -> float:
    """Share of the findings whose confidence is at least .8."""
    total = sum(entry.count for entry in part.by_confidence)
    high = sum(entry.count for entry in part.by_confidence if entry.at_least >= 0.8)
    return high / total if total else 0.0


def _level(number: int) -> int:
    """Darkness from 0 (nothing) to 6 (a hundred thousand and up), by powers of ten."""
    return 0 if number <= 0 else min(6, int(math.log10(number)) + 1)


def _signed(margin: Margin) -> str:
    value = words.readout_value(margin.readout, abs(margin.margin))
    return f"−{value}" if margin.margin < 0 else f"+{value}"


def _open_value(risk: RiskPart, readout: str) -> str:
    """The 95 % point of a read-out of a public release."""
    for tier in risk.tiers:
        if tier.tier is Tier.OPEN:
            value = getattr(tier, readout)
            return words.readout_value(readout, value if isinstance(value, float) else value.p95)
    return "none"
