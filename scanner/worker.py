"""What a worker does with one unit: read it, find, link, fingerprint, record; a small tally comes back."""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from scanner.detectables import Detectables, load_detectables
from scanner.detection import TEXT_TYPES, Detection, LeafFindings, build
from scanner.entities import Bundle, Entities, gated, of_names
from scanner.errors import BadEngine, BadOutput, MixedKeys, StoreFailed
from scanner.executors import Progress
from scanner.fingerprints import Fingerprinter
from scanner.heap import settle_worker
from scanner.keys import read_key
from scanner.linkage import Cell, bundles, linkages
from scanner.lots import LotCount, lots_of
from scanner.model import Finding, Leaf, Linkage, Unscanned, UnscannedReason
from scanner.places import PlaceFile, marked, place_file
from scanner.plan import Plan, Task
from scanner.recorder import Recorder
from scanner.shards import Batch, ReadOptions, leaf_bytes, read
from scanner.spans import FINGERPRINT_BYTES
from scanner.tally import ColumnCount, FindingCount, Tally
from scanner.values import QUASI, SENSITIVE_JOINT

VERSION = version("training-data-privacy-scanner")


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a unit.

    Attributes:
        task: which.
        tally: its counts.
        whole: it is done with; if not, some or all of it is unscanned and worth another try.
    """

    task: Task
    tally: Tally
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Tools:
    """What a process makes once and uses for every unit of a plan."""

    detection: Detection
    fingerprinter: Fingerprinter
    entities: Entities
    bundles: tuple[Bundle, ...]
    options: ReadOptions


PASSING = frozenset({UnscannedReason.CHANGED, UnscannedReason.UNREADABLE})
"""Reasons that may be gone at the next look at the same bytes."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""What a write fails with when no unit can be recorded: the run ends, as all others would fail as this one did."""

_watched: list[Progress] = []


def watch(progress: Progress) -> None:
    """Count rows and bytes read in `progress` from now on."""
    _watched[:] = [progress]


def scan_unit(task: Task) -> Done:
    """Scan one unit and put its spans and value table in place.

    Whatever goes wrong with the unit makes it unscanned as a whole: a half-searched unit is none. What the error
    says is not passed on, as libraries put the text that they choked on into it.
    """
    made = tools(task.plan)
    spans, values = _files(task)
    try:
        surrogates = _surrogates(task)
        with Recorder(task.unit.shard.name, spans, values) as recorder:
            batches = _batches(task, made)
            tally = sum((_scan_batch(batch, task, made, recorder, surrogates) for batch in batches), Tally())
    except StoreFailed as error:
        return Done(task, _unscanned(task, error.reason, error.what), False)
    except OSError as error:
        if error.errno in FULL:
            raise BadOutput(f"{task.plan.out}: cannot be written: {os.strerror(error.errno)}") from None
        return Done(task, _unscanned(task, UnscannedReason.CRASHED, f"a detector raised {type(error).__name__}"), False)
    except MemoryError:
        return Done(task, _unscanned(task, UnscannedReason.TOO_LARGE, "did not fit into the memory of a worker"), False)
    except Exception as error:  # noqa: BLE001 - one unit must not end the scan of the others
        return Done(task, _unscanned(task, UnscannedReason.CRASHED, f"a detector raised {type(error).__name__}"), False)
    tally = replace(tally, gated=_gated(task, tally, made))
    return Done(task, tally, whole=not any(entry.reason in PASSING for entry in tally.unscanned))


def lost(task: Task, reason: UnscannedReason) -> Done:
    """The unit of a worker that did not live to finish it."""
    return Done(task, _unscanned(task, reason, "its worker did not finish it"), False)


def arrived(done: Done) -> Done:
    """The unit, given up if its files did not reach the output folder that the run sees.

    A worker on another machine may have written them to a folder of the same name that is not the same folder.
    """
    files = _files(done.task)
    if not done.whole or all(file.exists() for file in files):
        return done
    detail = "its files did not reach the output folder: every node must see the same one"
    return Done(done.task, _unscanned(done.task, UnscannedReason.UNREADABLE, detail), False)


def clear(task: Task) -> None:
    """Take away what an earlier try left: should this one fail, it must not count."""
    for file in _files(task):
        file.unlink(missing_ok=True)


def _files(task: Task) -> tuple[Path, Path]:
    """Where the unit's spans and its value table go."""
    return task.plan.spans / f"{task.name}.parquet", task.plan.values / f"{task.name}.parquet"


def forsake(task: Task) -> Tally:
    """The unit whose turn did not come."""
    return _unscanned(task, UnscannedReason.LATER, "a budget of time or size ended the run before its turn")


@lru_cache(maxsize=1)
def tools(plan: Plan) -> Tools:
    """The tools of this process.

    Raises:
        BadEngine: this node holds another version of the program, or other rules, than the plan was made with.
        MixedKeys: it holds another fingerprint key.
    """
    detectables = load_detectables(plan.rules, with_models=plan.names, prove=False)
    fingerprinter = Fingerprinter(read_key(plan.key_file), _normalisers(detectables))
    _check_node(plan, detectables, fingerprinter)
    detection = build(
        detectables.rules,
        detectables.models,
        detectables.columns,
        plan.languages,
        count_documentation=plan.count_documentation,
        curves=detectables.curves,
    )
    settle_worker()
    return Tools(
        detection=detection,
        fingerprinter=fingerprinter,
        entities=detectables.entities,
        bundles=detectables.bundles,
        options=ReadOptions(
            include=plan.include, exclude=plan.exclude, dropped=plan.dropped, numbers=detection.columns.asks
        ),
    )


def _normalisers(detectables: Detectables) -> dict[str, str]:
    return {name: facts.normalise for name, facts in detectables.entities.items()}


def _check_node(plan: Plan, detectables: Detectables, fingerprinter: Fingerprinter) -> None:
    """Counts of nodes that search by other rules, or fingerprint by another key, must not be added."""
    if (plan.scanner_version, plan.rules_sha256) != (VERSION, detectables.rules.sha256):
        raise BadEngine("a worker holds another version of scanner, or other rules: install the same on every node")
    if plan.key_id != fingerprinter.key_id:
        raise MixedKeys("a worker holds another fingerprint key: put the same key file on every node")


def _unscanned(task: Task, reason: UnscannedReason, detail: str) -> Tally:
    unit = task.unit
    return Tally(unscanned=(Unscanned(unit.shard.name, "", unit.rows, max(1, unit.size_bytes), reason, detail),))


def _batches(task: Task, tools: Tools) -> Iterator[Batch]:
    """The unit's batches, counted for whoever watches."""
    for batch in read(task.unit, tools.options):
        yield batch
        for progress in _watched:
            progress[0] += 0 if batch.again else batch.rows
            progress[1] += batch.size_bytes


def _surrogates(task: Task) -> PlaceFile | None:
    """Where a redaction put surrogates into this very shard, if one did."""
    if task.plan.redaction is None:
        return None
    file = place_file(task.plan.redaction, task.sha256)
    return PlaceFile(file) if file.exists() else None


def _scan_batch(
    batch: Batch, task: Task, tools: Tools, recorder: Recorder, surrogates: PlaceFile | None = None
) -> Tally:
    results = tools.detection.find(batch, task.lots)
    if surrogates is not None:
        results = [(leaf, replace(result, found=marked(leaf, result.found, surrogates))) for leaf, result in results]
    tally = Tally(
        rows=0 if batch.again else batch.rows,
        findings=_record(results, tools, recorder),
        unscanned=tuple(batch.unscanned),
    )
    _record_groups(batch, tools, recorder)
    return sum((_coverage(leaf, result, task, tools.entities) for leaf, result in results), tally)


def _coverage(leaf: Leaf, result: LeafFindings, task: Task, entities: Entities) -> Tally:
    """Bytes of the leaf by what became of them."""
    size = leaf_bytes(leaf)
    given_up = [_cell_bytes(leaf, index) for index in result.timed_out]
    entry = Unscanned(
        task.unit.shard.name,
        leaf.column,
        len({int(leaf.rows[index]) for index in result.timed_out}),
        sum(given_up),
        UnscannedReason.TIMED_OUT,
        "a pattern took too long",
    )
    lots = _lots(leaf, result, task, entities)
    return Tally(
        scanned_bytes=size - sum(given_up),
        columns={leaf.column: ColumnCount(len(leaf.values), size, result.characters)},
        names_read=result.names_read,
        names_unread={} if task.plan.until_decided and not task.plan.names else result.names_unread,
        names_left=sum(lot.left for lot in lots.values()),
        lots=lots,
        unscanned=(entry,) if given_up else (),
    )


def _gated(task: Task, tally: Tally, made: Tools) -> int:
    """1 for a unit whose findings weigh more, or trip a gate, beside a name; 0 where nobody asks."""
    if not task.plan.until_decided or task.plan.names:
        return 0
    asked = gated(made.entities, made.bundles)
    return int(any(entity in asked for entity, _ in tally.findings))


def _lots(leaf: Leaf, result: LeafFindings, task: Task, entities: Entities) -> dict[int, LotCount]:
    """What each lot of the leaf holds; nothing where none are drawn, or there is nothing for the names stage."""
    if not task.plan.until_decided or leaf.native not in TEXT_TYPES:
        return {}
    lots = lots_of(leaf.rows)
    names = np.zeros(len(lots), np.int64)
    for index, findings in result.found.items():
        names[index] = sum(of_names(one.entity, entities) and not one.documentation for one in findings)
    # Arrow counts capitals with RE2, which takes text of any kind.
    capitals = pc.count_substring_regex(leaf.values, r"\p{Lu}").to_numpy()
    sums = [
        np.bincount(lots, weights=counts).astype(int).tolist()
        for counts in (pc.binary_length(leaf.values).to_numpy(), capitals, names)
    ]
    return {
        lot: LotCount(size, upper, size if task.is_left(lot) else 0, found)
        for lot, (size, upper, found) in enumerate(zip(*sums, strict=True))
        if size
    }


def _cell_bytes(leaf: Leaf, index: int) -> int:
    return len(leaf.values[index].as_buffer())


def _record(
    results: Sequence[tuple[Leaf, LeafFindings]], tools: Tools, recorder: Recorder
) -> dict[tuple[str, str], FindingCount]:
    """Write every finding of a batch, row by row, and count them."""
    by_row: defaultdict[int, list[Cell]] = defaultdict(list)
    for leaf, result in results:
        for index, findings in sorted(result.found.items()):
            by_row[int(leaf.rows[index])].append(_cell(leaf, index, findings, result.shown, tools))
    for row, cells in sorted(by_row.items()):
        _record_row(row, cells, tools, recorder)
    return _counts(by_row)


def _cell(
    leaf: Leaf, index: int, findings: Sequence[Finding], shown: Mapping[tuple[int, int, int], str], tools: Tools
) -> Cell:
    """The findings of a cell with the fingerprints of their values, which are one whether they stand encoded or not."""
    text = leaf.values[index].as_py()
    spans = [(finding.start, finding.end) for finding in findings]
    values = [shown.get((index, start, end), text[start:end]) for start, end in spans]
    prints = [tools.fingerprinter.of(finding.entity, value) for finding, value in zip(findings, values, strict=True)]
    return Cell(leaf.column, int(leaf.items[index]), findings, prints)


def _record_row(row: int, cells: Sequence[Cell], tools: Tools, recorder: Recorder) -> None:
    for cell, levels in zip(cells, linkages(cells, tools.entities), strict=True):
        for finding, fingerprint, linkage in zip(cell.findings, cell.fingerprints, levels, strict=True):
            recorder.finding(row, cell.column, cell.item, finding, fingerprint, linkage)
    for found in bundles(cells, tools.bundles):
        joined = tools.fingerprinter.joined(found.bundle.name, found.fingerprints)
        recorder.value(found.bundle.name, found.cell.column, joined, Linkage.BESIDE_MORE, found.confidence)


def _counts(by_row: Mapping[int, Sequence[Cell]]) -> dict[tuple[str, str], FindingCount]:
    """Counts by (entity, column); findings of documentation alone touch no row."""
    found: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    touched: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for row, cells in by_row.items():
        for cell in cells:
            for finding in cell.findings:
                key = (finding.entity, cell.column)
                found[key].append(finding)
                if not finding.documentation:
                    touched[key].add(row)
    return {key: FindingCount.of(findings, len(touched[key])) for key, findings in found.items()}


def _record_groups(batch: Batch, tools: Tools, recorder: Recorder) -> None:
    """Count the rows of each tuple of quasi-identifiers, so that k-anonymity can be told over all shards."""
    groups = tools.detection.quasi_groups(batch)
    if groups is None:
        return
    for generalised, count in groups.tuples:
        fingerprint = tools.fingerprinter.of(QUASI, generalised)
        recorder.value(QUASI, groups.columns, fingerprint, Linkage.ALONE, 1.0, occurrences=count)
    half = FINGERPRINT_BYTES // 2
    for column, pairs in groups.sensitive:
        table = f"{groups.columns}{SENSITIVE_JOINT}{column}"
        for generalised, value in pairs:
            both = tools.fingerprinter.of(QUASI, generalised)[:half] + tools.fingerprinter.of(QUASI, value)[:half]
            recorder.value(QUASI, table, both, Linkage.ALONE, 1.0)
