"""What a scan costs by the size of its input: `python benchmarks/cost_by_size.py [--megabytes 10 100] [--times 3]`.

Each size is a folder of shards of up to 5 MB of text, so that every worker has work at every size, scanned by `scanner
scan` with one worker a core; sizes of up to 100 MB are scanned several times, and the median counts. Told are seconds
of processor time (user and system, of the program and its workers), which a busy machine changes little, and seconds
by the clock, which it changes much. The line is fitted through the processor times by least squares of relative errors;
`benchmarks/cost_by_size.svg` shows it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # not this folder: its modules have names of the standard library

from benchmarks.memory_scan import tables  # noqa: E402

SHARD_BYTES = 5_000_000
SMALL_MEGABYTES = 100
"""Sizes up to this are scanned more than once: what a start costs varies by a tenth."""


def write(folder: Path, size_bytes: int) -> None:
    """Shards of so much text in all."""
    for number, start in enumerate(range(0, size_bytes, SHARD_BYTES)):
        schema = None
        writer = None
        for table in tables(min(SHARD_BYTES, size_bytes - start)):
            if writer is None:
                schema = table.schema
                writer = pq.ParquetWriter(folder / f"{number:05}.parquet", schema, use_dictionary=False)
            writer.write_table(table)
        if writer is not None:
            writer.close()


def scanned(megabytes: int, options: list[str]) -> tuple[float, float]:
    """Seconds of processor time and by the clock."""
    with tempfile.TemporaryDirectory(prefix="cost-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        write(folder / "data", megabytes * 1_000_000)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "scanner", "scan", str(folder / "data"), "--out", str(folder / "out"),
             "--key", str(folder / "key"), *options],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr[-2000:])
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return spent, ended - began


def median(megabytes: int, options: list[str], times: int) -> tuple[float, float]:
    """The scan whose processor time is the median of several; a large one is done once."""
    scans = [scanned(megabytes, options) for _ in range(times if megabytes <= SMALL_MEGABYTES else 1)]
    return sorted(scans)[len(scans) // 2]


def line(sizes: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    """Fixed seconds and seconds a megabyte, by least squares of relative errors."""
    design = np.stack([np.ones_like(sizes), sizes], axis=1) / seconds[:, None]
    fixed, slope = np.linalg.lstsq(design, np.ones_like(seconds), rcond=None)[0]
    return float(fixed), float(slope)


def svg(sizes: np.ndarray, seconds: np.ndarray, fixed: float, slope: float) -> str:
    """Points and line on two logarithmic scales."""
    low, high = np.log10(sizes.min() / 1.5), np.log10(sizes.max() * 1.5)
    bottom, top = np.log10(seconds.min() / 1.5), np.log10(seconds.max() * 1.5)

    def place(x: float, y: float) -> str:
        across, up = (np.log10(x) - low) / (high - low), (np.log10(y) - bottom) / (top - bottom)
        return f"{60 + 520 * across:.1f},{330 - 300 * up:.1f}"

    curve = " ".join(place(x, fixed + slope * x) for x in np.geomspace(sizes.min(), sizes.max(), 50))
    marks = "".join(
        f'<circle cx="{(at := place(x, y).split(","))[0]}" cy="{at[1]}" r="4"/>'
        f'<text x="{at[0]}" y="{float(at[1]) - 10:.1f}" text-anchor="middle">{x:g} MB: {y:.1f} s</text>'
        for x, y in zip(sizes, seconds, strict=True)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 380" font-family="sans-serif" font-size="12">'
        '<rect width="640" height="380" fill="white"/><path d="M60 20V330H600" fill="none" stroke="black"/>'
        f'<polyline points="{curve}" fill="none" stroke="gray"/>{marks}'
        '<text x="330" y="365" text-anchor="middle">megabytes of text</text>'
        '<text x="18" y="180" text-anchor="middle" transform="rotate(-90 18 180)">seconds of processor time</text>'
        "</svg>\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 30, 100, 300])
    parser.add_argument("--times", type=int, default=3, help="how often sizes of up to 100 MB are scanned")
    parser.add_argument("--names", action="store_true", help="with the names stage")
    asked = parser.parse_args()
    options = [] if asked.names else ["--no-names"]
    scanned(1, options)  # compiles the rules, once for all
    told = [median(megabytes, options, asked.times) for megabytes in asked.megabytes]
    sizes, seconds = np.array(asked.megabytes, float), np.array([spent for spent, _ in told])
    fixed, slope = line(sizes, seconds)
    print(f"{os.cpu_count()} cores, {'patterns and names' if asked.names else 'patterns alone'}: "
          f"{fixed:.1f} s and {slope * 1000:.0f} s a GB of processor time ({1 / slope:.1f} MB/s a core)\n")  # fmt: skip
    print("| MB | processor s | off the line | clock s |\n|---|---|---|---|")
    for megabytes, (spent, clock) in zip(asked.megabytes, told, strict=True):
        print(f"| {megabytes:,} | {spent:.1f} | {spent / (fixed + slope * megabytes) - 1:+.1%} | {clock:.1f} |")
    (Path(__file__).parent / "cost_by_size.svg").write_text(svg(sizes, seconds, fixed, slope))


if __name__ == "__main__":
    main()
