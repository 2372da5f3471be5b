"""Persons found in source code and logs that name next to nobody: Python's standard library, and invented logs.

    python -m benchmarks.source_code

Both are there with every interpreter, so anybody can ask again. The library does name some of its authors in comments,
so the best figure isn't zero. Read in pieces of a file each, logs also line by line, as data sets hold them.
"""

from __future__ import annotations

import json
import random
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from scanner.cli.evaluate import found
from scanner.detectables import load_detectables
from scanner.detection import Detection, build

LIBRARY_BYTES = 4_000_000
LOG_LINES = 6_000
SEED = 1
BATCH = 64
EVEN = 0.5
NO_LIBRARY = frozenset({"site-packages", "dist-packages", "test", "tests"})
"""Tests of the library are full of invented persons."""

_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
_PARTS = ("scheduler", "http.server", "org.apache.kafka.clients.Fetcher", "c.e.orders.CartService", "kubelet", "nginx")
_EVENTS = (
    "Started worker pool with {n} threads", "Connection to node {n} could not be established. Broker may be down",
    "GET /api/v1/orders/{n} 200 {n}ms", "Cache miss for key cart:{n}, falling back to Postgres",
    "Failed to pull image registry.example.com/app/web:{n}: ImagePullBackOff", "Request {n} timed out, Retrying it",
    "Elasticsearch index products-{n} created", "Session expired, Redirecting to Login page",
    "Garbage collection took {n} ms", "NullPointerException: Cannot invoke Cart.total() because this.cart is null",
    "Spring Boot started on port {n}", "Hibernate: select id, total from orders where id = {n}",
    "Migrating database from version {n}", "Jenkins build {n} finished: SUCCESS", "Redis replica {n} is in sync",
)  # fmt: skip


def main() -> None:
    loaded = load_detectables(None, with_models=True, prove=False)
    detection = build(loaded.rules, loaded.models, loaded.columns, curves=loaded.curves)
    print("| text | bytes | words | persons | per 1,000 words | with a confidence of .5 or more |")
    print("|---|---:|---:|---:|---:|---:|")
    lines = list(logs())
    for name, texts in (
        ("Python's standard library", list(library())),
        ("logs, 200 lines a cell", ["\n".join(lines[at : at + 200]) for at in range(0, len(lines), 200)]),
        ("logs, a line a cell", lines),
    ):
        print(row(name, texts, detection), flush=True)


def row(name: str, texts: Sequence[str], detection: Detection) -> str:
    """One line of the table."""
    words = sum(len(text.split()) for text in texts)
    people = list(persons(texts, detection))
    likely = sum(confidence >= EVEN for confidence in people)
    size = sum(len(text.encode()) for text in texts)
    each, sure = (1000 * count / words for count in (len(people), likely))
    return f"| {name} | {size} | {words} | {len(people)} | {each:.2f} | {sure:.2f} |"


def persons(texts: Sequence[str], detection: Detection) -> Iterator[float]:
    """The confidence of each person found."""
    for at in range(0, len(texts), BATCH):
        batch = list(texts[at : at + BATCH])
        for findings in found(detection, batch, ["code"] * len(batch)):
            yield from (finding.confidence for finding in findings if finding.entity == "PERSON")


def library() -> Iterator[str]:
    """Modules of the standard library, in the order of their names, `LIBRARY_BYTES` of them."""
    root = Path(sysconfig.get_path("stdlib"))
    size = 0
    for file in sorted(file for file in root.rglob("*.py") if not NO_LIBRARY.intersection(file.parts)):
        text = file.read_text(encoding="utf-8", errors="replace")
        size += len(text)
        if size > LIBRARY_BYTES:
            return
        yield text


def logs() -> Iterable[str]:
    """Lines of five kinds of log, all of machines' doings."""
    chance = random.Random(SEED)
    for number in range(LOG_LINES):
        when = f"2026-03-{number % 28 + 1:02} {number % 24:02}:{number % 60:02}:{number % 60:02}"
        level, part = chance.choice(_LEVELS), chance.choice(_PARTS)
        event = chance.choice(_EVENTS).format(n=chance.randrange(1, 9999))
        kinds = (
            f"{when},{number % 1000:03} {level} [{part}] {event}",
            f"Mar {number % 28 + 1:2} {number % 24:02}:{number % 60:02}:07 web-{number % 9} {part}[{number}]: {event}",
            json.dumps({"ts": when, "level": level.lower(), "logger": part, "msg": event}),
            f"[{level}] {part}: {event}",
            f'203.0.113.{number % 250} - - [0{number % 9 + 1}/Mar/2026:{number % 24:02}:10:07 +0000] "GET /p/{number}'
            f' HTTP/1.1" 200 {number} "-" "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/115.0"',
        )
        yield kinds[number % len(kinds)]


if __name__ == "__main__":
    main()
