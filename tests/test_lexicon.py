"""Values found again by their words: what stands for what, and the search of arrays held to a slow twin."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import words
from scanner.fingerprints import Fingerprinter
from scanner.lexicon import SCHEMA, Lexicon, Taken, entry
from scanner.surfaces import Occurrence, capitals_of, form_of
from scanner.words import WORD

KEY = bytes(32)
PRINTS = Fingerprinter(KEY, {"CREDIT_CARD": "digits"})
Spans = Sequence[tuple[int, int]]


def lexicon(values: Sequence[tuple[str, str]]) -> Lexicon:
    rows = [row for entity, text in values if (row := entry(entity, text, PRINTS.of(entity, text), "r", 1, KEY))]
    columns = zip(*rows, strict=True) if rows else ([] for _ in SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return Lexicon(pa.table(arrays, schema=SCHEMA), KEY, PRINTS.of)


def in_texts(texts: Sequence[str], values: Sequence[str], taken: Sequence[Spans], entity: str) -> list[Spans]:
    spans = [(cell, *span) for cell, spans in enumerate(taken) for span in spans]
    held = Taken(*np.array(spans, np.int64).reshape(-1, 3).T)
    known = lexicon([(entity, value) for value in values])
    found = dict(known.occurrences(pa.array(texts, pa.large_string()), held))
    assert list(found) == sorted(found)
    return [[(one.start, one.end) for one in found.get(cell, [])] for cell in range(len(texts))]


def found(text: str, *values: str, entity: str = "PERSON", taken: Spans = ()) -> Spans:
    return in_texts([text], values, [taken], entity)[0]


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


@pytest.mark.parametrize("text", ["", "-", "Ada"])
def test_nothing_is_found_by_an_empty_lexicon_or_in_no_text(text: str) -> None:
    assert in_texts([text], [], [[]], "PERSON") == [[]]
    assert in_texts([], ["Ada"], [], "PERSON") == []


def test_more_values_of_one_form_and_of_one_spelling_are_told_apart() -> None:
    known = lexicon(
        [("PERSON", "Ada Byron"), ("LOCATION", "Ada Byron"), ("PERSON", "Ada-Byron"), ("PERSON", "Bo Byron")]
    )
    texts = pa.array(["Ada Byron", "Ada-Byron", "Bo  Byron", "Cy Byron"], pa.large_string())
    nothing = np.zeros(0, np.int64)
    told = {
        cell: [(one.entity, one.end) for one in kept] for cell, kept in known.occurrences(texts, Taken(*[nothing] * 3))
    }
    assert told == {0: [("LOCATION", 9)], 1: [("PERSON", 9)], 2: [("PERSON", 9)]}


WORDS = st.sampled_from(
    ["Ada", "ada", "ADA", "Ａｄａ", "Byron", "byron", "Straße", "STRASSE", "𝔸da", "x", "555", "12345", "Will"]
)
JOINTS = st.sampled_from([" ", "-", ", ", "\n", "(", "—", "\u0301 ", "日", ""])
TEXTS = st.lists(st.tuples(WORDS, JOINTS), max_size=12).map(
    lambda parts: "".join(word + joint for word, joint in parts)
)
VALUES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join).filter(lambda value: form_of(value) is not None)


def folded(text: str) -> list[str]:
    return [unicodedata.normalize("NFKC", word).casefold() for word in WORD.findall(text)]


def windows(text: str) -> Iterator[tuple[int, int]]:
    spans = [match.span() for match in WORD.finditer(text)]
    return ((spans[i][0], spans[j][1]) for i in range(len(spans)) for j in range(i, len(spans)))


def slow(text: str, values: Sequence[str], taken: Spans) -> Spans:
    """Every window of words, held to every value."""
    hits = [
        Occurrence(start, end, "PERSON", PRINTS.of("PERSON", value), "r")
        for start, end in windows(text)
        for value in values
        if folded(value) == folded(text[start:end])
        and PRINTS.of("PERSON", value) == PRINTS.of("PERSON", text[start:end])
        and not capitals_of(WORD.findall(value)) & ~capitals_of(WORD.findall(text[start:end]))
    ]
    kept = list(taken)
    for hit in sorted(set(hits), key=lambda one: (one.start - one.end, one.start)):
        if all(hit.end <= start or end <= hit.start for start, end in kept):
            kept.append((hit.start, hit.end))
    return sorted(set(kept) - set(taken))


@given(
    texts=st.lists(TEXTS, max_size=4),
    values=st.lists(VALUES, max_size=5, unique=True),
    piece=st.integers(1, 200),
    taking=st.data(),
)
def test_the_search_of_arrays_finds_what_the_search_of_every_window_finds(
    texts: list[str], values: list[str], piece: int, taking: st.DataObject
) -> None:
    taken = [_some(list(windows(text)), taking) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "PIECE_BYTES", piece)
        assert in_texts(texts, values, taken, "PERSON") == [
            slow(text, values, spans) for text, spans in zip(texts, taken, strict=True)
        ]


def _some(spans: list[tuple[int, int]], data: st.DataObject) -> Spans:
    """Some spans of a text that do not overlap."""
    kept: list[tuple[int, int]] = []
    for start, end in data.draw(st.lists(st.sampled_from(spans), max_size=2)) if spans else []:
        if all(end <= low or high <= start for low, high in kept):
            kept.append((start, end))
    return sorted(kept)
