"""Posteriors: what labelled text tells about how far findings can be trusted and how many are missed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from scanner.entities import BUNDLE_JOINT, NUMBERS
from scanner.errors import BadRules, Fault
from scanner.model import CONFIDENCE_EDGES

Floats = npt.NDArray[np.float64]
BINS = len(CONFIDENCE_EDGES)


@dataclass(frozen=True, slots=True)
class Measured:
    """How one entity did on labelled text.

    Attributes:
        precision: (true, false) positives by bin of confidence, lowest bin first.
        hits: labelled spans that were found.
        misses: labelled spans that were not.
        sets: names of the labelled sets.
    """

    precision: tuple[tuple[int, int], ...]
    hits: int
    misses: int
    sets: tuple[str, ...] = ()

    @property
    def judged(self) -> int:
        """Findings that were judged true or false."""
        return sum(true + false for true, false in self.precision)

    @property
    def labels(self) -> int:
        """Labelled spans that were looked for."""
        return self.hits + self.misses


@dataclass(frozen=True, slots=True)
class Calibration:
    """`calibration.yaml`: what was measured, with what, when.

    Attributes:
        entities: measurements by entity; an entity that is absent was not measured.
        date: ISO 8601, "" when nothing was measured.
        scanner: version that was measured.
        models: language models by language.
        sets: names of the labelled sets.
    """

    entities: Mapping[str, Measured] = field(default_factory=dict)
    date: str = ""
    scanner: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[str, ...] = ()

    def of(self, entity: str) -> Measured | None:
        """How an entity did, or for one country's number its kind; None where neither was measured."""
        return self.entities.get(entity) or self.entities.get(NUMBERS.get(entity, entity))

    def measured(self, entity: str, labels: int) -> bool:
        """Whether both precision and recall of an entity rest on at least so many labels."""
        found = self.of(entity)
        return found is not None and min(found.judged, found.labels) >= labels


class Posterior:
    """Draws of precision and recall.

    Args:
        calibration: the measurements.
        least_recall: recall below which no draw goes, and that of every entity without a label.
        draws: number of draws.
        seed: of the draws; each entity has a stream of its own, so that one more entity moves no other's.
        precision_varies: False puts every precision at its median.
        recall_varies: the same for recall.
    """

    def __init__(
        self,
        calibration: Calibration,
        least_recall: float,
        draws: int,
        seed: int,
        *,
        precision_varies: bool = True,
        recall_varies: bool = True,
    ) -> None:
        self._calibration = calibration
        self._least = least_recall
        self._draws = draws
        self._seed = seed
        self._varies = (precision_varies, recall_varies)

    def recall(self, entity: str) -> Floats:
        """Draws of an entity's recall, shape (draws,); a bundle is found when each member is."""
        draws = np.ones(self._draws)
        for member in entity.split(BUNDLE_JOINT):
            draws = draws * self._recall(member)
        return np.maximum(draws, self._least)

    def precision(self, entity: str) -> Floats:
        """Draws of an entity's precision by bin, shape (bins, draws), never falling from bin to bin.

        A bin without a label has the precision of the next better bin, and 1 if there is none: what is unknown
        counts as the worse case. A bundle is as precise as its least precise member.
        """
        draws = np.ones((BINS, self._draws))
        for member in entity.split(BUNDLE_JOINT):
            draws = np.minimum(draws, self._precision(member))
        return draws

    def _recall(self, entity: str) -> Floats:
        found = self._calibration.of(entity)
        if found is None or not found.labels:
            return np.full(self._draws, self._least)
        return _recall_draws(entity, found.hits, found.misses, self._draws, self._seed, self._varies[1])

    def _precision(self, entity: str) -> Floats:
        found = self._calibration.of(entity)
        if found is None or not found.judged:
            return np.ones((BINS, self._draws))
        return _precision_draws(entity, found.precision, self._draws, self._seed, self._varies[0])


@lru_cache(maxsize=256)
def _recall_draws(entity: str, hits: int, misses: int, draws: int, seed: int, varies: bool) -> Floats:
    return _frozen(_beta(hits, misses, _even(entity, 1, draws, seed, varies)))


@lru_cache(maxsize=256)
def _precision_draws(entity: str, bins: tuple[tuple[int, int], ...], draws: int, seed: int, varies: bool) -> Floats:
    even = _even(entity, 0, draws, seed, varies)
    drawn = np.ones((BINS, draws))
    better = np.ones(draws)
    for index, (true, false) in reversed(list(enumerate(pooled(bins)))):
        better = _beta(true, false, even) if true + false else better
        drawn[index] = better
    return _frozen(np.maximum.accumulate(drawn, axis=0))


def _even(entity: str, stream: int, draws: int, seed: int, varies: bool) -> Floats:
    """Even draws of one entity's own stream; its median when it does not vary."""
    if not varies:
        return np.full(draws, 0.5)
    return np.random.default_rng([seed, stream, zlib.crc32(entity.encode())]).random(draws)


def _frozen(values: Floats) -> Floats:
    """The array, closed to writing, since the cache hands it out again."""
    values.setflags(write=False)
    return values


def pooled(bins: tuple[tuple[int, int], ...]) -> list[tuple[float, float]]:
    """(true, false) positives with neighbouring bins shared out wherever the rate falls as confidence rises.

    Pool-adjacent-violators; bins without a label are left as they are.
    """
    blocks: list[tuple[float, float, list[int]]] = []
    for index, (true, false) in enumerate(bins):
        if not true + false:
            continue
        block = (float(true), float(false), [index])
        while blocks and blocks[-1][0] * block[1] > block[0] * blocks[-1][1]:
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        blocks.append(block)
    shared = [(0.0, 0.0)] * len(bins)
    for true_sum, false_sum, members in blocks:
        for index in members:
            shared[index] = (true_sum, false_sum)
    return shared


def parse_calibration(document: Any, place: str) -> Calibration:
    """The measurements of a parsed `calibration.yaml`.

    Raises:
        BadRules: with every fault of the document.
    """
    faults: list[Fault] = []
    if not isinstance(document, dict):
        raise BadRules([Fault(place, "must be a mapping with `schema_version` and `entities`")])
    _check_keys(document, {"schema_version", "date", "scanner", "models", "sets", "entities"}, place, faults)
    if document.get("schema_version") != 1:
        faults.append(Fault(f"{place}: schema_version", "must be 1"))
    for key, kind in (("entities", dict), ("models", dict), ("sets", list)):
        if not isinstance(document.get(key, kind()), kind):
            faults.append(Fault(f"{place}: {key}", f"must be a {'mapping' if kind is dict else 'list'}"))
    if faults:
        raise BadRules(faults)
    entities = {
        str(name): measured
        for name, entry in document.get("entities", {}).items()
        if (measured := _parse_measured(entry, f"{place}: entities.{name}", faults)) is not None
    }
    if faults:
        raise BadRules(faults)
    return Calibration(
        entities=entities,
        date=str(document.get("date", "")),
        scanner=str(document.get("scanner", "")),
        models={str(language): str(model) for language, model in document.get("models", {}).items()},
        sets=tuple(str(entry["name"] if isinstance(entry, dict) else entry) for entry in document.get("sets", [])),
    )


def _parse_measured(entry: Any, place: str, faults: list[Fault]) -> Measured | None:
    if not isinstance(entry, dict):
        faults.append(Fault(place, "must be a mapping with `precision` and `recall`"))
        return None
    before = len(faults)
    _check_keys(entry, {"precision", "recall", "sets"}, place, faults)
    bins, recall = entry.get("precision"), entry.get("recall")
    if not (isinstance(bins, list) and len(bins) == BINS and all(map(_is_pair, bins))):
        faults.append(Fault(place, f"`precision` must be {BINS} pairs [true, false] of whole numbers of at least 0"))
    if not _is_pair(recall):
        faults.append(Fault(place, "`recall` must be a pair [hits, misses] of whole numbers of at least 0"))
    if len(faults) > before or not isinstance(bins, list) or not isinstance(recall, list):
        return None
    return Measured(
        precision=tuple((true, false) for true, false in bins),
        hits=recall[0],
        misses=recall[1],
        sets=tuple(map(str, entry.get("sets", ()))),
    )


def _check_keys(entry: dict[Any, Any], known: set[str], place: str, faults: list[Fault]) -> None:
    faults.extend(
        Fault(place, f"unknown key `{key}`; known are {', '.join(sorted(known))}")
        for key in sorted(map(str, set(entry) - known))
    )


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(part) is int and part >= 0 for part in value)


def _beta(successes: float, failures: float, even: Floats) -> Floats:
    """Quantiles of the posterior of a rate under Jeffreys' prior."""
    return np.asarray(betaincinv(successes + 0.5, failures + 0.5, even), dtype=np.float64)
