"""`scanner history`: the runs over a dataset, their verdicts, and the trend of the score."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from scanner.cli._options import json_option
from scanner.cli._shared import FOLDER
from scanner.ledger import RunRow
from scanner.model import Decision
from scanner.output import runs

WIDTH = 130
"""Columns of the table where nobody says how wide a line may be."""

BLOCKS = "▁▂▃▄▅▆▇█"


@click.command()
@click.argument("out", type=FOLDER)
@click.option("--last", type=click.IntRange(min=1), default=30, show_default=True, help="Runs to show.")
@json_option("Print one JSON object a run.")
def command(out: Path, last: int, *, as_json: bool) -> int:
    """Show the runs over the dataset in OUT, the newest last, and how its score went."""
    told = runs(out, last)
    if as_json:
        for run in told:
            click.echo(json.dumps(asdict(run), sort_keys=True))
        return 0
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    console.print(_table(told))
    if len(told) > 1:
        console.print(f"score {trend([run.p50 for run in told])} {told[0].p50:.3g} → {told[-1].p50:.3g}")
    return 0


def trend(values: Sequence[float]) -> str:
    """The values as a line of blocks, from the lowest to the highest; flat if they are all the same."""
    low, high = min(values), max(values)
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[round((value - low) / (high - low) * steps) if high > low else 0] for value in values)


def _table(told: Sequence[RunRow]) -> Table:
    table = Table("run", "ended (UTC)", "verdict", "score", "shards", "changes", "read", "findings", box=None)
    for run in told:
        table.add_row(
            str(run.id),
            run.ended[: len("2026-01-31T02:00")].replace("T", " "),
            _verdict(run),
            f"{run.p50:.3g} [{run.p05:.3g}, {run.p95:.3g}]",
            f"{run.shards:,}",
            ", ".join(f"{count} {change}" for change, count in run.census.items() if count and change != "same") or "–",
            f"{run.share:.1%}",
            f"{run.findings:,}",
        )
    return table


def _verdict(run: RunRow) -> str:
    verdict = "keep internal" if run.decision == Decision.KEEP_INTERNAL else f"releasable ({run.tier})"
    return f"{verdict}, incomplete" if run.incomplete else verdict
