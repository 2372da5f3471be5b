"""Surrogates: the same value becomes the same invented one, of the same form, and no one's."""

from __future__ import annotations

import datetime
import ipaddress
import re
import string
import unicodedata

import phonenumbers
import pytest
import stdnum.iban
import stdnum.luhn
import stdnum.us.ssn
from hypothesis import given
from hypothesis import strategies as st

from scanner import invented
from scanner.detectors import checks
from scanner.fingerprints import Fingerprinter
from scanner.surrogates import Surrogates, Value, tag

KEY = bytes(range(32))
FINGERPRINTER = Fingerprinter(KEY, {"CREDIT_CARD": "digits", "PHONE_NUMBER": "phone", "IBAN_CODE": "alphanumeric"})
SURROGATES = Surrogates(KEY)

EXAMPLES = {
    "EMAIL_ADDRESS": "amara.kessler12@example.com",
    "PHONE_NUMBER": "(212) 555-0143",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "GB82 WEST 1234 5698 7654 32",
    "US_SSN": "078-05-1120",
    "IP_ADDRESS": "198.51.100.7",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
    "URL": "https://www.example.com/a/b?id=77",
    "PERSON": "Dr. Amara M. Kessler",
    "LOCATION": "New Fairview",
    "ADDRESS": "12 Birch Road, Springfield, IL 62704",
    "DATE_OF_BIRTH": "05/27/1946",
    "USERNAME": "@kess_ler99",
    "SECRET": "AKIAZQ7XW3KJ5VNP2RTH",
    "GOVERNMENT_ID": "JG 48 27 19 C",
    "CRYPTO": "0x52908400098527886E0F7030069857D2E4169EE7",
    "HEALTH": "type 2 diabetes",
}


def surrogate(text: str, entity: str, surrogates: Surrogates = SURROGATES, person: bytes = b"") -> str:
    return surrogates.of(Value(text, entity, FINGERPRINTER.of(entity, text), person=person))


@pytest.mark.parametrize(("entity", "text"), EXAMPLES.items())
def test_a_value_becomes_another_one_and_always_the_same(entity: str, text: str) -> None:
    made = surrogate(text, entity)
    assert made == surrogate(text, entity, Surrogates(KEY))
    assert made.casefold() != text.casefold()
    assert FINGERPRINTER.of(entity, made) != FINGERPRINTER.of(entity, text)
    if entity != "HEALTH":
        assert made != surrogate(text, entity, Surrogates(bytes(32)))


def test_all_ways_to_write_a_value_become_ways_to_write_one_surrogate() -> None:
    spaced, plain = surrogate("4111 1111 1111 1111", "CREDIT_CARD"), surrogate("4111111111111111", "CREDIT_CARD")
    assert spaced.replace(" ", "") == plain
    assert surrogate("AMARA KESSLER", "PERSON") == surrogate("Amara Kessler", "PERSON").upper()


def test_surrogates_of_numbers_fail_their_check() -> None:
    for number in range(300):
        card = surrogate(f"4{number:015}", "CREDIT_CARD")
        assert len(card) == 16
        assert not stdnum.luhn.is_valid(card)
        assert not stdnum.iban.is_valid(surrogate(f"GB82WEST{number:014}", "IBAN_CODE"))
        assert not stdnum.us.ssn.is_valid(surrogate(f"524-{number % 99 + 1:02}-{number:04}", "US_SSN"))


@pytest.mark.parametrize(
    "text", ["(212) 555-0143", "+1 212 555 0143", "212-555-0143", "+49 151 23456789", "020 7946 0958"]
)
def test_surrogates_of_phone_numbers_cannot_be_dialled(text: str) -> None:
    regions = ("US", "GB", "DE", "FR", "ES")
    surrogates = Surrogates(KEY, lambda rule, number: checks.passes("phone", number, regions) is True)
    made = surrogate(text, "PHONE_NUMBER", surrogates)
    assert re.sub(r"\d", "0", made) == re.sub(r"\d", "0", text)
    for region in regions:
        assert not phonenumbers.is_valid_number(phonenumbers.parse(made, region))


def test_surrogates_of_addresses_of_the_net_lie_in_reserved_ranges() -> None:
    for number in range(50):
        mail = surrogate(f"person{number}@mail.example.org", "EMAIL_ADDRESS")
        assert re.fullmatch(r"[a-z]+[._-][a-z]+\d\d@[a-z]+\.example\.(com|net|org)", mail)
        assert ipaddress.ip_address(surrogate(f"10.0.0.{number}", "IP_ADDRESS")).is_reserved
        assert ipaddress.ip_address(surrogate(f"fe80::{number}", "IP_ADDRESS")) in ipaddress.ip_network("2001:db8::/32")
        assert ".example." in surrogate(f"http://host{number}.test/p", "URL")


def test_mail_of_one_domain_stays_of_one_domain() -> None:
    made = [surrogate(text, "EMAIL_ADDRESS") for text in ("a@x.example", "b@X.example", "a@y.example")]
    domains = [mail.partition("@")[2].lower() for mail in made]
    assert domains[0] == domains[1] != domains[2]


def test_names_keep_titles_initials_case_and_number_of_words() -> None:
    assert re.fullmatch(r"Dr\. [A-Z][a-z]+ [A-Z]\. [A-Z][a-z]+", surrogate("Dr. Amara M. Kessler", "PERSON"))
    assert re.fullmatch(r"[A-Z]+, [a-z]+", surrogate("KESSLER, amara", "PERSON"))
    assert " van " in surrogate("Joris van Eskildsen", "PERSON")
    cyrillic = surrogate("Анна Петрова", "PERSON")
    assert all("CYRILLIC" in unicodedata.name(char) for char in cyrillic if char != " ")


def test_a_remark_becomes_its_tag() -> None:
    assert surrogate("type 2 diabetes", "HEALTH") == "<HEALTH>"
    assert tag("SECRET") == "<SECRET>"


def test_dates_of_one_person_keep_their_distance() -> None:
    def moved(text: str, person: bytes) -> datetime.date:
        return datetime.date.fromisoformat(surrogate(text, "DATE_TIME", person=person))

    for person in (b"a" * 16, b"b" * 16):
        days = moved("2024-03-11", person) - moved("2024-02-28", person)
        assert days == datetime.timedelta(days=12)
    assert moved("2024-03-11", b"a" * 16) != moved("2024-03-11", b"b" * 16)


def test_no_surrogate_passes_the_checks_of_its_rule() -> None:
    asked = []

    def even(rule: str, text: str) -> bool:
        asked.append(rule)
        return int(text[-1]) % 2 == 0

    for number in range(50):
        value = Value(f"AB{number:06}", "GOVERNMENT_ID", bytes([number]) * 16, rule="some.rule")
        assert int(Surrogates(KEY, even).of(value)[-1]) % 2
    assert set(asked) == {"some.rule"}
    never = Surrogates(KEY, lambda rule, text: True)
    assert never.of(Value("AB123456", "GOVERNMENT_ID", bytes(16))) == "<GOVERNMENT_ID>"


@given(st.text(min_size=1, max_size=30), st.sampled_from(sorted(EXAMPLES)))
def test_any_text_has_a_surrogate_that_is_not_itself(text: str, entity: str) -> None:
    made = surrogate(text, entity)
    assert made.casefold() != text.casefold()
    made.encode("utf-8", "surrogatepass")


@given(st.text(string.ascii_letters + string.digits + " -./", min_size=8, max_size=30))
def test_a_secret_keeps_the_kinds_of_its_characters(text: str) -> None:
    def kinds(value: str) -> str:
        return re.sub(r"\d", "0", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", value)))

    made = surrogate(text, "SECRET")
    assert kinds(made) == kinds(text) or made == "<SECRET>"


def test_different_values_rarely_become_the_same() -> None:
    """20,000 values each: mail from 2³⁹ · 90 and phone numbers from 2 · 10⁹ possible ones."""
    mails = {surrogate(f"p{number}@example.com", "EMAIL_ADDRESS") for number in range(20_000)}
    assert len(mails) == 20_000
    cards = {surrogate(f"4{number:015}", "CREDIT_CARD") for number in range(20_000)}
    assert len(cards) == 20_000
    names = {surrogate(f"Given{number} Family", "PERSON") for number in range(1_000)}
    assert len(names) > 990


def test_invented_words_are_all_different_and_numerous() -> None:
    assert len({invented.family_name(number) for number in range(invented.FAMILY_NAMES)}) > 0.98 * invented.FAMILY_NAMES
    assert len({invented.place(number) for number in range(invented.PLACES)}) > 0.98 * invented.PLACES
    assert len({invented.syllable(number) for number in range(invented.SYLLABLES)}) == invented.SYLLABLES
    assert len(set(invented.GIVEN)) == len(invented.GIVEN) > 120


def test_values_do_not_show_themselves() -> None:
    assert "kessler" not in repr(Value("kessler", "PERSON", bytes(16)))
