"""Mergeable counts: what a worker hands back, small however large its shard was.

`a + b == b + a`, `(a + b) + c == a + (b + c)`, and `Tally()` changes nothing. Distinct values do not add up
this way; they live in the value tables (`values.py`) that merge by fingerprint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scanner.lots import LotCount
from scanner.model import CONFIDENCE_EDGES, Finding, Unscanned, UnscannedReason, confidence_bin

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class FindingCount:
    """Findings of one entity in one column.

    Attributes:
        count: findings, documentation values left out.
        rows: rows with at least one of them.
        characters: code points under them.
        documentation: findings that are published example values.
        by_confidence: the `count` split by `CONFIDENCE_EDGES`.
    """

    count: int = 0
    rows: int = 0
    characters: int = 0
    documentation: int = 0
    by_confidence: tuple[int, ...] = (0,) * len(CONFIDENCE_EDGES)

    @classmethod
    def of(cls, findings: Sequence[Finding], rows: int) -> FindingCount:
        """Counts of findings of one entity in one column, `rows` of which hold one that is no documentation value."""
        counted = [finding for finding in findings if not finding.documentation]
        bins = Counter(confidence_bin(finding.confidence) for finding in counted)
        return cls(
            count=len(counted),
            rows=rows,
            characters=sum(finding.end - finding.start for finding in counted),
            documentation=len(findings) - len(counted),
            by_confidence=tuple(bins[index] for index in range(len(CONFIDENCE_EDGES))),
        )

    def __add__(self, other: FindingCount) -> FindingCount:
        return FindingCount(
            count=self.count + other.count,
            rows=self.rows + other.rows,
            characters=self.characters + other.characters,
            documentation=self.documentation + other.documentation,
            by_confidence=tuple(a + b for a, b in zip(self.by_confidence, other.by_confidence, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class ColumnCount:
    """What one leaf column held, in values and bytes of text."""

    cells: int = 0
    size_bytes: int = 0
    characters: int = 0

    def __add__(self, other: ColumnCount) -> ColumnCount:
        return ColumnCount(
            self.cells + other.cells, self.size_bytes + other.size_bytes, self.characters + other.characters
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a part of the dataset.

    Attributes:
        rows: rows read.
        scanned_bytes: bytes of text that every pattern read.
        columns: what each leaf column held.
        findings: counts by (entity, column).
        names_read: bytes that the names stage read, by language.
        names_unread: bytes that the patterns read and the names stage did not, by language.
        names_left: bytes that the names stage was told to leave for later.
        lots: what each lot holds, where lots are drawn for the names stage.
        gated: units in which the patterns found what weighs more, or trips a gate, beside a name.
        unscanned: what no detector read, sorted.
    """

    rows: int = 0
    scanned_bytes: int = 0
    columns: Mapping[str, ColumnCount] = field(default_factory=dict)
    findings: Mapping[tuple[str, str], FindingCount] = field(default_factory=dict)
    names_read: Mapping[str, int] = field(default_factory=dict)
    names_unread: Mapping[str, int] = field(default_factory=dict)
    names_left: int = 0
    lots: Mapping[int, LotCount] = field(default_factory=dict)
    gated: int = 0
    unscanned: tuple[Unscanned, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            rows=self.rows + other.rows,
            scanned_bytes=self.scanned_bytes + other.scanned_bytes,
            columns=_added(self.columns, other.columns),
            findings=_added(self.findings, other.findings),
            names_read=_added(self.names_read, other.names_read),
            names_unread=_added(self.names_unread, other.names_unread),
            names_left=self.names_left + other.names_left,
            lots=_added(self.lots, other.lots),
            gated=self.gated + other.gated,
            unscanned=tuple(sorted(self.unscanned + other.unscanned)),
        )

    @property
    def unscanned_bytes(self) -> int:
        """Bytes of text that no detector read."""
        return sum(entry.size_bytes for entry in self.unscanned)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers, for the ledger; `from_json` gives the equal tally back."""
        return {
            "rows": self.rows,
            "scanned_bytes": self.scanned_bytes,
            "columns": [
                [name, count.cells, count.size_bytes, count.characters] for name, count in sorted(self.columns.items())
            ],
            "findings": [
                [entity, column, c.count, c.rows, c.characters, c.documentation, list(c.by_confidence)]
                for (entity, column), c in sorted(self.findings.items())
            ],
            "names_read": dict(sorted(self.names_read.items())),
            "names_unread": dict(sorted(self.names_unread.items())),
            "names_left": self.names_left,
            "lots": [[lot, c.size_bytes, c.capitals, c.left, c.names] for lot, c in sorted(self.lots.items())],
            "gated": self.gated,
            "unscanned": [[u.shard, u.column, u.rows, u.size_bytes, u.reason, u.detail] for u in self.unscanned],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Tally:
        """The tally that `to_json` wrote."""
        return cls(
            rows=stored["rows"],
            scanned_bytes=stored["scanned_bytes"],
            columns={name: ColumnCount(*counts) for name, *counts in stored["columns"]},
            findings={
                (entity, column): FindingCount(count, rows, characters, documentation, tuple(by_confidence))
                for entity, column, count, rows, characters, documentation, by_confidence in stored["findings"]
            },
            names_read=stored["names_read"],
            names_unread=stored["names_unread"],
            names_left=stored.get("names_left", 0),
            lots={lot: LotCount(*counts) for lot, *counts in stored.get("lots", ())},
            gated=stored.get("gated", 0),
            unscanned=tuple(
                Unscanned(shard, column, rows, size_bytes, UnscannedReason(reason), detail)
                for shard, column, rows, size_bytes, reason, detail in stored["unscanned"]
            ),
        )


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of all; of tallies that are read one by one, a few sums are held at a time."""
    running = Running()
    for tally in tallies:
        running.add(tally)
    return running.total


@dataclass(slots=True)
class Running:
    """A sum that grows. Equals are added to equals, as in a binary counter: adding each to the sum of all before it
    would sort what is unscanned over and over.
    """

    _sums: list[tuple[int, Tally]] = field(default_factory=list)

    def add(self, tally: Tally) -> None:
        """Count one more."""
        rank = 0
        while self._sums and self._sums[-1][0] == rank:
            tally = self._sums.pop()[1] + tally
            rank += 1
        self._sums.append((rank, tally))

    @property
    def total(self) -> Tally:
        """The sum of all so far."""
        return sum((tally for _, tally in reversed(self._sums)), Tally())


def _added(left: Mapping[K, Any], right: Mapping[K, Any]) -> dict[K, Any]:
    """Key-wise sum; a key that one side lacks keeps the other's value."""
    return {key: _sum(left, right, key) for key in sorted(left.keys() | right.keys(), key=repr)}


def _sum(left: Mapping[K, Any], right: Mapping[K, Any], key: K) -> Any:
    if key not in left:
        return right[key]
    return left[key] + right[key] if key in right else left[key]
