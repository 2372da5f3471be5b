"""The same labelled lines of code, searched for secrets by detect-secrets and by our rules."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from scanner.cli.evaluate import found
from scanner.detection import Detection
from scanner.evaluate import read_gold
from scanner.model import Finding
from scanner.scoring import Counts, Document, LabelMap, jeffreys, quality, score

SET = "creddata_dev"


def section(corpora: Path, labels: LabelMap, detection: Detection) -> str:
    """Precision, recall and F1 by line of both, as Markdown."""
    documents = list(read_gold(corpora / "labelled" / f"{SET}.parquet", labels))
    texts, languages = [document.text for document in documents], [document.language for document in documents]
    peer = f"detect-secrets {importlib.metadata.version('detect-secrets')}"
    tools: Mapping[str, Callable[[], list[list[Finding]]]] = {
        "scanner": lambda: found(detection, texts, languages),
        peer: lambda: [list(detect_secrets(document.text)) for document in documents],
    }
    lines = [
        "## Secrets beside detect-secrets",
        "",
        f"Both on the same lines of {SET} ({len(documents)} files): those labelled as a secret, but for UUIDs and",
        "names of S3 buckets, and those that people judged and found to be none.",
        "",
        "| tool | found | missed | false | precision | recall | F1 |",
        "|---|---:|---:|---:|---|---|---:|",
    ]
    for name, tool in tools.items():
        lines.append(_row(name, _counts(documents, tool(), labels)))
    return "\n".join(lines) + "\n"


def detect_secrets(text: str) -> Iterator[Finding]:
    """What detect-secrets finds with its default plugins and filters, as findings over whole lines."""
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "code.txt"
        file.write_text(text, encoding="utf-8", errors="replace", newline="")
        secrets = SecretsCollection()
        with default_settings():
            secrets.scan_file(str(file))
    numbers = {secret.line_number for _, secret in secrets}
    at = 0
    for number, line in enumerate(text.split("\n"), 1):
        if number in numbers and line:
            yield Finding("SECRET", at, at + len(line), 1.0, "detect-secrets")
        at += len(line) + 1


def _counts(documents: Sequence[Document], findings: Sequence[Sequence[Finding]], labels: LabelMap) -> Counts:
    return score(zip(documents, findings, strict=True), labels).entities.get("SECRET", Counts())


def _row(name: str, counts: Counts) -> str:
    told = quality(counts)
    shares = [jeffreys(counts.right, counts.wrong), jeffreys(counts.hits, counts.misses)]
    parts = " | ".join(f"{share.value or 0:.3f} [{share.low:.2f}, {share.high:.2f}]" for share in shares)
    return f"| {name} | {counts.hits} | {counts.misses} | {counts.wrong} | {parts} | {told.f1.value or 0:.3f} |"
