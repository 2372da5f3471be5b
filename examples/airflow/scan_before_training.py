"""An Airflow DAG that scans what is new every night, and lets training begin only where the verdict allows it.

The gate is the exit code of `scanner nightly`: 0 releasable at the tier asked for, 1 keep internal or a lower tier,
3 incomplete. Codes 2, 4 and 75 are faults, and worth another try.
"""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta

from airflow.exceptions import AirflowFailException
from airflow.sdk import dag, task

CONFIG = "/etc/scanner/nightly.yaml"
VERDICTS = {1: "keep internal, or a lower tier than asked for", 3: "something could not be scanned"}


@dag(
    schedule="30 22 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow adds its own time zone
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
)
def scan_before_training() -> None:
    """Scan, then train."""

    @task
    def scan() -> str:
        done = subprocess.run(  # noqa: S603 - a fixed command
            ["scanner", "nightly", "--config", CONFIG, "--json"],  # noqa: S607 - found on the worker's PATH
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode in VERDICTS:
            # A verdict does not change by trying again.
            raise AirflowFailException(f"{VERDICTS[done.returncode]}\n{done.stdout}")
        if done.returncode:
            raise RuntimeError(f"scanner left with {done.returncode}\n{done.stdout}")
        return done.stdout

    @task
    def train(verdicts: str) -> None:
        print(verdicts)

    train(scan())


scan_before_training()
