"""Masked windows, laws first: no character of a finding but those of its form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanner.evidence import PlacePart
from scanner.masking import BESIDE, KEPT, MASK, MOST_SHOWN, Window, excerpt, values_of, window
from scanner.reviewing import Marked


def place_of(one: Marked) -> PlacePart:
    where = {"shard": "a", "row": 0, "column": "text", "item": 0, "start": one.start, "end": one.end}
    return PlacePart.model_validate({"entity": one.entity, **where, "confidence": 1, "rule": "r"})


def windowed(text: str, value: str, *others: str, hidden: tuple[str, ...] = ()) -> Window:
    found = [Marked(text.index(one), text.index(one) + len(one), "X") for one in (value, *others)]
    place = place_of(found[0])
    about = excerpt(text, place)
    return window(about, found, values_of(about, found) | set(hidden))


def test_a_value_keeps_its_form_and_no_more() -> None:
    found = windowed("Write to ann.lee@example.com today", "ann.lee@example.com")
    assert (found.before, found.value, found.after) == ("Write to ", "•••.•••@•••••••.•••", " today")
    assert windowed("pass p@$$w0rd!", "p@$$w0rd!").value == "•@•••••••"


def test_what_was_found_is_masked_where_it_stands_again_and_so_are_its_words() -> None:
    found = windowed("Zebulon Quackenbush came; QUACKENBUSH, zebulon too", "Zebulon Quackenbush")
    assert found.after == " came; •••••••••••, ••••••• too"


def test_other_findings_digits_and_words_with_an_at_sign_are_masked_around() -> None:
    found = windowed("Ann or Bob, 4471, b@c d", "Ann", "Bob")
    assert found.before + found.value + found.after == "••• or •••, ••••, •@• d"


def test_a_word_that_the_windows_edge_cuts_is_masked() -> None:
    text = f"Quackenbush{' ' * (BESIDE - 4)}Ann{' ' * (BESIDE - 4)}Quackenbush"
    found = windowed(text, "Ann", hidden=("quackenbush",))
    assert set(found.before + found.after) == {"…", MASK, " "}


def test_a_long_value_is_cut() -> None:
    assert windowed("a" * 500, "a" * 500).value == MASK * MOST_SHOWN + "…"


def test_an_excerpt_does_not_show_its_text_by_chance() -> None:
    assert "Ann" not in repr(excerpt("Ann", place_of(Marked(0, 3, "X"))))


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=120).flatmap(
        lambda text: st.tuples(
            st.just(text),
            st.lists(st.tuples(st.integers(0, len(text) - 1), st.integers(1, 30)), min_size=1, max_size=4),
        )
    )
)
def test_no_character_of_a_finding_stands_at_its_place(case: tuple[str, list[tuple[int, int]]]) -> None:
    text, spans = case
    found = [Marked(start, min(len(text), start + length), "X") for start, length in spans]
    place = place_of(found[0])
    shown = window(excerpt(text, place), found, ())
    before = shown.before.removeprefix("…") if place.start > BESIDE else shown.before
    first = place.start - len(before)
    for one in found:
        for index in range(max(one.start, first), min(one.end, place.start)):
            assert before[index - first] in KEPT | {MASK}
    assert set(shown.value) <= KEPT | {MASK, "…"}
