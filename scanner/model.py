"""The words of the program as types: findings, tiers, provenance, what was not scanned."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CONFIDENCE_EDGES = (0.0, 0.4, 0.6, 0.8, 0.9)
"""Lower edges of the confidence bins that precision is measured in; the last bin is [.9, 1]."""

DOCUMENTATION = "documentation:"
"""Prefix of the rule of a finding that is a published example value and so no one's."""


def confidence_bin(confidence: float) -> int:
    """Index of the bin of `CONFIDENCE_EDGES` that holds a confidence from 0 to 1."""
    return bisect_right(CONFIDENCE_EDGES, confidence) - 1


class Tier(StrEnum):
    """How far an artefact may go; `Tier.OPEN` is the most open."""

    OPEN = "open"
    RESEARCH = "research"
    NDA = "nda"
    INTERNAL = "internal"

    @property
    def openness(self) -> int:
        """3 for open, 0 for internal: a larger number reaches more people."""
        return len(_TIERS) - 1 - _TIERS.index(self)

    def capped(self, cap: Tier) -> Tier:
        """The stricter of this tier and `cap`."""
        return min(self, cap, key=lambda tier: tier.openness)


_TIERS = tuple(Tier)


class Decision(StrEnum):
    """The verdict as programs read it."""

    RELEASABLE = "releasable"
    KEEP_INTERNAL = "keep_internal"


class Direction(StrEnum):
    """What became of one thing between two scans."""

    WORSE = "worse"
    BETTER = "better"
    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


class Provenance(StrEnum):
    """Where the text comes from; unknown is treated as private user data."""

    USER_PRIVATE = "user_private"
    LICENSED = "licensed"
    PUBLIC_WEB = "public_web"
    SYNTHETIC = "synthetic"
    UNKNOWN = "unknown"


class Artefact(StrEnum):
    """What would be released: a model trained on the shards, or the shards."""

    MODEL = "model"
    DATA = "data"


class Linkage(IntEnum):
    """How many kinds of identifiers of the same person stand beside a value."""

    ALONE = 0
    BESIDE_ONE = 1
    BESIDE_MORE = 2


class NamesMode(StrEnum):
    """How much the names stage was made to read."""

    FULL = "full"
    UNTIL_DECIDED = "until_decided"
    OFF = "off"


class UnscannedReason(StrEnum):
    """Why bytes were not read; each counts against release."""

    CORRUPT = "corrupt"
    UNREADABLE = "unreadable"
    CHANGED = "changed while it was scanned"
    BINARY = "binary"
    EXCLUDED = "excluded by configuration"
    UNSUPPORTED = "type that cannot be read as text"
    TOO_LARGE = "larger than the limit"
    TIMED_OUT = "timed out"
    CRASHED = "worker died"
    LATER = "left for a later run"


class Identity(StrEnum):
    """What the hash that identifies a shard is made from.

    `SHA256`: all its bytes. `ETAG`: its size, its store's version of it (entity tag, version or time of change), and
    its footer; for remote shards, of which no more than the wanted columns is read.
    """

    SHA256 = "sha256"
    ETAG = "etag"


class ShardStatus(StrEnum):
    """What became of a shard."""

    SCANNED = "scanned"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of one cell that a rule takes for an entity; it never holds the text itself.

    Attributes:
        entity: Presidio's name of the entity where it has one.
        start: first code point of the span within the cell.
        end: one past the last code point.
        confidence: chance in [0, 1] that the span is what `entity` says.
        rule: id of the rule or recogniser that found it.
        verified: a check digit, validator or second detector agreed.
    """

    entity: str
    start: int
    end: int
    confidence: float
    rule: str
    verified: bool = False

    @property
    def documentation(self) -> bool:
        """Whether the span is a published example value, which is no one's."""
        return self.rule.startswith(DOCUMENTATION)

    def as_documentation(self) -> Finding:
        """The same finding, marked as a published example value."""
        return self if self.documentation else replace(self, rule=DOCUMENTATION + self.rule)

    def worth(self, confidence: float) -> Finding:
        """The same finding, of another confidence."""
        return Finding(self.entity, self.start, self.end, confidence, self.rule, self.verified)

    def moved(self, by: int) -> Finding:
        """The same finding, `by` code points further on."""
        if not by:
            return self
        return Finding(self.entity, self.start + by, self.end + by, self.confidence, self.rule, self.verified)


Found = dict[int, list[Finding]]
"""Findings by the index of their cell within a leaf; cells without findings are absent."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The values of one leaf column in one batch, as text.

    Attributes:
        column: leaf path, such as `text` or `messages[].content`.
        values: the non-null values, length n. Numbers and timestamps stand in their text form.
        rows: row of each value within the shard, shape (n,), ascending.
        items: position of each value within its row, shape (n,); 0 for flat columns.
        native: name of the Arrow type that the column had before it became text.
    """

    column: str
    values: pa.LargeStringArray
    rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    items: np.ndarray[tuple[int], np.dtype[np.int32]]
    native: str = "string"


@dataclass(frozen=True, slots=True, order=True)
class Unscanned:
    """What could not be read, and why.

    Attributes:
        shard: path of the shard as the evidence names it.
        column: leaf path, or "" for every column.
        rows: rows touched; 0 if the shard's row count is unknown.
        size_bytes: bytes of text not read, as well as they are known.
        reason: one of the closed list.
        detail: a sentence that holds no text of the shard.
    """

    shard: str
    column: str
    rows: int
    size_bytes: int
    reason: UnscannedReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The model that is to be trained, as far as it is known.

    `None` stands for unknown, and the policy's default (the worse case) then counts.

    Attributes:
        parameters: number of weights, N.
        training_tokens: tokens seen in one epoch over everything, D.
        epochs: passes over this dataset.
        dp_epsilon: epsilon of user-level differential privacy, if trained with it.
        dp_delta: delta of the same.
    """

    parameters: float | None = None
    training_tokens: float | None = None
    epochs: float | None = None
    dp_epsilon: float | None = None
    dp_delta: float | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """What its owner says about a dataset; nothing of it is learned from the scan.

    Attributes:
        name: how reports call it.
        provenance: where the text comes from.
        consent: whether the persons agreed to this use.
        anonymity_report: whether an expert's report on anonymity exists.
        licence: SPDX identifier or a sentence; "" when unknown.
        languages: ISO 639-1 codes that the text is written in; empty for "tell row by row".
        model_card: the model to be trained.
        dropped_columns: leaf paths that are removed before training or release.
        facts: other yes/no statements that gates ask for, such as `live_secrets` or `minors`.
    """

    name: str
    provenance: Provenance = Provenance.UNKNOWN
    consent: bool = False
    anonymity_report: bool = False
    licence: str = ""
    languages: tuple[str, ...] = ()
    model_card: ModelCard = ModelCard()
    dropped_columns: tuple[str, ...] = ()
    facts: Mapping[str, bool] | None = None
