"""`scanner redact` and `scanner restore` as commands, and killed at random instants."""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner.redact import Request
from tests.redactions import EVERYTHING, forget, plan, redacted, tasks_for
from tests.scans import scanned, write_policy

SHARDS = 12
ROWS = 200
KILLS = 3


def command(folder: Path, *arguments: str, code: int = 0) -> str:
    words = [sys.executable, "-m", "scanner", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder, timeout=600)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("redact")
    for number in range(SHARDS):
        twin = number % (SHARDS - 1)  # The last shard has the addresses of the first, and the scan saw none of them.
        texts = [f"Write to person{twin}.{row}@example.com, card 4012888888881881." for row in range(ROWS)]
        file = folder / "data" / f"part-{number}.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": texts}), file, row_group_size=50)
    key = folder / "keys" / "key"
    key.parent.mkdir()
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    scanned(folder / "data", folder / "scan", key, policy=write_policy(folder / "policy.yaml"))
    forget(folder / "scan", f"part-{SHARDS - 1}.parquet")
    return folder


def test_a_policy_is_applied_undone_and_told(base: Path) -> None:
    (base / "redaction.yaml").write_text("findings: [{operator: pseudonym}]\n")
    common = ["redact", "data", "--evidence", "scan", "--out", "out", "--policy", "redaction.yaml", "--key", "keys/key"]
    common += ["--engine", "inline", "--release-policy", "policy.yaml"]
    assert "would be read and written; nothing was" in command(base, *common, "--dry-run")
    assert not (base / "out").exists()
    told = json.loads(command(base, *common, "--vault", "vault", "--json"))
    assert told["still_found"] == 0
    assert told["shards"]["written"] == SHARDS
    assert json.loads((base / "out" / "_redaction" / "report.json").read_text()) == told
    assert "surrogates and published examples" in (base / "out" / "_redaction" / "report.md").read_text()
    command(base, "restore", "out", "--vault", "vault", "--out", "back", "--vault-key", "keys/vault.key")
    for file in (base / "data").iterdir():
        assert (base / "back" / file.name).read_bytes() == file.read_bytes()
    unknown = ["redact", "data", "--evidence", "scan", "--out", "o", "--plan", "remedy-99", "--key", "keys/key"]
    command(base, *unknown, code=2)
    command(base, "redact", "data", "--evidence", "scan", "--out", "o", "--key", "keys/key", code=2)


WORKER = """
import sys, pickle
from scanner import redactor
from tests.redactions import swept
tasks = pickle.load(open(sys.argv[1], "rb"))
redactor.tools(tasks[0].key_file, None)
print("ready", flush=True)
tasks = swept(tasks)
print("swept", flush=True)
for task in tasks:
    redactor.redact_shard(task)
print("written", flush=True)
"""


def begun(tasks: Path) -> subprocess.Popen[str]:
    """A process that looks through the shards and writes them, about to begin."""
    running = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tasks)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    return running


def ended(running: subprocess.Popen[str]) -> str:
    """The last thing that a process said it had done."""
    told, _ = running.communicate(timeout=60)
    return (told.split() or ["ready"])[-1]


def test_killed_at_any_instant_a_shard_is_absent_or_whole(base: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "out", base / "keys" / "key"
    (out / "_redaction").mkdir(parents=True)
    asked = Request((str(base / "data"),), base / "scan", out, plan(EVERYTHING), key, engine="inline")
    tasks = tasks_for(asked, tmp_path / "scratch")
    (tmp_path / "tasks").write_bytes(pickle.dumps(tasks))
    running, began = begun(tmp_path / "tasks"), time.monotonic()
    assert ended(running) == "written"
    took = time.monotonic() - began
    expected = {file.name: file.read_bytes() for file in out.glob("*.parquet")}
    assert len(expected) == SHARDS
    rng = random.Random(11)
    last: Counter[str] = Counter()
    for _ in range(int(os.environ.get("SCANNER_KILLS", KILLS))):
        for file in out.glob("*.parquet"):
            if rng.random() < 0.3:
                file.unlink()
        running = begun(tmp_path / "tasks")
        time.sleep(rng.random() * took)
        running.send_signal(signal.SIGKILL)
        last[ended(running)] += 1
        assert all(file.read_bytes() == expected[file.name] for file in out.glob("*.parquet"))
        for file in (out / "_redaction" / "sweep").glob("*.parquet"):
            if not file.name.startswith("tmp_"):  # DuckDB's, until it is whole and renamed.
                pq.read_table(file)
    print(f"killed in the sweep: {last['ready']}, while shards were written: {last['swept']}, after: {last['written']}")
    told = redacted(base / "data", base / "scan", out, key, EVERYTHING, resume=True)
    assert told.text.elsewhere == 2 * ROWS
    assert {file.name: file.read_bytes() for file in out.glob("*.parquet")} == expected
    assert not list(out.rglob("*.tmp"))
