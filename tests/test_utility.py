"""What a redaction costs the text: words counted as an expression counts them."""

from __future__ import annotations

import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from scanner.utility import words_in

TEXTS = st.lists(st.none() | st.text(st.sampled_from("ab \t\n\r\f\v\u00a0é日"), max_size=12), max_size=6)


@given(TEXTS, st.integers(0, 2))
def test_words_are_counted_as_runs_of_anything_but_blanks(values: list[str | None], skipped: int) -> None:
    column = pa.array(["first one", None, *values], pa.large_string()).slice(skipped)
    runs = [re.findall(r"[^ \t\n\r\f]+", text) for text in column.to_pylist() if text is not None]
    assert words_in(column) == sum(map(len, runs))
