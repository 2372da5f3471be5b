"""A night tells what changed since the verdict that a reviewer signed, however many nights ago that was."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

from scanner.approvals import Choice
from scanner.drift import drift
from scanner.model import Tier
from scanner.scan import scan_new, unlimited
from scanner.signatures import new_signing_key
from scanner.signoff import approve
from tests.scans import Silent, request, write_shard
from tests.test_nights import aged

TODAY = date(2026, 3, 1)


def test_what_changed_since_the_signed_verdict_is_told_after_several_nights(tmp_path: Path, key_file: Path) -> None:
    write_shard(tmp_path / "data" / "a.parquet", ["Nothing here."])
    asked = request(tmp_path / "data", tmp_path / "out", key_file, resume=True)
    first = scan_new(asked, Silent(), unlimited)
    assert first.evidence is not None
    assert first.approved is None
    new_signing_key(tmp_path / "signing.pem", tmp_path / "out")
    choice = Choice(Tier.INTERNAL, "A. Lee", "read it", TODAY, TODAY + timedelta(days=30))
    approve(tmp_path / "out", choice, tmp_path / "signing.pem", new_key=False)
    for night in range(2):
        write_shard(tmp_path / "data" / f"b{night}.parquet", ["Card 4000 0566 5566 5556."] * 40)
        outcome = scan_new(asked, Silent(), unlimited)
        assert outcome.evidence is not None
        assert outcome.approved is not None
        assert outcome.approved.scan.id == first.evidence.scan.id
    assert outcome.evidence is not None
    told = drift(outcome.before, outcome.approved, outcome.evidence)
    assert told.since_approved is not None
    assert {"b0.parquet", "b1.parquet"} <= {one.path for one in told.since_approved.shards}


def test_an_approval_changes_nothing_that_a_night_would_have_to_make_anew(tmp_path: Path, key_file: Path) -> None:
    aged(write_shard(tmp_path / "data" / "a.parquet", ["Nothing here."]))
    asked = request(tmp_path / "data", tmp_path / "out", key_file, resume=True)
    scan_new(asked, Silent(), unlimited)
    new_signing_key(tmp_path / "signing.pem", tmp_path / "out")
    choice = Choice(Tier.INTERNAL, "A. Lee", "read it", TODAY, TODAY + timedelta(days=30))
    approve(tmp_path / "out", choice, tmp_path / "signing.pem", new_key=False)
    written = (tmp_path / "out" / "evidence.json").read_bytes()
    for _ in range(2):
        outcome = scan_new(asked, Silent(), unlimited)
        assert outcome.evidence is None
        assert outcome.run.file_sha256 == hashlib.sha256(written).hexdigest()
    assert (tmp_path / "out" / "evidence.json").read_bytes() == written
