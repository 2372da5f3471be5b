"""Approvals: a reviewer's decision as an in-toto statement, bound to shards, evidence and policy by their digests.

Statement: github.com/in-toto/attestation/blob/main/spec/v1/statement.md. Envelope: github.com/secure-systems-lab/dsse.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from scanner.errors import BadApproval, Fault
from scanner.evidence import ApprovalPart, Evidence, ShardPart, canonical
from scanner.model import Artefact, Decision, Identity, Tier

STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["urn:training-data-privacy-scanner:approval:1"] = "urn:training-data-privacy-scanner:approval:1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

LONGEST_TEXT = 2_000
"""Characters of a name or a reason."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """A frozen piece of a statement; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Digest(Record):
    """Digests of one thing by algorithm."""

    sha256: Sha256


class Descriptor(Record):
    """One thing that the statement speaks of (in-toto: ResourceDescriptor)."""

    name: str
    digest: Digest


class Approval(Record):
    """The predicate: who approves which tier of what, why, on what ground and until when.

    `override` is true where the tier is more open than the verdict's. `evidence` is the digest that
    `evidence_sha256` gives, and `policy` that of the policy and the calibration that the verdict was made by.
    """

    tier: Tier
    artefact: Artefact
    verdict: Tier
    override: bool
    by: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    approved: date
    expires: date
    evidence: Descriptor
    policy: Descriptor
    scan_id: str
    scanner_version: str


class Statement(Record):
    """An in-toto statement (v1) whose subjects are the shards and whose predicate is the approval."""

    type_: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")] = STATEMENT_TYPE
    subject: Annotated[list[Descriptor], Field(min_length=1)]
    predicate_type: Literal["urn:training-data-privacy-scanner:approval:1"] = PREDICATE_TYPE
    predicate: Approval


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reviewer decides.

    Attributes:
        tier: how far the artefact may go.
        by: who decides.
        reason: why.
        approved: the day of the decision.
        expires: the last day on which it holds.
        override: whether it may be more open than the verdict.
    """

    tier: Tier
    by: str
    reason: str
    approved: date
    expires: date
    override: bool = False


class Part(StrEnum):
    """What a problem is about."""

    SHARD = "shard"
    EVIDENCE = "evidence"
    POLICY = "policy"
    REPORT = "report"
    RECORD = "record"
    SIGNATURE = "signature"
    KEY = "key"
    EXPIRY = "expiry"
    STALE = "stale"
    TIER = "tier"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why things do not belong together."""

    part: Part
    message: str

    def __str__(self) -> str:
        return f"{self.part}: {self.message}"


def state(evidence: Evidence, digest: str, choice: Choice) -> Statement:
    """The statement of a reviewer's choice.

    Args:
        evidence: what was decided on.
        digest: its `evidence_sha256`.
        choice: the reviewer's.

    Raises:
        BadApproval: the choice cannot be stated; every fault at once.
    """
    faults = list(_faults(evidence, choice))
    if faults:
        raise BadApproval(faults)
    verdict = evidence.verdict.tier
    return Statement(
        subject=subjects(evidence.shards),
        predicate=Approval(
            tier=choice.tier,
            artefact=evidence.risk.artefact,
            verdict=verdict,
            override=choice.tier.openness > verdict.openness,
            by=choice.by.strip(),
            reason=choice.reason.strip(),
            approved=choice.approved,
            expires=choice.expires,
            evidence=Descriptor(name="evidence.json", digest=Digest(sha256=digest)),
            policy=Descriptor(name="policy.yaml", digest=Digest(sha256=evidence.scan.policy_sha256)),
            scan_id=evidence.scan.id,
            scanner_version=evidence.scan.scanner_version,
        ),
    )


def subjects(shards: Iterable[ShardPart]) -> list[Descriptor]:
    """The shards as subjects, in the order of their paths."""
    return [Descriptor(name=name, digest=Digest(sha256=sha256)) for name, sha256 in _named(shards)]


def to_bytes(statement: Statement) -> bytes:
    """What is signed: the statement as ASCII JSON, keys sorted, one final newline."""
    told = statement.model_dump(mode="json", by_alias=True)
    return (json.dumps(told, indent=2, sort_keys=True) + "\n").encode("ascii")


def from_bytes(text: bytes) -> Statement | None:
    """The statement that `to_bytes` wrote; None where the bytes are none."""
    try:
        return Statement.model_validate_json(text)
    except ValidationError:
        return None


def part_of(statement: Statement, key_id: str) -> ApprovalPart:
    """The approval as the evidence shows it."""
    approval = statement.predicate
    return ApprovalPart(
        tier=approval.tier,
        verdict=approval.verdict,
        override=approval.override,
        by=approval.by,
        reason=approval.reason,
        approved=approval.approved.isoformat(),
        expires=approval.expires.isoformat(),
        key_id=key_id,
        record_sha256=hashlib.sha256(to_bytes(statement)).hexdigest(),
    )


def evidence_sha256(text: bytes) -> str | None:
    """Digest of `evidence.json` without its approval, which is added after; None where the bytes are not canonical.

    It is taken of the JSON as it stands, so that fields added to the schema later leave it as it was.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or _canonical(found) != text:
        return None
    return hashlib.sha256(_canonical({key: part for key, part in found.items() if key != "approval"})).hexdigest()


def envelope(statement: bytes, key_id: str, signature: bytes) -> str:
    """The statement and its signature (over `pre_authentication`) as one DSSE file, for other tools."""
    told = {
        "payload": base64.b64encode(statement).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(told, indent=2, sort_keys=True) + "\n"


def pre_authentication(statement: bytes) -> bytes:
    """What is signed for an envelope: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(statement), statement)


def problems(statement: Statement, evidence: Evidence, digest: str, key_id: str, today: date) -> Iterator[Problem]:
    """Why a statement that was signed does not hold for this evidence today."""
    approval = statement.predicate
    if approval.evidence.digest.sha256 != digest:
        yield Problem(Part.STALE, f"the evidence is not the one that {approval.by} approved; approve it anew")
    elif evidence.approval != part_of(statement, key_id):
        yield Problem(Part.EVIDENCE, "the approval that the report shows is not the one on record")
    if approval.policy.digest.sha256 != evidence.scan.policy_sha256:
        yield Problem(Part.POLICY, "the record was made by another policy than the evidence")
    if [(one.name, one.digest.sha256) for one in statement.subject] != _named(evidence.shards):
        yield Problem(Part.RECORD, "the record names other shards than the evidence")
    if approval.tier.openness > approval.verdict.openness and not approval.override:
        yield Problem(Part.RECORD, f"{approval.tier} is more open than the verdict, and the record has no override")
    if today > approval.expires:
        yield Problem(Part.EXPIRY, f"the approval expired after {approval.expires}")


def _named(shards: Iterable[ShardPart]) -> list[tuple[str, str]]:
    return [(shard.path, shard.sha256) for shard in sorted(shards, key=lambda shard: shard.path)]


def _faults(evidence: Evidence, choice: Choice) -> Iterator[Fault]:
    verdict = evidence.verdict.tier
    if choice.tier.openness > verdict.openness and not choice.override:
        told = "keep internal" if evidence.verdict.decision is Decision.KEEP_INTERNAL else str(verdict)
        yield Fault("--tier", f"{choice.tier} is more open than the verdict ({told}); say --override to do so")
    if choice.expires < choice.approved:
        yield Fault("--expires", f"{choice.expires} has passed; name a day to come")
    for option, text in (("--by", choice.by), ("--reason", choice.reason)):
        if not text.strip():
            yield Fault(option, "say it in words")
        elif len(text) > LONGEST_TEXT:
            yield Fault(option, f"has {len(text):,} characters; {LONGEST_TEXT:,} are the most")
    nameless = [one for one in evidence.shards if len(one.sha256) != 64 or one.identity is not Identity.SHA256]
    if nameless:
        yield Fault(
            "OUT", f"the bytes of {len(nameless):,} shards were not hashed whole; nothing binds an approval to them: "
            "mend or drop what cannot be read, and scan remote shards with --sha256"
        )  # fmt: skip


def _canonical(told: dict[str, Any]) -> bytes:
    return canonical(told).encode("utf-8", "surrogatepass")
