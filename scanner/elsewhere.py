"""A run's sweep: what is changed in one shard is looked for in all of them, and weighed over the whole dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scanner.executors import Lost
from scanner.redactor import RedactTask
from scanner.selection import write_accepted_values
from scanner.sweep import SweepTask, Swept, collect, find, merge

Step = Callable[[SweepTask], Swept]
Map = Callable[[Step, Iterable[SweepTask]], Iterator[Swept | Lost[SweepTask]]]
"""The `map` of an executor."""

FOLDER = "sweep"
_ACCEPTED = "accepted.parquet"


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where values stand that are changed elsewhere.

    Attributes:
        tasks: one a shard.
        faults: shards that could not be swept, with the reason, as `SHARD: reason`.
        left_out: ways to write a value that were not looked for, as there were too many.
    """

    tasks: tuple[SweepTask, ...] = ()
    faults: tuple[str, ...] = ()
    left_out: int = 0


def sweep(tasks: Sequence[RedactTask], run: Map) -> Sweep:
    """Look through every shard for the values that are changed in any.

    Args:
        tasks: of the redaction, one a shard; at least one.
        run: spreads the work.
    """
    swept = [_task(task) for task in tasks]
    swept[0].folder.mkdir(parents=True, exist_ok=True)
    collected, faults = _done(run, collect, swept)
    if not collected:
        return Sweep(faults=tuple(sorted(faults)))
    left_out = merge(collected, swept[0].folder / "scratch")
    found, more = _done(run, find, collected)
    return Sweep(tuple(found), tuple(sorted(faults + more)), left_out)


def accept(found: Sweep, tasks: Sequence[RedactTask], stubborn: Sequence[Path]) -> list[RedactTask]:
    """The tasks, each told which of the occurrences in its shard are changed.

    Args:
        found: what the sweep found.
        tasks: of the redaction.
        stubborn: files of values that a re-scan found again, which are changed wherever they stand.
    """
    if not found.tasks:
        return list(tasks)
    folder = found.tasks[0].folder
    elsewhere = {task.shard.name: task.elsewhere for task in found.tasks}
    spans = [file for task in tasks for file in task.spans]
    accepted = folder / _ACCEPTED
    told = write_accepted_values(spans, list(elsewhere.values()), stubborn, accepted, folder / "scratch")
    return [
        replace(task, elsewhere=elsewhere[name], accepted=accepted, swept=told[name])
        if (name := task.shard.name) in told
        else replace(task, elsewhere=None, accepted=None, swept="")
        for task in tasks
    ]


def _task(task: RedactTask) -> SweepTask:
    return SweepTask(
        plan=task.plan,
        shard=task.shard,
        stem=task.stem,
        units=task.units,
        options=task.options,
        spans=task.spans,
        folder=task.folder / FOLDER,
        key_file=task.key_file,
        rules=task.rules,
    )


def _done(run: Map, step: Step, tasks: Sequence[SweepTask]) -> tuple[list[SweepTask], list[str]]:
    """Tasks whose step is done, and the faults of the others."""
    done, faults = [], []
    for result in run(step, tasks):
        if isinstance(result, Lost):
            faults.append(f"{result.item.shard.name}: its worker did not finish looking for values found elsewhere")
        elif result.fault:
            faults.append(f"{result.task.shard.name}: {result.fault}")
        else:
            done.append(result.task)
    return sorted(done, key=lambda task: task.shard), faults
