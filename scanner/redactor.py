"""What a worker does with one shard of a redaction: choose, write, keep what was taken out, put in place."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from scanner import stores, vault
from scanner.atomic import replacing, write_text
from scanner.detectables import load_detectables
from scanner.detectors import checks
from scanner.detectors.anonymizer import Anonymize, anonymizer
from scanner.entities import Entities
from scanner.errors import StoreFailed, UnreadableShard
from scanner.heap import settle_worker
from scanner.keys import read_key
from scanner.model import Identity, UnscannedReason
from scanner.outcome import Selected, ShardDone
from scanner.places import SCHEMA, PlaceFile, RowWriter, by_cell, place_file
from scanner.plan import file_stem
from scanner.redaction import ELSEWHERE, PSEUDONYM, Operator, RedactionPlan, Treatment, chooser, treatments_of
from scanner.selection import rows_of, select
from scanner.shards import ReadOptions, Shard, Unit
from scanner.shards.leaves import LeafType, Role, Rows, as_text
from scanner.shards.rewrite import Changes, rewrite
from scanner.shards.source import Stamp, stamp
from scanner.splicing import splice
from scanner.stores import Place, Url
from scanner.surrogates import Surrogates, Value
from scanner.utility import Sketch, words_in

FOLDER = "_redaction"
"""Folder for all but the shards, in an output on this machine or in the folder of its work; scans pass over it."""

_SAMPLED_CELLS = 64
"""Cells of a read whose words go into the sketches of the vocabulary."""


@dataclass(frozen=True, slots=True)
class RedactTask:
    """One shard under one redaction.

    Attributes:
        plan: what to do.
        shard: what to read.
        sha256: of the shard, as the evidence has it.
        stamp: of the file when it was hashed.
        size_bytes: of the file.
        out: folder of the new shards, on this machine or in a store.
        folder: of the redaction's own files.
        spans: files of the shard's spans.
        units: its runs of row groups.
        options: which columns were scanned.
        excess: occurrences too many over all shards, if any are counted.
        elsewhere: spans of values that stand where no detector found them, if they were looked for.
        accepted: values of which these spans are changed, too.
        swept: tells which of these spans the shard has; "" for none.
        identity: what `sha256` is a hash of.
        key_file: of the fingerprint key.
        rules: folder of rules beside the packaged ones.
        vault: file that keeps what is taken out, if one is asked for.
        vault_key: file of its key.
    """

    plan: RedactionPlan
    shard: Shard
    sha256: str
    stamp: Stamp
    size_bytes: int
    out: Place
    folder: Path
    spans: tuple[Path, ...]
    units: tuple[Unit, ...]
    options: ReadOptions
    excess: Path | None
    key_file: Path
    rules: Path | None = None
    vault: Path | None = None
    vault_key: Path | None = None
    elsewhere: Path | None = None
    accepted: Path | None = None
    swept: str = ""
    identity: Identity = Identity.SHA256

    @property
    def stem(self) -> str:
        """Stem of the shard's files in the folder of the redaction."""
        return file_stem(self.shard.name, self.sha256)

    @property
    def target(self) -> Place:
        """Where the new shard goes."""
        return self.out / self.shard.name

    @property
    def done(self) -> Path:
        """The file that says that the shard is done, and what was changed."""
        return self.folder / "done" / f"{self.stem}.json"

    @property
    def scratch(self) -> Path:
        """Folder for temporary files of this shard."""
        return self.folder / "scratch" / self.stem

    @property
    def selection(self) -> Path:
        """Places of what was changed, with fingerprints."""
        return self.folder / "changed" / f"{self.stem}.parquet"


def to_json(done: ShardDone) -> str:
    """The result as text."""
    return json.dumps(asdict(done), sort_keys=True) + "\n"


def from_json(text: str) -> ShardDone:
    """The result that `to_json` wrote."""
    told = json.loads(text)
    told["selected"] = tuple(Selected(**one) for one in told["selected"])
    for name in ("before", "after"):
        told[name] = Sketch(tuple(told[name]["hashes"]))
    return ShardDone(**told)


def redact_shard(task: RedactTask) -> ShardDone:
    """Write one shard's redacted form, whole or not at all.

    The places of its surrogates are there before it, and what it lacks is in the vault before it; the file that says
    that it is done comes last.
    """
    try:
        done = _redacted(task)
        write_text(task.done, to_json(done))
    except UnreadableShard as error:
        return ShardDone(task.shard.name, task.sha256, fault=str(error))
    except StoreFailed as error:
        where = "its new object" if error.place == str(task.target) else "the object"
        return ShardDone(task.shard.name, task.sha256, fault=f"{where}: {error.what}")
    except MemoryError:
        return ShardDone(task.shard.name, task.sha256, fault="did not fit into the memory of a worker")
    finally:
        shutil.rmtree(task.scratch, ignore_errors=True)
    return done


def ranks_of(entities: Entities) -> dict[str, int]:
    """Entities that tell a person, the best to tell persons apart first."""
    last = {"PERSON": 2, "USERNAME": 1}
    names = sorted(name for name, facts in entities.items() if facts.identifies)
    first = {"EMAIL_ADDRESS": -2, "PHONE_NUMBER": -1}
    return {name: rank for rank, name in enumerate(sorted(names, key=lambda n: (first.get(n, last.get(n, 0)), n)))}


@dataclass(frozen=True, slots=True)
class _Tools:
    """What a process makes once and uses for every shard."""

    anonymize: Anonymize
    entities: Entities
    sketch_key: bytes


@lru_cache(maxsize=1)
def tools(key_file: Path, rules: Path | None) -> _Tools:
    """The tools of this process: operators under the key, with the checks of all rules."""
    found = load_detectables(rules, with_models=False, prove=False)
    known = {rule.id: (rule.checks, rule.regions) for rule in found.rules.rules}
    known |= {rule.id: (rule.checks, rule.regions) for rule in found.columns.rules}

    def passes(rule: str, text: str) -> bool:
        names, regions = known.get(rule, ((), ()))
        return any(checks.passes(name, text, regions) is True for name in names)

    key = read_key(key_file)
    surrogates = Surrogates(key, passes)
    made = _Tools(lru_cache(maxsize=1 << 16)(anonymizer(surrogates)), found.entities, key)
    settle_worker()
    return made


def _redacted(task: RedactTask) -> ShardDone:
    made = tools(task.key_file, task.rules)
    if stamp(task.shard.path) != task.stamp:
        raise UnreadableShard(UnscannedReason.CHANGED, "the file is not the one that was hashed")
    task.scratch.mkdir(parents=True, exist_ok=True)
    if not isinstance(task.target, Url):
        task.target.parent.mkdir(parents=True, exist_ok=True)
    for folder in (task.selection.parent, task.done.parent, task.folder / "places"):
        folder.mkdir(parents=True, exist_ok=True)
    with replacing(task.selection) as selection:
        treatments = treatments_of(task.plan)
        selected = select(
            task.spans,
            task.shard.name,
            chooser(task.plan),
            task.scratch,
            file=selection,
            excess=task.excess,
            excess_treatment=treatments.index(PSEUDONYM),
            ranks=ranks_of(made.entities),
            elsewhere=task.elsewhere if task.swept else None,
            accepted=task.accepted,
        )
        editor = _Editor(PlaceFile(selection), treatments, made)
        dropping = [number for number, one in enumerate(treatments) if one.operator is Operator.DROP_ROW]
        dropped = np.array(rows_of(selection, dropping) if dropping else [], np.int64)
        return _written(task, editor, dropped, selected)


def _written(task: RedactTask, editor: _Editor, dropped: Rows, selected: tuple[Selected, ...]) -> ShardDone:
    """The new shard and all that goes with it, in place."""
    with replacing(task.target, task.scratch) as draft:
        places = task.scratch / "places.parquet"
        with RowWriter(places, SCHEMA) as writer:
            editor.places, editor.dropped = writer, dropped
            changes = Changes(editor.touches, editor.edit, frozenset(task.plan.dropped_columns), dropped_rows=dropped)
            result = rewrite(task.shard.path, draft, changes)
        editor.check(sum(one.spans for one in selected))
        if stamp(task.shard.path) != task.stamp:
            raise UnreadableShard(UnscannedReason.CHANGED, "the file changed while it was read")
        made = vault.sha256_of(draft)
        _put(places, place_file(task.folder, made))
        if task.vault is not None and task.vault_key is not None:
            whole = sha256_whole(task.shard, task.sha256, task.identity)
            entry = vault.Entry(task.shard.name, whole, task.size_bytes, made)
            vault.store(task.vault, read_key(task.vault_key), task.shard.path, entry, result.kept)
    return ShardDone(
        shard=task.shard.name,
        sha256=task.sha256,
        made=made,
        version=str(stamp(task.target.full)[1]) if isinstance(task.target, Url) else "",
        plan=task.plan.digest,
        swept=task.swept,
        rows_before=result.rows + len(dropped),
        rows=result.rows,
        selected=selected,
        words=editor.words,
        words_changed=editor.words_changed,
        touched=result.touched,
        copied=result.copied,
        before=editor.before,
        after=editor.after,
    )


def sha256_whole(shard: Shard, sha256: str, identity: Identity) -> str:
    """SHA-256 of all bytes of a shard that evidence knows by `sha256`; of one known by its version they are read.

    Raises:
        BadUrl, StoreFailed: the shard cannot be read from its store.
    """
    return sha256 if identity is Identity.SHA256 else stores.sha256(shard.path)


def _put(draft: Path, file: Path) -> None:
    with replacing(file) as target:
        os.replace(draft, target)


class _Span(NamedTuple):
    """A finding that is changed, as `selection.select` has it."""

    start: int
    end: int
    entity: str
    rule: str
    fingerprint: bytes
    person: bytes | None
    treatment: int


@dataclass(slots=True)
class _Editor:
    """Gives a shard's leaves their new texts, and counts."""

    selection: PlaceFile
    treatments: Sequence[Treatment]
    tools: _Tools
    places: RowWriter | None = None
    dropped: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    applied: int = 0
    words: int = 0
    words_changed: int = 0
    before: Sketch = field(default_factory=Sketch)
    after: Sketch = field(default_factory=Sketch)

    def touches(self, column: str, first: int, rows: int) -> bool:
        """Whether any finding to be changed lies there."""
        return self.selection.any_between(column, first, first + rows)

    def edit(self, leaf: LeafType, values: pa.Array, rows: Rows) -> Mapping[int, str | None]:
        """New texts by slot."""
        if not len(rows):
            return {}
        table = self.selection.at(leaf.column, rows)
        if leaf.role is Role.TEXT:
            self.words += words_in(values)
        cells = list(by_cell(table, _Span._fields))
        slots = _slots(rows, cells)
        texts = as_text(values.take(pa.array(slots, pa.int64()))).to_pylist() if slots else []
        new = {
            slot: self._cell(leaf.column, row, item, text, list(map(_Span._make, spans)))
            for slot, text, (row, item, spans) in zip(slots, texts, cells, strict=True)
        }
        self._sketch(leaf, values, new)
        return new

    def check(self, selected: int) -> None:
        """Every finding that was chosen was changed.

        Raises:
            UnreadableShard: some were not, so that the spans are not this shard's.
        """
        if self.applied != selected:
            raise UnreadableShard(UnscannedReason.CHANGED, "its findings do not lie where the spans say")

    def _cell(self, column: str, row: int, item: int, text: str | None, spans: Sequence[_Span]) -> str | None:
        if text is None or any(not 0 <= span.start <= span.end <= len(text) for span in spans):
            raise UnreadableShard(UnscannedReason.CHANGED, "its findings do not lie where the spans say")
        self.applied += len(spans)
        self.words_changed += sum(len(text[span.start : span.end].split()) for span in spans)
        operators = {self.treatments[span.treatment].operator for span in spans}
        if Operator.DROP_ROW in operators:
            return text
        if Operator.DROP_CELL in operators:
            return None
        made = splice(text, [(span.start, span.end, partial(self._made, span)) for span in spans])
        if self.places is not None and (gone := self._rows_gone(row)) is not None:
            self.places.add((row - gone, column, item, start, end) for start, end in made.places)
        return made.text

    def _rows_gone(self, row: int) -> int | None:
        """Rows before this one that are left out; None where it is one itself."""
        if not len(self.dropped):
            return 0
        gone = int(np.searchsorted(self.dropped, row))
        return None if gone < len(self.dropped) and self.dropped[gone] == row else gone

    def _made(self, span: _Span, text: str) -> str:
        rule = span.rule.removeprefix(ELSEWHERE)
        value = Value(text, span.entity, span.fingerprint, rule, span.person or b"")
        return self.tools.anonymize(self.treatments[span.treatment], value)

    def _sketch(self, leaf: LeafType, values: pa.Array, new: Mapping[int, str | None]) -> None:
        """Add the words of some cells, evenly spread, as they were and as they are."""
        if leaf.role is not Role.TEXT or not len(values):
            return
        slots = np.unique(np.linspace(0, len(values) - 1, min(_SAMPLED_CELLS, len(values))).astype(np.int64))
        texts = values.take(pa.array(slots)).to_pylist()
        before = [text for text in texts if text is not None]
        after = [
            text for slot, old in zip(slots.tolist(), texts, strict=True) if (text := new.get(slot, old)) is not None
        ]
        self.before |= Sketch.of(before, self.tools.sketch_key)
        self.after |= Sketch.of(after, self.tools.sketch_key)


def _slots(rows: Rows, cells: Sequence[tuple[int, int, Any]]) -> list[int]:
    """Places of values among the slots of their leaf."""
    wanted = np.array([row for row, _, _ in cells], np.int64)
    slots = np.searchsorted(rows, wanted) + np.array([item for _, item, _ in cells], np.int64)
    if (slots >= len(rows)).any() or (rows[slots] != wanted).any():
        raise UnreadableShard(UnscannedReason.CHANGED, "its findings do not lie where the spans say")
    found: list[int] = slots.tolist()
    return found
