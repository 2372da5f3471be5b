"""GitHub-flavoured Markdown in which text from outside is shown as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanner.reports._words import visible

_SPECIAL = re.compile(
    r"""
    (?P<reference> [\\|&<>] )                       # would end a cell, or begin a tag or a reference
    | (?P<mark> [`*\[\]~$] | (?<![^\W_])_ | _(?![^\W_]) )  # would begin emphasis, code, a link or a formula
    | (?P<lead> ^(?:[+\-#](?=[\s\-#]|$)|\d+(?=[.)](?:\s|$))) )        # would begin a heading or a list
    | (?P<joint> [@\#](?=\w) | :(?=//) | www(?=\.) )  # would begin a mention, an issue's number or a bare link
    """,
    re.VERBOSE | re.IGNORECASE,
)


def escape(text: str) -> str:
    """`text` such that GitHub's Markdown shows it as it is, in a paragraph, a list, a heading or a table's cell."""
    return _SPECIAL.sub(_escaped, visible(text).strip())


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of escaped cells."""
    lines = [head, ["---"] * len(head)]
    return "\n".join([_line(lines[0]), _line(lines[1])] + [_line([escape(cell) for cell in row]) for row in rows])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(match: re.Match[str]) -> str:
    found = match[0]
    if match["reference"]:
        return f"&#{ord(found)};"
    if match["joint"]:
        return f"{found}<!-- -->"
    return f"{found}\\" if found[-1].isdigit() else f"{found[:-1]}\\{found[-1]}"
