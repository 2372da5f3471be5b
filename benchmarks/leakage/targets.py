"""The targets V1 to V7: how well what the scanner predicts holds against what was measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from benchmarks.leakage import design, predict, table
from benchmarks.leakage.kinds import BY_NAME, KINDS
from benchmarks.leakage.predict import Fit, Parts
from benchmarks.leakage.stats import Estimate, bootstrap, loss, probit_fit, spearman
from benchmarks.leakage.table import PATIENT, Cell, Point
from scanner.model import Provenance, Tier
from scanner.policy import decide
from scanner.risk import assess, score
from scanner.risk.assessment import is_private

Floats = npt.NDArray[np.float64]
PLANTED = frozenset(kind.entity for kind in KINDS)
PUBLIC = 1e4
"""Queries of a public attacker per target, as in the policy."""
EDGE = 0.001
"""Chances nearer to 0 or 1 count as this near."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """V1: how well predictors rank cells.

    Attributes:
        cells: what was ranked.
        by_rank: rank correlation with exposure by rank, and how far the first predictor is above, by predictor.
        extrapolated: the same with exposure by a normal fit.
        extracted: the same with the chance of extraction beyond guessing.
        within: rank correlation of z within each kind.
        lacks: what more covariates would bring.
        distance: rank correlation of exposure with the distance from name to value, both within their cell.
        repeat: rank correlation of the exposures of cells by half of the seeds with those by the other half.
    """

    cells: tuple[Cell, ...]
    by_rank: dict[str, tuple[Estimate, Estimate]]
    extrapolated: dict[str, tuple[Estimate, Estimate]]
    extracted: dict[str, tuple[Estimate, Estimate]]
    within: dict[str, float]
    lacks: tuple[Covariates, ...]
    distance: float
    repeat: float

    @property
    def ceiling(self) -> float:
        """What a predictor without fault would reach: √ of the reliability of all seeds (Spearman 1904, Brown 1910)."""
        return float(np.sqrt(max(0.0, 2 * self.repeat / (1 + self.repeat))))


def ranking(measured: tuple[Point, ...]) -> Ranking:
    """V1."""
    cells = table.cells(measured)
    predictors = {
        "bits given up: bits × Φ(z)": _of(cells, "bits_given"),
        "z alone": _of(cells, "z"),
        "raw count of findings": _of(cells, "findings"),
        "occurrences alone": _of(cells, "occurrences"),
        "severity × count": _of(cells, "severity"),
    }
    for_extraction = {"z": predictors["z alone"], **predictors}
    del for_extraction["z alone"]
    return Ranking(
        cells,
        bootstrap(predictors, _of(cells, "exposure")),
        bootstrap(predictors, _of(cells, "extrapolated")),
        bootstrap(for_extraction, _of(cells, "extracted")),
        {kind.name: _within(cells, kind.name) for kind in KINDS},
        covariates(measured),
        _distance(measured),
        _repeat(measured),
    )


@dataclass(frozen=True, slots=True)
class Covariates:
    """z with more covariates, all slopes fitted on half of the seeds, held against the others.

    Attributes:
        name: what is added to z.
        exposure: rank correlation over cells with exposure by rank.
        extraction: rank correlation over cells with the chance of extraction.
        loss: nats a value of the chance of extraction.
        for_exposure: slopes of what is added, in bits of exposure.
        for_extraction: the same in units of z.
    """

    name: str
    exposure: float
    extraction: float
    loss: float
    for_exposure: tuple[float, ...]
    for_extraction: tuple[float, ...]


ADDED: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "entropy": ("entropy",),
    "epochs": ("epochs",),
    "entropy, epochs": ("entropy", "epochs"),
    "entropy, epochs, distance": ("entropy", "epochs", "distance"),
}
"""Beside occurrences × epochs: log10 of the value's bits over those of reference, log10 of the epochs, characters from
name to value."""


def covariates(measured: tuple[Point, ...]) -> tuple[Covariates, ...]:
    """What entropy, a slope of its own for epochs, and distance bring."""
    fitted, held = halves(_ladder(measured))
    return tuple(_covariates(name, columns, fitted, held) for name, columns in ADDED.items())


def _covariates(name: str, columns: tuple[str, ...], fitted: list[Point], held: list[Point]) -> Covariates:
    near, far = table.cells(tuple(fitted)), table.cells(tuple(held))
    slopes, *_ = np.linalg.lstsq(_cell_design(near, columns), _of(near, "exposure"), rcond=None)
    known, other = _stacked(fitted, PATIENT), _stacked(held, PATIENT)
    terms = probit_fit(_value_design(fitted, known, columns), known.chance, known.parts.beside)
    z = _value_design(held, other, columns) @ terms + other.parts.beside
    (predicted, actual), _ = _by_cell(z, other.chance, other.which)
    return Covariates(
        name=name,
        exposure=spearman(_cell_design(far, columns) @ slopes, _of(far, "exposure")),
        extraction=spearman(predicted, actual),
        loss=loss(z, other.chance),
        for_exposure=tuple(float(term) for term in slopes[2:]),
        for_extraction=tuple(float(term) for term in terms[2:]),
    )


def _cell_design(cells: Sequence[Cell], columns: Sequence[str]) -> Floats:
    bits = np.log10(_of(cells, "bits") / predict.rulebook().policy.risk.exposure.reference_bits)
    known = {"entropy": bits, "epochs": np.log10(_of(cells, "epochs")), "distance": _of(cells, "distance")}
    without = _of(cells, "z") + predict.shipped().entropy * bits
    return np.column_stack([np.ones(len(cells)), without, *(known[name] for name in columns)])


def _value_design(points: Sequence[Point], stacked: Stacked, columns: Sequence[str]) -> Floats:
    real = [point.planted > 0 for point in points]
    known = {
        "entropy": stacked.parts.bits,
        "epochs": np.concatenate([np.full(r.sum(), np.log10(p.epochs)) for p, r in zip(points, real, strict=True)]),
        "distance": np.concatenate([p.distance[r] for p, r in zip(points, real, strict=True)]),
    }
    return np.column_stack([np.ones(len(stacked.which)), stacked.parts.slope, *(known[name] for name in columns)])


def _ladder(measured: Sequence[Point]) -> list[Point]:
    return [point for point in measured if point.family in ("ladder", "wide")]


def _distance(measured: tuple[Point, ...]) -> float:
    apart: list[tuple[Floats, Floats]] = []
    for point in measured:
        for kind in KINDS:
            for planted in np.unique(point.planted[point.planted > 0]):
                own = (point.kinds == kind.name) & (point.planted == planted) & ~np.isnan(point.exposure)
                if own.any():
                    distance, exposed = point.distance[own], point.exposure[own]
                    apart.append((distance - distance.mean(), exposed - exposed.mean()))
    distances, exposures = (np.concatenate(side) for side in zip(*apart, strict=True))
    return spearman(distances, exposures)


def _repeat(measured: tuple[Point, ...]) -> float:
    halved = (table.cells(tuple(half)) for half in halves(_ladder(measured)))
    first, second = ({(c.kind, c.planted, c.epochs, c.size, c.family): c.exposure for c in half} for half in halved)
    both = sorted(first.keys() & second.keys())
    return spearman(np.array([first[cell] for cell in both]), np.array([second[cell] for cell in both]))


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """One corpus and the model trained on it to the end.

    Attributes:
        corpus: its name.
        score: S, median, as the scanner tells it: what is presumed missed is within, what leaks below 0 counts as 0.
        found_harm: H of what was found, without what is presumed to be missed and without an end below.
        harm: measured: severity × provenance × 1 − (1 − q)^Q.
        harm_beyond: the same beyond what guessing would hit.
        upper: 95 % point of the extracted values predicted for the planted entities.
        predicted: 50 % point of the same.
        extracted: measured expected extracted values, the attacker holding the true text.
        strange: the same without the true text, as the policy assumes.
        raw_count: findings of the planted entities.
        severity_count: the same, each times its weight.
        tier: the scanner's verdict.
        true_tier: the verdict by what was measured and planted.
        made_to_violate: whether the recipe breaks the policy.
    """

    corpus: str
    score: float
    found_harm: float
    harm: float
    harm_beyond: float
    upper: float
    predicted: float
    extracted: float
    strange: float
    raw_count: float
    severity_count: float
    tier: Tier
    true_tier: Tier
    made_to_violate: bool


def corpora(runs: Path, measured: tuple[Point, ...]) -> tuple[CorpusRow, ...]:
    """Every corpus with its model of most epochs, smallest size."""
    last: dict[str, Point] = {}
    for point in measured:
        if point.size == "0.11M" and (point.corpus not in last or point.epochs > last[point.corpus].epochs):
            last[point.corpus] = point
    return tuple(_corpus_row(runs, point) for _, point in sorted(last.items()))


@dataclass(frozen=True, slots=True)
class CorpusRanking:
    """V2: rank correlation over corpora with measured harm, and how far the first predictor is above, by predictor.

    Attributes:
        found: harm of what was found against the exact harm of what was planted. Both sides leave out what is presumed
            to be missed, and neither ends at a thousandth of a unit.
        whole: S as the scanner tells it against measured harm on the score's own scale.
    """

    found: dict[str, tuple[Estimate, Estimate]]
    whole: dict[str, tuple[Estimate, Estimate]]


def corpus_ranking(rows: Sequence[CorpusRow]) -> CorpusRanking:
    """V2."""
    counts = {
        "raw count of findings": np.array([row.raw_count for row in rows]),
        "severity × count": np.array([row.severity_count for row in rows]),
    }
    found = {"H of what was found": np.array([row.found_harm for row in rows]), **counts}
    whole = {"S (the scanner)": np.array([row.score for row in rows]), **counts}
    return CorpusRanking(
        found=bootstrap(found, np.array([row.harm for row in rows])),
        whole=bootstrap(whole, score(np.array([row.harm for row in rows]))),
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """V3: constants fitted on half of the seeds, held against the others.

    Attributes:
        queries: per target.
        seeds: of the models that A and b are fitted on.
        fit: A, b and the slope of entropy, fitted.
        slope: of what was measured on what is predicted, on the seeds left out, with its bootstrap interval.
        coverage: share of cells left out whose measured chance lies within the 90 % interval.
        cells: number of them.
        predicted: mean chance predicted, by cell left out.
        measured: mean chance measured.
        untouched: the shipped constants' figure for the same cells.
    """

    queries: float
    seeds: tuple[int, ...]
    fit: Fit
    slope: Estimate
    coverage: float
    cells: int
    predicted: Floats
    measured: Floats
    untouched: Floats


def halves(points: Sequence[Point]) -> tuple[list[Point], list[Point]]:
    """The models of the first half of the seeds, and the others."""
    seeds = sorted({point.seed for point in points})
    first = seeds[: (len(seeds) + 1) // 2]
    return [point for point in points if point.seed in first], [point for point in points if point.seed not in first]


def calibration(measured: tuple[Point, ...], queries: float) -> Calibration:
    """V3, over the ladder and the wide corpora."""
    fitted, held = halves(_ladder(measured))
    known, other = _stacked(fitted, queries), _stacked(held, queries)
    fit = Fit(*(float(term) for term in probit_fit(known.parts.columns, known.chance, known.parts.beside)))
    _, residual = _by_cell(known.parts.z(fit), known.chance, known.which)
    low, high = np.quantile(residual, (0.05, 0.95))
    z = other.parts.z(fit)
    (predicted, actual), left = _by_cell(z, other.chance, other.which)
    (untouched, _), _ = _by_cell(other.parts.z(predict.shipped()), other.chance, other.which)
    return Calibration(
        queries=queries,
        seeds=tuple(sorted({point.seed for point in fitted})),
        fit=fit,
        slope=_slope(z, other.chance, other.which),
        coverage=float(((left >= low - 1e-9) & (left <= high + 1e-9)).mean()),
        cells=len(left),
        predicted=predicted,
        measured=actual,
        untouched=untouched,
    )


@dataclass(frozen=True, slots=True)
class Controls:
    """V5: values that were never planted.

    Attributes:
        values: how many.
        exposure: mean, bits.
        greedy: how many are what greedy decoding writes, over all models.
        lucky: how many even guesses would have hit in their place.
        by_kind: mean exposure of each kind.
    """

    values: int
    exposure: Estimate
    greedy: int
    lucky: float
    by_kind: dict[str, float]


def controls(measured: tuple[Point, ...]) -> Controls:
    """V5, over all ranked models; the interval resamples values, each with all its models."""
    ranked = [point for point in measured if not np.isnan(point.exposure).all()]
    groups: dict[str, list[Floats]] = {}
    for point in ranked:
        groups.setdefault(point.corpus, []).append(np.where(point.planted == 0, point.exposure, np.nan))
    means = np.concatenate([np.mean(group, axis=0) for group in groups.values()])
    values = means[~np.isnan(means)]
    rng = np.random.default_rng(1)
    drawn = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(2000)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    greedy = sum(int(point.greedy[point.planted == 0].sum()) for point in measured)
    lucky = sum(float((2.0 ** -point.bits[point.planted == 0]).sum()) for point in measured)
    by_kind = {
        kind.name: float(
            np.mean(np.concatenate([p.exposure[(p.planted == 0) & (p.kinds == kind.name)] for p in ranked]))
        )
        for kind in KINDS
    }
    return Controls(len(values), Estimate(float(values.mean()), float(low), float(high)), greedy, lucky, by_kind)


@dataclass(frozen=True, slots=True)
class Change:
    """V7: one remedy on one corpus.

    Attributes:
        remedy: what was done.
        corpus: to what.
        predicted: expected extracted values after it, over those before, shipped constants.
        refitted: the same with A and b of V3.
        measured: the same, measured, each side the mean over its trainings.
        noise: standard deviation of what is extracted over the trainings before, as a share of its mean; NaN for one.
    """

    remedy: str
    corpus: str
    predicted: float
    refitted: float
    measured: float
    noise: float

    def agrees(self, *, refitted: bool) -> bool:
        """Whether prediction and measurement fall on the same side of no change."""
        return (self._ratio(refitted) < 1) == (self.measured < 1)

    def close(self, *, refitted: bool) -> bool:
        """Whether the share that goes, as predicted, is within a factor of two of the one measured."""
        gone, went = 1 - self._ratio(refitted), 1 - self.measured
        return 0.5 <= gone / went <= 2 if went else False

    def left_close(self, *, refitted: bool) -> bool:
        """Whether the share that stays is: of the two the harder to tell where almost nothing stays."""
        return 0.5 <= self._ratio(refitted) / self.measured <= 2 if self.measured else False

    def _ratio(self, refitted: bool) -> float:
        return self.refitted if refitted else self.predicted


def remedies(measured: tuple[Point, ...], fit: Calibration) -> tuple[Change, ...]:
    """V7: deduplicate, redact, drop a shard, fewer epochs, smaller model; seeds that were not fitted on."""
    trainings: dict[tuple[str, str, int], list[Point]] = {}
    for point in measured:
        trainings.setdefault((point.corpus, point.size, point.epochs), []).append(point)
    return tuple(
        _change(remedy, trainings[before], trainings[after], fit)
        for remedy, before, after in _pairs(trainings.keys())
        if before in trainings and after in trainings
    )


NAMES = {
    "-dedup1": "deduplicate to 1",
    "-dedup4": "deduplicate to 4",
    "-redact-card": "redact card numbers",
    "-redact-phone": "redact phone numbers",
    "-halved": "drop one of two shards",
}


def _pairs(
    known: Collection[tuple[str, str, int]],
) -> Iterator[tuple[str, tuple[str, str, int], tuple[str, str, int]]]:
    for corpus in sorted({name for name, *_ in known if name.startswith("remedy") and name.count("-") == 1}):
        whole = (corpus, "0.11M", 4)
        for change, remedy in NAMES.items():
            yield remedy, whole, (f"{corpus}{change}", "0.11M", 4)
        yield "2 epochs instead of 4", whole, (corpus, "0.11M", 2)
        yield "1 epoch instead of 4", whole, (corpus, "0.11M", 1)
        yield "0.11 M parameters instead of 0.62 M", (corpus, "0.62M", 2), (corpus, "0.11M", 2)


def _change(remedy: str, before: Sequence[Point], after: Sequence[Point], fit: Calibration) -> Change:
    def expected(trainings: Sequence[Point], constants: Fit) -> float:
        point = trainings[0]
        there = (point.planted > 0) & (point.counted > 0)
        z = predict.parts(point.counted[there], point.kinds[there], point.card, PATIENT).z(constants)
        return float(ndtr(z).sum())

    def measured(trainings: Sequence[Point]) -> Floats:
        return np.array([point.excess(PATIENT)[point.planted > 0].sum() for point in trainings])

    was, is_now = measured(before), measured(after)
    return Change(
        remedy=remedy,
        corpus=before[0].corpus,
        predicted=expected(after, predict.shipped()) / expected(before, predict.shipped()),
        refitted=expected(after, fit.fit) / expected(before, fit.fit),
        measured=float(is_now.mean() / was.mean()),
        noise=float(was.std(ddof=1) / was.mean()) if len(was) > 1 else np.nan,
    )


def _corpus_row(runs: Path, point: Point) -> CorpusRow:
    case = predict.case(runs, point.corpus, point.card)
    assessment = assess(case)
    verdict = decide(assessment, case, predict.rulebook().policy)
    sure = assess(predict.all_found(case))
    planted = [risk.leaks[PUBLIC].extracted for name, risk in assessment.entities.items() if name in PLANTED]
    low, high = np.quantile(np.sum(planted, axis=0), (0.5, 0.95))
    real = point.planted > 0
    weights, factor = _weights(point)
    entities = predict.rulebook().entities
    found = [(e, d * n) for e, _, _, d, n in case.state.histogram.cells() if e in PLANTED]
    return CorpusRow(
        corpus=point.corpus,
        score=float(np.median(assessment.public.score)),
        found_harm=float(np.median(sure.public.harm)),
        harm=float((weights * point.extracted(PUBLIC))[real].sum() * factor),
        harm_beyond=float((weights * point.excess(PUBLIC))[real].sum() * factor),
        upper=float(high),
        predicted=float(low),
        extracted=float(point.extracted(PUBLIC)[real].sum()),
        strange=float(point.extracted(PUBLIC, strange=True)[real].sum()),
        raw_count=float(sum(count for _, count in found)),
        severity_count=float(sum(entities[entity].weight * count for entity, count in found)),
        tier=verdict.tier,
        true_tier=true_tier(point),
        made_to_violate=point.family == "fleet" and design.violates(int(point.corpus.partition("-")[2])),
    )


def true_tier(point: Point) -> Tier:
    """The most open tier by the policy's own limits and gates, from what was planted and what the model gives up."""
    owner = design.dataset(point.corpus)
    beyond = {tier for tier in Tier if _beyond(point, tier, owner.provenance)}
    tier = next((tier for tier in Tier if tier not in beyond), Tier.INTERNAL)
    kinds = set(point.kinds[point.planted > 0])
    private = is_private(owner.provenance)
    if owner.provenance is Provenance.USER_PRIVATE and not owner.consent:
        tier = tier.capped(Tier.INTERNAL)
    if "health" in kinds:
        tier = tier.capped(Tier.INTERNAL if private else Tier.RESEARCH)
    if "key" in kinds:
        tier = tier.capped(Tier.NDA if private else Tier.RESEARCH)
    return tier if tier not in beyond else Tier.INTERNAL


def _beyond(point: Point, tier: Tier, provenance: Provenance) -> bool:
    """Whether a measured read-out is beyond its limit at a tier."""
    policy = predict.rulebook().policy
    terms = policy.risk.tiers[tier]
    public, inside = _readouts(point, PUBLIC), _readouts(point, terms.queries)
    mixed = terms.leak * public + (1 - terms.leak) * terms.misuse * inside
    values = dict(zip(("score", "p_max", "p_any_critical"), (float(score(mixed[:1])[0]), *mixed[1:]), strict=True))
    limits = policy.limits.at(tier, provenance)
    return any(limits[name] is not None and value > limits[name] for name, value in values.items())


def _readouts(point: Point, queries: float) -> Floats:
    """Measured harm, p_max and P_any of critical values."""
    real = point.planted > 0
    weights, factor = _weights(point)
    chance = point.extracted(queries)
    critical = chance[real & (weights >= predict.rulebook().policy.risk.critical_weight)]
    harm = (weights * chance)[real].sum() * factor
    return np.array([harm, critical.max(initial=0.0), 1 - np.prod(1 - critical)])


def _weights(point: Point) -> tuple[Floats, float]:
    """Severity of each planted value beside its person's name, and the factor of the corpus's provenance."""
    book = predict.rulebook()
    weights = np.array([book.entities[BY_NAME[kind].entity].weight for kind in point.kinds])
    return weights * book.policy.risk.linkage.beside_one, book.policy.risk.provenance[
        design.dataset(point.corpus).provenance
    ]


def _line(x: Floats) -> Floats:
    return np.column_stack([np.ones(len(x)), x])


def _of(cells: Sequence[Cell], name: str) -> Floats:
    return np.array([getattr(cell, name) for cell in cells], dtype=np.float64)


def _within(cells: Sequence[Cell], kind: str) -> float:
    own = [cell for cell in cells if cell.kind == kind]
    return spearman(_of(own, "z"), _of(own, "exposure"))


@dataclass(frozen=True, slots=True)
class Stacked:
    """Planted values of several models: z taken apart, the chance measured beyond guessing, and their cell."""

    parts: Parts
    chance: Floats
    which: npt.NDArray[np.str_]


def _stacked(points: Sequence[Point], queries: float) -> Stacked:
    columns = []
    for point in points:
        real = point.planted > 0
        apart = predict.parts(point.counted[real], point.kinds[real], point.card, queries)
        label = [
            f"{point.corpus} {point.size} {point.epochs} {kind} {planted}"
            for kind, planted in zip(point.kinds, point.planted, strict=True)
        ]
        columns.append((apart.slope, apart.bits, apart.beside, point.beyond(queries)[real], np.array(label)[real]))
    slope, bits, beside, chance, labels = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Stacked(Parts(slope, bits, beside), chance, labels)


def _by_cell(z: Floats, chance: Floats, which: npt.NDArray[np.str_]) -> tuple[tuple[Floats, Floats], Floats]:
    """Mean chance predicted and measured by cell, and how far apart they are on the probit scale."""
    _, place = np.unique(which, return_inverse=True)
    count = np.bincount(place)
    predicted = np.bincount(place, weights=ndtr(z)) / count
    measured = np.bincount(place, weights=chance) / count
    apart = ndtri(np.clip(measured, EDGE, 1 - EDGE)) - ndtri(np.clip(predicted, EDGE, 1 - EDGE))
    return (predicted, measured), apart


def _slope(z: Floats, chance: Floats, which: npt.NDArray[np.str_], draws: int = 100) -> Estimate:
    """Calibration slope with its bootstrap interval over cells."""
    cells, place = np.unique(which, return_inverse=True)
    members = [np.flatnonzero(place == number) for number in range(len(cells))]
    rng = np.random.default_rng(1)
    zero = np.zeros_like(z)

    def fit(rows: npt.NDArray[np.int64]) -> float:
        return float(probit_fit(_line(z[rows]), chance[rows], zero[rows])[1])

    drawn = [fit(np.concatenate([members[i] for i in rng.integers(0, len(cells), len(cells))])) for _ in range(draws)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(fit(np.arange(len(z))), float(low), float(high))
