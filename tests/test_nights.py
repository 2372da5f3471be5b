"""Night after night only what is new is read, and the end is that of one scan of what is there."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner import scan as scanning
from scanner.census import Change
from scanner.evidence import Evidence
from scanner.model import ShardStatus, UnscannedReason
from scanner.output import read_evidence, runs
from scanner.plan import Verify
from scanner.scan import Outcome, Request, scan_new, unlimited
from tests.scans import Silent, comparable, request, write_policy, write_shard

NIGHTS = 30
SET_BACK = 17
"""The night in which the clock of the machine goes back by nine days."""

PEOPLE = ("ann.lee", "bo.chen", "cy.diaz", "di.evans", "ed.frank", "flo.gray")
LONG_AGO = 1_500_000_000
RULE = """
recognizers:
  - id: club.member
    name: Number of a club member
    supported_entity: GOVERNMENT_ID
    patterns: [{name: number, regex: '\\bCM-\\d{6}\\b', score: 0.6}]
    context: [member, membership]
    reference: https://example.org/numbers
    examples: ['My membership number is «CM-204518».']
    negative_examples: ['Part CM-20451 is out of stock.']
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The packaged policy with few draws: these tests are about equality, not about risk."""
    return write_policy(tmp_path / "policy.yaml")


def aged(file: Path, at: int = LONG_AGO) -> Path:
    """The file as one that nobody has touched for long."""
    os.utime(file, (at, at))
    return file


def shard(file: Path, *texts: str) -> Path:
    return aged(write_shard(file, list(texts), row_group_size=3))


def night(asked: Request, allows: Callable[[int], bool] = unlimited) -> tuple[Outcome, int]:
    """The outcome, and how many rows there were to read."""
    observer = Silent()
    outcome = scan_new(asked, observer, allows)
    return outcome, sum(rows for rows, _ in observer.begun)


def files(out: Path) -> dict[str, bytes]:
    return {f"{kind}/{file.name}": file.read_bytes() for kind in ("spans", "values") for file in (out / kind).iterdir()}


def check_as_fresh(asked: Request, tmp_path: Path, name: str = "fresh") -> Evidence:
    """The evidence, spans and value tables are those of one scan of what is there, byte for byte but times."""
    told = read_evidence(asked.out)
    fresh = replace(asked, out=tmp_path / name, resume=False)
    assert comparable(told) == comparable(scanning.scan(fresh, Silent()))
    assert files(asked.out) == files(fresh.out)
    return told


@pytest.fixture
def asked(tmp_path: Path, key_file: Path, policy: Path) -> Request:
    for name in ("a", "b", "c"):
        shard(tmp_path / "data" / f"{name}.parquet", *texts(random.Random(name), 7))
    return request(tmp_path / "data", tmp_path / "out", key_file, policy=policy, resume=True, retain=True)


def texts(rng: random.Random, rows: int) -> list[str]:
    kinds = ("Write to {}@example.com.", "nothing about {} here", "Ring (212) 555-01{}.", "membership number CM-2045{}")
    return [
        rng.choice(kinds).format(rng.choice(PEOPLE) if number % 2 else rng.randint(10, 99)) for number in range(rows)
    ]


def test_a_night_with_nothing_new_leaves_everything_as_it_stands(asked: Request) -> None:
    night(asked)
    before, written = files(asked.out), (asked.out / "evidence.json").read_bytes()
    outcome, rows = night(asked)
    assert (outcome.evidence, rows) == (None, 0)
    assert outcome.run.census == {"same": 3}
    assert (files(asked.out), (asked.out / "evidence.json").read_bytes()) == (before, written)


def test_only_new_and_changed_shards_are_read(asked: Request, tmp_path: Path) -> None:
    night(asked)
    shard(tmp_path / "data" / "a.parquet", *texts(random.Random(1), 5))
    shard(tmp_path / "data" / "d.parquet", *texts(random.Random(2), 4))
    outcome, rows = night(asked)
    assert rows == 9
    assert outcome.run.census == {"new": 1, "changed": 1, "moved": 0, "back": 0, "gone": 0, "same": 2}
    check_as_fresh(asked, tmp_path)


def test_a_moved_or_copied_shard_is_not_read_again_and_its_spans_bear_the_new_name(
    asked: Request, tmp_path: Path
) -> None:
    night(asked)
    (tmp_path / "data" / "more").mkdir()
    (tmp_path / "data" / "a.parquet").rename(tmp_path / "data" / "more" / "z.parquet")
    (tmp_path / "data" / "copy.parquet").write_bytes((tmp_path / "data" / "b.parquet").read_bytes())
    outcome, rows = night(asked)
    assert rows == 0
    assert outcome.run.census == {"new": 1, "changed": 0, "moved": 1, "back": 0, "gone": 0, "same": 2}
    check_as_fresh(asked, tmp_path)


def test_shards_that_swap_their_names_are_not_read_again(asked: Request, tmp_path: Path) -> None:
    night(asked)
    data = tmp_path / "data"
    (data / "a.parquet").rename(data / "x")
    (data / "b.parquet").rename(data / "a.parquet")
    (data / "x").rename(data / "b.parquet")
    outcome, rows = night(asked)
    assert (rows, outcome.run.census["moved"]) == (0, 2)
    check_as_fresh(asked, tmp_path)


def test_a_deleted_shard_leaves_the_verdict_and_comes_back_without_a_read(asked: Request, tmp_path: Path) -> None:
    night(asked)
    whole = files(asked.out)
    kept = (tmp_path / "data" / "a.parquet").read_bytes()
    (tmp_path / "data" / "a.parquet").unlink()
    outcome, _ = night(asked)
    assert outcome.run.census["gone"] == 1
    assert [part.path for part in check_as_fresh(asked, tmp_path).shards] == ["b.parquet", "c.parquet"]
    (tmp_path / "data" / "a.parquet").write_bytes(kept)
    outcome, rows = night(asked)
    assert (rows, outcome.run.census["back"]) == (0, 1)
    assert files(asked.out) == whole


def test_a_shard_changed_in_place_with_its_time_set_back_is_seen(asked: Request, tmp_path: Path) -> None:
    file = tmp_path / "data" / "a.parquet"
    shard(file, "Write to ann.lee@example.com.")
    night(asked)
    before = file.stat()
    other = shard(tmp_path / "other", "Write to bob.lee@example.com.").read_bytes()
    assert len(other) == before.st_size
    with file.open("r+b") as handle:
        handle.write(other)
    aged(file)
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)
    outcome, rows = night(asked)
    assert (rows, outcome.run.census["changed"]) == (1, 1)
    check_as_fresh(asked, tmp_path)


def test_a_shard_that_is_merely_touched_is_looked_at_and_not_read_again(asked: Request, tmp_path: Path) -> None:
    night(asked)
    aged(tmp_path / "data" / "a.parquet", LONG_AGO - 86_400)
    outcome, rows = night(asked)
    assert (rows, outcome.run.census["same"], outcome.evidence is None) == (0, 3, False)
    assert night(asked)[0].evidence is None


def test_a_shard_whose_time_lies_ahead_is_looked_at_every_night(asked: Request, tmp_path: Path) -> None:
    aged(tmp_path / "data" / "a.parquet", 4_000_000_000)
    night(asked)
    outcome, rows = night(asked)
    assert (rows, outcome.evidence is None) == (0, False)


def test_every_byte_is_looked_at_where_that_is_asked(asked: Request) -> None:
    night(asked)
    outcome, rows = night(replace(asked, verify=Verify.SHA256))
    assert (rows, outcome.run.census["same"], outcome.evidence is None) == (0, 3, False)


def test_a_new_policy_decides_anew_without_a_read(asked: Request, tmp_path: Path) -> None:
    night(asked)
    outcome, rows = night(replace(asked, policy=write_policy(tmp_path / "other.yaml", draws=120)))
    assert rows == 0
    assert outcome.evidence is not None
    assert outcome.evidence.scan.policy_sha256 == outcome.run.policy_sha256


def test_a_new_rule_reads_what_it_must(asked: Request, tmp_path: Path) -> None:
    night(asked)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "club.yaml").write_text(RULE)
    with_rule = replace(asked, rules=tmp_path / "rules")
    outcome, rows = night(with_rule)
    assert rows == 21
    assert outcome.run.census["same"] == 3
    check_as_fresh(with_rule, tmp_path)
    assert night(with_rule)[0].evidence is None


def test_a_budget_leaves_the_rest_unscanned_and_first_in_line(asked: Request, tmp_path: Path) -> None:
    left = [10**9]

    def allows(size_bytes: int) -> bool:
        left[0] -= 1 if size_bytes else 0
        return left[0] >= 0

    left[0] = 1
    outcome, _ = night(asked, allows)
    assert outcome.evidence is not None
    assert outcome.run.left_units == 2
    assert outcome.evidence.verdict.incomplete
    assert [part.status for part in outcome.evidence.shards] == [ShardStatus.SCANNED, *[ShardStatus.PARTIAL] * 2]
    assert {part.reason for part in outcome.evidence.coverage.unscanned} == {UnscannedReason.LATER}

    shard(tmp_path / "data" / "A.parquet", *texts(random.Random(9), 3))
    left[0] = 2
    outcome, _ = night(asked, allows)
    assert outcome.evidence is not None
    assert [part.path for part in outcome.evidence.shards if part.status is not ShardStatus.SCANNED] == ["A.parquet"]

    left[0] = 10
    outcome, rows = night(asked, allows)
    assert (outcome.run.left_units, rows) == (0, 3)
    check_as_fresh(asked, tmp_path)


def test_a_budget_that_is_spent_before_a_shard_was_looked_at_leaves_it_unscanned(asked: Request) -> None:
    outcome, _ = night(asked, lambda _: False)
    assert outcome.evidence is not None
    assert {part.reason for part in outcome.evidence.coverage.unscanned} == {UnscannedReason.LATER}
    assert outcome.evidence.verdict.incomplete
    assert night(asked)[0].run.census["same"] == 0
    assert night(asked)[0].run.census == {"same": 3}


def test_evidence_that_somebody_changed_is_made_anew(asked: Request) -> None:
    night(asked)
    before = comparable(read_evidence(asked.out))
    (asked.out / "evidence.json").write_text("{}")
    assert night(asked)[0].evidence is not None
    assert comparable(read_evidence(asked.out)) == before


def test_files_that_somebody_took_away_are_made_anew(asked: Request, tmp_path: Path) -> None:
    night(asked)
    next((asked.out / "values").iterdir()).unlink()
    shard(tmp_path / "data" / "d.parquet", "one more")
    assert night(asked)[1] == 8
    check_as_fresh(asked, tmp_path)


def test_a_scan_that_resumes_reads_only_what_is_new_too(asked: Request, tmp_path: Path) -> None:
    scanning.scan(asked, Silent())
    shard(tmp_path / "data" / "d.parquet", "one", "two")
    observer = Silent()
    scanning.scan(asked, observer)
    assert observer.begun[0][0] == 2
    check_as_fresh(asked, tmp_path)


def test_thirty_nights_end_as_one_scan_of_what_is_there(
    asked: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, clock = random.Random(1), Clock()
    monkeypatch.setattr(scanning, "_now", clock.show)
    lake = Lake(tmp_path / "data", rng)
    for number in range(NIGHTS):
        clock.now += timedelta(days=1 if number != SET_BACK else -9)
        for _ in range(rng.randint(0, 3)):
            lake.happen()
        if number == 12:
            (tmp_path / "rules").mkdir()
            (tmp_path / "rules" / "club.yaml").write_text(RULE)
            asked = replace(asked, rules=tmp_path / "rules")
        if number == 20:
            asked = replace(asked, policy=write_policy(tmp_path / "policy.yaml", draws=110))
        tight = rng.random() < 0.2
        outcome, _ = night(asked, _some(rng.randint(0, 4)) if tight else unlimited)
        counted = sum(count for change, count in outcome.run.census.items() if change != Change.GONE)
        assert counted == len(lake.shards())
        if number % 10 == 9:
            night(asked)
            check_as_fresh(asked, tmp_path, f"fresh{number}")
    assert set(lake.happened) == set(EVENTS)
    ended = [run.ended for run in runs(asked.out)]
    assert ended != sorted(ended)


def _some(units: int) -> Callable[[int], bool]:
    left = [units]

    def allows(size_bytes: int) -> bool:
        left[0] -= 1 if size_bytes else 0
        return left[0] >= 0

    return allows


@dataclass
class Clock:
    """The clock of the machine, which somebody may set back."""

    now: datetime = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)

    def show(self) -> str:
        self.now += timedelta(seconds=1)
        return self.now.isoformat(timespec="seconds")


@dataclass
class Lake:
    """Shards to which things happen between two nights, at times that go back and forth."""

    data: Path
    rng: random.Random
    trash: list[tuple[Path, bytes]] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)

    def happen(self) -> None:
        """One of the methods that are named in `EVENTS`."""
        self.happened.append(self.rng.choice(EVENTS))
        getattr(self, self.happened[-1])(self.rng.choice(self.shards()))
        for file in self.shards():
            if file.stat().st_mtime > LONG_AGO * 1.1:
                self.touch(file)

    def shards(self) -> list[Path]:
        return sorted(self.data.rglob("*.parquet"))

    def fresh(self) -> Path:
        folder = self.data / self.rng.choice(["", "year=2024", "deep/er"])
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.rng.randint(0, 10**6)}.parquet"

    def add(self, _one: Path) -> None:
        self.change(self.fresh())

    def change(self, one: Path) -> None:
        shard(one, *texts(self.rng, self.rng.randint(1, 9)))

    def move(self, one: Path) -> None:
        one.rename(self.fresh())

    def copy(self, one: Path) -> None:
        self.fresh().write_bytes(one.read_bytes())

    def delete(self, one: Path) -> None:
        if len(self.shards()) > 2:
            self.trash.append((one, one.read_bytes()))
            one.unlink()

    def corrupt(self, one: Path) -> None:
        one.write_bytes(one.read_bytes()[: -self.rng.randint(1, 40)])

    def back(self, _one: Path) -> None:
        if self.trash:
            file, content = self.trash.pop()
            file.write_bytes(content)

    def touch(self, one: Path) -> None:
        aged(one, LONG_AGO + self.rng.randint(-(10**8), 10**8))

    def swap(self, one: Path) -> None:
        other = self.rng.choice(self.shards())
        mine, theirs = one.read_bytes(), other.read_bytes()
        one.write_bytes(theirs)
        other.write_bytes(mine)


EVENTS = ("add", "change", "move", "copy", "delete", "corrupt", "back", "touch", "swap")
