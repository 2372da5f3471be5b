"""A value that is changed where it was found is changed where it stands again, in any shard, and is counted."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from scanner import vault
from scanner.elsewhere import accept, sweep
from scanner.executors import Settings, engines
from scanner.keys import read_key
from scanner.model import Dataset, ModelCard, Provenance
from scanner.outcome import Comparison, ShardDone
from scanner.redactor import redact_shard
from scanner.reports._redaction import markdown
from tests.redactions import EVERYTHING, forget, plan, redacted, request, tasks_for
from tests.scans import scanned, write_policy

MAIL, RARE, CARD = "zeb.quack@example.com", "only.once@example.com", "4012888888881881"
SEEN = [f"Write to {MAIL}.", f"My card is {CARD}.", f"Again {MAIL}, and {RARE}."]
MISSED = [f"{MAIL} wrote back.", f"From {RARE}", f"To {RARE}", f"Copy to {RARE}", "Nothing."]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards, and evidence of a scan that saw nothing in the second."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "data").mkdir()
    for name, texts in (("a", SEEN), ("b", MISSED)):
        pq.write_table(pa.table({"text": texts}), folder / "data" / f"{name}.parquet", row_group_size=2)
    key = folder / "keys" / "key"
    key.parent.mkdir()
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    card = ModelCard(parameters=7e9, training_tokens=1e12, epochs=1)
    dataset = Dataset("test", Provenance.LICENSED, model_card=card)
    scanned(folder / "data", folder / "scan", key, dataset=dataset, policy=write_policy(folder / "policy.yaml"))
    forget(folder / "scan", "b.parquet")
    return folder


def done(base: Path, out: Path, what: dict[str, Any], **changes: Any) -> tuple[Comparison, list[str], list[str]]:
    """The comparison, and the texts of both new shards."""
    told = redacted(base / "data", base / "scan", out, base / "keys" / "key", what, **changes)
    a, b = (pq.read_table(out / f"{name}.parquet")["text"].to_pylist() for name in "ab")
    return told, a, b


@pytest.fixture(scope="module")
def swept(base: Path) -> Path:
    out = base / "swept"
    done(base, out, EVERYTHING, vault=base / "vault", vault_key=base / "keys" / "vault.key")
    return out


def texts(out: Path, name: str) -> list[str]:
    found: list[str] = pq.read_table(out / f"{name}.parquet")["text"].to_pylist()
    return found


def test_a_value_that_was_missed_in_another_shard_gets_the_surrogate_of_its_twin(swept: Path) -> None:
    mail = texts(swept, "a")[0].removeprefix("Write to ").removesuffix(".")
    assert texts(swept, "b")[0] == f"{mail} wrote back."
    assert texts(swept, "b")[4] == "Nothing."


def test_a_value_missed_more_often_than_found_is_changed_once_the_rescan_finds_it(swept: Path) -> None:
    """One place of four was found: too few to take the text for the value, until a scan says that it is."""
    rare = texts(swept, "a")[2].rpartition(" ")[2].removesuffix(".")
    assert texts(swept, "b")[1:4] == [f"From {rare}", f"To {rare}", f"Copy to {rare}"]


def test_counts_and_bytes_are_those_of_a_run_that_goes_on(base: Path, swept: Path, tmp_path: Path) -> None:
    before = {name: (swept / f"{name}.parquet").stat().st_mtime_ns for name in "ab"}
    kept = {"vault": base / "vault", "vault_key": base / "keys" / "vault.key"}
    told, _, _ = done(base, swept, EVERYTHING, resume=True, **kept)
    assert (told.text.elsewhere, told.text.elsewhere_characters) == (4, len(MAIL) + 3 * len(RARE))
    assert (told.text.findings, told.still_found, told.incomplete) == (8, 0, False)
    assert {name: (swept / f"{name}.parquet").stat().st_mtime_ns for name in "ab"} == before
    again, _, _ = done(base, tmp_path / "again", EVERYTHING)
    assert again.text == told.text
    assert not (swept / "_redaction" / "sweep").exists()
    assert "Also redacted, and among these: 4 places" in markdown(told)
    for name in "ab":
        assert (tmp_path / "again" / f"{name}.parquet").read_bytes() == (swept / f"{name}.parquet").read_bytes()


def test_the_vault_brings_back_what_was_swept(base: Path, swept: Path, tmp_path: Path) -> None:
    key = read_key(base / "keys" / "vault.key")
    for entry in vault.entries(base / "vault", key):
        vault.restore(base / "vault", key, entry, swept / entry.name, tmp_path / entry.name)
        assert (tmp_path / entry.name).read_bytes() == (base / "data" / entry.name).read_bytes()


def test_without_the_sweep_what_was_missed_stays_and_is_told(base: Path, tmp_path: Path) -> None:
    told, _, b = done(base, tmp_path / "out", {**EVERYTHING, "elsewhere": False})
    assert b == MISSED
    assert (told.still_found, told.text.elsewhere) == (2, 0)
    assert "2 values that were to go are still found" in " ".join(told.explanation)


def test_a_policy_for_one_kind_sweeps_no_other(base: Path, tmp_path: Path) -> None:
    what = {"findings": [{"operator": "mask", "entity": "CREDIT_CARD"}]}
    _, a, b = done(base, tmp_path / "out", what)
    assert a == [SEEN[0], f"My card is {'*' * 16}.", SEEN[2]]
    assert b == MISSED


def test_the_order_of_shards_is_nothing_and_no_value_stands_in_a_file_of_the_sweep(base: Path, tmp_path: Path) -> None:
    told = []
    for name, order in (("x", 1), ("y", -1)):
        asked = request(base / "data", base / "scan", tmp_path / name, base / "keys" / "key", plan(EVERYTHING))
        tasks = tasks_for(asked, tmp_path / "scratch")
        found = sweep(tasks[::order], map)
        assert not found.faults
        told.append([(task.shard.name, task.swept) for task in accept(found, tasks, [])])
        written = [file for file in (tmp_path / name).rglob("*") if file.is_file()]
        assert written
        for file in written:
            held = file.read_bytes() + (str(pq.read_table(file).to_pylist()).encode() if file.suffix else b"")
            assert not any(value.encode() in held for value in (MAIL, RARE, CARD, "quack", "zeb"))
    assert told[0] == told[1]
    assert [bool(digest) for _, digest in told[0]] == [False, True]


def test_too_many_values_are_told_and_the_most_frequent_are_looked_for(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.sweep.MOST_VALUES", 1)
    asked = request(base / "data", base / "scan", tmp_path / "out", base / "keys" / "key", plan(EVERYTHING))
    tasks = tasks_for(asked, tmp_path / "scratch")
    found = sweep(tasks, map)
    assert found.left_out == 2
    rows = pq.read_table(found.tasks[1].elsewhere)
    assert pc.count(rows["row"]).as_py() == 1


def ignored(_: object) -> None:
    """What workers tell is for no one."""


def test_one_process_and_two_workers_write_the_same_bytes(base: Path, tmp_path: Path) -> None:
    made = []
    for name, engine in (("one", "inline"), ("two", "local")):
        asked = request(base / "data", base / "scan", tmp_path / name, base / "keys" / "key", plan(EVERYTHING))
        tasks = tasks_for(asked, tmp_path / "scratch")
        with closing(engines()[engine](Settings(2, ignored, ignored))) as executor:
            told = accept(sweep(tasks, executor.map), tasks, [])
            assert [one.fault for one in executor.map(redact_shard, told) if isinstance(one, ShardDone)] == ["", ""]
        made.append([Path(file).read_bytes() for task in told for file in (str(task.target), task.selection)])
    assert made[0] == made[1]
