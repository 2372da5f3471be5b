"""The `ner` network of a spaCy model, run on its own weights in blocks of one fixed shape.

spaCy's transition-based recogniser is a convolution over word embeddings and a small network that chooses an action
for each token. Three facts make it cheap to run here:

- A word's embedding depends on the word alone, so it is computed once and kept (bounded).
- Outside an entity the choice of action depends on one token alone, so it is one matrix product for all tokens; only
  tokens that open an entity are walked through one by one, all of them side by side.
- Matrix products are done in blocks of `BLOCK` rows, zeros after the end. A row's result then does not depend on what
  else is in the batch, to the last bit, which it would in a product of another height.

Architecture: spacy.TransitionBasedParser.v2 with three state tokens over MultiHashEmbed.v2 and MaxoutWindowEncoder.v2
(https://spacy.io/api/architectures).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.uint64]
Index = NDArray[np.int64]

BLOCK = 256
"""Rows of every matrix product."""

GAP = 4
"""Rows of zeros between passages: as far as the four convolutions see."""

CAPACITY = 1 << 16
"""Words whose embeddings are kept; beyond, all are dropped and computed anew."""

LEAST_CHANCE = 0.1
"""Chance from which an entity is seen whose evidence is weighed afterwards: recall first, precision then."""

_EPSILON = np.float32(1e-8)


class UnknownArchitecture(Exception):
    """The model's network is not the one that is rebuilt here."""


@dataclass(frozen=True, slots=True)
class Words:
    """The tokens of some passages, one after the other.

    Attributes:
        keys: what tells a word's embedding, shape (n,).
        orths: hash of the exact spelling, shape (n,).
        features: hashes of norm, prefix, suffix and shape, shape (n, 4).
        spaces: whether the token is white space, shape (n,).
        lengths: tokens of each passage; they sum to n.
    """

    keys: Ids
    orths: Ids
    features: Ids
    spaces: NDArray[np.bool_]
    lengths: Index


@dataclass(frozen=True, slots=True)
class Entity:
    """A run of tokens, counted over all passages, and how likely it opens there by the network, uncalibrated.

    The probability of a label that is weighed is the sum of all labels of its entity.
    """

    first: int
    last: int
    label: int
    probability: float


class Network:
    """The recogniser of one spaCy pipe.

    Args:
        ner: the pipe; only read.
        vectors: the vocabulary's static vectors.
        weighed: entity of each label whose evidence is weighed afterwards. Of such an entity every run is seen that
            has a chance of `LEAST_CHANCE`, whatever else the network would rather see there; of other labels what the
            network itself chooses.

    Raises:
        UnknownArchitecture: the pipe is built otherwise than `ner` of spaCy's CNN models.
    """

    def __init__(self, ner: Any, vectors: Any, weighed: Mapping[str, str] | None = None) -> None:
        try:
            tok2vec = ner.model.get_ref("tok2vec")
            inner = tok2vec.layers[0]
            self._embedder = _Embedder(inner.get_ref("embed"), vectors)
            self._convolutions = tuple(_convolutions(inner.get_ref("encode")))
            self._head = _Head(ner, tok2vec.layers[2], weighed or {})
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise UnknownArchitecture(type(error).__name__) from error

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels that `Entity.label` counts."""
        return self._head.labels

    def entities(self, words: Words) -> list[Entity]:
        """Entities in order; none crosses a passage, and only those of unlike weighed entities overlap."""
        if not len(words.keys):
            return []
        places, height = _layout(words.lengths)
        rows = np.zeros((height, self._embedder.width), np.float32)
        rows[places] = self._embedder(words)
        for convolution in self._convolutions:
            rows = convolution(rows)
        lasts = np.cumsum(words.lengths)[words.lengths > 0] - 1
        return self._head.decode(rows, places, lasts, words.spaces)


def _layout(lengths: Index) -> tuple[Index, int]:
    """Row of each token when passages stand `GAP` rows apart, and the height rounded up to whole blocks."""
    before = np.repeat(np.arange(1, len(lengths) + 1) * GAP, lengths)
    places = np.arange(int(lengths.sum())) + before
    height = int(lengths.sum()) + GAP * (len(lengths) + 1)
    return places, -(-height // BLOCK) * BLOCK


def _product(rows: Floats, weights: Floats, bias: Floats) -> Floats:
    """`rows @ weights + bias` in blocks of `BLOCK` rows; the height must be a multiple of it."""
    out = np.empty((len(rows), weights.shape[1]), np.float32)
    for block in _blocks(len(rows)):
        np.matmul(rows[block], weights, out=out[block])
        out[block] += bias
    return out


def _blocks(height: int) -> Iterator[slice]:
    for start in range(0, height, BLOCK):
        yield slice(start, start + BLOCK)


def _whole_blocks(rows: Floats) -> Floats:
    """The rows and zeros after them, up to whole blocks."""
    missing = -len(rows) % BLOCK
    return np.concatenate([rows, np.zeros((missing, rows.shape[1]), np.float32)]) if missing else rows


@dataclass(frozen=True, slots=True)
class _Maxout:
    """Affine map into pieces side by side, the largest piece of each, layer normalisation."""

    weights: Floats
    bias: Floats
    gain: Floats
    shift: Floats

    @classmethod
    def of(cls, chain: Any) -> _Maxout:
        maxout, norm = (node for node in chain.walk() if node.name in ("maxout", "layernorm"))
        weights = maxout.get_param("W").transpose(1, 0, 2)
        pieces, width, inner = weights.shape
        return cls(
            np.ascontiguousarray(weights.reshape(pieces * width, inner).T),
            np.ascontiguousarray(maxout.get_param("b").T.reshape(-1)),
            norm.get_param("G").copy(),
            norm.get_param("b").copy(),
        )

    def into(self, block: Floats, wide: Floats, out: Floats) -> None:
        """Write the result for one block; `wide` is room for the pieces."""
        width = out.shape[1]
        np.matmul(block, self.weights, out=wide)
        wide += self.bias
        np.maximum(wide[:, :width], wide[:, width : 2 * width], out=out)
        for piece in range(2, wide.shape[1] // width):
            np.maximum(out, wide[:, piece * width : (piece + 1) * width], out=out)
        out -= out.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", out, out) / np.float32(width) + _EPSILON
        out *= (np.float32(1) / np.sqrt(variance))[:, None]
        out *= self.gain
        out += self.shift


@dataclass(frozen=True, slots=True)
class _Convolution:
    """Residual maxout over a token and its two neighbours."""

    maxout: _Maxout

    def __call__(self, rows: Floats) -> Floats:
        height, width = rows.shape
        padded = np.zeros((height + 2, width), np.float32)
        padded[1:-1] = rows
        windows = as_strided(padded, (height, 3 * width), padded.strides, writeable=False)
        columns = np.empty((BLOCK, 3 * width), np.float32)
        wide = np.empty((BLOCK, self.maxout.weights.shape[1]), np.float32)
        out = np.empty_like(rows)
        for block in _blocks(height):
            np.copyto(columns, windows[block])
            self.maxout.into(columns, wide, out[block])
        out += rows
        return out


def _convolutions(encode: Any) -> Iterator[_Convolution]:
    for node in encode.walk():
        if node.name.startswith("residual(") and node.name.count("residual(") == 1:
            yield _Convolution(_Maxout.of(node))


class _Embedder:
    """Embeddings of words, kept from batch to batch."""

    def __init__(self, embed: Any, vectors: Any) -> None:
        hashes = [node for node in embed.walk() if node.name == "hashembed"]
        statics = [node for node in embed.walk() if node.name == "static_vectors"]
        extract = next(node for node in embed.walk() if node.name == "extract_features")
        if list(extract.attrs["columns"]) != ["NORM", "PREFIX", "SUFFIX", "SHAPE"] or len(statics) != 1:
            raise KeyError("features")
        self._tables = [(node.get_param("E"), node.attrs["seed"]) for node in hashes]
        self._hash = hashes[0].ops.hash
        self._static = np.ascontiguousarray(statics[0].get_param("W").T)
        self._vectors = vectors
        self._mix = _Maxout.of(embed)
        self.width = int(self._mix.gain.shape[0])
        self._rows = np.zeros((CAPACITY, self.width), np.float32)
        self._places: dict[int, int] = {}

    def __call__(self, words: Words) -> Floats:
        keys, firsts, inverse = np.unique(words.keys, return_index=True, return_inverse=True)
        known = [self._places.get(key, -1) for key in keys.tolist()]
        places = np.array(known, np.int64)
        missing = np.flatnonzero(places < 0)
        if not len(missing):
            return self._rows[places][inverse]
        fresh = self._compute(words.orths[firsts[missing]], words.features[firsts[missing]])
        rows = np.empty((len(keys), self.width), np.float32)
        rows[places >= 0] = self._rows[places[places >= 0]]
        rows[missing] = fresh
        self._keep(keys[missing].tolist(), fresh)
        return rows[inverse]

    def _keep(self, keys: list[int], rows: Floats) -> None:
        if len(self._places) + len(keys) > CAPACITY:
            self._places.clear()
        start = len(self._places)
        keys = keys[: CAPACITY - start]
        self._rows[start : start + len(keys)] = rows[: len(keys)]
        self._places.update(zip(keys, range(start, start + len(keys)), strict=True))

    def _compute(self, orths: Ids, features: Ids) -> Floats:
        parts = []
        for column, (table, seed) in enumerate(self._tables):
            slots = self._hash(np.ascontiguousarray(features[:, column]), seed) % table.shape[0]
            parts.append(table[slots[:, 0]] + table[slots[:, 1]] + table[slots[:, 2]] + table[slots[:, 3]])
        found = self._vectors.find(keys=orths)
        static = self._vectors.data[np.maximum(found, 0)].astype(np.float32)
        static[found < 0] = 0
        zero = np.zeros(self._static.shape[1], np.float32)
        parts.append(_product(_whole_blocks(static), self._static, zero)[: len(orths)])
        mixed = _whole_blocks(np.concatenate(parts, axis=1))
        out = np.empty((len(mixed), self.width), np.float32)
        wide = np.empty((BLOCK, self._mix.weights.shape[1]), np.float32)
        for block in _blocks(len(mixed)):
            self._mix.into(mixed[block], wide, out[block])
        return out[: len(orths)]


class _Head:
    """The network that chooses actions, and the greedy walk over its choices."""

    def __init__(self, ner: Any, linear: Any, weighed: Mapping[str, str]) -> None:
        lower, upper = ner.model.get_ref("lower"), ner.model.get_ref("upper")
        if not ner.model.attrs["has_upper"] or ner.model.attrs["unseen_classes"] or ner.cfg["beam_width"] != 1:
            raise KeyError("transitions")
        weights = lower.get_param("W").transpose(0, 2, 1, 3)  # feature, piece, out, in
        if weights.shape[0] != 3 or weights.shape[1] != 2:
            raise KeyError("features")
        self._narrow = np.ascontiguousarray(linear.get_param("W").T)
        self._narrow_bias = linear.get_param("b").copy()
        self._wide = 2 * weights.shape[2]
        self._features = np.ascontiguousarray(weights.reshape(3 * self._wide, -1).T)
        pad = lower.get_param("pad")[0].transpose(0, 2, 1).reshape(3, self._wide)
        self._bias = lower.get_param("b").T.reshape(-1).copy()
        self._closed = pad[1] + pad[2] + self._bias
        self._name_actions(ner, upper)
        self._is_weighed = np.array([label in weighed for label in self.labels])
        entities = dict.fromkeys(weighed[label] for label in self.labels if label in weighed)
        self._weighed = [
            np.array([place for place, label in enumerate(self.labels) if weighed.get(label) == entity])
            for entity in entities
        ]

    def _name_actions(self, ner: Any, upper: Any) -> None:
        names = [ner.moves.get_class_name(i) for i in range(ner.moves.n_moves)]
        self.labels: tuple[str, ...] = tuple(name[2:] for name in names if name.startswith("B-") and name[2:])
        weights, bias = upper.get_param("W"), upper.get_param("b")
        order = [names.index("O")]
        order += [names.index(f"{move}-{label}") for move in "BU" for label in self.labels]
        self._open = np.ascontiguousarray(weights[order].T)
        self._open_bias = bias[order].copy()
        inside = [names.index(f"I-{label}") for label in self.labels]
        last = [names.index(f"L-{label}") for label in self.labels]
        self._stay = np.ascontiguousarray(weights[inside] - weights[last])
        self._stay_bias = bias[inside] - bias[last]

    def decode(self, rows: Floats, places: Index, lasts: Index, spaces: NDArray[np.bool_]) -> list[Entity]:
        """Walk over all tokens: `lasts` are the last tokens of passages."""
        narrow = _product(rows, self._narrow, self._narrow_bias)
        features = _product(narrow, self._features, np.zeros(self._features.shape[1], np.float32))[places]
        scores = self._scores(features)[: len(places)]
        count = len(self.labels)
        scores[lasts, 1 : count + 1] = -np.inf
        scores[spaces, 1:] = -np.inf
        entities = self._chosen(scores, features, lasts)
        if self._weighed:
            entities = [entity for entity in entities if not self._is_weighed[entity.label]]
            entities += self._likely(scores, features, lasts)
            entities.sort(key=lambda entity: (entity.first, entity.last, entity.label))
        return entities

    def _chosen(self, scores: Floats, features: Floats, lasts: Index) -> list[Entity]:
        """What the network itself chooses."""
        count = len(self.labels)
        actions = scores.argmax(axis=1)
        starts = np.flatnonzero(actions)
        labels = (actions[starts] - 1) % count
        ends = self._ends(features, starts, labels, actions[starts] <= count, lasts)
        chances = _chances(scores[starts])
        return _walk(starts, ends, labels, _of_label(chances, count)[np.arange(len(labels)), labels])

    def _likely(self, scores: Floats, features: Floats, lasts: Index) -> list[Entity]:
        """For each weighed entity what is likely enough, as if the others were not there."""
        count = len(self.labels)
        chances = _chances(scores)
        by_label = _of_label(chances, count)
        entities: list[Entity] = []
        for places in self._weighed:
            sums = by_label[:, places].sum(axis=1)
            starts = np.flatnonzero(sums >= LEAST_CHANCE)
            labels = places[by_label[np.ix_(starts, places)].argmax(axis=1)]
            longer = chances[starts, 1 + labels] >= chances[starts, 1 + count + labels]
            ends = self._ends(features, starts, labels, longer, lasts)
            entities += _walk(starts, ends, labels, sums[starts])
        return entities

    def _scores(self, features: Floats) -> Floats:
        hidden = features[:, : self._wide] + self._closed
        half = self._wide // 2
        return _product(_whole_blocks(np.maximum(hidden[:, :half], hidden[:, half:])), self._open, self._open_bias)

    def _ends(self, features: Floats, starts: Index, labels: Index, longer: NDArray[np.bool_], lasts: Index) -> Index:
        """Last token of the entity that would open at each start, all walked side by side."""
        ends = starts.copy()
        stops = lasts[np.searchsorted(lasts, starts)]
        walking = np.flatnonzero(longer)
        half, wide = self._wide // 2, self._wide
        while len(walking):
            ends[walking] += 1
            walking = walking[ends[walking] < stops[walking]]
            here, first, label = ends[walking], starts[walking], labels[walking]
            hidden = features[here, :wide] + features[first, wide : 2 * wide]
            hidden += features[here - 1, 2 * wide :] + self._bias
            best = np.maximum(hidden[:, :half], hidden[:, half:])
            stay = (best * self._stay[label]).sum(axis=1) + self._stay_bias[label]
            walking = walking[stay > 0]
        return ends


def _chances(scores: Floats) -> Floats:
    """Softmax of the actions, shape (n, 1 + 2 labels)."""
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _of_label(chances: Floats, count: int) -> Floats:
    """How likely each label opens, in whichever way, shape (n, labels)."""
    return chances[:, 1 : 1 + count] + chances[:, 1 + count :]


def _walk(starts: Index, ends: Index, labels: Index, chances: Floats) -> list[Entity]:
    """What a walk from left to right meets: an entity hides those that would open inside it."""
    entities, free = [], 0
    for first, last, label, chance in zip(
        starts.tolist(), ends.tolist(), labels.tolist(), chances.tolist(), strict=True
    ):
        if first >= free:
            entities.append(Entity(first, last, label, chance))
            free = last + 1
    return entities
