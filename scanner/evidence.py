"""Evidence: all that a report may know, and the contract that other programs read.

`evidence.json` is one `Evidence`, written by `to_json` in a canonical form: same evidence, same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scanner.errors import BadEvidence
from scanner.model import (
    Artefact,
    Decision,
    Direction,
    Identity,
    NamesMode,
    Provenance,
    ShardStatus,
    Tier,
    UnscannedReason,
)

SCHEMA_VERSION: Literal["1"] = "1"

_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """A frozen piece of evidence; unknown keys are refused, so a typo cannot pass for a fact."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(Part):
    """A quantity with its uncertainty: the 5 %, 50 % and 95 % points of the draws."""

    p05: float
    p50: float
    p95: float


class ModelCardPart(Part):
    """The model to be trained, as used in the risk; `assumed` names what the policy's default filled in."""

    parameters: float
    training_tokens: float
    epochs: float
    dp_epsilon: float | None = None
    dp_delta: float | None = None
    assumed: list[str] = []


class DatasetPart(Part):
    """What the owner says of the dataset."""

    name: str
    provenance: Provenance
    consent: bool
    anonymity_report: bool
    licence: str
    languages: list[str]
    model_card: ModelCardPart
    dropped_columns: list[str]
    facts: dict[str, bool]


class ScanPart(Part):
    """Which program read the shards, when and with what.

    `command` has the words of the command that scanned, and `decided_by` those of the one that has decided anew since,
    if one has: without credentials and without where the key lies, empty where a program called the scanner. They,
    `id`, `started`, `ended` and `engine` tell of the run; all else is the same for the same input.
    `redaction` names the redaction whose surrogates were told from people's data: "" for none. Redaction needs
    `names_mode` to be `full`: a scan until decided does not know where the other names are.
    """

    id: str
    started: str
    ended: str
    scanner_version: str
    rules_sha256: str
    models_sha256: dict[str, str]
    policy_sha256: str
    key_id: str
    plan_sha256: str = ""
    documentation_values_counted: bool = False
    include: list[str] = ["*"]
    exclude: list[str] = []
    names: bool = True
    names_mode: NamesMode = NamesMode.FULL
    redaction: str = ""
    engine: str
    command: list[str] = []
    decided_by: list[str] = []


class ShardPart(Part):
    """One shard. `rows` is 0 when the shard could not be opened; `identity` tells what `sha256` is a hash of.

    `findings` stand in it; `share` is its part of the expected harm of a public release, each entity's harm spread
    evenly over the entity's findings.
    """

    path: str
    sha256: str
    identity: Identity = Identity.SHA256

    @property
    def file_sha256(self) -> str | None:
        """SHA-256 of the shard's bytes, in hex; None where it was not read whole."""
        return self.sha256 if self.identity is Identity.SHA256 and _HEX_DIGEST.fullmatch(self.sha256) else None

    bytes: Count
    rows: Count
    status: ShardStatus
    findings: Count = 0
    share: Share = 0.0


class UnscannedPart(Part):
    """What no detector read; `column` is "" for all columns."""

    shard: str
    column: str
    rows: Count
    bytes: Count
    reason: UnscannedReason
    detail: str


class NamesCoverage(Part):
    """How much of the text the names stage read, in bytes by language (`und`: undetermined).

    `left` counts the bytes that it was not made to read, since more could not change the verdict: what they hold is
    estimated. `left_most` is the most findings that they may hold at the scan's confidence, and `left_found` how many
    there are in the text that was read.
    """

    share: Share
    read: dict[str, Count]
    unread: dict[str, Count]
    left: Count = 0
    left_found: Count = 0
    left_most: float = 0.0


class Coverage(Part):
    """How much of the dataset's text was looked at."""

    bytes: Count
    scanned: Count
    share: Share
    names: NamesCoverage
    unscanned: list[UnscannedPart]


class ConfidenceCount(Part):
    """Findings whose confidence is at least `at_least` and below the next bin's edge."""

    at_least: Share
    count: Count


class FindingPart(Part):
    """Findings of one entity in one column; documentation values are counted apart and in no other field."""

    entity: str
    title: str
    column: str
    count: Count
    distinct: Count
    rows: Count
    characters: Count
    max_occurrences: Count
    documentation: Count
    by_confidence: list[ConfidenceCount]


class OccurrenceBucket(Part):
    """How many distinct values of an entity occur at least `at_least` and at most `at_most` times."""

    entity: str
    at_least: Count
    at_most: Count
    distinct: Count


class RepeatedPart(Part):
    """A value that occurs often, known by the first eight hex digits of its keyed fingerprint."""

    entity: str
    title: str
    fingerprint: str
    occurrences: Count
    columns: Count


class PlacePart(Part):
    """Where one finding stands: its row and item, and its code points (half-open) within the cell."""

    entity: str
    column: str
    shard: str
    row: Count
    item: Count
    start: Count
    end: Count
    confidence: Share
    rule: str


class ColumnPart(Part):
    """Text read in one leaf column."""

    column: str
    cells: Count
    bytes: Count
    characters: Count


class TierReadout(Part):
    """The read-outs at one tier against their limits; a limit that does not apply is null."""

    tier: Tier
    score: Interval
    p_max: Interval
    p_any_critical: Interval
    table_max_risk: float
    limits: dict[str, float | None]
    decided_at: Share
    within: bool
    exceeded: list[str]


class TableRisk(Part):
    """Re-identification by a combination of quasi-identifier columns.

    `diversity` gives for each sensitive column the fewest different values within one class (l of l-diversity).
    """

    columns: list[str]
    rows: Count
    classes: Count
    singles: Count
    pairs: Count
    smallest: Count
    max_risk: Share
    marketer_risk: Share
    uniqueness: Share
    share_below_11: Share
    disclosure: Share
    expected_harm: float
    diversity: dict[str, Count] = {}


class Driver(Part):
    """What an entity adds to the expected harm (at the open tier, median)."""

    entity: str
    title: str
    distinct: Count
    max_occurrences: Count
    expected_extracted: float
    expected_missed: float
    expected_harm: float
    share: Share


class Sensitivity(Part):
    """How the outcome moves when one assumption is changed; `parameters` is the model's size where it was that."""

    change: str
    parameters: float | None = None
    score: Interval
    tier: Tier
    flips: bool


class RiskPart(Part):
    """Assessment of one artefact.

    `score`, `expected_harm`, `p_max` and `p_any_critical` are those of a public release; `tiers` has each
    tier's own. `variance` gives the share of the score's variance by source of uncertainty.
    """

    artefact: Artefact
    score: Interval
    expected_harm: Interval
    p_max: Interval
    p_any_critical: Interval
    tables: list[TableRisk]
    drivers: list[Driver]
    tiers: list[TierReadout]
    sensitivity: list[Sensitivity] = []
    variance: dict[str, float] = {}
    calibration: dict[str, str] = {}


class GatePart(Part):
    """A hard gate: caps the tier whatever the score."""

    id: str
    title: str
    tripped: bool
    cap: Tier | None
    counts: dict[str, float]
    reason: str
    clears: str


class Action(Part):
    """One change to the data or the training; `target` is an entity, a column, a shard or "" for all or the model.

    `amount` is the occurrences to keep, epochs, parameters or recall; null where the kind needs none.
    """

    kind: str
    target: str
    title: str
    amount: float | None = None


class Cost(Part):
    """What a remedy touches, as shares of the dataset."""

    rows: Share
    cells: Share
    characters: Share


class Remedy(Part):
    """A minimal set of changes that makes a tier reachable, with the forecast."""

    id: str
    tier: Tier
    actions: list[Action]
    score: Interval
    cost: Cost


class Margin(Part):
    """By how much a read-out clears its limit at a tier; negative when it does not."""

    tier: Tier
    readout: str
    value: float
    limit: float
    margin: float


class Flip(Part):
    """The value of one input at which the decision changes; null where no value changes it."""

    input: str
    now: float
    at: float | None


class VerdictPart(Part):
    """The recommendation for one artefact."""

    decision: Decision
    tier: Tier
    sentence: str
    asked: Tier | None
    granted: bool
    incomplete: bool
    binds: str
    reasons: list[str]
    gates: list[GatePart]
    conditions: list[str]
    remedies: list[Remedy]
    margins: list[Margin]
    flips: list[Flip] = []


class Other(Part):
    """The same dataset judged as the other artefact."""

    risk: RiskPart
    verdict: VerdictPart


class ComparedScan(Part):
    """One of the two scans that are compared."""

    dataset: str
    scan_id: str
    ended: str
    scanner_version: str


class VerdictChange(Part):
    """The verdict before and after; `direction` is null where decision and tier hold."""

    decision_before: Decision
    decision_after: Decision
    tier_before: Tier
    tier_after: Tier
    direction: Direction | None


class ReadoutChange(Part):
    """A read-out of a public release before and after, single numbers as an interval without width.

    `beyond`: each median lies outside the other's interval, so that uncertainty does not explain the change.
    """

    readout: str
    before: Interval
    after: Interval
    beyond: bool
    direction: Direction | None


class GateChange(Part):
    """A gate that is newly tripped, no longer tripped, or caps another tier."""

    id: str
    title: str
    cap_before: Tier | None
    cap_after: Tier | None
    reason: str
    direction: Direction


class NumberChange(Part):
    """A number before and after."""

    before: float
    after: float


class UnscannedChange(Part):
    """Bytes that were not read for one reason."""

    reason: UnscannedReason
    before: Count
    after: Count
    direction: Direction


class FindingChange(Part):
    """Findings of one entity in one column, and their distinct values."""

    entity: str
    title: str
    column: str
    before: Count
    after: Count
    distinct_before: Count
    distinct_after: Count
    direction: Direction


class ColumnChange(Part):
    """A column that is new or gone, with its bytes of text where it is."""

    column: str
    bytes: Count
    direction: Direction


class ShardChange(Part):
    """A shard that is new, gone, has other bytes, or fared otherwise; `was` is its earlier path if it was renamed."""

    path: str
    was: str = ""
    rows_before: Count
    rows_after: Count
    status: ShardStatus
    direction: Direction


class RemedyChange(Part):
    """A remedy that is new or gone."""

    tier: Tier
    actions: list[str]
    direction: Direction


class Changes(Part):
    """What became of one artefact's verdict between two scans, and what moved beneath it.

    `basis` names what other than the shards differs between the two. Lists hold only what changed, the weightiest
    first, and may be cut; `counts` has the whole numbers by list and direction.
    """

    before: ComparedScan
    after: ComparedScan
    artefact: Artefact
    basis: list[str]
    verdict: VerdictChange
    readouts: list[ReadoutChange]
    gates: list[GateChange]
    rows: NumberChange
    bytes: NumberChange
    coverage: NumberChange
    names: NumberChange
    unscanned: list[UnscannedChange]
    findings: list[FindingChange]
    columns: list[ColumnChange]
    shards: list[ShardChange]
    remedies: list[RemedyChange]
    counts: dict[str, dict[Direction, Count]]

    @property
    def score(self) -> ReadoutChange | None:
        """The score's change; None where the evidence has no read-outs of a public release."""
        return next((entry for entry in self.readouts if entry.readout == "score"), None)

    @property
    def alerting(self) -> bool:
        """Whether somebody should be told: verdict, tier or a gate changed, or the score beyond its interval."""
        moved = self.score is not None and self.score.beyond
        return self.verdict.direction is not None or bool(self.gates) or moved

    @property
    def any(self) -> bool:
        """Whether anything at all differs."""
        moved = any(entry.direction for entry in self.readouts)
        numbers = (self.rows, self.bytes, self.coverage, self.names)
        return bool(
            self.basis or self.alerting or moved or self.counts or any(pair.before != pair.after for pair in numbers)
        )


class RunPart(Part):
    """An earlier run over the same dataset, for the trend; `share` is that of the text that was read."""

    ended: str
    decision: Decision
    tier: Tier
    score: Interval
    shards: Count
    share: Share
    findings: Count


class AcceptedPart(Part):
    """A finding that somebody reviewed and accepted: its value counts for nothing until the end of the day named.

    `id` begins the value's fingerprint; `findings` still tell how often it stands.
    """

    id: str
    rule: str
    entity: str
    by: str
    why: str
    until: str


class ApprovalPart(Part):
    """A reviewer's decision, as its signed record has it; `stale`: it was made on evidence that was replaced since."""

    tier: Tier
    verdict: Tier
    override: bool
    by: str
    reason: str
    approved: str
    expires: str
    key_id: str
    record_sha256: str
    stale: bool = False


class SampledPart(Part):
    """An entity whose distinct values were too many to count one by one.

    Those whose fingerprint is below `theta`·2¹²⁸ were counted, `kept` of them, and stand for 1/`theta` each: numbers of
    distinct values are estimates, and the intervals of the risk hold the error. Findings and the most frequent value
    are exact.
    """

    entity: str
    title: str
    theta: Share
    kept: Count


class Evidence(Part):
    """All that a report may know of one scan.

    `changes` and `approval` tell of other scans and of people, and are no part of what this scan found.
    """

    schema_version: Literal["1"] = SCHEMA_VERSION
    dataset: DatasetPart
    scan: ScanPart
    shards: list[ShardPart]
    coverage: Coverage
    columns: list[ColumnPart]
    findings: list[FindingPart]
    occurrences: list[OccurrenceBucket]
    risk: RiskPart
    verdict: VerdictPart
    other: Other | None = None
    repeated: list[RepeatedPart] = []
    sampled: list[SampledPart] = []
    places: list[PlacePart] = []
    changes: Changes | None = None
    history: list[RunPart] = []
    accepted: list[AcceptedPart] = []
    approval: ApprovalPart | None = None


def to_json(evidence: Evidence) -> str:
    """Canonical text of the evidence."""
    return canonical(evidence.model_dump(mode="json"))


def canonical(told: Mapping[str, Any]) -> str:
    """The one text of a JSON object: keys sorted, two spaces, one final newline."""
    return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Evidence:
    """The evidence that `to_json` wrote.

    Raises:
        BadEvidence: the text is not evidence of this schema version; told without quoting it.
    """
    try:
        return Evidence.model_validate_json(text)
    except ValidationError as error:
        places = sorted({".".join(map(str, fault["loc"])) or "the document" for fault in error.errors()})
        raise BadEvidence(f"not evidence of schema version {SCHEMA_VERSION}: see {', '.join(places[:5])}") from None


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `evidence.json`."""
    return Evidence.model_json_schema(mode="serialization")
