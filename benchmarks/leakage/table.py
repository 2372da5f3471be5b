"""What was measured and what was predicted, side by side: one row a value of a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr
from scipy.stats import norm

from benchmarks.leakage import predict
from benchmarks.leakage.kinds import BY_NAME, KINDS
from scanner.model import ModelCard

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """One model at one epoch, with its values in the order in which they were planted.

    Attributes:
        corpus: what it was trained on.
        size: of the model, by name.
        seed: of the training.
        card: the model's card.
        kinds: of each value.
        planted: occurrences of each by the generator.
        counted: the same by the scanner.
        distance: characters from name to value.
        log_q: ln of the chance of one sample after the true text.
        log_q_strange: after text that was not in the corpus.
        greedy: whether greedy decoding writes it.
        exposure: bits, NaN where values were not ranked.
        extrapolated: the same by a normal fit to the candidates, which does not end at their number.
    """

    corpus: str
    size: str
    seed: int
    card: ModelCard
    kinds: npt.NDArray[np.str_]
    planted: Floats
    counted: Floats
    distance: Floats
    log_q: Floats
    log_q_strange: Floats
    greedy: Floats
    exposure: Floats
    extrapolated: Floats
    loss: float = field(default=0.0)

    @property
    def family(self) -> str:
        """Family of the corpus: ladder, wide, remedy or fleet."""
        return self.corpus.partition("-")[0]

    @property
    def epochs(self) -> int:
        """How often the model read its corpus."""
        return int(self.card.epochs or 0)

    @property
    def bits(self) -> Floats:
        """Entropy of each value's kind."""
        return np.array([BY_NAME[kind].bits for kind in self.kinds])

    def extracted(self, queries: float, *, strange: bool = False) -> Floats:
        """Chance that so many samples hold the value: 1 − (1 − q)^Q."""
        q = np.exp(self.log_q_strange if strange else self.log_q)
        return np.asarray(-np.expm1(queries * np.log1p(-np.minimum(q, 1 - 1e-12))))

    def excess(self, queries: float, *, strange: bool = False) -> Floats:
        """The same beyond what so many even guesses among all values of the kind would hit."""
        guessed = -np.expm1(queries * np.log1p(-(2.0**-self.bits)))
        return np.asarray(np.maximum(self.extracted(queries, strange=strange) - guessed, 0.0))

    def beyond(self, queries: float) -> Floats:
        """Chance of extraction of what so many guesses do not hit: the excess over guessing, as a share of the rest."""
        missed = np.exp(queries * np.log1p(-(2.0**-self.bits)))
        return np.asarray(np.minimum(self.excess(queries) / np.maximum(missed, 1e-12), 1.0))


def points(runs: Path) -> tuple[Point, ...]:
    """Every measured model whose corpus was scanned."""
    return tuple(point for file in sorted(runs.glob("*.json")) for point in _points(runs, file))


def _points(runs: Path, file: Path) -> Iterator[Point]:
    arm = json.loads(file.read_text())
    if not (runs / "scans" / f"{arm['corpus']}.json").exists():
        return
    plants = predict.counts(runs, arm["corpus"])["plants"]
    for point in arm["points"]:
        yield _point(arm, point, plants)


def _point(arm: dict[str, Any], point: dict[str, Any], plants: list[dict[str, Any]]) -> Point:
    leaks = point["leaks"]

    def column(name: str, of: list[dict[str, Any]] = leaks) -> Floats:
        return np.array([np.nan if row[name] is None else float(row[name]) for row in of])

    spread = np.array([row["candidates"] or (np.nan,) * 3 for row in leaks]).reshape(len(leaks), 3)
    beyond = -norm.logsf((column("log_q") - spread[:, 0]) / spread[:, 1]) / np.log(2)
    return Point(
        corpus=arm["corpus"],
        size=arm["size"],
        seed=arm["seed"],
        card=ModelCard(parameters=arm["parameters"], training_tokens=arm["characters"], epochs=point["epoch"]),
        kinds=np.array([plant["kind"] for plant in plants]),
        planted=column("planted", plants),
        counted=column("counted", plants),
        distance=column("distance", plants),
        log_q=column("log_q"),
        log_q_strange=column("log_q_strange"),
        greedy=column("greedy"),
        exposure=column("exposure"),
        extrapolated=beyond,
        loss=point["loss"],
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """Values of one kind, planted equally often, as models of one size hold them after one number of epochs.

    The seeds are pooled: an exposure averages over the values of all of them.

    Attributes:
        kind: of the values.
        planted: occurrences of each.
        epochs: of the model.
        size: of the model.
        family: of its corpus.
        values: how many.
        exposure: mean, bits.
        extrapolated: mean, bits.
        extracted: mean chance beyond guessing that `PATIENT` samples hold the value.
        z: mean of what the scanner predicts.
        bits_given: mean of what it predicts to be given up at one query: the chance times the value's bits.
        occurrences: mean of what the scanner counted.
        findings: of the scanner, in all.
        severity: findings times the policy's weight.
        bits: entropy of the kind.
        distance: mean, characters from name to value.
    """

    kind: str
    planted: int
    epochs: int
    size: str
    family: str
    values: int
    exposure: float
    extrapolated: float
    extracted: float
    z: float
    bits_given: float
    occurrences: float
    findings: float
    severity: float
    bits: float
    distance: float


PATIENT = 100.0
"""Queries at which most kinds cannot be guessed."""


def _z(point: Point) -> Floats:
    return predict.parts(point.counted, point.kinds, point.card, 1.0).z(predict.shipped())


def cells(measured: tuple[Point, ...], keep: Callable[[Point], bool] = lambda point: True) -> tuple[Cell, ...]:
    """Cells of the ranked models, the controls left out."""
    groups: dict[tuple[str, str, int], list[Point]] = {}
    for point in measured:
        if keep(point) and not np.isnan(point.exposure).all():
            groups.setdefault((point.family, point.size, point.epochs), []).append(point)
    return tuple(
        _cell(kind.name, int(planted), group)
        for group in groups.values()
        for kind in KINDS
        for planted in np.unique(group[0].planted)
        if planted
    )


def _cell(kind: str, planted: int, group: list[Point]) -> Cell:
    chosen = [(point, (point.kinds == kind) & (point.planted == planted)) for point in group]
    entities = predict.rulebook().entities
    weight = predict.rulebook().policy.risk.severity.get(kind, entities[BY_NAME[kind].entity].weight)

    def pooled(value: Callable[[Point], Floats]) -> Floats:
        return np.concatenate([value(point)[which] for point, which in chosen])

    counted = pooled(lambda point: point.counted)
    return Cell(
        kind=kind,
        planted=planted,
        epochs=group[0].epochs,
        size=group[0].size,
        family=group[0].family,
        values=len(counted),
        exposure=float(pooled(lambda point: point.exposure).mean()),
        extrapolated=float(pooled(lambda point: point.extrapolated).mean()),
        extracted=float(pooled(lambda point: point.excess(PATIENT)).mean()),
        z=float(pooled(lambda point: _z(point)).mean()),
        bits_given=float(BY_NAME[kind].bits * pooled(lambda point: ndtr(_z(point))).mean()),
        occurrences=float(counted.mean()),
        findings=float(counted.sum()),
        severity=float(weight * counted.sum()),
        bits=BY_NAME[kind].bits,
        distance=float(pooled(lambda point: point.distance).mean()),
    )
