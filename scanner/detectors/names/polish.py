"""From a model's spans to findings: only entities that count, trimmed to the name itself, weighed by evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from scanner.detectors.names.cues import from_capital, people, without_title
from scanner.detectors.names.dates import Date, shows_calendar, written
from scanner.detectors.names.echoes import echoed
from scanner.detectors.names.evidence import Candidate, confidence, is_code
from scanner.detectors.names.groups import groups
from scanner.detectors.names.lexicon import is_given_name, is_listed_name, is_place, is_term
from scanner.detectors.names.models import ModelSpec
from scanner.detectors.names.reader import Span
from scanner.model import Finding

MOST_WORDS = 4
"""Words that a name of a person has at most, where a list alone takes it for one."""

LONGEST_PLAIN_PLACE = 3
"""Words of a place in which one may be as in a sentence: `Will County`, `Have Valley`."""

LEAST = 0.25
"""Confidence below which a candidate is dropped: F2 gains from a finding that is right more often than this."""

LEAST_PLACE = 0.18
"""The same for a place: F2 is highest at a fifth of what it reaches, but a person is held to more, for fewer alarms."""

LEAST_GROUP = 0.5
"""The same for a group of people: beyond the words that `groups` lists, what the English model sees is seldom one."""

LEAST_IN_CODE = 0.8
"""The same for a person in source code whose name no list knows: products and headers look like names there."""

LEAST_WORD_IN_CODE = 0.5
"""The same for a person in source code that is a single word which some list has: `Grant`, `Ruby`."""

NEVER = 1.01
"""The same for what programs call things."""

_EDGE = " \t\r\n\u00a0.,;:!?\"“”«»()[]{}<>*_|/\\~`-–—=+#'‘’"
_FIELD_BORDER = re.compile(r"\s*(?:[\n\t|;<>]|\s[-–—:/]\s)\s*|\s+\S+@\S+|(?<=\w)@(?=[A-Z])|\s{3,}")
_ADDRESS = re.compile(r"@\w|://|\bwww\.")
_MEMBER_OF = re.compile(r"(?:[a-z_]\w*\.){2}$|\w(?:::|->)$")
_HAS_MEMBER = re.compile(r"\w*(?:\(\)|::|->)")
_LONGEST_PATH = 60
_HEXADECIMAL = re.compile(r"0[xX][0-9A-Fa-f]+")
_LONG_NUMBER = re.compile(r"(?<!\d)(?!\d{5}-\d{4}(?!\d))\d(?:[ ()./+-]{0,3}\d){6,}")
_SENTENCE = re.compile(
    r"\b(?:I|you|he|she|we|they|does|do|has|have|will|would|could|should|je|vous|nous|ils|elles|yo|usted|ustedes)\b"
)
"""Words that stand in what somebody says, and in no name of a place."""

_POSSESSIVE = re.compile(r"['’]s?$")


def polished(passage: str, first: Sequence[Span], again: Sequence[Span], spec: ModelSpec) -> Iterator[Finding]:
    """Findings of one passage; dates by their written form come first, and a model's date must show a calendar."""
    dates = list(written(passage, alone="DATE_TIME" not in spec.labels.values()))
    yield from _written(passage, dates)
    found = [
        Finding(one.entity, one.start, one.end, confidence(passage, one, spec.weights), rule, one.cue and one.first > 0)
        for rule in (f"names.{spec.language}",)
        for one in candidates(passage, first, again, spec, dates)
    ]
    code = any(finding.entity in ("PERSON", "LOCATION") for finding in found) and is_code(passage)
    yield from _likeliest([finding for finding in found if finding.confidence >= _least(finding, passage, code=code)])


def _least(finding: Finding, passage: str, *, code: bool) -> float:
    """Confidence below which a finding is dropped; in source code a person must be nearly sure, or of a known name."""
    if finding.entity == "NRP":
        return LEAST_GROUP
    if finding.entity == "LOCATION" and not code:
        return LEAST_PLACE
    if not code or finding.entity != "PERSON":
        return LEAST
    name = passage[finding.start : finding.end]
    if is_term(name):
        return NEVER
    if not is_listed_name(name):
        return LEAST_IN_CODE
    return LEAST if len(name.split()) > 1 else LEAST_WORD_IN_CODE


def by_form(passage: str) -> Iterator[Finding]:
    """Findings of a passage in a language that has no model: dates, and words for groups of people."""
    yield from _written(passage, list(written(passage, alone=True)))


def _written(passage: str, dates: Sequence[Date]) -> Iterator[Finding]:
    yield from (Finding("DATE_TIME", date.start, date.end, date.confidence, "names.date") for date in dates)
    yield from (Finding("NRP", group.start, group.end, group.confidence, "names.group") for group in groups(passage))


def candidates(
    passage: str, first: Sequence[Span], again: Sequence[Span], spec: ModelSpec, dates: Sequence[Date] = ()
) -> list[Candidate]:
    """Spans that may be entities, by position: what the model saw, what it saw again, what cues and lists point at.

    None of one entity overlap; where two entities are possible, both are there, each told how likely the other is.
    """
    kept = [
        candidate
        for candidate in _seen(passage, first, spec)
        if not any(date.start < candidate.end and candidate.start < date.end for date in dates)
    ]
    for candidate in _seen(passage, again, spec):
        _merge(kept, replace(candidate, first=0.0, again=candidate.first))
    for start, end in people(passage):
        _merge(kept, Candidate("PERSON", *trimmed(passage, start, end), cue=True))
    kept += [other for candidate in kept for other in _otherwise(passage, candidate, kept)]
    kept = [replace(candidate, other=_of_another(candidate, kept)) for candidate in kept]
    return echoed(passage, sorted(kept, key=lambda candidate: (candidate.start, candidate.end, candidate.entity)))


def _otherwise(passage: str, candidate: Candidate, others: Sequence[Candidate]) -> Iterator[Candidate]:
    """What the word lists take a candidate for where the model took it for something else only."""
    span = passage[candidate.start : candidate.end]
    words = span.split()
    entity = ""
    if candidate.entity == "PERSON" and is_place(span) and not candidate.cue:
        entity = "LOCATION"
    if candidate.entity == "LOCATION" and is_given_name(words[0]) and len(words) <= MOST_WORDS:
        entity = "PERSON"
    if entity and not any(other.entity == entity and _overlap(other, candidate) for other in others):
        yield Candidate(entity, candidate.start, candidate.end)


def _of_another(candidate: Candidate, others: Sequence[Candidate]) -> float:
    """Probability of the likeliest other entity at a candidate's place, 0 where there is none."""
    return max(
        (max(o.first, o.again) for o in others if o.entity != candidate.entity and _overlap(o, candidate)), default=0.0
    )


def _overlap(one: Candidate, other: Candidate) -> bool:
    return one.start < other.end and other.start < one.end


def _likeliest(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Of findings that overlap, the most confident one."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (-one.confidence, one.start, one.entity)):
        if all(finding.end <= other.start or other.end <= finding.start for other in kept):
            kept.append(finding)
    yield from sorted(kept, key=lambda one: one.start)


def _seen(passage: str, spans: Iterable[Span], spec: ModelSpec) -> Iterator[Candidate]:
    for span in spans:
        entity = spec.labels.get(span.label)
        for start, end in fields(passage, span.start, span.end) if entity is not None else ():
            if entity == "PERSON":
                start = from_capital(passage, start, end)
            if _can_be(str(entity), passage[start:end]) and not _is_identifier(passage, start, end):
                yield Candidate(str(entity), start, end, first=span.probability)


def _can_be(entity: str, span: str) -> bool:
    """Whether a span has what every date and place has: a calendar; letters, and no number as long as a telephone's."""
    if entity == "DATE_TIME":
        return shows_calendar(span)
    if entity == "LOCATION":
        is_number = _LONG_NUMBER.search(span) is not None or _HEXADECIMAL.fullmatch(span) is not None
        is_said = len(span.split()) > LONGEST_PLAIN_PLACE and _SENTENCE.search(span) is not None
        return any(map(str.isalpha, span)) and not is_number and not is_said
    return True


def _is_identifier(passage: str, start: int, end: int) -> bool:
    """Whether a span is a part of a path that programs name things by: `org.example.Server`, `Worker::run`, `Run()`."""
    before = passage[max(0, start - _LONGEST_PATH) : start]
    return _MEMBER_OF.search(before) is not None or _HAS_MEMBER.match(passage, end) is not None


def fields(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a span that runs over lines or fields of a table, each trimmed; net addresses are left out."""
    borders = [match.span() for match in _FIELD_BORDER.finditer(text, start, end)]
    starts, ends = [start, *(right for _, right in borders)], [*(left for left, _ in borders), end]
    for left, right in zip(starts, ends, strict=True):
        left, right = trimmed(text, left, right)
        left = without_title(text, left, right)
        part = text[left:right]
        if any(map(str.isalnum, part)) and not _ADDRESS.search(part):
            yield left, right


def _merge(kept: list[Candidate], other: Candidate) -> None:
    """Add a candidate, or its evidence to the first one of the same entity that it overlaps."""
    same = [index for index, old in enumerate(kept) if old.entity == other.entity and _overlap(old, other)]
    if same:
        old = kept[same[0]]
        kept[same[0]] = replace(old, again=max(old.again, other.again), cue=old.cue or other.cue)
    elif other.start < other.end:
        kept.append(other)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without punctuation, white space and possessive endings at its edges; empty when nothing is left."""
    core = text[start:end]
    kept = core.lstrip(_EDGE)
    start += len(core) - len(kept)
    kept = _POSSESSIVE.sub("", kept.rstrip(_EDGE)).rstrip(_EDGE)
    return start, start + len(kept)
