"""Value tables and their histogram: the integer state that the risk model sees.

A value table has one row for each distinct value of an (entity, column), with its exact number of occurrences.
Tables of parts merge by fingerprint; only the merged table may be made into a histogram, since a value that
stands in two parts would otherwise count as two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scanner.spans import FINGERPRINT_BYTES

SCHEMA = pa.schema(
    [
        pa.field("entity", pa.string(), nullable=False),
        pa.field("column", pa.string(), nullable=False),
        pa.field("documentation", pa.bool_(), nullable=False),
        pa.field("fingerprint", pa.binary(FINGERPRINT_BYTES), nullable=False),
        pa.field("occurrences", pa.int64(), nullable=False),
        pa.field("pairs", pa.int64(), nullable=False),
        pa.field("linkage", pa.int8(), nullable=False),
        pa.field("confidence_bin", pa.int8(), nullable=False),
    ]
)
"""`values/*.parquet`. `pairs` counts the occurrences that stand beside another identifier of the same person;
`linkage` is the strongest and `confidence_bin` the highest over the occurrences."""

QUASI = "QUASI_IDENTIFIERS"
"""Entity of the groups of rows that share one tuple of quasi-identifiers. `column` joins the columns by `+`,
`occurrences` is the group's size. Not an identifier of its own: it feeds the tables part of the risk model."""

SENSITIVE_JOINT = ">"
"""Stands in `column` between the joined columns of a table and a sensitive column, for rows that tell which sensitive
values each group holds: the fingerprint's first half is the group's, its second half the value's."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many distinct values were seen how often: n[entity, linkage, confidence, d].

    Columns of equal length k, in canonical order (sorted by entity, linkage, confidence bin, occurrences):

    Attributes:
        entity: names, shape (k,), dtype object.
        linkage: `Linkage` values, shape (k,), int8.
        confidence_bin: index into `CONFIDENCE_EDGES`, shape (k,), int8.
        occurrences: d, shape (k,), int64, at least 1.
        distinct: number of values with just these properties, shape (k,), int64. 0 stands for a value that is known to
            be there, at least so linked, sure and frequent, and that a sample of the values did not keep: it counts
            in no sum, and in every maximum.
    """

    entity: np.ndarray[tuple[int], np.dtype[np.object_]]
    linkage: np.ndarray[tuple[int], np.dtype[np.int8]]
    confidence_bin: np.ndarray[tuple[int], np.dtype[np.int8]]
    occurrences: np.ndarray[tuple[int], np.dtype[np.int64]]
    distinct: np.ndarray[tuple[int], np.dtype[np.int64]]

    @classmethod
    def of(cls, cells: list[tuple[str, int, int, int, int]]) -> Histogram:
        """From (entity, linkage, confidence bin, occurrences, distinct) in any order; equal keys are added."""
        total: dict[tuple[str, int, int, int], int] = {}
        for entity, linkage, confidence, occurrences, distinct in cells:
            key = (entity, linkage, confidence, occurrences)
            total[key] = total.get(key, 0) + distinct
        rows = sorted((*key, distinct) for key, distinct in total.items())
        columns = list(zip(*rows, strict=True)) if rows else [(), (), (), (), ()]
        return cls(
            entity=np.array(columns[0], dtype=object),
            linkage=np.array(columns[1], dtype=np.int8),
            confidence_bin=np.array(columns[2], dtype=np.int8),
            occurrences=np.array(columns[3], dtype=np.int64),
            distinct=np.array(columns[4], dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.entity)

    def cells(self) -> list[tuple[str, int, int, int, int]]:
        """The rows as plain tuples, in canonical order."""
        return list(
            zip(
                self.entity.tolist(),
                self.linkage.tolist(),
                self.confidence_bin.tolist(),
                self.occurrences.tolist(),
                self.distinct.tolist(),
                strict=True,
            )
        )
