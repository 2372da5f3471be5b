"""A small finished scan whose findings a test can review."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.output import read_evidence
from scanner.review.context import Contexts
from scanner.review.desk import Desk, Wanted
from scanner.review.server import Server
from scanner.review.session import Session, subject
from scanner.rulebook import Rulebook, load_rulebook
from scanner.scan import finished
from tests.browsing import browser as browser
from tests.browsing import page as page
from tests.scans import scanned, write_key, write_policy, write_shard

TEXTS = [
    "Write to anna.berg@example.org or call 212-555-0142 about the invoice.",
    "Her new number is two one two, five five five; ask joris@example.net.",
    "Nothing here but a long sentence about the weather in spring, told twice.",
    "<script>alert('x')</script> mail tamsin@example.com \U0001f600 end",
]


@dataclass
class Scene:
    """A finished scan, and what reviews of it are made with."""

    out: Path
    data: Path
    rulebook: Rulebook

    def desk(self, reviewer: str = "Ada", *, fresh: bool = False, passages: int = 3) -> Desk:
        evidence = read_evidence(self.out)
        session = Session(self.out, reviewer, subject(evidence), fresh=fresh)
        contexts = Contexts([str(self.data)], evidence)
        chosen = Wanted(20, passages)
        return Desk(self.out, evidence, self.rulebook, finished(self.out, self.rulebook), contexts, session, chosen)

    @contextmanager
    def serving(self, desk: Desk, finish: Callable[[], str] = lambda: "done") -> Iterator[Server]:
        server = Server(desk, finish)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)
            server.server_close()


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rulebook]:
    """The scan in a folder of its own, and what it was decided by."""
    base = tmp_path_factory.mktemp("reviewed")
    write_shard(base / "scene" / "data" / "a.parquet", TEXTS)
    write_shard(base / "scene" / "data" / "b.parquet", TEXTS[::-1])
    policy = write_policy(base / "policy.yaml")
    scanned(base / "scene" / "data", base / "scene" / "out", write_key(base / "key"), policy=policy)
    return base / "scene", load_rulebook(None, policy, with_models=False, prove=False)


@pytest.fixture
def scene(tmp_path: Path, _finished: tuple[Path, Rulebook]) -> Scene:
    folder, rulebook = _finished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return Scene(tmp_path / "out", tmp_path / "data", rulebook)
