"""Gates: facts that cap the tier whatever the score, and what clears each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from scanner.entities import BUNDLE_JOINT
from scanner.model import Artefact, Provenance, Tier
from scanner.risk import Assessment, Calibration, Case, EntityRisk
from scanner.risk.assessment import State, is_private
from scanner.risk.terms import STRICT, Chance, NotNegative
from scanner.wording import plural


@dataclass(frozen=True, slots=True)
class Caps:
    """The tier that a gate caps at, by kind of text; None where the gate does not exist."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    private: Tier | None
    public: Tier | None

    def of(self, provenance: Provenance) -> Tier | None:
        """The cap for a provenance."""
        return self.private if is_private(provenance) else self.public


@dataclass(frozen=True, slots=True)
class ConsentGate(Caps):
    """Private user data without consent; `dp_epsilon_at_most` is the largest privacy budget that clears it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    dp_epsilon_at_most: NotNegative


@dataclass(frozen=True, slots=True)
class FoundGate(Caps):
    """Trips once it is so sure that at least one finding is real."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    certainty: Chance


@dataclass(frozen=True, slots=True)
class HealthGate(FoundGate):
    """Health beside a person; `proven` is the cap once Safe Harbor or an expert's report is stated."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    proven: Tier | None


@dataclass(frozen=True, slots=True)
class ShareCap:
    """Caps when less than this share of the bytes was read."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    share: Chance
    cap: Tier


@dataclass(frozen=True, slots=True)
class CoverageGate:
    """Text that no detector read."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    below: tuple[ShareCap, ...]
    failed_shard: Tier


@dataclass(frozen=True, slots=True)
class UnmeasuredGate(Caps):
    """Critical entities whose detector was not measured on so many labels."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    labels_at_least: Annotated[int, Field(ge=1)]
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RiskCap:
    """Caps when the table risk is above this."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    risk: Chance
    cap: Tier


@dataclass(frozen=True, slots=True)
class TablesGate:
    """Re-identification by a combination of columns."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    above: tuple[RiskCap, ...]


@dataclass(frozen=True, slots=True)
class RawGate:
    """The shards themselves as the artefact."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    cap: Tier
    certainty: Chance


@dataclass(frozen=True, slots=True)
class Gates:
    """Every gate of a policy."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    private_without_consent: ConsentGate
    article_9: FoundGate
    minors: FoundGate
    health: HealthGate
    live_secret: Caps
    secret_by_format: FoundGate
    coverage: CoverageGate
    unmeasured: UnmeasuredGate
    tables: TablesGate
    raw_critical: RawGate


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate says of one case.

    Attributes:
        id: key in the policy.
        title: for people.
        tripped: whether it caps the tier.
        cap: most open tier that it lets through; None when it is not tripped.
        counts: the numbers it looked at, by name.
        reason: a sentence with numbers.
        clears: what would open it.
    """

    id: str
    title: str
    tripped: bool
    cap: Tier | None
    counts: dict[str, float]
    reason: str
    clears: str

    @property
    def openness(self) -> int:
        """Of the cap; that of an open release when there is none."""
        return (self.cap or Tier.OPEN).openness


@dataclass(frozen=True, slots=True)
class Facts:
    """What gates look at.

    Attributes:
        risks: entities found or looked for, by entity with the marks of `entities.yaml`.
        marks: marks by entity.
        titles: what people call each entity.
        state: the counts and the owner's words.
        artefact: what would be released.
        calibration: what was measured.
        table_max_risk: greatest chance of picking a person out of a table.
    """

    risks: tuple[EntityRisk, ...]
    marks: dict[str, frozenset[str]]
    titles: dict[str, str]
    state: State
    artefact: Artefact
    calibration: Calibration
    table_max_risk: float

    @classmethod
    def of(cls, assessment: Assessment, case: Case) -> Facts:
        """Those of an assessed case; bundles are left out, since their members are counted."""
        return cls(
            risks=tuple(risk for name, risk in sorted(assessment.entities.items()) if BUNDLE_JOINT not in name),
            marks={name: facts.special for name, facts in case.entities.items()},
            titles={name: facts.title for name, facts in case.entities.items()},
            state=case.state,
            artefact=case.artefact,
            calibration=case.calibration,
            table_max_risk=assessment.public.table_max_risk,
        )

    @property
    def provenance(self) -> Provenance:
        """Of the dataset."""
        return self.state.dataset.provenance

    def said(self, fact: str) -> bool:
        """Whether the owner says so."""
        return bool((self.state.dataset.facts or {}).get(fact, False))

    def title(self, entity: str) -> str:
        """What people call an entity."""
        return self.titles.get(entity, entity)

    def told(self, risks: Iterable[EntityRisk], sure: float, *, beside: bool = False) -> str:
        """How many values of which kind were found, and how sure it is that one is real."""
        counts = ((self.title(risk.entity), risk.beside if beside else risk.distinct) for risk in risks)
        found = ", ".join(f"{plural(count, 'value')} ({title})" for title, count in counts if count)
        where = " beside an identifier of a person" if beside else ""
        return f"{found}{where}; {sure:.0%} sure that at least one is real" if found else "none found"

    def marked(self, mark: str, *, but: str = "") -> tuple[EntityRisk, ...]:
        """Entities with a mark and without another."""
        return tuple(
            risk
            for risk in self.risks
            if mark in (marks := self.marks.get(risk.entity, frozenset())) and but not in marks
        )


def judged(gates: Gates, facts: Facts) -> tuple[Gate, ...]:
    """Every gate's word on a case, in the order of the policy."""
    return (
        _consent(gates.private_without_consent, facts),
        _article_9(gates.article_9, facts),
        _minors(gates.minors, facts),
        _health(gates.health, facts),
        _live_secret(gates.live_secret, facts),
        _secret_by_format(gates.secret_by_format, facts),
        _coverage(gates.coverage, facts),
        _unmeasured(gates.unmeasured, facts),
        _tables(gates.tables, facts),
        _raw(gates.raw_critical, facts),
    )


def _gate(
    id_: str, title: str, trips: bool, cap: Tier | None, counts: dict[str, float], reason: str, clears: str
) -> Gate:
    tripped = trips and cap is not None
    return Gate(id_, title, tripped, cap if tripped else None, counts, reason, clears)


def _consent(gate: ConsentGate, facts: Facts) -> Gate:
    dataset = facts.state.dataset
    epsilon = dataset.model_card.dp_epsilon
    by_users = dataset.provenance in (Provenance.USER_PRIVATE, Provenance.UNKNOWN)
    trained_privately = facts.artefact is Artefact.MODEL and epsilon is not None and epsilon <= gate.dp_epsilon_at_most
    covered = dataset.consent or dataset.anonymity_report or trained_privately
    what = "private user data" if dataset.provenance is Provenance.USER_PRIVATE else "text of unknown provenance"
    reason = f"{what} without consent, user-level differential privacy or an anonymity report"
    return _gate(
        "private_without_consent",
        "Private user data",
        by_users and not covered,
        gate.of(dataset.provenance),
        {"epsilon": epsilon} if epsilon is not None else {},
        reason if by_users and not covered else "the text is not private user data, or its use is covered",
        f"the persons' consent, training with user-level differential privacy (ε at most {gate.dp_epsilon_at_most:g}),"
        " or an expert's report on anonymity",
    )


def _article_9(gate: FoundGate, facts: Facts) -> Gate:
    risks = facts.marked("article_9", but="health")
    return _found(
        "article_9", "Special categories of personal data", risks, gate, facts, beside=True,
        clears="redact them, and scan again",
    )  # fmt: skip


def _minors(gate: FoundGate, facts: Facts) -> Gate:
    found = _found(
        "minors", "Data of minors", facts.marked("minor"), gate, facts, beside=False,
        clears="leave minors' records out, and scan again",
    )  # fmt: skip
    if not facts.said("minors"):
        return found
    cap = gate.of(facts.provenance)
    return _gate(found.id, found.title, True, cap, found.counts, "the owner says that minors' data are within",
                 found.clears)  # fmt: skip


def _health(gate: HealthGate, facts: Facts) -> Gate:
    found = _found(
        "health", "Health beside a person", facts.marked("health"), gate, facts, beside=True,
        clears="redact it, or remove the 18 identifiers of HIPAA Safe Harbor and have that stated or reported",
    )  # fmt: skip
    proven = facts.said("safe_harbor") or facts.state.dataset.anonymity_report
    if not (found.tripped and proven and is_private(facts.provenance)):
        return found
    reason = f"{found.reason}; Safe Harbor or an expert's report is stated"
    return _gate(found.id, found.title, True, gate.proven, found.counts, reason, found.clears)


def _live_secret(gate: Caps, facts: Facts) -> Gate:
    live = facts.said("live_secrets")
    return _gate(
        "live_secret",
        "Keys or passwords in use",
        live,
        gate.of(facts.provenance),
        {"found": float(sum(risk.distinct for risk in facts.marked("secret")))},
        "their owner or a verifier says that they work" if live else "nobody says that one of them works",
        "rotate them, redact them, and state `live_secrets: false`",
    )


def _secret_by_format(gate: FoundGate, facts: Facts) -> Gate:
    return _found(
        "secret_by_format", "Keys or passwords by their form", facts.marked("secret"), gate, facts,
        beside=False, clears="redact them, and scan again; rotate those that worked",
    )  # fmt: skip


def _coverage(gate: CoverageGate, facts: Facts) -> Gate:
    state = facts.state
    caps = [entry.cap for entry in gate.below if state.share < entry.share]
    caps += [gate.failed_shard] if state.failed_shards else []
    return _gate(
        "coverage",
        "Text that was not read",
        bool(caps),
        _strictest(caps),
        {"share": state.share, "unread_bytes": float(state.total_bytes - state.scanned_bytes),
         "failed_shards": float(state.failed_shards)},
        f"{state.share:.2%} of the bytes were read; {plural(state.failed_shards, 'shard')} failed",
        "mend or leave out what could not be read, and scan again",
    )  # fmt: skip


def _unmeasured(gate: UnmeasuredGate, facts: Facts) -> Gate:
    needed = {risk.entity for risk in facts.risks if risk.critical and risk.distinct} | set(gate.required)
    lacking = sorted(name for name in needed if not facts.calibration.measured(name, gate.labels_at_least))
    return _gate(
        "unmeasured",
        "Detectors that were not measured",
        bool(lacking),
        gate.of(facts.provenance),
        {name: float(_labels(facts.calibration, name)) for name in lacking},
        f"precision or recall of {_quoted(map(facts.title, lacking))} rests on fewer than {gate.labels_at_least} labels"
        if lacking
        else "every critical entity that was found has measured precision and recall",
        "label text that holds them, measure with `scanner evaluate`, and decide again; or redact them",
    )


def _tables(gate: TablesGate, facts: Facts) -> Gate:
    caps = [entry.cap for entry in gate.above if facts.table_max_risk > entry.risk]
    return _gate(
        "tables",
        "People picked out of a table",
        bool(caps),
        _strictest(caps),
        {"max_risk": facts.table_max_risk, "tables": float(len(facts.state.tables))},
        f"the greatest chance of picking one person out by a combination of columns is {facts.table_max_risk:.2%}"
        if facts.state.tables
        else "no combination of columns picks people out",
        "drop or coarsen the columns until each combination is shared by enough rows",
    )


def _raw(gate: RawGate, facts: Facts) -> Gate:
    critical = tuple(risk for risk in facts.risks if risk.critical)
    sure = _some(risk.some for risk in critical)
    data = facts.artefact is Artefact.DATA
    return _gate(
        "raw_critical",
        "Critical values in the shards",
        data and sure >= gate.certainty and sure > 0,
        gate.cap,
        {"found": float(sum(risk.distinct for risk in critical)), "certainty": sure},
        facts.told(critical, sure) if data else "a model is released, not the shards",
        "redact them, and scan again",
    )


def _found(
    id_: str,
    title: str,
    risks: tuple[EntityRisk, ...],
    gate: FoundGate,
    facts: Facts,
    *,
    beside: bool,
    clears: str,
) -> Gate:
    """A gate that trips on findings, once sure enough that one of them is real."""
    sure = _some(risk.some_beside if beside else risk.some for risk in risks)
    found = sum(risk.beside if beside else risk.distinct for risk in risks)
    counts = {"found": float(found), "certainty": sure}
    reason = facts.told(risks, sure, beside=beside)
    return _gate(id_, title, found > 0 and sure >= gate.certainty, gate.of(facts.provenance), counts, reason, clears)


def _some(chances: Iterator[float] | Iterable[float]) -> float:
    """Chance that at least one of several independent things is so."""
    return 1.0 - prod(1.0 - chance for chance in chances)


def _labels(calibration: Calibration, entity: str) -> int:
    found = calibration.of(entity)
    return min(found.judged, found.labels) if found else 0


def _quoted(titles: Iterable[str]) -> str:
    """Titles side by side; some hold commas of their own."""
    return ", ".join(f"“{title}”" for title in titles)


def _strictest(caps: list[Tier]) -> Tier | None:
    return min(caps, key=lambda tier: tier.openness, default=None)
