"""`scanner report`: a finished scan, for people or programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from scanner.cli._options import variable
from scanner.cli._shared import PLACE
from scanner.evidence import Evidence
from scanner.masking import Window
from scanner.output import read_evidence
from scanner.reports import formats, html
from scanner.stores import Place

MOST_SAMPLES = 200


def _formats_help() -> str:
    lines = "\n".join(f"{name:<10} {found.HELP}" for name, found in formats().items())
    return f"""Print the report of a finished scan.

\b
{lines}

Reports are made from the evidence alone and hold no text of the dataset. With --samples the html page shows some
findings in their context, read from PATH, where the shards lie. Every finding in it is masked, but what the detectors
did not find is not: give such a page only to people who may read the dataset.
"""


@click.command(help=_formats_help())
@click.argument("out", type=PLACE)
@click.argument("paths", nargs=-1, metavar="[PATH…]")
@click.option(
    "--format",
    "name",
    type=click.Choice(list(formats())),
    default="md",
    show_default=True,
    envvar=variable("format"),
    help="Which report.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, MOST_SAMPLES),
    metavar="N",
    help="Findings to show in masked context on the html page, which then holds text of the dataset. [default: none]",
)
def command(out: Place, paths: tuple[str, ...], name: str, samples: int | None) -> int:
    """Print the report of a finished scan on stdout."""
    evidence = read_evidence(out)
    if samples is None:
        if paths:
            raise click.UsageError("no shard is read without --samples N; leave PATH out, or say how many to show")
        click.echo(formats()[name].render(evidence), nl=False)
        return 0
    if name != html.NAME:
        raise click.UsageError(f"--samples is for --format {html.NAME} alone: other reports never hold text")
    click.echo(html.render(evidence, _windows(out, evidence, paths, samples)), nl=False)
    return 0


def _windows(out: Place, evidence: Evidence, paths: Sequence[str], number: int) -> list[Window]:
    from scanner.review.samples import samples  # only here: it reads shards, which takes a second to import

    if not paths:
        raise click.UsageError("--samples reads the shards: name them after OUT")
    if not isinstance(out, Path) or out.is_file():
        raise click.UsageError("--samples needs the output folder on this machine, for what else was found beside")
    return samples(out, evidence, paths, number)
