"""Assessing: from counts to the risk and verdict parts of the evidence, for one artefact."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from scanner.evidence import (
    Action,
    Cost,
    Driver,
    Flip,
    GatePart,
    Interval,
    Margin,
    Remedy,
    RiskPart,
    Sensitivity,
    TableRisk,
    TierReadout,
    VerdictPart,
)
from scanner.gates import Gate
from scanner.model import Artefact, Tier
from scanner.policy import Policy, Verdict, decide, reachable
from scanner.remedies import Change, Options, flips, minimal
from scanner.risk import Assessment, Case, assess, reweighed, variance_shares
from scanner.risk.assessment import TableRisk as AssessedTable
from scanner.risk.exposure import Floats

SOURCES = {
    "level": "how readily models give text up (A)",
    "occurrences": "effect of repetition (b)",
    "parameters": "effect of model size",
    "prefix": "effect of a longer true prefix",
    "queries": "effect of more queries",
    "no_prefix": "what an attacker without the true prefix loses (κ)",
    "dilution": "effect of the size of the corpus (δ)",
    "entropy": "effect of the entropy of the value",
    "precision": "precision of the detectors",
    "recall": "recall of the detectors",
}
"""What is uncertain, for people."""

LADDER = (1e8, 1e9, 7e9, 70e9, 1e12)
"""Model sizes at which the score is told beside the card's own."""


def parts(
    assessment: Assessment, case: Case, policy: Policy, asked: Tier | None = None, options: Options | None = None
) -> tuple[RiskPart, VerdictPart]:
    """Decide an assessed case, with its sensitivity, flips and remedies.

    Args:
        assessment: of the case.
        case: the counts, with the policy's own terms.
        policy: limits and gates.
        asked: tier that the owner wants.
        options: what could be changed; None for no remedies.
    """
    verdict = decide(assessment, case, policy, asked)
    changes = minimal(case, policy, options) if options and verdict.tier is not Tier.OPEN else ()
    return (
        risk_part(assessment, case, policy, verdict),
        verdict_part(verdict, changes, flips(assessment, case, policy, verdict)),
    )


def risk_part(assessment: Assessment, case: Case, policy: Policy, verdict: Verdict) -> RiskPart:
    """The assessment as evidence, with what it hangs on."""
    public = assessment.public
    return RiskPart(
        artefact=assessment.artefact,
        score=interval(public.score),
        expected_harm=interval(public.harm),
        p_max=interval(public.p_max),
        p_any_critical=interval(public.p_any_critical),
        tables=[_table(table, assessment.queries) for table in assessment.tables],
        drivers=_drivers(assessment, case),
        tiers=[_tier(tier, assessment, case, policy, verdict) for tier in Tier],
        sensitivity=list(_sensitivity(assessment, case, policy, verdict)),
        variance={SOURCES[name]: round(share, 4) for name, share in variance_shares(case).items()},
        calibration=_calibration(case),
    )


def verdict_part(
    verdict: Verdict, changes: Iterable[Change], flipping: Iterable[tuple[str, float, float | None]]
) -> VerdictPart:
    """The verdict as evidence."""
    return VerdictPart(
        decision=verdict.decision,
        tier=verdict.tier,
        sentence=verdict.sentence,
        asked=verdict.asked,
        granted=verdict.granted,
        incomplete=verdict.incomplete,
        binds=verdict.binds,
        reasons=list(verdict.reasons),
        gates=[_gate(gate) for gate in verdict.gates],
        conditions=list(verdict.conditions),
        remedies=[_remedy(index, change) for index, change in enumerate(changes, start=1)],
        margins=[
            Margin(
                tier=margin.tier,
                readout=margin.readout,
                value=rounded(margin.value),
                limit=rounded(margin.limit),
                margin=rounded(margin.margin),
            )
            for margin in verdict.margins
        ],
        flips=[
            Flip(input=name, now=rounded(now), at=None if at is None else rounded(at)) for name, now, at in flipping
        ],
    )


def interval(draws: Floats) -> Interval:
    """The 5 %, 50 % and 95 % points of draws."""
    low, middle, high = (rounded(float(point)) for point in np.quantile(draws, (0.05, 0.5, 0.95)))
    return Interval(p05=low, p50=middle, p95=high)


def rounded(value: float) -> float:
    """Six significant digits: more would tell processors apart, not datasets."""
    return float(f"{value:.6g}") if math.isfinite(value) else math.copysign(1e308, value)


def _table(risk: AssessedTable, queries: float) -> TableRisk:
    table = risk.table
    return TableRisk(
        columns=list(table.columns),
        rows=table.rows,
        classes=table.count,
        singles=table.singles,
        pairs=table.pairs,
        smallest=table.smallest,
        max_risk=rounded(risk.max_risk),
        marketer_risk=rounded(table.marketer_risk),
        uniqueness=rounded(table.uniqueness),
        share_below_11=rounded(table.share_below_11),
        disclosure=rounded(risk.disclosure),
        diversity=dict(sorted(table.diversity.items())),
        expected_harm=rounded(float(np.median(risk.harm[queries]))),
    )


def _drivers(assessment: Assessment, case: Case) -> list[Driver]:
    """What each entity adds, the weightiest first; those that add nothing are left out."""
    queries = assessment.queries
    harm = {name: float(np.median(risk.leaks[queries].harm)) for name, risk in assessment.entities.items()}
    whole = sum(harm.values())
    return [
        Driver(
            entity=name,
            title=case.entities[name].title if name in case.entities else name.replace("+", " with "),
            distinct=risk.distinct,
            max_occurrences=risk.max_occurrences,
            expected_extracted=rounded(float(np.median(risk.leaks[queries].extracted))),
            expected_missed=rounded(float(np.median(risk.missed))),
            expected_harm=rounded(harm[name]),
            share=rounded(harm[name] / whole),
        )
        for name, risk in sorted(assessment.entities.items(), key=lambda item: (-harm[item[0]], item[0]))
        if harm[name] > 0
    ]


def _tier(tier: Tier, assessment: Assessment, case: Case, policy: Policy, verdict: Verdict) -> TierReadout:
    readouts = assessment.tiers[tier]
    exceeded = list(verdict.exceeded(tier))
    return TierReadout(
        tier=tier,
        score=interval(readouts.score),
        p_max=interval(readouts.p_max),
        p_any_critical=interval(readouts.p_any_critical),
        table_max_risk=rounded(readouts.table_max_risk),
        limits=policy.limits.at(tier, case.state.dataset.provenance),
        decided_at=policy.risk.tiers[tier].decided_at,
        within=not exceeded,
        exceeded=exceeded,
    )


def _sensitivity(assessment: Assessment, case: Case, policy: Policy, verdict: Verdict) -> Iterable[Sensitivity]:
    """The outcome under other weights and other model sizes."""
    for told, times in (("three times as large", 3.0), ("a third", 1 / 3)):
        yield _changed(f"every severity weight {told}", reweighed(assessment, times), case, policy, verdict)
    for parameters in LADDER if case.artefact is Artefact.MODEL else ():
        other, change = sized(case, parameters), f"a model of {parameters / 1e9:g} billion parameters"
        told_part = _changed(change, assess(other), other, policy, verdict)
        yield told_part.model_copy(update={"parameters": parameters})


def sized(case: Case, parameters: float) -> Case:
    """The same case for a model of another size."""
    dataset = case.state.dataset
    card = replace(dataset.model_card, parameters=parameters)
    return replace(case, state=replace(case.state, dataset=replace(dataset, model_card=card)))


def _changed(change: str, assessment: Assessment, case: Case, policy: Policy, verdict: Verdict) -> Sensitivity:
    tier = reachable(assessment, case, policy)
    return Sensitivity(
        change=change, score=interval(assessment.public.score), tier=tier, flips=tier is not verdict.tier
    )


def _calibration(case: Case) -> dict[str, str]:
    measured = case.calibration
    if not measured.entities:
        return {"measured": "nothing; every detector counts at the policy's worse end"}
    return {
        "measured": f"{len(measured.entities)} entities",
        "date": measured.date,
        "scanner": measured.scanner,
        "sets": ", ".join(measured.sets),
        **{f"model {language}": model for language, model in sorted(measured.models.items())},
    }


def _gate(gate: Gate) -> GatePart:
    return GatePart(
        id=gate.id,
        title=gate.title,
        tripped=gate.tripped,
        cap=gate.cap,
        counts={name: rounded(count) for name, count in gate.counts.items()},
        reason=gate.reason,
        clears=gate.clears,
    )


def _remedy(index: int, change: Change) -> Remedy:
    return Remedy(
        id=f"remedy-{index}",
        tier=change.tier,
        actions=[
            Action(kind=action.kind, target=action.target, title=action.title, amount=action.amount or None)
            for action in change.actions
        ],
        score=interval(change.score),
        cost=Cost(rows=change.cost.rows, cells=change.cost.cells, characters=change.cost.characters),
    )
