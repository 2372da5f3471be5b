"""The JSON Schema that the evidence follows."""

from __future__ import annotations

from scanner.evidence import SCHEMA_VERSION, Evidence, canonical, json_schema

NAME = "schema"
SUFFIX = ".schema.json"
HELP = "JSON Schema (draft 2020-12) of the json format"


def render(evidence: Evidence) -> str:
    """The schema of `evidence.schema_version`, the same for all evidence of that version."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:training-data-privacy-scanner:evidence:{SCHEMA_VERSION}",
        **json_schema(),
    }
    return canonical(schema)
