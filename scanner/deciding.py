"""Deciding early: which units the names stage reads, in which order, and when more could not change the verdict.

The patterns have read everything. Units whose findings weigh more beside a name are read first, all of them; the
others are drawn in a seeded random order, each with a chance in proportion to the names that it can hold. After
growing numbers of units the verdict is found for the least and for the most that the rest may hold
(`risk.betting`), as values not seen before and as repetitions of those that were (at the least end no more of them
than the units drawn allow for, `fresh`), and with every value of the rest linked as strongly as can be. Risk never
falls when findings are added, so the verdict of the full scan lies between; where both ends agree it is decided.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from scanner.assemble import Scanned, case_of
from scanner.entities import BUNDLE_JOINT, Entities, of_names
from scanner.model import Artefact, Tier
from scanner.policy import reachable
from scanner.risk import NONE_LEFT, Case, Left, assess
from scanner.risk.betting import Drawn, bounds
from scanner.rulebook import Rulebook
from scanner.tally import Tally
from scanner.values import Histogram

ALPHA = 0.01
"""Chance that the rest holds more than its upper bound, over all looks; the same for its lower bound."""

FIRST_LOOK = 8
GROWTH = 1.2
"""Units drawn between two looks: looking often does no harm to the bounds, but each look merges all value tables."""

SAFE = 2.33
"""Standard errors, one side of which one in a hundred is beyond."""

BYTES_A_NAME = 256
"""Names written small have no capitals: for so many bytes one more is thought possible."""


@dataclass(frozen=True, slots=True)
class Order:
    """Units by name, in the order in which the names stage reads them.

    Attributes:
        first: those that are read in any case.
        drawn: the others, in random order.
    """

    first: tuple[str, ...]
    drawn: tuple[str, ...]

    def upto(self, look: int) -> tuple[str, ...]:
        """Units that are read before the look: `first`, and so many of the others."""
        return self.first + self.drawn[:look]


def order(tallies: Mapping[str, Tally], seed: str) -> Order:
    """The order of the units that have text for the names stage; the same for the same seed.

    Args:
        tallies: counts of the patterns, by unit.
        seed: any text.
    """
    first = [name for name, tally in tallies.items() if tally.gated]
    rest = tallies.keys() - set(first)
    return Order(tuple(sorted(first)), tuple(sorted(rest, key=lambda name: (_clock(name, tallies[name], seed), name))))


def looks(units: int) -> Iterator[int]:
    """After how many units drawn to look, from none to all."""
    look = 0
    while look < units:
        yield look
        look = max(look + FIRST_LOOK, math.ceil(look * GROWTH))
    yield units


def weight(tally: Tally) -> float:
    """How many names a unit can hold, as its capital letters tell."""
    return 1.0 + tally.capitals + tally.scanned_bytes / BYTES_A_NAME


def left(tallies: Mapping[str, Tally], order: Order, look: int, entities: Entities) -> tuple[Left, Left]:
    """Least and most that the units not drawn may hold.

    A unit that was drawn and could not be read counts as holding all the names that it can.

    Args:
        tallies: counts by unit: of patterns and names for those that were read.
        order: of the units.
        look: how many were drawn.
        entities: tells what the names stage finds.
    """
    read, unread = order.drawn[:look], order.drawn[look:]
    held = [weight(tally) if (tally := tallies[name]).names_left else named(tally, entities) for name in read]
    weights = [weight(tallies[name]) for name in read]
    rest = math.fsum(weight(tallies[name]) for name in unread)
    least, most = bounds(Drawn(np.array(held, float), np.array(weights, float), rest), ALPHA)
    failed = math.fsum(w for w, name in zip(weights, read, strict=True) if tallies[name].names_left)
    size = sum(tally.names_left for tally in tallies.values())
    found = sum(named(tallies[name], entities) for name in order.upto(look) if not tallies[name].names_left)
    return Left(size, found, least), Left(size, found, most + failed)


@dataclass(frozen=True, slots=True)
class Seen:
    """Values of the names stage in the units drawn, without those that the units read in any case hold.

    Attributes:
        once: by unit drawn, how many of its values no other one holds.
        twice: how many values just two of them hold.
    """

    once: tuple[int, ...] = ()
    twice: int = 0


def fresh(tallies: Mapping[str, Tally], order: Order, look: int, seen: Seen) -> float:
    """How many values that no unit drawn holds the rest holds at least.

    A text in which the units drawn seldom share a value has many others. By f₁ values seen in one unit and f₂ in two,
    f₁²/2f₂ are unseen at least, of which the rest shows its part (Chao 1987; Chao and others, "Rarefaction and
    extrapolation with Hill numbers", 2014). Both counts are taken at the safe end of their spread between units; that
    is an approximation, whose errors are on the strict side: no more than the least end rests on it.
    """
    units = len(seen.once)
    if units < 2:
        return 0.0
    once, spread = sum(seen.once), math.sqrt(units * float(np.var(seen.once, ddof=1)))
    low = once - SAFE * spread
    if low <= 0.0:
        return 0.0
    high = seen.twice + SAFE * math.sqrt(max(1, seen.twice) * max(1.0, spread**2 / once))
    unseen = low**2 / (2.0 * high)
    drawn, rest = (
        math.fsum(weight(tallies[name]) for name in part) for part in (order.drawn[:look], order.drawn[look:])
    )
    return unseen * -math.expm1(units * rest / drawn * math.log1p(-low / (units * unseen + low)))


def named(tally: Tally, entities: Entities) -> int:
    """Findings of entities that the names stage finds."""
    return sum(count.count for (entity, _), count in tally.findings.items() if of_names(entity, entities))


def decided(
    scanned: Scanned,
    least: Left,
    most: Left,
    rulebook: Rulebook,
    artefact: Artefact,
    unseen: float = 0.0,
) -> bool:
    """Whether the tier is the same whatever the rest holds.

    Args:
        scanned: what is known so far, with `names_left` as `most`; its values of the units not read are merged as such
            that may be linked as strongly as can be.
        least: least that the rest may hold.
        most: most that it may hold.
        rulebook: policy, calibration and entities.
        artefact: what would be released.
        unseen: values not seen so far that the rest holds at least, from `fresh`.
    """
    case = case_of(scanned, rulebook, artefact)
    linked = scanned.merged.linked or case.state.histogram

    def tier_of(one: Case) -> Tier:
        return reachable(assess(one), one, rulebook.policy)

    tier = tier_of(case)
    new = 1.0 + unseen / max(1, _values(case.state.histogram, case.entities))
    return all(tier_of(one) is tier for one in _grown_by(case, least, NONE_LEFT, new)) and all(
        tier_of(one).openness >= tier.openness for one in _most_cases(case, linked, most)
    )


def _most_cases(case: Case, linked: Histogram, most: Left) -> Iterator[Case]:
    """The case at the upper end of what the rest may hold: all new values, or none, whichever risks more."""
    kept = NONE_LEFT if most.found else most
    return _grown_by(replace(case, state=replace(case.state, histogram=linked)), most, kept, 1.0)


def _grown_by(case: Case, end: Left, kept: Left, new: float) -> Iterator[Case]:
    """The case with what the rest holds: all of it new values, and no more new ones than by a factor.

    Args:
        case: with the histogram that is to grow.
        end: what the rest holds.
        kept: what is still left then.
        new: least factor by which the number of values grows.
    """
    findings = 1.0 + end.most / max(1, end.found)
    for values in (findings, min(findings, new)):
        histogram = _grown(case.state.histogram, values, findings / values, case.entities)
        yield replace(case, state=replace(case.state, histogram=histogram, names_left=kept))


def _values(histogram: Histogram, entities: Entities) -> int:
    """Values that the names stage found."""
    return sum(distinct for entity, *_, distinct in histogram.cells() if _is_name(entity, entities))


def _is_name(entity: str, entities: Entities) -> bool:
    return BUNDLE_JOINT not in entity and of_names(entity, entities)


def _grown(histogram: Histogram, values: float, occurrences: float, entities: Entities) -> Histogram:
    """The histogram with so many times the values of the names stage, each so many times as often."""
    cells = [
        (entity, linkage, confidence, math.ceil(d * occurrences), math.ceil(distinct * values))
        if of_names(entity, entities)
        else (entity, linkage, confidence, d, distinct)
        for entity, linkage, confidence, d, distinct in histogram.cells()
    ]
    return Histogram.of(cells)


def _clock(name: str, tally: Tally, seed: str) -> float:
    """When a unit's clock rings: earlier for heavier units, so that the order is a weighted draw without replacement.

    Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006).
    """
    digest = hashlib.blake2b(f"{seed}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    even = (int.from_bytes(digest, "big") + 0.5) / 2.0**64
    return -math.log(even) / weight(tally)
