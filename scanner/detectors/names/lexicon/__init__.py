"""Word lists that tell a name from a word: given names, surnames, places, words written small, terms of programs.

Made by `benchmarks/lexicon.py`; `docs/models.md` names their sources and licences.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_PART = re.compile(r"[^\W\d_]?[^\W\d_A-ZÀ-ÖØ-Þ]+|[A-ZÀ-ÖØ-Þ]+(?![a-zß-öø-ÿ])")
"""Words that identifiers are made of: `camelCase`, `snake_case`, `HTTPServer`."""


def folded(word: str) -> str:
    """The word as the lists spell it."""
    return word.casefold().replace("’", "'").strip()


def is_given_name(word: str) -> bool:
    """Whether people are called so by their given name."""
    return folded(word) in _words("given")


def is_surname(word: str) -> bool:
    """Whether it is a frequent family name."""
    return folded(word) in _words("surnames")


def is_listed_name(name: str) -> bool:
    """Whether a person's name holds one that the lists know and that is no word; a surname alone is too often one."""
    words = [word for word in (part.strip(".,'\"()") for part in name.split()) if not is_small(word)]
    return any(map(is_given_name, words)) or (len(words) > 1 and any(map(is_surname, words)))


def is_place(text: str) -> bool:
    """Whether a town, a state or a country is called so."""
    return folded(text) in _words("places")


def is_small(word: str) -> bool:
    """Whether sentences write it small, so that a capital does not make it a name."""
    return folded(word) in _words("small")


def is_term(text: str) -> bool:
    """Whether programs name things so: every word in it is one of their terms."""
    parts = _PART.findall(text)
    return bool(parts) and all(folded(part) in _words("terms") for part in parts)


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset((FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines())
