"""Numbers of states, registers and insurers: found after the word that names them, not by a wrong number alone."""

from __future__ import annotations

import pytest

from benchmarks.identity_numbers import KINDS, Kind, detection_of_rules, measured, values

DETECTION = detection_of_rules()
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@each_kind
def test_a_valid_number_is_found_after_each_word_that_names_it(kind: Kind) -> None:
    assert measured(kind, DETECTION, copies=3).told == 1.0


@each_kind
def test_a_wrong_check_digit_is_no_number_where_no_word_names_it(kind: Kind) -> None:
    assert measured(kind, DETECTION, copies=3).wrong in (None, 0.0)


@each_kind
def test_the_same_values_are_drawn_again(kind: Kind) -> None:
    assert values(kind, copies=2) == values(kind, copies=2)
