from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanner.reviewing import (
    Answer,
    Judged,
    Marked,
    Place,
    Question,
    Read,
    Review,
    agreement,
    allotted,
    as_document,
    measured,
)
from scanner.risk import Calibration, Measured, parse_calibration

ELSEWHERE = Calibration(
    {"PERSON": Measured(((0, 0), (0, 0), (0, 0), (900, 100), (0, 0)), 90, 10), "URL": Measured(((0, 0),) * 5, 3, 1)}
)


def question(number: int, entity: str = "PERSON", confidence_bin: int = 3) -> Question:
    return Question(Place("a.parquet", number, "text", 0, 0, 5), entity, "rule", confidence_bin)


def review(*answers: str) -> Review:
    return Review(tuple(Judged(question(number), Answer(answer)) for number, answer in enumerate(answers)))


def test_judgements_of_this_text_outweigh_counts_of_other_text() -> None:
    found = measured(ELSEWHERE, [review("true", "false", "false", "unsure")], 50).entities["PERSON"]
    assert found.precision[3] == (45 + 1, 5 + 2)
    assert (found.hits, found.misses) == (90, 10), "no passage was read, so recall is as it was"


def test_passages_tell_recall_and_leave_other_entities_alone() -> None:
    place = Place("a.parquet", 1, "text", 0, 100, 200)
    read = Read(place, (Marked(110, 115, "PERSON"),), (Marked(120, 125, "PERSON"), Marked(130, 140, "ADDRESS")))
    found = measured(ELSEWHERE, [Review(read=(read,))], 10).entities
    assert (found["PERSON"].hits, found["PERSON"].misses) == (9 + 1, 1 + 1)
    assert (found["ADDRESS"].hits, found["ADDRESS"].misses) == (0, 1)
    assert found["URL"] == ELSEWHERE.entities["URL"]


def test_what_two_reviewers_disagree_on_counts_for_neither() -> None:
    found = measured(Calibration(), [review("true", "true"), review("true", "false")], 50).entities["PERSON"]
    assert found.precision[3] == (1, 0)


def test_the_last_word_on_a_question_counts() -> None:
    twice = Review((Judged(question(0), Answer.TRUE), Judged(question(0), Answer.FALSE)))
    assert measured(Calibration(), [twice], 0).entities["PERSON"].precision[3] == (0, 1)


def test_agreement_beyond_chance_is_told_by_kappa() -> None:
    first, second = review(*["true"] * 5, *["false"] * 5), review(*["true"] * 4, *["false"] * 6)
    found = agreement(first, second)
    assert (found.common, found.agreed) == (10, 9)
    assert found.kappa is not None
    assert round(found.kappa, 3) == 0.8  # (.9 − .5) / (1 − .5)
    assert agreement(first, Review()).kappa is None
    assert agreement(review("true"), review("true")).kappa is None, "chance alone agrees on everything"


@given(st.dictionaries(st.tuples(st.sampled_from("ab"), st.integers(0, 4)), st.integers(0, 30)), st.integers(0, 100))
def test_every_stratum_gets_as_many_questions_as_it_can_use(sizes: dict[tuple[str, int], int], total: int) -> None:
    chosen = allotted(sizes, total)
    assert sum(chosen.values()) == min(total, sum(sizes.values()))
    assert all(chosen[one] <= sizes[one] for one in sizes)
    for one in sizes:
        for other in sizes:
            assert chosen[one] >= chosen[other] - 1 or chosen[one] == sizes[one]


@given(st.lists(st.sampled_from(["true", "false", "unsure"]), max_size=40), st.integers(0, 200))
def test_more_judgements_never_count_for_less(answers: list[str], most: int) -> None:
    sums = []
    for count in range(len(answers) + 1):
        found = measured(ELSEWHERE, [review(*answers[:count])], most).entities["PERSON"]
        sums.append(sum(found.precision[3]))
    judged = sum(answer != "unsure" for answer in answers)
    assert sums[-1] in (judged + sum(round(part * min(1, most / 1000)) for part in (900, 100)), 1000)


def test_a_calibration_comes_back_from_its_document() -> None:
    assert parse_calibration(as_document(ELSEWHERE), "calibration.yaml").entities == ELSEWHERE.entities
