from __future__ import annotations

import numpy as np
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from scanner.detectors import digits

CLUSTER = regex.compile(rb"[0-9](?:[^0-9]{0,3}[0-9]){4,}")


def clusters(text: bytes) -> list[list[int]]:
    return digits.clusters(np.frombuffer(text, dtype=np.uint8)).tolist()


@pytest.mark.parametrize("piece", [1, 16, 1 << 20])
@given(text=st.lists(st.sampled_from(["1", "22", "90", "-", "a ", "....", "é"]), max_size=60).map("".join))
def test_clusters_are_those_of_the_expression(text: str, piece: int) -> None:
    raw = text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "_PIECE_BYTES", piece)
        assert clusters(raw) == [list(match.span()) for match in CLUSTER.finditer(raw)]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=12), st.integers(0, 5))
def test_joined_spans_cover_the_same_and_lie_apart(parts: list[tuple[int, int]], gap: int) -> None:
    spans = np.array([(first, first + size) for first, size in parts], np.int64).reshape(-1, 2)
    merged = digits.joined(spans, gap)
    covered = {place for first, last in spans.tolist() for place in range(first, last)}
    assert covered <= {place for first, last in merged.tolist() for place in range(first, last)}
    assert set(merged.ravel().tolist()) <= set(spans.ravel().tolist())
    assert all(after - before > gap for before, after in zip(merged[:-1, 1], merged[1:, 0], strict=True))
