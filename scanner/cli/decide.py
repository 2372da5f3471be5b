"""`scanner decide`: another policy or model card for a finished scan, without reading a shard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from scanner import scan as scanning
from scanner.cli._shared import (
    ARTEFACT,
    AS_JSON,
    FILE,
    LEDGER,
    PLACE,
    POLICY,
    RELEASE_AS,
    RULES,
    exit_code,
    show_verdict,
    state_of,
)
from scanner.cli.scan import write_reports
from scanner.model import Artefact, Dataset, Tier
from scanner.publish import publish
from scanner.rulebook import load_rulebook
from scanner.stores import Place, Url

POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("out", type=PLACE)
@LEDGER
@POLICY
@RULES
@click.option(
    "--calibration", type=FILE, help="Measured precision and recall, such as those of a review. [default: what ships]"
)
@click.option("--model-params", "parameters", type=POSITIVE, help="Weights of the model, such as 70e9.")
@click.option("--training-tokens", type=POSITIVE, help="Tokens that the model sees in one epoch.")
@click.option("--epochs", type=POSITIVE, help="Passes over this dataset.")
@RELEASE_AS
@ARTEFACT
@AS_JSON
def command(
    out: Place,
    ledger: Path | None,
    policy: Path | None,
    rules: Path | None,
    calibration: Path | None,
    release_as: str | None,
    artefact: str | None,
    *,
    as_json: bool | None,
    **card: float | None,
) -> int:
    """Decide anew over a finished scan and rewrite its evidence and reports."""
    state = state_of(out, ledger)

    def with_card(dataset: Dataset) -> Dataset:
        known = {name: value for name, value in card.items() if value is not None}
        return replace(dataset, model_card=replace(dataset.model_card, **known))

    evidence = scanning.decide(
        state,
        load_rulebook(rules, policy, with_models=False, prove=False, calibration=calibration),
        with_card,
        Artefact(artefact) if artefact else None,
        Tier(release_as) if release_as else None,
    )
    write_reports(evidence, state)
    if isinstance(out, Url):
        publish(state, out)
    show_verdict(evidence, as_json=bool(as_json))
    return exit_code(evidence)
