"""Encoded text in cells, decoded, and the way back."""

from __future__ import annotations

import base64
import itertools
from unittest import mock
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import encoded
from scanner.encoded import REACH, Snippet, slow_snippets, snippets, within

ADDRESS = "jane.roe@example.com"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" if char in "@.j" else f"&#x{ord(char):x};" for char in text)


def of(text: str) -> list[Snippet]:
    return snippets(pa.array([text], pa.large_string()))


def found(layer: list[Snippet], value: str, cell: str) -> str:
    """What stands in the cell for a value that a snippet shows."""
    for snippet in layer:
        start = snippet.text.find(value)
        if start >= 0 and snippet.shows(start, start + len(value)):
            low, high = snippet.to_cell(start, start + len(value))
            return cell[low:high]
    raise AssertionError("not shown")


@pytest.mark.parametrize(
    "written",
    [
        quote(ADDRESS),
        "jane.roe%40example%2Ecom",
        entities(ADDRESS),
        "jane.roe&commat;example&period;com",
        "jane.roe&#64;example.com",
        "".join(f"%{byte:02x}" for byte in ADDRESS.encode()),
    ],
)
def test_a_value_leads_back_to_exactly_what_stands_for_it(written: str) -> None:
    cell = f"é 😀 write to {written}, please"
    assert found(of(cell), ADDRESS, cell) == written


@pytest.mark.parametrize("around", ["", "x", "né", "😀 ", "a longer text before it "])
def test_base64_leads_back_to_the_characters_that_hold_the_value(around: str) -> None:
    cell = f"token é={b64(around + ADDRESS + ' and more')};"
    part = found(of(cell), ADDRESS, cell)
    for cut in range(4):  # in one of the four phases whole bytes come out
        padded = ("A" * cut + part)[: (cut + len(part)) // 4 * 4]
        if ADDRESS[3:-3].encode() in base64.b64decode(padded):
            break
    else:
        raise AssertionError("the part does not hold the value")
    assert len(part) <= len(ADDRESS) * 4 / 3 + 2


def test_lines_of_mime_are_one_text() -> None:
    body = base64.encodebytes(("é" + "x" * 49 + ADDRESS + "y" * 80 + ADDRESS).encode()).decode()
    cell = f"Content-Transfer-Encoding: base64\n\n{body}\n"
    part = found(of(cell), ADDRESS, cell)
    assert "\n" in part
    assert len(part.replace("\n", "")) <= len(ADDRESS) * 4 / 3 + 2


def test_encodings_within_encodings_are_reached() -> None:
    cell = f"q={quote(b64('to: ' + entities(ADDRESS)))}&x=1"
    layers = [of(cell)]
    for _ in range(2):
        layers.append(within(layers[-1]))
    assert any(ADDRESS in snippet.text for snippet in layers[1])
    assert found(layers[1], ADDRESS, cell) in cell


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words and 100 % of them",
        "R&D at AT&T; &lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot;",
        "an_identifier_of_many_words and internationalisation",
        "sha1 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "https://example.com/docs/guide/getting-started-with-it",
    ],
)
def test_other_text_has_no_snippet(text: str) -> None:
    assert of(text) == []


def test_a_value_that_a_cut_may_have_shortened_is_not_shown() -> None:
    cell = "5" * (REACH + 10) + "%20" + "6" * (REACH + 10)
    (snippet,) = of(cell)
    assert not snippet.shows(0, len(snippet.text))
    assert snippet.shows(1, len(snippet.text) - 1)


def test_far_tokens_have_snippets_of_their_own_and_the_text_between_is_left_out() -> None:
    cell = "a%40b" + "-" * 5_000 + "c%40d"
    assert next(snippet.text[:3] for snippet in of(cell)) == "a@b"
    assert sum(len(snippet.text) for snippet in of(cell)) < 1_200


PIECES = st.one_of(
    st.text(max_size=20),
    st.text(max_size=30).map(lambda text: quote(text.encode("utf-8", "replace"))),
    st.text(max_size=30).map(lambda text: b64(text.encode("utf-8", "replace").decode())),
    st.text(max_size=30).map(lambda text: base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode()),
    st.sampled_from(["&amp;", "&amp;#64;", "&commat;", "&#64;", "&#x40;", "%", "%4", "&", "é", "word" * 5, "=", "\n"]),
    st.sampled_from(["jane%40example.com", b64(ADDRESS), b64("hé " + ADDRESS * 9), "x" * 600]),
)
TEXTS = st.lists(PIECES, max_size=8).map(lambda pieces: "".join(pieces).encode("utf-8", "replace").decode())


@given(texts=st.lists(TEXTS, max_size=5), cut=st.integers(0, 2), chunk=st.sampled_from([7, 40, 1 << 20]))
def test_a_column_gives_what_each_text_gives_alone(texts: list[str], cut: int, chunk: int) -> None:
    values = pa.array(texts, pa.large_string())[cut:]
    expected = [
        Snippet(index, snippet.views, snippet.whole)
        for index, text in enumerate(texts[cut:])
        for snippet in slow_snippets(text)
    ]
    with mock.patch.object(encoded, "_CHUNK", chunk):
        assert snippets(values) == expected


@given(text=TEXTS)
def test_spans_of_a_snippet_lie_in_order_within_the_cell(text: str) -> None:
    for snippet in slow_snippets(text):
        spans = [snippet.to_cell(place, place + 1) for place in range(len(snippet.text))]
        assert all(0 <= low < high <= len(text) for low, high in spans)
        assert all(one[0] <= other[0] and one[1] <= other[1] for one, other in itertools.pairwise(spans))


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_what_stands_for_a_span_decodes_to_it(text: str) -> None:
    cell = f"<{quote(text, safe='')}>"
    for snippet in of(cell):
        for start in range(len(snippet.text)):
            low, high = snippet.to_cell(start, start + 1)
            shown = snippet.text[start]
            assert cell[low:high] in (shown, quote(shown, safe=""))
