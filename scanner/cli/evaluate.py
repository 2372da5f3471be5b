"""`scanner evaluate`: measure precision and recall on labelled text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
import pyarrow as pa

from scanner import evaluate as evaluating
from scanner.atomic import write_text
from scanner.cli._options import json_option, variable
from scanner.cli._shared import FILE, RULES
from scanner.detectables import load_detectables
from scanner.detection import Detection, build
from scanner.detectors.names import ModelSpec
from scanner.files import load_entities
from scanner.model import Finding, Leaf
from scanner.scoring import LabelMap
from scanner.worker import VERSION


@click.command()
@click.argument("gold", nargs=-1, required=True, type=FILE, metavar="GOLD.parquet…")
@click.option("--map", "map_file", type=FILE, envvar=variable("map"), help="YAML that maps labels to entities, by set.")
@RULES
@click.option("--names/--no-names", default=True, help="Run the language models that find names and places.")
@click.option("--show-text", is_flag=True, help="Tell misses and false findings by their text, not their shape.")
@json_option("Print counts and rates as JSON.")
@click.option(
    "--calibration",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the counts as the calibration that the risk model takes precision and recall from.",
)
def command(
    gold: tuple[Path, ...],
    map_file: Path | None,
    rules: Path | None,
    calibration: Path | None,
    *,
    names: bool,
    show_text: bool,
    as_json: bool,
) -> int:
    """Measure precision, recall and F2 on labelled text, by entity, confidence and rule.

    GOLD has the columns text, spans (start, end, label) and, at best, language. Documentation values count here as
    any other value: labelled sets are full of them.
    """
    maps = evaluating.read_maps(map_file) if map_file else {}
    detectables = load_detectables(rules, with_models=names, prove=False)
    detection = build(
        detectables.rules,
        detectables.models,
        detectables.columns,
        count_documentation=True,
        curves=detectables.curves,
    )
    measured = evaluating.evaluate(
        gold, maps, lambda texts, languages: found(detection, texts, languages), show_text, load_entities(rules).keys()
    )
    if unknown := evaluating.unknown_told(measured):
        click.echo(f"warning: labels that no map knows: {unknown}", err=True)
    if calibration is not None:
        _write_calibration(calibration, measured, maps, detectables.models)
    click.echo(json.dumps(evaluating.to_json(measured), indent=2) if as_json else evaluating.render(measured))
    return 0


def found(detection: Detection, texts: list[str], languages: list[str]) -> list[list[Finding]]:
    """Findings of each text, as a scan gives them for cells of a `text` column."""
    rows = np.arange(len(texts), dtype=np.int64)
    leaf = Leaf("text", pa.array(texts, pa.large_string()), rows, np.zeros(len(texts), np.int32))
    result = detection.find_in(leaf, {row: language for row, language in enumerate(languages) if language})
    return [result.found.get(index, []) for index in range(len(texts))]


def _write_calibration(
    file: Path, measured: evaluating.Evaluation, maps: Mapping[str, LabelMap], models: Mapping[str, ModelSpec]
) -> None:
    table = evaluating.calibration(
        measured,
        maps,
        datetime.now(UTC).date().isoformat(),
        VERSION,
        {language: spec.title for language, spec in models.items()},
    )
    before = file.read_text() if file.exists() else ""
    write_text(file, evaluating.calibration_text(table, before))
