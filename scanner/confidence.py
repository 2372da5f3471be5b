"""Confidence that means something: curves from what a rule claims to how often it is right on labelled text.

A curve is a list of knots [claimed, right], both ascending, straight between them and flat beyond. `fit` makes it by
isotonic regression (pool adjacent violators: Barlow and others, Statistical inference under order restrictions, 1972)
over the levels that a rule claimed, each drawn towards its claim by `PRIOR` findings' worth of belief in the rule's
author, so that few labels move little.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from scanner.errors import BadRules, Fault
from scanner.model import DOCUMENTATION, Finding

PRIOR = 10.0
"""Findings that the author's claim weighs as much as."""

LEAST_FINDINGS = 20
"""Judged findings of a rule without which it has no curve."""

LEAST, MOST = 0.01, 0.99
"""Ends of every curve: labels never make certain."""

STEP = 0.05
"""Width of the levels into which confidences are gathered before they are fitted."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Knots of one curve, in units of confidence from 0 to 1."""

    claimed: tuple[float, ...]
    right: tuple[float, ...]

    def at(self, claimed: float) -> float:
        """How often a finding of this claim is right."""
        return round(float(np.interp(claimed, self.claimed, self.right)), 4)


Curves = Mapping[str, Curve]
"""By id of the rule."""


def calibrated(finding: Finding, curves: Curves) -> Finding:
    """The finding with the confidence that its rule's curve gives; the same where the rule has none."""
    curve = curves.get(finding.rule.removeprefix(DOCUMENTATION))
    return finding if curve is None else finding.worth(_at(curve, finding.confidence))


@lru_cache(maxsize=4096)
def _at(curve: Curve, claimed: float) -> float:
    """`Curve.at`, remembered: rules claim few different confidences."""
    return curve.at(claimed)


def fit(judged: Iterable[tuple[float, float, float]]) -> Curve | None:
    """The curve of one rule.

    Args:
        judged: (claimed, right, false): weights of the right and the false findings of one claim.

    Returns:
        None where fewer than `LEAST_FINDINGS` were judged.
    """
    levels: dict[int, list[float]] = {}
    for claimed, right, false in judged:
        level = levels.setdefault(round(claimed / STEP), [0.0, 0.0, 0.0])
        level[0] += claimed * (right + false)
        level[1] += right
        level[2] += right + false
    if sum(total for _, _, total in levels.values()) < LEAST_FINDINGS:
        return None
    claims = [claimed / total for _, (claimed, _, total) in sorted(levels.items())]
    weights = [total + PRIOR for _, (_, _, total) in sorted(levels.items())]
    shares = [
        (right + PRIOR * claim) / weight
        for claim, weight, (_, (_, right, _)) in zip(claims, weights, sorted(levels.items()), strict=True)
    ]
    rights = [min(MOST, max(LEAST, share)) for share in isotonic(shares, weights)]
    return Curve(tuple(round(claim, 3) for claim in claims), tuple(round(right, 3) for right in rights))


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The ascending values that lie nearest by weighted squares."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (one, left, some), (other, right, more) = blocks[-2:]
            blocks[-2:] = [((one * left + other * right) / (left + right), left + right, some + more)]
    return [value for value, _, count in blocks for _ in range(count)]


def parse_curves(document: Any, place: str) -> dict[str, Curve]:
    """The curves of a parsed `confidence.yaml`.

    Raises:
        BadRules: with every fault of the document.
    """
    entries = document.get("curves") if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise BadRules([Fault(place, "must hold a mapping `curves:` of rule ids")])
    faults = [
        Fault(f"{place}: curves.{rule}", "must be a list of pairs [claimed, right], each from 0 to 1 and ascending")
        for rule, knots in entries.items()
        if not _is_curve(knots)
    ]
    if faults:
        raise BadRules(faults)
    return {
        str(rule): Curve(tuple(float(knot[0]) for knot in knots), tuple(float(knot[1]) for knot in knots))
        for rule, knots in entries.items()
    }


def _is_curve(knots: Any) -> bool:
    if not (isinstance(knots, list) and knots and all(isinstance(knot, list) and len(knot) == 2 for knot in knots)):
        return False
    numbers = [number for knot in knots for number in knot]
    if any(
        isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1 for number in numbers
    ):
        return False
    steps = list(itertools.pairwise(knots))
    return all(one[0] < other[0] and one[1] <= other[1] for one, other in steps)
