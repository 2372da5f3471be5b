"""What every format tells of changes: one sentence, then a table a subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scanner.evidence import Changes, ColumnChange, FindingChange, GateChange, ReadoutChange, ShardChange
from scanner.model import Direction, ShardStatus
from scanner.reports._words import (
    CAPS,
    DECISIONS,
    READOUTS,
    TIERS,
    percent,
    readout_range,
    readout_title,
    readout_value,
    sentence,
    shorten,
    size,
)
from scanner.wording import count

SHOWN = 60
"""Lines of one table; how many more there are is told below it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what became of it, then its cells. `direction` is None where nothing did."""

    direction: Direction | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A subject with what changed in it; names from outside are shortened but not escaped.

    Attributes:
        title: heading.
        head: titles of the cells.
        numbers: indices of the cells that hold numbers.
        rows: the weightiest lines.
        total: how many lines there are in all.
        told: the lines of all directions in words, such as `2 worse, 1 new`.
    """

    title: str
    head: tuple[str, ...]
    numbers: tuple[int, ...]
    rows: Sequence[Row]
    total: int
    told: str

    @property
    def left_out(self) -> int:
        """Lines that are not shown."""
        return self.total - len(self.rows)


def headline(changes: Changes) -> str:
    """What a reader must know first, in a few words."""
    verdict = changes.verdict
    if verdict.direction is not None:
        return f"{_capital(TIERS[verdict.tier_before])} → {TIERS[verdict.tier_after]}"
    if changes.gates:
        return "The tier holds, but a gate changed"
    if changes.alerting:
        return "The tier holds, but the score moved beyond its interval"
    return "The verdict holds" if changes.any else "Nothing changed"


def lead(changes: Changes) -> str:
    """The change of verdict, gates and score in a sentence or two."""
    return " ".join(_lead(changes))


def basis(changes: Changes) -> str:
    """What other than the shards differs; "" if nothing does."""
    if not changes.basis:
        return ""
    return f"Some changes may come from elsewhere than the shards: other {_joined(changes.basis)}."


def compared(changes: Changes) -> str:
    """Which two scans these are."""
    before, after = changes.before, changes.after
    names = shorten(before.dataset)
    if before.dataset != after.dataset:
        names = f"{names} and {shorten(after.dataset)}"
    return f"{names}: scan of {shorten(before.ended, 40)} against scan of {shorten(after.ended, 40)}."


def sections(changes: Changes) -> list[Section]:
    """A table for each subject in which something changed."""
    return [section for section in _sections(changes) if section.rows]


def word(direction: Direction | None) -> str:
    """The direction as people read it."""
    return "same" if direction is None else str(direction)


def _lead(changes: Changes) -> Iterator[str]:
    verdict, score = changes.verdict, changes.score
    now = DECISIONS[verdict.decision_after]
    if verdict.direction is None:
        yield f"Still {now}: {TIERS[verdict.tier_after]}."
    else:
        yield f"{_capital(now)}: {TIERS[verdict.tier_after]}, {verdict.direction} than {TIERS[verdict.tier_before]}."
    if score is not None:
        yield _score(score)
    new = [gate.title for gate in changes.gates if gate.direction is Direction.NEW]
    if new:
        yield f"Newly tripped: {_joined([shorten(title) for title in new])}."


def _score(score: ReadoutChange) -> str:
    was, now = f"{score.before.p50:.1f}", f"{score.after.p50:.1f}"
    if was == now:
        return f"The score stays at {now}."
    return f"The score went from {was} to {now}, {'beyond' if score.beyond else 'within'} its interval."


def _sections(changes: Changes) -> Iterator[Section]:
    yield _section(
        "Gates",
        ("gate", "allowed before", "allows now", "why"),
        (),
        [Row(gate.direction, _gate(gate)) for gate in changes.gates],
    )
    yield _section(
        "Read-outs of a public release",
        ("read-out", "before", "after", "nine draws of ten, after", "beyond its interval"),
        (1, 2, 3),
        [Row(entry.direction, _readout(entry)) for entry in changes.readouts if entry.direction],
    )
    yield _counted(
        changes,
        "findings",
        "Findings",
        ("kind", "column", "before", "after", "distinct before", "distinct after"),
        (2, 3, 4, 5),
        [Row(line.direction, _finding(line)) for line in changes.findings],
    )
    yield _counted(
        changes,
        "shards",
        "Shards",
        ("shard", "rows before", "rows after", "what"),
        (1, 2),
        [Row(line.direction, _shard(line)) for line in changes.shards],
    )
    yield _counted(
        changes,
        "columns",
        "Columns",
        ("column", "text"),
        (1,),
        [Row(line.direction, _column(line)) for line in changes.columns],
    )
    yield _section(
        "Size and coverage",
        ("what", "before", "after"),
        (1, 2),
        list(_coverage(changes)),
    )
    yield _counted(
        changes,
        "unscanned",
        "What was not looked at",
        ("reason", "before", "after"),
        (1, 2),
        [
            Row(line.direction, (_capital(line.reason), size(line.before), size(line.after)))
            for line in changes.unscanned
        ],
    )
    yield _counted(
        changes,
        "remedies",
        "Remedies",
        ("reaches", "changes to make"),
        (),
        [
            Row(line.direction, (TIERS[line.tier], "; ".join(shorten(title) for title in line.actions)))
            for line in changes.remedies
        ],
    )


def _section(title: str, head: tuple[str, ...], numbers: tuple[int, ...], rows: Sequence[Row]) -> Section:
    directions: dict[Direction, int] = {}
    for row in rows:
        if row.direction is not None:
            directions[row.direction] = directions.get(row.direction, 0) + 1
    return Section(title, head, numbers, rows, len(rows), _told(directions))


def _counted(
    changes: Changes, name: str, title: str, head: tuple[str, ...], numbers: tuple[int, ...], rows: Sequence[Row]
) -> Section:
    """A section whose list may have been cut already."""
    directions = changes.counts.get(name, {})
    return Section(title, head, numbers, rows[:SHOWN], sum(directions.values()), _told(directions))


def _told(directions: dict[Direction, int]) -> str:
    return ", ".join(f"{count(directions[one])} {one}" for one in Direction if directions.get(one))


def _gate(gate: GateChange) -> tuple[str, ...]:
    was, now = gate.direction is not Direction.NEW, gate.direction is not Direction.GONE
    return (
        _capital(gate.title),
        ("no verdict" if gate.cap_before is None else CAPS[gate.cap_before]) if was else "not tripped",
        ("no verdict" if gate.cap_after is None else CAPS[gate.cap_after]) if now else "not tripped",
        sentence(shorten(gate.reason, 300)) if now else "",
    )


def _readout(entry: ReadoutChange) -> tuple[str, ...]:
    name = entry.readout
    single = name not in READOUTS or entry.after.p05 == entry.after.p95
    return (
        readout_title(name),
        readout_value(name, entry.before.p50),
        readout_value(name, entry.after.p50),
        "" if single else readout_range(name, entry.after),
        "yes" if entry.beyond else "no",
    )


def _finding(line: FindingChange) -> tuple[str, ...]:
    numbers = (line.before, line.after, line.distinct_before, line.distinct_after)
    return (shorten(line.title, 60), shorten(line.column), *map(count, numbers))


def _shard(line: ShardChange) -> tuple[str, ...]:
    return (shorten(line.path), count(line.rows_before), count(line.rows_after), _fate(line))


def _fate(line: ShardChange) -> str:
    if line.direction in (Direction.NEW, Direction.GONE):
        status = "" if line.status is ShardStatus.SCANNED else f", {line.status}"
        return f"{line.direction}{status}"
    if line.was:
        return f"renamed, was {shorten(line.was)}"
    if line.direction is Direction.CHANGED:
        return "has other bytes"
    return f"now {line.status}"


def _column(line: ColumnChange) -> tuple[str, ...]:
    return (shorten(line.column), size(line.bytes))


def _coverage(changes: Changes) -> Iterator[Row]:
    for title, pair, told, less_is_worse in (
        ("Rows", changes.rows, count, None),
        ("Text", changes.bytes, size, None),
        ("Share that was read", changes.coverage, percent, True),
        ("Share of it read for names too", changes.names, percent, True),
    ):
        if pair.before == pair.after:
            continue
        direction = Direction.CHANGED
        if less_is_worse:
            direction = Direction.WORSE if pair.after < pair.before else Direction.BETTER
        yield Row(direction, (title, told(pair.before), told(pair.after)))


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return sentence(shorten(text, 200)).removesuffix(".")
