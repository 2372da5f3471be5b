"""How a value is written, and what stands for what: form, capitals, keyed hashes."""

from __future__ import annotations

import pytest

from scanner.surfaces import FACTORS, Form, Occurrence, apart, form_of, signature, word_hash

KEY = bytes(32)


@pytest.mark.parametrize("value", ["", "...", "A", "mark", "x7", "Ab1", " ".join("abcdefghijklmn"), "." * 65 + "Ada"])
def test_values_that_say_too_little_are_not_looked_for(value: str) -> None:
    assert form_of(value) is None


def test_the_form_tells_words_and_edges_and_the_longest_word_is_the_anchor() -> None:
    assert form_of("(212) 555-0101") == (Form(3, 2, 1, 0, 0), ["212", "555", "0101"])
    assert form_of("Dr. Ada Lovelace.") == (Form(3, 2, 0, 1, 0b111), ["Dr", "Ada", "Lovelace"])
    assert form_of("ada@example.com") == (Form(3, 1, 0, 0, 0), ["ada", "example", "com"])


def test_the_hash_of_a_word_is_keyed_and_knows_no_case_or_width() -> None:
    assert word_hash("Rose", KEY) == word_hash("ROSE", KEY) == word_hash("Ｒｏｓｅ", KEY)
    assert word_hash("Rose", KEY) != word_hash("Rose", bytes([1]) * 32)


def test_a_signature_knows_the_order_of_words() -> None:
    one, other = word_hash("Will", KEY), word_hash("Rose", KEY)
    assert len({signature([one, other]), signature([other, one]), signature([one]), signature([one, one])}) == 4
    assert signature([one, other]) == (one * FACTORS[0] + other * FACTORS[1]) % 2**64
    assert all(factor % 2 for factor in FACTORS)


def test_of_occurrences_that_overlap_the_longest_is_kept_and_what_is_taken_stays() -> None:
    found = [Occurrence(start, end, "PERSON", bytes(16), "r") for start, end in ((0, 3), (0, 12), (17, 29), (40, 44))]
    assert [(one.start, one.end) for one in apart(found, [(28, 30)])] == [(0, 12), (40, 44)]
