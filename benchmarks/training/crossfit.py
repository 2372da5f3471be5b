"""Quality on text that was not trained on: every document is read by weights and evidence that left its fold out.

    python -m benchmarks.training.crossfit ../shared/corpora out/training [SET…]

The folder holds `LANGUAGE-foldN.npz` and `evidence-foldN.yaml`. Prints the quality table of the whole detection;
`python -m benchmarks.calibrate` takes what the risk model knows of precision and recall from the same.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping
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
from scanner.scoring import Document, LabelMap, Score, score

RULES = Path(__file__).parents[2] / "rules"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpora", type=Path)
    parser.add_argument("trained", type=Path)
    parser.add_argument("sets", nargs="*")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    maps = evaluating.read_maps(options.corpora / "labels.yaml")
    names = sorted(options.sets or (name for name in maps if name not in LEFT_OUT))
    files = {name: options.corpora / "labelled" / f"{name}.parquet" for name in names}
    loaded = load_detectables(None, with_models=True, prove=False)
    scores = held_out(files, maps, loaded, options.trained)
    print(head(", ".join(f"{language}: {spec.title}" for language, spec in sorted(loaded.models.items()))))
    for name in names:
        print("\n".join(rows(name, scores[name], maps[name])))


def held_out(
    files: Mapping[str, Path], maps: Mapping[str, LabelMap], loaded: Detectables, trained: Path, *, curves: bool = True
) -> dict[str, Score]:
    """Scores of sets, every document read by what was trained and fitted without its fold.

    Args:
        files: labelled text, by name of the set.
        maps: what its labels mean.
        loaded: rules, models and curves as they ship.
        trained: folder of the folds' weights and evidence.
        curves: whether the curves of confidence are laid on.
    """
    scores: dict[str, Score] = {name: Score() for name in files}
    for fold in range(FOLDS):
        detection = _detection(loaded, trained, fold, curves)
        for name, file in files.items():
            scores[name] += _scored(file, name, maps[name], detection, fold)
        print(f"fold {fold} is done", file=sys.stderr, flush=True)
    return scores


def _detection(loaded: Detectables, trained: Path, fold: int, curves: bool) -> Detection:
    """Everything as it ships, but for the weights and the evidence, which know nothing of the fold."""
    file = trained / f"evidence-fold{fold}.yaml"
    evidence = yaml.safe_load(file.read_text())["evidence"]
    document = yaml.safe_load((RULES / "models.yaml").read_text())
    document["evidence"] = {**document.get("evidence", {}), **evidence}
    models = parse_models(document, file.name)
    specs = {language: by_fold(spec, trained)[fold] for language, spec in models.items()}
    known = loaded.curves if curves else {}
    return build(loaded.rules, specs, loaded.columns, count_documentation=True, curves=known)


def _scored(file: Path, name: str, labels: LabelMap, detection: Detection, fold: int) -> Score:
    documents = evaluating.read_gold(file, labels)
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
