"""Size of the report on a large dataset, and how long Chromium takes to open it, beside an empty and a small page.

    python benchmarks/report_opens.py [--rounds 5]

10,000 shards, 300 columns and 50 entities, every pair of the latter two with findings: the invented evidence that the
tests of the reports use. Opening is from navigation to the end of the load event, as the browser's own clock tells it;
the page's script has then run. The smallest of the rounds counts, as other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from scanner.reports import formats
from tests.reports.evidences import large_evidence, research_evidence

LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    evidence = large_evidence()
    began = time.perf_counter()
    large = formats()["html"].render(evidence)
    rendered = time.perf_counter() - began
    small = formats()["html"].render(research_evidence())
    empty = "<!doctype html><html lang=en><title>empty</title><p>nothing"
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless=new", "--no-sandbox"])
        seconds = {
            name: min(_opened(browser, Path(folder) / f"{name}.html", text) for _ in range(rounds))
            for name, text in (("empty", empty), ("small", small), ("large", large))
        }
        browser.close()
    print(f"shards {len(evidence.shards):,}, columns {len(evidence.columns):,}, findings {len(evidence.findings):,}")
    print(f"rendered in {rendered:.2f} s; {len(large.encode()) / 1e6:.2f} MB (limit 3 MB)")
    for name, took in seconds.items():
        print(f"{name:<6} opens in {took:.3f} s, {took / seconds['empty']:.1f} × the empty page")
    return int(len(large.encode()) >= 3_000_000 or seconds["large"] >= 2)


def _opened(browser: Browser, file: Path, text: str) -> float:
    file.write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri(), wait_until="load")
    page.wait_for_function(f"{LOADED} > 0")
    took = float(page.evaluate(LOADED)) / 1000
    page.close()
    return took


if __name__ == "__main__":
    sys.exit(main())
