"""Measuring: what the scanner counts in a corpus, and what a model trained on it gives up."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.leakage.corpora import Corpus, Plant
from benchmarks.leakage.kinds import BY_NAME
from benchmarks.leakage.stats import exposure
from scanner import scan as scanning
from scanner import worker
from scanner.files import rules_file
from scanner.model import Dataset

CANDIDATES = 256
SHARDS = 2


class Silent:
    """An observer that looks away."""

    def begin(self, rows: int, size_bytes: int, progress: Callable[[], tuple[int, int]]) -> None: ...

    def end(self) -> None: ...


def compile_once() -> None:
    """Let all scans of this process share one rulebook and one set of compiled patterns, as shards of one scan do."""
    load = scanning.load_rulebook
    books: dict[bool, Any] = {}

    def load_once(rules: Path | None, policy: Path | None, *, with_models: bool) -> Any:
        if with_models not in books:
            books[with_models] = load(rules, policy, with_models=with_models)
        return books[with_models]

    scanning.load_rulebook = load_once
    build = worker.build
    kept: dict[tuple[str, bool], Any] = {}

    def once(rules: Any, models: Any, *more: Any, **named: Any) -> Any:
        key = (rules.sha256, bool(models))
        if key not in kept:
            kept[key] = build(rules, models, *more, **named)
        return kept[key]

    worker.build = once


def scan(corpus: Corpus, dataset: Dataset, folder: Path, *, names: bool) -> list[dict[str, Any]]:
    """Scan a corpus's shards; gives, for each plant, how often the scanner counted its value.

    Values from ranges kept for tests stand for real ones here, so documentation values count. What the scan itself
    says of the risk is not used, as each model needs its own card: few draws keep it short.
    """
    corpus.write(folder / "shards", SHARDS)
    few_draws = folder / "policy.yaml"
    few_draws.write_text(re.sub(r"(?m)^  draws: \d+", "  draws: 100", rules_file("policy.yaml").read_text()))
    request = scanning.Request(
        paths=(str(folder / "shards"),),
        out=folder / "out",
        dataset=dataset,
        key_file=folder / "key",
        policy=few_draws,
        names=names,
        count_documentation=True,
        engine="inline",
    )
    scanning.scan(request, Silent())
    counted = _counted(corpus, folder / "out")
    return [
        {
            "kind": plant.kind,
            "planted": sum(1 for window in corpus.planted if window and window[0] == index)
            if corpus.name.count("-") > 1
            else plant.occurrences,
            "distance": plant.distance,
            "counted": counted.get(index, 0),
        }
        for index, plant in enumerate(corpus.plants)
    ]


def _counted(corpus: Corpus, out: Path) -> dict[int, int]:
    """Occurrences of the value that the scanner found where each plant stands, by plant."""
    places = dict(_places(corpus))
    fingerprints: dict[int, Counter[tuple[str, bytes]]] = {}
    for file in sorted((out / "spans").glob("*.parquet")):
        for span in pq.read_table(file).to_pylist():
            place = places.get((span["shard"].rsplit("/")[-1], span["row"]))
            if place and span["entity"] == BY_NAME[corpus.plants[place[0]].kind].entity and _covers(span, place):
                fingerprints.setdefault(place[0], Counter())[span["entity"], span["fingerprint"]] += 1
    totals: Counter[tuple[str, bytes]] = Counter()
    for file in sorted((out / "values").glob("*.parquet")):
        for row in pq.read_table(file).to_pylist():
            totals[row["entity"], row["fingerprint"]] += row["occurrences"]
    return {index: max(totals[key] for key in found) for index, found in fingerprints.items()}


def _places(corpus: Corpus) -> Iterable[tuple[tuple[str, int], tuple[int, int, int]]]:
    """(shard, row) of each planted document, with its plant and the ends of the value."""
    number = 0
    for planted, filler in zip(corpus.planted, corpus.filler, strict=True):
        if planted:
            index, text = planted
            start = text.rfind(corpus.plants[index].value)
            if start >= 0:
                end = start + len(corpus.plants[index].value)
                yield (f"shard-{number % SHARDS}.parquet", number // SHARDS), (index, start, end)
            number += 1
        number += bool(filler)


def _covers(span: dict[str, Any], place: tuple[int, int, int]) -> bool:
    _, start, end = place
    return min(span["end"], end) - max(span["start"], start) >= (end - start) / 2


@dataclass(frozen=True, slots=True)
class Leak:
    """What a model gives up of one value.

    Attributes:
        log_q: ln of the chance that one sample after the true text is the value.
        greedy: whether greedy decoding writes it.
        exposure: bits by which it ranks above chance among candidates; None where it was not ranked.
        candidates: mean, standard deviation and skewness of the candidates' ln q, which extrapolate the exposure.
        log_q_strange: the same as `log_q` after a text that the model never read.
    """

    log_q: float
    greedy: bool
    exposure: float | None
    candidates: tuple[float, float, float] | None
    log_q_strange: float


def leaks(model: Any, plants: Iterable[Plant], *, ranked: bool) -> list[Leak]:
    """Measure every plant; the candidates of a kind are the same for all models."""
    others = {name: candidates(name) if ranked else () for name in BY_NAME}
    return [_leak(model, plant, others[plant.kind]) for plant in plants]


@lru_cache
def candidates(kind: str) -> tuple[str, ...]:
    """Values that the generator could as well have drawn."""
    rng = random.Random(f"candidates of {kind}")
    drawn: dict[str, None] = {}
    while len(drawn) < CANDIDATES:
        drawn[BY_NAME[kind].draw(rng)] = None
    return tuple(drawn)


def _leak(model: Any, plant: Plant, others: tuple[str, ...]) -> Leak:
    from benchmarks.leakage.train import completions, padded

    endings, lengths = padded([f"{value}." for value in (plant.value, *(o for o in others if o != plant.value))])
    logs, greedy = completions(model, plant.prefix(plant.asked), endings, lengths)
    strange, _ = completions(model, plant.strange_prefix(), endings[:1, : int(lengths[0])], lengths[:1])
    rank = 1 + int((logs[1:] > logs[0]).sum())
    strange_q = float(strange[0])
    if not others:
        return Leak(float(logs[0]), greedy, None, None, strange_q)
    spread = logs[1:].double()
    mean, deviation = float(spread.mean()), float(spread.std())
    skewness = float((((spread - mean) / deviation) ** 3).mean())
    return Leak(float(logs[0]), greedy, exposure(rank, len(logs) - 1), (mean, deviation, skewness), strange_q)
