"""The census: how the shards of a dataset differ from those that the last run found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Change(StrEnum):
    """What became of a shard since the last run."""

    NEW = "new"
    CHANGED = "changed"
    MOVED = "moved"
    BACK = "back"
    GONE = "gone"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Census:
    """Shards by what became of them.

    Attributes:
        changes: by name; a moved shard stands under its new name, a gone one under the name that it had.
    """

    changes: Mapping[str, Change] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """How many shards of each kind, every kind named."""
        told = list(self.changes.values())
        return {change.value: told.count(change) for change in Change}


def compare(before: Mapping[str, str], gone_before: Mapping[str, str], now: Mapping[str, str]) -> Census:
    """Tell new, changed, moved, returned and gone shards apart by their bytes.

    Args:
        before: SHA-256 by name of the shards that the last run found; "" for one that could not be read.
        gone_before: the same of those that were seen once and that the last run did not find.
        now: the same of those that are there now.

    A shard is moved when its bytes stood under a name that does not hold them any more; it need not be a new name.
    Bytes that still stand where they stood are copied, and the copy is new.
    """
    left = [(name, sha256) for name, sha256 in before.items() if sha256 and now.get(name) != sha256]
    free: dict[str, list[str]] = {}
    for name, sha256 in left:
        free.setdefault(sha256, []).append(name)
    changes: dict[str, Change] = {}
    origins: set[str] = set()
    for name, sha256 in sorted(now.items()):
        if before.get(name) == sha256:
            changes[name] = Change.SAME
        elif free.get(sha256):
            origins.add(free[sha256].pop(0))
            changes[name] = Change.MOVED
        elif name in before:
            changes[name] = Change.CHANGED
        else:
            changes[name] = Change.BACK if name in gone_before else Change.NEW
    changes |= dict.fromkeys(before.keys() - now.keys() - origins, Change.GONE)
    return Census(changes)
