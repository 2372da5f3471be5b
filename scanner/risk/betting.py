"""Bounds on a total of which only a part was read, that hold however often and whenever one looks.

Units are drawn one after the other without replacement, each with a chance in proportion to a weight that is known of
every unit and is at least what the unit holds. Against every total that might be, a bet is kept that cannot gain on
average if this total is the true one; a total against which a bet has ever grown by 1/α is refused, and the true one
is refused with a chance of at most α, whenever one stops (Ville's inequality). The bet on unit t with share r = x/w of
its weight, where the rest would on average have the share m:

    against totals too large   1 + c·(m − r)/(1 − m)        against totals too small   1 + c·(r − m)/m

with c averaged over a grid in (0, 1). Sources: Waudby-Smith and Ramdas, "Estimating means of bounded random
variables by betting" (2024); Shekhar and others, "Risk-limiting financial audits via weighted sampling without
replacement" (2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

AGAINST_LARGE = np.array([[0.04, 0.10], [0.12, 0.10], [0.3, 0.15], [0.6, 0.25], [0.98, 0.40]])
AGAINST_SMALL = np.array([[0.005, 0.15], [0.02, 0.2], [0.05, 0.2], [0.12, 0.2], [0.3, 0.15], [0.7, 0.10]])
"""c, the share of the purse that is staked, and its part in the average, which is a bet of its own. Names are rare, so
that large stakes gain most against totals too large, and small ones against totals too small."""

_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was read so far, in the order in which it was drawn.

    Attributes:
        held: x of each unit drawn, shape (n,); at least 0. What is above the weight counts as the weight.
        weights: w of each unit drawn, shape (n,), above 0.
        rest: weight of the units that were not drawn.
    """

    held: Floats
    weights: Floats
    rest: float


def bounds(drawn: Drawn, alpha: float) -> tuple[float, float]:
    """Least and most that the units not drawn may hold together.

    Each of the two fails with a chance of at most `alpha` over the whole course of drawing.
    """
    if drawn.rest <= 0.0:
        return 0.0, 0.0
    held = np.minimum(drawn.held, drawn.weights)
    before = np.concatenate([[0.0], np.cumsum(held)])
    weight_left = drawn.rest + np.cumsum(drawn.weights[::-1])[::-1]
    shares = held / drawn.weights

    def refused(total: float, grow: Callable[[Floats, Floats], Floats], stakes: Floats) -> bool:
        means = (total - before[:-1]) / weight_left
        if (means < 0.0).any() or (means > 1.0).any():
            return True
        return _ever(grow(shares, means), stakes, alpha)

    known, most = float(before[-1]), float(before[-1] + drawn.rest)
    upper = _edge(known, most, lambda total: refused(total, _against_large, AGAINST_LARGE))
    lower = _edge(most, known, lambda total: refused(total, _against_small, AGAINST_SMALL))
    return max(0.0, lower - known), max(0.0, upper - known)


def _against_large(shares: Floats, means: Floats) -> Floats:
    return (means - shares) / np.maximum(1.0 - means, 1e-12)


def _against_small(shares: Floats, means: Floats) -> Floats:
    return (shares - means) / np.maximum(means, 1e-12)


def _ever(gains: Floats, stakes: Floats, alpha: float) -> bool:
    """Whether the averaged purse has ever reached 1/α; gains are at least -1, shape (n,)."""
    if not len(gains):
        return False
    logs = np.cumsum(np.log1p(stakes[:, 0] * gains[:, None]), axis=0)
    top = logs.max(axis=1)
    purse = top + np.log(np.exp(logs - top[:, None]) @ stakes[:, 1])
    return bool(purse.max() >= -np.log(alpha))


def _edge(kept: float, refused: float, refuses: Callable[[float], bool]) -> float:
    """Where totals begin to be refused on the way from one that cannot be to the other end.

    What is refused is so on all the way out from the edge; the point given is on the refused side, the safe one.
    """
    if not refuses(refused):
        return refused
    for _ in range(_HALVINGS):
        middle = (kept + refused) / 2.0
        if refuses(middle):
            refused = middle
        else:
            kept = middle
    return refused
