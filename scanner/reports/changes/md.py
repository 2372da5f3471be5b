"""The changes for a pull request, in GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.evidence import Changes
from scanner.reports._markdown import escape, table
from scanner.reports.changes import _sections as told
from scanner.wording import count

NAME = "md"
HELP = "GitHub-flavoured Markdown, for pull requests"


def render(changes: Changes) -> str:
    """The whole comparison; text from outside is escaped."""
    return "\n\n".join([f"# {escape(told.headline(changes))}", escape(told.compared(changes)), *body(changes)]) + "\n"


def body(changes: Changes, level: int = 2) -> Iterator[str]:
    """The comparison without its heading, each subject under a heading of the given level."""
    yield f"**{escape(told.lead(changes))}**"
    if basis := told.basis(changes):
        yield f"> [!NOTE]\n> {escape(basis)}"
    for section in told.sections(changes):
        yield f"{'#' * level} {section.title}{f': {section.told}' if section.told else ''}"
        yield table(("", *section.head), [(told.word(row.direction), *row.cells) for row in section.rows])
        if section.left_out:
            yield f"And {count(section.left_out)} more."
