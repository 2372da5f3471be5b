"""Whole scans of shards in a store: the evidence of a scan from disk, or what was not read with its reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scanner.evidence import Evidence
from scanner.model import Identity, ShardStatus, UnscannedReason
from scanner.plan import Verify
from scanner.shards import source
from tests.canaries import leaks
from tests.scans import comparable, scanned, spans, write_shard
from tests.stores.servers import Fault, Proxy, WebFiles, call, upload

SHARDS = 200
TEXTS = ["Please write to ann.lee@example.com today.", "nothing", "The card is 4111 1111 1111 1111.", "plain words"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    for number in range(SHARDS):
        write_shard(folder / f"day={number % 7}" / f"{number:03}.parquet", [*TEXTS, f"user{number}@example.com"])
    return folder


def stored(s3: Proxy, folder: Path) -> str:
    """The URL of the folder in the store, of which this process knows nothing yet."""
    upload(folder, f"lake/{folder.name}")
    source._tails.clear()
    s3.reset()
    return f"s3://lake/{folder.name}"


def _but_identity(evidence: Evidence) -> str:
    """The evidence without what tells of earlier runs and how shards were identified."""
    told = json.loads(comparable(evidence))
    for shard in told["shards"]:
        del shard["sha256"], shard["identity"]
    return json.dumps(told)


def _some_fail(method: str, path: str, before: int) -> Fault | None:
    """One request in four fails, each in one of three ways, and none twice in a row."""
    if before % 4 != 1 or method not in ("GET", "HEAD"):
        return None
    kind = sum(path.encode()) % 3
    return (Fault(503, "SlowDown"), Fault(keep=0.5), Fault(wait_seconds=0.02))[kind]


def test_two_hundred_shards_in_a_failing_store_give_the_evidence_from_disk(
    s3: Proxy, folder: Path, key_file: Path, tmp_path: Path
) -> None:
    url = stored(s3, folder)
    s3.reset(_some_fail)
    found = scanned(url, tmp_path / "remote", key_file)
    assert len(found.shards) == SHARDS
    assert {shard.identity for shard in found.shards} == {Identity.ETAG}
    assert _but_identity(found) == _but_identity(scanned(folder, tmp_path / "local", key_file))
    assert spans(tmp_path / "remote") == spans(tmp_path / "local")


def test_what_fails_for_good_is_named_and_the_rest_is_scanned_and_read_by_the_next_run(
    s3: Proxy, folder: Path, key_file: Path, tmp_path: Path
) -> None:
    bad = {
        "000.parquet": Fault(503, "SlowDown"),
        "007.parquet": Fault(keep=0.5),
        "014.parquet": Fault(403, "ExpiredToken"),
        "021.parquet": Fault(404, "NoSuchKey"),
    }
    url = stored(s3, folder / "day=0")
    s3.reset(lambda method, path, before: bad.get(path.rpartition("/")[2]) if method == "GET" else None)
    found = scanned(url, tmp_path / "remote", key_file)
    assert {entry.shard for entry in found.coverage.unscanned} == set(bad)
    assert {shard.path for shard in found.shards if shard.status is not ShardStatus.SCANNED} == set(bad)
    assert all(entry.detail for entry in found.coverage.unscanned)
    assert found.verdict.incomplete
    assert "test-secret" not in comparable(found)
    s3.reset()
    again = scanned(url, tmp_path / "remote", key_file, resume=True)
    assert _but_identity(again) == _but_identity(scanned(folder / "day=0", tmp_path / "local", key_file))


def test_shards_that_vanish_or_change_after_they_were_inspected_are_unscanned(
    s3: Proxy, folder: Path, key_file: Path, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        call("PUT", f"/lake/few/{name}.parquet", (folder / "day=0" / "000.parquet").read_bytes())
    source._tails.clear()
    s3.reset(_Changing((folder / "day=1" / "001.parquet").read_bytes()))
    found = scanned("s3://lake/few", tmp_path / "out", key_file)
    told = {entry.shard: entry.reason for entry in found.coverage.unscanned}
    assert told == {"a.parquet": UnscannedReason.UNREADABLE, "b.parquet": UnscannedReason.CHANGED}
    assert {row["shard"] for row in spans(tmp_path / "out")} == {"c.parquet"}
    assert found.verdict.incomplete


class _Changing:
    """Takes one object away and replaces another when each is asked for after its inspection."""

    def __init__(self, other: bytes) -> None:
        self._other = other
        self._done: set[str] = set()

    def __call__(self, method: str, path: str, before: int) -> Fault | None:
        if method == "HEAD" and before == 1 and path not in self._done:
            self._done.add(path)
            if path.endswith("a.parquet"):
                call("DELETE", path)
            if path.endswith("b.parquet"):
                call("PUT", path, self._other)
        return None


def test_shards_hashed_whole_give_the_very_evidence_from_disk(
    s3: Proxy, folder: Path, key_file: Path, tmp_path: Path
) -> None:
    few = tmp_path / "whole"
    few.mkdir()
    for name in ("001.parquet", "008.parquet"):
        shutil.copy(folder / "day=1" / name, few)
    found = scanned(stored(s3, few), tmp_path / "remote", key_file, verify=Verify.SHA256)
    assert comparable(found) == comparable(scanned(few, tmp_path / "local", key_file))
    for kind in ("spans", "values"):
        local = {file.name: file.read_bytes() for file in (tmp_path / "local" / kind).iterdir()}
        assert {file.name: file.read_bytes() for file in (tmp_path / "remote" / kind).iterdir()} == local


def test_a_signed_url_stands_in_no_byte_that_a_scan_wrote(
    web: tuple[WebFiles, str], folder: Path, key_file: Path, tmp_path: Path
) -> None:
    files, address = web
    files.files["/a.parquet"] = (folder / "day=0" / "000.parquet").read_bytes()
    signed = address.replace("//", "//ann:planted-password@") + "/a.parquet?X-Amz-Signature=planted-signature"
    found = scanned(signed, tmp_path / "out", key_file)
    assert [(shard.path, shard.status) for shard in found.shards] == [("a.parquet", ShardStatus.SCANNED)]
    assert leaks(tmp_path / "out", ["planted-password", "planted-signature"]) == []
