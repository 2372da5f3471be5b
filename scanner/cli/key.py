"""`scanner key`: the fingerprint key."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.cli._shared import KEY
from scanner.fingerprints import Fingerprinter
from scanner.keys import default_key_file, read_key, rotate_key


@click.group()
def command() -> None:
    """Show or replace the key that fingerprints are made with."""


@command.command()
@KEY
def show(key: Path | None) -> int:
    """Print the key's id, which evidence bears; it gives nothing of the key away."""
    click.echo(Fingerprinter(read_key(key or default_key_file())).key_id)
    return 0


@command.command()
@KEY
def rotate(key: Path | None) -> int:
    """Put a new key in place of the old one, which is kept nowhere.

    Fingerprints under the old key can then never be made again. The next run over each dataset reads every shard anew;
    accepted findings are known again by their place.
    """
    old, new = rotate_key(key or default_key_file())
    click.echo(f"{Fingerprinter(old).key_id} replaced by {Fingerprinter(new).key_id}")
    return 0
