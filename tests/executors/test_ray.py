"""Scans by Ray: the same bytes as inline, whatever befalls a worker, and nothing open to other machines."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.errors import BadEngine
from scanner.executors import Settings, engines
from scanner.worker import watch
from tests.scans import comparable, scanned, write_shard

TEXTS = [
    "Please write to ann.lee@example.com for the spare part.",
    "The card is 4111 1111 1111 1111, thank you.",
    "Maria Gonzales lives in Chicago and works for the city.",
    "plain words",
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        write_shard(tmp_path / "data" / f"{name}.parquet", TEXTS * 20, row_group_size=40)
    return tmp_path / "data"


def files(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for kind in ("spans", "values") for file in (out / kind).glob("*.parquet")}


def test_ray_gives_the_evidence_and_the_files_of_inline(tmp_path: Path, data: Path, key_file: Path) -> None:
    inline = scanned(data, tmp_path / "inline", key_file, names=True)
    spread = scanned(data, tmp_path / "ray", key_file, names=True, engine="ray", workers=1)
    assert comparable(spread) == comparable(inline)
    assert files(tmp_path / "ray") == files(tmp_path / "inline")


def test_a_worker_killed_in_the_midst_of_a_unit_changes_nothing(tmp_path: Path, key_file: Path) -> None:
    data = write_shard(tmp_path / "data" / "a.parquet", [" ".join(TEXTS)] * 6_000).parent
    inline = scanned(data, tmp_path / "inline", key_file)
    killed: list[int] = []
    killer = threading.Thread(target=lambda: killed.append(kill_one_that_writes(tmp_path / "ray" / "spans")))
    killer.start()
    spread = scanned(data, tmp_path / "ray", key_file, engine="ray", workers=2)
    killer.join()
    assert killed[0], "no worker was caught writing"
    assert comparable(spread) == comparable(inline)
    assert files(tmp_path / "ray") == files(tmp_path / "inline")


def kill_one_that_writes(folder: Path) -> int:
    """Kill the first process that is seen to hold a draft in `folder`; 0 if none is within a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        drafts = list(folder.glob(".*.tmp")) if folder.is_dir() else []
        if drafts:
            pid = int(re.findall(r"-(\d+)\.tmp$", drafts[0].name)[0])
            os.kill(pid, signal.SIGKILL)
            return pid
        time.sleep(0.005)
    return 0


def test_ray_listens_on_loopback_alone() -> None:
    executor = engines()["ray"](Settings(1, lambda _: None, watch))
    assert list(executor.map(len, ["abc"])) == [3]
    listening = dict(listeners())
    held = {inode for pid in descendants(os.getpid()) for inode in sockets(pid)}
    open_to = {listening[inode] for inode in held & listening.keys()}
    assert open_to
    assert open_to <= {"0100007F", "0000000000000000FFFF00000100007F"}, "127.0.0.1, as IPv4 and inside IPv6"


def listeners() -> Iterator[tuple[str, str]]:
    """Inode and local address, as the kernel writes it, of every TCP socket that listens."""
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A":
                yield parts[9], parts[1].partition(":")[0]


def descendants(root: int) -> list[int]:
    """Processes below `root`, itself left out."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = list(parents.get(root, ()))
    for pid in found:
        found.extend(parents.get(pid, ()))
    return found


def sockets(pid: int) -> Iterator[str]:
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(entry)
            if target.startswith("socket:["):
                yield target[8:-1]
    except OSError:
        return


def test_an_address_where_no_cluster_answers_is_told_at_once() -> None:
    code = "from scanner.executors import *; engines()['ray'](Settings(1, lambda _: None, print, '127.0.0.1:9'))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "BadEngine: 127.0.0.1:9: no Ray cluster answers there" in ended.stderr


def test_without_ray_the_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadEngine, match=r"\[ray\]"):
        engines()["ray"](Settings(1, lambda _: None, watch))
