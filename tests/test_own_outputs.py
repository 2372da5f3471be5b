"""The scanner run over everything that it wrote.

It finds no value there that it found in the shards, as its own fingerprints tell; and by the patterns nothing but
addresses of standards. Two things are held to the former alone: the guesses of the language models, which take headings
for names; and the working state of scans and redactions, where bare counters and keyed hashes now and then happen to
have a check digit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from scanner.approvals import STATEMENT_TYPE
from scanner.cli import scanner
from scanner.drift import drift
from scanner.evidence import from_json
from scanner.nightly import Night, message
from scanner.output import LEDGER, PREVIOUS, read_evidence, runs
from scanner.reports import formats
from scanner.reports.changes import changes_formats
from scanner.review.context import Contexts
from scanner.review.desk import Desk, Wanted
from scanner.review.session import Session, subject
from scanner.rulebook import load_rulebook
from scanner.scan import finished
from tests.canaries import encodings, leaks
from tests.redactions import EVERYTHING, redacted
from tests.scans import scanned, spans, write_policy
from tests.test_canaries import TEXTS, VALUES

STANDARDS = frozenset(
    {
        "docs.oasis-open.org", "github.com", "in-toto.io", "json-schema.org", "mlcommons.org", "purl.org", "schema.org",
        "www.w3.org",
    }
)  # fmt: skip
"""Hosts of the standards that reports follow and name by their addresses: all that the patterns may find."""

DONE = "done"
"""Folder of a redaction's working state."""

MODELS = ("names.", "place.")
"""Rules whose guesses rest on words alone: they take headings for names and numbers for dates, on any text."""


@dataclass(frozen=True)
class Written:
    """Everything that commands wrote about one dataset, and what they printed."""

    folder: Path
    key: Path
    printed: tuple[str, ...]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    base = tmp_path_factory.mktemp("own")
    folder, key, data, out = base / "written", base / "keys" / "key", base / "data", base / "written" / "out"
    key.parent.mkdir()
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    data.mkdir()
    pq.write_table(pa.table({"text": TEXTS * 4}), data / "a.parquet")
    policy = write_policy(base / "policy.yaml")
    scanned(data, out, key, names=True, policy=policy)
    printed = [run("decide", out, "--epochs", "9", "--json", "--policy", policy)]
    _review(out, data)
    signing = ["--signing-key", base / "keys" / "signing.pem", "--new-key"]
    decision = ["--tier", "internal", "--by", "the committee", "--reason", "as decided", "--expires", "2999-01-01"]
    printed.append(run("approve", out, *decision, *map(str, signing)))
    printed += [run("report", out, "--format", name) for name in formats()]
    printed += [run("diff", out / PREVIOUS, out, "--format", name) for name in changes_formats()]
    printed += [run("history", out), run("baseline", "find", out), _night(out)]
    told = redacted(data, out, folder / "redacted", key, EVERYTHING, policy=policy)
    printed.append(told.model_dump_json(indent=2))
    return Written(folder, key, tuple(printed))


def test_no_planted_value_stands_in_anything_that_was_written_or_printed(written: Written) -> None:
    found = {row["entity"] for row in spans(written.folder / "out")}
    assert set(VALUES) <= found
    assert leaks(written.folder, list(VALUES.values()), *written.printed) == []


def test_a_scan_of_all_that_was_written_finds_nobody(written: Written, tmp_path: Path) -> None:
    state = set(_lines(_state(written.folder)))
    lines = list(dict.fromkeys(_lines([*_texts(written.folder), *written.printed]))) + sorted(state)
    (tmp_path / "own").mkdir()
    pq.write_table(pa.table({"line": lines}), tmp_path / "own" / "a.parquet")
    scanned(tmp_path / "own", tmp_path / "out", written.key, names=True)
    found = spans(tmp_path / "out")
    assert not {row["fingerprint"] for row in found} & {row["fingerprint"] for row in spans(written.folder / "out")}
    by_patterns = [row for row in found if not row["rule"].startswith(MODELS) and lines[row["row"]] not in state]
    assert {row["entity"] for row in by_patterns} == {"URL"}
    shown = {lines[row["row"]][row["start"] : row["end"]] for row in by_patterns}
    assert {text for text in shown if not _names_a_standard(text)} == set()


def _names_a_standard(text: str) -> bool:
    """Whether this is its address; in a signed envelope it is that of the statement's type, in base64."""
    return urlsplit(text).hostname in STANDARDS or any(form in text.encode() for form in encodings(STATEMENT_TYPE))


def run(*arguments: str | Path) -> str:
    """What a command prints; it may leave with 1, as a verdict or a comparison does."""
    done = CliRunner().invoke(scanner, [str(argument) for argument in arguments], standalone_mode=False)
    assert done.exception is None, done.exception
    return done.stdout + done.stderr


def _review(out: Path, data: Path) -> None:
    """A reviewer at work, without the page: judgements, a passage, and what they make of precision and recall."""
    evidence, rulebook = read_evidence(out), load_rulebook(None, None, with_models=False, prove=False)
    session = Session(out, "the committee", subject(evidence))
    desk = Desk(
        out, evidence, rulebook, finished(out, rulebook), Contexts([str(data)], evidence), session, Wanted(3, 1)
    )
    for number in range(desk.status()["questions"]):
        desk.judge(number, "true")
    shown: dict[str, Any] = desk.next()
    desk.read(shown["number"], [], [{"start": 0, "end": 2, "entity": "PERSON"}])


def _night(out: Path) -> str:
    """What a night would send."""
    before, after = from_json((out / PREVIOUS).read_bytes()), read_evidence(out)
    night = Night(after.dataset.name, 1, 1.0, runs(out)[-1], drift(before, None, after))
    return "\n".join(message([night]))


def _texts(folder: Path) -> Iterator[str]:
    """All text below a folder but that of new shards and state: files, and what tables hold, row by row."""
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".parquet":
            if file.parent.name in ("spans", "values"):
                yield _rows(row.values() for row in pq.read_table(file).to_pylist())
        elif file.is_file() and not file.name.startswith(LEDGER) and file.parent.name != DONE:
            yield file.read_text(encoding="utf-8", errors="replace")


def _state(folder: Path) -> Iterator[str]:
    """What runs note for themselves: the ledgers of scans, and what a redaction has done."""
    for file in sorted(folder.rglob(LEDGER)):
        with closing(sqlite3.connect(file)) as ledger:
            yield "\n".join(ledger.iterdump())
    for file in sorted(folder.rglob(f"{DONE}/*.json")):
        yield file.read_text()


def _lines(texts: Iterable[str]) -> Iterator[str]:
    return (line for text in texts for line in text.splitlines())


def _rows(rows: Iterable[Iterable[Any]]) -> str:
    return "\n".join(" ".join(cell.hex() if isinstance(cell, bytes) else str(cell) for cell in row) for row in rows)
