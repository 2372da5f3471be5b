"""The ground of every page: templates, and one style and script that run by their hash and nothing else does."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from scanner.reports import _words as words
from scanner.wording import count

MOST_CHARACTERS = 600
"""Characters of one sentence; a longer one holds a name that is not worth its length."""


@cache
def environment() -> Environment:
    """Templates of the pages; text from outside stands in them as text."""
    made = Environment(
        loader=PackageLoader("scanner.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "shorten": words.shorten,
        "visible": words.visible,
        "sentence": _sentence,
        "capital": _capital,
        "path": _path,
    }
    names = ("quantity", "percent", "size", "large", "readout_value", "readout_range", "readout_title")
    made.globals |= _assets() | {"count": count} | {name: getattr(words, name) for name in names}
    return made


def _assets() -> dict[str, Any]:
    """Style and script, each with the hash by which the page's policy lets it run."""
    loader = PackageLoader("scanner.reports")
    found: dict[str, Any] = {}
    for name, file in (("style", "report.css"), ("script", "report.js")):
        text = loader.get_source(Environment(autoescape=True), file)[0].strip()
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        found |= {name: Markup(text), f"{name}_hash": f"sha256-{digest}"}  # noqa: S704 - our own files
    return found


def _sentence(text: str) -> str:
    return words.sentence(words.shorten(text, MOST_CHARACTERS))


def _capital(text: str, length: int = MOST_CHARACTERS) -> str:
    """`text` without its full stop, for headings and cells."""
    return words.sentence(words.shorten(text, length)).removesuffix(".")


def _path(text: str, length: int = words.NAME_LENGTH) -> Markup:
    """A name of a shard or column that may be broken behind the marks that join its parts."""
    escaped = str(escape(words.shorten(text, length)))
    return Markup(re.sub(r"([./_\]])(?=\w)", r"\1<wbr>", escaped))  # noqa: S704 - escaped above
