r"""Turn a pattern into a Hyperscan expression over UTF-8 bytes that misses none of its matches.

Python's `\w`, `\s`, `.` and negated classes take in code points of two to four bytes; the expression takes their
first bytes and any continuation bytes. Digits are ASCII: `evaluate.neutral` makes them so. Assertions are dropped,
except where one byte before or after the match can stand for them. What is common at either end is left out where
the rest is rare enough, and repeats at the end are cut to their least count. So every match has a reported position
`p` (the end offset) with `start <= p <= end + 1` in bytes, and reported positions without a match are for the
verifier to turn down.
"""

from __future__ import annotations

import math
import re
import re._constants as op  # type: ignore[import-not-found]
import re._parser as sre  # type: ignore[import-not-found]
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from scanner.detectors.digits import needs_cluster

RARE = "rare"
"""Name of a group at which the expression begins: for where an author has measured what the weights do not tell, such
as that Hyperscan follows everything that begins with a capital or a short word."""

ANY_BYTE = frozenset(range(256))
_ASCII = frozenset(range(128))
_LEADS = frozenset(range(0xC2, 0xF5))
_CONTINUATION = frozenset(range(0x80, 0xC0))
_WORD = frozenset(map(ord, string.ascii_letters + string.digits + "_"))
_DIGIT = frozenset(map(ord, string.digits))
_SPACE = frozenset(map(ord, " \t\n\r\f\v\x1c\x1d\x1e\x1f"))
_SPACE_LEADS = frozenset((0xC2, 0xE1, 0xE2, 0xE3))
_CATEGORIES = {
    op.CATEGORY_WORD: _WORD | _LEADS,
    op.CATEGORY_DIGIT: _DIGIT,
    op.CATEGORY_SPACE: _SPACE | _SPACE_LEADS,
    op.CATEGORY_NOT_WORD: (_ASCII - _WORD) | _LEADS,
    op.CATEGORY_NOT_DIGIT: (_ASCII - _DIGIT) | _LEADS,
    op.CATEGORY_NOT_SPACE: (_ASCII - _SPACE) | _LEADS,
}
_NOT_IN_RE = re.compile(r"\[:\^?[a-z]+:\]|\{[eidsc\d+*,\s]*(?:[eidsc]\s*<|<=?\s*[eidsc])|\(\?[a-zA-Z]*V")
"""Syntax of the `regex` module that `re` would read as something else: POSIX classes, fuzzy counts, version 1."""
_GLOBAL_FLAGS = re.compile(r"\(\?([imsxu]+)\)")
_RARE_BITS = 36.0
_FOLLOWING, _VERIFYING = 1.0, 10_000.0
_CUT, _INDEPENDENCE = 3.0, 0.8
_LOW_COST = 0.02
_BEGINNING = 4
_LITTLE = 4
_MOST_WEIGHED = 40
_FEW = 4
_UNBOUNDED = 100_000
_LARGEST_REPEAT = 12
_LARGEST_GROUP_REPEAT = 2
_EXPENSIVE_REPEAT = 16
_FAR, _MOST_TEXT_BITS = 32, 0.15
_REMEMBERED = 1 << 14
_MOST_CASED = 1024
"""Code points of a range that are asked for their other cases; of a larger one every byte counts."""
_LAST_CASED = 0x1FFFF
"""No letter beyond has another case: Unicode 16 ends with Adlam at U+1E943."""


@dataclass(frozen=True, slots=True)
class Superset:
    """A pattern as the screen and the windows need it.

    Attributes:
        expression: for Hyperscan, over bytes, with DOTALL; None where only a look at every cell will do.
        caseless: whether the expression ignores the case of ASCII letters.
        longest: greatest number of code points that a match may have; None if there is no bound.
        before: greatest number of code points from the start of a match to its reported position; None likewise.
        reach: greatest number of code points that an assertion looks beyond the match; None if there is no bound.
        clustered: whether every match holds a cluster of digits (`digits.clusters`).
        holds: bytes of which a match is made up to its reported position, less the last; None where that tells
            little of where it begins.
    """

    expression: bytes | None
    caseless: bool
    longest: int | None
    before: int | None
    reach: int | None
    clustered: bool = False
    holds: bytes | None = None


_EVERYWHERE = Superset(None, False, None, None, None)


def superset(pattern: str, flags: int) -> Superset:
    """What the screen may look for in place of `pattern`, compiled with `flags` of the `regex` module."""
    try:
        if _NOT_IN_RE.search(pattern):
            return _EVERYWHERE
        pattern, flags = _hoisted(pattern, flags & int(re.I | re.M | re.S | re.X))
        tree = sre.parse(pattern, flags)
    except (re.error, RecursionError, OverflowError):
        return _EVERYWHERE
    caseless = bool(tree.state.flags & re.I) or _ignores_case(tree)
    longest = tree.getwidth()[1]
    translator = _Translator(caseless)
    expression = translator.whole(tree)
    return Superset(
        expression=expression.encode("ascii") if tree.getwidth()[0] > 0 else None,
        caseless=caseless,
        longest=_bounded(longest),
        before=_bounded(translator.before),
        reach=_reach(tree),
        clustered=needs_cluster(list(tree), translator.charset),
        holds=translator.telling(),
    )


def _bounded(width: int) -> int | None:
    """A width in code points, or None for one that the parser gives in place of "any"."""
    return width if width < _UNBOUNDED else None


def _hoisted(pattern: str, flags: int) -> tuple[str, int]:
    """The `regex` module lets a global flag stand anywhere; `re` only at the front."""
    for letters in _GLOBAL_FLAGS.findall(pattern):
        for letter in letters:
            flags |= int(getattr(re, letter.upper()))
    return _GLOBAL_FLAGS.sub("", pattern), flags


def _children(node: Any) -> Iterable[Any]:
    """Sub-patterns of a parsed item."""
    if isinstance(node, sre.SubPattern):
        yield node
    elif isinstance(node, tuple | list):
        for part in node:
            yield from _children(part)


def _items(tree: Any) -> Iterable[tuple[Any, Any]]:
    """Every parsed item of a tree, depth first."""
    for item in tree:
        yield item
        for child in _children(item[1]):
            yield from _items(child)


def _ignores_case(tree: Any) -> bool:
    return any(kind is op.SUBPATTERN and argument[1] & re.I for kind, argument in _items(tree))


def _reach(tree: Any) -> int | None:
    widths = [argument[1].getwidth()[1] for kind, argument in _items(tree) if kind in (op.ASSERT, op.ASSERT_NOT)]
    widest = max(widths, default=1)
    return _bounded(widest)


class _Translator:
    """Writes the byte expression of a parsed pattern."""

    def __init__(self, caseless: bool) -> None:
        self._caseless = caseless
        self._groups: dict[int, str] = {}
        self._weights: dict[tuple[int, int], _Weight] = {}
        self._charsets: dict[int, tuple[Any, frozenset[int] | None]] = {}
        self._rare: int | None = None
        self.before = 0
        self.holds = ANY_BYTE

    def whole(self, tree: Any) -> str:
        """Expression of a whole pattern.

        `before` is then the greatest distance from its start to where it ends, `holds` every byte in between.
        """
        self._rare = tree.state.groupdict.get(RARE)
        items = [item for item in tree if _consumes(item)]
        _, high = self._rarest(items, True, True) if items else (0, 0)
        self.before = sre.SubPattern(tree.state, [*items[: high - 1], *map(_cut, items[high - 1 : high])]).getwidth()[1]
        self.holds = self._bytes_of(items[:high])
        return self.sequence(list(tree), start=True, end=True)

    def telling(self) -> bytes | None:
        """What `holds` is, if it tells more of where a match begins than `before` alone."""
        tells = self.before > _FAR and _bits(self.holds) > _MOST_TEXT_BITS
        return bytes(sorted(self.holds)) if tells else None

    def sequence(self, items: Sequence[tuple[Any, Any]], start: bool, end: bool) -> str:
        """Expression of items in a row.

        Args:
            items: as the parser gives them.
            start: nothing of the match stands before them.
            end: nothing of the match stands after them.
        """
        consuming = [index for index, item in enumerate(items) if _consumes(item)]
        if not consuming:
            return ""
        low, high = self._rarest([items[index] for index in consuming], start, end)
        first, last = consuming[low], consuming[high - 1]
        into = consuming[low - 1] + 1 if low else 0
        out_of = consuming[high] if high < len(consuming) else len(items)
        before = self._edges(items[into:first], items[first], True) if start else ""
        after = (
            self._edges(items[last + 1 : out_of], items[last], False) if end and not _open_ended(items[last]) else ""
        )
        for index in consuming[:low]:
            self._item(items[index], False, False)
        written = [
            self._item(items[index], start and index == first and not before, end and index == last and not after)
            for index in consuming[low:high]
        ]
        return before + "".join(written) + after

    def _rarest(self, items: Sequence[tuple[Any, Any]], start: bool, end: bool) -> tuple[int, int]:
        """Which run of items the automaton had better look for: it must begin rarely and be rare as a whole.

        Args:
            items: those that take text.
            start: whether items may be left out at the front.
            end: whether they may at the back.
        """
        costs = [self._cost(items[index:], cut=index > 0) for index in range(len(items) if start else 1)]
        enough = max(min(costs) * 2, _LOW_COST)
        cheap = next(index for index, cost in enumerate(costs) if cost <= enough or not start)
        low = next((index for index in range(len(costs)) if self._is_named_rare(items[index])), cheap)
        high = len(items)
        if end:
            longer = range(low + 1, high)
            high = next((index for index in longer if self._is_enough(items, low, index)), high)
        return low, high

    def _is_named_rare(self, item: tuple[Any, Any]) -> bool:
        kind, argument = item
        return self._rare is not None and kind is op.SUBPATTERN and argument[0] == self._rare

    def _is_enough(self, items: Sequence[tuple[Any, Any]], low: int, high: int) -> bool:
        """Whether items from `low` to `high` are rare enough, or all that follow may be absent."""
        return self._weight(items[low:high]).bits >= _RARE_BITS or self._weight(items[high:], 1).chars == 0

    def _cost(self, items: Sequence[tuple[Any, Any]], cut: bool) -> float:
        """What looking for items costs for a byte of text: following what begins, and verifying what is reported.

        What was cut away, and the assertion before it, would have turned down some of what is reported.
        """
        begun = self._weight(_firm(items), _BEGINNING)
        if self._weight(items[:1], 1).chars == 0:
            return math.inf
        reported = 2.0 ** (-_INDEPENDENCE * self._weight(items).bits)
        return float(_FOLLOWING * 2.0**-begun.bits + _VERIFYING * reported * (_CUT if cut else 1.0))

    def _weight(self, items: Iterable[tuple[Any, Any]], limit: int = _MOST_WEIGHED) -> _Weight:
        """How rare a shortest text of items in a row is, looking at no more than `limit` of its code points."""
        weight = _Weight()
        for item in items:
            if weight.chars >= limit:
                break
            if _consumes(item):
                weight = self._followed(weight, item, limit - weight.chars)
        return weight

    def _followed(self, weight: _Weight, item: tuple[Any, Any], limit: int) -> _Weight:
        if (charset := self.charset(item)) is not None:
            return weight.then(charset)
        key = id(item), limit
        if key not in self._weights:
            self._weights[key] = self._composed(item, limit)
        return weight.joined(self._weights[key])

    def _composed(self, item: tuple[Any, Any], limit: int) -> _Weight:
        """The weight of an item that is made of others."""
        kind, argument = item
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            inner = [item for item in argument[2] if _consumes(item)]
            return self._weight(inner * min(argument[0], limit), limit)
        if kind in (op.SUBPATTERN, op.ATOMIC_GROUP):
            return self._weight(argument[3] if kind is op.SUBPATTERN else argument, limit)
        if kind is op.BRANCH:
            return _either([self._weight(branch, limit) for branch in argument[1]])
        return _Weight()

    def _item(self, item: tuple[Any, Any], start: bool, end: bool) -> str:
        kind, argument = item
        if kind is op.LITERAL and self._caseless:
            return _escaped(argument) if argument < 0x80 else _any_case(argument)
        if (charset := self.charset(item)) is not None:
            return _one(charset)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, inner = argument
            return self._repeat(least, most, inner, end)
        if kind is op.SUBPATTERN:
            group, _, _, inner = argument
            written = "(?:" + self.sequence(list(inner), start, end) + ")"
            if group is not None:
                self._groups[group] = "(?:" + self.sequence(list(inner), False, False) + ")"
            return written
        if kind is op.ATOMIC_GROUP:
            return "(?:" + self.sequence(list(argument), start, end) + ")"
        if kind is op.BRANCH:
            return "(?:" + "|".join(self.sequence(list(branch), start, end) for branch in argument[1]) + ")"
        if kind is op.GROUPREF:
            return self._groups.get(argument, _class(ANY_BYTE) + "*")
        if kind is op.GROUPREF_EXISTS:
            branches = (list(branch) if branch else [] for branch in argument[1:])
            return "(?:" + "|".join(self.sequence(branch, False, False) for branch in branches) + ")"
        return _class(ANY_BYTE) + "*"

    def _repeat(self, least: int, most: Any, inner: Any, end: bool) -> str:
        unbounded = most is op.MAXREPEAT
        charset = self.charset(inner[0]) if len(inner) == 1 else None
        if end and (unbounded or most > _EXPENSIVE_REPEAT):
            if charset is not None and max(charset) < 0x80:
                return _one(charset) + _count(least, least)  # "or more" would report every place after the least, too
            unbounded, most = False, least
        if charset is None:
            body = "(?:" + self.sequence(list(inner), False, False) + ")"
            return body + _count(least, None if unbounded or most > _LARGEST_GROUP_REPEAT else most)
        most = None if unbounded else most
        if charset >= _LEADS:
            return _class(charset | _CONTINUATION) + _count(least, _within(most * 4 if most is not None else None))
        return _one(charset) + _count(least, _within(most))

    def _bytes_of(self, items: Iterable[tuple[Any, Any]]) -> frozenset[int]:
        """Every byte that texts of items in a row may hold."""
        held = frozenset().union(*(self._bytes_in(item) for item in items if _consumes(item)))
        return held | _CONTINUATION if held - _ASCII else held

    def _bytes_in(self, item: tuple[Any, Any]) -> frozenset[int]:
        kind, argument = item
        if (charset := self.charset(item)) is not None:
            return charset
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self._bytes_of(argument[2])
        if kind in (op.SUBPATTERN, op.ATOMIC_GROUP):
            return self._bytes_of(argument[3] if kind is op.SUBPATTERN else argument)
        if kind is op.BRANCH:
            return frozenset().union(*map(self._bytes_of, argument[1]))
        return ANY_BYTE

    def charset(self, item: tuple[Any, Any]) -> frozenset[int] | None:
        """First bytes of the one code point that an item takes; None if it takes another number of them."""
        known = self._charsets.get(id(item))
        if known is None:
            known = self._charsets[id(item)] = item, self._charset(item)  # held: another may not take its place
        return known[1]

    def _charset(self, item: tuple[Any, Any]) -> frozenset[int] | None:
        kind, argument = item
        if kind is op.LITERAL:
            return _literal(argument, self._caseless)
        if kind is op.NOT_LITERAL:
            return (_ASCII - _cased(_first_bytes(argument, argument, False), self._caseless)) | _LEADS
        if kind is op.ANY:
            return _ASCII | _LEADS
        if kind is op.IN:
            return _set(tuple(argument), self._caseless)
        if kind is op.SUBPATTERN and len(argument[3]) == 1 and argument[0] is None:
            return self.charset(argument[3][0])
        return None

    def _edges(self, assertions: Sequence[tuple[Any, Any]], neighbour: tuple[Any, Any], before: bool) -> str:
        """The first assertion that one byte can stand for; more bytes would ask for more than the pattern does."""
        edges = (self._edge(item, neighbour, before) for item in assertions)
        return next((edge for edge in edges if edge), "")

    def _edge(self, item: tuple[Any, Any], neighbour: tuple[Any, Any], before: bool) -> str:
        """One byte beside the match in place of an assertion there; "" where none can stand for it."""
        kind, argument = item
        if kind is op.AT and argument is op.AT_BOUNDARY:
            charset = self._rim(neighbour, before)
            return _class(ANY_BYTE - _WORD) if charset is not None and charset <= _WORD | _LEADS else ""
        if kind not in (op.ASSERT, op.ASSERT_NOT) or argument[0] != (-1 if before else 1):
            return ""
        charsets = self._single(argument[1], every=kind is op.ASSERT)
        if not charsets:
            return ""
        charset = frozenset().union(*charsets)
        if kind is op.ASSERT_NOT:
            return _class(ANY_BYTE - (charset & _ASCII))
        return _class(charset | (ANY_BYTE - _ASCII)) if max(charset) >= 0x80 else _class(charset)

    def _single(self, items: Any, every: bool) -> list[frozenset[int]]:
        """First bytes of the alternatives that are one code point long; none if `every` one must be and is not."""
        if len(items) != 1:
            return []
        kind, argument = items[0]
        if kind is op.SUBPATTERN:
            return self._single(argument[3], every)
        if kind is not op.BRANCH:
            charset = self.charset(items[0])
            return [] if charset is None else [charset]
        branches = [self._single(branch, every) for branch in argument[1]]
        return [] if every and not all(branches) else [charset for branch in branches for charset in branch]

    def _rim(self, item: tuple[Any, Any], before: bool) -> frozenset[int] | None:
        """First bytes of the code points that an item may begin (or end) with, if they are all word characters."""
        kind, argument = item
        if (charset := self.charset(item)) is not None:
            return charset if _wordy(item) else None
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            return self._rim_of(argument[2], before) if argument[0] > 0 else None
        if kind is op.SUBPATTERN:
            return self._rim_of(argument[3], before)
        if kind is op.BRANCH:
            rims = [self._rim_of(branch, before) for branch in argument[1]]
            known = [rim for rim in rims if rim is not None]
            return frozenset().union(*known) if len(known) == len(rims) else None
        return None

    def _rim_of(self, items: Any, before: bool) -> frozenset[int] | None:
        items = list(items)
        return self._rim(items[0 if before else -1], before) if items else None


@dataclass(frozen=True, slots=True)
class _Weight:
    """How rare a text is: `bits` for `chars` code points, of which the last is one of `last`."""

    bits: float = 0.0
    chars: int = 0
    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()

    def then(self, charset: frozenset[int]) -> _Weight:
        """With one more code point. It adds little if it may be what came before: digits and capitals come in runs."""
        bits = _bits(charset)
        bits = min(bits, 1.0) if len(charset) > _FEW and self.last & charset else bits
        return _Weight(self.bits + bits, self.chars + 1, self.first or charset, charset)

    def joined(self, other: _Weight) -> _Weight:
        """With another text after it."""
        if other.chars == 0:
            return self
        again = len(other.first) > _FEW and bool(self.last & other.first)
        saved = max(0.0, _bits(other.first) - 1.0) if again else 0.0
        bits = self.bits + max(0.0, other.bits - saved)
        return _Weight(bits, self.chars + other.chars, self.first or other.first, other.last)


def _either(branches: Sequence[_Weight]) -> _Weight:
    share = min(1.0, sum(2.0**-branch.bits for branch in branches))
    return _Weight(
        bits=-math.log2(share),
        chars=min(branch.chars for branch in branches),
        first=frozenset().union(*(branch.first for branch in branches)),
        last=frozenset().union(*(branch.last for branch in branches)),
    )


@lru_cache(maxsize=_REMEMBERED)
def _bits(charset: frozenset[int]) -> float:
    return -math.log2(min(1.0, sum(_FREQUENCY[byte] for byte in charset) or 1e-6))


def _frequencies() -> list[float]:
    """Share of each byte in running text, roughly: what matters are orders of magnitude."""
    shares = [1e-4] * 256
    for letters, share in (
        (string.ascii_lowercase, 0.75),
        (string.ascii_uppercase, 0.03),
        (string.digits, 0.02),
        (" ", 0.16),
        ("\n.,-", 0.04),
        ("'\"()/:;_=", 0.02),
    ):
        for letter in letters:
            shares[ord(letter)] = share / len(letters)
    return shares


_FREQUENCY = _frequencies()


def _consumes(item: tuple[Any, Any]) -> bool:
    return item[0] not in (op.AT, op.ASSERT, op.ASSERT_NOT)


def _firm(items: Sequence[tuple[Any, Any]]) -> Sequence[tuple[Any, Any]]:
    """Items up to the first whose length varies much: what follows it does not tell how rarely a text begins."""
    for index, (kind, argument) in enumerate(items):
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, inner = argument
            if most is op.MAXREPEAT or (most - least) * inner.getwidth()[1] > _LITTLE:
                return items[:index] if least == 0 else items[: index + 1]
    return items


def _cut(item: tuple[Any, Any]) -> tuple[Any, Any]:
    """A last item as the expression has it: repeats at the end have their least count."""
    kind, argument = item
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT) and _open_ended(item):
        return kind, (argument[0], argument[0], argument[2])
    return item


def _open_ended(item: tuple[Any, Any]) -> bool:
    """Whether the end of an item was cut, so that what follows the match is not at hand."""
    kind, argument = item
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        most = argument[1]
        return bool(most is op.MAXREPEAT or most > _EXPENSIVE_REPEAT)
    if kind in (op.SUBPATTERN, op.ATOMIC_GROUP):
        items = list(argument[3] if kind is op.SUBPATTERN else argument)
        return not items or not _consumes(items[-1]) or _open_ended(items[-1])
    if kind is op.BRANCH:
        return any(not branch or not _consumes(branch[-1]) or _open_ended(branch[-1]) for branch in argument[1])
    return kind in (op.GROUPREF, op.GROUPREF_EXISTS)


def _wordy(item: tuple[Any, Any]) -> bool:
    """Whether the one code point of an item is always a word character."""
    kind, argument = item
    if kind is op.LITERAL:
        return chr(argument).isalnum() or argument == ord("_")
    if kind is op.SUBPATTERN:
        return _wordy(argument[3][0])
    if kind is not op.IN:
        return False
    return all(
        (member is op.LITERAL and _wordy((member, value)))
        or (member is op.RANGE and value[1] < 0x80 and set(range(value[0], value[1] + 1)) <= _WORD)
        or value in (op.CATEGORY_WORD, op.CATEGORY_DIGIT)
        for member, value in argument
    )


@lru_cache(maxsize=_REMEMBERED)
def _literal(code_point: int, caseless: bool) -> frozenset[int]:
    return _cased(_first_bytes(code_point, code_point, caseless), caseless)


@lru_cache(maxsize=_REMEMBERED)
def _set(members: tuple[tuple[Any, Any], ...], caseless: bool) -> frozenset[int]:
    """First bytes of the code points of a character class."""
    bytes_: set[int] = set()
    negated = False
    for kind, argument in members:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            bytes_ |= _first_bytes(argument, argument, caseless)
        elif kind is op.RANGE:
            bytes_ |= _first_bytes(argument[0], argument[1], caseless)
        else:
            bytes_ |= _CATEGORIES[argument]
    closed = _cased(frozenset(bytes_), caseless)
    return (_ASCII - closed) | _LEADS if negated else closed


def _cased(charset: frozenset[int], caseless: bool) -> frozenset[int]:
    if not caseless:
        return charset
    letters = {byte for byte in charset if byte < 0x80 and chr(byte).isalpha()}
    return charset | {ord(chr(byte).swapcase()) for byte in letters}


def _first_bytes(low: int, high: int, caseless: bool) -> frozenset[int]:
    """First UTF-8 bytes of the code points of a range, and of their other cases beyond ASCII."""
    found = set(range(low, min(high, 0x7F) + 1))
    if high >= 0x80:
        beyond = range(max(low, 0x80), high + 1)
        found |= set(range(_lead(beyond[0]), _lead(high) + 1))
        if caseless:
            found |= _LEADS if len(beyond) > _MOST_CASED else {_lead(form) for code in beyond for form in _forms(code)}
    return frozenset(found)


def _forms(code_point: int) -> frozenset[int]:
    """A code point beyond ASCII in every case."""
    return _cases().get(code_point, frozenset((code_point,)))


def _any_case(code_point: int) -> str:
    """Expression of a code point beyond ASCII in every case; Hyperscan without its Unicode mode knows only its own."""
    return "(?:" + "|".join("".join(map(_escaped, chr(form).encode())) for form in sorted(_forms(code_point))) + ")"


@cache
def _cases() -> dict[int, frozenset[int]]:
    """Code points that are one another's upper, lower or title case, by each of them."""
    known: dict[int, frozenset[int]] = {}
    for code in range(0x80, _LAST_CASED + 1):
        char = chr(code)
        others = {ord(other) for other in (char.lower(), char.upper(), char.title()) if len(other) == 1}
        if len(others) > 1:
            joined = frozenset().union(others, *(known.get(other, ()) for other in (code, *others)))
            known.update(dict.fromkeys(joined, joined))
    return known


def _lead(code_point: int) -> int:
    return chr(code_point).encode("utf-8", "surrogatepass")[0]


def _one(charset: frozenset[int]) -> str:
    """Expression of one code point, by its first byte."""
    if not charset:
        return r"[^\x00-\xff]"
    if max(charset) < 0x80:
        return _class(charset)
    ascii_part = _class(charset & _ASCII) + "|" if charset & _ASCII else ""
    return f"(?:{ascii_part}{_class(charset - _ASCII)}{_class(_CONTINUATION)}{{1,3}})"


def _within(most: int | None) -> int | None:
    return None if most is None or most > _LARGEST_REPEAT else most


def _count(least: int, most: int | None) -> str:
    if most is None:
        return {0: "*", 1: "+"}.get(least, f"{{{least},}}")
    return "" if least == most == 1 else f"{{{least},{most}}}" if least != most else f"{{{least}}}"


def _class(charset: frozenset[int]) -> str:
    """Character class of bytes; a single byte stands for itself."""
    if len(charset) == 1:
        return _escaped(next(iter(charset)))
    spans: list[list[int]] = []
    for byte in sorted(charset):
        if spans and spans[-1][1] == byte - 1:
            spans[-1][1] = byte
        else:
            spans.append([byte, byte])
    return "[" + "".join(f"\\x{low:02x}-\\x{high:02x}" if low != high else f"\\x{low:02x}" for low, high in spans) + "]"


def _escaped(byte: int) -> str:
    return chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"\\x{byte:02x}"
