"""Calendar dates and times of day in text of seven languages, by their written forms.

A language model calls "two years" and "weekly" dates as well. What counts here names a day, a month of a year, a year
or a time of day: something a calendar or a clock shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SURE, LIKELY, POSSIBLE = 0.95, 0.85, 0.65
"""Confidence of a full date, of a form that is nearly always one, and of a time of day or a bare year or month."""

_MONTHS = """january february march april may june july august september october november december
    jan feb mar apr jun jul aug sept? oct nov dec déc
    janvier f[ée]vrier mars avril mai juin juillet ao[ûu]t septembre octobre novembre d[ée]cembre janv f[ée]vr avr juil
    enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre
    januar j[äa]nner februar m[äa]rz juni juli oktober dezember okt dez
    gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre
    januari februari maart mei augustus
    janeiro fevereiro março abril maio junho julho setembro outubro novembro dezembro""".split()

_SHORT_MONTHS = "ene abr ago dic mär mar gen mag giu lug ott mrt fev set out".split()
"""Abbreviations that are words of another language: months only between a day and a year."""

_WEEKDAYS = """monday tuesday wednesday thursday friday saturday sunday
    lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes mi[ée]rcoles jueves viernes s[áa]bado domingo
    montag dienstag mittwoch donnerstag freitag samstag sonntag sonnabend
    luned[ìi] marted[ìi] mercoled[ìi] gioved[ìi] venerd[ìi] sabato domenica
    maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
    segunda-feira ter[çc]a-feira quarta-feira quinta-feira sexta-feira""".split()


_SURE_MONTHS = "janvier février fevrier avril juillet août septembre octobre novembre décembre decembre".split()


def _any(words: Sequence[str]) -> str:
    return "(?:" + "|".join(sorted(set(words), key=lambda word: (-len(word), word))) + ")"


_MONTH = rf"(?:{_any(_MONTHS)}\b\.?)"
_ANY_MONTH = rf"(?:{_any(_MONTHS + _SHORT_MONTHS)}\b\.?)"
_WEEKDAY = rf"(?:{_any(_WEEKDAYS)}\b)"
_DAY = r"(?:(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|er|º|°|\.)?)"
_YEAR = r"(?:(?:1[6-9]|20)\d\d)"
_SHORT_YEAR = rf"(?:{_YEAR}|['’]\d\d)"
_CLOCK = r"(?:(?:[01]?\d|2[0-3])[:.h][0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?!\d)(?:\s?[ap]\.?m\b\.?)?)"
_ZONE = r"(?:\s?(?:Z|UTC|GMT)\b|\s?[+-]\d\d:?\d\d\b)"
_WHEN = rf"(?:(?:\s*,)?\s*(?:T|at|à|a\s+las|um|alle|om|às|-)?\s*{_CLOCK}{_ZONE}?)"
_OF = r"(?:\s+(?:of|de|del|di|van|do)\b)?"
_TO = r"(?:\s?[-–/]\s?|\s+(?:to|and|et|au|y|al|und|bis|e|en|tot)\s+)"
_START = r"(?<![\w./:$€£-])"
_END = r"(?![\w]|[./:-]\d)"

_FULL = re.compile(
    rf"""{_START}(?:
        (?:{_WEEKDAY},?\s+)?(?:
            \d{{4}}(?P<iso>[-/.])(?:0?[1-9]|1[0-2])(?P=iso)(?:3[01]|[12]\d|0?[1-9])(?!\d)     # 2021-03-14
          | (?:3[01]|[12]\d|0?[1-9])(?P<sep>[-/.])(?:3[01]|[12]\d|0?[1-9])(?P=sep){_YEAR}     # 14/3/2021, 3/14/2021
          | (?:3[01]|[12]\d|0[1-9])(?P<two>[-/.])(?:3[01]|[12]\d|0[1-9])(?P=two)\d\d          # 14/03/21
          | (?:3[01]|[12]\d|[1-9])/(?:3[01]|[12]\d|[1-9])/\d\d                                # 3/14/21
          | {_DAY}(?P<mid>[-/. ]){_ANY_MONTH}(?P=mid)(?:\d\d|{_YEAR})                             # 14-Mar-21
          | {_DAY}{_OF}\s+{_ANY_MONTH}(?:{_OF}\s*,?\s*{_SHORT_YEAR})                              # 14 March 2021
          | {_DAY}{_TO}{_DAY}{_OF}\s+{_ANY_MONTH}(?:{_OF}\s*,?\s*{_SHORT_YEAR})?
          | {_ANY_MONTH}\s+{_DAY}(?:{_TO}{_DAY})?\s*,?\s+{_SHORT_YEAR}                            # March 14, 2021
        ){_WHEN}?
    ){_END}""",
    re.IGNORECASE | re.VERBOSE,
)
_PART = re.compile(
    rf"""{_START}(?:
        (?:{_WEEKDAY},?\s+)?(?:the\s+)?{_DAY}{_OF}\s+{_MONTH}{_WHEN}?        # 14 March
      | (?:{_WEEKDAY},?\s+)?{_MONTH}\s+{_DAY}(?:{_TO}{_DAY})?{_WHEN}?        # March 14
      | {_MONTH}{_OF},?\s+{_SHORT_YEAR}                                      # March 2021
      | {_MONTH}-{_YEAR}                                                     # Mar-2021
      | (?:0?[1-9]|1[0-2])/{_YEAR}                                           # 03/2021
    ){_END}""",
    re.IGNORECASE | re.VERBOSE,
)
_TIME = re.compile(rf"{_START}(?:{_CLOCK}|(?:1[0-2]|0?[1-9])\s?(?:[ap]\.m\.|[ap]m\b)){_ZONE}?(?![\w:])", re.IGNORECASE)
_IN_YEAR = re.compile(
    rf"(?:\b(?:in|since|of|until|by|from|during|year|born|circa|before|after|en|depuis|année|avant|après|fin|début|"
    rf"desde|año|im|seit|jahr|nel|dal|anno|em|ano|sinds|jaar)\s+|[(\[]|(?<!\d){_YEAR}\s?[-–]\s?)(?P<year>{_YEAR})(?![\w]|[.,:/-]\d)",
    re.IGNORECASE,
)
_LONE = re.compile(rf"(?<![\w./:$€£-])(?:(?:19|20)\d\d|{_any(_SURE_MONTHS)})(?![\w]|[.,:/-]\d)", re.IGNORECASE)
_CALENDAR = re.compile(rf"\b(?:{_YEAR}|{_MONTH}|{_WEEKDAY})(?!\w)", re.IGNORECASE)
_LONE_WEEKDAY = re.compile(rf"{_START}{_WEEKDAY}{_END}", re.IGNORECASE)
_DAY_ENDING = re.compile(r"(?:day|di|tag|dag|nes|feira|dì|ica|ingo|bato?|bado|enabend|och)\b", re.IGNORECASE)
_PROMISING = re.compile(
    r"\d{4}|\d[-/:h]\d|\d\.\d+\.\d|\d\s?[ap]\.?m|jan|feb|f[ée]v|mar|mär|mrt|apr|avr|abr|ma[iyg]|mei|jui?[nl]|gi?u|lu[gi]|"
    r"ao|aug|ag[oe]|sep|set|o[ckt]t|out|nov|d[eéi][czs]|ene|gen",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")

REACH = 48
"""Code points around a digit within which a date may stand."""

_FORMS = ((_FULL, SURE), (_PART, LIKELY), (_IN_YEAR, LIKELY), (_TIME, POSSIBLE))


@dataclass(frozen=True, slots=True)
class Date:
    """Code points of a date, half-open, and how sure its form is (0 to 1)."""

    start: int
    end: int
    confidence: float


def written(text: str, alone: bool = False) -> Iterator[Date]:
    """Dates and times of day whose form alone shows it; none overlap those of a surer form.

    Args:
        text: a passage.
        alone: also take years and months that stand alone, for languages whose model knows no dates.
    """
    windows = [(start, end) for start, end in _windows(text) if _PROMISING.search(text, start, end)]
    taken: list[tuple[int, int]] = []
    for pattern, confidence in _FORMS:
        for start, end in windows:
            yield from _fresh(pattern.finditer(text, start, end), confidence, taken)
    if _DAY_ENDING.search(text):
        yield from _fresh(_LONE_WEEKDAY.finditer(text), LIKELY, taken)
    if alone:
        yield from _fresh(_LONE.finditer(text), POSSIBLE, taken)


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Ranges around digits, wide enough for any form; the forms are slow to look for in all of a text."""
    start, end = 0, -1
    for match in _DIGITS.finditer(text):
        if match.start() - REACH > end:
            if end > 0:
                yield start, end
            start = max(0, match.start() - REACH)
        end = match.end() + REACH
    if end > 0:
        yield start, end


def _fresh(matches: Iterator[re.Match[str]], confidence: float, taken: list[tuple[int, int]]) -> Iterator[Date]:
    for match in matches:
        start, end = match.span("year" if "year" in match.re.groupindex else 0)
        if all(end <= left or right <= start for left, right in taken):
            taken.append((start, end))
            yield Date(start, end, confidence)


def shows_calendar(text: str) -> bool:
    """Whether a span that a model calls a date holds a year, a month or a weekday."""
    return _CALENDAR.search(text) is not None
