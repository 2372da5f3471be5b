"""`scanner nightly` as cron runs it: real processes, a webhook on loopback, every byte that they leave searched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from scanner.cli.nightly import LOCK
from scanner.config import load_nightly_file
from scanner.errors import BadDataset
from tests.canaries import leaks
from tests.scans import write_policy, write_shard
from tests.test_nights import aged

VALUES = ("zebulon.quackenbush@example.org", "(503) 555-0187", "536-22-8471", "AKIAZQ7XW3KJ5VNP2RTH")
PLAIN = ["nothing at all", "and more of nothing"]
TEXTS = [
    f"write to {VALUES[0]} or call {VALUES[1]}",
    f"my social security number is {VALUES[2]}",
    f"aws_access_key_id = {VALUES[3]}",
]
NIGHTLY = """
state: state
datasets:
  - {name: chat, paths: [chat]}
  - {name: gone, paths: [nowhere]}
notify: {urls: [$SCANNER_TEST_WEBHOOK], when: trouble}
metrics: scanner.prom
budget: {stop_by: "06:00", hours: 9}
"""
GONE = "  - {name: gone, paths: [nowhere]}\n"
DATASET = """
provenance: licensed
names: false
documentation_values: count
engine: inline
key: ../keys/key
policy: ../policy.yaml
"""


@dataclass
class Webhook:
    """Takes what is sent to it, or kills who sends it, as if the machine had lost its power at that instant."""

    url: str
    messages: list[bytes]
    to_kill: list[subprocess.Popen[str]]


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    messages: list[bytes] = []
    to_kill: list[subprocess.Popen[str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if to_kill:
                to_kill.pop().kill()
                return
            messages.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Webhook(f"json://127.0.0.1:{server.server_port}/hook", messages, to_kill)
    server.shutdown()
    server.server_close()
    thread.join()


def started(folder: Path, *more: str, webhook: str = "json://127.0.0.1:9/") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scanner", "nightly", "--config", str(folder / "nightly.yaml"), *more]
    environment = {**os.environ, "SCANNER_TEST_WEBHOOK": webhook}
    return subprocess.Popen(
        command, text=True, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def nightly(folder: Path, *more: str, webhook: str = "json://127.0.0.1:9/") -> subprocess.CompletedProcess[str]:
    with started(folder, *more, webhook=webhook) as process:
        stdout, stderr = process.communicate(timeout=600)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def make_lake(folder: Path, config: str = NIGHTLY) -> Path:
    write_shard(folder / "chat" / "0.parquet", PLAIN)
    (folder / "chat" / "dataset.yaml").write_text(DATASET)
    write_policy(folder / "policy.yaml")
    (folder / "nightly.yaml").write_text(config)
    return folder


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lake(tmp_path_factory.mktemp("nightly"))


@dataclass
class TwoNights:
    """What two nights did, the second over a shard of private data."""

    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    messages: list[bytes]


@pytest.fixture(scope="module")
def nights(lake: Path, webhook: Webhook) -> TwoNights:
    first = nightly(lake, "--json", webhook=webhook.url)
    write_shard(lake / "chat" / "1.parquet", TEXTS * 20)
    second = nightly(lake, webhook=webhook.url)
    return TwoNights(first, second, webhook.messages)


def test_one_dataset_that_fails_does_not_end_the_night_of_the_others(nights: TwoNights) -> None:
    chat, gone = map(json.loads, nights.first.stdout.splitlines())
    assert (chat["dataset"], chat["decision"], chat["exit_code"]) == ("chat", "releasable", 0)
    assert chat["shards"]["new"] == 1
    assert (gone["dataset"], gone["exit_code"]) == ("gone", 2)
    assert "no such file or folder" in gone["error"]
    assert nights.first.returncode == nights.second.returncode == 2


def test_stdout_has_the_result_alone_and_stderr_has_json(nights: TwoNights) -> None:
    chat, gone = nights.second.stdout.splitlines()
    assert chat.startswith("chat: keep internal, score ")
    assert chat.endswith("1 new, CHANGED")
    assert gone.startswith("gone: no verdict: ")
    events = [json.loads(line) for line in nights.second.stderr.splitlines()]
    assert [(one["dataset"], one["event"]) for one in events] == [
        ("chat", "begins"), ("chat", "ended"), ("gone", "begins"), ("gone", "failed"),
    ]  # fmt: skip


def test_a_notification_tells_what_changed(nights: TwoNights) -> None:
    first, second = map(json.loads, nights.messages)
    assert first["title"] == "scanner: gone: no verdict (exit 2)"
    assert second["title"] == "scanner: chat: keep internal; gone: no verdict (exit 2)"
    assert "Since the last run" in second["message"]
    assert "1 new" in second["message"]


def test_a_night_that_is_killed_as_it_tells_of_a_change_is_told_of_in_the_next(
    tmp_path: Path, webhook: Webhook
) -> None:
    lake = make_lake(tmp_path)
    assert nightly(lake, webhook=webhook.url).returncode == 2
    aged(write_shard(lake / "chat" / "1.parquet", TEXTS * 20))
    before = len(webhook.messages)
    with started(lake, webhook=webhook.url) as process:
        webhook.to_kill.append(process)
        process.communicate(timeout=600)
    assert (process.returncode, len(webhook.messages)) == (-signal.SIGKILL, before)
    third = nightly(lake, webhook=webhook.url)
    assert third.stdout.startswith("chat: keep internal, ")
    assert third.stdout.splitlines()[0].endswith("no shard new, CHANGED")
    (message,) = map(json.loads, webhook.messages[before:])
    assert "chat: keep internal" in message["title"]
    assert "This changed in an earlier night" in message["message"]
    fourth = nightly(lake)
    assert fourth.stdout.splitlines()[0].endswith("no shard new")


def test_an_address_that_cannot_be_reached_is_told_and_does_not_fail_the_night(tmp_path: Path) -> None:
    lake = make_lake(tmp_path, NIGHTLY.replace("when: trouble", "when: always").replace(GONE, ""))
    done = nightly(lake)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["level"], last["event"], last["address"]) == ("error", "notification was not taken", 0)
    assert "127.0.0.1" not in done.stderr


def test_metrics_that_cannot_be_written_are_told_and_do_not_end_the_night(tmp_path: Path) -> None:
    lake = make_lake(tmp_path, NIGHTLY.replace(GONE, "").replace("scanner.prom", "metrics/scanner.prom"))
    (lake / "metrics").symlink_to("/proc/self")  # a folder that takes no files, not even root's
    done = nightly(lake)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    errors = [event for event in map(json.loads, done.stderr.splitlines()) if event["level"] == "error"]
    assert {event["event"] for event in errors} == {"metrics were not written"}
    assert all(event["file"].endswith("metrics/scanner.prom") for event in errors)


def test_metrics_are_written_for_the_collector(nights: TwoNights, lake: Path) -> None:
    lines = (lake / "scanner.prom").read_text().splitlines()
    assert 'scanner_exit_code{dataset="chat"} 1.0' in lines
    assert 'scanner_exit_code{dataset="gone"} 2.0' in lines
    assert 'scanner_tier_openness{dataset="chat"} 0.0' in lines
    assert 'scanner_shards{change="new",dataset="chat"} 1.0' in lines
    assert not any("score" in line and "gone" in line for line in lines)


def test_no_planted_value_stands_in_state_logs_metrics_or_notifications(nights: TwoNights, lake: Path) -> None:
    told = [nights.second.stdout, nights.second.stderr, *(message.decode() for message in nights.messages)]
    assert leaks(lake / "state", list(VALUES), *told, (lake / "scanner.prom").read_text()) == []


def test_the_output_of_a_night_is_that_of_a_scan(nights: TwoNights, lake: Path) -> None:
    out = lake / "state" / "chat"
    assert (out / "report.html").exists()
    history = subprocess.run(
        [sys.executable, "-m", "scanner", "history", str(out)], capture_output=True, text=True, check=True, timeout=120
    )
    assert "keep internal" in history.stdout
    assert "1 new" in history.stdout
    assert "→" in history.stdout


def test_a_description_that_is_at_fault_ends_the_night_of_its_dataset_alone(tmp_path: Path) -> None:
    more = "".join(f"  - {{name: {name}, paths: [chat], config: {name}.yaml}}\n" for name in ("absent", "wrong", "two"))
    lake = make_lake(tmp_path, NIGHTLY.replace(GONE, more))
    (lake / "wrong.yaml").write_text("provenance: invented\nnames: perhaps\n")
    (lake / "two.yaml").write_text("ledger: somewhere\n")
    done = nightly(lake, "--json")
    chat, absent, wrong, two = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, chat["exit_code"], absent["exit_code"], wrong["exit_code"]) == (2, 0, 2, 2)
    assert "absent.yaml: cannot be read: No such file" in absent["error"]
    assert [line.partition(": `")[0] for line in wrong["error"].splitlines()] == ["wrong.yaml:1", "wrong.yaml:2"]
    assert "--ledger is for an output that is a URL" in two["error"]


def test_a_second_night_leaves_at_once_with_75_and_a_dead_one_holds_nothing(lake: Path) -> None:
    hold = "import sys,time,filelock\nwith filelock.FileLock(sys.argv[1]): print('held', flush=True); time.sleep(600)"
    (lake / "state").mkdir(exist_ok=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(lake / "state" / LOCK)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = nightly(lake)
        assert (done.returncode, done.stdout) == (75, "")
        assert "another night is at work" in done.stderr
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(60)
        if holder.stdout is not None:
            holder.stdout.close()
    with FileLock(lake / "state" / LOCK, timeout=0):
        pass


def test_what_a_second_night_must_import_to_leave_is_small() -> None:
    loaded = "import sys, scanner.config, scanner.cli.nightly as n; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=120)
    for heavy in ("duckdb", "spacy", "hyperscan", "apprise", "scipy", "presidio_analyzer", "pandas"):
        assert f"'{heavy}'" not in done.stdout, heavy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("state: s\ndatasets: []", "datasets"),
        ("state: s\ndatasets: [{name: a, paths: [x]}, {name: a, paths: [y]}]", "two datasets have one name: a"),
        ("state: s\ndatasets: [{name: a, paths: [x]}, {name: b, paths: [y], out: s/c/../a}]", "one output folder: s/a"),
        ("state: s\ndatasets: [{name: ../a, paths: [x]}]", "name"),
        ("state: s\ndatasets: [{name: a, paths: [x]}]\nbudget: {stop_by: '25:00'}", "time of day"),
        ("state: s\ndatasets: [{name: a, paths: [x]}]\nbudgets: {}", "unknown key"),
        ("[]", "must be a mapping"),
        ("state: s3://bucket/s\ndatasets: [{name: a, paths: [x]}]", "`state`: .*this machine"),
        ("state: s\ndatasets: [{name: a, paths: [x], out: 's3://bucket/a'}]", "out`: .*this machine"),
    ],
)
def test_a_fault_of_the_configuration_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text(text)
    with pytest.raises(BadDataset, match=told):
        load_nightly_file(file)


def test_paths_are_taken_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text("state: s\ndatasets: [{name: a, paths: [x, 's3://bucket/y'], config: d.yaml}]")
    parsed = load_nightly_file(file)
    (one,) = parsed.datasets
    assert one.paths == [str(tmp_path / "x"), "s3://bucket/y"]
    assert (one.config, one.out) == (tmp_path / "d.yaml", tmp_path / "s" / "a")


FAULTY = """state: s
datasets:
  - {name: ../a, paths: []}
budget:
  stop_by: 22:30
  time_zone: Europe/Atlantis
  hours: 0
notify:
  urls: [$SCANNER_TEST_UNSET, "nowhere://secret@host", "json://127.0.0.1/"]
  when: sometimes
metrics: no/folder/scanner.prom
log: xml
"""
FAULTS = (
    ("3", "datasets.0.name", "pattern"),
    ("3", "datasets.0.paths", "at least 1 item"),
    ("5", "budget.stop_by", 'must be a time of day in quotes, such as "06:00"'),
    ("6", "budget.time_zone", "must be a time zone that this machine knows"),
    ("7", "budget.hours", "greater than 0"),
    ("9", "notify.urls.0", "the variable SCANNER_TEST_UNSET is not set"),
    ("9", "notify.urls.1", "is no address that apprise knows"),
    ("10", "notify.when", "'change', 'trouble' or 'always'"),
    ("11", "metrics", "there is no folder"),
    ("12", "log", "'json' or 'text'"),
)


def test_every_fault_of_the_configuration_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "nightly.yaml").write_text(FAULTY)
    done = nightly(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    told = done.stderr.splitlines()
    assert len(told) == len(FAULTS)
    for line, (number, key, message) in zip(sorted(told, key=lambda one: int(one.split(":")[1])), FAULTS, strict=True):
        assert line.startswith(f"nightly.yaml:{number}: `{key}`: ")
        assert message in line
    assert "secret" not in done.stderr
    assert not (tmp_path / "s").exists()


def test_what_this_machine_lacks_is_told_before_anything_is_read(tmp_path: Path) -> None:
    lake = make_lake(tmp_path, NIGHTLY.replace("scanner.prom", "no/folder/scanner.prom"))
    done = nightly(lake, webhook="")
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.partition("`: ")[2].partition("/")[0] for line in done.stderr.splitlines()] == [
        "the variable SCANNER_TEST_WEBHOOK is not set", "there is no folder ",
    ]  # fmt: skip
    assert not (lake / "state" / "chat").exists()
