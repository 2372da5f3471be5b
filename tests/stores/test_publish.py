"""An output in a store: whole, in order, and only what changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from scanner.cli import scanner
from scanner.config import load_nightly_file
from scanner.errors import BadDataset, BadUrl, StoreFailed
from scanner.publish import MANIFEST, check_writable, default_state, publish
from scanner.stores import Url, listing, read_bytes
from tests.scans import write_shard
from tests.stores.servers import Fault, Proxy, call, upload
from tests.test_nights import aged

OUT = Url("s3://lake/published")


@pytest.fixture
def state(tmp_path: Path, s3: Proxy) -> Path:
    """An output as a run leaves it."""
    for name in list(listing(OUT.full)):
        call("DELETE", f"/lake/published/{name}")
    for name in ("spans/a.parquet", "spans/b.parquet", "values/a.parquet", "evidence.json", "report.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    for name in ("ledger.sqlite", ".lock"):
        (tmp_path / name).write_text("stays here")
    s3.reset()
    return tmp_path


def changes(s3: Proxy) -> list[str]:
    """What was put and removed, in order."""
    return [f"{one.method} {one.path.removeprefix('/lake/published/')}" for one in s3.seen if one.method in _WRITES]


_WRITES = ("PUT", "DELETE", "POST")


def test_evidence_goes_first_and_comes_last(state: Path, s3: Proxy) -> None:
    assert publish(state, OUT) == 5
    done = changes(s3)
    assert (done[0], done[-1]) == ("DELETE evidence.json", "PUT evidence.json")
    assert sorted(listing(OUT.full)) == [
        "evidence.json",
        "report.md",
        "spans/a.parquet",
        "spans/b.parquet",
        "values/a.parquet",
    ]
    assert read_bytes((OUT / "spans" / "a.parquet").full) == b"spans/a.parquet"


def test_only_what_changed_is_put_again(state: Path, s3: Proxy) -> None:
    publish(state, OUT)
    s3.reset()
    assert publish(state, OUT) == 0
    assert changes(s3) == []
    (state / "spans" / "b.parquet").write_text("other")
    (state / "spans" / "a.parquet").unlink()
    call("PUT", "/lake/published/notes.txt", b"somebody's")
    s3.reset()
    publish(state, OUT)
    assert changes(s3)[1:] == ["DELETE spans/a.parquet", "PUT spans/b.parquet", "PUT evidence.json"]
    assert "notes.txt" in set(listing(OUT.full))


def test_a_publishing_that_breaks_off_leaves_no_evidence_and_goes_on(state: Path, s3: Proxy) -> None:
    publish(state, OUT)
    (state / "spans" / "a.parquet").write_text("other")
    s3.reset(lambda method, path, before: Fault(503, "SlowDown") if method == "PUT" else None)
    with pytest.raises(StoreFailed):
        publish(state, OUT)
    assert "evidence.json" not in set(listing(OUT.full))
    s3.reset()
    publish(state, OUT)
    assert read_bytes((OUT / "spans" / "a.parquet").full) == b"other"
    assert "evidence.json" in set(listing(OUT.full))


def test_the_manifest_of_another_url_counts_for_nothing(state: Path) -> None:
    publish(state, OUT)
    assert publish(state, Url("s3://lake/published/deeper")) == 5
    assert "token" not in (state / MANIFEST).read_text()


def test_what_cannot_be_written_is_told_before_a_scan(s3: Proxy) -> None:
    with pytest.raises(BadUrl, match="can only be read"):
        check_writable(Url("https://example.com/out?token=x"))
    with pytest.raises(StoreFailed, match="is not there"):
        check_writable(Url("s3://no-such-bucket/out"))


def test_a_scan_decided_and_reported_under_a_url(
    s3: Proxy, tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write_shard(tmp_path / "data" / "a.parquet", ["Please write to ann.lee@example.com."])
    upload(tmp_path / "data", "lake/cli")
    out = "s3://lake/cli-out"
    run = CliRunner().invoke
    arguments = ["scan", "s3://lake/cli", "--out", out, "--no-names", "--engine", "inline", "--key", str(key_file)]
    done = run(scanner, arguments, catch_exceptions=False, standalone_mode=False)
    assert done.return_value in (0, 1), done.output
    names = set(listing(out))
    assert {"evidence.json", "report.html", "report.md"} <= names
    assert [name for name in names if "ledger" in name or "key" in name] == []
    assert (default_state(Url(out)) / "ledger.sqlite").exists()
    before = read_bytes(f"{out}/evidence.json")
    run(scanner, ["decide", out, "--epochs", "40"], catch_exceptions=False, standalone_mode=False)
    assert read_bytes(f"{out}/evidence.json") != before
    shown = run(scanner, ["report", out, "--format", "json"], catch_exceptions=False, standalone_mode=False)
    assert shown.output.encode() == read_bytes(f"{out}/evidence.json")


NIGHTLY = """
state: state
datasets:
  - {name: web, paths: [data], config: dataset.yaml, publish: "s3://lake/nights/"}
"""


def test_a_night_publishes_what_changed_and_what_a_failing_store_did_not_take(
    s3: Proxy, tmp_path: Path, key_file: Path
) -> None:
    def night() -> str:
        return CliRunner().invoke(scanner, ["nightly", "--config", str(tmp_path / "nightly.yaml")]).output

    aged(write_shard(tmp_path / "data" / "a.parquet", ["Please write to ann.lee@example.com."]))
    (tmp_path / "dataset.yaml").write_text(f"{{names: false, engine: inline, key: {key_file}}}")
    (tmp_path / "nightly.yaml").write_text(NIGHTLY)
    s3.reset(lambda method, path, before: Fault(503, "SlowDown") if method == "PUT" else None)
    assert "web: no verdict" in night()
    s3.reset()
    assert "no shard new" in night()
    published = "s3://lake/nights"
    assert {"evidence.json", "report.html", "report.md"} <= set(listing(published))
    kept = (tmp_path / "state" / "web" / "evidence.json").read_bytes()
    assert read_bytes(f"{published}/evidence.json") == kept
    s3.reset()
    assert "no shard new" in night()
    assert changes(s3) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [("https://example.com/out", "can only be read"), ("reports", "must be the URL"), ("s3://lake/b", "under one URL")],
)
def test_a_night_that_cannot_publish_is_a_mistake_in_its_file(tmp_path: Path, url: str, message: str) -> None:
    (tmp_path / "nightly.yaml").write_text(
        "{state: state, datasets: [{name: a, paths: [data], publish: 's3://lake/b/'},"
        f"{{name: b, paths: [data], publish: '{url}'}}]}}"
    )
    with pytest.raises(BadDataset, match=message):
        load_nightly_file(tmp_path / "nightly.yaml")


def test_a_ledger_beside_an_output_on_this_machine_is_a_mistake(tmp_path: Path) -> None:
    arguments = ["scan", str(tmp_path), "--out", str(tmp_path / "out"), "--ledger", str(tmp_path / "ledger")]
    done = CliRunner().invoke(scanner, arguments)
    assert done.exit_code == 2
    assert "--ledger is for an output that is a URL" in done.output
