"""How likely a span is what a model calls it: a logistic model over what can be seen of it.

The weights stand in `rules/models.yaml`, fitted by `benchmarks/fit_names.py` on labelled text.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanner.detectors.names.lexicon import is_given_name, is_place, is_small, is_surname

_PREPOSITION = re.compile(
    r"\b(?:in|at|from|to|near|of|through|across|à|en|au|aux|dans|vers)\s+(?:the\s+|la\s+|le\s+)?$", re.IGNORECASE
)
_NUMBER_BEFORE = re.compile(r"\d[\d/-]*,?\s+(?:\w+\s+)?$")
_NUMBER_AFTER = re.compile(r"[^\S\n]*,?[^\S\n]*\d")
_ODD = re.compile(r"[^\w\s.,'’&-]|_")
_CODE_NEAR = re.compile(r"[_(){}\[\]=<>/\\@#$%^&*|~`+]")

_CODE = re.compile(r"[{}\[\]();=<>_\\|$#*`&+/]")
_INDENT = re.compile(r"\s{2,}")
_STATEMENT = re.compile(
    r"""[{}]\s*$|[)\]}"'];\s*$|\w[(\[]\s*$|^\s*[\])}]+[,;]?\s*$
    |^\s*(?:import\s[\w.]+;?$|from\s\S+\simport|\#\s?(?:include|define|ifn?def|endif)\b|@\w+\(|//|/\*|</?\w[^<>]*>\s*$)
    |^\s*(?:(?:async|export|public|private|static|final|return|def|class|const|let|var|func|function)\s+){1,3}
        [\w$.]+\s?[=({:<]
    |^\s*[\w.\[\]'"]+\s?[-+|&]?=\s?\S
    |^\s*"[\w-]+"\s?:
    |^\s+at\s[\w.$<>]+\(""",
    re.VERBOSE,
)
_LEVEL = r"(?:DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|TRACE|CRITICAL)\b"
_ENTRY = re.compile(
    rf"""^\W{{0,2}}\d{{4}}-\d\d-\d\d[T\ ]\d\d:\d\d.{{0,60}}\b{_LEVEL}|^\W{{0,2}}{_LEVEL}[^\w\s]
    |^[A-Z][a-z]{{2}}\ [\ \d]\d\ \d\d:\d\d:\d\d\s\S+\s[\w./-]+(?:\[\d+\])?:
    |\s\[\d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d\s[-+]\d{{4}}\]\s\"""",
    re.VERBOSE,
)
_LIKE_CODE = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]{2}|\w[._:/]\w|^[._$@\\/]|[({=_]$|\d\w|\w\d")
_ARTICLE = re.compile(r"\b(?:the|a|an|our|my|your|this|la|le|les|l['’]|un|une|des|du|au|aux)\s*$", re.IGNORECASE)
_MAILBOX = re.compile(r"([\w.+-]{2,64})@")
_MARKS = ".,'’\"“”()"

_STREET = re.compile(
    r"""\b(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|court|ct|boulevard|blvd|way|place|square|terrace|highway|hwy
    |box|rue|quai|all[ée]e|chemin|calle|avenida|via|viale|rua|ulica|ul|ut|utca)\b
    |(?:stra(?:ss|ß)e|str|gasse|weg|platz|straat|laan|vej|v[äa]gen?|gat[aen]n?|veien|tie|katu)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words that streets bear: a number beside one is that of a house."""

_GLUED = re.compile(r"\d\.\s?\d|\d(?!(?:st|nd|rd|th)\b)[A-Za-z]{2}|[A-Za-z._]\d|\bext\b")
"""Numbers as products, measures and extensions have them: `2.5`, `24sec`, `x43`."""

LEAST_CODE, CODE_SHARE = 200, 0.02
"""Code points, and share of brackets and operators among them, from which a passage is source code."""

CODE_LINES = 0.5
"""Share of lines of the form of a statement or a log's entry from which a passage of any length is source code."""

MAILBOX_REACH = 80
"""Code points around a span in which an e-mail address speaks for it."""

FEATURES = (
    "constant", "logit", "logit_again", "one_word", "many_words", "upper", "lower", "camel", "digit", "odd", "cue",
    "own_line", "line_start", "preposition", "number_before", "number_after", "symbol_beside", "long_word",
    "short", "mailbox", "article", "code", "code_line", "like_code", "small", "given", "given_small", "surname",
    "place", "other", "other_logit", "same", "same_other", "shared",
    "number_bare", "number_glued",
)  # fmt: skip
"""What is seen of a candidate, in the order of the numbers that `seen` gives."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span that may be an entity.

    Attributes:
        entity: what it may be.
        start: first code point within its passage.
        end: one past the last.
        first: probability by the model as the text stands; 0 if it saw nothing.
        again: probability by the model after the text was given capitals; 0 if it was not or it saw nothing.
        cue: whether a word beside it says that it is a name.
        other: probability by the model of another entity at the same place; 0 if it saw none.
        same: probability of the same words as the same entity elsewhere in the passage; 0 if they are not seen.
        same_other: the same as another entity.
        shared: probability of a name elsewhere that is one of its words, or that one word is one of; 0 if none is.
    """

    entity: str
    start: int
    end: int
    first: float = 0.0
    again: float = 0.0
    cue: bool = False
    other: float = 0.0
    same: float = 0.0
    same_other: float = 0.0
    shared: float = 0.0


Weights = Mapping[str, Sequence[float]]
"""Weights in the order of `FEATURES`, by entity."""


def confidence(text: str, candidate: Candidate, weights: Weights) -> float:
    """Chance in [0, 1] that the candidate is right, rounded to a thousandth; the model's own where no weights are."""
    own = weights.get(candidate.entity)
    if own is None:
        return round(max(candidate.first, candidate.again), 3)
    total = sum(weight * value for weight, value in zip(own, seen(text, candidate), strict=True))
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, total)))), 3)


def seen(text: str, candidate: Candidate) -> tuple[float, ...]:
    """The features of a candidate."""
    start, end = candidate.start, candidate.end
    span = text[start:end]
    before, after = text[max(0, start - 24) : start], text[end : end + 8]
    words = span.split()
    line_start = not before.rpartition("\n")[2].strip() if before else True
    line_end = not after or after.lstrip(" \t,.!:").startswith("\n") or not after.strip(" \t,.!:")
    beside = before[-1:] + after[:1]
    return (
        1.0,
        _logit(candidate.first),
        _logit(candidate.again) if candidate.again else -1.0,
        float(len(words) == 1),
        float(len(words) > 3),
        float(span.isupper() and len(span) > 3),
        float(span.islower()),
        float(any(word[1:] != word[1:].lower() and not word.isupper() for word in words)),
        float(any(map(str.isdigit, span))),
        float(_ODD.search(span) is not None),
        float(candidate.cue),
        float(line_start and line_end),
        float(line_start),
        float(_PREPOSITION.search(before) is not None),
        float(_NUMBER_BEFORE.search(before) is not None),
        float(_NUMBER_AFTER.match(after) is not None),
        float(_CODE_NEAR.search(beside) is not None),
        float(max(map(len, words), default=0) > 14),
        float(len(span) < 4),
        float(_named_in_mailbox(words, text[max(0, start - MAILBOX_REACH) : end + MAILBOX_REACH])),
        float(_ARTICLE.search(before) is not None),
        min(1.0, 10 * _share_of_code(text)),
        min(1.0, 5 * _share_of_code(_line(text, start, end))),
        float(_LIKE_CODE.search(text[max(0, start - 1) : end + 1]) is not None),
        *_listed(span, words),
        float(candidate.other > 0),
        *(_logit(told) if told else 0.0 for told in _told(candidate)),
        *_numbered(span, words),
    )


def _told(candidate: Candidate) -> tuple[float, ...]:
    return candidate.other, candidate.same, candidate.same_other, candidate.shared


def _listed(span: str, words: Sequence[str]) -> tuple[float, ...]:
    """What the word lists say: share of words written small, given name, one that is a word too, surname, place."""
    bare = [word.strip(_MARKS) for word in words]
    small = [is_small(word) for word in bare]
    given = is_given_name(bare[0]) if bare else False
    return (
        sum(small) / len(small) if small else 0.0,
        float(given and not small[0]),
        float(given and small[0]),
        float(bool(bare) and is_surname(bare[-1]) and not small[-1]),
        float(is_place(span) or (len(bare) > 1 and is_place(bare[-1]))),
    )


def _numbered(span: str, words: Sequence[str]) -> tuple[float, float]:
    """What tells other numbers from that of a house: no street's word or known place is beside it, and it is glued."""
    if not any(map(str.isdigit, span)):
        return 0.0, 0.0
    bare = [word.strip(_MARKS + "#") for word in words]
    pairs = (f"{one} {two}" for one, two in itertools.pairwise(bare))
    is_alone = _STREET.search(span) is None and not any(map(is_place, (*bare, *pairs)))
    return float(is_alone), float(_GLUED.search(span) is not None)


def is_code(text: str) -> bool:
    """Whether a passage is source code, configuration or a log, not prose with a bracket in it.

    Indentation counts as one space: deep trees of settings hold more white space than brackets.
    """
    if len(text) >= LEAST_CODE and _share_of_code(_INDENT.sub(" ", text)) >= CODE_SHARE:
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(_is_code_line(line) for line in lines) >= max(1, CODE_LINES * len(lines))


def _is_code_line(line: str) -> bool:
    return _STATEMENT.search(line) is not None or _ENTRY.search(line) is not None


def _share_of_code(text: str) -> float:
    """Share of characters that programs hold many of and prose few."""
    return len(_CODE.findall(text)) / len(text) if text else 0.0


def _line(text: str, start: int, end: int) -> str:
    last = text.find("\n", end)
    return text[text.rfind("\n", 0, start) + 1 : last if last >= 0 else len(text)]


def _named_in_mailbox(words: Sequence[str], around: str) -> bool:
    """Whether an e-mail address close by is spelt with one of the words."""
    if "@" not in around:
        return False
    mailboxes = " ".join(_MAILBOX.findall(around)).lower()
    return any(len(word) > 2 and word.lower().strip(".,") in mailboxes for word in words)


def _logit(probability: float) -> float:
    """Log odds over four, between -1 and 1.5."""
    kept = min(max(probability, 0.018), 0.9975)
    return math.log(kept / (1 - kept)) / 4
