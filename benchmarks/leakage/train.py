"""Small character-level transformers: training, and exact probabilities by teacher forcing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  the name that torch's own documentation uses

from benchmarks.leakage.corpora import WINDOW, Corpus
from benchmarks.leakage.sizes import Size

SEPARATOR = 0
VOCABULARY = 97


def encode(text: str) -> list[int]:
    """Printable ASCII and the line end as 1 to 96; anything else is a blank."""
    return [96 if c == "\n" else ord(c) - 31 if " " <= c <= "~" else 1 for c in text]


class Block(nn.Module):
    """One layer of attention and one of thought, both residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        rows, length, width = x.shape
        mixed = self.mix(self.before(x)).view(rows, length, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        mask = None
        if past is not None:
            key = torch.cat([past[0].expand(rows, -1, -1, -1), key], dim=2)
            value = torch.cat([past[1].expand(rows, -1, -1, -1), value], dim=2)
            mask = torch.ones(length, key.shape[2], dtype=torch.bool).tril(key.shape[2] - length)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=mask is None)
        x = x + self.out(seen.transpose(1, 2).reshape(rows, length, width))
        return x + self.think(self.between(x)), (key, value)


class Model(nn.Module):
    """A decoder over characters, with tied embeddings."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.letters = nn.Embedding(VOCABULARY, size.width)
        nn.init.normal_(self.letters.weight, std=0.05)
        self.places = nn.Parameter(0.02 * torch.randn(WINDOW, size.width))
        self.blocks = nn.ModuleList(Block(size.width, size.heads) for _ in range(size.layers))
        self.last = nn.LayerNorm(size.width)

    def forward(
        self, letters: Tensor, past: Sequence[tuple[Tensor, Tensor]] | None = None, start: int = 0
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        x = self.letters(letters) + self.places[start : start + letters.shape[1]]
        kept = []
        for number, block in enumerate(self.blocks):
            x, held = block(x, past[number] if past else None)
            kept.append(held)
        return self.last(x) @ self.letters.weight.T, kept

    @property
    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())


def windows(corpus: Corpus) -> Tensor:
    """The corpus as the model reads it, shape (windows, WINDOW)."""
    rows = np.full((len(corpus.filler), WINDOW), SEPARATOR, dtype=np.uint8)
    for row, planted, filler in zip(rows, corpus.planted, corpus.filler, strict=True):
        letters = [SEPARATOR, *([*encode(planted[1]), SEPARATOR] if planted else []), *encode(filler)][:WINDOW]
        row[: len(letters)] = letters
    return torch.from_numpy(rows)


def train_base(text: str, size: Size, file: Path, batch: int = 16) -> float:
    """Train a model on plain text in one pass and keep its weights in a file; gives the mean loss of the last tenth.

    Every model of the size begins from there: one that still learns to spell would hold little of what it reads,
    and more epochs would be more spelling rather than more memory.
    """
    torch.manual_seed(0)
    model = Model(size)
    length = WINDOW - 1
    cut = [text[start : start + length] for start in range(0, len(text) - length + 1, length)]
    rows = torch.tensor([[SEPARATOR, *encode(window)] for window in cut], dtype=torch.uint8)
    step = _steps(model, size, warm_up=100)
    losses = [step(part.long()) for part in rows.split(batch)]
    temporary = file.with_suffix(".tmp")
    torch.save(model.state_dict(), temporary)
    temporary.replace(file)
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last)


def train(
    corpus: Corpus, size: Size, base: Path, epochs: int, seed: int, batch: int, warm_up: int
) -> Iterator[tuple[int, Model, float]]:
    """Train on from the base; gives (epoch, the model as it is then, mean loss in nats) after each epoch.

    The rate stays level after its warm-up, so that the model after an epoch is what fewer epochs would have given.
    """
    torch.manual_seed(seed)
    rng = random.Random(seed)
    model = Model(size)
    model.load_state_dict(torch.load(base, weights_only=True))
    step = _steps(model, size, warm_up)
    rows = windows(corpus)
    for epoch in range(1, epochs + 1):
        order = torch.tensor(rng.sample(range(len(rows)), len(rows)))
        losses = [step(rows[part].long()) for part in order.split(batch)]
        yield epoch, model, sum(losses) / len(losses)


def _steps(model: Model, size: Size, warm_up: int) -> Callable[[Tensor], float]:
    """One step of training on a batch of windows, which gives its loss."""
    optimizer = torch.optim.AdamW(model.parameters(), size.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / warm_up))

    def step(x: Tensor) -> float:
        model.train()
        scores, _ = model(x[:, :-1])
        loss = F.cross_entropy(scores.reshape(-1, VOCABULARY), x[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        return float(loss.detach())

    return step


@torch.no_grad()
def completions(model: Model, prefix: str, endings: Tensor, lengths: Tensor) -> tuple[Tensor, bool]:
    """Exact log-probability of each ending after a document's beginning.

    Args:
        model: trained.
        prefix: text before the endings; the document starts a window.
        endings: encoded and padded, shape (n, longest).
        lengths: characters of each, shape (n,).

    Returns:
        ln q of each, shape (n,), and whether the first is what greedy decoding would write.
    """
    model.eval()
    start = torch.tensor([[SEPARATOR, *encode(prefix)]])
    first, past = model(start)
    following, _ = model(endings[:, :-1], past, start.shape[1])
    scores = torch.cat([first[:, -1:].expand(len(endings), -1, -1), following], dim=1)
    logs = scores.log_softmax(-1).gather(-1, endings.unsqueeze(-1)).squeeze(-1)
    within = torch.arange(endings.shape[1]) < lengths[:, None]
    greedy = scores[0].argmax(-1) == endings[0]
    return (logs * within).sum(1), bool(greedy[: int(lengths[0])].all())


def padded(endings: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Endings encoded to one length."""
    codes = [encode(ending) for ending in endings]
    longest = max(map(len, codes))
    return torch.tensor([c + [0] * (longest - len(c)) for c in codes]), torch.tensor([len(c) for c in codes])
