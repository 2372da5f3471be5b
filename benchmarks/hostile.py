"""Text that is made to be slow, and very large cells: `python benchmarks/hostile.py [--megabytes 100]`.

Every rule reads each text through the screen and its verification, one core, processor time. The second table is the
worst that any one rule reads, from the texts that rules are proved with. The last is one cell of many megabytes.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from scanner.detectors.evaluate import Evaluator
from scanner.detectors.patterns import Patterns, load_rules
from scanner.detectors.proofs import slowest_mb_per_s
from scanner.model import Leaf
from scanner.resolve import resolve

SIZE = 1_000_000
SLOWEST_SHOWN = 8
PLANTED = " write to anna.berg@mail.example.org "
WINDOW_BORDERS = (1 << 16, 1 << 28)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100, help="size of the large cell")
    arguments = parser.parse_args()
    rules = load_rules(prove=False)
    patterns = Patterns(rules)
    patterns.find(_leaf("warm up"))
    print("| text | MB | MB/s | findings |\n|---|---|---|---|")
    for name, text in hostile():
        size = len(text.encode()) / 1e6
        began = time.process_time()
        result = patterns.find(_leaf(text))
        seconds = time.process_time() - began
        shown = str(len(result.found.get(0, ()))) + (" (out of time)" if result.timed_out else "")
        print(f"| {name} | {size:.2f} | {size / seconds:.3g} | {shown} |", flush=True)
    print("\n| slowest rules, each alone on its worst text | MB/s |\n|---|---|")
    speeds = sorted((slowest_mb_per_s(rule, Evaluator(rule)), rule.id) for rule in rules.rules)
    for speed, rule in speeds[:SLOWEST_SHOWN]:
        print(f"| {rule} | {speed:.3g} |")
    _large_cell(patterns, arguments.megabytes)


def hostile() -> Iterator[tuple[str, str]]:
    """Texts by name, about a megabyte each unless the name says otherwise."""
    units = {
        "digits": "7",
        "`@`": "@",
        "dots": ".",
        "spaces": " ",
        "NUL": "\x00",
        "emoji": "\U0001f600",
        "combining marks": "e\u0301",
        "right-to-left": "\u0645\u0631\u062d\u0628\u0627 ",
        "digits of another script": "\u0661\u0662",
        "base64": "QUJDREVGR0hJSktM",
        "percent-encoded": "%41",
        "quotes and equals": '"x"=',
        "nested brackets": "([{",
    }
    yield "4,000 dots (4 kB)", "." * 4000
    yield "100 kB of digits", "7" * 100_000
    for name, unit in units.items():
        yield name, (unit * (SIZE // len(unit.encode()) + 1)) + " x"
    yield (
        "nothing but e-mail addresses",
        "".join(f"user{number}@host{number % 97}.example.com " for number in range(30_000)),
    )
    yield "nothing but phone numbers", "".join(f"+44 20 7946 {number % 10_000:04} " for number in range(50_000))


def _large_cell(patterns: Patterns, megabytes: int) -> None:
    """One cell with a value on every border of a window and at either end; each must be found once, at its place."""
    filler = "the quick brown fox jumps over a lazy dog "
    size = megabytes * 1_000_000
    places = sorted(
        {0, size - 200, *range(1_000_000 - 20, size - 200, 7_340_033), *(b - 10 for b in WINDOW_BORDERS if b < size)}
    )
    text = _planted(filler, size, places)
    began = time.process_time()
    result = patterns.find(_leaf(text))
    seconds = time.process_time() - began
    found = [one.start for one in resolve(result.found.get(0, [])) if one.entity == "EMAIL_ADDRESS"]
    wanted = [place + PLANTED.index("anna") for place in places]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("\n| one cell | MB/s | values on borders | found once, at their place | peak MiB of the process |")
    print("|---|---|---|---|---|")
    right = "yes" if found == wanted else "NO"
    print(f"| {megabytes} MB | {size / 1e6 / seconds:.3g} | {len(wanted)} | {right} | {peak:.0f} |")


def _planted(filler: str, size: int, places: list[int]) -> str:
    pieces, at = [], 0
    for place in places:
        gap = place - at
        pieces.append((filler * (gap // len(filler) + 1))[:gap])
        pieces.append(PLANTED)
        at = place + len(PLANTED)
    return "".join(pieces) + filler


def _leaf(text: str) -> Leaf:
    return Leaf("text", pa.array([text], pa.large_string()), np.zeros(1, np.int64), np.zeros(1, np.int32))


if __name__ == "__main__":
    main()
