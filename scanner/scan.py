"""The scan: the one place where the parts meet, from paths to evidence."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from scanner import shards
from scanner.assemble import Scanned, assemble, dataset_of
from scanner.atomic import write_text
from scanner.errors import BadEvidence, BadOutput, Locked
from scanner.evidence import Evidence, ScanPart, ShardPart, from_json, to_json
from scanner.executors import Executor, Lost, Settings, engines
from scanner.fingerprints import Fingerprinter
from scanner.keys import load_key
from scanner.ledger import Ledger, open_ledger
from scanner.merge import Merged, merge, recount
from scanner.model import Artefact, Dataset, ShardStatus, Tier, Unscanned
from scanner.plan import UNIT_BYTES, Plan, Task, file_stem
from scanner.remedies import Recount
from scanner.rulebook import Rulebook, load_rulebook
from scanner.shards import Shard, ShardFacts
from scanner.tally import Tally
from scanner.values import Histogram
from scanner.worker import VERSION as VERSION
from scanner.worker import arrived, lost, scan_unit, watch

EVIDENCE = "evidence.json"
LEDGER = "ledger.sqlite"
LOCK = ".lock"
SCRATCH = ".scratch"
OURS = frozenset({LOCK, LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", EVIDENCE, SCRATCH, "spans", "values"})
"""What may lie in an output folder of ours before its ledger does."""


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
        resume: go on with what an earlier run of the same plan finished.
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
    started = datetime.now(UTC)
    rulebook = load_rulebook(request.rules, request.policy, with_models=request.names)
    found = shards.find(request.paths)
    key = load_key(request.key_file, request.out)
    plan = _plan(request, rulebook, Fingerprinter(key).key_id)
    with _output(request.out), open_ledger(request.out / LEDGER) as ledger:
        executor = engines()[request.engine](Settings(request.workers, _time_limit, watch, request.cluster))
        facts = _inspect(executor, found)
        tasks = _tasks(plan, facts)
        _prepare(ledger, plan, tasks, facts, resume=request.resume)
        _run(ledger, executor, plan, tasks, observer)
        identity = _scan_part(plan, rulebook, request, started)
        scanned = _collect(ledger, plan, rulebook, request.dataset, facts, identity)
        evidence = assemble(scanned, rulebook, request.artefact, request.asked)
        write_text(request.out / EVIDENCE, to_json(evidence))
    return evidence


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


def _plan(request: Request, rulebook: Rulebook, key_id: str) -> Plan:
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
        rules_sha256=rulebook.rules.sha256,
        models_sha256=tuple(sorted(rulebook.models_sha256.items())),
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


def _inspect(executor: Executor, found: Sequence[Shard]) -> list[ShardFacts]:
    """Facts of every shard, in the order of their names; a shard whose reader died is at fault."""
    facts = [
        _given_up(result) if isinstance(result, Lost) else result for result in executor.map(shards.inspect, found)
    ]
    return sorted(facts, key=lambda one: one.shard)


def _given_up(result: Lost[Shard]) -> ShardFacts:
    fault = Unscanned(result.item.name, "", 0, 0, result.reason, "its footer ended the worker that read it")
    return ShardFacts(result.item, "", 0, 0, (), (), None, fault)


def _tasks(plan: Plan, facts: Iterable[ShardFacts]) -> dict[str, Task]:
    """Every unit by its name, in the order of shards and rows."""
    tasks = [Task(plan, unit, one.sha256) for one in facts for unit in shards.units(one, UNIT_BYTES)]
    return {task.name: task for task in tasks}


def _prepare(
    ledger: Ledger, plan: Plan, tasks: Mapping[str, Task], facts: Sequence[ShardFacts], *, resume: bool
) -> None:
    """Bring ledger and folders to what this run starts from, and enter the shards that cannot be opened.

    The old evidence goes first: a run that is killed after this must not leave it beside counts of another scan.
    """
    for stale in (plan.out / EVIDENCE, *plan.out.glob("report.*"), *plan.out.glob(".*.tmp")):
        stale.unlink(missing_ok=True)
    kept = tasks.keys() & ledger.tallies(plan.digest, whole=True).keys() if resume else set()
    ledger.keep_only(plan.digest, kept)
    for folder in (plan.spans, plan.values):
        for file in folder.iterdir():
            if file.stem not in kept:
                file.unlink()
    for one in facts:
        if one.fault is not None:
            ledger.finish(plan.digest, f"fault/{one.shard.name}", Tally(unscanned=(one.fault,)), whole=False)


def _run(ledger: Ledger, executor: Executor, plan: Plan, tasks: Mapping[str, Task], observer: Observer) -> None:
    """Scan every unit that the ledger does not know, and enter each as it is done."""
    known = ledger.tallies(plan.digest, whole=True)
    waiting = [task for name, task in tasks.items() if name not in known]
    rows, size = sum(task.unit.rows for task in waiting), sum(task.unit.size_bytes for task in waiting)
    observer.begin(rows, size, lambda: executor.progress)
    try:
        for result in executor.map(scan_unit, waiting):
            done = lost(result.item, result.reason) if isinstance(result, Lost) else arrived(result)
            ledger.finish(plan.digest, done.task.name, done.tally, whole=done.whole)
    finally:
        observer.end()


def _scan_part(plan: Plan, rulebook: Rulebook, request: Request, started: datetime) -> ScanPart:
    return ScanPart(
        id=str(uuid.uuid4()),
        started=started.isoformat(timespec="seconds"),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
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
    parts = tuple(_shard_part(one, tally) for one in facts)
    return Scanned(
        dataset=dataset,
        scan=identity,
        shards=parts,
        tally=tally,
        merged=_merge(plan.out, rulebook),
        recount=_recount(plan.out, rulebook, parts),
    )


def _total(tallies: Mapping[str, Tally]) -> Tally:
    return sum(tallies.values(), Tally())


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


def _shard_part(facts: ShardFacts, tally: Tally) -> ShardPart:
    if facts.fault is not None:
        status = ShardStatus.FAILED
    elif any(entry.shard == facts.shard.name for entry in tally.unscanned):
        status = ShardStatus.PARTIAL
    else:
        status = ShardStatus.SCANNED
    return ShardPart(path=facts.shard.name, sha256=facts.sha256, bytes=facts.size_bytes, rows=facts.rows, status=status)
