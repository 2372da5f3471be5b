"""`scanner baseline`: findings that somebody reviewed and accepted until a day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from scanner.baseline import Reviewable, reviewable
from scanner.cli._shared import FOLDER
from scanner.errors import BadBaseline
from scanner.history import ID_DIGITS
from scanner.ledger import Acceptance
from scanner.output import ledger_of, read_evidence

SHORTEST_PREFIX = 8


@click.group()
def command() -> None:
    """List, accept and take back findings, by fingerprint and rule and never by value.

    An accepted value counts for nothing from the next run or `scanner decide` on, until the end of the day named; it
    still counts if another rule found it too. Combinations of it with other identifiers count on.
    """


@command.command("find")
@click.argument("out", type=FOLDER)
@click.option("--entity", default="", help="Only findings of this entity.")
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True, help="Findings to list.")
def find(out: Path, entity: str, most: int) -> int:
    """List what may be accepted, the most frequent first, with the first place of each."""
    evidence = read_evidence(out)
    table = Table("fingerprint", "rule", "entity", "column", "count", "first place", box=None)
    for one in reviewable(out, entity=entity, most=most):
        shard, row, _, item, start, end = one.place
        table.add_row(
            one.fingerprint.hex()[:ID_DIGITS], one.rule, one.entity, one.column, f"{one.occurrences:,}",
            f"{shard} row {row} item {item} [{start}:{end}]",
        )  # fmt: skip
    Console(width=160).print(table if table.row_count else f"nothing was found in {evidence.dataset.name}")
    return 0


@command.command("accept")
@click.argument("out", type=FOLDER)
@click.argument("fingerprint")
@click.option("--rule", required=True, help="Rule that found it.")
@click.option("--by", required=True, metavar="NAME", help="Who accepts it.")
@click.option("--why", required=True, metavar="TEXT", help="Why; the report shows it, so never the value.")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day, in UTC.")
def accept(out: Path, fingerprint: str, rule: str, by: str, why: str, until: datetime) -> int:
    """Accept the finding whose FINGERPRINT begins so."""
    evidence = read_evidence(out)
    one = _only(out, fingerprint, rule)
    shas = {part.path: part.sha256 for part in evidence.shards}
    with ledger_of(out) as ledger:
        ledger.accept(
            [
                Acceptance(
                    fingerprint=one.fingerprint,
                    rule=rule,
                    entity=one.entity,
                    by=by,
                    why=why,
                    until=until.date().isoformat(),
                    entered=datetime.now(UTC).isoformat(timespec="seconds"),
                    key_id=evidence.scan.key_id,
                    place=(shas[one.place[0]], *one.place[1:]),
                )
            ]
        )
    click.echo(f"{one.fingerprint.hex()[:ID_DIGITS]} by {rule} ({one.entity}) accepted until {until.date()}")
    return 0


@command.command("list")
@click.argument("out", type=FOLDER)
def list_(out: Path) -> int:
    """List what was accepted, by whom, why and until when; expired ones count again."""
    today = datetime.now(UTC).date().isoformat()
    table = Table("fingerprint", "rule", "entity", "by", "until", "why", box=None)
    with ledger_of(out) as ledger:
        for one in ledger.acceptances():
            until = one.until if one.until >= today else f"{one.until} (expired)"
            table.add_row(one.fingerprint.hex()[:ID_DIGITS], one.rule, one.entity, one.by, until, one.why)
    Console(width=160).print(table if table.row_count else "nothing was accepted")
    return 0


@command.command("withdraw")
@click.argument("out", type=FOLDER)
@click.argument("fingerprint")
@click.option("--rule", required=True, help="Rule that found it.")
def withdraw(out: Path, fingerprint: str, rule: str) -> int:
    """Take an acceptance back: the finding counts again."""
    with ledger_of(out) as ledger:
        found = [
            one
            for one in ledger.acceptances()
            if one.rule == rule and one.fingerprint.hex().startswith(fingerprint.lower())
        ]
        if len(found) != 1:
            raise BadBaseline(f"{fingerprint}: {len(found)} acceptances of {rule} begin so; name one")
        ledger.withdraw(found)
    click.echo(f"{found[0].fingerprint.hex()[:ID_DIGITS]} by {rule} counts again")
    return 0


def _only(out: Path, fingerprint: str, rule: str) -> Reviewable:
    if len(fingerprint) < SHORTEST_PREFIX:
        raise BadBaseline(f"{fingerprint}: give at least {SHORTEST_PREFIX} digits of the fingerprint")
    found = {one.fingerprint: one for one in reviewable(out, prefix=fingerprint, most=1000) if one.rule == rule}
    if len(found) != 1:
        raise BadBaseline(f"{fingerprint}: {len(found)} values found by {rule} begin so; see `scanner baseline find`")
    return next(iter(found.values()))
