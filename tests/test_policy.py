"""The policy file and the verdict."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from scanner.errors import BadKey, BadPolicy, MixedKeys
from scanner.gates import Gate
from scanner.model import Artefact, Decision, ModelCard, Provenance, Tier
from scanner.policy import Policy, Verdict, decide, parse_policy
from scanner.risk import Calibration, Case, Table, assess
from tests.risk.cases import Cell, all_measured, case, document, measured, quick_policy

CARD: Cell = ("CREDIT_CARD", 1, 4, 1, 1)
KEY: Cell = ("SECRET", 0, 4, 1, 1)
HEALTH: Cell = ("HEALTH", 1, 4, 1, 3)
RELIGION: Cell = ("ARTICLE_9", 1, 4, 1, 3)
MINOR: Cell = ("MINOR", 0, 4, 1, 3)
PRIVATE = Provenance.USER_PRIVATE
WEB = Provenance.PUBLIC_WEB


def verdict_on(asked: Case, wanted: Tier | None = None, policy: Policy | None = None) -> Verdict:
    return decide(assess(asked), asked, policy or quick_policy(), wanted)


def gate_of(asked: Case, id_: str) -> Gate:
    return next(gate for gate in verdict_on(asked).gates if gate.id == id_)


def cap_of(asked: Case, id_: str) -> Tier | None:
    return gate_of(asked, id_).cap


def changed(path: str, value: Any) -> dict[str, Any]:
    """The shipped document with one value replaced, or removed for `...`."""
    whole: dict[str, Any] = copy.deepcopy(document("policy.yaml"))
    *parents, last = path.split(".")
    place = whole
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return whole


def faults_of(bad: Any, lines: dict[tuple[str | int, ...], int] | None = None) -> list[str]:
    with pytest.raises(BadPolicy) as caught:
        parse_policy(bad, "policy.yaml", lines)
    return [str(fault) for fault in caught.value.faults]


def test_the_shipped_policy_parses() -> None:
    policy = parse_policy(document("policy.yaml"), "policy.yaml")
    assert policy.risk.draws == 2000
    assert policy.limits.at(Tier.OPEN, Provenance.UNKNOWN)["score"] == 40
    assert policy.limits.at(Tier.RESEARCH, WEB)["p_max"] is None


@pytest.mark.parametrize(
    ("path", "value", "place", "message"),
    [
        ("name", ..., "name", "is missing"),
        ("schema_version", 2, "schema_version", "1"),
        ("limits.private.open.score", 140, "limits.private.open.score", "100"),
        ("limits.private.open.score", True, "limits.private.open.score", "number"),
        ("limits.private.open.scores", 4, "limits.private.open.scores", "unknown key"),
        ("limits.private.opne", {}, "limits.private.opne", "open"),
        ("limits.public.nda", ..., "limits.public.nda", "is missing"),
        ("risk.provenance.unknown", ..., "risk.provenance.unknown", "is missing"),
        ("risk.provenance.unknown", 0.5, "risk.provenance.unknown", "worse case"),
        ("risk.tiers.nda.leak", 0.99, "risk.tiers.nda.leak", "research"),
        ("limits.private.internal.score", 30, "limits.private.internal.score", "nda"),
        ("limits.tables.nda", 0.01, "limits.tables.nda", "research"),
        ("risk.linkage.alone", 3, "risk.linkage", "fall"),
        ("risk.exposure.dilution.low", 2, "risk.exposure.dilution", "above"),
        ("gates.coverage.below", [{"share": 2, "cap": "nda"}], "gates.coverage.below.0.share", "1"),
        ("gates.tables.above", [{"risk": 0.1, "cap": "public"}], "gates.tables.above.0.cap", "open"),
        ("allow", [{"entity": "PERSON", "column": "author", "reason": ""}], "allow.0.reason", "1 character"),
    ],
)
def test_each_fault_of_a_policy_is_told_with_its_place(path: str, value: Any, place: str, message: str) -> None:
    told = faults_of(changed(path, value))
    assert any(f"policy.yaml: {place}" in fault and message in fault for fault in told), told


def test_three_faults_are_told_at_once() -> None:
    bad = changed("limits.private.open.score", "high")
    bad["risk"]["draws"] = 3
    bad["gate"] = {}
    told = faults_of(bad)
    assert [fault.split(": ")[1] for fault in told] == ["gate", "limits.private.open.score", "risk.draws"]


def test_a_fault_has_its_line_where_the_loader_knows_it() -> None:
    bad = changed("limits.private.open.score", "high")
    bad["risk"].pop("seed")
    lines: dict[tuple[str | int, ...], int] = {("risk",): 70, ("limits", "private", "open", "score"): 12}
    assert {fault.split(": ")[0] for fault in faults_of(bad, lines)} == {"policy.yaml:12", "policy.yaml:70"}


def test_a_fault_never_quotes_the_value() -> None:
    assert "confidential" not in str(faults_of(changed("limits.private.open.score", "confidential")))


@pytest.mark.parametrize("bad", [None, [], "policy", {}])
def test_a_document_of_another_form_is_refused(bad: object) -> None:
    assert faults_of(bad)


def test_allowed_findings_are_those_of_an_entity_in_a_column() -> None:
    policy = parse_policy(
        changed("allow", [{"entity": "PERSON", "column": "author", "reason": "by-lines"}]), "policy.yaml"
    )
    assert policy.allows("PERSON", "author")
    assert not policy.allows("PERSON", "text")


def test_clean_licensed_text_is_open() -> None:
    verdict = verdict_on(case([]))
    assert (verdict.tier, verdict.decision, verdict.granted) == (Tier.OPEN, Decision.RELEASABLE, True)
    assert not any(gate.tripped for gate in verdict.gates)
    assert verdict.sentence == "Releasable: openly."
    assert "within" in verdict.binds


@pytest.mark.parametrize("provenance", [PRIVATE, Provenance.UNKNOWN])
def test_private_text_without_consent_stays_in_house(provenance: Provenance) -> None:
    verdict = verdict_on(case([], provenance=provenance))
    assert verdict.decision is Decision.KEEP_INTERNAL
    assert verdict.binds.startswith("gate private_without_consent")


def test_consent_a_report_or_private_training_lift_that_gate() -> None:
    private = ModelCard(7e9, 1e12, 1, dp_epsilon=4, dp_delta=1e-9)
    loose = ModelCard(7e9, 1e12, 1, dp_epsilon=40, dp_delta=1e-9)
    gate = "private_without_consent"
    assert cap_of(case([], provenance=PRIVATE, consent=True), gate) is None
    assert cap_of(case([], provenance=PRIVATE, anonymity_report=True), gate) is None
    assert cap_of(case([], provenance=PRIVATE, card=private), gate) is None
    assert cap_of(case([], provenance=PRIVATE, card=loose), gate) is Tier.INTERNAL
    assert cap_of(case([], provenance=PRIVATE, card=private, artefact=Artefact.DATA), gate) is Tier.INTERNAL


@pytest.mark.parametrize(
    ("cells", "gate", "private", "web"),
    [
        ([RELIGION], "article_9", Tier.INTERNAL, Tier.RESEARCH),
        ([MINOR], "minors", Tier.INTERNAL, Tier.RESEARCH),
        ([HEALTH], "health", Tier.INTERNAL, Tier.RESEARCH),
        ([KEY], "secret_by_format", Tier.NDA, Tier.RESEARCH),
    ],
)
def test_a_gate_caps_private_and_public_text_each_in_its_way(
    cells: list[Cell], gate: str, private: Tier, web: Tier
) -> None:
    assert cap_of(case(cells, provenance=PRIVATE, consent=True), gate) is private
    assert cap_of(case(cells, provenance=WEB), gate) is web
    assert cap_of(case([], provenance=PRIVATE, consent=True), gate) is None
    assert cap_of(case([], gone=cells, provenance=PRIVATE, consent=True), gate) is None


def test_health_alone_is_no_ones() -> None:
    assert cap_of(case([("HEALTH", 0, 4, 1, 3)]), "health") is None


def test_safe_harbor_or_a_report_lets_health_out_under_nda() -> None:
    assert cap_of(case([HEALTH], facts={"safe_harbor": True}), "health") is Tier.NDA
    assert cap_of(case([HEALTH], anonymity_report=True), "health") is Tier.NDA
    assert cap_of(case([HEALTH], facts={"safe_harbor": True}, provenance=WEB), "health") is Tier.RESEARCH


def test_a_gate_waits_until_it_is_sure_that_a_finding_is_real() -> None:
    doubtful = all_measured(ARTICLE_9=measured(475, 25, true=50, false=50), SECRET=measured(475, 25, 10, 90))
    assert cap_of(case([("ARTICLE_9", 1, 4, 1, 1)], calibration=doubtful), "article_9") is None
    assert cap_of(case([("ARTICLE_9", 1, 4, 1, 10)], calibration=doubtful), "article_9") is Tier.INTERNAL
    assert cap_of(case([KEY], calibration=doubtful), "secret_by_format") is None
    assert cap_of(case([("SECRET", 0, 4, 1, 20)], calibration=doubtful), "secret_by_format") is Tier.NDA


def test_the_owners_word_trips_gates_without_any_finding() -> None:
    assert cap_of(case([], facts={"minors": True}), "minors") is Tier.INTERNAL
    assert cap_of(case([], facts={"live_secrets": True}, provenance=WEB), "live_secret") is Tier.INTERNAL


@pytest.mark.parametrize(
    ("scanned", "failed", "cap"),
    [(10_000_000, 0, None), (9_995_000, 0, None), (9_980_000, 0, Tier.NDA), (9_400_000, 0, Tier.INTERNAL),
     (10_000_000, 1, Tier.NDA)],
)  # fmt: skip
def test_text_that_was_not_read_caps(scanned: int, failed: int, cap: Tier | None) -> None:
    asked = case([], scanned_bytes=scanned, failed_shards=failed)
    assert cap_of(asked, "coverage") is cap
    assert verdict_on(asked).incomplete is (cap is not None)


def test_text_that_only_the_patterns_read_does_not_trip_coverage() -> None:
    assert cap_of(case([], names_read=0, names_unread=10_000_000), "coverage") is None


def test_a_critical_entity_found_by_an_unmeasured_detector_caps() -> None:
    unmeasured = Calibration({name: found for name, found in all_measured().entities.items() if name != "CREDIT_CARD"})
    assert cap_of(case([CARD], calibration=unmeasured), "unmeasured") is Tier.NDA
    assert cap_of(case([CARD], calibration=unmeasured, provenance=WEB), "unmeasured") is Tier.RESEARCH
    assert cap_of(case([], calibration=unmeasured), "unmeasured") is None
    assert cap_of(case([("PERSON", 1, 4, 1, 9)], calibration=Calibration()), "unmeasured") is None
    few = all_measured(CREDIT_CARD=measured(10, 1))
    assert cap_of(case([CARD], calibration=few), "unmeasured") is Tier.NDA


def test_an_entity_that_the_policy_requires_must_be_measured_even_if_none_was_found() -> None:
    bad = changed("gates.unmeasured.required", ["US_SSN"])
    policy = parse_policy(bad, "policy.yaml")
    asked = case([], calibration=Calibration(), policy=policy)
    gate = next(gate for gate in verdict_on(asked, policy=policy).gates if gate.id == "unmeasured")
    assert gate.tripped
    assert gate.counts == {"US_SSN": 0}


@pytest.mark.parametrize(("smallest", "cap"), [(1, Tier.INTERNAL), (5, Tier.NDA), (11, Tier.NDA), (12, None)])
def test_a_table_that_picks_people_out_caps_the_shards(smallest: int, cap: Tier | None) -> None:
    table = Table.of(("zip", "born"), [(smallest, 3), (100, 3)])
    assert cap_of(case([], tables=(table,), artefact=Artefact.DATA), "tables") is cap


def test_a_table_weighs_less_for_a_model_than_for_the_shards() -> None:
    table = Table.of(("zip", "born"), [(1, 3)])
    assert cap_of(case([], tables=(table,)), "tables") is None


def test_shards_that_hold_a_critical_value_are_never_open() -> None:
    assert cap_of(case([CARD], artefact=Artefact.DATA, provenance=WEB), "raw_critical") is Tier.RESEARCH
    assert cap_of(case([CARD], provenance=WEB), "raw_critical") is None
    assert verdict_on(case([], artefact=Artefact.DATA, calibration=all_measured(990, 10))).tier is Tier.OPEN


def test_counts_without_a_key_or_with_two_give_no_verdict() -> None:
    with pytest.raises(BadKey):
        verdict_on(case([], key_ids=frozenset()))
    with pytest.raises(MixedKeys):
        verdict_on(case([], key_ids=frozenset({"a", "b"})))


@pytest.mark.parametrize(
    ("wanted", "granted"), [(None, True), (Tier.OPEN, False), (Tier.RESEARCH, True), (Tier.NDA, True)]
)
def test_a_tier_asked_for_is_granted_up_to_the_one_reached(wanted: Tier | None, granted: bool) -> None:
    verdict = verdict_on(case([("SECRET", 0, 4, 400, 1)], provenance=WEB), wanted)
    assert verdict.tier is Tier.RESEARCH
    assert verdict.granted is granted
    assert verdict.asked is wanted


def test_a_model_for_use_inside_is_granted_where_no_release_is() -> None:
    assert verdict_on(case([], provenance=PRIVATE), Tier.INTERNAL).granted
    assert not verdict_on(case([], provenance=PRIVATE)).granted


def test_reasons_give_numbers_and_the_strictest_gate_first() -> None:
    verdict = verdict_on(case([KEY, HEALTH, ("EMAIL_ADDRESS", 1, 4, 3, 1200)], provenance=PRIVATE))
    assert verdict.reasons[0].startswith("Health beside a person: 3 values (remark on a person's health)")
    assert any("1,200 distinct, up to 3×" in reason for reason in verdict.reasons)
    assert any("of 100" in reason for reason in verdict.reasons)


def test_margins_are_the_distance_to_each_limit() -> None:
    verdict = verdict_on(case([("CREDIT_CARD", 1, 4, 500, 3)]))
    worst = next(m for m in verdict.margins if m.tier is Tier.OPEN and m.readout == "p_max")
    assert worst.margin == pytest.approx(0.09 - worst.value)
    assert worst.margin < 0
    assert "p_max" in verdict.exceeded(Tier.OPEN)
    assert {margin.readout for margin in verdict_on(case([], provenance=WEB)).margins if margin.tier is Tier.NDA} == {
        "score",
        "table_max_risk",
    }


def test_each_tier_has_its_conditions() -> None:
    assert verdict_on(case([])).conditions == quick_policy().conditions[Tier.OPEN]
    assert all(quick_policy().conditions[tier] for tier in Tier)
