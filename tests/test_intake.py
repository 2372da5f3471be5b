"""Telling what need not be read again."""

from __future__ import annotations

import threading
import time

import pytest

from scanner import intake, shards
from scanner.errors import StoreFailed
from scanner.ledger import Known
from scanner.model import UnscannedReason
from scanner.shards import Shard


class Store:
    """Tells a glance after a moment, and notes how many ask at once."""

    def __init__(self) -> None:
        self.asking = self.most = 0
        self._lock = threading.Lock()

    def glance(self, path: str) -> str:
        with self._lock:
            self.asking += 1
            self.most = max(self.most, self.asking)
        time.sleep(0.01)
        with self._lock:
            self.asking -= 1
        if path.endswith("gone"):
            raise StoreFailed(UnscannedReason.UNREADABLE, path, "is not there")
        return "new" if path.endswith("changed") else "old"


def test_stores_are_asked_about_several_shards_at_once_and_about_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    monkeypatch.setattr(shards, "glance", store.glance)
    names = [f"{number}" for number in range(80)] + ["changed", "gone", "unknown"]
    found = [Shard(name, f"s3://bucket/{name}") for name in names]
    known = {name: Known(sha256="0", glance="old", present=True, first_seen="") for name in names[:-1]}
    assert intake.unchanged(found, known) == set(names[:80])
    assert 1 < store.most <= intake.ASKED_AT_ONCE


def test_a_shard_on_disk_is_looked_at_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "glance", lambda path: "old")
    known = {name: Known(sha256="0", glance=glance, present=True, first_seen="") for name, glance in
             (("a", "old"), ("b", ""), ("c", "other"))}  # fmt: skip
    assert intake.unchanged([Shard(name, f"/data/{name}") for name in "abcd"], known) == {"a"}
