"""Nothing outside of the spans changes, and JSON stays JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.splicing import Make, splice


def x(text: str) -> str:
    return "X"


def spans_of(text: str, *parts: str, make: Make = x) -> list[tuple[int, int, Make]]:
    return [(text.index(part), text.index(part) + len(part), make) for part in parts]


def test_spans_are_made_other_and_the_rest_stays() -> None:
    done = splice("call Ana at 555-0143.", spans_of("call Ana at 555-0143.", "Ana", "555-0143"))
    assert done.text == "call X at X."
    assert [done.text[start:end] for start, end in done.places] == ["X", "X"]


@given(st.text(), st.data())
def test_characters_outside_of_spans_never_change(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = [(a, b, lambda old: f"«{len(old)}»") for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    done = splice("x" + text, [(a + 1, b + 1, make) for a, b, make in spans])
    starts, ends = [*(span[0] for span in spans), len(text)], [0, *(span[1] for span in spans)]
    outside = "x" + "".join(text[end:start] for end, start in zip(ends, starts, strict=True))
    kept = done.text
    for start, end in reversed(done.places):
        kept = kept[:start] + kept[end:]
    assert kept == outside


def test_overlapping_spans_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        splice("abcdef", [(0, 3, x), (2, 4, x)])
    with pytest.raises(ValueError, match="overlap"):
        splice("abc", [(2, 9, x)])


def test_a_string_of_json_is_decoded_before_and_escaped_after() -> None:
    text = json.dumps({"name": 'Zoë "Q" Reyes', "note": "call\nAna"})
    seen: list[str] = []

    def make(old: str) -> str:
        seen.append(old)
        return 'a "b"\\c'

    start = text.index("Zo")
    done = splice(text, [(start, text.index("Reyes") + 5, make), *spans_of(text, "Ana")])
    assert seen == ['Zoë "Q" Reyes']
    assert json.loads(done.text) == {"name": 'a "b"\\c', "note": "call\nX"}


def test_a_span_over_two_values_of_json_leaves_keys_and_structure() -> None:
    text = '{"street": "12 Elm St", "city": "Springfield", "n": 1}'
    done = splice(text, [(text.index("12"), text.index("field") + 5, x)])
    assert json.loads(done.text) == {"street": "X", "city": "X", "n": 1}


def test_numbers_of_json_stay_numbers_or_become_null() -> None:
    text = '{"phone": 2125550143, "age": 40}'
    assert (
        json.loads(splice(text, spans_of(text, "2125550143", make=lambda _: "1605550143")).text)["phone"] == 1605550143
    )
    assert json.loads(splice(text, spans_of(text, "2125550143")).text) == {"phone": None, "age": 40}
    assert json.loads(splice(text, spans_of(text, "2125550143", make=lambda _: "0605550143")).text)["phone"] is None
    assert json.loads(splice(text, spans_of(text, "555", make=lambda _: "<X>")).text)["phone"] == 2121110143


JSON = st.recursive(
    st.text(max_size=8) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=3), st.data(), st.booleans())
def test_json_stays_json_when_strings_change(value: dict[str, Any], data: st.DataObject, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    inside = text[start:end]
    if '"' not in inside or "\\" in text:
        return
    assert isinstance(json.loads(splice(text, [(start, end, lambda old: 'q"é')]).text), dict)
