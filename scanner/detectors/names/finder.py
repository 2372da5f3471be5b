"""Names, places, dates and groups of people in cells, language by language."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from threadpoolctl import threadpool_limits

from scanner.detectors.languages import UNKNOWN, tell
from scanner.detectors.names.casing import recased
from scanner.detectors.names.models import ModelSpec
from scanner.detectors.names.passages import Passage, split
from scanner.detectors.names.polish import by_form, polished
from scanner.detectors.names.reader import Reader, Span, reader
from scanner.model import Finding, Found, Leaf

REMEMBERED = 50_000
"""Passages whose findings are kept for when they come again."""

WINDOW = 1024
"""Passages that are held before they are read, sorted by length."""


@dataclass(frozen=True, slots=True)
class NamesResult:
    """What the models saw in one leaf.

    Attributes:
        found: findings by index of their cell.
        read_bytes: UTF-8 bytes read, by language.
        unread_bytes: UTF-8 bytes that no model could read, by language; `und` for runs that are no language.
    """

    found: Found
    read_bytes: Mapping[str, int]
    unread_bytes: Mapping[str, int]


@dataclass(slots=True)
class _Gathered:
    """A result while it grows."""

    found: Found = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)

    def result(self) -> NamesResult:
        found = {
            cell: sorted(findings, key=lambda finding: (finding.start, finding.end, finding.entity))
            for cell, findings in sorted(self.found.items())
        }
        return NamesResult(found, dict(sorted(self.read.items())), dict(sorted(self.unread.items())))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a passage stands: its cell, and the code points before it."""

    cell: int
    start: int


class Names:
    """The names stage: one model a language, loaded when its language first turns up.

    Args:
        models: what reads each language, from `parse_models`.

    Raises:
        BadModel: a model is absent or not the one whose checksum is known. Nothing is ever downloaded.
    """

    def __init__(self, models: Mapping[str, ModelSpec]) -> None:
        threadpool_limits(limits=1, user_api="blas")  # more threads cut products elsewhere, and so round otherwise
        self._models = dict(models)
        self._readers: dict[str, Reader] = {}
        self._memory: OrderedDict[bytes, tuple[Finding, ...]] = OrderedDict()
        for spec in self._models.values():
            spec.folder()

    def find(
        self, leaf: Leaf, declared: tuple[str, ...] = (), column: Sequence[str | None] | None = None
    ) -> NamesResult:
        """Findings of one leaf column.

        Args:
            leaf: the cells.
            declared: languages of the dataset; empty for telling cell by cell.
            column: declared language of each cell, where a column says so.
        """
        return self.find_texts(leaf.values.to_pylist(), declared, column)

    def find_texts(
        self, texts: Sequence[str], declared: tuple[str, ...] = (), column: Sequence[str | None] | None = None
    ) -> NamesResult:
        """The same for plain strings; a cell's findings depend on that cell and what was declared, on nothing else."""
        gathered = _Gathered()
        by_language: dict[str, list[int]] = {}
        for cell, language in enumerate(tell(texts, declared, column)):
            by_language.setdefault(language, []).append(cell)
        for language, cells in sorted(by_language.items()):
            if language in self._models:
                self._read_cells(texts, cells, language, gathered)
            else:
                unread = sum(len(texts[cell].encode()) for cell in cells)
                gathered.unread[language] = gathered.unread.get(language, 0) + unread
                self._find_by_form(texts, cells, gathered)
        return gathered.result()

    def find_text(self, text: str, language: str = "en") -> list[Finding]:
        """Findings of one text in a known language."""
        return self.find_texts([text], (language,)).found.get(0, [])

    def forget(self) -> None:
        """Drop what is remembered of passages read before; findings stay the same, they are only found anew."""
        self._memory.clear()

    @staticmethod
    def _find_by_form(texts: Sequence[str], cells: Sequence[int], gathered: _Gathered) -> None:
        """What needs no model, in cells that count as unread all the same."""
        for cell in cells:
            for passage in split(texts[cell]) if texts[cell] else ():
                piece = texts[cell][passage.start : passage.end]
                findings = [finding.moved(passage.start) for finding in by_form(piece)]
                if findings:
                    gathered.found.setdefault(cell, []).extend(findings)

    def _read_cells(self, texts: Sequence[str], cells: Sequence[int], language: str, gathered: _Gathered) -> None:
        window: dict[str, list[_Place]] = {}
        for cell in cells:
            text = texts[cell]
            for passage in split(text):
                piece = text[passage.start : passage.end]
                self._count(passage, piece, language, gathered)
                if passage.readable:
                    window.setdefault(piece, []).append(_Place(cell, passage.start))
            if len(window) >= WINDOW:
                self._read_window(window, language, gathered)
                window = {}
        self._read_window(window, language, gathered)

    @staticmethod
    def _count(passage: Passage, piece: str, language: str, gathered: _Gathered) -> None:
        counts, key = (gathered.read, language) if passage.readable else (gathered.unread, UNKNOWN)
        counts[key] = counts.get(key, 0) + len(piece.encode())

    def _read_window(self, window: Mapping[str, Sequence[_Place]], language: str, gathered: _Gathered) -> None:
        for piece, findings in self._passages(list(window), language):
            for place in window[piece] if findings else ():
                gathered.found.setdefault(place.cell, []).extend(finding.moved(place.start) for finding in findings)

    def _passages(self, pieces: Sequence[str], language: str) -> Iterator[tuple[str, tuple[Finding, ...]]]:
        """Findings of each passage, from memory where it was read before."""
        fresh: list[tuple[bytes, str]] = []
        for piece in pieces:
            key = hashlib.blake2b(f"{language}\n{piece}".encode(), digest_size=16).digest()
            if key in self._memory:
                self._memory.move_to_end(key)
                yield piece, self._memory[key]
            else:
                fresh.append((key, piece))
        fresh.sort(key=lambda entry: len(entry[1]))
        spans = self.spans([piece for _, piece in fresh], language)
        for (key, piece), (first, again) in zip(fresh, spans, strict=True):
            findings = tuple(polished(piece, first, again, self._models[language]))
            self._remember(key, findings)
            yield piece, findings

    def spans(self, pieces: Sequence[str], language: str) -> Iterator[tuple[list[Span], list[Span]]]:
        """What the model sees in each passage as it stands, and again after it was given capitals."""
        if not pieces:
            return
        if language not in self._readers:
            self._readers[language] = reader(self._models[language])
        model = self._readers[language]
        again = {piece: text for piece in pieces if (text := recased(piece, model.common)) is not None}
        second = dict(zip(again, model.read(list(again.values())), strict=True))
        for piece, spans in zip(pieces, model.read(pieces), strict=True):
            yield spans, second.get(piece, [])

    def _remember(self, key: bytes, findings: tuple[Finding, ...]) -> None:
        self._memory[key] = findings
        if len(self._memory) > REMEMBERED:
            self._memory.popitem(last=False)
