"""`scanner forget`: what a ledger keeps of shards that are gone, of old runs and of expired acceptances."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from scanner.cli._shared import FOLDER
from scanner.scan import forget


@click.command()
@click.argument("out", type=FOLDER)
@click.option("--before", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First day that is kept, in UTC.")
def command(out: Path, before: datetime) -> int:
    """Forget what is older than a day and no verdict is made from.

    These are the places and fingerprints that were found in shards which are gone, their names, runs, and acceptances
    that expired. What stands in shards that are there is kept, with the newest run and the approved one.
    """
    gone = forget(out, before.date().isoformat())
    click.echo(", ".join(f"{count} {name}" for name, count in gone.items()) + " forgotten")
    return 0
