"""Values found again by their words: what stands for what, and the search held to a slow twin."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.fingerprints import Fingerprinter
from scanner.surfaces import WORD, Form, Group, Occurrence, anchor_hash, capitals_of, form_of, occurrences

PRINTS = Fingerprinter(bytes(32), {"CREDIT_CARD": "digits"})


def folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()


def groups_of(values: Sequence[tuple[str, str]]) -> dict[str, list[Group]]:
    """Values as groups by the case-folded anchor."""
    groups: dict[str, list[Group]] = {}
    for entity, value in values:
        told = form_of(value)
        assert told is not None
        form, anchor = told
        print_of = PRINTS.of(entity, value)
        groups.setdefault(folded(anchor), []).append(Group(entity, form, {print_of: ([form.capitals], "r")}))
    return groups


def found(
    text: str, *values: str, entity: str = "PERSON", taken: Sequence[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    groups = groups_of([(entity, value) for value in values])
    words = {word: groups[folded(word)] for word in WORD.findall(text) if folded(word) in groups}
    return [(one.start, one.end) for one in occurrences(text, words, taken, PRINTS.of)]


@pytest.mark.parametrize("value", ["", "...", "A", "mark", "x7", "Ab1", " ".join("abcdefghijklmn")])
def test_values_that_say_too_little_are_not_looked_for(value: str) -> None:
    assert form_of(value) is None


def test_the_form_tells_words_and_edges_and_the_longest_word_is_the_anchor() -> None:
    assert form_of("(212) 555-0101") == (Form(3, 2, 1, 0, 0), "0101")
    assert form_of("Dr. Ada Lovelace.") == (Form(3, 2, 0, 1, 0b111), "Lovelace")
    assert form_of("ada@example.com") == (Form(3, 1, 0, 0, 0), "example")


@pytest.mark.parametrize(
    ("text", "value", "stands"),
    [
        ("Ask Will Rose about it", "Will Rose", True),
        ("ask will rose about it", "Will Rose", False),
        ("ASK WILL ROSE", "Will Rose", True),
        ("Ask Will\n  Rose about it", "Will Rose", True),
        ("Ask Will Rosen about it", "Will Rose", False),
        ("Ask Swill Rose about it", "Will Rose", False),
        ("Ask Will-Rose about it", "Will Rose", False),
        ("Ask Marianne.", "marianne smith", False),
        ("ask marianne smith", "marianne smith", True),
        ("écrit à José", "José", True),
        ("ＪＯＳÉ", "José", True),
    ],
)
def test_a_value_stands_where_its_words_stand_whole_and_no_less_capital(text: str, value: str, *, stands: bool) -> None:
    assert bool(found(text, value)) is stands


def test_numbers_are_the_same_however_they_are_parted() -> None:
    assert found("pay 4012-8888-8888-1881 now", "4012 8888 8888 1881", entity="CREDIT_CARD") == [(4, 23)]
    assert not found("pay 14012-8888-8888-1881 now", "4012 8888 8888 1881", entity="CREDIT_CARD")


def test_brackets_belong_to_the_value() -> None:
    assert found("call (212) 555-0101 or 212 555-0101", "(212) 555-0101") == [(5, 19)]


def test_what_is_taken_stays_and_the_longest_value_counts() -> None:
    text = "Ada Lovelace met Ada Lovelace and Ada"
    assert found(text, "Ada Lovelace", "Ada") == [(0, 12), (17, 29), (34, 37)]
    assert found(text, "Ada Lovelace", "Ada", taken=[(0, 12)]) == [(17, 29), (34, 37)]
    assert found(text, "Ada Lovelace", taken=[(20, 24)]) == [(0, 12)]


def test_the_hash_of_an_anchor_is_keyed_and_knows_no_case() -> None:
    assert anchor_hash("Rose", bytes(32)) == anchor_hash("ROSE", bytes(32)) != anchor_hash("Rose", bytes([1]) * 32)


WORDS = st.sampled_from(["Ada", "ada", "ADA", "Byron", "byron", "x", "555", "12345", "Will", "Rose"])
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "-", ", ", "\n", "("])), max_size=12).map(
    lambda parts: "".join(word + joint for word, joint in parts)
)
VALUES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join).filter(lambda value: form_of(value) is not None)


def slow(text: str, values: Sequence[str]) -> list[Occurrence]:
    """Every window of words, held to every value."""
    spans = [match.span() for match in WORD.finditer(text)]
    windows = [(spans[i][0], spans[j][1]) for i in range(len(spans)) for j in range(i, len(spans))]
    hits = [
        Occurrence(start, end, "PERSON", PRINTS.of("PERSON", value), "r")
        for start, end in windows
        for value in values
        if PRINTS.of("PERSON", value) == PRINTS.of("PERSON", text[start:end])
        and not capitals_of(WORD.findall(value)) & ~capitals_of(WORD.findall(text[start:end]))
    ]
    kept: list[Occurrence] = []
    for hit in sorted(set(hits), key=lambda one: (one.start - one.end, one.start)):
        if all(hit.end <= one.start or one.end <= hit.start for one in kept):
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)


@given(TEXTS, st.lists(VALUES, max_size=5, unique=True))
def test_the_search_by_anchors_finds_what_the_search_of_every_window_finds(text: str, values: list[str]) -> None:
    assert found(text, *values) == [(one.start, one.end) for one in slow(text, values)]
