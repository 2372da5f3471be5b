"""Sections to paste into a dataset card, a model card and the summary of training content."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.evidence import Evidence
from scanner.model import Provenance
from scanner.reports import _summary as summary
from scanner.reports._markdown import escape, table
from scanner.reports._words import PROVENANCES, percent, sentence, shorten, size
from scanner.wording import count, plural

NAME = "card"
SUFFIX = ".card.md"
HELP = "sections for a dataset card, a model card and a training-content summary"

SOURCES = {
    Provenance.USER_PRIVATE: "data collected from users",
    Provenance.LICENSED: "data obtained from third parties under licence",
    Provenance.PUBLIC_WEB: "data collected from the public web",
    Provenance.SYNTHETIC: "synthetic data",
    Provenance.UNKNOWN: "not stated",
}
"""Kind of source in the words of a summary under Art. 53(1)(d) of Regulation (EU) 2024/1689."""

MOST_KINDS = 30


def render(evidence: Evidence) -> str:
    """Markdown of three sections, each to be used by itself."""
    return "\n\n".join([*_dataset_card(evidence), *_model_card(evidence), *_training_content(evidence)]) + "\n"


def _dataset_card(evidence: Evidence) -> Iterator[str]:
    yield "## Personal and sensitive information"
    yield (
        f"The shards were scanned for personal data: {size(evidence.coverage.scanned)} of "
        f"{size(evidence.coverage.bytes)} of text read ({percent(evidence.coverage.share)}). "
        "Counts are findings of detectors, which err in both directions."
    )
    ranked = [part for part in summary.ranked_findings(evidence) if part.count]
    if ranked:
        rows = [(shorten(p.title), shorten(p.column), count(p.count), count(p.distinct)) for p in ranked[:MOST_KINDS]]
        yield table(("kind of value", "column", "findings", "distinct values"), rows)
    else:
        yield "No detector found any."
    if len(ranked) > MOST_KINDS:
        yield f"And {plural(len(ranked) - MOST_KINDS, 'line')} more."
    yield escape(
        f"{'What was not looked at: ' if summary.gaps(evidence) else ''}{' '.join(summary.not_looked_at(evidence))}"
    )


def _model_card(evidence: Evidence) -> Iterator[str]:
    yield "## Privacy of the training data"
    yield (
        f"Risk estimate for {summary.artefact_phrase(evidence.risk)}, `{evidence.verdict.decision}`, tier "
        f"`{evidence.verdict.tier}`: {escape(summary.lead(evidence.verdict))} {summary.confidence(evidence)} "
        "Ten points are ten times the expected harm; 30 is one e-mail address of one person, extracted."
    )
    if evidence.verdict.conditions:
        yield "\n".join(f"- {escape(sentence(condition))}" for condition in evidence.verdict.conditions)


def _training_content(evidence: Evidence) -> Iterator[str]:
    dataset = evidence.dataset
    languages = ", ".join(shorten(code, 20) for code in dataset.languages) or "told row by row"
    rows, shards = sum(shard.rows for shard in evidence.shards), len(evidence.shards)
    yield "## Facts for the summary of training content"
    yield (
        "For the public summary under Art. 53(1)(d) of Regulation (EU) 2024/1689, as far as a scan can know them, by "
        "the sections of the European Commission's template: 1 general information, 2 data sources, 3 data processing."
    )
    found = sorted({part.title for part in evidence.findings if part.count})
    kinds = ", ".join(shorten(title, 60) for title in found[:MOST_KINDS]) or "none found"
    yield table(
        ("section", "what", "value"),
        [
            ("1", "modality", "text"),
            (
                "1",
                "size",
                f"{size(evidence.coverage.bytes)} of text, {count(rows)} rows, {plural(shards, 'shard')}",
            ),
            ("1", "languages", languages),
            ("2", "dataset", shorten(dataset.name)),
            ("2", "kind of source", SOURCES[dataset.provenance]),
            ("2", "as its owner states it", PROVENANCES[dataset.provenance]),
            ("2", "licence", shorten(dataset.licence) or "not stated"),
            ("3", "consent of the persons", "stated" if dataset.consent else "not stated"),
            ("3", "personal data looked for", f"in {percent(evidence.coverage.share)} of the text"),
            ("3", "kinds of values found", f"{kinds}{', …' if len(found) > MOST_KINDS else ''}"),
            (
                "3",
                "columns left out before use",
                ", ".join(map(shorten, dataset.dropped_columns[:20])) or "none stated",
            ),
        ],
    )
