"""Whoever is to know of a change is told at least once, whatever ends a night before it came to that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger
from structlog.types import FilteringBoundLogger

from scanner.budget import Budget
from scanner.config import When
from scanner.evidence import Evidence
from scanner.logs import logger
from scanner.nightly import Job, Night, pass_on, run_night
from scanner.output import ledger_of
from scanner.scan import Request
from tests.scans import Silent, request, write_policy
from tests.test_nights import shard

PRIVATE = [f"Card 4000 0566 5566 5556 of p{number}@example.com." for number in range(40)]


@dataclass
class Inbox:
    """An address that takes messages, unless it is shut."""

    messages: list[tuple[str, str]] = field(default_factory=list)
    shut: bool = False

    def send(self, title: str, text: str) -> Sequence[int]:
        if self.shut:
            return [0]
        self.messages.append((title, text))
        return []


@pytest.fixture
def asked(tmp_path: Path, key_file: Path) -> Request:
    shard(tmp_path / "data" / "a.parquet", "nothing at all")
    policy = write_policy(tmp_path / "policy.yaml")
    return request(tmp_path / "data", tmp_path / "out", key_file, policy=policy, resume=True)


def silent_log() -> FilteringBoundLogger:
    return logger(as_json=True)


def no_reports(_evidence: Evidence, out: Path) -> Sequence[Path]:
    (out / "report.md").touch()
    return []


def night(asked: Request, inbox: Inbox | None, when: When = When.CHANGE) -> Night:
    """One night; without an inbox it is killed before it tells anybody."""
    (one,) = run_night([Job("lake", lambda: asked)], Budget(math.inf), silent_log(), Silent(), no_reports)
    if inbox is not None:
        pass_on([one], when, inbox.send, silent_log())
    return one


def test_a_change_is_told_once(asked: Request, tmp_path: Path) -> None:
    inbox = Inbox()
    assert not night(asked, inbox).alert
    shard(tmp_path / "data" / "b.parquet", *PRIVATE)
    assert night(asked, inbox).alert
    quiet = night(asked, inbox)
    assert (quiet.alert, quiet.drift) == (False, None)
    ((title, text),) = inbox.messages
    assert title == "scanner: lake: keep internal"
    assert "Since the last run:" in text


def test_a_night_that_is_killed_before_it_told_of_a_change_is_told_of_in_the_next(
    asked: Request, tmp_path: Path
) -> None:
    inbox = Inbox()
    night(asked, inbox)
    shard(tmp_path / "data" / "b.parquet", *PRIVATE)
    assert night(asked, None).alert
    late = night(asked, inbox)
    assert (late.alert, late.late) == (True, True)
    ((_, text),) = inbox.messages
    assert "This changed in an earlier night" in text
    assert night(asked, inbox).drift is None
    assert len(inbox.messages) == 1


def test_a_change_goes_on_from_what_was_told_not_from_what_a_killed_night_saw(asked: Request, tmp_path: Path) -> None:
    inbox = Inbox()
    night(asked, inbox)
    shard(tmp_path / "data" / "b.parquet", *PRIVATE)
    night(asked, None)
    shard(tmp_path / "data" / "c.parquet", "one more that changes no verdict")
    assert night(asked, inbox).alert
    ((title, text),) = inbox.messages
    assert title == "scanner: lake: keep internal"
    assert "b.parquet" in text
    assert "c.parquet" in text


def test_a_change_that_went_back_before_anybody_was_told_is_no_news(asked: Request, tmp_path: Path) -> None:
    inbox = Inbox()
    night(asked, inbox)
    shard(tmp_path / "data" / "b.parquet", *PRIVATE)
    night(asked, None)
    (tmp_path / "data" / "b.parquet").unlink()
    assert not night(asked, inbox).alert
    assert inbox.messages == []


def test_an_address_that_does_not_take_it_is_told_again_in_the_next_night(asked: Request, tmp_path: Path) -> None:
    inbox = Inbox()
    night(asked, inbox)
    shard(tmp_path / "data" / "b.parquet", *PRIVATE)
    inbox.shut = True
    for _ in range(2):
        assert night(asked, inbox).alert
    inbox.shut = False
    assert night(asked, inbox).alert
    assert not night(asked, inbox).alert
    assert len(inbox.messages) == 1


def test_a_night_that_wants_no_message_counts_as_told(asked: Request, tmp_path: Path) -> None:
    inbox = Inbox(shut=True)
    night(asked, inbox)
    shard(tmp_path / "data" / "b.parquet", "nothing that changes a verdict")
    assert night(asked, inbox).drift is not None
    with ledger_of(asked.out) as ledger:
        assert ledger.is_told()


def test_the_log_has_the_position_of_an_address_and_not_the_address(asked: Request, tmp_path: Path) -> None:
    night(asked, Inbox())
    shard(tmp_path / "data" / "b.parquet", *PRIVATE)
    one = night(asked, None)
    heard = CapturingLogger()
    assert not pass_on([one], When.ALWAYS, lambda *_: [1], heard)
    ((name, words, told),) = heard.calls
    assert (name, words, told) == ("error", ("notification was not taken",), {"address": 1})
