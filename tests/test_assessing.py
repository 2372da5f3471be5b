"""Risk and verdict as evidence."""

from __future__ import annotations

import pytest

from scanner.assessing import parts
from scanner.evidence import Interval, RiskPart, VerdictPart
from scanner.model import Artefact, Provenance, Tier
from scanner.remedies import Action, Kind, Options
from scanner.risk import Calibration, Case, Table, assess
from tests.risk.cases import Cell, case, quick_policy, some_entities

ENTITIES = some_entities("PERSON", "EMAIL_ADDRESS", "CREDIT_CARD", "SECRET")
CELLS: list[Cell] = [("SECRET", 0, 4, 400, 1), ("EMAIL_ADDRESS", 1, 4, 1, 100), ("EMAIL_ADDRESS", 2, 4, 7, 3)]
OPTIONS = Options((Action(Kind.REDACT_ENTITY, "SECRET"), Action(Kind.DEDUPLICATE, "", 1)))


def asked(**changes: object) -> Case:
    return case(CELLS, provenance=Provenance.PUBLIC_WEB, entities=ENTITIES, **changes)  # type: ignore[arg-type]


def judged(of: Case, options: Options | None = OPTIONS) -> tuple[RiskPart, VerdictPart]:
    return parts(assess(of), of, quick_policy(), None, options)


def test_the_same_case_gives_the_same_evidence() -> None:
    first, second = judged(asked()), judged(asked())
    assert [part.model_dump_json() for part in first] == [part.model_dump_json() for part in second]


@pytest.mark.parametrize("artefact", Artefact)
def test_evidence_of_the_risk_reads_back_as_written(artefact: Artefact) -> None:
    table = Table.of(("zip", "born"), [(1, 3), (20, 4)])
    risk, verdict = judged(asked(artefact=artefact, tables=(table,)))
    assert RiskPart.model_validate_json(risk.model_dump_json()) == risk
    assert VerdictPart.model_validate_json(verdict.model_dump_json()) == verdict
    assert risk.tables[0].max_risk <= 1


def test_ranges_are_in_order_and_drivers_add_up() -> None:
    risk, _ = judged(asked())
    for interval in (risk.score, risk.expected_harm, risk.p_max, risk.p_any_critical):
        assert isinstance(interval, Interval)
        assert interval.p05 <= interval.p50 <= interval.p95
    assert sum(driver.share for driver in risk.drivers) == pytest.approx(1, abs=1e-4)
    assert risk.drivers[0].entity == "SECRET"
    assert [tier.tier for tier in risk.tiers] == list(Tier)
    assert risk.tiers[0].score == risk.score


def test_the_smallest_fix_stands_in_the_verdict() -> None:
    _, verdict = judged(asked())
    assert verdict.tier is Tier.RESEARCH
    assert [action.target for action in verdict.remedies[0].actions] == ["SECRET"]
    assert judged(asked(), None)[1].remedies == []


def test_a_remedy_says_how_much_as_a_number() -> None:
    repeated = case([("CREDIT_CARD", 1, 4, 900, 4)], entities=ENTITIES, provenance=Provenance.LICENSED)
    options = Options((Action(Kind.DEDUPLICATE, amount=1), Action(Kind.REDACT_ENTITY, "CREDIT_CARD")))
    _, verdict = judged(repeated, options)
    amounts = {action.kind: action.amount for remedy in verdict.remedies for action in remedy.actions}
    assert amounts == {"deduplicate": 1.0, "redact_entity": None}


def test_a_larger_model_scores_no_less() -> None:
    risk, _ = judged(asked())
    ladder = [part.score.p50 for part in risk.sensitivity if part.parameters]
    assert ladder == sorted(ladder)
    assert len(ladder) > 2
    assert not [part for part in judged(asked(artefact=Artefact.DATA))[0].sensitivity if part.parameters]


def test_weights_move_the_score_by_less_than_five_points() -> None:
    risk, _ = judged(asked())
    heavier, lighter = risk.sensitivity[:2]
    assert heavier.score.p50 - risk.score.p50 == pytest.approx(4.77, abs=0.01)
    assert risk.score.p50 - lighter.score.p50 == pytest.approx(4.77, abs=0.01)


def test_evidence_says_what_the_risk_was_calibrated_with() -> None:
    assert "nothing" in judged(asked(calibration=Calibration()))[0].calibration["measured"]
    known = Calibration(asked().calibration.entities, "2026-01-02", "0.1.0", {"en": "model"}, ("one", "two"))
    told = judged(asked(calibration=known))[0].calibration
    assert (told["date"], told["sets"], told["model en"]) == ("2026-01-02", "one, two", "model")


def test_flips_give_the_value_now_and_then() -> None:
    _, verdict = judged(asked())
    assert {flip.input for flip in verdict.flips} >= {"parameters, up", "epochs, down", "severity weights, up"}
    assert all(flip.at is None for flip in verdict.flips if flip.input == "parameters, down")
