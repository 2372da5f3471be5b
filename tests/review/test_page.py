"""The review page in a real browser: keys, marks, the way to the end, and nothing that leaves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scanner.review.server import Server
from tests.review.conftest import Scene

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test for an error on its console, a dialog, or a request to elsewhere."""
    context = browser.new_context(viewport={"width": 1100, "height": 1000})
    opened = context.new_page()
    faults: list[str] = []
    opened.on("console", lambda message: faults.append(message.text))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("dialog", lambda dialog: faults.append(dialog.message))
    opened.on("request", lambda request: faults.append(request.url) if _leaves(request.url) else None)
    yield opened
    context.close()
    assert faults == []


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
        assert _barriers(page) == []
        for number in range(desk.status()["questions"]):
            desk.judge(number, "true")
        page.reload()
        expect(page.locator("#kind")).to_be_visible()
        assert _barriers(page) == []


def _open(page: Page, server: Server) -> None:
    page.goto(server.url)
    expect(page.locator("#stage")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#judged")).not_to_have_text("…")


def _leaves(url: str) -> bool:
    return urlsplit(url).hostname not in ("127.0.0.1", None)


def _barriers(page: Page) -> list[str]:
    return [f"{one['id']}: {node['html']}" for one in Axe().run(page).response["violations"] for node in one["nodes"]]
