"""Axioms A1 to A18 of the risk model over generated tables, draw by draw.

`HYPOTHESIS_PROFILE=thorough` tries 1,000 tables each.
A12 (no planted value in any byte written) needs a whole scan and is tested there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm

from scanner.errors import MixedKeys
from scanner.model import Artefact, ModelCard, Provenance, Tier
from scanner.policy import Policy, decide
from scanner.risk import Assessment, Calibration, Case, Measured, State, assess
from scanner.risk.exposure import Floats, base_level, capacity, central_constants, draw_constants, extraction
from scanner.risk.harm import PRECISE_UP_TO
from scanner.risk.terms import completed
from scanner.values import Histogram
from tests.risk.cases import DRAWS, SEVEN_BILLION, Cell, case, measured, quick_policy, shipped_policy, some_entities

ENTITIES = some_entities("PERSON", "EMAIL_ADDRESS", "CREDIT_CARD", "SECRET", "HEALTH")
POLICY = quick_policy()
ROUNDING = 1e-9

names = st.sampled_from(sorted(ENTITIES))
occurrences = st.one_of(st.integers(1, 80), st.integers(1, 10**6))
cells = st.tuples(names, st.integers(0, 2), st.integers(0, 4), occurrences, st.integers(1, 10**5))
tables = st.lists(cells, max_size=8)
some_cells = st.lists(cells, min_size=1, max_size=8)
bins = st.tuples(*[st.tuples(st.integers(0, 300), st.integers(0, 60))] * 5)
measurements = st.builds(Measured, bins, st.integers(0, 400), st.integers(0, 400))
calibrations = st.builds(Calibration, st.dictionaries(names, measurements))
cards = st.builds(ModelCard, st.floats(1e6, 1e12), st.floats(1e9, 1e13), st.floats(1, 10))
provenances = st.sampled_from(Provenance)
artefacts = st.sampled_from(Artefact)
perfect = Calibration({name: measured(10**9, 0, 10**9, 0) for name in ENTITIES})


@st.composite
def cases(draw: st.DrawFn, of: st.SearchStrategy[list[Cell]] = tables) -> Case:
    return case(
        draw(of),
        provenance=draw(provenances),
        artefact=draw(artefacts),
        card=draw(cards),
        calibration=draw(calibrations),
        entities=ENTITIES,
        names_unread=draw(st.integers(0, 10**6)),
        scanned_bytes=draw(st.integers(9_000_000, 10_000_000)),
    )


def with_cells(asked: Case, present: list[Cell], gone: list[Cell] | None = None) -> Case:
    state = replace(asked.state, histogram=Histogram.of(present), gone=Histogram.of(gone or []))
    return replace(asked, state=state)


def with_card(asked: Case, card: ModelCard) -> Case:
    return with_state(asked, dataset=replace(asked.state.dataset, model_card=card))


def with_state(asked: Case, **changes: object) -> Case:
    state: State = replace(asked.state, **changes)  # type: ignore[arg-type]
    return replace(asked, state=state)


def readouts(assessment: Assessment) -> Iterator[Floats]:
    for tier in Tier:
        found = assessment.tiers[tier]
        yield from (found.harm, found.p_max, found.p_any_critical)


def check_not_lower(less: Case, more: Case) -> None:
    """No draw of H, p_max or P_any is lower in the second case, at any tier."""
    for low, high in zip(readouts(assess(less)), readouts(assess(more)), strict=True):
        assert (high >= low * (1 - ROUNDING) - 1e-12).all()


def check_upper_not_lower(less: Case, more: Case) -> None:
    """No upper bound of H, p_max or P_any is lower in the second case, at any tier."""
    for low, high in zip(readouts(assess(less)), readouts(assess(more)), strict=True):
        assert np.quantile(high, 0.95) >= np.quantile(low, 0.95) * (1 - ROUNDING) - 1e-12


@given(cases(), st.randoms())
def test_a1_the_order_of_rows_does_not_matter(asked: Case, random: object) -> None:
    rows = asked.state.histogram.cells()
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    for left, right in zip(readouts(assess(asked)), readouts(assess(with_cells(asked, shuffled))), strict=True):
        assert left.tobytes() == right.tobytes()


@given(tables, tables, tables)
def test_a2_histograms_of_disjoint_values_add_up_in_any_order(a: list[Cell], b: list[Cell], c: list[Cell]) -> None:
    def merged(left: list[Cell], right: list[Cell]) -> list[Cell]:
        return Histogram.of(left + right).cells()

    assert merged(a, b) == merged(b, a)
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    assert merged(a, []) == Histogram.of(a).cells()


@given(cases(), cells)
def test_a3_one_more_finding_lowers_nothing(asked: Case, cell: Cell) -> None:
    check_not_lower(asked, with_cells(asked, [*asked.state.histogram.cells(), cell]))


@given(cases(some_cells), st.data())
def test_a3_more_occurrences_confidence_or_linkage_lower_nothing(asked: Case, data: st.DataObject) -> None:
    rows = asked.state.histogram.cells()
    entity, linkage, confidence, d, distinct = rows[0]
    raised = (
        entity,
        data.draw(st.integers(linkage, 2)),
        data.draw(st.integers(confidence, 4)),
        d + data.draw(st.one_of(st.integers(0, 5), st.integers(0, 10**6))),
        1,
    )
    check_not_lower(asked, with_cells(asked, [(*rows[0][:4], distinct - 1), raised, *rows[1:]]))


@given(cases(some_cells), st.data())
def test_a4_redaction_raises_nothing(asked: Case, data: st.DataObject) -> None:
    rows = asked.state.histogram.cells()
    going = data.draw(st.sets(names))
    kept = [row for row in rows if row[0] not in going]
    check_not_lower(with_cells(asked, kept, [row for row in rows if row[0] in going]), asked)


@given(cases(), st.floats(1, 100), st.floats(1, 100))
def test_a5_larger_models_and_more_epochs_lower_nothing(asked: Case, larger: float, longer: float) -> None:
    card = asked.card
    more = ModelCard(card.parameters * larger, card.training_tokens, card.epochs * longer)
    check_not_lower(asked, with_card(asked, more))


@given(cases(), st.floats(1, 100))
def test_a5_more_queries_lower_nothing(asked: Case, times: float) -> None:
    tiers = {tier: replace(terms, queries=terms.queries * times) for tier, terms in asked.terms.tiers.items()}
    check_not_lower(asked, replace(asked, terms=replace(asked.terms, tiers=tiers)))


@given(cases(), st.floats(1, 1000), st.floats(1, 100))
def test_a5_a_longer_true_prefix_lowers_nothing(asked: Case, prefix: float, longer: float) -> None:
    def held(tokens: float) -> Case:
        exposure = replace(asked.terms.exposure, attacker_prefix=tokens)
        return replace(asked, terms=replace(asked.terms, exposure=exposure))

    check_not_lower(held(prefix), held(prefix * longer))


@given(cases(), names, st.floats(1, 100))
def test_a5_a_heavier_weight_lowers_nothing(asked: Case, entity: str, times: float) -> None:
    severity = {entity: ENTITIES[entity].weight * times}
    check_not_lower(asked, replace(asked, terms=replace(asked.terms, severity=severity)))


@given(cases(some_cells), names, st.integers(0, 400), st.integers(0, 60), st.integers(0, 400))
def test_a5_a_better_precision_lowers_nothing(asked: Case, entity: str, true: int, false: int, more: int) -> None:
    def judged(true: int) -> Case:
        entities = {**asked.calibration.entities, entity: measured(9, 1, true + 1, false)}
        return replace(asked, calibration=Calibration(entities))

    check_not_lower(judged(true), judged(true + more))


@given(cases(), st.floats(1, 100), st.integers(0, 400), names)
def test_a5_more_missed_lowers_nothing(asked: Case, times: float, misses: int, entity: str) -> None:
    missed = asked.terms.missed
    silent = {provenance: values * times for provenance, values in missed.silent.items()}
    check_not_lower(asked, replace(asked, terms=replace(asked.terms, missed=replace(missed, silent=silent))))
    found = asked.calibration.entities.get(entity, measured(9, 1))
    assume(found.labels)
    worse = replace(found, misses=found.misses + misses)
    known = Calibration({**asked.calibration.entities, entity: found})
    poorer = Calibration({**asked.calibration.entities, entity: worse})
    check_not_lower(replace(asked, calibration=known), replace(asked, calibration=poorer))


@given(cards, st.integers(1, 10**6), st.integers(1, 10**6), st.floats(1, 1e5), st.floats(1, 256))
def test_a6_exposure_never_falls_with_occurrences(
    card: ModelCard, d: int, more: int, queries: float, bits: float
) -> None:
    terms = POLICY.risk
    constants = draw_constants(terms.exposure, terms.draws, terms.seed)
    full = completed(card, terms.model_card)
    logs = np.log10(np.array([[d], [d + more]]))
    few, many = extraction(logs, constants, terms.exposure, full, queries, bits)
    assert (many >= few).all()


@given(cards, st.integers(1, 10**6), st.floats(1, 1e5), st.floats(1, 256), st.floats(1, 256))
def test_a6_exposure_never_rises_with_the_entropy_of_the_value(
    card: ModelCard, d: int, queries: float, bits: float, more: float
) -> None:
    terms = POLICY.risk
    constants = draw_constants(terms.exposure, terms.draws, terms.seed)
    full = completed(card, terms.model_card)
    log_d = np.log10(np.array([[d]]))
    short = extraction(log_d, constants, terms.exposure, full, queries, bits)
    long = extraction(log_d, constants, terms.exposure, full, queries, bits + more)
    assert (long <= short).all()


@given(cards, st.integers(1, 10**6), st.floats(1, 1e5))
def test_a6_entropy_changes_nothing_where_the_published_constants_hold(card: ModelCard, d: int, queries: float) -> None:
    terms = POLICY.risk.exposure
    constants = draw_constants(terms, DRAWS, POLICY.risk.seed)
    none = replace(constants, entropy=np.zeros(DRAWS))
    full, log_d = completed(card, POLICY.risk.model_card), np.log10(np.array([[d]]))
    there = extraction(log_d, constants, terms, full, queries, terms.reference_bits)
    assert np.array_equal(there, extraction(log_d, none, terms, full, queries, 7.0))


@given(cards, st.floats(1, 1e5), st.floats(-9, -2.01), st.floats(1, 256))
def test_a6_exposure_grows_faster_than_occurrences_while_it_is_small(
    card: ModelCard, queries: float, log_chance: float, bits: float
) -> None:
    """With the constants at their centre, p grows faster than d while it is below 1 %."""
    terms = POLICY.risk
    constants = central_constants(terms.exposure, 1)
    full = completed(card, terms.model_card)
    level = base_level(constants, terms.exposure, full, queries, bits)[0]
    log_d = (norm.ppf(10**log_chance) - level) / terms.exposure.occurrences.mean
    low, high = extraction(np.array([[log_d], [log_d + 0.0001]]), constants, terms.exposure, full, queries, bits)[:, 0]
    assert np.log10(high / low) / 0.0001 > 1


@given(cases())
def test_a7_chances_counts_and_scores_stay_in_their_range(asked: Case) -> None:
    assessment = assess(asked)
    for tier in Tier:
        found = assessment.tiers[tier]
        for chance in (found.p_max, found.p_any_critical):
            assert ((chance >= 0) & (chance <= 1)).all()
        assert ((found.score >= 0) & (found.score <= 100)).all()
    for name, risk in assessment.entities.items():
        extracted = risk.leaks[assessment.queries].extracted
        # A value found stands for at most one in least_recall, whatever its occurrences.
        assert (extracted <= risk.real / asked.terms.missed.least_recall + risk.missed + ROUNDING).all()
        if asked.artefact is Artefact.MODEL:
            most = capacity(asked.terms.exposure, asked.card, ENTITIES[name].bits)
            assert (extracted <= most * (1 + ROUNDING)).all()


@given(cases(), st.integers(1, 50))
def test_a8_a_corpus_repeated_counts_as_so_many_epochs(asked: Case, times: int) -> None:
    """Up to the rounding of many occurrences."""
    asked = with_state(replace(asked, calibration=perfect), names_unread=0, scanned_bytes=10_000_000)
    rows = asked.state.histogram.cells()
    repeated = with_cells(asked, [(e, linkage, c, d * times, n) for e, linkage, c, d, n in rows])
    longer = with_card(asked, replace(SEVEN_BILLION, epochs=times))
    repeated = with_card(repeated, SEVEN_BILLION)
    for left, right in zip(readouts(assess(repeated)), readouts(assess(longer)), strict=True):
        assert np.allclose(left, right, rtol=0.02, atol=1e-6)


@given(cases(), st.integers(1, 50))
def test_a8_a_corpus_repeated_is_no_riskier_than_so_many_epochs(asked: Case, times: int) -> None:
    """What occurs more often is less often missed, so the two differ by the missed alone."""
    rows = [row for row in asked.state.histogram.cells() if row[3] * times <= PRECISE_UP_TO]
    asked = with_cells(asked, rows)
    repeated = with_cells(asked, [(e, linkage, c, d * times, n) for e, linkage, c, d, n in rows])
    longer = with_card(asked, replace(SEVEN_BILLION, epochs=times))
    check_not_lower(with_card(repeated, SEVEN_BILLION), longer)


@given(cases(), st.sets(names))
def test_a9_harm_adds_up_over_disjoint_entities(asked: Case, one: set[str]) -> None:
    rows = asked.state.histogram.cells()
    left = assess(with_cells(asked, [row for row in rows if row[0] in one]))
    right = assess(with_cells(asked, [row for row in rows if row[0] not in one]))
    whole, empty = assess(asked), assess(with_cells(asked, []))
    assert np.allclose(whole.public.harm + empty.public.harm, left.public.harm + right.public.harm, rtol=1e-9)


@given(cases())
def test_a10_what_a_tier_allows_every_stricter_tier_allows(asked: Case) -> None:
    verdict = decide(assess(asked), asked, POLICY)
    allowed = [not verdict.exceeded(tier) for tier in Tier]
    assert allowed == sorted(allowed)


@given(cases(), st.booleans(), st.booleans(), st.integers(0, 1))
def test_a11_no_score_lifts_a_gate(asked: Case, live: bool, minors: bool, failed: int) -> None:
    dataset = replace(asked.state.dataset, facts={"live_secrets": live, "minors": minors})
    asked = with_state(asked, dataset=dataset, failed_shards=failed)
    verdict = decide(assess(asked), asked, harmless(POLICY))
    assert all(verdict.tier.openness <= gate.openness for gate in verdict.gates if gate.tripped)


@given(cases(), st.sets(st.text("abc", min_size=1), min_size=2))
def test_a13_counts_of_different_keys_give_no_verdict(asked: Case, keys: set[str]) -> None:
    asked = with_state(asked, key_ids=frozenset(keys))
    with pytest.raises(MixedKeys):
        decide(assess(asked), asked, POLICY)


@given(cases(some_cells), st.integers(20, 200), st.floats(0.5, 1), st.integers(2, 20))
def test_a14_more_labels_at_the_same_rate_never_widen_the_interval(
    asked: Case, labels: int, rate: float, times: int
) -> None:
    """With the policy's own number of draws: with a hundred, the ends of an interval wobble by more than 5 %."""
    asked = replace(asked, terms=shipped_policy().risk)
    hits = round(labels * rate)

    def width(scale: int) -> float:
        found = measured(hits * scale, (labels - hits) * scale, hits * scale, (labels - hits) * scale)
        low, high = np.quantile(
            assess(replace(asked, calibration=Calibration(dict.fromkeys(ENTITIES, found)))).public.score, (0.05, 0.95)
        )
        return float(high - low)

    assert width(times) <= width(1) * 1.05 + 1e-6


@given(cases(), names)
def test_a15_dropping_a_calibration_lowers_nothing(asked: Case, entity: str) -> None:
    kept = {name: found for name, found in asked.calibration.entities.items() if name != entity}
    check_not_lower(asked, replace(asked, calibration=Calibration(kept)))


@given(cases(), st.sampled_from(["parameters", "training_tokens", "epochs"]))
def test_a15_dropping_a_field_of_the_model_card_lowers_no_upper_bound(asked: Case, field: str) -> None:
    dropped = replace(asked.state.dataset.model_card, **{field: None})
    check_upper_not_lower(asked, with_card(asked, dropped))


@given(cases(), st.integers(1, 5_000_000), st.integers(1, 5_000_000))
def test_a15_text_that_could_not_be_read_lowers_nothing(asked: Case, unread: int, unnamed: int) -> None:
    blind = with_state(
        asked,
        scanned_bytes=asked.state.scanned_bytes - unread,
        names_read=asked.state.names_read - unnamed,
        names_unread=asked.state.names_unread + unnamed,
    )
    check_not_lower(asked, blind)


@given(cases())
def test_a15_an_unknown_provenance_counts_as_the_worst(asked: Case) -> None:
    dataset = replace(asked.state.dataset, provenance=Provenance.UNKNOWN)
    unknown = with_state(asked, dataset=dataset)
    check_not_lower(asked, unknown)
    tier = decide(assess(asked), asked, POLICY).tier
    assert decide(assess(unknown), unknown, POLICY).tier.openness <= tier.openness


@given(cases())
def test_a16_the_same_case_gives_the_same_bytes(asked: Case) -> None:
    for left, right in zip(readouts(assess(asked)), readouts(assess(asked)), strict=True):
        assert left.tobytes() == right.tobytes()


@given(cases(), names, st.integers(0, 2), st.integers(0, 4))
def test_a17_one_more_finding_moves_the_score_by_no_more_than_its_weight(
    asked: Case, entity: str, linkage: int, confidence: int
) -> None:
    asked = with_state(replace(asked, calibration=perfect), names_unread=0, scanned_bytes=10_000_000)
    more = with_cells(asked, [*asked.state.histogram.cells(), (entity, linkage, confidence, 1, 1)])
    before, after = assess(asked).public, assess(more).public
    factor = asked.terms.linkage.factors[linkage] * asked.terms.provenance[asked.state.dataset.provenance]
    weight = ENTITIES[entity].weight * factor * (1 + 1e-6)
    inside = before.harm > 1e-3
    moved = after.score[inside] - before.score[inside]
    assert (moved <= 10 * np.log10((before.harm[inside] + weight) / before.harm[inside]) + 1e-6).all()


@given(cases(some_cells))
def test_a18_weights_three_times_as_large_add_less_than_five_points(asked: Case) -> None:
    before, after = assess(asked).public, assess(replace(asked, weights_times=3.0)).public
    inside = (before.harm > 1e-3) & (after.harm < 1e7)
    assert np.allclose(after.score[inside] - before.score[inside], 10 * np.log10(3), atol=1e-9)


def test_small_chances_of_the_normal_curve_are_exact() -> None:
    """The exposure of a rare value does not vanish in rounding."""
    terms = POLICY.risk
    card = completed(ModelCard(1e6, 1e13, 1), terms.model_card)
    constants = central_constants(terms.exposure, 1)
    chance = float(extraction(np.zeros((1, 1)), constants, terms.exposure, card, 1, 60)[0, 0])
    entropy = terms.exposure.entropy.mean * np.log10(60 / terms.exposure.reference_bits)
    level = -2.05 + 0.5 * np.log10(1e6 / 6e9) - 0.5 * 0.9 * np.log10(1e13 / 4e11) - entropy - 0.9
    assert chance == pytest.approx(float(norm.cdf(level)), rel=1e-9)
    assert chance > 0


def harmless(policy: Policy) -> Policy:
    """The policy with limits that nothing exceeds."""
    free = {
        tier: replace(limits, score=None, p_max=None, p_any_critical=None)
        for tier, limits in policy.limits.private.items()
    }
    return replace(policy, limits=replace(policy.limits, private=free, public=free))
