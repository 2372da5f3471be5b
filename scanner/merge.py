"""Merging the value tables of all units: how often each value occurs over the whole dataset.

DuckDB groups them out of core; nothing here grows with the number of distinct values but its temporary files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from scanner import values
from scanner.duck import opened
from scanner.model import Linkage
from scanner.spans import FINGERPRINT_BYTES
from scanner.values import QUASI, SENSITIVE_JOINT, Histogram

REPEATED = 5
"""Most repeated values that are kept of each entity."""


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """Distinct values of one entity in one column."""

    entity: str
    column: str
    distinct: int
    max_occurrences: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """A value that occurs more than once.

    Attributes:
        entity: what it is.
        fingerprint: keyed hash of the value, hex.
        occurrences: over the whole dataset.
        columns: number of columns that it stands in.
    """

    entity: str
    fingerprint: str
    occurrences: int
    columns: int


@dataclass(frozen=True, slots=True)
class Merged:
    """Occurrences per value over all value tables; documentation values are left out.

    Attributes:
        histogram: n[entity, linkage, confidence, d] over the dataset, without what the policy allows.
        by_column: distinct values and the highest occurrences in each (entity, column).
        groups: group sizes of quasi-identifier tuples by joined columns: (size, groups of that size).
        diversity: by joined columns and sensitive column, the fewest different sensitive values of one group.
        repeated: the most repeated values of each entity, whatever the policy allows.
    """

    histogram: Histogram
    by_column: tuple[ColumnValues, ...]
    groups: dict[str, tuple[tuple[int, int], ...]]
    diversity: dict[str, dict[str, int]] = field(default_factory=dict)
    repeated: tuple[Repeated, ...] = ()


_BY_COLUMN = """
CREATE TEMP TABLE by_column AS
SELECT entity, "column", fingerprint, sum(occurrences)::BIGINT AS occurrences,
       max(linkage) AS linkage, max(confidence_bin) AS confidence_bin
FROM tables WHERE NOT documentation AND entity <> $quasi
GROUP BY entity, "column", fingerprint
"""

_HISTOGRAM = """
SELECT entity, linkage, confidence_bin, occurrences, count(*)::BIGINT
FROM (SELECT entity, fingerprint, sum(occurrences)::BIGINT AS occurrences,
             max(linkage) AS linkage, max(confidence_bin) AS confidence_bin
      FROM by_column WHERE (entity, "column") NOT IN (SELECT entity, "column" FROM allowed)
      GROUP BY entity, fingerprint)
GROUP BY ALL ORDER BY ALL
"""

_DISTINCT = """
SELECT entity, "column", count(*)::BIGINT, max(occurrences)
FROM by_column GROUP BY entity, "column" ORDER BY entity, "column"
"""

# Structs are ordered by their fields from the first on. Bundles (A+B) are no values.
_REPEATED = """
SELECT entity, unnest(max(struct_pack(n := n, f := f, k := k), $most), recursive := true)
FROM (SELECT entity, lower(hex(fingerprint)) AS f, sum(occurrences)::BIGINT AS n, count(*)::BIGINT AS k
      FROM by_column WHERE NOT contains(entity, '+') GROUP BY entity, fingerprint HAVING n > 1)
GROUP BY entity
"""

_GROUPS = """
SELECT "column", size, count(*)::BIGINT
FROM (SELECT "column", fingerprint, sum(occurrences)::BIGINT AS size
      FROM tables WHERE entity = $quasi AND NOT contains("column", $joint) GROUP BY "column", fingerprint)
GROUP BY ALL ORDER BY ALL
"""

_DIVERSITY = """
SELECT "column", min(held)
FROM (SELECT "column", substr(hex(fingerprint), 1, $half) AS kept, count(DISTINCT fingerprint)::BIGINT AS held
      FROM tables WHERE entity = $quasi AND contains("column", $joint) GROUP BY ALL)
GROUP BY "column" ORDER BY "column"
"""


_TABLES = """
CREATE TEMP VIEW tables AS
SELECT * FROM every WHERE fingerprint NOT IN (SELECT fingerprint FROM accepted)
"""


def merge(
    files: Sequence[Path],
    scratch: Path,
    allowed: Collection[tuple[str, str]] = (),
    accepted: Collection[bytes] = (),
    linked: Collection[Path] = (),
) -> Merged:
    """Count every value over the value tables in `files`.

    Args:
        files: Parquet files of `values.SCHEMA`, in any order; the result does not depend on it.
        scratch: folder for temporary files, made and removed here.
        allowed: (entity, column) pairs whose values the policy counts for nothing; `by_column` still tells them.
        accepted: fingerprints of values that were reviewed and count for nothing.
        linked: those of `files` whose values count as linked as strongly as can be.
    """
    with _tables(files, scratch, accepted, linked) as connection:
        _allow(connection, allowed)
        connection.execute(_BY_COLUMN, {"quasi": QUASI})
        return Merged(
            histogram=Histogram.of(connection.execute(_HISTOGRAM).fetchall()),
            by_column=tuple(ColumnValues(*row) for row in connection.execute(_DISTINCT).fetchall()),
            groups=_groups(connection.execute(_GROUPS, {"quasi": QUASI, "joint": SENSITIVE_JOINT}).fetchall()),
            diversity=_diversity(
                connection.execute(
                    _DIVERSITY, {"quasi": QUASI, "joint": SENSITIVE_JOINT, "half": FINGERPRINT_BYTES}
                ).fetchall()
            ),
            repeated=_repeated(connection.execute(_REPEATED, {"most": REPEATED}).fetchall()),
        )


def recount(
    files: Sequence[Path],
    scratch: Path,
    allowed: Collection[tuple[str, str]],
    without: Collection[str],
    accepted: Collection[bytes] = (),
) -> Histogram:
    """The histogram of the values that stand outside the columns `without`, as if these were not there.

    A value that also stands elsewhere keeps the occurrences that it has there. Bundles go with their anchor's column.

    Args:
        files: as for `merge`; leave out those of shards that are not to count.
        scratch: as for `merge`.
        allowed: as for `merge`.
        without: leaf paths.
        accepted: as for `merge`.
    """
    with _tables(files, scratch, accepted) as connection:
        _allow(connection, allowed)
        connection.execute(_BY_COLUMN, {"quasi": QUASI})
        for column in sorted(without):
            connection.execute('DELETE FROM by_column WHERE "column" = ?', [column])
        return Histogram.of(connection.execute(_HISTOGRAM).fetchall())


def vanished(
    before: Sequence[Path],
    after: Sequence[Path],
    scratch: Path,
    allowed: Collection[tuple[str, str]],
    without: Collection[str],
) -> Histogram:
    """The histogram of the values of some tables that no other table has.

    Args:
        before: Parquet files of `values.SCHEMA`.
        after: those in which the values are looked for.
        scratch: as for `merge`.
        allowed: as for `merge`.
        without: leaf paths whose values count for nothing: with the column, what was missed in it is gone too.
    """
    with _tables(before, scratch, ()) as connection:
        _allow(connection, allowed)
        if after:
            connection.read_parquet([str(file) for file in after]).create_view("others")
        else:
            connection.from_arrow(values.SCHEMA.empty_table()).create_view("others")
        connection.execute(_BY_COLUMN, {"quasi": QUASI})
        for column in sorted(without):
            connection.execute('DELETE FROM by_column WHERE "column" = ?', [column])
        connection.execute(
            "DELETE FROM by_column WHERE (entity, fingerprint) IN "
            "(SELECT entity, fingerprint FROM others WHERE NOT documentation)"
        )
        return Histogram.of(connection.execute(_HISTOGRAM).fetchall())


def _allow(connection: duckdb.DuckDBPyConnection, allowed: Collection[tuple[str, str]]) -> None:
    connection.execute('CREATE TEMP TABLE allowed (entity VARCHAR, "column" VARCHAR)')
    for pair in sorted(allowed):
        connection.execute("INSERT INTO allowed VALUES (?, ?)", pair)


@contextmanager
def _tables(
    files: Sequence[Path], scratch: Path, accepted: Collection[bytes], linked: Collection[Path] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which all value tables, without the accepted values, are the view `tables`."""
    with opened(scratch) as connection:
        if files:
            _view(connection, files, linked)
        else:
            connection.from_arrow(values.SCHEMA.empty_table()).create_view("every")
        connection.execute("CREATE TEMP TABLE accepted (fingerprint BLOB)")
        for fingerprint in sorted(accepted):
            connection.execute("INSERT INTO accepted VALUES (?)", [fingerprint])
        connection.execute(_TABLES)
        yield connection


def _repeated(rows: list[tuple[str, int, str, int]]) -> tuple[Repeated, ...]:
    """The most repeated first, whatever their entity."""
    ordered = sorted(rows, key=lambda row: (-row[1], row[0], row[2]))
    return tuple(Repeated(entity, fingerprint, n, columns) for entity, n, fingerprint, columns in ordered)


def _view(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], linked: Collection[Path]) -> None:
    """All files as `every`, with the strongest linkage in those of `linked`."""
    strongest, plain = sorted(set(linked)), sorted(set(files) - set(linked))
    parts = []
    if plain:
        parts.append(connection.read_parquet([str(file) for file in plain]))
    if strongest:
        read = connection.read_parquet([str(file) for file in strongest])
        parts.append(read.project(f"* REPLACE ({int(Linkage.BESIDE_MORE)}::TINYINT AS linkage)"))
    (parts[0] if len(parts) == 1 else parts[0].union(parts[1])).create_view("every")


def _groups(rows: list[tuple[str, int, int]]) -> dict[str, tuple[tuple[int, int], ...]]:
    groups: dict[str, tuple[tuple[int, int], ...]] = {}
    for columns, size, count in rows:
        groups[columns] = (*groups.get(columns, ()), (size, count))
    return groups


def _diversity(rows: list[tuple[str, int]]) -> dict[str, dict[str, int]]:
    fewest: dict[str, dict[str, int]] = {}
    for name, held in rows:
        columns, _, sensitive = name.partition(SENSITIVE_JOINT)
        fewest.setdefault(columns, {})[sensitive] = held
    return fewest
