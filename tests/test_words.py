"""Words as arrays: those that the expression gives, wherever pieces are cut."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import words
from scanner.words import WORD, Texts

CONTEXT = 3
TEXTS = st.lists(st.text(st.sampled_from("aZ9_ -é日\u0301\u200b½𝔸😀\n"), max_size=30) | st.text(max_size=8), max_size=6)


def told(texts: Texts) -> list[tuple[int, int, int, str]]:
    """Words that are a piece's own, as text, span and spelling, and a check that runs of words are whole."""
    found = []
    for piece in texts.pieces(CONTEXT):
        starts, stops = piece.points(piece.starts), piece.points(piece.stops)
        every = [
            (cell, int(start - texts.points[cell]), int(stop - texts.points[cell]), piece.spellings[spelling])
            for cell, start, stop, spelling in zip(piece.cells, starts, stops, piece.ids, strict=True)
        ]
        assert piece.own == len(every) or piece.own == len(every) - CONTEXT + 1
        found += every[: piece.own]
    return found


@given(TEXTS, st.integers(1, 64), st.integers(0, 2))
def test_words_are_those_of_the_expression(values: list[str], piece: int, skipped: int) -> None:
    column = pa.array(["first", "second", *values], pa.large_string()).slice(skipped)
    expected = [
        (cell, *match.span(), match.group())
        for cell, text in enumerate(column.to_pylist())
        for match in WORD.finditer(text)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "PIECE_BYTES", piece)
        assert told(Texts(column)) == expected


def test_no_text_has_no_words() -> None:
    assert told(Texts(pa.array([], pa.large_string()))) == told(Texts(pa.array(["", ""], pa.large_string()))) == []


def test_every_code_point_is_taken_as_the_expression_takes_it() -> None:
    text = "".join(f" {chr(code)}" for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    starts = [start for _, start, _, _ in told(Texts(pa.array([text], pa.large_string())))]
    assert starts == [match.start() for match in WORD.finditer(text)]
