"""The quality table: precision, recall and F2 of the shipped rules and models on labelled sets, as Markdown.

    python -m benchmarks.quality ../shared/corpora --trained out/training > benchmarks/quality.md

`python -m benchmarks.calibrate` is run first: it writes the curves and the table of confidence that is shown here. The
folder holds `labels.yaml` (what each set's labels mean) and `labelled/NAME.parquet` (text, language, spans). With
`--trained`, every text is read by weights and evidence that left its fold out (`benchmarks/training`).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import secret_lines, values
from benchmarks.training.crossfit import LOWERED, held_out
from scanner.cli.evaluate import found
from scanner.detectables import load_detectables
from scanner.detection import build
from scanner.evaluate import evaluate, read_maps
from scanner.model import Finding
from scanner.scoring import Document, LabelMap, Score, Unit, jeffreys, quality
from scanner.worker import VERSION

LOWERED_SETS = ("presidio_synth_v2",)
EVEN = 0.5
HELD_OUT = """
Every text was read by weights and evidence of the names stage that had not learned from its fold; `small letters`: its
text was put in small letters first."""
TABLE = """
| set | texts | entity | spans | precision | recall | F1 | F2 | any |
|---|---:|---|---:|---|---|---:|---:|---:|"""
LEFT_OUT = {"msrec_datetime": "conventions of its own", "dlp_benchmark": "labelled by document"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("sets", nargs="*", help="names of sets; all of them by default")
    parser.add_argument("--trained", type=Path, help="folder of the folds' weights and evidence")
    options = parser.parse_args()
    maps = read_maps(options.corpora / "labels.yaml")
    names = sorted(options.sets or [name for name in maps if name not in LEFT_OUT])
    files = {name: options.corpora / "labelled" / f"{name}.parquet" for name in names}
    loaded = load_detectables(None, with_models=True, prove=False)
    whole = build(loaded.rules, loaded.models, loaded.columns, count_documentation=True, curves=loaded.curves)
    code = People()
    if options.trained:
        scores = held_out(files, maps, loaded, options.trained, lowered=LOWERED_SETS, watch=code.watch)
    else:
        scores = evaluate(files.values(), maps, lambda texts, languages: found(whole, texts, languages)).sets
    print(head(", ".join(f"{language}: {spec.title}" for language, spec in sorted(loaded.models.items()))))
    if options.trained:
        print(HELD_OUT)
    print(TABLE)
    for name, told in sorted(scores.items()):
        print("\n".join(rows(name, told, maps[name.removesuffix(LOWERED)])))
    if code.words:
        print(f"\n{code}")
    if not options.sets:
        print("\n" + (Path(__file__).parent / "reliability.md").read_text(), flush=True)
        print(secret_lines.section(options.corpora, maps[secret_lines.SET], whole), flush=True)
        print(values.section(options.corpora, whole))


@dataclass
class People:
    """Persons found in source code, which holds next to none."""

    words: int = 0
    found: int = 0
    likely: int = 0

    def watch(self, name: str, document: Document, findings: Sequence[Finding]) -> None:
        """Count a document, if it is source code."""
        if name == secret_lines.SET:
            people = [finding.confidence for finding in findings if finding.entity == "PERSON"]
            self.words += len(document.text.split())
            self.found += len(people)
            self.likely += sum(confidence >= EVEN for confidence in people)

    def __str__(self) -> str:
        each = self.words / 1000
        return (
            f"Persons in source code ({secret_lines.SET}, {self.words} words): {self.found / each:.2f} per 1,000 "
            f"words, {self.likely / each:.2f} with a confidence of {EVEN} or more."
        )


def head(models: str) -> str:
    """Title, and how the table was made."""
    day = datetime.now(UTC).date().isoformat()
    return f"""# Quality of detection

Printed by `python -m benchmarks.quality CORPORA --trained out/training > benchmarks/quality.md` on {day},
scanner {VERSION}, {models}.

A labelled span is found when at least half of its characters lie under findings of its entity; a finding is right when
at least half of its characters lie under labelled spans of its entity; findings on labels that are not mapped count
neither way. F2 weighs recall. Secrets are counted by line. `any` is the share of labelled characters under a finding of
whatever entity. Intervals are Jeffreys, 95 %. `-`: the set labels too little to tell false findings."""


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
