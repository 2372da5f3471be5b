"""The ledger: which shards were seen, what was scanned when, and what came of it; SQLite beside the output.

A unit is live in the ledger if and only if its files are in place: files are renamed first, the unit is committed
after. A run killed between the two does that one unit again and writes the same files. A unit is retired when its
shard is gone: it counts for nothing, and comes back without a read when the same bytes do.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scanner.errors import BadOutput
from scanner.model import Identity, Unscanned, UnscannedReason
from scanner.shards import GroupFacts, Shard, ShardFacts
from scanner.tally import Tally

_MIGRATIONS = (
    """
    CREATE TABLE unit (
        plan   TEXT NOT NULL CHECK (length(plan) = 64),    -- sha256 of all that decides what a scan of a unit gives
        unit   TEXT NOT NULL,                              -- name of the unit, also of its files
        whole  INTEGER NOT NULL CHECK (whole IN (0, 1)),   -- 0 when its worker died, and it is worth another try
        tally  TEXT NOT NULL CHECK (json_valid(tally)),    -- its counts
        PRIMARY KEY (plan, unit)
    ) STRICT;
    """,
    """
    ALTER TABLE unit ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';   -- of its shard; '' in a ledger of version 1
    ALTER TABLE unit ADD COLUMN number INTEGER NOT NULL DEFAULT 0; -- place among the units of its shard, from 0
    ALTER TABLE unit ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;  -- how often its worker died
    ALTER TABLE unit ADD COLUMN retired TEXT;                      -- when its shard went; NULL for a live unit
    CREATE INDEX unit_content ON unit (sha256, number);

    CREATE TABLE shard (
        name       TEXT PRIMARY KEY,                             -- as evidence calls it
        glance     TEXT NOT NULL,                                -- what tells, without a read, that it changed; or ''
        sha256     TEXT NOT NULL,                                -- of its bytes; '' when they could not be read
        facts      TEXT NOT NULL CHECK (json_valid(facts)),      -- what its footer says, or why nothing can be read
        present    INTEGER NOT NULL CHECK (present IN (0, 1)),   -- 0 when the last run did not find it
        first_seen TEXT NOT NULL,                                -- UTC; the longest known are next in line
        looked_at  TEXT NOT NULL                                 -- when it was last inspected, or first missed; UTC
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE run (
        id              INTEGER PRIMARY KEY,                     -- counts up, whatever the clock does
        scan            TEXT NOT NULL,                           -- id of the scan in its evidence
        started         TEXT NOT NULL,                           -- UTC
        ended           TEXT NOT NULL,                           -- UTC
        inputs          TEXT NOT NULL,                           -- sha256 of what the verdict is made from but shards
        policy_sha256   TEXT NOT NULL,
        decision        TEXT NOT NULL,
        tier            TEXT NOT NULL,
        asked           TEXT,                                    -- tier asked for; NULL for none
        granted         INTEGER NOT NULL CHECK (granted IN (0, 1)),
        incomplete      INTEGER NOT NULL CHECK (incomplete IN (0, 1)),
        p05             REAL NOT NULL,                           -- score of a public release
        p50             REAL NOT NULL,
        p95             REAL NOT NULL,
        shards          INTEGER NOT NULL,
        rows            INTEGER NOT NULL,
        size_bytes      INTEGER NOT NULL,                        -- text, read or not
        share           REAL NOT NULL,                           -- of it, read
        findings        INTEGER NOT NULL,
        census          TEXT NOT NULL CHECK (json_valid(census)),-- shards new, changed, moved, deleted …
        left_units      INTEGER NOT NULL,                        -- units left for a later run
        evidence_sha256 TEXT NOT NULL,                           -- of evidence.json, its approval apart
        evidence        BLOB                                     -- the evidence, compressed; NULL once it is not needed
    ) STRICT;
    """,
    """
    ALTER TABLE run ADD COLUMN approved INTEGER NOT NULL DEFAULT 0; -- 1 for the verdict that was approved last

    CREATE TABLE acceptance (
        fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 16), -- of the value, under the key
        rule        TEXT NOT NULL,                                  -- that found it
        entity      TEXT NOT NULL,
        by          TEXT NOT NULL,                                  -- who accepted it
        why         TEXT NOT NULL,
        until       TEXT NOT NULL,                                  -- last day on which it holds, UTC
        entered     TEXT NOT NULL,                                  -- UTC
        key_id      TEXT NOT NULL,                                  -- of the key that the fingerprint was made with
        place       TEXT NOT NULL CHECK (json_valid(place)),        -- shard's sha256, row, column, item, start, end
        PRIMARY KEY (fingerprint, rule)
    ) STRICT;
    """,
    """
    ALTER TABLE run ADD COLUMN told INTEGER NOT NULL DEFAULT 1 CHECK (told IN (0, 1)); -- 0 until its news are told
    """,
    """
    ALTER TABLE run ADD COLUMN file_sha256 TEXT NOT NULL DEFAULT ''; -- of evidence.json as it lay; '' in older runs
    """,
)
"""Numbered by position: the database's user_version says how many it has seen."""


@dataclass(frozen=True, slots=True)
class Known:
    """A shard as an earlier run saw it.

    Attributes:
        glance: `ShardFacts.glance` as text; "" where it says nothing.
        sha256: of its bytes.
        present: whether the last run found it.
        first_seen: when it was first seen, UTC.
    """

    glance: str
    sha256: str
    present: bool
    first_seen: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    """What the ledger says of a unit under the present plan."""

    sha256: str
    number: int
    whole: bool
    tries: int
    retired: bool


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run, as the table `run` describes it."""

    scan: str
    started: str
    ended: str
    inputs: str
    policy_sha256: str
    decision: str
    tier: str
    asked: str | None
    granted: bool
    incomplete: bool
    p05: float
    p50: float
    p95: float
    shards: int
    rows: int
    size_bytes: int
    share: float
    findings: int
    census: Mapping[str, int]
    left_units: int
    evidence_sha256: str
    file_sha256: str = field(default="")
    id: int = field(default=0)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A reviewed finding that counts for nothing until a day.

    Attributes:
        fingerprint: of the value, 16 bytes.
        rule: that found it; the same value found by another rule still counts.
        entity: of the finding.
        by: who accepted it.
        why: the reason given.
        until: last day on which it holds, such as 2026-12-31.
        entered: when it was accepted, UTC.
        key_id: of the key that the fingerprint was made with.
        place: one place of the value, by which it is found again under another key.
    """

    fingerprint: bytes
    rule: str
    entity: str
    by: str
    why: str
    until: str
    entered: str
    key_id: str
    place: tuple[str, int, str, int, int, int]


_ENTER_LATER = """
INSERT INTO shard VALUES (?, ?, ?, ?, 1, ?, ?)
ON CONFLICT DO UPDATE SET looked_at = excluded.looked_at, present = 1"""

_ENTER = f"{_ENTER_LATER}, glance = excluded.glance, sha256 = excluded.sha256, facts = excluded.facts"

_RUN_COLUMNS = tuple(name for name in RunRow.__dataclass_fields__ if name != "id")
_ACCEPTANCE_COLUMNS = tuple(Acceptance.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Ledger:
    """An open ledger; `open_ledger` makes one."""

    connection: sqlite3.Connection

    # Units

    def tallies(self, plan: str, *, whole: bool = False) -> dict[str, Tally]:
        """Tallies of live units under this plan; with `whole`, of those alone that need no other try."""
        return dict(self.each_tally(plan, whole=whole))

    def each_tally(self, plan: str, *, whole: bool = False) -> Iterator[tuple[str, Tally]]:
        """The same one by one, in the order of the units' names, so that those of a shard follow each other."""
        query = "SELECT unit, tally FROM unit WHERE plan = ? AND whole >= ? AND retired IS NULL ORDER BY unit"
        for unit, tally in self.connection.execute(query, (plan, int(whole))):
            yield unit, Tally.from_json(json.loads(tally))

    def tally(self, plan: str, unit: str) -> Tally:
        """The tally of one unit, live or retired, that the ledger has."""
        (found,) = self.connection.execute(
            "SELECT tally FROM unit WHERE plan = ? AND unit = ?", (plan, unit)
        ).fetchone()
        return Tally.from_json(json.loads(found))

    def units(self, plan: str) -> dict[str, UnitRow]:
        """Every unit under this plan, live and retired."""
        rows = self.connection.execute(
            "SELECT unit, sha256, number, whole, tries, retired IS NOT NULL FROM unit WHERE plan = ? ORDER BY unit",
            (plan,),
        )
        return {
            unit: UnitRow(sha256, number, bool(whole), tries, bool(retired))
            for unit, sha256, number, whole, tries, retired in rows
        }

    def places(self) -> dict[str, bool]:
        """Whether each unit is retired, by its name."""
        rows = self.connection.execute("SELECT unit, retired IS NOT NULL FROM unit")
        return {unit: bool(retired) for unit, retired in rows}

    def finish(
        self, plan: str, unit: str, tally: Tally, *, whole: bool = True, sha256: str = "", number: int = 0
    ) -> None:
        """Commit one unit, whose files are in place; finishing it twice changes nothing but the count of tries."""
        with self.connection:
            self.connection.execute(
                "INSERT INTO unit (plan, unit, whole, tally, sha256, number, tries) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET whole = excluded.whole, tally = excluded.tally, sha256 = excluded.sha256, "
                "number = excluded.number, retired = NULL, tries = tries + excluded.tries",
                (plan, unit, int(whole), json.dumps(tally.to_json()), sha256, number, int(not whole)),
            )

    def has_unfinished(self, plan: str, tries: int) -> bool:
        """Whether a live unit under this plan, tried less often than this, is worth another try.

        Shards that cannot be opened are no units.
        """
        query = (
            "SELECT EXISTS (SELECT 1 FROM unit WHERE plan = ? AND whole = 0 AND retired IS NULL AND tries < ? "
            "AND unit NOT LIKE 'fault/%')"
        )
        return bool(self.connection.execute(query, (plan, tries)).fetchone()[0])

    def set_aside(self, plan: str, tallies: Mapping[str, Tally]) -> None:
        """Enter what was not read without a try, in one transaction: shards at fault, and units left for later."""
        with self.connection:
            self.connection.executemany(
                "INSERT INTO unit (plan, unit, whole, tally) VALUES (?, ?, 0, ?) "
                "ON CONFLICT DO UPDATE SET whole = 0, tally = excluded.tally, retired = NULL",
                [(plan, unit, json.dumps(tally.to_json())) for unit, tally in tallies.items()],
            )

    def drop(self, plan: str, units: Iterable[str]) -> None:
        """Forget units of this plan."""
        with self.connection:
            self.connection.executemany(
                "DELETE FROM unit WHERE plan = ? AND unit = ?", [(plan, unit) for unit in units]
            )

    def keep_only(self, plan: str, units: Collection[str], retire: str = "") -> None:
        """Make these units of the plan live and no other.

        Args:
            plan: units of other plans are forgotten.
            units: names.
            retire: when the other whole units of the plan are retired, in UTC; "" to forget them too.
        """
        with self.connection:
            known = self.connection.execute("SELECT plan, unit, whole FROM unit").fetchall()
            others = [row for row in known if row[0] != plan or row[1] not in units]
            gone = [row[:2] for row in others if not (retire and row[0] == plan and row[2])]
            self.connection.executemany("DELETE FROM unit WHERE plan = ? AND unit = ?", gone)
            self.connection.execute("CREATE TEMP TABLE live (unit TEXT PRIMARY KEY) STRICT")
            self.connection.executemany("INSERT INTO live VALUES (?)", [(unit,) for unit in units])
            self.connection.execute(
                "UPDATE unit SET retired = ? WHERE retired IS NULL AND unit NOT IN (SELECT unit FROM live)", (retire,)
            )
            self.connection.execute(
                "UPDATE unit SET retired = NULL WHERE retired IS NOT NULL AND unit IN (SELECT unit FROM live)"
            )
            self.connection.execute("DROP TABLE live")

    # Shards

    def shards(self) -> dict[str, Known]:
        """Every shard that was ever seen and is not forgotten, by name."""
        rows = self.connection.execute("SELECT name, glance, sha256, present, first_seen FROM shard")
        return {name: Known(glance, sha256, bool(present), first) for name, glance, sha256, present, first in rows}

    def facts(self, shards: Iterable[Shard]) -> Iterator[ShardFacts]:
        """Facts of known shards, as they were when they were last inspected."""
        for shard in shards:
            query = "SELECT facts, glance, sha256 FROM shard WHERE name = ?"
            facts, glance, sha256 = self.connection.execute(query, (shard.name,)).fetchone()
            yield _facts(shard, json.loads(facts), glance, sha256)

    def enter(self, facts: Iterable[ShardFacts], now: str) -> None:
        """Enter shards as they were inspected, in one transaction; what is left for later keeps its old facts."""
        with self.connection:
            for one in facts:
                self.connection.execute(
                    _ENTER_LATER if _later(one) else _ENTER,
                    (one.shard.name, one.glance, one.sha256, json.dumps(_told(one)), now, now),
                )

    def mark(self, present: Collection[str], now: str) -> None:
        """Say which shards are there now; all others are gone."""
        there = set(present)
        changed = [
            (name not in there, name)
            for name, was in self.connection.execute("SELECT name, present FROM shard").fetchall()
            if was != (name in there)
        ]
        with self.connection:
            self.connection.executemany(
                "UPDATE shard SET present = ?, looked_at = ? WHERE name = ?",
                [(int(not gone), now, name) for gone, name in changed],
            )

    # Runs

    def add_run(self, run: RunRow, evidence: bytes | None = None) -> int:
        """Enter a run and give its number.

        One that has evidence and is not the first is untold. Of all evidence, its own, that of the verdict approved
        last and that of the run told of last are kept.
        """
        told = {**asdict(run), "census": json.dumps(dict(run.census))}
        values = [told[name] for name in _RUN_COLUMNS]
        marks = ", ".join("?" for _ in (*values, evidence))
        with self.connection:
            done = self.connection.execute(
                f"INSERT INTO run ({', '.join(_RUN_COLUMNS)}, evidence, told) "  # noqa: S608 - our own names
                f"VALUES ({marks}, ? OR NOT EXISTS (SELECT 1 FROM run WHERE evidence IS NOT NULL))",
                (*values, evidence, evidence is None),
            )
            if evidence is not None:
                self._drop_evidence()
        return int(done.lastrowid or 0)

    def tell(self, run: int) -> None:
        """Note that the news of this run, and of all before it, were passed on, or were none."""
        with self.connection:
            self.connection.execute("UPDATE run SET told = 1 WHERE id <= ? AND NOT told", (run,))
            self._drop_evidence()

    def is_told(self) -> bool:
        """Whether the news of every run were passed on."""
        return not self.connection.execute("SELECT EXISTS (SELECT 1 FROM run WHERE NOT told)").fetchone()[0]

    def evidence(self, *, approved: bool = False, told: bool = False) -> bytes | None:
        """The newest evidence that is kept: of any run, the verdict approved last, the run told of last; or None."""
        query = (
            "SELECT evidence FROM run WHERE evidence IS NOT NULL AND approved >= ? AND told >= ? "
            "ORDER BY id DESC LIMIT 1"
        )
        found = self.connection.execute(query, (int(approved), int(told))).fetchone()
        return zlib.decompress(found[0]) if found else None

    def _drop_evidence(self) -> None:
        """Drop evidence that nothing is compared with any more."""
        self.connection.execute(
            "UPDATE run SET evidence = NULL WHERE NOT approved AND id NOT IN "
            "((SELECT coalesce(max(id), 0) FROM run WHERE evidence IS NOT NULL), "
            "(SELECT coalesce(max(id), 0) FROM run WHERE evidence IS NOT NULL AND told))"
        )

    def approve(self, scan: str) -> None:
        """Note that the verdict of this scan is the one that was approved last."""
        with self.connection:
            self.connection.execute(
                "UPDATE run SET approved = (id = (SELECT max(id) FROM run WHERE scan = ? AND evidence IS NOT NULL)) "
                "WHERE EXISTS (SELECT 1 FROM run WHERE scan = ? AND evidence IS NOT NULL)",
                (scan, scan),
            )

    # Acceptances

    def acceptances(self) -> list[Acceptance]:
        """Every reviewed finding, in the order of rules and fingerprints, expired ones too."""
        columns = ", ".join(_ACCEPTANCE_COLUMNS)
        rows = self.connection.execute(f"SELECT {columns} FROM acceptance ORDER BY rule, fingerprint")  # noqa: S608
        return [_acceptance(*row) for row in rows]

    def accept(self, acceptances: Iterable[Acceptance]) -> None:
        """Enter reviewed findings; a finding that is known gets its new reason and day."""
        marks = ", ".join("?" for _ in _ACCEPTANCE_COLUMNS)
        with self.connection:
            self.connection.executemany(
                f"INSERT OR REPLACE INTO acceptance ({', '.join(_ACCEPTANCE_COLUMNS)}) VALUES ({marks})",  # noqa: S608
                [
                    (*(getattr(one, name) for name in _ACCEPTANCE_COLUMNS[:-1]), json.dumps(one.place))
                    for one in acceptances
                ],
            )

    def withdraw(self, acceptances: Iterable[Acceptance]) -> None:
        """Take reviewed findings back: they count again."""
        with self.connection:
            self.connection.executemany(
                "DELETE FROM acceptance WHERE fingerprint = ? AND rule = ?",
                [(one.fingerprint, one.rule) for one in acceptances],
            )

    # Retention

    def forget(self, before: str, today: str, *, units_alone: bool = False) -> dict[str, int]:
        """Forget what is older than a day and no verdict is made from; gives how many of what.

        Args:
            before: first day that is kept, such as 2026-01-31; the newest run with its evidence and the approved one
                always are, and the newest counts as told if that which it is to be compared with goes.
            today: acceptances that hold on this day are kept.
            units_alone: only what was found in shards that are gone.
        """
        statements = {
            "units": "DELETE FROM unit WHERE retired IS NOT NULL AND retired < :before",
            "shards": "DELETE FROM shard WHERE present = 0 AND looked_at < :before",
            "runs": "DELETE FROM run WHERE ended < :before AND NOT approved AND id < (SELECT max(id) FROM run) "
            "AND id <> (SELECT coalesce(max(id), 0) FROM run WHERE evidence IS NOT NULL)",
            "acceptances": "DELETE FROM acceptance WHERE until < min(:before, :today)",
        }
        asked = ["units"] if units_alone else list(statements)
        bounds = {"before": before, "today": today}
        with self.connection:
            gone = {name: self.connection.execute(statements[name], bounds).rowcount for name in asked}
            self.connection.execute(
                "UPDATE run SET told = 1 WHERE NOT EXISTS (SELECT 1 FROM run WHERE told AND evidence IS NOT NULL)"
            )
        if not any(gone.values()):
            return gone
        self.connection.execute("VACUUM")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def runs(self, last: int | None = None) -> list[RunRow]:
        """Runs, the oldest first; with `last`, no more than that many of the newest."""
        query = f"SELECT {', '.join(_RUN_COLUMNS)}, id FROM run ORDER BY id DESC LIMIT ?"  # noqa: S608 - our own names
        rows = self.connection.execute(query, (-1 if last is None else last,)).fetchall()
        return [_run(dict(zip((*_RUN_COLUMNS, "id"), row, strict=True))) for row in reversed(rows)]


@contextmanager
def open_ledger(file: Path) -> Iterator[Ledger]:
    """The ledger in `file`, made or brought up to date as needed.

    Raises:
        BadOutput: the file is not a ledger, is damaged, cannot be written, or is of a newer version of the program.
    """
    try:
        with closing(sqlite3.connect(file, timeout=10)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            _migrate(connection, file)
            yield Ledger(connection)
    except sqlite3.DatabaseError as error:
        raise BadOutput(f"{file}: {_remedy(error)}") from error


def _remedy(error: sqlite3.DatabaseError) -> str:
    """What a person must do, by what SQLite said; its codes hold no text of the data."""
    code = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return f"the ledger cannot be written ({code}): the disk is full or fails; make room and run again"
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return f"the ledger cannot be written ({code}): make it and its folder writable and run again"
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"the ledger is in use by another program ({code}): close that one and run again"
    return f"the ledger cannot be used ({code}): restore it from a backup, or scan into another --out"


def _migrate(connection: sqlite3.Connection, file: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_MIGRATIONS):
        raise BadOutput(f"{file}: the ledger is of a newer version of scanner; use that one, or another --out")
    for number, migration in enumerate(_MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {migration} PRAGMA user_version = {number}; COMMIT;")


def _later(facts: ShardFacts) -> bool:
    return facts.fault is not None and facts.fault.reason is UnscannedReason.LATER


def _told(facts: ShardFacts) -> dict[str, object]:
    fault = facts.fault
    return {
        "size_bytes": facts.size_bytes,
        "rows": facts.rows,
        "columns": facts.columns,
        "groups": [(group.rows, group.size_bytes) for group in facts.groups],
        "stamp": facts.stamp,
        "identity": facts.identity,
        "fault": fault and [fault.rows, fault.size_bytes, fault.reason, fault.detail],
    }


def _facts(shard: Shard, told: Mapping[str, Any], glance: str, sha256: str) -> ShardFacts:
    return ShardFacts(
        shard=shard,
        sha256=sha256,
        size_bytes=told["size_bytes"],
        rows=told["rows"],
        columns=tuple(told["columns"]),
        groups=tuple(GroupFacts(*group) for group in told["groups"]),
        stamp=tuple(told["stamp"]) if told["stamp"] else None,
        fault=_fault(shard, *told["fault"]) if told["fault"] else None,
        glance=glance,
        identity=Identity(told.get("identity", Identity.SHA256)),
    )


def _fault(shard: Shard, rows: int, size_bytes: int, reason: str, detail: str) -> Unscanned:
    return Unscanned(shard.name, "", rows, size_bytes, UnscannedReason(reason), detail)


def _run(row: Mapping[str, Any]) -> RunRow:
    flags = {name: bool(row[name]) for name in ("granted", "incomplete")}
    return RunRow(**{**row, **flags, "census": json.loads(row["census"])})


def _acceptance(*row: Any) -> Acceptance:
    told = dict(zip(_ACCEPTANCE_COLUMNS, row, strict=True))
    return Acceptance(**{**told, "place": tuple(json.loads(told["place"]))})
