from __future__ import annotations

import numpy as np
import pytest

from scanner.risk.betting import Drawn, bounds

ALPHA = 0.05


def course(rng: np.random.Generator, units: int, carrying: float) -> tuple[np.ndarray, np.ndarray]:
    """What units hold and their weights, in the order of a weighted draw."""
    weights = rng.uniform(100, 1000, units)
    held = np.where(rng.random(units) < carrying, weights * rng.uniform(0, 0.4, units), 0.0)
    drawn = np.argsort(-np.log(rng.random(units)) / weights)
    return held[drawn], weights[drawn]


@pytest.mark.parametrize("carrying", [0.0, 0.05, 0.6])
def test_both_bounds_hold_at_every_look_of_nearly_every_course(carrying: float) -> None:
    rng = np.random.default_rng(7)
    failed = 0
    for _ in range(60):
        held, weights = course(rng, 80, carrying)
        ends = [
            (*bounds(Drawn(held[:n], weights[:n], float(weights[n:].sum())), ALPHA), float(held[n:].sum()))
            for n in (0, 5, 20, 50, 79)
        ]
        failed += any(not low - 1e-6 <= rest <= high + 1e-6 for low, high, rest in ends)
    assert failed <= 60 * 2 * ALPHA


def test_bounds_narrow_to_nothing_as_all_is_read() -> None:
    held, weights = course(np.random.default_rng(1), 400, 0.05)
    widths = []
    for n in (0, 50, 200, 399, 400):
        low, high = bounds(Drawn(held[:n], weights[:n], float(weights[n:].sum())), ALPHA)
        assert 0 <= low <= high <= weights[n:].sum() + 1e-6
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(weights.sum())
    assert widths[-1] == 0


def test_nothing_found_in_many_draws_leaves_little() -> None:
    """The exact bound for n empty units of an endless row is 1 − α^(1/n)."""
    weights = np.ones(100)
    _, most = bounds(Drawn(np.zeros(100), weights, 1e9), ALPHA)
    assert most / 1e9 == pytest.approx(1 - ALPHA**0.01, rel=0.6)
    assert most / 1e9 >= 1 - ALPHA**0.01


def test_a_unit_that_holds_more_than_its_weight_counts_as_full() -> None:
    held, weights = np.array([5.0, 0.0]), np.array([2.0, 2.0])
    assert bounds(Drawn(held, weights, 10.0), ALPHA) == bounds(Drawn(np.minimum(held, weights), weights, 10.0), ALPHA)
