"""`scanner decide`: another policy or model card for a finished scan, without reading a shard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from scanner import scan as scanning
from scanner.cli._invocation import invocation
from scanner.cli._shared import FILE, PLACE, conclude, ends_in_verdict, state_of
from scanner.model import Artefact, Dataset, Tier
from scanner.rulebook import load_rulebook
from scanner.stores import Place

POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("out", type=PLACE)
@ends_in_verdict
@click.option(
    "--calibration", type=FILE, help="Measured precision and recall, such as those of a review. [default: what ships]"
)
@click.option("--model-params", "parameters", type=POSITIVE, help="Weights of the model, such as 70e9.")
@click.option("--training-tokens", type=POSITIVE, help="Tokens that the model sees in one epoch.")
@click.option("--epochs", type=POSITIVE, help="Passes over this dataset.")
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
        invocation(),
    )
    return conclude(evidence, state, out, as_json=bool(as_json))
