"""Scores on text that was not trained on: every document is read by weights and evidence that left its fold out.

The folder of training holds `LANGUAGE-foldN.npz` and `evidence-foldN.yaml`; `benchmarks.quality` and
`benchmarks.calibrate` take it as `--trained`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from benchmarks.fit_names import by_fold
from benchmarks.training.folds import FOLDS, fold_of
from scanner import evaluate as evaluating
from scanner.cli.evaluate import found
from scanner.detectables import Detectables
from scanner.detection import Detection, build
from scanner.detectors.names import parse_models
from scanner.model import Finding
from scanner.scoring import Document, LabelMap, Score, score

RULES = Path(__file__).parents[2] / "rules"
Watch = Callable[[str, Document, Sequence[Finding]], None]
"""Told the set, the document and its findings."""

LOWERED = ", small letters"


def held_out(
    files: Mapping[str, Path],
    maps: Mapping[str, LabelMap],
    loaded: Detectables,
    trained: Path,
    *,
    curves: bool = True,
    lowered: Iterable[str] = (),
    watch: Watch = lambda _name, _document, _findings: None,
) -> dict[str, Score]:
    """Scores of sets, every document read by what was trained and fitted without its fold.

    Args:
        files: labelled text, by name of the set.
        maps: what its labels mean.
        loaded: rules, models and curves as they ship.
        trained: folder of the folds' weights and evidence.
        curves: whether the curves of confidence are laid on.
        lowered: sets that are also read all in small letters; their scores have `LOWERED` behind the name.
        watch: told of every document that is read as it stands.
    """
    scores: dict[str, Score] = {name: Score() for name in files}
    for fold in range(FOLDS):
        detection = _detection(loaded, trained, fold, curves)
        for name, file in files.items():
            kept = _of_fold(file, name, maps[name], fold)
            pairs = _read(kept, detection)
            for document, findings in pairs:
                watch(name, document, findings)
            scores[name] += score(pairs, maps[name])
            if name in lowered:
                small = [_lowered(document) for document in kept]
                scores[name + LOWERED] = scores.get(name + LOWERED, Score()) + score(
                    _read(small, detection), maps[name]
                )
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


def _of_fold(file: Path, name: str, labels: LabelMap, fold: int) -> list[Document]:
    documents = evaluating.read_gold(file, labels)
    return [document for index, document in enumerate(documents) if _fold(document, index, name) == fold]


def _read(documents: Sequence[Document], detection: Detection) -> list[tuple[Document, list[Finding]]]:
    pairs: list[tuple[Document, list[Finding]]] = []
    for start in range(0, len(documents), evaluating.BATCH):
        batch = documents[start : start + evaluating.BATCH]
        findings = found(detection, [one.text for one in batch], [one.language for one in batch])
        pairs += zip(batch, findings, strict=True)
    return pairs


def _lowered(document: Document) -> Document:
    """The document in small letters, where each letter has one."""
    small = document.text.lower()
    return replace(document, text=small) if len(small) == len(document.text) else document


def _fold(document: Document, index: int, name: str) -> int:
    spans = [{"start": gold.start, "end": gold.end} for gold in document.spans]
    return fold_of(document.text, spans, index, name)
