"""Redactions from end to end, in this process: what is taken out is gone, and nothing else has changed."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from scanner.cli import scanner
from scanner.errors import BadOutput, BadRedaction, BadVault
from scanner.evidence import Action, Cost, Evidence, Interval, Remedy
from scanner.executors import local
from scanner.model import Dataset, ModelCard, Provenance, Tier
from scanner.redact import estimate, redact
from scanner.redaction import plan_of_remedy
from scanner.scan import scan
from scanner.vault import entries, restore
from tests.canaries import leaks
from tests.redactions import EVERYTHING, plan, redacted, request, rewritten
from tests.scans import Silent, scanned, spans, write_policy
from tests.scans import request as scan_request

MAIL, CARD, PHONE, SSN = "zeb.quack@example.com", "4012888888881881", "(503) 555-0187", "536-22-8471"
TEXTS = [
    f"Write to {MAIL} or call {PHONE}.",
    f"My card is {CARD}, my social security number is {SSN}.",
    None,
    "Nothing to see here.",
    f"Again {MAIL}, born on 05/27/1946.",
    '{"mail": "' + MAIL + '", "phone": "' + PHONE + '"}',
]
SHARDS = ("day=1/a.parquet", "day=2/b.parquet")
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False, metadata={"PARQUET:field_id": "3"}),
        pa.field("text", pa.large_string()),
        pa.field("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        pa.field("phone", pa.int64()),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
    ],
    metadata={"owner": "somebody"},
)


def rows(start: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "text": TEXTS[number % len(TEXTS)],
            "messages": [
                {"role": "user", "content": f"Hi, my e-mail is user{number % 40}@example.org."},
                {"role": "agent", "content": None},
            ],
            "phone": 2125550100 + number % 100,
            "kind": "ab"[number % 2],
        }
        for number in range(start, start + count)
    ]


def write(file: Path, start: int, count: int = 60) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows(start, count), schema=SCHEMA)
    pq.write_table(table, file, row_group_size=25, compression="zstd", sorting_columns=[pq.SortingColumn(0)])
    return file


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, key and evidence that no test changes."""
    folder = tmp_path_factory.mktemp("base")
    write(folder / "data" / "day=1" / "a.parquet", 0)
    write(folder / "data" / "day=2" / "b.parquet", 60)
    key = folder / "keys" / "key"
    key.parent.mkdir()
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    scanned(folder / "data", folder / "scan", key, dataset=dataset(), policy=write_policy(folder / "policy.yaml"))
    return folder


def dataset() -> Dataset:
    card = ModelCard(parameters=7e9, training_tokens=1e12, epochs=2)
    return Dataset("test", Provenance.LICENSED, model_card=card)


@pytest.fixture(scope="module")
def everything(base: Path) -> Path:
    """All that was found, pseudonymised, with a vault."""
    out = base / "everything"
    kept: dict[str, Any] = {"vault": base / "vault", "vault_key": vault_key(base)}
    redacted(base / "data", base / "scan", out, base / "keys" / "key", EVERYTHING, **kept)
    return out


def vault_key(base: Path) -> Path:
    return base / "keys" / "vault.key"


def read(out: Path, name: str = "day=1/a.parquet") -> pa.Table:
    return pq.ParquetFile(out / name).read()


def report(out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((out / "_redaction" / "scan" / "evidence.json").read_text())
    return told


def test_nothing_that_was_found_stands_in_any_byte_of_the_output(everything: Path) -> None:
    assert leaks(everything, [MAIL, CARD, PHONE, SSN, "user7@example.org", "2125550107", "05/27/1946"]) == []


def test_a_scan_of_the_output_finds_nothing_that_was_redacted(base: Path, everything: Path) -> None:
    before = {span["fingerprint"] for span in spans(base / "scan")}
    after = spans(everything / "_redaction" / "scan")
    counted = [span for span in after if not span["rule"].startswith("documentation:")]
    assert counted == []
    assert {span["fingerprint"] for span in after}.isdisjoint(before)
    assert len(after) > 200
    assert all(span["rule"].startswith("documentation:surrogate:") for span in after)


def test_equal_values_stay_equal_over_cells_columns_and_shards(everything: Path) -> None:
    texts = [str(text) for name in SHARDS for text in read(everything, name)["text"].to_pylist()]
    mails = {mail for text in texts for mail in re.findall(r"[\w.]+@[\w.]+\.example\.\w+", text)}
    assert len(mails) == 1
    assert sum(mails.copy().pop() in text for text in texts) == 60
    messages = [row for name in SHARDS for row in read(everything, name)["messages"].to_pylist()]
    assert len({row[0]["content"] for row in messages}) == 40


def test_no_character_outside_of_a_finding_changes(base: Path, everything: Path) -> None:
    for shard in SHARDS:
        old, new = read(base / "data", shard).to_pylist(), read(everything, shard).to_pylist()
        found: dict[tuple[int, str, int], list[tuple[int, int]]] = {}
        for span in spans(base / "scan"):
            if span["shard"] == shard:
                found.setdefault((span["row"], span["column"], span["item"]), []).append((span["start"], span["end"]))
        for row, (before, after) in enumerate(zip(old, new, strict=True)):
            assert (before["id"], before["kind"]) == (after["id"], after["kind"])
            assert matches(before["text"], after["text"], found.get((row, "text", 0), []))
            for item in range(2):
                pair = (before["messages"][item]["content"], after["messages"][item]["content"])
                assert matches(*pair, found.get((row, "messages[].content", item), []))


def matches(before: str | None, after: str | None, found: list[tuple[int, int]]) -> bool:
    """Whether `after` is `before` with something else in the spans."""
    if before is None or after is None:
        return before is after
    pieces, at = [], 0
    for start, end in sorted(found):
        pieces += [re.escape(before[at:start]), ".+"]
        at = end
    return re.fullmatch("".join([*pieces, re.escape(before[at:])]), after, re.DOTALL) is not None


def test_schema_groups_codecs_partitions_and_metadata_stay(base: Path, everything: Path) -> None:
    for name in SHARDS:
        old, new = pq.ParquetFile(base / "data" / name), pq.ParquetFile(everything / name)
        assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
        assert new.schema.equals(old.schema)
        for index in range(3):
            before, after = old.metadata.row_group(index), new.metadata.row_group(index)
            assert before.num_rows == after.num_rows
            assert before.column(1).compression == after.column(1).compression
        assert new.metadata.row_group(0).sorting_columns == old.metadata.row_group(0).sorting_columns
    described = [
        duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true)").fetchall()
        for folder in (base / "data", everything)
    ]
    assert described[0] == described[1]
    frames = [pd.read_parquet(folder / "day=1" / "a.parquet") for folder in (base / "data", everything)]
    assert [one.name for one in frames[0].dtypes] == [one.name for one in frames[1].dtypes]


def test_numbers_stay_numbers(base: Path, everything: Path) -> None:
    old, new = (read(folder)["phone"].to_pylist() for folder in (base / "data", everything))
    assert all(number is not None and len(str(number)) == 10 for number in new)
    assert set(old).isdisjoint(new)


def test_json_in_a_cell_stays_json(everything: Path) -> None:
    told = json.loads(read(everything)["text"][5].as_py())
    assert told.keys() == {"mail", "phone"}
    assert told["mail"].endswith((".example.com", ".example.net", ".example.org"))


def test_the_originals_are_not_touched(base: Path, everything: Path) -> None:
    assert pq.read_table(base / "data" / "day=1" / "a.parquet", partitioning=None).to_pylist() == rows(0, 60)


def test_a_second_redaction_writes_the_same_bytes(base: Path, everything: Path, tmp_path: Path) -> None:
    redacted(base / "data", base / "scan", tmp_path / "again", base / "keys" / "key", EVERYTHING)
    for name in SHARDS:
        assert (tmp_path / "again" / name).read_bytes() == (everything / name).read_bytes()


def test_a_vault_brings_back_every_byte(base: Path, everything: Path, tmp_path: Path) -> None:
    key = vault_key(base).read_bytes()
    assert (base / "vault").stat().st_mode & 0o777 == 0o600
    for entry in entries(base / "vault", key):
        restore(base / "vault", key, entry, everything / entry.name, tmp_path / entry.name)
        assert (tmp_path / entry.name).read_bytes() == (base / "data" / entry.name).read_bytes()


def test_a_vault_holds_no_value_in_the_clear_and_opens_with_its_key_alone(
    base: Path, everything: Path, tmp_path: Path
) -> None:
    assert everything.is_dir()
    raw = (base / "vault").read_bytes()
    for value in (MAIL, CARD, PHONE, SSN):
        assert value.encode() not in raw
    assert pq.ParquetFile.__name__.encode() not in raw
    assert b"PAR1" not in raw
    with pytest.raises(BadVault, match="another key"):
        entries(base / "vault", bytes(32))


def test_a_changed_copy_cannot_be_restored(base: Path, everything: Path, tmp_path: Path) -> None:
    key = vault_key(base).read_bytes()
    entry = entries(base / "vault", key)[0]
    changed = tmp_path / "changed.parquet"
    changed.write_bytes((everything / entry.name).read_bytes() + b"x")
    with pytest.raises(BadVault, match="changed since"):
        restore(base / "vault", key, entry, changed, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_dropped_row_goes_with_all_that_is_in_it(base: Path, tmp_path: Path) -> None:
    mask = {"operator": "mask", "entity": "EMAIL_ADDRESS", "column": "text"}
    what = {"findings": [{"operator": "drop_row", "entity": "CREDIT_CARD"}, mask]}
    done = rewritten(base / "data", base / "scan", tmp_path / "out", base / "keys" / "key", what)
    new = read(tmp_path / "out")
    left = [row for row in rows(0, 60) if CARD not in str(row["text"])]
    assert new["id"].to_pylist() == [row["id"] for row in left]
    assert sum(shard.rows for shard in done) == 100
    assert new["messages"].to_pylist() == [row["messages"] for row in left]
    assert new["text"][0].as_py() == TEXTS[0].replace(MAIL, "*" * len(MAIL)) if TEXTS[0] else False


def test_each_operator_does_what_it_says(base: Path, tmp_path: Path) -> None:
    what = {
        "findings": [
            {"operator": "keep", "entity": "EMAIL_ADDRESS", "column": "messages*"},
            {"operator": "hash", "entity": "EMAIL_ADDRESS", "characters": 8},
            {"operator": "replace", "entity": "PHONE_NUMBER", "column": "text", "with": "[phone]"},
            {"operator": "drop_cell", "column": "phone"},
            {"operator": "mask", "entity": "CREDIT_CARD", "keep_last": 4},
            {"operator": "generalise", "entity": "DATE_OF_BIRTH", "to": "year"},
            {"operator": "replace", "rule": "us.*"},
        ]
    }
    rewritten(base / "data", base / "scan", tmp_path / "out", base / "keys" / "key", what)
    new = read(tmp_path / "out")
    texts = new["text"].to_pylist()
    assert re.fullmatch(r"Write to [0-9a-f]{8} or call \[phone\]\.", texts[0])
    assert texts[1] == "My card is ************1881, my social security number is <US_SSN>."
    assert re.fullmatch(r"Again [0-9a-f]{8}, born on 1946\.", texts[4])
    assert new["phone"].null_count == 60
    assert new["messages"].to_pylist() == [row["messages"] for row in rows(0, 60)]


def test_deduplication_keeps_the_first_occurrences(base: Path, tmp_path: Path) -> None:
    what = {"deduplicate": [{"most": 3, "entity": "EMAIL_ADDRESS"}]}
    rewritten(base / "data", base / "scan", tmp_path / "out", base / "keys" / "key", what)
    first, second = (read(tmp_path / "out", name) for name in SHARDS)
    assert [row for row, text in enumerate(first["text"].to_pylist()) if text and MAIL in text] == [0, 4, 5]
    assert not [text for text in second["text"].to_pylist() if text and MAIL in text]
    kept = sum("user7@" in str(row) for table in (first, second) for row in table["messages"].to_pylist())
    assert kept == 3


def test_columns_and_shards_can_be_left_out_and_had_back(base: Path, tmp_path: Path) -> None:
    what = {"drop": {"columns": ["messages[].content", "text"], "shards": ["day=2/b.parquet"]}}
    out = tmp_path / "out"
    outcome = redacted(
        base / "data", base / "scan", out, base / "keys" / "key", what, vault=tmp_path / "v", vault_key=vault_key(base)
    )  # fmt: skip
    assert read(out).schema.names == ["id", "messages", "phone", "kind"]
    assert not (out / "day=2").exists()
    assert {part["path"] for part in report(out)["shards"]} == {"day=1/a.parquet"}
    assert outcome.shards.dropped_shards == ["day=2/b.parquet"]
    key = vault_key(base).read_bytes()
    for entry in entries(tmp_path / "v", key):
        restore(tmp_path / "v", key, entry, out / entry.name, tmp_path / "back" / entry.name)
        assert (tmp_path / "back" / entry.name).read_bytes() == (base / "data" / entry.name).read_bytes()


def test_a_later_scan_of_the_output_knows_its_surrogates(everything: Path, base: Path, tmp_path: Path) -> None:
    policy = base / "policy.yaml"
    asked = scan_request(everything, tmp_path / "later", base / "keys" / "key", dataset=dataset(), policy=policy)
    plain = scan(asked, Silent())
    assert sum(part.count for part in plain.findings) > 200
    knowing = scan(replace(asked, out=tmp_path / "knowing", redaction=everything / "_redaction"), Silent())
    assert sum(part.count for part in knowing.findings) == 0
    assert knowing.risk == Evidence.model_validate(report(everything)).risk


def test_a_changed_shard_is_refused_with_every_other_fault(base: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data / "day=1" / "a.parquet", 1)
    write(data / "day=3" / "c.parquet", 60)
    with pytest.raises(BadRedaction) as raised:
        redacted(data, base / "scan", tmp_path / "out", base / "keys" / "key", {"drop": {"columns": ["nowhere"]}})
    told = str(raised.value)
    assert "day=1/a.parquet: was changed" in told
    assert "day=2/b.parquet: was scanned and is not" in told
    assert "day=3/c.parquet: was not scanned" in told
    assert "`nowhere`" in told
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_folder_of_something_else_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(BadOutput, match="holds other things"):
        redacted(base / "data", base / "scan", tmp_path / "out", base / "keys" / "key", EVERYTHING)
    for inside in (base / "data", base / "data" / "new", base):
        with pytest.raises(BadOutput, match="lies in"):
            redacted(base / "data", base / "scan", inside, base / "keys" / "key", EVERYTHING)


def test_an_output_that_a_link_or_a_glob_leads_to_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(base / "data", target_is_directory=True)
    (tmp_path / "file").write_text("no folder")
    cases = [(tmp_path / "link" / "new", base / "data"), (base / "data" / "day=9", base / "data" / "*" / "*.parquet")]
    for out, asked in cases:
        with pytest.raises(BadOutput, match="lies in"):
            redacted(asked, base / "scan", out, base / "keys" / "key", EVERYTHING)
        assert not out.exists()
    with pytest.raises(BadOutput, match="is no folder"):
        redacted(base / "data", base / "scan", tmp_path / "file", base / "keys" / "key", EVERYTHING)


def test_evidence_of_another_dataset_is_told_in_one_line(base: Path, tmp_path: Path) -> None:
    write(tmp_path / "data" / "x.parquet", 0)
    with pytest.raises(BadRedaction, match=r"^\S+: is of other shards: of its 2 shards none is under the paths given$"):
        redacted(tmp_path / "data", base / "scan", tmp_path / "out", base / "keys" / "key", EVERYTHING)


def test_a_shard_that_the_scan_of_the_output_would_pass_over_is_refused(base: Path, tmp_path: Path) -> None:
    shard = write(tmp_path / "rows.dat", 0, 6)
    key = base / "keys" / "key"
    scanned(shard, tmp_path / "scan", key, policy=base / "policy.yaml")
    with pytest.raises(BadRedaction, match=r"rows\.dat: has a name that a scan of the new folder passes over"):
        redacted(shard, tmp_path / "scan", tmp_path / "out", key, EVERYTHING)


def test_a_vault_of_another_output_is_refused_and_keeps_what_it_has(
    base: Path, everything: Path, tmp_path: Path
) -> None:
    assert everything.is_dir()
    key, common = vault_key(base), (base / "data", base / "scan", tmp_path / "out", base / "keys" / "key", EVERYTHING)
    with pytest.raises(BadVault, match="holds the shards of another redaction; name another --vault"):
        redacted(*common, vault=base / "vault", vault_key=key)
    assert [entry.name for entry in entries(base / "vault", key.read_bytes())] == list(SHARDS)
    with pytest.raises(BadVault, match="cannot be made: No such file or directory"):
        redacted(*common, vault=tmp_path / "nowhere" / "vault", vault_key=key)
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_restore_brings_back_what_it_can_and_goes_on(base: Path, everything: Path, tmp_path: Path) -> None:
    new, back = tmp_path / "new", tmp_path / "back"
    shutil.copytree(everything, new)
    (new / SHARDS[0]).write_bytes(b"PAR1")
    arguments = ["--vault", str(base / "vault"), "--vault-key", str(vault_key(base)), "--out"]

    def run(*words: str) -> str:
        done = CliRunner().invoke(scanner, ["restore", str(new), *words])
        return done.output + (str(done.exception) if done.exception else "")

    first = run(*arguments, str(back))
    assert f"{SHARDS[0]}: the redacted shard is missing or was changed since" in first
    assert f"{SHARDS[1]}: restored" in first
    shutil.copyfile(everything / SHARDS[0], new / SHARDS[0])
    second = run(*arguments, str(back))
    assert f"{SHARDS[0]}: restored" in second
    assert f"{SHARDS[1]}: is there already" in second
    assert all((back / name).read_bytes() == (base / "data" / name).read_bytes() for name in SHARDS)
    (back / "notes.txt").write_text("somebody's")
    assert "holds other files than shards of the vault" in run(*arguments, str(back))
    for out in (new, new / "back", tmp_path):
        assert "holds, or lies in, the redacted shards" in run(*arguments, str(out))
    assert "no such vault" in run("--vault", str(tmp_path / "none"), *arguments[2:], str(tmp_path / "other"))
    assert "the key cannot be read" in run(*arguments[:2], "--vault-key", str(tmp_path / "no"), "--out", str(back))


def test_a_dry_run_tells_the_forecast_and_entries_that_cover_nothing(base: Path, tmp_path: Path) -> None:
    (tmp_path / "redaction.yaml").write_text(
        "findings: [{operator: mask, entity: CREDIT_CARD}, {operator: keep, column: txt}]"
    )
    words = ["redact", str(base / "data"), "--evidence", str(base / "scan"), "--key", str(base / "keys" / "key")]
    words += ["--policy", str(tmp_path / "redaction.yaml"), "--engine", "inline", "--dry-run", "--out"]
    told = CliRunner().invoke(scanner, [*words, str(tmp_path / "out")]).output
    assert "2 shards of" in told
    assert "entry 2 of redaction.yaml (keep any entity, column txt) covers no finding" in " ".join(told.split())
    assert not (tmp_path / "out").exists()
    assert isinstance(CliRunner().invoke(scanner, [*words, str(base / "data" / "new")]).exception, BadOutput)
    lonely = CliRunner().invoke(scanner, [*words, str(tmp_path / "out"), "--vault-key", str(tmp_path / "key")])
    assert lonely.exit_code == 2
    assert "--vault-key is for a vault" in lonely.output


def test_another_key_is_refused(base: Path, tmp_path: Path) -> None:
    other = tmp_path / "key"
    other.write_bytes(bytes(32))
    other.chmod(0o600)
    with pytest.raises(BadRedaction, match="not the key"):
        redacted(base / "data", base / "scan", tmp_path / "out", other, EVERYTHING)


def test_spans_of_something_else_are_refused(base: Path, tmp_path: Path) -> None:
    """Spans that lie beyond their cells leave no shard behind."""
    forged = tmp_path / "scan"
    shutil.copytree(base / "scan", forged)
    for file in (forged / "spans").iterdir():
        table = pq.read_table(file)
        moved = pa.array([end + 10_000 for end in table["end"].to_pylist()], pa.int32())
        pq.write_table(table.set_column(table.schema.get_field_index("end"), table.schema.field("end"), moved), file)
    with pytest.raises(BadRedaction, match=r"a\.parquet: column text: its findings do not lie where(.|\n)*b\.parquet"):
        redacted(base / "data", forged, tmp_path / "out", base / "keys" / "key", EVERYTHING)
    assert not list((tmp_path / "out").glob("day=*/*.parquet"))


@pytest.mark.parametrize("how", ["gone", "broken"])
def test_evidence_whose_spans_are_not_all_there_is_refused(base: Path, tmp_path: Path, how: str) -> None:
    """What no span tells would stay in the new shards."""
    less = tmp_path / "scan"
    shutil.copytree(base / "scan", less)
    file = next((less / "spans").iterdir())
    file.unlink() if how == "gone" else file.write_bytes(b"PAR1")
    with pytest.raises(BadRedaction, match=r"spans: (holds other findings of CREDIT_CARD|cannot be read)"):
        redacted(base / "data", less, tmp_path / "out", base / "keys" / "key", EVERYTHING)
    assert not list((tmp_path / "out").glob("day=*/*.parquet"))


def test_a_symbolic_link_out_of_the_tree_is_not_followed(base: Path, tmp_path: Path) -> None:
    data, outside = tmp_path / "data", write(tmp_path / "elsewhere" / "x.parquet", 0)
    write(data / "a.parquet", 0)
    (data / "link.parquet").symlink_to(outside)
    key = base / "keys" / "key"
    scanned(data, tmp_path / "scan", key, dataset=dataset(), policy=write_policy(tmp_path / "policy.yaml"))
    outcome = redacted(data, tmp_path / "scan", tmp_path / "out", key, EVERYTHING)
    assert outcome.faults == ["link.parquet: could not be scanned, so it was left out"]
    assert sorted(file.name for file in (tmp_path / "out").glob("*.parquet")) == ["a.parquet"]


def test_what_it_would_cost_is_told_without_writing(base: Path, tmp_path: Path) -> None:
    asked = request(base / "data", base / "scan", tmp_path / "out", base / "keys" / "key", plan(EVERYTHING))
    cost = estimate(asked, tmp_path / "scratch")
    assert not (tmp_path / "out").exists()
    assert cost.shards == 2
    counted = {(one.entity, cost.treatments[one.treatment]): one.spans for one in cost.selected}
    assert counted["CREDIT_CARD", "pseudonym"] == 20
    assert sum(counted.values()) == len(spans(base / "scan"))


def test_a_finished_run_is_resumed_without_writing_again(base: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "out", base / "keys" / "key"
    asked = request(base / "data", base / "scan", out, key, plan(EVERYTHING), resume=True)
    first = redact(asked, Silent())
    stamps = {file: file.stat().st_mtime_ns for file in out.glob("day=*/*.parquet")}
    (out / "day=2" / "b.parquet").write_bytes(b"PAR1 broken")
    assert redact(asked, Silent()) == first
    again = {file: file.stat().st_mtime_ns for file in out.glob("day=*/*.parquet")}
    assert again[out / "day=1" / "a.parquet"] == stamps[out / "day=1" / "a.parquet"]
    assert again[out / "day=2" / "b.parquet"] != stamps[out / "day=2" / "b.parquet"]


def test_inspection_search_and_writing_share_their_workers(
    base: Path, everything: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    class Counted(local._Pool):
        def __init__(self, **options: Any) -> None:
            started.append("pool")
            super().__init__(**options)

    monkeypatch.setattr(local, "_Pool", Counted)
    out, key = tmp_path / "out", base / "keys" / "key"
    redacted(base / "data", base / "scan", out, key, EVERYTHING, engine="local", workers=1)
    assert len(started) == 2, "one, and one for the scan of the new shards"
    assert all((out / name).read_bytes() == (everything / name).read_bytes() for name in SHARDS)


def test_the_forecast_is_held_to_account(base: Path, tmp_path: Path) -> None:
    nothing = Interval(p05=0, p50=0, p95=0)
    remedy = Remedy(
        id="remedy-7",
        tier=Tier.OPEN,
        actions=[Action(kind="redact_entity", target="URL", title="redact every URL")],
        score=nothing,
        cost=Cost(rows=0, cells=0, characters=0),
    )
    outcome = redacted(
        base / "data", base / "scan", tmp_path / "out", base / "keys" / "key", plan_of_remedy(remedy), remedy
    )
    assert outcome.reached is False
    assert outcome.after.tier is outcome.before.tier
    told = " ".join(outcome.explanation)
    assert "open was foretold" in told
    assert "More than was foretold" in told


def test_a_remedy_of_evidence_that_does_not_say_how_much_is_refused() -> None:
    remedy = Remedy(
        id="remedy-1",
        tier=Tier.OPEN,
        actions=[Action(kind="deduplicate", target="", title="deduplicate")],
        score=Interval(p05=0, p50=0, p95=0),
        cost=Cost(rows=0, cells=0, characters=0),
    )
    with pytest.raises(BadRedaction, match="scan again"):
        plan_of_remedy(remedy)
