"""Deciding early: what the names stage reads, in which order, and when more could not change the verdict.

The patterns have read everything. Units whose findings weigh more beside a name are read first, whole; of the others
lots (`lots`) are drawn in a seeded random order, each with a chance in proportion to the names that it can hold. After
growing numbers of lots the verdict is found for the least and for the most that the rest may hold (`risk.betting`),
as values not seen before and as repetitions of those that were (at the least end no more of them than the lots drawn
allow for, `fresh`), and with every value of the rest linked as strongly as can be. Risk never falls when findings are
added, so the verdict of the full scan lies between; where both ends agree it is decided.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from scanner.assemble import Scanned, case_of
from scanner.entities import BUNDLE_JOINT, Entities, of_names
from scanner.lots import LOTS, LotCount
from scanner.model import Artefact, Tier
from scanner.policy import reachable
from scanner.risk import NONE_LEFT, Case, Left, assess
from scanner.risk.betting import Drawn, bounds
from scanner.rulebook import Rulebook
from scanner.tally import Tally
from scanner.values import Histogram

Lot = tuple[str, int]
"""Name of a unit, and number of one of its lots."""

ALPHA = 0.01
"""Chance that the rest holds more than its upper bound, over all looks; the same for its lower bound."""

FIRST_LOOK = 64
GROWTH = 1.2
"""Lots drawn between two looks: looking often does no harm to the bounds, but each look merges all value tables."""

SAFE = 2.33
"""Standard errors, one side of which one in a hundred is beyond."""

BYTES_A_NAME = 256
"""Names written small have no capitals: for so many bytes one more is thought possible."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the names stage reads, in order.

    Attributes:
        first: units that are read in any case, whole.
        drawn: lots of the others, in random order.
        weights: how many names each of these lots can hold, in the same order.
    """

    first: tuple[str, ...]
    drawn: tuple[Lot, ...]
    weights: tuple[float, ...]

    def upto(self, look: int) -> dict[str, frozenset[int]]:
        """Lots that are read before the look, by unit: of `first` all, and so many others."""
        lots: dict[str, set[int]] = {unit: set(range(LOTS)) for unit in self.first}
        for unit, lot in self.drawn[:look]:
            lots.setdefault(unit, set()).add(lot)
        return {unit: frozenset(some) for unit, some in lots.items()}

    def beyond(self, look: int) -> tuple[Lot, ...]:
        """Lots that are not read before the look."""
        return self.drawn[look:]


def order(tallies: Mapping[str, Tally], seed: str) -> Order:
    """The order of all text for the names stage; the same for the same seed.

    Args:
        tallies: counts of the patterns, by unit.
        seed: any text.
    """
    first = [name for name, tally in tallies.items() if tally.gated]
    rest = {
        (name, lot): weight(tallies[name].lots[lot])
        for name in tallies.keys() - set(first)
        for lot in tallies[name].lots
    }
    drawn = sorted(rest, key=lambda lot: (_clock(lot, rest[lot], seed), lot))
    return Order(tuple(sorted(first)), tuple(drawn), tuple(rest[lot] for lot in drawn))


def looks(lots: int) -> Iterator[int]:
    """After how many lots drawn to look, from none to all."""
    look = 0
    while look < lots:
        yield look
        look = max(look + FIRST_LOOK, math.ceil(look * GROWTH))
    yield lots


def weight(lot: LotCount) -> float:
    """How many names a lot can hold, as its capital letters tell."""
    return 1.0 + lot.capitals + lot.size_bytes / BYTES_A_NAME


def left(tallies: Mapping[str, Tally], order: Order, look: int) -> tuple[Left, Left]:
    """Least and most that the lots not drawn may hold.

    A lot that was drawn and could not be read counts as holding all the names that it can.

    Args:
        tallies: counts by unit: of patterns and names for those that were read.
        order: of the lots.
        look: how many were drawn.
    """
    read = [tallies[unit].lots[lot] for unit, lot in order.drawn[:look]]
    weights, rest = np.array(order.weights[:look]), math.fsum(order.weights[look:])
    failed = np.array([lot.left > 0 for lot in read], bool)
    held = np.where(failed, weights, [lot.names for lot in read])
    least, most = bounds(Drawn(held, weights, rest), ALPHA)
    size = sum(tally.names_left for tally in tallies.values())
    first = [lot for unit in order.first for lot in tallies[unit].lots.values()]
    found = sum(lot.names for lot in (*first, *read) if not lot.left)
    return Left(size, found, least), Left(size, found, most + float(weights[failed].sum()))


@dataclass(frozen=True, slots=True)
class Seen:
    """Values of the names stage in the lots drawn, without those that the units read in any case hold.

    Attributes:
        once: by lot drawn, how many of its values no other one holds.
        twice: how many values just two of them hold.
    """

    once: tuple[int, ...] = ()
    twice: int = 0


def fresh(order: Order, look: int, seen: Seen) -> float:
    """How many values that no lot drawn holds the rest holds at least.

    A text in which the lots drawn seldom share a value has many others. By f₁ values seen in one lot and f₂ in two,
    f₁²/2f₂ are unseen at least, of which the rest shows its part (Chao 1987; Chao and others, "Rarefaction and
    extrapolation with Hill numbers", 2014). Both counts are taken at the safe end of their spread between lots; that
    is an approximation, whose errors are on the strict side: no more than the least end rests on it.
    """
    lots = len(seen.once)
    if lots < 2:
        return 0.0
    once, spread = sum(seen.once), math.sqrt(lots * float(np.var(seen.once, ddof=1)))
    low = once - SAFE * spread
    if low <= 0.0:
        return 0.0
    high = seen.twice + SAFE * math.sqrt(max(1, seen.twice) * max(1.0, spread**2 / once))
    unseen = low**2 / (2.0 * high)
    drawn, rest = (math.fsum(part) for part in (order.weights[:look], order.weights[look:]))
    return unseen * -math.expm1(lots * rest / drawn * math.log1p(-low / (lots * unseen + low)))


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
        scanned: what is known so far, with `names_left` as `most`; its values of units not read whole are merged as
            such that may be linked as strongly as can be.
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


def _clock(lot: Lot, weight: float, seed: str) -> float:
    """When a lot's clock rings: earlier for heavier lots, so that the order is a weighted draw without replacement.

    Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006).
    """
    unit, number = lot
    digest = hashlib.blake2b(f"{seed}\0{unit}\0{number}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    even = (int.from_bytes(digest, "big") + 0.5) / 2.0**64
    return -math.log(even) / weight
