from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner import spans as spans_module
from scanner import values as values_module
from scanner.errors import BadOutput, Faults, Locked, NothingToScan
from scanner.evidence import from_json, json_schema, to_json
from scanner.model import Dataset, Provenance, ShardStatus, UnscannedReason
from scanner.rulebook import load_rulebook
from scanner.scan import decide
from tests.scans import CARD, comparable, scanned, spans, write_shard

MAIL = "Please write to ann.lee@example.com for the spare part."
CARD_NUMBER = "The card is 4111 1111 1111 1111, thank you."


def test_spans_hold_places_and_fingerprints_in_the_form_of_the_contract(tmp_path: Path, key_file: Path) -> None:
    shard = write_shard(tmp_path / "data" / "a.parquet", ["nothing here", None, f"🙂 {MAIL}", MAIL])
    scanned(shard.parent, tmp_path / "out", key_file)
    (file,) = (tmp_path / "out" / "spans").glob("*.parquet")
    assert pq.read_schema(file).remove_metadata() == spans_module.SCHEMA
    first, second = spans(tmp_path / "out")
    assert (first["row"], second["row"], first["column"], first["item"]) == (2, 3, "text", 0)
    assert f"🙂 {MAIL}"[first["start"] : first["end"]] == "ann.lee@example.com"
    assert first["entity"] == "EMAIL_ADDRESS"
    assert first["fingerprint"] == second["fingerprint"]
    assert len(first["fingerprint"]) == 16


def test_value_tables_count_each_value_of_the_dataset(tmp_path: Path, key_file: Path) -> None:
    for name in ("a", "b"):
        write_shard(tmp_path / "data" / f"{name}.parquet", [MAIL] * 3)
    evidence = scanned(tmp_path / "data", tmp_path / "out", key_file)
    files = sorted((tmp_path / "out" / "values").glob("*.parquet"))
    assert [pq.read_schema(file).remove_metadata() for file in files] == [values_module.SCHEMA] * 2
    (found,) = [one for one in evidence.findings if one.entity == "EMAIL_ADDRESS"]
    assert (found.count, found.distinct, found.rows, found.max_occurrences) == (6, 1, 6, 6)


def test_evidence_is_valid_by_its_published_schema(tmp_path: Path, key_file: Path) -> None:
    shard = write_shard(tmp_path / "data" / "a.parquet", [MAIL, CARD_NUMBER])
    evidence = scanned(shard, tmp_path / "out", key_file)
    text = (tmp_path / "out" / "evidence.json").read_text()
    assert text == to_json(evidence)
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(text))


def test_evidence_is_the_same_for_any_workers_engine_order_and_place(tmp_path: Path, key_file: Path) -> None:
    texts = [MAIL, CARD_NUMBER, "plain", "Ring (212) 555-0143 after six.", MAIL]
    for name in ("a", "b", "c"):
        write_shard(tmp_path / "data" / f"{name}.parquet", texts * 40, row_group_size=50)
    moved = tmp_path / "elsewhere" / "data"
    for name in ("c", "a", "b"):
        write_shard(moved / f"{name}.parquet", texts * 40, row_group_size=50)
    inline = scanned(tmp_path / "data", tmp_path / "one", key_file)
    local = scanned(moved, tmp_path / "two", key_file, engine="local", workers=2)
    assert comparable(inline) == comparable(local)
    assert spans(tmp_path / "one") == spans(tmp_path / "two")
    for folder in ("spans", "values"):
        one = {file.name: file.read_bytes() for file in (tmp_path / "one" / folder).iterdir()}
        assert one == {file.name: file.read_bytes() for file in (tmp_path / "two" / folder).iterdir()}


def test_a_scan_repeated_into_the_same_folder_gives_the_same(tmp_path: Path, key_file: Path) -> None:
    shard = write_shard(tmp_path / "data" / "a.parquet", [MAIL])
    first = scanned(shard, tmp_path / "out", key_file)
    assert comparable(scanned(shard, tmp_path / "out", key_file)) == comparable(first)
    assert comparable(scanned(shard, tmp_path / "out", key_file, resume=True)) == comparable(first)


def test_shards_that_are_gone_leave_no_findings_behind(tmp_path: Path, key_file: Path) -> None:
    write_shard(tmp_path / "data" / "a.parquet", [MAIL])
    gone = write_shard(tmp_path / "data" / "b.parquet", [CARD_NUMBER])
    scanned(tmp_path / "data", tmp_path / "out", key_file)
    gone.unlink()
    evidence = scanned(tmp_path / "data", tmp_path / "out", key_file, resume=True)
    assert {finding.entity for finding in evidence.findings} == {"EMAIL_ADDRESS"}
    assert {row["shard"] for row in spans(tmp_path / "out")} == {"a.parquet"}


BROKEN = {
    "empty.parquet": b"",
    "text.parquet": b"this is no Parquet file at all, however long it may go on",
    "magic.parquet": b"PAR1" + b"\0" * 200 + b"PAR1",
}


def test_broken_shards_are_unscanned_and_the_others_are_scanned(tmp_path: Path, key_file: Path) -> None:
    good = write_shard(tmp_path / "data" / "good.parquet", [MAIL] * 100)
    (tmp_path / "data" / "cut.parquet").write_bytes(good.read_bytes()[:-20])
    for name, content in BROKEN.items():
        (tmp_path / "data" / name).write_bytes(content)
    evidence = scanned(tmp_path / "data", tmp_path / "out", key_file)
    status = {shard.path: shard.status for shard in evidence.shards}
    assert status == {"good.parquet": ShardStatus.SCANNED} | dict.fromkeys(["cut.parquet", *BROKEN], ShardStatus.FAILED)
    assert {entry.shard for entry in evidence.coverage.unscanned} == {"cut.parquet", *BROKEN}
    assert all(entry.reason is UnscannedReason.CORRUPT and entry.detail for entry in evidence.coverage.unscanned)
    assert evidence.coverage.share < 1
    assert evidence.verdict.incomplete
    assert evidence.verdict.tier.openness <= 1
    assert [row["shard"] for row in spans(tmp_path / "out")] == ["good.parquet"] * 100


def test_unreadable_shard_blocks_release_even_where_all_else_is_clean(tmp_path: Path, key_file: Path) -> None:
    write_shard(tmp_path / "data" / "good.parquet", ["the sum of the angles is half a turn"] * 50)
    dataset = Dataset("test", Provenance.SYNTHETIC, model_card=CARD)
    clean = scanned(tmp_path / "data", tmp_path / "clean", key_file, dataset=dataset)
    (tmp_path / "data" / "bad.parquet").write_bytes(b"PAR1 and nothing")
    broken = scanned(tmp_path / "data", tmp_path / "broken", key_file, dataset=dataset)
    assert broken.verdict.tier.openness < clean.verdict.tier.openness


def test_text_that_is_not_looked_at_counts_against_release(tmp_path: Path, key_file: Path) -> None:
    table = pa.table({"text": ["plain words"] * 20, "image": [b"\xff\xfe\x00\x01" * 50] * 20, "note": ["more"] * 20})
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "a.parquet")
    evidence = scanned(tmp_path / "data", tmp_path / "out", key_file, exclude=("note",))
    reasons = {entry.column: entry.reason for entry in evidence.coverage.unscanned}
    assert reasons == {"image": UnscannedReason.BINARY, "note": UnscannedReason.EXCLUDED}
    assert evidence.verdict.incomplete


def test_dropped_columns_are_not_missed(tmp_path: Path, key_file: Path) -> None:
    table = pa.table({"text": ["plain words"] * 20, "image": [b"\xff\xfe\x00\x01" * 50] * 20})
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "a.parquet")
    dataset = Dataset("test", Provenance.LICENSED, dropped_columns=("image",))
    evidence = scanned(tmp_path / "data", tmp_path / "out", key_file, dataset=dataset)
    assert evidence.coverage.unscanned == []
    assert evidence.dataset.dropped_columns == ["image"]


def test_a_folder_without_shards_and_a_missing_path_are_told_together(tmp_path: Path, key_file: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToScan, match="empty"):
        scanned(tmp_path / "empty", tmp_path / "out", key_file)
    with pytest.raises(NothingToScan, match="nowhere"):
        scanned(tmp_path / "nowhere", tmp_path / "out", key_file)


def test_every_fault_of_policy_and_rules_is_told_at_once(tmp_path: Path, key_file: Path) -> None:
    shard = write_shard(tmp_path / "data" / "a.parquet", [MAIL])
    policy = tmp_path / "strict.yaml"
    policy.write_text("schema_version: 1\nname: strict\nlimits: 7\ngates: []\nsurprise: yes\n")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "club.yaml").write_text(
        "recognizers:\n"
        "  - id: club.member\n"
        "    name: member\n"
        "    supported_entity: US_SSN\n"
        "    patterns: [{name: number, regex: 'CM-[0-9]{6}', score: 0.6}]\n"
        "    examples: ['no such number here']\n"
    )
    with pytest.raises(Faults) as error:
        scanned(shard, tmp_path / "out", key_file, policy=policy, rules=rules)
    told = str(error.value)
    assert len([fault for fault in error.value.faults if fault.place.startswith("strict.yaml")]) >= 3
    assert "club.yaml" in told
    assert not (tmp_path / "out" / "evidence.json").exists()


def test_an_output_folder_that_holds_something_else_is_left_alone(tmp_path: Path, key_file: Path) -> None:
    shard = write_shard(tmp_path / "data" / "a.parquet", [MAIL])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(BadOutput, match="holds other things"):
        scanned(shard, tmp_path / "out", key_file)
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_second_run_in_the_same_folder_is_locked_out(tmp_path: Path, key_file: Path) -> None:
    from filelock import FileLock

    shard = write_shard(tmp_path / "data" / "a.parquet", [MAIL])
    scanned(shard, tmp_path / "out", key_file)
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(Locked):
        scanned(shard, tmp_path / "out", key_file)


def test_rows_that_columns_single_out_are_a_table_at_risk(tmp_path: Path, key_file: Path) -> None:
    rows = [{"birth_date": f"19{60 + n}-03-0{1 + n}", "sex": "f", "postal_code": f"1000{n}"} for n in range(5)]
    common = [{"birth_date": "1990-07-01", "sex": "m", "postal_code": "20000"}] * 20
    (tmp_path / "data").mkdir()
    for name, part in (("a", rows + common), ("b", common)):
        pq.write_table(pa.Table.from_pylist(part), tmp_path / "data" / f"{name}.parquet")
    (table,) = scanned(tmp_path / "data", tmp_path / "out", key_file).risk.tables
    assert set(table.columns) == {"birth_date", "sex", "postal_code"}
    assert (table.rows, table.singles, table.classes, table.smallest) == (45, 5, 6, 1)
    assert table.diversity == {}


@pytest.mark.parametrize(("second", "fewest"), [("asthma", 1), ("influenza", 2)])
def test_a_class_whose_rows_share_their_diagnosis_is_told(
    tmp_path: Path, key_file: Path, second: str, fewest: int
) -> None:
    """Twenty people are alike, and yet everybody who knows that one of them is in the table knows the diagnosis."""
    alike = {"age": "44", "postal_code": "20000"}
    other = [{"age": "51", "postal_code": "30000", "diagnosis": ill} for ill in ("asthma", "influenza", "asthma")]
    (tmp_path / "data").mkdir()
    for name, ill in (("a", "asthma"), ("b", second)):
        rows = [*[{**alike, "diagnosis": ill}] * 10, *other]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / f"{name}.parquet")
    (table,) = scanned(tmp_path / "data", tmp_path / "out", key_file).risk.tables
    assert table.diversity == {"diagnosis": fewest}


def test_numbers_are_read_where_a_column_says_whom_they_identify(tmp_path: Path, key_file: Path) -> None:
    table = pa.table(
        {
            "phone": pa.array([12125550143, 13125550177] * 10, pa.int64()),
            "card_number": pa.array([4012888888881881, 5105105105105100] * 10, pa.int64()),
            "price": pa.array([12125550143, 13125550177] * 10, pa.int64()),
        }
    )
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "a.parquet")
    scanned(tmp_path / "data", tmp_path / "out", key_file)
    found = {(row["column"], row["entity"]) for row in spans(tmp_path / "out")}
    assert found == {("phone", "PHONE_NUMBER"), ("card_number", "CREDIT_CARD")}


def test_json_inside_strings_is_read_and_spans_stand_in_the_cell(tmp_path: Path, key_file: Path) -> None:
    cell = json.dumps({"note": "line one\nann.lee@example.com", "quoted": 'say "hi"'})
    shard = write_shard(tmp_path / "data" / "a.parquet", [cell])
    scanned(shard, tmp_path / "out", key_file)
    (row,) = [row for row in spans(tmp_path / "out") if row["entity"] == "EMAIL_ADDRESS"]
    assert cell[row["start"] : row["end"]] == "ann.lee@example.com"


def test_an_encoded_value_is_found_where_it_stands_and_counts_as_the_plain_one(tmp_path: Path, key_file: Path) -> None:
    address, other = "ann.lee@example.com", "bob.lee@example.com"
    encoded = [
        "ann.lee%40example.com",
        "ann.lee&#64;example.com",
        b64encode(address.encode()).decode().rstrip("="),
        quote(b64encode(address.encode())),
        "ann\u200b.lee@exam\u00adple.com",
        address.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
    ]
    cells = [f"to: {one} ok" for one in [address, *encoded, other]]
    cells.append(json.dumps({"q": "mail%3Aann.lee%40example.com", "\u00e9": 1}))
    write_shard(tmp_path / "data" / "a.parquet", cells)
    scanned(tmp_path / "data", tmp_path / "out", key_file)
    rows = [row for row in spans(tmp_path / "out") if row["entity"] == "EMAIL_ADDRESS"]
    places = [(row["row"], cells[row["row"]][row["start"] : row["end"]]) for row in rows]
    assert places[:8] == [(row, cell[4:-3].replace("%3D", "")) for row, cell in enumerate(cells[:8])]
    assert places[8] == (8, "ann.lee%40example.com")
    prints = [row["fingerprint"] for row in rows]
    assert len({*prints[:7], prints[8]}) == 1
    assert prints[7] != prints[0]


def test_dropping_the_shard_that_holds_a_repeated_key_is_a_remedy(tmp_path: Path, key_file: Path) -> None:
    key = "api_key = sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    write_shard(tmp_path / "data" / "a.parquet", ["Nothing to see here."] * 40)
    write_shard(tmp_path / "data" / "b.parquet", [key] * 40)
    verdict = scanned(tmp_path / "data", tmp_path / "out", key_file, names=False).verdict
    dropped = [remedy for remedy in verdict.remedies if [action.kind for action in remedy.actions] == ["drop_shard"]]
    assert [action.target for remedy in dropped for action in remedy.actions] == ["b.parquet"]
    assert dropped[0].cost.rows == 0.5


def test_a_scan_that_replaces_another_tells_what_changed_since(tmp_path: Path, key_file: Path) -> None:
    out, data = tmp_path / "out", tmp_path / "data"
    write_shard(data / "part-0.parquet", ["Ask ada@example.com."])
    first = scanned(data, out, key_file)
    assert first.changes is None
    write_shard(data / "part-1.parquet", ["Ask bob@example.org.", "The card is 4111 1111 1111 1111."])
    second = scanned(data, out, key_file)
    assert second.changes is not None
    assert second.changes.before.scan_id == first.scan.id
    assert [(line.path, line.direction) for line in second.changes.shards] == [("part-1.parquet", "new")]
    assert {(line.entity, line.before, line.after) for line in second.changes.findings} >= {
        ("EMAIL_ADDRESS", 1, 2),
        ("CREDIT_CARD", 0, 1),
    }
    assert from_json((out / "evidence.previous.json").read_bytes()) == first


def test_deciding_tells_what_it_changed_and_deciding_the_same_again_nothing(tmp_path: Path, key_file: Path) -> None:
    out = tmp_path / "out"
    write_shard(tmp_path / "part.parquet", ["Ask ada@example.com."])
    scanned(tmp_path / "part.parquet", out, key_file, policy=None)
    rulebook = load_rulebook(None, None, with_models=False)
    changed = decide(out, rulebook, lambda dataset: replace(dataset, provenance=Provenance.USER_PRIVATE))
    assert changed.changes is not None
    assert changed.changes.alerting
    assert changed.changes.basis == ["statements about the dataset"]
    assert decide(out, rulebook, lambda dataset: dataset) == changed
    assert from_json((out / "evidence.json").read_bytes()) == changed
