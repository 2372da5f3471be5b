"""Words beside a name that say it is one: greetings, signatures, titles, headers, introductions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.detectors.names.lexicon import is_given_name, is_small

_WORD = r"(?:[A-ZÀ-ÖØ-ÞĀ-Ž][\w’'-]*[\w]|[A-Z]\.|[A-Z](?![\w.]))"
_PARTICLE = r"(?:de|du|des|da|do|dos|di|del|della|la|le|van|von|der|den|ter|bin|ibn|al|el|af|zu)"
NAME = rf"(?P<name>{_WORD}(?:[^\S\n]+(?:{_PARTICLE}[^\S\n]+){{0,2}}{_WORD}){{0,3}})"

_TITLE = (
    r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Capt|Captain|Sen|Rep|Gov|Lt|Sgt|Col|Gen|Rev|Judge|Aunt|Uncle"
    r"|Mme|Mlle|Maître|Monsieur|Madame|Herr|Frau|Señora?|Sra?|Sig)"
)
_FOREIGN = r"(?:M\.(?=\s+[A-Z])|Me(?=\s+[A-Z]\.))"
_GREETING = r"(?i:dear|hi|hello|hey|hola|bonjour|cher|chère|chers|ciao|hallo|liebe[r]?)"
_FAREWELL = (
    r"(?:^|\n)[^\S\n]*(?i:(?:many |best |kind |kindest |warm |yours )?"
    r"(?:thanks|thank you|thx|regards|sincerely|truly|cheers|best|wishes|yours|love|take care"
    r"|cordialement|bien à vous))"
)
_INTRODUCTION = (
    r"(?i:\bmy name is|\bname is|\bname's|\bnamed|\bcalled|\bi am|\bi'm|\bthis is|\bje m'appelle|\bprénommée?"
    r"|\bnommée?)"
)
_FIELD = (
    r"(?i:(?:^|\n)[^\S\n>]*(?:>\s*)?(?:full |first |last |customer |patient |user )?"
    r"(?:name|nom|from|to|cc|attn|contact|author|sender|client|patient|employee)\s*:)"
)

_CUES = tuple(
    (needle, re.compile(pattern))
    for needle, pattern in (
        ("", rf"\b{_TITLE}\.?[^\S\n]+{NAME}"),
        ("M", rf"(?<!\w){_FOREIGN}[^\S\n]+{NAME}"),
        ("", rf"(?:^|\n)[^\S\n]*{_GREETING}[^\S\n]+{NAME}(?=[^\S\n]*(?:[,!:.\n-]|$))"),
        ("\n", rf"{_FAREWELL}[,.!]*[^\S\n]*\n\s*[-–—]?[^\S\n]*{NAME}(?=[^\S\n]*(?:[,.\n]|$))"),
        ("", rf"{_INTRODUCTION}[^\S\n]+{NAME}"),
        (":", rf"{_FIELD}[^\S\n]*[\"']?{NAME}"),
        ("@", rf"(?:^|[\n\"',;:])[^\S\n]*{NAME}(?:,[^\S\n]+{_WORD}(?:[^\S\n]+{_WORD})?)?[\"']?[^\S\n]*<[^<>\s]*@"),
    )
)
_NAME = re.compile(NAME)
_MAILBOX = re.compile(r"(?<![\w.+-])([\w.+-]{2,64})@\w")
OWNER_REACH = 60
"""Code points before an e-mail address in which its owner's name may stand."""

_ROLES = frozenset(
    """all sir madam team everyone everybody there friends friend customer customers colleagues colleague user users
    valued guys folks both hiring manager i the a an this that it my your our we you he she they not so just very
    sorry glad happy sure here happy going looking""".split()
)


LEAST_NAME = 3
"""Letters of a name that stands without its title."""

_LEADING = re.compile(rf"(?:{_TITLE}\.?|(?:M|Mmes|MM)\.|{_GREETING})\s+(?=\S)")


_WORDS = re.compile(r"\S+")
_SMALL = re.compile(rf"(?:(?!{_PARTICLE}\s)[a-zà-öø-ÿ]+[^\S\n]+)+(?=(?:{_PARTICLE}[^\S\n]+)*[A-ZÀ-ÖØ-Þ])")


def without_title(text: str, start: int, end: int) -> int:
    """Where a name starts within a span that may open with a title or a greeting; initials keep theirs."""
    while (match := _LEADING.match(text, start, end)) is not None and end - match.end() >= LEAST_NAME:
        start = match.end()
    return start


def from_capital(text: str, start: int, end: int) -> int:
    """Where a name starts within a span that opens with words in small letters.

    `de`, `van` and such are its own, and so is a given name: `samantha Fox`.
    """
    match = _SMALL.match(text, start, end)
    if match is None:
        return start
    given = [word.start() for word in _WORDS.finditer(match[0]) if is_given_name(word[0]) and not is_small(word[0])]
    return match.start() + given[0] if given else match.end()


def people(text: str) -> Iterator[tuple[int, int]]:
    """Half-open spans of capitalised words that a cue makes a name."""
    for needle, cue in _CUES:
        for match in cue.finditer(text) if needle in text else ():
            start, end = match.span("name")
            if text[start:end].split()[0].lower().strip(".") not in _ROLES:
                yield start, end
    if "@" in text:
        yield from _owners(text)


def _owners(text: str) -> Iterator[tuple[int, int]]:
    """Capitalised words just before an e-mail address that is spelt with two of them, or is one of them."""
    for mailbox in _MAILBOX.finditer(text):
        spelling = mailbox[1].lower()
        for match in _NAME.finditer(text, max(0, mailbox.start() - OWNER_REACH), mailbox.start()):
            words = [word.lower().strip(".'’") for word in match[0].split()]
            if sum(len(word) > 2 and word in spelling for word in words) >= 2 or spelling in words:
                yield match.span("name")
