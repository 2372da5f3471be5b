"""What an assessment says of simple cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from scanner.model import Artefact, ModelCard, Provenance, Tier
from scanner.risk import Calibration, Case, Table, assess, completed, reweighed, score, variance_shares
from scanner.risk.exposure import capacity, guessing, private_bound
from scanner.risk.harm import EXACT_UP_TO, PRECISE_UP_TO, rounded_up
from tests.risk.cases import SEVEN_BILLION, Cell, all_measured, case, measured, quick_policy, some_entities

PERFECT = all_measured(10**9, 0)
SURE = Calibration({name: measured(10**9, 0, 10**9, 0) for name in PERFECT.entities})


def only(asked: Case, **varies: object) -> Case:
    return replace(asked, varies="level", **varies)  # type: ignore[arg-type]


def median_harm(asked: Case) -> float:
    return float(np.median(assess(asked).public.harm))


def test_one_linked_email_counts_as_its_chance_of_extraction() -> None:
    asked = case([("EMAIL_ADDRESS", 1, 4, 1, 1)], provenance=Provenance.USER_PRIVATE, calibration=SURE)
    exposure, bits = asked.terms.exposure, asked.entities["EMAIL_ADDRESS"].bits
    level = -2.05 + 0.5 * np.log10(7e9 / 6e9) - 0.45 * np.log10(1e12 / 4e11) + 0.26 * 4 - 0.9
    level -= exposure.entropy.mean * np.log10(bits / exposure.reference_bits)
    found = assess(only(asked)).entities["EMAIL_ADDRESS"].leaks[1e4]
    assert np.median(found.harm) == pytest.approx(norm.cdf(level), rel=0.15)
    assert float(assess(asked).card.parameters) == 7e9


def test_score_is_ten_points_for_ten_times_the_harm() -> None:
    assert score(np.array([0.0, 1e-4, 1e-3, 1.0, 10.0, 1e9])).tolist() == [0, 0, 0, 30, 40, 100]


@pytest.mark.parametrize(("linkage", "factor"), [(0, 0.3), (1, 1), (2, 2)])
def test_what_stands_beside_a_value_weighs(linkage: int, factor: float) -> None:
    def harm(linkage: int) -> float:
        return median_harm(case([("EMAIL_ADDRESS", linkage, 4, 1, 10**6)], calibration=SURE))

    assert harm(linkage) == pytest.approx(harm(1) * factor, rel=1e-3)


def test_provenance_scales_harm_and_never_chances() -> None:
    cells = [("CREDIT_CARD", 1, 4, 1, 1000)]
    private = assess(case(cells, provenance=Provenance.USER_PRIVATE, calibration=SURE)).public
    web = assess(case(cells, provenance=Provenance.PUBLIC_WEB, calibration=SURE)).public
    assert np.allclose(web.harm, private.harm * 0.03)
    assert np.allclose(web.p_max, private.p_max)
    assert np.allclose(web.p_any_critical, private.p_any_critical)


def test_synthetic_text_harms_no_one() -> None:
    asked = case([("CREDIT_CARD", 1, 4, 9, 1000)], provenance=Provenance.SYNTHETIC, calibration=Calibration())
    assert assess(asked).public.score.max() == 0


def test_shards_give_up_every_value_they_hold() -> None:
    asked = case([("CREDIT_CARD", 1, 4, 1, 7)], artefact=Artefact.DATA, calibration=SURE)
    found = assess(asked)
    assert np.median(found.entities["CREDIT_CARD"].leaks[1e4].extracted) == pytest.approx(7, rel=1e-6)
    assert found.public.p_max.min() == pytest.approx(1, rel=1e-6)


def test_zero_findings_are_not_zero_risk() -> None:
    poor = all_measured(5, 5)
    assert median_harm(case([], calibration=poor)) > median_harm(case([], calibration=SURE)) >= 0


def test_telling_official_numbers_apart_by_country_adds_no_risk() -> None:
    def risk(*names: str) -> float:
        asked = case([], entities=some_entities("PERSON", *names), calibration=Calibration())
        return float(np.median(assess(asked).public.p_any_critical))

    assert risk("US_SSN", "GOVERNMENT_ID", "MEDICAL_ID") == pytest.approx(risk("GOVERNMENT_ID"), rel=1e-3)
    assert risk("US_SSN", "CREDIT_CARD") > risk("US_SSN") * 1.5


def test_what_was_missed_beside_findings_counts() -> None:
    def missed(hits: int, misses: int) -> float:
        asked = case([("EMAIL_ADDRESS", 1, 4, 1, 1000)], calibration=all_measured(hits, misses))
        return float(np.median(assess(asked).entities["EMAIL_ADDRESS"].missed))

    assert missed(500_000, 500_000) == pytest.approx(1000, rel=0.05)
    assert missed(900_000, 100_000) == pytest.approx(111, rel=0.05)


def test_a_value_that_occurs_often_is_seldom_missed_in_all_its_places() -> None:
    asked = case([("EMAIL_ADDRESS", 1, 4, 10, 1000)], calibration=all_measured(500_000, 500_000))
    assert np.median(assess(asked).entities["EMAIL_ADDRESS"].missed) < 5


def test_unread_text_is_expected_to_hold_what_the_rest_holds() -> None:
    cells = [("PERSON", 1, 4, 1, 10_000)]
    half = case(cells, calibration=SURE, names_read=5_000_000, names_unread=5_000_000)
    assert np.median(assess(half).entities["PERSON"].missed) == pytest.approx(10_000, rel=0.05)
    assert np.median(assess(half).entities["CREDIT_CARD"].missed) == pytest.approx(0, abs=1e-6)


def test_text_that_only_the_patterns_read_may_hide_names_even_where_none_was_found() -> None:
    blind = case([], calibration=SURE, names_read=0, names_unread=2_000_000)
    assert np.median(assess(blind).entities["PERSON"].missed) == pytest.approx(1000, rel=0.01)


def test_redaction_leaves_what_was_missed() -> None:
    cells = [("CREDIT_CARD", 1, 4, 1, 1000)]
    fair = all_measured(90_000, 10_000)
    before = assess(case(cells, calibration=fair)).entities["CREDIT_CARD"].leaks[1e4]
    after = assess(case([], gone=cells, calibration=fair)).entities["CREDIT_CARD"].leaks[1e4]
    assert np.median(after.extracted / before.extracted) == pytest.approx(0.1, rel=0.05)
    assert after.worst.max() == 0


def test_a_bundle_weighs_what_it_has_beyond_its_members() -> None:
    """And it is out no sooner than the card number, which is harder to get than the code on its back."""
    cards: list[Cell] = [("CREDIT_CARD", 1, 4, 1, 10**5)]
    alone, codes = assess(case(cards, calibration=SURE)), assess(case([("CVV", 1, 4, 1, 10**5)], calibration=SURE))
    both: list[Cell] = [*cards, ("CVV", 1, 4, 1, 10**5), ("CREDIT_CARD+CVV", 1, 4, 1, 10**5)]
    bundle = assess(case(both, calibration=SURE)).entities["CREDIT_CARD+CVV"].leaks[1e4]
    card = alone.entities["CREDIT_CARD"].leaks[1e4]
    assert np.allclose(bundle.harm, card.harm * (30 - 11) / 10, rtol=1e-6)
    assert (codes.entities["CVV"].leaks[1e4].extracted > card.extracted).mean() > 0.9


@pytest.mark.parametrize("artefact", Artefact)
def test_other_weights_scale_an_assessment_as_assessing_anew_would(artefact: Artefact) -> None:
    """The quick way holds to the slow one."""
    table = Table.of(("zip", "born"), [(1, 3), (20, 4)])
    asked = case([("CREDIT_CARD", 1, 4, 3, 40), ("PERSON", 0, 2, 1, 9)], artefact=artefact, tables=(table,))
    slow, quick = assess(replace(asked, weights_times=7.0)), reweighed(assess(asked), 7.0)
    for tier in Tier:
        assert np.allclose(slow.tiers[tier].harm, quick.tiers[tier].harm, rtol=1e-12)
        assert np.array_equal(slow.tiers[tier].p_max, quick.tiers[tier].p_max)
        assert np.array_equal(slow.tiers[tier].p_any_critical, quick.tiers[tier].p_any_critical)
    for name, risk in slow.entities.items():
        assert np.allclose(risk.leaks[1e4].harm, quick.entities[name].leaks[1e4].harm, rtol=1e-12)


def test_a_bundle_lighter_than_its_members_adds_nothing() -> None:
    members = [("HEALTH", 1, 4, 1, 10), ("PERSON", 1, 4, 1, 10)]
    assert median_harm(case([*members, ("HEALTH+PERSON", 1, 4, 1, 10)])) == median_harm(case(members))


def test_a_model_holds_no_more_than_its_capacity() -> None:
    tiny = ModelCard(1e6, 1e9, 10)
    asked = case([("EMAIL_ADDRESS", 1, 4, 1000, 10**7)], card=tiny, calibration=SURE)
    most = capacity(asked.terms.exposure, asked.card, asked.entities["EMAIL_ADDRESS"].bits)
    assert assess(asked).entities["EMAIL_ADDRESS"].leaks[1e4].extracted.max() <= most


def test_user_level_privacy_bounds_the_chance_of_extraction() -> None:
    cells = [("CREDIT_CARD", 1, 4, 1, 10)]
    private = replace(SEVEN_BILLION, dp_epsilon=1.0, dp_delta=1e-9)
    assert assess(case(cells, card=private)).public.p_max.max() < assess(case(cells)).public.p_max.min()
    asked = case(cells, card=private)
    bound = private_bound(np.array([1.0]), asked.card, bits=40.0, queries=100.0)[0]
    assert bound == pytest.approx(np.e * 100 * 2.0**-40 + 1e-9)
    assert private_bound(np.array([1e9]), asked.card, bits=40.0, queries=1.0)[0] == 1


def test_the_excess_over_guessing_is_less_than_the_whole() -> None:
    assert guessing(bits=10, queries=1e4) == 1
    assert guessing(bits=40, queries=1e4) == pytest.approx(1e4 / 2**40)
    asked = case([("CVV", 1, 4, 1, 1000), ("CREDIT_CARD", 1, 4, 1, 1000)], calibration=SURE)
    risks = assess(asked).entities
    assert risks["CVV"].leaks[1e4].excess.max() == 0
    assert np.allclose(risks["CREDIT_CARD"].leaks[1e4].excess, risks["CREDIT_CARD"].leaks[1e4].extracted, rtol=1e-3)


def test_stricter_tiers_have_lower_readouts() -> None:
    found = assess(case([("CREDIT_CARD", 1, 4, 3, 100)]))
    scores = [float(np.median(found.tiers[tier].harm)) for tier in Tier]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] == pytest.approx(scores[0] * (0.95 + 0.05 * 0.1), rel=1e-9)


def test_what_the_model_card_leaves_open_takes_the_policys_worse_case() -> None:
    defaults = quick_policy().risk.model_card
    card = completed(ModelCard(parameters=1e9), defaults)
    assert card.parameters == 1e9
    assert (card.training_tokens, card.epochs) == (defaults.training_tokens, defaults.epochs)
    assert card.assumed == ("training_tokens", "epochs")


def test_an_entity_that_nobody_described_counts_as_critical() -> None:
    asked = case([("CUSTOM", 1, 4, 100, 1)], entities=some_entities("PERSON"))
    assert assess(asked).entities["CUSTOM"].critical
    assert assess(asked).public.p_max.min() > 0


def test_a_table_of_people_adds_harm_to_released_shards_and_less_to_a_model() -> None:
    table = Table.of(("zip", "born"), [(1, 100), (20, 10)])
    data = assess(case([], tables=(table,), artefact=Artefact.DATA, calibration=SURE))
    model = assess(case([], tables=(table,), calibration=SURE))
    assert data.public.table_max_risk == 1
    assert float(np.median(data.tables[0].harm[1e4])) == pytest.approx(110 * 0.5)
    assert 0 < model.public.table_max_risk < 1
    assert (model.tables[0].harm[1e4] < data.tables[0].harm[1e4]).all()


def test_shares_of_the_variance_add_up_and_name_what_matters() -> None:
    shares = variance_shares(case([("EMAIL_ADDRESS", 1, 4, 1, 1000)], calibration=SURE), draws=200)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["no_prefix"] > shares["parameters"]
    assert shares["prefix"] == pytest.approx(0, abs=1e-12)
    vague = variance_shares(case([("EMAIL_ADDRESS", 1, 4, 1, 1000)], calibration=all_measured(1, 1)), draws=200)
    assert vague["recall"] > shares["recall"]


@given(st.integers(1, 2**60), st.integers(0, 2**40))
def test_many_occurrences_are_rounded_up_a_little_and_in_order(d: int, more: int) -> None:
    low, high = rounded_up(np.array([d, d + more])).tolist()
    assert d <= low <= d * (1 + 1 / 256)
    assert low <= high
    assert low == d or d > PRECISE_UP_TO


def test_a_long_histogram_is_assessed_in_pieces_with_the_same_result() -> None:
    """More occurrences than fit in one chunk: harm still adds up over halves."""
    cells = [("EMAIL_ADDRESS", 1, 4, d, 3) for d in range(1, 30_000)]
    entities = some_entities("EMAIL_ADDRESS")

    def harm(cells: list[tuple[str, int, int, int, int]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return assess(case(cells, calibration=Calibration(), entities=entities)).public.harm

    assert np.allclose(harm(cells) + harm([]), harm(cells[:70]) + harm(cells[70:]), rtol=1e-9)
    assert len(cells) > EXACT_UP_TO
