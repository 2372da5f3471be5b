"""How much `--until-decided` reads, and whether its verdict is that of the full scan: simulated units, real decisions.

`python benchmarks/until_decided.py [--seeds 100] [--only 3 4] [--units 8000]`

A corpus of 1 GB is drawn once for each scenario, in 8,000 units of which a scan draws lots: how many capital letters
a lot has, which names stand in it, how often and how linked; names stand together in units. The order of reading, the
bounds, the looks and the verdicts are the program's own, with 500 draws instead of 2,000. For each seed of the order:
the bytes read for names when it stops, and its tier beside that of a full scan.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # not this folder: its modules have names of the standard library

from scanner import deciding  # noqa: E402
from scanner.assemble import Scanned, case_of  # noqa: E402
from scanner.evidence import ScanPart  # noqa: E402
from scanner.lots import LOTS, LotCount  # noqa: E402
from scanner.merge import Merged  # noqa: E402
from scanner.model import Artefact, Dataset, ModelCard, Provenance, Tier  # noqa: E402
from scanner.policy import reachable  # noqa: E402
from scanner.risk import NONE_LEFT, Left, assess  # noqa: E402
from scanner.rulebook import Rulebook, load_rulebook  # noqa: E402
from scanner.tally import Tally  # noqa: E402
from scanner.values import Histogram  # noqa: E402

SIZE_BYTES = 1_000_000_000
CARD = ModelCard(parameters=7e9, training_tokens=1e12, epochs=1)
IDENTITY = ScanPart(
    id="", started="", ended="", scanner_version="", rules_sha256="", models_sha256={}, policy_sha256="", key_id="k",
    engine="simulated",
)  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """A corpus in outline.

    Attributes:
        title: for people.
        provenance: of the text.
        carrying: share of the units that hold names.
        names: names in a megabyte of a unit that holds any, on average.
        people: persons that they are drawn from, by Zipf's law.
        mails: e-mail addresses in a megabyte, which the patterns find.
        units: of equal size that the corpus has, of sixteen lots each.
    """

    title: str
    provenance: Provenance
    carrying: float
    names: float
    people: int = 200_000
    mails: float = 0.0
    units: int = 8_000


SCENARIOS = (
    Scenario("private without consent, 5 % of the units carry names", Provenance.USER_PRIVATE, 0.05, 2_000),
    Scenario("public web, 5 % of the units carry names", Provenance.PUBLIC_WEB, 0.05, 2_000),
    Scenario("public web with e-mail, 5 % of the units carry names", Provenance.PUBLIC_WEB, 0.05, 2_000, mails=2),
    Scenario("licensed, 5 % of the units carry names", Provenance.LICENSED, 0.05, 2_000),
    Scenario("licensed, 5 % of every unit carries names", Provenance.LICENSED, 1.0, 100),
    Scenario("licensed, 5 % of the units are lists of names", Provenance.LICENSED, 0.05, 20_000, people=2_000_000),
    Scenario("licensed, hardly a name: 2 a megabyte in 5 % of the units", Provenance.LICENSED, 0.05, 2),
    Scenario("licensed, close to a limit: 60 a megabyte in 5 % of the units", Provenance.LICENSED, 0.05, 60),
)


@dataclass(frozen=True)
class Corpus:
    """Names by lot, one after the other, with the linkage of each; what else a lot holds; and its tallies.

    Attributes:
        scenario: in outline.
        persons: of each name, lot by lot.
        linkages: of each name.
        edges: where the names of each lot begin, and the end.
        mails: addresses in each lot.
        capitals: capital letters in each lot.
    """

    scenario: Scenario
    persons: np.ndarray
    linkages: np.ndarray
    edges: np.ndarray
    mails: np.ndarray
    capitals: np.ndarray

    @classmethod
    def drawn(cls, scenario: Scenario, rng: np.random.Generator) -> Corpus:
        """Names stand together in units; how many are in which of a unit's lots is chance."""
        units, lots = scenario.units, scenario.units * LOTS
        share = 1_000 / lots
        carries = rng.random(units) < scenario.carrying
        # What a unit holds varies by a factor of about two around the average.
        rate = np.where(carries, scenario.names * share * rng.lognormal(-0.25, 0.7, units), 0.0)
        counts = rng.poisson(np.repeat(rate, LOTS))
        rank = 1.0 / np.arange(1, scenario.people + 1)
        persons = rng.choice(scenario.people, counts.sum(), p=rank / rank.sum())
        linkages = rng.choice(3, counts.sum(), p=(0.6, 0.3, 0.1)).astype(np.int8)
        letters = rng.poisson(np.repeat(15_000 * share * rng.lognormal(-0.1, 0.45, units), LOTS))
        mails = rng.poisson(scenario.mails * share, lots)
        return cls(scenario, persons, linkages, np.append(0, counts.cumsum()), mails, letters + 2 * counts)

    @property
    def lot_bytes(self) -> int:
        return SIZE_BYTES // len(self.mails)

    def names(self, lots: np.ndarray) -> np.ndarray:
        """Places of the names in these lots."""
        begins, counts = self.edges[lots], np.diff(self.edges)[lots]
        return np.repeat(begins - np.append(0, counts.cumsum())[:-1], counts) + np.arange(counts.sum())

    def tally(self, unit: int, read: Collection[int] = ()) -> Tally:
        """Of one unit, where these of its lots were read for names."""
        first = unit * LOTS
        names = np.diff(self.edges[first : first + LOTS + 1]).tolist()
        size = self.lot_bytes
        lots = {
            lot: LotCount(size, capitals, 0 if lot in read else size, found if lot in read else 0)
            for lot, (capitals, found) in enumerate(
                zip(self.capitals[first : first + LOTS].tolist(), names, strict=True)
            )
        }
        return Tally(scanned_bytes=size * LOTS, names_left=sum(lot.left for lot in lots.values()), lots=lots)

    def seen(self, read: np.ndarray) -> deciding.Seen:
        """Persons by how many of the lots read they stand in."""
        persons = self.persons[self.names(read)]
        owner = np.repeat(np.arange(len(read)), np.diff(self.edges)[read])
        pairs = np.unique(np.stack([persons, owner]), axis=1)
        _, first, lots = np.unique(pairs[0], return_index=True, return_counts=True)
        alone = np.bincount(pairs[1, first[lots == 1]], minlength=len(read))
        return deciding.Seen(tuple(alone.tolist()), int((lots == 2).sum()))

    def histogram(self, read: np.ndarray, *, linked: bool = False) -> Histogram:
        """Of the lots read; with `linked`, values of units not read whole count as linked as strongly as can be."""
        cells: list[tuple[str, int, int, int, int]] = []
        places = self.names(read)
        _, place, seen = np.unique(self.persons[places], return_inverse=True, return_counts=True)
        strongest = np.zeros(len(seen), np.int8)
        np.maximum.at(strongest, place, 2 if linked else self.linkages[places])
        pairs, distinct = np.unique(np.stack([strongest, seen]), axis=1, return_counts=True)
        cells += [("PERSON", int(a), 4, int(d), int(n)) for (a, d), n in zip(pairs.T, distinct, strict=True)]
        if mails := int(self.mails.sum()):
            cells.append(("EMAIL_ADDRESS", 2 if linked else 0, 4, 1, mails))
        return Histogram.of(cells)


def scanned(corpus: Corpus, read: np.ndarray, left: Left) -> Scanned:
    found = corpus.histogram(read)
    linked = corpus.histogram(read, linked=True) if left.size_bytes else None
    named = {"en": len(read) * corpus.lot_bytes}
    tally = Tally(scanned_bytes=SIZE_BYTES, names_read=named, names_left=left.size_bytes)
    dataset = Dataset("simulated", corpus.scenario.provenance, model_card=CARD)
    merged = Merged(found, (), {}, linked=linked)
    return Scanned(dataset, IDENTITY, (), tally, merged, lambda columns, shards: found, names_left=left)


def full_tier(corpus: Corpus, rulebook: Rulebook) -> tuple[Tier, float]:
    case = case_of(scanned(corpus, np.arange(len(corpus.mails)), NONE_LEFT), rulebook, Artefact.MODEL)
    assessment = assess(case)
    return reachable(assessment, case, rulebook.policy), assessment.public.at(0.95)["score"]


def early(corpus: Corpus, rulebook: Rulebook, seed: str) -> tuple[float, Tier]:
    """Share of the text that is read for names, and the tier that the evidence would tell."""
    tallies = {f"{unit:05}": corpus.tally(unit) for unit in range(corpus.scenario.units)}
    order = deciding.order(tallies, seed)
    numbers, before = np.array([int(unit) * LOTS + lot for unit, lot in order.drawn]), 0
    for look in deciding.looks(len(order.drawn)):
        lots = order.upto(look)
        tallies |= {unit: corpus.tally(int(unit), lots[unit]) for unit, _ in order.drawn[before:look]}
        read, before = numbers[:look], look
        least, most = deciding.left(tallies, order, look)
        state = scanned(corpus, read, most)
        unseen = deciding.fresh(order, look, corpus.seen(read))
        if not most.size_bytes or deciding.decided(state, least, most, rulebook, Artefact.MODEL, unseen):
            case = case_of(state, rulebook, Artefact.MODEL)
            return look / len(order.drawn), reachable(assess(case), case, rulebook.policy)
    raise AssertionError("the last look reads all")


def lines(seeds: int, only: list[int], units: int) -> Iterator[str]:
    rulebook = load_rulebook(None, None, with_models=False)
    quick = replace(rulebook.policy, risk=replace(rulebook.policy.risk, draws=500))
    rulebook = replace(rulebook, policy=quick)
    yield f"1 GB in {units:,} units; {seeds} seeds of the order\n"
    yield "| corpus | names | full scan (p95) | read for names: median (95 %) | same verdict | looser | stricter |"
    yield "|---|---|---|---|---|---|---|"
    for number in only:
        scenario = replace(SCENARIOS[number], units=units)
        corpus = Corpus.drawn(scenario, np.random.default_rng(number))
        tier, score = full_tier(corpus, rulebook)
        ends = [early(corpus, rulebook, str(seed)) for seed in range(seeds)]
        shares = np.array([share for share, _ in ends])
        looser = sum(other.openness > tier.openness for _, other in ends)
        stricter = sum(other.openness < tier.openness for _, other in ends)
        yield (
            f"| {scenario.title} | {len(corpus.persons):,} | {tier} ({score:.1f}) | "
            f"{np.median(shares):.1%} ({np.quantile(shares, 0.95):.1%}) | "
            f"{seeds - looser - stricter} of {seeds} | {looser} | {stricter} |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--only", type=int, nargs="+", default=range(len(SCENARIOS)), help="scenarios, from 0")
    parser.add_argument("--units", type=int, default=8_000)
    asked = parser.parse_args()
    for line in lines(asked.seeds, asked.only, asked.units):
        print(line, flush=True)
