"""What a rule makes of a text: its patterns, checks, context words and exceptions. The slow twin of the screen.

The scores are Presidio's: a pattern's own score, replaced by a check, raised by a context word near the match.
"""

from __future__ import annotations

import math
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator

import regex

from scanner.detectors import checks
from scanner.model import Finding
from scanner.rules import LEAST_CONFIDENCE, PRESIDIO_FLAGS, Pattern, Rule, compiled, is_expression

TOKENS_BEFORE, TOKENS_AFTER = 8, 3
"""Words beside a match among which a context word counts."""

CONTEXT_REACH = 160
"""Code points before (half as many after) a match that are looked at for context words."""

MARGIN = 256
"""Code points beside a match that can change what a rule makes of it, if its assertions reach no further."""

_BESIDE = 24
_BOOST, _LEAST_BOOSTED = 0.35, 0.4  # Presidio's context_similarity_factor and min_score_with_context_similarity
_MOST_VERIFIED, _BOTH = 0.99, 0.03
_WORDS = regex.compile(r"[^\W_]+")
_SHORT_WORD, _LONG_WORD = 4, 5
_ONE_LINE_FLAGS = PRESIDIO_FLAGS & ~int(regex.MULTILINE)
"""For what is said of a value as a whole: `^` and `$` are its ends, which also spares a look behind every character."""
_LOOK_ALIKES = {0x212A: 0x01C0, 0x017F: 0x01C0, 0x0130: 0x01C0, 0x0131: 0x01C0}
"""The only letters beyond ASCII whose other case is ASCII. They are no part of any identifier, and a screen over
bytes would have to allow for them at every k, s and i: they count as a letter without case."""
FOREIGN_DIGITS = {
    code: ord("0") + unicodedata.decimal(chr(code))
    for code in range(0x80, sys.maxunicode + 1)
    if unicodedata.decimal(chr(code), None) is not None
}
"""Decimal digits of every other script, and the ASCII digit of the same value."""
_LOOK_ALIKE_CHARS = tuple(map(chr, _LOOK_ALIKES))


def neutral(text: str) -> str:
    """The text as patterns and checks see it, of the same length: its digits are ASCII digits."""
    return text if text.isascii() else text.translate(FOREIGN_DIGITS | _LOOK_ALIKES)


def without_look_alikes(text: str) -> str:
    """`neutral` for a text without digits of other scripts."""
    if text.isascii() or not any(char in text for char in _LOOK_ALIKE_CHARS):
        return text
    return text.translate(_LOOK_ALIKES)


class Evaluator:
    """One rule, compiled."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.patterns = [compiled(pattern.regex, pattern.flags) for pattern in rule.patterns]
        self._values = [pattern.groupindex.get("value", 0) for pattern in self.patterns]
        self._reject = [compiled(expression, PRESIDIO_FLAGS) for expression in rule.reject]
        self._before = [compiled(expression, _ONE_LINE_FLAGS) for expression in rule.reject_before]
        self._after = [compiled(expression, _ONE_LINE_FLAGS) for expression in rule.reject_after]
        self._has_exceptions = bool(
            rule.min_distinct or rule.min_entropy or self._reject or self._before or self._after
        )
        self._context = _context_needles(rule.context)
        self._published = {_bare(value) for value in rule.documentation if not is_expression(value)}
        self._examples = [
            compiled(value[1:-1], _ONE_LINE_FLAGS) for value in rule.documentation if is_expression(value)
        ]

    def find(self, text: str, timeout_s: float | None = None) -> list[Finding]:
        """Findings of every pattern over a whole text, each span once.

        Raises:
            TimeoutError: the patterns took longer than `timeout_s`.
        """
        text = neutral(text)
        found = (
            finding
            for index in range(len(self.patterns))
            for _, finding in self.matches(index, text, 0, len(text), len(text), timeout_s)
            if finding is not None
        )
        return best_of_each(found)

    def matches(
        self, index: int, text: str, first: int, last: int, end: int, timeout_s: float | None = None
    ) -> Iterator[tuple[int, Finding | None]]:
        """Matches of the pattern `index` that begin in `[first, last]`: where each ends, and what it is a finding of.

        Args:
            index: position of the pattern in the rule.
            text: the text, neutral.
            first: least start of a match, in code points.
            last: greatest start.
            end: where the reading ends; no match that begins by `last`, nor its assertions, may reach further.
            timeout_s: for the whole call.

        Raises:
            TimeoutError: it took longer.
        """
        pattern = self.rule.patterns[index]
        value = self._values[index]
        for match in self.patterns[index].finditer(text, first, end, timeout=timeout_s):
            start, stop = match.span()
            if start > last:
                return
            low, high = match.span(value)
            if low < 0:  # the group took no part
                low, high = start, stop
            yield stop, self._finding(pattern, text, low, high) if high > low else None
            if stop > last:
                return  # the next would begin there: looking for it would read on to `end` in vain

    def _finding(self, pattern: Pattern, text: str, start: int, end: int) -> Finding | None:
        value = text[start:end]
        if self._has_exceptions and self._is_rejected(value, text, start, end):
            return None
        verified, confidence = self._checked(pattern.score, value)
        if confidence <= 0:
            return None
        near = bool(self._context) and self._has_context(text, start, end)
        if self.rule.requires_context and not near:
            return None
        if near:
            confidence = self._boosted(confidence, verified)
        if confidence < LEAST_CONFIDENCE:
            return None
        finding = Finding(self.rule.entity, start, end, round(confidence, 4), self.rule.id, verified)
        return finding.as_documentation() if self._is_published(value) else finding

    def _is_rejected(self, value: str, text: str, start: int, end: int) -> bool:
        rule = self.rule
        if rule.min_distinct and len(set(value)) < rule.min_distinct:
            return True
        if rule.min_entropy and entropy(value) < rule.min_entropy:
            return True
        return (
            any(expression.fullmatch(value) for expression in self._reject)
            or any(expression.search(text[max(0, start - _BESIDE) : start]) for expression in self._before)
            or any(expression.match(text[end : end + _BESIDE]) for expression in self._after)
        )

    def _checked(self, score: float, value: str) -> tuple[bool, float]:
        """Whether a check passed, and the confidence after it; 0 where a failed check drops the finding."""
        if not self.rule.checks:
            return False, score
        results = [checks.passes(name, value, self.rule.regions) for name in self.rule.checks]
        if True in results:
            return True, self.rule.verified_score
        if None in results:
            return False, score
        return False, self.rule.unverified_score or 0.0

    def _boosted(self, confidence: float, verified: bool) -> float:
        raised = self.rule.context_score
        if raised is None:
            raised = min(1.0, max(confidence + _BOOST, _LEAST_BOOSTED))
        if not verified:
            return max(confidence, raised)
        return max(confidence, min(_MOST_VERIFIED, max(confidence, raised) + _BOTH))

    def _has_context(self, text: str, start: int, end: int) -> bool:
        before = _WORDS.findall(text[max(0, start - CONTEXT_REACH) : start].lower())[-TOKENS_BEFORE:]
        after = _WORDS.findall(text[end : end + CONTEXT_REACH // 2].lower())[:TOKENS_AFTER]
        return any(words and self._is_among(f" {' '.join(words)} ") for words in (before, after))

    def _is_among(self, tokens: str) -> bool:
        """Whether a context word is among tokens, each between spaces."""
        return any(form in tokens for word, forms in self._context if word in tokens for form in forms)

    def _is_published(self, value: str) -> bool:
        if self._published and _bare(value) in self._published:
            return True
        return bool(self._examples) and any(expression.search(value) for expression in self._examples)


def best_of_each(findings: Iterator[Finding]) -> list[Finding]:
    """One finding for each entity and span, the most confident, sorted by position."""
    best: dict[tuple[int, int, str], Finding] = {}
    for finding in findings:
        key = (finding.start, finding.end, finding.entity)
        other = best.get(key)
        if other is None or _rank(finding) > _rank(other):
            best[key] = finding
    return [best[key] for key in sorted(best)]


def entropy(value: str) -> float:
    """Shannon entropy of the characters, in bits per character; 0 for one character repeated."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())


def _rank(finding: Finding) -> tuple[bool, float, str]:
    return finding.verified, finding.confidence, finding.rule


def _bare(value: str) -> str:
    return value.replace(" ", "").replace("-", "").casefold()


def _context_needles(words: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Context words, each with the strings of which one is among tokens, each between spaces, where the word counts.

    Presidio looks for substrings, so that `card` is in `creditcard` but also in `discard`. Here a word of four
    letters or more counts as the beginning of a token, one of five or more also as its end, a shorter one whole.
    """
    known = sorted({" ".join(_WORDS.findall(word)) for word in words} - {""})
    return [(word, _forms(word)) for word in known]


def _forms(word: str) -> tuple[str, ...]:
    if len(word) < _SHORT_WORD:
        return (f" {word} ",)
    return (f" {word}", f"{word} ") if len(word) >= _LONG_WORD else (f" {word}",)
