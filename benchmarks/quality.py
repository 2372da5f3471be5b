"""The quality table: precision, recall and F2 of the shipped rules and models on labelled sets, as Markdown.

    python -m benchmarks.quality ../shared/corpora > benchmarks/quality.md

`python -m benchmarks.calibrate` is run first: it writes the curves and the table of confidence that is shown here. The
folder holds `labels.yaml` (what each set's labels mean) and `labelled/NAME.parquet` (text, language, spans).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import secret_lines, values
from scanner.cli.evaluate import found
from scanner.detection import Detection, build
from scanner.evaluate import evaluate, read_maps
from scanner.rulebook import load_detectables
from scanner.scan import VERSION
from scanner.scoring import LabelMap, Score, Unit, jeffreys, quality

LEFT_OUT = {"msrec_datetime": "conventions of its own", "dlp_benchmark": "labelled by document"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("sets", nargs="*", help="names of sets; all of them by default")
    options = parser.parse_args()
    maps = read_maps(options.corpora / "labels.yaml")
    names = options.sets or [name for name in maps if name not in LEFT_OUT]
    loaded = load_detectables(None, with_models=True, prove=False)
    detection = build(loaded.rules, loaded.models, loaded.columns, count_documentation=True, curves=loaded.curves)
    models = ", ".join(f"{language}: {spec.title}" for language, spec in sorted(loaded.models.items()))
    print(head(models))
    for name in sorted(names):
        print("\n".join(rows(name, measured(options.corpora, name, maps[name], detection), maps[name])), flush=True)
        print(f"{name} is done", file=sys.stderr)
    if not options.sets:
        print("\n" + (Path(__file__).parent / "reliability.md").read_text(), flush=True)
        print(secret_lines.section(options.corpora, maps[secret_lines.SET], detection), flush=True)
        print(values.section(options.corpora, detection))


def head(models: str) -> str:
    """Title, how the table was made, and the table's head."""
    day = datetime.now(UTC).date().isoformat()
    return f"""# Quality of detection

Printed by `python -m benchmarks.quality CORPORA > benchmarks/quality.md` on {day}, scanner {VERSION}, {models}.

A labelled span is found when at least half of its characters lie under findings of its entity; a finding is right when
at least half of its characters lie under labelled spans of its entity; findings on labels that are not mapped count
neither way. F2 weighs recall. Secrets are counted by line. `any` is the share of labelled characters under a finding of
whatever entity. Intervals are Jeffreys, 95 %. `-`: the set labels too little to tell false findings.

| set | texts | entity | spans | precision | recall | F1 | F2 | any |
|---|---:|---|---:|---|---|---:|---:|---:|"""


def measured(corpora: Path, name: str, labels: LabelMap, detection: Detection) -> Score:
    """Counts of one set."""
    path = corpora / "labelled" / f"{name}.parquet"
    return evaluate([path], {name: labels}, lambda texts, languages: found(detection, texts, languages)).sets[name]


def rows(name: str, score: Score, labels: LabelMap) -> Iterator[str]:
    """One line of the table for each entity that the set labels."""
    covered = f"{score.covered_characters / score.gold_characters:.3f}" if score.gold_characters else "-"
    for entity, counts in sorted(score.entities.items()):
        if counts.hits + counts.misses == 0:
            continue
        told = quality(counts)
        recall = jeffreys(counts.hits, counts.misses)
        shares = [
            f"{part.value:.3f} [{part.low:.2f}, {part.high:.2f}]" if part.value is not None else "-"
            for part in (told.precision, recall)
        ]
        fs = [
            f"{part.value:.3f}" if part.value is not None and labels.precision else "-" for part in (told.f1, told.f2)
        ]
        unit = " (lines)" if labels.unit is Unit.LINE else ""
        spans = counts.hits + counts.misses
        yield f"| {name} | {score.documents} | {entity}{unit} | {spans} | {' | '.join([*shares, *fs])} | {covered} |"


if __name__ == "__main__":
    main()
