"""From Parquet to spans, beside the peers: `python benchmarks/end_to_end.py [--kilobytes 300] [--workers-mb 48]`.

Every row reads Parquet and hands back places of findings; one core, processor time, medians of one run. Slow tools
read a sample of the same texts. Ratios hold better than figures.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
for _variable in ("DATAFOG_NO_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_variable, "1")

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import yaml  # noqa: E402
from names import _stock  # noqa: E402
from patterns import measured, read_with, stock_recognisers  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from scanner import scan as scanning  # noqa: E402
from scanner import shards  # noqa: E402
from scanner.detectors.names import parse_models  # noqa: E402
from scanner.detectors.patterns import Patterns  # noqa: E402
from scanner.detectors.screen import Block, Screen  # noqa: E402
from scanner.executors import Settings, engines  # noqa: E402
from scanner.fingerprints import Fingerprinter  # noqa: E402
from scanner.heap import settle  # noqa: E402
from scanner.keys import load_key  # noqa: E402
from scanner.model import Dataset  # noqa: E402
from scanner.plan import Plan, Task  # noqa: E402
from scanner.rulebook import load_rulebook  # noqa: E402
from scanner.worker import scan_unit, watch  # noqa: E402
from scanner.worker import tools as tools_of  # noqa: E402

CORPORA = Path(os.environ.get("SCANNER_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
WORKER_UNIT_BYTES = 1 << 20
_SENTENCE_END = re.compile(r"(?<=[.!?])(?=\s)|$", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", default="docs", help="name of a file of volume/")
    parser.add_argument("--kilobytes", type=int, default=300, help="text for tools that read slower than a megabyte/s")
    parser.add_argument("--workers-mb", type=int, default=48, help="text for one worker against two; 0 for none")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    threadpool_limits(limits=1)
    whole = pq.read_table(CORPORA / "volume" / f"{arguments.text}.parquet", columns=["text"])
    with tempfile.TemporaryDirectory() as folder:
        work = Work(Path(folder), arguments.text)
        every = max(1, int(size_mb(whole) * 1000 / arguments.kilobytes))
        sample = whole.take(list(range(0, len(whole), every)))
        work.patterns(work.written(whole, "whole"), work.written(sample, "sample"))
        work.names(work.written(sample, "sample"))
        if arguments.workers_mb:
            work.workers(whole, arguments.workers_mb)


class Work:
    """Files of one run below a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    def written(self, table: pa.Table, name: str, row_groups: int = 8) -> Path:
        """The table as a shard, compressed as most are."""
        file = self._folder / f"{name}.parquet"
        pq.write_table(table, file, compression="zstd", row_group_size=max(1, len(table) // row_groups))
        return file

    def patterns(self, whole: Path, sample: Path) -> None:
        """Patterns alone: every rule, and those for the entities that stock Presidio's recognisers know."""
        stock = stock_recognisers()
        same = {entity for one in stock for entity in one.supported_entities}
        rows = {
            "stock Presidio, its pattern recognisers": (
                sample,
                lambda path: [read_with(stock, t) for t in texts(path)],
            ),
            "datafog, regex engine": (sample, _datafog),
            "presidio-rs": (sample, _presidio_rs),
            "scanner, rules for the same entities": (whole, self._scan(whole, same, names=False)),
            "scanner, all rules": (whole, self._scan(whole, None, names=False)),
            "Hyperscan alone, rules for the same entities": (whole, _screen_alone(same)),
            "Hyperscan alone, all rules": (whole, _screen_alone(None)),
            "Parquet decoded, nothing else": (whole, lambda file: list(texts(file, as_python=False))),
        }
        self._table("Patterns, from Parquet to spans", rows)

    def names(self, file: Path) -> None:
        """Patterns and names together, and what each stage costs."""
        rules = Path(__file__).parent.parent / "rules" / "models.yaml"
        folder = parse_models(yaml.safe_load(rules.read_text()), rules.name)["en"].folder()
        analyzer = _stock("en", folder)
        rows = {
            "stock Presidio batch, same base model": (
                file,
                lambda path: [list(analyzer.analyze_iterator(some, "en", batch_size=32)) for some in texts(path)],
            ),
            "scanner, all rules and names": (file, self._scan(file, None, names=True)),
        }
        self._table("Patterns and names, from Parquet to spans", rows)
        self._stages(file)

    def workers(self, whole: pa.Table, most_mb: int) -> None:
        """Wall-clock time of one worker process against two, patterns and names, with their start."""
        several = pa.concat_tables([whole] * (1 + int(most_mb / size_mb(whole))))
        taken = self._first(several, most_mb)
        file = self.written(taken, "workers", int(size_mb(taken)))
        plan, _ = self._plan(None, names=True)
        facts = shards.inspect(shards.find([str(file)])[0])
        tasks = [Task(plan, unit, facts.sha256) for unit in shards.units(facts, WORKER_UNIT_BYTES)]
        seconds = {}
        for count in (1, 2):
            executor = engines()["local"](Settings(count, lambda _: None, watch))
            began = time.perf_counter()
            with closing(executor):
                list(executor.map(scan_unit, tasks))
            seconds[count] = time.perf_counter() - began
        print(f"\n### Workers: {size_mb(taken):.1f} MB in {len(tasks)} units, wall-clock time with their start\n")
        print("| workers | seconds | times one |\n|---|---|---|")
        for count, took in seconds.items():
            print(f"| {count} | {took:.1f} | {seconds[1] / took:.2f} |")

    @staticmethod
    def _first(table: pa.Table, most_mb: int) -> pa.Table:
        """The first rows that come to so many megabytes, a number of its own in each sentence of a row: passages that
        were read before would not be read again.
        """
        kept: list[str] = []
        size = 0
        for number, text in enumerate(table["text"].to_pylist()):
            kept.append(_SENTENCE_END.sub(f" {number}", text))
            size += len(kept[-1].encode())
            if size >= most_mb * 1e6:
                break
        return pa.table({"text": kept})

    def _plan(self, entities: set[str] | None, *, names: bool) -> tuple[Plan, Path]:
        out = self._folder / "out"
        (out / "spans").mkdir(parents=True, exist_ok=True)
        (out / "values").mkdir(exist_ok=True)
        rulebook = load_rulebook(None, None, with_models=names)
        key_file = self._folder / "key"
        request = scanning.Request((), out, Dataset(name="benchmark"), key_file, names=names)
        plan = scanning._plan(request, rulebook, Fingerprinter(load_key(key_file, out)).key_id)
        tools = tools_of(plan)
        if entities is not None:
            kept = rulebook.rules.only(*(rule.id for rule in rulebook.rules.rules if rule.entity in entities))
            tools = replace(tools, detection=replace(tools.detection, patterns=Patterns(kept)))
        self._tools = tools
        return plan, out

    def _scan(self, file: Path, entities: set[str] | None, *, names: bool) -> Callable[[Path], object]:
        """A scan of the shard's units as a worker does it, into spans and value tables."""
        import scanner.worker as worker

        plan, _ = self._plan(entities, names=names)
        tools = self._tools
        settle()
        facts = shards.inspect(shards.find([str(file)])[0])
        tasks = [Task(plan, unit, facts.sha256) for unit in shards.units(facts, 1 << 30)]

        def scan(_: Path) -> object:
            worker.tools = lambda _plan: tools  # type: ignore[assignment]
            if tools.detection.names is not None:
                tools.detection.names.forget()
            try:
                return [scan_unit(task) for task in tasks]
            finally:
                worker.tools = tools_of

        return scan

    def _stages(self, file: Path) -> None:
        self._plan(None, names=True)
        tools = self._tools
        facts = shards.inspect(shards.find([str(file)])[0])
        units = list(shards.units(facts, 1 << 30))
        batches = [batch for unit in units for batch in shards.read(unit, tools.options)]
        leaves = [leaf for batch in batches for leaf in batch.leaves]
        names = tools.detection.names
        assert names is not None

        def named() -> None:
            names.forget()
            for leaf in leaves:
                names.find(leaf)

        costs = {
            "reading Parquet": measured(lambda: [list(shards.read(unit, tools.options)) for unit in units]),
            "patterns": measured(lambda: [tools.detection.patterns.find(leaf) for leaf in leaves]),
            "names": measured(named),
        }
        whole = self._scan(file, None, names=True)
        total = measured(lambda: whole(file))
        costs["columns, overlaps, linkage, fingerprints, writing"] = max(0.0, total - sum(costs.values()))
        print(f"\n### Cost by stage, {size_mb(pq.read_table(file)):.2f} MB of `volume/{self._name}`\n")
        print("| stage | seconds | share |\n|---|---|---|")
        for stage, seconds in costs.items():
            print(f"| {stage} | {seconds:.3f} | {seconds / total:.0%} |")

    def _table(self, title: str, rows: dict[str, tuple[Path, Callable[[Path], object]]]) -> None:
        print(f"\n### {title}: `volume/{self._name}`\n")
        print("| what | text, MB | MB/s | times stock |\n|---|---|---|---|")
        base = None
        for name, (file, read) in rows.items():
            size = size_mb(pq.read_table(file))
            speed = size / measured(lambda work=read, path=file: work(path))
            base = base or speed
            print(f"| {name} | {size:.2f} | {speed:.3g} | {speed / base:.3g} |", flush=True)


def texts(file: Path, *, as_python: bool = True) -> Iterator[Sequence[str]]:
    """The texts of a shard, batch by batch."""
    for batch in pq.ParquetFile(file).iter_batches(1024, columns=["text"]):
        yield batch["text"].to_pylist() if as_python else batch["text"]


def size_mb(table: pa.Table) -> float:
    """Megabytes of text in UTF-8."""
    return float(pa.compute.sum(pa.compute.binary_length(table["text"])).as_py()) / 1e6


def _screen_alone(entities: set[str] | None) -> Callable[[Path], object]:
    """The automaton over the decoded text, its hits gathered and not verified."""
    rules = load_rulebook(None, None, with_models=False).rules
    kept = rules if entities is None else rules.only(*(rule.id for rule in rules.rules if rule.entity in entities))
    screen = Screen(kept)

    def scan(file: Path) -> object:
        values = pq.read_table(file)["text"].combine_chunks().cast(pa.large_string())
        return list(screen.hits(Block.of(values)))

    return scan


def _datafog(file: Path) -> object:
    from datafog.engine import scan

    return [scan(text, engine="regex").entities for some in texts(file) for text in some]


def _presidio_rs(file: Path) -> object:
    global _ANALYZER
    if _ANALYZER is None:
        from presidio_rs import Analyzer

        _ANALYZER = Analyzer()
    return [_ANALYZER.analyze(text) for some in texts(file) for text in some]


_ANALYZER: Any = None


if __name__ == "__main__":
    main()
