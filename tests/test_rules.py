from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scanner.detectors.patterns import load_rules
from scanner.errors import BadRules
from scanner.files import load_entities, load_yaml, parse_yaml, rule_documents, rule_files, rules_file, rules_sha256
from scanner.rules import PRESIDIO_FLAGS, Document, RuleSet, compiled, parse_rules

NEEDLE = """
recognizers:
  - name: Needle number
    supported_entity: US_SSN
    patterns: [{name: digits, regex: 'N\\d{4}', score: 0.5}]
"""


def no_predefined(name: str, language: str) -> Mapping[str, Any]:
    raise LookupError("is not one of Presidio's pattern recognisers")


def parsed(text: str, place: str = "test.yaml") -> RuleSet:
    return parse_rules([parse_yaml(text, place)], load_entities(), lambda name: name == "luhn", no_predefined)


def check_faults(text: str, *expected: str) -> None:
    with pytest.raises(BadRules) as raised:
        parsed(text)
    told = [str(fault) for fault in raised.value.faults]
    assert len(told) == len(expected)
    for line, part in zip(told, expected, strict=True):
        assert part in line


def test_presidios_own_example_form_is_accepted() -> None:
    (rule,) = parsed(
        """
recognizers:
  - name: "Titles recognizer"
    supported_languages:
      - language: en
        context: [Mr, Title]
      - language: es
    supported_entity: "PERSON"
    deny_list: [Mr., Mrs.]
    deny_list_score: 1
    type: custom
    enabled: true
"""
    ).rules
    assert rule.id == "titles_recognizer"
    assert rule.context == ("mr", "title")
    assert rule.patterns[0].flags == PRESIDIO_FLAGS
    assert rule.patterns[0].score == 1.0


def test_an_id_is_made_of_the_name_when_none_is_given() -> None:
    assert parsed(NEEDLE).rules[0].id == "needle_number"


def test_a_disabled_rule_is_left_out() -> None:
    assert len(parsed(NEEDLE + "    enabled: false\n")) == 0


def test_marks_of_an_example_are_its_spans() -> None:
    (example,) = parsed(NEEDLE + "    examples: ['see «N1234» now']\n").rules[0].examples
    assert example.text == "see N1234 now"
    assert example.spans == ((4, 9),)


def test_every_fault_is_told_at_once_with_file_line_and_rule() -> None:
    check_faults(
        """
recognizers:
  - {id: one, name: One, supported_entity: US_SSN, patterns: [{name: p, regex: '(', score: 0.5}]}
  - {id: two, name: Two, supported_entity: NO_SUCH, patterns: [{name: p, regex: 'x', score: 0.5}]}
  - id: three
    name: Three
    supported_entity: US_SSN
    patterns: [{name: p, regex: x, score: 7}]
  - {id: four, name: Four, supported_entity: US_SSN, patterns: [{name: p, regex: 'x', score: 0.5}], check: nonsense}
  - {id: five, name: Five, supported_entity: US_SSN}
  - {id: six, name: Six, supported_entity: US_SSN, patterns: [{name: p, regex: 'x*', score: 0.5}], colour: red}
""",
        "test.yaml:3: rule `one`: an expression does not compile",
        "test.yaml:4: rule `two`: entity `NO_SUCH` is not in entities.yaml",
        "test.yaml:8: rule `three`, `patterns.0.score`",
        "test.yaml:9: rule `four`: no check is named `nonsense`",
        "test.yaml:10: rule `five`: has neither `patterns` nor a `deny_list`",
        "test.yaml:11: rule `six`, `colour`",
    )


def test_two_rules_of_one_id_are_a_fault() -> None:
    with pytest.raises(BadRules, match=r"is taken by the rule at one\.yaml:3"):
        parse_rules(
            [parse_yaml(NEEDLE, "one.yaml"), parse_yaml(NEEDLE, "two.yaml")], load_entities(), bool, no_predefined
        )


def test_a_pattern_of_nothing_is_a_fault() -> None:
    check_faults(NEEDLE.replace("N\\d{4}", "x*"), "a pattern matches the empty text")


def test_a_rule_needs_exactly_one_entity() -> None:
    check_faults(NEEDLE.replace("supported_entity: US_SSN", "supported_entities: [US_SSN, PERSON]"), "exactly one")


def test_an_unknown_recogniser_of_presidios_is_a_fault() -> None:
    check_faults("recognizers: [{name: NoSuch, type: predefined}]", "recogniser `NoSuch` is not one of Presidio's")


def test_a_file_without_recognisers_is_a_fault() -> None:
    check_faults("rules: []", "must hold a list `recognizers:`")


def test_a_rule_set_travels_to_a_worker() -> None:
    rules = parsed(NEEDLE)
    assert pickle.loads(pickle.dumps(rules)) == rules


def test_a_node_is_told_by_its_line_or_its_parents() -> None:
    document = parse_yaml("a:\n  b: 1\n  c: [x,\n    y]\n", "f.yaml")
    assert document.at("a", "c", 1) == "f.yaml:4"
    assert document.at("a", "nothing") == "f.yaml:1"
    assert Document("g.yaml", None).at("a") == "g.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\nb: *x\n", "bad.yaml:2: .*aliases are refused"),
        ("a: 1\na: 2\n", "bad.yaml:2: .*a key stands twice"),
        ("a: [1\nb: 2\n", "bad.yaml:"),
        ("a: !!python/object/apply:os.system [ls]\n", "bad.yaml:1: .*tags of other types"),
        ("a: 1\n---\nb: 2\n", "bad.yaml:"),
        ("[1]: 2\n", "a key must be a plain value"),
        ("[" * 5000, "bad.yaml"),
    ],
)
def test_yaml_tricks_are_refused_with_their_line(text: str, message: str) -> None:
    with pytest.raises(BadRules, match=message):
        parse_yaml(text, "bad.yaml")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.files.MAX_YAML_BYTES", 10)
    (tmp_path / "big.yaml").write_text("a: 12345678901")
    with pytest.raises(BadRules, match="larger than 10 bytes"):
        load_yaml(tmp_path / "big.yaml")


def test_a_folder_of_rules_lies_over_the_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "network.yaml").write_text(NEEDLE)
    (tmp_path / "mine.yaml").write_text(NEEDLE)
    by_name = {path.name: path for path in rule_files(tmp_path)}
    assert by_name["network.yaml"].parent == tmp_path
    assert by_name["mine.yaml"].parent == tmp_path
    assert by_name["financial.yaml"].parent != tmp_path
    assert rules_file("entities.yaml", tmp_path).parent != tmp_path


def test_the_hash_follows_every_byte_of_the_rules(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(NEEDLE)
    before = rules_sha256(tmp_path)
    (tmp_path / "mine.yaml").write_text(NEEDLE + "\n")
    assert before != rules_sha256(tmp_path) != rules_sha256()


def test_a_file_of_the_user_without_recognisers_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("recognisers: []\n")
    assert "mine.yaml" in {document.place for document in rule_documents(tmp_path)}


def test_a_missing_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(BadRules, match="is not a folder of rules"):
        rule_files(tmp_path / "absent")


def test_rules_that_are_read_again_in_one_process_are_not_compiled_again() -> None:
    first = load_rules(prove=False)
    before = compiled.cache_info()
    assert load_rules(prove=False).rules == first.rules
    after = compiled.cache_info()
    assert after.misses == before.misses
    assert after.hits > before.hits
