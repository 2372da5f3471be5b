"""Signing off a finished scan, and verifying that shards, evidence, policy, report and approval belong together."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from scanner import approvals, shards
from scanner.approvals import Choice, Part, Problem, Statement
from scanner.atomic import replacing, write_text
from scanner.errors import BadEvidence
from scanner.evidence import Evidence, canonical, from_json, to_json
from scanner.model import Identity, Tier
from scanner.output import EVIDENCE, evidence_bytes, locked, read_evidence
from scanner.reports import formats
from scanner.signatures import key_id, new_signing_key, read_signing_key, signed
from scanner.worker import VERSION

RECORD = "approval.json"
SIGNATURE = "approval.json.sig"
ENVELOPE = "approval.dsse.json"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked.

    Attributes:
        problems: why things do not belong together; empty when they do.
        shards: how many shards were read and compared.
        statement: the approval on record, where there is one that can be read.
    """

    problems: Sequence[Problem]
    shards: int
    statement: Statement | None


def approve(out: Path, choice: Choice, signing_key: Path, *, new_key: bool) -> Evidence:
    """Write the record of a decision and its signature, and show it in the evidence.

    Args:
        out: output folder of the scan.
        choice: what the reviewer decides.
        signing_key: the reviewer's key.
        new_key: make it first.

    Raises:
        BadApproval: the choice cannot be stated.
        BadEvidence: there is no finished scan in `out`, or its evidence was changed by hand.
        BadKey: the key cannot be used.
        Locked: another run works there.
    """
    read_evidence(out)
    with locked(out):
        evidence = read_evidence(out)
        digest = approvals.evidence_sha256((out / EVIDENCE).read_bytes())
        if digest is None:
            raise BadEvidence(f"{out / EVIDENCE}: was changed after it was written; scan or decide again")
        statement = approvals.state(evidence, digest, choice)
        if new_key:
            new_signing_key(signing_key, out)
        key = read_signing_key(signing_key, out)
        name, record = key_id(key.public_key()), approvals.to_bytes(statement)
        approved = evidence.model_copy(update={"approval": approvals.part_of(statement, name)})
        write_text(out / RECORD, record.decode("ascii"))
        with replacing(out / SIGNATURE) as draft:
            draft.write_bytes(key.sign(record))
        enveloped = approvals.envelope(record, name, key.sign(approvals.pre_authentication(record)))
        write_text(out / ENVELOPE, enveloped)
        write_text(out / EVIDENCE, _shown(out, approved))
    return approved


def verify(
    out: Path, paths: Sequence[str], policy_sha256: str, public_key: Ed25519PublicKey | None, tier: Tier | None,
    today: date,
) -> Verification:  # fmt: skip
    """Hold shards, evidence, policy, reports and approval against each other.

    Args:
        out: output folder of the scan.
        paths: where the shards lie.
        policy_sha256: digest of the policy that is believed to have decided.
        public_key: the reviewer's; without it no approval is believed.
        tier: what must have been approved; None for whatever was, or nothing.
        today: the day for which it is asked.

    Raises:
        BadEvidence: there is none in `out`.
        NothingToScan: no shard under the paths.
    """
    evidence, digest, found = _evidence(out)
    if evidence is None or digest is None:
        return Verification(found, 0, None)
    whole = all(shard.identity is Identity.SHA256 for shard in evidence.shards)
    read = [(shard.name, shards.inspect(shard, whole=whole).sha256) for shard in shards.find(paths)]
    found += _shard_problems(read, evidence)
    if policy_sha256 != evidence.scan.policy_sha256:
        found.append(
            Problem(Part.POLICY, "not the policy that decided; name it with --policy, --rules and --calibration")
        )
    found += _report_problems(out, evidence)
    statement, of_record = _record(out, public_key)
    found += of_record
    if statement is not None and public_key is not None and not of_record:
        found += approvals.problems(statement, evidence, digest, key_id(public_key), today)
    elif evidence.approval is not None and not (out / RECORD).exists():
        found.append(Problem(Part.RECORD, f"the report shows an approval, but there is no {RECORD}"))
    found += _tier_problems(statement, tier)
    return Verification(found, len(read), statement)


def _shown(out: Path, approved: Evidence) -> str:
    """The evidence's text with the approval, all else as it stands."""
    told = json.loads((out / EVIDENCE).read_bytes())
    told["approval"] = json.loads(to_json(approved))["approval"]
    return canonical(told)


def _evidence(out: Path) -> tuple[Evidence | None, str | None, list[Problem]]:
    text = evidence_bytes(out)
    digest = approvals.evidence_sha256(text)
    if digest is None:
        return None, None, [Problem(Part.EVIDENCE, f"{EVIDENCE} was changed after it was written")]
    try:
        return from_json(text), digest, []
    except BadEvidence as error:
        return None, None, [Problem(Part.EVIDENCE, str(error))]


def _shard_problems(read: Iterable[tuple[str, str]], evidence: Evidence) -> Iterator[Problem]:
    """Shards are known by their bytes, as in-toto knows subjects by their digests; names tell which one is meant."""
    known = {shard.path: shard.sha256 for shard in evidence.shards}
    wanted, there = Counter(known.values()), Counter(digest for _, digest in read)
    named = dict(read)
    for name in sorted(named):
        if not named[name] or there[named[name]] > wanted[named[name]]:
            told = "has other bytes than those scanned" if name in known else "was not scanned"
            yield Problem(Part.SHARD, f"{name}: {told}")
    for name in sorted(known.keys() - named.keys()):
        if not known[name] or there[known[name]] < wanted[known[name]]:
            yield Problem(Part.SHARD, f"{name}: was scanned, but is not there")


def _report_problems(out: Path, evidence: Evidence) -> Iterator[Problem]:
    for format_ in formats().values():
        file = out / f"report{format_.SUFFIX}"
        if not file.exists():
            continue
        if file.read_bytes() != format_.render(evidence).encode("utf-8", "surrogatepass"):
            told = "is not made from this evidence"
            if evidence.scan.scanner_version != VERSION:
                told += f" by version {VERSION}"
            yield Problem(
                Part.REPORT, f"{file.name} {told}; make it anew with `scanner report --format {format_.NAME}`"
            )


def _record(out: Path, key: Ed25519PublicKey | None) -> tuple[Statement | None, list[Problem]]:
    """The statement on record, if its signature is the key's; none without problems where there is no record."""
    if not (out / RECORD).exists():
        return None, []
    record = (out / RECORD).read_bytes()
    statement = approvals.from_bytes(record)
    if key is None:
        return statement, [Problem(Part.KEY, "there is an approval; name the reviewer's --public-key to check it")]
    found = list(_signature_problems(out, record, key))
    if statement is None:
        found.append(Problem(Part.RECORD, f"{RECORD} is no approval that this program wrote"))
    return statement, found


def _signature_problems(out: Path, record: bytes, key: Ed25519PublicKey) -> Iterator[Problem]:
    signature = _read(out / SIGNATURE)
    envelope, signer, enveloped = _envelope(out / ENVELOPE)
    if signer and signer != key_id(key):
        yield Problem(Part.KEY, f"signed by key {signer[:16]}, not by {key_id(key)[:16]}, the one given")
    if not signed(key, signature, record):
        yield Problem(Part.SIGNATURE, f"{SIGNATURE} is not this key's over {RECORD}: one of the two was changed")
    if envelope != record or not signed(key, enveloped, approvals.pre_authentication(record)):
        yield Problem(Part.SIGNATURE, f"{ENVELOPE} is not this key's envelope of {RECORD}")


def _envelope(file: Path) -> tuple[bytes, str, bytes]:
    """Payload, key id and signature of an envelope of ours; empty where it is none."""
    try:
        told = json.loads(_read(file))
        (one,) = told["signatures"]
        rebuilt = approvals.envelope(base64.b64decode(told["payload"]), one["keyid"], base64.b64decode(one["sig"]))
        if rebuilt.encode() != _read(file):
            return b"", "", b""
        return base64.b64decode(told["payload"]), one["keyid"], base64.b64decode(one["sig"])
    except (ValueError, TypeError, KeyError):
        return b"", "", b""


def _tier_problems(statement: Statement | None, tier: Tier | None) -> Iterator[Problem]:
    if tier is None:
        return
    if statement is None:
        yield Problem(Part.TIER, f"{tier} was not approved: there is no approval")
    elif statement.predicate.tier.openness < tier.openness:
        yield Problem(Part.TIER, f"{tier} was not approved, only {statement.predicate.tier}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
