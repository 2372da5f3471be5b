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
        "jane\u200b.roe@exam\u00adple.com",
        "\u2060\u200d".join(ADDRESS),
        "jane.\uff52\uff4f\uff45\uff20example\uff0ecom",
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
        "in\u00adfor\u00adma\u00adtion that no\u200bbody \uff4e\uff45\uff45\uff44\uff53",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 at 5, \u2764\ufe0f\u200d\U0001f525 a@example.com",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 12, \u0915\u094d\u200d\u0937 12",
        "\ufeffa@example.com, \uff11\uff12 and \u7b2c\uff11\u7ae0\uff0c\u8bf4\u660e\uff1a",
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


def test_what_is_unseen_or_full_width_within_an_encoding_is_reached() -> None:
    cell = "to: jane&#8203;.roe%E2%80%8B@example&#xff0e;com"
    assert found(within(of(cell)), ADDRESS, cell) == cell[4:]


def test_only_what_spans_an_unseen_or_full_width_character_is_shown() -> None:
    (snippet,) = of("a@b 1\u200b2 3\uff14")
    assert snippet.text == "a@b 12 34"
    shown = [snippet.shows(place, place + 2) for place in range(8)]
    assert shown == [False, False, False, False, True, False, False, True]


PIECES = st.one_of(
    st.text(max_size=20),
    st.text(max_size=30).map(lambda text: quote(text.encode("utf-8", "replace"))),
    st.text(max_size=30).map(lambda text: b64(text.encode("utf-8", "replace").decode())),
    st.text(max_size=30).map(lambda text: base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode()),
    st.sampled_from(["&amp;", "&amp;#64;", "&commat;", "&#64;", "&#x40;", "%", "%4", "&", "é", "word" * 5, "=", "\n"]),
    st.text(
        "ae1\u00e9\u0430\u4e00 @./\n\u00ad\u200b\u200c\u200d\u2060\ufeff\uff41\uff11\uff20\uff0e\uff08\u3000\U0001f468",
        max_size=12,
    ),
    st.text(max_size=12).map(lambda text: text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})),
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
