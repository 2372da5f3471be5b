"""Reviewing findings: a sample to judge, what the judgements say of precision and recall, and whether two agree.

A *question* shows one finding; a *passage* shows a stretch of text in which everything that was found is marked.
Questions tell precision, bin by bin of confidence; passages tell recall, as the reviewer marks what was missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from scanner.model import CONFIDENCE_EDGES
from scanner.risk import Calibration, Measured

BINS = len(CONFIDENCE_EDGES)


class Answer(StrEnum):
    """What a reviewer says of a finding."""

    TRUE = "true"
    FALSE = "false"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A span of one cell, in code points, half-open."""

    shard: str
    row: int
    column: str
    item: int
    start: int
    end: int

    @property
    def cell(self) -> tuple[str, int, str, int]:
        """The cell that it lies in."""
        return self.shard, self.row, self.column, self.item


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """A finding that is to be judged.

    Attributes:
        place: where it stands.
        entity: what it was taken for.
        rule: id of the rule that took it so.
        confidence_bin: index of its bin in `CONFIDENCE_EDGES`.
    """

    place: Place
    entity: str
    rule: str
    confidence_bin: int


@dataclass(frozen=True, slots=True, order=True)
class Marked:
    """A value that a passage holds: found, or missed and marked by the reviewer."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A question and its answer."""

    question: Question
    answer: Answer


@dataclass(frozen=True, slots=True)
class Read:
    """A passage that a reviewer read to its end.

    Attributes:
        place: of the passage.
        found: findings in it that the reviewer let stand.
        missed: values in it that no detector found.
    """

    place: Place
    found: tuple[Marked, ...]
    missed: tuple[Marked, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """All that one reviewer said; a later word on the same place replaces the earlier."""

    judged: tuple[Judged, ...] = ()
    read: tuple[Read, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two reviewers agree on the questions that both answered with true or false.

    Attributes:
        common: questions that both answered.
        agreed: of these, answered alike.
        kappa: Cohen's kappa (1960), 1 for perfect agreement, 0 for that of chance; None where chance alone would
            agree on everything, or nothing is common.
    """

    common: int
    agreed: int
    kappa: float | None


def measured(calibration: Calibration, reviews: Sequence[Review], others_at_most: float) -> Calibration:
    """The calibration with what reviewers of this very dataset found.

    Counts of other text stay as a start that fades: those of an entity that was reviewed are scaled down to at most
    `others_at_most` judgements in each bin, and as many labels of its recall, before the reviewers' are added. Where
    several reviewers answered one question, a true and a false are counted as neither.

    Args:
        calibration: as measured on other text.
        reviews: one a reviewer.
        others_at_most: judgements that other text may count for beside this.
    """
    precision = _precision(reviews)
    recall = _recall(reviews)
    entities: dict[str, Measured] = dict(calibration.entities)
    for entity in sorted({name for name, _ in precision} | recall.keys()):
        known = calibration.of(entity) or Measured(((0, 0),) * BINS, 0, 0)
        bins = tuple(
            _added(pair, precision.get((entity, index)), others_at_most) for index, pair in enumerate(known.precision)
        )
        hits, misses = _added((known.hits, known.misses), recall.get(entity), others_at_most)
        entities[entity] = replace(known, precision=bins, hits=hits, misses=misses)
    return replace(calibration, entities=entities)


def as_document(calibration: Calibration) -> dict[str, Any]:
    """A calibration as `calibration.yaml` holds it."""
    return {
        "schema_version": 1,
        "date": calibration.date,
        "scanner": calibration.scanner,
        "models": dict(sorted(calibration.models.items())),
        "sets": list(calibration.sets),
        "entities": {
            name: {
                "precision": [list(pair) for pair in one.precision],
                "recall": [one.hits, one.misses],
                "sets": list(one.sets),
            }
            for name, one in sorted(calibration.entities.items())
        },
    }


def agreement(first: Review, second: Review) -> Agreement:
    """How far two reviewers agree."""
    answers = [_answers(first), _answers(second)]
    common = sorted(answers[0].keys() & answers[1].keys())
    pairs = [(answers[0][question], answers[1][question]) for question in common]
    agreed = sum(one is other for one, other in pairs)
    if not pairs:
        return Agreement(0, 0, None)
    shares = [sum(pair[side] is Answer.TRUE for pair in pairs) / len(pairs) for side in (0, 1)]
    by_chance = shares[0] * shares[1] + (1 - shares[0]) * (1 - shares[1])
    kappa = None if by_chance >= 1 else (agreed / len(pairs) - by_chance) / (1 - by_chance)
    return Agreement(len(pairs), agreed, kappa)


def allotted(sizes: Mapping[tuple[str, int], int], total: int) -> dict[tuple[str, int], int]:
    """Questions for each stratum (entity, bin): the same for each, as none is known to be worse, and what a small
    stratum does not have goes to the others.

    Args:
        sizes: distinct values in each stratum.
        total: questions in all.
    """
    chosen = dict.fromkeys(sizes, 0)
    left = min(total, sum(sizes.values()))
    while left:
        for stratum in sorted(sizes, key=lambda one: (chosen[one], one)):
            if left and chosen[stratum] < sizes[stratum]:
                chosen[stratum] += 1
                left -= 1
    return chosen


def _answers(review: Review) -> dict[Question, Answer]:
    """Answers that are true or false; the last one to a question counts."""
    last = {one.question: one.answer for one in review.judged}
    return {question: answer for question, answer in last.items() if answer is not Answer.UNSURE}


def _precision(reviews: Iterable[Review]) -> dict[tuple[str, int], tuple[int, int]]:
    """(true, false) by entity and bin over questions on which nobody disagrees."""
    answers: dict[Question, set[Answer]] = {}
    for review in reviews:
        for question, answer in _answers(review).items():
            answers.setdefault(question, set()).add(answer)
    counts: dict[tuple[str, int], tuple[int, int]] = {}
    for question, given in answers.items():
        if len(given) == 1:
            true, false = counts.get((question.entity, question.confidence_bin), (0, 0))
            is_true = given == {Answer.TRUE}
            counts[question.entity, question.confidence_bin] = (true + is_true, false + (not is_true))
    return counts


def _recall(reviews: Iterable[Review]) -> dict[str, tuple[int, int]]:
    """(hits, misses) by entity. What one reviewer marked in a passage as missed, counts; what two marked, once."""
    hits: set[tuple[Place, Marked]] = set()
    misses: set[tuple[Place, Marked]] = set()
    for review in reviews:
        for read in {one.place: one for one in review.read}.values():
            hits.update((read.place, one) for one in read.found)
            misses.update((read.place, one) for one in read.missed)
    counts: dict[str, tuple[int, int]] = {}
    for entity in {one.entity for _, one in hits | misses}:
        counts[entity] = (
            sum(one.entity == entity for _, one in hits),
            sum(one.entity == entity for _, one in misses),
        )
    return counts


def _added(known: tuple[int, int], new: tuple[int, int] | None, others_at_most: float) -> tuple[int, int]:
    """Counts of other text, scaled down where there are counts of this text, and these."""
    if new is None:
        return known
    scale = min(1.0, others_at_most / sum(known)) if sum(known) else 0.0
    return round(known[0] * scale) + new[0], round(known[1] * scale) + new[1]
