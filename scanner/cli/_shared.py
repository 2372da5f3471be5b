"""Options and displays that commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from scanner.atomic import write_text
from scanner.cli._options import Command, json_option, variable
from scanner.evidence import Evidence, to_json
from scanner.model import Artefact, Decision, Tier
from scanner.publish import default_state, publish
from scanner.reports import formats, terminal
from scanner.stores import Place, Url, place


class _PlaceType(click.ParamType):  # type: ignore[type-arg]
    """A folder of this machine, or a URL."""

    name = "directory or url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """The value as a `Path` or a `Url`."""
        return place(value)


PLACE = _PlaceType()
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, exists=True, path_type=Path)

INCOMPLETE = 3

WRITTEN = ("html", "md")
"""Reports that every verdict leaves beside its evidence."""

POLICY = click.option(
    "--policy", type=FILE, envvar=variable("policy"), help="Policy to decide by. [default: the one that ships]"
)
KEY = click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=variable("key"),
    help="Fingerprint key. [default: ~/.config/scanner/key]",
)
RULES = click.option("--rules", type=FOLDER, envvar=variable("rules"), help="Folder of rules beside those that ship.")
RELEASE_AS = click.option(
    "--release-as",
    type=click.Choice([tier.value for tier in Tier if tier is not Tier.INTERNAL]),
    envvar=variable("release-as"),
    help="Tier to ask for.",
)
ARTEFACT = click.option(
    "--artefact",
    type=click.Choice([artefact.value for artefact in Artefact]),
    envvar=variable("artefact"),
    help="What would be released. [default: model, or what was asked before]",
)
LEDGER = click.option(
    "--ledger",
    type=FOLDER,
    envvar=variable("ledger"),
    help="Folder of this machine that keeps the ledger and the work when the output is a URL. "
    "[default: below ~/.local/state/scanner]",
)
AS_JSON = json_option("Print the evidence instead of the verdict's table.")


def ends_in_verdict(command: Command) -> Command:
    """Options of a command that decides: what to decide by, what to ask for, where the work is and what to print."""
    for option in reversed((LEDGER, POLICY, RULES, RELEASE_AS, ARTEFACT, AS_JSON)):
        command = option(command)
    return command


def conclude(evidence: Evidence, state: Path, out: Place, *, as_json: bool) -> int:
    """Write the reports, publish where the output is a URL, show the verdict, and give the exit code."""
    write_reports(evidence, state)
    if isinstance(out, Url):
        publish(state, out)
    show_verdict(evidence, as_json=as_json)
    return exit_code(evidence)


def write_reports(evidence: Evidence, out: Path) -> list[Path]:
    """Write the reports that every verdict leaves, and give their paths."""
    written = []
    for name in WRITTEN:
        found = formats()[name]
        written.append(out / f"report{found.SUFFIX}")
        write_text(written[-1], found.render(evidence))
    return written


def state_of(out: Place, ledger: Path | None) -> Path:
    """The folder of this machine in which a run works; for a URL the one of its ledger.

    Raises:
        click.UsageError: a folder for the ledger was given beside an output on this machine.
    """
    if isinstance(out, Url):
        return ledger or default_state(out)
    if ledger is not None:
        raise click.UsageError("--ledger is for an output that is a URL; one on this machine keeps its own ledger")
    return out


def exit_code(evidence: Evidence) -> int:
    """The contract's exit code for a verdict; incomplete wins over keep internal."""
    if evidence.verdict.incomplete:
        return INCOMPLETE
    return int(evidence.verdict.decision is Decision.KEEP_INTERNAL or not evidence.verdict.granted)


def show_verdict(evidence: Evidence, *, as_json: bool) -> None:
    """The verdict on stdout, for people or as JSON."""
    if as_json:
        click.echo(to_json(evidence), nl=False)
    else:
        terminal.show(evidence, Console())


class _Speed(ProgressColumn):
    """Megabytes of text a second, over the whole run."""

    def render(self, task: Task) -> Text:
        speed = task.completed / task.elapsed / 1e6 if task.elapsed else 0.0
        return Text(f"{speed:.2f} MB/s")


class Bar:
    """A progress bar on stderr with rows, MB/s and time left; silent when stderr is no terminal."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        self._progress: Progress | None = None

    def begin(self, rows: int, size_bytes: int, progress: Callable[[], tuple[int, int]]) -> None:
        """Show the bar until `end`."""
        if not self._console.is_terminal:
            return
        self._progress = _Polling(rows, size_bytes, progress, self._console)
        self._progress.start()

    def end(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()


class _Polling(Progress):
    """A progress display that asks how far the workers are each time it is drawn."""

    def __init__(self, rows: int, size_bytes: int, progress: Callable[[], tuple[int, int]], console: Console) -> None:
        self._rows, self._ask = rows, progress
        columns = (TextColumn("{task.description}"), BarColumn(), _Speed(), TimeRemainingColumn())
        super().__init__(*columns, console=console, transient=True)
        self._bar = self.add_task("scanning", total=size_bytes or None)

    def get_renderables(self):  # type: ignore[no-untyped-def]
        rows, size_bytes = self._ask()
        if self.tasks:
            self.update(self._bar, completed=size_bytes, description=f"{rows:,} of {self._rows:,} rows")
        yield from super().get_renderables()
