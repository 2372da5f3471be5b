"""Merging the value tables of all units: how often each value occurs over the whole dataset.

DuckDB groups them out of core, many of them in parts by fingerprint, so that memory does not grow with the number of
values. Beyond what the policy counts one by one, values are sampled (`sampling`); then the most frequent are looked for
apart, so that no sample loses the worst case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from scanner import sampling, values
from scanner.duck import fill, opened, view
from scanner.model import Linkage
from scanner.risk.terms import SamplingTerms
from scanner.spans import FINGERPRINT_BYTES
from scanner.values import QUASI, SENSITIVE_JOINT, Histogram

REPEATED = 5
"""Most repeated values that are kept of each entity."""

PART_ROWS = 4_000_000
"""Rows of value tables that are grouped at once, within DuckDB's memory; more are dealt out in parts first."""

FULLEST = 16
"""Buckets of each sampled entity in which the most frequent values are looked for."""


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
        rates: θ of each entity whose values were sampled. Its counts of distinct values are estimates, what is said of
            its most frequent value is not.
        linked: the histogram, were every value of the tables named as `linked` linked as strongly as can be; None where
            none was named.
    """

    histogram: Histogram
    by_column: tuple[ColumnValues, ...]
    groups: dict[str, tuple[tuple[int, int], ...]]
    diversity: dict[str, dict[str, int]] = field(default_factory=dict)
    repeated: tuple[Repeated, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    linked: Histogram | None = None


# What is counted: neither published examples, nor what was reviewed, nor what stands in columns that are left out.
_COUNTED = """
CREATE TEMP VIEW counted AS
SELECT * FROM every WHERE NOT documentation
AND fingerprint NOT IN (SELECT fingerprint FROM accepted)
AND (entity = 'QUASI_IDENTIFIERS' OR "column" NOT IN (SELECT "column" FROM without))
"""

_KEPT = """
CREATE TEMP VIEW kept AS
SELECT counted.* FROM counted LEFT JOIN sampled USING (entity) WHERE edge IS NULL OR fingerprint < edge
"""

_WEIGHED = """
CREATE TEMP VIEW weighed AS
SELECT counted.* FROM counted JOIN sampled USING (entity)
WHERE (entity, "column") NOT IN (SELECT entity, "column" FROM allowed)
"""

_ROWS = "SELECT entity, count(*)::BIGINT FROM counted WHERE entity <> $quasi GROUP BY entity"

# All rows of a group of quasi-identifiers, whose fingerprints share their first half, belong in one part.
_DEALT = "SELECT * EXCLUDE (documentation, pairs), hash(fingerprint[1:8]) % 64 AS part FROM kept"

_BY_COLUMN = """
CREATE OR REPLACE TEMP TABLE by_column AS
SELECT entity, "column", fingerprint, sum(occurrences)::BIGINT AS occurrences,
       max(linkage) AS linkage, max(strongest) AS strongest, max(confidence_bin) AS confidence_bin
FROM part WHERE entity <> $quasi
GROUP BY entity, "column", fingerprint
"""

_HISTOGRAM = """
SELECT entity, linkage, strongest, confidence_bin, occurrences, count(*)::BIGINT
FROM (SELECT entity, fingerprint, sum(occurrences)::BIGINT AS occurrences,
             max(linkage) AS linkage, max(strongest) AS strongest, max(confidence_bin) AS confidence_bin
      FROM by_column WHERE (entity, "column") NOT IN (SELECT entity, "column" FROM allowed)
      GROUP BY entity, fingerprint)
GROUP BY ALL
"""

_DISTINCT = 'SELECT entity, "column", count(*)::BIGINT, max(occurrences) FROM by_column GROUP BY entity, "column"'

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
      FROM part WHERE entity = $quasi AND NOT contains("column", $joint) GROUP BY "column", fingerprint)
GROUP BY ALL
"""

_DIVERSITY = """
SELECT "column", min(held)
FROM (SELECT "column", fingerprint[1:$half] AS kept, count(DISTINCT fingerprint)::BIGINT AS held
      FROM part WHERE entity = $quasi AND contains("column", $joint) GROUP BY ALL)
GROUP BY "column"
"""

# Buckets are told by the fingerprint's end, on which it does not depend whether a value is kept.
_FULLEST = """
SELECT entity, unnest(max(struct_pack(held := held, bucket := bucket), $most), recursive := true)
FROM (SELECT entity, fingerprint[14:16] AS bucket, sum(occurrences)::BIGINT AS held FROM weighed GROUP BY ALL)
GROUP BY entity ORDER BY ALL
"""

_FREQUENT = """
CREATE OR REPLACE TEMP VIEW part AS
SELECT counted.* FROM counted
JOIN fullest ON counted.entity = fullest.entity AND fingerprint[14:16] = fullest.bucket
"""

_CLASSES = """
SELECT entity, linkage, strongest, confidence_bin, max(occurrences)::BIGINT FROM weighed GROUP BY ALL
"""

_Cell = tuple[str, int, int, int, int, int]
"""Entity, linkage, linkage as strong as can be, confidence, occurrences, values."""

_ACCEPTED = pa.schema([("fingerprint", pa.binary())])
_ALLOWED = pa.schema([("entity", pa.string()), ("column", pa.string())])
_WITHOUT = pa.schema([("column", pa.string())])
_SAMPLED = pa.schema([("entity", pa.string()), ("edge", pa.binary())])
_BUCKETS = pa.schema([("entity", pa.string()), ("bucket", pa.binary())])


def merge(
    files: Sequence[Path],
    scratch: Path,
    allowed: Collection[tuple[str, str]] = (),
    accepted: Collection[bytes] = (),
    linked: Collection[Path] = (),
    terms: SamplingTerms | None = None,
) -> Merged:
    """Count every value over the value tables in `files`.

    Args:
        files: Parquet files of `values.SCHEMA`, in any order; the result does not depend on it.
        scratch: folder for temporary files, made and removed here.
        allowed: (entity, column) pairs whose values the policy counts for nothing; `by_column` still tells them.
        accepted: fingerprints of values that were reviewed and count for nothing.
        linked: those of `files` whose values may be linked as strongly as can be.
        terms: up to where values are counted one by one; None for any number.
    """
    with _tables(files, scratch, accepted, linked, allowed) as connection:
        rates = _sampled(connection, terms) if terms else {}
        return _merged(connection, scratch, rates, linked=bool(linked))


def recount(
    files: Sequence[Path],
    scratch: Path,
    allowed: Collection[tuple[str, str]],
    without: Collection[str],
    accepted: Collection[bytes] = (),
    rates: Mapping[str, float] | None = None,
) -> Histogram:
    """The histogram of the values that stand outside the columns `without`, as if these were not there.

    A value that also stands elsewhere keeps the occurrences that it has there. Bundles go with their anchor's column.

    Args:
        files: as for `merge`; leave out those of shards that are not to count.
        scratch: as for `merge`.
        allowed: as for `merge`.
        without: leaf paths.
        accepted: as for `merge`.
        rates: those of the merge whose counts this is held against.
    """
    with _tables(files, scratch, accepted, (), allowed, without) as connection:
        return _merged(connection, scratch, rates or {}).histogram


def vanished(
    before: Sequence[Path],
    after: Sequence[Path],
    scratch: Path,
    allowed: Collection[tuple[str, str]],
    without: Collection[str],
    terms: SamplingTerms | None = None,
) -> Histogram:
    """The histogram of the values of some tables that no other table has.

    Args:
        before: Parquet files of `values.SCHEMA`.
        after: those in which the values are looked for.
        scratch: as for `merge`.
        allowed: as for `merge`.
        without: leaf paths whose values count for nothing: with the column, what was missed in it is gone too.
        terms: as for `merge`.
    """
    with _tables(before, scratch, (), (), allowed, without) as connection:
        view(connection, "others", after, values.SCHEMA)
        rates = _sampled(connection, terms) if terms else {}
        return _merged(connection, scratch, rates, without_others=True).histogram


def _merged(
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    rates: Mapping[str, float],
    *,
    without_others: bool = False,
    linked: bool = False,
) -> Merged:
    """What the values kept say, part by part, and what is known of those that were not kept."""
    _keep(connection, rates)
    counts = _Counts(connection, rates)
    for _ in _parts(connection, scratch):
        counts.add(without_others=without_others)
    if rates:
        counts.add_worst(without_others=without_others)
    return counts.merged(linked=linked)


@dataclass(slots=True)
class _Counts:
    """What the parts say, added up."""

    connection: duckdb.DuckDBPyConnection
    rates: Mapping[str, float]
    cells: list[_Cell] = field(default_factory=list)
    distinct: Counter[tuple[str, str]] = field(default_factory=Counter)
    most: dict[tuple[str, str], int] = field(default_factory=dict)
    repeated: dict[str, set[tuple[int, str, int]]] = field(default_factory=dict)
    groups: Counter[tuple[str, int]] = field(default_factory=Counter)
    diversity: dict[str, int] = field(default_factory=dict)

    def add(self, *, without_others: bool, known_alone: bool = False) -> None:
        """Add the rows of the view `part`.

        Args:
            without_others: leave the values out that stand in the view `others`.
            known_alone: the values are known to be there, and counted by what was kept.
        """
        self.connection.execute(_BY_COLUMN, {"quasi": QUASI})
        if without_others:
            self.connection.execute(
                "DELETE FROM by_column WHERE (entity, fingerprint) IN "
                "(SELECT entity, fingerprint FROM others WHERE NOT documentation)"
            )
        for *cell, count in self._rows(_HISTOGRAM):
            self.cells.append((*cell, self._weight(cell[0], known_alone) * count))
        for entity, column, count, most in self._rows(_DISTINCT):
            self.distinct[entity, column] += self._weight(entity, known_alone) * count
            self.most[entity, column] = max(most, self.most.get((entity, column), 0))
        for entity, n, fingerprint, columns in self._rows(_REPEATED, {"most": REPEATED}):
            self._repeat(entity, (n, fingerprint, columns))
        if not known_alone:
            self._add_tables()

    def add_worst(self, *, without_others: bool) -> None:
        """Add what no sample of the values may lose: the most frequent, and that some are linked, sure and frequent."""
        bounds = _find_fullest(self.connection)
        self.add(without_others=without_others, known_alone=True)
        if without_others:
            return
        classes = list(self._rows(_CLASSES))
        self.cells += [(*one, 0) for one in classes]
        for entity, bound in bounds.items():
            ranks = zip(*(one[1:4] for one in classes if one[0] == entity), strict=True)
            seen = max((cell[4] for cell in self.cells if cell[0] == entity), default=0)
            if bound > seen:
                linkage, strongest, confidence = map(max, ranks)
                self.cells.append((entity, linkage, strongest, confidence, bound, 0))

    def merged(self, *, linked: bool) -> Merged:
        """The sums, in canonical order; with `linked`, also those of the strongest linkage that can be."""
        return Merged(
            histogram=Histogram.of([(cell[0], cell[1], *cell[3:]) for cell in self.cells]),
            by_column=tuple(
                ColumnValues(*key, self.distinct[key], self.most[key]) for key in sorted(self.distinct.keys())
            ),
            groups=_groups(sorted((*key, count) for key, count in self.groups.items())),
            diversity=_diversity(sorted(self.diversity.items())),
            repeated=_repeated(self.repeated),
            rates=dict(self.rates),
            linked=Histogram.of([(cell[0], cell[2], *cell[3:]) for cell in self.cells]) if linked else None,
        )

    def _add_tables(self) -> None:
        """The groups of quasi-identifiers, which are never sampled."""
        tables = {"quasi": QUASI, "joint": SENSITIVE_JOINT}
        for columns, size, count in self._rows(_GROUPS, tables):
            self.groups[columns, size] += count
        diversity = self._rows(_DIVERSITY, {**tables, "half": FINGERPRINT_BYTES // 2})
        for name, held in diversity:
            self.diversity[name] = min(held, self.diversity.get(name, held))

    def _repeat(self, entity: str, found: tuple[int, str, int]) -> None:
        kept = self.repeated.setdefault(entity, set()) | {found}
        self.repeated[entity] = set(sorted(kept, key=_most_first)[:REPEATED])

    def _weight(self, entity: str, known_alone: bool) -> int:
        return 0 if known_alone else round(1.0 / self.rates.get(entity, 1.0))

    def _rows(self, query: str, parameters: Mapping[str, object] | None = None) -> Iterator[tuple[Any, ...]]:
        yield from self.connection.execute(query, parameters or {}).fetchall()


def _sampled(connection: duckdb.DuckDBPyConnection, terms: SamplingTerms) -> dict[str, float]:
    """θ of each entity whose values are to be sampled. Rows are counted by entity only where that can be any."""
    if _size(connection) <= terms.exact_values:
        return {}
    return sampling.rates(dict(connection.execute(_ROWS, {"quasi": QUASI}).fetchall()), terms)


def _size(connection: duckdb.DuckDBPyConnection) -> int:
    """Rows of all value tables, which their footers tell."""
    [(rows,)] = connection.execute("SELECT count(*) FROM every").fetchall()
    return int(rows)


def _keep(connection: duckdb.DuckDBPyConnection, rates: Mapping[str, float]) -> None:
    """Make the view `kept`, of the rows of values that are counted, and `weighed`, of all that they stand for."""
    if not rates:
        connection.execute("CREATE TEMP VIEW kept AS SELECT * FROM counted")
        return
    edges = ((entity, sampling.edge(rate)) for entity, rate in rates.items())
    fill(connection, "sampled", _SAMPLED, sorted(edges))
    connection.execute(_KEPT)
    connection.execute(_WEIGHED)


def _find_fullest(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Make the view `part` the rows of the most frequent values; gives how often any other can occur, by entity.

    A value occurs no more often than all values of its bucket together: the most frequent are in the fullest buckets.
    """
    found: dict[str, list[tuple[int, bytes]]] = {}
    for entity, held, bucket in connection.execute(_FULLEST, {"most": FULLEST + 1}).fetchall():
        found.setdefault(entity, []).append((held, bucket))
    fullest = [(entity, bucket) for entity, held in found.items() for _, bucket in sorted(held, reverse=True)[:FULLEST]]
    fill(connection, "fullest", _BUCKETS, sorted(fullest))
    connection.execute(_FREQUENT)
    return {entity: min(buckets)[0] for entity, buckets in found.items() if len(buckets) > FULLEST}


def _parts(connection: duckdb.DuckDBPyConnection, scratch: Path) -> Iterator[None]:
    """Make the view `part`, one after the other, the parts of the rows kept, each with all rows of its fingerprints."""
    if _size(connection) <= PART_ROWS:
        connection.execute("CREATE TEMP VIEW part AS SELECT * FROM kept")
        yield
        return
    folder = scratch / "parts"
    connection.sql(_DEALT).write_parquet(str(folder), partition_by=["part"], compression="lz4")
    for part in sorted(folder.iterdir()):
        connection.read_parquet(str(part / "*.parquet")).create_view("part", replace=True)
        yield


@contextmanager
def _tables(
    files: Sequence[Path],
    scratch: Path,
    accepted: Collection[bytes] = (),
    linked: Collection[Path] = (),
    allowed: Collection[tuple[str, str]] = (),
    without: Collection[str] = (),
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the rows of all value tables that count for anything are the view `counted`."""
    with opened(scratch) as connection:
        _gather(connection, files, linked)
        fill(connection, "accepted", _ACCEPTED, sorted((one,) for one in accepted))
        fill(connection, "allowed", _ALLOWED, sorted(allowed))
        fill(connection, "without", _WITHOUT, sorted((column,) for column in without))
        connection.execute(_COUNTED)
        yield connection


def _gather(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], linked: Collection[Path]) -> None:
    """Make `every` the view of all files, with `strongest`, the linkage that each row has at most."""
    for name, part in (("plain", set(files) - set(linked)), ("unsure", set(linked))):
        view(connection, name, sorted(part), values.SCHEMA)
    plain = connection.view("plain").project("*, linkage AS strongest")
    unsure = connection.view("unsure").project(f"*, {int(Linkage.BESIDE_MORE)}::TINYINT AS strongest")
    (plain.union(unsure) if linked else plain).create_view("every")


def _most_first(found: tuple[int, str, int]) -> tuple[int, str]:
    occurrences, fingerprint, _ = found
    return -occurrences, fingerprint


def _repeated(found: Mapping[str, Collection[tuple[int, str, int]]]) -> tuple[Repeated, ...]:
    """The most repeated first, whatever their entity."""
    rows = [(entity, *one) for entity, ones in found.items() for one in ones]
    ordered = sorted(rows, key=lambda row: (-row[1], row[0], row[2]))
    return tuple(Repeated(entity, fingerprint, n, columns) for entity, n, fingerprint, columns in ordered)


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
