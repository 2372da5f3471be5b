"""The scan: the one place where the parts meet, from paths to evidence."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from scanner import intake, shards
from scanner.approvals import evidence_sha256
from scanner.assemble import Scanned, assemble, dataset_of
from scanner.atomic import write_text
from scanner.baseline import Reviewed, in_force
from scanner.census import Change
from scanner.errors import BadDataset, BadEvidence, Fault
from scanner.evidence import Evidence, ScanPart, ShardPart, from_json, to_json
from scanner.executors import Executor, Settings, engines
from scanner.fingerprints import Fingerprinter
from scanner.gather import Counted, accepted, allowed, gather, located
from scanner.history import after, run_row, with_accepted, with_runs
from scanner.intake import Allows, Intake, SecondsLeft
from scanner.keys import load_key
from scanner.ledger import Acceptance, Ledger, RunRow, open_ledger
from scanner.merge import vanished
from scanner.model import Artefact, Dataset, NamesMode, ShardStatus, Tier
from scanner.output import (
    EVIDENCE,
    GONE,
    LEDGER,
    PREVIOUS,
    SCRATCH,
    held,
    ledger_of,
    locked,
    previous,
    read_evidence,
    set_aside,
    value_tables,
)
from scanner.plan import Plan, Task, Verify
from scanner.reading import Observer, Reading, read
from scanner.risk import Left
from scanner.rulebook import Hashes, Rulebook, load_hashes, load_rulebook
from scanner.shards import Shard, ShardFacts
from scanner.worker import VERSION, watch

REDACTION = "redaction.json"
"""What the folder of a redaction says of itself."""

ENDLESS = 1 << 60


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
        untold: evidence whose news nobody was told of yet, by `tell`: the new one, or the one that stands.
        before: that of the run that was told of last, if there was one and its evidence is still kept.
        approved: that of the verdict that was approved last, if one was.
    """

    run: RunRow
    evidence: Evidence | None
    untold: Evidence | None = None
    before: Evidence | None = None
    approved: Evidence | None = None


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
            return _outcome(run.ledger, _entered(run.ledger, again))
        rulebook = load_rulebook(request.rules, request.policy, with_models=request.names)
        _note_approval(run)
        evidence = _scan(run, rulebook, observer, allows, seconds_left)
        return _outcome(run.ledger, run.ledger.runs(1)[0], evidence)


def tell(out: Path, run: int) -> None:
    """Note that whoever is to know of a run's news does, or that it had none; later news are told against it.

    Raises:
        BadEvidence: there is no ledger in `out`.
        BadOutput: the ledger cannot be written.
        Locked: another run works there.
    """
    with ledger_of(out) as ledger:
        ledger.tell(run)


def _outcome(ledger: Ledger, row: RunRow, evidence: Evidence | None = None) -> Outcome:
    if evidence is None and ledger.is_told():
        return Outcome(row, None)
    before, untold = _kept(ledger.evidence(told=True)), evidence or _kept(ledger.evidence())
    if before is not None and untold is not None and before.scan.id == untold.scan.id:
        before = None  # the first run: there is nothing to compare it with
    return Outcome(row, evidence, untold, before, _kept(ledger.evidence(approved=True)))


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that holds its output folder."""

    request: Request
    found: tuple[Shard, ...]
    plan: Plan
    inputs: str
    ledger: Ledger
    started: str


@contextmanager
def _begun(request: Request, hashes: Hashes | Rulebook) -> Iterator[_Run]:
    started = _now()
    found = tuple(shards.find(request.paths))
    key = load_key(request.key_file, request.out)
    plan = _plan(request, hashes, Fingerprinter(key).key_id)
    with held(request.out), open_ledger(request.out / LEDGER) as ledger:
        inputs = _inputs(request, plan, hashes, in_force(ledger.acceptances(), started))
        yield _Run(request, found, plan, inputs, ledger, started)


def _scan(
    run: _Run, rulebook: Rulebook, observer: Observer, allows: Allows, seconds_left: SecondsLeft = endless
) -> Evidence:
    """Read what is not known and judge all."""
    request, ledger, plan = run.request, run.ledger, run.plan
    with closing(_executor(request, seconds_left)) as executor:
        taken = intake.take(
            run.found, ledger, executor, request.verify, run.started, resume=request.resume, allows=allows
        )
        tasks = intake.tasks_of(plan, taken)
        set_aside(request.out)
        intake.prepare(ledger, plan, tasks, taken, resume=request.resume, retire=run.started if request.retain else "")
        counted = _counted(run, rulebook, taken)
        left, names_left = read(
            Reading(
                counted=counted,
                plan=plan,
                artefact=request.artefact,
                executor=executor,
                tasks=tasks,
                tries=request.tries,
                observer=observer,
                allows=allows,
                seconds_left=seconds_left,
                now=run.started,
            )
        )
    _take_gone(request, rulebook)
    evidence = _judged(run, counted, names_left)
    text = to_json(evidence)
    write_text(request.out / EVIDENCE, text)
    _entered(ledger, run_row(evidence, text, run.inputs, taken.census.counts(), left), text)
    return evidence


def _executor(request: Request, seconds_left: SecondsLeft) -> Executor:
    settings = Settings(request.workers, _time_limit(seconds_left), watch, request.cluster)
    return engines()[request.engine](settings)


def _judged(run: _Run, counted: Counted, names_left: Left) -> Evidence:
    """The evidence of a run whose units are read, with what it tells of the runs before it."""
    request, reviewed = run.request, accepted(counted, run.started)
    scanned = replace(gather(counted, reviewed, names_left), locations=located(request.out))
    evidence = assemble(scanned, counted.rulebook, request.artefact, request.asked)
    ended = evidence.model_copy(update={"scan": evidence.scan.model_copy(update={"ended": _now()})})
    told = with_accepted(with_runs(ended, run.ledger.runs()), reviewed.acceptances)
    return after(previous(request.out), told)


def _unchanged(run: _Run) -> RunRow | None:
    """The last run, if a run now would end with the same evidence; told without reading a shard."""
    last, known, file_sha256 = run.ledger.runs(1), run.ledger.shards(), _digest(run.request.out / EVIDENCE)
    if (
        not last
        or last[0].inputs != run.inputs
        or last[0].left_units
        or run.request.verify is not Verify.GLANCE
        or run.ledger.has_unfinished(run.plan.digest, run.request.tries)
        or sum(one.present for one in known.values()) != len(run.found)
        or len(intake.unchanged(run.found, known)) != len(run.found)
        or not _is_in_place(run.request.out / EVIDENCE, file_sha256, last[0])
    ):
        return None
    return replace(last[0], file_sha256=file_sha256)


def _digest(file: Path) -> str:
    """SHA-256 of the file; "" where there is none."""
    try:
        with file.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        return ""


def _is_in_place(file: Path, file_sha256: str, last: RunRow) -> bool:
    """Whether the evidence is the one that the run wrote; an approval that was added since does not change it.

    That is told from the whole text, which is large where shards are many: the file's own digest comes first.
    """
    return bool(file_sha256) and (
        file_sha256 == last.file_sha256 or evidence_sha256(file.read_bytes()) == last.evidence_sha256
    )


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
        counted = _counted_before(out, ledger, rulebook, before, change(dataset_of(before)))
        reviewed = accepted(counted, _now())
        scanned = _finished(counted, reviewed, before)
        decided = assemble(scanned, rulebook, artefact or before.risk.artefact, asked or before.verdict.asked)
        told = decided.model_copy(update={"history": before.history})
        evidence = after(before, with_accepted(told, reviewed.acceptances))
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
        counted = _counted_before(out, ledger, rulebook, before, dataset_of(before))
        return _finished(counted, accepted(counted, _now()), before)


def _counted_before(out: Path, ledger: Ledger, rulebook: Rulebook, before: Evidence, dataset: Dataset) -> Counted:
    """What a finished scan counted, to be judged by this rulebook."""
    told = before.scan.model_copy(update={"policy_sha256": rulebook.policy_sha256})
    return Counted(out, ledger, rulebook, dataset, told, tuple(before.shards))


def _finished(counted: Counted, reviewed: Reviewed, before: Evidence) -> Scanned:
    """What a finished scan left behind; of what its names stage left, the upper end."""
    names = before.coverage.names
    left = Left(names.left, names.left_found, names.left_most)
    return replace(gather(counted, reviewed, left), locations=located(counted.out))


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
        tables = value_tables(request.out)
        terms = rulebook.policy.risk.sampling
        gone = vanished(request.before, tables, request.out / SCRATCH, allowed(rulebook), without, terms)
        write_text(kept, json.dumps(gone.cells()) + "\n")
    if kept.exists():
        write_text(request.out / GONE, kept.read_text())


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
        gone = ledger.forget(before, _now()[: len("2026-01-31")], units_alone=units_alone)
        if any(gone.values()):
            intake.settle(ledger, out)
    return gone


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


def _time_limit(seconds_left: SecondsLeft) -> Callable[[object], float | None]:
    """Seconds that an item may take: those of the unit, and no more than the run has left."""

    def limit(item: object) -> float | None:
        own = item.timeout_seconds if isinstance(item, Task) else math.inf
        seconds = min(own, max(1.0, seconds_left()))
        return None if seconds == math.inf else seconds

    return limit


def _names_mode(plan: Plan) -> NamesMode:
    if not plan.names:
        return NamesMode.OFF
    return NamesMode.UNTIL_DECIDED if plan.until_decided else NamesMode.FULL


def _counted(run: _Run, rulebook: Rulebook, taken: Intake) -> Counted:
    """The scan of a run, whose units are still to be read."""
    request, parts = run.request, tuple(_shard_part(one) for one in taken.facts)
    scan_part = _scan_part(run, rulebook)
    return Counted(request.out, run.ledger, rulebook, request.dataset, scan_part, parts)


def _scan_part(run: _Run, rulebook: Rulebook) -> ScanPart:
    plan, request = run.plan, run.request
    return ScanPart(
        names_mode=_names_mode(plan),
        id=str(uuid.uuid4()),
        started=run.started,
        ended=run.started,
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


def _shard_part(facts: ShardFacts) -> ShardPart:
    return ShardPart(
        path=facts.shard.name,
        sha256=facts.sha256,
        identity=facts.identity,
        bytes=facts.size_bytes,
        rows=facts.rows,
        status=ShardStatus.SCANNED if facts.fault is None else ShardStatus.FAILED,
    )
