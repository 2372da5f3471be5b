"""`scanner approve`: a reviewer's signed decision on a finished scan."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from scanner.approvals import Choice
from scanner.cli._options import variable
from scanner.cli._shared import FOLDER, write_reports
from scanner.model import Tier
from scanner.signatures import default_signing_key, public_file
from scanner.signoff import RECORD, approve


@click.command()
@click.argument("out", type=FOLDER)
@click.option("--tier", required=True, type=click.Choice([tier.value for tier in Tier]), help="How far it may go.")
@click.option("--by", required=True, metavar="NAME", help="Who decides.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; the report shows it.")
@click.option("--expires", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day on which it holds, in UTC.")
@click.option("--override", is_flag=True, help="Decide for a tier that is more open than the verdict's.")
@click.option(
    "--signing-key",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=variable("signing-key"),
    help="Ed25519 key in PEM. [default: ~/.config/scanner/signing.pem]",
)
@click.option("--new-key", is_flag=True, help="Make the signing key first, and its public half beside it.")
def command(
    out: Path, tier: str, by: str, reason: str, expires: datetime, signing_key: Path | None, *,
    override: bool, new_key: bool,
) -> int:  # fmt: skip
    """Sign off the finished scan in OUT, and show the decision in its reports.

    The record is bound to the digests of shards, evidence and policy; `scanner verify` tells whether it holds. A
    decision may be stricter than the verdict; a more open one needs --override, and the report shows it in red. A new
    decision replaces the old one.
    """
    key = signing_key or default_signing_key()
    choice = Choice(Tier(tier), by, reason, datetime.now(UTC).date(), expires.date(), override)
    evidence = approve(out, choice, key, new_key=new_key)
    write_reports(evidence, out)
    if new_key:
        click.echo(f"{key}: signing key made; keep it to yourself, and hand out {public_file(key)}", err=True)
    assert evidence.approval is not None
    told = "against the verdict" if evidence.approval.override else "within the verdict"
    click.echo(f"{out / RECORD}: {tier} approved {told} until {evidence.approval.expires}")
    return 0
