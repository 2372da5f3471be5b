"""Labelled text as the training needs it: passages with, for each span, the model's labels that may be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.training.folds import SETTINGS, fold_of
from scanner.detectors.names.passages import split

EVERYTHING = frozenset(
    """PERSON NORP FAC ORG GPE LOC PRODUCT EVENT WORK_OF_ART LAW LANGUAGE DATE TIME PERCENT MONEY QUANTITY ORDINAL
    CARDINAL""".split()
)
"""Every label of the English model, which the Spanish one has too."""

NOTHING = ["O"]
"""What a label of a set means that is none of the model's."""

MASKED: tuple[str, ...] = ()
"""Labels of a span that nothing is learnt from."""


@dataclass(frozen=True, slots=True)
class Span:
    """Code points of a passage, half-open, and the labels that may be right; none of them: not to be learnt from."""

    start: int
    end: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a labelled document.

    Attributes:
        source: name of its set.
        document: index of its document within the set.
        fold: which part of the set it is in, from 0.
        text: what is read.
        spans: what is labelled in it, in order, none of which overlap.
        known: labels that the set tells; whatever else is in the text is not labelled.
    """

    source: str
    document: int
    fold: int
    text: str
    spans: tuple[Span, ...]
    known: frozenset[str]


def read(corpora: Path, source: str) -> Iterator[Passage]:
    """Passages of one set."""
    settings = SETTINGS["sets"][source]
    rows = pq.read_table(corpora / "labelled" / f"{source}.parquet").to_pylist()[:: settings.get("every", 1)]
    known = frozenset(label for labels in settings["labels"].values() for label in labels)
    known = frozenset() if settings.get("incomplete") else EVERYTHING if settings.get("complete") else known
    for index, row in enumerate(rows):
        text = row["text"][: settings.get("most", 40_000)]
        fold = fold_of(text, row["spans"], index * settings.get("every", 1), source)
        spans = tuple(_spans(row["spans"], settings["labels"]))
        for part in split(text):
            if part.readable:
                inside = (span for span in spans if part.start <= span.start and span.end <= part.end)
                moved = tuple(replace(s, start=s.start - part.start, end=s.end - part.start) for s in inside)
                yield Passage(source, index, fold, text[part.start : part.end], moved, known)


def _spans(spans: Iterable[Mapping[str, Any]], labels: Mapping[str, Sequence[str]]) -> Iterator[Span]:
    last = 0
    for span in sorted(spans, key=lambda span: (span["start"], -span["end"])):
        if span["start"] >= last and labels.get(span["label"]) != NOTHING:
            last = span["end"]
            yield Span(span["start"], span["end"], tuple(labels.get(span["label"], MASKED)))


@dataclass(frozen=True)
class Tokens:
    """Where the tokens of a text stand: first code point and one past the last of each, and which are white space."""

    starts: np.ndarray
    ends: np.ndarray
    spaces: np.ndarray

    @classmethod
    def of(cls, doc: Any) -> Tokens:
        """The tokens of a spaCy document."""
        starts = np.array([token.idx for token in doc])
        ends = starts + np.array([len(token) for token in doc], starts.dtype)
        return cls(starts, ends, np.array([token.is_space for token in doc], bool))

    def within(self, span: Span) -> tuple[int, int] | None:
        """First and last token of a span, white space at its edges left out; None where no word is in it."""
        low, high = (
            int(np.searchsorted(self.ends, span.start, "right")),
            int(np.searchsorted(self.starts, span.end)) - 1,
        )
        while low < high and self.spaces[low]:
            low += 1
        while low < high and self.spaces[high]:
            high -= 1
        return None if low > high or self.spaces[low] else (low, high)


def filled(passage: Passage, seen: Iterable[tuple[int, int, str]]) -> Passage:
    """The passage with what a model saw in it of labels that its set does not tell."""
    added = [
        Span(start, end, (label,))
        for start, end, label in seen
        if label not in passage.known and all(end <= s.start or s.end <= start for s in passage.spans)
    ]
    return replace(passage, spans=tuple(sorted((*passage.spans, *added), key=lambda span: span.start)))
