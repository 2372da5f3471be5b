from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from scanner import scan as scanning
from scanner.baseline import fully_accepted, in_force, reviewable
from scanner.cli.baseline import command
from scanner.evidence import Evidence
from scanner.ledger import Acceptance
from scanner.output import ledger_of
from scanner.scan import Request
from tests.scans import Silent, request, write_policy, write_shard
from tests.test_nights import RULE, shard

MAIL = "Please write to ann.lee@example.com."
OTHER = "Please write to bob.ray@example.com."


@pytest.fixture
def asked(tmp_path: Path, key_file: Path) -> Request:
    shard(tmp_path / "data" / "a.parquet", *[MAIL] * 5, OTHER)
    policy = write_policy(tmp_path / "policy.yaml")
    return request(tmp_path / "data", tmp_path / "out", key_file, policy=policy, resume=True)


def scanned(asked: Request) -> Evidence:
    return scanning.scan(asked, Silent())


def distinct(evidence: Evidence) -> int:
    return sum(bucket.distinct for bucket in evidence.occurrences if bucket.entity == "EMAIL_ADDRESS")


def accept(out: Path, until: str = "2999-12-31") -> str:
    """Accept the most frequent e-mail address; gives what the command printed."""
    one = reviewable(out, entity="EMAIL_ADDRESS")[0]
    arguments = ["accept", str(out), one.fingerprint.hex()[:12], "--rule", one.rule]
    reason = ["--by", "A. Lee", "--why", "the shop's own", "--until", until]
    done = CliRunner().invoke(command, [*arguments, *reason], catch_exceptions=False, standalone_mode=False)
    return done.output


def test_an_accepted_value_counts_for_nothing_and_the_evidence_says_who_and_why(asked: Request) -> None:
    before = scanned(asked)
    assert "accepted until 2999-12-31" in accept(asked.out)
    after = scanned(asked)
    assert (distinct(before), distinct(after)) == (2, 1)
    (told,) = after.accepted
    assert (told.entity, told.by, told.why, told.until) == ("EMAIL_ADDRESS", "A. Lee", "the shop's own", "2999-12-31")
    assert [one.count for one in after.findings] == [one.count for one in before.findings]
    assert after.risk.score.p50 < before.risk.score.p50


def test_an_expired_acceptance_counts_again(asked: Request) -> None:
    scanned(asked)
    accept(asked.out, until="2020-01-01")
    after = scanned(asked)
    assert (distinct(after), after.accepted) == (2, [])


def test_a_night_decides_anew_when_something_was_accepted(asked: Request) -> None:
    scanning.scan_new(asked, Silent(), scanning.unlimited)
    accept(asked.out)
    outcome = scanning.scan_new(asked, Silent(), scanning.unlimited)
    assert outcome.evidence is not None
    assert distinct(outcome.evidence) == 1
    assert scanning.scan_new(asked, Silent(), scanning.unlimited).evidence is None


def test_a_value_that_another_rule_found_too_still_counts(asked: Request) -> None:
    scanned(asked)
    one = reviewable(asked.out, entity="EMAIL_ADDRESS")[0]
    accepted = acceptance(one.fingerprint, "another.rule")
    assert fully_accepted(asked.out, [accepted]) == set()
    assert fully_accepted(asked.out, [accepted, acceptance(one.fingerprint, one.rule)]) == {one.fingerprint}


def test_acceptances_hold_through_their_last_day() -> None:
    one = acceptance(b"0" * 16, "rule", until="2026-03-31")
    assert in_force([one], "2026-03-31T23:59:59+00:00") == [one]
    assert in_force([one], "2026-04-01T00:00:00+00:00") == []


def test_an_accepted_value_is_known_again_under_another_key(asked: Request) -> None:
    scanned(asked)
    accept(asked.out)
    asked.key_file.write_bytes(bytes(range(1, 33)))
    after = scanned(asked)
    assert (distinct(after), len(after.accepted)) == (1, 1)
    with ledger_of(asked.out) as ledger:
        assert [one.key_id for one in ledger.acceptances()] == [after.scan.key_id]


def test_an_accepted_value_whose_place_is_gone_counts_again_under_another_key(asked: Request, tmp_path: Path) -> None:
    scanned(asked)
    accept(asked.out)
    asked.key_file.write_bytes(bytes(range(1, 33)))
    shard(tmp_path / "data" / "a.parquet", OTHER, *[MAIL] * 5)
    assert distinct(scanned(asked)) == 2


def test_an_acceptance_that_is_taken_back_counts_again(asked: Request) -> None:
    scanned(asked)
    accept(asked.out)
    one = reviewable(asked.out, entity="EMAIL_ADDRESS")[0]
    arguments = ["withdraw", str(asked.out), one.fingerprint.hex()[:12], "--rule", one.rule]
    CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    assert distinct(scanned(asked)) == 2


def test_nothing_of_a_value_stands_in_what_a_reviewer_is_shown(asked: Request, tmp_path: Path) -> None:
    write_shard(tmp_path / "data" / "b.parquet", [RULE])
    scanned(asked)
    accept(asked.out)
    shown = [
        CliRunner().invoke(command, [name, str(asked.out)], standalone_mode=False).output for name in ("find", "list")
    ]
    assert all("EMAIL_ADDRESS" in text for text in shown)
    assert not any("ann" in text or "example" in text for text in shown)


def acceptance(fingerprint: bytes, rule: str, until: str = "2999-12-31") -> Acceptance:
    return Acceptance(
        fingerprint, rule, "EMAIL_ADDRESS", "A. Lee", "why", until, "2026-01-01", "key", ("", 0, "text", 0, 0, 1)
    )
