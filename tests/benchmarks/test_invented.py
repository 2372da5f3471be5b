"""The invented labelled set: repeatable, well-formed, and not made of what the rules were made with."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from benchmarks.invented import KINDS, NAME, NEGATIVES, TEMPLATES, texts, write
from scanner.evaluate import read_gold, read_maps
from scanner.files import packaged_rules
from scanner.scoring import LabelMap

LABELS = Path(__file__).parents[2] / "benchmarks" / "labels.yaml"


def lines(development: bool) -> set[str]:
    return {text for _, text, _ in texts(development)}


def test_the_set_is_the_same_each_time_and_reads_as_labelled_text(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet")
    write(tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    documents = list(read_gold(tmp_path / "a.parquet", LabelMap()))
    assert {gold.label for document in documents for gold in document.spans} == {entity for _, entity in TEMPLATES}
    assert any(not document.spans for document in documents)


def test_what_is_held_out_is_not_what_rules_were_mended_with() -> None:
    assert not lines(True) & lines(False)


def test_no_template_is_an_example_of_a_rule() -> None:
    examples = {
        example.replace("«", "").replace("»", "").lower()
        for file in packaged_rules().glob("*.yaml")
        for rule in (yaml.safe_load(file.read_text()) or {}).get("recognizers", ())
        for example in [*rule.get("examples", ()), *rule.get("negative_examples", ())]
    }
    assert not {text.lower() for text in lines(True) | lines(False)} & examples


def test_every_value_that_a_template_asks_for_can_be_made() -> None:
    asked = {
        name for group in (TEMPLATES, NEGATIVES) for text in group.values() for name in re.findall(r"\{(\w+)\}", text)
    }
    assert asked <= set(KINDS)


def test_the_calibration_counts_every_entity_of_the_set() -> None:
    assert set((read_maps(LABELS)[NAME].entities or {}).values()) == {entity for _, entity in TEMPLATES}
