"""The smallest sets of changes that open a tier."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model import Artefact, ModelCard, Provenance, Tier
from scanner.policy import decide
from scanner.remedies import Action, Kind, Options, Touched, candidates, changed, flips, minimal
from scanner.risk import Calibration, Case, assess
from scanner.tally import ColumnCount, FindingCount, Tally
from scanner.values import Histogram
from tests.risk.cases import Cell, all_measured, case, measured, quick_policy, some_entities

POLICY = quick_policy()
ENTITIES = some_entities("PERSON", "EMAIL_ADDRESS", "CREDIT_CARD", "SECRET", "GOVERNMENT_ID")
REPEATED: list[Cell] = [("GOVERNMENT_ID", 0, 4, 500, 1), ("EMAIL_ADDRESS", 1, 4, 1, 100)]
TALLY = Tally(
    rows=1000,
    columns={"text": ColumnCount(1000, 50_000, 50_000), "title": ColumnCount(1000, 10_000, 10_000)},
    findings={
        ("GOVERNMENT_ID", "text"): FindingCount(500, 500, 5_000),
        ("EMAIL_ADDRESS", "text"): FindingCount(90, 80, 1_800),
        ("EMAIL_ADDRESS", "title"): FindingCount(10, 10, 200),
    },
)


def redact(entity: str) -> Action:
    return Action(Kind.REDACT_ENTITY, entity)


def tier_of(asked: Case) -> Tier:
    return decide(assess(asked), asked, POLICY).tier


def sets(asked: Case, options: Options) -> dict[Tier, set[frozenset[Action]]]:
    found: dict[Tier, set[frozenset[Action]]] = {}
    for change in minimal(asked, POLICY, options):
        found.setdefault(change.tier, set()).add(frozenset(change.actions))
    return found


def test_redaction_or_deduplication_frees_a_repeated_number() -> None:
    once = Action(Kind.DEDUPLICATE, "", 1)
    found = sets(case(REPEATED, entities=ENTITIES), Options((redact("GOVERNMENT_ID"), once, redact("EMAIL_ADDRESS"))))
    assert found[Tier.NDA] == {frozenset({once})}
    assert found[Tier.OPEN] == {frozenset({redact("GOVERNMENT_ID")})}


def test_nothing_is_told_where_nothing_helps_or_is_needed() -> None:
    options = Options((redact("EMAIL_ADDRESS"),))
    assert minimal(case([], entities=ENTITIES), POLICY, options) == ()
    assert minimal(case(REPEATED, provenance=Provenance.USER_PRIVATE, entities=ENTITIES), POLICY, options) == ()


def test_a_better_recall_can_be_what_is_lacking() -> None:
    poor = all_measured(CREDIT_CARD=measured(60, 40))
    asked = case([("CREDIT_CARD", 1, 4, 1, 40)], calibration=poor, entities=ENTITIES)
    better = Action(Kind.MEASURE_RECALL, "CREDIT_CARD", 0.99)
    options = Options((redact("CREDIT_CARD"), better), labels=2000)
    assert sets(asked, options)[Tier.OPEN] == {frozenset({redact("CREDIT_CARD"), better})}


def test_a_smaller_model_or_fewer_epochs_can_be_enough() -> None:
    large = ModelCard(1e12, 1e12, 10)
    asked = case([("GOVERNMENT_ID", 0, 4, 1, 1)], card=large, entities=ENTITIES)
    smaller, once = Action(Kind.PARAMETERS, "", 1e7), Action(Kind.EPOCHS, "", 1)
    assert sets(asked, Options((smaller, once)))[Tier.OPEN] == {frozenset({smaller, once})}
    assert changed(asked, [smaller, once], Options(())).card.parameters == 1e7


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(ENTITIES)),
            st.integers(0, 2),
            st.integers(2, 4),
            st.integers(1, 500),
            st.integers(1, 300),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_set_told_is_minimal_and_none_is_left_out(cells: list[Cell]) -> None:
    """Against the plain definition: try every subset, keep those of which no proper subset reaches the tier."""
    asked = case(cells, entities=ENTITIES, calibration=Calibration({"PERSON": measured(9, 1)}))
    actions = (
        redact("CREDIT_CARD"),
        redact("SECRET"),
        Action(Kind.DEDUPLICATE, "", 1),
        Action(Kind.PARAMETERS, "", 1e8),
    )
    options = Options(actions)
    subsets = [frozenset(some) for size in range(5) for some in combinations(actions, size)]
    tiers = {some: tier_of(changed(asked, [a for a in actions if a in some], options)) for some in subsets}
    now = tiers[frozenset()]
    wanted = {
        tier: {
            some
            for some in subsets
            if tiers[some].openness >= tier.openness
            and all(tiers[less].openness < tier.openness for less in subsets if less < some)
        }
        for tier in Tier
        if now.openness < tier.openness
    }
    told: dict[frozenset[Action], Tier] = {}
    for tier, some in wanted.items():
        for chosen in some:
            told.setdefault(chosen, tier)
    assert {chosen: tier for tier, some in sets(asked, options).items() for chosen in some} == told


def test_redacting_a_column_leaves_what_stands_elsewhere_and_what_was_missed() -> None:
    whole: list[Cell] = [("EMAIL_ADDRESS", 1, 4, 1, 60), ("EMAIL_ADDRESS", 1, 4, 2, 40)]
    rest: list[Cell] = [("EMAIL_ADDRESS", 1, 4, 1, 40)]

    def recount(columns: frozenset[str], shards: frozenset[str]) -> Histogram:
        return Histogram.of(rest if columns else whole)

    options = Options((), recount)
    asked = case(whole, entities=ENTITIES)
    redacted = changed(asked, [Action(Kind.REDACT_COLUMN, "title")], options).state
    assert redacted.histogram.cells() == rest
    assert redacted.gone.cells() == [("EMAIL_ADDRESS", 1, 4, 1, 20), ("EMAIL_ADDRESS", 1, 4, 2, 40)]
    dropped = changed(asked, [Action(Kind.DROP_COLUMN, "title")], options).state
    assert (dropped.histogram.cells(), len(dropped.gone)) == (rest, 0)


def test_dropping_a_shard_is_counted_without_it() -> None:
    asked: list[tuple[frozenset[str], frozenset[str]]] = []

    def recount(columns: frozenset[str], shards: frozenset[str]) -> Histogram:
        asked.append((columns, shards))
        return Histogram.of([])

    left = changed(case(REPEATED), [Action(Kind.DROP_SHARD, "a.parquet")], Options((), recount)).state
    assert (len(left.histogram), len(left.gone)) == (0, 0)
    assert asked == [(frozenset(), frozenset({"a.parquet"}))]


def test_a_bundle_goes_with_any_of_its_members() -> None:
    cells: list[Cell] = [("CREDIT_CARD", 1, 4, 1, 5), ("CREDIT_CARD+CVV", 1, 4, 1, 5), ("CVV", 1, 4, 1, 5)]
    state = changed(case(cells), [redact("CVV")], Options(())).state
    assert [cell[0] for cell in state.histogram.cells()] == ["CREDIT_CARD"]
    assert [cell[0] for cell in state.gone.cells()] == ["CREDIT_CARD+CVV", "CVV"]


def test_deduplication_keeps_no_more_than_asked_for() -> None:
    state = changed(case(REPEATED), [Action(Kind.DEDUPLICATE, "GOVERNMENT_ID", 3)], Options(())).state
    assert state.histogram.cells() == [("EMAIL_ADDRESS", 1, 4, 1, 100), ("GOVERNMENT_ID", 0, 4, 3, 1)]


def test_costs_are_shares_of_what_is_touched_and_add_up_to_one_at_most() -> None:
    asked = case(REPEATED, entities=ENTITIES)
    actions = candidates(asked, assess(asked), TALLY, columns=True)
    costs = {(action.kind, action.target): action.cost for action in actions}
    assert costs[Kind.REDACT_ENTITY, "GOVERNMENT_ID"] == Touched(0.5, 0.25, 5_000 / 60_000)
    assert costs[Kind.REDACT_COLUMN, "text"] == Touched(0.58, 0.295, 6_800 / 60_000)
    assert costs[Kind.DROP_COLUMN, "text"] == Touched(1, 0.5, 5 / 6)
    assert Touched(0.6, 0.6, 0.6) + Touched(0.6, 0, 0.1) == Touched(1, 0.6, 0.6 + 0.1)


def test_the_shard_that_weighs_most_may_be_dropped() -> None:
    clean = Tally(rows=900, columns={"text": ColumnCount(900, 45_000, 45_000)})
    bad = Tally(
        rows=100,
        columns={"text": ColumnCount(100, 5_000, 5_000)},
        findings={("GOVERNMENT_ID", "text"): FindingCount(500, 100, 5_000)},
    )
    asked = case(REPEATED, entities=ENTITIES)
    whole, assessment = clean + bad, assess(asked)
    actions = candidates(asked, assessment, whole, shards={"a": clean, "b": bad})
    (drop,) = [action for action in actions if action.kind is Kind.DROP_SHARD]
    assert drop.target == "b"
    assert drop.cost == Touched(rows=0.1, cells=0.1, characters=0.1)
    for alone in ({"b": bad}, {"a": clean, "c": clean}):
        kinds = {action.kind for action in candidates(asked, assessment, whole, shards=alone)}
        assert Kind.DROP_SHARD not in kinds
    without = Histogram.of([REPEATED[1]])
    options = Options((drop,), recount=lambda columns, shards: without if shards == {"b"} else Histogram.of(REPEATED))
    assert sets(asked, options)[Tier.OPEN] == {frozenset({drop})}


def test_candidates_fit_the_artefact_and_their_number_is_bounded() -> None:
    many: list[Cell] = [(name, 1, 4, 9, 100) for name in all_measured().entities]
    asked = case(many, card=ModelCard(1e12, 1e12, 3))
    actions = candidates(asked, assess(asked), TALLY, columns=True)
    assert len(actions) <= 12
    kinds = {action.kind for action in actions}
    assert {Kind.REDACT_ENTITY, Kind.EPOCHS, Kind.PARAMETERS, Kind.MEASURE_RECALL} <= kinds
    shards = replace(asked, artefact=Artefact.DATA)
    assert Kind.EPOCHS not in {action.kind for action in candidates(shards, assess(shards), TALLY)}
    with pytest.raises(ValueError, match="at most 12"):
        minimal(asked, POLICY, Options(actions * 2))


def test_the_forecast_is_what_an_assessment_after_the_change_gives() -> None:
    asked = case(REPEATED, entities=ENTITIES)
    options = Options((redact("GOVERNMENT_ID"), redact("EMAIL_ADDRESS")))
    change = next(change for change in minimal(asked, POLICY, options) if change.tier is Tier.OPEN)
    after = assess(changed(asked, change.actions, options))
    assert np.array_equal(change.score, after.public.score)


def test_every_action_has_a_sentence() -> None:
    titles = {Action(kind, "target", 2).title for kind in Kind}
    assert len(titles) == len(Kind)


def test_the_size_at_which_the_decision_flips_is_between_both_verdicts() -> None:
    asked = case([("GOVERNMENT_ID", 0, 4, 1, 1)], entities=ENTITIES)
    assessment = assess(asked)
    verdict = decide(assessment, asked, POLICY)
    found = {name: at for name, _, at in flips(assessment, asked, POLICY, verdict)}
    edge = found["parameters, down"]
    assert edge is not None
    assert edge < 7e9

    def tier_at(size: float) -> Tier:
        card = replace(asked.state.dataset.model_card, parameters=size)
        dataset = replace(asked.state.dataset, model_card=card)
        return tier_of(replace(asked, state=replace(asked.state, dataset=dataset)))

    assert tier_at(edge) is not verdict.tier
    assert tier_at(edge * 1.02) is verdict.tier


def test_no_input_flips_what_a_gate_decides() -> None:
    asked = case([], provenance=Provenance.USER_PRIVATE, entities=ENTITIES)
    assessment = assess(asked)
    verdict = decide(assessment, asked, POLICY)
    assert all(at is None for _, _, at in flips(assessment, asked, POLICY, verdict))
