"""The examples are read by the programs that they are for, as far as these are here."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from scanner.cli.scan import command as scan_command
from scanner.config import load_dataset_file, load_nightly_file
from scanner.metrics import METRICS, write_metrics
from tests.conftest import REPOSITORY

EXAMPLES = REPOSITORY / "examples"
HARDENING = ("ProtectSystem=strict", "PrivateNetwork=yes", "MemoryMax=", "NoNewPrivileges=yes", "ProtectHome=yes")
LEAST_SAFE = 2.0
"""Exposure by `systemd-analyze security`, from 0 to 10, that the service may have."""

LEFT_OUT = {"scanner_releasable"}
"""Metrics that no panel shows: the exit code tells it, with more."""

COLUMNS = 24
"""Of Grafana's grid."""


def test_the_configuration_of_a_night_is_read() -> None:
    parsed = load_nightly_file(EXAMPLES / "nightly.yaml")
    assert [one.name for one in parsed.datasets] == ["support-chat", "web-pages"]
    for one in parsed.datasets:
        assert one.config is not None
        assert load_dataset_file(one.config).release_as is not None


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_the_service_is_hardened_in_the_eyes_of_systemd() -> None:
    unit = EXAMPLES / "systemd" / "scanner-nightly.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    if "Overall exposure level" not in done.stdout:
        pytest.skip("this systemd-analyze cannot judge a unit that is not installed")
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= LEAST_SAFE
    assert "Unknown" not in done.stderr


@pytest.mark.parametrize("line", HARDENING)
def test_the_service_says_how_it_is_confined(line: str) -> None:
    assert line in (EXAMPLES / "systemd" / "scanner-nightly.service").read_text()


def test_the_timer_and_the_line_of_cron_run_every_night() -> None:
    assert "OnCalendar=*-*-* 22:30" in (EXAMPLES / "systemd" / "scanner-nightly.timer").read_text()
    (line,) = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if "scanner nightly" in line]
    assert re.match(r"30 22 \* \* \* ", line)


def test_the_dag_is_python_and_gates_on_the_exit_code() -> None:
    tree = ast.parse((EXAMPLES / "airflow" / "scan_before_training.py").read_text())
    assert "returncode" in {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_the_workflow_and_the_hook_name_options_that_are_there() -> None:
    workflow = yaml.safe_load((EXAMPLES / "github" / "scan.yml").read_text())
    runs = [step["run"] for step in workflow["jobs"]["scan"]["steps"] if "run" in step]
    hooks = yaml.safe_load((EXAMPLES / "pre-commit-config.yaml").read_text())
    runs.append(hooks["repos"][0]["hooks"][0]["entry"])
    known = set(re.findall(r"--[a-z-]+", CliRunner().invoke(scan_command, ["--help"]).output))
    scans = [line for run in runs for line in run.splitlines() if "scanner scan" in line]
    assert len(scans) == 2
    assert set(re.findall(r"--[a-z-]+(?=[ =]|$)", " ".join(scans))) <= known


@pytest.fixture
def panels() -> list[Any]:
    found = json.loads((EXAMPLES / "grafana" / "dashboard.json").read_text())["panels"]
    assert isinstance(found, list)
    return found


def test_the_dashboard_shows_every_metric_that_is_written_and_no_other(panels: list[Any], tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics", [])
    written = set(re.findall(r"^# TYPE (\w+) gauge$", (tmp_path / "metrics").read_text(), re.MULTILINE))
    assert written >= {f"scanner_{name}" for name in METRICS}
    queries = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    assert set(re.findall(r"scanner_[a-z0-9_]+", queries)) == written - LEFT_OUT


def test_panels_of_the_dashboard_have_numbers_and_places_of_their_own(panels: list[Any]) -> None:
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < COLUMNS
