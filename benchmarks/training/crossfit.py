"""Quality on text that was not trained on: every document is read by weights and evidence that left its fold out.

    python -m benchmarks.training.crossfit ../shared/corpora out/training [SET…] [--calibration rules/calibration.yaml]

The folder holds `LANGUAGE-foldN.npz` and `evidence-foldN.yaml`. Prints the quality table of the whole detection, and
with `--calibration` writes what the risk model takes precision and recall from (maps: `benchmarks/labels.yaml`).
"""

from __future__ import annotations

import argparse
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import yaml

from benchmarks.fit_names import by_fold
from benchmarks.quality import LEFT_OUT, head, rows
from benchmarks.training.folds import FOLDS, fold_of
from scanner import evaluate as evaluating
from scanner.cli.evaluate import found
from scanner.detection import Detection, build
from scanner.detectors.names import parse_models
from scanner.rulebook import Detectables, load_detectables
from scanner.scan import VERSION
from scanner.scoring import Document, LabelMap, Score, score

RULES = Path(__file__).parents[2] / "rules"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpora", type=Path)
    parser.add_argument("trained", type=Path)
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--calibration", type=Path)
    parser.add_argument("--map", type=Path, help="label maps; the corpora's own by default, ours for a calibration")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ours = Path(__file__).parents[1] / "labels.yaml"
    maps = evaluating.read_maps(options.map or (ours if options.calibration else options.corpora / "labels.yaml"))
    names = sorted(options.sets or (name for name in maps if name not in LEFT_OUT))
    loaded = load_detectables(None, with_models=True, prove=False)
    scores: dict[str, Score] = {name: Score() for name in names}
    for fold in range(FOLDS):
        detection = _detection(loaded, options.trained, fold)
        if detection is None:
            continue
        for name in names:
            scores[name] += _scored(options.corpora, name, maps[name], detection, fold)
        print(f"fold {fold} is done", file=sys.stderr)
    titles = {language: spec.title for language, spec in sorted(loaded.models.items())}
    print(head(", ".join(f"{language}: {title}" for language, title in titles.items())))
    for name in names:
        print("\n".join(rows(name, scores[name], maps[name])))
    if options.calibration:
        table = evaluating.calibration(
            evaluating.Evaluation(scores), maps, datetime.now(UTC).date().isoformat(), VERSION, titles
        )
        before = options.calibration.read_text() if options.calibration.exists() else ""
        options.calibration.write_text(evaluating.calibration_text(table, before))


def _detection(loaded: Detectables, trained: Path, fold: int) -> Detection | None:
    """Everything as it ships, but for the weights and the evidence, which know nothing of the fold.

    None where there are no such weights.
    """
    file = trained / f"evidence-fold{fold}.yaml"
    if not file.exists():
        return None
    evidence = yaml.safe_load(file.read_text())["evidence"]
    document = yaml.safe_load((RULES / "models.yaml").read_text())
    document["evidence"] = {**document.get("evidence", {}), **evidence}
    models = parse_models(document, file.name)
    specs = {language: by_fold(spec, trained)[fold] for language, spec in models.items()}
    return build(loaded.rules, specs, loaded.columns, count_documentation=True)


def _scored(corpora: Path, name: str, labels: LabelMap, detection: Detection, fold: int) -> Score:
    documents = evaluating.read_gold(corpora / "labelled" / f"{name}.parquet", labels)
    kept = [document for index, document in enumerate(documents) if _fold(document, index, name) == fold]
    pairs = []
    for start in range(0, len(kept), evaluating.BATCH):
        batch = kept[start : start + evaluating.BATCH]
        findings = found(detection, [one.text for one in batch], [one.language for one in batch])
        pairs += zip(batch, findings, strict=True)
    return score(pairs, labels)


def _fold(document: Document, index: int, name: str) -> int:
    spans = [{"start": gold.start, "end": gold.end} for gold in document.spans]
    return fold_of(document.text, spans, index, name)


if __name__ == "__main__":
    main()
