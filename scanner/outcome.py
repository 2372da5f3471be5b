"""What came of a redaction: before and after, and the forecast held to what was reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.evidence import Count, Evidence, Interval, Part, Remedy, Share
from scanner.model import Decision, Tier
from scanner.redaction import RedactionPlan, Treatment
from scanner.utility import Sketch
from scanner.wording import plural


@dataclass(frozen=True, slots=True)
class Selected:
    """Findings of one shard that a treatment is for, by entity and number of the treatment.

    `elsewhere` are those of them that no detector found: the same values in other places.
    """

    entity: str
    treatment: int
    spans: int
    cells: int
    rows: int
    characters: int
    elsewhere: int = 0
    elsewhere_characters: int = 0


@dataclass(frozen=True, slots=True)
class ShardDone:
    """What became of a shard.

    Attributes:
        shard: its name.
        sha256: of the shard as it was.
        made: SHA-256 of the new one; "" where none was written.
        version: what its store says of the new one, if it lies in one.
        plan: digest of the plan that it was made under.
        swept: tells which values were also changed where no detector found them.
        rows_before: rows that it had.
        rows: rows that it has.
        selected: findings that were changed, by entity and treatment.
        words: words in the columns that were touched.
        words_changed: of these, those that findings lay in.
        touched: column chunks that were encoded anew.
        copied: column chunks that are the same bytes.
        before: sketch of the vocabulary of touched columns before.
        after: and after.
        fault: why there is no new shard, if there is none; holds no text of the shard.
    """

    shard: str
    sha256: str
    made: str = ""
    version: str = ""
    plan: str = ""
    swept: str = ""
    rows_before: int = 0
    rows: int = 0
    selected: tuple[Selected, ...] = ()
    words: int = 0
    words_changed: int = 0
    touched: int = 0
    copied: int = 0
    before: Sketch = field(default_factory=Sketch)
    after: Sketch = field(default_factory=Sketch)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over all shards.

    Attributes:
        shards: that were written.
        rows_before: rows that they had.
        rows: rows that they have.
        chunks_touched: column chunks that were encoded anew.
        chunks_copied: column chunks that are the same bytes.
        words: in the columns that were touched.
        words_changed: of these, those that findings lay in.
        vocabulary: overlap of the vocabularies, estimated from a sample.
        changed: findings and characters by (entity, operator), those elsewhere among them.
        elsewhere: findings and characters of these that no detector found: the same values in other places.
    """

    shards: int = 0
    rows_before: int = 0
    rows: int = 0
    chunks_touched: int = 0
    chunks_copied: int = 0
    words: int = 0
    words_changed: int = 0
    vocabulary: float = 1.0
    changed: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    elsewhere: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, done: Sequence[ShardDone], treatments: Sequence[Treatment]) -> Totals:
        """Totals of the shards that were written."""
        written = [one for one in done if not one.fault]
        before, after = Sketch(), Sketch()
        changed: dict[tuple[str, str], tuple[int, int]] = {}
        for one in written:
            before, after = before | one.before, after | one.after
            for part in one.selected:
                key = (part.entity, treatments[part.treatment].operator.value)
                spans, characters = changed.get(key, (0, 0))
                changed[key] = (spans + part.spans, characters + part.characters)
        return cls(
            shards=len(written),
            rows_before=sum(one.rows_before for one in written),
            rows=sum(one.rows for one in written),
            chunks_touched=sum(one.touched for one in written),
            chunks_copied=sum(one.copied for one in written),
            words=sum(one.words for one in written),
            words_changed=sum(one.words_changed for one in written),
            vocabulary=before.overlap(after),
            changed=dict(sorted(changed.items())),
            elsewhere=(
                sum(part.elsewhere for one in written for part in one.selected),
                sum(part.elsewhere_characters for one in written for part in one.selected),
            ),
        )


class Standing(Part):
    """Where a dataset stands."""

    decision: Decision
    tier: Tier
    score: Interval
    p_max: Interval
    p_any_critical: Interval


class Foretold(Part):
    """What the remedy foretold."""

    remedy: str
    tier: Tier
    score: Interval
    actions: list[str]


class EntityChange(Part):
    """Findings of one entity before and after, and what was done to them, by operator.

    `no_ones` are surrogates and published example values in the new shards; they are not in `after`.
    """

    entity: str
    title: str
    before: Count
    after: Count
    no_ones: Count
    changed: dict[str, Count]


class TextChange(Part):
    """What the redaction cost the text.

    `elsewhere` are those of `findings` that no detector found: the same values in other places; `elsewhere_characters`
    are theirs.
    """

    findings: Count
    elsewhere: Count
    characters: Count
    elsewhere_characters: Count
    characters_share: Share
    words: Count
    words_changed: Count
    vocabulary_overlap: Share


class ShardChange(Part):
    """What was written."""

    written: Count
    rows_before: Count
    rows: Count
    chunks_touched: Count
    chunks_copied: Count
    dropped_shards: list[str]
    dropped_columns: list[str]


class Comparison(Part):
    """Before and after a redaction.

    `after` is what the new shards were judged as. `completed` takes as done what the remedy also wants and no redaction
    can do. `reached` tells whether `completed` has the tier foretold; null where nothing was.
    """

    plan: str
    before: Standing
    after: Standing
    completed: Standing
    foretold: Foretold | None
    reached: bool | None
    explanation: list[str]
    entities: list[EntityChange]
    text: TextChange
    shards: ShardChange
    still_found: Count
    not_looked_for: Count
    incomplete: bool
    faults: list[str]


def compare(
    before: Evidence,
    after: Evidence,
    completed: Evidence,
    plan: RedactionPlan,
    remedy: Remedy | None,
    totals: Totals,
    still_found: int,
    faults: tuple[str, ...],
    not_looked_for: int = 0,
) -> Comparison:
    """The comparison of two scans with what was done between them.

    Args:
        before: evidence of the shards as they were.
        after: evidence of the new shards.
        completed: the same, with the recalls that the plan wants taken as shown.
        plan: what was done.
        remedy: what foretold it; None for a policy of the user's.
        totals: what was changed.
        still_found: values that were to go and are found all the same.
        faults: shards that are not there, or not wholly looked through, each with the reason.
        not_looked_for: ways to write a value that were not looked for in other places, as there were too many.
    """
    standing = _standing(completed)
    foretold = _foretold(remedy)
    reached = None if foretold is None else standing.tier.openness >= foretold.tier.openness
    comparison = Comparison(
        plan=plan.name,
        before=_standing(before),
        after=_standing(after),
        completed=standing,
        foretold=foretold,
        reached=reached,
        explanation=[],
        entities=list(_entities(before, after, totals)),
        text=_text(before, totals),
        shards=ShardChange(
            written=totals.shards,
            rows_before=totals.rows_before,
            rows=totals.rows,
            chunks_touched=totals.chunks_touched,
            chunks_copied=totals.chunks_copied,
            dropped_shards=list(plan.dropped_shards),
            dropped_columns=list(plan.dropped_columns),
        ),
        still_found=still_found,
        not_looked_for=not_looked_for,
        incomplete=bool(faults) or after.verdict.incomplete,
        faults=list(faults),
    )
    return comparison.model_copy(update={"explanation": list(_explained(comparison, completed, plan))})


SAME_SCORE = 0.5
"""Points of the score within which forecast and outcome count as the same."""


def _standing(evidence: Evidence) -> Standing:
    return Standing(
        decision=evidence.verdict.decision,
        tier=evidence.verdict.tier,
        score=evidence.risk.score,
        p_max=evidence.risk.p_max,
        p_any_critical=evidence.risk.p_any_critical,
    )


def _foretold(remedy: Remedy | None) -> Foretold | None:
    if remedy is None:
        return None
    actions = [action.title for action in remedy.actions]
    return Foretold(remedy=remedy.id, tier=remedy.tier, score=remedy.score, actions=actions)


def _entities(before: Evidence, after: Evidence, totals: Totals) -> Iterator[EntityChange]:
    titles = {part.entity: part.title for part in (*before.findings, *after.findings)}
    for entity in sorted(titles):
        old, new = ([part for part in evidence.findings if part.entity == entity] for evidence in (before, after))
        yield EntityChange(
            entity=entity,
            title=titles[entity],
            before=sum(part.count for part in old),
            after=sum(part.count for part in new),
            no_ones=sum(part.documentation for part in new),
            changed={operator: spans for (name, operator), (spans, _) in totals.changed.items() if name == entity},
        )


def _text(before: Evidence, totals: Totals) -> TextChange:
    characters = sum(count for _, count in totals.changed.values())
    all_characters = sum(column.characters for column in before.columns)
    return TextChange(
        findings=sum(count for count, _ in totals.changed.values()),
        elsewhere=totals.elsewhere[0],
        characters=characters,
        elsewhere_characters=totals.elsewhere[1],
        characters_share=min(1.0, characters / all_characters) if all_characters else 0.0,
        words=totals.words,
        words_changed=min(totals.words, totals.words_changed),
        vocabulary_overlap=round(totals.vocabulary, 3),
    )


def _explained(outcome: Comparison, completed: Evidence, plan: RedactionPlan) -> Iterator[str]:
    """Sentences on what was reached, and on every difference from the forecast."""
    if outcome.foretold is not None:
        yield _tier_sentence(outcome, outcome.foretold)
        yield from _score_sentence(outcome, outcome.foretold)
    yield from _left_to_do(outcome, plan)
    if outcome.still_found:
        yield (
            f"{plural(outcome.still_found, 'value')} that were to go are still found, in places where the first scan "
            "did not see them and the same text could not be told."
        )
    if outcome.not_looked_for:
        yield (
            f"{plural(outcome.not_looked_for, 'rare value')} were not looked for in other places: there are more than "
            "fit into memory."
        )
    for entity in outcome.entities:
        if entity.after > entity.before:
            yield (
                f"{entity.title}: {entity.after:,} found, where {entity.before:,} were before. Findings that others "
                "hid, or that new text beside them made likelier, are counted as people's."
            )
    if outcome.reached is False:
        yield from (f"{gate.title}: {gate.reason}" for gate in completed.verdict.gates if gate.tripped)
    if outcome.incomplete:
        yield "Not everything could be written or read again; the verdict is capped for it."


def _tier_sentence(outcome: Comparison, foretold: Foretold) -> str:
    reached = outcome.completed.tier
    if reached is foretold.tier:
        return f"The tier foretold, {foretold.tier.value}, is reached."
    if outcome.reached:
        return f"The tier is {reached.value}, more open than {foretold.tier.value}, which was foretold."
    return f"The tier is {reached.value}; {foretold.tier.value} was foretold."


def _score_sentence(outcome: Comparison, foretold: Foretold) -> Iterator[str]:
    difference = outcome.completed.score.p50 - foretold.score.p50
    told = f"The score of a public release is {outcome.completed.score.p50:.1f}; {foretold.score.p50:.1f} was foretold."
    if abs(difference) < SAME_SCORE:
        yield told
    elif difference < 0:
        yield (
            f"{told} Forecasts leave the linkage of what stays as it was, and count as missed what a second look may "
            "find; both err towards more risk."
        )
    else:
        yield (
            f"{told} More than was foretold was found: values that redacted ones hid, or that stand beside surrogates. "
            "The table of findings tells which."
        )


def _left_to_do(outcome: Comparison, plan: RedactionPlan) -> Iterator[str]:
    for entity, recall in plan.recalls:
        yield (
            f"The remedy also asks for a measured recall of {recall:.0%} of {entity}, which no redaction brings: until "
            f"labels show it (`scanner evaluate`), the tier is {outcome.after.tier.value}."
        )
    model = {"epoch": plan.epochs, "parameter": plan.parameters}
    told = [plural(value, noun) for noun, value in model.items() if value is not None]
    if told:
        yield f"The model is taken to be trained with {' and '.join(told)}, as the remedy says; keep to it."
