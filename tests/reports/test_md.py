"""Markdown that a pull request shows as it was meant, whatever the names in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from scanner.evidence import Evidence
from scanner.reports import md
from scanner.reports._markdown import escape, table
from scanner.reports._words import visible

from .evidences import HOSTILE_NAMES, LONG, hostile_evidence, incomplete_evidence, research_evidence

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES if name != LONG])
def test_a_name_is_shown_as_it_is(name: str) -> None:
    assert _shown(escape(name)).split() == visible(name).split()


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    shown = visible(text)
    assert _shown(escape(text)).split() == shown.split()


@given(st.text("|\\`*_<>[]()!#&;@:/.-+ a1\n~$=", min_size=1, max_size=12))
def test_no_mark_begins_anything(text: str) -> None:
    assert _shown(escape(text)).split() == visible(text).split()


@given(st.text("#+-*=>_~`1.) a", max_size=8))
def test_no_line_of_a_list_begins_another_block(text: str) -> None:
    blocks = [token.type for token in PARSER.parse(f"- x\n- {escape(text)}") if token.nesting != -1]
    assert [kind for kind in blocks if kind not in ("paragraph_open", "inline")] == [
        "bullet_list_open",
        "list_item_open",
        "list_item_open",
    ]


@given(st.text("|\\` a", min_size=1, max_size=8))
def test_no_name_ends_its_cell(text: str) -> None:
    tokens = PARSER.parse(table(("a", "b"), [(text, "last")]))
    assert [token.type for token in tokens].count("td_open") == 2


def test_a_mention_or_a_bare_link_is_broken_up() -> None:
    assert "@someone" not in escape("@someone")
    assert "#1" not in escape("#1")
    assert "://" not in escape("see https://example.com")
    assert "www." not in escape("www.example.com")


def test_a_hostile_report_has_no_link_image_or_tag_and_keeps_its_tables() -> None:
    text = md.render(hostile_evidence())
    children = [child for token in PARSER.parse(text) for child in token.children or []]
    kinds = {child.type for child in children}
    assert not kinds & {"link_open", "image", "s_open", "em_open"}
    html = [
        child.content for token in PARSER.parse(text) for child in token.children or [] if child.type == "html_inline"
    ]
    assert set(html) <= {"<!-- -->", "<sub>", "</sub>", "<br>"}
    rows = [line for line in text.splitlines() if line.startswith("| name of a person")]
    assert len(rows) == len(HOSTILE_NAMES)
    assert {row.replace("\\|", "").count("|") for row in rows} == {7}


def test_three_questions_are_headings_with_answers() -> None:
    text = md.render(research_evidence())
    assert "## Why is it not open?\n\n- Secret by format." in text
    assert "## What is the smallest fix?\n\nRedact every key, token or password." in text
    assert "## What was not looked at?\n\n- Read by patterns, but not for names: 302 kB" in text


def test_an_incomplete_scan_is_a_warning_and_each_place_a_line() -> None:
    evidence = incomplete_evidence()
    text = md.render(evidence)
    assert "> [!WARNING]" in text
    assert text.partition("## Coverage")[2].count("| data/part-") == len(evidence.coverage.unscanned)


def test_tables_say_what_they_leave_out(evidence: Evidence) -> None:
    rest = len(evidence.findings) - md.MOST_FINDINGS
    assert (f"And {rest:,} more" in md.render(evidence)) == (rest > 0)


def _shown(text: str) -> str:
    """What a reader sees of one line in a paragraph; only comments may stand beside the text."""
    inline = [token for token in PARSER.parse(f"x {text}") if token.type == "inline"]
    assert len(inline) == 1
    children = inline[0].children or []
    assert {child.type for child in children} <= {"text", "text_special", "html_inline", "softbreak"}
    return "".join(child.content for child in children if child.type != "html_inline").removeprefix("x")
