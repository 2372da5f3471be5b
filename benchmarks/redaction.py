"""Redaction from spans beside the detection that gave them, with and without the sweep, and its peak memory.

    python -m benchmarks.redaction [--text FOLDER] [--megabytes 4] [--gib 0]

Rows are paragraphs of a corpus (or of made-up tickets where none is at hand), every third with an invented person's
identifiers. One process, one worker. `--gib N` also redacts one shard of N GiB in a single row group, whose spans are
those of the small one, repeated in every fiftieth part; its peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent))

from sample_data.make import DETAILS, OPENINGS, Person, fill, join
from scanner import redactor
from scanner.elsewhere import accept, sweep
from scanner.evidence import Evidence
from scanner.heap import settle
from scanner.keys import load_key
from scanner.model import Dataset
from scanner.plan import file_stem
from scanner.redaction import PSEUDONYM, Entry, RedactionPlan
from scanner.redactor import FOLDER, RedactTask, redact_shard
from scanner.scan import Request, scan
from scanner.shards import ReadOptions, find, inspect, units

PLAN = RedactionPlan("everything", entries=(Entry(PSEUDONYM),))


SPARSE = 50
"""Every so many repetitions of the small shard have findings in the large one: every part of it is encoded anew."""


class Silent:
    def begin(self, *_: object) -> None: ...

    def end(self) -> None: ...


def paragraphs(folder: Path | None, size: int) -> Iterator[str]:
    rng = random.Random(7)
    texts = (
        [t for f in sorted(folder.glob("*.parquet")) for t in pq.read_table(f)["text"].to_pylist()] if folder else []
    )
    pieces = [text[at : at + 400] for text in texts for at in range(0, len(text), 400)] or [
        "Thank you for writing. " * 15
    ]
    written = number = 0
    while written < size:
        text = pieces[number % len(pieces)]
        if number % 3 == 0:
            values = Person.invent(rng).values()
            text += (
                " "
                + join([fill(rng.choice(OPENINGS), values), *(fill(d, values) for d in rng.sample(DETAILS, 2))]).text
            )
        yield text
        written, number = written + len(text.encode()), number + 1


def scanned(shard: Path, out: Path, key: Path, *, names: bool) -> tuple[float, float, Evidence]:
    """Seconds and seconds of the processor that a scan takes, judging included, and its evidence."""
    began, cpu = time.perf_counter(), time.process_time()
    dataset = Dataset("bench", languages=("en",))
    asked = Request((str(shard),), out, dataset, key, names=names, engine="inline", count_documentation=True)
    evidence = scan(asked, Silent())
    return time.perf_counter() - began, time.process_time() - cpu, evidence


def task(shard: Path, spans: tuple[Path, ...], out: Path, key: Path) -> RedactTask:
    (found,) = find([str(shard)])
    facts = inspect(found)
    assert facts.stamp is not None
    return RedactTask(
        plan=PLAN,
        shard=facts.shard,
        sha256=facts.sha256,
        stamp=facts.stamp,
        size_bytes=facts.size_bytes,
        out=out,
        folder=out / FOLDER,
        spans=spans,
        units=tuple(units(facts)),
        options=ReadOptions(),
        excess=None,
        key_file=key,
    )


def swept(asked: RedactTask) -> RedactTask:
    """The task, told where the values that it changes stand again."""
    (made,) = accept(sweep([asked], map), [asked], [])
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", type=Path)
    parser.add_argument("--megabytes", type=float, default=4)
    parser.add_argument("--gib", type=float, default=0)
    parser.add_argument("--no-names", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        shard, key = work / "a.parquet", work / "keys" / "key"
        key.parent.mkdir()
        load_key(key, work / "scan")
        texts = list(paragraphs(asked.text, int(asked.megabytes * 1e6)))
        table = pa.table({"id": pa.array(range(len(texts))), "text": texts})
        pq.write_table(table, shard, compression="zstd")
        size = sum(len(text.encode()) for text in texts)
        few = work / "few.parquet"
        pq.write_table(table.slice(0, 3), few)
        scanned(few, work / "first", key, names=not asked.no_names)  # models and rules are read
        settle()  # As in each worker, for detection and for redaction alike.
        fixed, fixed_cpu, _ = scanned(few, work / "fixed", key, names=not asked.no_names)
        detected, detected_cpu, evidence = scanned(shard, work / "scan", key, names=not asked.no_names)
        detected, detected_cpu = detected - fixed, detected_cpu - fixed_cpu
        spans = tuple(sorted((work / "scan" / "spans").glob("*.parquet")))
        redactor.tools(key, None)  # What a process makes once; no value is remembered yet.
        swept_cpu = -time.process_time()
        asked_for = swept(task(shard, spans, work / "out", key))
        swept_cpu += time.process_time()
        began, cpu = time.perf_counter(), time.process_time()
        done = redact_shard(asked_for)
        redacted, redacted_cpu = time.perf_counter() - began, time.process_time() - cpu
        found = sum(one.spans for one in done.selected)
        told = {
            "text_mb": round(size / 1e6, 2),
            "names": not asked.no_names,
            "findings": found,
            "detection_s": round(detected, 2),
            "detection_cpu_s": round(detected_cpu, 2),
            "redaction_s": round(redacted, 2),
            "redaction_cpu_s": round(redacted_cpu, 2),
            "sweep_cpu_s": round(swept_cpu, 2),
            "swept": sum(one.elsewhere for one in done.selected),
            "times_by_cpu": round(detected_cpu / redacted_cpu, 1),
            "times_by_cpu_with_sweep": round(detected_cpu / (redacted_cpu + swept_cpu), 1),
            "redaction_mb_s_cpu": round(size / 1e6 / redacted_cpu, 2),
            "fault": done.fault,
        }
        print(json.dumps(told), flush=True)
        assert evidence.findings
        if asked.gib:
            print(json.dumps(large(asked.gib, table, spans, work, key)), flush=True)


def large(gib: float, table: pa.Table, spans: tuple[Path, ...], work: Path, key: Path) -> dict[str, object]:
    """One shard of `gib` GiB of text in one row group, redacted by the same spans repeated."""
    times = int(gib * 2**30 / table["text"].nbytes) + 1
    shard = work / "large.parquet"
    child = (
        "import sys, pyarrow as pa, pyarrow.parquet as pq\n"
        "t = pq.read_table(sys.argv[1]); n = int(sys.argv[3])\n"
        "t = t.set_column(1, 'text', t['text'].cast(pa.large_string()))\n"
        "pq.write_table(pa.concat_tables([t] * n), sys.argv[2], compression='none', use_dictionary=False,"
        " row_group_size=1 << 40)\n"
    )
    small = work / "small.parquet"
    pq.write_table(table, small)
    subprocess.run([sys.executable, "-c", child, str(small), str(shard), str(times)], check=True)
    (found,) = find([str(shard)])
    facts = inspect(found)
    many = work / f"{file_stem('large.parquet', facts.sha256)}-00000.parquet"
    rows = table.num_rows
    parts = pa.concat_tables([pq.read_table(file) for file in spans])
    shard_name = pa.array(["large.parquet"] * parts.num_rows, pa.string())
    with pq.ParquetWriter(many, parts.schema, compression="zstd") as writer:
        for number in range(0, times, SPARSE):
            moved = pa.array([row + number * rows for row in parts["row"].to_pylist()], pa.int64())
            part = parts.set_column(1, parts.schema.field("row"), moved)
            writer.write_table(part.set_column(0, parts.schema.field("shard"), shard_name))
    began, cpu = time.perf_counter(), time.process_time()
    made = swept(task(shard, (many,), work / "large-out", key))
    swept_s = time.perf_counter() - began
    done = redact_shard(made)
    return {
        "file_gib": round(shard.stat().st_size / 2**30, 2),
        "row_groups": pq.ParquetFile(shard).num_row_groups,
        "findings": sum(one.spans for one in done.selected),
        "fault": done.fault,
        "seconds": round(time.perf_counter() - began, 1),
        "sweep_s": round(swept_s, 1),
        "swept": sum(one.elsewhere for one in done.selected),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
