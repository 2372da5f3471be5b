"""Measure detection on every labelled set, and write what confidence and calibration rest on.

    python -m benchmarks.calibrate ../shared/corpora [--trained out/training]

With `--trained`, every text is read by weights and evidence that left its fold out (`benchmarks/training`): what ships
is calibrated so. One pass over the sets of `benchmarks/labels.yaml` and the invented set. Writes
`rules/confidence.yaml` (curves from claimed to right), `rules/calibration.yaml` (counts of the risk model, with the
curves laid on) and
`benchmarks/reliability.md` (how right confidence is: as claimed, with curves fitted on the other sets, as shipped).
Each set counts at most `CAP` findings of a rule, so that no large set of one kind sets a curve alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from benchmarks import invented
from benchmarks.training.crossfit import held_out
from scanner.atomic import write_text
from scanner.cli.evaluate import found
from scanner.confidence import Curve, Curves, calibrated, fit
from scanner.detectables import load_detectables
from scanner.detection import build
from scanner.evaluate import Evaluation, calibration, calibration_text, evaluate, read_maps
from scanner.files import packaged_rules
from scanner.model import DOCUMENTATION, Finding
from scanner.scoring import Counts, Score
from scanner.worker import VERSION

HERE = Path(__file__).parent
CAP = 200
"""Findings of one rule, or of one entity in the table, that one set counts for at most."""

HEAD = """# What the confidence of each rule is worth: knots [claimed, right on labelled text], straight between
# and flat beyond.
# Written by `python -m benchmarks.calibrate CORPORA`. A rule that is absent keeps what its author claims.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--trained", type=Path, help="folder of the folds' weights; what ships was made with it")
    options = parser.parse_args()
    scores, models = measured(options.corpora, options.trained)
    curves = fitted(scores.values())
    rules = packaged_rules()
    write_text(rules / "confidence.yaml", HEAD + _curves_yaml(curves))
    laid_on = Evaluation({name: replace(one, levels=mapped(one, curves)) for name, one in scores.items()})
    maps = read_maps(HERE / "labels.yaml")
    table = calibration(laid_on, maps, datetime.now(UTC).date().isoformat(), VERSION, models)
    for entry in table["sets"]:
        entry.update({"synthetic": True} if entry["name"] == invented.NAME else {})
    file = rules / "calibration.yaml"
    write_text(file, calibration_text(table, file.read_text()))
    write_text(HERE / "reliability.md", reliability(scores, curves))


def measured(corpora: Path, trained: Path | None) -> tuple[dict[str, Score], dict[str, str]]:
    """Scores by set with what the rules claim, and the language models that were used."""
    maps = read_maps(HERE / "labels.yaml")
    loaded = load_detectables(None, with_models=True, prove=False)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{invented.NAME}.parquet"
        invented.write(made)
        files = {
            name: made if name == invented.NAME else corpora / "labelled" / f"{name}.parquet" for name in sorted(maps)
        }
        if trained is not None:
            scores = held_out(files, maps, loaded, trained, curves=False)
        else:
            detection = build(loaded.rules, loaded.models, loaded.columns, count_documentation=True)
            scores = dict(
                evaluate(files.values(), maps, lambda texts, languages: found(detection, texts, languages)).sets
            )
    return scores, {language: spec.title for language, spec in loaded.models.items()}


def fitted(scores: Iterable[Score]) -> dict[str, Curve]:
    """A curve for each rule that has enough judged findings."""
    judged: defaultdict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for one in scores:
        totals: Counter[str] = Counter()
        for (_, rule, _), counts in one.levels.items():
            totals[rule] += counts.right + counts.wrong
        for (_, rule, claimed), counts in sorted(one.levels.items()):
            weight = min(1.0, CAP / max(1, totals[rule]))
            judged[rule.removeprefix(DOCUMENTATION)].append((claimed, counts.right * weight, counts.wrong * weight))
    return {rule: curve for rule, told in sorted(judged.items()) if (curve := fit(told)) is not None}


def mapped(score: Score, curves: Curves) -> dict[tuple[str, str, float], Counts]:
    """The levels of a score with the curves laid on."""
    levels: dict[tuple[str, str, float], Counts] = {}
    for (entity, rule, claimed), counts in score.levels.items():
        key = (entity, rule, calibrated(Finding(entity, 0, 1, claimed, rule), curves).confidence)
        levels[key] = levels.get(key, Counts()) + counts
    return levels


def reliability(scores: Mapping[str, Score], curves: Curves) -> str:
    """The table of claimed against right, as Markdown."""
    ways: dict[str, Callable[[str], Curves]] = {
        "as the rules claim": lambda _: {},
        "curves of the other sets": lambda name: fitted(one for other, one in scores.items() if other != name),
        "as shipped": lambda _: curves,
    }
    lines = [
        "## Confidence",
        "",
        f"Findings of {len(scores)} labelled sets by what they claim, each entity of a set counting {CAP} times at",
        "most. `curves of the other sets`: each set is told by curves to which it did not add. `off`: mean distance",
        "between claimed and right, weighed by findings.",
        "",
        "| confidence | bin | findings | claimed | right |",
        "|---|---|---:|---:|---:|",
    ]
    for way, told in ways.items():
        rows, off = _bins(scores, told)
        lines += [f"| {way} | {low:.1f} to {low + 0.1:.1f} | {n:.0f} | {c:.3f} | {r:.3f} |" for low, n, c, r in rows]
        lines.append(f"| {way} | off | | {off:.3f} | |")
    return "\n".join(lines) + "\n"


def _bins(
    scores: Mapping[str, Score], told: Callable[[str], Curves]
) -> tuple[list[tuple[float, float, float, float]], float]:
    """For each tenth, its lower end, findings, mean claim and share right; and the mean distance of the two."""
    sums: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for entity, claimed, right, wrong, weight in _weighed(scores, told):
        del entity
        tenth = sums[min(9, int(claimed * 10))]
        tenth[0] += (right + wrong) * weight
        tenth[1] += (right + wrong) * weight * claimed
        tenth[2] += right * weight
    rows = [(tenth / 10, n, c / n, r / n) for tenth, (n, c, r) in sorted(sums.items()) if n]
    total = sum(n for _, n, _, _ in rows) or 1.0
    return rows, sum(n * abs(c - r) for _, n, c, r in rows) / total


def _weighed(
    scores: Mapping[str, Score], told: Callable[[str], Curves]
) -> Iterator[tuple[str, float, int, int, float]]:
    for name, score in sorted(scores.items()):
        totals: Counter[str] = Counter()
        for (entity, _, _), counts in score.levels.items():
            totals[entity] += counts.right + counts.wrong
        for (entity, _, claimed), counts in sorted(mapped(score, told(name)).items()):
            yield entity, claimed, counts.right, counts.wrong, min(1.0, CAP / max(1, totals[entity]))


def _curves_yaml(curves: Curves) -> str:
    knots = {
        rule: [[one, other] for one, other in zip(curve.claimed, curve.right, strict=True)]
        for rule, curve in curves.items()
    }
    return yaml.safe_dump({"curves": knots}, default_flow_style=None, width=118)


if __name__ == "__main__":
    main()
