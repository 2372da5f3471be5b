"""Cells of the shards, read when they are shown and kept nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scanner import shards
from scanner.errors import BadEvidence
from scanner.evidence import Evidence
from scanner.plan import UNIT_BYTES
from scanner.reviewing import Place
from scanner.shards import ReadOptions, ShardFacts, Unit

Cell = tuple[str, int, str]
"""Column, item and text."""


class Contexts:
    """Where text is read from.

    Args:
        paths: the shards, as they were given to the scan.
        evidence: of that scan; a shard is read only if it still has the bytes that were scanned.
    """

    def __init__(self, paths: Sequence[str], evidence: Evidence) -> None:
        self._shards = {shard.name: shard for shard in shards.find(paths)}
        self._digests = {part.path: part.sha256 for part in evidence.shards}
        self._facts: dict[str, ShardFacts] = {}

    def cell(self, place: Place) -> str:
        """The whole text of the cell of a place.

        Raises:
            BadEvidence: the shard is not there, or is not the one that was scanned, or has no such cell.
        """
        for column, item, text in self._row(place.shard, place.row, (place.column,)):
            if (column, item) == (place.column, place.item):
                return text
        raise BadEvidence(f"{place.shard}: row {place.row} has no such cell any more; scan again")

    def row(self, shard: str, row: int) -> list[Cell]:
        """Every cell of text of a row.

        Raises:
            BadEvidence: the shard is not there, or is not the one that was scanned.
        """
        return list(self._row(shard, row, ()))

    def _row(self, name: str, row: int, columns: tuple[str, ...]) -> Iterator[Cell]:
        unit = self._unit(name, row)
        for batch in shards.read(unit, ReadOptions(include=columns, numbers=_all_numbers)):
            for leaf in batch.leaves:
                for index in (leaf.rows == row).nonzero()[0].tolist():
                    yield leaf.column, int(leaf.items[index]), leaf.values[index].as_py()

    def _unit(self, name: str, row: int) -> Unit:
        for unit in shards.units(self._checked(name), UNIT_BYTES):
            if unit.first_row <= row < unit.first_row + unit.rows:
                return unit
        raise BadEvidence(f"{name}: has no row {row} any more; scan again")

    def _checked(self, name: str) -> ShardFacts:
        if name not in self._shards:
            raise BadEvidence(f"{name}: is not under the paths given; name those that were scanned")
        if name not in self._facts:
            facts = shards.inspect(self._shards[name])
            if facts.fault is not None or facts.sha256 != self._digests.get(name):
                raise BadEvidence(f"{name}: is not the shard that was scanned; scan again before reviewing")
            self._facts[name] = facts
        return self._facts[name]


def _all_numbers(_path: str, _kind: str, _largest: float | None) -> bool:
    return True
