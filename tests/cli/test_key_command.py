"""`scanner key`: what evidence calls the key, and a new one in its place."""

from __future__ import annotations

import stat
from pathlib import Path

from click.testing import CliRunner, Result

from scanner.cli.key import command
from scanner.errors import BadKey
from scanner.fingerprints import Fingerprinter
from tests.scans import scanned, write_shard


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)


def test_the_id_that_is_shown_is_the_one_that_evidence_bears(key_file: Path, tmp_path: Path) -> None:
    write_shard(tmp_path / "data" / "a.parquet", ["Ask ann.lee@example.com."])
    evidence = scanned(tmp_path / "data", tmp_path / "out", key_file)
    shown = run("show", "--key", key_file)
    assert shown.stdout == f"{evidence.scan.key_id}\n"
    assert key_file.read_bytes().hex() not in shown.stdout


def test_a_rotated_key_is_another_one_for_its_owner_alone_and_the_old_one_is_kept_nowhere(key_file: Path) -> None:
    old = key_file.read_bytes()
    told = run("rotate", "--key", key_file).stdout
    new = key_file.read_bytes()
    assert new != old
    assert told == f"{Fingerprinter(old).key_id} replaced by {Fingerprinter(new).key_id}\n"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [file.name for file in key_file.parent.iterdir()] == [key_file.name]
    assert not any(key.hex() in told for key in (old, new))


def test_a_key_that_is_not_there_is_neither_shown_nor_made(tmp_path: Path) -> None:
    for verb in ("show", "rotate"):
        done = run(verb, "--key", tmp_path / "key")
        assert isinstance(done.exception, BadKey)
        assert "cannot be read" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
