"""Finding, splitting and reading shards."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.errors import NothingToScan
from scanner.model import Leaf, Unscanned, UnscannedReason
from scanner.shards import Batch, ReadOptions, Shard, find, inspect, leaf_bytes, read, units
from scanner.shards.leaves import explode, leaf_types, to_leaf, tree
from tests.hostile import shards as hostile

Cells = list[tuple[int, int, str]]


def write(path: Path, columns: Mapping[str, Any] | pa.Table, **options: Any) -> Shard:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
    return Shard(path.name, str(path))


def batches(shard: Shard, options: ReadOptions | None = None, target_bytes: int = 1 << 30) -> list[Batch]:
    facts = inspect(shard)
    assert facts.fault is None
    return [batch for unit in units(facts, target_bytes) for batch in read(unit, options)]


def cells(read_batches: Sequence[Batch]) -> dict[str, Cells]:
    """Every value read, by column: (row, item, text)."""
    found: dict[str, Cells] = {}
    for batch in read_batches:
        for leaf in batch.leaves:
            found.setdefault(leaf.column, []).extend(of(leaf))
    return found


def of(leaf: Leaf) -> Cells:
    return list(zip(leaf.rows.tolist(), leaf.items.tolist(), leaf.values.to_pylist(), strict=True))


def lost(read_batches: Sequence[Batch]) -> list[Unscanned]:
    return [entry for batch in read_batches for entry in batch.unscanned]


def stored(path: Path, column: str) -> Any:
    """What the footer says of a column chunk of the first row group."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    (chunk,) = [one for one in map(group.column, range(group.num_columns)) if one.path_in_schema == column]
    return chunk


def rows_of(read_batches: Sequence[Batch]) -> int:
    return sum(batch.rows for batch in read_batches if not batch.again)


class TestFind:
    def test_names_do_not_depend_on_where_the_dataset_lies(self, tmp_path: Path) -> None:
        for home in ("here", "far/away"):
            for name in ("b.parquet", "year=2024/month=01/a.parquet", "c.PARQUET", "d.pq"):
                write(tmp_path / home / name, {"x": ["a"]})
        names = [shard.name for shard in find([tmp_path / "here"])]
        assert names == ["b.parquet", "c.PARQUET", "d.pq", "year=2024/month=01/a.parquet"]
        assert names == [shard.name for shard in find([tmp_path / "far/away"])]

    def test_what_spark_hides_is_passed_over(self, tmp_path: Path) -> None:
        for name in ("a.parquet", "_temporary/b.parquet", ".hidden/c.parquet", "_d.parquet", "_key=1/e.parquet"):
            write(tmp_path / name, {"x": ["a"]})
        (tmp_path / "notes.txt").write_text("not a shard")
        (tmp_path / "_SUCCESS").write_text("")
        assert [shard.name for shard in find([tmp_path])] == ["_key=1/e.parquet", "a.parquet"]

    def test_a_file_without_suffix_is_a_shard_if_it_begins_as_one(self, tmp_path: Path) -> None:
        write(tmp_path / "part-00000", {"x": ["a"]})
        (tmp_path / "LICENCE").write_text("words")
        assert [shard.name for shard in find([tmp_path])] == ["part-00000"]

    def test_globs_are_named_from_their_fixed_part(self, tmp_path: Path) -> None:
        for name in ("en/a.parquet", "en/deep/b.parquet", "fr/a.parquet", "fr/a.txt"):
            write(tmp_path / name, {"x": ["a"]})
        assert [s.name for s in find([f"{tmp_path}/*/a.*"])] == ["en/a.parquet", "fr/a.parquet"]
        assert [s.name for s in find([f"{tmp_path}/e*"])] == ["en/a.parquet", "en/deep/b.parquet"]
        assert len(find([f"{tmp_path}/**/*.parquet"])) == 3

    def test_several_folders_are_told_apart_by_their_names(self, tmp_path: Path) -> None:
        for name in ("en/a.parquet", "fr/a.parquet", "old/fr/a.parquet"):
            write(tmp_path / name, {"x": ["a"]})
        roots = [tmp_path / "en", tmp_path / "fr", tmp_path / "old/fr"]
        assert [shard.name for shard in find(roots)] == ["en/a.parquet", "fr/a.parquet", "fr/a.parquet~2"]

    def test_a_file_given_twice_is_one_shard(self, tmp_path: Path) -> None:
        write(tmp_path / "a.parquet", {"x": ["a"]})
        os.symlink(tmp_path / "a.parquet", tmp_path / "b.parquet")
        assert len(find([tmp_path, tmp_path / "a.parquet"])) == 1

    def test_every_missing_path_is_told_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        write(tmp_path / "a.parquet", {"x": ["a"]})
        with pytest.raises(NothingToScan) as caught:
            find([tmp_path / "a.parquet", tmp_path / "gone", tmp_path / "empty", tmp_path / "*.pq"])
        lines = str(caught.value).splitlines()
        assert len(lines) == 3
        assert [line.rsplit(": ", 1)[1] for line in lines] == [
            "no such file or folder",
            "no Parquet file in this folder",
            "nothing matches",
        ]

    def test_no_path_at_all_is_nothing_to_scan(self) -> None:
        with pytest.raises(NothingToScan):
            find([])

    def test_a_link_out_of_the_folder_is_named_and_not_followed(self, tmp_path: Path) -> None:
        write(tmp_path / "outside/secret.parquet", {"x": ["a"]})
        write(tmp_path / "root/a.parquet", {"x": ["a"]})
        os.symlink(tmp_path / "outside/secret.parquet", tmp_path / "root/z.parquet")
        os.symlink(tmp_path / "outside", tmp_path / "root/folder")
        found = find([tmp_path / "root"])
        assert [(shard.name, shard.outside) for shard in found] == [
            ("a.parquet", False),
            ("folder", True),
            ("z.parquet", True),
        ]
        for shard in found[1:]:
            fault = inspect(shard).fault
            assert fault is not None
            assert fault.reason is UnscannedReason.UNREADABLE


class TestUnits:
    def test_facts_come_from_the_footer_and_the_bytes(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {"x": ["a"] * 10, "y": [[{"z": "b"}]] * 10}, row_group_size=4)
        facts = inspect(shard)
        data = Path(shard.path).read_bytes()
        assert (facts.sha256, facts.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
        assert facts.columns == ("x", "y[].z")
        assert (facts.rows, [group.rows for group in facts.groups]) == (10, [4, 4, 2])

    @given(target=st.integers(1, 4000))
    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_units_tile_the_shard_whatever_their_size(self, tmp_path: Path, target: int) -> None:
        shard = write(tmp_path / "a.parquet", {"x": [str(n) * 9 for n in range(100)]}, row_group_size=7)
        runs = units(inspect(shard), target)
        assert [run.index for run in runs] == list(range(len(runs)))
        assert [run.start for run in runs[1:]] == [run.stop for run in runs[:-1]]
        assert [run.first_row for run in runs[1:]] == [run.first_row + run.rows for run in runs[:-1]]
        assert (runs[0].start, runs[-1].stop, sum(run.rows for run in runs)) == (0, 15, 100)
        assert pickle.loads(pickle.dumps(runs)) == runs

    def test_splitting_changes_nothing_of_what_is_read(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {"x": [f"cell {n}" for n in range(100)]}, row_group_size=7)
        assert (
            cells(batches(shard, target_bytes=1))
            == cells(batches(shard))
            == {"x": [(n, 0, f"cell {n}") for n in range(100)]}
        )


def naive(column: str, kind: pa.DataType, value: Any) -> Iterator[tuple[str, str | None]]:
    """The slow twin: every leaf slot of one value, by walking it."""
    if pa.types.is_struct(kind):
        for field in (kind.field(index) for index in range(kind.num_fields)):
            yield from naive(f"{column}.{field.name}", field.type, None if value is None else value[field.name])
    elif pa.types.is_map(kind):
        for key, item in value or []:
            yield from naive(f"{column}.key", kind.key_type, key)
            yield from naive(f"{column}.value", kind.item_type, item)
    elif hasattr(kind, "value_type") and not pa.types.is_dictionary(kind):
        for item in value or []:
            yield from naive(f"{column}[]", kind.value_type, item)
    else:
        yield column, value


def naive_cells(column: str, array: pa.Array) -> dict[str, Cells]:
    found: dict[str, Cells] = {}
    for row, value in enumerate(array.to_pylist()):
        places: dict[str, int] = {}
        for path, text in naive(column, array.type, value):
            place = places.get(path, 0)
            places[path] = place + 1
            if text is not None:
                found.setdefault(path, []).append((row, place, text))
    return found


TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "héllo", "日本", "x" * 40]))


def typed(depth: int) -> st.SearchStrategy[tuple[pa.DataType, st.SearchStrategy[Any]]]:
    """An Arrow type and a strategy for its values."""
    text = st.sampled_from([pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
    leaf = text.map(lambda kind: (kind, TEXTS))
    if not depth:
        return leaf
    inner = typed(depth - 1)
    return st.one_of(leaf, inner.map(_listed), inner.map(_mapped), st.lists(inner, min_size=1, max_size=3).map(_struct))


def _listed(inner: tuple[pa.DataType, st.SearchStrategy[Any]]) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    return pa.large_list(inner[0]), st.one_of(st.none(), st.lists(inner[1], max_size=3))


def _mapped(inner: tuple[pa.DataType, st.SearchStrategy[Any]]) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    pairs = st.lists(st.tuples(st.sampled_from(["k", "l"]), inner[1]), max_size=3)
    return pa.map_(pa.string(), inner[0]), st.one_of(st.none(), pairs)


def _struct(
    inner: list[tuple[pa.DataType, st.SearchStrategy[Any]]],
) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    kind = pa.struct([(f"f{index}", part[0]) for index, part in enumerate(inner)])
    fields = {f"f{index}": part[1] for index, part in enumerate(inner)}
    return kind, st.one_of(st.none(), st.fixed_dictionaries(fields))


@st.composite
def arrays(draw: st.DrawFn) -> pa.Array:
    kind, values = draw(typed(3))
    drawn = draw(st.lists(values, max_size=8))
    return pa.array(drawn, kind)


class TestLeaves:
    @given(array=arrays(), data=st.data())
    @settings(max_examples=300, deadline=None)
    def test_any_nesting_and_slice_gives_what_a_walk_gives(self, array: pa.Array, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(array)))
        part = array.slice(start, data.draw(st.integers(0, len(array) - start)))
        record = pa.record_batch([part], names=["c"])
        found = {}
        for raw in explode(tree(record.schema), record, 0):
            leaf, valid = to_leaf(raw)
            assert valid.all()
            if len(leaf.values):
                found[leaf.column] = of(leaf)
        assert found == naive_cells("c", part)

    @pytest.mark.parametrize(
        "kind",
        [
            pa.list_(pa.string()),
            pa.list_(pa.string(), 2),
            pa.list_view(pa.string()),
            pa.large_list_view(pa.large_string()),
        ],
        ids=str,
    )
    def test_every_kind_of_list_keeps_row_and_place(self, kind: pa.DataType) -> None:
        array = pa.array([["0", "0"], ["a", None], None, ["b", "c"], ["9", "9"]], kind).slice(1, 3)
        record = pa.record_batch([array], names=["c"])
        (raw,) = explode(tree(record.schema), record, 100)
        assert of(to_leaf(raw)[0]) == [(100, 0, "a"), (102, 0, "b"), (102, 1, "c")]

    @given(parts=st.lists(st.sampled_from([b"ok", b"", "é".encode(), b"\xff", b"a\xc3", b"\xed\xa0\x80"]), max_size=40))
    def test_only_utf8_is_text(self, parts: list[bytes]) -> None:
        record = pa.record_batch([pa.array(parts, pa.binary())], names=["c"])
        (raw,) = explode(tree(record.schema), record, 0)
        leaf, valid = to_leaf(raw)
        expected: list[str | None] = []
        for part in parts:
            try:
                expected.append(part.decode())
            except UnicodeDecodeError:
                expected.append(None)
        assert leaf.values.to_pylist() == [text for text in expected if text is not None]
        assert valid.tolist() == [text is not None for text in expected]

    def test_numbers_read_as_people_write_them(self) -> None:
        columns = {
            "float": pa.array([5551234567.0, 48.8566, None, float("nan")]),
            "int": pa.array([4111111111111111, -1, 0, None]),
            "decimal": pa.array([1, 2, 3, None], pa.decimal128(20, 2)),
            "date": pa.array([0, 1, 2, None], pa.date32()),
            "time": pa.array([0, None, None, None], pa.timestamp("ms")),
        }
        record = pa.record_batch(columns)
        texts = {raw.leaf.column: to_leaf(raw)[0].values.to_pylist() for raw in explode(tree(record.schema), record, 0)}
        assert texts == {
            "float": ["5551234567", "48.8566", "nan"],
            "int": ["4111111111111111", "-1", "0"],
            "decimal": ["1", "2", "3"],
            "date": ["1970-01-01", "1970-01-02", "1970-01-03"],
            "time": ["1970-01-01 00:00:00.000"],
        }

    def test_odd_column_names_stay_apart(self) -> None:
        names = ["a.b", "", "a", "a", "<script>", "x" * 10_000, "x" * 9_999, "line\nbreak", "t[]"]
        schema = pa.schema(
            [pa.field(name, pa.string()) for name in names] + [pa.field("s", pa.struct([("", pa.string())]))]
        )
        paths = [leaf.column for leaf in leaf_types(tree(schema))]
        assert paths[:5] == ['"a.b"', '""', "a", "a#2", "<script>"]
        assert paths[7:] == ['"line\\nbreak"', '"t[]"', 's.""']
        assert len(set(paths)) == len(paths)
        assert max(map(len, paths)) <= 200


class TestRead:
    def test_every_kind_of_text_is_read(self, tmp_path: Path) -> None:
        columns = {
            "string": pa.array(["a", None, "c"]),
            "large": pa.array(["a", None, "c"], pa.large_string()),
            "view": pa.array(["a", None, "c"], pa.string_view()),
            "dictionary": pa.array(["a", None, "c"]).dictionary_encode(),
            "binary": pa.array([b"a", None, b"c"]),
            "large_binary": pa.array([b"a", None, b"c"], pa.large_binary()),
            "fixed": pa.array([b"a", None, b"c"], pa.binary(1)),
        }
        expected = {name: [(0, 0, "a"), (2, 0, "c")] for name in columns}
        columns |= {
            "messages": pa.array([[{"role": "u", "content": "a"}, {"role": "v", "content": None}], None, []]),
            "attrs": pa.array([[("k", "a")], [], None], pa.map_(pa.string(), pa.string())),
            "flag": pa.array([True, False, None]),
            "nothing": pa.nulls(3),
            "count": pa.array([1, 2, 3]),
        }
        expected |= {
            "messages[].role": [(0, 0, "u"), (0, 1, "v")],
            "messages[].content": [(0, 0, "a")],
            "attrs.key": [(0, 0, "k")],
            "attrs.value": [(0, 0, "a")],
        }
        for options in ({}, {"use_dictionary": False}, {"data_page_version": "2.0"}, {"store_schema": False}):
            found = batches(write(tmp_path / "a.parquet", columns, **options))
            assert cells(found) == expected
            assert lost(found) == []
            assert rows_of(found) == 3

    def test_one_side_of_a_map_can_be_left_out(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {"m": pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string()))})
        assert cells(batches(shard, ReadOptions(exclude=("m.key",)))) == {"m.value": [(0, 0, "v")]}
        assert cells(batches(shard, ReadOptions(exclude=("m.value",)))) == {"m.key": [(0, 0, "k")]}

    def test_what_is_left_out_is_unscanned_and_what_is_dropped_is_not(self, tmp_path: Path) -> None:
        columns = {"text": ["a"], "secret": ["b"], "m": [[{"x": "c", "y": "d"}]], "gone": ["e"], "count": [1]}
        shard = write(tmp_path / "a.parquet", columns)
        found = batches(shard, ReadOptions(exclude=("se*", "m"), dropped=("gone",)))
        assert set(cells(found)) == {"text"}
        assert [(entry.column, entry.reason) for entry in lost(found)] == [
            (column, UnscannedReason.EXCLUDED) for column in ("m[].x", "m[].y", "secret")
        ]
        assert all(entry.size_bytes > 0 and entry.rows == 1 for entry in lost(found))
        found = batches(shard, ReadOptions(include=("m[].x",)))
        assert set(cells(found)) == {"m[].x"}
        assert {entry.column for entry in lost(found)} == {"text", "secret", "m[].y", "gone"}

    def test_numbers_are_read_when_they_are_asked_for(self, tmp_path: Path) -> None:
        asked = []

        def numbers(column: str, native: str, largest: float | None) -> bool:
            asked.append((column, native, largest))
            return column == "phone"

        columns = {"phone": [5552345678, None], "price": [1.5, -2.0], "on": pa.array([0, 1], pa.date32())}
        found = batches(write(tmp_path / "a.parquet", columns), ReadOptions(numbers=numbers))
        assert cells(found) == {"phone": [(0, 0, "5552345678")]}
        assert asked == [("phone", "int64", 5552345678.0), ("price", "double", 2.0), ("on", "date32[day]", 1.0)]

    @pytest.mark.parametrize("use_dictionary", [True, False])
    @pytest.mark.parametrize("batch_bytes", [1, 1000, 1 << 20])
    def test_batches_are_small_and_lose_nothing(self, tmp_path: Path, batch_bytes: int, use_dictionary: bool) -> None:
        random = np.random.default_rng(7)
        texts = ["x" * int(size) for size in random.pareto(1.0, 500) * 10]
        lists = [texts[n : n + n % 5] for n in range(500)]
        shard = write(
            tmp_path / "a.parquet", {"t": texts, "l": lists}, row_group_size=90, use_dictionary=use_dictionary
        )
        found = batches(shard, ReadOptions(batch_bytes=batch_bytes))
        assert cells(found)["t"] == [(row, 0, text) for row, text in enumerate(texts)]
        assert cells(found)["l[]"] == [(r, i, text) for r, part in enumerate(lists) for i, text in enumerate(part)]
        assert rows_of(found) == 500
        assert all(batch.rows == 1 or batch.size_bytes <= batch_bytes for batch in found if batch.leaves)
        assert sum(leaf_bytes(leaf) for batch in found for leaf in batch.leaves) == sum(map(len, texts)) + sum(
            len(text) for part in lists for text in part
        )

    def test_reading_twice_gives_the_same_batches(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {"t": [f"cell {n}" for n in range(1000)]}, row_group_size=100)
        first, second = (batches(shard, ReadOptions(batch_bytes=700)) for _ in range(2))
        assert [(b.first_row, b.rows) for b in first] == [(b.first_row, b.rows) for b in second]

    def test_columns_whose_pages_do_not_fit_together_are_read_in_turn(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {name: [name * 500] * 40 for name in "abc"}, use_dictionary=False)
        found = batches(shard, ReadOptions(held_bytes=1))
        assert {column: len(found) for column, found in cells(found).items()} == {"a": 40, "b": 40, "c": 40}
        assert rows_of(found) == 40

    def test_bytes_that_are_no_text_are_unscanned_cell_by_cell(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {"image": [b"\x89PNG\xff", b"words", None, b"\xff\xfe"]})
        found = batches(shard)
        assert cells(found) == {"image": [(1, 0, "words")]}
        (entry,) = lost(found)
        assert (entry.reason, entry.rows, entry.size_bytes) == (UnscannedReason.BINARY, 2, 7)

    def test_cells_and_rows_over_the_limit_are_unscanned(self, tmp_path: Path) -> None:
        columns = {"cell": ["a" * 11, "b", "c" * 10], "row": [["a" * 9] * 3, ["b"], ["c" * 10, "d"]]}
        found = batches(write(tmp_path / "a.parquet", columns), ReadOptions(max_cell_bytes=10, max_row_bytes=20))
        assert cells(found) == {
            "cell": [(1, 0, "b"), (2, 0, "c" * 10)],
            "row[]": [(1, 0, "b"), (2, 0, "c" * 10), (2, 1, "d")],
        }
        assert [(e.column, e.reason, e.rows, e.size_bytes) for e in lost(found)] == [
            ("cell", UnscannedReason.TOO_LARGE, 1, 11),
            ("row[]", UnscannedReason.TOO_LARGE, 1, 27),
        ]

    def test_a_page_over_the_limit_is_not_opened(self, tmp_path: Path) -> None:
        columns = {"bomb": ["a" * 100_000] * 20, "text": ["b"] * 20}
        shard = write(tmp_path / "a.parquet", columns, use_dictionary=False, compression="zstd")
        assert Path(shard.path).stat().st_size < 10_000
        found = batches(shard, ReadOptions(max_page_bytes=1 << 20))
        assert set(cells(found)) == {"text"}
        (entry,) = lost(found)
        assert (entry.column, entry.reason, entry.rows) == ("bomb", UnscannedReason.TOO_LARGE, 20)
        assert entry.size_bytes >= 2_000_000

    def test_a_small_dictionary_that_unfolds_to_much_text_comes_in_small_batches(self, tmp_path: Path) -> None:
        texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2000, np.int32)), ["a" * 100_000])
        found = batches(write(tmp_path / "a.parquet", {"bomb": texts}))
        assert sum(batch.size_bytes for batch in found) == 200_000_000
        assert max(batch.size_bytes for batch in found) <= 6 << 20


class TestHostile:
    @pytest.mark.parametrize("make", hostile.UNREADABLE, ids=lambda make: make.__name__)
    def test_a_shard_that_cannot_be_opened_says_why(self, tmp_path: Path, make: hostile.Make) -> None:
        path = tmp_path / "bad.parquet"
        make(path)
        (shard,) = find([tmp_path])
        facts = inspect(shard)
        assert facts.fault is not None
        assert facts.fault.reason in (UnscannedReason.CORRUPT, UnscannedReason.UNREADABLE)
        assert facts.fault.size_bytes == path.stat().st_size
        assert facts.fault.detail
        assert hostile.CANARY not in facts.fault.detail
        assert units(facts) == []

    def test_rows_before_a_broken_page_are_read_and_the_rest_is_unscanned(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        rows = hostile.broken_page(path)
        found = batches(Shard("a.parquet", str(path)))
        read_rows = [row for row, _, _ in cells(found)["text"]]
        (entry,) = lost(found)
        assert entry.reason is UnscannedReason.CORRUPT
        assert 0 < len(read_rows) < rows
        assert len(read_rows) + entry.rows == rows
        assert entry.size_bytes > 0
        assert read_rows[-1] == rows - 1, "the row group after the broken one is read"

    def test_columns_beside_a_broken_nested_one_are_read_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        rows = hostile.broken_nested_page(path)
        with pytest.raises(OSError, match=r"."):
            pq.ParquetFile(path).read_row_group(0, columns=["messages.list.element.content"])
        sound = pq.ParquetFile(path).read(["text", "messages.list.element.role", "id"]).to_pydict()
        found = batches(Shard("a.parquet", str(path)))
        assert rows_of(found) == rows
        held = cells(found)
        roles = [
            (row, turn, one["role"]) for row, chat in enumerate(sound["messages"]) for turn, one in enumerate(chat)
        ]
        assert held["messages[].role"] == roles
        for name in ("text", "id"):
            assert held[name] == [(row, 0, value) for row, value in enumerate(sound[name])]
        contents = [row for row, _, _ in held["messages[].content"]]
        assert contents == sorted(contents)
        (entry,) = lost(found)
        assert (entry.column, entry.reason) == ("messages[].content", UnscannedReason.CORRUPT)
        assert entry.detail == "a page cannot be read"
        assert len(set(contents)) + entry.rows == rows
        size = stored(path, "messages.list.element.content").total_uncompressed_size
        assert entry.size_bytes == size * entry.rows // 1500 > 0

    def test_slices_read_and_miss_as_much_beside_a_broken_nested_column(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        hostile.broken_nested_page(path)
        shard = Shard("a.parquet", str(path))
        whole = batches(shard)
        parts = [batch for unit in units(inspect(shard), 40_000, slices=True) for batch in read(unit)]
        assert len(lost(parts)) > 1
        assert (cells(parts), rows_of(parts)) == (cells(whole), rows_of(whole))
        assert sum(entry.rows for entry in lost(parts)) == sum(entry.rows for entry in lost(whole))

    def test_a_column_of_an_unknown_codec_alone_is_unscanned(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        hostile.unknown_codec_beside_others(path)
        found = batches(Shard("a.parquet", str(path)))
        assert list(cells(found)) == ["before", "after"]
        assert rows_of(found) == 50
        (entry,) = lost(found)
        assert (entry.column, entry.rows) == ("text", 50)
        assert entry.detail

    def test_columns_of_one_field_that_contradict_each_other_are_unscanned_together(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        hostile.contradicting(path)
        found = batches(Shard("a.parquet", str(path)))
        assert cells(found) == {"text": [(0, 0, "one"), (1, 0, "two")]}
        assert rows_of(found) == 2
        assert [(entry.column, entry.rows) for entry in lost(found)] == [("turns[].a", 2), ("turns[].b", 2)]
        assert {entry.detail for entry in lost(found)} == {"columns of one field contradict each other"}

    @pytest.mark.parametrize("make", hostile.LYING, ids=lambda make: make.__name__)
    def test_a_shard_that_lies_is_never_read_whole_in_silence(self, tmp_path: Path, make: hostile.Make) -> None:
        path = tmp_path / "a.parquet"
        make(path)
        facts = inspect(Shard("a.parquet", str(path)))
        entries = [facts.fault] if facts.fault else lost(batches(Shard("a.parquet", str(path))))
        assert entries
        assert all(entry.size_bytes > 0 for entry in entries)
        assert all(hostile.CANARY not in entry.detail for entry in entries)

    @pytest.mark.parametrize("seed", range(60))
    def test_flipped_bytes_never_raise(self, tmp_path: Path, seed: int) -> None:
        path = tmp_path / "a.parquet"
        hostile.flipped(path, seed)
        facts = inspect(Shard("a.parquet", str(path)))
        for unit in units(facts):
            found = list(read(unit))
            assert rows_of(found) + sum(entry.rows for entry in lost(found)) >= 0

    def test_a_dictionary_that_is_pointed_beyond_is_unscanned(self, tmp_path: Path) -> None:
        hostile.flipped(tmp_path / "a.parquet", 599)
        entries = lost(batches(Shard("a.parquet", str(tmp_path / "a.parquet"))))
        assert [entry.reason for entry in entries if entry.rows] == [UnscannedReason.CORRUPT] * len(entries)
        assert entries

    def test_text_that_is_not_utf8_is_unscanned(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        hostile.not_utf8(path)
        found = batches(Shard("a.parquet", str(path)))
        assert cells(found) == {"text": [(0, 0, "fine"), (2, 0, "also fine")]}
        (entry,) = lost(found)
        assert (entry.reason, entry.rows, entry.size_bytes) == (UnscannedReason.CORRUPT, 1, 4)

    def test_a_file_changed_since_it_was_inspected_is_unscanned(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {"t": ["a"]})
        (unit,) = units(inspect(shard))
        write(tmp_path / "a.parquet", {"t": ["another"]})
        (batch,) = read(unit)
        assert [entry.reason for entry in batch.unscanned] == [UnscannedReason.CHANGED]

    def test_a_file_changed_while_it_is_read_is_unscanned(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {"t": ["a" * 100] * 100})
        (unit,) = units(inspect(shard))
        reading = read(unit, ReadOptions(batch_bytes=500))
        next(reading)
        os.utime(shard.path, ns=(1, 1))
        assert [entry.reason for entry in lost(list(reading))] == [UnscannedReason.CHANGED]

    def test_a_file_gone_since_it_was_inspected_is_unscanned(self, tmp_path: Path) -> None:
        shard = write(tmp_path / "a.parquet", {"t": ["a"]})
        (unit,) = units(inspect(shard))
        os.remove(shard.path)
        assert [entry.reason for entry in lost(list(read(unit)))] == [UnscannedReason.UNREADABLE]

    def test_odd_names_do_not_mix_columns_up(self, tmp_path: Path) -> None:
        names = ["<script>", "a.b", "", "x" * 10_000, "dup", "dup"]
        columns = [pa.array([f"{index}-{row}" for row in range(3)]) for index in range(len(names))]
        found = cells(batches(write(tmp_path / "a.parquet", pa.table(columns, names=names))))
        assert [[text for _, _, text in values] for values in found.values()] == [
            [f"{index}-{row}" for row in range(3)] for index in range(len(names))
        ]

    def test_five_thousand_columns_are_read(self, tmp_path: Path) -> None:
        found = batches(write(tmp_path / "a.parquet", {f"c{index}": ["a"] for index in range(5000)}))
        assert len(cells(found)) == 5000

    def test_deep_nesting_is_read_or_refused(self, tmp_path: Path) -> None:
        for depth in (20, 100, 400):
            kind: pa.DataType = pa.string()
            value: Any = "deep"
            for _ in range(depth):
                kind, value = pa.struct([("s", kind)]), {"s": value}
            shard = write(tmp_path / f"{depth}.parquet", {"x": pa.array([value], kind)})
            facts = inspect(shard)
            if facts.fault is None:
                assert list(cells(batches(shard)).values()) == [[(0, 0, "deep")]]
            else:
                assert facts.fault.size_bytes > 0

    def test_no_rows_and_no_columns_are_nothing_to_read(self, tmp_path: Path) -> None:
        empty = write(tmp_path / "rows.parquet", {"x": pa.array([], pa.string())})
        assert cells(batches(empty)) == {}
        bare = write(tmp_path / "columns.parquet", pa.table({"x": ["a"] * 3}).select([]))
        assert inspect(bare).fault is None
        assert cells(batches(bare)) == {}

    def test_a_list_of_a_million_items_is_read(self, tmp_path: Path) -> None:
        column = pa.array([["item"] * 1_000_000, ["one"]])
        found = batches(write(tmp_path / "a.parquet", {"l": column}))
        assert sum(len(leaf.values) for batch in found for leaf in batch.leaves) == 1_000_001


NESTED = {"text": [f"{'é' * (n % 9)} {n}" for n in range(500)], "list": [["a", None, f"b{n}"] for n in range(500)]}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(group_rows=st.integers(1, 600), target=st.integers(1, 20_000))
def test_slices_hold_what_whole_row_groups_hold(tmp_path: Path, group_rows: int, target: int) -> None:
    shard = write(tmp_path / "a.parquet", NESTED, row_group_size=group_rows)
    facts = inspect(shard)
    sliced = units(facts, target, slices=True)
    assert [unit.index for unit in sliced] == list(range(len(sliced)))
    assert sum(unit.size_bytes for unit in sliced) == sum(group.size_bytes for group in facts.groups)
    parts = [batch for unit in sliced for batch in read(unit)]
    whole = batches(shard)
    assert (cells(parts), rows_of(parts)) == (cells(whole), rows_of(whole))


def test_what_slices_cannot_read_adds_up_to_what_the_row_group_cannot(tmp_path: Path) -> None:
    shard = write(tmp_path / "a.parquet", NESTED)
    sliced = units(inspect(shard), 1_000, slices=True)
    assert len(sliced) > 4
    options = ReadOptions(exclude=("text",))
    (whole,) = lost(batches(shard, options))
    parts = [entry for unit in sliced for entry in lost(list(read(unit, options)))]
    assert sum(entry.rows for entry in parts) == whole.rows == 500
    assert sum(entry.size_bytes for entry in parts) == whole.size_bytes


def test_slices_miss_as_much_of_a_broken_page_as_the_row_group(tmp_path: Path) -> None:
    texts = [f"{n:05}" * 40 for n in range(4_000)]
    shard = write(tmp_path / "a.parquet", {"text": texts}, compression="none", use_dictionary=False,
                  data_page_size=20_000, write_batch_size=100)  # fmt: skip
    content = bytearray(Path(shard.path).read_bytes())
    place = content.find(b"03050" * 40)
    content[place - 8 : place + 8] = b"\xff" * 16
    Path(shard.path).write_bytes(bytes(content))
    sliced = units(inspect(shard), 100_000, slices=True)
    missing = [sum(entry.rows for entry in lost(list(read(unit)))) for unit in sliced]
    whole = lost(batches(shard))
    assert sum(missing) == sum(entry.rows for entry in whole) > 0
