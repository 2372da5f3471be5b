from __future__ import annotations

import pytest

from scanner.fingerprints import KEY_BYTES, NORMALISERS, Fingerprinter

FINGERPRINTER = Fingerprinter(bytes(KEY_BYTES), {"PHONE_NUMBER": "phone", "CREDIT_CARD": "digits", "SECRET": "exact"})


@pytest.mark.parametrize(
    ("entity", "one", "other"),
    [
        ("EMAIL_ADDRESS", "Ann@Example.com", "ann@example.com"),
        ("PHONE_NUMBER", "+1 (212) 555-0101", "+12125550101"),
        ("CREDIT_CARD", "4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("CREDIT_CARD", "４１１１ 1111 1111 1111", "4111111111111111"),
        ("PERSON", "Ann\n  Lee", "ann lee"),
        ("PERSON", "A\u200bnn Le\u00ade\ufeff", "Ann Lee"),
        ("SECRET", "ab\u2060cD", "\uff41bcD"),
    ],
)
def test_spellings_of_one_value_have_one_fingerprint(entity: str, one: str, other: str) -> None:
    assert FINGERPRINTER.of(entity, one) == FINGERPRINTER.of(entity, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("SECRET", "abcD"), ("SECRET", "abcd")),
        (("CREDIT_CARD", "4111111111111111"), ("PHONE_NUMBER", "4111111111111111")),
        (("PERSON", "Ann Lee"), ("PERSON", "Annlee")),
    ],
)
def test_different_values_have_different_fingerprints(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert FINGERPRINTER.of(*one) != FINGERPRINTER.of(*other)


def test_another_key_gives_other_fingerprints_and_another_key_id() -> None:
    other = Fingerprinter(b"\1" * KEY_BYTES)
    assert other.of("PERSON", "Ann") != FINGERPRINTER.of("PERSON", "Ann")
    assert other.key_id != FINGERPRINTER.key_id


def test_the_key_stands_in_no_representation() -> None:
    key = bytes(range(KEY_BYTES))
    shown = repr(Fingerprinter(key))
    assert repr(key) not in shown
    assert key.hex() not in shown


@pytest.mark.parametrize("name", sorted(NORMALISERS))
@pytest.mark.parametrize("value", ["", "\x00", "\ud800", "a" * 10_000, "٣١٢", "🙂"])
def test_every_normaliser_takes_any_text(name: str, value: str) -> None:
    fingerprint = Fingerprinter(bytes(KEY_BYTES), {"X": name}).of("X", value)
    assert len(fingerprint) == 16
