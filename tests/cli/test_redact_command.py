"""`scanner redact` and `scanner restore` as commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.redactions import quick_policy
from tests.scans import scanned

SHARDS = 12


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
