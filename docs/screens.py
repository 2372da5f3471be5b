"""Takes the screens that the README shows, from reports that a scan left.

After `make demo`: `python docs/screens.py out/demo/support_tickets out/demo/web_forum`. The pages are
opened from disk by Debian's Chromium and photographed at 1280 × 900; each picture is named by its dataset and part.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from scanner.changes import compare
from scanner.output import read_evidence
from scanner.reports import formats
from scanner.reports.changes import changes_formats

SCREENS = Path(__file__).parent / "screens"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def main(outs: list[Path]) -> int:
    """Photograph each report, and what changed from the second to the first."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or len(outs) != 2:
        print("usage: docs/screens.py OUT OUT, with Chromium on the path")
        return 2
    SCREENS.mkdir(exist_ok=True)
    first, second = map(read_evidence, outs)
    pages = {
        f"report-{evidence.dataset.name}": (formats()["html"].render(evidence), ("", part))
        for evidence, part in ((first, "#drivers"), (second, "#remedies"))
    }
    pages["diff"] = (changes_formats()["html"].render(compare(second, first)), ("",))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name, (text, parts) in pages.items():
            _photograph(browser, name, text, parts)
        browser.close()
    return 0


def _photograph(browser: Browser, name: str, text: str, parts: tuple[str, ...]) -> None:
    file = SCREENS / f"{name}.html"
    file.write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    for part in parts:
        page.goto(file.as_uri() + part)
        page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
        if part:
            page.locator(part).scroll_into_view_if_needed()
            page.evaluate("part => document.querySelector(part).scrollIntoView()", part)
        picture = SCREENS / f"{name}{part.replace('#', '-')}.png"
        page.screenshot(path=picture)
        print(f"{picture.relative_to(SCREENS.parent.parent)}: {picture.stat().st_size // 1000} kB")
    page.close()
    file.unlink()


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
