"""The scoring rules: half of the characters, unmapped labels, lines, masks, intervals, sums."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Finding
from scanner.scoring import (
    Counts,
    Document,
    Gold,
    LabelMap,
    Score,
    Unit,
    f_beta,
    jeffreys,
    masked,
    quality,
    score,
)

PEOPLE = LabelMap(entities={"PER": "PERSON", "LOC": "LOCATION"}, ignore=frozenset({"ORG"}))


def document(text: str, *golds: tuple[int, int, str], **more: object) -> Document:
    return Document(text, "en", tuple(Gold(*gold) for gold in golds), **more)  # type: ignore[arg-type]


def finding(entity: str, start: int, end: int, confidence: float = 0.85, rule: str = "rule") -> Finding:
    return Finding(entity, start, end, confidence, rule)


def counts(entity: str, text: Document, *findings: Finding, labels: LabelMap = PEOPLE) -> Counts:
    return score([(text, findings)], labels).entities.get(entity, Counts())


def test_half_of_the_gold_found_is_found() -> None:
    assert counts("PERSON", document("x" * 20, (0, 10, "PER")), finding("PERSON", 0, 5)).hits == 1


def test_less_than_half_of_the_gold_found_is_missed() -> None:
    assert counts("PERSON", document("x" * 20, (0, 10, "PER")), finding("PERSON", 0, 4)).misses == 1


def test_a_number_of_one_country_counts_as_every_wider_kind() -> None:
    for kind in ("UK_NINO", "GOVERNMENT_ID", "ID"):
        text = document("x" * 20, (0, 10, "number"))
        labels = LabelMap(entities={"number": kind})
        assert counts(kind, text, finding("UK_NINO", 0, 10), labels=labels) == Counts(hits=1, right=1)
    assert counts("UK_NINO", text, finding("GOVERNMENT_ID", 0, 10), labels=LabelMap({"number": "UK_NINO"})).hits == 0


def test_two_findings_together_cover_one_gold_span() -> None:
    text = document("x" * 20, (0, 10, "PER"))
    assert counts("PERSON", text, finding("PERSON", 0, 3), finding("PERSON", 7, 10)).hits == 1


def test_a_finding_half_outside_the_gold_is_right_and_beyond_that_false() -> None:
    text = document("x" * 20, (0, 4, "PER"))
    assert counts("PERSON", text, finding("PERSON", 0, 8)) == Counts(hits=1, right=1)
    assert counts("PERSON", text, finding("PERSON", 0, 9)) == Counts(hits=1, wrong=1)


def test_a_finding_on_an_unmapped_label_counts_neither_way() -> None:
    assert counts("PERSON", document("x" * 20, (0, 10, "ORG")), finding("PERSON", 0, 10)) == Counts()


def test_a_finding_of_an_entity_that_the_set_does_not_know_counts_neither_way() -> None:
    assert score([(document("x" * 20), [finding("CREDIT_CARD", 0, 16)])], PEOPLE).entities == {}


def test_a_finding_on_gold_of_another_entity_is_false() -> None:
    assert counts("PERSON", document("x" * 20, (0, 10, "LOC")), finding("PERSON", 0, 10)).wrong == 1


def test_a_street_address_is_also_a_location() -> None:
    text = document("x" * 20, (0, 10, "LOC"))
    assert counts("LOCATION", text, finding("ADDRESS", 0, 10)) == Counts(hits=1, right=1)


def test_a_place_within_a_labelled_address_is_right_but_does_not_find_the_address() -> None:
    labels = LabelMap(entities={"ADDR": "ADDRESS", "LOC": "LOCATION"})
    result = score([(document("x" * 20, (0, 10, "ADDR")), [finding("LOCATION", 0, 10)])], labels)
    assert result.entities == {"ADDRESS": Counts(misses=1), "LOCATION": Counts(right=1)}


def test_every_entity_finds_gold_of_any_kind() -> None:
    labels = LabelMap(entities={"UNIT": "ANY"}, precision=False)
    assert counts("ANY", document("x" * 9, (0, 9, "UNIT")), finding("URL", 0, 5), labels=labels) == Counts(hits=1)


def test_a_published_example_value_finds_gold_and_is_neither_right_nor_false() -> None:
    example = finding("PERSON", 0, 4).as_documentation()
    assert counts("PERSON", document("x" * 20, (0, 4, "PER")), example) == Counts(hits=1)
    assert counts("PERSON", document("x" * 20), example) == Counts()


def test_sparse_gold_gives_no_false_findings() -> None:
    labels = LabelMap(entities={"PER": "PERSON"}, precision=False)
    text = document("x" * 20, (0, 4, "PER"))
    assert counts("PERSON", text, finding("PERSON", 10, 14), labels=labels) == Counts(misses=1)


def test_documents_of_a_group_are_judged_by_the_labels_of_that_group() -> None:
    labels = LabelMap(entities={"tel": "PHONE_NUMBER", "ip": "IP_ADDRESS"}, by="model")
    pairs = [
        (document("x" * 9, (0, 9, "tel"), group="phones"), [finding("IP_ADDRESS", 0, 9)]),
        (document("x" * 9, (0, 9, "ip"), group="addresses"), []),
    ]
    assert score(pairs, labels).entities == {"PHONE_NUMBER": Counts(misses=1), "IP_ADDRESS": Counts(misses=1)}


def test_any_is_the_share_of_gold_characters_under_a_finding_of_whatever_entity() -> None:
    text = document("x" * 20, (0, 10, "PER"), (10, 14, "ORG"))
    result = score([(text, [finding("URL", 5, 20)])], PEOPLE)
    assert (result.covered_characters, result.gold_characters) == (5, 10)


LINES = LabelMap(entities={"*": "SECRET"}, ignore=frozenset({"UUID"}), unit=Unit.LINE, negatives="neg_spans")
CODE = "key = aaaa\nuser = bbbb\nid = cccc\nother = dddd\n"


def code(*negatives: Gold) -> Document:
    return Document(CODE, "code", (Gold(6, 10, "Key"), Gold(28, 32, "UUID")), negatives)


def test_a_finding_anywhere_on_the_line_finds_its_secret() -> None:
    assert counts("SECRET", code(), finding("SECRET", 0, 3), labels=LINES) == Counts(hits=1, right=1)


def test_a_finding_on_a_line_known_to_hold_no_secret_is_false() -> None:
    text = code(Gold(18, 22, "Key"))
    assert counts("SECRET", text, finding("SECRET", 18, 22), labels=LINES) == Counts(misses=1, wrong=1)


def test_findings_on_ignored_and_on_unlabelled_lines_count_neither_way() -> None:
    spans = (finding("SECRET", 28, 32), finding("SECRET", 41, 45))
    assert counts("SECRET", code(), *spans, labels=LINES) == Counts(misses=1)


def test_a_secret_over_several_lines_is_found_by_one_of_them() -> None:
    text = Document("a\nb\nc\n", "code", (Gold(0, 5, "Key"),))
    assert counts("SECRET", text, finding("SECRET", 2, 3), labels=LINES) == Counts(hits=1, right=1)


def test_bins_and_rules_tell_where_right_and_false_findings_stand() -> None:
    text = document("x" * 20, (0, 4, "PER"))
    result = score([(text, [finding("PERSON", 0, 4, 0.95, "a"), finding("PERSON", 9, 12, 0.5, "b")])], PEOPLE)
    assert result.bins == {("PERSON", 4): Counts(right=1), ("PERSON", 1): Counts(wrong=1)}
    assert result.rules == {("PERSON", "a"): Counts(right=1), ("PERSON", "b"): Counts(wrong=1)}


def test_misses_and_false_findings_are_told_by_shape() -> None:
    text = document("Jane Roe, 12 May", (0, 8, "PER"))
    result = score([(text, [finding("PERSON", 10, 16)])], PEOPLE)
    assert result.missed == {("PERSON", "Xxxx Xxx"): 1}
    assert result.false_alarms == {("PERSON", "rule", "99 Xxx"): 1}


@given(st.text())
def test_a_shape_keeps_no_letter_and_no_digit(text: str) -> None:
    assert not {c for c in masked(text) if c.isalnum()} - {"X", "x", "9"}


GOLD = st.tuples(st.integers(0, 8), st.integers(1, 8), st.sampled_from(["PER", "LOC", "ORG"]))
FOUND = st.tuples(st.integers(0, 8), st.integers(1, 8), st.sampled_from(["PERSON", "LOCATION", "ADDRESS", "URL"]))


@given(st.lists(st.tuples(st.lists(GOLD, max_size=4), st.lists(FOUND, max_size=4)), max_size=4), st.integers(0, 4))
def test_scores_of_two_parts_add_up_to_the_score_of_the_whole(
    drawn: list[tuple[list[tuple[int, int, str]], list[tuple[int, int, str]]]], cut: int
) -> None:
    pairs = [
        (
            document("x" * 16, *((start, start + length, label) for start, length, label in golds)),
            [finding(entity, start, start + length) for start, length, entity in found],
        )
        for golds, found in drawn
    ]
    assert score(pairs[:cut], PEOPLE) + score(pairs[cut:], PEOPLE) == score(pairs, PEOPLE)


def test_the_empty_score_changes_nothing() -> None:
    one = score([(document("x" * 9, (0, 9, "PER")), [finding("PERSON", 0, 9)])], PEOPLE)
    assert one + Score() == one == Score() + one


def test_f2_weighs_recall_four_times() -> None:
    assert f_beta(0.5, 1.0) == pytest.approx(5 * 0.5 / (4 * 0.5 + 1.0))
    assert f_beta(0.0, 0.0) == 0.0


def test_the_interval_of_ten_of_ten_is_that_of_jeffreys() -> None:
    # Brown, Cai, DasGupta (2001), Interval Estimation for a Binomial Proportion: Beta(10.5, 0.5), the 2.5 % point.
    estimate = jeffreys(10, 0)
    assert estimate.value == 1.0
    assert estimate.low == pytest.approx(0.783, abs=0.001)


def test_what_was_never_counted_has_no_value() -> None:
    assert quality(Counts()).f2.value is None


def test_f2_lies_in_its_interval() -> None:
    measured = quality(Counts(hits=80, misses=20, right=70, wrong=30)).f2
    assert measured.value is not None
    assert measured.low < measured.value < measured.high
