"""Word lists that tell a name from a word: given names, surnames, places, and words that are written small.

Made by `benchmarks/lexicon.py`; `docs/models.md` names their sources and licences.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


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


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset((FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines())
