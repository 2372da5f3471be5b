"""Which findings and which rows a review shows: drawn by hash and seed, so that two reviewers see the same."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from scanner.duck import tables
from scanner.evidence import ShardPart
from scanner.model import CONFIDENCE_EDGES, DOCUMENTATION
from scanner.reviewing import Marked, Place, Question, allotted
from scanner.spans import SCHEMA

_VALUES = f"""
CREATE TEMP TABLE drawn AS
SELECT entity, bin, order_of_value,
       arg_min(struct_pack(shard, "row", "column", item, "start", "end", rule), order_of_place) AS one
FROM (
    SELECT *, hash(fingerprint, $seed) AS order_of_value, hash(shard, "row", "column", item, "start", $seed)
              AS order_of_place,
           {" + ".join(f"(confidence >= {edge}::FLOAT)::INTEGER" for edge in CONFIDENCE_EDGES)} - 1 AS bin
    FROM tables WHERE NOT starts_with(rule, '{DOCUMENTATION}')
)
GROUP BY entity, bin, fingerprint, order_of_value
"""  # noqa: S608 - made of our own constants
"""One occurrence of each distinct value in each bin: what repeats is judged once, as the risk counts it."""

_STRATA = "SELECT entity, bin, count(*)::BIGINT FROM drawn GROUP BY ALL ORDER BY ALL"

_CHOSEN = """
SELECT one.shard, one."row", one."column", one.item, one."start", one."end", entity, one.rule, bin
FROM drawn JOIN wanted USING (entity, bin)
QUALIFY row_number() OVER (PARTITION BY entity, bin ORDER BY order_of_value, one) <= wanted.most
"""

_IN_CELL = """
SELECT "start", "end", entity FROM tables
WHERE shard = ? AND "row" = ? AND "column" = ? AND item = ? AND "start" < ? AND "end" > ?
ORDER BY ALL
"""


def questions(files: Sequence[Path], total: int, seed: str) -> list[Question]:
    """Findings to judge, stratified by entity and bin of confidence, in an order that mixes the strata.

    Args:
        files: the spans of a scan.
        total: questions in all; fewer where there are fewer distinct values.
        seed: decides which.
    """
    number = _number(seed)
    with tables(files, SCHEMA, None) as connection:
        connection.execute(_VALUES, {"seed": number})
        sizes = {(entity, bin_): size for entity, bin_, size in connection.execute(_STRATA).fetchall()}
        connection.execute("CREATE TEMP TABLE wanted (entity VARCHAR, bin INTEGER, most BIGINT)")
        for (entity, bin_), most in allotted(sizes, total).items():
            connection.execute("INSERT INTO wanted VALUES (?, ?, ?)", [entity, bin_, most])
        rows = connection.execute(_CHOSEN).fetchall()
    chosen = sorted(Question(Place(*row[:6]), *row[6:]) for row in rows)
    random.Random(number).shuffle(chosen)
    return chosen


def rows(shards: Iterable[ShardPart], total: int, seed: str) -> list[tuple[str, int]]:
    """Rows to read passages of, drawn evenly from all rows, each at most once.

    Args:
        shards: of the scan.
        total: rows in all; fewer where there are fewer.
        seed: decides which.
    """
    parts = sorted((shard.path, shard.rows) for shard in shards if shard.rows)
    everything = sum(count for _, count in parts)
    numbers = random.Random(_number(seed) + 1).sample(range(everything), min(total, everything))
    return [_row_at(parts, number) for number in numbers]


def findings(files: Sequence[Path], place: Place) -> list[Marked]:
    """What was found in a stretch of a cell, in its offsets."""
    with tables(files, SCHEMA, None) as connection:
        found = connection.execute(_IN_CELL, [*place.cell, place.end, place.start]).fetchall()
    return [Marked(start, end, entity) for start, end, entity in found]


def stretch(texts: Sequence[tuple[str, int, str]], length: int, seed: str) -> tuple[str, int, int, int] | None:
    """A stretch of one of a row's cells: (column, item, start, end) in code points; None if there is no text.

    Longer cells are drawn more often. It begins and ends between words where there are any near.

    Args:
        texts: column, item and text of each cell of the row.
        length: code points at most.
        seed: decides which.
    """
    cells = [cell for cell in texts if cell[2].strip()]
    if not cells:
        return None
    drawn = random.Random(_number(seed))
    column, item, text = drawn.choices(cells, [len(cell[2]) for cell in cells])[0]
    start = drawn.randrange(max(1, len(text) - length + 1))
    end = min(len(text), start + length)
    if start and (space := text.find(" ", start, start + length // 4)) >= 0:
        start = space + 1
    if end < len(text) and (space := text.rfind(" ", end - length // 4, end)) >= 0:
        end = space
    return column, item, start, end


def _row_at(parts: Sequence[tuple[str, int]], number: int) -> tuple[str, int]:
    for path, count in parts:
        if number < count:
            return path, number
        number -= count
    raise IndexError("no such row")


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=7).digest(), "big")
