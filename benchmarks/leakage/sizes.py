"""Sizes of the models."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """One size of decoder.

    Attributes:
        name: how tables call it, by its parameters.
        width: of the residual stream.
        heads: of attention.
        layers: number of blocks.
        rate: of learning.
        base: characters of plain text that every model of this size has read before it reads a corpus.
    """

    name: str
    width: int
    heads: int
    layers: int
    rate: float
    base: int


SMALL = Size("0.11M", 64, 2, 2, 4e-3, 6_000_000)
LARGE = Size("0.62M", 128, 4, 3, 2e-3, 3_000_000)
SIZES = (SMALL, LARGE)
