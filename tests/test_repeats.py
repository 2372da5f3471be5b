from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.lots import LOTS
from scanner.model import DOCUMENTATION
from scanner.repeats import shared
from scanner.spans import SCHEMA

Span = tuple[int, str, str, bytes]
"""Row, entity, rule, fingerprint."""

units = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, LOTS, LOTS + 1]),
            st.sampled_from(["PERSON", "EMAIL_ADDRESS"]),
            st.sampled_from(["names", DOCUMENTATION + "names"]),
            st.integers(0, 5).map(lambda n: bytes([n]) * 16),
        ),
        max_size=8,
    ),
    min_size=1,
    max_size=4,
)


def write(folder: Path, parts: list[list[Span]]) -> list[Path]:
    files = []
    for number, part in enumerate(parts):
        rows = [
            {"shard": "a", "row": row, "column": "text", "item": 0, "start": 0, "end": 1, "entity": entity,
             "rule": rule, "confidence": 1.0, "verified": False, "fingerprint": fingerprint}
            for row, entity, rule, fingerprint in part
        ]  # fmt: skip
        files.append(folder / f"{number}.parquet")
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), files[-1])
    return files


@settings(max_examples=20)
@given(units)
def test_values_are_counted_by_the_lots_that_share_them(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Span]]
) -> None:
    folder = tmp_path_factory.mktemp("spans")
    known, *others = write(folder, parts)

    def held(part: list[Span], *lots: int) -> set[bytes]:
        return {print_ for row, entity, rule, print_ in part
                if row % LOTS in lots and entity == "PERSON" and rule == "names"}  # fmt: skip

    drawn = [(file, lot) for file in others for lot in (0, 1)][:-1]
    lots = [held(part, lot) - held(parts[0], 0, 1) for part in parts[1:] for lot in (0, 1)][:-1]
    counts = Counter(value for lot in lots for value in lot)
    once = tuple(sum(counts[value] == 1 for value in lot) for lot in lots)
    twice = sum(count == 2 for count in counts.values())
    assert shared(drawn, [known], ["PERSON"], folder / "scratch") == (once, twice)


def test_no_lot_drawn_shares_nothing(tmp_path: Path) -> None:
    assert shared([], [], ["PERSON"], tmp_path / "scratch") == ((), 0)
