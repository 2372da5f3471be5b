"""The changes as one self-contained page."""

from __future__ import annotations

from scanner.evidence import Changes
from scanner.reports._page import environment
from scanner.reports._words import ARTEFACTS
from scanner.reports.changes import _sections as told

NAME = "html"
HELP = "one self-contained page, for release reviewers"


def render(changes: Changes) -> str:
    """The page. Text from outside stands in it as text; styles and scripts run by their hash alone."""
    return (
        environment()
        .get_template("changes.html.j2")
        .render(
            changes=changes,
            artefact=ARTEFACTS[changes.artefact],
            headline=told.headline(changes),
            lead=told.lead(changes),
            basis=told.basis(changes),
            compared=told.compared(changes),
            sections=told.sections(changes),
        )
    )
