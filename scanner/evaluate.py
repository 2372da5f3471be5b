"""Measure detection on labelled Parquet: read gold, detect, score, and tell the outcome."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from scanner.errors import BadDataset, Fault, NothingToScan
from scanner.model import CONFIDENCE_EDGES, Finding
from scanner.scoring import (
    ANY,
    Counts,
    Document,
    Estimate,
    Gold,
    LabelMap,
    Score,
    Unit,
    masked,
    quality,
    score,
    verbatim,
)

Detect = Callable[[list[str], list[str]], list[list[Finding]]]
"""Findings of each text, given the texts and the language of each."""

BATCH = 256
"""Texts handed to the detectors at once."""

WORST = 10
"""Kinds of misses and false findings told of each entity."""

_COLUMNS = {"text", "spans"}
_KEYS = {"map", "ignore", "precision", "unit", "negatives", "by", "licence"}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores by set; the sum over all of them is `total`.

    Attributes:
        sets: scores by name of the set.
        unknown: by set, the labels that no map knows and how many spans have each; they count neither way, but for a
            set without a map, whose every label is looked for.
    """

    sets: Mapping[str, Score]
    unknown: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def total(self) -> Score:
        """Counts over every set."""
        return reduce(add, self.sets.values(), Score())


def evaluate(
    gold: Sequence[Path],
    maps: Mapping[str, LabelMap],
    detect: Detect,
    show_text: bool = False,
    entities: Collection[str] = (),
) -> Evaluation:
    """Score the detectors on each labelled file.

    Args:
        gold: Parquet files with `text` and `spans`, at best `language`. A file's stem is the name of its set.
        maps: label map by set; a set without one has entities for labels.
        detect: the detectors.
        show_text: tell misses and false findings by their text instead of their shape.
        entities: every entity there is, to tell labels of a set without a map that are none; empty for not asking.

    Raises:
        BadDataset: with every fault of every file.
    """
    _check(gold, maps)
    shape = verbatim if show_text else masked
    scores = {}
    for path in gold:
        labels = maps.get(path.stem, LabelMap())
        scores[path.stem] = score(_detected(read_gold(path, labels), detect), labels, shape)
    unknown = {name: _unknown(one, maps.get(name, LabelMap()), entities) for name, one in scores.items()}
    return Evaluation(scores, {name: labels for name, labels in unknown.items() if labels})


def _unknown(one: Score, labels: LabelMap, entities: Collection[str]) -> dict[str, int]:
    return {label: count for label, count in sorted(one.labels.items()) if not labels.knows(label, entities)}


def unknown_told(evaluation: Evaluation) -> str:
    """All labels that no map knows, in one line; empty where there are none."""
    return "; ".join(
        f"{name}: " + ", ".join(f"{label[:40]} ({count})" for label, count in labels.items())
        for name, labels in sorted(evaluation.unknown.items())
    )


def read_gold(path: Path, labels: LabelMap) -> Iterator[Document]:
    """The labelled texts of a file, in its order, one batch in memory.

    Offsets that reach out of their text are a fault of the file, and told as `BadDataset`.
    """
    wanted = [name for name in ("text", "language", "spans", labels.negatives, labels.by) if name]
    with pq.ParquetFile(path) as file:
        present = [name for name in wanted if name in file.schema_arrow.names]
        row = 0
        for batch in file.iter_batches(BATCH, columns=present):
            for record in batch.to_pylist():
                yield _document(record, labels, f"{path.name}: row {row}")
                row += 1


def read_maps(path: Path) -> dict[str, LabelMap]:
    """Label maps by set, from YAML such as `wikigold: {map: {PER: PERSON}, ignore: [ORG]}`.

    Raises:
        BadDataset: with every fault of the file.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise BadDataset([Fault(str(path), "cannot be read as YAML")]) from None
    if not isinstance(document, dict):
        raise BadDataset([Fault(str(path), "must map names of sets to their label maps")])
    faults: list[Fault] = []
    maps = {str(name): _label_map(entry, f"{path.name}: {name}", faults) for name, entry in document.items()}
    if faults:
        raise BadDataset(faults)
    return maps


def calibration(
    evaluation: Evaluation, maps: Mapping[str, LabelMap], date: str, scanner: str, models: Mapping[str, str]
) -> dict[str, Any]:
    """The counts as `rules/calibration.yaml` holds them, which the risk model takes precision and recall from.

    Args:
        evaluation: scores of the sets to count.
        maps: the label maps they were scored with, for the licences.
        date: day of the measurement, ISO 8601.
        scanner: version of the scanner measured.
        models: language models in use, by language.
    """
    total = evaluation.total
    return {
        "schema_version": 1,
        "date": date,
        "scanner": scanner,
        "models": dict(sorted(models.items())),
        "sets": [
            {"name": name, "documents": one.documents, "licence": maps.get(name, LabelMap()).licence}
            for name, one in sorted(evaluation.sets.items())
        ],
        "entities": {
            entity: {
                "precision": [
                    [counts.right, counts.wrong]
                    for index in range(len(CONFIDENCE_EDGES))
                    for counts in [total.bins.get((entity, index), Counts())]
                ],
                "recall": [counts.hits, counts.misses],
                "sets": sorted(name for name, one in evaluation.sets.items() if entity in one.entities),
            }
            for entity, counts in sorted(total.entities.items())
            if entity != ANY
        },
    }


def calibration_text(table: Mapping[str, Any], before: str) -> str:
    """The text of a calibration file: the comments that head the file before, then the table."""
    head = [line for line in before.splitlines(keepends=True) if line.startswith("#")]
    return "".join(head) + yaml.safe_dump(dict(table), sort_keys=False, allow_unicode=True, default_flow_style=None)


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The outcome as plain values: `total` and each of `sets`."""
    return {
        "total": _score_json(evaluation.total),
        "sets": {name: _score_json(one) for name, one in sorted(evaluation.sets.items())},
        "unknown_labels": {name: dict(labels) for name, labels in sorted(evaluation.unknown.items())},
    }


def render(evaluation: Evaluation) -> str:
    """The outcome as a text for a terminal."""
    parts = [_render_score(name, one) for name, one in sorted(evaluation.sets.items())]
    if len(parts) > 1:
        parts.append(_render_score("all sets", evaluation.total))
    return "\n".join(parts)


def _check(gold: Sequence[Path], maps: Mapping[str, LabelMap]) -> None:
    if not gold:
        raise NothingToScan("no labelled file was named")
    faults = [fault for path in gold for fault in _file_faults(path, maps.get(path.stem, LabelMap()))]
    if faults:
        raise BadDataset(faults)


def _file_faults(path: Path, labels: LabelMap) -> Iterator[Fault]:
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException):
        yield Fault(path.name, "cannot be read as Parquet")
        return
    needed = _COLUMNS | {name for name in (labels.negatives, labels.by) if name}
    for name in sorted(needed - set(schema.names)):
        yield Fault(path.name, f"has no column `{name}`")
    for name in sorted(needed & set(schema.names) - {labels.by}):
        wanted, is_right = ("text", _is_text) if name == "text" else ("a list of {start, end, label}", _is_spans)
        if not is_right(schema.field(name).type):
            yield Fault(path.name, f"column `{name}` must hold {wanted}")


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.string_view())


def _is_spans(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        return False
    fields = {field.name: field.type for field in kind.value_type}
    ends = [fields.get("start"), fields.get("end")]
    return all(one is not None and pa.types.is_integer(one) for one in ends) and _is_text(
        fields.get("label", pa.null())
    )


def _detected(documents: Iterator[Document], detect: Detect) -> Iterator[tuple[Document, list[Finding]]]:
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            yield from _detect_batch(batch, detect)
            batch = []
    yield from _detect_batch(batch, detect)


def _detect_batch(batch: list[Document], detect: Detect) -> Iterator[tuple[Document, list[Finding]]]:
    if batch:
        found = detect([document.text for document in batch], [document.language for document in batch])
        yield from zip(batch, found, strict=True)


def _document(record: Mapping[str, Any], labels: LabelMap, place: str) -> Document:
    text = record["text"] or ""
    return Document(
        text=text,
        language=record.get("language") or "und",
        spans=_spans(record["spans"], text, place),
        negatives=_spans(record[labels.negatives], text, place) if labels.negatives else (),
        group=str(record[labels.by]) if labels.by else "",
    )


def _spans(stored: Sequence[Mapping[str, Any]] | None, text: str, place: str) -> tuple[Gold, ...]:
    spans = tuple(Gold(span["start"], span["end"], span["label"]) for span in stored or ())
    if any(not 0 <= span.start < span.end <= len(text) for span in spans):
        raise BadDataset([Fault(place, "a span is empty or reaches out of its text")])
    return spans


def _label_map(entry: Any, place: str, faults: list[Fault]) -> LabelMap:
    if not isinstance(entry, dict) or not isinstance(entry.get("map"), dict):
        faults.append(Fault(place, "must hold a mapping `map:` from label to entity"))
        return LabelMap()
    before = len(faults)
    faults.extend(
        Fault(place, f"unknown key `{key}`; known are {', '.join(sorted(_KEYS))}")
        for key in sorted(map(str, set(entry) - _KEYS))
    )
    if not isinstance(entry.get("ignore", []), list):
        faults.append(Fault(place, "`ignore` must be a list of labels"))
    if not isinstance(entry.get("precision", True), bool):
        faults.append(Fault(place, "`precision` must be true or false"))
    if entry.get("unit", "span") not in list(Unit):
        faults.append(Fault(place, f"`unit` must be one of {', '.join(Unit)}"))
    if len(faults) > before:
        return LabelMap()
    return LabelMap(
        entities={str(label): str(entity) for label, entity in entry["map"].items()},
        ignore=frozenset(map(str, entry.get("ignore", []))),
        precision=entry.get("precision", True),
        unit=Unit(entry.get("unit", "span")),
        negatives=str(entry.get("negatives", "")),
        by=str(entry.get("by", "")),
        licence=str(entry.get("licence", "")),
    )


def _score_json(one: Score) -> dict[str, Any]:
    return {
        "documents": one.documents,
        "any": {"gold_characters": one.gold_characters, "covered": one.covered_characters, "recall": _any(one)},
        "entities": {entity: _counts_json(counts) for entity, counts in sorted(one.entities.items())},
        "bins": [
            {"entity": entity, "at_least": CONFIDENCE_EDGES[index], **_findings_json(counts)}
            for (entity, index), counts in sorted(one.bins.items())
        ],
        "rules": [
            {"entity": entity, "rule": rule, **_findings_json(counts)}
            for (entity, rule), counts in sorted(one.rules.items())
        ],
        "missed": [{"entity": entity, "kind": shape, "count": count} for (entity, shape), count in _worst(one.missed)],
        "false_alarms": [
            {"entity": entity, "rule": rule, "kind": shape, "count": count}
            for (entity, rule, shape), count in _worst(one.false_alarms)
        ],
    }


def _counts_json(counts: Counts) -> dict[str, Any]:
    measured = quality(counts)
    return {
        "hits": counts.hits,
        "misses": counts.misses,
        "right": counts.right,
        "wrong": counts.wrong,
        "precision": _estimate_json(measured.precision),
        "recall": _estimate_json(measured.recall),
        "f1": _estimate_json(measured.f1),
        "f2": _estimate_json(measured.f2),
    }


def _findings_json(counts: Counts) -> dict[str, Any]:
    return {
        "right": counts.right,
        "wrong": counts.wrong,
        "precision": _estimate_json(quality(counts).precision),
    }


def _estimate_json(estimate: Estimate) -> dict[str, float | None]:
    value = None if estimate.value is None else round(estimate.value, 4)
    return {"value": value, "low": round(estimate.low, 4), "high": round(estimate.high, 4)}


def _any(one: Score) -> float | None:
    return one.covered_characters / one.gold_characters if one.gold_characters else None


def _worst(kinds: Counter[Any]) -> list[tuple[Any, int]]:
    """The most frequent kinds of each entity, `WORST` at most, in a stable order."""
    told: Counter[str] = Counter()
    worst = []
    for key, count in sorted(kinds.items(), key=lambda item: (item[0][0], -item[1], item[0])):
        if told[key[0]] < WORST:
            told[key[0]] += 1
            worst.append((key, count))
    return worst


def _render_score(name: str, one: Score) -> str:
    covered = _any(one)
    lines = [f"{name}: {one.documents} texts" + (f", any {covered:.3f} of gold characters" if covered else "")]
    lines += _render_table("entity", {(entity,): counts for entity, counts in one.entities.items()})
    bins = {(entity, f"{CONFIDENCE_EDGES[index]:g}+"): counts for (entity, index), counts in one.bins.items()}
    lines += _render_findings("by confidence", bins) + _render_findings("by rule", one.rules)
    lines += [f"  missed       {count:5d}  {entity}: {shape}" for (entity, shape), count in _worst(one.missed)]
    lines += [
        f"  false alarm  {count:5d}  {entity} by {rule}: {shape}"
        for (entity, rule, shape), count in _worst(one.false_alarms)
    ]
    return "\n".join(lines) + "\n"


def _render_table(title: str, table: Mapping[tuple[str, ...], Counts]) -> list[str]:
    head = f"  {title:<18}{'found':>7}{'missed':>8}{'right':>7}{'false':>7}  {'precision':<18}{'recall':<18}{'F2':<18}"
    lines = [head.rstrip()]
    for key, counts in sorted(table.items()):
        measured = quality(counts)
        told = "".join(f"{_told(part):<18}" for part in (measured.precision, measured.recall, measured.f2))
        numbers = f"{counts.hits:>7}{counts.misses:>8}{counts.right:>7}{counts.wrong:>7}"
        lines.append(f"  {' '.join(key):<18}{numbers}  {told}".rstrip())
    return lines


def _render_findings(title: str, table: Mapping[tuple[str, str], Counts]) -> list[str]:
    lines = [f"  {title}:"] if table else []
    for (entity, key), counts in sorted(table.items()):
        told = _told(quality(counts).precision)
        lines.append(f"    {entity:<16} {key:<40} {counts.right:>6} right {counts.wrong:>6} false  {told}")
    return lines


def _told(estimate: Estimate) -> str:
    if estimate.value is None or math.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.2f}, {estimate.high:.2f}]"
