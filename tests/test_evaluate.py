"""Evaluation of labelled Parquet: reading gold and maps, faults with their places, and the outcome's forms."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from scanner.cli.evaluate import command
from scanner.errors import BadDataset, NothingToScan
from scanner.evaluate import calibration, calibration_text, evaluate, read_maps, render, to_json, unknown_told
from scanner.model import Finding
from scanner.scoring import Counts, LabelMap

SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string())])
TEXTS = ["Write to jane@example.com today", "no address here", "ask roe@example.org or zz@example"]


def write(path: Path, rows: list[tuple[str, list[tuple[int, int, str]]]]) -> Path:
    spans = [[{"start": a, "end": b, "label": label} for a, b, label in golds] for _, golds in rows]
    table = pa.table({"text": [text for text, _ in rows], "spans": pa.array(spans, pa.list_(SPAN))})
    pq.write_table(table, path)
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return write(
        tmp_path / "mails.parquet",
        [(TEXTS[0], [(9, 25, "MAIL")]), (TEXTS[1], []), (TEXTS[2], [(4, 19, "MAIL"), (23, 33, "MAIL")])],
    )


MAPS = {"mails": LabelMap(entities={"MAIL": "EMAIL_ADDRESS"}, licence="CC0-1.0")}


def find_mails(texts: list[str], languages: list[str]) -> list[list[Finding]]:
    assert len(texts) == len(languages)
    return [
        [Finding("EMAIL_ADDRESS", m.start(), m.end(), 0.9, "mail") for m in re.finditer(r"\w+@\w+\.\w+|today", text)]
        for text in texts
    ]


def test_hits_misses_and_false_findings_are_counted_by_set(gold: Path) -> None:
    evaluation = evaluate([gold], MAPS, find_mails)
    assert evaluation.sets["mails"].entities == {"EMAIL_ADDRESS": Counts(hits=2, misses=1, right=2, wrong=1)}


def test_a_set_without_a_map_has_entities_for_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "own.parquet", [(TEXTS[0], [(9, 25, "EMAIL_ADDRESS")])])
    assert evaluate([path], {}, find_mails).total.entities["EMAIL_ADDRESS"].hits == 1


def test_labels_that_no_map_knows_are_told_all_at_once_with_their_counts(tmp_path: Path) -> None:
    mails = write(
        tmp_path / "mails.parquet", [(TEXTS[0], [(0, 5, "VERB"), (9, 25, "MAIL")]), (TEXTS[1], [(0, 2, "NO")])]
    )
    bare = write(tmp_path / "bare.parquet", [(TEXTS[0], [(9, 25, "EMAIL_ADDRESS")]), (TEXTS[1], [(0, 2, "PER")])])
    evaluation = evaluate([mails, bare], MAPS, find_mails, entities=["EMAIL_ADDRESS"])
    assert unknown_told(evaluation) == "bare: PER (1); mails: NO (1), VERB (1)"
    assert to_json(evaluation)["unknown_labels"] == {"bare": {"PER": 1}, "mails": {"NO": 1, "VERB": 1}}
    assert evaluation.sets["mails"].entities == {"EMAIL_ADDRESS": Counts(hits=1, misses=0, right=1, wrong=1)}


def test_labels_that_a_map_ignores_are_known(tmp_path: Path) -> None:
    path = write(tmp_path / "mails.parquet", [(TEXTS[0], [(0, 5, "VERB"), (9, 25, "MAIL")])])
    for ignore in ("VERB", "*"):
        maps = {"mails": LabelMap(entities={"MAIL": "EMAIL_ADDRESS"}, ignore=frozenset({ignore}))}
        assert not evaluate([path], maps, find_mails, entities=["EMAIL_ADDRESS"]).unknown


def test_the_command_warns_of_labels_that_no_map_knows(gold: Path) -> None:
    result = CliRunner().invoke(command, [str(gold), "--no-names"])
    assert result.exit_code == 0
    assert result.stderr == "warning: labels that no map knows: mails: MAIL (3)\n"


def test_the_outcome_tells_no_text_unless_asked(gold: Path) -> None:
    evaluation = evaluate([gold], MAPS, find_mails)
    told = render(evaluation) + str(to_json(evaluation))
    assert "today" not in told
    assert "xx@xxxx" in told
    assert "zz@example" in render(evaluate([gold], MAPS, find_mails, show_text=True))


def test_the_json_outcome_holds_shares_with_their_intervals(gold: Path) -> None:
    told = to_json(evaluate([gold], MAPS, find_mails))["sets"]["mails"]["entities"]["EMAIL_ADDRESS"]
    assert told["recall"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert told["recall"]["low"] < told["recall"]["value"] < told["recall"]["high"]


def test_the_calibration_table_counts_by_confidence_bin(gold: Path) -> None:
    table = calibration(evaluate([gold], MAPS, find_mails), MAPS, "2026-01-31", "0.1.0", {"en": "model 1"})
    assert table["entities"] == {
        "EMAIL_ADDRESS": {"precision": [[0, 0], [0, 0], [0, 0], [0, 0], [2, 1]], "recall": [2, 1], "sets": ["mails"]}
    }
    assert table["sets"] == [{"name": "mails", "documents": 3, "licence": "CC0-1.0"}]


def test_a_calibration_file_keeps_the_comments_at_its_head(gold: Path) -> None:
    table = calibration(evaluate([gold], MAPS, find_mails), MAPS, "2026-01-31", "0.1.0", {})
    text = calibration_text(table, "# what the keys mean\nschema_version: 1\n")
    assert text.startswith("# what the keys mean\n")
    assert yaml.safe_load(text) == table


def test_all_faulty_files_are_told_at_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 not really")
    bare = tmp_path / "bare.parquet"
    pq.write_table(pa.table({"body": ["x"]}), bare)
    with pytest.raises(BadDataset) as caught:
        evaluate([broken, bare], {}, find_mails)
    assert [fault.place for fault in caught.value.faults] == ["broken.parquet", "bare.parquet", "bare.parquet"]


def test_a_span_out_of_its_text_is_told_by_row_without_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "off.parquet", [("fine", []), ("secretword", [(4, 99, "MAIL")])])
    with pytest.raises(BadDataset, match="row 1") as caught:
        evaluate([path], {}, find_mails)
    assert "secretword" not in str(caught.value)


def test_no_gold_is_nothing_to_scan() -> None:
    with pytest.raises(NothingToScan):
        evaluate([], {}, find_mails)


def test_label_maps_are_read_with_their_settings(tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("code: {map: {'*': SECRET}, ignore: [UUID], unit: line, negatives: neg_spans, precision: false}\n")
    labels = read_maps(path)["code"]
    assert labels.entity("Password") == "SECRET"
    assert labels.entity("UUID") is None
    assert (labels.unit, labels.negatives, labels.precision) == ("line", "neg_spans", False)


def test_every_fault_of_a_map_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("a: {map: {}, unit: page, precision: maybe, other: 1}\nb: {ignore: []}\n")
    with pytest.raises(BadDataset) as caught:
        read_maps(path)
    assert len(caught.value.faults) == 4
    assert {fault.place for fault in caught.value.faults} == {"labels.yaml: a", "labels.yaml: b"}


def test_the_corpora_and_their_map_are_read_whole(corpora: Path) -> None:
    maps = read_maps(corpora / "labels.yaml")
    evaluation = evaluate([corpora / "labelled" / "uner_ewt_dev.parquet"], maps, lambda texts, _: [[] for _ in texts])
    total = evaluation.total
    assert total.documents == 318
    assert total.entities["EMAIL_ADDRESS"] == Counts(misses=31)


SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"text": pa.array(["a"]), "spans": pa.array(["[]"])}, "column `spans` must hold a list of"),
        ({"text": pa.array([1]), "spans": pa.array([[]], pa.list_(SPAN))}, "column `text` must hold text"),
        (
            {"text": pa.array(["a"]), "spans": pa.array([[]], pa.list_(pa.struct([("start", pa.int64())])))},
            "column `spans` must hold a list of",
        ),
    ],
)
def test_columns_of_another_type_are_told(tmp_path: Path, columns: dict[str, pa.Array], said: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "gold.parquet")
    with pytest.raises(BadDataset, match=said):
        evaluate([tmp_path / "gold.parquet"], {}, lambda texts, _: [[] for _ in texts])
