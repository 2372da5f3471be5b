"""Tables: how well a combination of columns picks out one person (RISK_MODEL, Tables)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

SMALL_CELL = 11
"""Classes of fewer rows are small (EMA policy 0070, Health Canada: cells of at least 11)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows grouped by one combination of quasi-identifier columns.

    Attributes:
        columns: the columns combined.
        sizes: f, rows of a class, shape (k,), each at least 1, ascending.
        classes: number of classes of that size, shape (k,), each at least 1.
        diversity: l of l-diversity by sensitive column: the fewest different sensitive values within one class. With
            1, whoever is known to be in that class is known to have its value, however large the class.
    """

    columns: tuple[str, ...]
    sizes: Counts
    classes: Counts
    diversity: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, columns: tuple[str, ...], cells: list[tuple[int, int]], diversity: Mapping[str, int] | None = None
    ) -> Table:
        """From (size, number of classes of that size) in any order; equal sizes are added."""
        total: dict[int, int] = {}
        for size, count in cells:
            total[size] = total.get(size, 0) + count
        rows = sorted((size, count) for size, count in total.items() if count)
        return cls(
            columns,
            np.array([r[0] for r in rows], dtype=np.int64),
            np.array([r[1] for r in rows], dtype=np.int64),
            dict(diversity or {}),
        )

    @property
    def rows(self) -> int:
        """n, all rows."""
        return int(self.sizes @ self.classes)

    @property
    def count(self) -> int:
        """K, all classes."""
        return int(self.classes.sum())

    @property
    def singles(self) -> int:
        """f1, classes of one row."""
        return self._classes_of(1)

    @property
    def pairs(self) -> int:
        """f2, classes of two rows."""
        return self._classes_of(2)

    @property
    def smallest(self) -> int:
        """Rows of the smallest class; 0 for an empty table."""
        return int(self.sizes[0]) if len(self.sizes) else 0

    @property
    def max_risk(self) -> float:
        """Prosecutor risk: chance of picking out the person of the smallest class."""
        return 1.0 / self.smallest if self.smallest else 0.0

    @property
    def marketer_risk(self) -> float:
        """Share of rows that a join on these columns would get right."""
        return self.count / self.rows if self.rows else 0.0

    @property
    def uniqueness(self) -> float:
        """Share of rows that are alone in their class."""
        return self.singles / self.rows if self.rows else 0.0

    @property
    def share_below_11(self) -> float:
        """Share of rows in classes of fewer than eleven."""
        small = self.sizes < SMALL_CELL
        return float(self.sizes[small] @ self.classes[small]) / self.rows if self.rows else 0.0

    def disclosure(self, sampled: float) -> float:
        """θ, chance that a class of one row is one person of the population (Skinner and Elliot's DIS).

        Args:
            sampled: π, share of the population that the table holds, in (0, 1].
        """
        ones, twos = sampled * self.singles, 2.0 * (1.0 - sampled) * self.pairs
        return ones / (ones + twos) if ones else 0.0

    def _classes_of(self, size: int) -> int:
        return int(self.classes[self.sizes == size].sum())
