"""The sweep: values that are changed where they were found, looked for wherever else they stand.

A language model reads a name in one place and misses it in the next. Three steps over the shards, each a plain function
of files: `collect` keeps how each changed value is written, as keyed hashes; `merge` makes them one lexicon over all
shards; `find` looks for them in a shard. No text of a shard leaves the memory of the worker that reads it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scanner import spans, surfaces
from scanner.atomic import replacing
from scanner.errors import StoreFailed
from scanner.files import load_entities
from scanner.fingerprints import Fingerprinter
from scanner.keys import read_key
from scanner.model import Leaf
from scanner.places import PlaceFile, RowWriter, by_cell
from scanner.redaction import ELSEWHERE, RedactionPlan, chooser, treatments_of
from scanner.selection import merge_values, select
from scanner.shards import ReadOptions, Shard, Unit, read
from scanner.surfaces import WORD, Form, Group
from scanner.surrogates import REMARKS

MOST_VALUES = 1_000_000
"""Ways to write values that are looked for, the most frequent first: a worker holds some 60 bytes of each."""

NOT_SWEPT = REMARKS | {"DATE_TIME", "DATE_OF_BIRTH", "NRP"}
"""Entities whose values are not one person's or thing's: the same day, remark or nationality is also another's."""

_WORDS_HELD = 1 << 18
_LONGEST_EDGE = 64
_NO_GROUPS: tuple[Group, ...] = ()

VALUES = pa.schema(
    [
        pa.field("anchor", pa.uint64(), nullable=False),
        pa.field("words", pa.int16(), nullable=False),
        pa.field("place", pa.int16(), nullable=False),
        pa.field("lead", pa.int16(), nullable=False),
        pa.field("tail", pa.int16(), nullable=False),
        pa.field("capitals", pa.int16(), nullable=False),
        pa.field("entity", pa.string(), nullable=False),
        pa.field("fingerprint", pa.binary(spans.FINGERPRINT_BYTES), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("findings", pa.int64(), nullable=False),
    ]
)


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
    def sorted(self) -> Path:
        """All spans of the shard by column, row and place."""
        return self.folder / f"{self.stem}-spans.parquet"

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
        return merge_values([task.values for task in tasks], VALUES, draft, MOST_VALUES, scratch)


def _guarded(task: SweepTask, step: Callable[[SweepTask], None]) -> Swept:
    try:
        step(task)
    except StoreFailed as error:
        return Swept(task, error.what)
    except MemoryError:
        return Swept(task, "did not fit into the memory of a worker")
    return Swept(task)


def _collect(task: SweepTask) -> None:
    _sort_spans(task)
    fingerprinter, key = _keyed(task.key_file, task.rules)
    treatments = frozenset(range(len(treatments_of(task.plan))))
    with replacing(task.values) as draft, RowWriter(draft, VALUES) as writer:
        for leaf, cells in _leaves(task):
            counted = Counter(
                value
                for index, found in cells.items()
                for value in _values(leaf.values[index].as_py(), found, treatments, fingerprinter, key)
            )
            writer.add((*value, count) for value, count in sorted(counted.items()))


def _sort_spans(task: SweepTask) -> None:
    """Every span of the shard with the number of its treatment; those that stay have one that is no treatment's."""
    choose = chooser(task.plan)
    stays = len(treatments_of(task.plan))

    def chosen(entity: str, column: str, rule: str) -> int:
        number = choose(entity, column, rule)
        return stays if number < 0 or entity in NOT_SWEPT else number

    with replacing(task.sorted) as draft:
        select(task.spans, task.shard.name, chosen, task.folder / f"{task.stem}-scratch", file=draft)


def _values(
    text: str,
    found: Sequence[Mapping[str, Any]],
    treatments: frozenset[int],
    fingerprinter: Fingerprinter,
    key: bytes,
) -> Iterator[tuple[Any, ...]]:
    """The values of one cell that are changed, as rows of `VALUES` but for the count; encoded ones are left out."""
    for span in found:
        value = text[span["start"] : span["end"]]
        if span["treatment"] not in treatments or (form := surfaces.form_of(value)) is None:
            continue
        shape, anchor = form
        if max(shape.lead, shape.tail) > _LONGEST_EDGE:
            continue
        if fingerprinter.of(span["entity"], value) == span["fingerprint"]:
            row = (surfaces.anchor_hash(anchor, key), shape.words, shape.anchor, shape.lead, shape.tail, shape.capitals)
            yield (*row, span["entity"], span["fingerprint"], span["rule"])


def _find(task: SweepTask) -> None:
    fingerprinter, key = _keyed(task.key_file, task.rules)
    lexicon = _lexicon(task.lexicon, task.lexicon.stat().st_mtime_ns, key)
    with replacing(task.elsewhere) as draft, RowWriter(draft, spans.SCHEMA) as writer:
        for leaf, cells in _leaves(task) if lexicon.has_values else ():
            for index, text in enumerate(leaf.values.to_pylist()):
                if not (groups := lexicon.among(text)):
                    continue
                taken = [(span["start"], span["end"]) for span in cells.get(index, ())]
                row, item = int(leaf.rows[index]), int(leaf.items[index])
                writer.add(
                    (
                        *(task.shard.name, row, leaf.column, item, one.start, one.end),
                        *(one.entity, ELSEWHERE + one.rule, 0.0, False, one.fingerprint),
                    )
                    for one in surfaces.occurrences(text, groups, taken, fingerprinter.of)
                )


def _leaves(task: SweepTask) -> Iterator[tuple[Leaf, dict[int, list[dict[str, Any]]]]]:
    """Every leaf of every batch, with the spans of its cells by their index."""
    file = PlaceFile(task.sorted)
    for unit in task.units:
        for batch in read(unit, task.options):
            for leaf in batch.leaves:
                yield leaf, _by_index(leaf, file)


def _by_index(leaf: Leaf, file: PlaceFile) -> dict[int, list[dict[str, Any]]]:
    cells = list(by_cell(file.at(leaf.column, leaf.rows)))
    places = (leaf.rows << 32) | leaf.items
    wanted = np.array([row << 32 | item for row, item, _ in cells], np.int64)
    at = np.searchsorted(places, wanted)
    return {
        int(index): found
        for index, place, (_, _, found) in zip(at, wanted, cells, strict=True)
        if index < len(places) and places[index] == place
    }


@lru_cache(maxsize=1)
def _keyed(key_file: Path, rules: Path | None) -> tuple[Fingerprinter, bytes]:
    key = read_key(key_file)
    return Fingerprinter(key, {name: facts.normalise for name, facts in load_entities(rules).items()}), key


@lru_cache(maxsize=1)
def _lexicon(file: Path, modified: int, key: bytes) -> _Lexicon:
    """The lexicon of this process; `modified` tells one run's from another's."""
    return _Lexicon(pq.read_table(file), key)


class _Lexicon:
    """Values by the hash of their anchor; words are looked up once."""

    def __init__(self, table: pa.Table, key: bytes) -> None:
        self._table, self._key = table, key
        self._anchors = array("Q", table["anchor"].to_numpy().tobytes())
        self._cold: set[str] = set()
        self._groups: dict[str, tuple[Group, ...]] = {}

    @property
    def has_values(self) -> bool:
        """Whether anything is looked for."""
        return bool(self._table.num_rows)

    def among(self, text: str) -> dict[str, tuple[Group, ...]]:
        """Values by the words of the text that are their anchors, case aside."""
        words = set(WORD.findall(text)) - self._cold
        return {word: groups for word in words if (groups := self._of(word))}

    def _of(self, word: str) -> tuple[Group, ...]:
        if (known := self._groups.get(word)) is not None:
            return known
        self._forget()
        wanted = surfaces.anchor_hash(word, self._key)
        low = bisect_left(self._anchors, wanted)
        if self._anchors[low : low + 1] != array("Q", [wanted]):
            self._cold.add(word)
            return _NO_GROUPS
        self._groups[word] = _grouped(self._table.slice(low, bisect_right(self._anchors, wanted) - low))
        return self._groups[word]

    def _forget(self) -> None:
        for held in (self._cold, self._groups):
            if len(held) >= _WORDS_HELD:
                held.clear()


def _grouped(table: pa.Table) -> tuple[Group, ...]:
    groups: dict[tuple[str, Form], Group] = {}
    for row in table.to_pylist():
        form = Form(row["words"], row["place"], row["lead"], row["tail"], 0)
        group = groups.setdefault((row["entity"], form), Group(row["entity"], form, {}))
        group.values.setdefault(row["fingerprint"], ([], row["rule"]))[0].append(row["capitals"])
    return tuple(groups[key] for key in sorted(groups))
