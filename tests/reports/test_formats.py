"""Every format, found by its being there, keeps the same promises."""

from __future__ import annotations

import json
import re

import pytest

from scanner.evidence import Evidence
from scanner.reports import Format, formats

from .evidences import LONG, MARKUP, hostile_evidence, internal_evidence, large_evidence, research_evidence

FORMATS = formats()
FOR_PEOPLE = {"html", "md", "terminal", "card"}


@pytest.fixture(params=FORMATS.values(), ids=list(FORMATS), scope="session")
def format_(request: pytest.FixtureRequest) -> Format:
    found: Format = request.param
    return found


def test_formats_are_named_by_their_files() -> None:
    assert set(FORMATS) >= FOR_PEOPLE | {"json", "schema", "sarif", "croissant"}
    assert all(found.__name__.rpartition(".")[2] == name for name, found in FORMATS.items())


def test_a_format_says_its_name_suffix_and_whom_it_is_for(format_: Format) -> None:
    assert re.fullmatch(r"[a-z]+", format_.NAME)
    assert re.fullmatch(r"(\.[a-z]+)+", format_.SUFFIX)
    assert 0 < len(format_.HELP) < 80
    assert "\n" not in format_.HELP


def test_suffixes_differ() -> None:
    assert len({found.SUFFIX for found in FORMATS.values()}) == len(FORMATS)


def test_the_same_evidence_gives_the_same_text(format_: Format, evidence: Evidence) -> None:
    text = format_.render(evidence)
    assert text == format_.render(evidence.model_copy(deep=True))
    assert text.endswith("\n")


def test_no_format_lets_a_terminal_be_steered(format_: Format) -> None:
    text = format_.render(hostile_evidence())
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    if format_.NAME != "json":
        assert not re.search(r"[\u202a-\u202e\u2066-\u2069]", text)


def test_no_report_for_people_repeats_a_name_of_ten_thousand_characters(format_: Format) -> None:
    if format_.NAME in FOR_PEOPLE:
        assert LONG not in format_.render(hostile_evidence())


def test_no_format_that_becomes_a_page_holds_live_markup(format_: Format) -> None:
    if format_.NAME in ("html", "md", "card"):
        assert MARKUP not in format_.render(hostile_evidence())


def test_a_large_dataset_gives_a_report_for_people_below_three_megabytes(format_: Format) -> None:
    if format_.NAME in FOR_PEOPLE:
        assert len(format_.render(large_evidence()).encode()) < 3_000_000


def test_the_command_that_scanned_can_be_read_and_typed_again(format_: Format) -> None:
    text = format_.render(research_evidence())
    match format_.NAME:
        case "html":
            assert "<code>scanner scan data --out out --provenance public_web</code>" in text
        case "md":
            assert "Command: scanner scan data --out out --provenance public_web" in text
        case "sarif":
            (invocation,) = json.loads(text)["runs"][0]["invocations"]
            assert invocation["commandLine"] == "scanner scan data --out out --provenance public_web"
            assert invocation["arguments"] == ["scan", "data", "--out", "out", "--provenance", "public_web"]


def test_reports_call_nothing_anonymous(format_: Format) -> None:
    if format_.NAME not in ("json", "schema"):  # these hold the names of fields
        assert "anonymous" not in format_.render(internal_evidence()).lower()
