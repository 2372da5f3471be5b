"""`scanner diff` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.cli import main
from scanner.evidence import Evidence, to_json
from tests.reports.evidences import incomplete_evidence, open_evidence, research_evidence


def test_what_alerts_leaves_with_one_and_what_holds_with_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = _out(tmp_path / "a", research_evidence()), _out(tmp_path / "b", incomplete_evidence())
    assert _run("diff", before, after) == 1
    assert "Research-only licence → inside the organisation" in capsys.readouterr().out
    assert _run("diff", before, before) == 0
    assert "Nothing changed" in capsys.readouterr().out


def test_a_file_of_evidence_does_as_well_as_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = _out(tmp_path / "a", research_evidence()), _out(tmp_path / "b", incomplete_evidence())
    assert _run("diff", f"{before}/evidence.json", after, "--format", "json") == 1
    assert json.loads(capsys.readouterr().out)["verdict"]["direction"] == "worse"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "holds no evidence.json"),
        ("{}", "not evidence of schema version 1"),
        ("\udcff\x00", "not evidence of schema version 1"),
    ],
)
def test_bad_input_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, told: str
) -> None:
    good, bad = _out(tmp_path / "good", research_evidence()), tmp_path / "bad"
    if content is not None:
        bad.mkdir()
        (bad / "evidence.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert _run("diff", good, str(bad)) == 2
    error = capsys.readouterr().err
    assert told in error
    assert str(bad) in error


def test_two_artefacts_are_not_compared_unless_both_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both, one = _out(tmp_path / "both", research_evidence()), _out(tmp_path / "one", open_evidence())
    assert _run("diff", one, both, "--artefact", "data") == 2
    assert "decide it anew with `--artefact data`" in capsys.readouterr().err


def _out(folder: Path, evidence: Evidence) -> str:
    folder.mkdir()
    (folder / "evidence.json").write_text(to_json(evidence))
    return str(folder)


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code
