"""Places in a shard: spans on disk by column and row, looked up a batch at a time.

A redaction leaves beside its shards where its surrogates stand, so that a later scan does not take them for people's
data. A place says nothing of the value that stood there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scanner.model import DOCUMENTATION, Finding, Found, Leaf
from scanner.rows import table_of

SURROGATE = f"{DOCUMENTATION}surrogate:"
"""Prefix of the rule of a finding that is a surrogate of ours, and so no one's."""

SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("column", pa.string(), nullable=False),
        pa.field("item", pa.int32(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
    ]
)
GROUP_ROWS = 32_768
_GROUPS_HELD = 4


def place_file(folder: Path, sha256: str) -> Path:
    """Where a redaction keeps the places of its surrogates in the shard with this SHA-256."""
    return folder / "places" / f"{sha256}.parquet"


class PlaceFile:
    """Parquet files with at least `row` and `column`, of which some rows are wanted at a time."""

    def __init__(self, *files: Path, columns: Sequence[str] | None = None) -> None:
        """Open files of one schema, at least one; `columns` are the wanted ones, `row` and `column` among them."""
        self._files = [pq.ParquetFile(file) for file in files]
        self._columns = columns
        self._ranges = {
            (index, group): _range(file.metadata.row_group(group))
            for index, file in enumerate(self._files)
            for group in range(file.metadata.num_row_groups)
        }
        self._held: dict[tuple[int, int], pa.Table] = {}

    def between(self, column: str, first: int, stop: int) -> pa.Table:
        """Rows of the file for a leaf path and rows of the shard from `first` until `stop`, in the file's order."""
        wanted = [
            index
            for index, ((low, high), (least, most)) in self._ranges.items()
            if low <= column <= high and least < stop and first <= most
        ]
        return pa.concat_tables([self._filtered(index, column, first, stop) for index in wanted] or [self._empty()])

    def at(self, column: str, rows: npt.NDArray[np.int64]) -> pa.Table:
        """Rows of the file for a leaf path and some rows of the shard in a row: their numbers, ascending, not empty."""
        return self.between(column, int(rows[0]), int(rows[-1]) + 1)

    def any_between(self, column: str, first: int, stop: int) -> bool:
        """Whether `between` would give any."""
        return bool(self.between(column, first, stop).num_rows)

    def _empty(self) -> pa.Table:
        empty = self._files[0].schema_arrow.empty_table()
        return empty.select(self._columns) if self._columns else empty

    def _filtered(self, index: tuple[int, int], column: str, first: int, stop: int) -> pa.Table:
        table = self._group(index)
        rows = table["row"]
        mask = pc.and_(pc.greater_equal(rows, first), pc.less(rows, stop))
        return table.filter(pc.and_(mask, pc.equal(table["column"], column)))

    def _group(self, index: tuple[int, int]) -> pa.Table:
        if index not in self._held:
            while len(self._held) >= _GROUPS_HELD:
                self._held.pop(next(iter(self._held)))
            file, group = index
            self._held[index] = self._files[file].read_row_group(group, columns=self._columns)
        return self._held[index]


class RowWriter:
    """Writes rows of a Parquet file, a group at a time; use it as a context."""

    def __init__(self, file: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._rows: list[tuple[Any, ...]] = []

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows in the order of the schema's fields."""
        self._rows.extend(rows)
        if len(self._rows) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(table_of(self._rows, self._schema))
        self._rows.clear()


def by_cell(table: pa.Table, names: Sequence[str]) -> Iterator[tuple[int, int, list[tuple[Any, ...]]]]:
    """Rows of a place file by the cell that they stand in: row, item and some columns of each place, in order."""
    rows, items = table["row"].to_numpy(), table["item"].to_numpy()
    places = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    starts = np.flatnonzero((np.diff(rows, prepend=-1) != 0) | (np.diff(items, prepend=-1) != 0))
    runs = pairwise([*starts.tolist(), len(rows)])
    return ((int(rows[start]), int(items[start]), places[start:end]) for start, end in runs)


def marked(leaf: Leaf, found: Found, file: PlaceFile) -> Found:
    """The findings of a leaf, those that are surrogates marked as such.

    A finding is one if none of its letters and digits stands outside of the places.
    """
    if not found:
        return found
    table = file.at(leaf.column, leaf.rows)
    if not table.num_rows:
        return found
    cells = {(row, item): places for row, item, places in by_cell(table, ("start", "end"))}
    return {index: _marked(leaf, index, findings, cells) for index, findings in found.items()}


def _marked(
    leaf: Leaf, index: int, findings: Sequence[Finding], cells: Mapping[tuple[int, int], Sequence[tuple[int, int]]]
) -> list[Finding]:
    places = cells.get((int(leaf.rows[index]), int(leaf.items[index])))
    if not places:
        return list(findings)
    text = leaf.values[index].as_py()
    return [
        replace(finding, rule=SURROGATE + finding.rule.removeprefix(DOCUMENTATION))
        if _within(text, finding, places)
        else finding
        for finding in findings
    ]


def _within(text: str, finding: Finding, places: Sequence[tuple[int, int]]) -> bool:
    at = finding.start
    for start, end in (place for place in sorted(places) if place[1] > finding.start):
        if start >= finding.end:
            break
        if any(map(str.isalnum, text[at : max(at, start)])):
            return False
        at = max(at, end)
    return at > finding.start and not any(map(str.isalnum, text[at : finding.end]))


def _range(group: Any) -> tuple[Any, Any]:
    """Ends of the columns and of the rows of a row group."""
    columns = {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}
    return _ends(columns["column"]), _ends(columns["row"])


def _ends(column: Any) -> tuple[Any, Any]:
    """Smallest and largest value of a column chunk; the widest range where they are not told."""
    statistics = column.statistics
    if statistics is not None and statistics.has_min_max:
        return statistics.min, statistics.max
    return (0, 1 << 62) if column.physical_type == "INT64" else ("", chr(0x10FFFF))
