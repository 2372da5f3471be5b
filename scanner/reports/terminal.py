"""The verdict and its reasons as tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scanner.evidence import Evidence
from scanner.model import Tier
from scanner.reports import _summary as summary
from scanner.reports._words import readout_range, readout_title, readout_value, shorten
from scanner.wording import count

NAME = "terminal"
SUFFIX = ".txt"
HELP = "tables for a terminal"

COLOURS = {Tier.OPEN: "green", Tier.RESEARCH: "yellow", Tier.NDA: "yellow", Tier.INTERNAL: "red"}
WIDTH = 100
MOST_FINDINGS = 12


def render(evidence: Evidence) -> str:
    """The report as plain text, 100 columns wide, without colours."""
    console = Console(file=StringIO(), width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as captured:
        show(evidence, console)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def show(evidence: Evidence, console: Console) -> None:
    """Print the report on a console, in colour where it has colours."""
    for part in _parts(evidence):
        console.print(part)


def _parts(evidence: Evidence) -> Iterator[RenderableType]:
    yield _verdict(evidence)
    yield _readouts(evidence)
    if evidence.verdict.tier is not Tier.OPEN:
        yield _list("Why it is not open", summary.why_not_open(evidence))
        yield _list("The smallest fix", [summary.fix_sentence(evidence)])
    yield _list("What was not looked at", summary.not_looked_at(evidence))
    if evidence.findings:
        yield _findings(evidence)
    if evidence.other is not None:
        other = evidence.other
        yield _list(
            f"Released as {summary.artefact_phrase(other.risk)}",
            [f"{summary.headline(other.verdict)}. {summary.lead(other.verdict)}"],
        )
    yield _list("What to do next", summary.next_steps(evidence))


def _verdict(evidence: Evidence) -> Panel:
    colour = COLOURS[evidence.verdict.tier]
    lines = [
        Text(summary.headline(evidence.verdict), style=f"bold {colour}"),
        Text(summary.lead(evidence.verdict)),
        Text(summary.confidence(evidence), style="dim"),
    ]
    if asked := summary.outcome(evidence):
        lines.append(Text(asked))
    if evidence.verdict.incomplete:
        lines.append(Text("The scan is incomplete, and the verdict is capped for it.", style="bold red"))
    if signed := summary.sign_off(evidence):
        lines.append(Text(signed, style="bold red" if summary.needs_care(evidence) else "bold"))
    return Panel(Text("\n").join(lines), title=Text(shorten(evidence.dataset.name)), border_style=colour)


def _readouts(evidence: Evidence) -> Table:
    table = _table("If it were open to everyone", "read-out", "at most", "limit", "nine draws of ten", "")
    for readout in summary.readouts(evidence.risk, evidence.verdict):
        table.add_row(
            Text(readout_title(readout.name)),
            Text(readout_value(readout.name, readout.value)),
            Text("none" if readout.limit is None else readout_value(readout.name, readout.limit)),
            Text("" if readout.interval is None else readout_range(readout.name, readout.interval)),
            Text(readout.result, style="" if readout.within else "bold red"),
        )
    return table


def _findings(evidence: Evidence) -> Table:
    ranked = summary.ranked_findings(evidence)
    table = _table("Findings, the most harmful kinds first", "what", "column", "count", "distinct", "most repeated")
    for column in table.columns[2:]:
        column.justify = "right"
    for part in ranked[:MOST_FINDINGS]:
        numbers = [Text(count(number)) for number in (part.count, part.distinct, part.max_occurrences)]
        table.add_row(Text(shorten(part.title, 40)), Text(shorten(part.column, 40)), *numbers)
    if len(ranked) > MOST_FINDINGS:
        rest = ranked[MOST_FINDINGS:]
        table.add_row(
            Text(f"and {count(len(rest))} more lines", style="dim"), "", Text(count(sum(p.count for p in rest)))
        )
    return table


def _list(title: str, lines: list[str]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for line in lines:
        grid.add_row(" -", Text(line))
    return Group(Text(f"\n{title}\n", style="bold"), grid)


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=Text(f"\n{title}", style="bold"), title_justify="left", box=box.SIMPLE_HEAD)
