from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scanner.detectables import MOST_HELD, load_detectables
from scanner.errors import BadRules
from scanner.files import packaged_rules

RULE = """recognizers:
  - id: club.member
    name: Number of a club member
    supported_entity: US_SSN
    patterns: [{name: number, regex: '\\bCM-\\d{6}\\b', score: 0.6}]
    examples: ['My membership number is «CM-204518».']
    negative_examples: ['Part CM-20451 is out of stock.']
"""


def write_rule(folder: Path, text: str = RULE) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "club.yaml").write_text(text)
    return folder


def test_the_same_bytes_are_read_once(tmp_path: Path) -> None:
    rules = write_rule(tmp_path / "rules")
    first = load_detectables(rules, with_models=False, prove=True)
    assert load_detectables(rules, with_models=False, prove=True) is first
    assert load_detectables(rules, with_models=False, prove=False) is first
    assert load_detectables(rules, with_models=True, prove=False).models


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    rules = write_rule(tmp_path / "rules")
    assert load_detectables(rules, with_models=False, prove=False).rules.only("club.member")
    write_rule(rules, RULE.replace("club.member", "club.guest"))
    changed = load_detectables(rules, with_models=False, prove=False).rules
    assert changed.only("club.guest")
    assert not changed.only("club.member")
    shutil.copy(packaged_rules() / "entities.yaml", rules)
    (rules / "entities.yaml").write_text("entities: 7\n")
    with pytest.raises(BadRules):
        load_detectables(rules, with_models=False, prove=False)


def test_what_was_read_without_a_proof_is_proven_when_asked(tmp_path: Path) -> None:
    rules = write_rule(tmp_path / "rules", RULE.replace("«CM-204518»", "«CM-20451»"))
    load_detectables(rules, with_models=False, prove=False)
    for _ in range(2):
        with pytest.raises(BadRules, match="club"):
            load_detectables(rules, with_models=False, prove=True)


def test_a_process_holds_few(tmp_path: Path) -> None:
    import scanner.detectables

    for number in range(MOST_HELD + 2):
        load_detectables(write_rule(tmp_path / f"{number}"), with_models=False, prove=False)
    assert len(scanner.detectables._held) == MOST_HELD
