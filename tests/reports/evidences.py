"""Evidence to render: six scans that never ran, of people who do not exist."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping

from scanner.changes import compare
from scanner.evidence import (
    AcceptedPart,
    Action,
    ApprovalPart,
    ColumnPart,
    ConfidenceCount,
    Cost,
    Coverage,
    DatasetPart,
    Driver,
    Evidence,
    FindingPart,
    Flip,
    GatePart,
    Interval,
    Margin,
    ModelCardPart,
    NamesCoverage,
    OccurrenceBucket,
    Other,
    PlacePart,
    Remedy,
    RepeatedPart,
    RiskPart,
    RunPart,
    ScanPart,
    Sensitivity,
    ShardPart,
    TableRisk,
    TierReadout,
    UnscannedPart,
    VerdictPart,
)
from scanner.model import CONFIDENCE_EDGES, Artefact, Decision, Provenance, ShardStatus, Tier, UnscannedReason

LIMITS: Mapping[str, float | None] = {"score": 40.0, "p_max": 0.09, "p_any_critical": 0.05, "table_max_risk": 0.09}
WEB_LIMITS: Mapping[str, float | None] = {**LIMITS, "score": 55.0, "p_any_critical": None}
LEVEL = {Tier.OPEN: 0.95, Tier.RESEARCH: 0.95, Tier.NDA: 0.90, Tier.INTERNAL: 0.50}

MARKUP = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
LONG = "c" * 10_000
RTL = "\u202egnp.exe\u202c עמודה"
LINES = "first\nsecond | third `code` [link](javascript:alert(1)) ![i](x) @someone #1 <!-- -->"
HOSTILE_NAMES = (
    MARKUP,
    FORMULA,
    LONG,
    RTL,
    LINES,
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x07",
    "[bold red]x[/]",
)


def interval(middle: float, spread: float, top: float = 100.0) -> Interval:
    """`middle` and `spread` to both sides, kept within 0 and `top`."""
    return Interval(p05=max(0.0, middle - spread), p50=min(top, middle), p95=min(top, middle + spread))


def open_evidence() -> Evidence:
    """A textbook corpus without anyone in it: open."""
    findings = [
        finding("PERSON", "name of a person", "text", 41, 38, 2),
        finding("URL", "web address", "text", 120, 77, 9),
    ]
    verdict = VerdictPart(
        decision=Decision.RELEASABLE,
        tier=Tier.OPEN,
        sentence="The model may be released openly: all four read-outs are within their limits and no gate is tripped.",
        asked=Tier.OPEN,
        granted=True,
        incomplete=False,
        binds="score",
        reasons=["score at most 14.8 of 40 on the 95 % upper bound", "no gate is tripped"],
        gates=gates({}),
        conditions=[],
        remedies=[],
        margins=[Margin(tier=Tier.OPEN, readout="score", value=14.8, limit=40.0, margin=25.2)],
        flips=[Flip(input="model parameters", now=6.9e9, at=None)],
    )
    return _evidence(
        "textbook",
        Provenance.LICENSED,
        findings,
        risk=risk(Artefact.MODEL, score=9.1, spread=5.7, p_max=0.0004, p_any=0.002),
        verdict=verdict,
        rows=4_200,
    )


def research_evidence() -> Evidence:
    """A public forum with e-mail addresses, phones and one API key: research-only."""
    findings = [
        finding("EMAIL_ADDRESS", "e-mail address", "text", 912, 640, 31),
        finding("EMAIL_ADDRESS", "e-mail address", "author.signature", 211, 140, 12),
        finding("PHONE_NUMBER", "phone number", "text", 188, 171, 5),
        finding("PERSON", "name of a person", "text", 5_210, 3_004, 88),
        finding("SECRET", "key, token or password", "text", 46, 1, 46),
        finding("IP_ADDRESS", "IP address", "text", 340, 288, 11),
        finding("URL", "web address", "text", 9_001, 7_420, 301),
    ]
    verdict = VerdictPart(
        decision=Decision.RELEASABLE,
        tier=Tier.RESEARCH,
        sentence="The model may be released under a research-only licence, not openly: a secret was found.",
        asked=Tier.OPEN,
        granted=False,
        incomplete=False,
        binds="gate secret_format",
        reasons=[
            "the gate for secrets found by format caps the tier at research",
            "p_max is at most .62, above the limit of .09 for an open release",
        ],
        gates=gates({"secret_format": (Tier.RESEARCH, {"secrets": 1.0, "occurrences": 46.0})}),
        conditions=["licence: research use only, click-through", "re-scan after any change to the shards"],
        remedies=[
            remedy("r1", Tier.OPEN, [("redact_entity", "SECRET", "redact every key, token or password")], 33.1, 0.0004),
            remedy(
                "r2",
                Tier.OPEN,
                [
                    ("deduplicate", "4", "keep at most 4 occurrences of one value"),
                    ("redact_entity", "EMAIL_ADDRESS", "redact every e-mail address"),
                ],
                29.4,
                0.0391,
            ),
            remedy("r3", Tier.OPEN, [("drop_column", "text", "drop the column text")], 12.0, 0.8712),
        ],
        margins=[
            Margin(tier=Tier.OPEN, readout="p_max", value=0.616, limit=0.09, margin=-0.526),
            Margin(tier=Tier.RESEARCH, readout="score", value=42.7, limit=55.0, margin=12.3),
        ],
        flips=[Flip(input="model parameters", now=7e9, at=1.3e9), Flip(input="epochs", now=1.0, at=None)],
    )
    model = risk(Artefact.MODEL, score=38.2, spread=5.5, p_max=0.44, p_any=0.44, limits=WEB_LIMITS)
    data = risk(Artefact.DATA, score=71.4, spread=1.2, p_max=1.0, p_any=1.0)
    return _evidence(
        "web_forum",
        Provenance.PUBLIC_WEB,
        findings,
        risk=model,
        verdict=verdict,
        other=Other(risk=data, verdict=_data_verdict()),
        rows=18_000,
        unread={"id": 210_400, "th": 88_120, "und": 3_011},
    )


def internal_evidence() -> Evidence:
    """Support tickets of real customers without their consent: keep internal."""
    findings = [
        finding("CREDIT_CARD", "payment card number", "messages[].content", 64, 51, 7),
        finding("EMAIL_ADDRESS", "e-mail address", "messages[].content", 2_012, 1_120, 40),
        finding("EMAIL_ADDRESS", "e-mail address", "customer.email", 1_500, 1_020, 40),
        finding("PERSON", "name of a person", "messages[].content", 4_100, 1_760, 40),
        finding("PERSON", "name of a person", "customer.name", 1_500, 1_011, 40),
        finding("ADDRESS", "street address", "messages[].content", 310, 280, 6),
        finding("HEALTH", "remark on a person's health", "messages[].content", 3, 3, 1),
        finding("PHONE_NUMBER", "phone number", "messages[].content", 720, 566, 22),
        finding("DATE_OF_BIRTH", "date of birth", "customer.born", 1_480, 1_222, 4),
    ]
    tripped: dict[str, tuple[Tier, dict[str, float]]] = {
        "private_without_consent": (Tier.INTERNAL, {}),
        "health_beside_person": (Tier.INTERNAL, {"health remarks": 3.0}),
        "table_risk": (Tier.NDA, {"table_max_risk": 0.25}),
    }
    verdict = VerdictPart(
        decision=Decision.KEEP_INTERNAL,
        tier=Tier.INTERNAL,
        sentence="Keep the model internal: it would be trained on users' private data without their consent.",
        asked=Tier.RESEARCH,
        granted=False,
        incomplete=False,
        binds="gate private_without_consent",
        reasons=[
            "private user data without consent, user-level differential privacy or an anonymity report",
            "score at most 74.9, above the limit of 40",
            "health remarks stand beside a person",
        ],
        gates=gates(tripped),
        conditions=["no release outside the organisation"],
        remedies=[
            remedy(
                "r1",
                Tier.NDA,
                [
                    ("redact_entity", "CREDIT_CARD", "redact every payment card number"),
                    ("redact_entity", "HEALTH", "redact every remark on a person's health"),
                    ("redact_column", "customer.email", "redact the column customer.email"),
                    ("raise_recall", "ADDRESS", "raise the recall for street addresses from .60 to .95"),
                ],
                38.6,
                0.2114,
            ),
        ],
        margins=[Margin(tier=Tier.OPEN, readout="score", value=74.9, limit=40.0, margin=-34.9)],
        flips=[],
    )
    model = risk(
        Artefact.MODEL,
        score=69.0,
        spread=5.9,
        p_max=0.81,
        p_any=0.99,
        tables=[table(["customer.born", "customer.zip"], 1_500)],
    )
    data = risk(Artefact.DATA, score=91.0, spread=1.0, p_max=1.0, p_any=1.0)
    return _evidence(
        "support_tickets",
        Provenance.USER_PRIVATE,
        findings,
        risk=model,
        verdict=verdict,
        other=Other(risk=data, verdict=_data_verdict()),
        rows=6_000,
    ).model_copy(update={"history": runs(12), "accepted": [accepted("the shop's own address", "Ann Lee")]})


def incomplete_evidence() -> Evidence:
    """A scan that could not read everything, with a verdict capped for it."""
    whole = research_evidence()
    unscanned = [
        unread_part("data/part-007.parquet", "", 0, 3_100_200, UnscannedReason.CORRUPT, "the footer does not parse"),
        unread_part("data/part-003.parquet", "attachment", 812, 40_211_009, UnscannedReason.BINARY, "not UTF-8"),
        unread_part("data/part-004.parquet", "text", 2, 1_400_000_000, UnscannedReason.TOO_LARGE, "cells above 64 MiB"),
        unread_part("data/part-004.parquet", "text", 1, 81_000, UnscannedReason.TIMED_OUT, "a pattern ran out of time"),
        unread_part("data/part-000.parquet", "raw_html", 18_000, 9_120_000, UnscannedReason.EXCLUDED, ""),
    ]
    shards = [
        shard.model_copy(update={"status": status, "rows": rows})
        for shard, status, rows in zip(
            whole.shards,
            [ShardStatus.PARTIAL, ShardStatus.FAILED, ShardStatus.SCANNED],
            [6_000, 0, 6_000],
            strict=True,
        )
    ]
    lost = sum(part.bytes for part in unscanned)
    coverage = whole.coverage.model_copy(
        update={
            "bytes": whole.coverage.scanned + lost,
            "share": whole.coverage.scanned / (whole.coverage.scanned + lost),
            "unscanned": unscanned,
        }
    )
    verdict = whole.verdict.model_copy(
        update={
            "tier": Tier.INTERNAL,
            "decision": Decision.KEEP_INTERNAL,
            "incomplete": True,
            "sentence": "Keep the model internal for now: a shard could not be read, so the scan is incomplete.",
            "binds": "gate coverage",
            "gates": gates({"coverage": (Tier.INTERNAL, {"share of bytes read": 0.011, "failed shards": 1.0})}),
            "remedies": [],
        }
    )
    return whole.model_copy(update={"shards": shards, "coverage": coverage, "verdict": verdict})


def changed_evidence() -> Evidence:
    """The research evidence after it was incomplete, signed off for more than its verdict."""
    after = research_evidence()
    approval = ApprovalPart(
        tier=Tier.OPEN,
        verdict=Tier.RESEARCH,
        override=True,
        by="Ada Example",
        reason="the key was revoked on the first of March",
        approved="2026-11-03",
        expires="2027-05-01",
        key_id=digest("key"),
        record_sha256=digest("record"),
    )
    return after.model_copy(update={"changes": compare(incomplete_evidence(), after), "approval": approval})


def hostile_evidence() -> Evidence:
    """The internal evidence with names that try to be markup, formulas, escapes and pages of text."""
    base = internal_evidence()
    columns = [ColumnPart(column=name, cells=9, bytes=900, characters=880) for name in HOSTILE_NAMES]
    findings = [finding("PERSON", "name of a person", name, 12, 9, 3) for name in HOSTILE_NAMES]
    shards = [
        ShardPart(
            path=f"{name}.parquet",
            sha256=digest(name),
            bytes=1_000,
            rows=10,
            status=ShardStatus.PARTIAL,
            findings=12,
            share=0.1,
        )
        for name in HOSTILE_NAMES
    ]
    unscanned = [
        unread_part(f"{name}.parquet", name, 1, 10, UnscannedReason.BINARY, f"column {name} is not UTF-8")
        for name in HOSTILE_NAMES
    ]
    actions = [(f"drop_column_{i}", name, f"drop the column {name}") for i, name in enumerate(HOSTILE_NAMES)]
    verdict = base.verdict.model_copy(update={"remedies": [remedy("r1", Tier.NDA, actions, 10.0, 0.5)]})
    return base.model_copy(
        update={
            "dataset": base.dataset.model_copy(update={"name": MARKUP, "licence": LINES, "dropped_columns": [RTL]}),
            "scan": base.scan.model_copy(update={"command": ["scanner", "scan", *HOSTILE_NAMES], "decided_by": [RTL]}),
            "columns": columns,
            "findings": findings,
            "shards": shards,
            "places": [place(part, 0).model_copy(update={"shard": f"{part.column}.parquet"}) for part in findings],
            "verdict": verdict,
            "coverage": base.coverage.model_copy(update={"unscanned": unscanned}),
            "risk": base.risk.model_copy(update={"tables": [table(list(HOSTILE_NAMES), 100)]}),
            "accepted": [accepted(name, name) for name in HOSTILE_NAMES],
        }
    )


def large_evidence(shards: int = 10_000, columns: int = 300, entities: int = 50) -> Evidence:
    """Many shards, columns and entities, every pair of the latter two with findings."""
    base = internal_evidence()
    names = [f"record.section_{i // 20}.field_{i}" for i in range(columns)]
    kinds = [(f"KIND_{i}", f"kind of value number {i}") for i in range(entities)]
    findings = [
        finding(kind, title, name, 1 + (i * 31 + j * 17) % 9_001, 1 + (i * 31 + j * 17) % 801, 1 + (i + j) % 60)
        for i, (kind, title) in enumerate(kinds)
        for j, name in enumerate(names)
    ]
    parts = [
        ShardPart(
            path=f"s3://bucket/corpus/year=2026/part-{i:05d}-of-{shards:05d}.snappy.parquet",
            sha256=digest(f"shard {i}"),
            bytes=500_000_000 + i,
            rows=100_000 + i,
            status=ShardStatus.PARTIAL if i % 7 == 0 else ShardStatus.SCANNED,
            findings=1 + i * 37 % 900,
            share=round(2 / shards * (i * 37 % 900) / 900, 9),
        )
        for i in range(shards)
    ]
    unscanned = [
        unread_part(part.path, names[i % columns], 3, 40_000 + i, UnscannedReason.TOO_LARGE, "a cell above 64 MiB")
        for i, part in enumerate(parts)
        if part.status is ShardStatus.PARTIAL
    ]
    drivers = [driver(kind, title, 1_000 - i, 40, 2.0 ** -(i / 3)) for i, (kind, title) in enumerate(kinds)]
    return base.model_copy(
        update={
            "shards": parts,
            "columns": [ColumnPart(column=name, cells=10**6, bytes=10**8, characters=10**8) for name in names],
            "findings": findings,
            "places": [place(part, i) for part in findings[:200] for i in range(3)],
            "repeated": [repeated(part) for part in findings[:100]],
            "occurrences": [bucket for kind, _ in kinds for bucket in buckets(kind, 5_000)],
            "risk": base.risk.model_copy(update={"drivers": drivers}),
            "coverage": base.coverage.model_copy(
                update={
                    "bytes": 5 * 10**12,
                    "scanned": 5 * 10**12 - sum(part.bytes for part in unscanned),
                    "share": 0.9999,
                    "unscanned": unscanned,
                }
            ),
        }
    )


CASES: Mapping[str, Callable[[], Evidence]] = {
    "open": open_evidence,
    "research": research_evidence,
    "internal": internal_evidence,
    "incomplete": incomplete_evidence,
    "changed": changed_evidence,
    "hostile": hostile_evidence,
    "large": large_evidence,
}
"""Builders by the name that tests show."""


def finding(entity: str, title: str, column: str, count: int, distinct: int, most: int) -> FindingPart:
    """Findings of one entity in one column, four in five of them in the highest bin of confidence."""
    sure = count * 4 // 5
    return FindingPart(
        entity=entity,
        title=title,
        column=column,
        count=count,
        distinct=distinct,
        rows=max(1, count * 9 // 10),
        characters=count * 18,
        max_occurrences=most,
        documentation=count // 50,
        by_confidence=[
            ConfidenceCount(at_least=edge, count=n)
            for edge, n in zip(CONFIDENCE_EDGES, (0, 0, 0, count - sure, sure), strict=True)
        ],
    )


def runs(number: int) -> list[RunPart]:
    """Earlier runs whose score climbs to that of the internal evidence."""
    return [
        RunPart(
            ended=f"2026-10-{day:02}T04:10:00+00:00",
            decision=Decision.RELEASABLE if day < number else Decision.KEEP_INTERNAL,
            tier=Tier.RESEARCH if day < number else Tier.INTERNAL,
            score=interval(20.0 + 4 * day, 3.0),
            shards=day,
            share=1.0,
            findings=100 * day,
        )
        for day in range(1, number + 1)
    ]


def accepted(why: str, by: str) -> AcceptedPart:
    """A reviewed finding."""
    return AcceptedPart(id="0f3a9c1e55d2", rule="email", entity="EMAIL_ADDRESS", by=by, why=why, until="2026-12-31")


def repeated(part: FindingPart) -> RepeatedPart:
    """The most repeated value of an entity."""
    return RepeatedPart(
        entity=part.entity,
        title=part.title,
        fingerprint=digest(part.entity)[:8],
        occurrences=part.max_occurrences,
        columns=1,
    )


def place(part: FindingPart, index: int) -> PlacePart:
    """A place of one finding."""
    return PlacePart(
        entity=part.entity,
        column=part.column,
        shard=f"data/part-{index:03d}.parquet",
        row=17 * index + 3,
        item=0,
        start=12,
        end=30,
        confidence=0.95 - index / 10,
        rule="contact.email",
    )


def buckets(entity: str, distinct: int) -> list[OccurrenceBucket]:
    """A long tail: each doubling of the occurrences holds a third of the values of the one before."""
    return [
        OccurrenceBucket(entity=entity, at_least=2**i, at_most=2 ** (i + 1) - 1, distinct=distinct // 3**i)
        for i in range(8)
        if distinct // 3**i
    ]


def driver(entity: str, title: str, distinct: int, most: int, share: float) -> Driver:
    """What one entity adds; a tenth of it was missed by the detectors."""
    return Driver(
        entity=entity,
        title=title,
        distinct=distinct,
        max_occurrences=most,
        expected_extracted=distinct * share * 0.1,
        expected_missed=distinct * share * 0.01,
        expected_harm=1_000 * share,
        share=min(1.0, share),
    )


def table(columns: list[str], rows: int) -> TableRisk:
    """A table where the smallest group has four rows."""
    return TableRisk(
        columns=columns,
        rows=rows,
        classes=rows // 6,
        singles=0,
        pairs=0,
        smallest=4,
        max_risk=0.25,
        marketer_risk=1 / 6,
        uniqueness=0.0,
        share_below_11=0.44,
        disclosure=0.01,
        expected_harm=0.7,
    )


def remedy(id_: str, tier: Tier, actions: list[tuple[str, str, str]], score: float, share: float) -> Remedy:
    """A set of (kind, target, title), touching the given share of the characters."""
    return Remedy(
        id=id_,
        tier=tier,
        actions=[Action(kind=kind, target=target, title=title) for kind, target, title in actions],
        score=interval(score, 4.0),
        cost=Cost(rows=min(1.0, share * 3), cells=min(1.0, share * 2), characters=share),
    )


def unread_part(shard: str, column: str, rows: int, size: int, reason: UnscannedReason, detail: str) -> UnscannedPart:
    """One entry of what was not read."""
    return UnscannedPart(shard=shard, column=column, rows=rows, bytes=size, reason=reason, detail=detail)


def gates(tripped: Mapping[str, tuple[Tier, dict[str, float]]]) -> list[GatePart]:
    """All gates, those named tripped with their cap and counts."""
    known = {
        "private_without_consent": (
            "private user data without consent",
            "the data is users' private data, with no consent, user-level differential privacy or anonymity report",
            "consent of the persons, training with user-level differential privacy, or an expert's anonymity report",
        ),
        "health_beside_person": (
            "health beside a person",
            "remarks on health stand beside identifiers of a person",
            "redact them, or give proof under Safe Harbor or by an expert",
        ),
        "secret_format": (
            "secret by format",
            "values with the format of a key or token were found",
            "rotate and redact them, or state that they are not live",
        ),
        "coverage": (
            "coverage",
            "bytes were not read by any detector",
            "mend or drop the shards that are listed as not looked at, then scan again",
        ),
        "table_risk": (
            "re-identification in a table",
            "a combination of quasi-identifiers singles people out",
            "generalise or drop one of the columns",
        ),
    }
    return [
        GatePart(
            id=id_,
            title=title,
            tripped=id_ in tripped,
            cap=tripped[id_][0] if id_ in tripped else None,
            counts=tripped[id_][1] if id_ in tripped else {},
            reason=reason if id_ in tripped else "",
            clears=clears,
        )
        for id_, (title, reason, clears) in known.items()
    ]


def risk(
    artefact: Artefact,
    score: float,
    spread: float,
    p_max: float,
    p_any: float,
    limits: Mapping[str, float | None] = LIMITS,
    tables: list[TableRisk] | None = None,
) -> RiskPart:
    """An assessment whose stricter tiers are a little better each."""
    harm = 10 ** ((score - 30) / 10)
    readouts = [
        _readouts(
            tier,
            score=interval(max(0.0, score - drop), spread),
            p_max=interval(p_max / 2**drop, p_max / 2**drop * 0.4, top=1.0),
            p_any=interval(p_any / 2**drop, p_any / 2**drop * 0.4, top=1.0),
            table_risk=0.25 if tables else 0.0,
            limits=limits if tier is Tier.OPEN or limits is LIMITS else {**limits, "p_max": None},
        )
        for tier, drop in zip(Tier, (0, 1, 6, 12), strict=True)
    ]
    return RiskPart(
        artefact=artefact,
        score=interval(score, spread),
        expected_harm=Interval(p05=harm / 4, p50=harm, p95=harm * 4),
        p_max=interval(p_max, p_max * 0.4, top=1.0),
        p_any_critical=interval(p_any, p_any * 0.4, top=1.0),
        tables=tables or [],
        drivers=[],
        tiers=readouts,
        sensitivity=[
            Sensitivity(change="severity weights x 3", score=interval(score + 4.8, spread), tier=Tier.NDA, flips=True),
            Sensitivity(
                change="severity weights / 3", score=interval(score - 4.8, spread), tier=Tier.OPEN, flips=False
            ),
            *_ladder(score, spread),
        ],
        variance={"extraction constants": 0.62, "recall of the detectors": 0.29, "precision of the detectors": 0.09},
        calibration={"EMAIL_ADDRESS": "measured on public labelled text", "ADDRESS": "assumed"},
    )


def digest(text: str) -> str:
    """Sixty-four hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _readouts(
    tier: Tier,
    score: Interval,
    p_max: Interval,
    p_any: Interval,
    table_risk: float,
    limits: Mapping[str, float | None],
) -> TierReadout:
    values = {"score": score.p95, "p_max": p_max.p95, "p_any_critical": p_any.p95, "table_max_risk": table_risk}
    exceeded = [name for name, limit in limits.items() if limit is not None and values[name] > limit]
    return TierReadout(
        tier=tier,
        score=score,
        p_max=p_max,
        p_any_critical=p_any,
        table_max_risk=table_risk,
        limits=dict(limits),
        decided_at=LEVEL[tier],
        within=not exceeded,
        exceeded=exceeded,
    )


def _ladder(score: float, spread: float) -> list[Sensitivity]:
    """Seven points of score for each tenfold size, and a stricter tier from a trillion parameters on."""
    return [
        Sensitivity(
            change=f"a model of {parameters / 1e9:g} billion parameters",
            parameters=parameters,
            score=interval(score + 7 * (math.log10(parameters) - 9.8), spread),
            tier=Tier.INTERNAL if parameters >= 1e12 else Tier.RESEARCH,
            flips=parameters >= 1e12,
        )
        for parameters in (1e8, 1e9, 7e9, 7e10, 1e12)
    ]


def _data_verdict() -> VerdictPart:
    return VerdictPart(
        decision=Decision.KEEP_INTERNAL,
        tier=Tier.INTERNAL,
        sentence="Keep the shards internal: whoever holds them holds every value in them.",
        asked=None,
        granted=True,
        incomplete=False,
        binds="score",
        reasons=["score at most 72.6, above the limit of 40"],
        gates=gates({}),
        conditions=[],
        remedies=[],
        margins=[],
    )


def _evidence(
    name: str,
    provenance: Provenance,
    findings: list[FindingPart],
    risk: RiskPart,
    verdict: VerdictPart,
    rows: int,
    other: Other | None = None,
    unread: dict[str, int] | None = None,
) -> Evidence:
    kinds: dict[str, FindingPart] = {}
    for part in findings:
        kinds.setdefault(part.entity, part)
    shares = [0.5 ** (i + 1) for i in range(len(kinds))]
    drivers = [
        driver(k, part.title, part.distinct, part.max_occurrences, s)
        for (k, part), s in zip(kinds.items(), shares, strict=True)
    ]
    columns = sorted({part.column for part in findings} | {"id"})
    size = rows * 412
    missing = unread or {}
    return Evidence(
        dataset=DatasetPart(
            name=name,
            provenance=provenance,
            consent=False,
            anonymity_report=False,
            licence="CC-BY-4.0",
            languages=["en", "fr"],
            model_card=ModelCardPart(parameters=7e9, training_tokens=1.4e12, epochs=1.0, assumed=["epochs"]),
            dropped_columns=[],
            facts={"live_secrets": False},
        ),
        scan=ScanPart(
            id="0f3a9c1e55d24b18",
            started="2026-11-02T08:14:03Z",
            ended="2026-11-02T08:15:47Z",
            scanner_version="0.1.0",
            rules_sha256=digest("rules"),
            models_sha256={"en": digest("en"), "fr": digest("fr")},
            policy_sha256=digest("policy"),
            key_id="9b1f0c7d21aa6e30",
            engine="local, 2 workers",
            command=["scanner", "scan", "data", "--out", "out", "--provenance", "public_web"],
        ),
        shards=[
            ShardPart(
                path=f"data/part-{i:03d}.parquet",
                sha256=digest(f"{name} {i}"),
                bytes=size // 3,
                rows=rows // 3,
                status=ShardStatus.SCANNED,
                findings=sum(part.count for part in findings) // (i + 2),
                share=round(1 / (i + 2), 6),
            )
            for i in range(3)
        ],
        repeated=[repeated(part) for part in kinds.values() if part.max_occurrences > 1],
        places=[place(part, i) for part in findings for i in range(2)],
        coverage=Coverage(
            bytes=size,
            scanned=size,
            share=1.0,
            names=NamesCoverage(
                share=1 - sum(missing.values()) / size,
                read={"en": size * 3 // 4, "fr": size - size * 3 // 4 - sum(missing.values())},
                unread=missing,
            ),
            unscanned=[],
        ),
        columns=[
            ColumnPart(column=c, cells=rows, bytes=size // len(columns), characters=size // len(columns))
            for c in columns
        ],
        findings=findings,
        occurrences=[bucket for kind, part in kinds.items() for bucket in buckets(kind, part.distinct)],
        risk=risk.model_copy(update={"drivers": drivers}),
        verdict=verdict,
        other=other,
    )
