"""What a worker writes for one unit: its spans and its value table, streamed and then put in place whole."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scanner import spans, values
from scanner.atomic import replacing
from scanner.model import Finding, Linkage, confidence_bin
from scanner.rows import table_of

SPANS_IN_MEMORY = 8_192
VALUES_IN_MEMORY = 262_144
"""A value table beyond this is written in several parts: equal fingerprints are added when tables merge."""


@dataclass(slots=True)
class _Value:
    occurrences: int = 0
    pairs: int = 0
    linkage: int = 0
    confidence_bin: int = 0


@dataclass(slots=True)
class Recorder:
    """Writes the findings of one unit; use it as a context.

    Leaving the context well puts both files in place; leaving it by an error leaves no trace of them.

    Attributes:
        shard: path of the shard as the evidence names it.
        spans_file: where the spans go.
        values_file: where the value table goes.
    """

    shard: str
    spans_file: Path
    values_file: Path
    _spans: list[tuple[Any, ...]] = field(default_factory=list, init=False)
    _values: dict[tuple[str, str, bool, bytes], _Value] = field(default_factory=dict, init=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False)
    _spans_writer: Any = field(default=None, init=False)
    _values_writer: Any = field(default=None, init=False)

    def __enter__(self) -> Recorder:
        with ExitStack() as stack:
            self._spans_writer = _open(stack, self.spans_file, spans.SCHEMA)
            self._values_writer = _open(stack, self.values_file, values.SCHEMA)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is None:
            self._flush_spans()
            self._flush_values()
        return self._stack.__exit__(kind, error, trace)

    def finding(self, row: int, column: str, item: int, finding: Finding, fingerprint: bytes, linkage: Linkage) -> None:
        """Record one finding in both files."""
        self._spans.append(
            (
                self.shard,
                row,
                column,
                item,
                finding.start,
                finding.end,
                finding.entity,
                finding.rule,
                finding.confidence,
                finding.verified,
                fingerprint,
            )
        )
        if len(self._spans) >= SPANS_IN_MEMORY:
            self._flush_spans()
        self.value(
            finding.entity, column, fingerprint, linkage, finding.confidence, documentation=finding.documentation
        )

    def value(
        self,
        entity: str,
        column: str,
        fingerprint: bytes,
        linkage: Linkage,
        confidence: float,
        *,
        documentation: bool = False,
        occurrences: int = 1,
    ) -> None:
        """Count occurrences of a value in the value table alone, as for bundles and quasi-identifier groups."""
        value = self._values.setdefault((entity, column, documentation, fingerprint), _Value())
        value.occurrences += occurrences
        value.pairs += occurrences if linkage else 0
        value.linkage = max(value.linkage, linkage)
        value.confidence_bin = max(value.confidence_bin, confidence_bin(confidence))
        if len(self._values) >= VALUES_IN_MEMORY:
            self._flush_values()

    def _flush_spans(self) -> None:
        self._spans_writer.write_table(table_of(self._spans, spans.SCHEMA))
        self._spans.clear()

    def _flush_values(self) -> None:
        counted = sorted(
            (*key, value.occurrences, value.pairs, value.linkage, value.confidence_bin)
            for key, value in self._values.items()
        )
        self._values_writer.write_table(table_of(counted, values.SCHEMA))
        self._values.clear()


def _open(stack: ExitStack, file: Path, schema: pa.Schema) -> Any:
    """A Parquet writer whose file appears under its name when the stack unwinds well."""
    draft = stack.enter_context(replacing(file))
    return stack.enter_context(pq.ParquetWriter(draft, schema, compression="zstd"))
