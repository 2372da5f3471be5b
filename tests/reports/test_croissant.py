"""Croissant that the reference implementation accepts."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scanner.evidence import Evidence, ShardPart
from scanner.model import ShardStatus
from scanner.reports import croissant

from .evidences import CASES, incomplete_evidence, open_evidence, research_evidence

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own dependencies warn when they are imported
    import mlcroissant


SHARDS, ROWS = 3, 4

TERMS = {
    name: f"cr:{name}"
    for name in ("column", "extract", "field", "fileObject", "fileSet", "includes", "key", "recordSet", "source")
} | {"dataType": {"@id": "cr:dataType", "@type": "@vocab"}}
"""Short names of the terms that hubs use beside those of a scan."""


@pytest.mark.parametrize("name", ["open", "research", "internal", "incomplete", "hostile"])
def test_the_reference_implementation_finds_no_error(name: str) -> None:
    described = _described(CASES[name]())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metadata = mlcroissant.Metadata.from_json(ctx=mlcroissant.Context(), json_=described)
    assert set(metadata.ctx.issues.errors) == set()
    assert metadata.personal_sensitive_information == described["rai:personalSensitiveInformation"]


def test_kinds_of_values_are_counted_over_all_columns() -> None:
    told = _described(research_evidence())["rai:personalSensitiveInformation"]
    assert "e-mail address: 1,123 findings in 2 columns" in told


def test_what_was_not_read_is_a_limitation() -> None:
    assert any("1.4 GB" in line for line in _described(incomplete_evidence())["rai:dataLimitations"])
    assert "rai:dataLimitations" not in _described(open_evidence())


def test_each_shard_has_its_digest() -> None:
    evidence = research_evidence()
    assert [shard["sha256"] for shard in _described(evidence)["distribution"]] == [s.sha256 for s in evidence.shards]


@pytest.fixture(scope="module")
def catalogued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of three shards with its description as a hub makes it, and what a scan has to say merged in."""
    folder = tmp_path_factory.mktemp("hub")
    shards = [_shard(folder / f"part-{number:05d}.parquet", number) for number in range(SHARDS)]
    ours = _described(research_evidence().model_copy(update={"shards": shards}))
    merged = {**ours, **_of_a_hub(), "distribution": [*_of_a_hub()["distribution"], *ours["distribution"]]}
    merged["@context"] = {**ours["@context"], **TERMS}
    (folder / "croissant.json").write_text(json.dumps(merged))
    return folder


def _shard(file: Path, number: int) -> ShardPart:
    threads = [number * ROWS + row for row in range(ROWS)]
    pq.write_table(pa.table({"thread": threads, "text": [f"post of shard {number}"] * ROWS}), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return ShardPart(path=file.name, sha256=digest, bytes=file.stat().st_size, rows=ROWS, status=ShardStatus.SCANNED)


def test_merged_into_a_hubs_description_it_is_valid_and_the_records_are_read_from_disk(catalogued: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = mlcroissant.Dataset(jsonld=str(catalogued / "croissant.json"), mapping={"repo": str(catalogued)})
        records = list(dataset.records("posts"))
    assert set(dataset.metadata.ctx.issues.errors) == set()
    assert sorted(record["posts/thread"] for record in records) == list(range(SHARDS * ROWS))
    told = _described(research_evidence())["rai:personalSensitiveInformation"]
    assert dataset.metadata.to_json()["rai:personalSensitiveInformation"] == told
    assert len(told) > 1


def test_a_record_set_may_name_a_shard_by_the_id_that_the_scan_gave_it(catalogued: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = mlcroissant.Dataset(jsonld=str(catalogued / "croissant.json"), mapping={"repo": str(catalogued)})
        texts = [record["last/text"] for record in dataset.records("last")]
    assert texts == [b"post of shard 2"] * ROWS


def _of_a_hub() -> dict[str, Any]:
    """A repository, the set of its Parquet files, and record sets with typed fields and a key."""
    files, last = {"fileSet": {"@id": "parquet-files"}}, {"fileObject": {"@id": f"shard-{SHARDS - 1:05d}"}}
    return {
        "@type": "sc:Dataset",
        "name": "posts",
        "url": "https://example.com/datasets/posts",
        "license": "https://example.com/licence",
        "creator": {"@type": "Organization", "name": "Example"},
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "repo",
                "name": "repo",
                "contentUrl": "https://example.com/datasets/posts",
                "encodingFormat": "git+https",
                "sha256": "https://github.com/mlcommons/croissant/issues/80",
            },
            {
                "@type": "cr:FileSet",
                "@id": "parquet-files",
                "containedIn": {"@id": "repo"},
                "encodingFormat": "application/x-parquet",
                "includes": "*.parquet",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "posts",
                "key": {"@id": "posts/thread"},
                "field": [_field("posts/thread", "sc:Integer", files), _field("posts/text", "sc:Text", files)],
            },
            {"@type": "cr:RecordSet", "@id": "last", "field": [_field("last/text", "sc:Text", last)]},
        ],
    }


def _field(name: str, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    extract = {"extract": {"column": name.rpartition("/")[2]}}
    return {"@type": "cr:Field", "@id": name, "dataType": kind, "source": {**source, **extract}}


def _described(evidence: Evidence) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(croissant.render(evidence))
    return described
