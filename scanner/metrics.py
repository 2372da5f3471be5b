"""Metrics of a night for Prometheus' textfile collector: gauges by dataset, without a value or a name of the data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest

from scanner.atomic import write_text
from scanner.census import Change
from scanner.ledger import RunRow
from scanner.model import Tier


@dataclass(frozen=True, slots=True)
class Measured:
    """One dataset after a night.

    Attributes:
        dataset: its name.
        exit_code: what its run alone would leave with.
        run: what the ledger keeps of the run; None if it came to no verdict.
        seconds: how long the run took.
        untold: whether an alert of it did not reach every address.
    """

    dataset: str
    exit_code: int
    run: RunRow | None
    seconds: float
    untold: bool = False


def write_metrics(file: Path, nights: Sequence[Measured]) -> None:
    """Write every metric, whole or not at all, readable for the collector.

    A dataset without a verdict has exit code, duration and `untold` alone: what was measured before must not pass for
    today's.
    """
    registry = CollectorRegistry()
    gauges = {name: Gauge(f"scanner_{name}", told, ["dataset"], registry=registry) for name, told in METRICS.items()}
    shards = Gauge("scanner_shards", "Shards by what became of them", ["dataset", "change"], registry=registry)
    for night in nights:
        for name, value in _values(night).items():
            gauges[name].labels(night.dataset).set(value)
        if night.run is not None:
            for change in Change:
                shards.labels(night.dataset, change.value).set(night.run.census.get(change.value, 0))
    write_text(file, generate_latest(registry).decode())
    os.chmod(file, 0o644)


METRICS: Mapping[str, str] = {
    "exit_code": "Exit code of the dataset's last run: 0 releasable, 1 keep internal, 2 error, 3 incomplete, 75 locked",
    "untold": "1 if an alert of the dataset did not reach every address, and is sent again in the next night",
    "run_seconds": "Duration of the dataset's last run",
    "run_ended_timestamp_seconds": "When the dataset's last run came to a verdict",
    "tier_openness": "Tier of the verdict: 0 internal, 1 nda, 2 research, 3 open",
    "releasable": "1 if the tier asked for is granted",
    "score_p05": "Score of a public release, 5 % point",
    "score_p50": "Score of a public release, median",
    "score_p95": "Score of a public release, 95 % point",
    "coverage_ratio": "Share of the text that was read",
    "rows": "Rows of the dataset",
    "text_bytes": "Bytes of text, read or not",
    "findings": "Findings over the dataset",
    "units_left": "Units left for a later run",
}
"""Gauges by name, without their prefix, with their help."""


def _values(night: Measured) -> dict[str, float]:
    told: dict[str, float] = {"exit_code": night.exit_code, "untold": float(night.untold), "run_seconds": night.seconds}
    run = night.run
    if run is None:
        return told
    return told | {
        "run_ended_timestamp_seconds": datetime.fromisoformat(run.ended).timestamp(),
        "tier_openness": Tier(run.tier).openness,
        "releasable": float(run.granted and run.decision == "releasable"),
        "score_p05": run.p05,
        "score_p50": run.p50,
        "score_p95": run.p95,
        "coverage_ratio": run.share,
        "rows": run.rows,
        "text_bytes": run.size_bytes,
        "findings": run.findings,
        "units_left": run.left_units,
    }
