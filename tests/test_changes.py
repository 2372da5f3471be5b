"""What changed between two scans."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scanner.changes import LISTS, compare
from scanner.errors import Incomparable
from scanner.evidence import Changes, Evidence, Interval, from_json, json_schema, to_json
from scanner.model import Artefact, Direction, ShardStatus, Tier, UnscannedReason
from tests.reports.evidences import (
    CASES,
    finding,
    gates,
    incomplete_evidence,
    internal_evidence,
    interval,
    large_evidence,
    open_evidence,
    remedy,
    research_evidence,
    unread_part,
)

TURNED = {
    Direction.WORSE: Direction.BETTER,
    Direction.BETTER: Direction.WORSE,
    Direction.NEW: Direction.GONE,
    Direction.GONE: Direction.NEW,
    Direction.CHANGED: Direction.CHANGED,
}


def test_nothing_changes_between_a_scan_and_itself(evidence: Evidence) -> None:
    changes = compare(evidence, evidence)
    assert not changes.any
    assert not changes.alerting


@pytest.mark.parametrize(("first", "second"), [("open", "internal"), ("research", "incomplete"), ("internal", "large")])
def test_turning_the_scans_round_turns_each_direction(first: str, second: str) -> None:
    before, after = CASES[first](), CASES[second]()
    there, back = compare(before, after), compare(after, before)
    for name in LISTS:
        turned = {TURNED[direction]: n for direction, n in there.counts.get(name, {}).items()}
        assert back.counts.get(name, {}) == turned
    assert there.alerting == back.alerting
    assert [entry.beyond for entry in there.readouts] == [entry.beyond for entry in back.readouts]
    assert {gate.id for gate in there.gates} == {gate.id for gate in back.gates}


def test_a_stricter_tier_is_worse_and_alerts() -> None:
    changes = compare(research_evidence(), incomplete_evidence())
    assert (changes.verdict.tier_before, changes.verdict.tier_after) == (Tier.RESEARCH, Tier.INTERNAL)
    assert changes.verdict.direction is Direction.WORSE
    assert changes.alerting
    assert compare(incomplete_evidence(), research_evidence()).verdict.direction is Direction.BETTER


def test_a_gate_newly_tripped_alerts_and_says_why() -> None:
    before = research_evidence()
    tripped: dict[str, Any] = {"secret_format": (Tier.RESEARCH, {}), "table_risk": (Tier.RESEARCH, {})}
    after = _with_verdict(before, gates=gates(tripped))
    changes = compare(before, after)
    (gate,) = changes.gates
    assert (gate.id, gate.direction, gate.cap_after) == ("table_risk", Direction.NEW, Tier.RESEARCH)
    assert "singles people out" in gate.reason
    assert changes.alerting


def test_a_gate_that_caps_lower_than_before_is_worse() -> None:
    before = research_evidence()
    after = _with_verdict(before, gates=gates({"secret_format": (Tier.NDA, {})}))
    (gate,) = compare(before, after).gates
    assert (gate.cap_before, gate.cap_after, gate.direction) == (Tier.RESEARCH, Tier.NDA, Direction.WORSE)


@pytest.mark.parametrize(("score", "beyond"), [(38.2, False), (43.0, False), (43.8, True), (30.0, True)])
def test_the_score_alerts_only_beyond_its_interval(score: float, beyond: bool) -> None:
    before = research_evidence()
    changes = compare(before, _with_open_score(before, interval(score, 5.5)))
    assert changes.score is not None
    assert changes.score.beyond is beyond
    assert changes.alerting is beyond


def test_a_wide_interval_after_explains_what_a_narrow_one_before_does_not() -> None:
    before = _with_open_score(research_evidence(), interval(40.0, 0.1))
    after = _with_open_score(research_evidence(), interval(42.0, 5.0))
    assert not compare(before, after).alerting


def test_findings_are_told_by_entity_and_column() -> None:
    before = internal_evidence()
    kept = [part for part in before.findings if part.column != "customer.name"]
    changed = [
        part.model_copy(update={"count": 10, "distinct": 9}) if part.entity == "CREDIT_CARD" else part for part in kept
    ]
    after = before.model_copy(update={"findings": [*changed, finding("IBAN_CODE", "bank account", "notes", 7, 6, 2)]})
    told = {
        (line.entity, line.column): (line.before, line.after, line.direction)
        for line in compare(before, after).findings
    }
    assert told == {
        ("CREDIT_CARD", "messages[].content"): (64, 10, Direction.BETTER),
        ("PERSON", "customer.name"): (1_500, 0, Direction.GONE),
        ("IBAN_CODE", "notes"): (0, 7, Direction.NEW),
    }


def test_published_examples_alone_are_no_findings() -> None:
    before = open_evidence()
    example = finding("PHONE_NUMBER", "phone number", "text", 0, 0, 0).model_copy(update={"documentation": 40})
    after = before.model_copy(update={"findings": [*before.findings, example]})
    assert not compare(before, after).any


def test_shards_are_new_gone_renamed_rewritten_or_fare_otherwise() -> None:
    before = research_evidence()
    first, second, third = before.shards
    after = before.model_copy(
        update={
            "shards": [
                first.model_copy(update={"sha256": "0" * 64}),
                second.model_copy(update={"status": ShardStatus.FAILED}),
                third.model_copy(update={"path": "data/renamed.parquet"}),
                third.model_copy(update={"path": "data/more.parquet", "sha256": "1" * 64}),
            ]
        }
    )
    there = [(line.path, line.was, line.direction) for line in compare(before, after).shards]
    assert there == [
        ("data/part-001.parquet", "", Direction.WORSE),
        ("data/more.parquet", "", Direction.NEW),
        ("data/part-000.parquet", "", Direction.CHANGED),
        ("data/renamed.parquet", "data/part-002.parquet", Direction.CHANGED),
    ]
    gone = before.model_copy(update={"shards": [first, second]})
    assert [(line.path, line.direction) for line in compare(before, gone).shards] == [
        ("data/part-002.parquet", Direction.GONE)
    ]


def test_what_was_not_read_is_summed_by_reason() -> None:
    before = incomplete_evidence()
    parts = [part for part in before.coverage.unscanned if part.reason is not UnscannedReason.BINARY]
    parts.append(unread_part("data/part-009.parquet", "", 0, 1_000, UnscannedReason.CRASHED, "a worker died"))
    parts.append(unread_part("data/part-009.parquet", "", 0, 1_000, UnscannedReason.CORRUPT, "the footer"))
    after = before.model_copy(update={"coverage": before.coverage.model_copy(update={"unscanned": parts})})
    assert [(line.reason, line.direction) for line in compare(before, after).unscanned] == [
        (UnscannedReason.BINARY, Direction.GONE),
        (UnscannedReason.CORRUPT, Direction.WORSE),
        (UnscannedReason.CRASHED, Direction.NEW),
    ]


def test_a_remedy_is_known_by_its_tier_and_actions_not_its_number() -> None:
    before = research_evidence()
    _, second, third = before.verdict.remedies
    new = remedy("r9", Tier.OPEN, [("drop_column", "author", "drop the column author")], 20.0, 0.1)
    after = _with_verdict(before, remedies=[third, second.model_copy(update={"id": "r7"}), new])
    changes = compare(before, after)
    assert [(line.actions, line.direction) for line in changes.remedies] == [
        (["drop the column author"], Direction.NEW),
        (["redact every key, token or password"], Direction.GONE),
    ]
    assert not changes.alerting


def test_what_other_than_the_data_differs_is_named() -> None:
    before = research_evidence()
    scan = before.scan.model_copy(update={"policy_sha256": "0" * 64, "id": "another", "ended": "later"})
    card = before.dataset.model_card.model_copy(update={"parameters": 7e10})
    dataset = before.dataset.model_copy(update={"model_card": card})
    assert compare(before, before.model_copy(update={"scan": scan, "dataset": dataset})).basis == [
        "policy",
        "model to be trained",
    ]


def test_the_same_artefact_is_compared_whichever_came_first() -> None:
    model = research_evidence()
    assert model.other is not None
    turned = model.model_copy(
        update={
            "risk": model.other.risk,
            "verdict": model.other.verdict,
            "other": model.other.model_copy(update={"risk": model.risk, "verdict": model.verdict}),
        }
    )
    changes = compare(model, turned)
    assert changes.artefact is Artefact.DATA
    assert not changes.any


def test_two_artefacts_are_not_compared() -> None:
    model = open_evidence()
    data = model.model_copy(update={"risk": model.risk.model_copy(update={"artefact": Artefact.DATA})})
    with pytest.raises(Incomparable, match="--artefact data"):
        compare(model, data)


def test_lists_are_cut_and_counts_are_not() -> None:
    before, after = internal_evidence(), large_evidence(shards=300, columns=30, entities=10)
    whole, cut = compare(before, after), compare(before, after, most=20)
    assert cut.counts == whole.counts
    assert sum(whole.counts["findings"].values()) == len(whole.findings) > 300
    assert cut.findings == whole.findings[:20]
    assert cut.shards == whole.shards[:20]


def test_changes_are_part_of_the_evidence_and_its_schema() -> None:
    changes = compare(internal_evidence(), incomplete_evidence())
    after = incomplete_evidence().model_copy(update={"changes": changes})
    Draft202012Validator(json_schema()).validate(json.loads(to_json(after)))
    again = from_json(to_json(after))
    assert again == after
    assert isinstance(again.changes, Changes)


def _with_verdict(evidence: Evidence, **parts: Any) -> Evidence:
    return evidence.model_copy(update={"verdict": evidence.verdict.model_copy(update=parts)})


def _with_open_score(evidence: Evidence, score: Interval) -> Evidence:
    tiers = [
        tier.model_copy(update={"score": score}) if tier.tier is Tier.OPEN else tier for tier in evidence.risk.tiers
    ]
    return evidence.model_copy(update={"risk": evidence.risk.model_copy(update={"tiers": tiers, "score": score})})


@pytest.fixture(params=["open", "research", "internal", "incomplete", "hostile"], scope="module")
def evidence(request: pytest.FixtureRequest) -> Evidence:
    return CASES[request.param]()
