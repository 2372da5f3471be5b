"""Memory and time of the merge at scale: simulated value tables and tallies, merged as a scan's driver merges them.

`python benchmarks/merge_scale.py [--findings 1e7] [--shards 10000] [--tables 10000]`

Writes value tables of random fingerprints (a third of the rows repeat a value of another shard) and a ledger with
a tally a shard, of ten columns and five entities, then, in a process of its own each, (1) adds up the tallies and
(2) merges the tables. Told are the seconds and the peak resident memory of each.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # not this folder: its modules have names of the standard library

from scanner import values  # noqa: E402
from scanner.ledger import open_ledger  # noqa: E402
from scanner.tally import ColumnCount, FindingCount, Tally  # noqa: E402

ENTITIES = ("EMAIL_ADDRESS", "PERSON", "PHONE_NUMBER", "LOCATION", "IP_ADDRESS")
COLUMNS = 10
"""Columns with findings of each entity, in the tally of each shard."""

PLAN = "0" * 64


def table(rng: np.random.Generator, rows: int, everywhere: int) -> pa.Table:
    """A value table whose fingerprints are two thirds new and one third of a pool that all shards share."""
    shared = rng.random(rows) < 1 / 3
    prints = rng.integers(0, 2**63, (rows, 2), dtype=np.int64)
    prints[shared] = np.stack([rng.integers(0, everywhere, shared.sum())] * 2, axis=1) * 0x1E3779B97F4A7C15
    buffer = pa.py_buffer(np.ascontiguousarray(prints).tobytes())
    fingerprint = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [None, buffer])
    # An entity belongs to its value, so that equal fingerprints have equal entities.
    entity = pa.DictionaryArray.from_arrays(pa.array(np.abs(prints[:, 0]) % len(ENTITIES), pa.int8()), list(ENTITIES))
    return pa.table(
        [
            entity.cast(pa.string()),
            pa.array(["text"] * rows),
            pa.array(np.zeros(rows, bool)),
            fingerprint,
            pa.array(rng.geometric(0.7, rows), pa.int64()),
            pa.array(np.zeros(rows), pa.int64()),
            pa.array(rng.integers(0, 3, rows), pa.int8()),
            pa.array(rng.integers(0, 5, rows), pa.int8()),
        ],
        schema=values.SCHEMA,
    )


def write_tallies(folder: Path, shards: int) -> None:
    """The ledger of a scan of so many shards."""
    with open_ledger(folder / "ledger.sqlite") as ledger:
        columns = [f"column_{number}" for number in range(COLUMNS)]
        count = {(entity, column): FindingCount(9, 9, 99) for entity in ENTITIES for column in columns}
        tally = Tally(9, 10**6, dict.fromkeys(columns, ColumnCount(9, 10**6, 10**6)), count, {"en": 10**6})
        ledger.set_aside(PLAN, {f"shard-{number:06}": tally for number in range(shards)})


def write_tables(folder: Path, findings: int, tables: int) -> None:
    """The value tables of a scan that found so much."""
    rng = np.random.default_rng(1)
    (folder / "values").mkdir()
    for number in range(tables):
        made = table(rng, findings // tables, max(1, findings // 20))
        pq.write_table(made, folder / "values" / f"shard-{number:06}.parquet", compression="zstd")


MEASURED = """
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
folder, began = Path({folder!r}), time.perf_counter()
if {what!r} == "tallies":
    from scanner.ledger import open_ledger
    from scanner.tally import total
    with open_ledger(folder / "ledger.sqlite") as ledger:
        told = total(tally for _, tally in ledger.each_tally({plan!r})).rows
else:
    from scanner.merge import merge
    merged = merge(sorted((folder / "values").glob("*.parquet")), folder / "scratch")
    told = int(merged.histogram.distinct.sum())
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([told, used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 2**10]))
"""


def measured(folder: Path, what: str) -> tuple[int, float, float, float]:
    """What came out, seconds of processor time and by the clock, and peak MiB of one step in a process of its own."""
    code = MEASURED.format(root=str(ROOT), folder=str(folder), what=what, plan=PLAN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    told, spent, seconds, peak = json.loads(done.stdout)
    return told, spent, seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--findings", type=float, default=1e7)
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--tables", type=int, help="fewer value tables than shards, which are quicker to write")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="merge-scale-"))
    try:
        began = time.perf_counter()
        write_tallies(folder, asked.shards)
        write_tables(folder, int(asked.findings), asked.tables or asked.shards)
        size = sum(file.stat().st_size for file in (folder / "values").iterdir())
        print(f"{asked.shards:,} tallies, {asked.tables or asked.shards:,} tables, "
              f"{int(asked.findings):,} rows, {size / 1e9:.2f} GB, written in "
              f"{time.perf_counter() - began:.0f} s\n")  # fmt: skip
        print("| step | result | processor s | clock s | peak MiB |\n|---|---|---|---|---|")
        for what in ("tallies", "merge"):
            told, spent, seconds, peak = measured(folder, what)
            print(f"| {what} | {told:,} | {spent:.1f} | {seconds:.1f} | {peak:,.0f} |", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
