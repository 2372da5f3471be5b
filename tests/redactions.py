"""Helpers for tests that redact: quick scans, plans and comparisons in this process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from scanner.elsewhere import accept, sweep
from scanner.evidence import Remedy
from scanner.files import load_entities, parse_yaml
from scanner.outcome import Comparison, ShardDone
from scanner.output import read_evidence
from scanner.redact import Request, executor_of, redact, tasks_of
from scanner.redaction import RedactionPlan, parse_redaction
from scanner.redactor import RedactTask, redact_shard
from scanner.stores import Place
from tests.scans import Silent, quick_policy

EVERYTHING = {"findings": [{"operator": "pseudonym"}]}


def plan(told: dict[str, Any]) -> RedactionPlan:
    """The plan of a policy."""
    return parse_redaction(parse_yaml(yaml.safe_dump(told), "redaction.yaml"), load_entities().keys())


def request(
    data: Path | str, evidence: Path, out: Place, key_file: Path, what: RedactionPlan, **changes: Any
) -> Request:
    """A redaction in this process."""
    policy = evidence.parent / "policy.yaml"
    quick = {"engine": "inline", "policy": policy if policy.exists() else quick_policy(key_file)}
    return Request((str(data),), evidence, out, what, key_file, **{**quick, **changes})


def forget(scan: Path, shard: str) -> None:
    """Make the evidence that of a scan that saw nothing in a shard."""
    left: Counter[str] = Counter()
    for file in (scan / "spans").glob("*.parquet"):
        table = pq.read_table(file)
        table = table.filter(pc.not_equal(table["shard"], shard))
        pq.write_table(table, file)
        left.update(table["entity"].to_pylist())
    told = json.loads((scan / "evidence.json").read_text())
    for part in told["findings"]:
        part["count"] = left[part["entity"]]
    (scan / "evidence.json").write_text(json.dumps(told))


def tasks_for(asked: Request, scratch: Path) -> list[RedactTask]:
    """One task a shard, all of which can be read."""
    with closing(executor_of(asked)) as executor:
        work = tasks_of(asked, read_evidence(asked.evidence), scratch, executor)
    assert not work.unreadable
    return list(work.tasks)


def swept(tasks: Sequence[RedactTask]) -> list[RedactTask]:
    """The tasks, told where the values that they change stand elsewhere."""
    found = sweep(tasks, map)
    assert not found.faults
    return accept(found, tasks, [])


def redacted(
    data: Path | str,
    evidence: Path,
    out: Path,
    key_file: Path,
    what: RedactionPlan | dict[str, Any],
    remedy: Remedy | None = None,
    **changes: Any,
) -> Comparison:
    """The comparison after a redaction in this process."""
    chosen = plan(what) if isinstance(what, dict) else what
    return redact(request(data, evidence, out, key_file, chosen, remedy=remedy, **changes), Silent())


def rewritten(data: Path, evidence: Path, out: Path, key_file: Path, what: dict[str, Any]) -> list[ShardDone]:
    """The new shards without the re-scan, for tests that look at their cells alone."""
    asked = request(data, evidence, out, key_file, plan(what))
    done = [redact_shard(task) for task in tasks_for(asked, out / "_redaction" / "scratch")]
    assert [one.fault for one in done if one.fault] == []
    return done
