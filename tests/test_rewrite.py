"""Rewriting shards: what is not edited stays as it was, in every nesting and every way of storing it."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import UnreadableShard
from scanner.shards.compact import parsed, written
from scanner.shards.encode import Edit
from scanner.shards.leaves import LeafType, Role, Rows, explode, leaf_types, to_leaf, tree
from scanner.shards.rewrite import Changes, Rewritten, rewrite

NOTHING: dict[int, str | None] = {}


def no_edit(leaf: LeafType, values: pa.Array, rows: Rows) -> Mapping[int, str | None]:
    return NOTHING


def written_to(table: pa.Table, file: Path, **options: Any) -> Path:
    pq.write_table(table, file, **options)
    return file


def changed(file: Path, edit: Edit = no_edit, columns: frozenset[str] | None = None, **changes: Any) -> Path:
    """The file rewritten beside itself; `columns` are the leaf paths that the edit is asked about."""
    rewritten(file, edit, columns, **changes)
    return file.with_suffix(".new")


def rewritten(file: Path, edit: Edit = no_edit, columns: frozenset[str] | None = None, **changes: Any) -> Rewritten:
    def touches(column: str, first: int, rows: int) -> bool:
        return columns is not None and column in columns

    return rewrite(str(file), file.with_suffix(".new"), Changes(touches, edit, **changes))


def to_x(leaf: LeafType, values: pa.Array, rows: Rows) -> Mapping[int, str | None]:
    """Every second value becomes text that tells its place."""
    if leaf.role is not Role.TEXT:
        return NOTHING
    valid = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    return {int(index): f"new {int(rows[index])}" for index in valid[::2]}


def cells(file: Path) -> dict[str, list[tuple[int, int, str]]]:
    """(row, item, text) of every value by leaf path."""
    table = pq.read_table(file).combine_chunks()
    nodes = tree(table.schema)
    found: dict[str, list[tuple[int, int, str]]] = {leaf.column: [] for leaf in leaf_types(nodes)}
    first = 0
    for batch in table.to_batches():
        for raw in explode(nodes, batch, first):
            if raw.leaf.role is Role.SILENT:
                continue
            leaf, _ = to_leaf(raw)
            found[leaf.column] += zip(leaf.rows.tolist(), leaf.items.tolist(), leaf.values.to_pylist(), strict=True)
        first += batch.num_rows
    return found


MESSAGE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.large_string(), nullable=False)])
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False, metadata={"PARQUET:field_id": "7"}),
        pa.field("text", pa.string(), metadata={"PARQUET:field_id": "9", "note": "kept"}),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
        pa.field("messages", pa.list_(MESSAGE)),
        pa.field("attributes", pa.map_(pa.string(), pa.string())),
        pa.field("when", pa.timestamp("us", "UTC")),
    ],
    metadata={"owner": "somebody"},
)


def example(rows: int = 50) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "id": number,
                "text": None if number % 7 == 3 else f"text {number}",
                "kind": "ab"[number % 2],
                "messages": None if number % 5 == 4 else _messages(number),
                "attributes": {"k": f"v{number}"} if number % 3 else None,
                "when": datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
            }
            for number in range(rows)
        ],
        schema=SCHEMA,
    )  # fmt: skip


def _messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"c{number}.{i}"} for i in range(number % 4)]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return written_to(
        example(), tmp_path / "a.parquet", row_group_size=20, compression={"text": "gzip", "id": "none"},
        sorting_columns=[pq.SortingColumn(0), pq.SortingColumn(1)], write_page_index=True, data_page_version="2.0",
    )  # fmt: skip


def test_without_changes_the_bytes_are_the_same(tmp_path: Path) -> None:
    file = written_to(example(), tmp_path / "a.parquet", row_group_size=20)
    assert changed(file).read_bytes() == file.read_bytes()


def test_schema_metadata_groups_codecs_and_other_columns_stay(shard: Path) -> None:
    new = changed(shard, to_x, frozenset({"text", "messages[].content"}))
    before, after = pq.ParquetFile(shard), pq.ParquetFile(new)
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert after.schema.equals(before.schema)
    assert after.metadata.metadata == before.metadata.metadata
    assert after.metadata.created_by == before.metadata.created_by
    groups = [(before.metadata.row_group(i), after.metadata.row_group(i)) for i in range(3)]
    assert [old.num_rows for old, _ in groups] == [new.num_rows for _, new in groups] == [20, 20, 10]
    codecs = [[group.column(i).compression for i in range(group.num_columns)] for pair in groups for group in pair]
    assert codecs[0] == codecs[1]
    untouched = ["id", "kind", "attributes", "when"]
    assert pq.read_table(new, columns=untouched).equals(pq.read_table(shard, columns=untouched))


def test_edits_stand_where_they_were_made_and_nowhere_else(shard: Path) -> None:
    new = changed(shard, to_x, frozenset({"text", "messages[].content", "attributes.value", "kind"}))
    before, after = cells(shard), cells(new)
    assert before.keys() == after.keys()
    for column, values in before.items():
        assert [place[:2] for place in values] == [place[:2] for place in after[column]]
        differing = [(old, new) for old, new in zip(values, after[column], strict=True) if old != new]
        assert all(new[2] == f"new {old[0]}" for old, new in differing)
        assert bool(differing) is (column in {"text", "messages[].content", "attributes.value", "kind"})


def test_claims_about_changed_values_go_and_others_stay(shard: Path) -> None:
    after = pq.ParquetFile(changed(shard, to_x, frozenset({"text"}))).metadata.row_group(0)
    assert [column.column_index for column in after.sorting_columns] == [0]
    columns = {after.column(i).path_in_schema: after.column(i) for i in range(after.num_columns)}
    assert columns["text"].statistics.max == "text 8"
    assert (columns["text"].has_offset_index, columns["id"].has_offset_index) == (False, True)
    assert pq.read_table(shard.with_suffix(".new"), filters=[("id", "=", 33)])["id"].to_pylist() == [33]


def test_bloom_filters_of_changed_columns_go(tmp_path: Path) -> None:
    options = {"bloom_filter_options": {"text": {"ndv": 50}, "id": {"ndv": 50}}}
    file = written_to(example(), tmp_path / "a.parquet", **options)
    new = changed(file, to_x, frozenset({"text"}))
    quoted = f"SELECT path_in_schema FROM parquet_metadata('{new}') WHERE bloom_filter_offset IS NOT NULL"
    assert duckdb.sql(quoted).fetchall() == [("id",)]
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{new}') WHERE id = 41").fetchall() == [(1,)]


def test_an_emptied_cell_is_null_where_it_may_be(shard: Path) -> None:
    def emptied(leaf: LeafType, values: pa.Array, rows: Rows) -> Mapping[int, str | None]:
        return dict.fromkeys(range(len(values)))

    new = pq.read_table(changed(shard, emptied, frozenset({"text", "messages[].content", "id"})))
    assert new["text"].null_count == 50
    assert {content["content"] for row in new["messages"].to_pylist() for content in row or ()} == {""}
    assert set(new["id"].to_pylist()) == {0}


def test_dropped_rows_are_gone_from_every_column(shard: Path) -> None:
    gone = np.array([0, 3, *range(20, 40), 49])
    new = pq.read_table(changed(shard, dropped_rows=gone))
    left = [row for row in range(50) if row not in set(gone.tolist())]
    assert new.to_pylist() == pq.read_table(shard).take(left).to_pylist()
    assert pq.ParquetFile(shard.with_suffix(".new")).num_row_groups == 2


def test_dropped_columns_are_gone_from_every_schema(tmp_path: Path) -> None:
    table = example().append_column("last", pa.array(range(50)))
    frame = written_to(pa.Table.from_pandas(pd.DataFrame({"a": [1], "b": ["x"]})), tmp_path / "p.parquet")
    file = written_to(table, tmp_path / "a.parquet", row_group_size=20)
    gone = frozenset({"text", "messages[].content", "attributes.key", "attributes.value"})
    new = pq.ParquetFile(changed(file, dropped_columns=gone))
    assert new.schema_arrow.names == ["id", "kind", "messages", "when", "last"]
    assert new.schema_arrow.field("messages").type.value_type.names == ["role"]
    assert new.schema_arrow.metadata == {b"owner": b"somebody"}
    assert new.read()["last"].to_pylist() == list(range(50))
    assert list(pd.read_parquet(changed(frame, dropped_columns=frozenset({"b"}))).columns) == ["a"]


def test_half_of_a_map_cannot_be_dropped(shard: Path) -> None:
    with pytest.raises(UnreadableShard, match="one side of a map"):
        changed(shard, dropped_columns=frozenset({"attributes.value"}))
    with pytest.raises(UnreadableShard, match="no column would be left"):
        changed(shard, dropped_columns=frozenset(cells(shard)))


def test_large_row_groups_are_encoded_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.shards.encode.PART_BYTES", 2000)
    monkeypatch.setattr("scanner.shards.encode.READ_BYTES", 1000)

    def starred(leaf: LeafType, values: pa.Array, rows: Rows) -> Mapping[int, str | None]:
        return {i: f"{text}*" for i, text in enumerate(values.to_pylist()) if text is not None and i % 2}

    file = written_to(example(500), tmp_path / "a.parquet")
    new = changed(file, starred, frozenset({"text", "messages[].content", "kind"}))
    assert pq.ParquetFile(new).num_row_groups == 1
    texts = pq.read_table(new)["text"].to_pylist()
    assert [text and text.rstrip("*") for text in texts] == pq.read_table(file)["text"].to_pylist()
    assert 150 < sum(text is not None and text.endswith("*") for text in texts) < 300
    assert pq.ParquetFile(new).metadata.row_group(0).column(1).statistics.max == max(text for text in texts if text)
    count = sum(text is not None and text.endswith("*") for text in texts)
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{new}') WHERE text LIKE '%*'").fetchall() == [(count,)]


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
def test_every_codec_is_kept(tmp_path: Path, codec: str) -> None:
    file = written_to(example(), tmp_path / "a.parquet", compression=codec)
    new = pq.ParquetFile(changed(file, to_x, frozenset({"text"})))
    assert (
        new.metadata.row_group(0).column(1).compression
        == pq.ParquetFile(file).metadata.row_group(0).column(1).compression
    )
    assert new.read()["text"][0].as_py() == "new 0"


def test_three_readers_read_equal_schemas(shard: Path) -> None:
    new = changed(shard, to_x, frozenset({"text", "messages[].content", "kind"}))
    described = [duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{file}')").fetchall() for file in (shard, new)]
    assert described[0] == described[1]
    frames = [pd.read_parquet(file) for file in (shard, new)]
    assert [dtype.name for dtype in frames[0].dtypes] == [dtype.name for dtype in frames[1].dtypes]
    assert pq.read_schema(shard).equals(pq.read_schema(new), check_metadata=True)


LEAVES = {
    pa.string(): st.text("aé漢\x00\n", max_size=4),
    pa.large_string(): st.text("xy", max_size=3),
    pa.dictionary(pa.int8(), pa.string()): st.sampled_from(["a", "b"]),
    pa.binary(): st.binary(max_size=3),
    pa.binary(2): st.binary(min_size=2, max_size=2),
    pa.int32(): st.integers(-9, 9),
    pa.bool_(): st.booleans(),
    pa.float64(): st.floats(allow_nan=False),
    pa.decimal128(5, 2): st.decimals(-99, 99, places=2),
    pa.date32(): st.dates(datetime.date(1970, 1, 1), datetime.date(2030, 1, 1)),
    pa.timestamp("ms"): st.integers(0, 2**40),
}


DEPTH = 3


@st.composite
def types(draw: st.DrawFn, depth: int = DEPTH) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    """A type of any nesting, with values of it."""
    kind = draw(st.sampled_from(["leaf", "list", "large_list", "fixed", "struct", "map"] if depth else ["leaf"]))
    if kind == "leaf":
        # Arrow itself cannot write a dictionary without entries below a null.
        leaf = draw(st.sampled_from([leaf for leaf in LEAVES if depth == DEPTH or not pa.types.is_dictionary(leaf)]))
        return leaf, LEAVES[leaf]
    if kind == "map":
        inner, values = draw(types(depth - 1))
        return pa.map_(pa.string(), inner), st.dictionaries(st.text("k1", max_size=2), _maybe(values), max_size=2).map(
            lambda pairs: list(pairs.items())
        )
    if kind == "struct":
        inside: dict[str, st.SearchStrategy[Any]] = {}
        fields = []
        for name in ("f", "g")[: draw(st.integers(1, 2))]:
            inner, values = draw(types(depth - 1))
            fields.append(pa.field(name, inner, draw(_optional(inner))))
            inside[name] = _maybe(values) if fields[-1].nullable else values
        return pa.struct(fields), st.fixed_dictionaries(inside)
    inner, values = draw(types(depth - 1))
    required = not draw(_optional(inner))
    element = pa.field("element", inner, not required)
    items = values if required else _maybe(values)
    if kind == "fixed":
        return pa.list_(element, 2), st.lists(items, min_size=2, max_size=2)
    return (pa.list_(element) if kind == "list" else pa.large_list(element)), st.lists(items, max_size=3)


def _optional(inner: pa.DataType) -> st.SearchStrategy[bool]:
    """Whether a field may be null; always for lists of fixed size: Arrow does not read a required one below a null."""
    return st.just(value=True) if pa.types.is_fixed_size_list(inner) else st.booleans()


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    columns, fields = [], []
    rows = draw(st.integers(0, 6))
    for number in range(draw(st.integers(1, 3))):
        kind, values = draw(types())
        required = draw(st.booleans())
        column = draw(st.lists(values if required else _maybe(values), min_size=rows, max_size=rows))
        columns.append(pa.array(column, kind))
        fields.append(pa.field(f"c{number}", kind, not required, metadata={"PARQUET:field_id": str(number + 5)}))
    return pa.table(columns, schema=pa.schema(fields, metadata={"a": "b"}))


@settings(max_examples=60)
@given(table=tables(), size=st.integers(1, 4), dictionary=st.booleans(), version=st.sampled_from(["1.0", "2.0"]))
def test_any_nesting_is_encoded_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, table: pa.Table, size: int, dictionary: bool, version: str
) -> None:
    """Every leaf is touched and given the texts that it had; then half of the texts are edited."""
    file = tmp_path_factory.mktemp("n") / "a.parquet"
    pq.write_table(table, file, row_group_size=size, use_dictionary=dictionary, data_page_version=version)
    columns = frozenset(leaf.column for leaf in leaf_types(tree(pq.read_schema(file))))
    same = changed(file, no_edit, columns)
    assert pq.read_schema(same).equals(pq.read_schema(file), check_metadata=True)
    assert pq.read_table(same).to_pylist() == pq.read_table(file).to_pylist()  # memory below a null may differ
    counted = [pq.ParquetFile(one).metadata for one in (file, same)]
    assert [[m.row_group(i).num_rows for i in range(m.num_row_groups)] for m in counted[:1]] == [
        [m.row_group(i).num_rows for i in range(m.num_row_groups)] for m in counted[1:]
    ]
    edited = cells(changed(file, to_x, columns))
    for column, values in cells(file).items():
        for old, new in zip(values, edited[column], strict=True):
            assert new in (old, (*old[:2], f"new {old[0]}"))


@settings(max_examples=30)
@given(table=tables(), data=st.data())
def test_any_rows_can_be_left_out(
    tmp_path_factory: pytest.TempPathFactory, table: pa.Table, data: st.DataObject
) -> None:
    file = written_to(table, tmp_path_factory.mktemp("n") / "a.parquet", row_group_size=3)
    gone = sorted(data.draw(st.sets(st.integers(0, table.num_rows - 1)))) if table.num_rows else []
    new = changed(file, dropped_rows=np.array(gone, np.int64))
    before = pq.read_table(file)
    assert pq.read_table(new).to_pylist() == [row for i, row in enumerate(before.to_pylist()) if i not in gone]


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_encodings_of_text_without_a_dictionary_are_kept(tmp_path: Path, encoding: str) -> None:
    paths = {"text": encoding, "messages.list.element.content": encoding}
    file = written_to(example(), tmp_path / "a.parquet", use_dictionary=False, column_encoding=paths)
    new = pq.ParquetFile(changed(file, to_x, frozenset({"text", "messages[].content"}))).metadata.row_group(0)
    columns = {new.column(i).path_in_schema: new.column(i).encodings for i in range(new.num_columns)}
    assert all(encoding in columns[path] for path in paths)


def test_views_are_read_and_written(tmp_path: Path) -> None:
    table = pa.table({"v": pa.array(["a", None, "longer than twelve bytes"], pa.string_view())})
    new = changed(written_to(table, tmp_path / "a.parquet"), to_x, frozenset({"v"}))
    assert pq.read_table(new)["v"].to_pylist() == ["new 0", None, "longer than twelve bytes"]
    assert pq.read_schema(new).equals(table.schema)


def test_decimals_and_old_timestamps_keep_their_form(tmp_path: Path) -> None:
    table = pa.table(
        {
            "d": pa.array([decimal.Decimal("1.25")], pa.decimal128(9, 2)),
            "t": pa.array([1_700_000_000_000_000_000], pa.timestamp("ns")),
            "x": ["a"],
        }
    )  # fmt: skip
    for options in ({"store_decimal_as_integer": True}, {"use_deprecated_int96_timestamps": True}):
        file = written_to(table, tmp_path / "a.parquet", **options)
        new = changed(file, no_edit, frozenset({"d", "t"}))
        assert pq.ParquetFile(new).schema.equals(pq.ParquetFile(file).schema)
        assert pq.read_table(new).equals(pq.read_table(file))


def test_a_footer_is_read_and_written_without_loss(shard: Path) -> None:
    data = shard.read_bytes()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    assert written(parsed(footer)) == footer


def test_a_shard_that_is_cut_is_refused(shard: Path) -> None:
    data = bytearray(shard.read_bytes())
    data[60:400] = bytes(340)
    shard.write_bytes(data)
    with pytest.raises(UnreadableShard):
        changed(shard, to_x, frozenset({"id", "text"}))


def test_a_column_that_arrow_does_not_read_is_named_and_no_other_is_held_up(tmp_path: Path) -> None:
    """A required list of fixed size below a null: Arrow writes it and does not read it."""
    pair = pa.list_(pa.field("element", pa.string()), 2)
    struct = pa.struct([pa.field("pair", pair, nullable=False)])
    table = pa.table({"text": ["a", "b"], "s": pa.array([None, {"pair": ["x", "y"]}], struct)})
    file = written_to(table, tmp_path / "a.parquet")
    assert pq.ParquetFile(changed(file, to_x, frozenset({"text"}))).read(["text"])["text"].to_pylist()[0] == "new 0"
    with pytest.raises(UnreadableShard, match=r"column s\.pair\[\]: "):
        changed(file, dropped_rows=np.array([0], np.int64))
