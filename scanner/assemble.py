"""Assembling evidence: what was scanned and counted becomes `Evidence`, judged as both artefacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from scanner.assessing import parts, rounded
from scanner.entities import Entities
from scanner.evidence import (
    ColumnPart,
    ConfidenceCount,
    Coverage,
    DatasetPart,
    Driver,
    Evidence,
    FindingPart,
    ModelCardPart,
    NamesCoverage,
    OccurrenceBucket,
    Other,
    PlacePart,
    RepeatedPart,
    RiskPart,
    SampledPart,
    ScanPart,
    ShardPart,
    UnscannedPart,
    VerdictPart,
)
from scanner.locations import Locations
from scanner.merge import ColumnValues, Merged, Repeated
from scanner.model import CONFIDENCE_EDGES, Artefact, Dataset, ModelCard, ShardStatus, Tier
from scanner.remedies import Options, Recount, candidates
from scanner.risk import NONE_LEFT, Case, Left, State, Table, assess, completed
from scanner.rulebook import Rulebook
from scanner.tally import Tally
from scanner.values import Histogram

SHOWN_DIGITS = 8
"""Hex digits of a fingerprint that tell values apart in a report."""

MOST_REPEATED = 100


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan leaves behind, before anything is judged.

    Attributes:
        dataset: its owner's statements.
        scan: which program read it, and when.
        shards: sorted by path.
        tally: counts over all units.
        merged: occurrences of each value.
        recount: counts without some columns and shards, for remedies.
        gone: values that a redaction took out of the shards; what was missed beside them is still there.
        by_shard: the tallies of the shards whose findings weigh most, by path; of all shards where they are few.
        names_left: text that the names stage left, since more of it could not change the verdict.
        locations: where findings stand.
    """

    dataset: Dataset
    scan: ScanPart
    shards: tuple[ShardPart, ...]
    tally: Tally
    merged: Merged
    recount: Recount
    gone: Histogram = field(default_factory=lambda: Histogram.of([]))
    by_shard: Mapping[str, Tally] = field(default_factory=dict)
    names_left: Left = NONE_LEFT
    locations: Locations = field(default_factory=Locations)


def assemble(scanned: Scanned, rulebook: Rulebook, artefact: Artefact, asked: Tier | None) -> Evidence:
    """Evidence with the verdict on `artefact`, and beside it the verdict on the other one."""
    risk, verdict = _judged(scanned, rulebook, artefact, asked)
    (other,) = set(Artefact) - {artefact}
    other_risk, other_verdict = _judged(scanned, rulebook, other, asked)
    return Evidence(
        dataset=_dataset_part(scanned.dataset, rulebook),
        scan=scanned.scan,
        shards=_shards(scanned, risk.drivers),
        coverage=_coverage(scanned.tally, scanned.names_left),
        columns=_columns(scanned.tally),
        findings=_findings(scanned, rulebook.entities),
        occurrences=_occurrences(scanned.merged.histogram),
        risk=risk,
        verdict=verdict,
        other=Other(risk=other_risk, verdict=other_verdict),
        repeated=_repeated(scanned.merged.repeated, rulebook.entities),
        sampled=_sampled(scanned.merged, rulebook.entities),
        places=[PlacePart(**asdict(place)) for place in scanned.locations.first],
    )


def dataset_of(evidence: Evidence) -> Dataset:
    """The owner's statements as they were given; what the policy assumed is unknown again."""
    part = evidence.dataset
    card = part.model_card
    known = {
        name: getattr(card, name) for name in ("parameters", "training_tokens", "epochs") if name not in card.assumed
    }
    return Dataset(
        name=part.name,
        provenance=part.provenance,
        consent=part.consent,
        anonymity_report=part.anonymity_report,
        licence=part.licence,
        languages=tuple(part.languages),
        model_card=ModelCard(**known, dp_epsilon=card.dp_epsilon, dp_delta=card.dp_delta),
        dropped_columns=tuple(part.dropped_columns),
        facts=part.facts,
    )


def _judged(
    scanned: Scanned, rulebook: Rulebook, artefact: Artefact, asked: Tier | None
) -> tuple[RiskPart, VerdictPart]:
    case = case_of(scanned, rulebook, artefact)
    assessment = assess(case)
    actions = candidates(case, assessment, scanned.tally, columns=True, shards=scanned.by_shard)
    return parts(assessment, case, rulebook.policy, asked, Options(actions, scanned.recount))


def case_of(scanned: Scanned, rulebook: Rulebook, artefact: Artefact) -> Case:
    """What a scan counted and what a rulebook makes of it, as the risk model takes them."""
    tally = scanned.tally
    state = State(
        histogram=scanned.merged.histogram,
        gone=scanned.gone,
        dataset=scanned.dataset,
        total_bytes=tally.scanned_bytes + tally.unscanned_bytes,
        scanned_bytes=tally.scanned_bytes,
        key_ids=frozenset({scanned.scan.key_id}),
        failed_shards=sum(shard.status is ShardStatus.FAILED for shard in scanned.shards),
        names_read=sum(tally.names_read.values()),
        names_unread=sum(tally.names_unread.values()),
        names_left=scanned.names_left,
        rates=scanned.merged.rates,
        tables=tuple(
            Table.of(tuple(columns.split("+")), list(sizes), scanned.merged.diversity.get(columns))
            for columns, sizes in sorted(scanned.merged.groups.items())
        ),
    )
    return Case(state, rulebook.entities, rulebook.policy.risk, rulebook.calibration, artefact)


def _dataset_part(dataset: Dataset, rulebook: Rulebook) -> DatasetPart:
    card = completed(dataset.model_card, rulebook.policy.risk.model_card)
    return DatasetPart(
        name=dataset.name,
        provenance=dataset.provenance,
        consent=dataset.consent,
        anonymity_report=dataset.anonymity_report,
        licence=dataset.licence,
        languages=list(dataset.languages),
        model_card=ModelCardPart(
            parameters=card.parameters,
            training_tokens=card.training_tokens,
            epochs=card.epochs,
            dp_epsilon=card.dp_epsilon,
            dp_delta=card.dp_delta,
            assumed=list(card.assumed),
        ),
        dropped_columns=list(dataset.dropped_columns),
        facts=dict(dataset.facts or {}),
    )


def _coverage(tally: Tally, left: Left) -> Coverage:
    total = tally.scanned_bytes + tally.unscanned_bytes
    read, unread = sum(tally.names_read.values()), sum(tally.names_unread.values())
    return Coverage(
        bytes=total,
        scanned=tally.scanned_bytes,
        share=_share(tally.scanned_bytes, total),
        names=NamesCoverage(
            share=_share(read, read + unread + tally.names_left),
            read=_counted(tally.names_read),
            unread=_counted(tally.names_unread),
            left=tally.names_left,
            left_found=left.found,
            left_most=rounded(left.most),
        ),
        unscanned=[
            UnscannedPart(
                shard=entry.shard,
                column=entry.column,
                rows=entry.rows,
                bytes=entry.size_bytes,
                reason=entry.reason,
                detail=entry.detail,
            )
            for entry in tally.unscanned
        ],
    )


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}


def _share(part: int, whole: int) -> float:
    """Share in [0, 1], rounded down, so that what is missing never rounds away; 1 of nothing."""
    return part * 10**9 // whole / 10**9 if whole else 1.0


def _columns(tally: Tally) -> list[ColumnPart]:
    return [
        ColumnPart(column=name, cells=count.cells, bytes=count.size_bytes, characters=count.characters)
        for name, count in sorted(tally.columns.items())
    ]


def _shards(scanned: Scanned, drivers: Iterable[Driver]) -> list[ShardPart]:
    """The shards with their findings and their part of the harm."""
    found: dict[str, Counter[str]] = {}
    totals: Counter[str] = Counter()
    for shard, entity, count in scanned.locations.by_shard:
        found.setdefault(shard, Counter())[entity] += count
        totals[entity] += count
    harm: dict[str, float] = {}
    for driver in drivers:
        anchor = driver.entity.partition("+")[0]
        harm[anchor] = harm.get(anchor, 0.0) + driver.share
    each = {entity: harm.get(entity, 0.0) / total for entity, total in totals.items()}
    return [_shard(part, found.get(part.path, Counter()), each) for part in scanned.shards]


def _shard(part: ShardPart, found: Counter[str], each: Mapping[str, float]) -> ShardPart:
    share = sum(count * each[entity] for entity, count in sorted(found.items()))
    return part.model_copy(update={"findings": found.total(), "share": rounded(min(share, 1.0))})


def _repeated(values: Iterable[Repeated], entities: Entities) -> list[RepeatedPart]:
    return [
        RepeatedPart(
            entity=value.entity,
            title=_title(value.entity, entities),
            fingerprint=value.fingerprint[:SHOWN_DIGITS],
            occurrences=value.occurrences,
            columns=value.columns,
        )
        for value in values
    ][:MOST_REPEATED]


def _sampled(merged: Merged, entities: Entities) -> list[SampledPart]:
    distinct: Counter[str] = Counter()
    for entity, _, _, _, count in merged.histogram.cells():
        distinct[entity] += count
    return [
        SampledPart(entity=entity, title=_title(entity, entities), theta=rate, kept=round(distinct[entity] * rate))
        for entity, rate in sorted(merged.rates.items())
    ]


def _title(entity: str, entities: Entities) -> str:
    return entities[entity].title if entity in entities else entity


def _findings(scanned: Scanned, entities: Entities) -> list[FindingPart]:
    by_column = {(one.entity, one.column): one for one in scanned.merged.by_column}
    return [
        FindingPart(
            entity=entity,
            title=_title(entity, entities),
            column=column,
            count=count.count,
            distinct=_values(by_column, entity, column).distinct,
            rows=count.rows,
            characters=count.characters,
            max_occurrences=_values(by_column, entity, column).max_occurrences,
            documentation=count.documentation,
            by_confidence=[
                ConfidenceCount(at_least=edge, count=number)
                for edge, number in zip(CONFIDENCE_EDGES, count.by_confidence, strict=True)
            ],
        )
        for (entity, column), count in sorted(scanned.tally.findings.items())
    ]


def _values(by_column: Mapping[tuple[str, str], ColumnValues], entity: str, column: str) -> ColumnValues:
    return by_column.get((entity, column), ColumnValues(entity, column, 0, 0))


def _occurrences(histogram: Histogram) -> list[OccurrenceBucket]:
    """Distinct values by occurrences, in powers of two."""
    buckets: dict[tuple[str, int], int] = {}
    for entity, _, _, occurrences, distinct in histogram.cells():
        key = (entity, occurrences.bit_length() - 1)
        buckets[key] = buckets.get(key, 0) + distinct
    return [
        OccurrenceBucket(entity=entity, at_least=2**power, at_most=2 ** (power + 1) - 1, distinct=distinct)
        for (entity, power), distinct in sorted(buckets.items())
        if distinct
    ]
