"""The vault: what a redaction takes out of the shards, encrypted, so that they can be had back byte for byte.

A redacted shard shares every byte that no change touched with the shard it was made from; the vault holds the others.
AES-256-GCM (NIST SP 800-38D) in frames of at most 1 MiB, each bound to its shard and place; the key is a file of
its owner's outside of the output. The vault itself is one SQLite file.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from scanner import stores
from scanner.atomic import replacing
from scanner.errors import BadVault
from scanner.shards.rewrite import Kept
from scanner.shards.source import Source, open_input
from scanner.stores import Place, Url

FRAME_BYTES = 1 << 20
NONCE_BYTES = 12

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vault (
    key_id TEXT NOT NULL CHECK (length(key_id) = 16)     -- tells keys apart, gives nothing of the key away
) STRICT;
CREATE TABLE IF NOT EXISTS shard (
    name    TEXT PRIMARY KEY,
    sha256  TEXT NOT NULL CHECK (length(sha256) = 64),   -- of the shard as it was
    bytes   INTEGER NOT NULL CHECK (bytes >= 0),
    made    TEXT NOT NULL                                -- sha256 of the redacted shard; '' where it was left out
) STRICT;
CREATE TABLE IF NOT EXISTS kept (                        -- bytes that stand in the redacted shard
    shard   TEXT NOT NULL REFERENCES shard (name) ON DELETE CASCADE,
    before  INTEGER NOT NULL, after INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (shard, before)
) STRICT;
CREATE TABLE IF NOT EXISTS frame (                       -- the others, encrypted
    shard   TEXT NOT NULL REFERENCES shard (name) ON DELETE CASCADE,
    before  INTEGER NOT NULL, bytes INTEGER NOT NULL, nonce BLOB NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (shard, before)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One shard in a vault."""

    name: str
    sha256: str
    size_bytes: int
    made_sha256: str


def key_id(key: bytes) -> str:
    """Sixteen hex digits that tell keys of vaults apart."""
    return hashlib.blake2b(b"vault", key=key, digest_size=8).hexdigest()


def prepare(file: Path, key: bytes) -> None:
    """Make the vault, readable for its owner alone, or check that one is under this key.

    Raises:
        BadVault: the file is something else, or under another key, or cannot be made.
    """
    if not file.exists():
        try:
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise BadVault(f"{file}: cannot be made: {error.strerror or type(error).__name__}") from error
    with _opened(file) as connection:
        with connection:
            connection.executescript(_SCHEMA)
        known = [row for (row,) in connection.execute("SELECT key_id FROM vault")]
        if known and known != [key_id(key)]:
            raise BadVault(f"{file}: is under another key; name it with --vault-key, or another --vault")
        if not known:
            with connection:
                connection.execute("INSERT INTO vault VALUES (?)", (key_id(key),))


def store(file: Path, key: bytes, shard: str, entry: Entry, kept: Sequence[Kept]) -> None:
    """Keep what the shard's redacted form lacks, in one transaction; an earlier entry of the shard goes.

    Args:
        file: the vault.
        key: 32 secret bytes.
        shard: the file, or the URL, as it is before.
        entry: what to call it.
        kept: runs of bytes that the redacted shard shares, by their offset in the shard.

    Raises:
        UnreadableShard: the shard cannot be opened.
        BadUrl, StoreFailed: as `open_input`.
    """
    gaps = list(_gaps(kept, entry.size_bytes))
    with _opened(file) as connection, connection, open_input(shard) as source:
        source.expect(gaps)
        source.stream(gaps)
        connection.execute("DELETE FROM shard WHERE name = ?", (entry.name,))
        row = (entry.name, entry.sha256, entry.size_bytes, entry.made_sha256)
        connection.execute("INSERT INTO shard VALUES (?, ?, ?, ?)", row)
        runs = ((entry.name, run.before, run.after, run.length) for run in kept)
        connection.executemany("INSERT INTO kept VALUES (?, ?, ?, ?)", runs)
        for start, stop in gaps:
            for at in range(start, stop, FRAME_BYTES):
                plain = source.read_at(min(FRAME_BYTES, stop - at), at)
                nonce = os.urandom(NONCE_BYTES)
                data = AESGCM(key).encrypt(nonce, plain, _bound_to(entry, at))
                connection.execute(
                    "INSERT INTO frame VALUES (?, ?, ?, ?, ?)", (entry.name, at, len(plain), nonce, data)
                )


def empty(file: Path) -> None:
    """Let go of every shard in the vault.

    Raises:
        BadVault: the file cannot be used.
    """
    with _opened(file) as connection, connection:
        connection.execute("DELETE FROM shard")


def entries(file: Path, key: bytes) -> list[Entry]:
    """Every shard in the vault, by name.

    Raises:
        BadVault: there is no vault, or it is under another key.
    """
    if not file.is_file():
        raise BadVault(f"{file}: no such vault")
    with _opened(file) as connection:
        known = [row for (row,) in connection.execute("SELECT key_id FROM vault")]
        if known != [key_id(key)]:
            raise BadVault(f"{file}: is under another key; name it with --vault-key")
        return [Entry(*row) for row in connection.execute("SELECT name, sha256, bytes, made FROM shard ORDER BY name")]


def restore(file: Path, key: bytes, entry: Entry, redacted: Place, target: Path) -> None:
    """Write the shard as it was, whole or not at all.

    Args:
        file: the vault.
        key: its key.
        entry: of the shard.
        redacted: the shard's redacted form, on this machine or in a store; not read for a shard that was left out.
        target: where to write.

    Raises:
        BadVault: the redacted shard is not the one that was made, the vault is damaged, or the bytes are not those.
        BadUrl, StoreFailed: the redacted shard cannot be had from its store.
    """
    if entry.made_sha256 and _sha256_now(redacted) != entry.made_sha256:
        raise BadVault(
            f"{entry.name}: the redacted shard is missing or was changed since; its bytes cannot be had back"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    shared = open_input(stores.whole(redacted)) if entry.made_sha256 else nullcontext()
    with _opened(file) as connection, replacing(target) as draft:
        with draft.open("wb") as sink, shared as source:
            for piece in _pieces(connection, key, entry, source):
                sink.write(piece)
        if sha256_of(draft) != entry.sha256:
            raise BadVault(f"{entry.name}: what came back is not the shard that was put in")


def _sha256_now(redacted: Place) -> str:
    """SHA-256 of a redacted shard; "" where there is none."""
    if isinstance(redacted, Url):
        return stores.sha256(redacted.full)
    return sha256_of(redacted) if redacted.is_file() else ""


def sha256_of(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as handle:
        while block := handle.read(FRAME_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _pieces(connection: sqlite3.Connection, key: bytes, entry: Entry, redacted: Source | None) -> Iterator[bytes]:
    """The shard's bytes in order; without its redacted form where all of them are in the vault."""
    runs = connection.execute(
        "SELECT before, bytes, after, NULL, NULL FROM kept WHERE shard = :name "
        "UNION ALL SELECT before, bytes, -1, nonce, data FROM frame WHERE shard = :name ORDER BY 1",
        {"name": entry.name},
    )
    for before, size, after, nonce, data in runs:
        if after < 0:
            yield _opened_frame(key, nonce, data, _bound_to(entry, before), entry)
        elif redacted is not None:
            yield from _slice(redacted, after, size)


def _slice(source: Source, start: int, size: int) -> Iterator[bytes]:
    extents = [(start, start + size)]
    source.expect(extents)
    source.stream(extents)
    for at in range(0, size, FRAME_BYTES):
        yield source.read_at(min(FRAME_BYTES, size - at), start + at)


def _opened_frame(key: bytes, nonce: bytes, data: bytes, bound_to: bytes, entry: Entry) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, data, bound_to)
    except InvalidTag as error:
        raise BadVault(f"{entry.name}: the vault is damaged") from error


def _bound_to(entry: Entry, at: int) -> bytes:
    return f"{entry.sha256}|{at}".encode()


def _gaps(kept: Sequence[Kept], size: int) -> Iterator[tuple[int, int]]:
    """Runs of bytes that are not kept."""
    at = 0
    for run in sorted(kept, key=lambda run: run.before):
        if at < run.before:
            yield at, run.before
        at = max(at, run.before + run.length)
    if at < size:
        yield at, size


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        with closing(sqlite3.connect(file, timeout=600)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            yield connection
    except sqlite3.DatabaseError as error:
        raise BadVault(f"{file}: cannot be used as a vault; restore it, or name another --vault") from error
