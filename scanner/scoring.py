"""How well findings fit labelled text: hits, misses, right and false findings, and what they say of a detector.

A gold span is found when at least half of its characters lie under findings of its entity; a finding is right when
at least half of its characters lie under gold spans of its entity; a finding that lies as much on gold of a label
that is not mapped counts neither way. A published example value is no one's: it may find gold, and is neither right
nor false. Counts add up over documents and sets: `a + b == b + a`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import numpy as np
from scipy import stats

from scanner.entities import WIDER, kinds
from scanner.model import Finding, confidence_bin

K = TypeVar("K", bound=Hashable)

ANY = "ANY"
"""Entity of gold that a finding of every entity may cover."""

INTERVAL = 0.95
"""Mass of every interval told."""

_DRAWS = 4000


class Unit(StrEnum):
    """What a set counts: spans, or the lines that they stand on."""

    SPAN = "span"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Gold:
    """A labelled span, `text[start:end]`, in the set's own label."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Document:
    """One labelled text.

    Attributes:
        text: what the detectors read.
        language: ISO 639-1 code, `und` or `code`.
        spans: what is to be found.
        negatives: what looks like it and is not, where the set says so.
        group: documents of one group are labelled for the labels of that group alone; "" for everything.
    """

    text: str
    language: str
    spans: tuple[Gold, ...]
    negatives: tuple[Gold, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What the labels of a set mean.

    Attributes:
        entities: entity by label; `*` stands for every label that is neither named nor ignored. None takes each
            label for the name of an entity.
        ignore: labels that count neither way.
        precision: whether everything that can be found is labelled, so that false findings can be told.
        unit: what is counted.
        negatives: column of labelled non-findings, or "". With it only they can be false findings.
        by: column that groups documents by what they are labelled for, or "".
        licence: under which the set may be used.
    """

    entities: Mapping[str, str] | None = None
    ignore: frozenset[str] = frozenset()
    precision: bool = True
    unit: Unit = Unit.SPAN
    negatives: str = ""
    by: str = ""
    licence: str = ""

    def entity(self, label: str) -> str | None:
        """Entity of a label; None where it counts neither way."""
        if label in self.ignore:
            return None
        if self.entities is None:
            return label
        return self.entities.get(label, self.entities.get("*"))

    def knows(self, label: str, entities: Collection[str]) -> bool:
        """Whether it says what a label means; without a map, whether the label is one of the entities."""
        if self.entities is None:
            return not entities or label in entities or label == ANY or label in WIDER.values()
        return any(name in one for name in (label, "*") for one in (self.ignore, self.entities))


@dataclass(frozen=True, slots=True)
class Counts:
    """Gold spans found and missed, findings right and false."""

    hits: int = 0
    misses: int = 0
    right: int = 0
    wrong: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits, self.misses + other.misses, self.right + other.right, self.wrong + other.wrong
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its interval of mass `INTERVAL`; the value is None where nothing was counted."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision, recall, F1 and F2 of one thing counted."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    f2: Estimate


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over any number of documents; `Score()` changes nothing when added.

    Attributes:
        documents: texts scored.
        entities: counts by entity.
        levels: right and false findings by (entity, rule, confidence).
        gold_characters: characters under mapped gold.
        covered_characters: those of them under a finding of whatever entity.
        missed: shapes of the gold missed, by (entity, shape).
        false_alarms: shapes of the false findings, by (entity, rule, shape).
        labels: gold spans by the set's own label.
    """

    documents: int = 0
    entities: Mapping[str, Counts] = field(default_factory=dict)
    levels: Mapping[tuple[str, str, float], Counts] = field(default_factory=dict)
    gold_characters: int = 0
    covered_characters: int = 0
    missed: Counter[tuple[str, str]] = field(default_factory=Counter)
    false_alarms: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Score) -> Score:
        return Score(
            documents=self.documents + other.documents,
            entities=_added(self.entities, other.entities),
            levels=_added(self.levels, other.levels),
            gold_characters=self.gold_characters + other.gold_characters,
            covered_characters=self.covered_characters + other.covered_characters,
            missed=self.missed + other.missed,
            false_alarms=self.false_alarms + other.false_alarms,
            labels=self.labels + other.labels,
        )

    @property
    def bins(self) -> dict[tuple[str, int], Counts]:
        """Right and false findings by (entity, index into `CONFIDENCE_EDGES`)."""
        return _tally(((entity, confidence_bin(sure)), counts) for (entity, _, sure), counts in self.levels.items())

    @property
    def rules(self) -> dict[tuple[str, str], Counts]:
        """Right and false findings by (entity, rule)."""
        return _tally(((entity, rule), counts) for (entity, rule, _), counts in self.levels.items())


def masked(text: str) -> str:
    """The shape of a text without its letters and digits: `Jane Roe 42` is `Xxxx Xxx 99`; runs end at four."""
    shape: list[str] = []
    for character in text[:80]:
        mark = _mark(character)
        if shape[-4:] != [mark] * 4:
            shape.append(mark)
    return "".join(shape)


def verbatim(text: str) -> str:
    """The text itself, shortened: for `--show-text` alone."""
    return " ".join(text.split())[:80]


def score(
    pairs: Iterable[tuple[Document, Sequence[Finding]]], labels: LabelMap, shape: Callable[[str], str] = masked
) -> Score:
    """Compare findings with gold over a set.

    Args:
        pairs: each document with its findings, offsets in code points of its text.
        labels: what the set's labels mean.
        shape: how a miss or false finding is told; `masked` tells no text.
    """
    compared = list(pairs)
    measured = _measured((document for document, _ in compared), labels)
    judge = _judge_spans if labels.unit is Unit.SPAN else _judge_lines
    outcomes = [judge(document, findings, labels, measured[document.group]) for document, findings in compared]
    golds = [(gold, outcome.text) for outcome in outcomes for gold in outcome.golds]
    judged = [(one, outcome.text) for outcome in outcomes if labels.precision for one in outcome.findings]
    return Score(
        documents=len(outcomes),
        entities=_tally([(g.entity, g.counts) for g, _ in golds] + [(f.entity, f.counts) for f, _ in judged]),
        levels=_tally(((f.entity, f.finding.rule, f.finding.confidence), f.counts) for f, _ in judged),
        gold_characters=sum(outcome.gold_characters for outcome in outcomes),
        covered_characters=sum(outcome.covered_characters for outcome in outcomes),
        missed=Counter((g.entity, shape(text[g.gold.start : g.gold.end])) for g, text in golds if not g.hit),
        false_alarms=Counter(
            (f.entity, f.finding.rule, shape(text[f.finding.start : f.finding.end]))
            for f, text in judged
            if not f.right
        ),
        labels=Counter(span.label for document, _ in compared for span in document.spans),
    )


def quality(counts: Counts) -> Quality:
    """Precision, recall, F1 and F2 of the counts, with Jeffreys intervals.

    Precision and recall have the posterior Beta(½ + yes, ½ + no). The intervals of F1 and F2 come from draws of
    both, with a fixed seed, so equal counts give equal intervals.
    """
    precision, recall = jeffreys(counts.right, counts.wrong), jeffreys(counts.hits, counts.misses)
    return Quality(precision, recall, _f(counts, precision, recall, 1.0), _f(counts, precision, recall, 2.0))


def jeffreys(yes: int, no: int) -> Estimate:
    """The share of `yes` and the central interval of Beta(½ + yes, ½ + no)."""
    tail = (1 - INTERVAL) / 2
    low, high = stats.beta.ppf([tail, 1 - tail], 0.5 + yes, 0.5 + no)
    return Estimate(yes / (yes + no) if yes + no else None, float(low), float(high))


def f_beta(precision: float, recall: float, beta: float = 2.0) -> float:
    """Weighted harmonic mean in which recall weighs `beta` squared times as much as precision; 0 for two zeros."""
    weight = beta * beta
    below = weight * precision + recall
    return (1 + weight) * precision * recall / below if below else 0.0


def _f(counts: Counts, precision: Estimate, recall: Estimate, beta: float) -> Estimate:
    if recall.value is None or (precision.value is None and counts.hits):
        return Estimate(None, 0.0, 1.0)
    draw = np.random.default_rng(0)
    p = draw.beta(0.5 + counts.right, 0.5 + counts.wrong, _DRAWS)
    r = draw.beta(0.5 + counts.hits, 0.5 + counts.misses, _DRAWS)
    tail, weight = (1 - INTERVAL) / 2, beta * beta
    low, high = np.quantile((1 + weight) * p * r / (weight * p + r), [tail, 1 - tail])
    return Estimate(f_beta(precision.value or 0.0, recall.value, beta), float(low), float(high))


@dataclass(frozen=True, slots=True)
class _JudgedGold:
    """A gold span of an entity, found or not."""

    gold: Gold
    entity: str
    hit: bool

    @property
    def counts(self) -> Counts:
        return Counts(hits=int(self.hit), misses=int(not self.hit))


@dataclass(frozen=True, slots=True)
class _JudgedFinding:
    """A finding that the gold can judge, under the entity that the set knows it by."""

    finding: Finding
    entity: str
    right: bool

    @property
    def counts(self) -> Counts:
        return Counts(right=int(self.right), wrong=int(not self.right))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What comparing one document gave."""

    text: str
    golds: list[_JudgedGold]
    findings: list[_JudgedFinding]
    gold_characters: int
    covered_characters: int


class _Mask:
    """Which characters of a text are under some spans."""

    def __init__(self, length: int, spans: Iterable[tuple[int, int]]) -> None:
        self._marks = bytearray(length)
        for start, end in spans:
            self._marks[start:end] = b"\x01" * (min(end, length) - start)

    def count(self, start: int, end: int) -> int:
        return self._marks.count(1, start, end)

    def holds_half(self, start: int, end: int) -> bool:
        return 2 * self.count(start, end) >= end - start

    def both(self, other: _Mask) -> int:
        """Characters under both; the marks are ones and zeros, so the bits that stay are the characters."""
        return (int.from_bytes(self._marks) & int.from_bytes(other._marks)).bit_count()

    def total(self) -> int:
        return self._marks.count(1)


def _judge_spans(
    document: Document, findings: Sequence[Finding], labels: LabelMap, measured: frozenset[str]
) -> _Outcome:
    length = len(document.text)
    golds = [(span, entity) for span in document.spans if (entity := labels.entity(span.label)) is not None]
    unmapped = [(span.start, span.end) for span in document.spans if labels.entity(span.label) is None]
    gold_masks = {
        entity: _Mask(length, [(g.start, g.end) for g, kind in golds if _related(entity, kind)])
        for entity in {finding.entity for finding in findings}
    }
    excused = {
        entity: _Mask(length, unmapped + [(g.start, g.end) for g, kind in golds if _related(entity, kind)])
        for entity in gold_masks
    }
    found_masks = {
        entity: _Mask(length, [(f.start, f.end) for f in findings if _is_a(f.entity, entity)])
        for entity in {kind for _, kind in golds}
    }
    judged = []
    for finding in findings:
        known = None if finding.documentation else _known_as(finding.entity, measured)
        right = gold_masks[finding.entity].holds_half(finding.start, finding.end)
        if known is not None and (right or not excused[finding.entity].holds_half(finding.start, finding.end)):
            judged.append(_JudgedFinding(finding, known, right))
    return _Outcome(
        document.text,
        [_JudgedGold(gold, entity, found_masks[entity].holds_half(gold.start, gold.end)) for gold, entity in golds],
        judged,
        *_coverage(length, golds, findings),
    )


def _judge_lines(
    document: Document, findings: Sequence[Finding], labels: LabelMap, _measured: frozenset[str]
) -> _Outcome:
    """A gold span is found by a finding on one of its lines; a negative's line with a finding is one false finding."""
    line_of = _line_index(document.text)
    lines = {_lines(line_of, g.start, g.end): (g, kind) for g in document.spans if (kind := labels.entity(g.label))}
    taken = {line for first, last in lines for line in range(first, last + 1)}
    taken |= {line_of(g.start) for g in document.spans if labels.entity(g.label) is None}
    golds, judged = [], []
    for (first, last), (gold, entity) in sorted(lines.items()):
        best = _strongest(findings, entity, line_of, first, last)
        golds.append(_JudgedGold(gold, entity, best is not None))
        if best is not None and not best.documentation:
            judged.append(_JudgedFinding(best, entity, True))
    real = [finding for finding in findings if not finding.documentation]
    for line, entity in sorted(_negative_lines(document, labels, line_of, taken)):
        best = _strongest(real, entity, line_of, line, line)
        if best is not None:
            judged.append(_JudgedFinding(best, entity, False))
    mapped = list(lines.values())
    return _Outcome(document.text, golds, judged, *_coverage(len(document.text), mapped, findings))


def _negative_lines(
    document: Document, labels: LabelMap, line_of: Callable[[int], int], taken: set[int]
) -> set[tuple[int, str]]:
    marked = ((span, labels.entity(span.label)) for span in document.negatives)
    return {(line_of(span.start), kind) for span, kind in marked if kind and line_of(span.start) not in taken}


def _strongest(
    findings: Sequence[Finding], entity: str, line_of: Callable[[int], int], first: int, last: int
) -> Finding | None:
    """The most confident finding of the entity that touches a run of lines, both ends included."""
    fits = (finding for finding in findings if _is_a(finding.entity, entity))
    here = [
        f for f in fits if _lines(line_of, f.start, f.end)[0] <= last and first <= _lines(line_of, f.start, f.end)[1]
    ]
    return max(here, key=lambda finding: (finding.confidence, finding.rule), default=None)


def _line_index(text: str) -> Callable[[int], int]:
    ends = [match.start() for match in re.finditer("\n", text)]
    return lambda position: bisect_left(ends, position)


def _lines(line_of: Callable[[int], int], start: int, end: int) -> tuple[int, int]:
    return line_of(start), line_of(max(start, end - 1))


def _coverage(length: int, golds: Sequence[tuple[Gold, str]], findings: Sequence[Finding]) -> tuple[int, int]:
    """Characters under gold, and those of them under a finding of whatever entity."""
    gold = _Mask(length, [(span.start, span.end) for span, _ in golds])
    return gold.total(), gold.both(_Mask(length, [(f.start, f.end) for f in findings]))


def _is_a(found: str, entity: str) -> bool:
    """Whether a finding of `found` finds gold of `entity`."""
    return entity == ANY or entity in kinds(found)


def _related(found: str, gold: str) -> bool:
    """Whether a finding of `found` is right on gold of `gold`: a place within a street address is a place."""
    return _is_a(found, gold) or found in kinds(gold)


def _known_as(entity: str, measured: frozenset[str]) -> str | None:
    """The name under which the set can judge findings of an entity, if any."""
    return next((name for name in kinds(entity) if name in measured), None)


def _measured(documents: Iterable[Document], labels: LabelMap) -> dict[str, frozenset[str]]:
    """By group, the entities that its documents are labelled for."""
    found: dict[str, set[str]] = {}
    for document in documents:
        kinds = (labels.entity(span.label) for span in (*document.spans, *document.negatives))
        found.setdefault(document.group, set()).update(kind for kind in kinds if kind is not None)
    named = set() if labels.by or labels.entities is None else set(labels.entities.values())
    return {group: frozenset(entities | named) for group, entities in found.items()}


def _tally(counted: Iterable[tuple[K, Counts]]) -> dict[K, Counts]:
    total: dict[K, Counts] = {}
    for key, counts in counted:
        total[key] = total.get(key, Counts()) + counts
    return total


def _added(left: Mapping[K, Counts], right: Mapping[K, Counts]) -> dict[K, Counts]:
    return _tally((*left.items(), *right.items()))


def _mark(character: str) -> str:
    if character.isalpha():
        return "X" if character.isupper() else "x"
    if character.isalnum():
        return "9"
    if character.isspace():
        return " "
    return character if character.isascii() else "·"
