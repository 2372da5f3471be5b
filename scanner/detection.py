"""Detection: columns, patterns and names put together, from leaf columns to findings that do not overlap."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from scanner.confidence import Curves, calibrated
from scanner.detectors.columns import ColumnRules, Columns, QuasiGroups
from scanner.detectors.languages import UNKNOWN
from scanner.detectors.names import ModelSpec, Names
from scanner.detectors.patterns import Patterns, patterns_of
from scanner.encoded import DEPTH, snippets, within
from scanner.lots import among
from scanner.model import DOCUMENTATION, Finding, Found, Leaf
from scanner.resolve import resolve
from scanner.rules import RuleSet
from scanner.shards import Batch, leaf_bytes
from scanner.views import View, json_candidates, json_view

TEXT_TYPES = frozenset({"string", "large_string", "string_view", "binary", "large_binary", "binary_view"})
"""Arrow types whose values are text as they stand; others were made text because their column identifies."""

LANGUAGE_COLUMNS = frozenset({"language", "lang", "locale"})
"""Names of top-level columns that declare the language of their row."""


@dataclass(frozen=True, slots=True)
class LeafFindings:
    """What was found in a leaf, and how far the detectors got.

    Attributes:
        found: findings of each cell, sorted, without overlaps.
        characters: code points of all cells.
        names_read: bytes that the names stage read, by language.
        names_unread: bytes that only the patterns read, by language.
        timed_out: cells that a pattern gave up on.
        shown: by cell and span, the value of a finding that stands otherwise in its cell: escaped or encoded.
    """

    found: Found
    characters: int
    names_read: Mapping[str, int] = field(default_factory=dict)
    names_unread: Mapping[str, int] = field(default_factory=dict)
    timed_out: Sequence[int] = ()
    shown: Mapping[tuple[int, int, int], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """What the patterns found in encoded text: findings, their values by cell and span, cells that took too long."""

    found: Found
    shown: Mapping[tuple[int, int, int], str]
    timed_out: frozenset[int]


@dataclass(frozen=True, slots=True)
class Detection:
    """Every detector that a plan asks for; made once a process.

    Attributes:
        columns: judges whole columns.
        patterns: rules, checks, secrets.
        names: language models; None where the plan goes without.
        languages: ISO 639-1 codes that the text is declared to be written in.
        count_documentation: whether published example values count as somebody's.
        curves: what the confidence of each rule is worth.
    """

    columns: Columns
    patterns: Patterns
    names: Names | None
    languages: tuple[str, ...] = ()
    count_documentation: bool = False
    curves: Curves = field(default_factory=dict)

    def find(self, batch: Batch, lots: Collection[int] | None = None) -> list[tuple[Leaf, LeafFindings]]:
        """Findings of every leaf of a batch; the names stage reads these lots of its rows, or all."""
        declared = _declared_languages(batch)
        return [(leaf, self.find_in(leaf, declared, lots)) for leaf in batch.leaves]

    def find_in(
        self, leaf: Leaf, declared: Mapping[int, str] | None = None, lots: Collection[int] | None = None
    ) -> LeafFindings:
        """Findings of one leaf.

        Args:
            leaf: the values.
            declared: language by row, where a column of the shard says it.
            lots: those whose rows the names stage reads; None for all.
        """
        kind = self.columns.judge(leaf)
        characters = pc.sum(pc.utf8_length(leaf.values)).as_py() or 0
        if leaf.native not in TEXT_TYPES:
            return LeafFindings(self._resolved(leaf, [self.columns.find(leaf, kind)]), characters)
        readable, views = _readable(leaf)
        patterns = self.patterns.find(readable)
        decoded = self._decoded(readable)
        named, read, unread = self._named(readable if lots is None else _only(readable, lots), declared)
        shown = _shown([patterns.found, named], views) | {
            (cell, *_span(views.get(cell), start, end)): text for (cell, start, end), text in decoded.shown.items()
        }
        texts = [_to_cells(one, views) for one in (patterns.found, decoded.found, named)]
        found = self._resolved(leaf, [*texts, self.columns.find(leaf, kind)])
        timed_out = sorted({*patterns.timed_out, *decoded.timed_out})
        return LeafFindings(found, characters, read, unread, timed_out, shown)

    def quasi_groups(self, batch: Batch) -> QuasiGroups | None:
        """Rows of the batch by their tuple of quasi-identifiers; None without two such columns."""
        return self.columns.quasi_groups(batch)

    def _decoded(self, leaf: Leaf) -> _Decoded:
        """Findings of the patterns in what stands encoded in the leaf, up to `DEPTH` encodings deep."""
        found: Found = {}
        shown: dict[tuple[int, int, int], str] = {}
        timed_out: set[int] = set()
        layer = snippets(leaf.values)
        for depth in range(1, DEPTH + 1):
            if not layer:
                break
            result = self.patterns.find_in([snippet.text for snippet in layer])
            timed_out |= {layer[index].cell for index in result.timed_out}
            for index, findings in result.found.items():
                snippet = layer[index]
                for finding in findings:
                    if snippet.shows(finding.start, finding.end):
                        start, end = snippet.to_cell(finding.start, finding.end)
                        found.setdefault(snippet.cell, []).append(replace(finding, start=start, end=end))
                        shown[snippet.cell, start, end] = snippet.text[finding.start : finding.end]
            layer = within(layer) if depth < DEPTH else []
        return _Decoded(found, shown, frozenset(timed_out))

    def _named(
        self, leaf: Leaf, declared: Mapping[int, str] | None
    ) -> tuple[Found, Mapping[str, int], Mapping[str, int]]:
        if self.names is None:
            return {}, {}, {UNKNOWN: leaf_bytes(leaf)}
        column = [declared.get(int(row)) for row in leaf.rows] if declared else None
        result = self.names.find(leaf, self.languages, column)
        return result.found, result.read_bytes, result.unread_bytes

    def _resolved(self, leaf: Leaf, found: Sequence[Found]) -> Found:
        """All detectors' findings of each cell, overlaps resolved and then calibrated, as the rules compare by what
        their authors claim; documentation values as the plan wants them.
        """
        cells = sorted({index for one in found for index in one})
        resolved = {index: resolve([finding for one in found for finding in one.get(index, ())]) for index in cells}
        if self.count_documentation:
            resolved = {index: [_counted(finding) for finding in findings] for index, findings in resolved.items()}
        return {
            index: [calibrated(finding, self.curves) for finding in findings]
            for index, findings in resolved.items()
            if findings
        }


def build(
    rules: RuleSet,
    models: Mapping[str, ModelSpec],
    columns: ColumnRules,
    languages: tuple[str, ...] = (),
    *,
    count_documentation: bool = False,
    curves: Curves | None = None,
) -> Detection:
    """Detection by these rules and models; without models the names stage does not run, without curves confidence is
    what the rules claim.
    """
    return Detection(
        Columns(columns),
        patterns_of(rules),
        Names(models) if models else None,
        languages,
        count_documentation,
        curves or {},
    )


def _counted(finding: Finding) -> Finding:
    return replace(finding, rule=finding.rule.removeprefix(DOCUMENTATION))


def _only(leaf: Leaf, lots: Collection[int]) -> Leaf:
    """The leaf with the cells of all other lots empty."""
    return replace(leaf, values=pc.if_else(pa.array(among(leaf.rows, lots)), leaf.values, ""))


def _declared_languages(batch: Batch) -> Mapping[int, str] | None:
    """Language by row, from a flat column that is named for it."""
    for leaf in batch.leaves:
        if leaf.column.lower() in LANGUAGE_COLUMNS:
            return dict(zip(leaf.rows.tolist(), leaf.values.to_pylist(), strict=True))
    return None


def _readable(leaf: Leaf) -> tuple[Leaf, Mapping[int, View]]:
    """The leaf with JSON cells made readable, and how to come back from them."""
    views = {
        index: view for index in json_candidates(leaf) if (view := json_view(leaf.values[index].as_py())) is not None
    }
    if not views:
        return leaf, {}
    texts = leaf.values.to_pylist()
    for index, view in views.items():
        texts[index] = view.text
    return replace(leaf, values=pa.array(texts, pa.large_string())), views


def _to_cells(found: Found, views: Mapping[int, View]) -> Found:
    """Findings in readable text, as spans of the cells that it came from."""
    return {
        index: [_to_cell(finding, views[index]) for finding in findings] if index in views else findings
        for index, findings in found.items()
    }


def _to_cell(finding: Finding, view: View) -> Finding:
    start, end = view.to_cell(finding.start, finding.end)
    return replace(finding, start=start, end=end)


def _span(view: View | None, start: int, end: int) -> tuple[int, int]:
    return view.to_cell(start, end) if view else (start, end)


def _shown(found: Sequence[Found], views: Mapping[int, View]) -> dict[tuple[int, int, int], str]:
    """Values of the findings in views that hold an escape."""
    return {
        (index, *views[index].to_cell(finding.start, finding.end)): views[index].text[finding.start : finding.end]
        for one in found
        for index in one.keys() & views.keys()
        for finding in one[index]
        if views[index].decodes(finding.start, finding.end)
    }
