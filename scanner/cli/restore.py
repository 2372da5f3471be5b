"""`scanner restore`: bring back the shards that a redaction with a vault was made from."""

from __future__ import annotations

from pathlib import Path

import click

from scanner import vault as vaults
from scanner.errors import BadOutput
from scanner.keys import default_key_file, read_key

ANY_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("redacted", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option("--vault", type=ANY_FILE, required=True, help="Vault that the redaction kept.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the shards.")
@click.option("--vault-key", type=ANY_FILE, help="Key of the vault. [default: beside the fingerprint key]")
def command(redacted: Path, vault: Path, out: Path, vault_key: Path | None) -> int:
    """Bring back, byte for byte, the shards that REDACTED was made from; each is checked against its SHA-256."""
    key = read_key(vault_key or default_key_file().with_name("vault.key"))
    found = vaults.entries(vault, key)
    if out.exists() and any(out.iterdir()):
        raise BadOutput(f"{out}: is not empty; name another folder with --out")
    for entry in found:
        vaults.restore(vault, key, entry, redacted / entry.name, out / entry.name)
        click.echo(f"{entry.name}: restored, {entry.size_bytes:,} bytes")
    return 0
