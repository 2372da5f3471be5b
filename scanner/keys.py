"""The fingerprint key: 32 random bytes in an owner-only file, outside every output."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from scanner.errors import BadKey
from scanner.fingerprints import KEY_BYTES


def default_key_file() -> Path:
    """Where the key lies unless told otherwise: `$XDG_CONFIG_HOME/scanner/key` or `~/.config/scanner/key`."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "scanner" / "key"


def load_key(file: Path, outside: Path) -> bytes:
    """The key in `file`; a new one is made where there is none.

    Args:
        file: the key file.
        outside: the output folder, which must not hold the key.

    Raises:
        BadKey: the file lies inside the output, is open to others, or does not hold 32 bytes.
    """
    keep_outside(file, outside, "--key")
    try:
        return _read(file) if file.exists() else _create(file)
    except OSError as error:
        raise BadKey(f"{file}: the key cannot be read or made: {error.strerror}") from error


def read_key(file: Path) -> bytes:
    """The key in a file that must be there.

    Raises:
        BadKey: it is not, or is open to others, or does not hold 32 bytes.
    """
    try:
        return _read(file)
    except OSError as error:
        raise BadKey(f"{file}: the key cannot be read: {error.strerror}") from error


def rotate_key(file: Path) -> tuple[bytes, bytes]:
    """Put a new key in place of the one in `file`; gives the old one and the new one.

    A reader sees one or the other. The old key is kept nowhere.

    Raises:
        BadKey: there is none to replace, or the file cannot be written.
    """
    old = read_key(file)
    draft = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        new = _create(draft)
        draft.replace(file)
    except OSError as error:
        raise BadKey(f"{file}: the key cannot be replaced: {error.strerror}") from error
    return old, new


def keep_outside(file: Path, outside: Path, option: str) -> None:
    """Refuse a key within an output folder, which goes to others.

    Raises:
        BadKey: it lies there; `option` names another.
    """
    if file.resolve().is_relative_to(outside.resolve()):
        raise BadKey(f"{file}: the key must lie outside the output folder {outside}; choose another {option}")


def is_open_to_others(file: Path) -> bool:
    """Whether anybody but the owner may read, write or run a file."""
    return bool(file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def create_for_owner(file: Path, content: bytes) -> None:
    """Make a file that its owner alone may read, and its folder; on disk when this returns, or not there at all.

    Raises:
        FileExistsError: there is one already.
        OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
    except BaseException:
        file.unlink()
        raise


def _read(file: Path) -> bytes:
    if is_open_to_others(file):
        raise BadKey(f"{file}: others may read the key; run `chmod 600` on it, or delete it to have a new one made")
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise BadKey(f"{file}: holds {len(key)} bytes, a key has {KEY_BYTES}; restore it, or delete it for a new one")
    return key


def _create(file: Path) -> bytes:
    """Make a key so that two runs starting together agree on one, and no reader ever sees half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    create_for_owner(draft, os.urandom(KEY_BYTES))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
    return _read(file)
