"""Which units share values: how many values stand in one of some units alone, and how many in two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa

from scanner.duck import fill, opened

_WANTED, _KNOWN = pa.schema([("entity", pa.string())]), pa.schema([("file", pa.string())])

_HELD = """
CREATE TEMP TABLE held AS
SELECT count(DISTINCT filename) AS units, min(filename) AS file
FROM every JOIN wanted USING (entity)
WHERE NOT documentation GROUP BY entity, fingerprint
HAVING NOT bool_or(filename IN (SELECT file FROM known))
"""


def shared(
    drawn: Sequence[Path], known: Sequence[Path], entities: Collection[str], scratch: Path
) -> tuple[tuple[int, ...], int]:
    """By unit drawn, how many of its values no other one holds; and how many values just two of them hold.

    Args:
        drawn: value tables of the units.
        known: value tables whose values are left out.
        entities: whose values are counted.
        scratch: folder for temporary files, made and removed here.
    """
    if not drawn:
        return (), 0
    with opened(scratch) as connection:
        connection.read_parquet([str(file) for file in (*drawn, *known)], filename=True).create_view("every")
        fill(connection, "wanted", _WANTED, ((entity,) for entity in sorted(entities)))
        fill(connection, "known", _KNOWN, ((str(file),) for file in known))
        connection.execute(_HELD)
        once = Counter(
            dict(connection.execute("SELECT file, count(*) FROM held WHERE units = 1 GROUP BY file").fetchall())
        )
        [(twice,)] = connection.execute("SELECT count(*) FROM held WHERE units = 2").fetchall()
    return tuple(once[str(file)] for file in drawn), int(twice)
