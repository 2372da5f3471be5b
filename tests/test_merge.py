from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import merge as merging
from scanner import values
from scanner.merge import merge, recount
from scanner.values import QUASI

Row = tuple[str, str, bool, bytes, int, int, int, int]

rows = st.tuples(
    st.sampled_from(["EMAIL_ADDRESS", "PERSON", QUASI]),
    st.sampled_from(["text", "a.b"]),
    st.booleans(),
    st.integers(0, 6).map(lambda n: bytes([n]) * 16),
    st.integers(1, 9),
    st.integers(0, 9),
    st.integers(0, 2),
    st.integers(0, 4),
)


def write(folder: Path, parts: list[list[Row]]) -> list[Path]:
    files = []
    for number, part in enumerate(parts):
        columns = zip(*part, strict=True) if part else [[] for _ in values.SCHEMA]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, values.SCHEMA, strict=True)]
        files.append(folder / f"{number}.parquet")
        pq.write_table(pa.table(arrays, schema=values.SCHEMA), files[-1])
    return files


@settings(max_examples=25)
@given(st.lists(st.lists(rows, max_size=8), max_size=3))
def test_merging_parts_in_any_order_is_merging_them_as_one(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Row]]
) -> None:
    folder = tmp_path_factory.mktemp("values")
    whole = [row for part in parts for row in part]
    in_parts = merge(list(reversed(write(folder, parts))), folder / "scratch")
    at_once = merge(write(folder, [whole]), folder / "scratch")
    assert in_parts.histogram.cells() == at_once.histogram.cells()
    assert (in_parts.by_column, in_parts.groups) == (at_once.by_column, at_once.groups)


def test_a_value_in_two_shards_is_one_value_seen_twice(tmp_path: Path) -> None:
    part: list[Row] = [("PERSON", "text", False, b"\7" * 16, 1, 0, 0, 1)]
    other: list[Row] = [("PERSON", "text", False, b"\7" * 16, 1, 1, 2, 3)]
    merged = merge(write(tmp_path, [part, other]), tmp_path / "scratch")
    assert merged.histogram.cells() == [("PERSON", 2, 3, 2, 1)]


@settings(max_examples=15)
@given(st.lists(st.lists(rows, max_size=8), min_size=1, max_size=3))
def test_one_merge_tells_what_is_linked_and_what_may_be(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Row]]
) -> None:
    folder = tmp_path_factory.mktemp("values")
    files = write(folder, parts)
    merged = merge(files, folder / "scratch", linked=files[1:])
    assert replace(merged, linked=None) == replace(merge(files, folder / "scratch"), histogram=merged.histogram)
    assert merged.histogram.cells() == merge(files, folder / "scratch").histogram.cells()
    strongest = [parts[0], *([(*row[:6], 2, row[7]) for row in part] for part in parts[1:])]
    twin = merge(write(folder, strongest), folder / "scratch").histogram.cells()
    assert (merged.linked or merged.histogram).cells() == twin
    assert (merged.linked is None) is (len(files) == 1)


def test_documentation_values_are_not_counted(tmp_path: Path) -> None:
    merged = merge(write(tmp_path, [[("PERSON", "text", True, b"\7" * 16, 5, 0, 0, 1)]]), tmp_path / "scratch")
    assert len(merged.histogram) == 0
    assert merged.by_column == ()


def test_groups_of_quasi_identifiers_are_sizes_and_no_entity(tmp_path: Path) -> None:
    part: list[Row] = [(QUASI, "age+sex", False, bytes([n]) * 16, size, 0, 0, 0) for n, size in enumerate([1, 1, 4])]
    merged = merge(write(tmp_path, [part]), tmp_path / "scratch")
    assert merged.groups == {"age+sex": ((1, 2), (4, 1))}
    assert len(merged.histogram) == 0


def test_no_value_table_at_all_is_an_empty_dataset(tmp_path: Path) -> None:
    merged = merge([], tmp_path / "scratch")
    assert len(merged.histogram) == 0
    assert not (tmp_path / "scratch").exists()


def test_a_long_merge_draws_nothing_where_the_verdict_goes(tmp_path: Path) -> None:
    with merging._tables([], tmp_path / "scratch", ()) as connection:
        assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)


def test_values_that_the_policy_allows_are_told_and_not_weighed(tmp_path: Path) -> None:
    part: list[Row] = [("PERSON", column, False, b"\7" * 16, 2, 0, 0, 1) for column in ("author", "text")]
    merged = merge(write(tmp_path, [part]), tmp_path / "scratch", {("PERSON", "author")})
    assert merged.histogram.cells() == [("PERSON", 0, 1, 2, 1)]
    assert [one.column for one in merged.by_column] == ["author", "text"]


def test_recounting_without_a_column_keeps_what_stands_elsewhere(tmp_path: Path) -> None:
    part: list[Row] = [
        ("PERSON", "author", False, b"\7" * 16, 5, 0, 2, 1),
        ("PERSON", "text", False, b"\7" * 16, 2, 0, 1, 1),
        ("PERSON", "author", False, b"\1" * 16, 1, 0, 0, 1),
    ]
    histogram = recount(write(tmp_path, [part]), tmp_path / "scratch", (), {"author"})
    assert histogram.cells() == [("PERSON", 1, 1, 2, 1)]


def pair(group: int, value: int) -> Row:
    return (QUASI, "age+zip>diagnosis", False, bytes([group] * 8 + [value] * 8), 1, 0, 0, 4)


def test_diversity_is_the_fewest_sensitive_values_of_a_group_over_all_parts(tmp_path: Path) -> None:
    parts = [[pair(1, 7), pair(2, 7)], [pair(1, 7), pair(1, 8), pair(2, 7)], [pair(1, 9)]]
    assert merge(write(tmp_path, parts), tmp_path / "scratch").diversity == {"age+zip": {"diagnosis": 1}}
    parts[2].append(pair(2, 9))
    merged = merge(write(tmp_path, parts), tmp_path / "scratch")
    assert merged.diversity == {"age+zip": {"diagnosis": 2}}
    assert merged.groups == {}
    assert len(merged.histogram) == 0
