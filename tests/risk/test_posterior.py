"""Precision and recall from labelled text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import BadRules
from scanner.risk.posterior import BINS, Calibration, Measured, Posterior, parse_calibration, pooled
from tests.risk.cases import document, measured

pairs = st.tuples(st.integers(0, 500), st.integers(0, 500))
EMPTY = ((0, 0),) * BINS


def posterior(**entities: Measured) -> Posterior:
    return Posterior(Calibration(entities), least_recall=0.1, draws=2000, seed=1)


def test_the_shipped_calibration_parses() -> None:
    parse_calibration(document("calibration.yaml"), "calibration.yaml")


def test_a_measurement_is_read_as_it_is_written() -> None:
    calibration = parse_calibration(
        {
            "schema_version": 1,
            "date": "2026-01-02",
            "scanner": "0.1.0",
            "models": {"en": "some model"},
            "sets": [{"name": "one", "documents": 3, "licence": "MIT"}],
            "entities": {
                "EMAIL_ADDRESS": {
                    "precision": [[0, 0], [1, 2], [3, 4], [5, 6], [7, 8]],
                    "recall": [9, 10],
                    "sets": ["one"],
                }
            },
        },
        "calibration.yaml",
    )
    assert calibration.entities["EMAIL_ADDRESS"] == Measured(((0, 0), (1, 2), (3, 4), (5, 6), (7, 8)), 9, 10, ("one",))
    assert (calibration.date, calibration.sets, calibration.models) == ("2026-01-02", ("one",), {"en": "some model"})
    assert calibration.measured("EMAIL_ADDRESS", labels=19)
    assert not calibration.measured("EMAIL_ADDRESS", labels=20)
    assert not calibration.measured("PERSON", labels=1)


def test_every_fault_of_a_calibration_is_told_at_once() -> None:
    bad: dict[str, Any] = {
        "schema_version": 1,
        "entities": {
            "PERSON": {"precision": [[1, 2]], "recall": [1, 2]},
            "EMAIL_ADDRESS": {"precision": [[0, 0]] * 5, "recall": [True, 2], "hits": 3},
            "URL": 7,
        },
    }
    with pytest.raises(BadRules) as caught:
        parse_calibration(bad, "c.yaml")
    places = [fault.place for fault in caught.value.faults]
    assert places == ["c.yaml: entities.PERSON", *["c.yaml: entities.EMAIL_ADDRESS"] * 2, "c.yaml: entities.URL"]


@pytest.mark.parametrize("bad", [None, [], {"schema_version": 2}, {"schema_version": 1, "entities": []}])
def test_a_document_of_another_form_is_refused(bad: object) -> None:
    with pytest.raises(BadRules):
        parse_calibration(bad, "c.yaml")


def test_recall_centres_on_the_share_found() -> None:
    assert np.median(posterior(PERSON=measured(80, 20)).recall("PERSON")) == pytest.approx(0.8, abs=0.01)


def test_what_was_never_measured_has_the_least_recall_and_full_precision() -> None:
    unknown = posterior()
    assert (unknown.recall("PERSON") == 0.1).all()
    assert (unknown.precision("PERSON") == 1).all()


def test_a_number_of_one_country_is_as_good_as_its_kind_unless_it_was_measured_itself() -> None:
    kind, own = Measured(((0, 0),) * 5, 90, 10), Measured(((0, 0),) * 5, 10, 90)
    assert Calibration({"GOVERNMENT_ID": kind}).of("UK_NINO") == kind
    assert Calibration({"GOVERNMENT_ID": kind, "UK_NINO": own}).of("UK_NINO") == own
    assert Calibration({"LOCATION": kind}).of("ADDRESS") is None
    assert Calibration({"GOVERNMENT_ID": kind}).measured("MEDICAL_ID", 1) is False


def test_no_draw_of_recall_goes_below_the_least() -> None:
    assert posterior(PERSON=measured(0, 1000)).recall("PERSON").min() == 0.1


def test_a_bin_without_labels_is_as_precise_as_the_next_better_one() -> None:
    found = posterior(PERSON=Measured(((0, 0), (0, 0), (50, 50), (0, 0), (0, 0)), 1, 1)).precision("PERSON")
    assert (found[0] == found[2]).all()
    assert (found[3:] == 1).all()


@given(st.tuples(*[pairs] * BINS))
def test_precision_never_falls_as_confidence_rises(bins: tuple[tuple[int, int], ...]) -> None:
    found = Posterior(Calibration({"PERSON": Measured(bins, 1, 1)}), 0.1, 100, 1).precision("PERSON")
    assert (np.diff(found, axis=0) >= 0).all()


@given(st.tuples(*[pairs] * BINS))
def test_pooled_rates_never_fall(bins: tuple[tuple[int, int], ...]) -> None:
    rates = [true / (true + false) for true, false in pooled(bins) if true + false]
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(rates))


def test_pooling_shares_labels_out_where_the_rate_falls() -> None:
    assert pooled(((9, 1), (1, 9), (0, 0), (0, 0), (5, 0))) == [(10, 10), (10, 10), (0, 0), (0, 0), (5, 0)]


def test_a_bundle_is_found_when_each_member_is() -> None:
    both = posterior(HEALTH=measured(50, 50), PERSON=measured(80, 20))
    assert (both.recall("HEALTH+PERSON") == both.recall("HEALTH") * both.recall("PERSON")).all()
    assert (both.precision("HEALTH+PERSON") <= both.precision("HEALTH")).all()


def test_one_more_entity_moves_no_draw_of_another() -> None:
    alone, both = posterior(PERSON=measured(8, 2)), posterior(PERSON=measured(8, 2), URL=measured(5, 5))
    assert (alone.recall("PERSON") == both.recall("PERSON")).all()
    assert (alone.precision("PERSON") == both.precision("PERSON")).all()
    assert not (both.recall("PERSON") == both.recall("URL")).all()


def test_an_even_draw_gives_the_median_when_nothing_varies() -> None:
    fixed = Posterior(Calibration({"URL": measured(5, 5)}), 0.1, 100, 1, precision_varies=False, recall_varies=False)
    assert np.ptp(fixed.recall("URL")) == 0
    assert fixed.recall("URL")[0] == pytest.approx(0.5)
    assert np.ptp(fixed.precision("URL"), axis=1).max() == 0


def test_a_measured_bin_counts_the_same_for_equal_labels() -> None:
    assert pooled(EMPTY) == [(0, 0)] * BINS
