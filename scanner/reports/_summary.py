"""What every report tells, taken from the evidence: why not open, the smallest fix, what was not looked at."""

from __future__ import annotations

import math
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scanner.evidence import (
    Evidence,
    FindingPart,
    GatePart,
    Interval,
    PlacePart,
    Remedy,
    RiskPart,
    ShardPart,
    TierReadout,
    VerdictPart,
)
from scanner.model import Decision, Tier, UnscannedReason
from scanner.reports._words import (
    ARTEFACTS,
    DECISIONS,
    READOUTS,
    TIERS,
    percent,
    readout_title,
    readout_value,
    sentence,
    shorten,
    size,
)
from scanner.wording import count, plural

NO_REMEDY = "No change to the data alone was found to be enough. What clears the gates:"


@dataclass(frozen=True, slots=True)
class Readout:
    """One read-out of a public release against its limit.

    Attributes:
        name: its field in the evidence.
        interval: its draws, or None where it is a single number.
        value: the number that is held against the limit.
        limit: None where none applies.
        within: whether the limit holds.
    """

    name: str
    interval: Interval | None
    value: float
    limit: float | None
    within: bool

    @property
    def result(self) -> str:
        """`within`, `exceeds` or `no limit`."""
        if not self.within:
            return "exceeds"
        return "no limit" if self.limit is None else "within"


NAMED = 3
"""Shards that are named where only their number is told otherwise."""

SIGNED_NAME = 80
SIGNED_REASON = 400

LONGEST_COMMAND = 600

SHORT_NAME = 40
"""Characters of a name within a sentence."""


@dataclass(frozen=True, slots=True)
class Unread:
    """What was not looked at for one reason."""

    reason: UnscannedReason
    entries: int
    shards: int
    first: tuple[str, ...]
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Findings by entity and column, the heaviest first; what does not fit is summed up in the last line.

    Attributes:
        entities: (entity, title) of each line.
        columns: name of each column of the map.
        counts: findings, one row a line of `entities`.
        left_out: findings that stand in no cell of the map.
    """

    entities: Sequence[tuple[str, str]]
    columns: Sequence[str]
    counts: Sequence[Sequence[int]]
    left_out: int


def headline(verdict: VerdictPart) -> str:
    """`Keep internal`, or `Releasable` with the tier in words."""
    decided = DECISIONS[verdict.decision].capitalize()
    return decided if verdict.tier is Tier.INTERNAL else f"{decided}: {TIERS[verdict.tier]}"


def lead(verdict: VerdictPart) -> str:
    """The verdict's sentence; its first reason where the sentence says no more than the headline."""
    bare = verdict.sentence.rstrip(". ").casefold()
    repeats = bare == DECISIONS[Decision.KEEP_INTERNAL] or bare.startswith(f"{DECISIONS[Decision.RELEASABLE]}:")
    return sentence(verdict.reasons[0] if repeats and verdict.reasons else verdict.sentence)


def confidence(evidence: Evidence) -> str:
    """How sure the verdict is, in one sentence."""
    score, tier = evidence.risk.score, evidence.verdict.tier
    judged = Tier.OPEN if tier is Tier.INTERNAL else tier
    levels = [entry.decided_at for entry in evidence.risk.tiers if entry.tier is judged]
    decided = f" Limits have to hold at the {percent(levels[0])} point." if levels else ""
    return (
        f"A public release scores {score.p50:.1f} of 100 ({score.p05:.1f} to {score.p95:.1f} in nine draws of ten)."
        f"{decided} {percent(evidence.coverage.share)} of the bytes were read."
    )


def outcome(evidence: Evidence) -> str:
    """Whether the tier asked for was granted; "" when none was asked for."""
    asked = evidence.verdict.asked
    if asked is None:
        return ""
    return f"Asked for: {TIERS[asked]}. {'Granted.' if evidence.verdict.granted else 'Not granted.'}"


def sign_off(evidence: Evidence) -> str:
    """What a reviewer decided, in a sentence or two; "" where nobody did.

    The day on which it is read is not known here: the last day on which it holds is told.
    """
    approval = evidence.approval
    if approval is None:
        return ""
    by, reason = shorten(approval.by, SIGNED_NAME), sentence(shorten(approval.reason, SIGNED_REASON))
    told = f"{TIERS[approval.tier]} by {by} on {shorten(approval.approved)}"
    if approval.stale:
        return f"No longer approved: {told} was for evidence that has been replaced since. Approve anew."
    until = f"until {shorten(approval.expires)}"
    if approval.override:
        return f"Approved against the verdict ({TIERS[approval.verdict]}): {told}, {until}. Reason: {reason}"
    return f"Approved: {told}, {until}. Reason: {reason}"


def needs_care(evidence: Evidence) -> bool:
    """Whether the sign-off is one that a reader must not pass over: against the verdict, or no longer valid."""
    return evidence.approval is not None and (evidence.approval.override or evidence.approval.stale)


def why_not_open(evidence: Evidence) -> list[str]:
    """Each thing that stands between the artefact and an open release; empty when it is open."""
    if evidence.verdict.tier is Tier.OPEN:
        return []
    capped = [gate_sentence(gate) for gate in tripped(evidence.verdict) if gate.cap is not Tier.OPEN]
    exceeded = [_exceeds(readout) for readout in readouts(evidence.risk, evidence.verdict) if not readout.within]
    over = [f"Over the limit: {'; '.join(exceeded)}."] if exceeded else []
    return capped + over or [sentence(reason) for reason in evidence.verdict.reasons]


def smallest_fix(evidence: Evidence) -> Remedy | None:
    """The remedy that touches the least text, then has the fewest actions, for the most open tier that one reaches."""
    found = remedies(evidence.verdict)
    return found[0] if found else None


def fix_sentence(evidence: Evidence) -> str:
    """The smallest fix in words, or what is known when there is none."""
    fix = smallest_fix(evidence)
    if fix is not None:
        return (
            f"{sentence(actions(fix))} Forecast: {TIERS[fix.tier]}, score at most {fix.score.p95:.1f}; "
            f"{percent(fix.cost.characters)} of the text is touched."
        )
    if evidence.verdict.tier is Tier.OPEN:
        return "Nothing needs to be mended for an open release."
    clears = clearing(evidence.verdict)
    if clears:
        return f"{NO_REMEDY} {' '.join(clears)}"
    return "No set of changes that was tried reaches a more open tier."


def not_looked_at(evidence: Evidence) -> list[str]:
    """Each kind of text that was not read, with its size, or that there is none; and which values were sampled."""
    return (gaps(evidence) or ["Every byte was read, by the patterns and for names."]) + sampled(evidence)


def gaps(evidence: Evidence) -> list[str]:
    """Each kind of text that was not read, with its size; empty when there is none."""
    told = [
        f"{sentence(entry.reason).removesuffix('.')}: {size(entry.size_bytes)} in {_shards(entry)}."
        for entry in unread(evidence)
    ]
    names = evidence.coverage.names
    if names.unread:
        languages = ", ".join(
            visible_language(code) for code, _ in sorted(names.unread.items(), key=lambda item: -item[1])[:5]
        )
        told.append(f"Read by patterns, but not for names: {size(sum(names.unread.values()))} ({languages}).")
    if names.left:
        told.append(
            f"Not read for names, since more could not change the verdict: {size(names.left)}, "
            f"estimated to hold at most {count(math.ceil(names.left_most))} of them."
        )
    return told


def sampled(evidence: Evidence) -> list[str]:
    """Which values were counted by a sample, in a sentence each."""
    return [
        f"{part.title}: distinct values are an estimate from {count(part.kept)}, one in {count(round(1 / part.theta))} "
        "of them; the intervals hold the error, and the most frequent values were looked for among all."
        for part in evidence.sampled
    ]


def next_steps(evidence: Evidence) -> list[str]:
    """What to do after reading, in order."""
    verdict = evidence.verdict
    steps = []
    if evidence.coverage.unscanned:
        steps.append("Mend or drop what was not looked at, and scan again.")
    if smallest_fix(evidence) is not None:
        steps.append(
            "Apply a remedy, then scan again: taking values out can expose others, and the forecast is not proof."
        )
    elif verdict.tier is not Tier.OPEN:
        steps.extend(clearing(verdict))
    steps.extend(sentence(condition) for condition in verdict.conditions)
    return steps or ["Release as decided; scan again when shards change."]


def visible_language(code: str) -> str:
    """A language code; `und` is written out."""
    return "undetermined" if code == "und" else shorten(code, 20)


def tripped(verdict: VerdictPart) -> list[GatePart]:
    """Gates that are tripped, the strictest cap first."""
    return sorted((gate for gate in verdict.gates if gate.tripped), key=lambda gate: (_openness(gate.cap), gate.id))


def clearing(verdict: VerdictPart) -> list[str]:
    """What clears each tripped gate, in a sentence each."""
    return [
        f"{sentence(gate.title).removesuffix('.')}: {sentence(gate.clears, capital=False)}"
        for gate in tripped(verdict)
        if gate.clears
    ]


def gate_sentence(gate: GatePart) -> str:
    """A gate's title and reason; the reason alone where it begins with the title."""
    told = sentence(gate.reason)
    return told if told.casefold().startswith(gate.title.casefold()) else f"{sentence(gate.title)} {told}"


def remedies(verdict: VerdictPart) -> list[Remedy]:
    """Remedies for the most open tier first, then by text touched, then by number of actions."""
    return sorted(
        verdict.remedies,
        key=lambda remedy: (-remedy.tier.openness, remedy.cost.characters, len(remedy.actions), remedy.id),
    )


def actions(remedy: Remedy) -> str:
    """The remedy's actions in one phrase."""
    return "; ".join(shorten(action.title) for action in remedy.actions)


def readouts(risk: RiskPart, verdict: VerdictPart, tier: Tier = Tier.OPEN) -> list[Readout]:
    """The four read-outs at a tier, in the order of `READOUTS`; empty if the evidence has none for it."""
    found = next((entry for entry in risk.tiers if entry.tier is tier), None)
    if found is None:
        return []
    values = {margin.readout: margin.value for margin in verdict.margins if margin.tier is tier}
    return [_readout(found, name, values.get(name)) for name in READOUTS]


def _shards(entry: Unread) -> str:
    """How many shards, and the names of the first."""
    names = ", ".join(shorten(name, SHORT_NAME) for name in entry.first)
    return f"{plural(entry.shards, 'shard')} ({names}{', …' if entry.shards > len(entry.first) else ''})"


def unread(evidence: Evidence) -> list[Unread]:
    """What was not looked at by reason, the most bytes first."""
    groups = defaultdict(list)
    for part in evidence.coverage.unscanned:
        groups[part.reason].append(part)
    totals = [
        Unread(
            reason=reason,
            entries=len(parts),
            shards=len({part.shard for part in parts}),
            first=tuple(sorted({part.shard for part in parts})[:NAMED]),
            rows=sum(part.rows for part in parts),
            size_bytes=sum(part.bytes for part in parts),
        )
        for reason, parts in groups.items()
    ]
    return sorted(totals, key=lambda entry: (-entry.size_bytes, entry.reason))


def ranked_findings(evidence: Evidence) -> list[FindingPart]:
    """Findings by their entity's share of the harm, then by count, then by name."""
    share = {driver.entity: driver.share for driver in evidence.risk.drivers}
    return sorted(
        evidence.findings, key=lambda part: (-share.get(part.entity, 0.0), -part.count, part.entity, part.column)
    )


def heat_map(evidence: Evidence, lines: int = 16, width: int = 12) -> HeatMap:
    """The `lines` entities with the most harm in the `width` columns with the most findings of them."""
    entities = list(dict.fromkeys((part.entity, part.title) for part in ranked_findings(evidence)))[:lines]
    kept = {entity for entity, _ in entities}
    cells: Counter[tuple[str, str]] = Counter()
    for part in evidence.findings:
        cells[part.entity, part.column] += part.count
    columns = _heaviest(((column, n) for (entity, column), n in cells.items() if entity in kept), width)
    counts = [[cells[entity, column] for column in columns] for entity, _ in entities]
    return HeatMap(entities, columns, counts, sum(cells.values()) - sum(map(sum, counts)))


def riskiest_shards(evidence: Evidence, most: int = 20) -> list[ShardPart]:
    """The shards with the greatest part of the harm, then with the most findings; none without findings."""
    found = [shard for shard in evidence.shards if shard.findings]
    return sorted(found, key=lambda shard: (-shard.share, -shard.findings, shard.path))[:most]


def ranked_places(evidence: Evidence) -> list[PlacePart]:
    """Places in the order of `ranked_findings`."""
    order = {(part.entity, part.column): index for index, part in enumerate(ranked_findings(evidence))}
    last = len(order)
    return sorted(
        evidence.places,
        key=lambda place: (order.get((place.entity, place.column), last), -place.confidence, place.shard, place.row),
    )


def commands(evidence: Evidence) -> list[tuple[str, str]]:
    """What ran, as one types it: the scan and, where the verdict was made anew since, that; none if it is not known."""
    ran = (("Command", evidence.scan.command), ("Decided anew by", evidence.scan.decided_by))
    return [(label, shorten(shlex.join(words), LONGEST_COMMAND)) for label, words in ran if words]


def artefact_phrase(risk: RiskPart) -> str:
    """What would be released, in words."""
    return ARTEFACTS[risk.artefact]


def _readout(found: TierReadout, name: str, decided: float | None) -> Readout:
    value = getattr(found, name)
    interval = value if isinstance(value, Interval) else None
    point = interval.p95 if interval else value
    return Readout(
        name=name,
        interval=interval,
        value=point if decided is None else decided,
        limit=found.limits.get(name),
        within=name not in found.exceeded,
    )


def _exceeds(readout: Readout) -> str:
    limit = "" if readout.limit is None else f" (limit {readout_value(readout.name, readout.limit)})"
    return f"{readout_title(readout.name).lower()} {readout_value(readout.name, readout.value)}{limit}"


def _heaviest(counts: Iterable[tuple[str, int]], most: int) -> list[str]:
    totals: Counter[str] = Counter()
    for name, number in counts:
        totals[name] += number
    return [name for name, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:most]]


def _openness(cap: Tier | None) -> int:
    return Tier.OPEN.openness + 1 if cap is None else cap.openness
