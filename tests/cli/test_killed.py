"""Killed at any instant, nothing is lost or counted twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.scans import spans, write_policy, write_shard

TEXTS = ["Please write to ann.lee@example.com.", "nothing here", "Ring (212) 555-0143 after six.", "more of nothing"]
KILLS = 6
DECIDED = (0, 1)
"""Exit codes of a scan that came to a verdict."""


def start(data: Path, out: Path, key_file: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "scanner", "scan", str(data), "--out", str(out), "--key", str(key_file)]
    policy = str(data.with_name("policy.yaml"))
    return subprocess.Popen(
        [*command, "--policy", policy, "--no-names", "--workers", "1", *more],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def evidence(out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((out / "evidence.json").read_text())
    for key in ("id", "started", "ended", "command"):
        del told["scan"][key]
    del told["changes"], told["history"]
    return told


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number in range(8):
        write_shard(tmp_path / "data" / f"{number}.parquet", TEXTS * 500)
    write_policy(tmp_path / "policy.yaml")
    return tmp_path / "data"


def names(out: Path) -> list[str]:
    """Of all files, without the evidence that an earlier run may have ended with before it was killed."""
    return sorted(file.name for file in out.rglob("*") if file.name != "evidence.previous.json")


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(
    data: Path, tmp_path: Path, key_file: Path
) -> None:
    assert start(data, tmp_path / "whole", key_file).wait(300) in DECIDED
    began = time.monotonic()
    assert start(data, tmp_path / "again", key_file).wait(300) in DECIDED
    usual_seconds = time.monotonic() - began

    rng, out = random.Random(7), tmp_path / "killed"
    for _ in range(KILLS):
        process = start(data, out, key_file, "--resume")
        time.sleep(rng.uniform(0.3, 1.0) * usual_seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    assert start(data, out, key_file, "--resume").wait(300) in DECIDED
    assert evidence(out) == evidence(tmp_path / "whole")
    assert spans(out) == spans(tmp_path / "whole")
    assert names(out) == names(tmp_path / "whole")


def test_a_killed_run_leaves_no_evidence_of_an_earlier_scan(data: Path, tmp_path: Path, key_file: Path) -> None:
    out = tmp_path / "out"
    assert start(data, out, key_file).wait(300) in DECIDED
    write_shard(data / "9.parquet", TEXTS)
    process = start(data, out, key_file)
    deadline = time.monotonic() + 120
    while (out / "evidence.json").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    assert not (out / "evidence.json").exists()
    assert not (out / "report.html").exists()


def test_a_second_run_leaves_at_once_with_75(data: Path, tmp_path: Path, key_file: Path) -> None:
    from filelock import FileLock

    out = tmp_path / "out"
    out.mkdir()
    with FileLock(out / ".lock"):
        assert start(data, out, key_file).wait(60) == 75
