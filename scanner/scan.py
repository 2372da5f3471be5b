"""The scan: the one place where the parts meet, from paths to evidence."""

from __future__ import annotations

import hashlib
import json
import uuid
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from scanner import intake, shards
from scanner.assemble import Scanned, assemble, dataset_of
from scanner.atomic import write_text
from scanner.census import Change
from scanner.errors import BadEvidence, BadOutput, Locked
from scanner.evidence import Evidence, ScanPart, ShardPart, from_json, to_json
from scanner.executors import Executor, Lost, Settings, engines
from scanner.fingerprints import Fingerprinter
from scanner.intake import RETIRED, Allows, Verify
from scanner.keys import load_key
from scanner.ledger import Ledger, RunRow, open_ledger
from scanner.merge import Merged, merge, recount
from scanner.model import Artefact, Dataset, ShardStatus, Tier
from scanner.plan import Plan, Task, file_stem
from scanner.remedies import Recount
from scanner.rulebook import Hashes, Rulebook, load_hashes, load_rulebook
from scanner.shards import Shard, ShardFacts
from scanner.tally import Tally, total
from scanner.values import Histogram
from scanner.worker import VERSION as VERSION
from scanner.worker import arrived, clear, forsake, lost, scan_unit, watch

EVIDENCE = "evidence.json"
LEDGER = "ledger.sqlite"
LOCK = ".lock"
SCRATCH = ".scratch"
OURS = frozenset({LOCK, LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", EVIDENCE, SCRATCH, RETIRED, "spans", "values"})
"""What may lie in an output folder of ours before its ledger does."""

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        run: what the ledger keeps of it.
        evidence: the evidence; None if nothing was new and the last run's stands as it was written.
    """

    run: RunRow
    evidence: Evidence | None


class Observer(Protocol):
    """Somebody who watches a run; told on the run's own thread."""

    def begin(self, rows: int, size_bytes: int, progress: Callable[[], tuple[int, int]]) -> None:
        """Units are about to be scanned: rows and bytes before compression in all; `progress` tells how far."""
        ...

    def end(self) -> None:
        """No unit is left."""
        ...


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


def scan_new(request: Request, observer: Observer, allows: Allows) -> Outcome:
    """`scan` what is new and decide over all; where nothing is new, the evidence that is there stands.

    Args:
        request: with `resume`.
        observer: watches.
        allows: ends the reading; what is then not read is unscanned, and first in line in the next run.

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
        evidence = _scan(run, rulebook, observer, allows)
        return Outcome(run.ledger.runs(1)[0], evidence)


def unlimited(_size_bytes: int) -> bool:
    """A budget that allows everything."""
    return True


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
    with _output(request.out), open_ledger(request.out / LEDGER) as ledger:
        yield _Run(request, found, plan, _inputs(request, plan, hashes), ledger, started)


def _scan(run: _Run, rulebook: Rulebook, observer: Observer, allows: Allows) -> Evidence:
    """Read what is not known and judge all."""
    request, ledger, plan = run.request, run.ledger, run.plan
    executor = engines()[request.engine](Settings(request.workers, _time_limit, watch, request.cluster))
    taken = intake.take(run.found, ledger, executor, request.verify, run.started, resume=request.resume, allows=allows)
    tasks = intake.tasks_of(plan, taken)
    _clear(request.out)
    intake.prepare(ledger, plan, tasks, taken, resume=request.resume, retire=run.started if request.retain else "")
    left = _work(run, executor, tasks, observer, allows)
    identity = _scan_part(plan, rulebook, request, run.started)
    scanned = _collect(ledger, plan, rulebook, request.dataset, taken.facts, identity)
    evidence = assemble(scanned, rulebook, request.artefact, request.asked)
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
        or not all(shard.name in known and intake.is_same(shard, known[shard.name].glance) for shard in run.found)
        or not _is_in_place(run.request.out / EVIDENCE, last[0].evidence_sha256)
    ):
        return None
    return last[0]


def _is_in_place(file: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _inputs(request: Request, plan: Plan, hashes: Hashes | Rulebook) -> str:
    """SHA-256 over all that evidence is made from but the shards."""
    told = [plan.digest, hashes.policy_sha256, asdict(request.dataset), request.artefact, request.asked]
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
        evidence_sha256=hashlib.sha256(text.encode()).hexdigest(),
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
) -> Evidence:
    """Judge a finished scan anew, without reading a shard, and rewrite its evidence.

    Args:
        out: output folder of the scan.
        rulebook: policy, calibration and entities to judge by.
        change: makes the owner's statements others, such as another model card.
        artefact: what would be released; None for what the scan was asked.
        asked: tier that is asked for; None for what the scan was asked.

    Raises:
        BadEvidence: there is no finished scan in `out`.
        Locked: another run works there.
    """
    before = read_evidence(out)
    with _locked(out), open_ledger(out / LEDGER) as ledger:
        scanned = Scanned(
            dataset=change(dataset_of(before)),
            scan=before.scan.model_copy(update={"policy_sha256": rulebook.policy_sha256}),
            shards=tuple(before.shards),
            tally=_total(ledger.tallies(before.scan.plan_sha256)),
            merged=_merge(out, rulebook),
            recount=_recount(out, rulebook, before.shards),
        )
        evidence = assemble(scanned, rulebook, artefact or before.risk.artefact, asked or before.verdict.asked)
        write_text(out / EVIDENCE, to_json(evidence))
    return evidence


def read_evidence(out: Path) -> Evidence:
    """The evidence of a finished scan.

    Args:
        out: its output folder, or a file of evidence.

    Raises:
        BadEvidence: there is none, or it is of another schema version.
    """
    file = out if out.is_file() else out / EVIDENCE
    try:
        return from_json(file.read_bytes())
    except BadEvidence as error:
        raise BadEvidence(f"{file}: {error}") from error
    except OSError as error:
        raise BadEvidence(f"{out}: holds no {EVIDENCE}; run `scanner scan PATH --out {out}` first") from error


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
    )


@contextmanager
def _output(out: Path) -> Iterator[None]:
    """The output folder, made, known to be ours, and locked against other runs."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = {entry.name for entry in out.iterdir()} - OURS
        if foreign and not (out / LEDGER).exists():
            raise BadOutput(f"{out}: holds other things than a scan's output; name an empty folder with --out")
        with _locked(out):
            (out / "spans").mkdir(exist_ok=True)
            (out / "values").mkdir(exist_ok=True)
            yield
    except OSError as error:
        raise BadOutput(f"{out}: cannot be written: {error.strerror or type(error).__name__}") from error


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """No other run works in the folder; a lock whose holder died is free."""
    try:
        with FileLock(out / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise Locked(f"{out}: another run works here; wait for it, or choose another --out") from error


def _time_limit(item: object) -> float | None:
    return item.timeout_seconds if isinstance(item, Task) else None


def _clear(out: Path) -> None:
    """Take old evidence away: a run that is killed after this must not leave it beside counts of another scan.

    Reports go first, so that none is ever without its evidence.
    """
    for stale in (*out.glob("report.*"), *out.glob(".*.tmp"), out / EVIDENCE):
        stale.unlink(missing_ok=True)


def _work(run: _Run, executor: Executor, tasks: Mapping[str, Task], observer: Observer, allows: Allows) -> int:
    """Scan every unit that the ledger does not know, enter each as it is done, and give how many are left for later."""
    ledger, plan = run.ledger, run.plan
    known = {name for name, row in ledger.units(plan.digest).items() if row.whole or row.tries >= run.request.tries}
    waiting = [task for name, task in tasks.items() if name not in known]
    rows, size = sum(task.unit.rows for task in waiting), sum(task.unit.size_bytes for task in waiting)
    observer.begin(rows, size, lambda: executor.progress)
    handed = 0

    def allowed() -> Iterator[Task]:
        nonlocal handed
        for task in waiting:
            if not allows(task.unit.size_bytes):
                return
            handed += 1
            yield task

    for task in waiting:
        clear(task)
    try:
        for result in executor.map(scan_unit, allowed()):
            done = lost(result.item, result.reason) if isinstance(result, Lost) else arrived(result)
            task = done.task
            ledger.finish(
                plan.digest, task.name, done.tally, whole=done.whole, sha256=task.sha256, number=task.unit.index
            )
    finally:
        observer.end()
    ledger.set_aside(plan.digest, {task.name: forsake(task) for task in waiting[handed:]})
    return len(waiting) - handed


def _scan_part(plan: Plan, rulebook: Rulebook, request: Request, started: str) -> ScanPart:
    return ScanPart(
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
        engine=request.engine,
    )


def _collect(
    ledger: Ledger, plan: Plan, rulebook: Rulebook, dataset: Dataset, facts: Sequence[ShardFacts], identity: ScanPart
) -> Scanned:
    tally = _total(ledger.tallies(plan.digest))
    partial = {entry.shard for entry in tally.unscanned}
    parts = tuple(_shard_part(one, partial) for one in facts)
    return Scanned(
        dataset=dataset,
        scan=identity,
        shards=parts,
        tally=tally,
        merged=_merge(plan.out, rulebook),
        recount=_recount(plan.out, rulebook, parts),
    )


def _total(tallies: Mapping[str, Tally]) -> Tally:
    return total(list(tallies.values()))


def _merge(out: Path, rulebook: Rulebook) -> Merged:
    return merge(_value_tables(out), out / SCRATCH, _allowed(rulebook))


def _recount(out: Path, rulebook: Rulebook, parts: Iterable[ShardPart]) -> Recount:
    """Counts over what is left without some columns and some shards."""
    stems = {part.path: file_stem(part.path, part.sha256) for part in parts}

    def recounted(columns: frozenset[str], shards_out: frozenset[str]) -> Histogram:
        gone = tuple(stems[path] for path in shards_out)
        files = [file for file in _value_tables(out) if not file.name.startswith(gone)]
        return recount(files, out / SCRATCH, _allowed(rulebook), columns)

    return recounted


def _value_tables(out: Path) -> list[Path]:
    return sorted((out / "values").glob("*.parquet"))


def _allowed(rulebook: Rulebook) -> set[tuple[str, str]]:
    return {(entry.entity, entry.column) for entry in rulebook.policy.allow}


def _shard_part(facts: ShardFacts, partial: Collection[str]) -> ShardPart:
    if facts.fault is not None:
        status = ShardStatus.FAILED
    elif facts.shard.name in partial:
        status = ShardStatus.PARTIAL
    else:
        status = ShardStatus.SCANNED
    return ShardPart(path=facts.shard.name, sha256=facts.sha256, bytes=facts.size_bytes, rows=facts.rows, status=status)
