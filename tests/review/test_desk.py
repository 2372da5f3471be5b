from __future__ import annotations

from pathlib import Path

import pytest

from scanner.errors import BadEvidence
from scanner.review.desk import NotAsked
from scanner.review.sample import stretch
from tests.review.conftest import TEXTS, Scene
from tests.scans import write_shard


def answer_all(scene: Scene, reviewer: str, answer: str) -> None:
    desk = scene.desk(reviewer)
    while (shown := desk.next())["kind"] == "question":
        desk.judge(shown["number"], answer)


def test_a_question_shows_the_value_in_its_context(scene: Scene) -> None:
    shown = scene.desk().next()
    assert shown["before"] + shown["value"] + shown["after"] in TEXTS
    assert shown["value"]


def test_each_value_is_asked_once_however_often_it_stands(scene: Scene) -> None:
    desk = scene.desk()
    values = []
    while (shown := desk.next())["kind"] == "question":
        values.append((shown["entity"], shown["value"]))
        desk.judge(shown["number"], "true")
    assert len(values) == len(set(values))
    assert ("EMAIL_ADDRESS", "anna.berg@example.org") in values


def test_two_reviewers_see_the_same_and_their_agreement_is_told(scene: Scene) -> None:
    answer_all(scene, "Ada", "true")
    answer_all(scene, "Grace", "false")
    (other,) = scene.desk("Ada").status()["reviewers"]
    assert other["name"] == "Grace"
    assert other["common"] > 0
    assert other["agreed"] == 0


def test_a_review_goes_on_where_it_ended(scene: Scene) -> None:
    desk = scene.desk()
    first = desk.next()
    desk.judge(first["number"], "unsure")
    assert scene.desk().next()["number"] != first["number"]
    assert scene.desk(fresh=True).next()["number"] == first["number"]


def test_a_line_that_was_cut_off_by_a_kill_is_asked_again(scene: Scene) -> None:
    desk = scene.desk()
    first = desk.next()
    desk.judge(first["number"], "true")
    (file,) = (scene.out / "review").glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-20])
    again = scene.desk()
    assert again.next()["number"] == first["number"]
    again.judge(first["number"], "false")
    assert scene.desk().status()["judged"] == 1


def test_false_findings_lower_the_score_and_misses_raise_it(scene: Scene) -> None:
    before = scene.desk().status()["score"]["p50"]
    answer_all(scene, "Ada", "false")
    desk = scene.desk()
    lower = desk.status()["score"]["p50"]
    assert lower < before
    shown = desk.next()
    assert shown["kind"] == "passage"
    text = shown["text"]
    marked = [{"start": at, "end": at + 3, "entity": "PHONE_NUMBER"} for at in range(0, len(text) - 3, 3)]
    desk.read(shown["number"], [], marked)
    status = desk.status()
    assert status["score"]["p50"] > lower
    assert next(one for one in status["entities"] if one["entity"] == "PHONE_NUMBER")["misses"] >= len(marked)


def test_passages_come_with_what_was_found_in_them(scene: Scene) -> None:
    answer_all(scene, "Ada", "true")
    desk = scene.desk(passages=8)
    found = []
    while (shown := desk.next())["kind"] == "passage":
        found += [shown["text"][one["start"] : one["end"]] for one in shown["found"]]
        desk.read(shown["number"], [], [])
    assert "joris@example.net" in found
    assert desk.next() == {"kind": "done"}


def test_what_was_not_asked_is_refused(scene: Scene) -> None:
    desk = scene.desk()
    for number, answer in ((-1, "true"), (10_000, "true"), (0, "perhaps")):
        with pytest.raises(NotAsked):
            desk.judge(number, answer)
    for missed in ({"start": 0, "end": 10_000, "entity": "PERSON"}, {"start": 0, "end": 1, "entity": "NOTHING"}, {}):
        with pytest.raises(NotAsked):
            desk.read(0, [], [missed])


def test_a_shard_that_changed_since_is_not_shown(scene: Scene) -> None:
    desk = scene.desk()
    for file in ("a.parquet", "b.parquet"):
        write_shard(scene.data / file, ["other text"])
    with pytest.raises(BadEvidence, match="is not the shard that was scanned"):
        desk.next()


def test_no_text_is_kept(scene: Scene, tmp_path: Path) -> None:
    answer_all(scene, "Ada", "true")
    desk = scene.desk()
    desk.read(desk.next()["number"], [], [])
    kept = b"".join(file.read_bytes() for file in (scene.out / "review").iterdir())
    assert kept
    for value in (b"anna", b"212-555", b"weather", b"joris"):
        assert value not in kept


def test_a_stretch_lies_within_its_cell_and_ends_between_words() -> None:
    text = "word " * 500
    for seed in range(50):
        found = stretch([("text", 0, text), ("empty", 0, " ")], 100, str(seed))
        assert found is not None
        column, _, start, end = found
        assert column == "text"
        assert 0 <= start < end <= len(text)
        assert end - start <= 100
        assert set(text[start:end].split(" ")) <= {"word", ""}
    assert stretch([("text", 0, "  ")], 100, "seed") is None
