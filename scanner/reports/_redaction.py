"""What came of a redaction, as Markdown: before and after, what it cost, and the forecast held to account."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.evidence import Interval
from scanner.outcome import Comparison, EntityChange, Standing
from scanner.wording import plural


def markdown(outcome: Comparison) -> str:
    """The comparison for people."""
    return "\n".join(_lines(outcome)) + "\n"


def _lines(outcome: Comparison) -> Iterator[str]:
    yield f"# Redacted by {_plain(outcome.plan)}: {outcome.before.tier.value} → {outcome.completed.tier.value}"
    yield ""
    yield from (f"- {_plain(sentence)}" for sentence in (*_done(outcome), *outcome.explanation))
    yield from ("", "## Before and after", "")
    yield from _standings(outcome)
    yield from ("", "## Findings", "")
    yield "| what | before | changed | after | surrogates and published examples |"
    yield "|---|---:|---|---:|---:|"
    yield from (_entity(entity) for entity in outcome.entities)
    yield from ("", "## What it cost the text", "")
    yield from _text(outcome)
    if outcome.faults:
        yield from ("", "## What is missing", "")
        yield from (f"- {_plain(fault)}" for fault in outcome.faults)


def _done(outcome: Comparison) -> Iterator[str]:
    if outcome.foretold is not None:
        yield f"{outcome.foretold.remedy} asks to: {'; '.join(outcome.foretold.actions)}."


def _standings(outcome: Comparison) -> Iterator[str]:
    columns = [("before", outcome.before), ("after", outcome.after)]
    if outcome.completed != outcome.after:
        columns.append(("once the remedy is whole", outcome.completed))
    foretold = outcome.foretold
    heads = [name for name, _ in columns] + (["foretold"] if foretold else [])
    yield f"| | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * len(heads)
    yield _row("tier", [standing.tier.value for _, standing in columns], foretold.tier.value if foretold else None)
    scores = [_range(standing.score) for _, standing in columns]
    yield _row("score of a public release", scores, _range(foretold.score) if foretold else None)
    for title, read in (("worst-off value", _worst), ("any critical value", _any)):
        yield _row(title, [read(standing) for _, standing in columns], "" if foretold else None)


def _worst(standing: Standing) -> str:
    return _chance(standing.p_max)


def _any(standing: Standing) -> str:
    return _chance(standing.p_any_critical)


def _row(title: str, cells: list[str], last: str | None) -> str:
    return f"| {title} | {' | '.join([*cells, *([] if last is None else [last])])} |"


def _entity(entity: EntityChange) -> str:
    changed = ", ".join(f"{count:,} {operator.replace('_', ' ')}" for operator, count in entity.changed.items())
    return f"| {_plain(entity.title)} | {entity.before:,} | {changed} | {entity.after:,} | {entity.no_ones:,} |"


def _text(outcome: Comparison) -> Iterator[str]:
    text, shards = outcome.text, outcome.shards
    yield f"- {text.findings:,} findings, {text.characters:,} characters ({text.characters_share:.1%} of all)."
    if text.elsewhere:
        yield (
            f"- Also redacted, and among these: {text.elsewhere:,} places ({text.elsewhere_characters:,} characters) "
            "with the same value, not detected there."
        )
    yield f"- {text.words_changed:,} of {text.words:,} words in the columns that were touched."
    yield f"- {text.vocabulary_overlap:.0%} of the vocabulary of these columns is in both (estimated from a sample)."
    chunks = f"{shards.chunks_touched:,} column chunks anew, {shards.chunks_copied:,} as they were"
    yield f"- {plural(shards.written, 'shard')} written: {chunks}."
    if shards.rows != shards.rows_before:
        yield f"- {shards.rows_before - shards.rows:,} of {shards.rows_before:,} rows left out."
    for name, gone in (("column", shards.dropped_columns), ("shard", shards.dropped_shards)):
        yield from (f"- The {name} {_plain(one)} was left out." for one in gone)


def _range(interval: Interval) -> str:
    return f"{interval.p50:.1f} ({interval.p05:.1f} to {interval.p95:.1f})"


def _chance(interval: Interval) -> str:
    return f"{interval.p50:.1%} ({interval.p05:.1%} to {interval.p95:.1%})"


def _plain(text: str) -> str:
    """Text that Markdown takes for text."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else " " if ord(char) < 32 else char for char in text)
