"""`scanner restore`: bring back the shards that a redaction with a vault was made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from scanner import vault as vaults
from scanner.cli._shared import PLACE
from scanner.errors import BadOutput, BadVault, StoreFailed
from scanner.keys import default_key_file, read_key
from scanner.shards import meets
from scanner.stores import Place

ANY_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("redacted", type=PLACE)
@click.option("--vault", type=ANY_FILE, required=True, help="Vault that the redaction kept.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the shards.")
@click.option("--vault-key", type=ANY_FILE, help="Key of the vault. [default: beside the fingerprint key]")
def command(redacted: Place, vault: Path, out: Path, vault_key: Path | None) -> int:
    """Bring back, byte for byte, the shards that REDACTED was made from; each is checked against its SHA-256.

    What an earlier run brought back stays. A shard that cannot be had back is told, and the others are.
    """
    if isinstance(redacted, Path) and not redacted.is_dir():
        raise click.UsageError(f"{redacted}: no such folder of redacted shards")
    key = read_key(vault_key or default_key_file().with_name("vault.key"))
    found = vaults.entries(vault, key)
    _check(redacted, out, found)
    faults = []
    for entry in found:
        target = out / entry.name
        if target.is_file() and vaults.sha256_of(target) == entry.sha256:
            click.echo(f"{entry.name}: is there already")
            continue
        try:
            vaults.restore(vault, key, entry, redacted / entry.name, target)
        except (BadVault, StoreFailed) as error:
            faults.append(str(error))
        else:
            click.echo(f"{entry.name}: restored, {entry.size_bytes:,} bytes")
    if faults:
        raise BadVault("\n".join(faults))
    return 0


def _check(redacted: Place, out: Path, found: Sequence[vaults.Entry]) -> None:
    """Originals go beside nobody's files, and least of all among the redacted shards.

    Raises:
        BadOutput: they would.
    """
    if meets(str(redacted), out):
        raise BadOutput(f"{out}: holds, or lies in, the redacted shards; name another folder with --out")
    if out.exists() and not out.is_dir():
        raise BadOutput(f"{out}: is no folder; name one with --out")
    targets = {out / entry.name for entry in found}
    if any(not target.resolve().is_relative_to(out.resolve()) for target in targets):
        raise BadOutput(f"{out}: the vault has names that lead out of it")
    if any(file not in targets for file in out.rglob("*") if not file.is_dir()):
        raise BadOutput(f"{out}: holds other files than shards of the vault; name another folder with --out")
