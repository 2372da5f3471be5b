"""Every format of a comparison, found by its being there, keeps the same promises."""

from __future__ import annotations

import json
import re

import pytest
from markdown_it import MarkdownIt

from scanner.changes import compare
from scanner.evidence import Changes
from scanner.reports.changes import ChangesFormat, changes_formats
from scanner.reports.changes import _sections as told
from tests.reports.evidences import (
    HOSTILE_NAMES,
    LONG,
    MARKUP,
    hostile_evidence,
    incomplete_evidence,
    internal_evidence,
    large_evidence,
    open_evidence,
    research_evidence,
)

FORMATS = changes_formats()
FOR_PEOPLE = [FORMATS[name] for name in ("terminal", "md", "html")]


@pytest.fixture(params=FORMATS.values(), ids=list(FORMATS), scope="session")
def format_(request: pytest.FixtureRequest) -> ChangesFormat:
    found: ChangesFormat = request.param
    return found


@pytest.fixture(scope="module")
def hostile() -> Changes:
    return compare(open_evidence(), hostile_evidence())


@pytest.fixture(scope="module")
def large() -> Changes:
    return compare(internal_evidence(), large_evidence())


def test_formats_are_named_by_their_files() -> None:
    assert set(FORMATS) >= {"terminal", "md", "html", "json"}
    assert all(found.__name__.rpartition(".")[2] == name for name, found in FORMATS.items())
    assert all(0 < len(found.HELP) < 80 for found in FORMATS.values())


def test_the_same_changes_give_the_same_text(format_: ChangesFormat, hostile: Changes) -> None:
    assert format_.render(hostile) == format_.render(hostile.model_copy(deep=True))


def test_no_format_lets_a_terminal_be_steered(format_: ChangesFormat, hostile: Changes) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", format_.render(hostile))


@pytest.mark.parametrize("format_", FOR_PEOPLE, ids=lambda found: found.NAME)
def test_names_from_outside_are_text(format_: ChangesFormat, hostile: Changes) -> None:
    text = format_.render(hostile)
    assert LONG not in text
    if format_.NAME != "terminal":
        assert MARKUP not in text
    if format_.NAME == "md":
        children = [child for token in MarkdownIt().enable("table").parse(text) for child in token.children or []]
        assert not {child.type for child in children} & {"link_open", "image", "em_open"}
        assert len([line for line in text.splitlines() if line.startswith("| new | name of")]) == len(HOSTILE_NAMES)


@pytest.mark.parametrize("format_", FOR_PEOPLE, ids=lambda found: found.NAME)
def test_a_large_comparison_is_cut_and_says_so(format_: ChangesFormat, large: Changes) -> None:
    text = format_.render(large)
    assert len(text.encode()) < 300_000
    assert re.search(rf"and {15_009 - told.SHOWN:,} more", text, re.IGNORECASE)


def test_no_line_is_wider_than_the_terminal(hostile: Changes, large: Changes) -> None:
    for changes in (hostile, large):
        assert max(map(len, FORMATS["terminal"].render(changes).splitlines())) <= 100


def test_a_program_is_told_whether_to_alert() -> None:
    same, worse = compare(open_evidence(), open_evidence()), compare(research_evidence(), incomplete_evidence())
    assert json.loads(FORMATS["json"].render(same))["alerting"] is False
    assert json.loads(FORMATS["json"].render(worse))["alerting"] is True


def test_the_first_words_say_what_matters_most() -> None:
    assert told.headline(compare(open_evidence(), open_evidence())) == "Nothing changed"
    worse = compare(research_evidence(), incomplete_evidence())
    assert told.headline(worse) == "Research-only licence → inside the organisation"
    assert told.lead(worse) == (
        "Keep internal: inside the organisation, worse than research-only licence. The score stays at 38.2. "
        "Newly tripped: coverage."
    )


def test_what_other_than_the_data_differs_is_told_as_a_reason() -> None:
    before = research_evidence()
    after = before.model_copy(update={"scan": before.scan.model_copy(update={"policy_sha256": "0" * 64})})
    changes = compare(before, after)
    assert told.headline(changes) == "The verdict holds"
    assert told.basis(changes) == "Some changes may come from elsewhere than the shards: other policy."
