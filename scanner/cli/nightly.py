"""`scanner nightly`: every dataset of a configuration, only what is new, until the night ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from filelock import FileLock, Timeout

from scanner.errors import BadOutput, Locked

if TYPE_CHECKING:
    from scanner.budget import Budget
    from scanner.config import NightlyDataset, NightlyFile
    from scanner.nightly import Job, Night

LOCK = ".nightly.lock"


@click.command()
@click.option(
    "--config",
    required=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    envvar="SCANNER_NIGHTLY_CONFIG",
    help="Description of the datasets and of the night.",
)
@click.option("--json", "as_json", is_flag=True, envvar="SCANNER_JSON", help="Print one JSON object a dataset.")
def command(config: Path, *, as_json: bool) -> int:
    """Scan what is new in every dataset of a configuration, and decide over all of each.

    Leaves with the gravest exit code of its datasets: 4, 2, 75, 3, 1, 0. A run that finds another one at work leaves
    with 75 at once. Logs go to stderr; stdout has one line a dataset.
    """
    from scanner.config import load_nightly_file

    file = load_nightly_file(config)
    with _alone(file.state):
        return _run(file, as_json=as_json)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """No other night runs on this state; a lock whose holder died is free."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        with FileLock(state / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise Locked(f"{state}: another night is at work; this one leaves") from error
    except OSError as error:
        raise BadOutput(f"{state}: cannot be written: {error.strerror or type(error).__name__}") from error


def _run(file: NightlyFile, *, as_json: bool) -> int:
    # Only now, as these take a second to import and a second run must leave sooner.
    from scanner import notify
    from scanner.cli._shared import Bar, write_reports
    from scanner.logs import logger
    from scanner.metrics import Measured, write_metrics
    from scanner.nightly import run_night, worst

    urls = notify.resolved(file.notify.urls)
    notify.check(urls)
    log = logger(as_json=file.log.value == "json")
    jobs = [_job(file, dataset) for dataset in file.datasets]
    nights: list[Night] = []
    for night in run_night(jobs, _budget(file), log, Bar(), write_reports):
        nights.append(night)
        click.echo(_json_line(night) if as_json else _line(night))
        if file.metrics is not None:
            write_metrics(file.metrics, [Measured(one.name, one.exit_code, one.run, one.seconds) for one in nights])
    _notify(file, urls, nights, log)
    return worst([night.exit_code for night in nights])


def _budget(file: NightlyFile) -> Budget:
    from scanner.budget import Budget, seconds_until

    ends = [] if file.budget.hours is None else [file.budget.hours * 3600]
    if file.budget.stop_by is not None:
        ends.append(seconds_until(file.budget.stop_by, datetime.now().astimezone()))
    size = None if file.budget.gigabytes is None else int(file.budget.gigabytes * 1e9)
    return Budget(time.monotonic() + min(ends, default=float("inf")), size)


def _job(file: NightlyFile, dataset: NightlyDataset) -> Job:
    from scanner.cli._invocation import invocation
    from scanner.cli.scan import dataset_file, request_of
    from scanner.nightly import Job

    paths = tuple(dataset.paths)
    described = dataset_file(dataset.config, paths)
    described = described.model_copy(update={"name": described.name or dataset.name})
    options: Mapping[str, Any] = {"out": dataset.out, "workers": file.workers, "resume": True}
    request = request_of(paths, described, options)
    told = invocation()
    asked = replace(request, verify=file.verify, tries=file.tries, retain=file.keep_gone_days > 0, command=told)
    return Job(dataset.name, asked, file.keep_gone_days)


def _notify(file: NightlyFile, urls: Sequence[str], nights: Sequence[Night], log: Any) -> None:
    from scanner import notify
    from scanner.config import When
    from scanner.nightly import message

    when = file.notify.when
    wanted = (
        when is When.ALWAYS
        or any(night.alert for night in nights)
        or (when is When.TROUBLE and any(night.trouble for night in nights))
    )
    if not urls or not wanted:
        return
    for number in notify.send(urls, *message(nights)):
        log.error("notification was not taken", address=number)


def _line(night: Night) -> str:
    run = night.run
    if run is None:
        return f"{night.name}: no verdict: {night.error.splitlines()[0]}"
    verdict = "keep internal" if run.decision == "keep_internal" else f"releasable ({run.tier})"
    counts = ", ".join(f"{count} {change}" for change, count in run.census.items() if count and change != "same")
    told = [verdict, f"score {run.p50:.3g} [{run.p05:.3g}, {run.p95:.3g}]", counts or "nothing new"]
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
