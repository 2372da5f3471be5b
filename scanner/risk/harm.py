"""Harm: what an entity's values cost if they are extracted, those that the detectors missed among them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from scanner.entities import BUNDLE_JOINT, Entities, EntityFacts, Stage
from scanner.model import Artefact, Linkage
from scanner.risk.exposure import Constants, capacity, extraction, guessing, private_bound
from scanner.risk.posterior import BINS, Posterior
from scanner.risk.terms import Card, Terms
from scanner.values import QUASI, Histogram

Floats = npt.NDArray[np.float64]

PRECISE_UP_TO = 512
"""Occurrences up to which each count is kept; larger ones are rounded up by at most one in 256 (the safe side).

The chance of extraction moves by less than half a percent of itself, and no histogram has more rows an entity than
some thousands, however many values it counts.
"""

EXACT_UP_TO = 64
"""Occurrences up to which the missed share is computed one by one; above, that of 64 stands in (the safe side)."""

_CHUNK = 2_000_000
"""Numbers held at once: 16 MB an array."""

_MEGABYTE = 1e6

_CERTAIN = 1.0 - 1e-12
"""Largest chance whose complement has a logarithm."""

_UPPER = 0.95
"""Quantile of the density of values that is carried over to text that was not read."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The values of one entity, by occurrences and bin of confidence.

    Attributes:
        occurrences: d, shape (k,), ascending.
        distinct: values present, shape (k, bins).
        linked: the same, each times its factor of linkage, shape (k, bins).
        gone: values found and redacted; what was missed beside them is still there, shape (k, bins).
        gone_linked: the same, each times its factor of linkage.
        beside: values present that stand beside an identifier of a person, shape (bins,).
        present: whether any such value is present, shape (k, bins); where values were sampled, also those that are
            known to be there and were not kept.
        known: values kept or known, shape (k, bins): `distinct`, and 1 where a value is present that was not kept.
        known_linked: the same, each times the square of its factor of linkage.
    """

    occurrences: Floats
    distinct: Floats
    linked: Floats
    gone: Floats
    gone_linked: Floats
    beside: Floats
    present: npt.NDArray[np.bool_]
    known: Floats
    known_linked: Floats


_NO_ROWS = np.zeros((0, BINS))
NOTHING = Counts(
    np.zeros(0), _NO_ROWS, _NO_ROWS, _NO_ROWS, _NO_ROWS, np.zeros(BINS), _NO_ROWS.astype(bool), _NO_ROWS, _NO_ROWS
)


@dataclass(frozen=True, slots=True)
class Left:
    """Text that the names stage was not made to read, since more of it could not change the verdict.

    Attributes:
        size_bytes: bytes of it.
        found: findings of the names stage in the text that it did read.
        most: most findings that it may hold, at the confidence of the scan.
    """

    size_bytes: int = 0
    found: int = 0
    most: float = 0.0


NONE_LEFT = Left()


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything but the counts that one entity's leak depends on.

    Attributes:
        terms: the policy's constants.
        entities: what is known of each entity.
        constants: draws of the exposure constants.
        posterior: draws of precision and recall.
        card: the model to be trained.
        artefact: what would be released; every value of released shards is extracted.
        factor: on harm, by provenance.
        silent: values that may have been missed where nothing was found.
        scanned: bytes that every pattern read.
        unscanned: bytes that no detector read.
        names_read: bytes that the names stage read.
        names_unread: bytes that only the patterns read.
        names_left: text that the names stage left.
        rates: θ of each entity whose values were sampled; draws of its sums hold the error of that.
        weights_times: factor on every weight, to see how far the score hangs on them.
        once: the chance that a value that occurs once is extracted, by its bits and the attacker's queries, as far as
            it was asked for.
    """

    terms: Terms
    entities: Entities
    constants: Constants
    posterior: Posterior
    card: Card
    artefact: Artefact
    factor: float
    silent: float
    scanned: int
    unscanned: int
    names_read: int
    names_unread: int
    names_left: Left = NONE_LEFT
    rates: Mapping[str, float] = field(default_factory=dict)
    weights_times: float = 1.0
    once: dict[tuple[float, float], Floats] = field(init=False, default_factory=dict, compare=False, repr=False)

    def facts(self, entity: str) -> EntityFacts:
        """What is known of an entity; one that nobody described counts as critical and easy to guess."""
        known = self.entities.get(entity)
        return known if known else EntityFacts(entity, entity, self.terms.critical_weight, 1.0)

    def bits(self, entity: str) -> float:
        """Entropy of one value; a bundle is out no sooner than the member that is hardest to get."""
        return max(self.facts(member).bits for member in entity.split(BUNDLE_JOINT))

    def weight(self, entity: str) -> float:
        """Severity of one value before linkage; of a bundle, what it weighs beyond its members."""
        members = entity.split(BUNDLE_JOINT)
        own = sum(self.terms.severity.get(member, self.facts(member).weight) for member in members)
        return own if len(members) == 1 else max(0.0, self.terms.bundles.get(entity, 0.0) - own)

    def silent_of(self, entity: str) -> float:
        """An entity's part of `silent`, which entities of the same marks share.

        Telling official numbers apart by country would otherwise raise the risk of a dataset that holds none.
        """
        marks = self.facts(entity).special
        alike = sum(facts.special == marks for facts in self.entities.values()) if marks else 1
        return self.silent / max(1, alike)

    def critical(self, entity: str) -> bool:
        """Whether one value is bad enough to be counted on its own; bundles count through their members."""
        return BUNDLE_JOINT not in entity and self.weight(entity) >= self.terms.critical_weight


@dataclass(frozen=True, slots=True)
class Quality:
    """Draws of how well one entity is detected.

    Attributes:
        precision: by bin of confidence, shape (bins, draws).
        recall: shape (draws,).
        share: values missed for each one found that occurs 1, 2, … times, shape (i, draws).
    """

    precision: Floats
    recall: Floats
    share: Floats


@dataclass(frozen=True, slots=True)
class Leak:
    """What one entity gives up to an attacker with so many queries; draws, shape (draws,).

    Attributes:
        harm: severity-weighted values extracted.
        extracted: values extracted, the missed among them.
        excess: values extracted beyond what guessing alone would hit.
        worst: chance that the worst-off critical value is real and extracted.
        none: log of the chance that no critical value is extracted.
    """

    harm: Floats
    extracted: Floats
    excess: Floats
    worst: Floats
    none: Floats


@dataclass(frozen=True, slots=True)
class EntityRisk:
    """One entity's part of the risk.

    Attributes:
        entity: name, or joined names of a bundle.
        critical: whether it is limited on its own.
        distinct: values found.
        beside: those of them that stand beside an identifier of a person.
        max_occurrences: d of the most frequent.
        real: draws of how many of them are real.
        missed: draws of how many values were missed.
        some: chance that at least one of them is real.
        some_beside: chance that at least one that stands beside an identifier is real.
        leaks: by the attacker's queries per target.
    """

    entity: str
    critical: bool
    distinct: int
    beside: int
    max_occurrences: int
    real: Floats
    missed: Floats
    some: float
    some_beside: float
    leaks: dict[float, Leak]


def counts_by_entity(histogram: Histogram, gone: Histogram, terms: Terms) -> dict[str, Counts]:
    """The histogram, split by entity; groups of quasi-identifiers are not an entity of their own.

    Args:
        histogram: values present.
        gone: values found and redacted.
        terms: for the factors of linkage.
    """
    present, redacted = dict(_slices(histogram)), dict(_slices(gone))
    return {
        entity: _counts(histogram, present.get(entity), gone, redacted.get(entity), terms.linkage.factors, entity)
        for entity in sorted(present.keys() | redacted.keys())
        if entity != QUASI
    }


def entity_risk(entity: str, counts: Counts, setting: Setting, queries: tuple[float, ...]) -> EntityRisk:
    """What one entity gives up to each attacker."""
    recall, precision = setting.posterior.recall(entity), setting.posterior.precision(entity)
    quality = Quality(precision, recall, _share_missed(counts.occurrences.max(initial=0), recall))
    silent = _silent(entity, counts, recall, setting)
    missed = _missed(counts, quality) + silent
    present = counts.distinct.sum(axis=0)
    return EntityRisk(
        entity=entity,
        critical=setting.critical(entity),
        distinct=round(float(present.sum())),
        beside=round(float(counts.beside.sum())),
        max_occurrences=int(counts.occurrences[counts.present.any(axis=1)].max(initial=0)),
        real=present @ precision,
        missed=missed,
        some=_some(present, precision),
        some_beside=_some(counts.beside, precision),
        leaks={q: _leak(entity, counts, quality, silent, setting, q) for q in sorted(set(queries))},
    )


def chances(
    occurrences: Floats, recall: Floats | float, setting: Setting, bits: float, queries: float, *, guessed: bool = False
) -> Floats:
    """p(d/ρ): chance that a value seen so often is extracted, shape (k, draws); 1 for released shards.

    Args:
        occurrences: d, shape (k,).
        recall: ρ, of what counted d.
        setting: of the case.
        bits: entropy of the value.
        queries: of the attacker per target.
        guessed: whether a privacy budget is to count the value as one that is as good as guessed.
    """
    draws = len(setting.constants.level)
    if setting.artefact is Artefact.DATA:
        return np.ones((len(occurrences), draws))
    true = occurrences[:, None] / np.broadcast_to(np.asarray(recall, dtype=np.float64), (draws,))
    chance = extraction(np.log10(true), setting.constants, setting.terms.exposure, setting.card, queries, bits)
    if setting.card.dp_epsilon is None:
        return chance
    least = 1.0 if guessed else bits
    return np.minimum(chance, private_bound(true * setting.card.epochs, setting.card, least, queries))


def rounded_up(occurrences: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Occurrences above `PRECISE_UP_TO`, rounded up to eight binary digits; the others as they are."""
    _, exponent = np.frexp(np.maximum(occurrences, 1).astype(np.float64))
    step = np.int64(1) << np.maximum(exponent.astype(np.int64) - 9, 0)
    rounded = -(-occurrences // step) * step
    return np.where(occurrences > PRECISE_UP_TO, rounded, occurrences)


def _slices(histogram: Histogram) -> Iterator[tuple[str, slice]]:
    """Where each entity's rows stand; the histogram is sorted by entity."""
    if not len(histogram):
        return
    names = histogram.entity
    starts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    for start, end in pairwise(starts):
        yield str(names[start]), slice(start, end)


def _counts(
    histogram: Histogram,
    present: slice | None,
    gone: Histogram,
    redacted: slice | None,
    factors: tuple[float, float, float],
    entity: str,
) -> Counts:
    parts = [part for part in ((histogram, present), (gone, redacted)) if part[1] is not None]
    occurrences = np.unique(rounded_up(np.concatenate([source.occurrences[rows] for source, rows in parts])))
    there = _gather(histogram, present, occurrences, factors, entity)
    removed = _gather(gone, redacted, occurrences, factors, entity)
    return Counts(
        occurrences=occurrences.astype(np.float64),
        distinct=there.distinct,
        linked=there.linked,
        gone=removed.distinct,
        gone_linked=removed.linked,
        beside=there.beside,
        present=there.known > 0,
        known=there.known,
        known_linked=there.known_linked,
    )


@dataclass(frozen=True, slots=True)
class _Gathered:
    """Values by occurrences and bin, named as in `Counts`."""

    distinct: Floats
    linked: Floats
    beside: Floats
    known: Floats
    known_linked: Floats


def _gather(
    source: Histogram,
    rows: slice | None,
    occurrences: npt.NDArray[np.int64],
    factors: tuple[float, float, float],
    entity: str,
) -> _Gathered:
    shape = (len(occurrences), BINS)
    if rows is None:
        return _Gathered(np.zeros(shape), np.zeros(shape), np.zeros(BINS), np.zeros(shape), np.zeros(shape))
    linkage = source.linkage[rows]
    if BUNDLE_JOINT in entity:
        linkage = np.maximum(linkage, np.int8(Linkage.BESIDE_ONE))
    bins = source.confidence_bin[rows]
    places = np.searchsorted(occurrences, rounded_up(source.occurrences[rows])) * BINS + bins
    values = source.distinct[rows].astype(np.float64)
    known, factor = np.maximum(values, 1.0), np.array(factors)[linkage]

    def placed(weights: Floats) -> Floats:
        return _sums(places, weights, shape[0] * BINS).reshape(shape)

    beside = linkage > Linkage.ALONE
    counted = _sums(bins, values * beside, BINS)
    return _Gathered(
        distinct=placed(values),
        linked=placed(values * factor),
        beside=np.where(counted > 0.0, counted, np.minimum(_sums(bins, known * beside, BINS), 1.0)),
        known=placed(known),
        known_linked=placed(known * factor**2),
    )


def _sums(places: npt.NDArray[Any], values: Floats, length: int) -> Floats:
    """Values added up by place, shape (length,)."""
    return np.asarray(np.bincount(places, weights=values, minlength=length), dtype=np.float64)


def _some(values: Floats, precision: Floats) -> float:
    """Chance that at least one of so many values by bin is real."""
    if not values.any():
        return 0.0
    certain = precision >= 1.0
    logs = np.where(certain, 0.0, np.log1p(-np.where(certain, 0.0, precision)))
    none = np.where((values[:, None] * certain).any(axis=0), 0.0, np.exp(values @ logs))
    return float(1.0 - none.mean())


def _share_missed(most: float, recall: Floats) -> Floats:
    """Values missed for each one found that occurs 1, 2, … times, up to `most`: 1/(1−(1−ρ)^d) − 1.

    Returns:
        Shape (i, draws), i at most `EXACT_UP_TO`.
    """
    grid = np.arange(1.0, min(EXACT_UP_TO, most) + 1.0)
    unseen = (1.0 - recall) ** grid[:, None]
    return np.asarray(unseen / (1.0 - unseen), dtype=np.float64)


def _places(occurrences: Floats, grid: Floats) -> npt.NDArray[np.int64]:
    """Where each number of occurrences stands in a grid that starts at 1; beyond its end, the last."""
    return np.minimum(occurrences, len(grid)).astype(np.int64) - 1


def _missed(counts: Counts, quality: Quality) -> Floats:
    """Draws of how many values were missed beside those that were found."""
    if not len(counts.occurrences):
        return np.zeros(len(quality.recall))
    by_place = np.zeros((len(quality.share), BINS))
    np.add.at(by_place, _places(counts.occurrences, quality.share), counts.distinct + counts.gone)
    return np.asarray((by_place @ quality.precision * quality.share).sum(axis=0))


def _silent(entity: str, counts: Counts, recall: Floats, setting: Setting) -> Floats:
    """Draws of how many values stand where nothing was found, and in text that was not read.

    The policy's `most_odds` holds the odds (1−ρ)/ρ: of a detector that was never measured their mean is infinite.
    """
    if BUNDLE_JOINT in entity:
        return np.zeros(len(recall))
    odds = np.minimum(setting.terms.missed.most_odds, (1.0 - recall) / recall)
    return setting.silent_of(entity) * odds + _unread(entity, counts, recall, setting)


def _unread(entity: str, counts: Counts, recall: Floats, setting: Setting) -> Floats:
    """Values expected in text that could not be read, at the upper end of the density found in the rest.

    Text that no detector read may hide any entity; text that only the patterns read, those of the names stage.
    """
    upper = float(gammaincinv(counts.distinct.sum() + counts.gone.sum() + 1.0, _UPPER))
    hidden = upper / recall * _ratio(setting.unscanned, setting.scanned)
    if setting.facts(entity).stage is Stage.NAMES:
        least = setting.terms.missed.unread_per_megabyte * setting.names_unread / _MEGABYTE
        hidden = hidden + np.maximum(upper / recall * _ratio(setting.names_unread, setting.names_read), least)
        hidden = hidden + _left(upper, setting.names_left) / recall
    return hidden * (setting.silent > 0)


def _left(upper: float, left: Left) -> float:
    """Distinct values of an entity in text that was left: of each finding there as many as of each that was read.

    The density of all findings of the names stage is carried over by its own bound, `left.most`, which knows that
    names stand in clusters; `upper` bounds the entity's share in them.
    """
    return left.most * min(1.0, upper / max(1, left.found))


def _ratio(unread: int, read: int) -> float:
    """Bytes not read for each byte read; 0 where nothing was, since there is no density to carry over."""
    return unread / read if read else 0.0


def _leak(entity: str, counts: Counts, quality: Quality, silent: Floats, setting: Setting, queries: float) -> Leak:
    bits = setting.bits(entity)
    recall, critical = quality.recall, setting.critical(entity)
    sums = _summed(counts, quality, setting, bits, queries, critical)
    worst = _worst(counts, quality, setting, bits, queries) if critical else np.zeros(len(recall))
    if entity in setting.rates:
        sums = _as_sampled(entity, sums, counts, quality, setting, queries)
        sums["none"] = np.minimum(sums["none"], np.log1p(-np.minimum(worst, _CERTAIN)))
    silent = silent * _once(setting, bits, queries)
    most = capacity(setting.terms.exposure, setting.card, bits) if setting.artefact is Artefact.MODEL else np.inf
    cost = setting.weight(entity) * setting.factor * setting.weights_times
    factors = setting.terms.linkage
    return Leak(
        harm=cost * np.minimum(sums["harm"] + factors.beside_one * silent, factors.beside_more * most),
        extracted=np.minimum(sums["extracted"] + silent, most),
        excess=np.minimum(sums["excess"], most),
        worst=worst,
        none=sums["none"] - (sums["missed"] + silent) * critical,
    )


def _once(setting: Setting, bits: float, queries: float) -> Floats:
    """Chance that a value of so many bits that occurs once is extracted, worked out once a setting."""
    if (bits, queries) not in setting.once:
        setting.once[bits, queries] = chances(np.ones(1), 1.0, setting, bits, queries)[0]
    return setting.once[bits, queries]


def _summed(
    counts: Counts, quality: Quality, setting: Setting, bits: float, queries: float, critical: bool
) -> dict[str, Floats]:
    """Sums over all values, a chunk of occurrences at a time; `none` for critical entities alone."""
    precision, recall = quality.precision, quality.recall
    sums = {name: np.zeros(len(recall)) for name in ("harm", "extracted", "excess", "missed", "none")}
    if not len(counts.occurrences):
        return sums
    for rows, found, whole in _exposures(counts, quality, setting, bits, queries):
        _add(sums, counts, rows, found, whole, precision)
        sums["excess"] += _excess(counts, rows, found, precision, guessing(bits, queries))
        if critical:
            sums["none"] += _log_none(counts.distinct[rows], found, precision)
    return sums


def _exposures(
    counts: Counts, quality: Quality, setting: Setting, bits: float, queries: float
) -> Iterator[tuple[slice, Floats, Floats]]:
    """Rows of `counts` a chunk at a time, with the exposure of a value and of it and those missed beside it."""
    peak = _peaks(quality, setting, bits, queries)
    for rows in _chunks(len(counts.occurrences), len(quality.recall)):
        occurrences = counts.occurrences[rows]
        found = chances(occurrences, quality.recall, setting, bits, queries)
        yield rows, found, _with_missed(occurrences, found, quality.share, peak)


def _as_sampled(
    entity: str, sums: dict[str, Floats], counts: Counts, quality: Quality, setting: Setting, queries: float
) -> dict[str, Floats]:
    """The sums with a draw of the error that sampling the values makes: normal, the same one for all sums of an entity.

    Of Σ g/θ over the values kept the variance is (1−θ)/θ·Σ g² over all values, where that of the values kept, over θ,
    and of those that are known beside them, stands in for all (Horvitz and Thompson 1952, Poisson sampling).
    """
    rate, draws = setting.rates[entity], len(quality.recall)
    squares = _squared(counts, quality, setting, setting.bits(entity), queries)
    error = np.random.default_rng([setting.terms.seed, 2, zlib.crc32(entity.encode())]).standard_normal(draws)
    moved = {name: error * np.sqrt((1.0 - rate) / rate * square) for name, square in squares.items()}
    return {
        name: np.minimum(total - moved[name], 0.0) if name == "none" else np.maximum(total + moved[name], 0.0)
        for name, total in sums.items()
    }


def _squared(counts: Counts, quality: Quality, setting: Setting, bits: float, queries: float) -> dict[str, Floats]:
    """Sums over all values of the squares of what each adds to the sums of the same names."""
    squares = {name: np.zeros(len(quality.recall)) for name in ("harm", "extracted", "excess", "missed", "none")}
    weights, guess = quality.precision**2, guessing(bits, queries)
    for rows, found, whole in _exposures(counts, quality, setting, bits, queries):
        plain, linked = counts.known[rows] @ weights, counts.known_linked[rows] @ weights
        squares["harm"] += np.einsum("ij,ij->j", linked, whole**2)
        squares["extracted"] += np.einsum("ij,ij->j", plain, whole**2)
        squares["missed"] += np.einsum("ij,ij->j", plain, (whole - found) ** 2)
        squares["excess"] += np.einsum("ij,ij->j", plain, np.maximum(found - guess, 0.0) ** 2)
        squares["none"] += _log_none(counts.known[rows], found, quality.precision, power=2)
    return squares


def _add(sums: dict[str, Floats], counts: Counts, rows: slice, found: Floats, whole: Floats, precision: Floats) -> None:
    """Add up one chunk: `whole` counts a value and those missed beside it, `whole - found` the missed alone."""
    missed = whole - found
    present, linked = counts.distinct[rows] @ precision, counts.linked[rows] @ precision
    sums["extracted"] += np.einsum("ij,ij->j", present, whole)
    sums["missed"] += np.einsum("ij,ij->j", present, missed)
    sums["harm"] += np.einsum("ij,ij->j", linked, whole)
    if counts.gone[rows].any():
        gone = np.einsum("ij,ij->j", counts.gone[rows] @ precision, missed)
        sums["extracted"] += gone
        sums["missed"] += gone
        sums["harm"] += np.einsum("ij,ij->j", counts.gone_linked[rows] @ precision, missed)


def _peaks(quality: Quality, setting: Setting, bits: float, queries: float) -> Floats:
    """Greatest p(j/ρ)·(1 + missed share of j) over j = 1..i+1, shape (i, draws)."""
    grid = np.arange(1.0, len(quality.share) + 1.0)
    whole = chances(grid, quality.recall, setting, bits, queries) * (1.0 + quality.share)
    return np.maximum.accumulate(whole, axis=0)


def _with_missed(occurrences: Floats, found: Floats, share: Floats, peak: Floats) -> Floats:
    """Exposure of a value together with those missed beside it, never falling in occurrences.

    p(d/ρ)/(1−(1−ρ)^d) itself can fall when d rises (what occurs often is seldom missed), so that a finding more
    would lower the risk; its running maximum does not.
    """
    places = _places(occurrences, share)
    return np.maximum(found * (1.0 + share[places]), peak[places])


def _excess(counts: Counts, rows: slice, found: Floats, precision: Floats, guess: float) -> Floats:
    return np.asarray(((counts.distinct[rows] @ precision) * np.maximum(found - guess, 0.0)).sum(axis=0))


def _log_none(distinct: Floats, found: Floats, precision: Floats, power: int = 1) -> Floats:
    """Σ n·log(1 − π·p), shape (draws,), or that of the logarithm's square."""
    total = np.zeros(found.shape[1])
    for index in np.flatnonzero(distinct.any(axis=0)):
        leaking = np.minimum(precision[index] * found, _CERTAIN)
        total += distinct[:, index] @ (np.log1p(-leaking) ** power)
    return total


def _worst(counts: Counts, quality: Quality, setting: Setting, bits: float, queries: float) -> Floats:
    """Greatest π·p over the values present: in each bin that of its most frequent value."""
    worst = np.zeros(len(quality.recall))
    for index in np.flatnonzero(counts.present.any(axis=0)):
        most = counts.occurrences[counts.present[:, index]].max()
        chance = chances(np.array([most]), quality.recall, setting, bits, queries)[0]
        worst = np.maximum(worst, quality.precision[index] * chance)
    return worst


def _chunks(rows: int, draws: int) -> Iterator[slice]:
    step = max(1, _CHUNK // draws)
    for start in range(0, rows, step):
        yield slice(start, start + step)
