from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scanner import reading
from scanner.errors import BadEngine, MixedKeys
from scanner.model import UnscannedReason
from scanner.plan import Task
from scanner.worker import Done, scan_unit
from tests.scans import scanned, write_shard


@pytest.fixture
def task(tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """The task of a unit that was scanned."""
    seen: list[Task] = []

    def noting(one: Task) -> Done:
        seen.append(one)
        return scan_unit(one)

    monkeypatch.setattr(reading, "scan_unit", noting)
    scanned(write_shard(tmp_path / "data" / "a.parquet", ["nothing"]), tmp_path / "out", key_file)
    return seen[0]


def test_a_node_with_another_key_counts_nothing(task: Task) -> None:
    with pytest.raises(MixedKeys, match="every node"):
        scan_unit(replace(task, plan=replace(task.plan, key_id="0" * 16)))


def test_a_node_with_other_rules_or_another_version_counts_nothing(task: Task) -> None:
    for other in (replace(task.plan, rules_sha256="0" * 64), replace(task.plan, scanner_version="0.0.0")):
        with pytest.raises(BadEngine, match="every node"):
            scan_unit(replace(task, plan=other))


def test_a_unit_whose_files_lie_elsewhere_is_unscanned(
    tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_another_disk(task: Task) -> Done:
        done = scan_unit(task)
        (task.plan.values / f"{task.name}.parquet").unlink()
        return done

    monkeypatch.setattr(reading, "scan_unit", on_another_disk)
    shard = write_shard(tmp_path / "data" / "a.parquet", ["write to ann.lee@example.com"] * 3)
    evidence = scanned(shard, tmp_path / "out", key_file)
    (entry,) = evidence.coverage.unscanned
    assert (entry.rows, entry.reason) == (3, UnscannedReason.UNREADABLE)
    assert evidence.verdict.incomplete
