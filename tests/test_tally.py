from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanner.lots import LotCount
from scanner.model import CONFIDENCE_EDGES, Finding, Unscanned, UnscannedReason
from scanner.tally import ColumnCount, FindingCount, Running, Tally, total

counts = st.integers(0, 2**40)
names = st.sampled_from(["text", "messages[].content", ""])
finding_counts = st.builds(
    FindingCount,
    counts,
    counts,
    counts,
    counts,
    st.tuples(*[counts for _ in CONFIDENCE_EDGES]),
)
tallies = st.builds(
    Tally,
    rows=counts,
    scanned_bytes=counts,
    columns=st.dictionaries(names, st.builds(ColumnCount, counts, counts, counts)),
    findings=st.dictionaries(st.tuples(st.sampled_from(["PERSON", "SECRET"]), names), finding_counts),
    names_read=st.dictionaries(st.sampled_from(["en", "fr"]), counts),
    names_unread=st.dictionaries(st.sampled_from(["de", "und"]), counts),
    lots=st.dictionaries(st.integers(0, 15), st.builds(LotCount, counts, counts, counts, counts), max_size=3),
    unscanned=st.lists(
        st.builds(Unscanned, names, names, counts, counts, st.sampled_from(UnscannedReason)), max_size=3
    ).map(lambda entries: tuple(sorted(entries))),
)


@given(tallies, tallies)
def test_adding_is_commutative(a: Tally, b: Tally) -> None:
    assert a + b == b + a


@given(tallies, tallies, tallies)
def test_adding_is_associative(a: Tally, b: Tally, c: Tally) -> None:
    assert (a + b) + c == a + (b + c)


@given(tallies)
def test_the_empty_tally_changes_nothing(a: Tally) -> None:
    assert a + Tally() == a


@given(tallies)
def test_json_gives_the_equal_tally_back(a: Tally) -> None:
    assert Tally.from_json(a.to_json()) == a


@given(st.lists(tallies, max_size=7))
def test_a_running_sum_is_the_plain_sum(many: list[Tally]) -> None:
    running = Running()
    for tally in many:
        running.add(tally)
    assert running.total == total(iter(many)) == sum(many, Tally())


def test_documentation_values_are_counted_apart() -> None:
    told = [Finding("PERSON", 0, 5, confidence, "names.en") for confidence in (0.3, 0.4, 0.95)]
    published = Finding("PERSON", 10, 14, 0.9, "names.en").as_documentation()
    assert FindingCount.of([*told, published], 2) == FindingCount(3, 2, 15, 1, (1, 1, 0, 0, 1))
