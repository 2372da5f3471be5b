"""Samples of a report: only when asked for, masked, from the shards that were scanned, and written nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scanner.cli.report import command
from scanner.evidence import Evidence
from scanner.output import read_evidence
from scanner.reports import formats
from scanner.review.samples import samples
from tests.canaries import leaks
from tests.review.conftest import Scene
from tests.scans import scanned, write_key, write_shard

MAIL, PHONE, CARD = "zebulon.quackenbush@example.com", "(503) 555-0187", "4012888888881881"
MISSED = "my colleague Ludmilla"
TEXTS = [
    f"Write to {MAIL}, or to {MISSED}, on <script>alert(1)</script> Mondays; ZEBULON.QUACKENBUSH@EXAMPLE.COM too.",
    f"Call {PHONE} about the card {CARD}, or ask for Quackenbush by name.",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Evidence]:
    base = tmp_path_factory.mktemp("samples")
    key = write_key(base / "key")
    write_shard(base / "data" / "a.parquet", TEXTS * 3)
    evidence = scanned(base / "data", base / "out", key)
    assert {part.entity for part in evidence.places} >= {"EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD"}
    return base / "data", base / "out", evidence


def report(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_no_value_that_was_found_stands_in_the_page_and_what_was_missed_may(
    finished: tuple[Path, Path, Evidence], tmp_path: Path
) -> None:
    data, out, _ = finished
    page = report(out, data, "--format", "html", "--samples", "200").stdout
    assert page.count("<mark>") >= 3
    assert leaks(tmp_path, [MAIL, PHONE, CARD, "Quackenbush", "quackenbush", "zebulon"], page) == []
    assert MISSED in page, "the page says that it may: this holds it to its word"
    assert "This part holds text of the dataset." in page
    assert "holds no text of the dataset" not in page
    assert "<script>alert" not in page


def test_without_the_option_no_page_holds_text_and_nothing_is_written(finished: tuple[Path, Path, Evidence]) -> None:
    data, out, evidence = finished
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    plain = report(out, "--format", "html").stdout
    assert "Mondays" not in plain
    assert "holds no text of the dataset" in plain
    assert "Mondays" in report(out, data, "--format", "html", "--samples", "9").stdout
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
    assert "Mondays" not in "".join(one.render(evidence) for one in formats().values())


def test_the_help_says_what_such_a_page_may_hold() -> None:
    assert "what the detectors did not find is not" in " ".join(report("--help").stdout.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{out}", "{data}", "--samples", "5"], "--format html alone"),
        (["{out}", "--format", "html", "--samples", "5"], "name them after OUT"),
        (["{out}", "{data}", "--format", "html"], "leave PATH out"),
        (["{out}/evidence.json", "{data}", "--format", "html", "--samples", "5"], "output folder"),
    ],
)
def test_wrong_usage_says_what_to_mend(finished: tuple[Path, Path, Evidence], arguments: list[str], told: str) -> None:
    data, out, _ = finished
    done = report(*(argument.format(out=out, data=data) for argument in arguments))
    assert done.exit_code == 2
    assert told in done.stderr


def test_each_kind_and_column_comes_once_before_any_comes_twice(finished: tuple[Path, Path, Evidence]) -> None:
    data, out, evidence = finished
    kinds = {(part.entity, part.column) for part in evidence.places}
    found = samples(out, evidence, [str(data)], len(kinds))
    assert {(one.place.entity, one.place.column) for one in found} == kinds


def test_a_shard_that_was_changed_since_is_not_read(scene: Scene) -> None:
    write_shard(scene.data / "a.parquet", ["another"])
    done = CliRunner().invoke(command, [str(scene.out), str(scene.data), "--format", "html", "--samples", "50"])
    assert "is not the shard that was scanned" in str(done.exception)


def test_a_scan_that_found_nothing_gives_no_samples(tmp_path: Path, key_file: Path) -> None:
    write_shard(tmp_path / "data" / "a.parquet", ["nothing here"])
    scanned(tmp_path / "data", tmp_path / "out", key_file)
    out = tmp_path / "out"
    assert samples(out, read_evidence(out), [str(tmp_path / "data")], 5) == []
