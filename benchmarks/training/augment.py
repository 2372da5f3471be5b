"""Labelled passages made anew: other names and places in them, other capitals, and short texts of our own."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from faker import Faker

from benchmarks.training.gold import EVERYTHING, Passage, Span
from scanner.detectors.names.casing import recased
from scanner.detectors.names.lexicon import FOLDER

LOCALES = {
    "en": (
        "en_US", "en_US", "en_US", "en_GB", "en_GB", "en_IN", "en_AU", "de_DE", "fr_FR", "es_ES", "es_MX", "it_IT",
        "pl_PL", "nl_NL", "pt_BR", "sv_SE", "no_NO", "da_DK", "fi_FI", "cs_CZ", "hu_HU", "hr_HR", "tr_TR", "ro_RO",
        "en_PK", "id_ID", "en_NZ", "fr_CA", "de_AT", "sl_SI", "vi_VN", "en_KE", "yo_NG", "zu_ZA",
    ),
    "fr": ("fr_FR", "fr_FR", "fr_CA", "fr_CH", "fr_BE", "de_DE", "it_IT", "es_ES", "tr_TR", "pl_PL", "ro_RO", "en_GB"),
    "es": ("es_ES", "es_ES", "es_ES", "es_MX", "es_AR", "es_CO", "es_CL", "pt_PT", "tr_TR", "de_DE", "ro_RO", "en_GB"),
}  # fmt: skip
"""Where invented names come from, by the language of the text."""

EACH = 150
"""Names of each kind drawn from each locale."""

NEIGHBOURS, LEAST_ALIKE = 13, 0.45
"""Words of near meaning that may stand for one, and how alike (cosine) they are at least."""

REPLACED = (0.0, 0.1, 0.2)
"""Shares of words outside of spans that are replaced in a rewritten passage; one of them is drawn."""

PARTICLES = {
    "nl_NL": ("van", "de", "van der"),
    "es_ES": ("de", "del", "de la"),
    "de_DE": ("von",),
    "pt_BR": ("da", "dos"),
}


_OURS = yaml.safe_load((Path(__file__).parent / "templates.yaml").read_text(encoding="utf-8"))
ORGANISATIONS, MONTHS = _OURS.pop("organisations"), _OURS.pop("months")
TEMPLATES: Mapping[str, Sequence[str]] = _OURS


@dataclass(frozen=True)
class Pool:
    """Names of one locale."""

    locale: str
    first: Sequence[str]
    last: Sequence[str]
    cities: Sequence[str]
    countries: Sequence[str]
    streets: Sequence[str]


def pools(language: str, seed: int = 0) -> list[Pool]:
    """Pools in the order of `LOCALES`."""
    made: dict[str, Pool] = {}
    for locale in LOCALES[language]:
        if locale not in made:
            fake = Faker(locale)
            fake.seed_instance(seed)
            made[locale] = Pool(
                locale,
                _drawn(fake, "first_name"), _drawn(fake, "last_name"), _drawn(fake, "city"), _drawn(fake, "country"),
                _drawn(fake, "street_address"),
            )  # fmt: skip
    return [made[locale] for locale in LOCALES[language]]


def _drawn(fake: Faker, kind: str) -> list[str]:
    try:
        return [str(getattr(fake, kind)()) for _ in range(EACH)]
    except AttributeError:
        return []


_WORD = re.compile(r"[A-Za-z]{3,}")
_TOWNS = (FOLDER / "places.txt").read_text(encoding="utf-8").splitlines()
_PLACE = re.compile(r"\{([PFSLCADO])\}")
_LABELS = {"L": ("GPE", "LOC"), "C": ("GPE",), "A": ("FAC",), "D": ("DATE",), "O": ("ORG",)}
_FRENCH = {"L": ("LOC",), "C": ("LOC",), "A": (), "D": (), "O": ("ORG",)}


class Neighbours:
    """Words of near meaning, by the vectors of a pipeline."""

    def __init__(self, pipeline: Any) -> None:
        vectors = pipeline.vocab.vectors
        self._strings, self._common = pipeline.vocab.strings, pipeline.Defaults.stop_words
        self._rows = vectors.data / np.maximum(np.linalg.norm(vectors.data, axis=1, keepdims=True), 1e-9)
        self._row_of = vectors.key2row
        self._words: dict[int, str] = {}
        for key, row in self._row_of.items():
            word = self._strings[key]
            if word.isalpha() and word.islower() and len(word) > 2:
                self._words.setdefault(row, word)
        self._known: dict[str, list[str]] = {}

    def of(self, word: str) -> list[str]:
        """Words near one in small letters; none of a word that is too common or unknown."""
        if word not in self._known:
            row = self._row_of.get(self._strings[word], -1) if word in self._strings else -1
            self._known[word] = [] if row < 0 or word in self._common else self._near(word, row)
        return self._known[word]

    def _near(self, word: str, row: int) -> list[str]:
        alike = self._rows @ self._rows[row]
        nearest = np.argpartition(-alike, NEIGHBOURS)[:NEIGHBOURS].tolist()
        words = (self._words.get(one, word) for one in nearest if alike[one] > LEAST_ALIKE)
        return [other for other in words if other != word]


class Augmenter:
    """Makes passages anew; the same seed gives the same ones."""

    def __init__(self, language: str, pools: Sequence[Pool], seed: int) -> None:
        self._pools = pools
        self._random = random.Random(seed)
        self._person = {"en": "PERSON", "es": "PERSON", "fr": "PER"}[language]
        self._language = language

    def varied(self, passage: Passage, common: frozenset[str]) -> Passage:
        """The passage as it is, or with other names, or in other capitals, or both."""
        if self._random.random() < 0.45:
            passage = self._renamed(passage)
        return self.recapitalised(passage, common)

    def recapitalised(self, passage: Passage, common: frozenset[str]) -> Passage:
        """The passage as it is, or all in lower case or in capitals, or as the names stage reads such texts again."""
        chance = self._random.random()
        if chance < 0.12:
            return _recapitalised(passage, str.lower)
        if chance < 0.19:
            return _recapitalised(passage, lambda text: recased(text.lower(), common) or text)
        if chance < 0.23:
            return _recapitalised(passage, str.upper)
        return passage

    def rewritten(self, passage: Passage, neighbours: Neighbours) -> Passage:
        """The passage with other names and places, and here and there a word of near meaning."""
        pool, rate = self._random.choice(self._pools), self._random.choice(REPLACED)
        rewritten = _respanned(
            passage,
            lambda old, span: self._newly_named(old, span, pool),
            lambda text: self._reworded(text, rate, neighbours),
        )
        draw = self._random.random()
        if draw < 0.14:
            return _recapitalised(rewritten, str.lower if draw < 0.12 else str.upper)
        return rewritten

    def _reworded(self, text: str, rate: float, neighbours: Neighbours) -> str:
        return _WORD.sub(lambda match: self._reworded_word(match[0], rate, neighbours), text) if rate else text

    def _reworded_word(self, word: str, rate: float, neighbours: Neighbours) -> str:
        near = neighbours.of(word.lower()) if self._random.random() < rate else []
        if not near:
            return word
        new = self._random.choice(near)
        if word[0].isupper() and word[1:].islower():
            return new.capitalize()
        return new.upper() if word.isupper() else new

    def _newly_named(self, old: str, span: Span, pool: Pool) -> str:
        if span.labels == (self._person,) and self._random.random() < 0.65:
            return _like(old, self._name(len(old.split()), pool))
        if "GPE" in span.labels and self._random.random() < 0.6 and len(old.split()) <= 3:
            listed = self._random.random() < 0.7
            return _like(old, self._random.choice(_TOWNS).title() if listed else self.place(pool))
        return old

    def templates(self, times: int) -> list[Passage]:
        """Our own short texts in the language, each filled so many times."""
        texts = TEMPLATES.get(self._language, [])
        return [self._filled(text) for text in texts for _ in range(times)]

    def _filled(self, template: str) -> Passage:
        pool = self._random.choice(self._pools)
        labels = _FRENCH if self._language == "fr" else _LABELS
        text, spans, last = "", [], 0
        for match in _PLACE.finditer(template):
            text += template[last : match.start()]
            new = self._value(match[1], pool)
            spans.append(Span(len(text), len(text) + len(new), labels.get(match[1], (self._person,))))
            text += new
            last = match.end()
        return Passage("", 0, -1, text + template[last:], tuple(spans), EVERYTHING)

    def _value(self, kind: str, pool: Pool) -> str:
        if kind == "P":
            return self._name(self._random.choice((2, 2, 2, 3)), pool)
        if kind in "FS":
            return self._random.choice(pool.first if kind == "F" or not pool.last else pool.last)
        if kind == "A":
            return self._random.choice(pool.streets or ["Calle Mayor, 4"]).replace("\n", ", ")
        if kind == "D":
            return self._date()
        if kind == "O":
            return self._random.choice(ORGANISATIONS[self._language])
        return self._random.choice((pool.countries if kind == "C" else pool.cities) or ["Lima"])

    def _date(self) -> str:
        day, month, year = self._random.randint(1, 28), self._random.randint(1, 12), self._random.randint(1930, 2030)
        if self._random.random() < 0.4:
            return f"{day:02}/{month:02}/{year}"
        of = " de " if self._language == "es" else " "
        name = MONTHS[self._language][month - 1]
        return f"{day}{of}{name}" + (f"{of}{year}" if self._random.random() < 0.7 else "")

    def _renamed(self, passage: Passage) -> Passage:
        pool = self._random.choice(self._pools)
        return _respanned(passage, lambda old, span: self._other(old, span, pool))

    def _other(self, old: str, span: Span, pool: Pool) -> str:
        draw = self._random.random()
        if span.labels == (self._person,) and draw < 0.7:
            return _like(old, self._name(len(old.split()), pool))
        if span.labels == ("FAC",) and draw < 0.6 and any(map(str.isdigit, old)) and pool.streets:
            return self.address(pool)
        if "GPE" in span.labels and draw < 0.35 and len(old.split()) <= 3:
            return _like(old, self.place(pool))
        return old

    def place(self, pool: Pool) -> str:
        """A city or a country."""
        kinds = [kind for kind in (pool.cities, pool.cities, pool.countries) if kind]
        return self._random.choice(self._random.choice(kinds)) if kinds else "Geneva"

    def address(self, pool: Pool) -> str:
        """A street and its number, sometimes with a town."""
        street = self._random.choice(pool.streets)
        if self._random.random() < 0.5:
            street += self._random.choice((", ", "\n", "\n ", " ")) + self.place(pool)
            if self._random.random() < 0.5:
                street += " " + str(self._random.randint(10000, 99999))
        return street

    def _name(self, words: int, pool: Pool) -> str:
        choose = self._random.choice
        if words <= 1:
            return choose(pool.first if self._random.random() < 0.65 or not pool.last else pool.last)
        parts = [choose(pool.first)]
        if words >= 3 and self._random.random() < 0.7:
            parts.append(choose(pool.first) if self._random.random() < 0.5 else choose(pool.first)[0] + ".")
        if pool.locale in PARTICLES and self._random.random() < 0.2:
            parts.append(choose(PARTICLES[pool.locale]))
        parts.append(choose(pool.last or pool.first))
        if self._language == "es" and self._random.random() < 0.6:
            parts.append(choose(pool.last or pool.first))
        return " ".join(parts)


def _respanned(
    passage: Passage, named: Callable[[str, Span], str], told: Callable[[str], str] = lambda text: text
) -> Passage:
    """The passage with other texts in its spans and between them, asked for from left to right."""
    text, spans, last = "", [], 0
    for span in passage.spans:
        text += told(passage.text[last : span.start])
        new = named(passage.text[span.start : span.end], span)
        spans.append(replace(span, start=len(text), end=len(text) + len(new)))
        text += new
        last = span.end
    return replace(passage, text=text + told(passage.text[last:]), spans=tuple(spans))


def _like(old: str, new: str) -> str:
    """The new name in the capitals of the old one."""
    if old.islower():
        return new.lower()
    return new.upper() if old.isupper() and len(old) > 3 else new


def _recapitalised(passage: Passage, change: Callable[[str], str]) -> Passage:
    text = change(passage.text)
    return replace(passage, text=text) if len(text) == len(passage.text) else passage
