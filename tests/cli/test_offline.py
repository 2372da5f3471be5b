"""No network unless asked: a scan with the language models, in a process whose sockets lead nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.scans import write_shard

FORBID = """
import socket, sys
def refuse(*_, **__): raise AssertionError("the network was asked for")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
from scanner.cli import main
main(sys.argv[1:])
"""


def offline(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", FORBID, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_a_scan_asks_for_no_network(tmp_path: Path, key_file: Path) -> None:
    texts = ["Katya Lindqvist wrote from sales@shop.example.com about www.example.org.", "Il vit à Lyon avec Chloé."]
    write_shard(tmp_path / "data" / "a.parquet", texts)
    arguments = ["scan", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--engine", "inline"]
    done = offline(*arguments, "--key", str(key_file))
    assert done.returncode in (0, 1), done.stderr
    assert (tmp_path / "out" / "evidence.json").exists()


def test_a_night_that_notifies_nobody_asks_for_no_network(tmp_path: Path, key_file: Path) -> None:
    write_shard(tmp_path / "data" / "a.parquet", ["Write to sales@shop.example.com."])
    (tmp_path / "d.yaml").write_text(f"names: false\nengine: inline\nkey: {key_file}\n")
    config = "state: state\nmetrics: scanner.prom\ndatasets: [{name: a, paths: [data], config: d.yaml}]\n"
    (tmp_path / "nightly.yaml").write_text(config)
    done = offline("nightly", "--config", str(tmp_path / "nightly.yaml"))
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.startswith("a: ")
    assert (tmp_path / "scanner.prom").exists()
