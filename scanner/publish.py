"""Publishing an output folder into a store: what a scan wrote on this machine, under a URL, whole and in order.

A run works in a folder of this machine, the state folder: SQLite, the lock and the merge need a file system. What
others read is put into the store when the run is done. Objects are put whole; the evidence is taken away first and put
last, so that where there is evidence, all that belongs to it is there too, whenever a run is killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scanner.atomic import write_text
from scanner.errors import BadUrl
from scanner.output import EVIDENCE
from scanner.stores import READ_ONLY, Url, get_file, listing, put_file, remove, scheme_of

FOLDERS = ("spans", "values")
REPORTS = "report.*"
MANIFEST = "published.json"
"""In the state folder: SHA-256 of what was put where, so that what did not change is not put again."""

AT_ONCE = 8
"""Requests under way at the same time."""


def default_state(out: Url) -> Path:
    """Where the state of an output in a store lies unless told otherwise: `$XDG_STATE_HOME/scanner/NAME-HASH`."""
    home = os.environ.get("XDG_STATE_HOME")
    base = Path(home) if home else Path.home() / ".local" / "state"
    return base / "scanner" / f"{out.name}-{hashlib.sha256(out.full.rstrip('/').encode()).hexdigest()[:16]}"


def check_writable(out: Url) -> None:
    """Know, before anything is scanned, that the URL is one that can be written.

    Raises:
        BadUrl: it can only be read, or its library is not installed.
        StoreFailed: the store refuses, or fails too often.
    """
    if scheme_of(out.full) in READ_ONLY:
        raise BadUrl(f"{out}: can only be read; write to s3://, gs:// or az://")
    next(listing(out.full), None)


def publish(state: Path, out: Url) -> int:
    """Make what lies under the URL equal to the output in the state folder, and give how many objects were put.

    What this folder put there before and no longer holds is removed; what others put there stays.

    Raises:
        BadUrl: the URL cannot be written.
        StoreFailed: the store refuses, or fails too often; publishing again goes on.
    """
    files = {name: state / name for name in _names(state)}
    hashes = {name: _sha256(file) for name, file in files.items()}
    before = _manifest(state, out)
    there = set(listing(out.full)) & (before.keys() | hashes.keys())
    stale = there - hashes.keys()
    changed = sorted(name for name, digest in hashes.items() if name not in there or before.get(name) != digest)
    if not changed and not stale:
        return 0
    # Before anything changes there: what the manifest does not name is put again.
    kept = {name: digest for name, digest in before.items() if name in stale or hashes.get(name) == digest}
    _write_manifest(state, out, kept)
    remove((out / EVIDENCE).full)
    _each(lambda name: remove((out / name).full), sorted(stale))
    _each(lambda name: put_file(files[name], (out / name).full), [name for name in changed if name != EVIDENCE])
    put_file(files[EVIDENCE], (out / EVIDENCE).full)
    _write_manifest(state, out, hashes)
    return len(set(changed) | {EVIDENCE})


def fetch(out: Url, folder: Path) -> None:
    """Copy an output from its store into an empty folder of this machine: evidence, spans and value tables.

    Raises:
        BadUrl, StoreFailed: the URL cannot be read, or holds no evidence.
    """
    get_file((out / EVIDENCE).full, folder / EVIDENCE)
    for kind in FOLDERS:
        (folder / kind).mkdir()
        names = [name for name in listing(out.full, f"{kind}/") if _PUBLISHED.fullmatch(name)]
        _each(lambda name: get_file((out / name).full, folder / name), sorted(names))


_PUBLISHED = re.compile(rf"(?:{'|'.join(FOLDERS)})/[^/\\]+\.parquet")
"""Names of tables below an output, none of which leads out of a folder."""


def _names(state: Path) -> Iterator[str]:
    """Paths, relative to the state folder, of all that is published."""
    for folder in FOLDERS:
        yield from sorted(f"{folder}/{file.name}" for file in (state / folder).glob("*.parquet"))
    yield from sorted(file.name for file in state.glob(REPORTS))
    yield EVIDENCE


def _each(action: Callable[[str], None], names: list[str]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(action, names):
            pass


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _manifest(state: Path, out: Url) -> dict[str, str]:
    """What was put under this URL, by name; nothing if the manifest is of another URL, absent or damaged."""
    try:
        told = json.loads((state / MANIFEST).read_text())
        return dict(told["objects"]) if told["out"] == _id(out) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_manifest(state: Path, out: Url, objects: Mapping[str, str]) -> None:
    write_text(state / MANIFEST, json.dumps({"out": _id(out), "objects": objects}, sort_keys=True))


def _id(out: Url) -> str:
    """The URL without what it may hold of credentials."""
    return hashlib.sha256(out.full.rstrip("/").encode()).hexdigest()
