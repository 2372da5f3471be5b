"""Peak memory of a whole scan of one large shard: `python benchmarks/memory_scan.py [--mib 10 100 1000] [--no-names]`.

The shard is made of a few thousand different paragraphs with identifiers in them, in plain encoding, so that its size
is what a worker has to go through and the names stage comes to an end within minutes. Each scan runs in a process of
its own, as one worker; its peak is the kernel's high-water mark of that process.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MIB = 1 << 20
ROWS_A_TABLE = 8192
PARAGRAPHS = 4000

WORDS = (
    "the of and to in that it was for on with as by at from this have which one had not but what all were when".split()
)
NAMES = "Amara Kessler|Joris Lindqvist|Priya Marchetti|Tamsin Rasmussen|Viktor Quintana|Zoe Thibault".split("|")

SCAN = """
import sys
from scanner.cli import main
try:
    main(sys.argv[1:])
finally:
    status = open("/proc/self/status").read()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), file=sys.stderr)
"""


def paragraphs(seed: int = 7) -> list[str]:
    """Different paragraphs of about a kilobyte, one in ten with identifiers."""
    rng = random.Random(seed)
    return [_paragraph(rng, number) for number in range(PARAGRAPHS)]


def _paragraph(rng: random.Random, number: int) -> str:
    words = rng.choices(WORDS, k=200)
    if number % 10 == 0:
        words.insert(50, f"{rng.choice(NAMES)} (user{number}@example.com, 212-555-01{rng.randrange(100):02})")
    return " ".join(words).capitalize() + "."


def tables(size_bytes: int) -> Iterator[pa.Table]:
    """Tables of one text column that come to `size_bytes` together."""
    texts = paragraphs()
    rng = random.Random(1)
    written = 0
    while written < size_bytes:
        rows = rng.choices(texts, k=ROWS_A_TABLE)
        written += sum(map(len, rows))
        yield pa.table({"text": rows})


def write(file: Path, size_bytes: int, row_groups: int) -> None:
    """A shard of so many row groups; with one, the writer buffers it whole."""
    if row_groups == 1:
        pq.write_table(pa.concat_tables(tables(size_bytes)), file, use_dictionary=False, row_group_size=1 << 31)
        return
    rows = max(1, size_bytes // 1000 // row_groups)
    with pq.ParquetWriter(file, pa.schema([("text", pa.string())]), use_dictionary=False) as writer:
        for table in tables(size_bytes):
            writer.write_table(table, row_group_size=rows)


def measure(file: Path, *options: str) -> tuple[float, float]:
    """Peak MiB and seconds of one scan."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SCAN, "scan", str(file), "--engine", "inline", "--out", f"{folder}/out"]
        began = time.monotonic()
        done = subprocess.run(
            [*command, "--key", f"{folder}/key", *options], capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        return int(done.stderr.split()[-1]) / 1024, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, nargs="+", default=[10, 100, 1000], help="sizes of the text")
    parser.add_argument("--row-groups", type=int, nargs="+", default=[1, 2000], help="into which each is split")
    parser.add_argument("--no-names", action="store_true")
    arguments = parser.parse_args()
    options = ["--no-names"] if arguments.no_names else []
    print("| shard | row groups | file MiB | peak MiB | seconds |\n|---|---|---|---|---|", flush=True)
    for row_groups, mib in ((groups, mib) for groups in arguments.row_groups for mib in arguments.mib):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "shard.parquet"
            write(file, mib * MIB, row_groups)
            groups = pq.read_metadata(file).num_row_groups
            peak, seconds = measure(file, *options)
            size = file.stat().st_size / MIB
        print(f"| {mib} MiB of text | {groups} | {size:.0f} | {peak:.0f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
