"""The policy: an organisation's limits and gates as values, and the verdict that they lead to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from scanner.entities import BUNDLE_JOINT
from scanner.errors import BadKey, BadPolicy, Fault, MixedKeys
from scanner.gates import Facts, Gate, Gates, judged
from scanner.model import Decision, Provenance, Tier
from scanner.risk import Assessment, Case, Terms
from scanner.risk.assessment import is_private
from scanner.risk.terms import STRICT, Chance, NotNegative

_Told = tuple[tuple[str | int, ...], str]

READOUTS = ("score", "p_max", "p_any_critical", "table_max_risk")
"""What is held against limits, in the order in which it is told."""


@dataclass(frozen=True, slots=True)
class TierLimits:
    """Most that each read-out may be at one tier; None where it is reported and not limited."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    score: Annotated[NotNegative, Field(le=100)] | None
    p_max: Chance | None
    p_any_critical: Chance | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits by tier, for text that is private and for text that was public before."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    private: Mapping[Tier, TierLimits]
    public: Mapping[Tier, TierLimits]
    tables: Mapping[Tier, Chance]

    def at(self, tier: Tier, provenance: Provenance) -> dict[str, float | None]:
        """Limit of every read-out at a tier."""
        limits = (self.private if is_private(provenance) else self.public)[tier]
        return {
            "score": limits.score,
            "p_max": limits.p_max,
            "p_any_critical": limits.p_any_critical,
            "table_max_risk": self.tables[tier],
        }


@dataclass(frozen=True, slots=True)
class Allowed:
    """Findings that were judged before the scan to be no one's private data."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    entity: str
    column: str
    reason: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Policy:
    """`policy.yaml` as values.

    Attributes:
        schema_version: 1.
        name: how reports call it.
        limits: of the read-outs.
        gates: caps that no score lifts.
        conditions: what goes with a release, by tier.
        allow: findings that count for nothing, each with its reason.
        risk: constants of the risk model.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    schema_version: Literal[1]
    name: str
    limits: Limits
    gates: Gates
    conditions: Mapping[Tier, tuple[str, ...]]
    allow: tuple[Allowed, ...]
    risk: Terms

    def allows(self, entity: str, column: str) -> bool:
        """Whether findings of an entity in a column count for nothing."""
        return any(entry.entity == entity and entry.column == column for entry in self.allow)


@dataclass(frozen=True, slots=True)
class Margin:
    """A read-out against its limit at a tier, at the quantile that the tier is decided at."""

    tier: Tier
    readout: str
    value: float
    limit: float

    @property
    def margin(self) -> float:
        """By how much it clears the limit; negative when it does not."""
        return self.limit - self.value


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is recommended for one artefact.

    Attributes:
        decision: keep_internal if and only if the tier is internal.
        tier: the most open one within all limits and gates.
        asked: tier that was asked for, if one was.
        incomplete: something was not read, and the verdict is capped for it.
        binds: what stands nearest in the way of the next more open tier, or clears its limit by the least.
        reasons: sentences, the weightiest first.
        gates: all of them, tripped or not.
        conditions: what goes with a release at this tier.
        margins: of every limited read-out at every tier.
    """

    decision: Decision
    tier: Tier
    asked: Tier | None
    incomplete: bool
    binds: str
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...]
    conditions: tuple[str, ...]
    margins: tuple[Margin, ...]

    @property
    def granted(self) -> bool:
        """Whether the tier asked for is allowed; without one, whether there is any release."""
        if self.asked is None:
            return self.decision is Decision.RELEASABLE
        return self.tier.openness >= self.asked.openness

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        if self.decision is Decision.KEEP_INTERNAL:
            return "Keep internal."
        return f"Releasable: {REACH[self.tier]}."

    def exceeded(self, tier: Tier) -> tuple[str, ...]:
        """Read-outs beyond their limit at a tier."""
        return tuple(margin.readout for margin in self.margins if margin.tier is tier and margin.margin < 0)


REACH = {
    Tier.OPEN: "openly",
    Tier.RESEARCH: "under a research-only licence",
    Tier.NDA: "to named academic partners under NDA",
    Tier.INTERNAL: "inside the organisation only",
}
"""How far each tier reaches, for people."""


def parse_policy(document: Any, place: str, lines: Mapping[tuple[str | int, ...], int] | None = None) -> Policy:
    """A policy from a parsed `policy.yaml`.

    Args:
        document: what the YAML holds.
        place: name of the file, for faults.
        lines: line of each key by its path, if the loader knows it.

    Raises:
        BadPolicy: with every fault of the document.
    """
    try:
        policy = TypeAdapter(Policy).validate_python(document)
    except ValidationError as error:
        faults = (Fault(_place(place, fault["loc"], lines), _message(fault)) for fault in error.errors())
        raise BadPolicy(sorted(set(faults))) from None
    faults_found = [Fault(_place(place, path, lines), message) for path, message in _contradictions(policy)]
    if faults_found:
        raise BadPolicy(faults_found)
    return policy


def decide(assessment: Assessment, case: Case, policy: Policy, asked: Tier | None = None) -> Verdict:
    """The most open tier whose read-outs are all within their limits, and not above any gate's cap.

    Args:
        assessment: of the case.
        case: the same case.
        policy: the same policy that the case's terms come from.
        asked: tier that the owner wants.

    Raises:
        BadKey: the counts were made without a fingerprint key.
        MixedKeys: they were made with several.
    """
    _check_keys(case)
    margins = tuple(_margins(assessment, policy, case.state.dataset.provenance))
    gates = judged(policy.gates, Facts.of(assessment, case))
    tier = _most_open(margins, gates)
    incomplete = any(gate.id == "coverage" and gate.tripped for gate in gates)
    return Verdict(
        decision=Decision.KEEP_INTERNAL if tier is Tier.INTERNAL else Decision.RELEASABLE,
        tier=tier,
        asked=asked,
        incomplete=incomplete,
        binds=_binds(tier, margins, gates),
        reasons=tuple(_reasons(assessment, case, tier, margins, gates)),
        gates=gates,
        conditions=policy.conditions[tier],
        margins=margins,
    )


def reachable(assessment: Assessment, case: Case, policy: Policy) -> Tier:
    """The tier that `decide` gives, without telling why: gates first, as they cost little."""
    gates = judged(policy.gates, Facts.of(assessment, case))
    if any(gate.cap is Tier.INTERNAL for gate in gates):
        return Tier.INTERNAL
    return _most_open(tuple(_margins(assessment, policy, case.state.dataset.provenance)), gates)


def _margins(assessment: Assessment, policy: Policy, provenance: Provenance) -> Iterator[Margin]:
    for tier in Tier:
        values = assessment.tiers[tier].at(policy.risk.tiers[tier].decided_at)
        for readout, limit in policy.limits.at(tier, provenance).items():
            if limit is not None:
                yield Margin(tier, readout, values[readout], limit)


def _most_open(margins: tuple[Margin, ...], gates: tuple[Gate, ...]) -> Tier:
    beyond = {margin.tier for margin in margins if margin.margin < 0}
    within = next((tier for tier in Tier if tier not in beyond), Tier.INTERNAL)
    for gate in gates:
        within = within.capped(gate.cap) if gate.tripped and gate.cap else within
    return within if within not in beyond else Tier.INTERNAL


def _binds(tier: Tier, margins: tuple[Margin, ...], gates: tuple[Gate, ...]) -> str:
    """The gate or limit that keeps the next more open tier closed; for open, the limit with the least room."""
    if tier is Tier.OPEN:
        return _told(min((m for m in margins if m.tier is Tier.OPEN), key=_room))
    above = next(other for other in reversed(Tier) if other.openness == tier.openness + 1)
    closing = [gate for gate in gates if gate.tripped and gate.cap and gate.cap.openness <= tier.openness]
    if closing:
        return f"gate {closing[0].id}: {closing[0].reason}"
    beyond = [margin for margin in margins if margin.tier is above and margin.margin < 0]
    return _told(min(beyond, key=_room)) if beyond else ""


def _room(margin: Margin) -> float:
    """Distance to the limit in points of score or, for a chance, ten points for ten times."""
    if margin.readout == "score":
        return margin.margin
    if margin.limit <= 0 or margin.value <= 0:
        return float("inf") if margin.margin > 0 else margin.margin * 1e9
    return _points(margin.limit / margin.value)


def _points(ratio: float) -> float:
    return 10.0 * math.log10(ratio)


_NAMES = {
    "score": "risk score",
    "p_max": "chance that the worst-off critical value is extracted",
    "p_any_critical": "chance that at least one critical value is extracted",
    "table_max_risk": "greatest chance of picking a person out of a table",
}


def _told(margin: Margin) -> str:
    if margin.readout == "score":
        value, limit = f"{margin.value:.1f}", f"{margin.limit:g}"
    else:
        value, limit = f"{margin.value:.2%}", f"{margin.limit:.2%}"
    side = "within" if margin.margin >= 0 else "above"
    return f"{_NAMES[margin.readout]} at {margin.tier}: {value}, {side} the limit of {limit}"


def _reasons(
    assessment: Assessment, case: Case, tier: Tier, margins: tuple[Margin, ...], gates: tuple[Gate, ...]
) -> Iterator[str]:
    for gate in sorted((gate for gate in gates if gate.tripped and gate.cap), key=lambda g: (g.openness, g.id)):
        yield f"{gate.title}: {gate.reason} (at most {gate.cap})"
    above = [margin for margin in margins if margin.tier.openness == tier.openness + 1 and margin.margin < 0]
    yield from (f"The {_told(margin)}." for margin in sorted(above, key=_room))
    low, middle, high = (assessment.public.at(quantile)["score"] for quantile in (0.05, 0.5, 0.95))
    yield f"Released to the public, the risk score would be {middle:.0f} ({low:.0f} to {high:.0f}) of 100."
    drivers = sorted(assessment.entities.values(), key=lambda e: -float(e.leaks[assessment.queries].harm.mean()))
    top = [risk for risk in drivers if risk.distinct][:3]
    if top:
        told = "; ".join(
            f"{_title(case, risk.entity)} ({risk.distinct:,} distinct, up to {risk.max_occurrences:,}×)" for risk in top
        )
        yield f"Most of it comes from {told}."


def _title(case: Case, entity: str) -> str:
    """What people call an entity, or the members of a bundle."""
    return " with ".join(
        case.entities[member].title if member in case.entities else member for member in entity.split(BUNDLE_JOINT)
    )


def _check_keys(case: Case) -> None:
    if not case.state.key_ids:
        raise BadKey("the counts were made without a fingerprint key: no verdict")
    if len(case.state.key_ids) > 1:
        raise MixedKeys(f"the counts were made with {len(case.state.key_ids)} fingerprint keys: no verdict")


def _place(place: str, path: tuple[str | int, ...], lines: Mapping[tuple[str | int, ...], int] | None) -> str:
    """`policy.yaml:12: limits.private` as far as the line is known; a key that lacks has its parent's line."""
    known = [part for part in path if not (isinstance(part, str) and part.endswith("]"))]
    line = (
        next(
            (lines[tuple(known[:length])] for length in range(len(known), 0, -1) if tuple(known[:length]) in lines),
            None,
        )
        if lines
        else None
    )
    where = f"{place}:{line}" if line else place
    return f"{where}: {'.'.join(map(str, known))}" if known else where


def _message(fault: Any) -> str:
    match fault["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            return "unknown key"
        case "missing" | "missing_argument":
            return "is missing"
        case _:
            return str(fault["msg"]).removeprefix("Value error, ")


def _contradictions(policy: Policy) -> Iterator[_Told]:
    """What each value alone does not show: tiers and limits that would not nest, gaps in a mapping."""
    risk, limits = policy.risk, policy.limits
    yield from _gaps(("risk", "tiers"), risk.tiers, Tier)
    yield from _gaps(("limits", "private"), limits.private, Tier)
    yield from _gaps(("limits", "public"), limits.public, Tier)
    yield from _gaps(("limits", "tables"), limits.tables, Tier)
    yield from _gaps(("conditions",), policy.conditions, Tier)
    yield from _gaps(("risk", "provenance"), risk.provenance, Provenance)
    yield from _gaps(("risk", "missed", "silent"), risk.missed.silent, Provenance)
    yield from _better_unknown(("risk", "provenance"), risk.provenance)
    yield from _better_unknown(("risk", "missed", "silent"), risk.missed.silent)
    yield from _not_nested(policy)
    if list(risk.linkage.factors) != sorted(risk.linkage.factors):
        yield ("risk", "linkage"), "must not fall from alone to beside_one to beside_more"
    if risk.exposure.dilution.low > risk.exposure.dilution.high:
        yield ("risk", "exposure", "dilution"), "`low` must not be above `high`"


def _gaps(path: tuple[str, ...], mapping: Mapping[Any, object], keys: Iterable[StrEnum]) -> Iterator[_Told]:
    yield from (((*path, str(key)), "is missing") for key in keys if key not in mapping)


def _better_unknown(path: tuple[str, ...], by_provenance: Mapping[Provenance, float]) -> Iterator[_Told]:
    worst = max(by_provenance.values(), default=0.0)
    if by_provenance.get(Provenance.UNKNOWN, worst) < worst:
        yield (*path, "unknown"), "must be the largest: what is unknown counts as the worse case"


def _not_nested(policy: Policy) -> Iterator[_Told]:
    """Wherever a stricter tier would be riskier or held to more than a more open one."""
    tiers = policy.risk.tiers
    for wider, stricter in pairwise(Tier):
        for name in ("leak", "misuse", "queries", "decided_at"):
            if wider in tiers and stricter in tiers and getattr(tiers[stricter], name) > getattr(tiers[wider], name):
                yield ("risk", "tiers", str(stricter), name), f"must not be above that of {wider}"
        for group, limits in (("private", policy.limits.private), ("public", policy.limits.public)):
            for name in READOUTS[:3]:
                if (
                    wider in limits
                    and stricter in limits
                    and _less(getattr(limits[stricter], name), getattr(limits[wider], name))
                ):
                    yield ("limits", group, str(stricter), name), f"must not be below that of {wider}"
        if _less(policy.limits.tables.get(stricter), policy.limits.tables.get(wider)):
            yield ("limits", "tables", str(stricter)), f"must not be below that of {wider}"


def _less(strict: float | None, wide: float | None) -> bool:
    """Whether a limit is the stricter one; None is no limit."""
    return strict is not None and (wide is None or strict < wide)
