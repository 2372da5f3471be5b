"""Shards in a store are found, inspected and read as those on disk are, and no more of them moves than is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner.errors import BadUrl, NothingToScan, StoreFailed
from scanner.model import Identity, UnscannedReason
from scanner.shards import ReadOptions, Shard, find, inspect, ranges, read, source, units
from tests.stores.servers import Fault, Proxy, WebFiles, call, upload
from tests.test_shards import batches, cells, lost, rows_of

RANDOM = np.random.default_rng(7)


def words(count: int, length: int) -> list[str]:
    """Texts that hardly compress."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz0123456789"))
    return ["".join(row) for row in letters[RANDOM.integers(0, len(letters), (count, length))]]


TABLES = {
    "flat": pa.table({"text": words(1500, 80), "blob": words(1500, 100), "number": range(1500)}),
    "nested": pa.table(
        {
            "chat": [[{"role": "user", "content": text}] * 2 for text in words(500, 60)],
            "map": pa.array([[("key", text)] for text in words(500, 20)], pa.map_(pa.string(), pa.string())),
        }
    ),
    "dictionary": pa.table({"text": pa.array(words(10, 30) * 300).dictionary_encode()}),
    "empty": pa.table({"text": pa.array([], pa.string())}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    for name, table in TABLES.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=700, data_page_size=8 << 10)
    for name in ("year=2024/a.parquet", "year=2024/_skip.parquet", "_temporary/b.parquet", "part-0", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": ["a"]}), folder / name)
    (folder / "words").write_text("no shard")
    return folder


@pytest.fixture
def remote(s3: Proxy, folder: Path) -> Proxy:
    """The folder in the store, and nothing of it known to this process yet."""
    upload(folder, "lake/shards")
    source._tails.clear()
    s3.reset()
    return s3


def stored(name: str) -> Shard:
    return Shard(name, f"s3://lake/shards/{name}")


class TestFinding:
    @pytest.mark.parametrize("pattern", ["", "*.parquet", "y*", "year=*/a*", "**/*.parquet", "[df]*", "[!d]*.parquet"])
    def test_the_same_shards_under_the_same_names_as_on_disk(self, remote: Proxy, folder: Path, pattern: str) -> None:
        local = find([f"{folder}/{pattern}" if pattern else folder])
        assert local
        found = find([f"s3://lake/shards/{pattern}".rstrip("/")])
        assert [shard.name for shard in found] == [shard.name for shard in local]
        for shard in found:
            assert shard.path.startswith("s3://lake/shards/")

    def test_several_folders_and_single_objects(self, remote: Proxy, folder: Path) -> None:
        paths = ["year=2024", "flat.parquet"]
        local = find([folder / path for path in paths])
        assert [s.name for s in find([f"s3://lake/shards/{p}" for p in paths])] == [s.name for s in local]

    def test_what_is_not_there_is_told_at_once(self, remote: Proxy) -> None:
        with pytest.raises(NothingToScan) as caught:
            find(["s3://lake/none", "s3://lake/shards/*.pq"])
        assert str(caught.value).count("no Parquet file here") == 2

    def test_a_listing_that_breaks_off_is_an_error(self, remote: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("scanner.stores.objects.PAGE_OBJECTS", 3)
        remote.reset(lambda method, path, before: Fault(503, "SlowDown") if path == "/lake" and before else None)
        with pytest.raises(StoreFailed):
            find(["s3://lake/shards/"])

    def test_names_that_climb_are_named_and_not_read(self, s3: Proxy) -> None:
        call("PUT", "/lake/climb/..%5Cx.parquet", b"x")
        (shard,) = find(["s3://lake/climb"])
        assert shard.outside
        assert inspect(shard).fault is not None


class TestReading:
    @pytest.mark.parametrize("name", TABLES)
    @pytest.mark.parametrize("held", [ranges.HELD_BYTES, 60_000])
    def test_batches_are_those_of_the_file_on_disk(
        self, remote: Proxy, folder: Path, name: str, held: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ranges, "HELD_BYTES", held)
        local = batches(Shard(name, str(folder / f"{name}.parquet")), target_bytes=1 << 16)
        found = batches(stored(f"{name}.parquet"), target_bytes=1 << 16)
        assert cells(found) == cells(local)
        assert rows_of(found) == rows_of(local)
        assert lost(found) == []

    @pytest.mark.parametrize("held", [ranges.HELD_BYTES, 100_000])
    def test_no_more_moves_than_the_columns_read(
        self, s3: Proxy, tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ranges, "HELD_BYTES", held)
        monkeypatch.setattr(ranges, "NEAR_BYTES", 0)
        table = pa.table({"id": range(2000), "blob": words(2000, 500), "text": words(2000, 300), "extra": ["x"] * 2000})
        pq.write_table(table, tmp_path / "wide.parquet", row_group_size=1000, data_page_size=128 << 10)
        upload(tmp_path, "lake/moves")
        metadata = pq.read_metadata(tmp_path / "wide.parquet")
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        wanted = sum(group.column(column).total_compressed_size for group in groups for column in (2, 3))
        source._tails.clear()
        s3.reset()
        found = batches(Shard("wide.parquet", "s3://lake/moves/wide.parquet"), ReadOptions(dropped=("blob",)))
        assert len(cells(found)["text"]) == 2000
        moved = s3.sent_bytes("wide.parquet")
        assert wanted <= moved <= 1.1 * wanted

    def test_small_pages_of_a_column_that_cannot_be_held_take_few_requests(
        self, s3: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pq.write_table(pa.table({"text": words(2000, 300)}), tmp_path / "a.parquet", data_page_size=2 << 10)
        upload(tmp_path, "lake/pages")
        monkeypatch.setattr(ranges, "HELD_BYTES", 100_000)
        s3.reset()
        found = batches(Shard("a.parquet", "s3://lake/pages/a.parquet"))
        assert len(cells(found)["text"]) == 2000
        assert s3.sent_bytes("a.parquet") <= 2.1 * (tmp_path / "a.parquet").stat().st_size
        assert len(s3.seen) < 60

    def test_what_identifies_a_remote_shard(self, remote: Proxy, folder: Path) -> None:
        first, again = inspect(stored("flat.parquet")), inspect(stored("flat.parquet"))
        assert (first.identity, first.sha256) == (Identity.ETAG, again.sha256)
        local = inspect(Shard("flat.parquet", str(folder / "flat.parquet")))
        assert (local.identity, first.rows, first.groups) == (Identity.SHA256, local.rows, local.groups)
        whole = inspect(stored("flat.parquet"), whole=True)
        assert (whole.identity, whole.sha256) == (Identity.SHA256, local.sha256)
        call("PUT", "/lake/shards/flat.parquet", (folder / "nested.parquet").read_bytes())
        assert inspect(stored("flat.parquet")).sha256 != first.sha256

    def test_broken_shards_are_at_fault_as_on_disk(self, s3: Proxy, tmp_path: Path) -> None:
        pq.write_table(pa.table({"text": ["a"] * 9}), tmp_path / "good.parquet")
        good = (tmp_path / "good.parquet").read_bytes()
        for name, data in {
            "empty": b"",
            "cut": good[:-20],
            "words": b"words and words and words",
            "encrypted": b"PARE" + good[4:-4] + b"PARE",
            "long": good[:-8] + (1 << 31).to_bytes(4, "little") + b"PAR1",
            "flipped": good[:-30] + bytes(22) + good[-8:],
        }.items():
            (tmp_path / f"{name}.parquet").write_bytes(data)
        upload(tmp_path, "lake/broken")
        for local, remote in zip(find([tmp_path]), find(["s3://lake/broken"]), strict=True):
            assert inspect(remote).fault == inspect(local).fault


class TestFailing:
    @pytest.mark.parametrize("fault", [Fault(503, "SlowDown"), Fault(keep=0.3)])
    def test_faults_that_pass_change_nothing(self, remote: Proxy, folder: Path, fault: Fault) -> None:
        remote.reset(lambda method, path, before: fault if before % 3 == 0 and method == "GET" else None)
        found = batches(stored("nested.parquet"))
        assert cells(found) == cells(batches(Shard("nested.parquet", str(folder / "nested.parquet"))))

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (Fault(503, "SlowDown"), "last with status 503"),
            (Fault(keep=0.3), "cuts answers short"),
            (Fault(400, "ExpiredToken"), "credentials are missing, wrong or expired"),
            (Fault(404, "NoSuchKey"), "is not there"),
            (Fault(412, "PreconditionFailed"), "is not the one that was inspected"),
        ],
    )
    @pytest.mark.parametrize("late", [False, True])
    def test_faults_that_stay_are_told_and_never_skipped(
        self, remote: Proxy, fault: Fault, told: str, late: bool
    ) -> None:
        shard = stored("flat.parquet")
        (unit,) = units(inspect(shard))
        begun = 3 if late else 0
        remote.reset(lambda method, path, before: fault if method == "GET" and before >= begun else None)
        with pytest.raises(StoreFailed) as caught:
            list(read(unit, ReadOptions(batch_bytes=1000)))
        assert told in caught.value.what
        source._tails.clear()
        remote.reset(lambda method, path, before: fault if method == "GET" else None)
        found = inspect(shard).fault
        assert found is not None
        assert (found.reason, told in found.detail) == (caught.value.reason, True)

    def test_a_shard_that_changed_since_it_was_inspected_is_not_read(self, remote: Proxy, folder: Path) -> None:
        (unit,) = units(inspect(stored("flat.parquet")))
        call("PUT", "/lake/shards/flat.parquet", (folder / "nested.parquet").read_bytes())
        (entry,) = lost(list(read(unit)))
        assert entry.reason is UnscannedReason.CHANGED

    def test_a_shard_that_vanishes_while_it_is_read_is_not_half_read(
        self, remote: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ranges, "HELD_BYTES", 60_000)
        (unit,) = units(inspect(stored("flat.parquet")))
        reading = read(unit, ReadOptions(batch_bytes=1000))
        next(reading)
        call("DELETE", "/lake/shards/flat.parquet")
        with pytest.raises(StoreFailed, match="is not there"):
            list(reading)


class TestWebShards:
    @pytest.mark.parametrize("has_ranges", [True, False])
    def test_a_shard_on_a_web_server(self, web: tuple[WebFiles, str], folder: Path, *, has_ranges: bool) -> None:
        files, address = web
        files.ranges = has_ranges
        data = (folder / "flat.parquet").read_bytes()
        files.files["/a%20b.parquet"] = data
        (shard,) = find([f"{address}/a%20b.parquet?token=secret"])
        assert shard.name == "a b.parquet"
        local = Shard("flat.parquet", str(folder / "flat.parquet"))
        assert cells(batches(shard, ReadOptions(dropped=("blob",)))) == cells(
            batches(local, ReadOptions(dropped=("blob",)))
        )
        facts = inspect(shard)
        assert facts.identity is (Identity.ETAG if has_ranges else Identity.SHA256)
        assert has_ranges or facts.sha256 == inspect(local).sha256

    def test_a_web_file_that_is_not_there(self, web: tuple[WebFiles, str]) -> None:
        _, address = web
        fault = inspect(*find([f"{address}/none.parquet?token=secret"])).fault
        assert fault is not None
        assert "secret" not in str(fault)

    def test_plain_http_is_asked_leave_for(self) -> None:
        with pytest.raises(BadUrl, match="SCANNER_ALLOW_HTTP"):
            find(["http://example.com/a.parquet"])
