"""`scanner report`: a finished scan, for people or programs."""

from __future__ import annotations

import click

from scanner.cli._shared import PLACE, variable
from scanner.reports import formats
from scanner.scan import read_evidence
from scanner.stores import Place


def _formats_help() -> str:
    lines = "\n".join(f"{name:<10} {found.HELP}" for name, found in formats().items())
    return f"Print the report of a finished scan.\n\n\b\n{lines}"


@click.command(help=_formats_help())
@click.argument("out", type=PLACE)
@click.option(
    "--format",
    "name",
    type=click.Choice(list(formats())),
    default="md",
    show_default=True,
    envvar=variable("format"),
    help="Which report.",
)
def command(out: Place, name: str) -> int:
    """Print the report of a finished scan on stdout."""
    click.echo(formats()[name].render(read_evidence(out)), nl=False)
    return 0
