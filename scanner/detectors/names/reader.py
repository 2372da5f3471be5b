"""Passages in, labelled spans out: one spaCy model read through the fast network, or as spaCy itself runs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scanner.detectors.names.models import ModelSpec
from scanner.detectors.names.network import Network, UnknownArchitecture, Words

BATCH = 64
"""Passages read at once."""

KEPT_WORDS = 50_000
"""Words that the vocabulary may keep; beyond, each batch's new words are dropped after it."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Span:
    """What a model sees: code points of a passage, half-open, the model's own label, its probability (0 to 1)."""

    start: int
    end: int
    label: str
    probability: float


class Reader(Protocol):
    """One language's model.

    Attributes:
        common: words of the language that are hardly ever names.
    """

    common: frozenset[str]

    def read(self, passages: Sequence[str]) -> Iterator[list[Span]]:
        """The spans of each passage, in order, the same whatever stands beside it."""
        ...


def reader(spec: ModelSpec) -> Reader:
    """The fastest reader that gives the model's own spans.

    Raises:
        BadModel: the model is absent, altered or broken.
    """
    pipeline = spec.load()
    try:
        return FastReader(pipeline, {label: entity for label, entity in spec.labels.items() if entity in spec.weights})
    except UnknownArchitecture:
        return PlainReader(pipeline)


class PlainReader:
    """spaCy's own way, passage by passage: the slow twin, and the way for networks that are not rebuilt here."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self.common = frozenset(pipeline.Defaults.stop_words)

    def read(self, passages: Sequence[str]) -> Iterator[list[Span]]:
        """The spans of each passage; spaCy gives no probability, so it is 1."""
        with self._pipeline.memory_zone():
            for passage in passages:
                yield [Span(span.start_char, span.end_char, span.label_, 1.0) for span in self._pipeline(passage).ents]


class FastReader:
    """spaCy's tokeniser, then the network of `network.py`.

    Raises:
        UnknownArchitecture: the pipeline's network is another.
    """

    def __init__(self, pipeline: Any, weighed: Mapping[str, str] | None = None) -> None:
        from spacy.attrs import IS_SPACE, NORM, ORTH, PREFIX, SHAPE, SUFFIX

        self._pipeline = pipeline
        self._columns = [ORTH, NORM, PREFIX, SUFFIX, SHAPE, IS_SPACE]
        self._network = Network(pipeline.get_pipe("ner"), pipeline.vocab.vectors, weighed)
        self.common = frozenset(pipeline.Defaults.stop_words)

    def read(self, passages: Sequence[str]) -> Iterator[list[Span]]:
        """The spans of each passage."""
        for start in range(0, len(passages), BATCH):
            with self._zone():
                spans = self._read(passages[start : start + BATCH])
            yield from spans

    def _zone(self) -> AbstractContextManager[Any]:
        """Room for words that is given back; the first `KEPT_WORDS` stay, as making a word is slow."""
        zone: AbstractContextManager[Any] = self._pipeline.memory_zone()
        return zone if len(self._pipeline.vocab) >= KEPT_WORDS else nullcontext()

    def _read(self, passages: Sequence[str]) -> list[list[Span]]:
        docs = [self._pipeline.tokenizer(passage) for passage in passages]
        table = np.concatenate([doc.to_array(self._columns) for doc in docs])
        lengths = np.array([len(doc) for doc in docs], np.int64)
        entities = self._network.entities(
            Words(
                keys=table[:, 0] ^ (table[:, 1] * _SPREAD),
                orths=np.ascontiguousarray(table[:, 0]),
                features=table[:, 1:5],
                spaces=table[:, 5] != 0,
                lengths=lengths,
            )
        )
        offsets = np.cumsum(lengths) - lengths
        owners = np.searchsorted(offsets + lengths, [entity.first for entity in entities], side="right")
        found: list[list[Span]] = [[] for _ in docs]
        for entity, owner in zip(entities, owners.tolist(), strict=True):
            before = int(offsets[owner])
            first, last = docs[owner][entity.first - before], docs[owner][entity.last - before]
            label = self._network.labels[entity.label]
            found[owner].append(Span(first.idx, last.idx + len(last), label, entity.probability))
        return found
