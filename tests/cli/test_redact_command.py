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
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner.output import read_evidence
from scanner.redact import Request, tasks_of
from tests.redactions import EVERYTHING, plan, quick_policy, redacted, rewritten
from tests.scans import scanned

SHARDS = 12
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
        texts = [f"Write to person{number}.{row}@example.com, card 4012888888881881." for row in range(200)]
        file = folder / "data" / f"part-{number}.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": texts}), file, row_group_size=50)
    key = folder / "keys" / "key"
    key.parent.mkdir()
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    scanned(folder / "data", folder / "scan", key, policy=quick_policy(folder))
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
tasks = pickle.load(open(sys.argv[1], "rb"))
redactor.tools(tasks[0].key_file, None)
print("ready", flush=True)
for task in tasks:
    redactor.redact_shard(task)
"""


def test_killed_at_any_instant_a_shard_is_absent_or_whole(base: Path, tmp_path: Path) -> None:
    expected = tmp_path / "expected"
    key = base / "keys" / "key"
    rewritten(base / "data", base / "scan", expected, key, EVERYTHING)
    request = Request((str(base / "data"),), base / "scan", tmp_path / "out", plan(EVERYTHING), key, engine="inline")
    (tmp_path / "out" / "_redaction").mkdir(parents=True)
    tasks, _ = tasks_of(request, read_evidence(base / "scan"), tmp_path / "scratch")
    (tmp_path / "tasks").write_bytes(pickle.dumps(tasks))
    rng = random.Random(11)
    kills = int(os.environ.get("SCANNER_KILLS", KILLS))
    seen = set()
    for _ in range(kills):
        for file in (tmp_path / "out").glob("*.parquet"):
            if rng.random() < 0.3:
                file.unlink()
        words = [sys.executable, "-c", WORKER, str(tmp_path / "tasks")]
        running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        time.sleep(rng.random() * 1.5)
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
        there = sorted((tmp_path / "out").glob("*.parquet"))
        seen.add(len(there))
        for file in there:
            assert file.read_bytes() == (expected / file.name).read_bytes()
    assert seen
    redacted(base / "data", base / "scan", tmp_path / "out", key, EVERYTHING, resume=True)
    for file in expected.glob("*.parquet"):
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()
    assert not list((tmp_path / "out").rglob("*.tmp"))
