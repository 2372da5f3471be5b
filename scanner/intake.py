"""The intake of a run: which shards and units are known, which are known under another name, and which must be read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from scanner import census, shards, stores
from scanner.atomic import replacing
from scanner.census import Census
from scanner.errors import StoreFailed, UnreadableShard
from scanner.executors import Executor, Lost
from scanner.ledger import Known, Ledger, UnitRow
from scanner.model import Unscanned, UnscannedReason
from scanner.output import RETIRED
from scanner.plan import Plan, Task, Verify
from scanner.shards import Shard, ShardFacts
from scanner.tally import Tally

KINDS = ("spans", "values")
AT_ONCE = 500
"""Shards entered in one transaction: a kill costs no more than looking at these again."""

ASKED_AT_ONCE = 16
"""Remote shards whose store is asked at the same time whether they changed."""

LEFT = "a budget of time or size ended the run before its turn"

T = TypeVar("T")
Allows = Callable[[int], bool]
"""Asked before each piece of work of so many bytes whether it may begin; once it said no it says no."""

SecondsLeft = Callable[[], float]
"""Seconds until the run must end; infinity for no end."""


@dataclass(frozen=True, slots=True)
class Intake:
    """The shards of a run.

    Attributes:
        facts: of every shard, in the order of their names.
        census: how they differ from those that the last run found.
        first_seen: when each shard was seen first; a shard not named was never seen before.
    """

    facts: tuple[ShardFacts, ...]
    census: Census
    first_seen: Mapping[str, str]


def take(
    found: Sequence[Shard],
    ledger: Ledger,
    executor: Executor,
    verify: Verify,
    now: str,
    *,
    resume: bool,
    allows: Allows,
) -> Intake:
    """Look at every shard: known ones by a glance, all others by their footer and every byte, if they lie on disk.

    Args:
        found: the shards that are there.
        ledger: what earlier runs saw; it learns what this one sees.
        executor: spreads the reading.
        verify: how known shards are told.
        now: the time, UTC.
        resume: whether earlier runs count.
        allows: ends the looking; shards not looked at are then left for a later run.
    """
    known = ledger.shards()
    trusted = unchanged(found, known) if resume and verify is Verify.GLANCE else frozenset()
    strange = [shard for shard in found if shard.name not in trusted]
    strange.sort(key=lambda shard: (known[shard.name].first_seen if shard.name in known else now, shard.name))
    looked: list[ShardFacts] = []
    inspect = partial(shards.inspect, whole=verify is Verify.SHA256)
    for some in _batches(_inspected(executor, inspect, strange, allows), AT_ONCE):
        ledger.enter(some, now)
        looked += some
    facts = [*ledger.facts(shard for shard in found if shard.name in trusted), *looked]
    ledger.mark([shard.name for shard in found], now)
    return Intake(
        facts=tuple(sorted(facts, key=lambda one: one.shard)),
        census=_census(known, facts),
        first_seen={name: one.first_seen for name, one in known.items()},
    )


def unchanged(found: Sequence[Shard], known: Mapping[str, Known]) -> frozenset[str]:
    """Names of the shards at which a glance gives what it gave before; stores are asked about several at once."""
    asked = [shard for shard in found if shard.name in known]

    def same(shard: Shard) -> bool:
        return _is_same(shard, known[shard.name].glance)

    near = (shard.name for shard in asked if not stores.is_url(shard.path) and same(shard))
    far = [shard for shard in asked if stores.is_url(shard.path)]
    told: list[tuple[Shard, bool]] = []
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        for some in _batches(far, AT_ONCE):
            told += zip(some, pool.map(same, some), strict=True)
    return frozenset(near) | {shard.name for shard, is_same in told if is_same}


def _is_same(shard: Shard, glance: str) -> bool:
    """Whether a glance at the shard gives what it gave before; never for a glance that says nothing."""
    try:
        return bool(glance) and not shard.outside and shards.glance(shard.path) == glance
    except (UnreadableShard, StoreFailed):
        return False


def tasks_of(plan: Plan, intake: Intake) -> dict[str, Task]:
    """Every unit by its name; those of shards that wait longest come first, then in the order of shards and rows."""
    waiting = sorted(intake.facts, key=lambda one: (intake.first_seen.get(one.shard.name, "~"), one.shard))
    tasks = [Task(plan, unit, one.sha256) for one in waiting for unit in plan.units(one)]
    return {task.name: task for task in tasks}


def prepare(
    ledger: Ledger, plan: Plan, tasks: Mapping[str, Task], intake: Intake, *, resume: bool, retire: str
) -> None:
    """Bring ledger and folders to what a run starts from: what is known is live, what is gone is not.

    Args:
        ledger: of the output folder.
        plan: of the run.
        tasks: every unit of the run.
        intake: the shards of the run.
        resume: whether units of earlier runs count.
        retire: when units whose shard is gone are retired, UTC; "" to forget them.
    """
    if not resume:
        ledger.keep_only(plan.digest, ())
    _adopt(ledger, plan, tasks, _with_files(ledger, plan))
    ledger.keep_only(plan.digest, tasks.keys(), retire)
    settle(ledger, plan.out)
    faults = {f"fault/{one.shard.name}": Tally(unscanned=(one.fault,)) for one in intake.facts if one.fault is not None}
    ledger.set_aside(plan.digest, faults)


def _inspected(
    executor: Executor, inspect: Callable[[Shard], ShardFacts], strange: Sequence[Shard], allows: Allows
) -> Iterator[ShardFacts]:
    """Facts of shards that must be looked at; a shard whose reader died, or whose turn did not come, is at fault."""
    begun = 0

    def allowed() -> Iterator[Shard]:
        nonlocal begun
        for shard in strange:
            if not allows(0):
                return
            begun += 1
            yield shard

    for result in executor.map(inspect, allowed()):
        if isinstance(result, Lost):
            yield _given_up(result.item, result.reason, "its footer ended the worker that read it")
        else:
            yield result
    for shard in strange[begun:]:
        yield _given_up(shard, UnscannedReason.LATER, LEFT)


def _given_up(shard: Shard, reason: UnscannedReason, detail: str) -> ShardFacts:
    size = 0
    with contextlib.suppress(OSError):
        size = os.stat(shard.path).st_size
    return ShardFacts(shard, "", size, 0, (), (), None, Unscanned(shard.name, "", 0, size, reason, detail))


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _census(known: Mapping[str, Known], facts: Iterable[ShardFacts]) -> Census:
    return census.compare(
        {name: one.sha256 for name, one in known.items() if one.present},
        {name: one.sha256 for name, one in known.items() if not one.present},
        {one.shard.name: one.sha256 for one in facts},
    )


def _with_files(ledger: Ledger, plan: Plan) -> dict[str, UnitRow]:
    """Whole units whose files are where they must be; the ledger forgets those whose files somebody took away."""
    present = [_stems(plan.out / kind) | _stems(plan.out / RETIRED / kind) for kind in KINDS]
    known = {name: row for name, row in ledger.units(plan.digest).items() if row.whole}
    lost = {name for name in known if not all(name in stems for stems in present)}
    ledger.drop(plan.digest, lost)
    return {name: row for name, row in known.items() if name not in lost}


def _adopt(ledger: Ledger, plan: Plan, tasks: Mapping[str, Task], known: Mapping[str, UnitRow]) -> None:
    """Take over units of shards that were moved or copied, without reading a row."""
    by_content = {(row.sha256, row.number): name for name, row in known.items() if row.sha256}
    for name, task in tasks.items():
        source = by_content.get((task.sha256, task.unit.index))
        if source is None or name in known:
            continue
        _copy_files(plan, source, task)
        tally = _of_shard(ledger.tally(plan.digest, source), task.unit.shard.name)
        ledger.finish(plan.digest, name, tally, sha256=task.sha256, number=task.unit.index)


def _copy_files(plan: Plan, source: str, task: Task) -> None:
    """Put the files in place that a scan of the unit would write, byte for byte."""
    with replacing(plan.spans / f"{task.name}.parquet") as draft:
        _renamed(_file(plan, "spans", source), draft, task.unit.shard.name)
    with replacing(plan.values / f"{task.name}.parquet") as draft:
        draft.write_bytes(_file(plan, "values", source).read_bytes())


def _of_shard(tally: Tally, shard: str) -> Tally:
    return replace(tally, unscanned=tuple(sorted(replace(entry, shard=shard) for entry in tally.unscanned)))


def _renamed(source: Path, target: Path, shard: str) -> None:
    """Copy spans with another name of the shard, in the very pieces that they were written in."""
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        index = file.schema_arrow.get_field_index("shard")
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            names = pa.array([shard] * table.num_rows, pa.string())
            writer.write_table(table.set_column(index, file.schema_arrow.field(index), names))


def settle(ledger: Ledger, out: Path) -> None:
    """Move the files of retired units aside and of returned ones back; what belongs to no unit goes."""
    units = ledger.places()
    for kind in KINDS:
        live, aside = out / kind, out / RETIRED / kind
        if any(units.values()):
            aside.mkdir(parents=True, exist_ok=True)
        for folder, here in ((live, False), (aside, True)):
            for file in _files(folder):
                retired = units.get(file.stem)
                if retired is None:
                    file.unlink()
                elif retired is not here:
                    file.replace((aside if retired else live) / file.name)


def _stems(folder: Path) -> set[str]:
    return {file.stem for file in _files(folder)}


def _files(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(folder)] if folder.is_dir() else []


def _file(plan: Plan, kind: str, unit: str) -> Path:
    live = plan.out / kind / f"{unit}.parquet"
    return live if live.exists() else plan.out / RETIRED / kind / live.name
