"""The larger network that teaches the small one: a pretrained transformer, tuned to tag tokens.

A sentence encoder that was pretrained on far more text than is labelled here (MiniLM, six layers, 384 wide) is tuned on
the labelled passages; what it then sees in plain text is what the small network learns from beside the labels
(distillation: Hinton, Vinyals, Dean 2015, https://arxiv.org/abs/1503.02531). It is uncased: how a word is written is
told to it apart. Tokens are those of the pipeline, each read at its first piece, tagged by BILUO.
"""

from __future__ import annotations

import importlib.util
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.training.gold import Passage, Span, Tokens, filled

LAYERS, WIDTH, HEADS, INNER = 6, 384, 12, 1536
PIECES, LONGEST = 30_522, 512
KINDS = "BILU"
DROPOUT = 0.1
EPSILON = 1e-12

WINDOW = 200
"""Pieces that are read at once; longer passages are cut."""

PIECES_A_WORD = 6
"""Pieces of a word that are read; the rest of a longer one says little."""

BATCH_PIECES = 1600
READ_PIECES = 4000
PASSAGES = 200
"""Passages that are held at once while they are read."""

PEAK_RATE = 2e-4
NEW_PARTS = 8.0
"""How many times as fast the parts learn that were not pretrained."""

EPOCHS = 3
OPEN, CLOSE, UNKNOWN = 101, 102, 100
"""Pieces of the encoder's vocabulary: start and end of a text, and one that it does not know."""

_NEVER = -1e9
_SPACE = -50.0


@dataclass(frozen=True)
class Taught:
    """A passage as the teacher reads it.

    Attributes:
        passage: the text with its labels, and with what the teacher sees of labels that its set does not tell.
        chances: for each token the chance of nothing, of each label's opening, of each label in one token (n, 1 + 2l);
            zeros where the passage's own labels say what is right.
    """

    passage: Passage
    chances: np.ndarray


@dataclass(frozen=True)
class _Piece:
    """A run of tokens as the encoder reads it: pieces, how their words are written, first piece of each token."""

    pieces: list[int]
    writing: list[int]
    firsts: list[int]
    tokens: list[int]


class _Layer(nn.Module):
    def __init__(self, weights: dict[str, Tensor], prefix: str) -> None:
        super().__init__()
        attention = f"{prefix}attention.self."
        self.three = nn.Linear(WIDTH, 3 * WIDTH)
        for name in ("weight", "bias"):
            parts = [weights[f"{attention}{part}.{name}"] for part in ("query", "key", "value")]
            getattr(self.three, name).data = torch.cat(parts)
        self.out = _linear(weights, f"{prefix}attention.output.dense")
        self.norm = _norm(weights, f"{prefix}attention.output.LayerNorm")
        self.up = _linear(weights, f"{prefix}intermediate.dense")
        self.down = _linear(weights, f"{prefix}output.dense")
        self.last = _norm(weights, f"{prefix}output.LayerNorm")

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        texts, length, _ = rows.shape
        parts = self.three(rows).view(texts, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        drop = DROPOUT if self.training else 0.0
        seen = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=mask, dropout_p=drop)
        seen = self.out(seen.transpose(1, 2).reshape(texts, length, WIDTH))
        rows = self.norm(rows + functional.dropout(seen, DROPOUT, self.training))
        wide = self.down(functional.gelu(self.up(rows)))
        return self.last(rows + functional.dropout(wide, DROPOUT, self.training))


def _linear(weights: dict[str, Tensor], name: str) -> nn.Linear:
    weight = weights[f"{name}.weight"]
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight.clone(), weights[f"{name}.bias"].clone()
    return layer


def _norm(weights: dict[str, Tensor], name: str) -> nn.LayerNorm:
    layer = nn.LayerNorm(WIDTH, eps=EPSILON)
    layer.weight.data, layer.bias.data = weights[f"{name}.weight"].clone(), weights[f"{name}.bias"].clone()
    return layer


class Tagger(nn.Module):
    """The encoder with a layer that scores the tags `O`, then `B`, `I`, `L` and `U` of each label.

    Args:
        folder: of the encoder's weights and vocabulary.
        labels: what may be tagged.
    """

    def __init__(self, folder: Path, labels: Sequence[str]) -> None:
        from safetensors.torch import load_file

        super().__init__()
        weights = load_file(folder / "model.safetensors")
        self.labels = list(labels)
        self.words = nn.Embedding.from_pretrained(weights["embeddings.word_embeddings.weight"], freeze=True)
        places = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self.places = nn.Embedding.from_pretrained(places, freeze=True)
        self.writing = nn.Embedding(8, WIDTH)
        nn.init.zeros_(self.writing.weight)
        self.norm = _norm(weights, "embeddings.LayerNorm")
        self.layers = nn.ModuleList(_Layer(weights, f"encoder.layer.{index}.") for index in range(LAYERS))
        self.tags = nn.Linear(WIDTH, 1 + len(KINDS) * len(self.labels))
        nn.init.normal_(self.tags.weight, 0, 0.02)
        nn.init.zeros_(self.tags.bias)

    def forward(self, pieces: Tensor, writing: Tensor, lengths: Tensor) -> Tensor:
        """Scores of the tags at each piece, shape (texts, length, tags)."""
        rows = self.words(pieces) + self.places(torch.arange(pieces.shape[1])) + self.writing(writing)
        rows = functional.dropout(self.norm(rows), DROPOUT, self.training)
        mask = (torch.arange(pieces.shape[1])[None] < lengths[:, None])[:, None, None, :]
        for layer in self.layers:
            rows = layer(rows, mask)
        return self.tags(rows)


class Teacher:
    """A tagger and what it needs to read text.

    Args:
        package: name of the installed package that carries the encoder, in its folder `model`.
        pipeline: whose tokens are tagged.
        labels: what may be tagged.
    """

    def __init__(self, package: str, pipeline: Any, labels: Sequence[str]) -> None:
        from tokenizers import Tokenizer

        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            raise SystemExit(f"install {package.replace('_', '-')}, which carries the teacher's encoder")
        folder = Path(found.origin).parent / "model"
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._known: dict[str, tuple[list[int], int]] = {}
        self._pipeline = pipeline
        self._labels = list(labels)
        torch.manual_seed(0)
        self._tagger = Tagger(folder, labels)

    def tune(self, epochs: Sequence[Sequence[Passage]]) -> None:
        """Learn from passages, those of each epoch in its turn; a span without labels is not learnt from."""
        chooser, began, done, steps = random.Random(0), time.perf_counter(), 0, 0
        tagger = self._tagger.train()
        new = [*tagger.writing.parameters(), *tagger.tags.parameters()]
        kept = {id(parameter) for parameter in new}
        old = [p for p in tagger.parameters() if p.requires_grad and id(p) not in kept]
        optimiser = torch.optim.AdamW([{"params": old}, {"params": new}], weight_decay=0.01)
        for number, passages in enumerate(epochs):
            ready = list(_batches([one for passage in passages for one in self._examples(passage)], chooser))
            steps = steps or len(ready) * len(epochs)
            losses = []
            for batch in ready:
                share = done / steps
                rate = PEAK_RATE * min(1.0, share / 0.08 + 0.02) * (0.485 * (1 + math.cos(math.pi * share)) + 0.03)
                optimiser.param_groups[0]["lr"], optimiser.param_groups[1]["lr"] = rate, rate * NEW_PARTS
                loss = self._loss(batch)
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
                optimiser.step()
                losses.append(float(loss.detach()))
                done += 1
            seconds = time.perf_counter() - began
            print(f"teacher, epoch {number}: {np.mean(losses):.4f}, {seconds:.0f} s", file=sys.stderr, flush=True)

    def taught(self, passages: Sequence[Passage]) -> Iterator[Taught]:
        """What is seen in each passage, in order; those without a token are left out."""
        count = len(self._labels)
        for start in range(0, len(passages), PASSAGES):
            part = passages[start : start + PASSAGES]
            docs = [self._pipeline.tokenizer(passage.text) for passage in part]
            for passage, doc, logs in zip(part, docs, self._logs(docs), strict=True):
                if not len(doc):
                    continue
                logs[Tokens.of(doc).spaces, 1:] = _SPACE
                seen = [
                    (doc[first].idx, doc[last].idx + len(doc[last]), self._labels[label])
                    for first, last, label in best_path(logs, count)
                ]
                chances = np.exp(np.concatenate([logs[:, : 1 + count], logs[:, 1 + 3 * count :]], 1))
                chances /= chances.sum(1, keepdims=True)
                told = [(span.start, span.end) for span in passage.spans]
                told += [(first, last) for first, last, label in seen if label in passage.known]
                chances[_under(doc, told)] = 0
                yield Taught(filled(passage, seen), chances.astype(np.float16))

    def _logs(self, docs: Sequence[Any]) -> list[np.ndarray]:
        """Logarithms of the chance of each tag, for each token of each text."""
        tagger = self._tagger.eval()
        logs = [np.zeros((len(doc), tagger.tags.out_features), np.float32) for doc in docs]
        runs = [(index, run) for index, doc in enumerate(docs) for run in self._runs([token.text for token in doc])]
        runs.sort(key=lambda entry: len(entry[1].pieces))
        with torch.no_grad():
            for group in _groups([run for _, run in runs], READ_PIECES):
                scores = functional.log_softmax(tagger(*_padded([runs[at][1] for at in group])), 2).numpy()
                for row, at in enumerate(group):
                    index, run = runs[at]
                    logs[index][run.tokens] = scores[row, run.firsts]
        return logs

    def _examples(self, passage: Passage) -> Iterator[tuple[_Piece, np.ndarray]]:
        doc = self._pipeline.tokenizer(passage.text)
        allowed = _allowed(doc, passage.spans, self._labels)
        for run in self._runs([token.text for token in doc]):
            yield run, allowed[run.tokens]

    def _runs(self, words: Sequence[str]) -> Iterator[_Piece]:
        run = _Piece([OPEN], [0], [], [])
        for index, word in enumerate(words):
            pieces, writing = self._pieces(word)
            if len(run.pieces) + len(pieces) >= WINDOW:
                yield _closed(run)
                run = _Piece([OPEN], [0], [], [])
            run.firsts.append(len(run.pieces))
            run.tokens.append(index)
            run.pieces.extend(pieces)
            run.writing.extend([writing] * len(pieces))
        if run.tokens:
            yield _closed(run)

    def _pieces(self, word: str) -> tuple[list[int], int]:
        if word not in self._known:
            bare = word.strip()
            pieces = self._tokenizer.encode(bare or ".", add_special_tokens=False).ids[:PIECES_A_WORD]
            self._known[word] = (pieces or [UNKNOWN], _writing(bare))
        return self._known[word]

    def _loss(self, batch: Sequence[tuple[_Piece, np.ndarray]]) -> Tensor:
        runs = [run for run, _ in batch]
        rows = torch.cat([torch.full((len(run.firsts),), row) for row, run in enumerate(runs)])
        columns = torch.tensor([first for run in runs for first in run.firsts])
        allowed = torch.tensor(np.concatenate([rights for _, rights in batch]))
        logs = functional.log_softmax(self._tagger(*_padded(runs))[rows, columns], 1)
        known = allowed.any(1)
        return -torch.logsumexp(logs[known].masked_fill(~allowed[known], _NEVER), 1).mean()


def _under(doc: Any, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """Which tokens lie under one of the spans of code points."""
    tokens = Tokens.of(doc)
    under = np.zeros(len(doc), bool)
    for start, end in spans:
        under |= (tokens.starts < end) & (tokens.ends > start)
    return under


def _closed(run: _Piece) -> _Piece:
    return _Piece([*run.pieces, CLOSE], [*run.writing, 0], run.firsts, run.tokens)


def _writing(word: str) -> int:
    """How a word is written: nothing, signs, digits, small, Capital, CAPITALS, one capital, mIxEd."""
    if not any(map(str.isalpha, word)):
        return 0 if not word else 2 if any(map(str.isdigit, word)) else 1
    if word.islower():
        return 3
    if word.isupper():
        return 5 if len(word) > 1 else 6
    return 4 if word[0].isupper() and word[1:].islower() else 7


def _allowed(doc: Any, spans: Sequence[Span], labels: Sequence[str]) -> np.ndarray:
    """Which tags are right at each token, shape (n, tags); none where nothing is to be learnt."""
    tokens = Tokens.of(doc)
    count, place = len(labels), {label: index for index, label in enumerate(labels)}
    allowed = np.zeros((len(doc), 1 + len(KINDS) * count), bool)
    allowed[:, 0] = True
    free = np.ones(len(doc), bool)
    for span in spans:
        within = tokens.within(span)
        if within is None or not free[within[0] : within[1] + 1].all():
            continue
        low, high = within
        free[low : high + 1] = False
        allowed[low : high + 1] = False
        for label in span.labels:
            begin = 1 + place[label]
            if low == high:
                allowed[low, begin + 3 * count] = True
            else:
                allowed[low, begin] = True
                allowed[low + 1 : high, begin + count] = True
                allowed[high, begin + 2 * count] = True
    return allowed


def _batches(
    examples: Sequence[tuple[_Piece, np.ndarray]], chooser: random.Random
) -> Iterator[list[tuple[_Piece, np.ndarray]]]:
    order = list(range(len(examples)))
    chooser.shuffle(order)
    ready = []
    for start in range(0, len(order), 400):
        near = sorted(order[start : start + 400], key=lambda index: len(examples[index][0].pieces))
        groups = _groups([examples[index][0] for index in near], BATCH_PIECES)
        ready += [[examples[near[at]] for at in group] for group in groups]
    chooser.shuffle(ready)
    yield from ready


def _groups(runs: Sequence[_Piece], most: int) -> Iterator[list[int]]:
    """Indices of runs, which come by length, so many that they hold `most` pieces when filled up to the longest."""
    group: list[int] = []
    for index, run in enumerate(runs):
        if group and (len(group) + 1) * len(run.pieces) > most:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _padded(runs: Sequence[_Piece]) -> tuple[Tensor, Tensor, Tensor]:
    length = max(len(run.pieces) for run in runs)
    pieces, writing = (torch.zeros(len(runs), length, dtype=torch.long) for _ in range(2))
    for row, run in enumerate(runs):
        pieces[row, : len(run.pieces)] = torch.tensor(run.pieces)
        writing[row, : len(run.writing)] = torch.tensor(run.writing)
    return pieces, writing, torch.tensor([len(run.pieces) for run in runs])


def best_path(logs: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """First token, last token and label of each span on the likeliest path that BILUO allows (Viterbi).

    Args:
        logs: logarithms of the tags' chances, `O`, then `count` labels each for `B`, `I`, `L`, `U`; shape (n, tags).
        count: how many labels there are.
    """
    begin, within, end, alone = (slice(1 + kind * count, 1 + (kind + 1) * count) for kind in range(4))
    free, inside = 0.0, np.full(count, _NEVER)
    back: list[tuple[int, int, np.ndarray]] = []
    for row in logs:
        single, closing = int(row[alone].argmax()), int((inside + row[end]).argmax())
        ways = (free + row[0], free + row[alone][single], inside[closing] + row[end][closing])
        way = int(np.argmax(ways))
        opened, longer = free + row[begin], inside + row[within]
        back.append((way, closing if way == 2 else single, longer > opened))
        free, inside = float(ways[way]), np.maximum(opened, longer)
    spans, last, label = [], 0, -1
    for index in range(len(logs) - 1, -1, -1):
        way, which, goes_on = back[index]
        if label >= 0:
            if not goes_on[label]:
                spans.append((index, last, label))
                label = -1
        elif way == 1:
            spans.append((index, index, which))
        elif way == 2:
            last, label = index, which
    return spans[::-1]
