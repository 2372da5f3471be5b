"""Choosing what a redaction changes: spans of all shards, out of core, sorted as a shard is written.

DuckDB counts the occurrences of a value over the whole dataset and sorts the spans of a shard by column and row;
nothing here grows with the number of spans but its temporary files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from scanner.duck import fill, opened, view
from scanner.model import DOCUMENTATION
from scanner.outcome import Selected
from scanner.places import GROUP_ROWS
from scanner.redaction import ELSEWHERE, Choose, Deduplicate
from scanner.spans import SCHEMA

MEMORY_LIMIT = "512MB"

_VALUES = pa.schema([SCHEMA.field("entity"), SCHEMA.field("fingerprint")])
_CHOSEN = pa.schema(
    [("entity", pa.string()), ("column", pa.string()), ("rule", pa.string()), ("treatment", pa.int32())]
)
_RANKS = pa.schema([("entity", pa.string()), ("rank", pa.int32())])

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

_SPANS = """
CREATE TEMP VIEW spans AS
SELECT * FROM found UNION ALL SELECT * FROM missed SEMI JOIN accepted USING (entity, fingerprint)
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
       count(DISTINCT row)::BIGINT, sum("end" - start)::BIGINT,
       count(*) FILTER (WHERE starts_with(rule, $elsewhere))::BIGINT,
       coalesce(sum("end" - start) FILTER (WHERE starts_with(rule, $elsewhere)), 0)::BIGINT
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
    elsewhere: Path | None = None,
    accepted: Path | None = None,
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
        elsewhere: spans of values that stand where no detector found them.
        accepted: values of which these spans count, too, as `write_accepted_values` wrote them.
    """
    with opened(scratch / "duckdb", memory=MEMORY_LIMIT, ordered=True) as connection:
        view(connection, "found", spans, SCHEMA)
        view(connection, "missed", [elsewhere] if elsewhere and accepted else [], SCHEMA)
        view(connection, "accepted", [accepted] if elsewhere and accepted else [], _VALUES)
        connection.execute(_SPANS)
        _register(connection, shard, choose, excess, ranks or {})
        connection.execute(_PERSONS, {"shard": shard, "documentation": DOCUMENTATION})
        connection.execute(_SELECTED, {"shard": shard, "excess": excess_treatment})
        counted = tuple(Selected(*row) for row in connection.execute(_COUNTED, {"elsewhere": ELSEWHERE}).fetchall())
        if file is not None:
            connection.execute(
                f'COPY (SELECT * FROM selected ORDER BY "column", row, item, start) '  # noqa: S608 - a path of ours
                f"TO '{_quoted(file)}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP_ROWS})"
            )
        return counted


def count_spans(spans: Sequence[Path], scratch: Path) -> dict[tuple[str, str, str], int] | None:
    """Findings by entity, column and rule; None where a file cannot be read."""
    try:
        with _tables(spans, scratch) as connection:
            query = 'SELECT entity, "column", rule, count(*)::BIGINT FROM spans GROUP BY ALL'
            found = connection.execute(query).fetchall()
            return {(entity, column, rule): count for entity, column, rule, count in found}
    except duckdb.Error:
        return None


def rows_of(selection: Path, treatments: Sequence[int]) -> list[int]:
    """Rows, ascending, in which a finding has one of the treatments."""
    with opened(None) as connection:
        connection.read_parquet(str(selection)).create_view("selected")
        query = "SELECT DISTINCT row FROM selected WHERE list_contains($treatments, treatment) ORDER BY row"
        return [row for (row,) in connection.execute(query, {"treatments": list(treatments)}).fetchall()]


def write_still_found(
    after: Sequence[Path], treated: Sequence[Path], entities: Collection[str] | None, file: Path, scratch: Path
) -> int:
    """Write the values, as entity and fingerprint, that were taken out and are found all the same, and count them.

    Args:
        after: spans of the new shards.
        treated: selections of all shards, as `select` wrote them.
        entities: those of which every value was to go, None for all; of others, some may rightly stay.
        file: to write.
        scratch: folder for temporary files.
    """
    with _tables(after, scratch) as connection:
        connection.read_parquet([str(one) for one in treated]).create_view("treated")
        query = """
            SELECT DISTINCT entity, fingerprint FROM spans
            WHERE NOT starts_with(rule, $documentation) AND ($all OR list_contains($entities, entity))
            INTERSECT SELECT DISTINCT entity, fingerprint FROM treated ORDER BY ALL
        """
        values = {"documentation": DOCUMENTATION, "all": entities is None, "entities": sorted(entities or ())}
        return _copied(connection, query, file, values)


def merge_values(files: Sequence[Path], schema: pa.Schema, file: Path, most: int, scratch: Path) -> int:
    """Write the values of all shards once each, with the most frequent ones first in line; how many were left out.

    Args:
        files: of `lexicon.SCHEMA`.
        schema: theirs.
        file: to write, in order.
        most: values to keep.
        scratch: folder for temporary files.
    """
    names = ", ".join(f'"{name}"' for name in schema.names if name not in ("rule", "findings"))
    with _tables(files, scratch) as connection:
        connection.execute(
            f"CREATE TEMP TABLE merged AS SELECT {names}, min(rule) AS rule, sum(findings)::BIGINT AS findings "  # noqa: S608 - names of ours
            f"FROM spans GROUP BY {names}"
        )
        query = f"SELECT * FROM (SELECT * FROM merged ORDER BY findings DESC, {names} LIMIT $most) ORDER BY {names}"  # noqa: S608 - names of ours
        kept = _copied(connection, query, file, {"most": most})
        ((all_of_them,),) = connection.execute("SELECT count(*) FROM merged").fetchall()
        return int(all_of_them) - kept


def write_accepted_values(
    found: Sequence[Path], elsewhere: Sequence[Path], stubborn: Sequence[Path], file: Path, scratch: Path
) -> dict[str, str]:
    """Write the values that are changed also where no detector found them, as entity and fingerprint.

    A value is one if it was found in at least as many places as not: a word that is mostly something else (`Subject`,
    `Will` at the head of a question) stays where it is, as does what a detector took for a name once by mistake.

    Args:
        found: spans of all shards.
        elsewhere: where the same values stand else, of all shards.
        stubborn: values that a second look found again, as `write_still_found` wrote them: these are always such.
        file: to write.
        scratch: folder for temporary files.

    Returns:
        What tells the occurrences of one shard from others, by the shard's name, for shards that have any.
    """
    with _tables(found, scratch) as connection:
        view(connection, "elsewhere", elsewhere, SCHEMA)
        view(connection, "stubborn", stubborn, _VALUES)
        query = """
            SELECT entity, fingerprint
            FROM (SELECT entity, fingerprint, count(*) AS missed FROM elsewhere GROUP BY ALL)
            JOIN (SELECT entity, fingerprint, count(*) AS found FROM spans GROUP BY ALL) USING (entity, fingerprint)
            WHERE missed <= found
            UNION SELECT entity, fingerprint FROM stubborn SEMI JOIN elsewhere USING (entity, fingerprint)
            ORDER BY ALL
        """
        _copied(connection, query, file, {})
        told = connection.execute(
            f"""
            SELECT shard, sha256(string_agg(
                concat_ws('|', "column", row, item, start, "end", entity, hex(fingerprint)), '\n'
                ORDER BY "column", row, item, start))
            FROM elsewhere SEMI JOIN read_parquet('{_quoted(file)}') USING (entity, fingerprint) GROUP BY shard
            """  # noqa: S608 - a path of ours
        ).fetchall()
        return dict(told)


def _copied(connection: duckdb.DuckDBPyConnection, query: str, file: Path, values: Mapping[str, object]) -> int:
    """Write what a query gives; how many rows."""
    connection.execute(f"COPY ({query}) TO '{_quoted(file)}' (FORMAT parquet, COMPRESSION zstd)", values)
    ((count,),) = connection.fetchall()
    return int(count)


def _register(
    connection: duckdb.DuckDBPyConnection, shard: str, choose: Choose, excess: Path | None, ranks: Mapping[str, int]
) -> None:
    """The tables that the choice joins with."""
    kinds = connection.execute(
        'SELECT DISTINCT entity, "column", rule FROM spans WHERE shard = $shard ORDER BY ALL', {"shard": shard}
    ).fetchall()
    fill(connection, "chosen", _CHOSEN, ((*kind, choose(*kind)) for kind in kinds))
    fill(connection, "ranks", _RANKS, ranks.items())
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
    """A connection in which the files are the view `spans`; a shard without rows has none."""
    with opened(scratch / "duckdb", memory=MEMORY_LIMIT, ordered=True) as connection:
        view(connection, "spans", spans, SCHEMA)
        yield connection


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")
