"""What changed between two scans: better, worse, new and gone, from their evidence alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from scanner.errors import Incomparable
from scanner.evidence import (
    Changes,
    ColumnChange,
    ComparedScan,
    Evidence,
    FindingChange,
    FindingPart,
    GateChange,
    GatePart,
    Interval,
    NumberChange,
    ReadoutChange,
    Remedy,
    RemedyChange,
    RiskPart,
    ShardChange,
    ShardPart,
    TierReadout,
    UnscannedChange,
    VerdictChange,
    VerdictPart,
)
from scanner.model import Artefact, Direction, ShardStatus, Tier, UnscannedReason

READOUTS = ("score", "p_max", "p_any_critical", "table_max_risk")
LISTS = ("unscanned", "findings", "columns", "shards", "remedies")
STATUS = (ShardStatus.SCANNED, ShardStatus.PARTIAL, ShardStatus.FAILED)
"""From good to bad."""


def compare(before: Evidence, after: Evidence, *, artefact: Artefact | None = None, most: int | None = None) -> Changes:
    """What changed from one scan to the next; `compare(a, b)` is `compare(b, a)` with each direction turned.

    Args:
        before: the earlier scan.
        after: the later one.
        artefact: whose verdict to compare; None for the one that `after` is about.
        most: lines that each list keeps, the weightiest; None for all. `counts` always has all.

    Raises:
        Incomparable: one of the two does not judge that artefact.
    """
    artefact = artefact or after.risk.artefact
    (risk_before, verdict_before), (risk, verdict) = _judged(before, artefact), _judged(after, artefact)
    whole = Changes(
        before=_compared(before),
        after=_compared(after),
        artefact=artefact,
        basis=_basis(before, after),
        verdict=_verdict(verdict_before, verdict),
        readouts=_readouts(risk_before, risk),
        gates=list(_gates(verdict_before.gates, verdict.gates)),
        rows=NumberChange(before=_rows(before), after=_rows(after)),
        bytes=NumberChange(before=before.coverage.bytes, after=after.coverage.bytes),
        coverage=NumberChange(before=before.coverage.share, after=after.coverage.share),
        names=NumberChange(before=before.coverage.names.share, after=after.coverage.names.share),
        unscanned=_unscanned(before, after),
        findings=_findings(before, after),
        columns=_columns(before, after),
        shards=_shards(before.shards, after.shards),
        remedies=_remedies(verdict_before.remedies, verdict.remedies),
        counts={},
    )
    return _counted(whole, most)


def _counted(changes: Changes, most: int | None) -> Changes:
    """The same with `counts`, and lists no longer than `most`."""
    lists = {name: getattr(changes, name) for name in LISTS}
    counts = {name: dict(Counter(line.direction for line in lines)) for name, lines in lists.items() if lines}
    return changes.model_copy(update={"counts": counts, **{name: lines[:most] for name, lines in lists.items()}})


def _compared(evidence: Evidence) -> ComparedScan:
    return ComparedScan(
        dataset=evidence.dataset.name,
        scan_id=evidence.scan.id,
        ended=evidence.scan.ended,
        scanner_version=evidence.scan.scanner_version,
    )


def _judged(evidence: Evidence, artefact: Artefact) -> tuple[RiskPart, VerdictPart]:
    for judged in (evidence, evidence.other):
        if judged is not None and judged.risk.artefact is artefact:
            return judged.risk, judged.verdict
    raise Incomparable(
        f"the scan of {evidence.scan.ended} does not judge the {artefact}; decide it anew with `--artefact {artefact}`"
    )


def _basis(before: Evidence, after: Evidence) -> list[str]:
    """What other than the shards differs, in words."""
    pairs = {
        "scanner": (before.scan.scanner_version, after.scan.scanner_version),
        "rules": (before.scan.rules_sha256, after.scan.rules_sha256),
        "language models": (before.scan.models_sha256, after.scan.models_sha256),
        "policy": (before.scan.policy_sha256, after.scan.policy_sha256),
        "calibration": (before.risk.calibration, after.risk.calibration),
        "model to be trained": (before.dataset.model_card, after.dataset.model_card),
        "statements about the dataset": (_stated(before), _stated(after)),
        "counting of published examples": (
            before.scan.documentation_values_counted,
            after.scan.documentation_values_counted,
        ),
    }
    return [name for name, (old, new) in pairs.items() if old != new]


def _stated(evidence: Evidence) -> tuple[object, ...]:
    part = evidence.dataset
    return (
        part.provenance,
        part.consent,
        part.anonymity_report,
        part.licence,
        part.languages,
        part.dropped_columns,
        part.facts,
    )


def _verdict(before: VerdictPart, after: VerdictPart) -> VerdictChange:
    opened = after.tier.openness - before.tier.openness
    changed = opened or before.decision is not after.decision
    return VerdictChange(
        decision_before=before.decision,
        decision_after=after.decision,
        tier_before=before.tier,
        tier_after=after.tier,
        direction=_towards(-opened) if changed else None,
    )


def _readouts(before: RiskPart, after: RiskPart) -> list[ReadoutChange]:
    """The read-outs of a public release that both have."""
    old, new = _open(before), _open(after)
    if old is None or new is None:
        return []
    pairs = [(name, _interval(old, name), _interval(new, name)) for name in READOUTS]
    return [
        ReadoutChange(
            readout=name,
            before=was,
            after=now,
            beyond=not was.p05 <= now.p50 <= was.p95 and not now.p05 <= was.p50 <= now.p95,
            direction=None if was == now else _towards(now.p50 - was.p50 or now.p95 - was.p95),
        )
        for name, was, now in pairs
    ]


def _open(risk: RiskPart) -> TierReadout | None:
    return next((entry for entry in risk.tiers if entry.tier is Tier.OPEN), None)


def _interval(tier: TierReadout, name: str) -> Interval:
    value = getattr(tier, name)
    return value if isinstance(value, Interval) else Interval(p05=value, p50=value, p95=value)


def _gates(before: Iterable[GatePart], after: Iterable[GatePart]) -> Iterator[GateChange]:
    """Gates that changed, those of the later scan first."""
    old = {gate.id: gate for gate in before if gate.tripped}
    new = {gate.id: gate for gate in after if gate.tripped}
    for id_, gate in {**new, **old}.items():
        was, now = old.get(id_), new.get(id_)
        if was and now and was.cap is now.cap:
            continue
        told = now or gate
        yield GateChange(
            id=id_,
            title=told.title,
            cap_before=was.cap if was else None,
            cap_after=now.cap if now else None,
            reason=told.reason,
            direction=_towards(_openness(was) - _openness(now)) if was and now else _appeared(now is not None),
        )


def _openness(gate: GatePart) -> int:
    return Tier.OPEN.openness + 1 if gate.cap is None else gate.cap.openness


def _findings(before: Evidence, after: Evidence) -> list[FindingChange]:
    """Pairs of entity and column whose counts differ, those of the most harmful entities first."""
    old, new = _by_place(before.findings), _by_place(after.findings)
    harm = {driver.entity: max(driver.share, 0.0) for evidence in (before, after) for driver in evidence.risk.drivers}
    lines = [
        _finding(old.get(key), new.get(key))
        for key in old.keys() | new.keys()
        if _numbers(old.get(key)) != _numbers(new.get(key))
    ]
    return sorted(
        lines,
        key=lambda line: (-harm.get(line.entity, 0.0), -abs(line.after - line.before), line.entity, line.column),
    )


def _by_place(findings: Iterable[FindingPart]) -> dict[tuple[str, str], FindingPart]:
    """Findings that are somebody's; published examples alone are none."""
    return {(part.entity, part.column): part for part in findings if part.count}


def _numbers(part: FindingPart | None) -> tuple[int, int]:
    return (part.count, part.distinct) if part else (0, 0)


def _finding(was: FindingPart | None, now: FindingPart | None) -> FindingChange:
    told = now or was
    assert told is not None
    (old, old_distinct), (new, new_distinct) = _numbers(was), _numbers(now)
    moved = _towards(new - old or new_distinct - old_distinct)
    return FindingChange(
        entity=told.entity,
        title=told.title,
        column=told.column,
        before=old,
        after=new,
        distinct_before=old_distinct,
        distinct_after=new_distinct,
        direction=moved if was and now else _appeared(now is not None),
    )


def _columns(before: Evidence, after: Evidence) -> list[ColumnChange]:
    old = {part.column: part.bytes for part in before.columns}
    new = {part.column: part.bytes for part in after.columns}
    lines = [
        ColumnChange(column=name, bytes=new.get(name, old.get(name, 0)), direction=_appeared(name in new))
        for name in old.keys() ^ new.keys()
    ]
    return sorted(lines, key=lambda line: (-line.bytes, line.column))


def _shards(before: Iterable[ShardPart], after: Iterable[ShardPart]) -> list[ShardChange]:
    """Shards that changed: those that fared worse first, then new, changed, better, gone."""
    old, new = {part.path: part for part in before}, {part.path: part for part in after}
    moved = _renamed([old[path] for path in old.keys() - new.keys()], [new[path] for path in new.keys() - old.keys()])
    lines = [
        _shard(old.get(moved.get(path, path)), part, moved.get(path, ""))
        for path, part in new.items()
        if _differs(old.get(path), part)
    ]
    lines += [_shard(part, None, "") for path, part in old.items() if path not in new and path not in moved.values()]
    order = (Direction.WORSE, Direction.NEW, Direction.CHANGED, Direction.BETTER, Direction.GONE)
    return sorted(lines, key=lambda line: (order.index(line.direction), line.path))


def _renamed(gone: Iterable[ShardPart], new: Iterable[ShardPart]) -> Mapping[str, str]:
    """Earlier path of each shard that is there under another path with the same bytes; copies pair up in order."""
    free: dict[str, list[str]] = {}
    for part in sorted(gone, key=lambda part: part.path, reverse=True):
        free.setdefault(part.sha256, []).append(part.path)
    pairs: dict[str, str] = {}
    for part in sorted(new, key=lambda part: part.path):
        if part.sha256 and free.get(part.sha256):
            pairs[part.path] = free[part.sha256].pop()
    return pairs


def _differs(was: ShardPart | None, now: ShardPart) -> bool:
    return was is None or (was.sha256, was.status) != (now.sha256, now.status)


def _shard(was: ShardPart | None, now: ShardPart | None, renamed_from: str) -> ShardChange:
    told = now or was
    assert told is not None
    return ShardChange(
        path=told.path,
        was=renamed_from,
        rows_before=was.rows if was else 0,
        rows_after=now.rows if now else 0,
        status=told.status,
        direction=_fared(was, now) if was and now else _appeared(now is not None),
    )


def _fared(was: ShardPart, now: ShardPart) -> Direction:
    worse = STATUS.index(now.status) - STATUS.index(was.status)
    return _towards(worse) if worse else Direction.CHANGED


def _unscanned(before: Evidence, after: Evidence) -> list[UnscannedChange]:
    """Reasons for which another number of bytes was not read, the greatest change first."""
    old, new = _unread(before), _unread(after)
    lines = [
        UnscannedChange(
            reason=reason,
            before=old.get(reason, 0),
            after=new.get(reason, 0),
            direction=(
                _towards(new[reason] - old[reason]) if reason in old and reason in new else _appeared(reason in new)
            ),
        )
        for reason in old.keys() | new.keys()
        if old.get(reason) != new.get(reason)
    ]
    return sorted(lines, key=lambda line: (-abs(line.after - line.before), line.reason))


def _unread(evidence: Evidence) -> dict[UnscannedReason, int]:
    sizes: dict[UnscannedReason, int] = {}
    for part in evidence.coverage.unscanned:
        sizes[part.reason] = sizes.get(part.reason, 0) + part.bytes
    return sizes


def _remedies(before: Iterable[Remedy], after: Iterable[Remedy]) -> list[RemedyChange]:
    """Remedies that only one of the two has, new ones first, the most open tier ahead."""
    old, new = {_remedy_key(one): one for one in before}, {_remedy_key(one): one for one in after}
    lines = [
        RemedyChange(
            tier=remedy.tier,
            actions=[action.title for action in remedy.actions],
            direction=_appeared(key in new),
        )
        for key, remedy in {**old, **new}.items()
        if (key in old) != (key in new)
    ]
    return sorted(lines, key=lambda line: (line.direction is Direction.GONE, -line.tier.openness, line.actions))


def _remedy_key(remedy: Remedy) -> tuple[Tier, frozenset[tuple[str, str]]]:
    return remedy.tier, frozenset((action.kind, action.target) for action in remedy.actions)


def _rows(evidence: Evidence) -> int:
    return sum(shard.rows for shard in evidence.shards)


def _appeared(there: bool) -> Direction:
    return Direction.NEW if there else Direction.GONE


def _towards(risk: float) -> Direction:
    """The direction of a change that adds `risk`."""
    return Direction.WORSE if risk > 0 else Direction.BETTER if risk < 0 else Direction.CHANGED
