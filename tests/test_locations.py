"""Where findings stand, from real scans."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.evidence import Evidence
from scanner.locations import MOST_PAIRS, PLACES, locate
from scanner.model import Finding, Linkage
from scanner.recorder import Recorder
from tests.scans import scanned, write_key, write_shard

MAILS = [f"Ask person{i}@example.com." for i in range(6)]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = tmp_path_factory.mktemp("places")
    key = write_key(folder / "key")
    write_shard(folder / "data" / "a.parquet", ["nothing", *MAILS])
    write_shard(folder / "data" / "b.parquet", ["Ask person1@example.com.", "Ask person1@example.com again."])
    write_shard(folder / "data" / "c.parquet", ["nothing"])
    return scanned(folder / "data", folder / "out", key)


def test_a_place_is_where_the_text_stands(evidence: Evidence) -> None:
    mails = [place for place in evidence.places if place.entity == "EMAIL_ADDRESS"]
    assert [(place.shard, place.row) for place in mails] == [("a.parquet", 1), ("a.parquet", 2), ("a.parquet", 3)]
    assert len(mails) == PLACES
    assert MAILS[0][mails[0].start : mails[0].end] == "person0@example.com"
    assert 0 < mails[0].confidence <= 1


def test_shards_have_their_findings_and_their_part_of_the_harm(evidence: Evidence) -> None:
    by_path = {shard.path: shard for shard in evidence.shards}
    counted = sum(part.count for part in evidence.findings)
    assert sum(shard.findings for shard in evidence.shards) == counted
    assert by_path["c.parquet"].findings == 0
    assert by_path["c.parquet"].share == 0
    assert by_path["a.parquet"].share == pytest.approx(3 * by_path["b.parquet"].share, rel=1e-3)
    found = {part.entity for part in evidence.findings}
    harm = sum(driver.share for driver in evidence.risk.drivers if driver.entity.split("+")[0] in found)
    assert sum(shard.share for shard in evidence.shards) == pytest.approx(harm, rel=1e-3)


def test_the_most_repeated_value_is_known_by_its_fingerprint_alone(evidence: Evidence) -> None:
    first = evidence.repeated[0]
    assert (first.entity, first.occurrences, first.columns) == ("EMAIL_ADDRESS", 3, 1)
    assert len(first.fingerprint) == 8
    int(first.fingerprint, 16)


def test_places_are_bounded_surest_first_and_do_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    files = []
    for unit in range(2):
        spans, values = tmp_path / f"{unit}.spans", tmp_path / f"{unit}.values"
        with Recorder(f"{unit}.parquet", spans, values) as recorder:
            for column in range(MOST_PAIRS + 50):
                for row in range(3):
                    found = Finding("KIND", 0, 5, 0.5 + row / 10, "rule")
                    recorder.finding(row, f"column {column}", 0, found, bytes(16), Linkage.ALONE)
                example = Finding("KIND", 0, 5, 1.0, "documentation:rule")
                recorder.finding(9, f"column {column}", 0, example, bytes(16), Linkage.ALONE)
        files.append(spans)
    found_ = locate(files, tmp_path / "scratch")
    assert found_ == locate(files[::-1], tmp_path / "scratch")
    assert len({place.column for place in found_.first}) == MOST_PAIRS
    own = [(place.shard, place.row, place.confidence) for place in found_.first if place.column == "column 0"]
    assert own == [("0.parquet", 2, 0.7), ("1.parquet", 2, 0.7), ("0.parquet", 1, 0.6)]
    assert found_.by_shard == (("0.parquet", "KIND", 750), ("1.parquet", "KIND", 750))
    assert not (tmp_path / "scratch").exists()


def test_no_findings_have_no_places(tmp_path: Path) -> None:
    nothing = locate([], tmp_path / "scratch")
    assert (nothing.by_shard, nothing.first) == ((), ())
