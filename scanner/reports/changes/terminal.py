"""The changes as tables on a terminal."""

from __future__ import annotations

from io import StringIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scanner.evidence import Changes
from scanner.model import Direction
from scanner.reports.changes import _sections as told
from scanner.reports.terminal import WIDTH
from scanner.wording import count

NAME = "terminal"
HELP = "tables for a terminal"

COLOURS = {
    Direction.WORSE: "red",
    Direction.NEW: "yellow",
    Direction.BETTER: "green",
    Direction.GONE: "dim",
    Direction.CHANGED: "",
    None: "dim",
}
NAME_WIDTH = 44


def render(changes: Changes) -> str:
    """The comparison as plain text, 100 columns wide, without colours."""
    console = Console(file=StringIO(), width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as captured:
        show(changes, console)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def show(changes: Changes, console: Console) -> None:
    """Print the comparison on a console, in colour where it has colours."""
    console.print(Text(told.headline(changes), style=f"bold {COLOURS[changes.verdict.direction]}".strip()))
    console.print(Text(told.lead(changes)))
    if basis := told.basis(changes):
        console.print(Text(basis, style="yellow"))
    console.print(Text(told.compared(changes), style="dim"))
    for section in told.sections(changes):
        console.print(_table(section))


def _table(section: told.Section) -> Table:
    title = f"\n{section.title}{f': {section.told}' if section.told else ''}"
    table = Table("", *section.head, title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD)
    for index in section.numbers:
        table.columns[index + 1].justify = "right"
    for row in section.rows:
        style = COLOURS[row.direction]
        table.add_row(Text(told.word(row.direction), style=style), *(Text(cell) for cell in row.cells))
    if section.left_out:
        table.add_row("", Text(f"and {count(section.left_out)} more", style="dim"))
    return table
