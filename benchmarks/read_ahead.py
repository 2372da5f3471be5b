"""What reading ahead saves where the store is slow: `python benchmarks/read_ahead.py [--megabytes 64] [--times 3]`.

A shard of row groups of 8 MB each lies in an S3 server of loopback that waits before every answer and sends no faster
than a link would. A reader takes every batch and then rests as long as the patterns would take for it, so that clock
times say what waits for what, on a busy machine too. Told are the seconds with and without reading ahead, in turn, and
the bytes moved beside those of the columns read.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # not this folder: its modules have names of the standard library

from scanner.shards import Shard, inspect, ranges, read, source, units  # noqa: E402
from tests.stores.servers import Fault, Proxy, s3_server, upload  # noqa: E402

LATENCY_SECONDS, LINK_BYTES_PER_SECOND, SCANNED_BYTES_PER_SECOND = 0.1, 25e6, 9e6
GROUP_BYTES = 8_000_000
CELL_BYTES = 1_000


def write(file: Path, megabytes: int) -> int:
    """Text that hardly compresses, beside a column that is not read; gives the bytes of the column that is."""
    rng, rows = np.random.default_rng(1), GROUP_BYTES // CELL_BYTES
    schema = pa.schema([("text", pa.string()), ("number", pa.int64())])
    with pq.ParquetWriter(file, schema, use_dictionary=False) as writer:
        for _ in range(megabytes * 1_000_000 // GROUP_BYTES):
            letters = rng.integers(33, 127, (rows, CELL_BYTES), dtype=np.uint8)
            text = pa.StringArray.from_buffers(
                rows, pa.py_buffer((np.arange(rows + 1) * CELL_BYTES).astype(np.int32)), pa.py_buffer(letters.tobytes())
            )
            writer.write_table(pa.table([text, np.arange(rows)], schema=schema))
    metadata = pq.read_metadata(file)
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    return sum(group.column(0).total_compressed_size for group in groups)


def slow(method: str, path: str, before: int) -> Fault:
    """A round trip, and a block's time on the link."""
    size = ranges.BLOCK_BYTES if method == "GET" else 0
    return Fault(wait_seconds=LATENCY_SECONDS + size / LINK_BYTES_PER_SECOND)


def seconds_to_read(proxy: Proxy, shard: Shard, ahead: int) -> tuple[float, int]:
    """Clock seconds of reading and as-if scanning the shard, and the bytes that moved."""
    ranges.AHEAD_BLOCKS = ahead
    source._tails.clear()
    facts = inspect(shard)
    proxy.reset(slow)
    began = time.perf_counter()
    for unit in units(facts, 1 << 40):
        for batch in read(unit):
            time.sleep(batch.size_bytes / SCANNED_BYTES_PER_SECOND)
    return time.perf_counter() - began, proxy.sent_bytes(shard.name)


def lines(megabytes: int, times: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ahead-") as name, s3_server("lake") as proxy:
        wanted = write(Path(name) / "a.parquet", megabytes)
        upload(Path(name), "lake/ahead")
        shard, usual = Shard("a.parquet", "s3://lake/ahead/a.parquet"), ranges.AHEAD_BLOCKS
        yield f"{wanted / 1e6:.0f} MB of column chunks; {wanted / SCANNED_BYTES_PER_SECOND:.1f} s of scanning alone\n"
        yield "| blocks ahead | seconds | bytes moved / columns read |\n|---|---|---|"
        for ahead in (0, usual) * times:
            seconds, moved = seconds_to_read(proxy, shard, ahead)
            yield f"| {ahead} | {seconds:.1f} | {moved / wanted:.3f} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--times", type=int, default=2)
    asked = parser.parse_args()
    for line in lines(asked.megabytes, asked.times):
        print(line, flush=True)
