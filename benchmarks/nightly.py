"""A night with nothing new over many known shards: `python -m benchmarks.nightly --shards 100000`.

Ten shards are scanned; the rest are copies of them, real files, that are entered into the ledger and the evidence as a
scan would have entered them. Then `scanner nightly` runs as a process of its own: its wall-clock and processor time,
its peak memory, and beside it the same with ten shards alone, so that what grows with the shards can be told from what
every start of the program costs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scanner import shards
from scanner.approvals import evidence_sha256
from scanner.evidence import canonical
from scanner.plan import file_stem

LONG_AGO = 1_500_000_000
SCANNED = 10
A_FOLDER = 1000


def main() -> None:
    """Make, measure, and print as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _describe(folder)
        _write_scanned(folder / "lake")
        _night(folder)
        few = _night(folder)
        # In a process of its own: a child's peak memory begins with that of the process that it was forked from.
        copying = multiprocessing.get_context("fork").Process(target=_copy, args=(folder, asked.shards))
        copying.start()
        copying.join()
        many = _night(folder)
    assert many["shards"] == {"same": asked.shards}, "something was new: this is no measurement of a quiet night"
    print(json.dumps({"shards": asked.shards, "ten shards": few, "all shards": many}, indent=2))


def _describe(folder: Path) -> None:
    (folder / "nightly.yaml").write_text("state: state\ndatasets: [{name: lake, paths: [lake], config: d.yaml}]\n")
    (folder / "d.yaml").write_text("provenance: licensed\nnames: false\nengine: inline\nkey: key/key\n")


def _write_scanned(lake: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (lake / "0000").mkdir(parents=True)
    for number in range(SCANNED):
        texts = [f"Write to p{number}@example.com, (212) 555-01{row:02}." for row in range(5)]
        file = lake / "0000" / f"{number:06}.parquet"
        pq.write_table(pa.table({"text": texts}), file)
        os.utime(file, (LONG_AGO, LONG_AGO))


def _copy(folder: Path, number: int) -> None:
    """The rest of the shards, and what ledger and evidence say of them."""
    out = folder / "state" / "lake"
    contents = [file.read_bytes() for file in sorted((folder / "lake" / "0000").iterdir())]
    evidence = json.loads((out / "evidence.json").read_text())
    known = evidence["shards"]
    with sqlite3.connect(out / "ledger.sqlite") as ledger:
        facts = {row[0]: row[1:] for row in ledger.execute("SELECT name, sha256, facts FROM shard")}
        units = {row[0]: row[1:] for row in ledger.execute("SELECT sha256, plan, tally FROM unit")}
        for index in range(SCANNED, number):
            file = folder / "lake" / f"{index // A_FOLDER:04}" / f"{index:06}.parquet"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(contents[index % SCANNED])
            os.utime(file, (LONG_AGO, LONG_AGO))
            like = known[index % SCANNED]
            shard = file.relative_to(folder / "lake").as_posix()
            sha256, told = facts[like["path"]]
            plan, tally = units[sha256]
            ledger.execute(
                "INSERT INTO shard VALUES (?, ?, ?, ?, 1, ?, ?)",
                (shard, shards.glance(str(file)), sha256, told, "2026-01-01", "2026-01-01"),
            )
            ledger.execute(
                "INSERT INTO unit (plan, unit, whole, tally, sha256, number) VALUES (?, ?, 1, ?, ?, 0)",
                (plan, f"{file_stem(shard, sha256)}-00000", tally, sha256),
            )
            evidence["shards"].append({**like, "path": shard})
        text = canonical(evidence)
        (out / "evidence.json").write_text(text)
        digests = (evidence_sha256(text.encode()), hashlib.sha256(text.encode()).hexdigest())
        ledger.execute("UPDATE run SET evidence_sha256 = ?, file_sha256 = ?", digests)


def _night(folder: Path) -> dict[str, object]:
    """One night in a process of its own."""
    began = time.monotonic()
    command = [sys.executable, "-m", "scanner", "nightly", "--config", str(folder / "nightly.yaml"), "--json"]
    with (folder / "told").open("w+") as told, (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=told, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        shards_told = json.loads(told.read())["shards"]
    return {
        "seconds": round(time.monotonic() - began, 2),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(usage.ru_maxrss / 1024),
        "exit_code": process.returncode,
        "shards": shards_told,
    }


if __name__ == "__main__":
    main()
