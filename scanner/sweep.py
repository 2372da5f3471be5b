"""The sweep: values that are changed where they were found, looked for wherever else they stand.

A language model reads a name in one place and misses it in the next. Three steps over the shards, each a plain function
of files: `collect` keeps how each changed value is written, as keyed hashes; `merge` makes them one lexicon over all
shards; `find` looks for them in a shard. No text of a shard leaves the memory of the worker that reads it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scanner import spans
from scanner.atomic import replacing
from scanner.errors import StoreFailed
from scanner.files import load_entities
from scanner.fingerprints import Fingerprinter
from scanner.keys import read_key
from scanner.lexicon import SCHEMA, Lexicon, Taken, entry
from scanner.model import Leaf
from scanner.places import PlaceFile, RowWriter
from scanner.redaction import ELSEWHERE, RedactionPlan, chooser
from scanner.selection import merge_values
from scanner.shards import ReadOptions, Shard, Unit, read
from scanner.surrogates import REMARKS
from scanner.words import Numbers

MOST_VALUES = 1_000_000
"""Ways to write values that are looked for, the most frequent first: a worker holds some 150 bytes of each."""

NOT_SWEPT = REMARKS | {"DATE_TIME", "DATE_OF_BIRTH", "NRP"}
"""Entities whose values are not one person's or thing's: the same day, remark or nationality is also another's."""

_PLACED = ("row", "column", "item", "start", "end", "entity", "rule", "fingerprint")


@dataclass(frozen=True, slots=True)
class SweepTask:
    """One shard to be swept.

    Attributes:
        plan: what is changed.
        shard: what to read.
        stem: of the shard's files.
        units: its runs of row groups.
        options: which columns were scanned, and so are read.
        spans: files of the shard's spans.
        folder: for the files of the sweep.
        key_file: of the fingerprint key.
        rules: folder of rules beside the packaged ones.
    """

    plan: RedactionPlan
    shard: Shard
    stem: str
    units: tuple[Unit, ...]
    options: ReadOptions
    spans: tuple[Path, ...]
    folder: Path
    key_file: Path
    rules: Path | None = None

    @property
    def values(self) -> Path:
        """How the values are written that are changed in the shard."""
        return self.folder / f"{self.stem}-values.parquet"

    @property
    def elsewhere(self) -> Path:
        """Spans of values of the lexicon that no detector found."""
        return self.folder / f"{self.stem}-elsewhere.parquet"

    @property
    def lexicon(self) -> Path:
        """Values of all shards."""
        return self.folder / "lexicon.parquet"


@dataclass(frozen=True, slots=True)
class Swept:
    """What came of a step: `fault` says why it could not be done, if it could not."""

    task: SweepTask
    fault: str = ""


def collect(task: SweepTask) -> Swept:
    """Keep how the values are written that are changed in this shard."""
    return _guarded(task, _collect)


def find(task: SweepTask) -> Swept:
    """Keep where values of the lexicon stand in this shard that no detector found."""
    return _guarded(task, _find)


def merge(tasks: Sequence[SweepTask], scratch: Path) -> int:
    """Make one lexicon of the values of all shards; how many ways to write a value were one too many for it."""
    with replacing(tasks[0].lexicon) as draft:
        return merge_values([task.values for task in tasks], SCHEMA, draft, MOST_VALUES, scratch)


def _guarded(task: SweepTask, step: Callable[[SweepTask], None]) -> Swept:
    try:
        step(task)
    except StoreFailed as error:
        return Swept(task, error.what)
    except MemoryError:
        return Swept(task, "did not fit into the memory of a worker")
    return Swept(task)


def _collect(task: SweepTask) -> None:
    fingerprinter, key = _keyed(task.key_file, task.rules)
    choose = _chooser(task.plan)
    with replacing(task.values) as draft, RowWriter(draft, SCHEMA) as writer:
        for leaf, placed in _leaves(_where_found(task)):
            values = _changed(leaf, placed, choose)
            writer.add(row for value, count in values.items() if (row := _row(value, count, fingerprinter, key)))


def _where_found(task: SweepTask) -> SweepTask:
    """The task, less the columns and the runs of row groups in which nothing was found."""
    columns: set[str] = set()
    rows: list[tuple[int, int]] = []
    for file in map(pq.ParquetFile, task.spans):
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["column", "row"])
            if table.num_rows:
                columns.update(pc.unique(table["column"]).to_pylist())
                rows.append((pc.min(table["row"]).as_py(), pc.max(table["row"]).as_py()))
    units = [
        unit
        for unit in task.units
        if any(least < unit.first_row + unit.rows and unit.first_row <= most for least, most in rows)
    ]
    return replace(task, units=tuple(units), options=replace(task.options, include=tuple(sorted(columns))))


def _chooser(plan: RedactionPlan) -> Callable[[str, str, str], bool]:
    """Whether a kind of finding, told by its entity, column and rule, is changed wherever its values stand."""
    choose = chooser(plan)
    return cache(lambda entity, column, rule: entity not in NOT_SWEPT and choose(entity, column, rule) >= 0)


class _Value(NamedTuple):
    """A value that is changed, as it stands in a text."""

    entity: str
    fingerprint: bytes
    rule: str
    text: str


def _changed(leaf: Leaf, placed: _Placed, changes: Callable[[str, str, str], bool]) -> Counter[_Value]:
    """How often each value of a leaf stands where it is changed."""
    wanted, at = np.unique(placed.cells, return_inverse=True)
    texts = leaf.values.take(pa.array(wanted)).to_pylist()
    names = ("entity", "fingerprint", "rule", "start", "end")
    columns = (placed.table[name].to_pylist() for name in names)
    return Counter(
        _Value(entity, fingerprint, rule, texts[cell][start:end])
        for cell, entity, fingerprint, rule, start, end in zip(at.tolist(), *columns, strict=True)
        if changes(entity, leaf.column, rule)
    )


def _row(value: _Value, count: int, fingerprinter: Fingerprinter, key: bytes) -> tuple[Any, ...] | None:
    """A value as a row of the lexicon; None for one that says too little, or stands there encoded."""
    entity, fingerprint, rule, text = value
    row = entry(entity, text, fingerprint, rule, count, key)
    return row if row is not None and fingerprinter.of(entity, text) == fingerprint else None


def _find(task: SweepTask) -> None:
    lexicon = _lexicon(task.lexicon, task.lexicon.stat().st_mtime_ns, task.key_file, task.rules)
    with replacing(task.elsewhere) as draft, RowWriter(draft, spans.SCHEMA) as writer:
        for leaf, placed in _leaves(task):
            taken = Taken(placed.cells, *(placed.table[name].to_numpy().astype(np.int64) for name in ("start", "end")))
            for index, found in lexicon.occurrences(leaf.values, taken):
                place = (task.shard.name, int(leaf.rows[index]), leaf.column, int(leaf.items[index]))
                writer.add(
                    (*place, one.start, one.end, one.entity, ELSEWHERE + one.rule, 0.0, False, one.fingerprint)
                    for one in found
                )


@dataclass(frozen=True, slots=True)
class _Placed:
    """Spans of a leaf, ascending: rows of `spans/`, and the index of the value that each lies in."""

    table: pa.Table
    cells: Numbers


def _leaves(task: SweepTask) -> Iterator[tuple[Leaf, _Placed]]:
    """Every leaf of every batch, with its spans."""
    file = PlaceFile(*task.spans, columns=_PLACED) if task.spans else None
    for unit in task.units:
        for batch in read(unit, task.options):
            for leaf in batch.leaves:
                yield leaf, _placed(leaf, file)


def _placed(leaf: Leaf, file: PlaceFile | None) -> _Placed:
    """The spans that lie in a value of the leaf."""
    if file is None:
        return _Placed(spans.SCHEMA.empty_table(), np.zeros(0, np.int64))
    table = file.at(leaf.column, leaf.rows)
    places = (leaf.rows << 32) | leaf.items
    wanted = table["row"].to_numpy() << 32 | table["item"].to_numpy()
    cells = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
    there = np.flatnonzero(places[cells] == wanted)
    order = there[np.lexsort((table["start"].to_numpy()[there], cells[there]))]
    return _Placed(table.take(pa.array(order)), cells[order])


@lru_cache(maxsize=1)
def _keyed(key_file: Path, rules: Path | None) -> tuple[Fingerprinter, bytes]:
    """Fingerprints as the scan made them, and the key of the hashes of words."""
    key = read_key(key_file)
    hashing = hashlib.blake2b(b"words", key=key, digest_size=32, person=b"sweep").digest()
    return Fingerprinter(key, {name: facts.normalise for name, facts in load_entities(rules).items()}), hashing


@lru_cache(maxsize=1)
def _lexicon(file: Path, modified: int, key_file: Path, rules: Path | None) -> Lexicon:
    """The lexicon of this process; `modified` tells one run's from another's."""
    fingerprinter, key = _keyed(key_file, rules)
    return Lexicon(pq.read_table(file), key, fingerprinter.of)
