"""The baseline: reviewed findings that count for nothing until a day, known by fingerprint and rule, never by value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scanner.duck import tables
from scanner.ledger import Acceptance
from scanner.output import span_files
from scanner.spans import SCHEMA

_FINDINGS = """
SELECT fingerprint, rule, entity, "column", count(*)::BIGINT AS occurrences,
       arg_min(struct_pack(shard, "row", "column", item, start, "end"), (shard, "row", "column", item, start)) AS place
FROM tables WHERE starts_with(lower(hex(fingerprint)), $prefix) AND ($entity = '' OR entity = $entity)
GROUP BY fingerprint, rule, entity, "column"
ORDER BY occurrences DESC, fingerprint, rule, "column" LIMIT $most
"""

_RULES = """
SELECT DISTINCT fingerprint, rule FROM tables WHERE fingerprint IN (SELECT unnest($fingerprints::BLOB[]))
"""

_AT = """
SELECT fingerprint FROM tables
WHERE shard = ? AND "row" = ? AND "column" = ? AND item = ? AND start = ? AND "end" = ? AND rule = ?
"""


@dataclass(frozen=True, slots=True)
class Reviewable:
    """A value as a reviewer may accept it: how often a rule found it in a column, and where first.

    Attributes:
        fingerprint: of the value, 16 bytes.
        rule: that found it.
        entity: of the finding.
        column: leaf path.
        occurrences: findings of the value by the rule in the column.
        place: the first of them: shard, row, column, item, start, end.
    """

    fingerprint: bytes
    rule: str
    entity: str
    column: str
    occurrences: int
    place: tuple[str, int, str, int, int, int]


def reviewable(out: Path, *, prefix: str = "", entity: str = "", most: int = 20) -> list[Reviewable]:
    """Values found, the most frequent first.

    Args:
        out: output folder of a finished scan.
        prefix: hex digits that the fingerprint begins with.
        entity: only of this one; "" for all.
        most: no more than so many.
    """
    rows = list(_query(out, _FINDINGS, {"prefix": prefix.lower(), "entity": entity, "most": most}))
    return [
        Reviewable(bytes(fingerprint), rule, found, column, occurrences, tuple(place.values()))
        for fingerprint, rule, found, column, occurrences, place in rows
    ]


def in_force(acceptances: Iterable[Acceptance], now: str) -> list[Acceptance]:
    """Those whose last day has not passed.

    Args:
        acceptances: all.
        now: the time, UTC, such as 2026-01-31T02:00:00+00:00.
    """
    return [one for one in acceptances if one.until >= now[: len("2026-01-31")]]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Reviewed findings that are in force.

    Attributes:
        acceptances: all of them.
        values: fingerprints of the values that count for nothing.
    """

    acceptances: Sequence[Acceptance]
    values: Set[bytes]


def reviewed(out: Path, acceptances: Sequence[Acceptance]) -> Reviewed:
    """The reviewed findings, and which values of an output folder count for nothing by them."""
    return Reviewed(acceptances, fully_accepted(out, acceptances))


def fully_accepted(out: Path, acceptances: Sequence[Acceptance]) -> set[bytes]:
    """Fingerprints of the values that count for nothing: every rule that found one of them was accepted for it."""
    if not acceptances:
        return set()
    accepted = {(one.fingerprint, one.rule) for one in acceptances}
    fingerprints = sorted({one.fingerprint for one in acceptances})
    found = {(bytes(print_), rule) for print_, rule in _query(out, _RULES, {"fingerprints": fingerprints})}
    return {print_ for print_, _ in found} - {print_ for print_, _ in found - accepted}


def rekeyed(
    out: Path, acceptances: Iterable[Acceptance], key_id: str, shards: Mapping[str, str]
) -> list[tuple[Acceptance, Acceptance]]:
    """Acceptances of another key with the same under this one, as far as their value still stands at its place.

    Args:
        out: output folder, with spans made with the key.
        acceptances: all.
        key_id: of the key.
        shards: names by SHA-256 of those that are there.
    """
    pairs = []
    for one in acceptances:
        digest, *place = one.place
        if one.key_id == key_id or digest not in shards:
            continue
        for (fingerprint,) in _query(out, _AT, [shards[digest], *place, one.rule]):
            pairs.append((one, replace(one, fingerprint=bytes(fingerprint), key_id=key_id)))
            break
    return pairs


def _query(out: Path, query: str, parameters: Mapping[str, object] | Collection[object]) -> Iterator[tuple[Any, ...]]:
    """Rows over all spans."""
    with tables(span_files(out), SCHEMA, None) as connection:
        yield from connection.execute(query, parameters).fetchall()
