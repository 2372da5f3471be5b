"""Helpers for tests that scan: small shards, quick requests, evidence without what differs between runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner.evidence import Evidence, to_json
from scanner.files import packaged_rules
from scanner.model import Dataset, ModelCard, Provenance
from scanner.scan import Request, scan

CARD = ModelCard(parameters=7e9, training_tokens=1e12, epochs=1)


@dataclass
class Silent:
    """An observer that notes what it was told."""

    begun: list[tuple[int, int]] = field(default_factory=list)
    ended: int = 0

    def begin(self, rows: int, size_bytes: int, progress: Callable[[], tuple[int, int]]) -> None:
        self.begun.append((rows, size_bytes))

    def end(self) -> None:
        self.ended += 1


def write_shard(file: Path, texts: Sequence[str | None], **options: Any) -> Path:
    """A shard with one `text` column."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), file, **options)
    return file


def write_key(file: Path) -> Path:
    """A fingerprint key of fixed bytes, so that fingerprints can be compared between runs."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes(range(32)))
    file.chmod(0o600)
    return file


def write_policy(file: Path, draws: int = 100) -> Path:
    """The policy that ships with fewer draws, for tests that do not look at intervals."""
    text, places = re.subn(r"draws: \d+", f"draws: {draws}", (packaged_rules() / "policy.yaml").read_text())
    assert places == 1
    file.write_text(text)
    return file


def quick_policy(key_file: Path) -> Path:
    """The policy with few draws, beside the key of a test."""
    file = key_file.with_name("few_draws.yaml")
    return file if file.exists() else write_policy(file)


def request(path: Path | str, out: Path, key_file: Path, **changes: Any) -> Request:
    """A quick scan in this process, with few draws and without the names stage unless asked for."""
    policy = changes.pop("policy") if "policy" in changes else quick_policy(key_file)
    dataset = changes.pop("dataset", Dataset("test", Provenance.LICENSED, model_card=CARD))
    return Request(
        paths=(str(path),),
        out=out,
        dataset=dataset,
        key_file=key_file,
        **{"engine": "inline", "names": False, "count_documentation": True, "policy": policy, **changes},
    )


def scanned(path: Path | str, out: Path, key_file: Path, **changes: Any) -> Evidence:
    """Evidence of a quick scan."""
    return scan(request(path, out, key_file, **changes), Silent())


def comparable(evidence: Evidence) -> str:
    """The evidence as text, without what tells of the run (id, times, engine, command) and of other runs."""
    told = json.loads(to_json(evidence))
    for key in ("changes", "approval", "history"):
        told.pop(key, None)
    for key in ("id", "started", "ended", "engine", "command", "decided_by"):
        del told["scan"][key]
    return json.dumps(told, sort_keys=True)


def spans(out: Path) -> list[dict[str, Any]]:
    """Every span below an output folder, in order."""
    rows = [row for file in sorted((out / "spans").glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    return sorted(rows, key=lambda row: (row["shard"], row["row"], row["column"], row["item"], row["start"]))
