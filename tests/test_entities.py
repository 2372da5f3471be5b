"""What entities are kinds of."""

from __future__ import annotations

from scanner.entities import NUMBERS, WIDER, kinds
from scanner.files import load_entities


def test_kinds_go_from_the_narrowest_to_the_widest() -> None:
    assert list(kinds("UK_NHS")) == ["UK_NHS", "MEDICAL_ID", "ID"]
    assert list(kinds("PERSON")) == ["PERSON"]


def test_a_number_of_one_country_weighs_what_its_kind_weighs() -> None:
    known = load_entities()
    for name, kind in NUMBERS.items():
        assert (known[name].weight, known[name].special) == (known[kind].weight, known[kind].special), name


def test_every_narrower_entity_is_known() -> None:
    assert set(WIDER) <= set(load_entities())
