"""`scanner diff`: what changed between two finished scans."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from scanner.changes import compare
from scanner.model import Artefact
from scanner.output import read_evidence
from scanner.reports.changes import changes_formats
from scanner.reports.changes import terminal as on_terminal

SCAN = click.Path(path_type=Path)


def _help() -> str:
    lines = "\n".join(f"{name:<10} {found.HELP}" for name, found in changes_formats().items())
    return (
        "Tell what got better, worse, new and gone from one finished scan to another.\n\n"
        "BEFORE and AFTER are output folders, or files that hold evidence, such as the evidence.previous.json that a "
        "scan leaves where it replaces another. Leaves with 1 if verdict, tier or a gate changed, or the score moved "
        f"beyond its interval; with 0 if they hold.\n\n\b\n{lines}"
    )


@click.command(help=_help())
@click.argument("before", type=SCAN)
@click.argument("after", type=SCAN)
@click.option(
    "--format",
    "name",
    type=click.Choice(list(changes_formats())),
    default="terminal",
    show_default=True,
    help="How to tell it.",
)
@click.option(
    "--artefact",
    type=click.Choice([artefact.value for artefact in Artefact]),
    help="Whose verdict to compare. [default: the one AFTER is about]",
)
def command(before: Path, after: Path, name: str, artefact: str | None) -> int:
    """Print what changed on stdout; leave with 1 if somebody should be told."""
    changes = compare(read_evidence(before), read_evidence(after), artefact=Artefact(artefact) if artefact else None)
    if name == on_terminal.NAME:
        on_terminal.show(changes, Console())
    else:
        click.echo(changes_formats()[name].render(changes), nl=False)
    return int(changes.alerting)
