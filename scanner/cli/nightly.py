"""`scanner nightly`: every dataset of a configuration, only what is new, until the night ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from filelock import FileLock, Timeout

from scanner.cli._options import json_option, variable
from scanner.errors import BadDataset, BadOutput, Fault, Locked

if TYPE_CHECKING:
    from scanner.budget import Budget
    from scanner.config import NightlyDataset, NightlyFile
    from scanner.nightly import Job, Night
    from scanner.scan import Request

LOCK = ".nightly.lock"


@click.command()
@click.option(
    "--config",
    required=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    envvar=variable("nightly-config"),
    help="Description of the datasets and of the night.",
)
@json_option("Print one JSON object a dataset.")
def command(config: Path, *, as_json: bool) -> int:
    """Scan what is new in every dataset of a configuration, and decide over all of each.

    Leaves with the gravest exit code of its datasets: 4, 2, 75, 3, 1, 0. A run that finds another one at work leaves
    with 75 at once. Logs go to stderr; stdout has one line a dataset.
    """
    file = _read(config)
    with _alone(file.state):
        return _run(config, file, as_json=as_json)


def _read(config: Path) -> NightlyFile:
    """The file; where something is wrong with it, all that is wrong on this machine is told too."""
    from scanner.config import load_nightly_file

    try:
        return load_nightly_file(config)
    except BadDataset:
        _check(config)
        raise


def _check(config: Path) -> None:
    """Hold the file to this machine: addresses lead somewhere, variables are set, folders are there."""
    from scanner import notify
    from scanner.config import load_nightly_file

    load_nightly_file(config, notify.fault)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """No other night runs on this state; a lock whose holder died is free."""
    lock = FileLock(state / LOCK, timeout=0)
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise Locked(f"{state}: another night is at work; this one leaves") from error
    except OSError as error:
        raise BadOutput(f"{state}: cannot be written: {error.strerror or type(error).__name__}") from error
    with lock:
        yield


def _run(config: Path, file: NightlyFile, *, as_json: bool) -> int:
    # Only now, as these take a second to import and a second run must leave sooner.
    from scanner import notify
    from scanner.cli._shared import Bar, write_reports
    from scanner.logs import logger
    from scanner.nightly import pass_on, run_night, worst

    _check(config)
    urls = notify.resolved(file.notify.urls)
    log = logger(as_json=file.log.value == "json")
    nights: list[Night] = []
    for night in run_night([_job(file, one) for one in file.datasets], _budget(file), log, Bar(), write_reports):
        nights.append(night)
        click.echo(_json_line(night) if as_json else _line(night))
        _measure(file, nights, log)
    told = pass_on(nights, file.notify.when, lambda title, text: notify.send(urls, title, text), log)
    _measure(file, nights, log, told=told)
    return worst([night.exit_code for night in nights])


def _measure(file: NightlyFile, nights: Sequence[Night], log: Any, *, told: bool = True) -> None:
    """Write the metrics, where they are asked for; what cannot be written does not end the night."""
    from scanner.metrics import Measured, write_metrics

    if file.metrics is None:
        return
    measured = [
        Measured(one.name, one.exit_code, one.run, one.seconds, untold=one.alert and not told) for one in nights
    ]
    try:
        write_metrics(file.metrics, measured)
    except OSError as error:
        log.error("metrics were not written", file=str(file.metrics), error=error.strerror or type(error).__name__)


def _budget(file: NightlyFile) -> Budget:
    from scanner.budget import Budget, seconds_until

    ends = [] if file.budget.hours is None else [file.budget.hours * 3600]
    if file.budget.stop_by is not None:
        ends.append(seconds_until(file.budget.stop_by, time.time(), file.budget.time_zone))
    size = None if file.budget.gigabytes is None else int(file.budget.gigabytes * 1e9)
    return Budget(time.monotonic() + min(ends, default=float("inf")), size)


def _job(file: NightlyFile, dataset: NightlyDataset) -> Job:
    from scanner.nightly import Job
    from scanner.stores import Url

    publish = Url(dataset.publish) if dataset.publish else None
    return Job(dataset.name, partial(_request, file, dataset), file.keep_gone_days, publish)


def _request(file: NightlyFile, dataset: NightlyDataset) -> Request:
    """How a dataset is scanned, as its own description says when its turn comes."""
    from scanner.cli._invocation import invocation
    from scanner.cli.scan import dataset_file, request_of

    paths = tuple(dataset.paths)
    described = dataset_file(dataset.config, paths)
    described = described.model_copy(update={"name": described.name or dataset.name})
    options: Mapping[str, Any] = {"out": dataset.out, "workers": file.workers, "resume": True}
    try:
        request = request_of(paths, described, options)
    except click.UsageError as error:
        raise BadDataset([Fault(dataset.name, error.message)]) from error
    told = invocation()
    return replace(request, verify=file.verify, tries=file.tries, retain=file.keep_gone_days > 0, command=told)


def _line(night: Night) -> str:
    run = night.run
    if run is None:
        return f"{night.name}: no verdict: {night.error.splitlines()[0]}"
    verdict = "keep internal" if run.decision == "keep_internal" else f"releasable ({run.tier})"
    counts = ", ".join(f"{count} {change}" for change, count in run.census.items() if count and change != "same")
    told = [verdict, f"score {run.p50:.3g} [{run.p05:.3g}, {run.p95:.3g}]", counts or "no shard new"]
    told += [f"{run.left_units} units left for the next night"] if run.left_units else []
    told += ["incomplete"] if run.incomplete else []
    told += ["CHANGED"] if night.alert else []
    return f"{night.name}: {', '.join(told)}"


def _json_line(night: Night) -> str:
    run = night.run
    told: dict[str, Any] = {
        "dataset": night.name,
        "exit_code": night.exit_code,
        "error": night.error,
        "alert": night.alert,
        "late": night.late,
        "seconds": round(night.seconds, 3),
    }
    if run is not None:
        told |= {
            "decision": run.decision,
            "tier": run.tier,
            "granted": run.granted,
            "incomplete": run.incomplete,
            "score": {"p05": run.p05, "p50": run.p50, "p95": run.p95},
            "coverage": run.share,
            "shards": dict(run.census),
            "units_left": run.left_units,
        }
    return json.dumps(told, sort_keys=True)
