"""Nights that are killed at any instant: `python -m benchmarks.soak --kills 200`.

Each attempt is a process of its own that scans what changed in a small lake, and is killed by SIGKILL: every other one
after a random time, the rest before or after the n-th step that makes something last (a file forced to disk or renamed,
a transaction of the ledger). Then one night runs to its end, and evidence, spans and value tables must be those of one
scan of what is there; no unit may have been scanned again but those in which a kill fell.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scanner import reading
from scanner import scan as scanning
from scanner.evidence import Evidence, to_json
from scanner.files import packaged_rules
from scanner.ledger import Ledger
from scanner.model import Dataset, ModelCard, Provenance
from scanner.output import read_evidence
from scanner.rulebook import load_rulebook
from scanner.scan import Request

LONG_AGO = 1_500_000_000
EXPECTED_SECONDS = 3.0


@dataclass
class Soak:
    """A lake, and the nights that are killed over it."""

    folder: Path
    rng: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    seconds: float = EXPECTED_SECONDS

    @property
    def request(self) -> Request:
        return Request(
            paths=(str(self.folder / "lake"),),
            out=self.folder / "out",
            dataset=Dataset("soak", Provenance.LICENSED, model_card=ModelCard(7e9, 1e12, 1)),
            key_file=self.folder / "key",
            policy=self.folder / "policy.yaml",
            names=False,
            count_documentation=True,
            engine="inline",
            resume=True,
            retain=True,
        )

    def prepare(self) -> None:
        (self.folder / "key").write_bytes(bytes(range(32)))
        (self.folder / "key").chmod(0o600)
        policy = (packaged_rules() / "policy.yaml").read_text()
        (self.folder / "policy.yaml").write_text(re.sub(r"draws: \d+", "draws: 100", policy))
        rulebook = load_rulebook(None, self.request.policy, with_models=False)
        scanning.load_rulebook = lambda *_, **__: rulebook  # the same files, read and proved once
        self.in_child(self.change)

    def change(self) -> None:
        """Some shards are added, changed, moved and deleted."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        lake = self.folder / "lake"
        lake.mkdir(exist_ok=True)
        there = sorted(lake.iterdir())
        for _ in range(4 if not there else self.rng.randint(1, 3)):
            new = lake / f"{self.rng.randint(0, 10**6)}.parquet"
            one = self.rng.choice(there) if there else new
            kind = self.rng.choice(["add", "change", "move", "delete"]) if len(there) > 4 else "add"
            if kind == "move" and one.exists():
                one.rename(new)
            elif kind == "delete":
                one.unlink(missing_ok=True)
            else:
                texts = [f"Write to p{self.rng.randint(0, 40)}@example.com, (212) 555-01{n:02}." for n in range(30)]
                target = new if kind == "add" else one
                pq.write_table(pa.table({"text": texts}), target, row_group_size=10)
                os.utime(target, (LONG_AGO, LONG_AGO))

    def attempt(self) -> bool:
        """One night that is killed; whether it was, or came to its end before."""
        by_step = self.rng.random() < 0.5
        step = self.rng.randint(1, 60) if by_step else 0
        delay = EXPECTED_SECONDS * 4 if by_step else self.rng.uniform(0, self.seconds)
        before = self.rng.random() < 0.5
        began = time.monotonic()
        ended = self.in_child(lambda: self.night(step, before=before), delay)
        if ended is not None:
            self.seconds = 0.7 * self.seconds + 0.3 * 1.2 * (time.monotonic() - began)
        self.killed["by step" if by_step else "by time"] += ended is None
        return ended is None

    def night(self, step: int = 0, *, before: bool = False) -> None:
        """In a process of its own: one night; it ends itself at its n-th lasting step."""
        _noting_units(self.folder / "scanned")
        if step:
            _dying_at(step, before=before)
        scanning.scan_new(self.request, _Silent(), scanning.unlimited)

    def in_child(self, work: Callable[[], None], seconds: float = 600) -> int | None:
        """Run in a fork of this process; its exit code, or None if it was killed."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work()
                code = 0
            except BaseException as error:  # noqa: BLE001 - told by the exit code
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
            finally:
                os._exit(code)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return _told(status)
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        return _told(os.waitpid(child, 0)[1])

    def finish(self) -> dict[str, Any]:
        """Run to the end, compare with one scan of what is there, and tell."""
        assert self.in_child(self.night) == 0, "the last night failed"
        fresh = replace(self.request, out=self.folder / "fresh", resume=False)
        assert self.in_child(lambda: _ignored(scanning.scan(fresh, _Silent()))) == 0, "the fresh scan failed"
        ours, theirs = (_files(out) for out in (self.request.out, fresh.out))
        assert ours == theirs, f"files differ: {sorted(set(ours.items()) ^ set(theirs.items()))[:2]}"
        scanned = Counter((self.folder / "scanned").read_text().split())
        again = sum(scanned.values()) - len(scanned)
        kills = sum(self.killed.values())
        assert again <= kills, f"{again} units were scanned again after {kills} kills"
        with sqlite3.connect(self.request.out / "ledger.sqlite") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {"kills": dict(self.killed), "units": len(scanned), "scanned_again": again, "equal": True}


class _Silent:
    def begin(self, *_: object) -> None: ...

    def end(self) -> None: ...


def _told(status: int) -> int | None:
    if os.WIFSIGNALED(status):
        return None
    code = os.waitstatus_to_exitcode(status)
    assert code == 0, "a night that was not killed failed"
    return code


def _ignored(_: Evidence) -> None:
    return None


def _noting_units(file: Path) -> None:
    scan_unit = reading.scan_unit

    def noted(task: Any) -> Any:
        with file.open("a") as handle:
            handle.write(f"{task.name}\n")
        return scan_unit(task)

    reading.scan_unit = noted


def _dying_at(step: int, *, before: bool) -> None:
    """End this process by SIGKILL before or after its n-th step that makes something last."""
    steps = [step]

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            steps[0] -= 1
            if before and steps[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments, **options)
            if steps[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return run

    for name in ("fsync", "replace", "rename", "unlink"):
        setattr(os, name, dying(getattr(os, name)))
    for name in ("replace", "unlink"):
        setattr(Path, name, dying(getattr(Path, name)))
    for name in ("finish", "enter", "mark", "keep_only", "set_aside", "add_run"):
        setattr(Ledger, name, dying(getattr(Ledger, name)))


def _files(out: Path) -> dict[str, str]:
    told = {
        str(file.relative_to(out)): file.read_bytes().hex()
        for kind in ("spans", "values")
        for file in (out / kind).iterdir()
    }
    evidence = json.loads(to_json(read_evidence(out)))
    for key in ("changes", "approval", "history"):
        evidence.pop(key, None)
    for key in ("id", "started", "ended", "command"):
        del evidence["scan"][key]
    return told | {"evidence.json": json.dumps(evidence, sort_keys=True)}


def main() -> int:
    """Kill, finish, compare, and print what was seen as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), random.Random(asked.seed))
        soak.prepare()
        while sum(soak.killed.values()) < asked.kills:
            if not soak.attempt() or soak.rng.random() < 0.3:
                soak.rng.seed(soak.rng.random())
                soak.in_child(soak.change)
        print(json.dumps(soak.finish(), sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
