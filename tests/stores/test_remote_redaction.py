"""Redactions of shards in a store, into a folder or a store: the bytes of a redaction on disk, or a reason why not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from scanner.cli import scanner
from scanner.errors import BadOutput, BadRedaction, StoreFailed
from scanner.model import Identity
from scanner.outcome import Comparison
from scanner.redact import redact
from scanner.shards import ranges, rewrite
from scanner.stores import Place, Url, listing, put_file, read_bytes
from scanner.vault import entries, restore
from tests.canaries import leaks
from tests.redactions import EVERYTHING, plan, request
from tests.scans import Silent, scanned, write_policy
from tests.stores.servers import Fault, Proxy, WebFiles, call, upload

MAIL = "zeb.quack@example.com"
SHARDS = ("day=1/a.parquet", "day=2/b.parquet", "day=2/c.parquet")


def write(file: Path, first: int, rows: int = 90) -> None:
    """A shard with a column that is touched in some row groups, one that is in all, and one that never is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    numbers = range(first, first + rows)
    texts = [f"Write to {MAIL}." if number % 40 == 0 else f"Plain words, number {number}." for number in numbers]
    messages = [[{"role": "user", "content": f"I am user{number}@example.org."}] for number in numbers]
    table = pa.table({"text": texts, "messages": messages, "id": list(numbers)})
    pq.write_table(table, file, row_group_size=30, compression="zstd")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards, a key, evidence of a scan from disk, and their redaction on disk with what a vault needs."""
    folder = tmp_path_factory.mktemp("lake")
    for number, name in enumerate(SHARDS):
        write(folder / "data" / name, 100 * number)
    key = folder / "keys" / "key"
    key.parent.mkdir()
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    scanned(folder / "data", folder / "scan", key, policy=write_policy(folder / "policy.yaml"))
    redact(request(folder / "data", folder / "scan", folder / "out", key, plan(EVERYTHING)), Silent())
    return folder


def stored(s3: Proxy, base: Path, name: str) -> str:
    """The URL of a copy of the shards in the store."""
    upload(base / "data", f"lake/{name}/data")
    s3.reset()
    return f"s3://lake/{name}/data"


def redacted(url: str, base: Path, out: Place, **changes: Any) -> Comparison:
    """A redaction by the evidence of the scan from disk, unless another is named."""
    asked = {"evidence": base / "scan", "what": plan(EVERYTHING), "policy": base / "policy.yaml", **changes}
    return redact(request(url, out=out, key_file=base / "keys" / "key", **asked), Silent())


def same_as_on_disk(base: Path, out: Place) -> bool:
    """Whether the new shards, and nothing else, lie there."""
    if isinstance(out, Url):
        found = {name: read_bytes((out / name).full) for name in listing(out.full)}
    else:
        found = {name: (out / name).read_bytes() for name in SHARDS}
    return found == {name: (base / "out" / name).read_bytes() for name in SHARDS}


def some_fail(method: str, path: str, before: int) -> Fault | None:
    """One request in four fails, in one of three ways."""
    if before % 4 != 1:
        return None
    kind = sum(path.encode()) % 2 if method in ("GET", "HEAD") else 0
    return (Fault(503, "SlowDown"), Fault(keep=0.5))[kind]


def puts(s3: Proxy) -> list[str]:
    """Names of what was put, in order."""
    return [one.path.rpartition("/")[2] for one in s3.seen if one.method == "PUT"]


def test_a_store_that_fails_now_and_then_gives_the_shards_from_disk_and_a_vault_brings_them_back(
    s3: Proxy, base: Path, tmp_path: Path
) -> None:
    url = stored(s3, base, "flaky")
    s3.reset(some_fail)
    kept = {"vault": tmp_path / "vault", "vault_key": tmp_path / "vault.key"}
    outcome = redacted(url, base, tmp_path / "out", **kept)
    assert outcome.faults == []
    assert same_as_on_disk(base, tmp_path / "out")
    key = kept["vault_key"].read_bytes()
    for entry in entries(kept["vault"], key):
        restore(kept["vault"], key, entry, tmp_path / "out" / entry.name, tmp_path / "back" / entry.name)
        assert (tmp_path / "back" / entry.name).read_bytes() == (base / "data" / entry.name).read_bytes()
    assert leaks(tmp_path / "out", [MAIL, "user7@example.org"]) == []


def test_from_store_to_store_only_shards_are_put_and_the_rest_stays_here(s3: Proxy, base: Path, tmp_path: Path) -> None:
    url, out = stored(s3, base, "both"), Url("s3://lake/both/out")
    s3.reset(some_fail)
    outcome = redacted(url, base, out, state=tmp_path / "state")
    told = json.loads(outcome.model_dump_json())
    s3.reset()
    assert same_as_on_disk(base, out)
    on_disk = redacted(url, base, tmp_path / "here")
    assert told == json.loads(on_disk.model_dump_json())
    assert outcome.still_found == 0
    assert (tmp_path / "state" / "dataset.yaml").is_file()
    assert leaks(tmp_path / "state", [MAIL, "user7@example.org", os.environ["AWS_SECRET_ACCESS_KEY"]]) == []


def test_evidence_of_a_scan_in_the_store_is_of_that_version_and_a_vault_of_all_bytes(
    s3: Proxy, base: Path, tmp_path: Path
) -> None:
    url = stored(s3, base, "version")
    evidence = scanned(url, tmp_path / "scan", base / "keys" / "key")
    assert {shard.identity for shard in evidence.shards} == {Identity.ETAG}
    kept = {"vault": tmp_path / "vault", "vault_key": tmp_path / "vault.key"}
    redacted(url, base, tmp_path / "out", evidence=tmp_path / "scan", **kept)
    assert same_as_on_disk(base, tmp_path / "out")
    key = kept["vault_key"].read_bytes()
    for entry in entries(kept["vault"], key):
        restore(kept["vault"], key, entry, tmp_path / "out" / entry.name, tmp_path / "back" / entry.name)
    with pytest.raises(BadRedaction, match="was scanned in its store"):
        redacted(str(base / "data"), base, tmp_path / "other", evidence=tmp_path / "scan")


def test_columns_too_large_to_be_held_are_streamed(
    s3: Proxy, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "HELD_BYTES", 1024)
    monkeypatch.setattr(rewrite, "HELD_BYTES", 1024)
    redacted(stored(s3, base, "large"), base, tmp_path / "out")
    assert same_as_on_disk(base, tmp_path / "out")


def test_an_object_changed_since_the_scan_is_refused_and_nothing_is_put(s3: Proxy, base: Path, tmp_path: Path) -> None:
    url, out = stored(s3, base, "changed"), Url("s3://lake/changed/out")
    scanned(url, tmp_path / "scan", base / "keys" / "key")
    write(tmp_path / "other.parquet", 5)
    put_file(tmp_path / "other.parquet", f"{url}/{SHARDS[0]}")
    call("DELETE", f"/lake/changed/data/{SHARDS[1]}")
    for evidence in (tmp_path / "scan", base / "scan"):
        with pytest.raises(BadRedaction) as raised:
            redacted(url, base, out, evidence=evidence, state=tmp_path / "state")
        assert f"{SHARDS[0]}: was changed since it was scanned" in str(raised.value)
        assert f"{SHARDS[1]}: was scanned and is not under the paths given" in str(raised.value)
    assert list(listing(out.full)) == []


def test_an_object_changed_while_it_is_read_is_not_written(s3: Proxy, base: Path, tmp_path: Path) -> None:
    url, out = stored(s3, base, "moving"), Url("s3://lake/moving/out")
    write(tmp_path / "other.parquet", 5)

    def changed(method: str, path: str, before: int) -> Fault | None:
        if method == "PUT" and path.endswith(f"out/{SHARDS[0]}") and not before:
            put_file(tmp_path / "other.parquet", f"{url}/{SHARDS[1]}")
        return None

    s3.reset(changed)
    outcome = redacted(url, base, out, state=tmp_path / "state")
    assert sorted(listing(out.full)) == [SHARDS[0], SHARDS[2]]
    assert outcome.incomplete
    assert outcome.faults == [f"{SHARDS[1]}: the file is not the one that was hashed"]


def test_what_a_store_did_not_take_is_told_and_put_by_the_next_run(s3: Proxy, base: Path, tmp_path: Path) -> None:
    url, out = stored(s3, base, "full"), Url("s3://lake/full/out")
    s3.reset(lambda method, path, _: Fault(403, "No") if method == "PUT" and path.endswith("b.parquet") else None)
    outcome = redacted(url, base, out, state=tmp_path / "state")
    (fault,) = outcome.faults
    assert fault.startswith(f"{SHARDS[1]}: its new object: the store refuses")
    assert sorted(listing(out.full)) == [SHARDS[0], SHARDS[2]]
    s3.reset()
    assert redacted(url, base, out, state=tmp_path / "state", resume=True).faults == []
    assert puts(s3) == ["b.parquet"]
    assert same_as_on_disk(base, out)


@pytest.mark.parametrize("taken", [False, True])
def test_killed_in_an_upload_an_object_is_absent_or_whole_and_the_run_goes_on(
    s3: Proxy, base: Path, tmp_path: Path, *, taken: bool
) -> None:
    """Killed as the second shard is put: before the store takes it, or before it is known to have been taken."""
    name = f"killed-{taken}"
    url, out = stored(s3, base, name), Url(f"s3://lake/{name}/out")
    (tmp_path / "redaction.yaml").write_text("findings: [{operator: pseudonym}]\n")
    words = [sys.executable, "-m", "scanner", "redact", url, "--evidence", str(base / "scan"), "--out", out.full]
    words += ["--policy", str(tmp_path / "redaction.yaml"), "--key", str(base / "keys" / "key"), "--engine", "inline"]
    words += ["--ledger", str(tmp_path / "state"), "--release-policy", str(base / "policy.yaml")]
    running = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE)

    def kills(method: str, path: str, before: int) -> Fault | None:
        if method != "PUT" or not path.endswith(SHARDS[1]):
            return None
        running.send_signal(signal.SIGKILL)
        return None if taken else Fault(503, "SlowDown")

    s3.reset(kills)
    running.communicate(timeout=300)
    assert running.returncode == -signal.SIGKILL
    s3.reset()
    there = sorted(listing(out.full))
    assert there == list(SHARDS[: 1 + taken])
    for shard in there:
        assert read_bytes((out / shard).full) == (base / "out" / shard).read_bytes()
    assert redacted(url, base, out, state=tmp_path / "state", resume=True).faults == []
    assert puts(s3) == ["b.parquet", "c.parquet"]
    assert same_as_on_disk(base, out)
    assert not list((tmp_path / "state").rglob("scanner-*"))


def test_somebodys_objects_and_the_shards_themselves_are_no_output(s3: Proxy, base: Path, tmp_path: Path) -> None:
    url = stored(s3, base, "taken")
    call("PUT", "/lake/taken/out/notes.txt", b"somebody's")
    s3.reset()
    with pytest.raises(BadOutput, match="holds objects that no redaction put there"):
        redacted(url, base, Url("s3://lake/taken/out"), state=tmp_path / "state")
    for out in ("s3://lake/taken/data/new", "s3a://lake/taken", url):
        with pytest.raises(BadOutput, match="holds, or lies in, what is to be redacted"):
            redacted(url, base, Url(out), state=tmp_path / "state")
    with pytest.raises(StoreFailed, match="is not there"):
        redacted(url, base, Url("s3://no-such-bucket/out"), state=tmp_path / "state")
    assert [one for one in s3.seen if one.method in ("PUT", "DELETE", "POST")] == []


def test_a_second_run_with_another_plan_takes_the_place_of_the_first(s3: Proxy, base: Path, tmp_path: Path) -> None:
    url, out = stored(s3, base, "again"), Url("s3://lake/again/out")
    redacted(url, base, out, state=tmp_path / "state")
    less = plan({"findings": [{"operator": "pseudonym"}], "drop": {"shards": [SHARDS[2]]}})
    redacted(url, base, out, state=tmp_path / "state", what=less)
    assert sorted(listing(out.full)) == list(SHARDS[:2])


def test_a_file_of_a_web_server_is_redacted(web: tuple[WebFiles, str], base: Path, tmp_path: Path) -> None:
    files, address = web
    files.files["/part.parquet"] = (base / "data" / SHARDS[0]).read_bytes()
    shutil.copyfile(base / "data" / SHARDS[0], tmp_path / "part.parquet")
    scanned(f"{address}/part.parquet?token=hush-hush-tell-nobody", tmp_path / "scan", base / "keys" / "key")
    redacted(f"{address}/part.parquet?token=hush-hush-tell-nobody", base, tmp_path / "out", evidence=tmp_path / "scan")
    assert (tmp_path / "out" / "part.parquet").read_bytes() == (base / "out" / SHARDS[0]).read_bytes()
    assert leaks(tmp_path / "out", ["hush-hush-tell-nobody"]) == []


def test_the_commands_take_urls_for_evidence_shards_and_output(
    s3: Proxy, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    url, key, policy = stored(s3, base, "words"), str(base / "keys" / "key"), str(base / "policy.yaml")
    (tmp_path / "redaction.yaml").write_text("findings: [{operator: pseudonym}]\n")

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(scanner, arguments, catch_exceptions=False, standalone_mode=False)

    quick = ["--no-names", "--engine", "inline", "--policy", policy]
    run("scan", url, "--out", "s3://lake/words/scan", *quick, "--key", key)
    asked = ["redact", url, "--evidence", "s3://lake/words/scan", "--out", "s3://lake/words/out", "--key", key]
    asked += ["--policy", str(tmp_path / "redaction.yaml"), "--engine", "inline", "--release-policy", policy]
    assert "nothing was" in run(*asked, "--dry-run").output
    done = run(*asked, "--vault", str(tmp_path / "vault"), "--vault-key", str(tmp_path / "vault.key"))
    assert done.return_value in (0, 1), done.output
    back = ["--vault", str(tmp_path / "vault"), "--vault-key", str(tmp_path / "vault.key")]
    run("restore", "s3://lake/words/out", *back, "--out", str(tmp_path / "back"))
    for name in SHARDS:
        assert (tmp_path / "back" / name).read_bytes() == (base / "data" / name).read_bytes()
