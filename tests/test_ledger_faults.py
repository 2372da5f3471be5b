"""What a night does when the disk is full, the output cannot be written, or the ledger is old, torn or somebody's."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scanner import scan as scanning
from scanner.errors import BadOutput, Locked
from scanner.ledger import Ledger, open_ledger
from scanner.output import ledger_of, read_evidence
from scanner.scan import Request
from scanner.tally import Tally
from tests.conftest import REPOSITORY
from tests.scans import comparable, request, write_policy
from tests.test_nights import check_as_fresh, night, shard

VERSION_1 = """
CREATE TABLE unit (plan TEXT NOT NULL, unit TEXT NOT NULL, whole INTEGER NOT NULL, tally TEXT NOT NULL,
                   PRIMARY KEY (plan, unit)) STRICT;
PRAGMA user_version = 1;
"""
KILLS = 12
FEWEST_FULL = 5
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
FILLING = """
import subprocess, sys
from pathlib import Path
from scanner.errors import BadOutput
from scanner import scan as scanning
from scanner.output import read_evidence
from scanner.rulebook import load_rulebook
from tests.scans import Silent, comparable, request
from tests.test_nights import files
data, folder, key, policy = map(Path, sys.argv[1:])
rulebook = load_rulebook(None, policy, with_models=False)
scanning.load_rulebook = lambda *_, **__: rulebook
asked = request(data, folder / "out", key, policy=policy, resume=True, retain=True)
def mount(*how): subprocess.run(["mount", *how, str(folder)], check=True)
mount("-t", "tmpfs", "-o", "size=16k", "none")
full = ended = 0
for kilobytes in range(16, 2000, 36):
    mount("-o", f"remount,size={kilobytes}k")
    try:
        scanning.scan_new(asked, Silent(), scanning.unlimited)
        ended += 1
    except BadOutput as error:
        assert "No space left on device" in str(error) or "the disk is full" in str(error), error
        full += 1
    if ended:
        break
mount("-o", "remount,ro")
try:
    scanning.scan_new(asked, Silent(), scanning.unlimited)
    raise AssertionError("wrote where nothing can be written")
except BadOutput as error:
    assert "Read-only file system" in str(error), error
mount("-o", "remount,rw,size=8m")
fresh = request(data, folder / "fresh", key, policy=policy)
whole = scanning.scan(fresh, Silent())
assert comparable(read_evidence(asked.out)) == comparable(whole)
assert files(asked.out) == files(fresh.out)
print(full)
"""


def can_mount() -> bool:
    """Whether this machine lets us mount a disk of our own, in a name space of our own."""
    if shutil.which("unshare") is None:
        return False
    return (
        subprocess.run(
            [*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"], check=False, capture_output=True
        ).returncode
        == 0
    )


@pytest.fixture
def asked(tmp_path: Path, key_file: Path) -> Request:
    for name in ("a", "b", "c"):
        shard(tmp_path / "data" / f"{name}.parquet", *[f"Write to {name}{n}@example.com." for n in range(400)])
    policy = write_policy(tmp_path / "policy.yaml")
    return request(tmp_path / "data", tmp_path / "out", key_file, policy=policy, resume=True, retain=True)


def test_a_disk_that_is_full_is_a_clear_error_and_loses_nothing(asked: Request, tmp_path: Path) -> None:
    night(asked)
    shard(tmp_path / "data" / "d.parquet", *[f"Write to d{n}@example.com." for n in range(3000)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(BadOutput, match=r"cannot be written"):
            night(asked)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert night(asked)[1] == 3000
    check_as_fresh(asked, tmp_path)


def test_a_ledger_that_finds_the_disk_full_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    with open_ledger(file) as ledger:
        ledger.connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            fill(ledger)
        known = len(ledger.tallies("a" * 64))
    with open_ledger(file) as ledger:
        assert len(ledger.tallies("a" * 64)) == known > 0


def fill(ledger: Ledger) -> None:
    for number in range(1000):
        ledger.finish("a" * 64, f"unit {number}", Tally(rows=number))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_that_may_not_be_written_is_a_clear_error(asked: Request) -> None:
    night(asked)
    asked.out.chmod(0o500)
    try:
        with pytest.raises(BadOutput, match="cannot be written"):
            night(asked)
    finally:
        asked.out.chmod(0o700)


def test_an_output_in_a_place_that_takes_no_files_is_a_clear_error(asked: Request) -> None:
    with pytest.raises(BadOutput, match="cannot be written"):
        night(replace(asked, out=Path("/proc/scanner-out")))


def test_a_ledger_of_an_older_version_is_brought_up_to_date_and_its_units_count(asked: Request, tmp_path: Path) -> None:
    night(asked)
    file = asked.out / "ledger.sqlite"
    with sqlite3.connect(file) as connection:
        units = connection.execute("SELECT plan, unit, whole, tally FROM unit").fetchall()
    connection.close()
    for part in asked.out.glob("ledger.sqlite*"):
        part.unlink()
    with sqlite3.connect(file) as connection:
        connection.executescript(VERSION_1)
        connection.executemany("INSERT INTO unit VALUES (?, ?, ?, ?)", units)
    connection.close()
    assert night(asked)[1] == 0
    check_as_fresh(asked, tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_torn_ledger_is_a_clear_error_that_says_what_to_do(asked: Request, share: float) -> None:
    night(asked)
    file = asked.out / "ledger.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadOutput, match="restore it from a backup, or scan into another"):
        night(asked)


def test_a_ledger_whose_last_pages_were_not_written_whole_is_repaired_by_its_journal(
    asked: Request, tmp_path: Path
) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.finish("a" * 64, "one", Tally(rows=1))
        ledger.finish("a" * 64, "two", Tally(rows=2))
        for part in tmp_path.glob("ledger.sqlite*"):
            shutil.copy(part, tmp_path / f"torn-{part.name}")
    journal = tmp_path / "torn-ledger.sqlite-wal"
    journal.write_bytes(journal.read_bytes()[:-2000])
    (tmp_path / "torn-ledger.sqlite-shm").unlink()
    with open_ledger(tmp_path / "torn-ledger.sqlite") as ledger:
        assert ledger.tallies("a" * 64) == {"one": Tally(rows=1)}


def test_a_second_run_leaves_while_the_first_one_works(asked: Request) -> None:
    night(asked)
    with ledger_of(asked.out), pytest.raises(Locked):
        night(asked)


def test_what_is_forgotten_leaves_ledger_and_folders_and_no_verdict_changes(asked: Request, tmp_path: Path) -> None:
    night(asked)
    (tmp_path / "data" / "a.parquet").unlink()
    night(asked)
    before = comparable(read_evidence(asked.out))
    retired = list((asked.out / "retired").rglob("*.parquet"))
    assert len(retired) == 2
    gone = scanning.forget(asked.out, "2999-01-01")
    assert (gone["units"], gone["shards"], gone["runs"]) == (1, 1, 1)
    assert list((asked.out / "retired").rglob("*.parquet")) == []
    assert b"a.parquet" not in (asked.out / "ledger.sqlite").read_bytes()
    assert comparable(read_evidence(asked.out)) == before
    assert night(asked)[0].evidence is None


def test_nights_that_are_killed_at_any_instant_end_as_one_scan() -> None:
    """The whole of it, 200 kills, is `python -m benchmarks.soak`."""
    command = [sys.executable, "-m", "benchmarks.soak", "--kills", str(KILLS), "--seed", "7"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["equal"]
    assert sum(told["kills"].values()) == KILLS >= told["scanned_again"]


@pytest.mark.skipif(not can_mount(), reason="this machine lets nobody mount a small disk")
def test_a_disk_that_is_full_at_any_step_and_then_has_room_ends_as_one_scan(asked: Request, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    assert asked.policy is not None
    places = [tmp_path / "data", tmp_path / "small", asked.key_file, asked.policy]
    command = [*OWN_MOUNTS, sys.executable, "-c", FILLING, *map(str, places)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= FEWEST_FULL, done.stdout
