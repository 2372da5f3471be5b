"""Samples for a report: findings in their context, read from the shards when asked for, masked, and kept nowhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from scanner.duck import fill, tables
from scanner.evidence import Evidence, PlacePart
from scanner.masking import Excerpt, Window, excerpt, values_of, window
from scanner.output import span_files
from scanner.reports import _summary as summary
from scanner.review.context import Contexts
from scanner.reviewing import Marked, Place
from scanner.spans import SCHEMA

Cell = tuple[str, int, str, int]
_LOOKED_AT = pa.schema(
    [
        ("shard", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("item", pa.int32()),
        ("start", pa.int64()),
        ("end", pa.int64()),
    ]
)

_IN_CELLS = """
SELECT shard, "row", "column", item, s.start, s."end", entity
FROM tables s JOIN looked_at l USING (shard, "row", "column", item)
WHERE s.start < l."end" AND s."end" > l.start
ORDER BY ALL
"""


def samples(out: Path, evidence: Evidence, paths: Sequence[str], number: int) -> list[Window]:
    """Masked windows of some findings, one of each kind and column before a second of any.

    Args:
        out: output folder of the scan.
        evidence: of the scan.
        paths: where its shards lie.
        number: windows at most; fewer where the evidence names fewer places.

    Raises:
        BadEvidence: a shard is not there, or is not the one that was scanned.
    """
    contexts = Contexts(paths, evidence)
    about = [excerpt(contexts.cell(_place(part)), part) for part in _chosen(evidence, number)]
    found = _findings(span_files(out), about)
    hidden = {word for one in about for word in values_of(one, found[_place(one.place).cell])}
    return [window(one, found[_place(one.place).cell], hidden) for one in about]


def _chosen(evidence: Evidence, number: int) -> list[PlacePart]:
    """Places of the evidence, the most harmful kinds first, in rounds over kinds and columns."""
    rounds: defaultdict[tuple[str, str], int] = defaultdict(int)
    ordered = []
    for place in summary.ranked_places(evidence):
        ordered.append((rounds[place.entity, place.column], place))
        rounds[place.entity, place.column] += 1
    return [place for _, place in sorted(ordered, key=lambda entry: entry[0])][:number]


def _place(part: PlacePart) -> Place:
    return Place(part.shard, part.row, part.column, part.item, part.start, part.end)


def _findings(files: Sequence[Path], about: Iterable[Excerpt]) -> dict[Cell, list[Marked]]:
    """What was found about each place, by its cell, in offsets of the cell."""
    looked_at = [(*_place(one.place).cell, one.first, one.last) for one in about]
    found: defaultdict[Cell, list[Marked]] = defaultdict(list)
    with tables(files, SCHEMA, None) as connection:
        fill(connection, "looked_at", _LOOKED_AT, looked_at)
        for shard, row, column, item, start, end, entity in connection.execute(_IN_CELLS).fetchall():
            found[shard, row, column, item].append(Marked(start, end, entity))
    return found
