"""The review page: one document, whose style and script run by their hash and nothing else does."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def page(dataset: str, reviewer: str) -> tuple[str, str]:
    """The document and the content security policy that it is sent with."""
    environment = _environment()
    (style, style_hash), (script, script_hash) = _asset("review.css"), _asset("review.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{style_hash}'; script-src '{script_hash}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    template = environment.get_template("review.html.j2")
    return template.render(dataset=dataset, reviewer=reviewer, style=style, script=script), policy


@cache
def _environment() -> Environment:
    loader = PackageLoader("scanner.review")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def _asset(name: str) -> tuple[Markup, str]:
    text = PackageLoader("scanner.review").get_source(Environment(autoescape=True), name)[0].strip()
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"sha256-{digest}"  # noqa: S704 - our own files
