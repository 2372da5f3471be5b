"""Training: labelled passages and plain text in, parameters of a spaCy recogniser out."""

from __future__ import annotations

import math
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.training.augment import Augmenter, Neighbours, pools
from benchmarks.training.folds import SETTINGS
from benchmarks.training.gold import Passage, Span, Tokens, filled
from benchmarks.training.network import GAP, Recogniser, Types
from benchmarks.training.teacher import EPOCHS, Taught, Teacher
from scanner.detectors.names.models import ModelSpec
from scanner.detectors.names.passages import split
from scanner.detectors.names.reader import FastReader

BATCH_TOKENS = 2000
PEAK_RATE = 8e-4
AVERAGED = 0.08
"""Share of all steps over which the running mean of the weights reaches back."""

TEMPLATED = 4
"""How often each of our own short texts is filled in one epoch."""

MOST_OF_A_TEXT = 20_000
"""Code points of one text of a set that are read as plain text."""

NOBODY = frozenset({"PERSON", "GPE", "LOC", "FAC", "NORP"})
"""Labels that source code holds none of."""

_AUTHOR = re.compile(r"author|copyright|\bby\b|@|maintain|contact|\(c\)", re.IGNORECASE)


@dataclass(frozen=True)
class Example:
    """A passage as the network learns from it, one entry a token.

    Attributes:
        types: index of the word's type.
        first: token that opens the entity which the token is inside of, or -1.
        allowed: actions that are right where `first` is -1; no action: nothing is learnt.
        stay: 1 where the entity goes on after the token, 0 where it ends there.
        wanted: chance of each action by the model that training starts from, where it is the teacher; else zeros.
    """

    types: np.ndarray
    first: np.ndarray
    allowed: np.ndarray
    stay: np.ndarray
    wanted: np.ndarray


class Encoder:
    """Turns passages into examples by the pipeline's tokeniser; words are told apart as the network sees them."""

    def __init__(self, pipeline: Any) -> None:
        from spacy.attrs import NORM, ORTH, PREFIX, SHAPE, SUFFIX

        self._pipeline = pipeline
        self._columns = [ORTH, NORM, PREFIX, SUFFIX, SHAPE]
        model = pipeline.get_pipe("ner").model
        self._hashes = [node for node in model.walk() if node.name == "hashembed"]
        self.labels = Recogniser(pipeline.get_pipe("ner"), pipeline.vocab.vectors.data).labels
        self._places = {label: index for index, label in enumerate(self.labels)}
        self._known: dict[tuple[int, ...], int] = {}
        self._rows: list[tuple[int, ...]] = []

    def types(self) -> Types:
        """Every type met so far."""
        table = np.array(self._rows, np.uint64)
        slots = []
        for column, node in enumerate(self._hashes):
            keys = node.ops.hash(np.ascontiguousarray(table[:, 1 + column]), node.attrs["seed"])
            slots.append((keys % node.get_param("E").shape[0]).astype(np.int64))
        vectors = self._pipeline.vocab.vectors.find(keys=np.ascontiguousarray(table[:, 0]))
        return Types(torch.tensor(np.stack(slots, 1)), torch.tensor(np.asarray(vectors, np.int64)))

    def example(self, passage: Passage) -> Example:
        """The passage as an example to be learnt by its labels."""
        doc = self._pipeline.tokenizer(passage.text)
        table = doc.to_array(self._columns)
        types = np.empty(len(doc), np.int64)
        for index, row in enumerate(table.tolist()):
            key = tuple(row)
            if key not in self._known:
                self._known[key] = len(self._rows)
                self._rows.append(key)
            types[index] = self._known[key]
        tokens = Tokens.of(doc)
        count = len(self.labels)
        first = np.full(len(doc), -1, np.int64)
        stay = np.zeros(len(doc), np.float32)
        allowed = np.zeros((len(doc), 1 + 2 * count), bool)
        allowed[:, 0] = True
        for span in passage.spans:
            within = tokens.within(span)
            if within is None or first[within[0]] >= 0 or not allowed[within[0], 0]:
                continue
            low, high = within
            allowed[low : high + 1] = False
            if span.labels:
                places = np.array([self._places[label] for label in span.labels])
                allowed[low, 1 + places + (count if low == high else 0)] = True
                first[low + 1 : high + 1] = low
                stay[low:high] = 1
        return Example(types, first, allowed, stay, np.zeros(allowed.shape, np.float32))

    def lesson(self, passage: Passage, chances: np.ndarray) -> Example:
        """An example to be learnt by a teacher's chances; by its spans alone where capitals move the tokens."""
        example = self.example(passage)
        if len(example.types) != len(chances):
            return example
        wanted = chances.astype(np.float32)
        wanted[example.first >= 0] = 0
        return replace(example, wanted=wanted)


def plain(corpora: Path, sizes: Mapping[str, int], seed: int) -> list[Passage]:
    """Passages of unlabelled text, so many code points of each file."""
    passages = []
    for name, most in sizes.items():
        texts = pq.read_table(corpora / "volume" / f"{name}.parquet")["text"].to_pylist()
        chosen = random.Random(seed)
        while most > 0:
            text = chosen.choice(texts)
            start = chosen.randrange(max(1, len(text) - 4000))
            for part in split(text[start : start + 4000]):
                if part.readable and most > 0:
                    piece = text[start + part.start : start + part.end]
                    passages.append(Passage("", 0, -1, piece, (), frozenset()))
                    most -= len(piece)
    return passages


def unlabelled(corpora: Path, names: Sequence[str]) -> list[Passage]:
    """Passages of labelled sets whose labels say nothing of names, read as plain text."""
    passages = []
    for name in names:
        for text in pq.read_table(corpora / "labelled" / f"{name}.parquet")["text"].to_pylist():
            parts = [part for part in split(text[:MOST_OF_A_TEXT]) if part.readable]
            passages += [Passage("", 0, -1, text[part.start : part.end], (), frozenset()) for part in parts]
    return passages


def complete(passages: Sequence[Passage], pipeline: Any) -> list[Passage]:
    """The passages with labels that their sets do not tell filled in by a model."""
    seen = FastReader(pipeline).read([passage.text for passage in passages])
    return [
        _complete(passage, [(s.start, s.end, s.label) for s in spans])
        for passage, spans in zip(passages, seen, strict=True)
    ]


def _complete(passage: Passage, seen: list[tuple[int, int, str]]) -> Passage:
    if passage.source and SETTINGS["sets"][passage.source].get("nobody"):
        doubtful = [
            Span(start, end, ()) for start, end, label in seen
            if label in NOBODY and _AUTHOR.search(passage.text[max(0, start - 60) : end + 40])
        ]  # fmt: skip
        others = [entry for entry in seen if entry[2] not in NOBODY]
        return filled(replace(passage, spans=tuple(doubtful)), others)
    return filled(passage, seen)


@dataclass(frozen=True)
class Batch:
    tokens: Tensor
    places: Tensor
    height: int
    first: Tensor
    allowed: Tensor
    stay: Tensor
    wanted: Tensor


def batches(examples: Sequence[Example], chooser: random.Random) -> Iterator[Batch]:
    order = list(range(len(examples)))
    chooser.shuffle(order)
    held: list[Example] = []
    for index in order:
        held.append(examples[index])
        if sum(len(example.types) for example in held) >= BATCH_TOKENS:
            yield _batch(held)
            held = []
    if held:
        yield _batch(held)


def _batch(examples: Sequence[Example]) -> Batch:
    places, firsts, at = [], [], GAP
    for example in examples:
        places.append(np.arange(at, at + len(example.types)))
        firsts.append(np.where(example.first >= 0, example.first + at, -1))
        at += len(example.types) + GAP
    return Batch(
        torch.tensor(np.concatenate([example.types for example in examples])),
        torch.tensor(np.concatenate(places)),
        at,
        torch.tensor(np.concatenate(firsts)),
        torch.tensor(np.concatenate([example.allowed for example in examples])),
        torch.tensor(np.concatenate([example.stay for example in examples])),
        torch.tensor(np.concatenate([example.wanted for example in examples])),
    )


def taught(examples: Sequence[Example], teacher: Recogniser, types: Types) -> list[Example]:
    """The examples with what the teacher would do at each token outside of entities."""
    return [replace(example, wanted=_chances(example, teacher, types)) for example in examples]


def _chances(example: Example, teacher: Recogniser, types: Types) -> np.ndarray:
    batch = _batch([example])
    with torch.no_grad():
        opening, _ = _scores(teacher.eval(), types, batch)
    wanted = np.zeros(example.wanted.shape, np.float32)
    wanted[example.first < 0] = functional.softmax(opening, 1).numpy()
    return wanted


def _scores(model: Recogniser, types: Types, batch: Batch) -> tuple[Tensor, Tensor]:
    unique, tokens = torch.unique(batch.tokens, return_inverse=True)
    few = Types(types.slots[unique], types.vectors[unique])
    return model.scores(model.narrow(few, tokens, batch.places, batch.height), batch.places, batch.first)


def loss_of(model: Recogniser, types: Types, batch: Batch) -> Tensor:
    """Mean loss of a token."""
    opening, stay = _scores(model, types, batch)
    outside = batch.first < 0
    allowed, wanted = batch.allowed[outside], batch.wanted[outside]
    logs = functional.log_softmax(opening, 1)
    learnt = allowed.any(1) & ~wanted.any(1)
    total = -(wanted * logs).sum() - torch.logsumexp(logs[learnt].masked_fill(~allowed[learnt], -1e9), 1).sum()
    inside = ~outside
    if inside.any():
        count = len(model.labels)
        opener = torch.zeros(batch.height, dtype=torch.long)
        opener[batch.places] = torch.arange(len(batch.places))
        heads = (torch.cumsum(outside, 0) - 1)[opener[batch.first[inside]]]
        chances = logs.detach().masked_fill(~allowed, -1e9)[heads]
        shares = functional.softmax(torch.logaddexp(chances[:, 1 : 1 + count], chances[:, 1 + count :]), 1)
        goes_on = batch.stay[inside][:, None].expand_as(stay)
        total = total + (functional.binary_cross_entropy_with_logits(stay, goes_on, reduction="none") * shares).sum()
    return total / len(batch.tokens)


@dataclass(frozen=True)
class Lessons:
    """What one teacher saw: plain text, and labelled passages written anew."""

    plain: Sequence[Taught]
    rewritten: Sequence[Taught]


class Course:
    """Everything that is the same whatever is left out: made once, then `learn` as often as wanted.

    Args:
        spec: the model that training starts from.
        passages: labelled text.
        text: plain text on which the model is to stay near that start, or which its teacher learns from beside labels.
    """

    def __init__(self, spec: ModelSpec, passages: Sequence[Passage], text: Sequence[Passage]) -> None:
        torch.set_num_threads(1)
        self._language = spec.language
        self._pipeline = spec.load()
        self._common = frozenset(self._pipeline.Defaults.stop_words)
        self._encoder = Encoder(self._pipeline)
        self._labelled = passages
        self._passages = complete(passages, self._pipeline)
        self._text = complete(text, self._pipeline)
        self._pools = pools(spec.language)

    def _start(self) -> Recogniser:
        return Recogniser(self._pipeline.get_pipe("ner"), self._pipeline.vocab.vectors.data)

    @cached_property
    def _neighbours(self) -> Neighbours:
        """Words of near meaning, looked up once for all teachers."""
        return Neighbours(self._pipeline)

    @cached_property
    def _plain(self) -> list[Example]:
        """Plain text with what the model that training starts from would do at each token."""
        examples = [self._encoder.example(passage) for passage in self._text]
        return taught(examples, self._start(), self._encoder.types()) if examples else []

    def lessons(
        self, settings: Mapping[str, Any], texts: Sequence[Passage], is_learnt: Callable[[Passage], bool]
    ) -> Lessons:
        """What a teacher sees in plain text, and in labelled passages written anew.

        Args:
            settings: of the teacher, in `sets.yaml`.
            texts: the plain text.
            is_learnt: the passages that the teacher learns from, of the sets that the settings name.
        """
        chooser, augmenter = random.Random(0), Augmenter(self._language, self._pools, 0)
        learnt = [passage for passage in self._passages if passage.source in settings["sets"] and is_learnt(passage)]
        rounds = [
            [augmenter.varied(passage, self._common) for passage in learnt for _ in range(_times(passage, chooser))]
            + [augmenter.recapitalised(passage, self._common) for passage in self._text]
            for _ in range(EPOCHS)
        ]
        teacher = Teacher(settings["package"], self._pipeline, self._encoder.labels)
        teacher.tune(rounds)
        anew = [
            augmenter.rewritten(passage, self._neighbours)
            for passage in self._labelled
            if passage.source in settings["sets"] and is_learnt(passage)
            for _ in range(settings["sets"][passage.source])
        ]
        return Lessons(list(teacher.taught(texts)), list(teacher.taught(anew)))

    def learn(
        self, is_left_out: Callable[[Passage], bool], epochs: int, lessons: Sequence[Lessons] = (), seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Parameters after training on all passages but those left out, and on what teachers saw."""
        torch.manual_seed(seed)
        chooser = random.Random(seed)
        augmenter = Augmenter(self._language, self._pools, seed)
        passages = [passage for passage in self._passages if not is_left_out(passage)]
        model, average = self._start().train(), None
        optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=0.0)
        began, done, steps = time.perf_counter(), 0, 0
        for epoch in range(epochs):
            examples = self._examples(passages, lessons, augmenter, chooser)
            types = self._encoder.types()
            ready = list(batches(examples, chooser))
            steps = steps or len(ready) * epochs
            average = average or _Average(model, max(10, int(AVERAGED * steps)))
            losses = []
            for batch in ready:
                losses.append(_step(model, optimiser, types, batch, done / steps))
                average.add(model)
                done += 1
            seconds = time.perf_counter() - began
            print(f"epoch {epoch}: {np.mean(losses):.4f}, {seconds:.0f} s", file=sys.stderr, flush=True)
        return average.weights(model) if average else model.weights()

    def _examples(
        self, passages: Sequence[Passage], lessons: Sequence[Lessons], augmenter: Augmenter, chooser: random.Random
    ) -> list[Example]:
        chosen = [
            augmenter.varied(passage, self._common) for passage in passages for _ in range(_times(passage, chooser))
        ]
        chosen += [augmenter.recapitalised(passage, self._common) for passage in augmenter.templates(TEMPLATED)]
        examples = [self._encoder.example(passage) for passage in chosen]
        if not lessons:
            return examples + self._plain
        # What several teachers have read is heard from one of them on average: all read the plain text, all but one a
        # passage.
        of_plain, of_rewritten = 1 / len(lessons), 1 / max(1, len(lessons) - 1)
        for lesson in lessons:
            examples += [
                self._encoder.lesson(one.passage, one.chances)
                for one in lesson.rewritten
                if chooser.random() < of_rewritten
            ]
            examples += [
                self._encoder.lesson(augmenter.recapitalised(one.passage, self._common), one.chances)
                for one in lesson.plain
                if chooser.random() < of_plain
            ]
        return examples


def _step(model: Recogniser, optimiser: torch.optim.Optimizer, types: Types, batch: Batch, share: float) -> float:
    """One step of training, `share` of the way through it: warm up, then down along a cosine."""
    rate = PEAK_RATE * min(1.0, share / 0.1 + 0.02) * (0.5 * (1 + math.cos(math.pi * min(1.0, share))) * 0.95 + 0.05)
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad()
    loss = loss_of(model, types, batch)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


class _Average:
    """Running mean of a model's weights."""

    def __init__(self, model: Recogniser, reach: int) -> None:
        self._values = {name: value.detach().clone() for name, value in model.named_parameters()}
        self._keep = 1 - 1 / reach

    def add(self, model: Recogniser) -> None:
        with torch.no_grad():
            for name, value in model.named_parameters():
                self._values[name].mul_(self._keep).add_(value, alpha=1 - self._keep)

    def weights(self, model: Recogniser) -> dict[str, np.ndarray]:
        """The mean under the names of the pipe; the model takes it over."""
        with torch.no_grad():
            for name, value in model.named_parameters():
                value.copy_(self._values[name])
        return model.weights()


def _times(passage: Passage, chooser: random.Random) -> int:
    """How often a passage is read in one epoch."""
    weight = float(SETTINGS["sets"][passage.source]["weight"])
    return int(weight) + (chooser.random() < weight % 1)
