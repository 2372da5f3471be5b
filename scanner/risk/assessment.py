"""Assessment: the four read-outs of one artefact at every tier, as draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from scanner.entities import Entities
from scanner.model import Artefact, Dataset, Provenance, Tier
from scanner.risk.exposure import CONSTANTS, Constants, Floats, central_constants, draw_constants
from scanner.risk.harm import (
    NONE_LEFT,
    NOTHING,
    EntityRisk,
    Leak,
    Left,
    Setting,
    chances,
    counts_by_entity,
    entity_risk,
)
from scanner.risk.posterior import Calibration, Posterior
from scanner.risk.tables import Table
from scanner.risk.terms import Card, Terms, completed
from scanner.values import Histogram

UNIT_SCORE = 30.0
"""Score of one unit of harm: one person's e-mail address or phone number, linked to them, extracted."""

DECADE = 10.0
"""Points for ten times the harm."""


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of a dataset when its risk is assessed; counts only, never a value.

    Attributes:
        histogram: values present, documentation values left out. A bundle is an entity of its own, named by its
            members joined with `+`; it counts what the members weigh together beyond each alone.
        gone: values found and redacted.
        tables: combinations of quasi-identifier columns.
        dataset: what its owner says.
        total_bytes: bytes of text, read or not.
        scanned_bytes: bytes that every pattern read.
        failed_shards: shards of which nothing could be read.
        names_read: bytes that the names stage read.
        names_unread: bytes that only the patterns read.
        names_left: text that the names stage left, since more of it could not change the verdict.
        rates: θ of each entity whose values were sampled.
        key_ids: ids of the fingerprint keys that the counts were made with; a verdict needs exactly one.
    """

    histogram: Histogram
    dataset: Dataset
    total_bytes: int
    scanned_bytes: int
    key_ids: frozenset[str]
    failed_shards: int = 0
    names_read: int = 0
    names_unread: int = 0
    names_left: Left = NONE_LEFT
    rates: Mapping[str, float] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    gone: Histogram = field(default_factory=lambda: Histogram.of([]))

    @property
    def share(self) -> float:
        """Share of the bytes of text that was read, in [0, 1]; 1 for a dataset without text."""
        return self.scanned_bytes / self.total_bytes if self.total_bytes else 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """One question to the risk model.

    Attributes:
        state: the counts.
        entities: what is known of each entity.
        terms: the policy's constants.
        calibration: measured precision and recall.
        artefact: a model trained on the shards, or the shards themselves.
        weights_times: factor on every weight.
        varies: the one source of uncertainty that is drawn, the others at their centre; "" draws them all.
    """

    state: State
    entities: Entities
    terms: Terms
    calibration: Calibration
    artefact: Artefact
    weights_times: float = 1.0
    varies: str = ""

    @property
    def card(self) -> Card:
        """The model card without gaps."""
        return completed(self.state.dataset.model_card, self.terms.model_card)

    @property
    def queries(self) -> tuple[float, ...]:
        """Every attacker's queries per target, the public's first."""
        public = self.terms.tiers[Tier.OPEN].queries
        if self.artefact is Artefact.DATA:
            return (public,)
        return tuple(dict.fromkeys([public, *(self.terms.tiers[tier].queries for tier in Tier)]))


@dataclass(frozen=True, slots=True)
class TableRisk:
    """One table and its part of the harm.

    Attributes:
        table: its classes.
        disclosure: θ, chance that a class of one row is one person.
        max_risk: chance that the worst-off person is picked out; for a model, times the chance of extraction.
        harm: by the attacker's queries, draws.
    """

    table: Table
    disclosure: float
    max_risk: float
    harm: dict[float, Floats]


@dataclass(frozen=True)
class Readouts:
    """What a tier's limits are held against; draws of shape (draws,), and one figure for tables.

    Attributes:
        harm: H, expected severity-weighted values extracted.
        p_max: chance that the worst-off critical value is extracted.
        p_any_critical: chance that at least one critical value is extracted.
        table_max_risk: greatest chance of picking a person out of a table.
    """

    harm: Floats
    p_max: Floats
    p_any_critical: Floats
    table_max_risk: float

    @cached_property
    def score(self) -> Floats:
        """S = clip(30 + 10·log10 H, 0, 100)."""
        return score(self.harm)

    def at(self, quantile: float) -> dict[str, float]:
        """Each read-out at a quantile of its draws."""
        return {
            "score": float(np.quantile(self.score, quantile)),
            "p_max": float(np.quantile(self.p_max, quantile)),
            "p_any_critical": float(np.quantile(self.p_any_critical, quantile)),
            "table_max_risk": self.table_max_risk,
        }


@dataclass(frozen=True)
class Assessment:
    """The risk of one artefact.

    Attributes:
        artefact: what would be released.
        card: the model, without gaps.
        entities: by name, each found or looked for.
        tables: one for each combination of columns.
        tiers: read-outs by tier; those of `Tier.OPEN` are a public release's.
        queries: of a public attacker per target.
    """

    artefact: Artefact
    card: Card
    entities: Mapping[str, EntityRisk]
    tables: tuple[TableRisk, ...]
    tiers: Mapping[Tier, Readouts]
    queries: float

    @property
    def public(self) -> Readouts:
        """Read-outs of a public release."""
        return self.tiers[Tier.OPEN]


def score(harm: Floats) -> Floats:
    """Ten points for ten times the harm; 30 is one unit, 0 is a thousandth or less."""
    safe = np.maximum(harm, 1e-300)
    return np.clip(UNIT_SCORE + DECADE * np.log10(safe), 0.0, 100.0)


def assess(case: Case) -> Assessment:
    """Weigh a case: harm, p_max, P_any and tables at every tier, as common-random-number draws.

    Pure: the same case gives the same bytes.
    """
    setting = setting_of(case)
    counts = counts_by_entity(case.state.histogram, case.state.gone, case.terms)
    names = sorted(counts.keys() | case.entities.keys())
    risks = {name: entity_risk(name, counts.get(name, NOTHING), setting, case.queries) for name in names}
    return combine(case, risks, tuple(table_risk(table, setting, case.queries) for table in case.state.tables))


def setting_of(case: Case) -> Setting:
    """Everything of a case that is the same for each of its entities."""
    terms, state = case.terms, case.state
    provenance = state.dataset.provenance
    return Setting(
        terms=terms,
        entities=case.entities,
        constants=_constants(case),
        posterior=Posterior(
            case.calibration,
            terms.missed.least_recall,
            terms.draws,
            terms.seed,
            precision_varies=case.varies in ("", "precision"),
            recall_varies=case.varies in ("", "recall"),
        ),
        card=case.card,
        artefact=case.artefact,
        factor=terms.provenance[provenance],
        silent=terms.missed.silent[provenance],
        scanned=state.scanned_bytes,
        unscanned=max(0, state.total_bytes - state.scanned_bytes),
        names_read=state.names_read,
        names_unread=state.names_unread,
        names_left=state.names_left,
        rates={} if case.varies else state.rates,
        weights_times=case.weights_times,
    )


def combine(case: Case, risks: Mapping[str, EntityRisk], tables: tuple[TableRisk, ...]) -> Assessment:
    """Read-outs of every tier from the entities' leaks: harm adds up, the chance of no leak multiplies."""
    by_queries = {queries: _readouts(risks, tables, queries) for queries in case.queries}
    public = by_queries[case.queries[0]]
    tiers = {
        tier: _at_tier(case, tier, public, by_queries.get(case.terms.tiers[tier].queries, public)) for tier in Tier
    }
    return Assessment(case.artefact, case.card, dict(risks), tables, tiers, case.queries[0])


def reweighed(assessment: Assessment, factor: float) -> Assessment:
    """The assessment as every weight times `factor` would make it: harm scales, chances stay.

    The same as assessing a case with so many `weights_times`, at no cost; a test holds the two equal.
    """
    return replace(
        assessment,
        entities={name: _reweighed(risk, factor) for name, risk in assessment.entities.items()},
        tables=tuple(
            replace(table, harm={q: harm * factor for q, harm in table.harm.items()}) for table in assessment.tables
        ),
        tiers={tier: replace(found, harm=found.harm * factor) for tier, found in assessment.tiers.items()},
    )


def _reweighed(risk: EntityRisk, factor: float) -> EntityRisk:
    return replace(risk, leaks={q: replace(leak, harm=leak.harm * factor) for q, leak in risk.leaks.items()})


SOURCES = (*CONSTANTS, "precision", "recall")
"""What is uncertain: the constants of exposure and the detectors' quality."""


def variance_shares(case: Case, draws: int = 400) -> dict[str, float]:
    """Share of the score's variance by source: each drawn alone, the others at their centre; shares add up to 1.

    Args:
        case: the case.
        draws: fewer than the policy's suffice, as only the shares are read.
    """
    fewer = replace(case, terms=replace(case.terms, draws=min(draws, case.terms.draws)))
    spread = {source: float(assess(replace(fewer, varies=source)).public.score.var()) for source in SOURCES}
    total = sum(spread.values())
    return {source: part / total if total else 0.0 for source, part in spread.items()}


def _constants(case: Case) -> Constants:
    terms = case.terms
    central = central_constants(terms.exposure, terms.draws)
    if case.varies in ("precision", "recall"):
        return central
    drawn = draw_constants(terms.exposure, terms.draws, terms.seed)
    return drawn.only(case.varies, central) if case.varies else drawn


def table_risk(table: Table, setting: Setting, queries: tuple[float, ...]) -> TableRisk:
    """One table's part of the harm, and how well it picks out one person."""
    terms = setting.terms.tables
    disclosure = table.disclosure(terms.sampled)
    cost = terms.weight * setting.factor * setting.weights_times * disclosure
    sizes = table.sizes.astype(np.float64)
    bits = setting.terms.exposure.reference_bits

    def chance(q: float) -> Floats:
        return chances(sizes, 1.0, setting, bits, q, guessed=True)

    harm = {q: cost * (table.classes @ chance(q)) for q in queries}
    exposed = np.median(chance(queries[0]), axis=1) / sizes
    return TableRisk(table, disclosure, float(exposed.max(initial=0.0)), harm)


def _readouts(risks: Mapping[str, EntityRisk], tables: tuple[TableRisk, ...], queries: float) -> Readouts:
    leaks: list[Leak] = [risk.leaks[queries] for risk in risks.values()]
    none = np.sum([leak.none for leak in leaks], axis=0)
    return Readouts(
        harm=np.sum([leak.harm for leak in leaks] + [table.harm[queries] for table in tables], axis=0),
        p_max=np.max([leak.worst for leak in leaks], axis=0),
        p_any_critical=-np.expm1(none),
        table_max_risk=max((table.max_risk for table in tables), default=0.0),
    )


def _at_tier(case: Case, tier: Tier, public: Readouts, insider: Readouts) -> Readouts:
    """R_t = l·R_public + (1−l)·misuse·R_insider (RISK_MODEL, In ten lines, 7)."""
    terms = case.terms.tiers[tier]
    inside = (1.0 - terms.leak) * terms.misuse

    def mixed(name: str) -> Floats:
        return np.asarray(terms.leak * getattr(public, name) + inside * getattr(insider, name), dtype=np.float64)

    return Readouts(mixed("harm"), mixed("p_max"), mixed("p_any_critical"), public.table_max_risk)


def is_private(provenance: Provenance) -> bool:
    """Whether text of this provenance is held to the stricter limits and gates; what is unknown is."""
    return provenance not in (Provenance.PUBLIC_WEB, Provenance.SYNTHETIC)
