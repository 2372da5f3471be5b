"""The review page in a real browser: keys, marks, the way to the end, and nothing that leaves."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from scanner.review.server import Server
from tests.browsing import barriers
from tests.review.conftest import Scene


def test_a_review_by_keyboard_from_the_first_question_to_the_new_verdict(scene: Scene, page: Page) -> None:
    desk = scene.desk(passages=1)
    total = desk.status()["questions"]
    with scene.serving(desk, lambda: "Releasable: open") as server:
        _open(page, server)
        for number in range(total):
            expect(page.locator("#judged")).to_have_text(f"{number} of {total}")
            expect(page.locator("#stage mark")).to_have_count(1)
            page.keyboard.press("yn"[number % 2])
        expect(page.locator("#stage h2")).to_have_text("What was missed here?")
        page.keyboard.press("Enter")
        expect(page.locator("#stage h2")).to_have_text("All is judged.")
        page.get_by_role("button", name="Finish").click()
        expect(page.locator("#told")).to_have_text("Releasable: open")
    assert [one.answer for one in desk.session.review.judged] == ["true", "false"] * (total // 2) + ["true"] * (
        total % 2
    )


def test_what_is_selected_in_a_passage_is_marked_as_missed_by_its_code_points(scene: Scene, page: Page) -> None:
    desk = scene.desk(passages=8)
    for number in range(desk.status()["questions"]):
        desk.judge(number, "true")
    with scene.serving(desk) as server:
        _open(page, server)
        while "\U0001f600" not in page.locator("#text").inner_text():
            read = page.locator("#read").inner_text()
            page.keyboard.press("Enter")
            expect(page.locator("#read")).not_to_have_text(read)
        page.evaluate(SELECT_END)
        page.locator("#kind").select_option("PERSON")
        page.keyboard.press("Escape")
        page.locator("h1").click()
        page.evaluate(SELECT_END)
        page.get_by_role("button", name="Mark selection").click()
        expect(page.locator("mark.missed")).to_have_text("end")
        read = page.locator("#read").inner_text()
        page.get_by_role("button", name="Nothing else").click()
        expect(page.locator("#read")).not_to_have_text(read)
    passage = desk.session.review.read[-1]
    text = desk.contexts.cell(passage.place)
    assert [(text[one.start : one.end], one.entity) for one in passage.missed] == [("end", "PERSON")]


SELECT_END = """() => {
  const spans = [...document.querySelectorAll('#text span')].filter((one) => one.textContent.includes(' end'));
  const node = spans[0].firstChild, at = node.data.indexOf(' end') + 1, range = document.createRange();
  range.setStart(node, at); range.setEnd(node, at + 3);
  const selection = getSelection(); selection.removeAllRanges(); selection.addRange(range);
}"""


def test_text_of_the_data_is_shown_as_text(scene: Scene, page: Page) -> None:
    with scene.serving(scene.desk()) as server:
        _open(page, server)
        while "<script>" not in page.locator("#text").inner_text():
            judged = page.locator("#judged").inner_text()
            page.keyboard.press("u")
            expect(page.locator("#judged")).not_to_have_text(judged)
        assert page.locator("#stage script").count() == 0


def test_axe_finds_no_barrier(scene: Scene, page: Page) -> None:
    desk = scene.desk()
    with scene.serving(desk) as server:
        _open(page, server)
        page.keyboard.press("y")
        expect(page.locator("#rates tr")).not_to_have_count(0)
        assert barriers(page) == []
        for number in range(desk.status()["questions"]):
            desk.judge(number, "true")
        page.reload()
        expect(page.locator("#kind")).to_be_visible()
        assert barriers(page) == []


def _open(page: Page, server: Server) -> None:
    page.goto(server.url)
    expect(page.locator("#stage")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#judged")).not_to_have_text("…")
