"""Where findings stand: how many in each shard, and a few places of each kind, from the spans of all units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner import spans
from scanner.duck import tables
from scanner.model import DOCUMENTATION

PLACES = 3
"""Places of one entity in one column."""

MOST_PAIRS = 200
"""Pairs of entity and column that have places: those with the most findings."""


@dataclass(frozen=True, slots=True)
class Located:
    """One finding by its place; the offsets are code points, half-open, within the cell."""

    entity: str
    column: str
    shard: str
    row: int
    item: int
    start: int
    end: int
    confidence: float
    rule: str


@dataclass(frozen=True, slots=True)
class Locations:
    """Findings by place; published examples are left out.

    Attributes:
        by_shard: (shard, entity, findings), sorted.
        first: the surest findings of each pair of entity and column, the first in their shards among equals.
    """

    by_shard: tuple[tuple[str, str, int], ...] = ()
    first: tuple[Located, ...] = ()


_BY_SHARD = """
SELECT shard, entity, count(*)::BIGINT FROM tables WHERE NOT starts_with(rule, $documentation)
GROUP BY ALL ORDER BY ALL
"""

# Structs are ordered by their fields from the first on.
_FIRST = """
SELECT entity, "column", count(*)::BIGINT AS findings,
       min(struct_pack(unsure := -confidence, shard := shard, r := "row", i := item, s := start, e := "end",
                       rule := rule), $places) AS first
FROM tables WHERE NOT starts_with(rule, $documentation)
GROUP BY entity, "column" ORDER BY findings DESC, entity, "column" LIMIT $pairs
"""


def locate(files: Sequence[Path], scratch: Path) -> Locations:
    """Count and place the findings of all spans.

    Args:
        files: Parquet files of `spans.SCHEMA`, in any order; the result does not depend on it.
        scratch: folder for temporary files, made and removed here.
    """
    with tables(files, spans.SCHEMA, scratch) as connection:
        mark = {"documentation": DOCUMENTATION}
        counts = connection.execute(_BY_SHARD, mark).fetchall()
        found = connection.execute(_FIRST, {**mark, "places": PLACES, "pairs": MOST_PAIRS}).fetchall()
    return Locations(
        by_shard=tuple(counts),
        first=tuple(_located(entity, column, one) for entity, column, _, first in sorted(found) for one in first),
    )


def _located(entity: str, column: str, found: dict[str, Any]) -> Located:
    return Located(
        entity=entity,
        column=column,
        shard=found["shard"],
        row=found["r"],
        item=found["i"],
        start=found["s"],
        end=found["e"],
        confidence=round(-found["unsure"], 4),
        rule=found["rule"],
    )
