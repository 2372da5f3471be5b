"""What reviewers said, one file a reviewer, each line forced to disk as it is said; no line holds text of a cell."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scanner.atomic import write_text
from scanner.errors import BadEvidence
from scanner.evidence import Evidence
from scanner.reviewing import Answer, Judged, Marked, Place, Question, Read, Review

FOLDER = "review"
SUFFIX = ".jsonl"


def subject(evidence: Evidence) -> str:
    """What a review is about: the plan and the shards' digests. Another scan of the same keeps its review."""
    told = [evidence.scan.plan_sha256, [[shard.path, shard.sha256] for shard in evidence.shards]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


class Session:
    """One reviewer's file, made or gone on with.

    Args:
        out: output folder of the scan.
        reviewer: who judges; another name is another reviewer.
        about: `subject` of the evidence.
        fresh: begin anew, even where there is a file.

    Raises:
        BadEvidence: there is a file about other shards or rules.
    """

    def __init__(self, out: Path, reviewer: str, about: str, *, fresh: bool = False) -> None:
        self.reviewer = reviewer
        self._about = about
        self._file = out / FOLDER / f"{_stem(reviewer)}{SUFFIX}"
        self._judged: list[Judged] = []
        self._read: list[Read] = []
        self._file.parent.mkdir(exist_ok=True)
        if fresh or not self._file.exists():
            write_text(self._file, json.dumps({"about": about, "reviewer": reviewer}) + "\n")
        else:
            known = _load(self._file)
            if known is None or known[0] != about:
                raise BadEvidence(
                    f"{self._file}: is about other shards or rules than this scan; begin anew with --fresh"
                )
            self._judged, self._read = list(known[1].judged), list(known[1].read)
            _mend(self._file)

    @property
    def review(self) -> Review:
        """All that was said so far."""
        return Review(tuple(self._judged), tuple(self._read))

    def judge(self, judged: Judged) -> None:
        """Note an answer; it is on disk when this returns."""
        self._judged.append(judged)
        self._append({"kind": "question", **asdict(judged.question), "answer": judged.answer})

    def read(self, read: Read) -> None:
        """Note a passage; it is on disk when this returns."""
        self._read.append(read)
        self._append({"kind": "passage", **asdict(read)})

    def others(self) -> dict[str, Review]:
        """What other reviewers of the same said, by their names."""
        found = (_load(file) for file in sorted(self._file.parent.glob(f"*{SUFFIX}")) if file != self._file)
        return {one[2]: one[1] for one in found if one is not None and one[0] == self._about}

    def _append(self, entry: dict[str, Any]) -> None:
        with self._file.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(entry) + "\n")
            handle.flush()
            os.fsync(handle.fileno())


def _stem(reviewer: str) -> str:
    readable = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in reviewer)
    return f"{readable[:40]}-{hashlib.sha256(reviewer.encode()).hexdigest()[:8]}"


def _mend(file: Path) -> None:
    """Take away a last line that was cut off by a kill, so that the next one begins on its own."""
    text = file.read_bytes()
    if not text.endswith(b"\n"):
        write_text(file, text[: text.rfind(b"\n") + 1].decode())


def _load(file: Path) -> tuple[str, Review, str] | None:
    """What a file is about, what it says and who says it; a last line that was cut off is passed over."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        head = json.loads(lines[0])
        entries = list(_entries(lines[1:]))
        judged = tuple(_judged(entry) for entry in entries if entry["kind"] == "question")
        read = tuple(_read(entry) for entry in entries if entry["kind"] == "passage")
        return str(head["about"]), Review(judged, read), str(head["reviewer"])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _entries(lines: list[str]) -> Iterable[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except ValueError:
            if number < len(lines):
                raise


def _judged(entry: dict[str, Any]) -> Judged:
    question = Question(Place(**entry["place"]), entry["entity"], entry["rule"], entry["confidence_bin"])
    return Judged(question, Answer(entry["answer"]))


def _read(entry: dict[str, Any]) -> Read:
    marked = {key: tuple(Marked(**one) for one in entry[key]) for key in ("found", "missed")}
    return Read(Place(**entry["place"]), marked["found"], marked["missed"])
