from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from scanner.cli import main
from scanner.evidence import from_json
from tests.conftest import REPOSITORY
from tests.scans import write_shard

Run = Callable[..., tuple[int, str, str]]

MAIL = "Please write to ann.lee@example.com for the spare part."


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in this process: (exit code, stdout, stderr)."""
    monkeypatch.setenv("SCANNER_KEY", str(key_file))
    monkeypatch.setenv("SCANNER_ENGINE", "inline")

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return int(left.value.code or 0), out, err

    return run


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three sample datasets, made anew."""
    sys.path.insert(0, str(REPOSITORY / "sample_data"))
    try:
        import make
    finally:
        sys.path.pop(0)
    folder = tmp_path_factory.mktemp("samples")
    list(make.make(folder))
    for name in make.DATASETS:
        (folder / name / "dataset.yaml").write_bytes((REPOSITORY / "sample_data" / name / "dataset.yaml").read_bytes())
    return folder


EXPECTED: dict[str, dict[str, str]] = yaml.safe_load((REPOSITORY / "sample_data" / "expected.yaml").read_text())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_sample_gets_its_verdict(run: Run, samples: Path, tmp_path: Path, name: str) -> None:
    code, out, _ = run("scan", samples / name, "--out", tmp_path / "out", "--json")
    verdict = json.loads(out)["verdict"]
    assert {key: verdict[key] for key in EXPECTED[name]} == EXPECTED[name]
    assert code == (1 if verdict["decision"] == "keep_internal" else 0)
    assert out == (tmp_path / "out" / "evidence.json").read_text()
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert (tmp_path / "out" / "report.md").read_text().startswith("#")


@pytest.mark.parametrize("name", ["web_forum", "support_tickets"])
def test_most_of_what_was_planted_in_a_sample_is_found(run: Run, samples: Path, tmp_path: Path, name: str) -> None:
    run("scan", samples / name, "--out", tmp_path / "out")
    gold = pq.read_table(samples / "labels" / f"{name}.parquet").to_pylist()
    found: dict[Any, set[int]] = {}
    for file in (tmp_path / "out" / "spans").iterdir():
        for row in pq.read_table(file).to_pylist():
            place = (row["shard"], row["row"], row["column"], row["item"])
            found.setdefault(place, set()).update(range(row["start"], row["end"]))
    hits = [
        len(found.get((g["shard"], g["row"], g["column"], g["item"]), set()) & set(range(g["start"], g["end"])))
        >= (g["end"] - g["start"]) / 2
        for g in gold
        if g["entity"] != "HEALTH"
    ]
    assert len(hits) > 40
    assert sum(hits) / len(hits) > 0.9


def test_a_release_that_is_asked_for_and_not_granted_leaves_with_1(run: Run, samples: Path, tmp_path: Path) -> None:
    code, out, _ = run("scan", samples / "web_forum", "--out", tmp_path / "out", "--release-as", "open")
    assert code == 1
    assert "releasable" in out.lower()


def test_a_broken_shard_leaves_with_3_and_its_reason(run: Run, tmp_path: Path) -> None:
    write_shard(tmp_path / "data" / "a.parquet", [MAIL])
    (tmp_path / "data" / "b.parquet").write_bytes(b"")
    code, out, _ = run("scan", tmp_path / "data", "--out", tmp_path / "out", "--no-names")
    assert code == 3
    assert "b.parquet" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["scan", "{data}"], "--out"),
        (["scan", "{data}", "--out", "{out}", "--workers", "0"], "--workers"),
        (["scan", "{data}", "--out", "{out}", "--provenance", "stolen"], "--provenance"),
        (["scan", "{missing}", "--out", "{out}"], "missing"),
        (["scan", "{data}", "--out", "{out}", "--config", "{missing}"], "missing"),
        (["scan"], "PATH"),
        (["report", "{missing}"], "evidence.json"),
        (["decide", "{missing}"], "evidence.json"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_leaves_with_2_and_says_what_to_mend(
    run: Run, tmp_path: Path, arguments: list[str], told: str
) -> None:
    places = {
        "data": write_shard(tmp_path / "a.parquet", [MAIL]),
        "out": tmp_path / "out",
        "missing": tmp_path / "missing",
    }
    code, out, err = run(*(argument.format(**places) for argument in arguments))
    assert (code, out) == (2, "")
    assert told in err


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shard(tmp_path / "data" / "a.parquet", [MAIL])
    (tmp_path / "data" / "dataset.yaml").write_text(f"provenance: licensed\nout: {tmp_path / 'file'}\nnames: false\n")

    def provenance(*arguments: str | Path) -> str:
        code, out, err = run("scan", tmp_path / "data", "--json", *arguments)
        assert code in (0, 1), err
        return from_json(out).dataset.provenance.value

    assert provenance() == "licensed"
    monkeypatch.setenv("SCANNER_PROVENANCE", "public_web")
    assert provenance() == "public_web"
    assert provenance("--provenance", "synthetic") == "synthetic"
    assert (tmp_path / "file" / "evidence.json").exists()


def test_deciding_anew_reads_no_shard_and_follows_the_model_card(run: Run, samples: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_shard(data / "a.parquet", [MAIL] * 30)
    (data / "dataset.yaml").write_text(
        "provenance: licensed\nnames: false\ndocumentation_values: count\n"
        "model: {parameters: 7.0e+9, training_tokens: 1.0e+12, epochs: 1}\n"
    )
    _, first, _ = run("scan", data, "--out", tmp_path / "out", "--json")
    (data / "a.parquet").unlink()
    _, same, _ = run("decide", tmp_path / "out", "--json")
    before, after = from_json(first), from_json(same)
    assert (before.risk, before.verdict, before.findings) == (after.risk, after.verdict, after.findings)
    _, larger, _ = run("decide", tmp_path / "out", "--json", "--model-params", "1e12", "--epochs", "8")
    assert from_json(larger).risk.score.p50 > before.risk.score.p50
    assert from_json((tmp_path / "out" / "evidence.json").read_bytes()) == from_json(larger)


def test_every_report_of_a_finished_scan_can_be_printed(run: Run, tmp_path: Path) -> None:
    from scanner.reports import formats

    shard = write_shard(tmp_path / "a.parquet", [MAIL])
    run("scan", shard, "--out", tmp_path / "out", "--no-names")
    for name in formats():
        code, out, _ = run("report", tmp_path / "out", "--format", name)
        assert (code, bool(out.strip())) == (0, True), name


def test_every_command_has_help(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    from scanner.cli import scanner as group

    for name in group.list_commands(None):  # type: ignore[arg-type]
        assert name in out
        code, told, _ = run(name, "--help")
        assert (code, "Usage" in told) == (0, True)


def test_evidence_and_reports_tell_the_command_that_scanned_and_the_one_that_decided_anew(
    run: Run, tmp_path: Path
) -> None:
    shard, out = write_shard(tmp_path / "a.parquet", [MAIL]), tmp_path / "out"
    run("scan", shard, "--no-names", "--out", out)
    scanned = from_json((out / "evidence.json").read_bytes()).scan
    hidden = ["--key", "…", "--engine", "inline", "--no-names"]
    assert scanned.command == ["scanner", "scan", str(shard), "--out", str(out), *hidden]
    assert scanned.decided_by == []
    run("decide", out)
    assert from_json((out / "evidence.json").read_bytes()).scan == scanned, "nothing was decided otherwise"
    run("decide", out, "--epochs", "9")
    decided = from_json((out / "evidence.json").read_bytes()).scan
    assert decided.decided_by == ["scanner", "decide", str(out), "--epochs", "9.0"]
    assert decided.command == scanned.command
    assert "--epochs 9.0" in (out / "report.html").read_text()
