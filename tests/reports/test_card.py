"""Sections to paste elsewhere, each by itself."""

from __future__ import annotations

from scanner.reports import card

from .evidences import internal_evidence, open_evidence


def test_the_summary_of_training_content_follows_the_sections_of_the_template() -> None:
    text = card.render(internal_evidence()).partition("## Facts for the summary of training content")[2]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row[0].strip("| ") for row in rows] == sorted(row[0].strip("| ") for row in rows)
    told = {row[1]: row[2].strip("| ") for row in rows}
    assert told["kind of source"] == "data collected from users"
    assert "payment card number" in told["kinds of values found"]
    assert told["consent of the persons"] == "not stated"


def test_each_section_stands_by_itself() -> None:
    text = card.render(open_evidence())
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Personal and sensitive information",
        "## Privacy of the training data",
        "## Facts for the summary of training content",
    ]
