"""Curves from what a rule claims to how often it is right."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.confidence import LEAST_FINDINGS, PRIOR, Curve, calibrated, fit, isotonic, parse_curves
from scanner.errors import BadRules
from scanner.model import Finding

SHARES = st.floats(0, 1)


@given(st.lists(st.tuples(SHARES, st.floats(0.1, 50)), min_size=1, max_size=12))
def test_isotonic_values_ascend_and_keep_the_mean(pairs: list[tuple[float, float]]) -> None:
    values, weights = [value for value, _ in pairs], [weight for _, weight in pairs]
    fitted = isotonic(values, weights)
    assert all(one <= other + 1e-12 for one, other in itertools.pairwise(fitted))
    assert sum(v * w for v, w in zip(fitted, weights, strict=True)) == pytest.approx(
        sum(v * w for v, w in zip(values, weights, strict=True))
    )


@given(st.lists(SHARES, min_size=1, max_size=8).map(sorted))
def test_what_ascends_already_stays(values: list[float]) -> None:
    assert isotonic(values, [1.0] * len(values)) == pytest.approx(values)


def test_many_labels_outweigh_the_claim_and_few_do_not() -> None:
    assert fit([(0.5, 8, 2)]) is None
    few, many = fit([(0.5, LEAST_FINDINGS, 0)]), fit([(0.5, 2_000, 0)])
    assert few is not None
    assert many is not None
    assert few.at(0.5) == pytest.approx((LEAST_FINDINGS + PRIOR * 0.5) / (LEAST_FINDINGS + PRIOR), abs=1e-3)
    assert many.at(0.5) == 0.99


def test_a_higher_claim_is_never_worth_less() -> None:
    curve = fit([(0.4, 90, 10), (0.6, 50, 50), (0.9, 80, 20)])
    assert curve is not None
    worth = [curve.at(step / 50) for step in range(51)]
    assert worth == sorted(worth)


def test_a_finding_is_told_by_the_curve_of_its_rule_documentation_or_not() -> None:
    curves = {"email.plain": Curve((0.5, 0.9), (0.4, 0.98))}
    finding = Finding("EMAIL_ADDRESS", 0, 9, 0.7, "email.plain")
    assert calibrated(finding, curves).confidence == pytest.approx(0.69)
    assert calibrated(finding.as_documentation(), curves).confidence == pytest.approx(0.69)
    assert calibrated(Finding("URL", 0, 9, 0.7, "url.host"), curves).confidence == 0.7


def test_every_fault_of_a_file_of_curves_is_told() -> None:
    document = {"curves": {"a": [[0.5, 0.4], [0.4, 0.9]], "b": [[0.5, 2]], "c": [], "d": [[0.1, 0.2], [0.3, 0.3]]}}
    with pytest.raises(BadRules) as caught:
        parse_curves(document, "confidence.yaml")
    assert [fault.place for fault in caught.value.faults] == [f"confidence.yaml: curves.{name}" for name in "abc"]
    with pytest.raises(BadRules):
        parse_curves([], "confidence.yaml")
