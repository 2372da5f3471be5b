from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.repeats import shared
from tests.test_merge import Row, write

units = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["PERSON", "EMAIL_ADDRESS"]),
            st.sampled_from(["text", "a.b"]),
            st.booleans(),
            st.integers(0, 5).map(lambda n: bytes([n]) * 16),
            st.just(1), st.just(0), st.just(0), st.just(0),
        ),
        max_size=8,
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@settings(max_examples=20)
@given(units)
def test_values_are_counted_by_the_units_that_share_them(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Row]]
) -> None:
    folder = tmp_path_factory.mktemp("values")
    known, *drawn = write(folder, parts)
    held = [{row[3] for row in part if row[0] == "PERSON" and not row[2]} for part in parts]
    counts = Counter(value for unit in held[1:] for value in unit - held[0])
    once = tuple(sum(counts[value] == 1 for value in unit) for unit in held[1:])
    twice = sum(count == 2 for count in counts.values())
    assert shared(drawn, [known], ["PERSON"], folder / "scratch") == (once, twice)


def test_no_unit_drawn_shares_nothing(tmp_path: Path) -> None:
    assert shared([], [], ["PERSON"], tmp_path / "scratch") == ((), 0)
