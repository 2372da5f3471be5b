"""The screened path against its slow twin, every rule, all corpora: `python benchmarks/twin.py [--volume-mb 3]`.

The labelled sets and the values are read whole; of each volume file, texts that come to so many megabytes, since the
twin reads every text with every rule. Leaves with 1 if a single finding differs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scanner.detectors.patterns import Patterns, load_rules
from scanner.model import Leaf

CORPORA = Path(os.environ.get("SCANNER_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
TEXTS_AT_ONCE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--volume-mb", type=float, default=3.0)
    arguments = parser.parse_args()
    patterns = Patterns(load_rules(prove=False))
    print("| set | MB | findings | different | times the twin's speed |\n|---|---|---|---|---|")
    different = 0
    for name, texts in sets(arguments.volume_mb):
        different += _compared(patterns, name, texts)
    print(f"\n{different} findings differ.")
    sys.exit(int(different > 0))


def sets(volume_mb: float) -> Iterator[tuple[str, list[str]]]:
    """Texts of each set by its name."""
    for folder in ("labelled", "values", "volume"):
        for file in sorted((CORPORA / folder).glob("*.parquet")):
            texts = [text for text in pq.read_table(file, columns=["text"])["text"].to_pylist() if text]
            every = 1
            if folder == "volume":
                every = max(1, int(sum(len(text.encode()) for text in texts) / 1e6 / volume_mb))
            yield f"{folder}/{file.stem}", texts[::every]


def _compared(patterns: Patterns, name: str, texts: list[str]) -> int:
    fast_s = slow_s = 0.0
    found = different = 0
    for first in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[first : first + TEXTS_AT_ONCE]
        leaf = Leaf("text", pa.array(some, pa.large_string()), np.arange(len(some)), np.zeros(len(some), np.int32))
        began = time.process_time()
        fast = patterns.find(leaf)
        middle = time.process_time()
        slow = patterns.find_slowly(leaf)
        fast_s, slow_s = fast_s + middle - began, slow_s + time.process_time() - middle
        found += sum(map(len, slow.found.values()))
        for cell in range(len(some)):
            ours, twins = set(fast.found.get(cell, ())), set(slow.found.get(cell, ()))
            different += len(ours ^ twins)
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"| {name} | {size:.2f} | {found} | {different} | {slow_s / fast_s:.0f} |", flush=True)
    return different


if __name__ == "__main__":
    main()
