"""`scanner verify`: whether shards, evidence, policy, report and approval belong together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from scanner.cli._options import variable
from scanner.cli._shared import FILE, FOLDER, POLICY, RULES
from scanner.model import Tier
from scanner.reports._words import visible
from scanner.rulebook import policy_sha256
from scanner.signatures import default_signing_key, public_file, read_public_key
from scanner.signoff import Verification, verify
from scanner.wording import plural

MOST_PROBLEMS = 50

HELP = """Verify that the report in OUT belongs to exactly the shards under PATH, and that its approval holds today.

\b
Leaves with
  0  everything belongs together; with --tier, that tier was approved
  1  something does not, and each is told: a shard, the evidence, the policy,
     a report, the record, its signature, another key, an approval that expired
     or was made on other evidence, a stricter tier
  2  nothing could be verified: no evidence, no shard, an unreadable key
"""


@click.command(help=HELP)
@click.argument("out", type=FOLDER)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@POLICY
@RULES
@click.option(
    "--calibration", type=FILE, help="Calibration that it was decided with, such as a review's. [default: what ships]"
)
@click.option(
    "--public-key",
    type=FILE,
    envvar=variable("public-key"),
    help="Public key of the reviewer. [default: ~/.config/scanner/signing.pem.pub, if it is there]",
)
@click.option("--tier", type=click.Choice([tier.value for tier in Tier]), help="Tier that must have been approved.")
def command(
    out: Path, paths: tuple[str, ...], policy: Path | None, rules: Path | None, calibration: Path | None,
    public_key: Path | None, tier: str | None,
) -> int:  # fmt: skip
    """Print each thing that does not belong; leave with 1 if there is one."""
    usual = public_file(default_signing_key())
    key_file = public_key or (usual if usual.is_file() else None)
    found = verify(
        out,
        paths,
        policy_sha256(rules, policy, calibration),
        read_public_key(key_file) if key_file else None,
        Tier(tier) if tier else None,
        datetime.now(UTC).date(),
    )
    for problem in found.problems[:MOST_PROBLEMS]:
        click.echo(visible(str(problem)))
    if len(found.problems) > MOST_PROBLEMS:
        click.echo(f"and {len(found.problems) - MOST_PROBLEMS:,} more")
    if not found.problems:
        click.echo(_held(found))
    return int(bool(found.problems))


def _held(found: Verification) -> str:
    told = f"{plural(found.shards, 'shard')}, evidence, policy and reports belong together"
    if found.statement is None:
        return f"{told}; nobody has signed them off"
    approval = found.statement.predicate
    against = ", against the verdict" if approval.override else ""
    return visible(f"{told}; {approval.tier} approved by {approval.by} until {approval.expires}{against}")
