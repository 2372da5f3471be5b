"""Choosing what a redaction changes: spans of all shards, out of core, sorted as a shard is written.

DuckDB counts the occurrences of a value over the whole dataset and sorts the spans of a shard by column and row;
nothing here grows with the number of spans but its temporary files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from scanner.model import DOCUMENTATION
from scanner.outcome import Selected
from scanner.places import GROUP_ROWS
from scanner.redaction import Deduplicate

MEMORY_LIMIT = "512MB"

Choose = Callable[[str, str, str], int]
"""Number of the treatment of a finding by entity, column and rule; negative for those that stay."""


_EXCESS = """
COPY (
    SELECT shard, row, "column", item, start
    FROM (SELECT shard, row, "column", item, start, row_number() OVER (
              PARTITION BY entity, fingerprint ORDER BY shard, row, "column", item, start) AS place
          FROM spans
          WHERE NOT starts_with(rule, $documentation) AND ($entity = '' OR entity = $entity)
            AND NOT list_contains($shards, shard) AND NOT list_contains($columns, "column"))
    WHERE place > $most
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""

_SELECTED = """
CREATE TEMP TABLE selected AS
SELECT s."column", s.row, s.item, s.start, s."end", s.entity, s.rule, s.fingerprint, p.person,
       CASE WHEN t.treatment >= 0 THEN t.treatment WHEN e.start IS NOT NULL THEN $excess ELSE -1 END AS treatment
FROM spans s
JOIN chosen t ON t.entity = s.entity AND t."column" = s."column" AND t.rule = s.rule
LEFT JOIN excess e ON e.row = s.row AND e."column" = s."column" AND e.item = s.item AND e.start = s.start
LEFT JOIN persons p ON p.row = s.row
WHERE s.shard = $shard AND (t.treatment >= 0 OR e.start IS NOT NULL)
"""

_PERSONS = """
CREATE TEMP TABLE persons AS
SELECT row, arg_min(fingerprint, (rank, "column", item, start)) AS person
FROM spans JOIN ranks USING (entity)
WHERE shard = $shard AND NOT starts_with(rule, $documentation)
  AND row IN (SELECT row FROM spans WHERE shard = $shard AND starts_with(entity, 'DATE_'))
GROUP BY row
"""

_COUNTED = """
SELECT entity, treatment, count(*)::BIGINT, count(DISTINCT ("column", row, item))::BIGINT,
       count(DISTINCT row)::BIGINT, sum("end" - start)::BIGINT
FROM selected GROUP BY ALL ORDER BY ALL
"""


def write_excess(
    spans: Sequence[Path],
    rules: Sequence[Deduplicate],
    file: Path,
    scratch: Path,
    *,
    dropped_shards: Sequence[str] = (),
    dropped_columns: Sequence[str] = (),
) -> None:
    """Write the occurrences beyond the first of each value, in the order of shards, rows, columns and places.

    Args:
        spans: files of all shards.
        rules: how many occurrences stay, of which entity.
        file: to write: shard, row, column, item, start.
        scratch: folder for temporary files; what is left there goes.
        dropped_shards: do not count.
        dropped_columns: do not count.
    """
    parts = [scratch / f"excess-{index}.parquet" for index in range(len(rules))]
    with _tables(spans, scratch) as connection:
        for rule, part in zip(rules, parts, strict=True):
            connection.execute(
                _EXCESS.format(file=_quoted(part)),
                {
                    "documentation": DOCUMENTATION,
                    "entity": rule.entity,
                    "shards": list(dropped_shards),
                    "columns": list(dropped_columns),
                    "most": rule.most,
                },
            )
        names = ", ".join(f"'{_quoted(part)}'" for part in parts)
        connection.execute(
            f"COPY (SELECT DISTINCT * FROM read_parquet([{names}]) ORDER BY ALL) "  # noqa: S608 - paths of ours
            f"TO '{_quoted(file)}' (FORMAT parquet, COMPRESSION zstd)"
        )


def select(
    spans: Sequence[Path],
    shard: str,
    choose: Choose,
    scratch: Path,
    *,
    file: Path | None = None,
    excess: Path | None = None,
    excess_treatment: int = -1,
    ranks: Mapping[str, int] | None = None,
) -> tuple[Selected, ...]:
    """Choose the spans of one shard, write them sorted by column, row and place, and count them.

    Args:
        spans: files of the shard.
        shard: its name.
        choose: gives each kind of finding its treatment.
        scratch: folder for temporary files.
        file: to write: the spans' places, entity, rule, fingerprint, person and treatment; None to count alone.
        excess: occurrences too many, as `write_excess` wrote them.
        excess_treatment: number of the treatment of those that have no other.
        ranks: entities that tell a person, with the best at the lowest number.
    """
    with _tables(spans, scratch) as connection:
        _register(connection, shard, choose, excess, ranks or {})
        connection.execute(_PERSONS, {"shard": shard, "documentation": DOCUMENTATION})
        connection.execute(_SELECTED, {"shard": shard, "excess": excess_treatment})
        counted = tuple(Selected(*row) for row in connection.execute(_COUNTED).fetchall())
        if file is not None:
            connection.execute(
                f'COPY (SELECT * FROM selected ORDER BY "column", row, item, start) '  # noqa: S608 - a path of ours
                f"TO '{_quoted(file)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP_ROWS})"
            )
        return counted


def rows_of(selection: Path, treatments: Sequence[int]) -> list[int]:
    """Rows, ascending, in which a finding has one of the treatments."""
    with duckdb.connect(":memory:") as connection:
        connection.read_parquet(str(selection)).create_view("selected")
        query = "SELECT DISTINCT row FROM selected WHERE list_contains($treatments, treatment) ORDER BY row"
        return [row for (row,) in connection.execute(query, {"treatments": list(treatments)}).fetchall()]


def still_found(after: Sequence[Path], treated: Sequence[Path], entities: Collection[str] | None, scratch: Path) -> int:
    """Distinct values that were taken out and are found all the same, told by their fingerprints.

    Args:
        after: spans of the new shards.
        treated: selections of all shards, as `select` wrote them.
        entities: those of which every value was to go, None for all; of others, some may rightly stay.
        scratch: folder for temporary files.
    """
    if not after or not treated:
        return 0
    with _tables(after, scratch) as connection:
        connection.read_parquet([str(file) for file in treated]).create_view("treated")
        query = """
            SELECT count(*) FROM (
                SELECT DISTINCT entity, fingerprint FROM spans
                WHERE NOT starts_with(rule, $documentation) AND ($all OR list_contains($entities, entity))
                INTERSECT SELECT DISTINCT entity, fingerprint FROM treated)
        """
        values = {"documentation": DOCUMENTATION, "all": entities is None, "entities": sorted(entities or ())}
        ((count,),) = connection.execute(query, values).fetchall()
        return int(count)


def _register(
    connection: duckdb.DuckDBPyConnection, shard: str, choose: Choose, excess: Path | None, ranks: Mapping[str, int]
) -> None:
    """The tables that the choice joins with."""
    kinds = connection.execute(
        'SELECT DISTINCT entity, "column", rule FROM spans WHERE shard = $shard ORDER BY ALL', {"shard": shard}
    ).fetchall()
    chosen = pa.table(
        {
            "entity": pa.array([entity for entity, _, _ in kinds], pa.string()),
            "column": pa.array([column for _, column, _ in kinds], pa.string()),
            "rule": pa.array([rule for _, _, rule in kinds], pa.string()),
            "treatment": pa.array([choose(*kind) for kind in kinds], pa.int32()),
        }
    )
    connection.from_arrow(chosen).create("chosen")
    ranked = pa.table({"entity": pa.array(list(ranks), pa.string()), "rank": pa.array(ranks.values(), pa.int32())})
    connection.from_arrow(ranked).create("ranks")
    if excess is None:
        connection.execute(
            'CREATE TEMP TABLE excess (shard VARCHAR, row BIGINT, "column" VARCHAR, item INTEGER, start INTEGER)'
        )
    else:
        connection.execute(
            f"CREATE TEMP TABLE excess AS SELECT * FROM read_parquet('{_quoted(excess)}') "  # noqa: S608 - ours
            "WHERE shard = $shard",
            {"shard": shard},
        )


@contextmanager
def _tables(spans: Sequence[Path], scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the files are the view `spans`."""
    scratch.mkdir(parents=True, exist_ok=True)
    settings = {
        "memory_limit": MEMORY_LIMIT,
        "threads": 1,
        "temp_directory": str(scratch / "duckdb"),
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        connection.read_parquet([str(file) for file in spans]).create_view("spans")
        yield connection


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")
