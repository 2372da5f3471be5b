"""How much `--until-decided` reads, and whether its verdict is that of the full scan: simulated units, real decisions.

`python benchmarks/until_decided.py [--seeds 100] [--only 3 4] [--units 8000]`

A corpus of 1 GB is drawn once for each scenario, in 8,000 units as a scan draws them: how many capital letters a unit
has, which names stand in it, how often and how linked. The order of reading, the bounds, the looks and the verdicts are
the program's own, with 500 draws instead of 2,000. For each seed of the order: the bytes read for names when it stops,
and its tier beside that of a full scan.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # not this folder: its modules have names of the standard library

from scanner import deciding  # noqa: E402
from scanner.assemble import Scanned, case_of  # noqa: E402
from scanner.evidence import ScanPart  # noqa: E402
from scanner.merge import Merged  # noqa: E402
from scanner.model import Artefact, Dataset, ModelCard, Provenance, Tier  # noqa: E402
from scanner.policy import reachable  # noqa: E402
from scanner.risk import NONE_LEFT, Left, assess  # noqa: E402
from scanner.rulebook import Rulebook, load_rulebook  # noqa: E402
from scanner.tally import FindingCount, Tally  # noqa: E402
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
        units: of equal size that the corpus has.
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
    """Names by unit: rows of person and linkage; and the tallies of patterns and names."""

    scenario: Scenario
    persons: list[np.ndarray]
    linkages: list[np.ndarray]
    mails: np.ndarray
    capitals: np.ndarray

    @classmethod
    def drawn(cls, scenario: Scenario, rng: np.random.Generator) -> Corpus:
        units = scenario.units
        share = 1_000 / units
        carries = rng.random(units) < scenario.carrying
        # What a unit holds varies by a factor of about two around the average.
        counts = np.where(carries, rng.poisson(scenario.names * share * rng.lognormal(-0.25, 0.7, units)), 0)
        rank = 1.0 / np.arange(1, scenario.people + 1)
        rank /= rank.sum()
        persons = [rng.choice(scenario.people, count, p=rank) for count in counts]
        linkages = [rng.choice(3, count, p=(0.6, 0.3, 0.1)).astype(np.int8) for count in counts]
        capitals = rng.poisson(15_000 * share * rng.lognormal(-0.1, 0.45, units)) + 2 * counts
        return cls(scenario, persons, linkages, rng.poisson(scenario.mails * share, units), capitals)

    @property
    def unit_bytes(self) -> int:
        return SIZE_BYTES // self.scenario.units

    def tally(self, unit: int, *, read: bool) -> Tally:
        count = len(self.persons[unit]) if read else 0
        return Tally(
            scanned_bytes=self.unit_bytes,
            names_read={"en": self.unit_bytes} if read else {},
            names_left=0 if read else self.unit_bytes,
            capitals=int(self.capitals[unit]),
            findings={("PERSON", "text"): FindingCount(count)} if count else {},
        )

    def seen(self, read: np.ndarray) -> deciding.Seen:
        """Persons by how many of the units read they stand in."""
        each = [np.unique(self.persons[unit]) for unit in read]
        if not each:
            return deciding.Seen()
        owner = np.repeat(np.arange(len(each)), [len(persons) for persons in each])
        _, place, units = np.unique(np.concatenate(each), return_inverse=True, return_counts=True)
        alone = np.bincount(owner[units[place] == 1], minlength=len(each))
        return deciding.Seen(tuple(alone.tolist()), int((units == 2).sum()))

    def histogram(self, read: np.ndarray, *, linked: bool = False) -> Histogram:
        """Of the units read; with `linked`, values of the others count as linked as strongly as can be."""
        cells: list[tuple[str, int, int, int, int]] = []
        if len(read):
            persons = np.concatenate([self.persons[unit] for unit in read])
            linkages = np.concatenate([self.linkages[unit] for unit in read])
            if len(persons):
                _, place, seen = np.unique(persons, return_inverse=True, return_counts=True)
                strongest = np.zeros(len(seen), np.int8)
                np.maximum.at(strongest, place, linkages)
                pairs, distinct = np.unique(np.stack([strongest, seen]), axis=1, return_counts=True)
                cells += [("PERSON", int(a), 4, int(d), int(n)) for (a, d), n in zip(pairs.T, distinct, strict=True)]
        inside = int(self.mails[read].sum()) if len(read) else 0
        outside = int(self.mails.sum()) - inside
        cells += [("EMAIL_ADDRESS", 0, 4, 1, inside)] if inside else []
        cells += [("EMAIL_ADDRESS", 2 if linked else 0, 4, 1, outside)] if outside else []
        return Histogram.of(cells)


def scanned(corpus: Corpus, read: np.ndarray, left: Left) -> Scanned:
    found = corpus.histogram(read)
    named = {"en": len(read) * corpus.unit_bytes}
    tally = Tally(scanned_bytes=SIZE_BYTES, names_read=named, names_left=left.size_bytes)
    dataset = Dataset("simulated", corpus.scenario.provenance, model_card=CARD)
    return Scanned(dataset, IDENTITY, (), tally,
                   Merged(found, (), {}, linked=corpus.histogram(read, linked=True)), lambda columns, shards: found,
                   names_left=left)  # fmt: skip


def full_tier(corpus: Corpus, rulebook: Rulebook) -> tuple[Tier, float]:
    case = case_of(scanned(corpus, np.arange(corpus.scenario.units), NONE_LEFT), rulebook, Artefact.MODEL)
    assessment = assess(case)
    return reachable(assessment, case, rulebook.policy), assessment.public.at(0.95)["score"]


def early(corpus: Corpus, rulebook: Rulebook, seed: str) -> tuple[int, Tier]:
    """Units read for names, and the tier that the evidence would tell."""
    unread = {f"{unit:04}": corpus.tally(unit, read=False) for unit in range(corpus.scenario.units)}
    known = {f"{unit:04}": corpus.tally(unit, read=True) for unit in range(corpus.scenario.units)}
    order = deciding.order(unread, seed)
    for look in deciding.looks(corpus.scenario.units):
        names = order.drawn[:look]
        now = {**unread, **{name: known[name] for name in names}}
        least, most = deciding.left(now, order, look, rulebook.entities)
        read = np.array([int(name) for name in names], int)
        state = scanned(corpus, read, most)
        unseen = deciding.fresh(now, order, look, corpus.seen(read))
        if not most.size_bytes or deciding.decided(state, least, most, rulebook, Artefact.MODEL, unseen):
            case = case_of(state, rulebook, Artefact.MODEL)
            return look, reachable(assess(case), case, rulebook.policy)
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
        shares = np.array([look for look, _ in ends]) / scenario.units
        looser = sum(other.openness > tier.openness for _, other in ends)
        stricter = sum(other.openness < tier.openness for _, other in ends)
        yield (
            f"| {scenario.title} | {sum(map(len, corpus.persons)):,} | {tier} ({score:.1f}) | "
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
