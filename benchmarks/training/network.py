"""The recogniser of a spaCy pipe as a torch module: the same parameters, trained with every token's state given.

The network sees four tokens to either side and the state of the walk (the first token of the open entity), so with the
labelled state given all tokens are trained side by side. Losses take what a labelled set leaves open: a token may have
several labels that are right, or none that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

GAP = 4
DROPOUT = 0.15


def parameters_of(ner: Any) -> dict[str, np.ndarray]:
    """Every parameter of the pipe, by place in the walk, layer and name."""
    return {
        f"{index}.{node.name}.{name}": np.array(node.get_param(name))
        for index, node in enumerate(ner.model.walk())
        for name in node.param_names
    }


@dataclass(frozen=True)
class Types:
    """Words as the network tells them apart: their rows in the hash tables (n, tables, 4), in the vectors (n,)."""

    slots: Tensor
    vectors: Tensor


class Recogniser(nn.Module):
    """The pipe's network; `weights()` gives the parameters back under their names."""

    def __init__(self, ner: Any, vectors: np.ndarray) -> None:
        super().__init__()
        self._names = {name.replace(".", "_"): name for name in parameters_of(ner)}
        for name, value in parameters_of(ner).items():
            self.register_parameter(name.replace(".", "_"), nn.Parameter(torch.tensor(value)))
        self._tables = self._all("hashembed_E")
        self._maxouts = list(zip(self._all("_maxout_W"), self._all("_maxout_b"), strict=True))
        self._norms = list(zip(self._all("layernorm_G"), self._all("layernorm_b"), strict=True))
        self._linears = self._all("linear_W")  # the one that chooses actions, the one after the convolutions
        self.register_buffer("vectors", torch.tensor(vectors, dtype=torch.float32), persistent=False)
        moves = [ner.moves.get_class_name(index) for index in range(ner.moves.n_moves)]
        self.labels = [move[2:] for move in moves if move.startswith("B-") and move[2:]]
        self._open = [moves.index("O"), *(moves.index(f"{kind}-{label}") for kind in "BU" for label in self.labels)]
        self._inside = [moves.index(f"I-{label}") for label in self.labels]
        self._last = [moves.index(f"L-{label}") for label in self.labels]

    def _all(self, ending: str) -> list[str]:
        return [name for name in self._names if name.endswith(ending)]

    def _get(self, name: str) -> Tensor:
        return getattr(self, name)

    def weights(self) -> dict[str, np.ndarray]:
        return {name: self._get(key).detach().numpy().copy() for key, name in self._names.items()}

    def _maxout(self, rows: Tensor, index: int) -> Tensor:
        weight, bias = (self._get(name) for name in self._maxouts[index])
        gain, shift = (self._get(name) for name in self._norms[index])
        width, pieces, inner = weight.shape
        wide = functional.linear(rows, weight.transpose(0, 1).reshape(-1, inner), bias.T.reshape(-1))
        best = wide[:, :width]
        for piece in range(1, pieces):
            best = torch.maximum(best, wide[:, piece * width : (piece + 1) * width])
        return functional.layer_norm(best, (width,), gain, shift, 1e-8)

    def embed(self, types: Types) -> Tensor:
        parts = [
            functional.embedding_bag(types.slots[:, table], self._get(name), mode="sum")
            for table, name in enumerate(self._tables)
        ]
        statics = self._all("static_vectors_W")
        if statics:
            known = (types.vectors >= 0).float()
            if self.training:
                known = known * (torch.rand_like(known) > 0.1)
            found = self.vectors[types.vectors.clamp(min=0)] * known[:, None]
            parts.append(functional.linear(found, self._get(statics[0])))
        return functional.dropout(self._maxout(torch.cat(parts, 1), 0), DROPOUT, self.training)

    def narrow(self, types: Types, tokens: Tensor, places: Tensor, height: int) -> Tensor:
        """Vectors of 64 for each row of a layout in which passages stand apart."""
        rows = torch.zeros(height, self._get(self._norms[0][0]).shape[0])
        rows = rows.index_copy(0, places, self.embed(types)[tokens])
        for layer in range(1, len(self._maxouts)):
            padded = functional.pad(rows, (0, 0, 1, 1))
            window = torch.cat([padded[:-2], padded[1:-1], padded[2:]], 1)
            rows = rows + functional.dropout(self._maxout(window, layer), DROPOUT, self.training)
        return functional.linear(rows, self._get(self._linears[1]), self._get(self._linears[1][:-1] + "b"))

    def scores(self, narrow: Tensor, here: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of opening (O, then B and U of each label) for tokens outside, log odds of staying for those inside.

        Args:
            narrow: rows from `narrow`.
            here: row of each token, shape (n,).
            first: row of the first token of the entity that is open there, or -1.
        """
        weight, bias, pad = (self._get(f"2_precomputable_affine_{part}") for part in ("W", "b", "pad"))
        features, width, pieces, inner = weight.shape
        flat = functional.linear(narrow, weight.reshape(-1, inner)).view(-1, features, width, pieces)
        upper, upper_bias = self._get(self._linears[0]), self._get(self._linears[0][:-1] + "b")
        outside, inside = here[first < 0], here[first >= 0]
        closed = flat[outside, 0] + (pad[0, 1] + pad[0, 2] + bias)
        opened = flat[inside, 0] + flat[first[first >= 0], 1] + flat[inside - 1, 2] + bias
        closed, opened = (torch.maximum(part[..., 0], part[..., 1]) for part in (closed, opened))
        closed, opened = (functional.dropout(part, DROPOUT, self.training) for part in (closed, opened))
        opening = functional.linear(closed, upper[self._open], upper_bias[self._open])
        stay = functional.linear(
            opened, upper[self._inside] - upper[self._last], upper_bias[self._inside] - upper_bias[self._last]
        )
        return opening, stay
