"""What is fetched ahead: the blocks that come next, each byte once, and never more than may be held."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.shards import Shard, ranges, source
from scanner.shards.ranges import Extent, Ranges
from tests.stores.servers import Proxy, upload
from tests.stores.test_remote_shards import words
from tests.test_shards import batches, cells

DATA = bytes(range(256)) * 40
BLOCK = 1_000


class Recorded:
    """Bytes of a file, and which ranges of them were asked for; it waits until `go` is set."""

    def __init__(self) -> None:
        self.asked: list[Extent] = []
        self.go, self.changed = threading.Event(), threading.Condition()
        self.go.set()

    def __call__(self, start: int, stop: int) -> bytes:
        with self.changed:
            self.asked.append((start, stop))
            self.changed.notify_all()
        assert self.go.wait(10)
        return DATA[start:stop]

    def wait_for(self, block: Extent) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: block in self.asked, 10), self.asked


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(ranges, "HELD_BYTES", 5 * BLOCK)
    monkeypatch.setattr(ranges, "TAIL_BYTES", 10)


@pytest.fixture
def opened() -> Iterator[tuple[Ranges, Recorded]]:
    fetch = Recorded()
    with closing(Ranges(len(DATA), fetch)) as found:
        yield found, fetch


def test_what_comes_next_is_on_its_way_while_the_reader_works(opened: tuple[Ranges, Recorded]) -> None:
    found, fetch = opened
    found.expect([(0, 2 * BLOCK)], then=[(4 * BLOCK, 7 * BLOCK)])
    assert found.read_at(10, 0) == DATA[:10]
    fetch.wait_for((BLOCK, 2 * BLOCK))
    found.read_at(10, BLOCK)
    fetch.wait_for((4 * BLOCK, 5 * BLOCK))
    found.expect([(4 * BLOCK, 7 * BLOCK)])
    assert found.read_at(3 * BLOCK, 4 * BLOCK) == DATA[4 * BLOCK : 7 * BLOCK]
    assert len(fetch.asked) == len(set(fetch.asked)) == 5


def test_no_more_is_on_its_way_than_a_few_blocks(opened: tuple[Ranges, Recorded]) -> None:
    found, fetch = opened
    found.expect([(0, 5 * BLOCK)])
    found.read_at(1, 0)
    fetch.go.clear()
    reader = threading.Thread(target=found.read_at, args=(1, 3 * BLOCK))
    reader.start()
    fetch.go.set()
    reader.join(10)
    assert len(fetch.asked) <= 2 + ranges.AHEAD_BLOCKS


def test_what_cannot_be_held_beside_what_is_read_is_not_fetched_ahead(opened: tuple[Ranges, Recorded]) -> None:
    found, fetch = opened
    found.expect([(0, 3 * BLOCK)], then=[(4 * BLOCK, 7 * BLOCK)])
    for at in range(0, 3 * BLOCK, 100):
        found.read_at(100, at)
    found.close()
    assert fetch.asked == [(at, at + BLOCK) for at in range(0, 3 * BLOCK, BLOCK)]


def test_parts_that_are_streamed_have_their_next_block_on_its_way(opened: tuple[Ranges, Recorded]) -> None:
    found, fetch = opened
    parts = [(0, 4_000), (5_000, 9_000)]
    found.expect(parts)
    found.stream(parts)
    for at in range(0, 4_000, 50):
        assert found.read_at(50, at) + found.read_at(50, 5_000 + at) == DATA[at : at + 50] + DATA[5_000 + at :][:50]
    assert len(fetch.asked) == len(set(fetch.asked)), "each block once"
    assert sum(stop - start for start, stop in fetch.asked) == 8_000


extents = st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 2_000)), max_size=4).map(
    lambda parts: [(start, start + size) for start, size in parts]
)


@settings(max_examples=60)
@given(extents, extents, st.lists(st.tuples(st.integers(0, len(DATA)), st.integers(0, 3_000)), max_size=8))
def test_any_read_gives_the_bytes_of_the_file(
    expected: list[Extent], then: list[Extent], reads: list[tuple[int, int]]
) -> None:
    fetch = Recorded()
    with closing(Ranges(len(DATA), fetch)) as found:
        for step, told in enumerate((expected, then)):
            found.expect(told, then if step == 0 else ())
            for at, count in reads:
                assert found.read_at(count, at) == DATA[at : at + count]
            found.stream(told)
            for at, count in reads:
                assert found.read_at(count, at) == DATA[at : at + count]


def test_row_groups_read_ahead_move_once(s3: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "HELD_BYTES", 1 << 20)
    monkeypatch.setattr(ranges, "BLOCK_BYTES", 64 << 10)
    table = pa.table({"id": range(4000), "text": words(4000, 300)})
    pq.write_table(table, tmp_path / "groups.parquet", row_group_size=500)
    upload(tmp_path, "lake/ahead")
    source._tails.clear()
    s3.reset()
    assert len(cells(batches(Shard("groups.parquet", "s3://lake/ahead/groups.parquet")))["text"]) == 4000
    size = (tmp_path / "groups.parquet").stat().st_size
    assert s3.sent_bytes("groups.parquet") <= 1.1 * size
