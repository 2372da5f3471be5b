"""Lots: parts of a unit's rows. Where few units could be drawn at random, many lots can, and they tell more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LOTS = 16
"""Into how many lots the rows of a unit are dealt out in turn, so that each is like the unit as a whole."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LotCount:
    """What one lot of a unit holds.

    Attributes:
        size_bytes: of its text.
        capitals: capital letters in it, which bound how many names there can be.
        left: bytes of it that the names stage was told to leave for later.
        names: findings of entities that the names stage finds.
    """

    size_bytes: int = 0
    capitals: int = 0
    left: int = 0
    names: int = 0

    def __add__(self, other: LotCount) -> LotCount:
        return LotCount(
            self.size_bytes + other.size_bytes,
            self.capitals + other.capitals,
            self.left + other.left,
            self.names + other.names,
        )


def lots_of(rows: Rows) -> Rows:
    """The lot of each row, by its number within the shard."""
    return rows % LOTS


def among(rows: Rows, lots: Collection[int]) -> npt.NDArray[np.bool_]:
    """Which of the rows are in one of these lots."""
    return np.isin(lots_of(rows), sorted(lots))
