"""Patterns against stock Presidio's pattern recognisers and against Hyperscan alone: `python benchmarks/patterns.py`.

One core, one run, processor time, medians; the stock recognisers read a sample of the same texts, since they are slow.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from presidio_analyzer import EntityRecognizer, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from scanner.detectors.patterns import Patterns, load_rules
from scanner.detectors.screen import Block, Screen
from scanner.heap import settle
from scanner.model import Leaf

CORPORA = Path(os.environ.get("SCANNER_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", default="docs", help="name of a file of volume/")
    parser.add_argument("--every", type=int, default=40, help="stock recognisers read one text in this many")
    arguments = parser.parse_args()
    texts = pq.read_table(CORPORA / "volume" / f"{arguments.text}.parquet", columns=["text"])["text"]
    values = texts.combine_chunks().cast(pa.large_string())
    stock = stock_recognisers()
    rules = load_rules(prove=False)
    entities = {entity for recogniser in stock for entity in recogniser.supported_entities}
    same = rules.only(*(rule.id for rule in rules.rules if rule.entity in entities))
    sample = values.to_pylist()[:: arguments.every]
    sampled_mb = sum(len(text.encode()) for text in sample) / 1e6
    whole_mb = len(values.buffers()[2]) / 1e6
    base = sampled_mb / measured(lambda: read_with(stock, sample))
    print(f"`volume/{arguments.text}`, {whole_mb:.1f} MB; stock on {sampled_mb:.2f} MB of it\n")
    print("| what | MB/s | times stock |\n|---|---|---|")
    show(f"stock Presidio, {len(stock)} pattern recognisers", base, base)
    for name, chosen in (("the rules for the same entities", same), ("all rules", rules)):
        patterns, screen, block = Patterns(chosen), Screen(chosen), Block.of(values)
        leaf = Leaf("text", values, np.arange(len(values)), np.zeros(len(values), np.int32))
        show(
            f"{name} ({len(chosen)}), screened and verified",
            whole_mb / measured(lambda p=patterns, at=leaf: p.find(at)),
            base,
        )
        show(f"{name}, Hyperscan alone", whole_mb / measured(lambda s=screen, b=block: list(s.hits(b))), base)
    show("joining the cells of a column", whole_mb / measured(lambda: Block.of(values)), base)


def stock_recognisers() -> list[EntityRecognizer]:
    """What Presidio runs on English text by default, without the language model."""
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    return [one for one in registry.recognizers if isinstance(one, PatternRecognizer | PhoneRecognizer)]


def read_with(recognisers: list[EntityRecognizer], texts: list[str]) -> None:
    for text in texts:
        for recogniser in recognisers:
            recogniser.analyze(text, recogniser.supported_entities, None)


def measured(work: Callable[[], object]) -> float:
    """Median processor time in seconds, after one run to warm up; what is loaded is settled, as in a worker."""
    work()
    settle()
    seconds = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)


def show(name: str, mb_per_s: float, base: float) -> None:
    print(f"| {name} | {mb_per_s:.3g} | {mb_per_s / base:.3g} |")


if __name__ == "__main__":
    main()
