"""The desk: what is shown next, what an answer does, and where score and tier stand with it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scanner.assemble import Scanned, case_of
from scanner.assessing import interval
from scanner.evidence import Evidence
from scanner.model import CONFIDENCE_EDGES
from scanner.output import span_files
from scanner.policy import reachable
from scanner.review import sample
from scanner.review.context import Contexts
from scanner.review.session import Session
from scanner.reviewing import Answer, Judged, Marked, Place, Question, Read, Review, agreement, measured
from scanner.risk import Calibration, Case, assess
from scanner.rulebook import Rulebook

BESIDE = 240
"""Code points shown before and after a finding."""

PASSAGE = 700
"""Code points of a passage, at most."""


class NotAsked(Exception):
    """The page answered what it was not asked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is shown.

    Attributes:
        questions: findings to judge.
        passages: passages to read.
        seed: decides which; reviewers who are to be compared share it.
    """

    questions: int = 200
    passages: int = 30
    seed: str = "review"


@dataclass(slots=True)
class Desk:
    """One reviewer at work.

    Attributes:
        out: output folder of the scan.
        evidence: of the scan.
        rulebook: to judge by.
        scanned: what the scan left behind.
        contexts: where text is read from.
        session: what was said.
        wanted: how much is shown.
    """

    out: Path
    evidence: Evidence
    rulebook: Rulebook
    scanned: Scanned
    contexts: Contexts
    session: Session
    wanted: Wanted
    _questions: list[Question] = field(init=False)
    _rows: list[tuple[str, int]] = field(init=False)
    _passages: dict[tuple[str, int], Place | None] = field(init=False, default_factory=dict)
    _lock: threading.RLock = field(init=False, default_factory=threading.RLock)
    _case: Case = field(init=False)

    def __post_init__(self) -> None:
        self._questions = sample.questions(self._spans(), self.wanted.questions, self.wanted.seed)
        self._rows = sample.rows(self.evidence.shards, self.wanted.passages, self.wanted.seed)
        self._case = case_of(self.scanned, self.rulebook, self.evidence.risk.artefact)

    def next(self) -> dict[str, Any]:
        """What to show: a question, a passage, or that all is done; with the text around it."""
        with self._lock:
            answered = {one.question for one in self.session.review.judged}
            for number, question in enumerate(self._questions):
                if question not in answered:
                    return self._shown_question(number, question)
            read = {one.place for one in self.session.review.read}
            for number in range(len(self._rows)):
                place = self._passage(number)
                if place is not None and place not in read:
                    return self._shown_passage(number, place)
            return {"kind": "done"}

    def judge(self, number: int, answer: str) -> None:
        """Note the answer to a question.

        Raises:
            NotAsked: there is no such question or answer.
        """
        with self._lock:
            if not 0 <= number < len(self._questions) or answer not in set(Answer):
                raise NotAsked
            self.session.judge(Judged(self._questions[number], Answer(answer)))

    def read(self, number: int, rejected: Sequence[int], missed: Sequence[Any]) -> None:
        """Note that a passage was read to its end.

        Args:
            number: of the passage.
            rejected: positions of findings in it that are none.
            missed: what was missed, as mappings of start, end (code points within the passage) and entity.

        Raises:
            NotAsked: there is no such passage, finding, span or entity.
        """
        with self._lock:
            place = self._passage(number) if 0 <= number < len(self._rows) else None
            if place is None:
                raise NotAsked
            found = sample.findings(self._spans(), place)
            marked = tuple(sorted(self._marked(one, place) for one in missed))
            if not set(rejected) <= set(range(len(found))):
                raise NotAsked
            kept = tuple(one for index, one in enumerate(found) if index not in set(rejected))
            self.session.read(Read(place, kept, marked))

    def status(self) -> dict[str, Any]:
        """How far the review is, and what it makes of precision, recall, score and tier."""
        with self._lock:
            review, others = self.session.review, self.session.others()
            calibration = self.calibration()
            assessment = assess(replace(self._case, calibration=calibration))
            case = replace(self._case, calibration=calibration)
            return {
                "judged": len({one.question for one in review.judged}),
                "questions": len(self._questions),
                "read": len({one.place for one in review.read}),
                "passages": len(self._rows),
                "score": interval(assessment.public.score).model_dump(),
                "before": self.evidence.risk.score.model_dump(),
                "tier": reachable(assessment, case, self.rulebook.policy),
                "tier_before": self.evidence.verdict.tier,
                "entities": self._rates([review, *others.values()]),
                "reviewers": [
                    {"name": name, **_told(agreement(review, other))} for name, other in sorted(others.items())
                ],
            }

    def calibration(self) -> Calibration:
        """Precision and recall with what all reviewers of this dataset said."""
        reviews = [self.session.review, *self.session.others().values()]
        if not any(one.judged or one.read for one in reviews):
            return self.rulebook.calibration
        known = measured(self.rulebook.calibration, reviews, self.rulebook.policy.risk.measured_elsewhere_at_most)
        judged = sum(len(one.judged) for one in reviews)
        read = sum(len(one.read) for one in reviews)
        told = f"review of this dataset by {len(reviews)}: {judged} findings, {read} passages"
        return replace(known, sets=(told, *known.sets))

    def _spans(self) -> list[Path]:
        return span_files(self.out)

    def _shown_question(self, number: int, question: Question) -> dict[str, Any]:
        text = self.contexts.cell(question.place)
        place = question.place
        return {
            "kind": "question",
            "number": number,
            "entity": question.entity,
            "title": self._title(question.entity),
            "rule": question.rule,
            "confidence": CONFIDENCE_EDGES[question.confidence_bin],
            "place": _where(place),
            "before": text[max(0, place.start - BESIDE) : place.start],
            "value": text[place.start : place.end],
            "after": text[place.end : place.end + BESIDE],
        }

    def _shown_passage(self, number: int, place: Place) -> dict[str, Any]:
        text = self.contexts.cell(place)[place.start : place.end]
        found = sample.findings(self._spans(), place)
        return {
            "kind": "passage",
            "number": number,
            "place": _where(place),
            "text": text,
            "found": [
                {
                    "start": max(0, one.start - place.start),
                    "end": min(len(text), one.end - place.start),
                    "entity": one.entity,
                    "title": self._title(one.entity),
                }
                for one in found
            ],
            "entities": [{"entity": name, "title": self._title(name)} for name in sorted(self.rulebook.entities)],
        }

    def _passage(self, number: int) -> Place | None:
        """The stretch of text that a row is read for; None where the row holds no text."""
        shard, row = self._rows[number]
        if (shard, row) not in self._passages:
            seed = f"{self.wanted.seed}/{shard}/{row}"
            found = sample.stretch(self.contexts.row(shard, row), PASSAGE, seed)
            self._passages[shard, row] = None if found is None else Place(shard, row, *found)
        return self._passages[shard, row]

    def _marked(self, entry: Any, place: Place) -> Marked:
        """What was missed, in offsets of the cell."""
        if not isinstance(entry, dict):
            raise NotAsked
        start, end, entity = entry.get("start"), entry.get("end"), entry.get("entity")
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= place.end - place.start:
            raise NotAsked
        if entity not in self.rulebook.entities:
            raise NotAsked
        return Marked(place.start + start, place.start + end, str(entity))

    def _title(self, entity: str) -> str:
        return self.rulebook.entities[entity].title if entity in self.rulebook.entities else entity

    def _rates(self, reviews: Sequence[Review]) -> list[dict[str, Any]]:
        """What the reviewers of this dataset said of each entity."""
        return [
            {
                "entity": name,
                "title": self._title(name),
                "true": sum(true for true, _ in known.precision),
                "false": sum(false for _, false in known.precision),
                "hits": known.hits,
                "misses": known.misses,
            }
            for name, known in sorted(measured(Calibration(), reviews, 0).entities.items())
        ]


def _where(place: Place) -> str:
    return f"{place.shard}, row {place.row}, {place.column}"


def _told(found: Any) -> dict[str, Any]:
    kappa = None if found.kappa is None else round(found.kappa, 3)
    return {"common": found.common, "agreed": found.agreed, "kappa": kappa}
