"""Deciding early: which units the names stage reads, in which order, and when more could not change the verdict.

The patterns have read everything. Units whose findings weigh more beside a name are read first, all of them; the
others are drawn in a seeded random order, each with a chance in proportion to the names that it can hold. After
growing numbers of units the verdict is found for the least and for the most that the rest may hold
(`risk.betting`), as values not seen before and as repetitions of those that were, and with every value of the rest
linked as strongly as can be. Risk never falls when findings are added, so the verdict of the full scan lies between;
where both ends agree it is decided.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from scanner.assemble import Scanned, case_of
from scanner.entities import Entities, of_names
from scanner.model import Artefact
from scanner.policy import reachable
from scanner.risk import NONE_LEFT, Case, Left, assess
from scanner.risk.betting import Drawn, bounds
from scanner.rulebook import Rulebook
from scanner.tally import Tally
from scanner.values import Histogram

ALPHA = 0.01
"""Chance that the rest holds more than its upper bound, over all looks; the same for its lower bound."""

FIRST_LOOK = 8
GROWTH = 1.15
"""Units drawn between two looks: looking often does no harm to the bounds, but each look merges all value tables."""

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


def named(tally: Tally, entities: Entities) -> int:
    """Findings of entities that the names stage finds."""
    return sum(count.count for (entity, _), count in tally.findings.items() if of_names(entity, entities))


def decided(
    scanned: Scanned, linked: Histogram, least: Left, most: Left, rulebook: Rulebook, artefact: Artefact
) -> bool:
    """Whether the tier is the same whatever the rest holds.

    Args:
        scanned: what is known so far, with `names_left` as `most`.
        linked: its histogram with every value of the units not read linked as strongly as can be.
        least: least that the rest may hold.
        most: most that it may hold.
        rulebook: policy, calibration and entities.
        artefact: what would be released.
    """
    case = case_of(scanned, rulebook, artefact)
    tier = reachable(assess(case), case, rulebook.policy)
    variants = _variants(case, linked, least, most)
    return all(reachable(assess(one), one, rulebook.policy) is tier for one in variants)


def _variants(case: Case, linked: Histogram, least: Left, most: Left) -> Iterator[Case]:
    """The case at both ends of what the rest may hold, the ends that are likelier to differ first."""
    for histogram, end in ((case.state.histogram, least), (linked, most)):
        factor = 1.0 + end.most / max(1, end.found)
        for again in (False, True):
            grown = _grown(histogram, factor, case.entities, again=again)
            kept = end if end is most and not end.found else NONE_LEFT
            yield replace(case, state=replace(case.state, histogram=grown, names_left=kept))


def _grown(histogram: Histogram, factor: float, entities: Entities, *, again: bool) -> Histogram:
    """The histogram with so many times the names: each value seen more often, or more values like it."""
    cells = [
        (
            entity,
            linkage,
            confidence,
            math.ceil(occurrences * factor) if again and of_names(entity, entities) else occurrences,
            math.ceil(distinct * factor) if not again and of_names(entity, entities) else distinct,
        )
        for entity, linkage, confidence, occurrences, distinct in histogram.cells()
    ]
    return Histogram.of(cells)


def _clock(name: str, tally: Tally, seed: str) -> float:
    """When a unit's clock rings: earlier for heavier units, so that the order is a weighted draw without replacement.

    Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006).
    """
    digest = hashlib.blake2b(f"{seed}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    even = (int.from_bytes(digest, "big") + 0.5) / 2.0**64
    return -math.log(even) / weight(tally)
