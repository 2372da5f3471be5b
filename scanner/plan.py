"""The plan: all that decides what a scan of a unit gives, frozen, small and picklable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from scanner.lots import LOTS
from scanner.shards import ShardFacts, Unit, units

UNIT_BYTES = 32 << 20
"""Bytes before compression that a unit aims at: every core has work, and a resumed run loses little."""

DRAWN_BYTES = 1 << 17
"""The same where units are drawn at random: many small ones tell more than a few large ones."""

SLOWEST_BYTES_PER_SECOND = 2_000
"""A worker slower than this is stuck: the names stage reads fifty times as fast on one busy core."""

SHORTEST_LIMIT_SECONDS = 900.0


class Verify(StrEnum):
    """How a shard that was seen before is known to be the same.

    `GLANCE`: by size, modification and change time, and inode; for an object store by its entity tag.
    `SHA256`: by all its bytes, each time.
    """

    GLANCE = "glance"
    SHA256 = "sha256"


@dataclass(frozen=True, slots=True)
class Plan:
    """How every unit of one scan is read and searched.

    Attributes:
        out: output folder; the only attribute that does not change what is found.
        key_file: where the fingerprint key lies; the key itself never travels.
        rules: folder of rules beside the packaged ones, if any.
        include: globs of leaf paths to read.
        exclude: globs of leaf paths not to read, which are then unscanned.
        dropped: globs of leaf paths that are removed before use.
        languages: ISO 639-1 codes that the text is written in; empty for "tell row by row".
        names: whether the names stage runs.
        until_decided: it reads no more than the verdict needs; the plan of the first pass then has `names` off.
        count_documentation: whether published example values count as somebody's.
        scanner_version: of this program.
        rules_sha256: of the rules' files.
        models_sha256: of the language models, by language.
        key_id: of the key.
        redaction: folder of the redaction that wrote the shards, whose surrogates are no one's; None for none.
        redaction_id: of that redaction; "" for none.
    """

    out: Path
    key_file: Path
    rules: Path | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    dropped: tuple[str, ...]
    languages: tuple[str, ...]
    names: bool
    count_documentation: bool
    scanner_version: str
    rules_sha256: str
    models_sha256: tuple[tuple[str, str], ...]
    key_id: str
    redaction: Path | None = None
    redaction_id: str = ""
    until_decided: bool = False

    def units(self, facts: ShardFacts) -> list[Unit]:
        """The shard's units."""
        return units(facts, DRAWN_BYTES if self.until_decided else UNIT_BYTES, slices=self.until_decided)

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over all that changes what is found: equal digests give equal spans."""
        told = {
            key: value for key, value in asdict(self).items() if key not in ("out", "key_file", "rules", "redaction")
        }
        if self.until_decided:
            told["lots"] = LOTS
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def spans(self) -> Path:
        """Folder of the spans."""
        return self.out / "spans"

    @property
    def values(self) -> Path:
        """Folder of the value tables."""
        return self.out / "values"


@dataclass(frozen=True, slots=True)
class Task:
    """One unit under one plan: what an executor hands to a worker.

    Attributes:
        plan: how to scan.
        unit: what to scan.
        sha256: of the unit's shard.
        lots: those that the names stage reads; None for all.
    """

    plan: Plan
    unit: Unit
    sha256: str
    lots: frozenset[int] | None = None

    def is_left(self, lot: int) -> bool:
        """Whether the names stage is to leave a lot for later."""
        plan = self.plan
        return plan.until_decided and (not plan.names or (self.lots is not None and lot not in self.lots))

    @property
    def name(self) -> str:
        """Stem of the unit's files: readable, safe as a file name, and another one when the shard changes."""
        return f"{file_stem(self.unit.shard.name, self.sha256)}-{self.unit.index:05}"

    @property
    def timeout_seconds(self) -> float:
        """Wall-clock limit: generous, but in proportion to the unit's size."""
        return SHORTEST_LIMIT_SECONDS + self.unit.size_bytes / SLOWEST_BYTES_PER_SECOND


def file_stem(shard: str, sha256: str) -> str:
    """What the names of all files of a shard's units begin with.

    Args:
        shard: name of the shard; only its harmless characters are kept, for people.
        sha256: of the shard.
    """
    identity = hashlib.sha256(f"{shard}\0{sha256}".encode("utf-8", "surrogatepass")).hexdigest()
    readable = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in shard)
    return f"{readable[-60:]}-{identity[:16]}"
