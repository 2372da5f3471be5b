"""Findings of every rule in a column: screen first, verify what the screen reports."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from scanner import files
from scanner.detectors import checks, presidio, proofs
from scanner.detectors.evaluate import MARGIN, Evaluator, best_of_each, neutral, without_look_alikes
from scanner.detectors.screen import FOREIGN, Block, Bounds, Hit, Key, Screen
from scanner.entities import Entities
from scanner.model import Finding, Found, Leaf
from scanner.rules import Rule, RuleSet, parse_rules

_SMALL_CELL_BYTES = 1 << 16
_STRIDE = 1 << 10
_CONTINUATION = bytes(range(0x80, 0xC0))
_LEAST_TIMEOUT_S = 10.0
_SECONDS_PER_BYTE = 1e-5
"""Ten times what the slowest pattern that is accepted takes: only what hangs is cut off, not what is slow today."""


@dataclass(frozen=True, slots=True)
class PatternsResult:
    """Findings, and the cells in which at least one pattern ran out of time.

    Attributes:
        found: findings by cell, overlaps not resolved.
        timed_out: indices of cells that were not read whole, ascending.
    """

    found: Found
    timed_out: tuple[int, ...] = ()


def load_rules(
    rules: Path | None = None, entities: Entities | None = None, prove: bool = True, everything: bool = False
) -> RuleSet:
    """The packaged rules with those of the folder `rules` over them.

    Args:
        rules: a folder whose files are added; one that has the name of a packaged file replaces it.
        entities: what rules may find; by default what `entities.yaml` says.
        prove: run every rule's examples, and the worst case of the rules of `rules`.
        everything: run the worst case of the packaged rules too. Their own tests have done so, and a slow machine
            shall not refuse them.

    Raises:
        BadRules: with every fault of every file.
    """
    ruleset = parse_rules(
        files.rule_documents(rules),
        files.load_entities(rules) if entities is None else entities,
        checks.known,
        presidio.predefined,
        files.rules_sha256(rules),
    )
    if prove:
        proofs.prove(ruleset, lambda rule: everything or _is_from(rule, rules))
    return ruleset


def _is_from(rule: Rule, folder: Path | None) -> bool:
    return folder is not None and (folder / rule.place.partition(":")[0]).is_file()


class Patterns:
    """Every rule of a set, compiled; build one a process."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self._evaluators = [Evaluator(rule) for rule in ruleset.rules]
        self._screen = Screen(ruleset)
        self._bounds = {key: self._screen.bounds(key) for key in self._screen.supersets}

    def find(self, leaf: Leaf) -> PatternsResult:
        """Findings of every rule in each value of a leaf column."""
        return self._find(leaf.values)

    def find_in(self, texts: Sequence[str]) -> PatternsResult:
        """Findings of every rule in texts that are not cells of a column."""
        return self._find(pa.array(texts, type=pa.large_string()))

    def find_text(self, text: str) -> list[Finding]:
        """Findings in one such text.

        Raises:
            TimeoutError: a pattern ran out of time.
        """
        result = self.find_in([text])
        if result.timed_out:
            raise TimeoutError("a pattern ran out of time")
        return result.found.get(0, [])

    def find_slowly(self, leaf: Leaf) -> PatternsResult:
        """What `find` gives, without the screen: every rule over every value. For tests."""
        found: Found = {}
        timed_out: list[int] = []
        for cell, text in enumerate(leaf.values.to_pylist()):
            findings: list[Finding] = []
            for evaluator in self._evaluators:
                try:
                    findings += evaluator.find(text, _timeout_s(len(text)))
                except TimeoutError:
                    timed_out.append(cell)
            if findings:
                found[cell] = _ordered(findings)
        return PatternsResult(found, tuple(sorted(set(timed_out))))

    def _find(self, values: pa.LargeStringArray) -> PatternsResult:
        block = Block.of(values)
        by_cell: dict[int, dict[Key, list[Hit]]] = defaultdict(lambda: defaultdict(list))
        for hit in self._screen.hits(block):
            by_cell[hit.cell][hit.key].append(hit)
        foreign = sorted(cell for cell, hits in by_cell.items() if FOREIGN in hits)
        found: Found = {}
        timed_out: list[int] = []
        for cell in sorted(by_cell.keys() - set(foreign)):
            findings, complete = self._verified(_Cell(block.cell(cell)), by_cell[cell])
            if findings:
                found[cell] = findings
            if not complete:
                timed_out.append(cell)
        result = PatternsResult(found, tuple(timed_out))
        return _joined(result, self._find(_neutral(values, foreign)), foreign) if foreign else result

    def _verified(self, cell: _Cell, hits: dict[Key, list[Hit]]) -> tuple[list[Finding], bool]:
        """Findings of one cell, and whether every pattern came to its end."""
        by_rule: dict[int, list[Finding]] = defaultdict(list)
        complete = True
        for key in sorted(hits):
            try:
                by_rule[key[0]].extend(self._of_pattern(cell, key, hits[key]))
            except TimeoutError:
                complete = False
        best = (finding for findings in by_rule.values() for finding in best_of_each(iter(findings)))
        return _ordered(best), complete

    def _of_pattern(self, cell: _Cell, key: Key, hits: list[Hit]) -> Iterator[Finding]:
        rule, index = key
        evaluator = self._evaluators[rule]
        taken = 0
        for text, offset, low, last, end in _windows(cell, hits, self._bounds[key]):
            first = max(low, taken - offset)
            for stop, finding in evaluator.matches(index, text, first, last, end, _timeout_s(len(text))):
                taken = offset + stop
                if finding is not None:
                    yield finding.moved(offset)


@lru_cache(maxsize=2)
def patterns_of(ruleset: RuleSet) -> Patterns:
    """The compiled rules of a set, built once a process."""
    return Patterns(ruleset)


def _neutral(values: pa.LargeStringArray, cells: list[int]) -> pa.LargeStringArray:
    """The values of some cells, with ASCII digits in place of those of other scripts."""
    texts = values.take(pa.array(cells, type=pa.int64())).to_pylist()
    return pa.array([neutral(text) for text in texts], type=pa.large_string())


def _joined(result: PatternsResult, other: PatternsResult, cells: list[int]) -> PatternsResult:
    """`result` and what was found in other cells, whose indices are counted within `cells`."""
    found = {**result.found, **{cells[index]: findings for index, findings in other.found.items()}}
    timed_out = sorted([*result.timed_out, *(cells[index] for index in other.timed_out)])
    return PatternsResult({cell: found[cell] for cell in sorted(found)}, tuple(timed_out))


class _Window(NamedTuple):
    """A piece of a cell in which matches may begin at code points `[first, last]` of `text`.

    Attributes:
        text: the piece, with everything around those matches that can change what a rule makes of them.
        offset: code points of the cell before it.
        first: least start of a match in `text`.
        last: greatest.
        end: where the longest of them ends.
    """

    text: str
    offset: int
    first: int
    last: int
    end: int


def _windows(cell: _Cell, hits: list[Hit], bounds: Bounds | None) -> Iterator[_Window]:
    if bounds is None:
        text = cell.whole
        yield _Window(text, 0, 0, len(text), len(text))
        return
    if len(cell.raw) <= _SMALL_CELL_BYTES:
        text = cell.whole
        for hit in hits:
            first = cell.earliest(hit.first, bounds)
            last = cell.characters(hit.last) + 1
            yield _Window(text, 0, first, last, min(len(text), last + bounds.longest))
        return
    for hit in hits:
        low = cell.border(hit.first - cell.width * (bounds.before + MARGIN), -1)
        high = cell.border(hit.last + cell.width * (bounds.longest + 1 + MARGIN), 1)
        offset = cell.characters(low)
        first = cell.earliest(hit.first, bounds) - offset
        last = cell.characters(hit.last) - offset + 1
        text = cell.text(low, high)
        yield _Window(text, offset, max(0, first), last, min(len(text), last + bounds.longest))


class _Cell:
    """The bytes of one cell, and which code point stands where."""

    def __init__(self, raw: memoryview) -> None:
        self.raw = raw
        self._is_ascii = not len(raw) or bool(np.frombuffer(raw, dtype=np.uint8).max() < 0x80)
        self.width = 1 if self._is_ascii else 4
        self._counted: list[int] | None = None

    @cached_property
    def whole(self) -> str:
        """The text of the cell, as patterns see it."""
        return self.text(0, len(self.raw))

    def text(self, low: int, high: int) -> str:
        """The bytes from `low` to `high`, as patterns see them; digits of other scripts are gone by now."""
        return without_look_alikes(str(self.raw[low:high], "utf-8", "replace"))

    def characters(self, offset: int) -> int:
        """Code points that begin before a byte."""
        if self._is_ascii:
            return offset
        if self._counted is None:
            self._counted = self._counts()
        stride = offset // _STRIDE
        return self._counted[stride] + _beginnings(self.raw[stride * _STRIDE : offset])

    def earliest(self, hit: int, bounds: Bounds) -> int:
        """The code point before which no match with a hit at the byte `hit` begins."""
        first = max(0, self.characters(hit) - bounds.before)
        if bounds.holds is None or not hit:
            return first
        low = max(0, hit - self.width * bounds.before)
        return max(first, self.characters(low + len(bytes(self.raw[low : hit - 1]).rstrip(bounds.holds))))

    def border(self, offset: int, step: int) -> int:
        """The border of a code point at `offset`, or the next in direction `step`, within the cell."""
        if offset <= 0 or offset >= len(self.raw):
            return max(0, min(offset, len(self.raw)))
        while 0 < offset < len(self.raw) and self.raw[offset] & 0xC0 == 0x80:
            offset += step
        return offset

    def _counts(self) -> list[int]:
        """Code points that begin before each multiple of `_STRIDE`."""
        parts = (_beginnings(self.raw[start : start + _STRIDE]) for start in range(0, len(self.raw), _STRIDE))
        return list(itertools.accumulate(parts, initial=0))


def _beginnings(raw: memoryview) -> int:
    return len(bytes(raw).translate(None, _CONTINUATION))


def _timeout_s(size: int) -> float:
    return _LEAST_TIMEOUT_S + size * _SECONDS_PER_BYTE


def _ordered(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (finding.start, finding.end, finding.entity, finding.rule))
