"""Sampling values: which fingerprints are counted where there are too many to count one by one.

A value of an entity with the rate θ is kept when its fingerprint, read as a number of 128 bits, is below θ·2¹²⁸, and
then with all its occurrences; Σ g(d)/θ over the values kept is an unbiased estimate of Σ g(d) over all, since a
fingerprint is a keyed hash and so as good as drawn evenly. Whether a value is kept depends on it and on the key alone:
on no order, worker or engine. Rates are powers of one half, so that 1/θ is a whole number and counts stay whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from scanner.risk.terms import SamplingTerms
from scanner.spans import FINGERPRINT_BYTES


def rates(rows: Mapping[str, int], terms: SamplingTerms) -> dict[str, float]:
    """θ of each entity whose values are sampled; no entity is as long as all rows together can be kept.

    Args:
        rows: of value tables, by entity.
        terms: how many are kept.
    """
    if sum(rows.values()) <= terms.exact_values:
        return {}
    chosen = {entity: _rate(count, terms.kept_values) for entity, count in sorted(rows.items())}
    return {entity: rate for entity, rate in chosen.items() if rate < 1.0}


def edge(rate: float) -> bytes:
    """The least fingerprint that is not kept.

    Args:
        rate: θ, below 1.
    """
    return int(rate * 2.0 ** (8 * FINGERPRINT_BYTES)).to_bytes(FINGERPRINT_BYTES, "big")


def _rate(rows: int, kept: float) -> float:
    """The largest power of one half that keeps no more than so many of the rows, on average."""
    rate = 1.0
    while rows * rate > kept:
        rate /= 2.0
    return rate
