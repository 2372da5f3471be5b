"""Overlapping findings of one cell, resolved: each code point belongs to one finding at most.

First, a web address that ends in the name of a profile ends before it: the name says whose it is. Then two detectors
that mark nearly the same span with the same entity raise each other: verified, and of a confidence above either's. Then
the strongest finding is kept, all that overlap with it go, and so on. Stronger is:

1. the whole of another: an address that holds the place, the name or the date that another finding sees inside it;
2. the higher score: confidence, plus `VERIFIED` for a check that passed, plus `PARTICULAR` for each step of how
   particular the entity is (an e-mail address is no web address, a social security number no date), plus up to
   `LENGTH` for the share of the longest span at hand;
3. the longer, then the earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from scanner.entities import NUMBERS
from scanner.model import DOCUMENTATION, Finding

NEARLY = 0.8
"""Share of the longer of two spans that both must cover to count as the same."""

MOST_AGREED = 0.99
"""Agreement never makes certain."""

VERIFIED, PARTICULAR, LENGTH = 0.1, 0.06, 0.2
"""What a passed check, one step of `_GENERIC` and the longest span are worth, in units of confidence."""

_NUMBERS = {"PHONE_NUMBER", "GOVERNMENT_ID", *(name for name, kind in NUMBERS.items() if kind == "GOVERNMENT_ID")}
_WHOLES: dict[str, frozenset[str]] = {
    "ADDRESS": frozenset({"LOCATION", "PERSON", "DATE_TIME", "NRP"} | _NUMBERS),
    "HEALTH": frozenset({"DATE_TIME", "NRP"}),
}
"""Entities that hold others as their parts, and those that they outlive."""

_GENERIC = {
    "DATE_TIME": 0,
    "LOCATION": 1,
    "NRP": 1,
    "PERSON": 2,
    "USERNAME": 2,
    "URL": 3,
    "PHONE_NUMBER": 4,
    "BANK_ACCOUNT": 5,
    "DEVICE_ID": 5,
    "COMPANY_ID": 5,
    "GOVERNMENT_ID": 6,
    "MEDICAL_ID": 6,
    "LICENCE_NUMBER": 6,
}
"""How particular an entity is, from 0; those not named say the most."""

_MOST_PARTICULAR = 8
_SEPARATE = frozenset({"names", "column", "columns"})
"""Detectors of their own, by the first part of a rule's id. All the others are patterns, which share too much (one
shape of digits) for their agreement to count."""


def detector_of(rule: str) -> str:
    """The detector that a rule belongs to, as far as agreement goes."""
    first = rule.removeprefix(DOCUMENTATION).partition(".")[0]
    return first if first in _SEPARATE else "patterns"


def resolve(findings: Iterable[Finding], detector: Callable[[str], str] = detector_of) -> list[Finding]:
    """Findings of one cell of which no two overlap, sorted by position.

    The outcome does not depend on the order of `findings`, and resolving twice changes nothing.

    Args:
        findings: of any detectors.
        detector: the detector behind a rule; findings of two of them can agree.
    """
    kept: list[Finding] = []
    for group in _overlapping(sorted(_parted(list(findings)), key=_order)):
        kept.extend(_resolved(group, detector) if len(group) > 1 else group)
    return sorted(kept, key=_order)


def _parted(findings: Sequence[Finding]) -> Iterable[Finding]:
    """The findings, web addresses without the name of the profile that they end in, but for a last slash."""
    profiles = [finding for finding in findings if finding.entity == "USERNAME"]
    for finding in findings:
        inside = [
            profile.start
            for profile in profiles
            if finding.entity == "URL"
            and finding.start < profile.start
            and profile.end <= finding.end <= profile.end + 1
        ]
        yield replace(finding, end=min(inside)) if inside else finding


def _overlapping(findings: Sequence[Finding]) -> Iterable[list[Finding]]:
    """Runs of findings that overlap with a neighbour, from findings sorted by position."""
    group: list[Finding] = []
    reach = 0
    for finding in findings:
        if group and finding.start >= reach:
            yield group
            group, reach = [], 0
        group.append(finding)
        reach = max(reach, finding.end)
    if group:
        yield group


def _resolved(group: Sequence[Finding], detector: Callable[[str], str]) -> list[Finding]:
    agreed = _agreed(group, detector)
    kept: list[Finding] = []
    for finding in sorted(agreed, key=lambda finding: _strength(finding, agreed), reverse=True):
        if all(finding.end <= other.start or other.end <= finding.start for other in kept):
            kept.append(finding)
    return kept


def _agreed(group: Sequence[Finding], detector: Callable[[str], str]) -> list[Finding]:
    """The findings, each raised by the best one of every other detector that marks nearly the same."""
    return [_raised(finding, group, detector) for finding in group]


def _raised(finding: Finding, group: Sequence[Finding], detector: Callable[[str], str]) -> Finding:
    """Noisy-or: both are wrong only if each is, were they independent."""
    own = detector(finding.rule)
    best: dict[str, float] = {}
    for other in group:
        if other.entity == finding.entity and (name := detector(other.rule)) != own and _nearly_same(finding, other):
            best[name] = max(best.get(name, 0.0), other.confidence)
    if not best:
        return finding
    doubt = 1.0 - finding.confidence
    for name in sorted(best):
        doubt *= 1.0 - best[name]
    confidence = max(finding.confidence, min(MOST_AGREED, 1.0 - doubt))
    return replace(finding, confidence=round(confidence, 4), verified=True)


def _nearly_same(one: Finding, other: Finding) -> bool:
    shared = min(one.end, other.end) - max(one.start, other.start)
    longer = max(one.end - one.start, other.end - other.start)
    return shared >= NEARLY * longer


def _strength(finding: Finding, group: Sequence[Finding]) -> tuple[bool, float, int, int, str, str]:
    length = finding.end - finding.start
    longest = max(other.end - other.start for other in group)
    score = (
        finding.confidence
        + VERIFIED * finding.verified
        + PARTICULAR * _GENERIC.get(finding.entity, _MOST_PARTICULAR)
        + LENGTH * length / longest
    )
    return _is_whole(finding, group), round(score, 6), length, -finding.start, finding.entity, finding.rule


def _is_whole(finding: Finding, group: Sequence[Finding]) -> bool:
    """Whether another finding is a part of this one and one that it outlives."""
    parts = _WHOLES.get(finding.entity, frozenset())
    return any(other.entity in parts and finding.start <= other.start and other.end <= finding.end for other in group)


def _order(finding: Finding) -> tuple[int, int, str, str, float, bool]:
    return finding.start, finding.end, finding.entity, finding.rule, finding.confidence, finding.verified
