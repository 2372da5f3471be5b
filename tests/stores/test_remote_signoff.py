"""Signing off shards in a store: only where their bytes were hashed whole."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from scanner.approvals import Choice, Part
from scanner.errors import BadApproval
from scanner.model import Identity, Tier
from scanner.plan import Verify
from scanner.rulebook import policy_sha256
from scanner.signatures import public_file, read_public_key
from scanner.signoff import RECORD, approve, verify
from tests.scans import scanned, write_shard
from tests.stores.servers import Proxy, upload

TODAY = date(2026, 3, 1)
CHOICE = Choice(Tier.INTERNAL, "Ada Example", "the risk committee agreed", TODAY, date(2026, 6, 1))


@pytest.fixture
def url(s3: Proxy, tmp_path: Path) -> str:
    write_shard(tmp_path / "signed" / "a.parquet", ["Ask ann.lee@example.com."])
    upload(tmp_path / "signed", "lake/signed")
    return "s3://lake/signed"


def test_shards_known_by_version_alone_cannot_be_signed_and_it_says_what_to_do(
    url: str, tmp_path: Path, key_file: Path
) -> None:
    out = tmp_path / "out"
    evidence = scanned(url, out, key_file, policy=None)
    assert {shard.identity for shard in evidence.shards} == {Identity.ETAG}
    before = (out / "evidence.json").read_bytes()
    with pytest.raises(BadApproval, match="scan remote shards with --sha256"):
        approve(out, CHOICE, tmp_path / "signing.pem", new_key=True)
    assert not (out / RECORD).exists()
    assert not (tmp_path / "signing.pem").exists()
    assert (out / "evidence.json").read_bytes() == before
    assert verify(out, [url], policy_sha256(None, None), None, None, TODAY).problems == []


def test_shards_whose_bytes_were_hashed_are_signed_and_a_changed_one_is_told(
    url: str, tmp_path: Path, key_file: Path
) -> None:
    out, key = tmp_path / "out", tmp_path / "signing.pem"
    scanned(url, out, key_file, policy=None, verify=Verify.SHA256)
    approve(out, CHOICE, key, new_key=True)

    def parts() -> list[Part]:
        public = read_public_key(public_file(key))
        found = verify(out, [url], policy_sha256(None, None), public, Tier.INTERNAL, TODAY)
        return [problem.part for problem in found.problems]

    assert parts() == []
    write_shard(tmp_path / "signed" / "a.parquet", ["Ask bob.lee@example.com."])
    upload(tmp_path / "signed", "lake/signed")
    assert parts() == [Part.SHARD]
