"""Which lots share values: how many values stand in one of some lots alone, and how many in two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa

from scanner.duck import fill, opened
from scanner.lots import LOTS
from scanner.model import DOCUMENTATION

_WANTED, _KNOWN = pa.schema([("entity", pa.string())]), pa.schema([("file", pa.string())])
_DRAWN = pa.schema([("file", pa.string()), ("lot", pa.int64()), ("number", pa.int64())])

_HELD = """
CREATE TEMP TABLE held AS
SELECT count(DISTINCT number) AS lots, min(number) AS number
FROM every JOIN wanted USING (entity) LEFT JOIN drawn ON filename = file AND "row" % $lots = lot
WHERE NOT starts_with(rule, $documentation) AND (number IS NOT NULL OR filename IN (SELECT file FROM known))
GROUP BY entity, fingerprint HAVING bool_and(number IS NOT NULL)
"""


def shared(
    drawn: Sequence[tuple[Path, int]], known: Collection[Path], entities: Collection[str], scratch: Path
) -> tuple[tuple[int, ...], int]:
    """By lot drawn, how many of its values no other one holds; and how many values just two of them hold.

    Args:
        drawn: lots, each with the spans of its unit.
        known: spans of other units, whose values are left out.
        entities: whose values are counted.
        scratch: folder for temporary files, made and removed here.
    """
    if not drawn:
        return (), 0
    with opened(scratch) as connection:
        files = sorted({str(file) for file, _ in drawn} | {str(file) for file in known})
        connection.read_parquet(files, filename=True).create_view("every")
        fill(connection, "wanted", _WANTED, ((entity,) for entity in sorted(entities)))
        fill(connection, "known", _KNOWN, ((str(file),) for file in known))
        fill(connection, "drawn", _DRAWN, ((str(file), lot, number) for number, (file, lot) in enumerate(drawn)))
        connection.execute(_HELD, {"lots": LOTS, "documentation": DOCUMENTATION})
        alone = connection.execute("SELECT number, count(*) FROM held WHERE lots = 1 GROUP BY number").fetchall()
        [(twice,)] = connection.execute("SELECT count(*) FROM held WHERE lots = 2").fetchall()
    once = Counter(dict(alone))
    return tuple(once[number] for number in range(len(drawn))), int(twice)
