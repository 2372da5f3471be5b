"""Re-identification by combinations of columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.risk.tables import Table

TABLE = Table.of(("zip", "born"), [(1, 4), (2, 3), (5, 2), (20, 1)])


def test_the_rates_of_a_small_table() -> None:
    assert (TABLE.rows, TABLE.count, TABLE.singles, TABLE.pairs, TABLE.smallest) == (40, 10, 4, 3, 1)
    assert TABLE.max_risk == 1
    assert TABLE.marketer_risk == 10 / 40
    assert TABLE.uniqueness == 4 / 40
    assert TABLE.share_below_11 == 20 / 40


def test_disclosure_follows_skinner_and_elliot() -> None:
    assert TABLE.disclosure(0.1) == pytest.approx(0.1 * 4 / (0.1 * 4 + 2 * 0.9 * 3))
    assert TABLE.disclosure(1.0) == 1


def test_a_table_without_single_rows_discloses_no_one() -> None:
    table = Table.of(("zip",), [(2, 3), (11, 4)])
    assert table.disclosure(0.5) == 0
    assert table.max_risk == 0.5


def test_an_empty_table_has_no_risk() -> None:
    table = Table.of(("zip",), [])
    assert (table.rows, table.max_risk, table.marketer_risk, table.uniqueness, table.share_below_11) == (0, 0, 0, 0, 0)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1), st.floats(0.01, 1))
def test_every_rate_is_a_share(cells: list[tuple[int, int]], sampled: float) -> None:
    table = Table.of(("a",), cells)
    for rate in (table.max_risk, table.marketer_risk, table.uniqueness, table.share_below_11):
        assert 0 <= rate <= 1
    assert 0 <= table.disclosure(sampled) <= 1
