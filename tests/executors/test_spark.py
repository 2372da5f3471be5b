"""Scans by Spark: the same bytes as inline; and the detectors on a DataFrame."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner.engines.spark import UNSCANNED, findings
from scanner.errors import BadEngine
from scanner.executors import Settings, engines
from scanner.fingerprints import Fingerprinter
from scanner.worker import watch
from tests.scans import comparable, scanned, spans, write_shard

MAIL = "Please write to ann.lee@example.com for the spare part."
NAMED = "Maria Gonzales lives in Chicago and works for the city."


needs_java = pytest.mark.skipif(
    shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="Spark needs Java 17 or newer"
)


@needs_java
def test_spark_gives_the_evidence_and_the_files_of_inline(tmp_path: Path, key_file: Path) -> None:
    for name in ("a", "b"):
        write_shard(tmp_path / "data" / f"{name}.parquet", [MAIL, NAMED, "The card is 4111 1111 1111 1111."] * 9)
    inline = scanned(tmp_path / "data", tmp_path / "inline", key_file, names=True)
    spread = scanned(tmp_path / "data", tmp_path / "spark", key_file, names=True, engine="spark", workers=1)
    assert comparable(spread) == comparable(inline)
    assert {"PERSON", "LOCATION", "EMAIL_ADDRESS", "CREDIT_CARD"} <= {
        row["entity"] for row in spans(tmp_path / "spark")
    }
    for kind in ("spans", "values"):
        one, other = ({file.name: file.read_bytes() for file in (tmp_path / out / kind).iterdir()} for out in BOTH)
        assert one == other


BOTH = ("inline", "spark")


@needs_java
def test_findings_of_a_data_frame_are_those_of_a_scan(tmp_path: Path, key_file: Path) -> None:
    (session,) = {engines()["spark"](Settings(2, lambda _: None, watch))._session}  # type: ignore[attr-defined]
    table = pa.table(
        {
            "id": pa.array([7, 8, 9]),
            "text": [MAIL, None, f"🙂 {MAIL}"],
            "messages": [[{"content": "nothing"}, {"content": MAIL}], [], None],
            "image": [b"\xff\xfe\x00", None, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    frame = session.read.parquet(str(tmp_path / "a.parquet"))
    scanned(tmp_path / "a.parquet", tmp_path / "out", key_file)
    rows = findings(frame, key_file=key_file, keep=("id",), names=False).collect()
    told = {(row["id"] - 7, row["column"], row["item"], row["start"], row["end"], row["entity"]) for row in rows}
    same = {
        tuple(row[key] for key in ("row", "column", "item", "start", "end", "entity"))
        for row in spans(tmp_path / "out")
    }
    assert told - same == {(0, "image", 0, 0, 0, UNSCANNED)}
    assert same <= told
    expected = Fingerprinter(key_file.read_bytes()).of("EMAIL_ADDRESS", "ann.lee@example.com")
    assert {bytes(row["fingerprint"]) for row in rows if row["entity"] == "EMAIL_ADDRESS"} == {expected}


def test_without_pyspark_the_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(BadEngine, match=r"\[spark\]"):
        engines()["spark"](Settings(1, lambda _: None, watch))
