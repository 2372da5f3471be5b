from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Finding
from scanner.resolve import resolve

ENTITIES = ("EMAIL_ADDRESS", "URL", "PHONE_NUMBER", "ADDRESS", "LOCATION", "PERSON", "US_SSN", "DATE_TIME")


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    start = draw(st.integers(0, 40))
    return Finding(
        entity=draw(st.sampled_from(ENTITIES)),
        start=start,
        end=start + draw(st.integers(1, 15)),
        confidence=draw(st.sampled_from((0.3, 0.5, 0.75, 0.95))),
        rule=draw(st.sampled_from(("email.plain", "names.en", "phone.national", "column.phone"))),
        verified=draw(st.booleans()),
    )


def entities(*found: Finding) -> list[str]:
    return [finding.entity for finding in resolve(found)]


def test_an_email_is_not_also_a_web_address() -> None:
    email = Finding("EMAIL_ADDRESS", 0, 16, 0.95, "email.plain", verified=True)
    host = Finding("URL", 5, 16, 0.8, "url.host", verified=True)
    assert entities(email, host) == ["EMAIL_ADDRESS"]


@pytest.mark.parametrize("slash", [0, 1])
def test_a_web_address_leaves_the_name_of_a_profile_to_itself(slash: int) -> None:
    address = Finding("URL", 0, 28 + slash, 0.9, "url.scheme")
    name = Finding("USERNAME", 20, 28, 0.8, "user.profile")
    assert resolve([address, name]) == [replace(address, end=20), name]
    assert resolve(resolve([name, address])) == resolve([address, name])


def test_a_web_address_goes_on_behind_a_name_within_its_path() -> None:
    address = Finding("URL", 0, 40, 0.9, "url.scheme")
    assert entities(address, Finding("USERNAME", 20, 28, 0.8, "user.profile")) == ["URL"]


def test_a_social_security_number_is_not_a_date() -> None:
    assert entities(Finding("US_SSN", 0, 11, 0.5, "us.ssn"), Finding("DATE_TIME", 0, 11, 0.85, "names.en")) == [
        "US_SSN"
    ]


def test_a_card_number_is_not_a_phone_number() -> None:
    assert entities(
        Finding("CREDIT_CARD", 0, 19, 0.95, "card.grouped", verified=True),
        Finding("PHONE_NUMBER", 5, 19, 0.6, "phone.national", verified=True),
    ) == ["CREDIT_CARD"]


def test_an_address_outlives_the_place_and_the_name_inside_it() -> None:
    assert entities(
        Finding("ADDRESS", 0, 30, 0.5, "address.en"),
        Finding("PERSON", 3, 12, 0.95, "names.en", verified=True),
        Finding("LOCATION", 20, 30, 0.95, "names.en", verified=True),
    ) == ["ADDRESS"]


def test_the_longer_of_two_equal_phone_numbers_is_kept() -> None:
    long = Finding("PHONE_NUMBER", 0, 16, 0.6, "phone.international")
    assert resolve([Finding("PHONE_NUMBER", 4, 16, 0.6, "phone.national"), long]) == [long]


def test_two_detectors_that_agree_make_it_surer_and_verified() -> None:
    (agreed,) = resolve([Finding("ADDRESS", 0, 10, 0.6, "address.en"), Finding("ADDRESS", 0, 9, 0.5, "names.en")])
    assert agreed.verified
    assert agreed.confidence == pytest.approx(0.8)


def test_two_patterns_do_not_count_as_two_detectors() -> None:
    (kept,) = resolve([Finding("URL", 0, 10, 0.6, "url.host"), Finding("URL", 0, 10, 0.5, "url.scheme")])
    assert kept == Finding("URL", 0, 10, 0.6, "url.host")


def test_findings_that_only_touch_are_both_kept() -> None:
    assert entities(Finding("PERSON", 0, 4, 0.9, "names.en"), Finding("URL", 4, 9, 0.9, "url.host")) == [
        "PERSON",
        "URL",
    ]


def test_a_documentation_value_agrees_as_its_rule_does() -> None:
    example = Finding("URL", 0, 10, 0.6, "url.host").as_documentation()
    assert resolve([example, replace(example, rule="url.scheme")])[0].verified is False


@given(st.lists(findings(), max_size=12))
def test_no_two_findings_overlap_and_they_are_sorted(found: list[Finding]) -> None:
    resolved = resolve(found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(resolved))


@given(st.lists(findings(), max_size=12), st.randoms())
def test_order_does_not_matter(found: list[Finding], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve(shuffled) == resolve(found)


@given(st.lists(findings(), max_size=12))
def test_resolving_twice_changes_nothing(found: list[Finding]) -> None:
    once = resolve(found)
    assert resolve(once) == once


@given(st.lists(findings(), min_size=1, max_size=12))
def test_something_stands_wherever_something_was_found(found: list[Finding]) -> None:
    resolved = resolve(found)
    assert all(any(one.start < other.end and other.start < one.end for other in resolved) for one in found)


@given(st.lists(findings(), max_size=12))
def test_agreement_never_lowers_confidence(found: list[Finding]) -> None:
    least = {(one.start, one.end, one.entity, one.rule): one.confidence for one in found}
    for one in found:
        key = (one.start, one.end, one.entity, one.rule)
        least[key] = min(least[key], one.confidence)
    assert all(one.confidence >= least[one.start, one.end, one.entity, one.rule] for one in resolve(found))
