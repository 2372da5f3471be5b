"""The dataset in Croissant 1.0 with the vocabulary for responsible AI, for dataset catalogues.

Croissant: mlcommons.org/croissant/1.0. Responsible AI: mlcommons.org/croissant/RAI/1.0.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from scanner.evidence import Evidence, ShardPart
from scanner.reports import _summary as summary
from scanner.reports._words import PROVENANCES, percent, sentence, shorten
from scanner.wording import count, plural

NAME = "croissant"
SUFFIX = ".croissant.json"
HELP = "Croissant with its responsible-AI terms, for catalogues"

CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
"""Short names of the terms that `render` uses."""


def render(evidence: Evidence) -> str:
    """A Croissant description of the shards that were scanned, to be merged with what else is known of them."""
    dataset = evidence.dataset
    licence = {"license": shorten(dataset.licence)} if dataset.licence else {}
    languages = {"inLanguage": [shorten(code) for code in dataset.languages]} if dataset.languages else {}
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": shorten(dataset.name),
        "description": _description(evidence),
        **licence,
        **languages,
        "rai:dataCollection": f"Provenance as its owner states it: {PROVENANCES[dataset.provenance]}.",
        "rai:personalSensitiveInformation": _found(evidence),
        "rai:dataLimitations": summary.gaps(evidence),
        "rai:dataUseCases": [sentence(condition) for condition in evidence.verdict.conditions],
        "distribution": [_shard(place, shard) for place, shard in enumerate(evidence.shards)],
    }
    return json.dumps({key: value for key, value in described.items() if value}, indent=1) + "\n"


def _description(evidence: Evidence) -> str:
    rows = sum(shard.rows for shard in evidence.shards)
    return (
        f"{count(rows)} rows in {count(len(evidence.shards))} Parquet shards. Privacy verdict for "
        f"{summary.artefact_phrase(evidence.risk)}: {summary.headline(evidence.verdict).lower()}. "
        f"{summary.confidence(evidence)}"
    )


def _found(evidence: Evidence) -> list[str]:
    """One line a kind of value, over all columns."""
    totals: dict[str, tuple[int, set[str]]] = {}
    for part in summary.ranked_findings(evidence):
        findings, columns = totals.get(part.title, (0, set()))
        totals[part.title] = (findings + part.count, columns | {part.column})
    told = [
        f"{shorten(title)}: {count(findings)} findings in {plural(len(columns), 'column')}"
        for title, (findings, columns) in totals.items()
        if findings
    ]
    read = percent(evidence.coverage.share)
    return told or [f"No detector found any in {read} of the bytes; what detectors missed is not known."]


def _shard(place: int, shard: ShardPart) -> dict[str, Any]:
    known = {"sha256": shard.file_sha256} if shard.file_sha256 else {}
    return {
        "@type": "cr:FileObject",
        "@id": f"shard-{place:05d}",
        "name": f"shard-{place:05d}",
        "contentUrl": quote(shard.path, safe="/:", errors="surrogatepass"),
        "contentSize": f"{shard.bytes} B",
        "encodingFormat": "application/x-parquet",
        **known,
    }
