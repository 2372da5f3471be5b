"""Plans of a redaction: what a policy or a remedy says, and every fault of it at once."""

from __future__ import annotations

import pytest

from scanner.detectors.anonymizer import anonymizer, generalised
from scanner.errors import BadRedaction
from scanner.files import parse_yaml
from scanner.redaction import KEEP, PSEUDONYM, Operator, RedactionPlan, Treatment, idle, parse_redaction
from scanner.surrogates import Surrogates, Value

KNOWN = {"PERSON", "SECRET", "DATE_OF_BIRTH"}


def parsed(text: str) -> RedactionPlan:
    return parse_redaction(parse_yaml(text, "redaction.yaml"), KNOWN)


def test_the_first_entry_that_covers_a_finding_counts() -> None:
    plan = parsed(
        """
findings:
  - {operator: keep, entity: PERSON, column: "author"}
  - {operator: mask, rule: "us.*", keep_last: 2}
  - {operator: pseudonym}
"""
    )
    assert plan.treatment("PERSON", "author", "names.en") == KEEP
    assert plan.treatment("PERSON", "messages[].content", "names.en") == PSEUDONYM
    assert plan.treatment("US_SSN", "text", "us.ssn") == Treatment(Operator.MASK, keep_last=2)
    assert plan.treatment("PERSON", "text", "documentation:names.en") == KEEP


def test_entries_that_cover_no_finding_are_told() -> None:
    text = """
findings:
  - {operator: mask, entity: PERSON, column: "mesages*"}
  - {operator: keep, entity: PERSON}
  - {operator: replace, entity: PERSON, rule: "names.*"}
  - {operator: pseudonym}
"""
    kinds = [("PERSON", "messages[].content", "names.en"), ("SECRET", "text", "documentation:keys")]
    told = idle(parsed(text), kinds)
    assert told == [
        "entry 1 of redaction.yaml (mask PERSON, column mesages*) covers no finding",
        "entry 3 of redaction.yaml (replace PERSON, rule names.*) covers no finding",
        "entry 4 of redaction.yaml (pseudonym any entity) covers no finding",
    ]
    assert idle(parsed(text), [*kinds, ("SECRET", "text", "keys")]) == told[:2]


def test_every_fault_of_a_policy_is_told_with_its_line() -> None:
    with pytest.raises(BadRedaction) as raised:
        parsed("findings:\n  - {operator: shred}\n  - {operator: mask, keep_last: -1, entity: NOPE}\nextra: 1\n")
    lines = str(raised.value).split("\n")
    assert sorted(line.partition(" ")[0][-2] for line in lines) == ["2", "3", "3", "4"]
    assert any("`NOPE` is not in entities.yaml" in line for line in lines)
    with pytest.raises(BadRedaction) as raised:
        parsed("findings:\n  - {operator: mask, entity: NOTHING, with: x}\ndeduplicate:\n  - {most: 1, entity: NOPE}\n")
    told = str(raised.value)
    assert "redaction.yaml:2: `entity`: `NOTHING` is not in entities.yaml" in told
    assert "redaction.yaml:2: `with`: is a setting of the operator `replace`, not of `mask`" in told
    assert "redaction.yaml:4:" in told


@pytest.mark.parametrize("text", ["", "[]", "name: x", "findings: []"])
def test_a_policy_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadRedaction):
        parsed(text)


def test_the_digest_tells_what_is_written_and_nothing_else() -> None:
    one, other = (
        parsed("name: a\nfindings: [{operator: pseudonym}]"),
        parsed("name: b\nfindings: [{operator: pseudonym}]"),
    )
    assert one.digest == other.digest != parsed("findings: [{operator: replace}]").digest


def test_operators_of_presidio_and_ours_stand_behind_one_door() -> None:
    apply = anonymizer(Surrogates(bytes(32)))
    value = Value("12 Elm Road, Springfield, IL 62704", "ADDRESS", bytes(16))
    assert apply(Treatment(Operator.REPLACE, text="here"), value) == "here"
    assert apply(Treatment(Operator.REPLACE), value) == "<ADDRESS>"
    assert apply(Treatment(Operator.MASK, keep_last=5), value) == "*" * 29 + "62704"
    assert apply(Treatment(Operator.GENERALISE), value) == "IL"
    assert len(apply(Treatment(Operator.HASH, characters=12), value)) == 12
    assert apply(KEEP, value) == value.text
    assert apply(PSEUDONYM, value) != value.text


def test_values_are_told_less_exactly() -> None:
    assert generalised("3 May 1980", "DATE_OF_BIRTH", "month") == "1980-05"
    assert generalised("198.51.100.7", "IP_ADDRESS", "year") == "198.51.100.0"
    assert generalised("somewhere", "ADDRESS", "year") == "<ADDRESS>"
    assert generalised("secret", "SECRET", "year") == "<SECRET>"
