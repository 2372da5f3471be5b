"""Signing off a scan, and what verification makes of every changed byte."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from scanner import scan as scanning
from scanner.approvals import Choice, Part
from scanner.errors import BadApproval, BadEvidence, BadKey
from scanner.evidence import Evidence
from scanner.model import Provenance, Tier
from scanner.output import read_evidence
from scanner.reports import formats
from scanner.rulebook import load_rulebook, policy_sha256
from scanner.signatures import key_id, new_signing_key, public_file, read_public_key
from scanner.signoff import ENVELOPE, RECORD, SIGNATURE, Verification, approve, verify
from tests.scans import scanned, write_key, write_shard

TODAY = date(2026, 3, 1)
TEXTS = ("Ask ada@example.com.", "Nothing here.", "Ask ada@example.com again.")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards, their scan, and a key pair; tests work on copies."""
    folder = tmp_path_factory.mktemp("finished")
    key = write_key(folder / "key")
    for index in range(2):
        write_shard(folder / "data" / f"part-{index}.parquet", [*TEXTS, f"shard {index}"])
    evidence = scanned(folder / "data", folder / "out", key, policy=None)
    _reports(evidence, folder / "out")
    new_signing_key(folder / "signing.pem", folder / "out")
    new_signing_key(folder / "other.pem", folder / "out")
    return folder


@pytest.fixture
def work(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "work"))


def test_what_was_scanned_belongs_together_before_anybody_signs(work: Path) -> None:
    found = _verify(work)
    assert (found.problems, found.shards, found.statement) == ([], 2, None)


def test_a_decision_within_the_verdict_is_recorded_shown_and_holds(work: Path) -> None:
    evidence = _approve(work, Tier.INTERNAL)
    found = _verify(work)
    assert found.problems == []
    assert found.statement is not None
    assert found.statement.predicate.tier is Tier.INTERNAL
    assert evidence.approval is not None
    assert not evidence.approval.override
    assert "Approved: inside the organisation by Ada Example" in (work / "out" / "report.html").read_text()


def test_the_record_is_an_in_toto_statement_about_the_shards(work: Path) -> None:
    evidence = _approve(work, Tier.INTERNAL)
    told = json.loads((work / "out" / RECORD).read_text())
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicateType"] == "urn:training-data-privacy-scanner:approval:1"
    assert told["subject"] == [
        {"name": shard.path, "digest": {"sha256": shard.sha256}}
        for shard in sorted(evidence.shards, key=lambda shard: shard.path)
    ]
    assert told["predicate"]["policy"]["digest"]["sha256"] == evidence.scan.policy_sha256


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_verifies_the_signature_too(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(work / "signing.pem.pub"), "-rawin"]
    files = ["-in", str(work / "out" / RECORD), "-sigfile", str(work / "out" / SIGNATURE)]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert "Verified Successfully" in done.stdout, done.stderr


def test_a_tier_that_is_more_open_than_the_verdict_needs_an_override_and_shows_it(work: Path) -> None:
    closed = _decided_internal(work)
    assert closed.verdict.tier is Tier.INTERNAL
    with pytest.raises(BadApproval, match="say --override"):
        _approve(work, Tier.RESEARCH)
    assert not (work / "out" / RECORD).exists()
    evidence = _approve(work, Tier.RESEARCH, override=True)
    assert evidence.approval is not None
    assert evidence.approval.override
    page = (work / "out" / "report.html").read_text()
    assert '<p class="signed bad">Approved against the verdict (inside the organisation)' in page
    assert "The risk committee agreed" in page
    assert "> [!CAUTION]\n> Approved against the verdict" in (work / "out" / "report.md").read_text()


def test_every_fault_of_a_decision_is_told_at_once(work: Path) -> None:
    choice = Choice(Tier.INTERNAL, " ", "", TODAY, TODAY - timedelta(days=1))
    with pytest.raises(BadApproval) as told:
        approve(work / "out", choice, work / "signing.pem", new_key=False)
    assert [fault.place for fault in told.value.faults] == ["--expires", "--by", "--reason"]


def test_it_holds_on_its_last_day_and_not_after(work: Path) -> None:
    _approve(work, Tier.INTERNAL, days=30)
    assert _parts(_verify(work, today=TODAY + timedelta(days=30))) == []
    assert _parts(_verify(work, today=TODAY + timedelta(days=31))) == [Part.EXPIRY]


@pytest.mark.parametrize("name", ["part-0.parquet", "part-1.parquet"])
def test_one_changed_byte_of_a_shard_is_told_with_its_name(work: Path, name: str) -> None:
    _approve(work, Tier.INTERNAL)
    file = work / "data" / name
    for place in (0, file.stat().st_size // 2, file.stat().st_size - 1):
        whole = file.read_bytes()
        file.write_bytes(_flipped(whole, place))
        found = _verify(work)
        assert _parts(found) == [Part.SHARD]
        assert name in found.problems[0].message
        file.write_bytes(whole)
    assert _verify(work).problems == []


def test_a_shard_that_is_missing_or_was_not_scanned_is_told(work: Path) -> None:
    (work / "data" / "part-0.parquet").unlink()
    write_shard(work / "data" / "more.parquet", ["unseen"])
    assert [str(problem) for problem in _verify(work).problems] == [
        "shard: more.parquet: was not scanned",
        "shard: part-0.parquet: was scanned, but is not there",
    ]


def test_a_copy_of_a_shard_is_one_shard_too_many(work: Path) -> None:
    shutil.copy(work / "data" / "part-0.parquet", work / "data" / "part-2.parquet")
    assert _parts(_verify(work)) == [Part.SHARD, Part.SHARD]


def test_shards_are_known_by_their_bytes_wherever_they_lie(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    (work / "data").rename(work / "moved")
    (work / "moved" / "part-0.parquet").rename(work / "moved" / "first.parquet")
    assert _verify(work, paths=[str(work / "moved")]).problems == []


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("evidence.json", {Part.EVIDENCE, Part.STALE, Part.POLICY, Part.SHARD, Part.RECORD, Part.REPORT}),
        (RECORD, {Part.SIGNATURE, Part.RECORD}),
        (SIGNATURE, {Part.SIGNATURE}),
        (ENVELOPE, {Part.SIGNATURE, Part.KEY}),
        ("report.html", {Part.REPORT}),
        ("report.md", {Part.REPORT}),
    ],
)
def test_any_changed_byte_of_what_was_written_is_told(work: Path, name: str, allowed: set[Part]) -> None:
    _approve(work, Tier.INTERNAL)
    file = work / "out" / name
    whole = file.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        file.write_bytes(_flipped(whole, place))
        parts = set(_parts(_verify(work)))
        assert parts, f"byte {place} of {name}"
        assert parts <= allowed
    file.write_bytes(whole)
    assert _verify(work).problems == []


def test_evidence_rewritten_in_its_canonical_form_is_told_by_the_record(work: Path) -> None:
    """A forger who keeps the form and leaves the signature alone."""
    _approve(work, Tier.INTERNAL)
    file = work / "out" / "evidence.json"
    told = json.loads(file.read_text())
    told["verdict"]["reasons"] = ["nothing was found"]
    file.write_text(json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    _reports(read_evidence(work / "out"), work / "out")
    assert _parts(_verify(work)) == [Part.STALE]


def test_an_approval_edited_into_the_evidence_is_not_the_one_on_record(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    file = work / "out" / "evidence.json"
    told = json.loads(file.read_text())
    told["approval"]["tier"] = "open"
    file.write_text(json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    _reports(read_evidence(work / "out"), work / "out")
    assert _parts(_verify(work)) == [Part.EVIDENCE]


def test_another_policy_is_told(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    policy = work / "policy.yaml"
    shutil.copy(Path("rules/policy.yaml"), policy)
    assert _verify(work, policy=policy).problems == []
    policy.write_bytes(policy.read_bytes() + b"#")
    assert _parts(_verify(work, policy=policy)) == [Part.POLICY]


def test_another_key_is_told_by_name(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    other = read_public_key(work / "other.pem.pub")
    found = _verify(work, key=other)
    assert set(_parts(found)) == {Part.KEY, Part.SIGNATURE}
    assert key_id(other)[:16] in found.problems[0].message


def test_no_approval_is_believed_without_a_key(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    assert _parts(_verify(work, key=None)) == [Part.KEY]


def test_a_record_that_was_taken_away_is_missed(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    for name in (RECORD, SIGNATURE, ENVELOPE):
        (work / "out" / name).unlink()
    assert _parts(_verify(work)) == [Part.RECORD]


def test_a_tier_asked_for_must_have_been_approved(work: Path) -> None:
    assert _parts(_verify(work, tier=Tier.NDA)) == [Part.TIER]
    _approve(work, Tier.INTERNAL)
    assert _parts(_verify(work, tier=Tier.NDA)) == [Part.TIER]
    assert _parts(_verify(work, tier=Tier.INTERNAL)) == []


def test_a_new_decision_replaces_the_old_one(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    _approve(work, Tier.INTERNAL, reason="seen twice")
    found = _verify(work)
    assert found.problems == []
    assert found.statement is not None
    assert found.statement.predicate.reason == "seen twice"


def test_deciding_anew_makes_an_approval_visibly_stale(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    evidence = _decided_internal(work)
    assert evidence.approval is not None
    assert evidence.approval.stale
    assert "No longer approved" in (work / "out" / "report.html").read_text()
    assert _parts(_verify(work)) == [Part.STALE]
    assert not (_approve(work, Tier.INTERNAL).approval or evidence.approval).stale
    assert _verify(work).problems == []


def test_scanning_again_makes_an_approval_stale_even_when_nothing_changed(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    evidence = scanned(work / "data", work / "out", work / "key", policy=None)
    assert evidence.approval is not None
    assert evidence.approval.stale
    _reports(evidence, work / "out")
    assert _parts(_verify(work)) == [Part.STALE]


def test_deciding_the_same_again_keeps_the_approval(work: Path) -> None:
    _approve(work, Tier.INTERNAL)
    before = (work / "out" / "evidence.json").read_bytes()
    scanning.decide(work / "out", load_rulebook(None, None, with_models=False), lambda dataset: dataset)
    assert (work / "out" / "evidence.json").read_bytes() == before
    assert _verify(work).problems == []


def test_evidence_changed_by_hand_is_not_signed(work: Path) -> None:
    file = work / "out" / "evidence.json"
    file.write_text(file.read_text() + "\n")
    with pytest.raises(BadEvidence, match="changed after it was written"):
        _approve(work, Tier.INTERNAL)


def test_a_signing_key_is_kept_from_others_and_outside_the_output(work: Path) -> None:
    assert (work / "signing.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadKey, match="there is a key already"):
        new_signing_key(work / "signing.pem", work / "out")
    with pytest.raises(BadKey, match="outside the output"):
        new_signing_key(work / "out" / "signing.pem", work / "out")
    (work / "signing.pem").chmod(0o640)
    with pytest.raises(BadKey, match="chmod 600"):
        _approve(work, Tier.INTERNAL)


@pytest.mark.parametrize("text", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused_without_being_quoted(work: Path, text: str) -> None:
    (work / "signing.pem").write_text(text)
    with pytest.raises(BadKey, match="no private key") as told:
        _approve(work, Tier.INTERNAL)
    assert "AAAA" not in str(told.value)


def _approve(
    work: Path, tier: Tier, *, days: int = 90, override: bool = False, reason: str = "the risk committee agreed"
) -> Evidence:
    choice = Choice(tier, "Ada Example", reason, TODAY, TODAY + timedelta(days=days), override)
    evidence = approve(work / "out", choice, work / "signing.pem", new_key=False)
    _reports(evidence, work / "out")
    return evidence


def _verify(work: Path, paths: Sequence[str] = (), **changes: Any) -> Verification:
    key: Ed25519PublicKey | None = changes.get("key", read_public_key(public_file(work / "signing.pem")))
    digest = policy_sha256(None, changes.get("policy"))
    where = list(paths) or [str(work / "data")]
    return verify(work / "out", where, digest, key, changes.get("tier"), changes.get("today", TODAY))


def _decided_internal(work: Path) -> Evidence:
    """The same scan of what turns out to be users' private data, which nobody consented to."""
    rulebook = load_rulebook(None, None, with_models=False)
    evidence = scanning.decide(
        work / "out", rulebook, lambda dataset: replace(dataset, provenance=Provenance.USER_PRIVATE)
    )
    _reports(evidence, work / "out")
    return evidence


def _reports(evidence: Evidence, out: Path) -> None:
    for name in ("html", "md"):
        found = formats()[name]
        (out / f"report{found.SUFFIX}").write_text(found.render(evidence))


def _parts(found: Verification) -> list[Part]:
    return [problem.part for problem in found.problems]


def _flipped(text: bytes, place: int) -> bytes:
    return text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :]
