"""The reading of a run: the units that the ledger does not know, one after the other, each entered as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Protocol

from scanner import deciding
from scanner.entities import of_names
from scanner.executors import Executor, Lost
from scanner.gather import Counted, accepted, gather
from scanner.intake import Allows, SecondsLeft
from scanner.ledger import Ledger
from scanner.model import Artefact, UnscannedReason
from scanner.output import SCRATCH
from scanner.plan import Plan, Task
from scanner.repeats import shared
from scanner.risk import NONE_LEFT, Left
from scanner.tally import Tally
from scanner.worker import Done, arrived, clear, forsake, lost, scan_unit


class Observer(Protocol):
    """Somebody who watches a run; told on the run's own thread."""

    def begin(self, rows: int, size_bytes: int, progress: Callable[[], tuple[int, int]]) -> None:
        """Units are about to be scanned: rows and bytes before compression in all; `progress` tells how far."""
        ...

    def end(self) -> None:
        """No unit is left."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that the reading of a run works with.

    Attributes:
        counted: the scan whose units are read.
        plan: of the run.
        artefact: what is judged.
        executor: spreads the units.
        tasks: every unit of the run, by its name.
        tries: how often a unit whose worker dies is tried in all, over all runs.
        observer: watches.
        allows: ends the reading.
        seconds_left: until the reading ends.
        now: the time at which the run began, UTC.
    """

    counted: Counted
    plan: Plan
    artefact: Artefact
    executor: Executor
    tasks: Mapping[str, Task]
    tries: int
    observer: Observer
    allows: Allows
    seconds_left: SecondsLeft
    now: str

    @property
    def ledger(self) -> Ledger:
        """Where each unit is entered."""
        return self.counted.ledger


def read(reading: Reading) -> tuple[int, Left]:
    """Read the units.

    Gives how many of them are left for a later run, and what the names stage left for good, since more of it could
    not change the verdict.
    """
    if reading.plan.until_decided:
        return _read_until_decided(reading)
    return _read(reading, reading.tasks), NONE_LEFT


def _read(reading: Reading, tasks: Mapping[str, Task]) -> int:
    """Scan every unit that the ledger does not know, enter each as it is done, and give how many are left for later."""
    ledger, plan = reading.ledger, reading.plan
    known = {name for name, row in ledger.units(plan.digest).items() if row.whole or row.tries >= reading.tries}
    waiting = {name: task for name, task in tasks.items() if name not in known}
    for task in waiting.values():
        clear(task)
    for result in _results(reading, tuple(waiting.values())):
        if isinstance(result, Lost) and result.reason is UnscannedReason.TIMED_OUT and reading.seconds_left() <= 0:
            continue
        done = lost(result.item, result.reason) if isinstance(result, Lost) else arrived(result)
        _finish(ledger, plan, done)
        del waiting[done.task.name]
    ledger.set_aside(plan.digest, {name: forsake(task) for name, task in waiting.items()})
    return len(waiting)


def _results(reading: Reading, waiting: Sequence[Task]) -> Iterator[Done | Lost[Task]]:
    """What came of each unit that the budget allowed, while the observer is told."""
    executor = reading.executor
    rows, size = sum(task.unit.rows for task in waiting), sum(task.unit.size_bytes for task in waiting)
    rows_before, size_before = executor.progress

    def progress() -> tuple[int, int]:
        rows_now, size_now = executor.progress
        return rows_now - rows_before, size_now - size_before

    allowed = takewhile(lambda task: reading.allows(task.unit.size_bytes), waiting)
    reading.observer.begin(rows, size, progress)
    try:
        yield from executor.map(scan_unit, allowed)
    finally:
        reading.observer.end()


def _finish(ledger: Ledger, plan: Plan, done: Done) -> None:
    task = done.task
    ledger.finish(plan.digest, task.name, done.tally, whole=done.whole, sha256=task.sha256, number=task.unit.index)


def _read_until_decided(reading: Reading) -> tuple[int, Left]:
    """Let the patterns read everything, and the names stage lot by lot until the verdict can change no more."""
    ledger, plan = reading.ledger, reading.plan
    later = _read(
        reading, {name: replace(task, plan=replace(plan, names=False)) for name, task in reading.tasks.items()}
    )
    order = deciding.order(ledger.tallies(plan.digest, whole=True), plan.digest)
    left, tallies = NONE_LEFT, ledger.tallies(plan.digest)
    for look in deciding.looks(len(order.drawn)):
        unread = _read_names(reading, order.upto(look), tallies)
        tallies = ledger.tallies(plan.digest)
        least, left = deciding.left(tallies, order, look)
        if unread or not left.size_bytes or _is_decided(reading, order, look, least, left):
            return later + unread, left
    return later, left


def _read_names(reading: Reading, lots: Mapping[str, frozenset[int]], known: Mapping[str, Tally]) -> int:
    """Have the names stage read those of the lots that it has not read; gives how many units the budget did not allow.

    The unit of a lot is read again as a whole by the patterns, with the lots that were read before, as its files are
    written anew. One that fails keeps what was seen before.

    Args:
        reading: of the run.
        lots: those to be read by now, by unit.
        known: what each unit was last seen to hold.
    """
    ledger, plan = reading.ledger, reading.plan
    left = {unit: {lot for lot, count in known[unit].lots.items() if count.left} for unit in lots}
    waiting = [
        replace(reading.tasks[unit], lots=wanted | known[unit].lots.keys() - left[unit])
        for unit, wanted in lots.items()
        if wanted & left[unit]
    ]
    ended = 0
    for result in _results(reading, waiting) if waiting else ():
        ended += 1
        if not isinstance(result, Lost) and (done := arrived(result)).whole:
            _finish(ledger, plan, replace(done, tally=replace(done.tally, gated=known[done.task.name].gated)))
    return len(waiting) - ended


def _is_decided(reading: Reading, order: deciding.Order, look: int, least: Left, most: Left) -> bool:
    counted = reading.counted
    unread = [reading.plan.values / f"{unit}.parquet" for unit in {unit for unit, _ in order.beyond(look)}]
    scanned = gather(counted, accepted(counted, reading.now), most, unread)
    unseen = deciding.fresh(order, look, _seen(reading, order, look))
    return deciding.decided(scanned, least, most, counted.rulebook, reading.artefact, unseen)


def _seen(reading: Reading, order: deciding.Order, look: int) -> deciding.Seen:
    """Values of the names stage by how many of the lots drawn they stand in."""
    plan, entities = reading.plan, reading.counted.rulebook.entities
    known = [plan.spans / f"{unit}.parquet" for unit in order.first]
    drawn = [(plan.spans / f"{unit}.parquet", lot) for unit, lot in order.drawn[:look]]
    names = [entity for entity in entities if of_names(entity, entities)]
    return deciding.Seen(*shared(drawn, known, names, plan.out / SCRATCH))
