"""A redaction from shards and their evidence to new shards, a re-scan of these, and a comparison of both."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from scanner import elsewhere, shards, stores, vault
from scanner import scan as scanning
from scanner.assemble import assemble, dataset_of
from scanner.atomic import replacing, write_text
from scanner.errors import BadOutput, BadRedaction, BadVault, Fault, Locked, StoreFailed
from scanner.evidence import Evidence, Remedy, ShardPart
from scanner.executors import Executor, Lost, Settings, engines
from scanner.fingerprints import Fingerprinter
from scanner.keys import load_key, read_key
from scanner.model import Dataset, Identity, NamesMode, ShardStatus
from scanner.outcome import Comparison, Selected, ShardDone, Totals, compare
from scanner.output import GONE, read_evidence
from scanner.plan import Verify, file_stem
from scanner.publish import check_writable, default_state
from scanner.reading import Observer
from scanner.redaction import Entry, Operator, RedactionPlan, chooser, idle, treatments_of
from scanner.redactor import FOLDER, RedactTask, from_json, redact_shard, sha256_whole
from scanner.remedies import Action, Kind, Options, measured
from scanner.rulebook import load_rulebook
from scanner.selection import count_spans, select, write_excess, write_still_found
from scanner.shards import ReadOptions, Shard, ShardFacts
from scanner.shards.naming import is_taken
from scanner.shards.source import stamp
from scanner.stores import Place, Url
from scanner.surrogates import Surrogates
from scanner.wording import plural

LOCK = ".lock"
STATE = "redaction.json"
RESCAN = "scan"
DATASET = "dataset.yaml"
VAULT = "vault.txt"
"""Where the vault of this output lies."""

PUT = "put.json"
"""Names of the shards that were put into a store, or were about to be: what else lies there is somebody's."""

MOST_NAMED = 20
"""Columns and shards that a report names as not read again; the evidence of the re-scan has all of them."""

MOST_FAULTS = 50
"""Faults of shards and plan that are told one by one."""

ROUNDS = 4
"""Times at most that shards are written again for values which the scan of the new shards finds all the same."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a redaction was asked to do.

    Attributes:
        paths: files, folders, globs and URLs, as they were scanned.
        evidence: output folder of their scan.
        out: folder of the new shards, on this machine or in a store.
        plan: what to do.
        key_file: of the fingerprint key that they were scanned with.
        rules: folder of rules that they were scanned with.
        policy: release policy to judge the new shards by; None for the one of the rules folder.
        engine: name of the executor.
        workers: shards at once.
        resume: go on with what an earlier run of the same plan finished.
        vault: file to keep what is taken out in, if it shall be had back.
        vault_key: file of the vault's key.
        remedy: whose forecast is held to account, if it is one.
        command: words of the command line that asks, as evidence is to tell them; () for none.
        state: folder of this machine for all but the shards where `out` is a URL; None for the usual one.
    """

    paths: tuple[str, ...]
    evidence: Path
    out: Place
    plan: RedactionPlan
    key_file: Path
    rules: Path | None = None
    policy: Path | None = None
    engine: str = "local"
    workers: int = 1
    resume: bool = False
    vault: Path | None = None
    vault_key: Path | None = None
    remedy: Remedy | None = None
    command: tuple[str, ...] = ()
    state: Path | None = None

    @property
    def home(self) -> Path:
        """The folder of this machine that all but the shards lies in; `out` itself if it is one."""
        return (self.state or default_state(self.out)) if isinstance(self.out, Url) else self.out

    @property
    def own(self) -> Path:
        """Folder of the redaction's own files."""
        return self.home / FOLDER


@dataclass(frozen=True, slots=True)
class Cost:
    """What a redaction would change.

    Attributes:
        shards: shards that would be written.
        size_bytes: their bytes now, all of which are read and written.
        selected: findings that would be changed, by entity and operator, over all shards.
        treatments: operators by the number that `selected` names.
        dropped_shards: shards that would be left out.
        dropped_columns: leaf paths that would be left out.
        unreadable: shards that could not be scanned and so will not be written.
        idle: entries of the plan that cover no finding.
    """

    shards: int
    size_bytes: int
    selected: tuple[Selected, ...]
    treatments: tuple[str, ...]
    dropped_shards: tuple[str, ...]
    dropped_columns: tuple[str, ...]
    unreadable: tuple[str, ...]
    idle: tuple[str, ...] = ()


def estimate(request: Request, scratch: Path) -> Cost:
    """What the redaction would change, from the spans alone; nothing is written but temporary files in `scratch`.

    Raises:
        BadRedaction: the shards are not those of the evidence, or the plan does not fit them; every fault at once.
        BadOutput, BadUrl, StoreFailed: as `redact`.
    """
    evidence = read_evidence(request.evidence)
    _check_output(request)
    _check_vault(request)
    with closing(executor_of(request)) as executor:
        work = tasks_of(request, evidence, scratch, executor)
    counted = [
        one
        for task in work.tasks
        for one in select(
            task.spans,
            task.shard.name,
            chooser(request.plan),
            scratch,
            excess=task.excess,
            excess_treatment=len(treatments_of(request.plan)) - 1,
        )
    ]
    return Cost(
        shards=len(work.tasks),
        size_bytes=sum(task.size_bytes for task in work.tasks),
        selected=_summed(counted),
        treatments=tuple(treatment.operator.value for treatment in treatments_of(request.plan)),
        dropped_shards=request.plan.dropped_shards,
        dropped_columns=request.plan.dropped_columns,
        unreadable=work.unreadable,
        idle=work.idle,
    )


def redact(request: Request, observer: Observer, show: Callable[[str], None] = lambda line: None) -> Comparison:
    """Write the redacted shards below `request.out`, scan them, and compare.

    Args:
        request: what to do.
        observer: watches the re-scan.
        show: told, in a few words, what is being done.

    Raises:
        BadRedaction: the shards are not those of the evidence, or the plan does not fit them; every fault at once.
        BadOutput: the output folder is not ours, or holds the shards.
        BadVault: the vault cannot be used.
        BadUrl, StoreFailed: a URL cannot be used, or its store refuses.
        Locked: another run works there.
    """
    evidence = read_evidence(request.evidence)
    with _output(request), closing(executor_of(request)) as executor:
        work = tasks_of(request, evidence, request.own / "scratch", executor)
        tasks = list(work.tasks)
        if not tasks:
            raise BadRedaction([Fault(str(request.evidence), "has no shard that could be scanned")])
        for told in work.idle:
            show(told)
        _prepare_vault(request)
        swept = _swept(request, tasks, executor, show)
        tasks = elsewhere.accept(swept, tasks, _stubborn(request) if request.resume else [])
        _prepare(request, tasks)
        _store_dropped(request, evidence)
        _describe(request, evidence)
        written = _until_settled(request, evidence, tasks, swept, executor, observer, show)
        faults = [f"{one.shard}: {one.fault}" for one in written.done if one.fault]
        faults += [f"{name}: could not be scanned, so it was left out" for name in work.unreadable]
        faults += _not_read(written.after)
        comparison = _compared(request, evidence, written, [*faults, *swept.faults], swept.left_out)
        for part in ("scratch", elsewhere.FOLDER):
            shutil.rmtree(request.own / part, ignore_errors=True)
    return comparison


def executor_of(request: Request) -> Executor:
    """The workers of a redaction, for its inspection, its search and its writing."""
    return engines()[request.engine](Settings(request.workers, lambda _: None, _unwatched))


def _unwatched(progress: Any) -> None:
    """Rows are not counted while shards are written."""


@dataclass(frozen=True, slots=True)
class _Written:
    """New shards and their scan: what became of each, and how many values that were to go are still found."""

    done: tuple[ShardDone, ...]
    after: Evidence
    still_found: int


def _swept(
    request: Request, tasks: Sequence[RedactTask], executor: Executor, show: Callable[[str], None]
) -> elsewhere.Sweep:
    """Where the values that are changed stand again, unless that is not asked for."""
    if not request.plan.elsewhere or not request.plan.changes_shards:
        return elsewhere.Sweep()
    show(f"looking through {plural(len(tasks), 'shard')} for the same values in other places")
    return elsewhere.sweep(tasks, executor.map)


def _stubborn(request: Request) -> list[Path]:
    """Files, one a round, of values that scans of the new shards found again, in this run or one that was cut off."""
    pattern = _stubborn_file(request, "*")
    return sorted(pattern.parent.glob(pattern.name))


def _stubborn_file(request: Request, number: int | str) -> Path:
    return request.own / f"stubborn-{request.plan.digest[:16]}-{number}.parquet"


def _until_settled(
    request: Request,
    evidence: Evidence,
    tasks: list[RedactTask],
    swept: elsewhere.Sweep,
    executor: Executor,
    observer: Observer,
    show: Callable[[str], None],
) -> _Written:
    """Write and scan, and again for values that the scan finds all the same where the sweep knows places of them.

    Raises:
        BadRedaction: no shard could be written.
    """
    while True:
        done = _run(request, tasks, executor, show)
        if all(one.fault for one in done):
            raise BadRedaction([Fault(one.shard, one.fault) for one in done])
        executor.close()  # The scan has workers of its own; those of another round start when it begins.
        show("scanning the new shards")
        after = _rescan(request, evidence, observer)
        earlier = _stubborn(request)
        stubborn = _stubborn_file(request, len(earlier))
        left = _still_found(request, tasks, stubborn)
        again = elsewhere.accept(swept, tasks, [*earlier, stubborn] if left else earlier)
        if again == tasks or len(earlier) >= ROUNDS:
            stubborn.unlink(missing_ok=True)
            return _Written(tuple(done), after, left)
        show(f"{plural(left, 'value')} that were to go are still found: writing the shards again that have them")
        request, tasks = replace(request, resume=True), again


def _still_found(request: Request, tasks: Sequence[RedactTask], file: Path) -> int:
    """Keep the values that were to go and that the scan of the new shards finds all the same; how many."""
    found = sorted((request.own / RESCAN / "spans").glob("*.parquet"))
    treated = [task.selection for task in tasks if task.selection.is_file()]
    if not treated:
        return 0
    with replacing(file) as draft:
        whole = _whole_entities(request.plan)
        return write_still_found(found, treated, whole, draft, request.own / "scratch")


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done.

    Attributes:
        tasks: one for each shard that is to be written, by name.
        unreadable: names of the shards that no scan could read.
        idle: entries of the plan that cover no finding, in words.
    """

    tasks: tuple[RedactTask, ...]
    unreadable: tuple[str, ...]
    idle: tuple[str, ...]


def tasks_of(request: Request, evidence: Evidence, scratch: Path, executor: Executor) -> Work:
    """The work of a redaction, once it is known that the shards are those of the evidence.

    Args:
        request: what to do.
        evidence: of the scan of the shards.
        scratch: folder for temporary files.
        executor: spreads the looking at the shards.

    Raises:
        BadRedaction: with every fault.
        BadUrl, StoreFailed: a URL cannot be used, or its store does not tell what is there.
    """
    _check_key(request, evidence)
    parts = {part.path: part for part in evidence.shards}
    facts = dict(_facts(shards.find(request.paths), parts, executor))
    spans = {name: _spans(request.evidence, parts[name]) for name in parts}
    if parts and not facts.keys() & parts.keys():
        message = f"is of other shards: of its {plural(len(parts), 'shard')} none is under the paths given"
        raise BadRedaction([Fault(str(request.evidence), message)])
    faults = [*_shard_faults(facts, parts), *_plan_faults(request.plan, evidence)]
    all_spans = [file for name in sorted(spans) for file in spans[name]]
    kinds = count_spans(all_spans, scratch)
    faults += _spans_faults(request, evidence, kinds)
    if faults:
        more = len(faults) - MOST_FAULTS
        raise BadRedaction([*faults[:MOST_FAULTS], *([Fault("and", f"{more:,} more")] if more > 0 else [])])
    failed = tuple(sorted(name for name, part in parts.items() if part.status is ShardStatus.FAILED))
    wanted = [name for name in sorted(parts) if name not in failed and name not in request.plan.dropped_shards]
    excess = _excess(request.plan, all_spans, scratch)
    scanned = ReadOptions(
        include=tuple(evidence.scan.include),
        exclude=tuple(evidence.scan.exclude),
        dropped=dataset_of(evidence).dropped_columns,
    )
    tasks = (_task(request, fact, spans[name], scanned, excess) for name in wanted if (fact := facts[name]))
    return Work(tuple(tasks), failed, tuple(idle(request.plan, kinds or ())))


def _facts(
    found: Sequence[Shard], parts: dict[str, ShardPart], executor: Executor
) -> Iterator[tuple[str, ShardFacts | None]]:
    """What each shard is now, by name, identified as the evidence has it; None where its footer ended the worker."""
    whole = {name for name, part in parts.items() if part.identity is Identity.SHA256}
    for wholly in (True, False):
        asked = [shard for shard in found if (shard.name in whole) is wholly]
        for result in executor.map(partial(shards.inspect, whole=wholly), asked):
            if isinstance(result, Lost):
                yield result.item.name, None
            else:
                yield result.shard.name, result


def _task(
    request: Request, facts: ShardFacts, spans: tuple[Path, ...], scanned: ReadOptions, excess: Path | None
) -> RedactTask:
    assert facts.stamp is not None, "a shard that could be hashed was looked at"
    return RedactTask(
        plan=request.plan,
        shard=facts.shard,
        sha256=facts.sha256,
        stamp=facts.stamp,
        size_bytes=facts.size_bytes,
        out=request.out,
        folder=request.own,
        identity=facts.identity,
        spans=spans,
        units=tuple(shards.units(facts)),
        options=scanned,
        excess=excess,
        key_file=request.key_file,
        rules=request.rules,
        vault=request.vault,
        vault_key=request.vault_key,
    )


def _check_key(request: Request, evidence: Evidence) -> None:
    found = Fingerprinter(read_key(request.key_file)).key_id
    if found != evidence.scan.key_id:
        message = "is not the key that the evidence was made with; name that one with --key"
        raise BadRedaction([Fault(str(request.key_file), message)])


def _shard_faults(facts: dict[str, ShardFacts | None], parts: dict[str, ShardPart]) -> Iterator[Fault]:
    """Shards that are not what was scanned: each is redacted by what was found in it, or not at all."""
    for name in sorted(parts.keys() - facts.keys()):
        yield Fault(name, "was scanned and is not under the paths given")
    for name in sorted(facts.keys() - parts.keys()):
        yield Fault(name, "was not scanned; scan again with it, or name the paths that were")
    for name in sorted(facts.keys() & parts.keys()):
        if message := _difference(facts[name], parts[name]):
            yield Fault(name, message)
        if _climbs(name):
            yield Fault(name, "has a name that leads out of the output, or into its own folder")
        elif not is_taken(name):
            yield Fault(name, "has a name that a scan of the new folder passes over; rename it and scan again")


def _difference(now: ShardFacts | None, part: ShardPart) -> str:
    """What keeps a shard from being the one that was scanned; "" where nothing does."""
    if now is None:
        return "its footer ended the worker that read it"
    if now.sha256 == part.sha256:
        return ""
    if now.fault is not None and not now.sha256:
        return f"cannot be read now: {now.fault.detail}"
    if now.identity is not part.identity:
        return "was scanned in its store, which knows it by a version: name its URL, or scan this copy"
    return "was changed since it was scanned; scan again"


def _climbs(name: str) -> bool:
    parts = Path(name).parts
    return Path(name).is_absolute() or ".." in parts or not parts or parts[0] in (FOLDER, DATASET)


def _plan_faults(plan: RedactionPlan, evidence: Evidence) -> Iterator[Fault]:
    """What the plan names and the dataset does not have, and what the scan does not know."""
    if evidence.scan.names_mode is NamesMode.UNTIL_DECIDED:
        yield Fault("--evidence", "is of a scan until decided, which left names: scan without --until-decided")
    columns = {part.column for part in evidence.columns}
    shards_there = {part.path for part in evidence.shards}
    for column in plan.dropped_columns:
        if column not in columns:
            yield Fault(plan.name, f"drops the column `{column}`, in which no text was scanned")
    for shard in plan.dropped_shards:
        if shard not in shards_there:
            yield Fault(plan.name, f"drops the shard `{shard}`, which the evidence does not have")
    if shards_there and shards_there <= set(plan.dropped_shards):
        yield Fault(plan.name, "drops every shard")


def _spans(out: Path, part: ShardPart) -> tuple[Path, ...]:
    return tuple(sorted((out / "spans").glob(f"{file_stem(part.path, part.sha256)}-*.parquet")))


def _spans_faults(
    request: Request, evidence: Evidence, kinds: Mapping[tuple[str, str, str], int] | None
) -> Iterator[Fault]:
    """Spans that are not all of those that the evidence counts: what they lack would stay in the new shards."""
    counted: Counter[str] = Counter()
    for part in evidence.findings:
        counted[part.entity] += part.count + part.documentation
    place = str(request.evidence / "spans")
    if kinds is None:
        yield Fault(place, "cannot be read; scan again")
        return
    there: Counter[str] = Counter()
    for (entity, _, _), count in kinds.items():
        there[entity] += count
    if lacking := sorted(entity for entity in counted.keys() | there if counted[entity] != there.get(entity, 0)):
        yield Fault(place, f"holds other findings of {', '.join(lacking)} than the evidence counts; scan again")


def _excess(plan: RedactionPlan, spans: Sequence[Path], scratch: Path) -> Path | None:
    if not plan.deduplicate or not spans:
        return None
    scratch.mkdir(parents=True, exist_ok=True)
    file = scratch / "excess.parquet"
    write_excess(
        spans,
        plan.deduplicate,
        file,
        scratch,
        dropped_shards=plan.dropped_shards,
        dropped_columns=plan.dropped_columns,
    )
    return file


@contextmanager
def _output(request: Request) -> Iterator[None]:
    """The output folder: empty or ours, apart from the shards and the evidence, locked."""
    out, home = request.out, request.home
    _check_output(request)
    try:
        home.mkdir(parents=True, exist_ok=True)
        request.own.mkdir(exist_ok=True)
        with FileLock(request.own / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise Locked(f"{out}: another run works here; wait for it, or choose another --out") from error
    except OSError as error:
        raise BadOutput(f"{home}: cannot be written: {error.strerror or type(error).__name__}") from error


def _check_output(request: Request) -> None:
    """Know that new shards may be written where they are to go; nothing is made.

    Raises:
        BadOutput: the output holds something else, or the shards, or lies among them.
        BadUrl, StoreFailed: it is a URL that cannot be written.
    """
    out, home = request.out, request.home
    for path in (*request.paths, str(request.evidence)):
        if shards.meets(path, out) or shards.meets(path, home):
            raise BadOutput(f"{out}: holds, or lies in, what is to be redacted; name another folder with --out")
    if isinstance(out, Url):
        check_writable(out)
        if not set(stores.listing(out.full)) <= _put_there(request):
            raise BadOutput(f"{out}: holds objects that no redaction put there from this machine; name another URL")
    elif out.exists() and not out.is_dir():
        raise BadOutput(f"{out}: is no folder; name one with --out")
    elif out.exists() and any(out.iterdir()) and not request.own.is_dir():
        raise BadOutput(f"{out}: holds other things than a redaction's output; name an empty folder with --out")


def _put_there(request: Request) -> set[str]:
    """Names of the shards that runs with this output put into its store, or were about to."""
    try:
        return set(json.loads((request.own / PUT).read_text()))
    except (OSError, ValueError):
        return set()


def _prepare(request: Request, tasks: Sequence[RedactTask]) -> None:
    """Bring the output folder to what this run starts from: nothing, or the shards that are done and whole."""
    kept = [task for task in tasks if request.resume and _is_done(task)]
    if isinstance(request.out, Url):
        names_put = _put_there(request) | {task.shard.name for task in tasks}
        write_text(request.own / PUT, json.dumps(sorted(names_put)) + "\n")
        _clear_store(request.out, {task.shard.name for task in kept})
    else:
        _clear(request.out, {task.target for task in kept})
    own = request.own
    names = {file.name for task in kept for file in (task.done, task.selection)}
    stale = [file for part in ("done", "changed") for file in (own / part).glob("*") if file.name not in names]
    stale += [] if request.resume else [*own.glob("stubborn-*")]
    stale += (own / "places").glob(".*.tmp")  # of a run that was killed as it wrote there
    for file in (*stale, *own.glob("report.*"), own / STATE, own / GONE):
        file.unlink(missing_ok=True)
    if not kept:
        for part in (RESCAN, "places"):
            shutil.rmtree(own / part, ignore_errors=True)


def _prepare_vault(request: Request) -> None:
    """Make the vault, or take the one that earlier runs with this output made; it starts as the output does.

    Raises:
        BadVault: it cannot be used, or holds what another output lacks.
    """
    if request.vault is None or request.vault_key is None:
        return
    _check_vault(request)
    key, known, place = load_key(request.vault_key, request.home), request.own / VAULT, str(request.vault.resolve())
    vault.prepare(request.vault, key)
    if vault.entries(request.vault, key) and not (known.is_file() and known.read_text() == place):
        raise BadVault(f"{request.vault}: holds the shards of another redaction; name another --vault")
    write_text(known, place)
    if not request.resume:
        vault.empty(request.vault)


def _check_vault(request: Request) -> None:
    """The vault lies apart from the new shards, as does its key: who has the one shall not have the other."""
    for file in (request.vault, request.vault_key) if request.vault is not None else ():
        if file is not None and file.resolve().is_relative_to(request.home.resolve()):
            raise BadOutput(f"{file}: the vault and its key must lie outside of the output {request.out}")


def _clear_store(out: Url, kept: Collection[str]) -> None:
    """Remove every shard of an earlier run but those that are kept; all objects there are known to be such."""
    for name in list(stores.listing(out.full)):
        if name not in kept:
            stores.remove((out / name).full)


def _clear(out: Path, kept: Collection[Place]) -> None:
    """Remove every shard of an earlier run but those that are kept, and folders that are left empty."""
    for entry in sorted(out.rglob("*"), reverse=True):
        if entry.is_relative_to(out / FOLDER) or entry in kept:
            continue
        if entry.is_dir() and not entry.is_symlink():
            if not any(entry.iterdir()):
                entry.rmdir()
        else:
            entry.unlink()


def _is_done(task: RedactTask) -> bool:
    """Whether an earlier run finished this shard under the same plan, and its file is what it was."""
    try:
        done = from_json(task.done.read_text())
    except (OSError, ValueError, KeyError, TypeError):
        return False
    same = (done.plan, done.swept, done.sha256) == (task.plan.digest, task.swept, task.sha256)
    if not same or not task.selection.is_file() or not _is_whole(task.target, done):
        return False
    return _is_kept(task, done.made)


def _is_whole(target: Place, done: ShardDone) -> bool:
    """Whether the new shard is there and what it was: in a store, by what the store says of it."""
    if not isinstance(target, Url):
        return target.is_file() and vault.sha256_of(target) == done.made
    try:
        _, version = stamp(target.full)
        return version == done.version if version else stores.sha256(target.full) == done.made
    except StoreFailed:
        return False


def _is_kept(task: RedactTask, made: str) -> bool:
    """Whether the vault, if one is asked for, has what the shard lacks."""
    if task.vault is None or task.vault_key is None:
        return True
    kept = vault.entries(task.vault, read_key(task.vault_key))
    return (task.shard.name, task.size_bytes, made) in {(one.name, one.size_bytes, one.made_sha256) for one in kept}


def _run(
    request: Request, tasks: Sequence[RedactTask], executor: Executor, show: Callable[[str], None]
) -> list[ShardDone]:
    """Write every shard that is not there, and give what became of each, by name."""
    waiting = [task for task in tasks if not (request.resume and _is_done(task))]
    done = [from_json(task.done.read_text()) for task in tasks if task not in waiting]
    show(f"writing {plural(len(waiting), 'shard')}")
    done += [_ended(result) for result in executor.map(redact_shard, waiting)]
    return sorted(done, key=lambda one: one.shard)


def _ended(result: ShardDone | Lost[RedactTask]) -> ShardDone:
    if not isinstance(result, Lost):
        return result
    return ShardDone(result.item.shard.name, result.item.sha256, fault="its worker did not finish it")


def _store_dropped(request: Request, evidence: Evidence) -> None:
    """Keep the shards that are left out in the vault, whole."""
    if request.vault is None or request.vault_key is None:
        return
    key = read_key(request.vault_key)
    for shard in shards.find(request.paths):
        if shard.name in request.plan.dropped_shards:
            part = next(part for part in evidence.shards if part.path == shard.name)
            whole = sha256_whole(shard, part.sha256, part.identity)
            vault.store(request.vault, key, shard.path, vault.Entry(shard.name, whole, part.bytes, ""), ())


def planned_dataset(dataset: Dataset, plan: RedactionPlan) -> Dataset:
    """The owner's statements with the model as the plan wants it."""
    known = {"epochs": plan.epochs, "parameters": plan.parameters}
    card = replace(dataset.model_card, **{name: value for name, value in known.items() if value is not None})
    return replace(dataset, model_card=card)


def _rescanned_dataset(evidence: Evidence, plan: RedactionPlan) -> Dataset:
    """The owner's statements for the new shards; the columns that were left out are told as dropped."""
    dataset = planned_dataset(dataset_of(evidence), plan)
    return replace(dataset, dropped_columns=tuple(dict.fromkeys([*dataset.dropped_columns, *plan.dropped_columns])))


def _describe(request: Request, evidence: Evidence) -> None:
    """Write `dataset.yaml` for the new shards: the owner's statements, and where the surrogates are told."""
    dataset = _rescanned_dataset(evidence, request.plan)
    card = dataset.model_card
    names = ("parameters", "training_tokens", "epochs", "dp_epsilon", "dp_delta")
    told: dict[str, Any] = {
        "name": dataset.name,
        "provenance": dataset.provenance.value,
        "consent": dataset.consent,
        "anonymity_report": dataset.anonymity_report,
        "licence": dataset.licence,
        "languages": list(dataset.languages),
        "model": {name: value for name in names if (value := getattr(card, name)) is not None},
        "columns": {
            "include": list(evidence.scan.include),
            "exclude": list(evidence.scan.exclude),
            "dropped": list(dataset.dropped_columns),
        },
        "facts": dict(dataset.facts or {}),
        "names": evidence.scan.names,
        "documentation_values": "count" if evidence.scan.documentation_values_counted else "apart",
        "redaction": FOLDER,
    }
    write_text(request.home / DATASET, yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
    state = {"plan": request.plan.digest, "surrogates": Surrogates(read_key(request.key_file)).key_id}
    write_text(request.own / STATE, json.dumps(state, sort_keys=True) + "\n")


def _rescan(request: Request, evidence: Evidence, observer: Observer) -> Evidence:
    """Scan the new shards as the old ones were, then judge them knowing what was taken out."""
    rescanned = scanning.Request(
        paths=(stores.whole(request.out),),
        out=request.own / RESCAN,
        dataset=_rescanned_dataset(evidence, request.plan),
        key_file=request.key_file,
        policy=request.policy,
        rules=request.rules,
        include=tuple(evidence.scan.include),
        exclude=tuple(evidence.scan.exclude),
        names=evidence.scan.names,
        count_documentation=evidence.scan.documentation_values_counted,
        artefact=evidence.risk.artefact,
        asked=evidence.verdict.asked,
        engine=request.engine,
        workers=request.workers,
        resume=request.resume,
        redaction=request.own,
        # Where the surrogates stand is told by the SHA-256 of all bytes.
        verify=Verify.SHA256 if isinstance(request.out, Url) else Verify.GLANCE,
        command=request.command,
        before=tuple(
            file
            for part in evidence.shards
            if part.path not in request.plan.dropped_shards
            for file in sorted((request.evidence / "values").glob(f"{file_stem(part.path, part.sha256)}-*.parquet"))
        ),
    )
    return scanning.scan(rescanned, observer)


def _compared(
    request: Request,
    evidence: Evidence,
    written: _Written,
    faults: Sequence[str],
    left_out: int,
) -> Comparison:
    return compare(
        evidence,
        written.after,
        _with_recalls(request, written.after),
        request.plan,
        request.remedy,
        Totals.of(written.done, treatments_of(request.plan)),
        written.still_found,
        tuple(faults),
        left_out,
    )


def _not_read(after: Evidence) -> Iterator[str]:
    """What of the new shards was not read again, some of it by name."""
    parts = after.coverage.unscanned
    for part in parts[:MOST_NAMED]:
        place = f"{part.shard}, column {part.column}" if part.column else part.shard
        yield f"{place}: was written and not read again: {part.detail}"
    if len(parts) > MOST_NAMED:
        yield f"{len(parts) - MOST_NAMED:,} more columns or shards were written and not read again"


def _whole_entities(plan: RedactionPlan) -> frozenset[str] | None:
    """Entities of which every value is taken out wherever it stands, None for all; others may rightly stay."""
    first = plan.entries[0] if plan.entries else None
    if first is not None and first == Entry(first.treatment) and first.treatment.operator is not Operator.KEEP:
        return None
    return frozenset(
        entry.entity
        for entry in plan.entries
        if entry.entity and not entry.column and not entry.rule and entry.treatment.operator is not Operator.KEEP
    )


def _with_recalls(request: Request, after: Evidence) -> Evidence:
    """The evidence as it would be once the recalls that the plan also wants were shown."""
    if not request.plan.recalls:
        return after
    rulebook = load_rulebook(request.rules, request.policy, with_models=False, prove=False)
    actions = [Action(Kind.MEASURE_RECALL, entity, recall) for entity, recall in request.plan.recalls]
    shown = replace(rulebook, calibration=measured(rulebook.calibration, actions, Options(()).labels))
    scanned = scanning.finished(request.own / RESCAN, shown)
    return assemble(scanned, shown, after.risk.artefact, after.verdict.asked)


def _summed(counted: Sequence[Selected]) -> tuple[Selected, ...]:
    """Counts of all shards by entity and treatment."""
    sums: dict[tuple[str, int], Selected] = {}
    for one in counted:
        key = (one.entity, one.treatment)
        old = sums.get(key, Selected(*key, 0, 0, 0, 0))
        sums[key] = Selected(
            *key,
            old.spans + one.spans,
            old.cells + one.cells,
            old.rows + one.rows,
            old.characters + one.characters,
        )
    return tuple(sums[key] for key in sorted(sums))
