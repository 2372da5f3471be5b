from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

import pytest

from scanner.errors import BadOutput
from scanner.ledger import Acceptance, Ledger, RunRow, open_ledger
from scanner.tally import Tally

PLAN, OTHER = "a" * 64, "b" * 64


def test_a_finished_unit_is_known_when_the_ledger_is_opened_again(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.finish(PLAN, "one", Tally(rows=3))
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.tallies(PLAN) == {"one": Tally(rows=3)}
        assert ledger.tallies(OTHER) == {}


def test_finishing_a_unit_twice_counts_it_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.finish(PLAN, "one", Tally(rows=3))
        ledger.finish(PLAN, "one", Tally(rows=3))
        assert ledger.tallies(PLAN) == {"one": Tally(rows=3)}


def test_only_the_units_of_the_present_plan_are_kept(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.finish(PLAN, "one", Tally())
        ledger.finish(PLAN, "gone", Tally())
        ledger.finish(OTHER, "one", Tally())
        ledger.keep_only(PLAN, {"one", "two"})
        assert (list(ledger.tallies(PLAN)), list(ledger.tallies(OTHER))) == (["one"], [])


def test_a_unit_whose_worker_died_is_worth_another_try(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.finish(PLAN, "one", Tally(), whole=False)
        assert (list(ledger.tallies(PLAN)), list(ledger.tallies(PLAN, whole=True))) == (["one"], [])
        ledger.finish(PLAN, "one", Tally(rows=1))
        assert ledger.tallies(PLAN, whole=True) == {"one": Tally(rows=1)}


def test_a_torn_ledger_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"SQLite format 3\x00 and then nothing of the kind" * 100)
    with pytest.raises(BadOutput, match="cannot be used"), open_ledger(tmp_path / "ledger.sqlite"):
        pass


def test_a_ledger_of_a_newer_version_is_a_clear_error(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite"):
        pass
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(BadOutput, match="newer version"), open_ledger(tmp_path / "ledger.sqlite"):
        pass


def run(ledger: Ledger, day: int, evidence: str | None) -> int:
    """Enter a run of this day of January."""
    ended = f"2026-01-{day:02}T02:00:00+00:00"
    told = RunRow(
        scan=f"scan {day}", started=ended, ended=ended, inputs="", policy_sha256="", decision="releasable",
        tier="open", asked=None, granted=True, incomplete=False, p05=0, p50=0, p95=0, shards=1, rows=1, size_bytes=1,
        share=1, findings=0, census={}, left_units=0, evidence_sha256="",
    )  # fmt: skip
    return ledger.add_run(told, zlib.compress(evidence.encode()) if evidence else None)


def test_news_are_untold_until_somebody_says_that_they_are_told(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        run(ledger, 1, "first")
        assert ledger.is_told()
        second = run(ledger, 2, "second")
        assert not ledger.is_told()
        third = run(ledger, 3, "third")
        fourth = run(ledger, 4, None)
        assert (ledger.evidence(told=True), ledger.evidence()) == (b"first", b"third")
        ledger.tell(second)
        assert not ledger.is_told()
        ledger.tell(fourth)
        assert third < fourth
        assert ledger.is_told()
        assert (ledger.evidence(told=True), ledger.evidence()) == (b"third", b"third")


def test_evidence_that_nothing_is_compared_with_is_dropped(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        for day in range(1, 6):
            run(ledger, day, f"evidence {day}")
            if day == 3:
                ledger.approve("scan 3")
        kept = ledger.connection.execute("SELECT id FROM run WHERE evidence IS NOT NULL ORDER BY id").fetchall()
        assert kept == [(1,), (3,), (5,)]
        ledger.tell(5)
        kept = ledger.connection.execute("SELECT id FROM run WHERE evidence IS NOT NULL ORDER BY id").fetchall()
        assert kept == [(3,), (5,)]


def test_what_the_next_night_is_compared_with_is_never_forgotten(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        run(ledger, 1, "first")
        for day in range(2, 9):
            run(ledger, day, None)
        assert ledger.forget("2026-01-08", "2026-02-01")["runs"] == 6
        assert [one.ended[:10] for one in ledger.runs()] == ["2026-01-01", "2026-01-08"]
        assert ledger.evidence() == b"first"


def test_what_was_not_told_when_it_was_forgotten_is_what_later_runs_are_compared_with(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        run(ledger, 1, "first")
        run(ledger, 2, "second")
        ledger.forget("2026-02-01", "2026-02-01", units_alone=True)
        assert ledger.evidence(told=True) == b"first"
        ledger.forget("2026-02-01", "2026-02-01")
        assert ledger.evidence(told=True) == b"second"


def test_an_acceptance_that_holds_is_not_forgotten_whatever_day_is_named(tmp_path: Path) -> None:
    place = ("", 0, "text", 0, 0, 1)
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        for number, until in enumerate(("2026-01-31", "2026-02-01", "2026-02-02")):
            one = Acceptance(bytes([number] * 16), "rule", "URL", "A. Lee", "why", until, "2026-01-01", "key", place)
            ledger.accept([one])
        assert ledger.forget("2099-01-01", "2026-02-01")["acceptances"] == 1
        assert [one.until for one in ledger.acceptances()] == ["2026-02-01", "2026-02-02"]


def test_runs_of_an_older_ledger_count_as_told(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        run(ledger, 1, "first")
        run(ledger, 2, "second")
        for column in ("told", "file_sha256"):
            ledger.connection.execute(f"ALTER TABLE run DROP COLUMN {column}")
        ledger.connection.execute("PRAGMA user_version = 3")
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.is_told()
        assert ledger.evidence(told=True) == b"second"
