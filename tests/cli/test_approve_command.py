"""`scanner approve` and `scanner verify` on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scanner.cli import main
from tests.cli.test_diff_command import _run as run
from tests.scans import scanned, write_key, write_shard


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished scan: `data`, and `out` beside it."""
    base = tmp_path_factory.mktemp("approved")
    write_shard(base / "scan" / "data" / "part.parquet", ["Ask ada@example.com.", "Nothing here."])
    scanned(base / "scan" / "data", base / "scan" / "out", write_key(base / "key"), policy=None)
    return base / "scan"


@pytest.fixture
def out(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return str(tmp_path / "out")


def test_a_scan_is_signed_off_with_a_new_key_and_verified_by_its_public_half(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = ["--tier", "internal", "--by", "Ada Example", "--reason", "not now", "--expires", "2999-12-31"]
    assert run("approve", out, *decision, "--new-key") == 0
    key = tmp_path / "config" / "scanner" / "signing.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    told = capsys.readouterr()
    assert "internal approved within the verdict until 2999-12-31" in told.out
    assert "hand out" in told.err
    assert run("verify", out, str(tmp_path / "data"), "--tier", "internal") == 0
    assert "1 shard, evidence, policy and reports belong together; internal approved by Ada Example" in (
        capsys.readouterr().out
    )
    assert run("verify", out, str(tmp_path / "data"), "--public-key", f"{key}.pub", "--tier", "open") == 1
    assert capsys.readouterr().out == "tier: open was not approved, only internal\n"


def test_each_thing_that_does_not_belong_is_a_line(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "data" / "part.parquet").open("r+b") as shard:
        shard.seek(8)
        shard.write(b"\x00")
    policy = tmp_path / "policy.yaml"
    policy.write_text("another: policy\n")
    assert run("verify", out, str(tmp_path / "data"), "--policy", str(policy)) == 1
    assert capsys.readouterr().out.splitlines() == [
        "shard: part.parquet: has other bytes than those scanned",
        "policy: not the policy that decided; name it with --policy, --rules and --calibration",
    ]


def test_a_decision_that_cannot_be_recorded_tells_every_fault(out: str, capsys: pytest.CaptureFixture[str]) -> None:
    decision = ["--tier", "internal", "--by", " ", "--reason", "", "--expires", "2000-01-01"]
    assert run("approve", out, *decision, "--new-key") == 2
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["--expires", "--by", "--reason"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["verify", "{missing}", "{data}"], "holds no evidence.json"),
        (["verify", "{out}", "{missing}"], "no such file or folder"),
        (["verify", "{out}", "{data}", "--public-key", "{evidence}"], "holds no public key"),
        (["approve", "{out}", "--tier", "open", "--by", "x", "--reason", "y", "--expires", "soon"], "expires"),
        (["approve", "{missing}", *"--tier open --by x --reason y --expires 2999-01-01".split()], "holds no evidence"),
        (["approve", "{out}", *"--tier open --by x --reason y --expires 2999-01-01".split()], "--new-key"),
    ],
)
def test_what_cannot_be_done_leaves_with_two(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    places = {"out": out, "data": tmp_path / "data", "missing": tmp_path / "none", "evidence": f"{out}/evidence.json"}
    with pytest.raises(SystemExit) as left:
        main([argument.format(**places) for argument in arguments])
    assert left.value.code == 2
    assert told in capsys.readouterr().err
