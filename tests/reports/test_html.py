"""The page in a real browser: quiet, closed to the network, usable by everyone, and true to its evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from scanner.changes import compare
from scanner.evidence import Evidence
from scanner.masking import Window
from scanner.reports import _summary as summary
from scanner.reports import formats, html
from scanner.reports._words import percent, visible
from scanner.reports.changes import changes_formats
from scanner.wording import count
from tests.browsing import barriers

from .evidences import (
    CASES,
    FORMULA,
    LINES,
    MARKUP,
    RTL,
    changed_evidence,
    incomplete_evidence,
    internal_evidence,
    large_evidence,
    research_evidence,
)


def test_every_report_opens_in_silence_and_asks_nothing_of_the_network(
    page: Page, tmp_path: Path, evidence: Evidence
) -> None:
    _open(page, tmp_path, evidence)
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["open", "research", "incomplete", "hostile"])
def test_axe_finds_no_barrier(page: Page, tmp_path: Path, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    _open(page, tmp_path, CASES[name]())
    assert barriers(page) == []


def test_the_sections_stand_in_the_order_in_which_a_reviewer_asks(page: Page, tmp_path: Path) -> None:
    evidence = changed_evidence().model_copy(update={"history": CASES["research"]().history})
    _open(page, tmp_path, evidence)
    order = page.locator("main > section").evaluate_all("sections => sections.map((section) => section.id)")
    asked = ["answers", "readouts", "gates", "changes", "drivers", "remedies", "coverage", "sensitivity", "method"]
    assert [name for name in order if name in {*asked, "provenance"}] == [*asked, "provenance"]
    linked = page.locator("nav a").evaluate_all("links => links.map((link) => link.hash.slice(1))")
    assert linked == [name for name in order if name != "answers"]


def test_a_page_with_samples_says_so_shows_text_as_text_and_has_no_barrier(page: Page, tmp_path: Path) -> None:
    evidence = research_evidence()
    shown = [Window(place, f"before {MARKUP} {RTL}", "•••@•••", "after") for place in evidence.places[:3]]
    file = tmp_path / "samples.html"
    file.write_text(html.render(evidence, shown), encoding="utf-8")
    page.goto(file.as_uri())
    assert "This part holds text of the dataset" in page.locator("main").inner_text()
    assert MARKUP in page.locator("#sample-list").inner_text()
    assert page.locator("#sample-list mark").count() == 3
    assert barriers(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("width", [360, 768])
def test_no_page_is_wider_than_its_screen(page: Page, tmp_path: Path, width: int, evidence: Evidence) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    _open(page, tmp_path, evidence)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_printed_page_is_no_wider_than_paper(page: Page, tmp_path: Path, evidence: Evidence) -> None:
    page.set_viewport_size({"width": 690, "height": 1000})
    page.emulate_media(media="print")
    _open(page, tmp_path, evidence)
    assert page.evaluate("document.documentElement.scrollWidth") <= 690


def test_printing_opens_what_is_folded(page: Page, tmp_path: Path) -> None:
    _open(page, tmp_path, internal_evidence())
    assert page.locator("details:not([open])").count() >= 2
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert page.locator("details:not([open])").count() == 0


def test_the_page_says_the_numbers_of_its_evidence(page: Page, tmp_path: Path) -> None:
    evidence = research_evidence()
    _open(page, tmp_path, evidence)
    lines = page.locator("table.readouts tbody tr").all_inner_texts()
    open_tier = evidence.risk.tiers[0]
    for line, (value, limit) in zip(
        lines,
        [
            (f"{open_tier.score.p50:.1f}", "55.0"),
            (percent(open_tier.p_max.p50), "9 %"),
            (percent(open_tier.p_any_critical.p50), "none"),
            (percent(open_tier.table_max_risk), "9 %"),
        ],
        strict=True,
    ):
        assert value in line
        assert limit in line
    cells = page.locator("#findings tbody tr").all_inner_texts()
    assert len(cells) == len(evidence.findings)
    for part in evidence.findings:
        assert any(part.column in cell and count(part.count) in cell and count(part.distinct) in cell for cell in cells)


def test_three_questions_are_answered_first(page: Page, tmp_path: Path) -> None:
    _open(page, tmp_path, research_evidence())
    why, fix, unseen = page.locator("#answers > div").all_inner_texts()
    assert "Secret by format" in why
    assert "limit 9 %" in why
    assert "Redact every key, token or password" in fix
    assert "0.04 % of the text" in fix
    assert "not for names: 302 kB" in unseen


def test_an_incomplete_scan_says_so_and_names_each_place(page: Page, tmp_path: Path) -> None:
    evidence = incomplete_evidence()
    _open(page, tmp_path, evidence)
    assert page.get_by_text("The scan is incomplete.", exact=True).is_visible()
    places = page.locator("#unscanned tbody tr").all_inner_texts()
    assert len(places) == len(evidence.coverage.unscanned)
    assert "part-004.parquet" in places[0]


def test_a_column_is_sorted_by_the_keyboard_and_says_so(page: Page, tmp_path: Path) -> None:
    _open(page, tmp_path, internal_evidence())
    button = page.locator("#findings thead").get_by_role("button", name="findings")
    button.focus()
    page.keyboard.press("Enter")
    numbers = [int(text.replace(",", "")) for text in page.locator("#findings tbody td:nth-child(3)").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)
    assert page.locator("#findings th[aria-sort]").all_inner_texts() == ["findings"]
    page.keyboard.press("Enter")
    numbers = [int(text.replace(",", "")) for text in page.locator("#findings tbody td:nth-child(3)").all_inner_texts()]
    assert numbers == sorted(numbers)
    assert page.locator("#status").inner_text() == "Sorted by findings, ascending."


def test_findings_are_filtered_as_one_types(page: Page, tmp_path: Path) -> None:
    _open(page, tmp_path, internal_evidence())
    page.get_by_label("Filter by kind or column").fill("customer.")
    rows = page.locator("#findings tbody tr:visible").all_inner_texts()
    assert len(rows) == 3
    assert all("customer." in row for row in rows)


def test_the_slider_tells_assessed_sizes_exactly_and_others_by_the_stricter_neighbour(
    page: Page, tmp_path: Path
) -> None:
    evidence = research_evidence()
    _open(page, tmp_path, evidence)
    own = next(part for part in evidence.risk.sensitivity if part.parameters == 7e9)
    slider = page.get_by_role("slider", name="Size of the model")
    assert slider.get_attribute("aria-valuetext") == "7 billion parameters"
    assert f"Score {own.score.p50:.1f}" in page.locator("#size-told").inner_text()
    slider.focus()
    page.keyboard.press("End")
    assert "inside the organisation" in page.locator("#size-told").inner_text()
    page.keyboard.press("ArrowLeft")
    assert "as at 1 trillion" in page.locator("#size-told").inner_text()


def test_names_that_try_to_be_markup_are_text(page: Page, tmp_path: Path) -> None:
    _open(page, tmp_path, CASES["hostile"]())
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, form").count() == 0
    assert page.locator("a:not([href^='#'])").count() == 0
    text = page.locator("#findings").inner_text()
    for name in (MARKUP, FORMULA, visible(RTL), visible(LINES)):
        assert name in text


def test_findings_lead_to_places_and_shards_are_ordered_by_their_part_of_the_harm(page: Page, tmp_path: Path) -> None:
    evidence = research_evidence()
    _open(page, tmp_path, evidence)
    places = page.locator("#place-list tbody tr").all_inner_texts()
    assert len(places) == len(evidence.places)
    first = summary.ranked_places(evidence)[0]
    assert all(part in places[0] for part in (first.column, first.shard, f"{first.start}–{first.end}", first.rule))
    page.get_by_label("Filter by kind, column, shard or rule").fill("author.signature")
    assert page.locator("#place-list tbody tr:visible").count() == 2
    shards = page.locator("#riskiest tbody tr").all_inner_texts()
    wanted = sorted(evidence.shards, key=lambda shard: -shard.share)
    for line, shard in zip(shards, wanted, strict=True):
        assert all(part in line for part in (shard.path, percent(shard.share), count(shard.findings)))
    values = page.locator("#repeated tbody tr").all_inner_texts()
    for line, value in zip(values, evidence.repeated, strict=True):
        assert value.fingerprint in line
        assert f"{value.occurrences}×" in line


def test_what_changed_and_who_signed_stand_on_the_page(page: Page, tmp_path: Path) -> None:
    evidence = changed_evidence()
    _open(page, tmp_path, evidence)
    assert "Approved against the verdict" in page.locator(".signed.bad").inner_text()
    section = page.locator("#changes")
    assert "Inside the organisation → research-only licence" in section.inner_text()
    assert evidence.changes is not None
    assert section.locator("table.changes").first.locator("tbody tr").count() == len(evidence.changes.gates)
    assert barriers(page) == []


@pytest.mark.parametrize("name", ["hostile", "large"])
def test_a_page_of_changes_is_quiet_and_has_no_barrier(page: Page, tmp_path: Path, name: str) -> None:
    changes = compare(research_evidence(), CASES[name]())
    path = tmp_path / "changes.html"
    path.write_text(changes_formats()["html"].render(changes), encoding="utf-8")
    page.goto(path.as_uri())
    assert page.locator("h1").inner_text() == "Research-only licence → inside the organisation"
    assert barriers(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_longest_tables_say_what_they_leave_out(page: Page, tmp_path: Path) -> None:
    _open(page, tmp_path, large_evidence())
    notes = page.locator("p.note").all_inner_texts()
    assert any("500 heaviest of 15,000 lines" in note for note in notes)
    assert any("of 10,000 shards" in note for note in notes)
    assert any("500 heaviest of 1,429 places" in note for note in notes)


def test_style_and_script_run_by_their_hash_alone() -> None:
    text = formats()["html"].render(research_evidence())
    assert "unsafe" not in text
    assert " style=" not in text
    assert " onclick" not in text


def _open(page: Page, folder: Path, evidence: Evidence) -> None:
    path = folder / "report.html"
    path.write_text(formats()["html"].render(evidence), encoding="utf-8")
    page.goto(path.as_uri())


def test_the_trend_shows_every_run_and_this_one_last(page: Page, tmp_path: Path) -> None:
    evidence = internal_evidence()
    _open(page, tmp_path, evidence)
    told = page.locator("#trend svg").get_attribute("aria-label")
    assert told == f"Score over 13 runs, from 24.0 to {evidence.risk.score.p50:.1f}"
    assert page.locator("#trend svg .median").count() == 13
    assert page.locator("#trend tbody tr").count() == 13
