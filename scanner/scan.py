"""The scan: the one place where the parts meet, from paths to evidence."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from heapq import nsmallest
from itertools import groupby, takewhile
from operator import itemgetter
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from scanner import deciding, intake, shards
from scanner.approvals import evidence_sha256
from scanner.assemble import Scanned, assemble, dataset_of
from scanner.atomic import write_text
from scanner.baseline import fully_accepted, in_force, rekeyed
from scanner.census import Change
from scanner.changes import compare
from scanner.entities import of_names
from scanner.errors import BadDataset, BadEvidence, BadOutput, Fault, Incomparable, Locked
from scanner.evidence import (
    AcceptedPart,
    Changes,
    Evidence,
    Interval,
    RunPart,
    ScanPart,
    ShardPart,
    from_json,
    to_json,
)
from scanner.executors import Executor, Lost, Settings, engines
from scanner.fingerprints import Fingerprinter
from scanner.intake import RETIRED, Allows, SecondsLeft
from scanner.keys import load_key
from scanner.ledger import Acceptance, Ledger, RunRow, open_ledger
from scanner.locations import Locations, locate
from scanner.merge import Merged, merge, recount, vanished
from scanner.model import Artefact, Dataset, Decision, NamesMode, ShardStatus, Tier, UnscannedReason
from scanner.plan import Plan, Task, Verify, file_stem
from scanner.remedies import Recount, weight_of
from scanner.repeats import shared
from scanner.risk import NONE_LEFT, Left
from scanner.rulebook import Hashes, Rulebook, load_hashes, load_rulebook
from scanner.shards import Shard, ShardFacts
from scanner.stores import Place, Url, read_bytes
from scanner.tally import Running, Tally, total
from scanner.values import Histogram
from scanner.worker import VERSION as VERSION
from scanner.worker import Done, arrived, clear, forsake, lost, scan_unit, watch

EVIDENCE = "evidence.json"
PREVIOUS = "evidence.previous.json"
LEDGER = "ledger.sqlite"
LOCK = ".lock"
SCRATCH = ".scratch"
GONE = "gone.json"
"""Counts of the values that a redaction took out of the shards."""

REDACTION = "redaction.json"
"""What the folder of a redaction says of itself."""

MOST_CHANGES = 200
"""Lines that each list of changes keeps in the evidence; it counts all."""

OURS = frozenset(
    {LOCK, LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", EVIDENCE, PREVIOUS, SCRATCH, GONE, RETIRED, "spans", "values"}
)
"""What may lie in an output folder of ours before its ledger does."""

ENDLESS = 1 << 60
MOST_RUNS = 90
"""Earlier runs that evidence tells of."""

HEAVIEST = 100
"""Shards whose own tallies a run holds in memory."""

ID_DIGITS = 12
"""Hex digits of a fingerprint that evidence shows."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one run was asked to do.

    Attributes:
        paths: files, folders and globs.
        out: output folder.
        dataset: its owner's statements.
        key_file: where the fingerprint key lies, or is to be made.
        policy: policy file; None for the one of the rules folder.
        rules: folder of rules beside the packaged ones.
        include: globs of leaf paths to read.
        exclude: globs of leaf paths not to read.
        names: whether the names stage runs.
        until_decided: the names stage reads no more than the verdict needs.
        count_documentation: whether published example values count as somebody's.
        artefact: what would be released.
        asked: tier that is asked for, if one is.
        engine: name of the executor.
        workers: how many units at once.
        cluster: address of the cluster that the engine joins; None for this machine alone.
        resume: go on with what earlier runs of the same plan finished: shards that are the same are not read again.
        verify: how a shard is known to be the same.
        tries: how often a unit whose worker dies is tried in all, over all runs.
        retain: keep what was found in shards that are gone, apart, in case that they come back.
        redaction: folder of the redaction that wrote the shards, whose surrogates are no one's; None for none.
        before: value tables of the shards that were redacted, where this scan is the redaction's own.
        command: words of the command line that asks, as evidence is to tell them; () for none.
    """

    paths: tuple[str, ...]
    out: Path
    dataset: Dataset
    key_file: Path
    policy: Path | None = None
    rules: Path | None = None
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    names: bool = True
    until_decided: bool = False
    count_documentation: bool = False
    artefact: Artefact = Artefact.MODEL
    asked: Tier | None = None
    engine: str = "local"
    workers: int = 1
    cluster: str | None = None
    resume: bool = False
    verify: Verify = Verify.GLANCE
    tries: int = ENDLESS
    retain: bool = False
    redaction: Path | None = None
    before: tuple[Path, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        run: what the ledger keeps of it.
        evidence: the evidence; None if nothing was new and the last run's stands as it was written.
        before: that of the run before, if there was one and its evidence is still kept.
        approved: that of the verdict that was approved last, if one was.
    """

    run: RunRow
    evidence: Evidence | None
    before: Evidence | None = None
    approved: Evidence | None = None


class Observer(Protocol):
    """Somebody who watches a run; told on the run's own thread."""

    def begin(self, rows: int, size_bytes: int, progress: Callable[[], tuple[int, int]]) -> None:
        """Units are about to be scanned: rows and bytes before compression in all; `progress` tells how far."""
        ...

    def end(self) -> None:
        """No unit is left."""
        ...


def endless() -> float:
    """Seconds left of a run that has no end."""
    return math.inf


def unlimited(_size_bytes: int) -> bool:
    """A budget that allows everything."""
    return True


def scan(request: Request, observer: Observer) -> Evidence:
    """Scan the shards, write spans, value tables and evidence below `request.out`, and give the evidence.

    Raises:
        Faults: rules, policy or models are wrong; every fault at once.
        NothingToScan: no shard under the paths.
        BadKey: the fingerprint key cannot be used.
        BadOutput: the output folder is not ours or cannot be written.
        Locked: another run works there.
    """
    rulebook = load_rulebook(request.rules, request.policy, with_models=request.names)
    with _begun(request, rulebook) as run:
        return _scan(run, rulebook, observer, unlimited)


def scan_new(request: Request, observer: Observer, allows: Allows, seconds_left: SecondsLeft = endless) -> Outcome:
    """`scan` what is new and decide over all; where nothing is new, the evidence that is there stands.

    Args:
        request: with `resume`.
        observer: watches.
        allows: ends the reading; what is then not read is unscanned, and first in line in the next run.
        seconds_left: until the reading ends; a unit that is then being read is left for the next run.

    Raises:
        As for `scan`.
    """
    hashes = load_hashes(request.rules, request.policy, with_models=request.names)
    with _begun(request, hashes) as run:
        last = _unchanged(run)
        if last is not None:
            again = replace(last, id=0, started=run.started, ended=_now(), census={Change.SAME.value: len(run.found)})
            return Outcome(_entered(run.ledger, again), None)
        rulebook = load_rulebook(request.rules, request.policy, with_models=request.names)
        _note_approval(run)
        before, approved = _kept(run.ledger.evidence()), _kept(run.ledger.evidence(approved=True))
        evidence = _scan(run, rulebook, observer, allows, seconds_left)
        return Outcome(run.ledger.runs(1)[0], evidence, before, approved)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that holds its output folder."""

    request: Request
    found: tuple[Shard, ...]
    plan: Plan
    inputs: str
    ledger: Ledger
    started: str


@dataclass(frozen=True, slots=True)
class _Job:
    """Everything that the reading of a run works with."""

    run: _Run
    rulebook: Rulebook
    executor: Executor
    tasks: Mapping[str, Task]
    facts: Sequence[ShardFacts]
    observer: Observer
    allows: Allows
    seconds_left: SecondsLeft

    @property
    def accepted(self) -> list[Acceptance]:
        """Reviewed findings that are in force; to be asked for once every unit has its spans.

        Under another key than before, a value is known again by its place, which only the new spans tell.
        """
        return _accepted(self.run.ledger, self.run.plan, self.facts)


@contextmanager
def _begun(request: Request, hashes: Hashes | Rulebook) -> Iterator[_Run]:
    started = _now()
    found = tuple(shards.find(request.paths))
    key = load_key(request.key_file, request.out)
    plan = _plan(request, hashes, Fingerprinter(key).key_id)
    with _output(request.out), open_ledger(request.out / LEDGER) as ledger:
        inputs = _inputs(request, plan, hashes, in_force(ledger.acceptances(), started))
        yield _Run(request, found, plan, inputs, ledger, started)


def _scan(
    run: _Run, rulebook: Rulebook, observer: Observer, allows: Allows, seconds_left: SecondsLeft = endless
) -> Evidence:
    """Read what is not known and judge all."""
    request, ledger, plan = run.request, run.ledger, run.plan
    executor = engines()[request.engine](Settings(request.workers, _time_limit(seconds_left), watch, request.cluster))
    taken = intake.take(run.found, ledger, executor, request.verify, run.started, resume=request.resume, allows=allows)
    tasks = intake.tasks_of(plan, taken)
    _clear(request.out)
    intake.prepare(ledger, plan, tasks, taken, resume=request.resume, retire=run.started if request.retain else "")
    job = _Job(run, rulebook, executor, tasks, taken.facts, observer, allows, seconds_left)
    if plan.until_decided:
        left, names_left = _work_until_decided(job)
    else:
        left, names_left = _work(job, tasks), NONE_LEFT
    _take_gone(request, rulebook)
    scanned = replace(_collect(job, names_left), locations=_locations(request.out))
    told = _told(ledger, assemble(scanned, rulebook, request.artefact, request.asked), job.accepted)
    evidence = _after(_previous(request.out), told)
    text = to_json(evidence)
    write_text(request.out / EVIDENCE, text)
    _entered(ledger, run_row(evidence, text, run.inputs, taken.census.counts(), left), text)
    return evidence


def _unchanged(run: _Run) -> RunRow | None:
    """The last run, if a run now would end with the same evidence; told without reading a shard."""
    last = run.ledger.runs(1)
    known = run.ledger.shards()
    if (
        not last
        or last[0].inputs != run.inputs
        or last[0].left_units
        or run.request.verify is not Verify.GLANCE
        or run.ledger.has_unfinished(run.plan.digest, run.request.tries)
        or sum(one.present for one in known.values()) != len(run.found)
        or len(intake.unchanged(run.found, known)) != len(run.found)
        or not _is_in_place(run.request.out / EVIDENCE, last[0].evidence_sha256)
    ):
        return None
    return last[0]


def _is_in_place(file: Path, sha256: str) -> bool:
    """Whether the evidence is the one that the run wrote; an approval that was added since does not change it."""
    try:
        return evidence_sha256(file.read_bytes()) == sha256
    except OSError:
        return False


def _inputs(request: Request, plan: Plan, hashes: Hashes | Rulebook, accepted: Iterable[Acceptance]) -> str:
    """SHA-256 over all that evidence is made from but the shards."""
    told = [
        plan.digest,
        hashes.policy_sha256,
        asdict(request.dataset),
        request.artefact,
        request.asked,
        [(one.fingerprint.hex(), one.rule, one.why, one.by, one.until) for one in accepted],
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def run_row(evidence: Evidence, text: str, inputs: str, census: Mapping[str, int], left_units: int) -> RunRow:
    """What the ledger keeps of a run that ended with this evidence, written as `text`."""
    scan_part, verdict, score = evidence.scan, evidence.verdict, evidence.risk.score
    return RunRow(
        scan=scan_part.id,
        started=scan_part.started,
        ended=scan_part.ended,
        inputs=inputs,
        policy_sha256=scan_part.policy_sha256,
        decision=verdict.decision,
        tier=verdict.tier,
        asked=verdict.asked,
        granted=verdict.granted,
        incomplete=verdict.incomplete,
        p05=score.p05,
        p50=score.p50,
        p95=score.p95,
        shards=len(evidence.shards),
        rows=sum(shard.rows for shard in evidence.shards),
        size_bytes=evidence.coverage.bytes,
        share=evidence.coverage.share,
        findings=sum(finding.count for finding in evidence.findings),
        census=census,
        left_units=left_units,
        evidence_sha256=evidence_sha256(text.encode()) or "",
    )


def _entered(ledger: Ledger, row: RunRow, text: str | None = None) -> RunRow:
    return replace(row, id=ledger.add_run(row, zlib.compress(text.encode()) if text else None))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def decide(
    out: Path,
    rulebook: Rulebook,
    change: Callable[[Dataset], Dataset],
    artefact: Artefact | None = None,
    asked: Tier | None = None,
    command: Sequence[str] = (),
) -> Evidence:
    """Judge a finished scan anew, without reading a shard, and rewrite its evidence.

    Args:
        out: output folder of the scan.
        rulebook: policy, calibration and entities to judge by.
        change: makes the owner's statements others, such as another model card.
        artefact: what would be released; None for what the scan was asked.
        asked: tier that is asked for; None for what the scan was asked.
        command: words of the command line that asks, told where it makes the evidence another; () for none.

    Raises:
        BadEvidence: there is no finished scan in `out`.
        Locked: another run works there.
    """
    before = read_evidence(out)
    with locked(out), open_ledger(out / LEDGER) as ledger:
        accepted = in_force(ledger.acceptances(), _now())
        scanned = _finished(out, ledger, rulebook, before, change(dataset_of(before)), accepted)
        decided = assemble(scanned, rulebook, artefact or before.risk.artefact, asked or before.verdict.asked)
        told = decided.model_copy(update={"history": before.history, "accepted": _accepted_parts(accepted)})
        evidence = _after(before, told)
        if evidence != before:
            decided_by = evidence.scan.model_copy(update={"decided_by": list(command)})
            evidence = evidence.model_copy(update={"scan": decided_by})
            write_text(out / PREVIOUS, to_json(before))
            write_text(out / EVIDENCE, to_json(evidence))
    return evidence


def finished(out: Path, rulebook: Rulebook) -> Scanned:
    """What a finished scan left behind, for whoever assesses it without writing evidence.

    Raises:
        BadEvidence: there is no finished scan in `out`.
        Locked: another run works there.
    """
    before = read_evidence(out)
    with locked(out), open_ledger(out / LEDGER) as ledger:
        accepted = in_force(ledger.acceptances(), _now())
        return _finished(out, ledger, rulebook, before, dataset_of(before), accepted)


def _finished(
    out: Path,
    ledger: Ledger,
    rulebook: Rulebook,
    before: Evidence,
    dataset: Dataset,
    accepted: Sequence[Acceptance],
) -> Scanned:
    tally, by_shard = _tallied(ledger, before.scan.plan_sha256, _stems(before.shards), rulebook)
    merged = _merge(out, rulebook, accepted)
    return Scanned(
        dataset=dataset,
        scan=before.scan.model_copy(update={"policy_sha256": rulebook.policy_sha256}),
        shards=tuple(before.shards),
        tally=tally,
        merged=merged,
        recount=_recount(out, rulebook, before.shards, accepted, merged.rates),
        locations=_locations(out),
        gone=_read_gone(out),
        by_shard=by_shard,
        names_left=_left_before(before),
    )


def _take_gone(request: Request, rulebook: Rulebook) -> None:
    """Count the values that a redaction took out: what was missed beside them is still there.

    The redaction's own scan counts them, and leaves the counts for later ones.
    """
    (request.out / GONE).unlink(missing_ok=True)
    if request.redaction is None:
        return
    kept = request.redaction / GONE
    if request.before:
        without = request.dataset.dropped_columns
        tables = _value_tables(request.out)
        terms = rulebook.policy.risk.sampling
        gone = vanished(request.before, tables, request.out / SCRATCH, _allowed(rulebook), without, terms)
        write_text(kept, json.dumps(gone.cells()) + "\n")
    if kept.exists():
        write_text(request.out / GONE, kept.read_text())


def _read_gone(out: Path) -> Histogram:
    """The counts that `write_gone` kept in an output folder; none where it kept none."""
    file = out / GONE
    return Histogram.of([tuple(cell) for cell in json.loads(file.read_text())] if file.exists() else [])


def forget(out: Path, before: str, *, units_alone: bool = False) -> dict[str, int]:
    """Forget what is older than a day and no verdict is made from, files too; gives how many of what.

    Args:
        out: output folder.
        before: first time that is kept, UTC, such as 2026-01-31.
        units_alone: only what was found in shards that are gone.

    Raises:
        BadEvidence: there is no ledger in `out`.
        Locked: another run works there.
    """
    with ledger_of(out) as ledger:
        gone = ledger.forget(before, units_alone=units_alone)
        if any(gone.values()):
            intake.settle(ledger, out)
    return gone


@contextmanager
def ledger_of(out: Path) -> Iterator[Ledger]:
    """The ledger of a scan's output folder, which no run works in meanwhile.

    Raises:
        BadEvidence: there is none in `out`.
        Locked: a run works there.
    """
    if not (out / LEDGER).exists():
        raise BadEvidence(f"{out}: holds no {LEDGER}; name the output folder of a scan")
    with locked(out), open_ledger(out / LEDGER) as ledger:
        yield ledger


def runs(out: Path, last: int | None = None) -> list[RunRow]:
    """The runs over an output folder, the oldest first, also while another is at work.

    Raises:
        BadEvidence: there is no ledger in `out`.
    """
    if not (out / LEDGER).exists():
        raise BadEvidence(f"{out}: holds no {LEDGER}; name the output folder of a scan")
    with open_ledger(out / LEDGER) as ledger:
        return ledger.runs(last)


def read_evidence(out: Place) -> Evidence:
    """The evidence of a finished scan.

    Args:
        out: its output folder, or a file of evidence; or the URL of either.

    Raises:
        BadEvidence: there is none, or it is of another schema version.
        BadUrl, StoreFailed: it cannot be fetched from its store.
    """
    if isinstance(out, Url):
        file: Place = out if out.name.endswith(".json") else out / EVIDENCE
    else:
        file = out if out.is_file() else out / EVIDENCE
    try:
        return from_json(read_bytes(file.full) if isinstance(file, Url) else file.read_bytes())
    except BadEvidence as error:
        raise BadEvidence(f"{file}: {error}") from error
    except OSError as error:
        raise BadEvidence(f"{out}: holds no {EVIDENCE}; run `scanner scan PATH --out {out}` first") from error


def _left_before(evidence: Evidence) -> Left:
    """What the names stage left in a finished scan, at its upper end."""
    names = evidence.coverage.names
    return Left(names.left, names.left_found, names.left_most)


def _after(before: Evidence | None, evidence: Evidence) -> Evidence:
    """The evidence with what changed since the one that it replaces, whose approval it makes stale."""
    if before is None:
        return evidence
    kept = {"changes": before.changes, "approval": before.approval}
    if evidence.model_copy(update=kept) == before:
        return before
    approval = before.approval and before.approval.model_copy(update={"stale": True})
    return evidence.model_copy(update={"changes": _changes(before, evidence), "approval": approval})


def _changes(before: Evidence, evidence: Evidence) -> Changes | None:
    """What changed, where the two are of one dataset and judge the same artefact."""
    if before.dataset.name != evidence.dataset.name:
        return None
    try:
        return compare(before, evidence, most=MOST_CHANGES)
    except Incomparable:
        return None


def _previous(out: Path) -> Evidence | None:
    """The evidence that a run set aside, if it can be read."""
    try:
        return from_json((out / PREVIOUS).read_bytes())
    except (OSError, BadEvidence):
        return None


def _plan(request: Request, hashes: Hashes | Rulebook, key_id: str) -> Plan:
    return Plan(
        out=request.out,
        key_file=request.key_file,
        rules=request.rules,
        include=request.include,
        exclude=request.exclude,
        dropped=request.dataset.dropped_columns,
        languages=request.dataset.languages,
        names=request.names,
        count_documentation=request.count_documentation,
        scanner_version=VERSION,
        rules_sha256=hashes.rules_sha256,
        models_sha256=tuple(sorted(hashes.models_sha256.items())),
        key_id=key_id,
        redaction=request.redaction,
        redaction_id=_redaction_id(request.redaction) if request.redaction else "",
        until_decided=request.names and request.until_decided,
    )


def _redaction_id(folder: Path) -> str:
    """SHA-256 of what a redaction says of itself.

    Raises:
        BadDataset: the folder is not one of a redaction.
    """
    try:
        return hashlib.sha256((folder / REDACTION).read_bytes()).hexdigest()
    except OSError as error:
        message = f"`redaction`: holds no {REDACTION}; leave the key out, or name the folder of a redaction"
        raise BadDataset([Fault(str(folder), message)]) from error


@contextmanager
def _output(out: Path) -> Iterator[None]:
    """The output folder, made, known to be ours, and locked against other runs."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = {entry.name for entry in out.iterdir()} - OURS
        if foreign and not (out / LEDGER).exists():
            raise BadOutput(f"{out}: holds other things than a scan's output; name an empty folder with --out")
        with locked(out):
            (out / "spans").mkdir(exist_ok=True)
            (out / "values").mkdir(exist_ok=True)
            yield
    except OSError as error:
        raise BadOutput(f"{out}: cannot be written: {error.strerror or type(error).__name__}") from error


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """No other run works in the folder; a lock whose holder died is free."""
    try:
        with FileLock(out / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise Locked(f"{out}: another run works here; wait for it, or choose another --out") from error


def _time_limit(seconds_left: SecondsLeft) -> Callable[[object], float | None]:
    """Seconds that an item may take: those of the unit, and no more than the run has left."""

    def limit(item: object) -> float | None:
        own = item.timeout_seconds if isinstance(item, Task) else math.inf
        seconds = min(own, max(1.0, seconds_left()))
        return None if seconds == math.inf else seconds

    return limit


def _clear(out: Path) -> None:
    """Set old evidence aside: a run that is killed after this must not leave it beside counts of another scan.

    Reports go first, so that none is ever without its evidence.
    """
    for stale in (*out.glob("report.*"), *out.glob(".*.tmp")):
        stale.unlink(missing_ok=True)
    if (out / EVIDENCE).exists():
        (out / EVIDENCE).replace(out / PREVIOUS)


def _work(job: _Job, tasks: Mapping[str, Task]) -> int:
    """Scan every unit that the ledger does not know, enter each as it is done, and give how many are left for later."""
    run, ledger, plan = job.run, job.run.ledger, job.run.plan
    known = {name for name, row in ledger.units(plan.digest).items() if row.whole or row.tries >= run.request.tries}
    waiting = {name: task for name, task in tasks.items() if name not in known}
    for task in waiting.values():
        clear(task)
    for result in _results(job, tuple(waiting.values())):
        if isinstance(result, Lost) and result.reason is UnscannedReason.TIMED_OUT and job.seconds_left() <= 0:
            continue
        done = lost(result.item, result.reason) if isinstance(result, Lost) else arrived(result)
        _finish(ledger, plan, done)
        del waiting[done.task.name]
    ledger.set_aside(plan.digest, {name: forsake(task) for name, task in waiting.items()})
    return len(waiting)


def _results(job: _Job, waiting: Sequence[Task]) -> Iterator[Done | Lost[Task]]:
    """What came of each unit that the budget allowed, while the observer is told."""
    rows, size = sum(task.unit.rows for task in waiting), sum(task.unit.size_bytes for task in waiting)
    rows_before, size_before = job.executor.progress

    def progress() -> tuple[int, int]:
        rows_now, size_now = job.executor.progress
        return rows_now - rows_before, size_now - size_before

    allowed = takewhile(lambda task: job.allows(task.unit.size_bytes), waiting)
    job.observer.begin(rows, size, progress)
    try:
        yield from job.executor.map(scan_unit, allowed)
    finally:
        job.observer.end()


def _finish(ledger: Ledger, plan: Plan, done: Done) -> None:
    task = done.task
    ledger.finish(plan.digest, task.name, done.tally, whole=done.whole, sha256=task.sha256, number=task.unit.index)


def _work_until_decided(job: _Job) -> tuple[int, Left]:
    """Let the patterns read everything, and the names stage unit by unit until the verdict can change no more.

    Gives how many units are left for a later run, and what the names stage left for good.
    """
    ledger, plan, facts = job.run.ledger, job.run.plan, job.rulebook.detectables
    later = _work(job, {name: replace(task, plan=replace(plan, names=False)) for name, task in job.tasks.items()})
    order = deciding.order(ledger.tallies(plan.digest, whole=True), plan.digest)
    left = NONE_LEFT
    for look in deciding.looks(len(order.drawn)):
        unread = _read_names(job, order.upto(look))
        tallies = ledger.tallies(plan.digest)
        least, left = deciding.left(tallies, order, look, facts.entities)
        if unread or not left.size_bytes or _is_decided(job, tallies, order, look, least, left):
            return later + unread, left
    return later, left


def _read_names(job: _Job, names: Iterable[str]) -> int:
    """Have the names stage read those of the units that it has not read, and give how many the budget did not allow.

    A unit that fails keeps what the patterns saw.
    """
    ledger, plan = job.run.ledger, job.run.plan
    known = ledger.tallies(plan.digest)
    waiting = [job.tasks[name] for name in names if known[name].names_left]
    ended = 0
    for result in _results(job, waiting) if waiting else ():
        ended += 1
        if not isinstance(result, Lost) and (done := arrived(result)).whole:
            _finish(ledger, plan, replace(done, tally=replace(done.tally, gated=known[done.task.name].gated)))
    return len(waiting) - ended


def _is_decided(
    job: _Job, tallies: Mapping[str, Tally], order: deciding.Order, look: int, least: Left, most: Left
) -> bool:
    plan = job.run.plan
    unread = [plan.values / f"{name}.parquet" for name in order.drawn[look:]]
    linked = _merge(plan.out, job.rulebook, job.accepted, unread)
    scanned, artefact = _collect(job, most), job.run.request.artefact
    unseen = deciding.fresh(tallies, order, look, _seen(job, order, look))
    return deciding.decided(scanned, linked.histogram, least, most, job.rulebook, artefact, unseen)


def _seen(job: _Job, order: deciding.Order, look: int) -> deciding.Seen:
    """Values of the names stage by how many of the units drawn they stand in."""
    plan, entities = job.run.plan, job.rulebook.entities
    known, drawn = ([plan.values / f"{name}.parquet" for name in part] for part in (order.first, order.drawn[:look]))
    names = [entity for entity in entities if of_names(entity, entities)]
    return deciding.Seen(*shared(drawn, known, names, plan.out / SCRATCH))


def _names_mode(plan: Plan) -> NamesMode:
    if not plan.names:
        return NamesMode.OFF
    return NamesMode.UNTIL_DECIDED if plan.until_decided else NamesMode.FULL


def _scan_part(plan: Plan, rulebook: Rulebook, request: Request, started: str) -> ScanPart:
    return ScanPart(
        names_mode=_names_mode(plan),
        id=str(uuid.uuid4()),
        started=started,
        ended=_now(),
        scanner_version=VERSION,
        rules_sha256=plan.rules_sha256,
        models_sha256=dict(plan.models_sha256),
        policy_sha256=rulebook.policy_sha256,
        key_id=plan.key_id,
        plan_sha256=plan.digest,
        documentation_values_counted=plan.count_documentation,
        include=list(plan.include),
        exclude=list(plan.exclude),
        names=plan.names,
        redaction=plan.redaction_id,
        engine=request.engine,
        command=list(request.command),
    )


def _collect(job: _Job, names_left: Left) -> Scanned:
    """Everything that is judged; where findings stand is told apart, once at the end."""
    run, plan, rulebook, accepted = job.run, job.run.plan, job.rulebook, job.accepted
    stems = {file_stem(one.shard.name, one.sha256): one.shard.name for one in job.facts}
    tally, by_shard = _tallied(run.ledger, plan.digest, stems, rulebook)
    partial = {entry.shard for entry in tally.unscanned}
    parts = tuple(_shard_part(one, partial) for one in job.facts)
    merged = _merge(plan.out, rulebook, accepted)
    return Scanned(
        dataset=run.request.dataset,
        scan=_scan_part(plan, rulebook, run.request, run.started),
        shards=parts,
        tally=tally,
        merged=merged,
        recount=_recount(plan.out, rulebook, parts, accepted, merged.rates),
        gone=_read_gone(plan.out),
        by_shard=by_shard,
        names_left=names_left,
    )


def _accepted(ledger: Ledger, plan: Plan, facts: Iterable[ShardFacts]) -> list[Acceptance]:
    """Reviewed findings that are in force today, known again if the key is another one than it was."""
    renewed = rekeyed(plan.out, ledger.acceptances(), plan.key_id, {one.sha256: one.shard.name for one in facts})
    ledger.withdraw(old for old, _ in renewed)
    ledger.accept(new for _, new in renewed)
    return in_force(ledger.acceptances(), _now())


def _told(ledger: Ledger, evidence: Evidence, accepted: Sequence[Acceptance]) -> Evidence:
    """The evidence with the runs before it, and with the findings that were reviewed."""
    runs = {run.scan: run for run in ledger.runs()}
    history = [_run_part(run) for run in list(runs.values())[-MOST_RUNS:]]
    return evidence.model_copy(update={"history": history, "accepted": _accepted_parts(accepted)})


def _run_part(run: RunRow) -> RunPart:
    return RunPart(
        ended=run.ended,
        decision=Decision(run.decision),
        tier=Tier(run.tier),
        score=Interval(p05=run.p05, p50=run.p50, p95=run.p95),
        shards=run.shards,
        share=run.share,
        findings=run.findings,
    )


def _accepted_parts(accepted: Iterable[Acceptance]) -> list[AcceptedPart]:
    return [
        AcceptedPart(
            id=one.fingerprint.hex()[:ID_DIGITS],
            rule=one.rule,
            entity=one.entity,
            by=one.by,
            why=one.why,
            until=one.until,
        )
        for one in accepted
    ]


def _note_approval(run: _Run) -> None:
    """Keep the evidence that a reviewer approved, to tell later what changed since."""
    try:
        evidence = read_evidence(run.request.out)
    except BadEvidence:
        return
    approval = getattr(evidence, "approval", None)
    if approval is not None and not approval.stale:
        run.ledger.approve(evidence.scan.id)


def _kept(text: bytes | None) -> Evidence | None:
    """Evidence that the ledger kept, unless it is of another version of the program and cannot be compared."""
    try:
        return from_json(text) if text else None
    except BadEvidence:
        return None


def _stems(parts: Iterable[ShardPart]) -> dict[str, str]:
    """What the names of each shard's units begin with, and the shard's path."""
    return {file_stem(part.path, part.sha256): part.path for part in parts}


def _tallied(ledger: Ledger, plan: str, stems: Mapping[str, str], rulebook: Rulebook) -> tuple[Tally, dict[str, Tally]]:
    """The sum over all units, and the tallies of the shards that weigh most, by path.

    Units are read one by one: all tallies of a hundred thousand shards would not fit.
    """
    running = Running()

    def weighed() -> Iterator[tuple[float, str, Tally]]:
        for stem, units in groupby(ledger.each_tally(plan), key=lambda unit: unit[0].rpartition("-")[0]):
            shard = total(tally for _, tally in units)
            running.add(shard)
            if stem in stems:
                yield -weight_of(shard, rulebook.entities), stems[stem], shard

    heaviest = nsmallest(HEAVIEST, weighed(), key=itemgetter(0, 1))
    return running.total, {path: tally for _, path, tally in heaviest}


def _merge(out: Path, rulebook: Rulebook, accepted: Sequence[Acceptance], linked: Collection[Path] = ()) -> Merged:
    without, terms = fully_accepted(out, accepted), rulebook.policy.risk.sampling
    return merge(_value_tables(out), out / SCRATCH, _allowed(rulebook), without, linked, terms)


def _locations(out: Path) -> Locations:
    return locate(sorted((out / "spans").glob("*.parquet")), out / SCRATCH)


def _recount(
    out: Path,
    rulebook: Rulebook,
    parts: Iterable[ShardPart],
    accepted: Sequence[Acceptance],
    rates: Mapping[str, float],
) -> Recount:
    """Counts over what is left without some columns and some shards."""
    without = fully_accepted(out, accepted)
    stems = {path: stem for stem, path in _stems(parts).items()}

    def recounted(columns: frozenset[str], shards_out: frozenset[str]) -> Histogram:
        gone = tuple(stems[path] for path in shards_out)
        files = [file for file in _value_tables(out) if not file.name.startswith(gone)]
        return recount(files, out / SCRATCH, _allowed(rulebook), columns, without, rates)

    return recounted


def _value_tables(out: Path) -> list[Path]:
    return sorted((out / "values").glob("*.parquet"))


def _allowed(rulebook: Rulebook) -> set[tuple[str, str]]:
    """The (entity, column) pairs that the policy counts for nothing."""
    return {(entry.entity, entry.column) for entry in rulebook.policy.allow}


def _shard_part(facts: ShardFacts, partial: Collection[str]) -> ShardPart:
    if facts.fault is not None:
        status = ShardStatus.FAILED
    elif facts.shard.name in partial:
        status = ShardStatus.PARTIAL
    else:
        status = ShardStatus.SCANNED
    return ShardPart(
        path=facts.shard.name,
        sha256=facts.sha256,
        identity=facts.identity,
        bytes=facts.size_bytes,
        rows=facts.rows,
        status=status,
    )
