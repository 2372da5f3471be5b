"""The changes as canonical JSON: what other programs read."""

from __future__ import annotations

from scanner.evidence import Changes, canonical

NAME = "json"
HELP = "the changes themselves, for programs"


def render(changes: Changes) -> str:
    """The changes as in `evidence.json`, with whether they alert."""
    told = {**changes.model_dump(mode="json"), "alerting": changes.alerting}
    return canonical(told)
