"""The detectors as a `mapInArrow` function of Spark: a DataFrame in, a DataFrame of findings out.

For looking around in a lake, where the data lies and with the rows that one likes. What judges a release is a scan,
for which `scanner scan --engine spark` reads the Parquet files themselves: it knows how much there was to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from scanner.fingerprints import Fingerprinter
from scanner.keys import read_key
from scanner.model import Finding, Leaf
from scanner.plan import Plan
from scanner.rulebook import load_rulebook
from scanner.shards import Batch
from scanner.shards.leaves import RawLeaf, Role, explode, to_leaf, tree
from scanner.worker import VERSION, Tools, tools

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FINDING = (
    "column string, item int, start int, end int, entity string, rule string, confidence float, verified boolean, "
    "fingerprint binary"
)
"""What a row tells of a finding, beside the columns that were kept; as in `spans/`."""

UNSCANNED = "UNSCANNED"
"""Entity of a row that stands for a cell which could not be read; `rule` says why. Silence means that it was read."""

Partition = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def findings(
    frame: DataFrame,
    *,
    key_file: Path,
    keep: Sequence[str] = (),
    rules: Path | None = None,
    languages: Sequence[str] = (),
    names: bool = True,
) -> DataFrame:
    """Findings in every text column of a DataFrame: one row a finding, without its text.

    Offsets are code points within the cell. A cell that could not be read has a row with the entity `UNSCANNED`.
    Columns are judged batch by batch, so that a finding which rests on its column may depend on the partitions.

    Args:
        frame: any DataFrame; nested columns are searched too.
        key_file: fingerprint key, under the same path on every node.
        keep: columns of `frame` that say where a finding stands, such as an id; they are copied and not searched.
        rules: folder of rules beside those that ship, under the same path on every node.
        languages: ISO 639-1 codes of the text; none for "tell row by row".
        names: whether the names stage runs.

    Raises:
        Faults: rules or models are wrong.
        BadKey: the key cannot be used.
        KeyError: a column to keep is not there.
    """
    from pyspark.sql.types import StructType

    kept = StructType([frame.schema[name] for name in keep])
    schema = StructType([*kept.fields, *StructType.fromDDL(FINDING).fields])
    return frame.mapInArrow(partition(_plan(key_file, rules, tuple(languages), names=names), tuple(keep)), schema)


def partition(plan: Plan, keep: tuple[str, ...]) -> Partition:
    """The function that `mapInArrow` runs on each partition; tools are made once a worker process."""

    def find(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield _found(batch, keep, tools(plan))

    return find


def _plan(key_file: Path, rules: Path | None, languages: tuple[str, ...], *, names: bool) -> Plan:
    """A plan without an output: what a worker needs to search, and to know that it is the same everywhere."""
    rulebook = load_rulebook(rules, None, with_models=names)
    return Plan(
        out=Path(),
        key_file=key_file,
        rules=rules,
        include=(),
        exclude=(),
        dropped=(),
        languages=languages,
        names=names,
        count_documentation=False,
        scanner_version=VERSION,
        rules_sha256=rulebook.rules.sha256,
        models_sha256=tuple(sorted(rulebook.models_sha256.items())),
        key_id=Fingerprinter(read_key(key_file)).key_id,
    )


Shown = Mapping[tuple[int, int, int], str]
"""Values as they read once they are decoded, by cell, start and end, where they stand encoded."""

_Row = tuple[int, str, int, int, int, str, str, float, bool, bytes | None]

_TOLD = pa.schema(
    [
        ("column", pa.string()),
        ("item", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("entity", pa.string()),
        ("rule", pa.string()),
        ("confidence", pa.float32()),
        ("verified", pa.bool_()),
        ("fingerprint", pa.binary()),
    ]
)


def _found(record: pa.RecordBatch, keep: tuple[str, ...], made: Tools) -> pa.RecordBatch:
    """Findings of one record batch, with the kept columns of their rows before them."""
    leaves, rows = _leaves(record.drop_columns(list(keep)), made)
    for leaf, result in made.detection.find(Batch(0, record.num_rows, leaves)):
        for index, found in result.found.items():
            rows += [_told(leaf, index, finding, result.shown, made) for finding in found]
        rows += [_silence(leaf, index, "a pattern took too long") for index in result.timed_out]
    rows.sort(key=lambda row: row[:4])
    places = pa.array([row[0] for row in rows], pa.int64())
    told = [pa.array([row[1 + index] for row in rows], field.type) for index, field in enumerate(_TOLD)]
    kept = [record.column(name).take(places) for name in keep]
    return pa.RecordBatch.from_arrays([*kept, *told], [*keep, *_TOLD.names])


def _leaves(record: pa.RecordBatch, made: Tools) -> tuple[list[Leaf], list[_Row]]:
    """Leaf columns as text, and a row for every value in them that is none."""
    leaves: list[Leaf] = []
    rows: list[_Row] = []
    for raw in explode(tree(record.schema), record, 0):
        if not _asked(raw, made):
            continue
        leaf, valid = to_leaf(raw)
        leaves += [leaf] if len(leaf.values) else []
        broken = zip(raw.rows[~valid].tolist(), raw.items[~valid].tolist(), strict=True)
        rows += [_unread(row, leaf.column, item, "bytes that are not UTF-8") for row, item in broken]
    return leaves, rows


def _asked(raw: RawLeaf, made: Tools) -> bool:
    """Whether values of the leaf may identify somebody, as a scan judges it."""
    if raw.leaf.role in (Role.TEXT, Role.BINARY):
        return True
    return raw.leaf.role is not Role.SILENT and made.options.numbers(raw.leaf.column, str(raw.leaf.type), None)


def _told(leaf: Leaf, index: int, finding: Finding, shown: Shown, made: Tools) -> _Row:
    value = leaf.values[index].as_py()[finding.start : finding.end]
    return (
        int(leaf.rows[index]),
        leaf.column,
        int(leaf.items[index]),
        finding.start,
        finding.end,
        finding.entity,
        finding.rule,
        finding.confidence,
        finding.verified,
        made.fingerprinter.of(finding.entity, shown.get((index, finding.start, finding.end), value)),
    )


def _silence(leaf: Leaf, index: int, why: str) -> _Row:
    return _unread(int(leaf.rows[index]), leaf.column, int(leaf.items[index]), why)


def _unread(row: int, column: str, item: int, why: str) -> _Row:
    return (row, column, item, 0, 0, UNSCANNED, why, 1.0, False, None)
