"""Fit how evidence for a name counts, and print it as the `evidence:` of `rules/models.yaml`.

    python -m benchmarks.fit_names ../shared/corpora --trained out/training > evidence.yaml

Candidates of the names stage on labelled text are matched with gold as the corpora's scoring says; a logistic model
with a ridge is fitted by language and entity, each set weighed by the root of its size. Source code counts as holding
no one. Each document is read by weights that did not learn from it, `LANGUAGE-foldN.npz` in the folder of `--trained`
(the package's own weights where there are none). How well three folds tell the fourth is told to stderr by confidence
bin; then all are fitted, and with `--by-fold` also all but each one, as `evidence-foldN.yaml`.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import yaml
from numpy.typing import NDArray

from benchmarks.training.folds import FOLDS, fold_of
from scanner.detectors.names import ModelSpec, Names, parse_models
from scanner.detectors.names.dates import written
from scanner.detectors.names.evidence import FEATURES, Candidate, seen
from scanner.detectors.names.passages import split
from scanner.detectors.names.polish import candidates
from scanner.model import CONFIDENCE_EDGES

SETS = {
    "presidio_synth_v2": "en", "presidio_generated_large": "en", "uner_ewt_dev": "en", "wikigold": "en",
    "wnut17_dev": "en", "btc_h": "en", "table_pii_dataset": "en", "creddata_dev": "en", "echr_fr_manual": "fr",
    "echr_es_manual": "es", "meddocan_dev": "es",
}  # fmt: skip
LOWERED = ("presidio_synth_v2", "echr_es_manual")
CODE = "creddata_dev"
WEIGHED = ("PERSON", "LOCATION", "NRP")
MOST_CODE_POINTS = 12_000
MOST_ROWS = {"table_pii_dataset": 600, "creddata_dev": 240}
Array = NDArray[np.float64]


class Sample(NamedTuple):
    """One candidate: its set, the fold it is in, its features, whether it is right."""

    source: str
    fold: int
    features: tuple[float, ...]
    right: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--trained", type=Path, help="folder of weights by fold")
    parser.add_argument("--by-fold", type=Path, help="folder for evidence fitted without each fold")
    parser.add_argument("--languages", nargs="*", help="languages to fit; all of models.yaml by default")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    samples = _samples(options.corpora, _models(), options.trained, options.languages)
    for language, entity in sorted(samples):
        _tell_held_out(language, entity, samples[language, entity])
    for fold in range(FOLDS) if options.by_fold else ():
        kept = {key: [row for row in rows if row.fold != fold] for key, rows in samples.items()}
        with (options.by_fold / f"evidence-fold{fold}.yaml").open("w") as file:
            yaml.safe_dump({"evidence": _evidence(kept)}, file, sort_keys=False)
    yaml.safe_dump({"evidence": _evidence(samples)}, sys.stdout, sort_keys=False)


def _evidence(samples: dict[tuple[str, str], list[Sample]]) -> dict[str, dict[str, dict[str, float]]]:
    evidence: dict[str, dict[str, dict[str, float]]] = {}
    for (language, entity), rows in sorted(samples.items()):
        weights = _fitted(*_arrays(rows)).round(3).tolist()
        told = {name: weight for name, weight in zip(FEATURES, weights, strict=True) if weight}
        evidence.setdefault(language, {})[entity] = told
    return evidence


def by_fold(spec: ModelSpec, trained: Path | None) -> dict[int, ModelSpec]:
    """The model as each fold's documents are read: with weights that did not learn from them.

    A fold whose weights are missing while others are there is left out; a model without any is the same for all folds.
    """
    files = {fold: trained / f"{spec.language}-fold{fold}.npz" for fold in range(FOLDS)} if trained else {}
    there = {fold: file.resolve() for fold, file in files.items() if file.exists()}
    if not there:
        return dict.fromkeys(range(FOLDS), spec)
    return {fold: replace(spec, trained=str(file), trained_sha256="") for fold, file in there.items()}


def _models() -> Any:
    """The models, with weights of any value: their being there makes the network prefer recall."""
    document = yaml.safe_load((Path(__file__).parent.parent / "rules" / "models.yaml").read_text())
    document["evidence"] = {code: {entity: {"logit": 1} for entity in WEIGHED} for code in document["models"]}
    return parse_models(document, "models.yaml")


def _samples(
    corpora: Path, models: Any, trained: Path | None, languages: Sequence[str] | None
) -> dict[tuple[str, str], list[Sample]]:
    labels = yaml.safe_load((corpora / "labels.yaml").read_text())
    samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for language in languages or sorted(models):
        for fold, spec in by_fold(models[language], trained).items():
            names = Names({language: spec})
            for source in (name for name, read_by in SETS.items() if read_by == language):
                mapping = {} if source == CODE else labels[source]["map"]
                rows = pq.read_table(corpora / "labelled" / f"{source}.parquet").to_pylist()[: MOST_ROWS.get(source)]
                rows = [row for at, row in enumerate(rows) if fold_of(row["text"], row["spans"], at, source) == fold]
                for lowered in (False, True) if source in LOWERED else (False,):
                    for gold, offset, passage, candidate in _candidates(rows, lowered, names, spec):
                        right = _is_right(candidate, offset, [] if source == CODE else gold, mapping)
                        if right is not None and (source == CODE or candidate.entity in mapping.values()):
                            sample = Sample(f"{source}{lowered}", fold, seen(passage, candidate), right)
                            samples[language, candidate.entity].append(sample)
    return samples


def _candidates(rows: Any, lowered: bool, names: Names, spec: ModelSpec) -> Iterator[tuple[Any, int, str, Candidate]]:
    passages = []
    for row in rows:
        text = row["text"][:MOST_CODE_POINTS]
        text = text.lower() if lowered else text
        passages += [(row["spans"], span.start, text[span.start : span.end]) for span in split(text) if span.readable]
    seen_spans = names.spans([passage[2] for passage in passages], spec.language)
    for (gold, offset, passage), (first, again) in zip(passages, seen_spans, strict=True):
        dates = list(written(passage))
        for candidate in candidates(passage, first, again, spec, dates):
            if candidate.entity in WEIGHED:
                yield gold, offset, passage, candidate


def _is_right(candidate: Candidate, offset: int, gold: Any, mapping: Any) -> bool | None:
    start, end = candidate.start + offset, candidate.end + offset
    same = sum(_overlap(span, start, end) for span in gold if mapping.get(span["label"]) == candidate.entity)
    ignored = sum(_overlap(span, start, end) for span in gold if span["label"] not in mapping)
    right = 2 * same >= end - start
    return None if not right and 2 * ignored >= end - start else right


def _overlap(span: Any, start: int, end: int) -> int:
    return max(0, min(int(span["end"]), end) - max(int(span["start"]), start))


def _arrays(rows: list[Sample]) -> tuple[Array, Array, Array]:
    counts = Counter(row.source for row in rows)
    weights = np.array([counts[row.source] ** -0.5 for row in rows])
    right = np.array([row.right for row in rows], float)
    return np.array([row.features for row in rows]), right, weights / weights.mean()


def _fitted(features: Array, right: Array, weights: Array) -> Array:
    """Logistic regression by Newton's steps; fewer samples are held closer to zero."""
    count, width = features.shape
    ridge = 1.0 if count > 1500 else 3.0 if count > 400 else 8.0
    solution = np.zeros(width)
    for _ in range(30):
        chance = 1 / (1 + np.exp(-features @ solution))
        slope = features.T @ (weights * (chance - right)) + ridge * solution
        curve = (features * (weights * chance * (1 - chance))[:, None]).T @ features + ridge * np.eye(width)
        solution -= np.linalg.solve(curve, slope)
    return solution


def _tell_held_out(language: str, entity: str, rows: list[Sample]) -> None:
    """How often candidates of each bin are right, each told by a fit without its fold."""
    chance, right = np.zeros(len(rows)), np.array([row.right for row in rows], float)
    features = np.array([row.features for row in rows])
    folds = np.array([row.fold for row in rows])
    for fold in sorted(set(folds.tolist())):
        solution = _fitted(*_arrays([row for row in rows if row.fold != fold]))
        chance[folds == fold] = 1 / (1 + np.exp(-features[folds == fold] @ solution))
    for low, high in zip(CONFIDENCE_EDGES, (*CONFIDENCE_EDGES[1:], 1.01), strict=True):
        inside = (chance >= low) & (chance < high)
        if inside.any():
            line = f"{language} {entity:9} [{low:.1f}, {high:.2f}) {inside.sum():5} told {chance[inside].mean():.3f}"
            print(f"{line} right {right[inside].mean():.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
