"""The changes as canonical JSON: what other programs read."""

from __future__ import annotations

import json

from scanner.evidence import Changes

NAME = "json"
HELP = "the changes themselves, for programs"


def render(changes: Changes) -> str:
    """The changes as in `evidence.json`, with whether they alert."""
    told = {**changes.model_dump(mode="json"), "alerting": changes.alerting}
    return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
